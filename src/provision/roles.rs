//! Where groups are roles: what was asked for, and what somebody has who leaves one.

use serde_json::Value;

use super::connection::Connection;
use super::standing::Person;
use crate::contract::{Role, Roles};
use crate::store::Record;

/// The attributes of a resource that name a role.
const ASKS_FOR_A_ROLE: [&str; 2] = ["roles", "userType"];

impl Connection {
    /// The role was given or taken through the group: what the person asked for before no longer stands.
    pub(super) fn forget_asked_role(&self, person: &mut Person) {
        if self.capabilities().groups.are_roles {
            ask_for_no_role(&mut person.desired);
        }
    }

    /// Whoever leaves the role of this group has the lowest one; nothing where it stands for none.
    pub(super) fn note_role_below(&self, person: &mut Person, group: &Record) {
        let Some(lowest) = self.role_below(group) else { return };
        if let Some(observed) = &mut person.observed {
            observed.roles = Some(vec![Role { value: lowest.to_owned(), display: None }]);
        }
        self.forget_asked_role(person);
    }

    /// Whether somebody without an account would come back with a role above the lowest: the one they asked for, or had.
    pub(super) fn may_come_with_a_role(&self, person: &Person, group: &Record) -> bool {
        let Some(lowest) = self.role_below(group).filter(|_| self.has_nothing(person)) else { return false };
        let mut had = person.observed.iter().filter_map(|account| account.roles.as_ref()).flatten();
        ASKS_FOR_A_ROLE.iter().any(|name| person.desired.get(name).is_some())
            || had.any(|role| role.value != lowest)
    }

    /// The role whoever leaves this group has then; none where it stands for no role, or for the lowest.
    pub(super) fn role_below(&self, group: &Record) -> Option<&'static str> {
        let capabilities = self.capabilities();
        let Roles::Fixed(roles) = capabilities.roles else { return None };
        let lowest = roles.iter().copied().find(|role| Some(*role) != capabilities.admin_role);
        lowest.filter(|_| capabilities.groups.are_roles && !self.is_floor(group))
    }
}

impl Person {
    /// Whether the account is in a group as far as the app told it.
    pub(super) fn is_known_in(&self, group: &Record) -> bool {
        let mut inside = self.observed.iter().filter_map(|account| account.groups.as_ref()).flatten();
        inside.any(|id| Some(id) == group.account.as_ref())
    }
}

/// The resource asks for no role any more.
pub(super) fn ask_for_no_role(desired: &mut Value) {
    if let Some(desired) = desired.as_object_mut() {
        for name in ASKS_FOR_A_ROLE {
            desired.shift_remove(name);
        }
    }
}
