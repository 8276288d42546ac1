//! Which account of the REST API is which user of the SCIM server: by their ids once they are known to be one person,
//! until then by an address that nobody else has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::fold::key;
use crate::contract::{Account, State};

/// What is known of both sides. It is found again by listing after a restart.
#[derive(Debug, Default)]
pub(super) struct Join(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Accounts as REST listed them last, by address; `None` before the first listing.
    listed: Option<BTreeMap<String, Vec<Account>>>,
    /// REST ids by SCIM id.
    links: BTreeMap<String, String>,
    /// SCIM ids of those who share an address, and of those REST does not list.
    ambiguous: BTreeSet<String>,
    alone: BTreeSet<String>,
}

/// Who has an address in the REST API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Match {
    Nobody,
    One(Box<Account>),
    /// Several accounts there have it, or another user of the SCIM server has it too: none is picked.
    Several,
}

impl Join {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether REST was listed at all.
    pub(super) fn is_listed(&self) -> bool {
        self.known().listed.is_some()
    }

    /// Takes a complete listing of the REST API in the place of the one before.
    pub(super) fn list(&self, accounts: Vec<Account>) {
        let mut listed: BTreeMap<String, Vec<Account>> = BTreeMap::new();
        for account in accounts {
            let address = account.email.as_deref().map(key).unwrap_or_default();
            listed.entry(address).or_default().push(account);
        }
        self.known().listed = Some(listed);
    }

    /// How many accounts REST listed.
    pub(super) fn count(&self) -> usize {
        self.known().listed.iter().flat_map(BTreeMap::values).map(Vec::len).sum()
    }

    /// Adds accounts to those of the last listing.
    pub(super) fn add(&self, accounts: Vec<Account>) {
        let mut known = self.known();
        let Some(listed) = &mut known.listed else { return };
        for account in accounts {
            let address = account.email.as_deref().map(key).unwrap_or_default();
            let held = listed.entry(address).or_default();
            held.retain(|other| other.id != account.id);
            held.push(account);
        }
    }

    /// Forgets who is who before everybody is met again, so that a link of somebody who has left holds nobody up.
    pub(super) fn start_anew(&self) {
        let mut known = self.known();
        *known = Known { listed: known.listed.take(), ..Known::default() };
    }

    /// The REST id of a user of the SCIM server who was met before.
    pub(super) fn linked(&self, user: &str) -> Option<String> {
        self.known().links.get(user).cloned()
    }

    /// Forgets whose id does not lead to them any more.
    pub(super) fn forget(&self, user: &str) {
        self.known().links.remove(user);
    }

    /// Joins a user of the SCIM server with the account of the same address in the last listing.
    pub(super) fn meet(&self, user: &Account) -> Match {
        let mut known = self.known();
        let address = user.email.as_deref().map(key).unwrap_or_default();
        let found = known.listed.iter().filter_map(|listed| listed.get(&address)).flatten();
        let found: Vec<Account> = found.filter(|_| !address.is_empty()).cloned().collect();
        let matched = match found.as_slice() {
            [] => Match::Nobody,
            [one] if known.links.iter().all(|(other, rest)| *rest != one.id || *other == user.id) => {
                Match::One(Box::new(one.clone()))
            }
            _ => Match::Several,
        };
        known.links.remove(&user.id);
        known.alone.remove(&user.id);
        known.ambiguous.remove(&user.id);
        match &matched {
            Match::One(account) => drop(known.links.insert(user.id.clone(), account.id.clone())),
            Match::Nobody => drop(known.alone.insert(user.id.clone())),
            Match::Several => drop(known.ambiguous.insert(user.id.clone())),
        }
        matched
    }

