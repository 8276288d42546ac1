//! Finding what a filter matches: by the store's indexes where the filter tells of keys, one by one where it does not.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::found::Found;
use crate::base::clock::Timestamp;
use crate::base::fold::key;
use crate::provision::Result;
use crate::provision::connection::{Connection, kind_of};
use crate::provision::standing::{Person, Standing};
use crate::scim::error::{ScimError, ScimType};
use crate::scim::filter::{Filter, Lookup};
use crate::scim::project::Projection;
use crate::scim::schema::ResourceKind;
use crate::scim::sort::{Sort, SortKey};
use crate::store::{Key, Kind, Record};

/// Records read at a time while a listing looks at many.
const STRIDE: u64 = 1_000;

/// Resources put together for a filter at the most.
const MOST_FILTERED: usize = 10_000;

/// Resources put together for an order alone at the most.
const MOST_SORTED: usize = 100_000;

/// One resource type's share of a listing.
pub(super) struct Part {
    pub kind: ResourceKind,
    pub filter: Option<Filter>,
    pub projection: Projection,
    pub listed: Option<Timestamp>,
}

/// A look through the records, and what it came to.
pub(super) struct Search<'a> {
    pub sort: Option<&'a Sort>,
    pub found: Found<'a>,
    /// Resources put together.
    pub examined: usize,
}

impl Connection {
    /// Finds what matches of one kind. An index only narrows what is looked at; the filter decides.
    pub(super) async fn gather(&self, part: &Part, search: &mut Search<'_>) -> Result<()> {
        let kind = kind_of(part.kind);
        let keys: Option<Vec<Key>> = part
            .filter
            .as_ref()
            .and_then(Filter::lookups)
            .map(|lookups| lookups.into_iter().map(store_key).collect());
        match keys.as_deref() {
            Some([key]) if !is_shared(key) => {
                let records = self.store().find(self.name(), kind, key).await?;
                self.examine_all(part, records, search).await
            }
            Some(keys) => self.gather_under(part, kind, keys, search).await,
            None => self.gather_from_all(part, kind, search).await,
        }
    }

    /// Looks at what is under any of the keys, in id order.
    async fn gather_under(
        &self,
        part: &Part,
        kind: Kind,
        keys: &[Key],
        search: &mut Search<'_>,
    ) -> Result<()> {
        let mut ids = BTreeSet::new();
        for key in keys {
            ids.extend(self.store().ids(self.name(), kind, key).await?);
        }
        let ids: Vec<String> = ids.into_iter().collect();
        for stride in ids.chunks(usize::try_from(STRIDE).unwrap_or(usize::MAX)) {
            let records = self.store().records(self.name(), kind, stride).await?;
            self.examine_all(part, records, search).await?;
        }
        Ok(())
    }

