//! Cursors (RFC 9865): where a page ended, sealed so that nobody but us can make or change one.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::error::{Result, ScimError, ScimType};
use super::schema::ResourceKind;
use super::sort::SortKey;
use crate::base::clock::Timestamp;

/// How long a cursor is good for: `cursorTimeout`.
pub const LIFETIME: Duration = Duration::from_hours(1);

/// Longest cursor that is looked at, in characters; ours are shorter.
const LONGEST: usize = 6_000;

const SEAL_BYTES: usize = 32;
const HEAD_BYTES: usize = 16;

/// What cursors are sealed with. Whoever shares it can open them: a process for itself, or replicas together.
#[derive(Clone)]
pub struct CursorKey([u8; 32]);

impl CursorKey {
    /// A key of 32 random bytes.
    #[must_use]
    pub fn new(random: [u8; 32]) -> Self {
        Self(random)
    }
}

/// The key itself is never printed.
impl std::fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CursorKey")
    }
}

/// The query a cursor belongs to: with any other it is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CursorScope<'a> {
    pub connection: &'a str,
    /// `/Users`, `/Groups`, or `/` for both.
    pub endpoint: &'a str,
    /// As it was sent; empty where there is none.
    pub filter: &'a str,
    pub sort_by: &'a str,
    pub sort_order: &'a str,
    pub count: usize,
}

/// The last resource of a page, or the first: the next page begins with what comes after it, the one before ends with
/// what comes before it, whatever is added or removed meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    #[serde(rename = "k")]
    pub kind: ResourceKind,
    #[serde(rename = "i")]
    pub id: String,
    /// What it was sorted by.
    #[serde(rename = "s")]
    pub sort: SortKey,
    /// The page ends before it, instead of beginning after it.
    #[serde(rename = "b", default, skip_serializing_if = "std::ops::Not::not")]
    pub backwards: bool,
}

/// The cursor for `position`, in lower-case hexadecimal digits.
#[must_use]
pub fn seal(position: &Position, scope: &CursorScope<'_>, expires: Timestamp, key: &CursorKey) -> String {
    let mut bytes = Vec::new();
    bytes.extend(expires.0.to_be_bytes());
    bytes.extend((scope.count as u64).to_be_bytes());
    bytes.extend(serde_json::to_vec(position).unwrap_or_default());
    let seal = authenticated(&bytes, scope, key).finalize().into_bytes();
    bytes.extend(seal);
    hex(&bytes)
}

/// The position in a cursor.
///
/// # Errors
/// 400 `invalidCursor` where it is not ours, was changed or belongs to another query; `expiredCursor` where it is too
/// old; `invalidCount` where the query has another `count` than the one it was made for.
pub fn open(cursor: &str, scope: &CursorScope<'_>, now: Timestamp, key: &CursorKey) -> Result<Position> {
    let bytes = Some(cursor).filter(|cursor| cursor.len() <= LONGEST).and_then(unhex).ok_or_else(invalid)?;
    let place = bytes.len().checked_sub(SEAL_BYTES).ok_or_else(invalid)?;
    let (sealed, seal) = bytes.split_at_checked(place).ok_or_else(invalid)?;
    authenticated(sealed, scope, key).verify_slice(seal).map_err(|_| invalid())?;
    let (head, position) = sealed.split_at_checked(HEAD_BYTES).ok_or_else(invalid)?;
    let number = |bytes: &[u8]| bytes.try_into().map(u64::from_be_bytes).map_err(|_| invalid());
    let (expires, count) = head.split_at_checked(8).ok_or_else(invalid)?;
    if Timestamp(number(expires)?.cast_signed()) < now {
        return Err(ScimError::bad(
            ScimType::ExpiredCursor,
            format!(
                "the cursor has expired: ask for each page within {} s of the one before, and begin again now",
                LIFETIME.as_secs()
            ),
        ));
    }
    let count = number(count)?;
    if count != scope.count as u64 {
        return Err(ScimError::bad(
            ScimType::InvalidCount,
            format!("`count` is {}, expected {count} as for the first page", scope.count),
        ));
    }
    serde_json::from_slice(position).map_err(|_| invalid())
}

/// Each text with its length before it, so that no two scopes read alike.
fn authenticated(bytes: &[u8], scope: &CursorScope<'_>, key: &CursorKey) -> Hmac<Sha256> {
    let mut block = [0; 64];
    for (place, byte) in block.iter_mut().zip(key.0) {
        *place = byte;
    }
    let mut seal = Hmac::<Sha256>::new(&block.into());
    for text in [scope.connection, scope.endpoint, scope.filter, scope.sort_by, scope.sort_order] {
        seal.update(&(text.len() as u64).to_be_bytes());
        seal.update(text.as_bytes());
    }
    seal.update(bytes);
    seal
}

