//! Who may come into a group and who may leave it: refused before any call.

use std::collections::BTreeMap;

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
        let people = self.people(difference.removed.iter().chain(&difference.added)).await?;
        self.refuse_joiners(group, &difference.added, &people).await?;
        if !resumed {
            self.refuse_unmanaged_members(&difference.removed, &people)?;
        }
        let hands_over = self.refuse_losses(group, difference, &people).await?;
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
    async fn refuse_losses(
        &self,
        group: &Record,
        difference: &Difference,
        people: &BTreeMap<String, Person>,
    ) -> Result<bool> {
        let removals = difference.removed.iter().map(|id| (id, false));
        let (mut losing, mut gains) = (Vec::new(), false);
        for (id, add) in removals.chain(difference.added.iter().map(|id| (id, true))) {
            let Some(person) = people.get(id) else { continue };
            if !add && !self.has_nothing(person) {
                self.refuse_floor(group)?;
            }
            // Leaving a group that one joins by invitation is losing access to it.
            let leaves = !add && self.capabilities().groups.add_invites;
            if leaves || self.would_lose_role(group, person, add) {
                plan::refuse_protected(person, &self.policy)?;
            }
            if self.would_lose_admin(group, person, add) {
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

    /// Those of these ids that are people's.
    async fn people(&self, ids: impl Iterator<Item = &String>) -> Result<BTreeMap<String, Person>> {
        let ids: Vec<String> = ids.cloned().collect();
        let records = self.store().records(self.name(), Kind::User, &ids).await?;
        Ok(records.into_iter().map(|record| (record.id.clone(), Person::read(record))).collect())
    }

    /// The people and groups to be added, checked before any call: they must exist, have access and be managed.
    pub(super) async fn refuse_members(&self, group: &Record, ids: &[String]) -> Result<()> {
        let people = self.people(ids.iter()).await?;
        self.refuse_joiners(group, ids, &people).await
    }

    async fn refuse_joiners(
        &self,
        group: &Record,
        ids: &[String],
        people: &BTreeMap<String, Person>,
    ) -> Result<()> {
        let holds_everything = self.capabilities().accounts.everything;
        self.refuse_unmanaged_members(ids, people)?;
        for id in ids {
            if let Some(person) = people.get(id) {
                self.refuse_leaver(person).await?;
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
