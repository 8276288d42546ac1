//! Which member of the REST API is which user of SCIM: who has the same id, else who alone has the same address.

use std::collections::{BTreeMap, BTreeSet};

use super::account::People;
use crate::base::fold;
use crate::contract::{Account, State};

/// The member a user turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Partner<'a> {
    Nobody,
    Member(&'a Account),
    /// Several could be meant, and none is picked.
    Several,
}

/// The people of both interfaces beside each other.
#[derive(Debug)]
pub(super) struct Pairs<'a> {
    members: &'a [Account],
    /// Ids of members who have several ids in one workspace, for one address.
    twins: BTreeSet<&'a str>,
    /// Members who are a user by their id.
    linked: BTreeSet<&'a str>,
    /// How many users without a member of their id have an address.
    users_of: BTreeMap<String, usize>,
}

impl<'a> Pairs<'a> {
    /// Lays `users` beside the people of all managed workspaces. `links` are the members known to be other users.
    pub(super) fn new(users: &'a [Account], people: &'a People, links: &'a BTreeMap<String, String>) -> Self {
        let of_user: BTreeSet<&str> = users.iter().map(|user| user.id.as_str()).collect();
        let linked_elsewhere = links
            .iter()
            .filter(|(user, _)| !of_user.contains(user.as_str()))
            .map(|(_, member)| member.as_str());
        let mut pairs = Self {
            members: &people.accounts,
            twins: people
                .other_ids
                .iter()
                .filter(|(_, called)| has_twin(called))
                .map(|(id, _)| id.as_str())
                .collect(),
            linked: linked_elsewhere.collect(),
            users_of: BTreeMap::new(),
        };
        for user in users {
            if let Some(member) = pairs.called(user) {
                pairs.linked.insert(&member.id);
            } else if let Some(address) = &user.email {
                *pairs.users_of.entry(fold::key(address)).or_default() += 1;
            }
        }
        pairs
    }

    fn called(&self, user: &Account) -> Option<&'a Account> {
        self.members.iter().find(|member| member.id == user.id)
    }

    /// The member that a user is.
    pub(super) fn of(&self, user: &Account) -> Partner<'a> {
        if let Some(member) = self.called(user) {
            return Partner::Member(member);
        }
        let Some(address) = user.email.as_deref().map(fold::key) else { return Partner::Nobody };
        let has = |member: &&Account| {
            member.email.as_deref().map(fold::key).as_ref() == Some(&address)
                && !self.linked.contains(member.id.as_str())
        };
        let mut found = self.members.iter().filter(has);
        match (found.next(), found.next()) {
            (None, _) => Partner::Nobody,
            (Some(member), None) if !self.is_doubtful(member, &address) => Partner::Member(member),
            (Some(_), _) => Partner::Several,
        }
    }

    /// Members with access who are none of the users, by id or by address.
    pub(super) fn strangers(&self, users: &[Account]) -> impl Iterator<Item = &'a Account> {
        let addresses: BTreeSet<String> =
            users.iter().filter_map(|user| user.email.as_deref().map(fold::key)).collect();
        self.members.iter().filter(move |member| {
            let is_named = member.email.as_deref().is_some_and(|email| addresses.contains(&fold::key(email)));
            member.state != Some(State::Inactive) && !self.linked.contains(member.id.as_str()) && !is_named
        })
    }

    fn is_doubtful(&self, member: &Account, address: &str) -> bool {
        self.twins.contains(member.id.as_str()) || self.users_of.get(address).is_some_and(|users| *users > 1)
    }
}

/// Whether one workspace calls a person by two ids.
fn has_twin(called: &[(String, String)]) -> bool {
    let mut ids: BTreeMap<&str, &str> = BTreeMap::new();
    called.iter().any(|(workspace, id)| ids.insert(workspace, id).is_some_and(|other| other != id))
}

