//! What each simulated app supplies to the frame, and what the control plane may ask of it.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::call::{Answer, Call};
use super::ledger::Holder;

/// Which description of an app its simulator follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The published user-management guide of the app.
    Guide,
    /// The vendor's own current documentation.
    Vendor,
}

/// A simulator was asked for a dialect it does not speak.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the simulator of `{app}` was asked for dialect `vendor`, expected `guide`")]
pub struct UnknownDialect {
    pub app: &'static str,
}

impl Dialect {
    /// Fails unless this is [`Dialect::Guide`].
    pub fn require_guide(self, app: &'static str) -> Result<(), UnknownDialect> {
        match self {
            Self::Guide => Ok(()),
            Self::Vendor => Err(UnknownDialect { app }),
        }
    }
}

/// One simulated app: its own paths, and the levers of its control plane.
///
/// All of it is synchronous: the state sits behind a mutex and every request is one short critical section.
pub trait App: fmt::Debug + Send + Sync + 'static {
    /// The name it is mounted under.
    fn name(&self) -> &'static str;

    /// Answers a request to one of the app's own paths; unknown paths get the app's own 404, known paths with
    /// another method its 405.
    fn answer(&self, call: &Call) -> Answer;

    /// The app's own error body for a status, used by faults that name no body.
    fn error(&self, status: u16) -> Answer;

    /// The same for a given request, where the app has doors with different bodies.
    fn error_for(&self, _call: &Call, status: u16) -> Answer {
        self.error(status)
    }

    /// What kind of credential a value is (`config`, `scim`, `unknown`), for the journal.
    fn credential_kind(&self, value: &str) -> &'static str;

    /// Forgets everything, switches included, and starts again from `seed`.
    fn reset(&self, seed: Seed);

    /// Everything the app holds, for tests; its shape is the app's own.
    fn state(&self) -> Value;

    /// Everybody the app has an account of, for the ledger; nobody where it keeps none.
    fn holders(&self) -> Vec<Holder> {
        Vec::new()
    }

    /// Limits the seats; `None` lifts the limit. Those who sit stay.
    fn set_seats(&self, limit: Option<u64>) -> Result<Value, Refusal>;

    /// The invited person follows the link in the mail; refused when nobody of that address is invited.
    fn accept_invite(&self, email: &str) -> Result<Value, Refusal>;

    /// The invitation lapses; refused when nobody of that address is invited.
    fn expire_invite(&self, email: &str) -> Result<Value, Refusal>;

    /// Ends every short-lived token; refused by apps whose credentials do not expire.
    fn expire_tokens(&self) -> Result<Value, Refusal> {
        Err(Refusal::missing(format!("credentials of `{}` do not expire", self.name())))
    }

    /// Changes what the customer has bought.
    fn set_plan(&self, plan: PlanChange) -> Result<Value, Refusal>;

    /// A change that somebody makes in the app's own user interface.
    fn out_of_band(&self, change: &OutOfBand) -> Result<Value, Refusal>;

    /// The switches as they stand.
    fn mode(&self) -> Value;

    /// Changes the switches that `change` names; refuses an unknown name or value and then changes nothing.
    fn set_mode(&self, change: &Map<String, Value>) -> Result<Value, Refusal>;

    /// Control paths only this app has, without the `/__sim` segment; `None` for any other.
    fn control(&self, _method: &str, _path: &[&str], _call: &Call) -> Option<Answer> {
        None
    }
}

/// What an app starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    #[serde(rename = "seed")]
    pub people: SeedPeople,
    /// Generated people on top: `user00001@example.com` and on.
    pub users: u32,
}

/// Which people an app has before anybody is generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeedPeople {
    /// Nobody; credentials, workspaces, teams and roles are there all the same.
    Empty,
    /// An owner and a few others.
    Default,
}

impl Default for Seed {
    fn default() -> Self {
        Self { people: SeedPeople::Default, users: 0 }
    }
}

impl Seed {
    /// The generated people, in order.
    pub fn generated(self) -> impl Iterator<Item = Person> {
        (1..=self.users).map(|number| Person {
            email: format!("user{number:05}@example.com"),
            first: "User".to_owned(),
            last: format!("{number:05}"),
        })
    }
}

/// A person before they have an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub email: String,
    pub first: String,
    pub last: String,
}

impl Person {
    /// The person an address suggests: `anna.berg@…` is Anna Berg, `anna@…` is Anna Example.
    #[must_use]
    pub fn from_email(email: &str) -> Self {
        let local = email.split('@').next().unwrap_or_default();
        let mut words = local.split(['.', '_', '-', '+']).filter(|word| !word.is_empty()).map(capitalised);
        let first = words.next().unwrap_or_else(|| "Someone".to_owned());
        let rest: Vec<String> = words.collect();
        let last = if rest.is_empty() { "Example".to_owned() } else { rest.join(" ") };
        Self { email: email.to_owned(), first, last }
    }

