//! People: create, replace, patch, delete. Each request becomes a plan; the intent is journaled before anything leaves.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::connection::Connection;
use super::mapping;
use super::plan::{self, Access, Step};
use super::policy::Idp;
use super::refuse;
use super::standing::{Person, Standing};
use super::turn::Turn;
use super::{Preconditions, Refusal, Result, Shown, View};
use crate::base::fold::key;
use crate::contract::{self, Account, By, Deactivate};
use crate::scim::catalog::Catalog;
use crate::scim::decode;
use crate::scim::error::{ScimError, ScimType};
use crate::scim::etag::Tags;
use crate::scim::patch::{Options, Patch};
use crate::scim::schema::ResourceKind;
use crate::store::{self, Intent, IntentState, Intents, Key, Kind, Lifecycle, Record, Write};

/// How long a create whose answer was lost may be repeated without being a duplicate.
const REPEATABLE: Duration = Duration::from_hours(24);

/// How a person shall be once the work is done, as it stands in the journal.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Aim {
    /// The resource as it was asked for.
    pub desired: Value,
    /// The resource shall be gone for callers.
    pub deleted: bool,
}

/// Under which entry of the journal a person is brought to the aim.
pub(super) enum Under<'a> {
    /// A new one; holds the generation of work still under way, or 0.
    New(i64),
    /// One that is open already and was claimed.
    Resumed(&'a Intent),
}

impl Aim {
    fn wants_access(&self) -> bool {
        !self.deleted && self.desired.get("active").and_then(Value::as_bool).unwrap_or(true)
    }
}

impl Connection {
    /// Creates a person.
    pub(super) async fn create_user(self: &Arc<Self>, body: Value, view: &View) -> Result<Shown> {
        let desired = decode::decode(&body, &Catalog::standard().user)?;
        let this = Arc::clone(self);
        let unheard = Arc::clone(self);
        // Whoever repeats the create has to wait until it is known whether the first answer was heard.
        let (person, _turn) = self
            .carry(
                async move { this.create_in_turn(desired).await },
                move |(person, turn): (Person, Turn)| async move {
                    unheard.mark_unacknowledged(person).await;
                    drop(turn);
                },
            )
            .await?;
        self.shown_person(&person, view).await
    }

    async fn create_in_turn(self: Arc<Self>, mut desired: Value) -> Result<(Person, Turn)> {
        if desired.get("active").is_none() {
            desired["active"] = json!(true);
        }
        let capabilities = *self.capabilities();
        let wanted = mapping::wanted(&desired, &capabilities, &self.policy)?;
        let name_key = key(&wanted.user_name);
        let turn = self.turns.take(&format!("name:{name_key}")).await;
        self.settle_lost_creates(&name_key).await?;
        if let Some(again) = self.repeated_create(&name_key, &desired).await? {
            return Ok((again, turn));
        }
        self.refuse_duplicate(&wanted, &name_key).await?;
        let mut person = self.new_person(desired, &wanted.user_name);
        let draft = mapping::draft(&wanted, &capabilities, &self.policy);
        let aim = Aim { desired: person.desired.clone(), deleted: false };
        let intent = self.intent(&person, "create", &aim, false)?;
        self.store().commit(vec![Write::Intent(intent.clone())]).await?;
        let mut writes = Vec::new();
        let ended = self.apply(&mut person, vec![Step::Create(draft)], &mut writes).await;
        if let Err(error) = ended {
            return Err(self.settle_failed(&intent, &error).await);
        }
        self.save(&mut person, None, &intent, writes).await?;
        Ok((person, turn))
    }

    /// A create whose answer its caller cannot have received is answered with what it made.
    async fn repeated_create(&self, name_key: &str, desired: &Value) -> Result<Option<Person>> {
        let found = self.store().find(self.name(), Kind::User, &Key::Name(name_key.to_owned())).await?;
        let Some(mut person) = found.into_iter().next().map(Person::read) else { return Ok(None) };
        let same_origin = person.desired.get("externalId") == desired.get("externalId");
        let lost = person.standing.unacknowledged_at.is_some_and(|at| self.now().since(at) < REPEATABLE);
        if !(same_origin && lost) {
            return Err(ScimError::uniqueness(
                "`userName` is taken by another person of this connection; look it up with a filter and update that one",
            )
            .into());
        }
        person.standing.unacknowledged_at = None;
        let expected = Some(person.record.version);
        let record = Box::new(person.clone().into_record());
        self.store().commit(vec![Write::Record { record, expected }]).await?;
        Ok(Some(person))
    }