/// One account out of both: SCIM tells who they are, REST their role and whether an invitation is open. Access that
/// either of them shows is access.
pub(super) fn merged(user: Account, member: Option<&Account>) -> Account {
    let Some(member) = member else { return user };
    let state = match (user.state, member.state) {
        (Some(State::Inactive) | None, Some(told)) => Some(told),
        (_, Some(State::Invited)) => Some(State::Invited),
        (told, _) => told,
    };
    Account {
        state,
        given_name: user.given_name.or_else(|| member.given_name.clone()),
        family_name: user.family_name.or_else(|| member.family_name.clone()),
        roles: member.roles.clone(),
        photo: user.photo.or_else(|| member.photo.clone()),
        ..user
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str, email: &str) -> Account {
        Account { id: id.to_owned(), email: Some(email.to_owned()), ..Account::default() }
    }

    fn people(accounts: &[(&str, &str)]) -> People {
        let accounts = accounts.iter().map(|(id, email)| account(id, email)).collect();
        People { accounts, other_ids: BTreeMap::new() }
    }

    fn id_of(partner: &Partner<'_>) -> Option<String> {
        match partner {
            Partner::Member(member) => Some(member.id.clone()),
            Partner::Nobody | Partner::Several => None,
        }
    }

    #[test]
    fn an_id_comes_before_an_address_and_an_address_counts_in_any_case() {
        let people =
            people(&[("u1", "old@example.com"), ("m2", "Ben@Example.com"), ("m3", "new@example.com")]);
        let users =
            [account("u1", "new@example.com"), account("u2", "ben@example.com"), account("u4", "x@y.z")];
        let links = BTreeMap::new();
        let pairs = Pairs::new(&users, &people, &links);
        let found: Vec<_> = users.iter().map(|user| id_of(&pairs.of(user))).collect();
        assert_eq!(found, [Some("u1".to_owned()), Some("m2".to_owned()), None]);
        assert_eq!(pairs.of(&users[2]), Partner::Nobody);
    }

    #[test]
    fn two_users_of_one_address_have_no_member() {
        let people = people(&[("m1", "ben@example.com")]);
        let users = [account("u1", "ben@example.com"), account("u2", "BEN@example.com")];
        let links = BTreeMap::new();
        let pairs = Pairs::new(&users, &people, &links);
        assert!(users.iter().all(|user| pairs.of(user) == Partner::Several));
    }

    #[test]
    fn two_members_of_one_address_in_one_workspace_are_nobody_s_choice() {
        let called = |workspaces: [&str; 2]| {
            let mut people = people(&[("m1", "ben@example.com")]);
            let pair = |workspace: &str, id: &str| (workspace.to_owned(), id.to_owned());
            people
                .other_ids
                .insert("m1".to_owned(), vec![pair(workspaces[0], "m1"), pair(workspaces[1], "m2")]);
            people
        };
        let (users, links) = ([account("u1", "ben@example.com")], BTreeMap::new());
        let (one, two) = (called(["ws_1", "ws_1"]), called(["ws_1", "ws_2"]));
        assert_eq!(Pairs::new(&users, &one, &links).of(&users[0]), Partner::Several);
        assert_eq!(id_of(&Pairs::new(&users, &two, &links).of(&users[0])), Some("m1".to_owned()));
    }

    #[test]
    fn a_member_who_is_somebody_else_is_not_taken_for_their_address() {
        let people = people(&[("m1", "ben@example.com")]);
        let users = [account("u1", "ben@example.com")];
        let links = BTreeMap::from([("u9".to_owned(), "m1".to_owned())]);
        assert_eq!(Pairs::new(&users, &people, &links).of(&users[0]), Partner::Nobody);
        let links = BTreeMap::from([("u1".to_owned(), "m1".to_owned())]);
        assert_eq!(id_of(&Pairs::new(&users, &people, &links).of(&users[0])), Some("m1".to_owned()));
    }

    #[test]
    fn access_that_either_shows_is_access() {
        let state = |scim: Option<State>, rest: Option<State>| {
            let member = Account { state: rest, ..account("m", "a@b.c") };
            merged(Account { state: scim, ..account("u", "a@b.c") }, Some(&member)).state
        };
        let (active, invited, inactive) = (Some(State::Active), Some(State::Invited), Some(State::Inactive));
        assert_eq!(state(active, active), active);
        assert_eq!(state(active, invited), invited);
        assert_eq!(state(active, inactive), active);
        assert_eq!(state(inactive, active), active);
        assert_eq!(state(inactive, invited), invited);
        assert_eq!(state(inactive, inactive), inactive);
        assert_eq!(state(inactive, None), inactive);
        assert_eq!(state(None, None), None);
    }
}