    /// What an operator should look into.
    pub(super) fn warnings(&self) -> Vec<String> {
        let known = self.known();
        let listed = |ids: &BTreeSet<String>| ids.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let mut warnings = Vec::new();
        if !known.ambiguous.is_empty() {
            warnings.push(format!(
                "several accounts share an address, so that REST and SCIM cannot be joined: the SCIM users {} keep \
                 their role and are never deleted for good; give each account an address of its own in Tines",
                listed(&known.ambiguous)
            ));
        }
        if !known.alone.is_empty() {
            warnings.push(format!(
                "REST does not show the SCIM users {}: their role is not known and cannot be changed",
                listed(&known.alone)
            ));
        }
        warnings
    }
}

/// Whether two accounts go by the same address, in any case.
pub(super) fn same_address(one: &Account, other: &Account) -> bool {
    let address = |account: &Account| account.email.as_deref().map(key);
    address(one).is_some() && address(one) == address(other)
}

/// A user of the SCIM server with what REST alone tells: the role. Whoever is active in either of the two has access.
pub(super) fn told_in_both(user: Account, rest: Account) -> Account {
    let state = if rest.state == Some(State::Active) { rest.state } else { user.state.or(rest.state) };
    Account { roles: rest.roles, state, ..user }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str, email: &str) -> Account {
        Account { id: id.to_owned(), email: Some(email.to_owned()), ..Account::default() }
    }

    fn met(join: &Join, user: &Account) -> Option<String> {
        match join.meet(user) {
            Match::One(account) => Some(account.id),
            Match::Nobody | Match::Several => None,
        }
    }

    #[test]
    fn one_person_has_one_address_in_any_case_and_is_known_by_id_from_then_on() {
        let join = Join::default();
        assert!(!join.is_listed());
        join.list(vec![account("1", "Ada@Example.com"), account("2", "ben@example.com")]);
        assert_eq!(met(&join, &account("u1", "ada@example.COM")).as_deref(), Some("1"));
        assert_eq!(join.linked("u1").as_deref(), Some("1"));
        assert_eq!(join.warnings(), Vec::<String>::new());
        join.forget("u1");
        assert_eq!(join.linked("u1"), None);
    }

    #[test]
    fn of_several_none_is_picked_whichever_side_they_are_on() {
        let join = Join::default();
        join.list(vec![account("1", "ada@x"), account("2", "ADA@x"), account("3", "ben@x")]);
        assert_eq!(join.meet(&account("u1", "ada@x")), Match::Several);
        assert_eq!(met(&join, &account("u3", "ben@x")).as_deref(), Some("3"));
        assert_eq!(join.meet(&account("u4", "Ben@x")), Match::Several);
        assert_eq!((join.linked("u1"), join.linked("u4")), (None, None));
        let [warning] = join.warnings().try_into().unwrap();
        assert!(warning.contains("u1, u4"), "{warning}");
    }

    #[test]
    fn somebody_without_an_address_is_nobody_else_without_one() {
        let join = Join::default();
        join.list(vec![Account { id: "1".to_owned(), ..Account::default() }]);
        assert_eq!(join.meet(&Account { id: "u1".to_owned(), ..Account::default() }), Match::Nobody);
        assert!(join.warnings()[0].contains("u1"));
    }

    #[test]
    fn meeting_everybody_anew_takes_a_person_who_came_back_under_another_id() {
        let join = Join::default();
        join.list(vec![account("1", "ada@x")]);
        met(&join, &account("u1", "ada@x"));
        assert_eq!(join.meet(&account("u2", "ada@x")), Match::Several);
        join.start_anew();
        assert_eq!(met(&join, &account("u2", "ada@x")).as_deref(), Some("1"));
        assert_eq!(join.linked("u1"), None);
    }

    #[test]
    fn whoever_is_active_in_either_has_access() {
        let in_state = |state| Account { state, ..account("1", "ada@x") };
        let told = |scim, rest| told_in_both(in_state(scim), in_state(rest)).state;
        let (on, off) = (Some(State::Active), Some(State::Inactive));
        assert_eq!([told(off, on), told(on, off), told(on, on)], [on, on, on]);
        assert_eq!([told(off, off), told(off, None), told(None, off)], [off, off, off]);
    }
}
