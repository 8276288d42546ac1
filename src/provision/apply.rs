//! Carries a plan out, step by step, and reads back what must be certain.

use std::time::Duration;

use super::connection::Connection;
use super::plan::Step;
use super::show::invitation;
use super::standing::{About, Invitation, Person, Waiting};
use crate::base::context;
use crate::contract::{
    Account, By, Change, Deactivate, Draft, Error, Fulfilment, Held, Kind, Outcome, Request, Result, Role,
    State,
};
use crate::store::{self, Key, Lifecycle, Task, TaskState, Write};

/// When an app is asked again whether a change shows: at once, and after the app had time.
const LOOKS: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(10)];

impl Connection {
    /// Takes the steps in order, keeping `person` true after each. What has to be written besides the record is
    /// collected in `writes`.
    pub(super) async fn apply(
        &self,
        person: &mut Person,
        steps: Vec<Step>,
        writes: &mut Vec<Write>,
    ) -> Result<()> {
        for step in steps {
            match step {
                Step::Create(draft) => self.create_step(person, draft, writes).await?,
                Step::Update(change) => self.update_step(person, &change, writes).await?,
                Step::Deactivate => self.deactivate_step(person, writes).await?,
                Step::Reactivate => self.reactivate_step(person, writes).await?,
                Step::Delete => self.delete_step(person, writes).await?,
                Step::Recall => self.call_off(person, &About::Remove, writes),
            }
        }
        Ok(())
    }

    async fn create_step(&self, person: &mut Person, draft: Draft, writes: &mut Vec<Write>) -> Result<()> {
        if !draft.active && !self.capabilities().accounts.create_inactive {
            // An account nobody may use yet needs none: it is created when it is activated.
            person.standing.remembered = Some(draft);
            person.standing.active = false;
            return Ok(());
        }
        let outcome = match self.adapter().create_account(&draft).await {
            Err(error) if error.kind == Kind::Conflict => self.take_over(&draft, error).await?,
            Err(error) if error.kind == Kind::Unknown => self.look_for(&draft, error).await?,
            other => other?,
        };
        if let Outcome::Waiting(request) = outcome {
            self.wait_for(person, About::Invite, request, writes);
            person.standing.active = true;
            person.standing.invitation = Invitation::Pending;
            return Ok(());
        }
        let invited = matches!(outcome, Outcome::Invited(_));
        let Some(told) = outcome.value() else { return Ok(()) };
        let mut account = account_of(&draft);
        account.merge(told);
        if invited {
            account.state = Some(State::Invited);
        }
        self.call_off_residual(person, writes);
        person.standing.gone_at = None;
        person.standing.remembered = None;
        self.observe(person, account);
        Ok(())
    }

    /// After a conflict: an account of ours that was deleted here and only disabled there is taken over again.
    async fn take_over(&self, draft: &Draft, conflict: Error) -> Result<Outcome<Account>> {
        let login = draft.email.as_deref().unwrap_or(&draft.user_name);
        let Some(found) = self.adapter().account(By::Email(login)).await? else { return Err(conflict) };
        let ours = self.store().find(self.name(), store::Kind::User, &Key::Account(found.id.clone())).await;
        let deleted_here = ours.is_ok_and(|records| {
            !records.is_empty() && records.iter().all(|record| record.lifecycle == Lifecycle::Deleted)
        });
        if !deleted_here {
            return Err(conflict);
        }
        let mut account = match (draft.active, found.state()) {
            (true, State::Inactive) => {
                let mut account = found.clone();
                if let Some(told) = self.adapter().reactivate(&found).await?.value() {
                    account.merge(told);
                }
                account.state = Some(State::Active);
                account
            }
            (true, State::Active | State::Invited) | (false, State::Inactive) => found,
            // Somebody gave it access in the app itself; that is not undone by a create.
            (false, State::Active | State::Invited) => return Err(conflict),
        };
        let change = self.taking_over(draft, &account);
        if let Some(told) = self.adapter().update_account(&account, &change).await?.value() {
            lay_over(&mut account, &change);
            account.merge(told);
        }
        Ok(Outcome::Done(account))
    }

