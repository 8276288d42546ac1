//! What an app has: accounts and groups, in words common to all apps.

use serde::{Deserialize, Serialize};

/// How an account stands in the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Active,
    /// Invited and not accepted yet: no access, but it comes with one click.
    Invited,
    Inactive,
}

/// A role as the app spells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Role {
    pub value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
}

/// An account as the app told it. `None` means the app did not say, never that there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    /// The app's own id, as text.
    pub id: String,
    /// The login name, in apps that have one beside the address.
    pub user_name: Option<String>,
    /// What the caller's side calls the person, in apps that keep it (RFC 7643 §3.1 `externalId`).
    pub external_id: Option<String>,
    pub email: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub display_name: Option<String>,
    pub state: Option<State>,
    pub roles: Option<Vec<Role>>,
    /// Ids of the groups the account is in, where the app tells them with the account.
    pub groups: Option<Vec<String>>,
    pub photo: Option<String>,
    /// RFC 3339, as the app wrote it.
    pub created_at: Option<String>,
    pub updated_at: Option<String>,
}

impl Account {
    /// The state, where an app that says nothing means `Active`.
    #[must_use]
    pub fn state(&self) -> State {
        self.state.unwrap_or(State::Active)
    }

    /// Lays what `told` says over this account; what it does not say stays.
    pub fn merge(&mut self, told: Account) {
        fn over<T>(known: &mut Option<T>, told: Option<T>) {
            if told.is_some() {
                *known = told;
            }
        }
        if !told.id.is_empty() {
            self.id = told.id;
        }
        over(&mut self.user_name, told.user_name);
        over(&mut self.external_id, told.external_id);
        over(&mut self.email, told.email);
        over(&mut self.given_name, told.given_name);
        over(&mut self.family_name, told.family_name);
        over(&mut self.display_name, told.display_name);
        over(&mut self.state, told.state);
        over(&mut self.roles, told.roles);
        over(&mut self.groups, told.groups);
        over(&mut self.photo, told.photo);
        over(&mut self.created_at, told.created_at);
        over(&mut self.updated_at, told.updated_at);
    }
}

/// What a new account shall be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// Always there; apps that know only addresses use `email`.
    pub user_name: String,
    pub external_id: Option<String>,
    /// There for every app whose capabilities say it needs one.
    pub email: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub display_name: Option<String>,
    /// Empty: the app's or the connection's default.
    pub roles: Vec<String>,
    /// Groups the account had before, on apps where an invitation names them.
    pub groups: Vec<String>,
    /// `false` only on apps that can create a deactivated account.
    pub active: bool,
}

/// What shall be different; `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Change {
    pub user_name: Option<String>,
    pub external_id: Option<String>,
    pub email: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub display_name: Option<String>,
    /// The whole new list.
    pub roles: Option<Vec<String>>,
}

impl Change {
    /// Whether nothing shall be different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A group as the app told it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Group {
    pub id: String,
    pub name: String,
    /// Account ids; `None` where the app tells members elsewhere.
    pub members: Option<Vec<String>>,
}

/// An account seen as a member: some apps want its id, some its address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub account: String,
    pub email: Option<String>,
    /// The role an invitation shall carry, where adding a member means inviting it.
    pub role: Option<String>,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Opaque; `None` on the last page.
    pub next: Option<String>,
}
