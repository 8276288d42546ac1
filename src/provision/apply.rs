//! Carries a plan out, step by step, and reads back what must be certain.

use std::time::Duration;

use super::confirm::PAUSES;
use super::connection::Connection;
use super::plan::{self, Step};
use super::standing::{About, Invitation, Person, Waiting};
use super::users::SETTLE;
use crate::base::context;
use crate::contract::{
    Account, Capabilities, Change, Deactivate, Draft, Error, Fulfilment, Held, Kind, Outcome, Request,
    Result, Role, State,
};
use crate::store::{self, Key, Lifecycle, Task, TaskState, Write};

impl Connection {
    /// Takes the steps in order, keeping `person` true after each. What has to be written besides the record is
    /// collected in `writes`.
    pub(super) async fn apply(
        &self,
        person: &mut Person,
        steps: Vec<Step>,
        writes: &mut Vec<Write>,
    ) -> Result<()> {
        for step in &steps {
            context::note_step(step.word());
        }
        let mut has_left = false;
        for step in steps {
            match step {
                Step::Create(draft) => {
                    let ended = self.create_step(person, draft, writes).await;
                    self.note_doubt(person, ended)?;
                }
                Step::Update(change) => match self.update_step(person, &change, writes).await {
                    // Access is gone, which is what counts; the app keeps what it would not change.
                    Err(error) if has_left => tracing::info!(
                        connection = self.name(),
                        error = error.message,
                        "a deactivated account could not be updated"
                    ),
                    ended => ended?,
                },
                Step::Deactivate => {
                    self.deactivate_step(person, writes).await?;
                    has_left = true;
                }
                Step::Reactivate => {
                    let ended = self.reactivate_step(person, writes).await;
                    self.note_doubt(person, ended)?;
                }
                Step::Rejoin(groups) => {
                    let ended = self.rejoin_step(person, &groups).await;
                    self.note_doubt(person, ended)?;
                }
                Step::Delete => self.delete_step(person, writes).await?,
                Step::Recall => self.call_off(person, &About::Remove, writes),
            }
        }
        Ok(())
    }

    /// A step that gives access and was never answered may still take effect, whatever the steps after it come to.
    fn note_doubt(&self, person: &mut Person, ended: Result<()>) -> Result<()> {
        if ended.as_ref().is_err_and(|error| error.kind == Kind::Unknown) {
            person.standing.unsettled_at = Some(self.now());
        }
        ended
    }

    async fn create_step(&self, person: &mut Person, draft: Draft, writes: &mut Vec<Write>) -> Result<()> {
        if !draft.active && !self.capabilities().accounts.create_inactive {
            // An account nobody may use yet needs none: it is created when it is activated.
            person.standing.remembered = Some(draft);
            person.standing.active = false;
            return Ok(());
        }
        let mut lost = false;
        let outcome = match self.adapter().create_account(&draft).await {
            Err(error) if error.kind == Kind::Conflict => self.take_over(person, &draft, error).await?,
            Err(error) if error.kind == Kind::Unknown => {
                lost = true;
                self.look_for(person, &draft, error).await?
            }
            Ok(Outcome::Done(account) | Outcome::Already(account) | Outcome::Invited(account))
                if account.id.is_empty() =>
            {
                let lost = Error::new(Kind::Unknown, "create_account", "the app did not tell the new id");
                self.look_for(person, &draft, lost).await?
            }
            other => other?,
        };
        if let Outcome::Waiting(request) = outcome {
            self.wait_for(person, About::Invite, request, writes);
            person.standing.active = true;
            person.standing.invitation = Invitation::Pending;
            // What was known of an account that is gone is not the state of the one to come.
            person.observed = None;
            return Ok(());
        }
        let invited = matches!(outcome, Outcome::Invited(_));
        let Some(told) = outcome.value() else { return Ok(()) };
        let rest = self.left_to_do(&draft, &told).filter(|_| lost);
        let missing = if lost { plan::not_in(&draft.groups, &told, self.capabilities()) } else { Vec::new() };
        let mut account = account_of(&draft);
        if self.capabilities().accounts.roles == Held::Tried {
            // Only what the app showed was taken.
            account.roles = None;
        }
        account.merge(told);
        if invited {
            account.state = Some(State::Invited);
        }
        writes.extend(self.groups_kept(&account.id, &person.record.id).await);
        self.call_off_residual(person, writes);
        person.standing.gone_at = None;
        person.begin_anew();
        self.observe(person, account);
        let finished = async {
            if let Some(rest) = rest {
                self.update_step(person, &rest, writes).await?;
            }
            self.rejoin_step(person, &missing).await
        };
        // The account is there: what fails now leaves the create unfinished, not undone.
        finished.await.map_err(|error| Error::new(Kind::Unknown, error.operation, error.message))?;
        person.standing.remembered = None;
        Ok(())
    }