    /// What an account that is taken over has to change so that it is as the draft says.
    fn taking_over(&self, draft: &Draft, account: &Account) -> Change {
        let held = &self.capabilities().accounts;
        let other = |how: Held, wanted: &Option<String>, stands: &Option<String>| {
            wanted.clone().filter(|_| how == Held::Yes && wanted != stands)
        };
        let stands = account.roles.as_deref().unwrap_or_default();
        let same_roles = stands.len() == draft.roles.len()
            && draft.roles.iter().all(|role| stands.iter().any(|held| held.value.eq_ignore_ascii_case(role)));
        let roles =
            (held.roles == Held::Yes && !draft.roles.is_empty() && !same_roles).then(|| draft.roles.clone());
        Change {
            given_name: other(held.given_name, &draft.given_name, &account.given_name),
            family_name: other(held.family_name, &draft.family_name, &account.family_name),
            display_name: other(held.display_name, &draft.display_name, &account.display_name),
            roles,
            ..Change::default()
        }
    }

    /// After a lost answer: looks whether the account is there, a few times, and never creates again.
    async fn look_for(&self, draft: &Draft, lost: Error) -> Result<Outcome<Account>> {
        let login = draft.email.as_deref().unwrap_or(&draft.user_name);
        for pause in LOOKS {
            if pause >= context::remaining(Duration::from_secs(25)) {
                break;
            }
            tokio::time::sleep(pause).await;
            if let Ok(Some(account)) = self.adapter().account(By::Email(login)).await {
                return Ok(Outcome::Done(account));
            }
        }
        Err(lost)
    }

    async fn update_step(&self, person: &mut Person, change: &Change, writes: &mut Vec<Write>) -> Result<()> {
        let current = person.observed.clone().unwrap_or_default();
        match self.adapter().update_account(&current, change).await? {
            Outcome::Waiting(request) => {
                let role = change.roles.iter().flatten().next().cloned().unwrap_or_default();
                self.wait_for(person, About::Role(role), request, writes);
            }
            Outcome::Done(told) | Outcome::Already(told) | Outcome::Invited(told) => {
                let mut account = current;
                lay_over(&mut account, change);
                account.merge(told);
                self.observe(person, account);
            }
        }
        Ok(())
    }

    async fn deactivate_step(&self, person: &mut Person, writes: &mut Vec<Write>) -> Result<()> {
        let mut account = person.observed.clone().unwrap_or_default();
        if let Outcome::Waiting(request) = self.adapter().deactivate(&account).await? {
            self.call_off(person, &About::Invite, writes);
            self.wait_for(person, About::Remove, request, writes);
            return Ok(());
        }
        self.confirm_inactive(&account).await?;
        person.standing.remembered = Some(remembered(person));
        person.standing.active = false;
        person.record.observed_at = Some(self.now());
        account.state = Some(State::Inactive);
        if self.capabilities().deactivate == Deactivate::ByRemoval {
            person.record.account = None;
            account.groups = None;
            writes.push(Write::ClearMemberships {
                connection: self.name().to_owned(),
                member: person.record.id.clone(),
            });
        }
        person.standing.invitation = Invitation::None;
        person.observed = Some(account);
        self.note_residual(person, writes);
        Ok(())
    }

    /// Reads back until the app says the person has no access.
    ///
    /// # Errors
    /// [`Kind::Unexpected`] when the app goes on saying that the account works, and whatever the read fails with.
    async fn confirm_inactive(&self, account: &Account) -> Result<()> {
        for pause in LOOKS {
            if pause >= context::remaining(Duration::from_secs(25)) {
                break;
            }
            tokio::time::sleep(pause).await;
            let still = self.adapter().account(By::Id(&account.id)).await?;
            if still.is_none_or(|account| account.state == Some(State::Inactive)) {
                return Ok(());
            }
        }
        Err(Error::new(
            Kind::Unavailable,
            "deactivate",
            format!(
                "{} took the deactivation and still shows the account as active",
                self.capabilities().app
            ),
        ))
    }

    async fn reactivate_step(&self, person: &mut Person, writes: &mut Vec<Write>) -> Result<()> {
        let mut account = person.observed.clone().unwrap_or_default();
        match self.adapter().reactivate(&account).await? {
            Outcome::Waiting(request) => self.wait_for(person, About::Invite, request, writes),
            Outcome::Done(told) | Outcome::Already(told) | Outcome::Invited(told) => {
                account.state = Some(State::Active);
                account.merge(told);
                self.call_off_residual(person, writes);
                self.observe(person, account);
            }
        }
        Ok(())
    }

