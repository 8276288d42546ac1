//! A group's body: the members travel apart from the resource.

use serde_json::{Map, Value};

use super::{Result, decode, invalid};
use crate::scim::member::{self, Member};
use crate::scim::schema::ResourceType;

/// The `group` a body describes, without `members`, and its members apart.
///
/// The members are `None` where the body does not name them, which leaves a group's members alone, and empty
/// where it empties them (`[]`, and null, which RFC 7643 §2.5 holds to be the same). A bare id and a single
/// object count as a list of one; a member who is there twice counts once.
///
/// # Errors
/// As [`decode`], and 400 `invalidValue` for a member without `value`, or two different lists.
pub fn decode_group(body: &Value, group: &ResourceType) -> Result<(Value, Option<Vec<Member>>)> {
    let Some(object) = body.as_object() else {
        return decode(body, group).map(|resource| (resource, None));
    };
    let mut rest = Map::new();
    let mut members: Option<Vec<Member>> = None;
    for (key, sent) in object {
        if is_members(key, &group.core.id) {
            let more = members_of(sent)?;
            if members.as_ref().is_some_and(|known| *known != more) {
                return Err(invalid("`members` is there twice with different values".to_owned()));
            }
            members = Some(more);
        } else {
            rest.insert(key.clone(), sent.clone());
        }
    }
    let resource = decode(&Value::Object(rest), group)?;
    Ok((resource, members))
}

/// `members`, or the same with the URN of the schema in front.
fn is_members(key: &str, urn: &str) -> bool {
    let name = super::after_prefix(key, urn).and_then(|rest| rest.strip_prefix(':')).unwrap_or(key);
    name.eq_ignore_ascii_case("members")
}

/// Null is no member, as is the empty string that stands for it.
fn members_of(sent: &Value) -> Result<Vec<Member>> {
    if sent.is_null() || sent.as_str().is_some_and(str::is_empty) {
        return Ok(Vec::new());
    }
    member::list(sent)
}
