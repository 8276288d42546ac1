//! Whether a chain is whole: every link in its place, after the one before it, as it was signed.

use std::collections::BTreeMap;

use super::HeadsFile;
use crate::base::clock::Timestamp;
use crate::provision::gateway::Gateway;
use crate::provision::{Refusal, Result};
use crate::scim::error::ScimError;
use crate::store::audit::{BEGINNING, Head, Link, LinkHash, digest};

/// Links read at a time, while those before are checked.
const STRIDE: u64 = 10_000;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// A link is missing, and a later one is there.
    Missing,
    /// A link, or the digest beside it, is not what was written.
    Altered,
    /// A link does not follow the one before it.
    Unlinked,
    /// It is not what was signed.
    NotAsSigned,
    /// The chain ends before a place that was signed, or before its own head: it was cut off, or is older.
    CutOff,
    /// The chain goes on after its own head, or the head is another.
    Headless,
}

impl Broken {
    /// For people, after `entry 7 of hive`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "is missing",
            Self::Altered => "is not what was written",
            Self::Unlinked => "does not follow the entry before it",
            Self::NotAsSigned => "is not what was signed",
            Self::CutOff => "is missing at the end: entries were cut off, or an older database was put back",
            Self::Headless => "does not agree with the end that was noted beside the chain",
        }
    }

    /// For machines.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Altered => "altered",
            Self::Unlinked => "unlinked",
            Self::NotAsSigned => "not_as_signed",
            Self::CutOff => "cut_off",
            Self::Headless => "headless",
        }
    }
}

/// The first thing that is wrong with a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The first place from which on the chain cannot be trusted.
    pub seq: i64,
    pub what: Broken,
}

/// What looking at one chain came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub connection: String,
    /// How many links were found good.
    pub good: i64,
    /// The last place that was signed; 0 where none was.
    pub signed: i64,
    pub finding: Option<Finding>,
}

impl Gateway {
    /// Checks every chain there is, or was when heads were signed; of one connection or of all. Changes nothing and may
    /// run beside a gateway that writes.
    ///
    /// # Errors
    /// 503 while the store does not answer.
    pub async fn verify_audit(&self, only: Option<&str>, signed: &HeadsFile) -> Result<Vec<Verified>> {
        let mut connections = self.shared().store.chains().await?;
        connections.extend(signed.connections());
        connections.sort();
        connections.dedup();
        connections.retain(|name| only.is_none_or(|only| only == name));
        let mut all = Vec::new();
        for connection in connections {
            let signed = signed.of(&connection);
            all.push(self.verify_chain(connection, signed).await?);
        }
        Ok(all)
    }

    async fn verify_chain(&self, connection: String, signed: BTreeMap<i64, LinkHash>) -> Result<Verified> {
        let store = &self.shared().store;
        let last_signed = signed.keys().next_back().copied().unwrap_or(0);
        // Read first: what is appended meanwhile comes after it.
        let head = store.head(&connection).await?.unwrap_or_else(|| Head::beginning(connection.as_str()));
        let mut walk = Walk { connection: connection.clone(), seq: 0, hash: BEGINNING, signed, head };
        let mut page = store.links(&connection, 0, STRIDE).await?;
        let mut finding = None;
        while let Some(last) = page.last().map(|link| link.seq)
            && finding.is_none()
        {
            let checking = tokio::task::spawn_blocking(move || {
                let finding = walk.check(&page);
                (walk, finding)
            });
            let (checked, next) = tokio::join!(checking, store.links(&connection, last, STRIDE));
            let failed = |_| Refusal::from(ScimError::new(500, "the check of the audit did not end"));
            (walk, finding) = checked.map_err(failed)?;
            page = next?;
        }
        let finding = finding.or_else(|| walk.end());
        Ok(Verified { connection, good: walk.seq, signed: last_signed, finding })
    }
}

/// How far a chain was found good.
struct Walk {
    connection: String,
    seq: i64,
    hash: LinkHash,
    signed: BTreeMap<i64, LinkHash>,
    head: Head,
}

impl Walk {
    fn check(&mut self, links: &[Link]) -> Option<Finding> {
        links.iter().find_map(|link| self.step(link))
    }

    fn step(&mut self, link: &Link) -> Option<Finding> {
        let seq = self.seq + 1;
        let found = |what| Some(Finding { seq, what });
        if link.seq != seq {
            return found(Broken::Missing);
        }
        let hash = digest(&self.connection, seq, &link.previous, &link.entry);
        if hash != link.hash || !says_the_same(&self.connection, link) {
            return found(Broken::Altered);
        }
        if link.previous != self.hash {
            return found(Broken::Unlinked);
        }
        if self.signed.get(&seq).is_some_and(|signed| *signed != hash) {
            return found(Broken::NotAsSigned);
        }
        if self.head.seq == seq && self.head.hash != hash {
            return found(Broken::Headless);
        }
        (self.seq, self.hash) = (seq, hash);
        None
    }

    /// What shows only at the end.
    fn end(&self) -> Option<Finding> {
        let found = |what| Some(Finding { seq: self.seq + 1, what });
        let last_signed = self.signed.keys().next_back().copied().unwrap_or(0);
        if self.seq < last_signed || self.seq < self.head.seq {
            return found(Broken::CutOff);
        }
        // Links may have been appended since the head was read, but never where there was none.
        if self.head.seq == 0 && self.seq > 0 {
            Some(Finding { seq: 1, what: Broken::Headless })
        } else {
            None
        }
    }
}

/// Whether the columns beside an entry say what the entry says: it begins with them.
fn says_the_same(connection: &str, link: &Link) -> bool {
    let Timestamp(at) = link.at;
    let begins = |phase: &str| {
        let intent = serde_json::to_string(&link.intent).unwrap_or_default();
        let connection = serde_json::to_string(connection).unwrap_or_default();
        let begin =
            format!("{{\"connection\":{connection},\"at\":{at},\"phase\":\"{phase}\",\"intent\":{intent},");
        link.entry.starts_with(&begin)
    };
    begins("after") || begins("before")
}
