//! Which user of the SCIM server is which user of the REST API: who has the same id and address, else the same address
//! and nobody else has it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::fold::key;
use crate::contract::Account;

/// The people joined so far, from the id of the REST API to the one of the SCIM server. Both ids last as long as the
/// person, so a pair stays true; after a restart it is found again.
#[derive(Debug, Default)]
pub(super) struct Links(Mutex<BTreeMap<String, String>>);

impl Links {
    fn pairs(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The SCIM id of who has this id in REST.
    pub(super) fn get(&self, rest: &str) -> Option<String> {
        self.pairs().get(rest).cloned()
    }

    /// Joins the two; nobody is joined twice.
    pub(super) fn join(&self, rest: &str, scim: &str) {
        let mut pairs = self.pairs();
        pairs.retain(|_, other| other != scim);
        pairs.insert(rest.to_owned(), scim.to_owned());
    }

    /// Forgets who is not there any more, or under another id.
    pub(super) fn forget(&self, rest: &str) {
        self.pairs().remove(rest);
    }
}

/// How the listings of both interfaces compare.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// People who are in both.
    pub joined: usize,
    /// REST ids of those the SCIM server does not show.
    pub alone: Vec<String>,
    /// REST ids of those who share their address with another one on either side.
    pub ambiguous: Vec<String>,
}

/// Compares all people of the REST API with all of the SCIM server.
pub(super) fn compare(rest: &[Account], scim: &[Account]) -> Comparison {
    let (ours, theirs) = (by_address(rest), by_address(scim));
    let mut found = Comparison::default();
    for account in rest {
        let address = account.email.as_deref().map(key).unwrap_or_default();
        let others = theirs.get(&address).map(Vec::as_slice).unwrap_or_default();
        let alike = ours.get(&address).map_or(0, Vec::len);
        match others {
            [] => found.alone.push(account.id.clone()),
            [_] if alike == 1 => found.joined += 1,
            [_, ..] => found.ambiguous.push(account.id.clone()),
        }
    }
    found
}

fn by_address(accounts: &[Account]) -> BTreeMap<String, Vec<&str>> {
    let mut ids: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for account in accounts {
        if let Some(address) = &account.email {
            ids.entry(key(address)).or_default().push(&account.id);
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(pairs: &[(&str, &str)]) -> Vec<Account> {
        let person = |(id, email): &(&str, &str)| Account {
            id: (*id).into(),
            email: Some((*email).into()),
            ..Account::default()
        };
        pairs.iter().map(person).collect()
    }

    #[test]
    fn people_are_joined_by_their_address_in_any_case_and_never_where_it_is_shared() {
        let rest = people(&[("r1", "Ann@x.io"), ("r2", "bob@x.io"), ("r3", "cle@x.io"), ("r4", "CLE@x.io")]);
        let scim = people(&[("s1", "ann@X.io"), ("s3", "cle@x.io"), ("s5", "eve@x.io")]);
        let expected =
            Comparison { joined: 1, alone: vec!["r2".into()], ambiguous: vec!["r3".into(), "r4".into()] };
        assert_eq!(compare(&rest, &scim), expected);
        let twice = people(&[("s1", "ann@x.io"), ("s2", "ANN@x.io")]);
        assert_eq!(compare(&rest, &twice).ambiguous, ["r1"]);
    }

    #[test]
    fn nobody_is_joined_twice() {
        let links = Links::default();
        links.join("r1", "s1");
        links.join("r2", "s1");
        assert_eq!((links.get("r1"), links.get("r2")), (None, Some("s1".into())));
        links.forget("r2");
        assert_eq!(links.get("r2"), None);
    }
}
