//! Paging and the list answer (RFC 7644 §3.4.2).

use serde_json::{Value, json};

use super::error::{Result, ScimError, ScimType};

/// Resources in a page whose size nobody named.
pub const DEFAULT_COUNT: usize = 100;

/// Resources in a page at the most. Never below 100: a client that walks by 100 takes a shorter page for the last.
pub const MAX_COUNT: usize = 200;

/// The window of a listing a caller asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The place of the first resource, from 1.
    pub start_index: usize,
    /// Resources at the most; 0 asks for the total alone.
    pub count: usize,
}

impl Page {
    /// Reads `startIndex` and `count` (RFC 7644 §3.4.2.4): a start below 1 means 1, a count below 0 means 0, no
    /// count means [`DEFAULT_COUNT`], and one above [`MAX_COUNT`] is cut to it.
    ///
    /// # Errors
    /// 400 `invalidValue` where one is no integer.
    pub fn parse(start_index: Option<&str>, count: Option<&str>) -> Result<Self> {
        let start_index = integer("startIndex", start_index)?.unwrap_or(1).max(1);
        let count = integer("count", count)?;
        Ok(Self {
            start_index: usize::try_from(start_index).unwrap_or(usize::MAX),
            count: count.map_or(DEFAULT_COUNT, |count| {
                usize::try_from(count.max(0)).unwrap_or(MAX_COUNT).min(MAX_COUNT)
            }),
        })
    }

    /// How many resources stand before the page.
    #[must_use]
    pub fn offset(self) -> usize {
        self.start_index.saturating_sub(1)
    }
}

/// Reads the `count` of a listing by cursor (RFC 9865 §2): none means [`DEFAULT_COUNT`], one above [`MAX_COUNT`] is
/// cut to it.
///
/// # Errors
/// 400 `invalidCount` for anything but a positive integer.
pub fn cursor_count(count: Option<&str>) -> Result<usize> {
    let Some(text) = count else { return Ok(DEFAULT_COUNT) };
    match text.trim().parse::<i64>() {
        Ok(count) if count > 0 => Ok(usize::try_from(count).unwrap_or(MAX_COUNT).min(MAX_COUNT)),
        Ok(_) | Err(_) => Err(ScimError::bad(
            ScimType::InvalidCount,
            format!("`count` is no integer from 1 to {MAX_COUNT}"),
        )),
    }
}

impl Default for Page {
    fn default() -> Self {
        Self { start_index: 1, count: DEFAULT_COUNT }
    }
}

/// The `ListResponse` of `resources`, which begin at `start_index` of `total`.
///
/// The numbers are integers and `Resources` is there even where it is empty: Okta's import and Entra's connection
/// test fail without.
#[must_use]
pub fn list_response(resources: Vec<Value>, total: usize, start_index: usize) -> Value {
    let mut response = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total,
        "startIndex": start_index,
        "itemsPerPage": resources.len(),
    });
    response["Resources"] = Value::Array(resources);
    response
}

/// The `ListResponse` of one page by cursor (RFC 9865 §2); without `previous` it is the first, without `next` the last.
#[must_use]
pub fn cursor_response(
    resources: Vec<Value>,
    total: usize,
    previous: Option<String>,
    next: Option<String>,
) -> Value {
    let mut response = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total,
        "itemsPerPage": resources.len(),
    });
    if let Some(previous) = previous {
        response["previousCursor"] = Value::String(previous);
    }
    if let Some(next) = next {
        response["nextCursor"] = Value::String(next);
    }
    response["Resources"] = Value::Array(resources);
    response
}

fn integer(name: &str, sent: Option<&str>) -> Result<Option<i64>> {
    let Some(text) = sent.map(str::trim) else { return Ok(None) };
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let detail = format!("`{name}` is not a number, expected an integer");
        return Err(ScimError::bad(ScimType::InvalidValue, detail));
    }
    // What is past all counting lies beyond the end, or before the beginning.
    let past = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    Ok(Some(text.parse().unwrap_or(past)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_rfc_7644() {
        let page = |start, count| {
            let page = Page::parse(start, count).unwrap();
            (page.start_index, page.count, page.offset())
        };
        assert_eq!(page(None, None), (1, 100, 0));
        assert_eq!(page(Some("0"), Some("2")), (1, 2, 0));
        assert_eq!(page(Some("-5"), Some("-1")), (1, 0, 0));
        assert_eq!(page(Some("101"), Some("100")), (101, 100, 100));
        assert_eq!(page(Some("1"), Some("5000")), (1, 200, 0));
        assert_eq!(page(None, Some("0")), (1, 0, 0));
        assert_eq!(page(Some("-99999999999999999999"), Some("99999999999999999999")), (1, 200, 0));
        assert_eq!(page(Some("99999999999999999999"), None).1, 100);
        assert_eq!(Page::parse(None, None).unwrap(), Page::default());
    }

    #[test]
    fn anything_but_an_integer_is_refused() {
        for text in ["", "x", "1.5", "1e2", "-", "--1"] {
            for error in [Page::parse(Some(text), None), Page::parse(None, Some(text))] {
                let error = error.unwrap_err();
                assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)), "{text}");
            }
        }
    }

    #[test]
    fn a_page_by_cursor_has_at_least_one_and_at_most_the_maximum() {
        let counts = [(None, 100), (Some("1"), 1), (Some(" 200 "), 200), (Some("201"), 200)];
        for (sent, count) in counts {
            assert_eq!(cursor_count(sent), Ok(count), "{sent:?}");
        }
        for sent in ["0", "-1", "", "x", "1.5", "99999999999999999999"] {
            let error = cursor_count(Some(sent)).unwrap_err();
            assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidCount)), "{sent}");
        }
    }

    #[test]
    fn the_first_page_by_cursor_has_no_previous_and_the_last_no_next() {
        let expected = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": 3, "itemsPerPage": 1, "nextCursor": "abc", "Resources": [{ "id": "1" }],
        });
        assert_eq!(cursor_response(vec![json!({ "id": "1" })], 3, None, Some("abc".to_owned())), expected);
        let last = cursor_response(Vec::new(), 3, Some("xyz".to_owned()), None);
        assert_eq!((last.get("nextCursor"), &last["previousCursor"]), (None, &json!("xyz")));
    }

    #[test]
    fn an_empty_list_still_has_resources() {
        let expected = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": [],
        });
        assert_eq!(list_response(Vec::new(), 0, 1), expected);
        let page = list_response(vec![json!({ "id": "1" }), json!({ "id": "2" })], 12, 11);
        assert_eq!((&page["totalResults"], &page["itemsPerPage"]), (&json!(12), &json!(2)));
    }
}
