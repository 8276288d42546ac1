//! People: create, replace, patch, delete. Each request becomes a plan; the intent is journaled before anything leaves.

mod change;
mod create;
mod journal;
mod look;
mod reach;
mod twins;

use serde_json::{Value, json};

pub(super) use self::create::{REPEATABLE, SETTLE, Sought};
pub(super) use self::journal::is_looked_for;
pub(super) use self::look::may_come_yet;
use super::connection::Connection;
use super::mapping;
use super::standing::Person;
use super::{Preconditions, Refusal, Result, Shown, View};
use crate::base::fold::key;
use crate::contract;
use crate::scim::error::{ScimError, ScimType};
use crate::scim::etag::Tags;
use crate::scim::project::Written;
use crate::scim::schema::ResourceKind;
use crate::store::{Intent, Kind};

/// How a person, or a group, shall be once the work is done, as it stands in the journal.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Aim {
    /// The resource as it was asked for.
    pub desired: Value,
    /// The resource shall be gone for callers.
    pub deleted: bool,
    /// Whether the brake held a deletion back: it is carried out as a deactivation. `None` until it was weighed.
    #[serde(default)]
    pub held: Option<bool>,
}

impl Aim {
    /// The resource shall be so.
    pub(super) fn to(desired: Value) -> Self {
        Self { desired, deleted: false, held: None }
    }

    pub(super) fn wants_access(&self) -> bool {
        !self.deleted && wants_access(&self.desired)
    }
}

/// Whether a resource asks for access; one that does not say asks for it.
pub(super) fn wants_access(desired: &Value) -> bool {
    desired.get("active").and_then(Value::as_bool).unwrap_or(true)
}

/// Under which entry of the journal a person is brought to the aim.
pub(super) enum Under<'a> {
    /// A new one; holds the generation of work still under way, or 0.
    New(i64),
    /// One that is open already and was claimed.
    Resumed(&'a Intent),
}

impl Connection {
    /// The live person with this id.
    pub(super) async fn person(&self, id: &str) -> Result<Person> {
        let record = self.store().record(self.name(), Kind::User, id).await?;
        record.map(Person::read).ok_or_else(|| not_found(ResourceKind::User))
    }

    async fn shown_person(&self, person: &Person, view: &View, written: &Written) -> Result<Shown> {
        let fresh = self.store().record(self.name(), Kind::User, &person.record.id).await?;
        let mut person = person.clone();
        if let Some(record) = fresh {
            person.record.groups = record.groups;
        }
        let listed = self.listed_at(Kind::User).await?;
        let resource = self.show_user(&person, listed);
        Ok(self.shown(ResourceKind::User, &person.record, resource, (view, written))?)
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
