//! Who may come into a group and who may leave it: refused before any call.

use super::Result;
use super::connection::Connection;
use super::members::Difference;
use super::plan;
use super::standing::{About, Person};
use super::users::invalid;
use crate::base::fold::key;
use crate::scim::error::ScimError;
use crate::store::{Kind, Record};

impl Connection {
    /// Refuses what cannot or must not be done, before any call. Tells whether the last administrator is replaced, so
    /// that the new one has to come first.
    ///
    /// `resumed` tells that somebody was promised it.
    pub(super) async fn refuse_difference(
        &self,
        group: &Record,
        difference: &Difference,
        resumed: bool,
    ) -> Result<bool> {
        self.refuse_members(group, &difference.added).await?;
        if !resumed {
            self.refuse_unmanaged_members(&difference.removed).await?;
        }
        let hands_over = self.refuse_losses(group, difference).await?;
        let capabilities = self.capabilities().groups;
        if !difference.removed.is_empty() {
            self.app_groups(capabilities.remove_member, "take members out of groups")?;
        }
        if !difference.added.is_empty() {
            self.app_groups(capabilities.add_member, "put members into groups")?;
        }
        Ok(hands_over)
    }

    /// Refuses what a guard forbids, before any call: a protected account loses nothing, and somebody stays
    /// administrator. Tells whether the last administrator is replaced, so that the new one has to come first.
    async fn refuse_losses(&self, group: &Record, difference: &Difference) -> Result<bool> {
        let removals = difference.removed.iter().map(|id| (id, false));
        let (mut losing, mut gains) = (Vec::new(), false);
        for (id, add) in removals.chain(difference.added.iter().map(|id| (id, true))) {
            let Some(record) = self.store().record(self.name(), Kind::User, id).await? else { continue };
            let person = Person::read(record);
            if !add && !self.has_nothing(&person) {
                self.refuse_floor(group)?;
            }
            // Leaving a group that one joins by invitation is losing access to it.
            let leaves = !add && self.capabilities().groups.add_invites;
            if leaves || self.would_lose_role(group, &person, add) {
                plan::refuse_protected(&person, &self.policy)?;
            }
            if self.would_lose_admin(group, &person, add) {
                losing.push(id.as_str());
            }
            gains |= add;
        }
        if losing.is_empty() {
            return Ok(false);
        }
        let role = self.capabilities().admin_role.map(|admin| key(&format!("role:{admin}")));
        let of_admins = group.account.as_deref().map(key) == role;
        match self.refuse_last_admin(&losing).await {
            Err(_) if of_admins && gains => Ok(true),
            refused => refused.map(|()| false),
        }
    }

    /// The people and groups to be added, checked before any call: they must exist, have access and be managed.
    pub(super) async fn refuse_members(&self, group: &Record, ids: &[String]) -> Result<()> {
        let holds_everything = self.capabilities().accounts.everything;
        self.refuse_unmanaged_members(ids).await?;
        for id in ids {
            if let Some(record) = self.store().record(self.name(), Kind::User, id).await? {
                self.refuse_leaver(&Person::read(record)).await?;
            } else if *id != group.id && self.store().record(self.name(), Kind::Group, id).await?.is_some() {
                if !holds_everything {
                    return Err(invalid(format!(
                        "{} has no groups in groups: add people only",
                        self.capabilities().app
                    )));
                }
            } else {
                return Err(invalid(
                    "`members` names somebody this connection does not have; create the person first",
                ));
            }
        }
        Ok(())
    }

    /// Nobody is put into a group who has no access, or is losing it.
    pub(super) async fn refuse_leaver(&self, person: &Person) -> Result<()> {
        if self.capabilities().accounts.everything {
            return Ok(());
        }
        let leaves = match self.open_aim(&person.record.id).await? {
            Some((_, aim)) => !aim.wants_access(),
            None => person.standing.waits_for(&About::Remove).is_some(),
        };
        if person.standing.active && !leaves {
            return Ok(());
        }
        Err(ScimError::new(
            409,
            "a member to be added is deactivated; activate the person first, then add the membership",
        )
        .into())
    }
}
