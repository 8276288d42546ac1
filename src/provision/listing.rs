//! Listings: filtered, sorted and cut into pages, by index or by cursor, with bounded work.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::connection::{Connection, kind_of};
use super::standing::{Person, Standing};
use super::window::{Window, shown_page};
use super::{ListQuery, Result};
use crate::base::clock::Timestamp;
use crate::base::fold::key;
use crate::contract::Membership;
use crate::scim::cursor::Position;
use crate::scim::error::{ScimError, ScimType};
use crate::scim::filter::{Filter, Lookup};
use crate::scim::project::Projection;
use crate::scim::schema::ResourceKind;
use crate::scim::sort::{Sort, SortKey};
use crate::store::{Key, Kind, Record};

/// Records read at a time while a listing looks at all of them.
const STRIDE: u64 = 1_000;

/// Resources put together for a filter at the most.
const MOST_FILTERED: usize = 10_000;

/// Resources put together for an order alone at the most.
const MOST_SORTED: usize = 100_000;

/// Records of matches that are kept, so that a small answer is read once.
const MOST_KEPT: usize = 200;

/// One resource type's share of a listing.
struct Part {
    kind: ResourceKind,
    filter: Option<Filter>,
    projection: Projection,
    listed: Option<Timestamp>,
}

/// What a listing has found so far.
struct Found {
    places: Vec<Place>,
    /// Resources put together.
    examined: usize,
    kept: usize,
}

/// A match.
struct Place {
    sort: SortKey,
    kind: ResourceKind,
    id: String,
    record: Option<Record>,
}

impl Connection {
    /// A ListResponse (RFC 7644 §3.4.2) over resources of these kinds, in the order of creation within each kind
    /// unless another is asked for.
    ///
    /// # Errors
    /// 400 for an unreadable parameter; 400 `tooMany` where no index answers the filter and there are too many
    /// resources to look at one by one.
    pub(super) async fn read_list(&self, kinds: &[ResourceKind], query: &ListQuery) -> Result<Value> {
        let types: Vec<_> = kinds.iter().map(|kind| self.catalog.of(*kind)).collect();
        let sort = Sort::parse(query.sort_by.as_deref(), query.sort_order.as_deref(), &types)?;
        let mut parts = Vec::with_capacity(kinds.len());
        for (kind, resource_type) in kinds.iter().zip(types) {
            let filter =
                query.filter.as_deref().map(|text| Filter::parse(text, resource_type)).transpose()?;
            let projection = self.projection(*kind, &query.view)?;
            parts.push(Part { kind: *kind, filter, projection, listed: None });
        }
        let window = Window::open(self, kinds, query)?;
        self.ensure_listed(Kind::User).await?;
        let on_account = self.capabilities().groups.membership == Membership::OnAccount;
        if on_account || kinds.contains(&ResourceKind::Group) {
            self.ensure_listed(Kind::Group).await?;
        }
        for part in &mut parts {
            part.listed = self.listed_at(kind_of(part.kind)).await?;
        }
        if sort.is_none() && parts.iter().all(|part| part.filter.is_none()) {
            return self.everything(&parts, &window).await;
        }
        let mut found = Found { places: Vec::new(), examined: 0, kept: 0 };
        for part in &parts {
            self.gather(part, sort.as_ref(), &mut found).await?;
        }
        let mut places = found.places;
        let order = |one: &Place, sort_key: &SortKey, kind: ResourceKind, id: &str| {
            let by_key = sort.as_ref().map_or(Ordering::Equal, |sort| sort.compare(&one.sort, sort_key));
            by_key.then_with(|| one.kind.cmp(&kind)).then_with(|| one.id.as_str().cmp(id))
        };
        places.sort_by(|one, other| order(one, &other.sort, other.kind, &other.id));
        let total = places.len();
        let first = match window.after() {
            Some(after) => {
                places.partition_point(|place| order(place, &after.sort, after.kind, &after.id).is_le())
            }
            None => window.offset(),
        };
        let page: Vec<Place> = places.into_iter().skip(first).take(window.count()).collect();
        let more = first.saturating_add(page.len()) < total;
        let next = page.last().filter(|_| more).map(|last| Position {
            kind: last.kind,
            id: last.id.clone(),
            sort: last.sort.clone(),
            passed: 0,
        });
        let mut resources = Vec::with_capacity(page.len());
        for Place { kind, id, record, .. } in page {
            let record = match record {
                Some(record) => Some(record),
                None => self.store().record(self.name(), kind_of(kind), &id).await?,
            };
            // What was deleted since is no longer there to be shown.
            let (Some(record), Some(part)) = (record, parts.iter().find(|part| part.kind == kind)) else {
                continue;
            };
            resources.push(self.projected(part, record).await?);
        }
        Ok(shown_page(self, &window, resources, total, next.as_ref()))
    }