fn invalid() -> ScimError {
    ScimError::bad(
        ScimType::InvalidCursor,
        "the cursor is not one of this query: leave it empty for the first page, then send `nextCursor` or `previousCursor` with the \
         same parameters",
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

/// Lower-case digits only, so that a cursor has one spelling.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? * 16 + digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

    fn scope() -> CursorScope<'static> {
        CursorScope {
            connection: "hive",
            endpoint: "/Users",
            filter: "title pr",
            sort_by: "userName",
            sort_order: "",
            count: 10,
        }
    }

    fn position() -> Position {
        Position {
            kind: ResourceKind::User,
            id: "0197c7a0-0000-7000-8000-000000000001".to_owned(),
            sort: SortKey::Text("anna".to_owned()),
            backwards: false,
        }
    }

    fn key() -> CursorKey {
        CursorKey::new([7; 32])
    }

    fn sealed() -> String {
        seal(&position(), &scope(), NOW.plus(LIFETIME), &key())
    }

    fn refusal(cursor: &str, scope: &CursorScope<'_>, now: Timestamp) -> Option<ScimType> {
        let error = open(cursor, scope, now, &key()).unwrap_err();
        assert_eq!(error.status, 400);
        error.scim_type
    }

    #[test]
    fn a_cursor_opens_to_where_it_was_made() {
        assert_eq!(open(&sealed(), &scope(), NOW, &key()), Ok(position()));
        assert_eq!(open(&sealed(), &scope(), NOW.plus(LIFETIME), &key()), Ok(position()));
        assert!(sealed().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    #[test]
    fn both_directions_are_told_apart() {
        let back = Position { backwards: true, ..position() };
        let cursor = seal(&back, &scope(), NOW.plus(LIFETIME), &key());
        assert_eq!(open(&cursor, &scope(), NOW, &key()), Ok(back));
    }

    #[test]
    fn with_another_query_it_is_invalid() {
        let scope = scope();
        for other in [
            CursorScope { connection: "tines", ..scope },
            CursorScope { endpoint: "/Groups", ..scope },
            CursorScope { filter: "title  pr", ..scope },
            CursorScope { sort_by: "", sort_order: "userName", ..scope },
            CursorScope { sort_order: "descending", ..scope },
            CursorScope { filter: "title pruserName", sort_by: "", ..scope },
        ] {
            assert_eq!(refusal(&sealed(), &other, NOW), Some(ScimType::InvalidCursor), "{other:?}");
        }
        let elsewhere = open(&sealed(), &scope, NOW, &CursorKey::new([8; 32])).unwrap_err();
        assert_eq!(elsewhere.scim_type, Some(ScimType::InvalidCursor));
    }

    #[test]
    fn with_another_count_the_count_is_invalid() {
        let other = CursorScope { count: 20, ..scope() };
        assert_eq!(refusal(&sealed(), &other, NOW), Some(ScimType::InvalidCount));
    }

    #[test]
    fn after_its_lifetime_it_has_expired() {
        let late = NOW.plus(LIFETIME + Duration::from_micros(1));
        assert_eq!(refusal(&sealed(), &scope(), late), Some(ScimType::ExpiredCursor));
    }

    #[test]
    fn any_changed_byte_is_invalid() {
        let cursor = sealed();
        for place in 0..cursor.len() {
            for with in *b"0f7aF~" {
                let mut bytes = cursor.clone().into_bytes();
                if bytes[place] == with {
                    continue;
                }
                bytes[place] = with;
                let changed = String::from_utf8(bytes).unwrap();
                assert_eq!(refusal(&changed, &scope(), NOW), Some(ScimType::InvalidCursor), "{place}");
            }
            let cut: String = cursor.chars().take(place).collect();
            assert_eq!(refusal(&cut, &scope(), NOW), Some(ScimType::InvalidCursor), "{place}");
        }
        assert_eq!(refusal(&format!("{cursor}00"), &scope(), NOW), Some(ScimType::InvalidCursor));
    }

    proptest! {
        #[test]
        fn what_we_did_not_make_is_invalid(text in "\\PC{0,200}") {
            prop_assert_eq!(refusal(&text, &scope(), NOW), Some(ScimType::InvalidCursor));
        }

        #[test]
        fn the_longest_key_fits(text in "\\PC{256}", id in "[a-z0-9-]{36}") {
            let position = Position { sort: SortKey::Text(text), id, ..position() };
            let cursor = seal(&position, &scope(), NOW, &key());
            prop_assert_eq!(open(&cursor, &scope(), NOW, &key()), Ok(position));
        }
    }
}
