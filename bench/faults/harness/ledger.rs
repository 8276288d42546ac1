//! What really stood in an app, and when: read from its control plane.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::stage::Simulated;

/// Somebody the app has an account of.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct Holder {
    pub id: String,
    pub email: String,
    pub name: String,
    pub access: bool,
    pub groups: BTreeSet<String>,
}

/// One change of one account.
#[derive(Debug, Clone, Deserialize)]
pub struct Change {
    pub seq: u64,
    pub at_us: i64,
    pub call: Option<u64>,
    pub before: Option<Holder>,
    pub after: Option<Holder>,
}

impl Change {
    /// The address it is about.
    pub fn email(&self) -> &str {
        self.after.as_ref().or(self.before.as_ref()).map_or("", |holder| &holder.email)
    }

    /// Whether somebody has access by it who had none.
    pub fn grants(&self) -> bool {
        has_access(self.after.as_ref()) && !has_access(self.before.as_ref())
    }

    /// Whether somebody has no access by it who had.
    pub fn withdraws(&self) -> bool {
        has_access(self.before.as_ref()) && !has_access(self.after.as_ref())
    }

    /// Whether there is an account that was not there.
    pub fn creates(&self) -> bool {
        self.before.is_none()
    }
}

fn has_access(holder: Option<&Holder>) -> bool {
    holder.is_some_and(|holder| holder.access)
}

/// The changes since the last look, on top of what stood then.
#[derive(Debug, Default)]
pub struct Ledger {
    /// What stood at the last look, by the app's id.
    pub base: BTreeMap<String, Holder>,
    pub changes: Vec<Change>,
    /// What stands.
    pub stands: BTreeMap<String, Holder>,
    last: u64,
}

#[derive(Deserialize)]
struct Listing {
    last: u64,
    entries: Vec<Change>,
    holders: Vec<Holder>,
}

impl Ledger {
    /// Reads on; what stood before becomes the base.
    pub fn read(&mut self, app: &Simulated) -> Result<(), String> {
        let told = app.lever("GET", &format!("ledger?after={}", self.last), &json!({}))?;
        let listing: Listing = serde_json::from_value(told).map_err(|error| error.to_string())?;
        self.base = std::mem::take(&mut self.stands);
        if self.last == 0 {
            self.base = listing.holders.iter().map(|one| (one.id.clone(), one.clone())).collect();
            for change in listing.entries.iter().rev() {
                match &change.before {
                    Some(before) => self.base.insert(before.id.clone(), before.clone()),
                    None => self.base.remove(change.after.as_ref().map_or("", |one| &one.id)),
                };
            }
        }
        let missed = listing.entries.first().is_some_and(|first| first.seq != self.last + 1);
        if missed {
            return Err("the ledger has lost entries".to_owned());
        }
        self.last = listing.last;
        self.changes = listing.entries;
        self.stands = listing.holders.into_iter().map(|holder| (holder.id.clone(), holder)).collect();
        Ok(())
    }

    /// The changes of one person, by address.
    pub fn of<'a>(&'a self, person: &'a str) -> impl Iterator<Item = &'a Change> {
        self.changes.iter().filter(move |change| change.email().eq_ignore_ascii_case(person))
    }

    /// The accounts of one person as they stood at `moment`.
    pub fn at(&self, person: &str, moment: i64) -> Vec<Holder> {
        let of_person = |holder: &&Holder| holder.email.eq_ignore_ascii_case(person);
        let mut held: BTreeMap<String, Holder> =
            self.base.values().filter(of_person).map(|one| (one.id.clone(), one.clone())).collect();
        for change in self.of(person).filter(|change| change.at_us <= moment) {
            if let Some(before) = &change.before {
                held.remove(&before.id);
            }
            if let Some(after) = &change.after {
                held.insert(after.id.clone(), after.clone());
            }
        }
        held.into_values().collect()
    }

    /// Whether any account of this address has access now.
    pub fn has_access(&self, person: &str) -> bool {
        self.stands.values().any(|holder| holder.access && holder.email.eq_ignore_ascii_case(person))
    }
}

/// What an app was asked since the last look, as its journal tells; it is forgotten there.
pub fn journal(app: &Simulated) -> Result<Value, String> {
    let journal = app.lever("GET", "journal", &json!({}))?;
    app.lever("DELETE", "journal", &json!({}))?;
    Ok(journal)
}

/// The credential kinds in a journal, with one call of each.
pub fn credentials(journal: &Value) -> BTreeMap<String, String> {
    let mut kinds = BTreeMap::new();
    for entry in journal.as_array().into_iter().flatten() {
        let call =
            format!("{} {}", entry["method"].as_str().unwrap_or(""), entry["path"].as_str().unwrap_or(""));
        let headers = entry["headers"].as_object().into_iter().flatten();
        for (name, value) in headers {
            let names = ["authorization", "api_key", "api-key", "x-honeycomb-team", "x-user-token"];
            if names.contains(&name.as_str()) {
                kinds.insert(value.as_str().unwrap_or_default().to_owned(), call.clone());
            }
        }
    }
    kinds
}

/// The order of faults that strike so many of a hundred calls: refusals, failures, silence, and answers that are lost
/// after the app has acted.
pub fn plague(percent: f64) -> Value {
    let share = percent / 100.0 / 8.0;
    json!([
        { "status": 429, "headers": { "Retry-After": "1" }, "probability": share },
        { "status": 429, "probability": share },
        { "status": 500, "probability": share },
        { "status": 500, "commit": true, "probability": share },
        { "status": 503, "probability": share },
        { "drop_connection": true, "probability": share },
        { "drop_connection": true, "commit": true, "probability": share },
        { "delay_ms": 2_500, "commit": true, "probability": share },
        { "delay_ms": 40, "commit": true, "probability": 0.25 },
    ])
}
