//! Groups of the app, taken into the store.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::connection::Connection;
use super::super::groups::GroupStanding;
use super::super::standing::Person;
use super::super::{Result, STRIDE, refuse};
use super::accounts::ATTEMPTS;
use super::is_believable;
use crate::base::clock::Timestamp;
use crate::base::fold::key;
use crate::contract::Group;
use crate::store::{self, Intents, Key, Kind, Lifecycle, Record, Roster, Write};

impl Connection {
    pub(in crate::provision) async fn list_groups(&self) -> Result<()> {
        let began = self.now();
        let Some(groups) = self.adapter().groups() else { return Ok(()) };
        let told = groups.groups().await.map_err(|error| refuse::not_applied(&error, self.policy.idp))?;
        self.absorb_groups(&told, began).await
    }

    /// Takes the app's groups into the store; those the app no longer has are gone for callers too.
    ///
    /// Where something is changed while they are written they are compared again, and at last left to the next listing.
    pub(in crate::provision) async fn absorb_groups(&self, told: &[Group], began: Timestamp) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let mut writes = self.compare_groups(told, began).await?;
            let news = !writes.is_empty();
            writes.push(Write::Roster(Roster {
                connection: self.name().to_owned(),
                kind: Kind::Group,
                completed_at: began,
                total: i64::try_from(told.len()).unwrap_or(i64::MAX),
            }));
            match self.store().commit(writes).await {
                Err(store::Error::Stale | store::Error::NameTaken) => {}
                Err(error) => return Err(error.into()),
                Ok(()) if news => return self.place_everybody().await,
                Ok(()) => return Ok(()),
            }
        }
        tracing::warn!(
            connection = self.name(),
            "the app's groups could not be taken in; the next listing tries again"
        );
        Ok(())
    }

    /// What has to be written so that the store has the groups the app told.
    async fn compare_groups(&self, told: &[Group], began: Timestamp) -> Result<Vec<Write>> {
        let known = self.store().scan(self.name(), Kind::Group, 0, i64::MAX.unsigned_abs()).await?;
        let mut by_account: BTreeMap<String, Record> =
            known.into_iter().filter_map(|record| Some((record.account.clone()?, record))).collect();
        let held = by_account.len();
        let mut writes = Vec::new();
        for group in told {
            let known = match by_account.remove(&group.id) {
                None => self.vanished_group(&group.id).await?,
                known => known,
            };
            let id = known.as_ref().map(|record| record.id.clone());
            let stands = |record: &Record| record.lifecycle == Lifecycle::Live && record.label == group.name;
            if !known.as_ref().is_some_and(stands) {
                writes.push(self.group_write(known, group));
            }
            if let (Some(id), Some(members)) = (id, &group.members) {
                writes.extend(self.member_writes(&id, members).await?);
            }
        }
        let mut missing: Vec<Record> =
            by_account.into_values().filter(|record| !self.is_after(record.modified_at, began)).collect();
        if !is_believable(missing.len(), held) {
            tracing::warn!(
                connection = self.name(),
                missing = missing.len(),
                of = held,
                "the app's listing lacks so many known groups that it is not believed"
            );
            missing.clear();
        }
        for mut record in missing {
            let which = Intents::Open { connection: self.name().to_owned(), resource: record.id.clone() };
            if self.store().intents(&which).await?.iter().any(|intent| intent.sticky) {
                // What is owed to it tells whether it is gone; the next listing takes it away.
                continue;
            }
            let expected = Some(record.version);
            record.lifecycle = Lifecycle::Deleted;
            let vanished_at = Some(self.now());
            GroupStanding { members_read_at: None, vanished_at, ..GroupStanding::read(&record) }
                .write(&mut record);
            record.version += 1;
            writes.push(Write::ClearMembers { connection: self.name().to_owned(), group: record.id.clone() });
            writes.push(Write::Record { record: Box::new(record), expected });
        }
        Ok(writes)
    }

    /// A group that a listing lacked, and that is the same for callers once the app shows it again.
    async fn vanished_group(&self, account: &str) -> Result<Option<Record>> {
        let known = self.store().find(self.name(), Kind::Group, &Key::Account(account.to_owned())).await?;
        Ok(known.into_iter().find(|record| GroupStanding::read(record).vanished_at.is_some()))
    }

    /// Puts people into groups that were not known yet when their accounts told of them.
    async fn place_everybody(&self) -> Result<()> {
        let mut offset = 0;
        loop {
            let records = self.store().scan(self.name(), Kind::User, offset, STRIDE).await?;
            let last = (records.len() as u64) < STRIDE;
            let mut writes = Vec::new();
            for record in records {
                writes.extend(self.membership_writes(&Person::read(record)).await?);
            }
            self.store().commit(writes).await?;
            if last {
                return Ok(());
            }
            offset += STRIDE;
        }
    }

    fn group_write(&self, known: Option<Record>, group: &Group) -> Write {
        let now = self.now();
        let expected = known.as_ref().map(|record| record.version);
        let mut record = known.unwrap_or_else(|| self.new_group(&group.name));
        record.lifecycle = Lifecycle::Live;
        GroupStanding { vanished_at: None, ..GroupStanding::read(&record) }.write(&mut record);
        let mut desired = serde_json::from_str(&record.desired).unwrap_or_else(|_| json!({}));
        desired["displayName"] = json!(group.name);
        record.desired = desired.to_string();
        record.account = Some(group.id.clone());
        record.name_key = key(&group.name);
        record.display_key = Some(key(&group.name));
        record.label.clone_from(&group.name);
        record.version += 1;
        record.modified_at = now;
        record.observed_at = Some(now);
        Write::Record { record: Box::new(record), expected }
    }
}