    /// The roles a created account was to have and has not: an app may take them in a call of its own, which a lost
    /// answer keeps from being made.
    fn left_to_do(&self, draft: &Draft, told: &Account) -> Option<Change> {
        let have = told.roles.as_ref().filter(|_| self.capabilities().accounts.roles == Held::Yes)?;
        let is = |role: &Role, wanted: &str| {
            let names = [Some(&role.value), role.display.as_ref()];
            names.into_iter().flatten().any(|name| name.eq_ignore_ascii_case(wanted))
        };
        let has_all = draft.roles.iter().all(|wanted| have.iter().any(|role| is(role, wanted)));
        (!has_all).then(|| Change { roles: Some(draft.roles.clone()), ..Change::default() })
    }

    /// After a conflict: an account that was deleted here and only disabled there is taken over again, and a person
    /// who is known here is linked to the account somebody made by hand.
    ///
    /// Roles and names are set before the account works again, so that nobody comes back with an old role.
    async fn take_over(&self, person: &Person, draft: &Draft, conflict: Error) -> Result<Outcome<Account>> {
        let login = draft.email.as_deref().unwrap_or(&draft.user_name);
        let Some(found) = self.look_up(login).await? else {
            let hint = "; it does not show whom it has invited until they accept";
            let hint = if self.hides_invited() { hint } else { "" };
            return Err(Error { message: format!("{}{hint}", conflict.message), ..conflict });
        };
        let known = self.store().find(self.name(), store::Kind::User, &Key::Account(found.id.clone())).await;
        let Ok(known) = known else { return Err(conflict) };
        let is_known_here = person.record.version > 0;
        let nobodys = known
            .iter()
            .all(|record| record.lifecycle == Lifecycle::Deleted || record.id == person.record.id);
        if !nobodys || (known.is_empty() && !is_known_here) {
            return Err(conflict);
        }
        if self.may_be_removed_yet(&known) {
            let message = "the app may still remove the account that has the address; repeat the request";
            return Err(Error::new(Kind::Unavailable, "create_account", message));
        }
        if !draft.active && found.state() != State::Inactive {
            // Somebody gave it access in the app itself; that is not undone by a create.
            return Err(conflict);
        }
        let change = change_to(draft, &found, self.capabilities());
        let mut account = found.clone();
        if let Some(told) = self.adapter().update_account(&found, &change).await?.value() {
            lay_over(&mut account, &change);
            account.merge(told);
        }
        if draft.active && found.state() == State::Inactive {
            let answered = match self.adapter().reactivate(&account).await {
                Err(error) if error.kind.leaves_doubt() => self.seen_back(login, error).await,
                answered => answered,
            };
            if let Some(told) = answered?.value() {
                account.merge(told);
            }
            account.state = Some(State::Active);
        }
        Ok(Outcome::Done(account))
    }

    /// The account of `login`, where it gives access though the app ended that with `error`.
    ///
    /// # Errors
    /// `error` where it does not, and that nobody knows where it cannot be looked at.
    async fn seen_back(&self, login: &str, error: Error) -> Result<Outcome<Account>> {
        match self.look_up(login).await {
            Ok(Some(account)) if account.state() != State::Inactive => Ok(Outcome::Done(account)),
            Ok(_) => Err(error),
            Err(_) => Err(Error::new(Kind::Unknown, error.operation, error.message)),
        }
    }

    /// After a lost answer: looks whether the account is there, a few times, and never creates again. An app that cannot
    /// be asked twice in a row is not waited for: the journal goes on looking.
    async fn look_for(&self, person: &Person, draft: &Draft, lost: Error) -> Result<Outcome<Account>> {
        let login = draft.email.as_deref().unwrap_or(&draft.user_name);
        let mut unanswered = 0;
        for pause in PAUSES {
            if unanswered > 1 || pause >= context::remaining(Duration::from_secs(25)) {
                break;
            }
            tokio::time::sleep(pause).await;
            match self.look_up(login).await {
                Ok(Some(account)) if self.stood_before(&account, draft).await => {
                    let known = self.known_by(&account).await;
                    if self.capabilities().accounts.email_unique && !self.may_be_removed_yet(&known) {
                        // The app has one account of an address, so nothing was made: this is a conflict unheard of.
                        let conflict = Error::new(Kind::Conflict, "create_account", "the address is taken");
                        return self.take_over(person, draft, conflict).await;
                    }
                    unanswered = 0;
                }
                Ok(Some(account)) => return Ok(Outcome::Done(account)),
                Ok(None) => unanswered = 0,
                Err(_) => unanswered += 1,
            }
        }
        Err(lost)
    }

