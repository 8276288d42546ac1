//! Honeycomb's two roles, and the groups that stand for them.

use crate::contract::{Error, Group, Kind, Result, Role};

/// The roles of the guide's member object.
pub(super) const ROLES: &[&str] = &["admin", "member"];

/// The role whose group nobody can be taken out of: there is nothing below it.
pub(super) const LOWEST: &str = "member";

/// The id of its group.
pub(super) const FLOOR: &str = "role:member";

const GROUP: &str = "role:";

/// The id of the group that stands for a role.
pub(super) fn group_id(role: &str) -> String {
    format!("{GROUP}{role}")
}

/// The groups, named like their roles behind `prefix`; their members are told with the accounts.
pub(super) fn groups(prefix: &str) -> Vec<Group> {
    let group = |role: &&str| Group { id: group_id(role), name: format!("{prefix}{role}"), members: None };
    ROLES.iter().map(group).collect()
}

/// The role a group stands for; fails with [`Kind::NotFound`] for any other id.
pub(super) fn of_group(group: &str, operation: &'static str) -> Result<&'static str> {
    let role = group.strip_prefix(GROUP);
    ROLES.iter().copied().find(|known| Some(*known) == role).ok_or_else(|| {
        Error::new(Kind::NotFound, operation, "Honeycomb has no groups but `role:admin` and `role:member`")
    })
}

/// The ids of the groups an account with this role is in; a role the guide does not know has no group.
pub(super) fn groups_of(role: &str) -> Vec<String> {
    ROLES.iter().filter(|known| **known == role).map(|known| group_id(known)).collect()
}

/// The one role that was asked for, or `otherwise` where none was; fails with [`Kind::Invalid`] before any call.
pub(super) fn one(
    asked: &[String],
    otherwise: &'static str,
    operation: &'static str,
) -> Result<&'static str> {
    match asked {
        [] => Ok(otherwise),
        [role] => ROLES.iter().copied().find(|known| known == role).ok_or_else(|| {
            Error::new(
                Kind::Invalid,
                operation,
                format!("Honeycomb knows no role `{role}`, only `admin` and `member`"),
            )
        }),
        _ => Err(Error::new(
            Kind::Invalid,
            operation,
            format!("{} roles were asked for; a Honeycomb member has one", asked.len()),
        )),
    }
}

/// A role as the treaty tells it.
pub(super) fn told(role: &str) -> Role {
    Role { value: role.to_owned(), display: None }
}
