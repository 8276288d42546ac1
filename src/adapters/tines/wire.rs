//! What Tines says, and what it means in the words of the treaty.

use serde::Deserialize;

use crate::contract::{Account, Group, Role, State};

/// A number in the guide; text is taken too.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Id {
    Number(u64),
    Text(String),
}

impl Id {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

/// A user, or the part of one that an answer holds; only the id is always there.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct User {
    pub id: Id,
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub role: Option<String>,
    pub team_ids: Option<Vec<Id>>,
    pub active: Option<bool>,
    pub created_at: Option<String>,
    pub updated_at: Option<String>,
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        Self {
            id: user.id.into_text(),
            email: user.email,
            given_name: user.first_name,
            family_name: user.last_name,
            state: user.active.map(|active| if active { State::Active } else { State::Inactive }),
            roles: user.role.map(|value| vec![Role { value, display: None }]),
            groups: user.team_ids.map(|ids| ids.into_iter().map(Id::into_text).collect()),
            created_at: user.created_at,
            updated_at: user.updated_at,
            ..Self::default()
        }
    }
}

/// Where a page stands in its listing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Meta {
    pub current_page: Option<u32>,
    pub total_pages: Option<u32>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Users {
    pub users: Vec<User>,
    #[serde(default)]
    pub meta: Meta,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Team {
    pub id: Id,
    pub name: String,
}

impl From<Team> for Group {
    fn from(team: Team) -> Self {
        Self { id: team.id.into_text(), name: team.name, members: None }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Teams {
    pub teams: Vec<Team>,
    /// Not in the guide's example; where it comes, it is followed.
    #[serde(default)]
    pub meta: Meta,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(user: &str) -> Account {
        serde_json::from_str::<User>(user).unwrap().into()
    }

    #[test]
    fn the_users_of_the_guides_listing_are_read() {
        let listing = r#"{
            "users": [{"id": 1, "email": "user@example.com", "first_name": "Jane", "last_name": "Doe"}],
            "meta": {"current_page": 1, "total_pages": 3}
        }"#;
        let listing: Users = serde_json::from_str(listing).unwrap();
        assert_eq!((listing.meta.current_page, listing.meta.total_pages), (Some(1), Some(3)));
        let expected = Account {
            id: "1".into(),
            email: Some("user@example.com".into()),
            given_name: Some("Jane".into()),
            family_name: Some("Doe".into()),
            ..Account::default()
        };
        assert_eq!(Account::from(listing.users[0].clone()), expected);
    }

    #[test]
    fn the_partial_answer_of_the_guides_update_is_read() {
        let account = account(r#"{"id": 99, "email": "new@example.com", "role": "admin"}"#);
        assert_eq!(account.id, "99");
        assert_eq!(account.roles, Some(vec![Role { value: "admin".into(), display: None }]));
        assert_eq!((account.state, account.groups, account.given_name), (None, None, None));
    }

    #[test]
    fn every_field_of_the_data_model_is_read() {
        let account = account(
            r#"{"id": 42, "email": "user@example.com", "first_name": "Jane", "last_name": "Doe",
                "role": "member", "team_ids": [5, 7], "active": false,
                "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-02T00:00:00Z", "extra": {}}"#,
        );
        assert_eq!(account.groups, Some(vec!["5".to_owned(), "7".to_owned()]));
        assert_eq!(account.state, Some(State::Inactive));
        assert_eq!(account.created_at.as_deref(), Some("2026-01-01T00:00:00Z"));
        assert_eq!(account.updated_at.as_deref(), Some("2026-01-02T00:00:00Z"));
    }

    #[test]
    fn the_teams_of_the_guides_listing_are_read() {
        let teams: Teams = serde_json::from_str(r#"{"teams": [{"id": 5, "name": "Security Ops"}]}"#).unwrap();
        let expected = Group { id: "5".into(), name: "Security Ops".into(), members: None };
        assert_eq!(Group::from(teams.teams[0].clone()), expected);
    }
}
