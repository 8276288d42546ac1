//! The audit: what was about to be changed at an app and what became of it, in one chain for each connection.
//!
//! Each link holds the digest of the one before, so that a change, a gap or another order shows. What was cut off at the
//! end shows against heads that were signed and held elsewhere.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::base::clock::Timestamp;
use crate::base::context::Call;

/// The digest of one link.
pub type LinkHash = [u8; 32];

/// What the first link follows.
pub const BEGINNING: LinkHash = [0; 32];

/// Set apart from every other digest.
const DOMAIN: &[u8] = b"portcullis audit 1\n";

/// Whether an attempt begins or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Written in one commit with the attempt, before anything leaves the house.
    Before,
    /// Written in one commit with the outcome.
    After,
}

impl Phase {
    /// The word it is kept as.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// A call that may have changed something at the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mutation {
    pub at: Timestamp,
    /// The operation of the treaty it was part of.
    pub operation: String,
    pub method: String,
    /// Redacted.
    pub path: String,
    /// `None` when no answer came.
    pub status: Option<u16>,
    /// From 1, within the operation.
    pub attempt: u32,
}

impl From<&Call> for Mutation {
    fn from(call: &Call) -> Self {
        Self {
            at: call.at,
            operation: call.operation.unwrap_or_default().to_owned(),
            method: call.method.clone(),
            path: call.path.clone(),
            status: call.status,
            attempt: call.attempt,
        }
    }
}

/// One entry. It holds ids and words of closed sets, and no personal data. Its text is its JSON with the fields in this
/// order and without spaces: that is what is hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub connection: String,
    pub at: Timestamp,
    pub phase: Phase,
    /// The id of the intent.
    pub intent: String,
    pub request_id: String,
    /// `user` or `group`.
    pub kind: String,
    /// The SCIM id.
    pub resource: String,
    /// What was asked for: `create`, `deactivate`, `members` …
    pub operation: String,
    pub generation: i64,
    /// From 1.
    pub attempt: i64,
    /// `begun`; afterwards the state of the intent, `unsettled` where none could be written, `interrupted` where the
    /// process ended before.
    pub outcome: String,
    /// Carried out while the journal could not be written, and written down afterwards.
    pub bypassed: bool,
    pub calls: Vec<Mutation>,
}

/// One link of a chain, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// From 1, without a gap.
    pub seq: i64,
    pub previous: LinkHash,
    pub hash: LinkHash,
    /// The moment of the entry, to look it up by.
    pub at: Timestamp,
    /// The intent of the entry, to look it up by.
    pub intent: String,
    /// The text of the [`Entry`].
    pub entry: String,
}

/// The end of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub connection: String,
    /// 0 where there is no link.
    pub seq: i64,
    pub hash: LinkHash,
}

impl Head {
    /// The end of a chain nothing was written to.
    #[must_use]
    pub fn beginning(connection: impl Into<String>) -> Self {
        Self { connection: connection.into(), seq: 0, hash: BEGINNING }
    }

    /// The link that `entry` becomes after this one.
    ///
    /// # Errors
    /// Where the entry has no JSON text, which it always has.
    pub fn link(&self, entry: &Entry) -> Result<Link, serde_json::Error> {
        let text = serde_json::to_string(entry)?;
        let seq = self.seq + 1;
        Ok(Link {
            seq,
            previous: self.hash,
            hash: digest(&self.connection, seq, &self.hash, &text),
            at: entry.at,
            intent: entry.intent.clone(),
            entry: text,
        })
    }
}

/// The digest of a link: over the connection, the place, the link before and the text of the entry.
#[must_use]
pub fn digest(connection: &str, seq: i64, previous: &LinkHash, entry: &str) -> LinkHash {
    let mut hasher = Sha256::new();
    hasher.update(DOMAIN);
    hasher.update((connection.len() as u64).to_be_bytes());
    hasher.update(connection.as_bytes());
    hasher.update(seq.to_be_bytes());
    hasher.update(previous);
    hasher.update(entry.as_bytes());
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            connection: "hive".to_owned(),
            at: Timestamp(1_000),
            phase: Phase::After,
            intent: "i1".to_owned(),
            request_id: "r1".to_owned(),
            kind: "user".to_owned(),
            resource: "u1".to_owned(),
            operation: "deactivate".to_owned(),
            generation: 2,
            attempt: 1,
            outcome: "confirmed".to_owned(),
            bypassed: false,
            calls: vec![Mutation {
                at: Timestamp(900),
                operation: "deactivate".to_owned(),
                method: "DELETE".to_owned(),
                path: "/members/7".to_owned(),
                status: None,
                attempt: 2,
            }],
        }
    }

    #[test]
    fn the_text_of_an_entry_is_one_line_with_the_fields_in_their_order() {
        let link = Head::beginning("hive").link(&entry()).unwrap();
        assert_eq!(
            link.entry,
            r#"{"connection":"hive","at":1000,"phase":"after","intent":"i1","request_id":"r1","kind":"user","resource":"u1","operation":"deactivate","generation":2,"attempt":1,"outcome":"confirmed","bypassed":false,"calls":[{"at":900,"operation":"deactivate","method":"DELETE","path":"/members/7","status":null,"attempt":2}]}"#
        );
        assert_eq!(serde_json::from_str::<Entry>(&link.entry).unwrap(), entry());
    }

    #[test]
    fn everything_a_link_says_is_in_its_digest() {
        let of = |connection: &str, seq, previous, entry: &str| digest(connection, seq, &previous, entry);
        let all = [
            of("hive", 1, BEGINNING, "{}"),
            of("hiv", 1, BEGINNING, "e{}"),
            of("hive", 2, BEGINNING, "{}"),
            of("hive", 1, [1; 32], "{}"),
            of("hive", 1, BEGINNING, "{ }"),
        ];
        for (place, one) in all.iter().enumerate() {
            assert!(all.iter().skip(place + 1).all(|other| other != one), "{place}");
        }
        assert_eq!(all[0], of("hive", 1, BEGINNING, "{}"));
    }
}
