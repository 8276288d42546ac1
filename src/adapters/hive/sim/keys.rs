//! API keys: personal, so that each may do what its owner may do at that moment.

use super::state::{State, Status};
use super::{ADMIN_KEY, MEMBER_KEY};
use crate::adapters::simulator::Call;

/// A personal API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// Of `owner@example.com`.
    Admin,
    /// Of `maria.santos@example.com`.
    Member,
}

impl Key {
    /// The key of `Authorization: Bearer …`.
    pub(super) fn of(call: &Call) -> Option<Self> {
        match call.bearer()? {
            ADMIN_KEY => Some(Self::Admin),
            MEMBER_KEY => Some(Self::Member),
            _ => None,
        }
    }

    /// The account the key belongs to.
    pub(super) fn owner(self, state: &State) -> Option<String> {
        state.id_of(match self {
            Self::Admin => "owner@example.com",
            Self::Member => "maria.santos@example.com",
        })
    }

    /// Whether the owner is an active member. Keys without owners see all but `ws_900`.
    pub(super) fn sees(self, state: &State, workspace: &str) -> bool {
        if !state.keys_have_owners {
            return workspace != "ws_900" && state.workspaces.contains_key(workspace);
        }
        self.role(state, workspace).is_some()
    }

    /// Whether the owner is an active admin there.
    pub(super) fn is_admin(self, state: &State, workspace: &str) -> bool {
        if !state.keys_have_owners {
            return self == Self::Admin;
        }
        self.role(state, workspace) == Some("admin")
    }

    fn role<'a>(self, state: &'a State, workspace: &str) -> Option<&'a str> {
        let members = &state.workspaces.get(workspace)?.members;
        let membership = members.get(&self.owner(state)?)?;
        (membership.status == Status::Active).then_some(membership.role.as_str())
    }
}
