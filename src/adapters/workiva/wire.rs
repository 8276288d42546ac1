//! What Workiva says, and what it means in the words of the treaty.

use serde::Deserialize;

use crate::contract::{Account, Group, Role, State};

/// A user, or the part of one that an answer holds; only the id is always there.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    pub id: String,
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub display_name: Option<String>,
    pub active: Option<bool>,
    pub roles: Option<Vec<RoleRef>>,
    pub created_at: Option<String>,
    pub updated_at: Option<String>,
}

/// A role of a user: its identifier; an object that holds it is taken too, as the guide shows neither.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum RoleRef {
    Id(String),
    Named { id: String, name: Option<String> },
}

impl From<RoleRef> for Role {
    fn from(role: RoleRef) -> Self {
        match role {
            RoleRef::Id(value) => Self { value, display: None },
            RoleRef::Named { id, name } => Self { value: id, display: name },
        }
    }
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            email: user.email,
            given_name: user.first_name,
            family_name: user.last_name,
            display_name: user.display_name,
            state: user.active.map(|active| if active { State::Active } else { State::Inactive }),
            roles: user.roles.map(|roles| roles.into_iter().map(Role::from).collect()),
            created_at: user.created_at,
            updated_at: user.updated_at,
            ..Self::default()
        }
    }
}

/// One page of a listing.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "T: Deserialize<'de>"))]
pub(super) struct Listed<T> {
    pub data: Vec<T>,
    next_page_token: Option<String>,
}

impl<T> Listed<T> {
    /// The token of the page that follows; absent, `null` and empty all mean that none does.
    pub(super) fn next(&self) -> Option<&str> {
        self.next_page_token.as_deref().filter(|token| !token.is_empty())
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct WireGroup {
    pub id: String,
    pub name: Option<String>,
}

impl From<WireGroup> for Group {
    fn from(group: WireGroup) -> Self {
        let name = group.name.unwrap_or_else(|| group.id.clone());
        Self { id: group.id, name, members: None }
    }
}

/// A member of a group; the guide shows no listing of them, and both spellings are plausible.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum WireMember {
    Reference {
        #[serde(rename = "userId")]
        user_id: String,
    },
    User {
        id: String,
    },
}

impl WireMember {
    pub(super) fn into_id(self) -> String {
        match self {
            Self::Reference { user_id: id } | Self::User { id } => id,
        }
    }
}

/// A role the workspace has.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct WireRole {
    pub id: String,
    pub name: Option<String>,
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
            "data": [{"id":"usr_abc","email":"jane@example.com","firstName":"Jane","active":true}],
            "nextPageToken": "tok_xyz"
        }"#;
        let listing: Listed<User> = serde_json::from_str(listing).unwrap();
        assert_eq!(listing.next(), Some("tok_xyz"));
        let expected = Account {
            id: "usr_abc".into(),
            email: Some("jane@example.com".into()),
            given_name: Some("Jane".into()),
            state: Some(State::Active),
            ..Account::default()
        };
        assert_eq!(Account::from(listing.data[0].clone()), expected);
    }

    #[test]
    fn the_partial_answers_of_the_guides_writes_are_read() {
        let created = account(
            r#"{"id":"usr_new1","email":"new@example.com","active":true,"createdAt":"2024-01-15T10:00:00Z"}"#,
        );
        assert_eq!((created.id.as_str(), created.given_name), ("usr_new1", None));
        assert_eq!(created.created_at.as_deref(), Some("2024-01-15T10:00:00Z"));
        let updated = account(r#"{"id":"usr_abc","active":false,"updatedAt":"2024-06-01T12:00:00Z"}"#);
        assert_eq!((updated.state, updated.email), (Some(State::Inactive), None));
    }

    #[test]
    fn a_listing_ends_where_its_token_is_absent_null_or_empty() {
        for end in
            [r#"{"data":[]}"#, r#"{"data":[],"nextPageToken":null}"#, r#"{"data":[],"nextPageToken":""}"#]
        {
            assert_eq!(serde_json::from_str::<Listed<User>>(end).unwrap().next(), None, "{end}");
        }
    }

    #[test]
    fn roles_are_read_as_identifiers_and_as_objects() {
        let account = account(r#"{"id":"usr_1","roles":["role_a",{"id":"role_b","name":"Viewer"}]}"#);
        let expected = [("role_a", None), ("role_b", Some("Viewer"))]
            .map(|(value, display)| Role { value: value.into(), display: display.map(str::to_owned) });
        assert_eq!(account.roles, Some(expected.to_vec()));
    }

    #[test]
    fn members_are_read_in_both_spellings() {
        let members =
            r#"{"data":[{"groupId":"grp_1","userId":"usr_a"},{"id":"usr_b"},{"id":"m_1","userId":"usr_c"}]}"#;
        let members: Listed<WireMember> = serde_json::from_str(members).unwrap();
        let ids: Vec<String> = members.data.into_iter().map(WireMember::into_id).collect();
        assert_eq!(ids, ["usr_a", "usr_b", "usr_c"]);
    }

    #[test]
    fn the_groups_of_the_guides_listing_are_read() {
        let groups =
            r#"{"data": [{"id":"grp_1","name":"Finance Team","memberCount":12}], "nextPageToken": null}"#;
        let groups: Listed<WireGroup> = serde_json::from_str(groups).unwrap();
        let expected = Group { id: "grp_1".into(), name: "Finance Team".into(), members: None };
        assert_eq!(Group::from(groups.data[0].clone()), expected);
    }
}
