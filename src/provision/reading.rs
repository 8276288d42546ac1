//! Reads by id, answered from the store, which one look at the app a freshness window keeps true.

use serde_json::Value;

use super::connection::{Connection, kind_of};
use super::groups::GroupStanding;
use super::standing::Person;
use super::users::{check, not_found};
use super::{Preconditions, Read, Result, View};
use crate::base::clock::Timestamp;
use crate::contract::{By, Membership};
use crate::scim::etag::Tags;
use crate::scim::project::Projection;
use crate::scim::schema::ResourceKind;
use crate::store::{Kind, Record};

impl Connection {
    /// One resource; 404 where this connection has none with the id, 412 where `If-Match` names another version.
    pub(super) async fn read_one(
        &self,
        kind: ResourceKind,
        id: &str,
        view: &View,
        when: &Preconditions,
    ) -> Result<Read> {
        let projection = self.projection(kind, view)?;
        let mut record = self.store().record(self.name(), kind_of(kind), id).await?;
        if record.is_some() && self.refresh_one(kind, record.as_ref()).await? {
            record = self.store().record(self.name(), kind_of(kind), id).await?;
        }
        let record = record.ok_or_else(|| not_found(kind))?;
        let etag = crate::scim::etag::weak(record.version);
        check(&Preconditions { if_match: when.if_match.clone(), if_none_match: None }, record.version)?;
        if when.if_none_match.as_deref().is_some_and(|header| Tags::parse(header).matches(record.version)) {
            return Ok(Read::NotModified(etag));
        }
        let by_people = self.capabilities().groups.membership == Membership::OnAccount;
        if kind == ResourceKind::Group && by_people && projection.wants("members") {
            // While they cannot be listed the members stand as they are known.
            drop(self.ensure_listed(Kind::User).await);
        }
        let listed = self.listed_at(kind_of(kind)).await?;
        let location = self.location(kind, id);
        let resource = projection.apply(self.resource(kind, record, &projection, listed).await?);
        Ok(Read::Found(super::Shown { resource, location, etag }))
    }

    /// Asks the app about one record that is older than a freshness window; tells whether the store was written.
    ///
    /// While the app does not answer the record stands as it is, and its `lastObserved` says so.
    async fn refresh_one(&self, kind: ResourceKind, record: Option<&Record>) -> Result<bool> {
        let Some(record) = record else { return Ok(false) };
        let capabilities = self.capabilities();
        let listed = self.listed_at(kind_of(kind)).await?;
        if !capabilities.list || self.is_fresh(record.observed_at.max(listed)) {
            return Ok(false);
        }
        if kind == ResourceKind::Group || !capabilities.accounts.by_id {
            return Ok(self.ensure_listed(kind_of(kind)).await.is_ok());
        }
        let mut person = Person::read(record.clone());
        let Some(account) = record.account.clone() else {
            // Somebody invited again by hand has another account: only the listing tells.
            return Ok(self.ensure_listed(Kind::User).await.is_ok());
        };
        match self.adapter().account(By::Id(&account)).await {
            Ok(Some(told)) => {
                let mut merged = person.observed.clone().unwrap_or_default();
                merged.merge(told);
                self.observe(&mut person, merged);
            }
            Ok(None) => self.mark_gone(&mut person),
            Err(error) => {
                tracing::warn!(connection = self.name(), error = error.message, "the app could not be asked");
                return Ok(false);
            }
        }
        let expected = Some(person.record.version);
        if person.differs_from_record() {
            person.record.version += 1;
            person.record.modified_at = self.now();
        }
        let mut writes = self.place_writes(&person).await?;
        writes.insert(0, crate::store::Write::Record { record: Box::new(person.into_record()), expected });
        Ok(self.store().commit(writes).await.is_ok())
    }

    /// The whole resource of a record; a group's members only where the caller wants to see them.
    pub(super) async fn resource(
        &self,
        kind: ResourceKind,
        record: Record,
        projection: &Projection,
        listed: Option<Timestamp>,
    ) -> Result<Value> {
        match kind {
            ResourceKind::User => Ok(self.show_user(&Person::read(record), listed)),
            ResourceKind::Group if !projection.wants("members") => Ok(self.show_group(&record, None)),
            ResourceKind::Group => {
                self.refresh_members(&record).await;
                let members = self.store().members(self.name(), &record.id).await?;
                Ok(self.show_group(&record, Some(&members)))
            }
        }
    }

    /// Asks apps that tell members group by group, once a freshness window; a failure leaves what is known.
    pub(super) async fn refresh_members(&self, group: &Record) {
        if !self.is_fresh(members_read_at(group)) {
            self.read_members(group).await;
        }
    }

    /// Asks apps that tell members group by group for those of one, and tells whether they answered; a failure leaves what
    /// is known.
    pub(super) async fn read_members(&self, group: &Record) -> bool {
        let on_group =
            self.capabilities().groups.membership == Membership::OnGroup && self.capabilities().list;
        let (true, Some(account), Some(groups)) = (on_group, &group.account, self.adapter().groups()) else {
            return false;
        };
        let outcome = async {
            let told = groups.members(account).await.map_err(|error| error.to_string())?;
            let mut writes = self.member_writes(&group.id, &told).await.map_err(|error| error.to_string())?;
            let mut record = group.clone();
            let members_read_at = Some(self.now());
            GroupStanding { members_read_at, ..GroupStanding::read(group) }.write(&mut record);
            writes.push(crate::store::Write::Record {
                expected: Some(record.version),
                record: Box::new(record),
            });
            self.store().commit(writes).await.map_err(|error| error.to_string())
        };
        let outcome = outcome.await;
        if let Err(reason) = &outcome {
            tracing::warn!(connection = self.name(), reason, "the members of a group could not be read");
        }
        outcome.is_ok()
    }
}

/// When an app that tells members group by group last told this group's.
pub(super) fn members_read_at(group: &Record) -> Option<Timestamp> {
    GroupStanding::read(group).members_read_at
}
