//! Holds the audit against what an app was asked: every change stands in it once, nothing else does, and the chain is
//! whole.

use std::collections::BTreeMap;

use portcullis::base::clock::Timestamp;
use portcullis::base::context::redacted;
use portcullis::store::audit::{BEGINNING, Entry, Link, LinkHash, Phase, digest};
use serde_json::Value;

/// An app tells its moments in whole milliseconds.
const ROUNDED: i64 = 1_000;

/// How long a call may take on its way, in microseconds.
const SLACK: i64 = 5_000;

/// A call an app had that may have changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub at: i64,
    pub method: String,
    /// Without addresses.
    pub path: String,
}

impl Asked {
    /// The calls of an app's journal that may have changed something, oldest first.
    pub fn all(journal: &Value) -> Vec<Self> {
        let calls = journal.as_array().into_iter().flatten().filter_map(|entry| {
            let (method, path) = (entry["method"].as_str()?, entry["path"].as_str()?);
            let reads = ["GET", "HEAD"].contains(&method) || path.contains("oauth2/token");
            let at = Timestamp::parse(entry["at"].as_str()?)?.0;
            (!reads).then(|| Self { at, method: method.to_owned(), path: redacted(path) })
        });
        calls.collect()
    }
}

/// A call as the audit tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Claimed {
    at: i64,
    method: String,
    path: String,
    answered: bool,
}

impl Claimed {
    /// Whether this may be that call: sent before it arrived.
    fn is(&self, asked: &Asked) -> bool {
        // An app in a process of its own has its paths below none.
        self.method == asked.method && self.path.ends_with(&asked.path) && self.at <= asked.at + ROUNDED
    }
}

/// One attempt at an app.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Attempt {
    began: i64,
    ended: Option<i64>,
    /// The process ended during it: what it called may not be told.
    interrupted: bool,
}

/// The audit of one connection beside the calls of its app, as far as both were read.
#[derive(Debug)]
pub struct Books {
    seq: i64,
    hash: LinkHash,
    attempts: BTreeMap<(String, i64), Attempt>,
    /// Calls the other side has not told of: those of the last look, which it may tell at the next.
    asked: Vec<Asked>,
    claimed: Vec<Claimed>,
    /// How many calls stand in both.
    pub agreed: u64,
}

impl Default for Books {
    fn default() -> Self {
        let (attempts, asked, claimed) = Default::default();
        Self { seq: 0, hash: BEGINNING, attempts, asked, claimed, agreed: 0 }
    }
}

impl Books {
    /// After which link to read on.
    pub fn read_until(&self) -> i64 {
        self.seq
    }

    /// Takes in what is new on both sides; answers what must not be.
    pub fn compare(&mut self, connection: &str, links: &[Link], asked: Vec<Asked>) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut claimed = std::mem::take(&mut self.claimed);
        let old_claims = claimed.len();
        for link in links {
            wrong.extend(self.follow(connection, link));
            match serde_json::from_str::<Entry>(&link.entry) {
                Ok(entry) => {
                    wrong.extend(self.pair(&entry));
                    claimed.extend(entry.calls.into_iter().map(|call| Claimed {
                        at: call.at.0,
                        method: call.method,
                        path: call.path,
                        answered: call.status.is_some(),
                    }));
                }
                Err(error) => wrong.push(format!("entry {} cannot be read: {error}", link.seq)),
            }
        }
        let old = std::mem::take(&mut self.asked);
        let old_calls = old.len();
        let mut open: Vec<Option<Claimed>> = claimed.into_iter().map(Some).collect();
        for (place, call) in old.into_iter().chain(asked).enumerate() {
            // Of several the one that was sent last: what was sent before it, or never answered, may not have arrived.
            let may_be = open.iter().enumerate().filter_map(|(place, claim)| {
                claim.as_ref().filter(|claim| claim.is(&call)).map(|claim| (claim.at, claim.answered, place))
            });
            let found = may_be.max().map(|(_, _, place)| place);
            if let Some(found) = found {
                open[found] = None;
                self.agreed += 1;
            } else if place >= old_calls {
                self.asked.push(call);
            } else if !self.is_excused(&call) {
                wrong
                    .push(format!("the audit does not tell of {} {} at {}", call.method, call.path, call.at));
            }
        }
        for (place, claim) in open.into_iter().enumerate() {
            let Some(claim) = claim.filter(|claim| claim.answered) else { continue };
            if place >= old_claims {
                self.claimed.push(claim);
            } else {
                wrong.push(format!(
                    "the app never had {} {}, which the audit tells",
                    claim.method, claim.path
                ));
            }
        }
        self.forget();
        wrong
    }

    /// The next link of the chain.
    fn follow(&mut self, connection: &str, link: &Link) -> Option<String> {
        let expected = digest(connection, link.seq, &self.hash, &link.entry);
        let follows = link.seq == self.seq + 1 && link.previous == self.hash && link.hash == expected;
        (self.seq, self.hash) = (link.seq, link.hash);
        (!follows).then(|| format!("entry {} does not follow the one before it", link.seq))
    }

    /// Every attempt begins once, before it ends.
    fn pair(&mut self, entry: &Entry) -> Option<String> {
        let key = (entry.intent.clone(), entry.attempt);
        let known = self.attempts.get_mut(&key);
        match (entry.phase, known) {
            (Phase::Before, None) => {
                let began = entry.at.0;
                self.attempts.insert(key, Attempt { began, ended: None, interrupted: false });
                None
            }
            (Phase::Before, Some(_)) => Some(format!("begun twice: {entry:?}")),
            (Phase::After, Some(attempt)) => {
                let again = attempt.ended.is_some();
                attempt.ended = Some(entry.at.0);
                attempt.interrupted |= entry.outcome == "interrupted";
                (again && !entry.calls.is_empty()).then(|| format!("ended twice: {entry:?}"))
            }
            (Phase::After, None) => {
                (!entry.calls.is_empty()).then(|| format!("an end without a beginning: {entry:?}"))
            }
        }
    }

    /// Whether the process may have ended between a call and the entry that would tell of it.
    fn is_excused(&self, call: &Asked) -> bool {
        self.attempts.values().any(|attempt| {
            let ended = attempt.ended.filter(|_| !attempt.interrupted);
            let until = if attempt.interrupted { attempt.ended } else { None };
            ended.is_none()
                && call.at >= attempt.began - SLACK
                && until.is_none_or(|until| call.at <= until + SLACK)
        })
    }

    /// Attempts that ended before every call that is still to be explained are done with.
    fn forget(&mut self) {
        let Some(oldest) = self.asked.iter().map(|call| call.at).min() else { return };
        self.attempts.retain(|_, attempt| attempt.ended.is_none_or(|ended| ended + SLACK >= oldest));
    }
}

