//! A member of a group, in the one form the gateway works with.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::{Map, Value};

use super::error::{Result, ScimError, ScimType};
use super::schema::ResourceKind;

/// One entry of a group's `members` (RFC 7643 §4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The SCIM id of the member, as sent: case-exact and not empty.
    pub value: String,
    /// The name to show, where the client sent one.
    pub display: Option<String>,
    /// What the client says it is, by `type` or by `$ref`; `None` where it says nothing.
    pub kind: Option<ResourceKind>,
}

impl Member {
    /// A member of which nothing but the id is known.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self { value: value.into(), display: None, kind: None }
    }

    /// Reads an entry: an object with names in any case, or a bare id. What only describes the member and cannot be
    /// read is left out.
    fn read(sent: &Value) -> Result<Self> {
        let member = match sent {
            Value::String(id) => Self::new(id.as_str()),
            Value::Object(object) => {
                let value = text(object, "value").ok_or_else(|| {
                    invalid("`members.value` is missing or no string, expected the id of a member")
                })?;
                Self {
                    value: value.to_owned(),
                    display: text(object, "display")
                        .or_else(|| text(object, "displayName"))
                        .map(str::to_owned),
                    kind: text(object, "type")
                        .and_then(named)
                        .or_else(|| text(object, "$ref").and_then(referred_to)),
                }
            }
            _ => return Err(invalid("`members` holds neither an object nor an id")),
        };
        if member.value.is_empty() || member.value.contains(char::is_control) {
            return Err(invalid("`members.value` is empty or holds a control character"));
        }
        Ok(member)
    }
}

/// The members a value names, in order; a single one counts as a list, and one who is there twice counts once.
///
/// # Errors
/// 400 `invalidValue` for an entry that does not say who is meant: nobody is left out by a guess.
pub(super) fn list(sent: &Value) -> Result<Vec<Member>> {
    let entries = match sent {
        Value::Array(entries) => entries.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut members: Vec<Member> = Vec::with_capacity(entries.len());
    let mut places = BTreeMap::new();
    for entry in entries {
        let member = Member::read(entry)?;
        match places.entry(member.value.clone()) {
            Entry::Vacant(place) => {
                place.insert(members.len());
                members.push(member);
            }
            Entry::Occupied(place) => {
                let known = &mut members[*place.get()];
                known.display = known.display.take().or(member.display);
                known.kind = known.kind.or(member.kind);
            }
        }
    }
    Ok(members)
}

/// A string that is not empty, under a name in any case.
fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let mut found = object.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
    found.find_map(|(_, value)| value.as_str().filter(|text| !text.is_empty()))
}

fn named(name: &str) -> Option<ResourceKind> {
    [ResourceKind::User, ResourceKind::Group].into_iter().find(|kind| name.eq_ignore_ascii_case(kind.name()))
}

fn referred_to(reference: &str) -> Option<ResourceKind> {
    match reference.rsplit('/').nth(1)? {
        "Users" => Some(ResourceKind::User),
        "Groups" => Some(ResourceKind::Group),
        _ => None,
    }
}

fn invalid(detail: &str) -> ScimError {
    ScimError::bad(ScimType::InvalidValue, detail)
}
