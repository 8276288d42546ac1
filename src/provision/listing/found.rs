//! What a listing has found: how many there are, and of those no more than the page needs.

use std::cmp::Ordering;

use crate::provision::window::{Ends, Window};
use crate::scim::cursor::Position;
use crate::scim::schema::ResourceKind;
use crate::scim::sort::{Sort, SortKey};
use crate::store::Record;

/// Matches that may be kept beyond what the page needs before they are put in order.
const SLACK: usize = 1_000;

/// A match.
#[derive(Debug)]
pub(super) struct Place {
    pub sort: SortKey,
    pub kind: ResourceKind,
    pub id: String,
    /// Kept where the place is on the page for certain.
    pub record: Option<Box<Record>>,
}

/// The matches of a listing, as they come. Without an order they have to come in that of their kinds and ids.
#[derive(Debug)]
pub(super) struct Found<'a> {
    sort: Option<&'a Sort>,
    after: Option<&'a Position>,
    before: Option<&'a Position>,
    /// Matches lie on the other side of `after`, or of `before`.
    passed: bool,
    offset: usize,
    count: usize,
    total: usize,
    places: Vec<Place>,
}

impl<'a> Found<'a> {
    pub(super) fn new(sort: Option<&'a Sort>, window: &'a Window<'_>) -> Self {
        Self {
            sort,
            after: window.after(),
            before: window.before(),
            passed: false,
            offset: window.offset(),
            count: window.count(),
            total: 0,
            places: Vec::new(),
        }
    }

    /// How many matches there are on all pages.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// Takes in a match; `record` is kept only where it will be shown.
    pub(super) fn take(&mut self, sort: SortKey, kind: ResourceKind, record: Record) {
        let before = self.total;
        self.total += 1;
        let to = |at: &Position| compare(self.sort, (&sort, kind, &record.id), (&at.sort, at.kind, &at.id));
        if self.after.is_some_and(|after| to(after).is_le())
            || self.before.is_some_and(|before| to(before).is_ge())
        {
            self.passed = true;
            return;
        }
        if self.sort.is_some() || self.before.is_some() {
            self.places.push(Place { sort, kind, id: record.id, record: None });
            if self.places.len() >= self.needed().saturating_mul(2).saturating_add(SLACK) {
                self.cut();
            }
        } else if before >= self.offset && self.places.len() <= self.count {
            self.places.push(Place { sort, kind, id: record.id.clone(), record: Some(Box::new(record)) });
        }
    }

    /// The page, in order, and its ends.
    pub(super) fn page(mut self) -> (Vec<Place>, Ends) {
        let (earlier, more);
        if self.before.is_some() {
            self.cut();
            earlier = self.places.len() > self.count;
            more = self.passed;
            self.places.drain(..self.places.len().saturating_sub(self.count));
        } else {
            if self.sort.is_some() {
                self.cut();
                self.places.drain(..self.offset.min(self.places.len()));
            }
            earlier = self.passed;
            more = self.places.len() > self.count;
            self.places.truncate(self.count);
        }
        let position = |place: &Place| Position {
            kind: place.kind,
            id: place.id.clone(),
            sort: place.sort.clone(),
            backwards: false,
        };
        let ends = Ends {
            first: self.places.first().filter(|_| earlier).map(position),
            last: self.places.last().filter(|_| more).map(position),
        };
        (self.places, ends)
    }

    /// The page with all before it, and one more that tells whether others follow, or come before.
    fn needed(&self) -> usize {
        self.offset.saturating_add(self.count).saturating_add(1)
    }

    fn cut(&mut self) {
        let sort = self.sort;
        self.places.sort_by(|one, other| {
            compare(sort, (&one.sort, one.kind, &one.id), (&other.sort, other.kind, &other.id))
        });
        let needed = self.needed();
        if self.before.is_some() {
            self.places.drain(..self.places.len().saturating_sub(needed));
        } else {
            self.places.truncate(needed);
        }
    }
}

/// The order of a listing: the one asked for, then kinds, then ids.
fn compare(
    sort: Option<&Sort>,
    one: (&SortKey, ResourceKind, &str),
    other: (&SortKey, ResourceKind, &str),
) -> Ordering {
    let by_key = sort.map_or(Ordering::Equal, |sort| sort.compare(one.0, other.0));
    by_key.then_with(|| one.1.cmp(&other.1)).then_with(|| one.2.cmp(other.2))
}