    fn new_person(&self, desired: Value, user_name: &str) -> Person {
        let now = self.now();
        let record = Record {
            connection: self.name().to_owned(),
            kind: Kind::User,
            id: self.shared.ids.next(),
            lifecycle: Lifecycle::Live,
            account: None,
            name_key: key(user_name),
            label: user_name.to_owned(),
            external_id: None,
            email_keys: Vec::new(),
            display_key: None,
            desired: String::new(),
            observed: None,
            standing: String::new(),
            generation: 0,
            version: 0,
            created_at: now,
            modified_at: now,
            observed_at: None,
            groups: Vec::new(),
        };
        Person { record, desired, observed: None, standing: Standing::default() }
    }

    /// A person for an account that was in the app before any caller asked for it.
    pub(super) fn adopted_person(&self, account: Account) -> Person {
        let desired = mapping::adopted(&account);
        let user_name = desired.get("userName").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut person = self.new_person(desired, &user_name);
        person.standing.adopted = true;
        self.observe(&mut person, account);
        index(&mut person);
        person.record.generation = 1;
        person.record.version = 1;
        person
    }

    /// Replaces a person (RFC 7644 §3.5.1). What is read-only and echoed back is ignored; an absent `active` stays.
    pub(super) async fn replace_user(
        self: &Arc<Self>,
        id: &str,
        body: Value,
        view: &View,
        when: &Preconditions,
    ) -> Result<Shown> {
        let desired = decode::decode(&body, &Catalog::standard().user)?;
        let change = move |person: &Person, _shown: &Value| {
            let mut desired = desired;
            if desired.get("active").is_none() {
                desired["active"] =
                    json!(person.desired.get("active").and_then(Value::as_bool).unwrap_or(true));
            }
            Ok(desired)
        };
        self.change_user(id, view, when, change).await
    }

    /// Patches a person (RFC 7644 §3.5.2).
    pub(super) async fn patch_user(
        self: &Arc<Self>,
        id: &str,
        body: &Value,
        view: &View,
        when: &Preconditions,
    ) -> Result<Shown> {
        let patch = Patch::parse(body, &Catalog::standard().user)?;
        let options = Options { replace_creates_missing: self.policy.idp != Idp::Generic };
        let change = move |person: &Person, shown: &Value| {
            let mut resource = shown.clone();
            // A deactivation that is still under way is what the caller asked for last.
            if let Some(active) = person.desired.get("active") {
                resource["active"] = active.clone();
            }
            patch.apply(&mut resource, &options)?;
            decode::decode(&resource, &Catalog::standard().user)
        };
        self.change_user(id, view, when, change).await
    }

    async fn change_user<C>(
        self: &Arc<Self>,
        id: &str,
        view: &View,
        when: &Preconditions,
        change: C,
    ) -> Result<Shown>
    where
        C: FnOnce(&Person, &Value) -> crate::scim::error::Result<Value> + Send + 'static,
    {
        let (this, id, when) = (Arc::clone(self), id.to_owned(), when.clone());
        let work = async move {
            let _turn = this.turns.take(&id).await;
            let mut person = this.person(&id).await?;
            check(&when, person.record.version)?;
            let open = this.open_aim(&mut person).await?;
            let shown = this.show_user(&person, None);
            let mut desired = change(&person, &shown)?;
            drop_unchanged_by_policy(&this, &person, &mut desired);
            this.reach(person, Under::New(open), Aim { desired, deleted: false }).await
        };
        let person = self.carry(work, |_| async {}).await?;
        self.shown_person(&person, view).await
    }

    /// Deletes a person as the policy says; the resource is gone for callers once the app has confirmed.
    pub(super) async fn delete_user(self: &Arc<Self>, id: &str, when: &Preconditions) -> Result<()> {
        let (this, id, when) = (Arc::clone(self), id.to_owned(), when.clone());
        let work = async move {
            let _turn = this.turns.take(&id).await;
            let mut person = this.person(&id).await?;
            check(&when, person.record.version)?;
            let open = this.open_aim(&mut person).await?;
            let aim = Aim { desired: person.desired.clone(), deleted: true };
            this.reach(person, Under::New(open), aim).await.map(|_| ())
        };
        self.carry(work, |()| async {}).await
    }

