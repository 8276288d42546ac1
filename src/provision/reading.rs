//! Reads: by id and by filter, answered from the store, which one listing a freshness window keeps true.

use serde_json::Value;

use super::connection::{Connection, kind_of};
use super::show::projection;
use super::standing::Person;
use super::users::not_found;
use super::{ListQuery, Preconditions, Read, Result, View};
use crate::base::clock::Timestamp;
use crate::base::fold::key;
use crate::contract::{By, Membership};
use crate::scim::catalog::Catalog;
use crate::scim::etag::Tags;
use crate::scim::filter::{Filter, Lookup};
use crate::scim::list::{Page, list_response};
use crate::scim::project::Projection;
use crate::scim::schema::ResourceKind;
use crate::store::{Key, Kind, Record};

/// Records read at a time while a filter looks at all of them.
const STRIDE: u64 = 1_000;

impl Connection {
    /// One resource; 404 where this connection has none with the id.
    pub(super) async fn read_one(
        &self,
        kind: ResourceKind,
        id: &str,
        view: &View,
        when: &Preconditions,
    ) -> Result<Read> {
        let projection = projection(kind, view)?;
        let mut record = self.store().record(self.name(), kind_of(kind), id).await?;
        if record.is_some() && self.refresh_one(kind, record.as_ref()).await? {
            record = self.store().record(self.name(), kind_of(kind), id).await?;
        }
        let record = record.ok_or_else(|| not_found(kind))?;
        let etag = crate::scim::etag::weak(record.version);
        if when.if_none_match.as_deref().is_some_and(|header| Tags::parse(header).matches(record.version)) {
            return Ok(Read::NotModified(etag));
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
        let (Some(account), mut person) = (record.account.clone(), Person::read(record.clone())) else {
            return Ok(false);
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
        let changed = Person::read(record.clone()).standing != person.standing
            || Person::read(record.clone()).observed != person.observed;
        let expected = Some(person.record.version);
        if changed {
            person.record.version += 1;
            person.record.modified_at = self.now();
        }
        let mut writes = self.membership_writes(&person).await?;
        writes.insert(0, crate::store::Write::Record { record: Box::new(person.into_record()), expected });
        Ok(self.store().commit(writes).await.is_ok())
    }

    /// A ListResponse (RFC 7644 §3.4.2), in the order of creation.
    pub(super) async fn read_list(&self, kind: ResourceKind, query: &ListQuery) -> Result<Value> {
        let resource_type = Catalog::standard().of(kind);
        let page = Page::parse(query.start_index.as_deref(), query.count.as_deref())?;
        let projection = projection(kind, &query.view)?;
        let filter = match query.filter.as_deref() {
            Some(text) => Some(Filter::parse(text, resource_type)?),
            None => None,
        };
        self.ensure_listed(Kind::User).await?;
        if kind == ResourceKind::Group || self.capabilities().groups.membership == Membership::OnAccount {
            self.ensure_listed(Kind::Group).await?;
        }
        let listed = self.listed_at(kind_of(kind)).await?;
        let Some(filter) = filter else {
            let total = self.store().count(self.name(), kind_of(kind)).await?;
            let (offset, count) = (page.offset() as u64, page.count as u64);
            let records = match count {
                0 => Vec::new(),
                _ => self.store().scan(self.name(), kind_of(kind), offset, count).await?,
            };
            let mut resources = Vec::with_capacity(records.len());
            for record in records {
                resources.push(projection.apply(self.resource(kind, record, &projection, listed).await?));
            }
            return Ok(list_response(
                resources,
                usize::try_from(total).unwrap_or(usize::MAX),
                page.start_index,
            ));
        };
        let mut matched = Matched { total: 0, page, resources: Vec::new() };
        if let Some(lookup) = filter.lookups() {
            let records = self.store().find(self.name(), kind_of(kind), &store_key(lookup)).await?;
            self.take_matching(kind, records, &filter, &projection, listed, &mut matched).await?;
        } else {
            let mut offset = 0;
            loop {
                let records = self.store().scan(self.name(), kind_of(kind), offset, STRIDE).await?;
                let last = (records.len() as u64) < STRIDE;
                self.take_matching(kind, records, &filter, &projection, listed, &mut matched).await?;
                if last {
                    break;
                }
                offset += STRIDE;
            }
        }
        Ok(list_response(matched.resources, matched.total, page.start_index))
    }

    async fn take_matching(
        &self,
        kind: ResourceKind,
        records: Vec<Record>,
        filter: &Filter,
        projection: &Projection,
        listed: Option<Timestamp>,
        matched: &mut Matched,
    ) -> Result<()> {
        for record in records {
            // A group whose members nobody filters by is read with them only when it is shown.
            let (resource, partial) = match kind {
                ResourceKind::User => (self.show_user(&Person::read(record), listed), None),
                ResourceKind::Group if filter.reads("members") => {
                    let members = self.store().members(self.name(), &record.id).await?;
                    (self.show_group(&record, Some(&members)), None)
                }
                ResourceKind::Group => (self.show_group(&record, None), Some(record)),
            };
            if !filter.matches(&resource) {
                continue;
            }
            matched.total += 1;
            let place = matched.total;
            if place > matched.page.offset() && matched.resources.len() < matched.page.count {
                let resource = match partial {
                    None => resource,
                    Some(record) => self.resource(kind, record, projection, listed).await?,
                };
                matched.resources.push(projection.apply(resource));
            }
        }
        Ok(())
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
    async fn refresh_members(&self, group: &Record) {
        let on_group =
            self.capabilities().groups.membership == Membership::OnGroup && self.capabilities().list;
        let read_at = serde_json::from_str::<Timestamp>(&group.standing).ok();
        let (true, false, Some(account), Some(groups)) =
            (on_group, self.is_fresh(read_at), &group.account, self.adapter().groups())
        else {
            return;
        };
        let outcome = async {
            let told = groups.members(account).await.map_err(|error| error.to_string())?;
            let mut writes =
                self.member_writes(&group.id, &told).await.map_err(|refusal| refusal.error.detail)?;
            let mut record = group.clone();
            record.standing = serde_json::to_string(&self.now()).unwrap_or_default();
            writes.push(crate::store::Write::Record {
                expected: Some(record.version),
                record: Box::new(record),
            });
            self.store().commit(writes).await.map_err(|error| error.to_string())
        };
        if let Err(reason) = outcome.await {
            tracing::warn!(connection = self.name(), reason, "the members of a group could not be read");
        }
    }
}

/// What a filter has found so far.
struct Matched {
    total: usize,
    page: Page,
    resources: Vec<Value>,
}

fn store_key(lookup: Lookup) -> Key {
    match lookup {
        Lookup::Id(id) => Key::Id(id),
        Lookup::UserName(name) => Key::Name(key(&name)),
        Lookup::DisplayName(name) => Key::Display(key(&name)),
        Lookup::Email(email) => Key::Email(key(&email)),
        Lookup::ExternalId(id) => Key::ExternalId(id),
        Lookup::MemberValue(id) => Key::Member(id),
    }
}