#[cfg(test)]
mod tests {
    use portcullis::store::audit::{Head, Mutation};

    use super::*;

    /// An intent, and the path and status of each call of its attempt; none where that was interrupted.
    type Story<'a> = (&'a str, Option<&'a [(&'a str, Option<u16>)]>);

    /// A chain of these attempts, one a second.
    fn chain(attempts: &[Story<'_>]) -> Vec<Link> {
        let mut head = Head::beginning("hive");
        let mut links = Vec::new();
        for (number, (intent, calls)) in attempts.iter().enumerate() {
            let at = i64::try_from(number).unwrap() * 1_000_000;
            let entry = |phase, at, outcome: &str, calls| Entry {
                connection: "hive".to_owned(),
                at: Timestamp(at),
                phase,
                intent: (*intent).to_owned(),
                request_id: "r".to_owned(),
                kind: "user".to_owned(),
                resource: "u1".to_owned(),
                operation: "update".to_owned(),
                generation: 1,
                attempt: 1,
                outcome: outcome.to_owned(),
                bypassed: false,
                calls,
            };
            let told = calls.unwrap_or_default().iter().map(|(path, status)| Mutation {
                at: Timestamp(at + 1),
                operation: "update_account".to_owned(),
                method: "PATCH".to_owned(),
                path: (*path).to_owned(),
                status: *status,
                attempt: 1,
            });
            let outcome = if calls.is_some() { "confirmed" } else { "interrupted" };
            for entry in [
                entry(Phase::Before, at, "begun", Vec::new()),
                entry(Phase::After, at + 500_000, outcome, told.collect()),
            ] {
                let link = head.link(&entry).unwrap();
                (head.seq, head.hash) = (link.seq, link.hash);
                links.push(link);
            }
        }
        links
    }

    fn asked(at: i64, path: &str) -> Asked {
        Asked { at, method: "PATCH".to_owned(), path: path.to_owned() }
    }

    /// What is found once both sides had the time of another look to tell.
    fn found(links: &[Link], calls: Vec<Asked>) -> Vec<String> {
        let mut books = Books::default();
        let mut wrong = books.compare("hive", links, calls);
        wrong.extend(books.compare("hive", &[], Vec::new()));
        wrong
    }

    #[test]
    fn what_both_tell_agrees_wherever_the_app_stands() {
        let links = chain(&[("i1", Some(&[("/api/v1/users/7", Some(200)), ("/api/v1/users/7", None)]))]);
        assert_eq!(found(&links, vec![asked(1, "/users/7"), asked(2, "/users/7")]), Vec::<String>::new());
        assert_eq!(
            found(&links, vec![asked(1, "/users/7")]),
            Vec::<String>::new(),
            "one may not have arrived"
        );
    }

    #[test]
    fn a_change_nobody_wrote_down_is_found() {
        let links = chain(&[("i1", Some(&[("/users/7", Some(200))]))]);
        assert_eq!(found(&links, vec![asked(1, "/users/7"), asked(2, "/users/8")]).len(), 1);
        assert_eq!(found(&links, vec![asked(1, "/users/7"), asked(2, "/users/7")]).len(), 1, "made twice");
    }

    #[test]
    fn a_change_during_an_attempt_that_was_interrupted_is_excused_and_no_other() {
        let links = chain(&[("i1", None)]);
        assert_eq!(found(&links, vec![asked(400_000, "/users/7")]), Vec::<String>::new());
        assert_eq!(found(&links, vec![asked(600_000, "/users/7")]).len(), 1);
    }

    #[test]
    fn a_change_that_never_was_is_found() {
        let links = chain(&[("i1", Some(&[("/users/7", Some(200))]))]);
        assert_eq!(found(&links, Vec::new()).len(), 1);
    }

    #[test]
    fn a_link_that_was_taken_out_changed_or_begun_twice_is_found() {
        let whole = chain(&[("i1", Some(&[])), ("i2", Some(&[]))]);
        assert_eq!(found(&whole, Vec::new()), Vec::<String>::new());
        let gap: Vec<Link> = [&whole[..1], &whole[2..]].concat();
        assert!(!found(&gap, Vec::new()).is_empty());
        let mut changed = whole.clone();
        changed[1].entry = changed[1].entry.replace("confirmed", "not_applied");
        assert!(!found(&changed, Vec::new()).is_empty());
        assert!(!found(&chain(&[("i1", Some(&[])), ("i1", Some(&[]))]), Vec::new()).is_empty());
    }
}
