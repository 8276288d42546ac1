//! Hive's member object, and one account out of one person's memberships of several workspaces.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::base::fold;
use crate::contract::{Account, Error, Kind, Result, Role, State};

/// The roles of the guide's member object.
pub(super) const ROLES: &[&str] = &["admin", "member", "guest"];

/// A member of one workspace, as Hive tells it; only `id` is in every answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Membership {
    pub id: String,
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub role: Option<String>,
    pub status: Option<String>,
    pub profile_photo: Option<String>,
}

impl Membership {
    /// How the person stands in this workspace; `None` where the answer names no status the guide knows.
    pub(super) fn state(&self) -> Option<State> {
        match self.status.as_deref()? {
            "active" => Some(State::Active),
            "invited" => Some(State::Invited),
            "deactivated" => Some(State::Inactive),
            _ => None,
        }
    }

    /// The account this membership tells of, in no group yet.
    pub(super) fn into_account(self) -> Account {
        Account {
            state: self.state(),
            id: self.id,
            email: said(self.email),
            given_name: said(self.first_name),
            family_name: said(self.last_name),
            roles: said(self.role).map(|value| vec![Role { value, display: None }]),
            photo: said(self.profile_photo),
            ..Account::default()
        }
    }
}

/// An empty text says nothing: people who were invited have no name yet.
fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// The people of several workspaces.
#[derive(Debug, Default)]
pub(super) struct People {
    /// In the order of the workspaces, then Hive's own.
    pub accounts: Vec<Account>,
    pub other_ids: OtherIds,
}

/// What a person is called where one id is not enough: account id to (workspace, id in it).
pub(super) type OtherIds = BTreeMap<String, Vec<(String, String)>>;

impl People {
    /// Joins memberships, given by workspace, to people: by id, then by address in any case.
    ///
    /// The first workspace that says something about a person wins, but for the state: who has access anywhere is
    /// active. A deactivated membership gives no access and does not count as being in the workspace.
    pub(super) fn join(memberships: impl IntoIterator<Item = (String, Vec<Membership>)>) -> Self {
        let (mut by_id, mut by_address) = (BTreeMap::new(), BTreeMap::new());
        let mut persons: Vec<Person> = Vec::new();
        for (workspace, members) in memberships {
            for member in members {
                let told = Person::in_workspace(&workspace, member);
                let id = told.account.id.clone();
                let address = told.account.email.as_deref().map(fold::key);
                let known = by_id.get(&id).or_else(|| by_address.get(address.as_ref()?)).copied();
                let at = known.unwrap_or(persons.len());
                by_id.insert(id, at);
                if let Some(address) = address {
                    by_address.entry(address).or_insert(at);
                }
                if let Some(person) = persons.get_mut(at) {
                    person.add(told);
                } else {
                    persons.push(told);
                }
            }
        }
        let mut people = Self::default();
        for Person { account, called } in persons {
            if called.iter().any(|(_, id)| *id != account.id) {
                people.other_ids.insert(account.id.clone(), called);
            }
            people.accounts.push(account);
        }
        people
    }
}

/// An account while it is being joined, and what it is called where.
#[derive(Debug)]
struct Person {
    account: Account,
    called: Vec<(String, String)>,
}

impl Person {
    /// What one workspace tells.
    fn in_workspace(workspace: &str, member: Membership) -> Self {
        let account = member.into_account();
        let inside = account.state != Some(State::Inactive);
        let groups = Some(inside.then(|| workspace.to_owned()).into_iter().collect());
        let called = vec![(workspace.to_owned(), account.id.clone())];
        Self { account: Account { groups, ..account }, called }
    }

    /// Adds what another workspace tells about the same person.
    fn add(&mut self, told: Self) {
        let state = either(self.account.state, told.account.state);
        let mut groups = self.account.groups.take().unwrap_or_default();
        let more = told.account.groups.clone().unwrap_or_default();
        groups.extend(more.into_iter().filter(|group| !groups.contains(group)).collect::<Vec<_>>());
        let first = std::mem::replace(&mut self.account, told.account);
        self.account.merge(first);
        self.account.state = state;
        self.account.groups = Some(groups);
        self.called.extend(told.called);
    }
}

/// The better of two states; what is unsaid may be active, and is better than invited.
fn either(one: Option<State>, other: Option<State>) -> Option<State> {
    let rank = |state: &Option<State>| match state {
        Some(State::Active) => 3,
        None => 2,
        Some(State::Invited) => 1,
        Some(State::Inactive) => 0,
    };
    [one, other].into_iter().max_by_key(rank).flatten()
}

