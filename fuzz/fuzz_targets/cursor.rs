//! A cursor opens to where it was made, and whatever we did not make opens nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_fuzz::base::clock::Timestamp;
use portcullis_fuzz::scim::cursor::{CursorKey, CursorScope, LIFETIME, Position, open, seal};
use portcullis_fuzz::scim::error::ScimType;
use portcullis_fuzz::scim::schema::ResourceKind;
use portcullis_fuzz::scim::sort::SortKey;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

fuzz_target!(|input: (&str, &str, i64, u16)| {
    let (text, filter, number, place) = input;
    let key = CursorKey::new([7; 32]);
    let scope = CursorScope {
        connection: "hive",
        endpoint: "/Users",
        filter,
        sort_by: "userName",
        sort_order: "",
        count: usize::from(place),
    };
    let refused = |cursor: &str| match open(cursor, &scope, NOW, &key) {
        Ok(position) => panic!("a stranger opened {position:?}"),
        Err(error) => assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidCursor))),
    };
    refused(text);

    let short: String = text.chars().take(256).collect();
    let sort = match number % 4 {
        0 => SortKey::Nothing,
        1 => SortKey::Boolean(number > 0),
        2 => SortKey::Instant(number, i32::from(place)),
        _ => SortKey::Text(short),
    };
    let kind = if number < 0 { ResourceKind::Group } else { ResourceKind::User };
    let position = Position { kind, id: "0197c7a0-0000-7000-8000-000000000001".to_owned(), sort, backwards: false };
    let cursor = seal(&position, &scope, NOW.plus(LIFETIME), &key);
    assert_eq!(open(&cursor, &scope, NOW, &key), Ok(position));

    let mut changed = cursor.into_bytes();
    let place = usize::from(place) % changed.len();
    changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
    if let Ok(changed) = std::str::from_utf8(&changed) {
        refused(changed);
    }
});
