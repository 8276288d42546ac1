//! `bulkId:x` in the data of an operation: found, replaced by the id it stands for, or left out for the time being.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

const PREFIX: &str = "bulkId:";

/// The `bulkId` a text refers to as a whole.
pub(super) fn whole(text: &str) -> Option<&str> {
    let (start, rest) = text.split_at_checked(PREFIX.len())?;
    (start.eq_ignore_ascii_case(PREFIX) && !rest.is_empty()).then_some(rest)
}

/// Every `bulkId` the texts of `value` refer to: all that stand alone, and those of `known` that stand in a longer
/// text, as in a `$ref` or the path of a PATCH.
pub(super) fn found(value: &Value, known: &BTreeSet<&str>) -> BTreeSet<String> {
    let mut bulk_ids = BTreeSet::new();
    visit(value, &mut |text| match whole(text) {
        Some(bulk_id) => {
            bulk_ids.insert(bulk_id.to_owned());
        }
        None => pieces(text, |piece| {
            if let Piece::Reference(bulk_id) = piece
                && known.contains(bulk_id)
            {
                bulk_ids.insert(bulk_id.to_owned());
            }
        }),
    });
    bulk_ids
}

/// `value` with every reference in `ids` replaced by its id; others stay as they are.
pub(super) fn resolved(value: &Value, ids: &BTreeMap<&str, &str>) -> Value {
    match value {
        Value::String(text) => Value::String(resolved_text(text, ids)),
        Value::Array(elements) => elements.iter().map(|element| resolved(element, ids)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, member)| (name.clone(), resolved(member, ids))).collect()
        }
        plain => plain.clone(),
    }
}

/// `value` without what refers to one of `open`: an element of a list, or an attribute of the resource.
pub(super) fn without(value: &Value, open: &BTreeSet<&str>) -> Value {
    let refers = |value: &Value| found(value, open).iter().any(|bulk_id| open.contains(bulk_id.as_str()));
    match value {
        Value::Object(members) => members
            .iter()
            .filter_map(|(name, member)| match member {
                Value::Array(elements) => {
                    let kept = elements.iter().filter(|element| !refers(element)).cloned().collect();
                    Some((name.clone(), Value::Array(kept)))
                }
                member if !refers(member) => Some((name.clone(), member.clone())),
                // An extension holds attributes of its own.
                Value::Object(_) if name.contains(':') => Some((name.clone(), without(member, open))),
                _ => None,
            })
            .collect(),
        plain => plain.clone(),
    }
}

enum Piece<'t> {
    Plain(&'t str),
    /// Without its prefix.
    Reference(&'t str),
}

fn resolved_text(text: &str, ids: &BTreeMap<&str, &str>) -> String {
    if let Some(id) = whole(text).and_then(|bulk_id| ids.get(bulk_id)) {
        return (*id).to_owned();
    }
    let mut written = String::with_capacity(text.len());
    pieces(text, |piece| match piece {
        Piece::Plain(plain) => written.push_str(plain),
        Piece::Reference(bulk_id) => match ids.get(bulk_id) {
            Some(id) => written.push_str(id),
            None => written.extend([PREFIX, bulk_id]),
        },
    });
    written
}

/// Takes a text apart at each `bulkId:`; a reference ends where a value in a filter or a segment of a URL ends.
fn pieces<'t>(text: &'t str, mut piece: impl FnMut(Piece<'t>)) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(PREFIX) {
        let end = after.find(['"', '\'', '/', ']', ')', ',', ' ', '?', '#']).unwrap_or(after.len());
        let (bulk_id, remains) = after.split_at_checked(end).unwrap_or((after, ""));
        piece(Piece::Plain(before));
        piece(Piece::Reference(bulk_id));
        rest = remains;
    }
    piece(Piece::Plain(rest));
}

fn visit(value: &Value, seen: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => seen(text),
        Value::Array(elements) => elements.iter().for_each(|element| visit(element, seen)),
        Value::Object(members) => members.values().for_each(|member| visit(member, seen)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_stand_alone_in_links_and_in_paths() {
        let value = json!({
            "members": [{ "value": "bulkId:qa", "$ref": "https://x/Users/bulkId:qb" }],
            "Operations": [{ "op": "remove", "path": "members[value eq \"bulkId:qc\"]" }],
            "displayName": "our bulkId:nobody",
            "manager": "BULKID:later",
        });
        let known = BTreeSet::from(["qa", "qb", "qc"]);
        assert_eq!(found(&value, &known).into_iter().collect::<Vec<_>>(), ["later", "qa", "qb", "qc"]);
        let ids = BTreeMap::from([("qa", "1"), ("qb", "2"), ("qc", "3")]);
        let expected = json!({
            "members": [{ "value": "1", "$ref": "https://x/Users/2" }],
            "Operations": [{ "op": "remove", "path": "members[value eq \"3\"]" }],
            "displayName": "our bulkId:nobody",
            "manager": "BULKID:later",
        });
        assert_eq!(resolved(&value, &ids), expected);
    }

    #[test]
    fn what_refers_to_nothing_yet_is_left_out_and_no_more() {
        let value = json!({
            "displayName": "A", "externalId": "bulkId:b",
            "members": [{ "value": "bulkId:b" }, { "value": "bulkId:c" }, { "value": "7" }],
            "urn:x:User": { "manager": { "value": "bulkId:b" }, "department": "Sales" },
        });
        let expected = json!({
            "displayName": "A",
            "members": [{ "value": "bulkId:c" }, { "value": "7" }],
            "urn:x:User": { "department": "Sales" },
        });
        assert_eq!(without(&value, &BTreeSet::from(["b"])), expected);
    }
}
