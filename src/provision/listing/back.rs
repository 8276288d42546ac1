//! The page before a place, of a listing without filter and order.

use std::cmp::Ordering;

use serde_json::Value;

use super::gather::Part;
use super::position;
use crate::provision::Result;
use crate::provision::connection::{Connection, kind_of};
use crate::provision::window::{Ends, Window, shown_page};
use crate::scim::cursor::Position;
use crate::store::{Kind, Record};

impl Connection {
    /// Reads no more than the page, and what it takes to find the place.
    ///
    /// Ids are given out in ascending order, so nothing comes in before the place; what is deleted meanwhile makes the
    /// page shorter and leaves no gap.
    pub(super) async fn everything_before(
        &self,
        parts: &[Part],
        window: &Window<'_>,
        before: &Position,
    ) -> Result<Value> {
        let (mut total, mut left, mut earlier, mut more) = (0, window.count() as u64, false, false);
        // From the last to the first.
        let mut found: Vec<(&Part, Record)> = Vec::new();
        for part in parts.iter().rev() {
            let kind = kind_of(part.kind);
            let here = self.store().count(self.name(), kind).await?;
            total += here;
            let ends = match part.kind.cmp(&before.kind) {
                Ordering::Greater => 0,
                Ordering::Equal => self.rank(kind, &before.id, here).await?,
                Ordering::Less => here,
            };
            more |= ends < here;
            let begins = ends.saturating_sub(left);
            earlier |= begins > 0;
            if begins == ends {
                continue;
            }
            let mut records = self.store().scan(self.name(), kind, begins, ends - begins).await?;
            records.retain(|record| (part.kind, record.id.as_str()) < (before.kind, before.id.as_str()));
            left = left.saturating_sub(records.len() as u64);
            found.extend(records.into_iter().rev().map(|record| (part, record)));
        }
        found.reverse();
        let end = |place: Option<&(&Part, Record)>| place.map(|(part, record)| position(part.kind, record));
        let ends =
            Ends { first: end(found.first()).filter(|_| earlier), last: end(found.last()).filter(|_| more) };
        let mut resources = Vec::with_capacity(found.len());
        for (part, record) in found {
            resources.push(self.projected(part, record).await?);
        }
        Ok(shown_page(self, window, resources, usize::try_from(total).unwrap_or(usize::MAX), ends))
    }

    /// How many of the `total` live records have an id below `id`.
    async fn rank(&self, kind: Kind, id: &str, total: u64) -> Result<u64> {
        let (mut low, mut high) = (0, total);
        while low < high {
            let middle = low.midpoint(high);
            let found = self.store().scan(self.name(), kind, middle, 1).await?;
            match found.first() {
                Some(record) if record.id.as_str() < id => low = middle + 1,
                Some(_) | None => high = middle,
            }
        }
        Ok(low)
    }
}