    /// Brings a person to the aim: plan, journal, apply, save.
    ///
    /// The caller holds the person's turn.
    pub(super) async fn reach(&self, mut person: Person, under: Under<'_>, aim: Aim) -> Result<Person> {
        let capabilities = *self.capabilities();
        let wanted = mapping::wanted(&aim.desired, &capabilities, &self.policy)?;
        if !aim.deleted {
            self.refuse_taken_name(&person, &wanted.user_name).await?;
        }
        self.look_again(&mut person, &aim).await?;
        let steps = if aim.deleted {
            plan::delete(&person, &capabilities, &self.policy)?
        } else {
            plan::update(&person, &wanted, &capabilities, &self.policy)?
        };
        self.refuse_last_admin(&person, &steps).await?;
        let takes_away = steps.iter().any(|step| matches!(step, Step::Deactivate | Step::Delete));
        let (intent, journaled) = match under {
            Under::Resumed(intent) => (intent.clone(), true),
            Under::New(0) if steps.is_empty() && !aim.deleted && aim.desired == person.desired => {
                return Ok(person);
            }
            Under::New(open) => {
                person.record.generation = person.record.generation.max(open) + 1;
                let operation = match (aim.deleted, takes_away) {
                    (true, _) => "delete",
                    (false, true) => "deactivate",
                    (false, false) => "update",
                };
                let intent = self.intent(&person, operation, &aim, takes_away)?;
                // What only we keep needs no intent: the record itself is the one write.
                let journaled = !steps.is_empty() || open > 0;
                if journaled {
                    self.store().commit(vec![Write::Intent(intent.clone())]).await?;
                }
                (intent, journaled)
            }
        };
        let expected = Some(person.record.version);
        let mut writes = Vec::new();
        if let Err(error) = self.apply(&mut person, steps, &mut writes).await {
            // What did succeed is kept, so that the next attempt does the rest.
            writes.push(Write::Record { record: Box::new(person.clone().into_record()), expected });
            if let Err(failure) = self.store().commit(writes).await {
                tracing::warn!(connection = self.name(), %failure, "a partial outcome could not be kept");
            }
            if error.kind == contract::Kind::NotFound && !intent.sticky {
                self.forget_if_gone(&person).await;
            }
            return Err(self.settle_failed(&intent, &error).await);
        }
        person.standing.adopted = false;
        if aim.deleted {
            person.record.lifecycle = Lifecycle::Deleted;
            writes.push(Write::ClearMemberships {
                connection: self.name().to_owned(),
                member: person.record.id.clone(),
            });
        }
        person.desired = aim.desired;
        if journaled {
            self.save(&mut person, expected, &intent, writes).await?;
        } else {
            self.save_quietly(&mut person, expected, writes).await?;
        }
        Ok(person)
    }

    /// Looks at the account again where what we know is too old to plan on.
    async fn look_again(&self, person: &mut Person, aim: &Aim) -> Result<()> {
        let capabilities = self.capabilities();
        if capabilities.deactivate == Deactivate::Task || plan::access(person, capabilities) == Access::None {
            return Ok(());
        }
        let listed = self.listed_at(Kind::User).await?;
        if self.is_fresh(person.record.observed_at.max(listed)) {
            return Ok(());
        }
        let Some(id) = person.record.account.clone() else { return Ok(()) };
        match self.adapter().account(By::Id(&id)).await {
            Ok(Some(told)) => {
                let mut account = person.observed.clone().unwrap_or_default();
                account.merge(told);
                self.observe(person, account);
                Ok(())
            }
            Ok(None) => {
                self.mark_gone(person);
                Ok(())
            }
            // Taking access away does not need to know what there is: the step itself finds out.
            Err(_) if !aim.wants_access() => Ok(()),
            Err(error) => Err(refuse::not_applied(&error, self.policy.idp)),
        }
    }

    /// After the app said there is no such account: looks once more, and remembers that it is gone.
    async fn forget_if_gone(&self, person: &Person) {
        let mut person = person.clone();
        let Some(id) = person.record.account.clone() else { return };
        if let Ok(None) = self.adapter().account(By::Id(&id)).await {
            self.mark_gone(&mut person);
            let expected = Some(person.record.version);
            person.record.version += 1;
            let record = Box::new(person.into_record());
            if let Err(failure) = self.store().commit(vec![Write::Record { record, expected }]).await {
                tracing::warn!(connection = self.name(), %failure, "an account that is gone could not be noted");
            }
        }
    }

