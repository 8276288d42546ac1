//! Listings: filtered, sorted and cut into pages, by index or by cursor, with bounded work and memory.

mod back;
mod found;
mod gather;

use std::collections::BTreeMap;

use serde_json::Value;

use self::found::{Found, Place};
use self::gather::{Part, Search};
use super::connection::{Connection, kind_of};
use super::window::{Ends, Window, shown_page};
use super::{ListQuery, Result};
use crate::contract::Membership;
use crate::scim::cursor::Position;
use crate::scim::filter::Filter;
use crate::scim::schema::ResourceKind;
use crate::scim::sort::{Sort, SortKey};
use crate::store::{Kind, Record};

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
            return match window.before() {
                Some(before) => self.everything_before(&parts, &window, before).await,
                None => self.everything(&parts, &window).await,
            };
        }
        let found = Found::new(sort.as_ref(), &window);
        let mut search = Search { sort: sort.as_ref(), found, examined: 0 };
        for part in &parts {
            self.gather(part, &mut search).await?;
        }
        let total = search.found.total();
        let (page, ends) = search.found.page();
        let resources = self.shown_places(&parts, page).await?;
        Ok(shown_page(self, &window, resources, total, ends))
    }

    /// A listing without filter and order reads no more than its page.
    async fn everything(&self, parts: &[Part], window: &Window<'_>) -> Result<Value> {
        let (mut total, mut skip, mut left) = (0, window.offset() as u64, window.count() as u64);
        let (mut resources, mut ends, mut earlier, mut more) = (Vec::new(), Ends::default(), false, false);
        for part in parts {
            let kind = kind_of(part.kind);
            let here = self.store().count(self.name(), kind).await?;
            total += here;
            let after = window.after().filter(|after| after.kind >= part.kind);
            if after.is_some_and(|after| after.kind > part.kind) {
                earlier |= here > 0;
                continue;
            }
            if left == 0 {
                more |= here > 0;
                continue;
            }
            let mut records = match after {
                Some(after) => {
                    let first = self.store().scan(self.name(), kind, 0, 1).await?;
                    earlier |= first.first().is_some_and(|first| first.id <= after.id);
                    self.store().scan_after(self.name(), kind, &after.id, left + 1).await?
                }
                None if skip >= here => Vec::new(),
                None => self.store().scan(self.name(), kind, skip, left + 1).await?,
            };
            skip = skip.saturating_sub(here);
            more |= records.len() as u64 > left;
            records.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= records.len() as u64;
            if let (Some(first), Some(last)) = (records.first(), records.last()) {
                ends.first.get_or_insert_with(|| position(part.kind, first));
                ends.last = Some(position(part.kind, last));
            }
            for record in records {
                resources.push(self.projected(part, record).await?);
            }
        }
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        let ends = Ends { first: ends.first.filter(|_| earlier), last: ends.last.filter(|_| more) };
        Ok(shown_page(self, window, resources, total, ends))
    }

    /// The resources of a page; records that were not kept are read together.
    async fn shown_places(&self, parts: &[Part], page: Vec<Place>) -> Result<Vec<Value>> {
        let mut read = BTreeMap::new();
        for part in parts {
            let missing = page.iter().filter(|place| place.kind == part.kind && place.record.is_none());
            let ids: Vec<String> = missing.map(|place| place.id.clone()).collect();
            if !ids.is_empty() {
                let records = self.store().records(self.name(), kind_of(part.kind), &ids).await?;
                read.extend(records.into_iter().map(|record| ((part.kind, record.id.clone()), record)));
            }
        }
        let mut resources = Vec::with_capacity(page.len());
        for Place { kind, id, record, .. } in page {
            let record = record.map(|record| *record).or_else(|| read.remove(&(kind, id)));
            // What was deleted since is no longer there to be shown.
            let (Some(record), Some(part)) = (record, parts.iter().find(|part| part.kind == kind)) else {
                continue;
            };
            resources.push(self.projected(part, record).await?);
        }
        Ok(resources)
    }

    async fn projected(&self, part: &Part, record: Record) -> Result<Value> {
        let resource = self.resource(part.kind, record, &part.projection, part.listed).await?;
        Ok(part.projection.apply(resource))
    }
}

/// The place of a record in the order of creation.
fn position(kind: ResourceKind, record: &Record) -> Position {
    Position { kind, id: record.id.clone(), sort: SortKey::Nothing, backwards: false }
}