    /// A listing without filter and order reads no more than its page.
    async fn everything(&self, parts: &[Part], window: &Window<'_>) -> Result<Value> {
        let (mut total, mut skip, mut left) = (0, window.offset() as u64, window.count() as u64);
        let (mut resources, mut last, mut more) = (Vec::new(), None, false);
        for part in parts {
            let kind = kind_of(part.kind);
            let here = self.store().count(self.name(), kind).await?;
            total += here;
            let after = window.after().filter(|after| after.kind >= part.kind);
            if after.is_some_and(|after| after.kind > part.kind) {
                continue;
            }
            if left == 0 {
                more |= here > 0;
                continue;
            }
            let (mut records, passed) = match after {
                Some(after) => self.records_after(kind, Some(&after.id), after.passed, left + 1).await?,
                None if skip >= here => (Vec::new(), 0),
                None => (self.store().scan(self.name(), kind, skip, left + 1).await?, skip),
            };
            skip = skip.saturating_sub(here);
            more |= records.len() as u64 > left;
            records.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= records.len() as u64;
            if let Some(record) = records.last() {
                let passed = passed + records.len() as u64;
                last =
                    Some(Position { kind: part.kind, id: record.id.clone(), sort: SortKey::Nothing, passed });
            }
            for record in records {
                resources.push(self.projected(part, record).await?);
            }
        }
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        Ok(shown_page(self, window, resources, total, last.filter(|_| more).as_ref()))
    }

    /// Finds what matches, by an index where the filter has a term for one.
    async fn gather(&self, part: &Part, sort: Option<&Sort>, found: &mut Found) -> Result<()> {
        let kind = kind_of(part.kind);
        let lookup =
            part.filter.as_ref().and_then(Filter::lookups).filter(|lookup| self.indexes(part, lookup));
        if let Some(lookup) = lookup {
            for record in self.store().find(self.name(), kind, &store_key(lookup)).await? {
                self.examine(part, sort, record, found).await?;
            }
            return Ok(());
        }
        let (mut after, mut passed): (Option<String>, u64) = (None, 0);
        loop {
            let (records, before) = self.records_after(kind, after.as_deref(), passed, STRIDE).await?;
            passed = before + records.len() as u64;
            let is_last = (records.len() as u64) < STRIDE;
            after = records.last().map(|record| record.id.clone()).or(after);
            for record in records {
                self.examine(part, sort, record, found).await?;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Whether the index answers for the resource as it is shown.
    fn indexes(&self, part: &Part, lookup: &Lookup) -> bool {
        match lookup {
            // The index knows the name that was asked for; the app may show another.
            Lookup::DisplayName(_) => {
                part.kind == ResourceKind::Group || self.capabilities().accounts.everything
            }
            Lookup::Id(_)
            | Lookup::UserName(_)
            | Lookup::ExternalId(_)
            | Lookup::Email(_)
            | Lookup::MemberValue(_) => true,
        }
    }

    /// Adds a record to what was found if it matches; puts its resource together only where its own columns do not
    /// tell.
    async fn examine(
        &self,
        part: &Part,
        sort: Option<&Sort>,
        record: Record,
        found: &mut Found,
    ) -> Result<()> {
        let facts = self.facts(part.kind, &record);
        let known: &[&str] = match part.kind {
            ResourceKind::User => &["id", "meta", "active"],
            ResourceKind::Group => &["id", "meta"],
        };
        let matches = part.filter.as_ref().map_or(Some(true), |filter| filter.settled(&facts, known));
        if matches == Some(false) {
            return Ok(());
        }
        let sorted_by = sort.and_then(|sort| sort.reads(part.kind));
        let sort_key = if matches.is_some() && sorted_by.is_none_or(|name| known.contains(&name)) {
            sort.map_or(SortKey::Nothing, |sort| sort.key(part.kind, &facts))
        } else {
            found.examined += 1;
            check_examined(found.examined, part.filter.is_some())?;
            let resource = self.whole(part, sorted_by, &record).await?;
            if !part.filter.as_ref().is_none_or(|filter| filter.matches(&resource)) {
                return Ok(());
            }
            sort.map_or(SortKey::Nothing, |sort| sort.key(part.kind, &resource))
        };
        let id = record.id.clone();
        let record = (found.kept < MOST_KEPT).then_some(record);
        found.kept += usize::from(record.is_some());
        found.places.push(Place { sort: sort_key, kind: part.kind, id, record });
        Ok(())
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

    async fn projected(&self, part: &Part, record: Record) -> Result<Value> {
        let resource = self.resource(part.kind, record, &part.projection, part.listed).await?;
        Ok(part.projection.apply(resource))
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