    /// The account vanished without our doing: no access, and what it was is remembered.
    pub(super) fn mark_gone(&self, person: &mut Person) {
        person.record.account = None;
        person.record.observed_at = Some(self.now());
        person.standing.active = false;
        person.standing.gone_at = Some(self.now());
        if let Some(observed) = &mut person.observed {
            observed.state = Some(contract::State::Inactive);
        }
    }

    /// The live person with this id.
    pub(super) async fn person(&self, id: &str) -> Result<Person> {
        let record = self.store().record(self.name(), Kind::User, id).await?;
        record.map(Person::read).ok_or_else(|| not_found(ResourceKind::User))
    }

    /// Work still under way for this person: what was asked for there counts as desired. Answers its generation, or 0.
    async fn open_aim(&self, person: &mut Person) -> Result<i64> {
        let which = Intents::Open { connection: self.name().to_owned(), resource: person.record.id.clone() };
        let open = self.store().intents(&which).await?;
        let Some(intent) = open.iter().find(|intent| intent.sticky) else { return Ok(0) };
        if let Ok(aim) = serde_json::from_str::<Aim>(&intent.plan) {
            person.desired = aim.desired;
        }
        Ok(intent.generation)
    }

    pub(super) fn intent(&self, person: &Person, operation: &str, aim: &Aim, sticky: bool) -> Result<Intent> {
        let now = self.now();
        let plan = serde_json::to_string(aim)
            .map_err(|_| Refusal::from(ScimError::new(500, "the plan could not be written down")))?;
        Ok(Intent {
            id: self.shared.ids.next(),
            connection: self.name().to_owned(),
            kind: Kind::User,
            resource: person.record.id.clone(),
            operation: operation.to_owned(),
            generation: person.record.generation,
            plan,
            sticky,
            state: IntentState::Attempting,
            attempts: 1,
            // While this process works on it nobody else does; after a crash it is due.
            next_attempt_at: now.plus(self.policy.budget + Duration::from_secs(5)),
            request_id: crate::base::context::current().map(|context| context.request_id).unwrap_or_default(),
            created_at: now,
            updated_at: now,
            outcome: None,
        })
    }

    /// Writes the outcome: the record, what belongs to it, and the end of the intent, in one transaction.
    pub(super) async fn save(
        &self,
        person: &mut Person,
        expected: Option<i64>,
        intent: &Intent,
        mut writes: Vec<Write>,
    ) -> Result<()> {
        writes.push(Write::Settle {
            intent: intent.id.clone(),
            state: IntentState::Confirmed,
            attempts: intent.attempts,
            next_attempt_at: intent.next_attempt_at,
            at: self.now(),
            outcome: None,
        });
        self.save_quietly(person, expected, writes).await
    }

    async fn save_quietly(
        &self,
        person: &mut Person,
        expected: Option<i64>,
        mut writes: Vec<Write>,
    ) -> Result<()> {
        index(person);
        person.record.version += 1;
        // What is new was last modified when it was created.
        person.record.modified_at = if expected.is_some() { self.now() } else { person.record.created_at };
        // Role groups follow the account: the app has no other truth about them.
        writes.extend(self.membership_writes(person).await?);
        let mut expected = expected;
        for _ in 0..3 {
            let mut batch = vec![Write::Record { record: Box::new(person.clone().into_record()), expected }];
            batch.extend(writes.iter().cloned());
            match self.store().commit(batch).await {
                // A listing was taken in meanwhile; what we just did at the app is newer.
                Err(store::Error::Stale) if expected.is_some() => {
                    let stands = self.store().record(self.name(), Kind::User, &person.record.id).await?;
                    let Some(stands) = stands else { break };
                    person.record.version = stands.version + 1;
                    expected = Some(stands.version);
                }
                other => return Ok(other?),
            }
        }
        Err(store::Error::Stale.into())
    }

