//! The groups of an app: who is in them, what it tells of that, and listings that pass over somebody.

use std::time::Duration;

use async_trait::async_trait;
use portcullis::contract::{
    Account, Capabilities, Deactivate, Error, Group, GroupCapabilities, Groups, Kind, Member, Membership,
    Outcome, Result, Role, Roles, State,
};

use super::{App, Entry, GROUPS, Turned, Way, World};
use crate::life::Dice;

/// The role that everybody has at least, where groups are roles; the other one is a place to be let into.
pub const LOWEST: &str = GROUPS[1];
const HIGHER: &str = GROUPS[0];

/// How many of a hundred listings lack one that is there.
const PASSES_OVER: u64 = 4;

/// Where accounts go with their removal they tell their groups, as workspaces do.
pub(super) fn capabilities(deactivate: Deactivate, dice: &mut Dice) -> GroupCapabilities {
    let on_account = deactivate == Deactivate::ByRemoval || dice.chance(50);
    GroupCapabilities {
        noun: "teams",
        list: true,
        add_member: true,
        remove_member: true,
        membership: if on_account { Membership::OnAccount } else { Membership::OnGroup },
        ..GroupCapabilities::default()
    }
}

/// Makes it an app that removes, whose groups are roles; an account has one.
pub(super) fn have_roles(capabilities: &mut Capabilities, dice: &mut Dice) {
    *capabilities = super::removing();
    // Some tell one account only with all the others.
    capabilities.accounts.by_id = dice.chance(50);
    capabilities.roles = Roles::Fixed(&[LOWEST, HIGHER]);
    capabilities.default_role = Some(LOWEST);
    capabilities.groups = GroupCapabilities {
        noun: "roles",
        list: true,
        add_member: true,
        remove_member: true,
        membership: Membership::OnAccount,
        are_roles: true,
        floor: Some(LOWEST),
        ..GroupCapabilities::default()
    };
}

/// What the ledger calls somebody's place in a group.
pub fn place_of(email: &str, group: &str) -> String {
    format!("{email} in {group}")
}

impl App {
    pub(super) fn has_groups(&self) -> bool {
        self.capabilities.groups.list
    }

    pub fn has_roles(&self) -> bool {
        self.capabilities.groups.are_roles
    }

    /// Whether a call may let somebody into a group.
    pub(super) fn lets_in(&self, operation: &str) -> bool {
        operation == "add_member" || (self.has_roles() && operation == "update_account")
    }

    /// How many accounts of an address that work are in a group.
    pub fn inside(&self, email: &str, group: &str) -> usize {
        let world = self.world();
        let has_it = |id: &&String| {
            world.accounts.get(*id).is_some_and(|account| {
                account.email.as_deref() == Some(email) && account.state() != State::Inactive
            })
        };
        world.members.get(group).map_or(0, |members| members.iter().filter(has_it).count())
    }

    /// A listing whose pages moved while it was read; only of an app that has groups.
    pub(super) fn passed_over<T>(&self, mut all: Vec<T>) -> Vec<T> {
        let mut world = self.world();
        if self.has_groups() && !all.is_empty() && world.weather.fails > 0 && world.dice.chance(PASSES_OVER) {
            let place = world.dice.below(all.len() as u64);
            all.remove(usize::try_from(place).unwrap());
            let at = self.began.elapsed();
            world.asked.push((at, format!("{at:?} a listing passes over number {place}")));
        }
        all
    }
}

impl World {
    /// An account as the app tells it.
    pub(super) fn told(&self, account: &Account) -> Account {
        if self.has_roles {
            let role = if self.members[HIGHER].contains(&account.id) { HIGHER } else { LOWEST };
            let roles = Some(vec![Role { value: role.to_owned(), display: None }]);
            return Account { roles, groups: Some(vec![role.to_owned()]), ..account.clone() };
        }
        let inside = |group: &&str| self.members[*group].contains(&account.id);
        let groups =
            self.tells_groups.then(|| GROUPS.into_iter().filter(inside).map(str::to_owned).collect());
        Account { groups, ..account.clone() }
    }

    /// Where groups are roles.
    pub(super) fn give_roles(&mut self, id: &str, roles: &[String], at: Duration) {
        if self.has_roles {
            let email = self.accounts[id].email.clone().unwrap_or_default();
            self.place(HIGHER, id, &email, roles.iter().any(|role| role == HIGHER), at);
        }
    }

    pub(super) fn place(&mut self, group: &'static str, id: &str, email: &str, inside: bool, at: Duration) {
        let Some(members) = self.members.get_mut(group) else { return };
        let changed = if inside { members.insert(id.to_owned()) } else { members.remove(id) };
        if changed {
            let turned = if inside { Turned::On } else { Turned::Off };
            self.ledger.push(Entry { at, email: place_of(email, group), turned });
        }
    }
}

impl Way {
    async fn put(
        &self,
        operation: &'static str,
        group: &str,
        member: &Member,
        inside: bool,
    ) -> Result<Outcome<Option<Account>>> {
        let (id, group) = (member.account.clone(), group.to_owned());
        let call = self.app.write(operation, move |world, at| {
            let missing = || Error::new(Kind::NotFound, operation, "there is no such account or group");
            let group = GROUPS.into_iter().find(|known| *known == group).ok_or_else(missing)?;
            let account = world.accounts.get(&id).ok_or_else(missing)?.clone();
            let email = account.email.as_deref().unwrap_or_default();
            // Whoever is given the lowest role has no other one.
            let (group, inside) =
                if world.has_roles && inside { (HIGHER, group == HIGHER) } else { (group, inside) };
            world.place(group, &id, email, inside, at);
            Ok(world.has_roles.then(|| world.told(&account)))
        });
        self.through(call).await.map(Outcome::Done)
    }
}

#[async_trait]
impl Groups for Way {
    async fn groups(&self) -> Result<Vec<Group>> {
        let all = self.app.read("groups", |_| {
            let group = |name: &str| Group { id: name.to_owned(), name: name.to_owned(), members: None };
            GROUPS.map(group).to_vec()
        });
        self.through(all).await.map(|all| self.app.passed_over(all))
    }

    async fn members(&self, group: &str) -> Result<Vec<String>> {
        let group = group.to_owned();
        let all = self.app.read("members", move |world| {
            if world.has_roles && group == LOWEST {
                let higher = &world.members[HIGHER];
                return world.accounts.keys().filter(|id| !higher.contains(*id)).cloned().collect();
            }
            world.members.get(group.as_str()).into_iter().flatten().cloned().collect()
        });
        self.through(all).await
    }

    async fn add_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        self.put("add_member", group, member, true).await
    }

    async fn remove_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        self.put("remove_member", group, member, false).await
    }

    async fn add_members(&self, _: &str, _: &[Member]) -> Result<Outcome<()>> {
        Err(Error::one_by_one("members"))
    }

    async fn remove_members(&self, _: &str, _: &[Member]) -> Result<Outcome<()>> {
        Err(Error::one_by_one("members"))
    }

    async fn create_group(&self, _: &str) -> Result<Outcome<Group>> {
        Err(Error::new(Kind::Unsupported, "create_group", "there are two groups"))
    }

    async fn rename_group(&self, _: &str, _: &str) -> Result<Outcome<()>> {
        Err(Error::new(Kind::Unsupported, "rename_group", "groups keep their names"))
    }

    async fn delete_group(&self, _: &str) -> Result<Outcome<()>> {
        Err(Error::new(Kind::Unsupported, "delete_group", "groups stay"))
    }
}