    /// Whether an account that was found cannot be what a create has just made: it is disabled, and the create gives
    /// access or somebody who was deleted here had it.
    async fn stood_before(&self, account: &Account, draft: &Draft) -> bool {
        if account.state() != State::Inactive || draft.active {
            return account.state() == State::Inactive;
        }
        let known = self.known_by(account).await;
        !known.is_empty() && known.iter().all(|record| record.lifecycle == Lifecycle::Deleted)
    }

    /// Who has an account here, or had it before they were deleted; nobody where that cannot be read.
    async fn known_by(&self, account: &Account) -> Vec<store::Record> {
        let key = Key::Account(account.id.clone());
        self.store().find(self.name(), store::Kind::User, &key).await.unwrap_or_default()
    }

    /// Whether a removal of their account that was never answered may come yet. Until then nobody gets the account, and
    /// one that is made may come into its place.
    fn may_be_removed_yet(&self, known: &[store::Record]) -> bool {
        known.iter().any(|record| {
            let asked_at = Person::read(record.clone()).standing.removal_unanswered_at;
            asked_at.is_some_and(|at| self.shared.clock.elapsed(at) < SETTLE)
        })
    }

    async fn update_step(&self, person: &mut Person, change: &Change, writes: &mut Vec<Write>) -> Result<()> {
        let current = self.linked_account(person, "update_account")?;
        match self.adapter().update_account(&current, change).await? {
            Outcome::Waiting(request) => {
                let role = change.roles.iter().flatten().next().cloned().unwrap_or_default();
                self.wait_for(person, About::Role(role), request, writes);
            }
            Outcome::Done(told) | Outcome::Already(told) | Outcome::Invited(told) => {
                let told = self.told_or_read(told, change, "update_account").await?;
                let mut account = current;
                lay_over(&mut account, change);
                account.merge(told);
                self.observe(person, account);
            }
        }
        Ok(())
    }

    async fn deactivate_step(&self, person: &mut Person, writes: &mut Vec<Write>) -> Result<()> {
        let account = self.linked_account(person, "deactivate")?;
        let answered = self.adapter().deactivate(&account).await;
        if let Some(request) = self.seen_out(&account, answered).await? {
            self.wait_for(person, About::Remove, request, writes);
            return Ok(());
        }
        person.standing.active = false;
        person.record.observed_at = Some(self.now());
        self.note_left(person, writes);
        let mut account = account;
        account.state = Some(State::Inactive);
        if self.capabilities().deactivate == Deactivate::ByRemoval {
            person.record.account = None;
            account.groups = None;
            writes.push(Write::ClearMemberships {
                connection: self.name().to_owned(),
                member: person.record.id.clone(),
            });
        }
        person.observed = Some(account);
        Ok(())
    }

    /// The account of a person, under the id it is linked by; the one that may have been made by hand meanwhile where
    /// somebody was asked to.
    fn linked_account(&self, person: &Person, operation: &'static str) -> Result<Account> {
        let account = person.account();
        if !account.id.is_empty() {
            return Ok(account);
        }
        if self.capabilities().deactivate == Deactivate::Task {
            return Ok(person.observed.clone().unwrap_or_else(|| self.account_by_hand(person)));
        }
        Err(Error::new(Kind::Unexpected, operation, "the person is linked to no account"))
    }

    /// Before the first call of a removal that goes from place to place: what stands is remembered, because an attempt
    /// that is cut off leaves less of it to the next one.
    pub(super) fn note_leaving(&self, person: &mut Person) {
        let begins = person.standing.unconfirmed_at.is_none() && person.standing.active;
        if begins && self.capabilities().deactivate == Deactivate::ByRemoval {
            person.standing.remembered = Some(remembered(person));
        }
    }

    /// Somebody has left: what they had is remembered, and what may be left behind is said.
    pub(super) fn note_left(&self, person: &mut Person, writes: &mut Vec<Write>) {
        let mut left = remembered(person);
        for group in person.standing.remembered.take().into_iter().flat_map(|before| before.groups) {
            if !left.groups.contains(&group) {
                left.groups.push(group);
            }
        }
        person.standing.remembered = Some(left);
        person.withdraw_invitation(self.now());
        self.note_residual(person, writes);
    }