/// The one role that was asked for, or `otherwise` where none was; fails with [`Kind::Invalid`] before any call.
pub(super) fn one_role(
    asked: &[String],
    otherwise: &'static str,
    operation: &'static str,
) -> Result<&'static str> {
    let invalid = |message| Error::new(Kind::Invalid, operation, message);
    match asked {
        [] => Ok(otherwise),
        [role] => ROLES.iter().copied().find(|known| known == role).ok_or_else(|| {
            invalid(format!("Hive knows no role `{role}`, only `admin`, `member` and `guest`"))
        }),
        _ => Err(invalid(format!("{} roles were asked for; a Hive member has one", asked.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(of: &str) -> Vec<Membership> {
        serde_json::from_str(of).unwrap()
    }

    fn join(workspaces: &[(&str, &str)]) -> People {
        People::join(workspaces.iter().map(|(workspace, of)| ((*workspace).to_owned(), members(of))))
    }

    #[test]
    fn the_guides_examples_are_read_as_they_stand() {
        let listed = r#"[{"id":"usr_abc123","email":"user@example.com","firstName":"Jane","lastName":"Doe","role":"member"}]"#;
        let expected = Account {
            id: "usr_abc123".to_owned(),
            email: Some("user@example.com".to_owned()),
            given_name: Some("Jane".to_owned()),
            family_name: Some("Doe".to_owned()),
            roles: Some(vec![Role { value: "member".to_owned(), display: None }]),
            ..Account::default()
        };
        assert_eq!(members(listed).remove(0).into_account(), expected);
        let invited = r#"[{"id":"usr_xyz789","email":"newuser@example.com","status":"invited"}]"#;
        let expected = Account {
            id: "usr_xyz789".to_owned(),
            email: Some("newuser@example.com".to_owned()),
            state: Some(State::Invited),
            ..Account::default()
        };
        assert_eq!(members(invited).remove(0).into_account(), expected);
    }

    #[test]
    fn what_the_guide_does_not_name_is_passed_over() {
        let odd = r#"[{"id":"u","status":"paused","firstName":"","lastName":null,"teams":[1]}]"#;
        assert_eq!(
            members(odd).remove(0).into_account(),
            Account { id: "u".to_owned(), ..Account::default() }
        );
    }

    #[test]
    fn one_person_in_two_workspaces_is_one_account() {
        let people = join(&[
            ("ws_1", r#"[{"id":"u","email":"a@example.com","role":"guest","status":"invited"}]"#),
            ("ws_2", r#"[{"id":"u","firstName":"Anna","role":"admin","status":"active"}]"#),
        ]);
        let expected = Account {
            id: "u".to_owned(),
            email: Some("a@example.com".to_owned()),
            given_name: Some("Anna".to_owned()),
            state: Some(State::Active),
            roles: Some(vec![Role { value: "guest".to_owned(), display: None }]),
            groups: Some(vec!["ws_1".to_owned(), "ws_2".to_owned()]),
            ..Account::default()
        };
        assert_eq!(people.accounts, [expected]);
        assert!(people.other_ids.is_empty());
    }

    #[test]
    fn one_address_under_two_ids_is_one_account_that_remembers_both() {
        let people = join(&[
            ("ws_1", r#"[{"id":"u1","email":"A@example.com"}]"#),
            ("ws_2", r#"[{"id":"u2","email":"a@EXAMPLE.com"},{"id":"u3","email":"b@example.com"}]"#),
        ]);
        let ids: Vec<_> = people.accounts.iter().map(|account| account.id.as_str()).collect();
        assert_eq!(ids, ["u1", "u3"]);
        let pair = |workspace: &str, id: &str| (workspace.to_owned(), id.to_owned());
        let expected = BTreeMap::from([("u1".to_owned(), vec![pair("ws_1", "u1"), pair("ws_2", "u2")])]);
        assert_eq!(people.other_ids, expected);
    }

    #[test]
    fn access_anywhere_is_active_and_a_deactivated_membership_is_none() {
        let state = |one: &str, other: &str| {
            let of = |status: &str| format!(r#"[{{"id":"u"{status}}}]"#);
            let account = join(&[("ws_1", &of(one)), ("ws_2", &of(other))]).accounts.remove(0);
            (account.state, account.groups.unwrap().len())
        };
        let (active, invited, off) =
            (r#","status":"active""#, r#","status":"invited""#, r#","status":"deactivated""#);
        assert_eq!(state(off, active), (Some(State::Active), 1));
        assert_eq!(state(invited, active), (Some(State::Active), 2));
        assert_eq!(state("", invited), (None, 2));
        assert_eq!(state(invited, off), (Some(State::Invited), 1));
        assert_eq!(state(off, off), (Some(State::Inactive), 0));
    }
}