    async fn gather_from_all(&self, part: &Part, kind: Kind, search: &mut Search<'_>) -> Result<()> {
        let mut after = String::new();
        loop {
            let records = self.store().scan_after(self.name(), kind, &after, STRIDE).await?;
            let is_last = (records.len() as u64) < STRIDE;
            if let Some(record) = records.last() {
                after.clone_from(&record.id);
            }
            self.examine_all(part, records, search).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    async fn examine_all(&self, part: &Part, records: Vec<Record>, search: &mut Search<'_>) -> Result<()> {
        for record in records {
            if let Some(sort) = self.examine(part, search.sort, &record, &mut search.examined).await? {
                search.found.take(sort, part.kind, record);
            }
        }
        Ok(())
    }

    /// What a record is sorted by if it matches; its resource is put together only where its own columns do not tell.
    async fn examine(
        &self,
        part: &Part,
        sort: Option<&Sort>,
        record: &Record,
        examined: &mut usize,
    ) -> Result<Option<SortKey>> {
        let facts = self.facts(part.kind, record);
        let known: &[&str] = match part.kind {
            ResourceKind::User => &["id", "meta", "active"],
            ResourceKind::Group => &["id", "meta"],
        };
        let matches = part.filter.as_ref().map_or(Some(true), |filter| filter.settled(&facts, known));
        if matches == Some(false) {
            return Ok(None);
        }
        let key = |of: &Value| sort.map_or(SortKey::Nothing, |sort| sort.key(part.kind, of));
        let sorted_by = sort.and_then(|sort| sort.reads(part.kind));
        if matches.is_some() && sorted_by.is_none_or(|name| known.contains(&name)) {
            return Ok(Some(key(&facts)));
        }
        *examined += 1;
        check_examined(*examined, part.filter.is_some())?;
        let resource = self.whole(part, sorted_by, record).await?;
        let matches = part.filter.as_ref().is_none_or(|filter| filter.matches(&resource));
        Ok(matches.then(|| key(&resource)))
    }

    /// What the columns of a record say of its resource, as the resource itself would.
    fn facts(&self, kind: ResourceKind, record: &Record) -> Value {
        let mut facts = json!({ "id": record.id, "meta": self.meta(kind, record) });
        if kind == ResourceKind::User {
            let standing = serde_json::from_str::<Standing>(&record.standing).unwrap_or_default();
            facts["active"] = json!(standing.active);
        }
        facts
    }

    /// The whole resource, for the filter and the order; a group's members only where they are asked about.
    async fn whole(&self, part: &Part, sorted_by: Option<&str>, record: &Record) -> Result<Value> {
        if part.kind == ResourceKind::User {
            return Ok(self.show_user(&Person::read(record.clone()), part.listed));
        }
        let filtered = part.filter.as_ref().is_some_and(|filter| filter.reads("members"));
        if !filtered && sorted_by != Some("members") {
            return Ok(self.show_group(record, None));
        }
        let members = self.store().members(self.name(), &record.id).await?;
        Ok(self.show_group(record, Some(&members)))
    }
}

fn check_examined(examined: usize, filtered: bool) -> Result<()> {
    let most = if filtered { MOST_FILTERED } else { MOST_SORTED };
    if examined <= most {
        return Ok(());
    }
    let detail = format!(
        "more than {most} resources would have to be looked at one by one: add `eq` on `id`, `userName`, \
         `externalId`, `emails.value` or `displayName`, or a bound on `meta.lastModified`"
    );
    Err(ScimError::bad(ScimType::TooMany, detail).into())
}

/// Whether so many records may be under a key that they are better read in strides.
fn is_shared(key: &Key) -> bool {
    match key {
        Key::Id(_)
        | Key::Deleted(_)
        | Key::Account(_)
        | Key::Name(_)
        | Key::ExternalId(_)
        | Key::Email(_)
        | Key::Display(_)
        | Key::Member(_) => false,
        Key::Group(_)
        | Key::NamePrefix(_)
        | Key::DisplayPrefix(_)
        | Key::Active(_)
        | Key::Modified { .. } => true,
    }
}

fn store_key(lookup: Lookup) -> Key {
    match lookup {
        Lookup::Id(id) => Key::Id(id),
        Lookup::UserName(name) => Key::Name(key(&name)),
        Lookup::DisplayName(name) => Key::Display(key(&name)),
        Lookup::Email(email) => Key::Email(key(&email)),
        Lookup::ExternalId(id) => Key::ExternalId(id),
        Lookup::MemberValue(id) => Key::Member(id),
        Lookup::GroupValue(id) => Key::Group(id),
        Lookup::UserNamePrefix(prefix) => Key::NamePrefix(prefix),
        Lookup::DisplayNamePrefix(prefix) => Key::DisplayPrefix(prefix),
        Lookup::Active(active) => Key::Active(active),
        // `meta.lastModified` is shown in whole milliseconds, the store has microseconds.
        Lookup::LastModified { from, to } => Key::Modified {
            from: Timestamp(from.0.saturating_sub(1_000)),
            to: Timestamp(to.0.saturating_add(1_000)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_resource_more_than_may_be_looked_at_is_too_many() {
        for (most, filtered) in [(MOST_FILTERED, true), (MOST_SORTED, false)] {
            assert_eq!(check_examined(most, filtered), Ok(()));
            let error = check_examined(most + 1, filtered).unwrap_err().error;
            assert_eq!((error.status, error.scim_type), (400, Some(ScimType::TooMany)));
        }
    }
}
