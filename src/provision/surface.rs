//! What discovery may claim for a connection: what its app can do and its policy lets pass.

use super::connection::Connection;
use super::policy::{Policy, ReadOnly};
use crate::contract::{Capabilities, Deactivate, GroupCapabilities, Held, Reactivate, Roles};
use crate::scim::discovery::{Bound, GroupSurface, Surface};
use crate::scim::schema::Mutability;

impl Connection {
    pub(super) fn surface(&self) -> Surface {
        let GroupCapabilities { list, create, rename, delete, add_member, remove_member, .. } =
            self.capabilities().groups;
        let groups = match (list, add_member || remove_member, create || rename || delete) {
            (false, ..) => GroupSurface::Absent,
            (true, false, _) => GroupSurface::ReadOnly,
            (true, true, false) => GroupSurface::Members,
            (true, true, true) => GroupSurface::Full,
        };
        Surface {
            groups,
            bounds: bounds(self.capabilities(), &self.policy),
            etag: true,
            sort: true,
            bulk: self.policy.bulk,
            ..Surface::new(self.base_url())
        }
    }
}

/// Where the app does less with an attribute than the schema says, as [`super::mapping::change`] answers to it.
fn bounds(capabilities: &Capabilities, policy: &Policy) -> Vec<Bound> {
    let held = &capabilities.accounts;
    let mut bounds = Vec::new();
    let mut limit = |attribute, mutability: Option<Mutability>| {
        if mutability.is_some() {
            bounds.push(Bound { attribute, mutability, canonical_values: Vec::new() });
        }
    };
    // Under `shadow` a name that the app does not take is kept by the gateway: whoever writes it finds it again.
    let name = |how: Held| match (policy.readonly, how) {
        (ReadOnly::Shadow, _) | (_, Held::No | Held::Tried | Held::Yes) => None,
        (ReadOnly::Ignore | ReadOnly::Reject, Held::ReadOnly) => Some(Mutability::ReadOnly),
        (ReadOnly::Ignore | ReadOnly::Reject, Held::AtCreate) => Some(Mutability::Immutable),
    };
    limit("name.givenName", name(held.given_name));
    limit("name.familyName", name(held.family_name));
    limit("displayName", name(held.display_name));
    // An address and a role are refused under every policy; each is given when the account is made.
    let fixed = |how: Held| matches!(how, Held::AtCreate | Held::ReadOnly).then_some(Mutability::Immutable);
    limit("emails.value", fixed(held.email));
    limit("roles", fixed(held.roles));
    if capabilities.deactivate == Deactivate::No && capabilities.reactivate == Reactivate::No {
        limit("active", Some(Mutability::ReadOnly));
    }
    if let Roles::Fixed(roles) = capabilities.roles {
        let canonical_values = roles.iter().map(|role| (*role).to_owned()).collect();
        bounds.push(Bound { attribute: "roles.value", mutability: None, canonical_values });
    }
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Accounts;

    fn told(capabilities: &Capabilities, readonly: ReadOnly) -> Vec<(&'static str, Option<Mutability>)> {
        let policy = Policy { readonly, ..Policy::default() };
        bounds(capabilities, &policy).into_iter().map(|bound| (bound.attribute, bound.mutability)).collect()
    }

    fn app() -> Capabilities {
        let accounts = Accounts {
            email: Held::ReadOnly,
            given_name: Held::ReadOnly,
            family_name: Held::AtCreate,
            roles: Held::AtCreate,
            ..Accounts::default()
        };
        let (deactivate, roles) = (Deactivate::Native, Roles::Fixed(&["admin", "member"]));
        Capabilities { accounts, deactivate, roles, ..Capabilities::default() }
    }

    #[test]
    fn an_address_and_a_role_that_are_fixed_are_immutable_under_every_policy() {
        let always = [
            ("emails.value", Some(Mutability::Immutable)),
            ("roles", Some(Mutability::Immutable)),
            ("roles.value", None),
        ];
        assert_eq!(told(&app(), ReadOnly::Shadow), always);
        let names = [
            ("name.givenName", Some(Mutability::ReadOnly)),
            ("name.familyName", Some(Mutability::Immutable)),
        ];
        let all: Vec<_> = names.into_iter().chain(always).collect();
        assert_eq!(told(&app(), ReadOnly::Reject), all);
        assert_eq!(told(&app(), ReadOnly::Ignore), all);
    }

    #[test]
    fn the_roles_of_an_app_that_has_always_the_same_are_told() {
        let bounds = bounds(&app(), &Policy::default());
        assert_eq!(
            bounds.last().map(|bound| bound.canonical_values.clone()),
            Some(vec!["admin".to_owned(), "member".to_owned()])
        );
    }

    #[test]
    fn active_is_read_only_where_the_app_has_no_way() {
        let none = Capabilities::default();
        assert_eq!(told(&none, ReadOnly::Shadow), [("active", Some(Mutability::ReadOnly))]);
    }
}