    /// Both names with a space between.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first, self.last)
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What the customer has bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Plan {
    pub scim: bool,
    pub sso: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self { scim: true, sso: true }
    }
}

impl Plan {
    /// Takes over what `change` names.
    pub fn apply(&mut self, change: PlanChange) {
        self.scim = change.scim.unwrap_or(self.scim);
        self.sso = change.sso.unwrap_or(self.sso);
    }
}

/// A change of plan; what is absent stays.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlanChange {
    pub scim: Option<bool>,
    pub sso: Option<bool>,
}

/// What somebody does in the app's user interface; an app refuses what its interface does not offer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutOfBand {
    pub op: OutOfBandOperation,
    /// Whom it is done to; case is ignored.
    pub email: String,
    /// `rename`: the new full name. `add`: the name to start with.
    pub name: Option<String>,
    /// `set_email`: the new address.
    pub to: Option<String>,
    /// `set_role` and `add`.
    pub role: Option<String>,
    /// `set_active` and `add`.
    pub active: Option<bool>,
    /// Id of a workspace, team or group: needed by `add_to_group` and `remove_from_group`.
    pub group: Option<String>,
}

/// The operations of [`OutOfBand`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutOfBandOperation {
    Add,
    Remove,
    Rename,
    SetEmail,
    SetActive,
    SetRole,
    AddToGroup,
    RemoveFromGroup,
}

impl OutOfBand {
    /// A field the operation needs; refused when it is absent.
    pub fn needed<'a, T: ?Sized>(&self, field: &str, value: Option<&'a T>) -> Result<&'a T, Refusal> {
        value.ok_or_else(|| Refusal::invalid(format!("`{field}` is missing")))
    }

    /// The refusal of an operation the app's interface does not offer.
    #[must_use]
    pub fn not_offered(&self) -> Refusal {
        Refusal::invalid(format!("operation `{:?}` does not exist in this app", self.op))
    }
}

/// The control plane could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub kind: RefusalKind,
    pub message: String,
}

/// Why the control plane refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The request makes no sense: 400.
    Invalid,
    /// What it names is not there: 404.
    Missing,
}

impl Refusal {
    /// A request that makes no sense.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { kind: RefusalKind::Invalid, message: message.into() }
    }

    /// Something named is not there.
    #[must_use]
    pub fn missing(message: impl Into<String>) -> Self {
        Self { kind: RefusalKind::Missing, message: message.into() }
    }

    /// `{"error": "…"}` with the status of its kind.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let status = match self.kind {
            RefusalKind::Invalid => 400,
            RefusalKind::Missing => 404,
        };
        Answer::json(status, &json!({ "error": self.message }))
    }
}

/// The switches with what `change` names taken over, in groups of switches too; refuses an unknown switch or value.
pub fn switched<T: Serialize + DeserializeOwned>(
    mode: &T,
    change: &Map<String, Value>,
) -> Result<T, Refusal> {
    let mut merged = serde_json::to_value(mode).map_err(|error| Refusal::invalid(error.to_string()))?;
    if let Some(switches) = merged.as_object_mut() {
        take_over(switches, change);
    }
    serde_json::from_value(merged).map_err(|error| Refusal::invalid(error.to_string()))
}

fn take_over(switches: &mut Map<String, Value>, change: &Map<String, Value>) {
    for (name, value) in change {
        match (switches.get_mut(name), value) {
            (Some(Value::Object(group)), Value::Object(change)) => take_over(group, change),
            _ => drop(switches.insert(name.clone(), value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_in_a_group_of_switches_leaves_the_others_of_the_group() {
        #[derive(Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Switches {
            scim: std::collections::BTreeMap<String, u8>,
        }
        let before = Switches { scim: [("a".to_owned(), 1), ("b".to_owned(), 2)].into() };
        let change = json!({"scim": {"b": 3}});
        let after = switched(&before, change.as_object().unwrap()).unwrap_or(before);
        assert_eq!(json!(after), json!({"scim": {"a": 1, "b": 3}}));
    }

    #[test]
    fn an_address_suggests_a_person() {
        assert_eq!(Person::from_email("anna.van-berg@x.example").full_name(), "Anna Van Berg");
        assert_eq!(Person::from_email("anna@x.example").full_name(), "Anna Example");
    }

    #[test]
    fn generated_people_are_numbered_from_one() {
        let seed = Seed { people: SeedPeople::Empty, users: 2 };
        let emails: Vec<String> = seed.generated().map(|person| person.email).collect();
        assert_eq!(emails, ["user00001@example.com", "user00002@example.com"]);
    }

    #[test]
    fn the_vendor_dialect_is_refused() {
        let refused = Dialect::Vendor.require_guide("hive").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the simulator of `hive` was asked for dialect `vendor`, expected `guide`"
        );
    }
}