    async fn reactivate_step(&self, person: &mut Person, writes: &mut Vec<Write>) -> Result<()> {
        let mut account = self.linked_account(person, "reactivate")?;
        let outcome = self.adapter().reactivate(&account).await?;
        let state = match outcome {
            Outcome::Waiting(request) => {
                self.wait_for(person, About::Invite, request, writes);
                return Ok(());
            }
            Outcome::Invited(_) => State::Invited,
            Outcome::Done(_) | Outcome::Already(_) => State::Active,
        };
        account.state = Some(state);
        if let Some(told) = outcome.value() {
            let told = self.told_or_read(told, &Change::default(), "reactivate").await?;
            if told.state == Some(State::Inactive) {
                let message =
                    format!("{} took the reactivation and shows no access", self.capabilities().app);
                return Err(Error::new(Kind::Unavailable, "reactivate", message));
            }
            account.merge(told);
        }
        self.call_off_residual(person, writes);
        person.standing.gone_at = None;
        self.observe(person, account);
        Ok(())
    }

    async fn delete_step(&self, person: &mut Person, writes: &mut Vec<Write>) -> Result<()> {
        let account = self.linked_account(person, "delete_account")?;
        let answered = self.adapter().delete_account(&account).await;
        let unanswered = answered.as_ref().is_err_and(|error| error.kind == Kind::Unknown);
        if let Some(request) = self.seen_out(&account, answered).await? {
            self.wait_for(person, About::Remove, request, writes);
            return Ok(());
        }
        person.standing.removal_unanswered_at = unanswered.then(|| self.now());
        person.record.account = None;
        person.record.observed_at = Some(self.now());
        person.standing.active = false;
        self.note_residual(person, writes);
        Ok(())
    }

    /// Lays what the app said of the account over what is known of it.
    pub(super) fn observe_change(&self, person: &mut Person, told: Account) {
        let mut account = person.account();
        account.merge(told);
        self.observe(person, account);
    }

    /// Takes over what the app said of the account.
    pub(super) fn observe(&self, person: &mut Person, account: Account) {
        self.follow_invitation(person, &account);
        person.record.account = Some(account.id.clone());
        person.record.observed_at = Some(self.now());
        person.standing.active = account.state() != State::Inactive;
        if !person.standing.active {
            person.standing.unconfirmed_at = None;
        }
        person.observed = Some(account);
    }

    /// Opens the task of a request that a person has to carry out, in place of the one it makes pointless.
    pub(super) fn wait_for(
        &self,
        person: &mut Person,
        about: About,
        request: Request,
        writes: &mut Vec<Write>,
    ) {
        let role = About::Role(String::new());
        match &about {
            // The removal takes the role with it.
            About::Role(_) if person.standing.waits_for(&About::Remove).is_some() => return,
            About::Remove => {
                self.call_off(person, &About::Invite, writes);
                self.call_off(person, &role, writes);
            }
            // The invitation names the role itself.
            About::Invite => self.call_off(person, &role, writes),
            About::Role(_) => {}
        }
        let asked = |waiting: &Waiting| waiting.about == about && waiting.instruction == request.instruction;
        if person.standing.waits_for(&about).is_some_and(asked) {
            return;
        }
        self.call_off(person, &about, writes);
        let instruction = request.instruction.clone();
        let task = Task {
            urgent: about == About::Remove,
            ..self.new_task(about.kind(), &person.record.id, person.mention(), request)
        };
        person.standing.waiting.push(Waiting { ticket: task.id.clone(), about, instruction });
        writes.push(Write::Task(task));
    }

    /// Cancels the open task of the same kind as `about`, if there is one.
    fn call_off(&self, person: &mut Person, about: &About, writes: &mut Vec<Write>) {
        if person.standing.waits_for(about).is_some() {
            person.standing.waiting.retain(|waiting| waiting.about.kind() != about.kind());
            writes.push(self.closing(dedupe(person, about), "superseded by a later request"));
        }
    }

    /// Opens a task for everything that may still give access and that no API removes.
    fn note_residual(&self, person: &mut Person, writes: &mut Vec<Write>) {
        if self.capabilities().fulfilment == Fulfilment::Manual {
            return;
        }
        for residual in self.capabilities().residual {
            person.standing.residual.push(residual.key.to_owned());
            if self.policy.accept_residual.iter().any(|key| key == residual.key) {
                continue;
            }
            let page = Some(residual.link.to_owned()).filter(|link| !link.is_empty());
            let request = Request {
                instruction: residual.instruction.to_owned(),
                owner: self.policy.residual_owner.clone(),
                link: self.policy.residual_link.clone().or(page),
            };
            writes.push(Write::Task(Task {
                dedupe: format!("residual:{}:{}", residual.key, person.record.id),
                ..self.new_task("residual_access", &person.record.id, person.mention(), request)
            }));
        }
        person.standing.residual.sort();
        person.standing.residual.dedup();
    }

