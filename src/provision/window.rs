//! Which part of a listing is asked for, by index or by cursor, and where the next one begins.

use serde_json::Value;

use super::connection::Connection;
use super::{ListQuery, Result};
use crate::scim::cursor::{self, CursorScope, Position};
use crate::scim::list::{Page, cursor_count, cursor_response, list_response};
use crate::scim::schema::ResourceKind;

/// The part of a listing that is asked for.
#[derive(Debug)]
pub(super) enum Window<'q> {
    Index(Page),
    Cursor {
        scope: CursorScope<'q>,
        /// `None` for the first page.
        at: Option<Position>,
    },
}

impl<'q> Window<'q> {
    /// Reads `startIndex`, `count` and `cursor`. A listing is by cursor where one is sent, if only an empty one;
    /// `startIndex` then means nothing.
    pub(super) fn open(
        connection: &'q Connection,
        kinds: &[ResourceKind],
        query: &'q ListQuery,
    ) -> Result<Self> {
        let Some(cursor) = query.cursor.as_deref().map(str::trim) else {
            return Ok(Self::Index(Page::parse(query.start_index.as_deref(), query.count.as_deref())?));
        };
        let scope = CursorScope {
            connection: connection.name(),
            endpoint: match kinds {
                [kind] => kind.endpoint(),
                _ => "/",
            },
            filter: query.filter.as_deref().unwrap_or_default(),
            sort_by: query.sort_by.as_deref().unwrap_or_default(),
            sort_order: query.sort_order.as_deref().unwrap_or_default(),
            count: cursor_count(query.count.as_deref())?,
        };
        let at = match cursor {
            "" => None,
            cursor => Some(cursor::open(cursor, &scope, connection.now(), connection.cursor_key())?),
        };
        Ok(Self::Cursor { scope, at })
    }

    /// Resources at the most.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Index(page) => page.count,
            Self::Cursor { scope, .. } => scope.count,
        }
    }

    /// How many resources stand before the page, where it is named by index.
    pub(super) fn offset(&self) -> usize {
        match self {
            Self::Index(page) => page.offset(),
            Self::Cursor { .. } => 0,
        }
    }

    /// The last resource of the page before, where there is one and it is named by cursor.
    pub(super) fn after(&self) -> Option<&Position> {
        self.at().filter(|at| !at.backwards)
    }

    /// The first resource of the page after, where the page is named by what follows it.
    pub(super) fn before(&self) -> Option<&Position> {
        self.at().filter(|at| at.backwards)
    }

    fn at(&self) -> Option<&Position> {
        match self {
            Self::Index(_) => None,
            Self::Cursor { at, .. } => at.as_ref(),
        }
    }
}

/// Where a page begins and ends, as far as others come before it and follow.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// Its first resource.
    pub first: Option<Position>,
    /// Its last resource.
    pub last: Option<Position>,
}

/// The page as it is answered.
pub(super) fn shown_page(
    connection: &Connection,
    window: &Window<'_>,
    resources: Vec<Value>,
    total: usize,
    ends: Ends,
) -> Value {
    match window {
        Window::Index(page) => list_response(resources, total, page.start_index),
        Window::Cursor { scope, .. } => {
            let expires = connection.now().plus(cursor::LIFETIME);
            let sealed =
                |position: &Position| cursor::seal(position, scope, expires, connection.cursor_key());
            let previous = ends.first.map(|first| sealed(&Position { backwards: true, ..first }));
            let next = ends.last.map(|last| sealed(&Position { backwards: false, ..last }));
            cursor_response(resources, total, previous, next)
        }
    }
}
