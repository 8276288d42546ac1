//! The true roster of the dashboard, and its CSV export in every form a person may hand us.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::adapters::simulator::{Person, Seed, SeedPeople, whole_seconds};
use crate::base::clock::Timestamp;
use crate::base::fold;

/// The roles of the dashboard; the owner's is given to nobody else.
pub(super) const ROLES: [&str; 3] = ["Read Only", "Read & Write", "Admin"];
pub(super) const OWNER: &str = "Account Owner";

const COLUMNS: [&str; 5] = ["email", "name", "role", "status", "last_seen"];

#[derive(Debug, Clone)]
pub(super) struct Seat {
    pub(super) email: String,
    pub(super) name: String,
    pub(super) role: String,
    /// Not listed until they accept.
    pub(super) pending: bool,
    last_seen: Option<Timestamp>,
}

/// Everybody in the organization, by folded address.
#[derive(Debug, Default)]
pub(super) struct Roster {
    seats: BTreeMap<String, Seat>,
}

impl Roster {
    pub(super) fn seeded(seed: Seed, now: Timestamp) -> Self {
        let mut roster = Self::default();
        if seed.people == SeedPeople::Default {
            for (email, role) in [
                ("owner@example.com", OWNER),
                ("maria.santos@example.com", "Admin"),
                ("tom.fischer@example.com", "Read Only"),
            ] {
                roster.join(&Person::from_email(email), role, now);
            }
        }
        for person in seed.generated() {
            roster.join(&person, "Read Only", now);
        }
        roster
    }

    /// Adds somebody who has accepted already.
    pub(super) fn join(&mut self, person: &Person, role: &str, now: Timestamp) {
        self.insert(Seat {
            email: person.email.clone(),
            name: person.full_name(),
            role: role.to_owned(),
            pending: false,
            last_seen: Some(now),
        });
    }

    /// Adds somebody who is invited.
    pub(super) fn invite(&mut self, email: &str, role: &str) {
        let (email, role) = (email.to_owned(), role.to_owned());
        self.insert(Seat { email, name: String::new(), role, pending: true, last_seen: None });
    }

    fn insert(&mut self, seat: Seat) {
        self.seats.insert(fold::key(&seat.email), seat);
    }

    pub(super) fn get(&self, email: &str) -> Option<&Seat> {
        self.seats.get(&fold::key(email))
    }

    pub(super) fn get_mut(&mut self, email: &str) -> Option<&mut Seat> {
        self.seats.get_mut(&fold::key(email))
    }

    pub(super) fn remove(&mut self, email: &str) -> Option<Seat> {
        self.seats.remove(&fold::key(email))
    }

    /// Accepts for somebody who is invited; they are then seen for the first time.
    pub(super) fn accept(&mut self, email: &str, now: Timestamp) -> bool {
        let Some(seat) = self.get_mut(email).filter(|seat| seat.pending) else { return false };
        seat.pending = false;
        seat.name = Person::from_email(&seat.email).full_name();
        seat.last_seen = Some(now);
        true
    }

    /// `[{email, name, role, status, last_seen}]`, invited people included.
    pub(super) fn to_json(&self) -> Value {
        let seats = self.seats.values().map(|seat| {
            let [email, name, role, status, last_seen] = row(seat);
            json!({ "email": email, "name": name, "role": role, "status": status, "last_seen": last_seen })
        });
        Value::Array(seats.collect())
    }

    /// The export as bytes; `None` for a variant that does not exist.
    ///
    /// Variants: `plain`, `bom`, `semicolon`, `duplicates` (the first row twice), `missing_column` (no `email`),
    /// `latin1`, `shrunk` (one row in five).
    pub(super) fn export(&self, variant: &str, with_pending: bool) -> Option<Vec<u8>> {
        let seats = self.seats.values().filter(|seat| with_pending || !seat.pending);
        let mut rows: Vec<[String; 5]> = seats.map(row).collect();
        match variant {
            "plain" | "bom" | "semicolon" | "missing_column" | "latin1" => {}
            "duplicates" => rows.extend(rows.first().cloned()),
            "shrunk" => rows = rows.into_iter().step_by(5).collect(),
            _ => return None,
        }
        let delimiter = if variant == "semicolon" { b';' } else { b',' };
        let skipped = usize::from(variant == "missing_column");
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
        writer.write_record(COLUMNS.iter().skip(skipped)).ok()?;
        for row in &rows {
            writer.write_record(row.iter().skip(skipped)).ok()?;
        }
        let bytes = writer.into_inner().ok()?;
        match variant {
            "bom" => Some([&[0xef, 0xbb, 0xbf], bytes.as_slice()].concat()),
            "latin1" => Some(latin1(&bytes)),
            _ => Some(bytes),
        }
    }
}

fn row(seat: &Seat) -> [String; 5] {
    let status = if seat.pending { "invited" } else { "active" };
    let last_seen = seat.last_seen.map(whole_seconds).unwrap_or_default();
    [seat.email.clone(), seat.name.clone(), seat.role.clone(), status.to_owned(), last_seen]
}

/// ISO 8859-1; what it cannot hold becomes a question mark.
fn latin1(utf8: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(utf8);
    text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')).collect()
}