    /// Ends an intent that failed, or leaves it open where we go on by ourselves, and answers what the caller reads.
    pub(super) async fn settle_failed(&self, intent: &Intent, error: &contract::Error) -> Refusal {
        let goes_on = intent.sticky && error.kind != contract::Kind::Unsupported;
        let ambiguous = error.kind == contract::Kind::Unknown;
        let state = match (goes_on || intent.operation == "create", ambiguous) {
            (true, true) => IntentState::Ambiguous,
            _ if goes_on => IntentState::Attempting,
            _ => IntentState::NotApplied,
        };
        let pause = match error.retry {
            contract::Retry::Later(Some(pause)) => pause.min(Duration::from_mins(5)),
            _ => super::connection::full_jitter(
                intent.attempts,
                Duration::from_secs(1),
                Duration::from_mins(5),
                rand::random(),
            ),
        };
        let settle = Write::Settle {
            intent: intent.id.clone(),
            state,
            attempts: intent.attempts,
            next_attempt_at: self.now().plus(pause),
            at: self.now(),
            outcome: Some(error.to_string()),
        };
        if let Err(failure) = self.store().commit(vec![settle]).await {
            tracing::warn!(connection = self.name(), %failure, "the end of an intent could not be kept");
        }
        tracing::info!(
            connection = self.name(),
            operation = intent.operation,
            kind = ?error.kind,
            error = error.message,
            goes_on,
            "an operation at the app failed"
        );
        if goes_on {
            refuse::still_working(self.policy.idp)
        } else {
            refuse::not_applied(error, self.policy.idp)
        }
    }

    async fn mark_unacknowledged(&self, mut person: Person) {
        person.standing.unacknowledged_at = Some(self.now());
        let expected = Some(person.record.version);
        let record = Box::new(person.into_record());
        if let Err(failure) = self.store().commit(vec![Write::Record { record, expected }]).await {
            tracing::warn!(connection = self.name(), %failure, "an unheard answer could not be noted");
        }
    }

    async fn shown_person(&self, person: &Person, view: &View) -> Result<Shown> {
        let fresh = self.store().record(self.name(), Kind::User, &person.record.id).await?;
        let mut person = person.clone();
        if let Some(record) = fresh {
            person.record.groups = record.groups;
        }
        let listed = self.listed_at(Kind::User).await?;
        let resource = self.show_user(&person, listed);
        Ok(self.shown(ResourceKind::User, &person.record, resource, view)?)
    }
}

/// The keys a person is found by, from what is desired.
pub(super) fn index(person: &mut Person) {
    let text = |attribute: &str| person.desired.get(attribute).and_then(Value::as_str).map(str::to_owned);
    if let Some(user_name) = text("userName") {
        person.record.name_key = key(&user_name);
        person.record.label = text("displayName").unwrap_or(user_name);
    }
    person.record.external_id = text("externalId");
    person.record.display_key = text("displayName").as_deref().map(key);
    person.record.email_keys = mapping::email_keys(&person.desired);
    if let Some(email) = person.observed.as_ref().and_then(|account| account.email.as_deref()) {
        person.record.email_keys.push(key(email));
        person.record.email_keys.sort();
        person.record.email_keys.dedup();
    }
}

/// The 404 of a resource this connection does not have.
pub(super) fn not_found(kind: ResourceKind) -> Refusal {
    ScimError::new(404, format!("this connection has no {} with this id", kind.name())).into()
}

/// The preconditions of RFC 7644 §3.14.
pub(super) fn check(when: &Preconditions, version: i64) -> Result<()> {
    let holds = when.if_match.as_deref().is_none_or(|header| Tags::parse(header).matches(version));
    let unwanted = when.if_none_match.as_deref().is_some_and(|header| Tags::parse(header).matches(version));
    if holds && !unwanted {
        return Ok(());
    }
    Err(ScimError::new(
        412,
        "the resource has another version; read it again and repeat the request with its `ETag`",
    )
    .into())
}

/// Under `readonly = "ignore"` attributes the app holds and does not let change keep the value that stands.
fn drop_unchanged_by_policy(connection: &Connection, person: &Person, desired: &mut Value) {
    if connection.policy.readonly != super::policy::ReadOnly::Ignore {
        return;
    }
    let Some(observed) = &person.observed else { return };
    let held = &connection.capabilities().accounts;
    let fixed = |how: contract::Held| matches!(how, contract::Held::ReadOnly | contract::Held::AtCreate);
    for (part, told, how) in [
        ("givenName", &observed.given_name, held.given_name),
        ("familyName", &observed.family_name, held.family_name),
    ] {
        if let (true, Some(told)) = (fixed(how), told) {
            desired["name"][part] = json!(told);
        }
    }
    if let (true, Some(told)) = (fixed(held.display_name), &observed.display_name) {
        desired["displayName"] = json!(told);
    }
}

/// 400 for what nobody can be called.
pub(super) fn invalid(detail: impl Into<String>) -> Refusal {
    ScimError::bad(ScimType::InvalidValue, detail).into()
}
