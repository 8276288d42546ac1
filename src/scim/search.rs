//! A query sent as a body (RFC 7644 §3.4.3): what `.search` takes.

use serde_json::{Map, Value};

use super::error::{Result, ScimError, ScimType};

/// A `SearchRequest`, in the form its members have as query parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchRequest {
    /// Names, joined by commas.
    pub attributes: Option<String>,
    /// Names, joined by commas.
    pub excluded: Option<String>,
    pub filter: Option<String>,
    pub sort_by: Option<String>,
    pub sort_order: Option<String>,
    pub start_index: Option<String>,
    pub count: Option<String>,
    /// Empty for the first page (RFC 9865 §2).
    pub cursor: Option<String>,
}

impl SearchRequest {
    /// Reads a body. Names count in any case, null counts as absent, unknown members are ignored, numbers may be
    /// quoted and `attributes` may be one text with commas; `schemas` may be missing.
    ///
    /// # Errors
    /// 400 `invalidSyntax` where the body is no object; 400 `invalidValue` for a member of another type.
    pub fn parse(body: &Value) -> Result<Self> {
        let Value::Object(members) = body else {
            return Err(ScimError::bad(ScimType::InvalidSyntax, "the search is not a JSON object"));
        };
        Ok(Self {
            attributes: names(members, "attributes")?,
            excluded: names(members, "excludedAttributes")?,
            filter: text(members, "filter")?,
            sort_by: text(members, "sortBy")?,
            sort_order: text(members, "sortOrder")?,
            start_index: number(members, "startIndex")?,
            count: number(members, "count")?,
            cursor: text(members, "cursor")?,
        })
    }
}

/// The member `name` in any case, unless it is null.
pub(super) fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let found = members.get(name).or_else(|| {
        members.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    });
    found.filter(|value| !value.is_null())
}

fn text(members: &Map<String, Value>, name: &str) -> Result<Option<String>> {
    match member(members, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong(name, "a string")),
    }
}

fn number(members: &Map<String, Value>, name: &str) -> Result<Option<String>> {
    match member(members, name) {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong(name, "an integer")),
    }
}

fn names(members: &Map<String, Value>, name: &str) -> Result<Option<String>> {
    let all = match member(members, name) {
        None => return Ok(None),
        Some(Value::String(text)) => return Ok(Some(text.clone())),
        Some(Value::Array(elements)) => {
            elements.iter().map(Value::as_str).collect::<Option<Vec<_>>>().map(|names| names.join(","))
        }
        Some(_) => None,
    };
    all.map(Some).ok_or_else(|| wrong(name, "a list of names"))
}

fn wrong(name: &str, expected: &str) -> ScimError {
    ScimError::bad(ScimType::InvalidValue, format!("`{name}` is of another type, expected {expected}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_member_is_read_as_its_parameter_would_be() {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "attributes": ["displayName", "userName"],
            "filter": "displayName sw \"smith\"",
            "sortBy": "userName", "sortOrder": "descending",
            "startIndex": 1, "count": 10, "cursor": "",
        });
        let expected = SearchRequest {
            attributes: Some("displayName,userName".to_owned()),
            excluded: None,
            filter: Some("displayName sw \"smith\"".to_owned()),
            sort_by: Some("userName".to_owned()),
            sort_order: Some("descending".to_owned()),
            start_index: Some("1".to_owned()),
            count: Some("10".to_owned()),
            cursor: Some(String::new()),
        };
        assert_eq!(SearchRequest::parse(&body), Ok(expected));
    }

    #[test]
    fn spelling_and_quoting_are_forgiven() {
        let body = json!({ "EXCLUDEDATTRIBUTES": "emails,name", "Count": "5", "filter": null, "more": {} });
        let expected = SearchRequest {
            excluded: Some("emails,name".to_owned()),
            count: Some("5".to_owned()),
            ..SearchRequest::default()
        };
        assert_eq!(SearchRequest::parse(&body), Ok(expected));
        assert_eq!(SearchRequest::parse(&json!({})), Ok(SearchRequest::default()));
    }

    #[test]
    fn a_member_of_another_type_is_named() {
        for (name, value) in [
            ("filter", json!(1)),
            ("sortBy", json!(["userName"])),
            ("count", json!(true)),
            ("attributes", json!(["userName", 1])),
            ("cursor", json!(7)),
        ] {
            let error = SearchRequest::parse(&json!({ name: value })).unwrap_err();
            assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)), "{name}");
            assert!(error.detail.contains(name), "{}", error.detail);
        }
        let error = SearchRequest::parse(&json!([])).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::InvalidSyntax));
    }
}
