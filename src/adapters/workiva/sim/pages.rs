//! Pages: opaque tokens that each belong to one listing and stay good when they are asked twice.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::mode::{LastPage, Mode, PageSizeOver};
use super::refusals::invalid;
use crate::adapters::simulator::{Answer, Call};
use crate::base::id::Ids;

const PAGE_SIZE: usize = 100;
const PAGE_SIZE_MAX: usize = 100;
/// More listings than this are not begun and left unfinished by anybody.
const CURSOR_LIMIT: usize = 100_000;

#[derive(Debug)]
struct Cursor {
    listing: String,
    after: String,
}

/// The page tokens given out.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    given: HashMap<String, Cursor>,
    last_pages: usize,
}

/// What a request asks of a listing.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) size: usize,
    /// The key after which the page begins; `None` on the first.
    pub(super) after: Option<String>,
}

impl Cursors {
    /// Reads `pageSize` and `pageToken`; a token of another listing is as good as an invented one.
    pub(super) fn page(&self, mode: &Mode, listing: &str, call: &Call) -> Result<Page, Answer> {
        let size = match call.parameter("pageSize") {
            None => PAGE_SIZE,
            Some(text) => match text.parse::<usize>() {
                Ok(size) if size > PAGE_SIZE_MAX && mode.page_size_over == PageSizeOver::Rejected => {
                    return Err(invalid("pageSize", "pageSize must be at most 100"));
                }
                Ok(size) if size > 0 => size.min(PAGE_SIZE_MAX),
                _ => return Err(invalid("pageSize", "pageSize must be a positive number")),
            },
        };
        let after = match call.parameter("pageToken").filter(|token| !token.is_empty()) {
            None => None,
            Some(token) => match self.given.get(&token) {
                Some(cursor) if cursor.listing == listing => Some(cursor.after.clone()),
                _ => return Err(invalid("pageToken", "pageToken is not valid")),
            },
        };
        Ok(Page { size, after })
    }

    /// The envelope `{data, nextPageToken}`; `next` is the last key of a page that others follow.
    pub(super) fn envelope(
        &mut self,
        mode: &Mode,
        ids: &Ids,
        listing: &str,
        data: Vec<Value>,
        next: Option<String>,
    ) -> Value {
        let mut envelope = Map::new();
        envelope.insert("data".into(), Value::Array(data));
        if let Some(token) = self.token(mode, ids, listing, next) {
            envelope.insert("nextPageToken".into(), token);
        }
        Value::Object(envelope)
    }

    fn token(&mut self, mode: &Mode, ids: &Ids, listing: &str, next: Option<String>) -> Option<Value> {
        let Some(after) = next else {
            let turn = self.last_pages % 3;
            self.last_pages += 1;
            return match (mode.last_page, turn) {
                (LastPage::Absent, _) | (LastPage::Rotate, 0) => None,
                (LastPage::Null, _) | (LastPage::Rotate, 1) => Some(Value::Null),
                (LastPage::Empty | LastPage::Rotate, _) => Some(Value::String(String::new())),
            };
        };
        if self.given.len() >= CURSOR_LIMIT {
            self.given.clear();
        }
        let token = format!("tok_{}", ids.next());
        self.given.insert(token.clone(), Cursor { listing: listing.to_owned(), after });
        Some(Value::String(token))
    }
}
