//! A group's body: the members travel apart from the resource.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::{Map, Value};

use super::value::found;
use super::{Result, decode, invalid};
use crate::scim::catalog::Catalog;
use crate::scim::member::Member;

/// The group a body describes, without `members`, and its members apart.
///
/// The members are `None` where the body does not name them, which leaves a group's members alone, and empty
/// where it empties them (`[]`, and null, which RFC 7643 §2.5 holds to be the same). A bare id and a single
/// object count as a list of one; a member who is there twice counts once; `$ref` is ignored.
///
/// # Errors
/// As [`decode`], and 400 `invalidValue` for a member without `value`, or two different lists.
pub fn decode_group(body: &Value) -> Result<(Value, Option<Vec<Member>>)> {
    let Some(object) = body.as_object() else {
        return decode(body, &Catalog::standard().group).map(|resource| (resource, None));
    };
    let mut rest = Map::new();
    let mut members: Option<Vec<Member>> = None;
    for (key, sent) in object {
        if is_members(key) {
            let more = members_of(sent)?;
            if members.as_ref().is_some_and(|known| *known != more) {
                return Err(invalid("`members` is there twice with different values".to_owned()));
            }
            members = Some(more);
        } else {
            rest.insert(key.clone(), sent.clone());
        }
    }
    let resource = decode(&Value::Object(rest), &Catalog::standard().group)?;
    Ok((resource, members))
}

/// `members`, or the same with the URN of the schema in front.
fn is_members(key: &str) -> bool {
    let urn = &Catalog::standard().group.core.id;
    let name = super::after_prefix(key, urn).and_then(|rest| rest.strip_prefix(':')).unwrap_or(key);
    name.eq_ignore_ascii_case("members")
}

fn members_of(sent: &Value) -> Result<Vec<Member>> {
    let elements = match sent {
        Value::Array(elements) => elements.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut members: Vec<Member> = Vec::with_capacity(elements.len());
    let mut places = BTreeMap::new();
    for element in elements.iter().filter(|element| !is_nothing(element)) {
        let member = member(element)?;
        match places.entry(member.value.clone()) {
            Entry::Vacant(place) => {
                place.insert(members.len());
                members.push(member);
            }
            Entry::Occupied(place) => {
                let known = &mut members[*place.get()];
                known.display = known.display.take().or(member.display);
                known.kind = known.kind.take().or(member.kind);
            }
        }
    }
    Ok(members)
}

fn member(sent: &Value) -> Result<Member> {
    let object = match sent {
        Value::String(id) => return Ok(Member::new(id.as_str())),
        Value::Object(object) => object,
        other => return Err(invalid(format!("`members` is {}, expected a list of objects", found(other)))),
    };
    let value = text(object, "value")?.ok_or_else(|| {
        invalid("`members.value` is missing or empty, expected the id of a member".to_owned())
    })?;
    Ok(Member { value, display: text(object, "display")?, kind: text(object, "type")?.map(canonical_kind) })
}

/// A string under a name in any case; null and "" count as absent.
fn text(object: &Map<String, Value>, name: &str) -> Result<Option<String>> {
    let mut sent = object.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    match sent.find(|value| !is_nothing(value)) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(invalid(format!("`members.{name}` is {}, expected a string", found(other)))),
    }
}

fn canonical_kind(kind: String) -> String {
    match kind.to_ascii_lowercase().as_str() {
        "user" => "User".to_owned(),
        "group" => "Group".to_owned(),
        _ => kind,
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}