    async fn delete_step(&self, person: &mut Person, writes: &mut Vec<Write>) -> Result<()> {
        let account = person.observed.clone().unwrap_or_default();
        match self.adapter().delete_account(&account).await? {
            Outcome::Waiting(request) => self.wait_for(person, About::Remove, request, writes),
            Outcome::Done(()) | Outcome::Already(()) | Outcome::Invited(()) => {
                self.confirm_inactive(&account).await?;
                person.record.account = None;
                person.standing.active = false;
                self.note_residual(person, writes);
            }
        }
        Ok(())
    }

    /// Takes over what the app said of the account.
    pub(super) fn observe(&self, person: &mut Person, account: Account) {
        person.record.account = Some(account.id.clone());
        person.record.observed_at = Some(self.now());
        person.standing.active = account.state() != State::Inactive;
        person.standing.invitation = invitation(person.standing.invitation, account.state());
        person.observed = Some(account);
    }

    pub(super) fn wait_for(
        &self,
        person: &mut Person,
        about: About,
        request: Request,
        writes: &mut Vec<Write>,
    ) {
        let dedupe = dedupe(person, &about);
        let ticket = match &person.standing.waiting {
            Some(waiting) if waiting.about == about => waiting.ticket.clone(),
            _ => self.shared.ids.next(),
        };
        writes.push(Write::Task(Task {
            id: ticket.clone(),
            connection: self.name().to_owned(),
            resource: person.record.id.clone(),
            kind: about.kind().to_owned(),
            dedupe,
            instruction: request.instruction,
            person: mention(person),
            urgent: about == About::Remove,
            state: TaskState::Open,
            created_at: self.now(),
            closed_at: None,
            closed_by: None,
            note: None,
        }));
        person.standing.waiting = Some(Waiting { ticket, about });
    }

    /// Cancels the open task about `about`, if there is one.
    fn call_off(&self, person: &mut Person, about: &About, writes: &mut Vec<Write>) {
        if person.standing.waiting.as_ref().is_some_and(|waiting| waiting.about == *about) {
            person.standing.waiting = None;
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
            writes.push(Write::Task(Task {
                id: self.shared.ids.next(),
                connection: self.name().to_owned(),
                resource: person.record.id.clone(),
                kind: "residual_access".to_owned(),
                dedupe: format!("residual:{}:{}", residual.key, person.record.id),
                instruction: residual.instruction.to_owned(),
                person: mention(person),
                urgent: false,
                state: TaskState::Open,
                created_at: self.now(),
                closed_at: None,
                closed_by: None,
                note: None,
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

    fn closing(&self, dedupe: String, note: &str) -> Write {
        Write::CloseTask {
            connection: self.name().to_owned(),
            dedupe,
            state: TaskState::Cancelled,
            at: self.now(),
            by: "portcullis".to_owned(),
            note: Some(note.to_owned()),
        }
    }
}

/// The key that keeps one open task a person and subject.
pub(super) fn dedupe(person: &Person, about: &About) -> String {
    format!("{}:{}", about.kind(), person.record.id)
}

/// How a person is named to the operator who has to act.
fn mention(person: &Person) -> String {
    super::mapping::address(&person.desired).unwrap_or_else(|| person.record.label.clone())
}

/// What a reactivation restores: the roles and groups that stood.
fn remembered(person: &Person) -> Draft {
    let observed = person.observed.clone().unwrap_or_default();
    Draft {
        user_name: person.record.label.clone(),
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
        email: draft.email.clone(),
        given_name: draft.given_name.clone(),
        family_name: draft.family_name.clone(),
        display_name: draft.display_name.clone(),
        state: Some(if draft.active { State::Active } else { State::Inactive }),
        roles: (!draft.roles.is_empty()).then_some(roles),
        ..Account::default()
    }
}

/// The account after a change the app accepted without telling the result.
fn lay_over(account: &mut Account, change: &Change) {
    let roles = change.roles.as_ref().map(|roles| {
        roles.iter().map(|role| Role { value: role.clone(), display: None }).collect::<Vec<_>>()
    });
    account.merge(Account {
        user_name: change.user_name.clone(),
        email: change.email.clone(),
        given_name: change.given_name.clone(),
        family_name: change.family_name.clone(),
        display_name: change.display_name.clone(),
        roles,
        ..Account::default()
    });
}