    /// Somebody who has access again leaves nothing behind.
    fn call_off_residual(&self, person: &mut Person, writes: &mut Vec<Write>) {
        for key in std::mem::take(&mut person.standing.residual) {
            writes.push(
                self.closing(format!("residual:{key}:{}", person.record.id), "the person has access again"),
            );
        }
    }

    /// An open task for one resource and subject; without an owner of its own it is the connection's.
    pub(super) fn new_task(&self, kind: &str, resource: &str, person: String, request: Request) -> Task {
        Task {
            id: self.shared.ids.next(),
            connection: self.name().to_owned(),
            resource: resource.to_owned(),
            kind: kind.to_owned(),
            dedupe: format!("{kind}:{resource}"),
            instruction: request.instruction,
            person,
            urgent: false,
            owner: request.owner.or_else(|| self.policy.owner.clone()),
            link: request.link,
            state: TaskState::Open,
            created_at: self.now(),
            closed_at: None,
            closed_by: None,
            note: None,
            evidence: None,
        }
    }

    pub(super) fn closing(&self, dedupe: String, note: &str) -> Write {
        Write::CloseTask {
            connection: self.name().to_owned(),
            dedupe,
            state: TaskState::Cancelled,
            at: self.now(),
            by: "portcullis".to_owned(),
            note: Some(note.to_owned()),
            evidence: None,
        }
    }
}

/// The key that keeps one open task a person and subject.
pub(super) fn dedupe(person: &Person, about: &About) -> String {
    format!("{}:{}", about.kind(), person.record.id)
}

/// What a reactivation restores: the roles and groups that stood.
fn remembered(person: &Person) -> Draft {
    let observed = person.observed.clone().unwrap_or_default();
    Draft {
        user_name: person.record.label.clone(),
        external_id: observed.external_id,
        email: observed.email,
        given_name: observed.given_name,
        family_name: observed.family_name,
        display_name: observed.display_name,
        roles: observed.roles.unwrap_or_default().into_iter().map(|role| role.value).collect(),
        groups: observed.groups.unwrap_or_default(),
        active: true,
    }
}

/// The account a draft becomes, before the app has said anything.
fn account_of(draft: &Draft) -> Account {
    let roles = draft.roles.iter().map(|role| Role { value: role.clone(), display: None }).collect();
    Account {
        user_name: Some(draft.user_name.clone()),
        external_id: draft.external_id.clone(),
        email: draft.email.clone(),
        given_name: draft.given_name.clone(),
        family_name: draft.family_name.clone(),
        display_name: draft.display_name.clone(),
        state: Some(if draft.active { State::Active } else { State::Inactive }),
        roles: (!draft.roles.is_empty()).then_some(roles),
        ..Account::default()
    }
}

/// What has to change at an account that is taken over so that it is as a new one would be.
fn change_to(draft: &Draft, found: &Account, capabilities: &Capabilities) -> Change {
    let held = &capabilities.accounts;
    let other = |want: &Option<String>, have: &Option<String>, how: Held| {
        want.clone().filter(|want| how == Held::Yes && have.as_ref() != Some(want))
    };
    let has: Vec<&str> = found.roles.iter().flatten().map(|role| role.value.as_str()).collect();
    let same_roles = has.len() == draft.roles.len()
        && draft.roles.iter().all(|role| has.iter().any(|held| held.eq_ignore_ascii_case(role)));
    Change {
        external_id: other(&draft.external_id, &found.external_id, held.external_id),
        given_name: other(&draft.given_name, &found.given_name, held.given_name),
        family_name: other(&draft.family_name, &found.family_name, held.family_name),
        display_name: other(&draft.display_name, &found.display_name, held.display_name),
        roles: (held.roles == Held::Yes && !same_roles && !draft.roles.is_empty())
            .then(|| draft.roles.clone()),
        ..Change::default()
    }
}

/// The account after a change the app accepted without telling the result.
fn lay_over(account: &mut Account, change: &Change) {
    let roles = change.roles.as_ref().map(|roles| {
        roles.iter().map(|role| Role { value: role.clone(), display: None }).collect::<Vec<_>>()
    });
    account.merge(Account {
        user_name: change.user_name.clone(),
        external_id: change.external_id.clone(),
        email: change.email.clone(),
        given_name: change.given_name.clone(),
        family_name: change.family_name.clone(),
        display_name: change.display_name.clone(),
        roles,
        ..Account::default()
    });
}
