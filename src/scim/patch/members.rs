//! What a PATCH does to a group's members: read into steps, because no one wants the whole list in memory.

use std::collections::BTreeSet;

use serde_json::Value;

use super::operations::Verb;
use crate::scim::error::{Result, ScimError, ScimType};
use crate::scim::filter::ElementFilter;
use crate::scim::member::{self, Member};
use crate::scim::path::Path;
use crate::scim::schema::{ResourceKind, ResourceType};

/// The changes to a group's members, to be made in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MemberChanges {
    pub steps: Vec<MemberStep>,
}

/// One change to a group's members. No list names a member twice.
#[derive(Debug, Clone, PartialEq)]
pub enum MemberStep {
    /// These become members; who is one already stays one.
    Add(Vec<Member>),
    /// These are members no longer; who is none is no error.
    Remove(Vec<String>),
    /// Those the filter selects, seen as the group shows its members, are members no longer.
    RemoveMatching(ElementFilter),
    /// Nobody is a member any longer.
    RemoveAll,
    /// Exactly these are members.
    Replace(Vec<Member>),
}

impl MemberChanges {
    /// Whether the patch leaves the members alone.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// Whether a path is about a group's members.
pub(super) fn are_meant(path: &Path<'_>, resource_type: &ResourceType) -> bool {
    resource_type.kind == ResourceKind::Group
        && path.extension.is_none()
        && path.attribute.is_some_and(|attribute| attribute.name == "members")
}

/// The step one operation on the members is; `None` where it does nothing.
///
/// `by_path` tells `"path": "members"` from a key of a path-less object. There, null says nothing: a client that
/// serializes what it has not loaded must not empty the group. Nor does a `replace` that was sent without its `value`.
pub(super) fn plan(
    verb: Verb,
    path: &Path<'_>,
    value: Option<&Value>,
    by_path: bool,
) -> Result<Option<MemberStep>> {
    if let Some(elements) = &path.elements {
        let whole = path.sub.is_none_or(|sub| sub.name == "value");
        return match (verb, elements.named_values()) {
            (Verb::Remove, Some(values)) if whole => Ok(Some(MemberStep::Remove(distinct(values)))),
            (Verb::Remove, None) if whole => Ok(Some(MemberStep::RemoveMatching(elements.clone()))),
            (Verb::Add | Verb::Replace | Verb::Remove, _) => Err(fixed()),
        };
    }
    if path.sub.is_some() {
        return Err(fixed());
    }
    if verb != Verb::Remove && value.is_none() {
        return Err(invalid("`value` is missing"));
    }
    let value = value.filter(|value| !value.is_null());
    match (verb, value) {
        (Verb::Remove, Some(value)) => remove(value).map(Some),
        (Verb::Add, Some(value)) => {
            let members = member::list(value)?;
            Ok((!members.is_empty()).then_some(MemberStep::Add(members)))
        }
        (Verb::Replace, Some(value)) => member::list(value).map(|members| Some(MemberStep::Replace(members))),
        (Verb::Remove | Verb::Replace, None) if by_path => Ok(Some(MemberStep::RemoveAll)),
        (Verb::Add, None) if by_path => Err(invalid("`value` is null, expected the members to add")),
        (Verb::Add | Verb::Replace | Verb::Remove, None) => Ok(None),
    }
}

/// Only those named: emptying the group is never a guess.
fn remove(value: &Value) -> Result<MemberStep> {
    let members = member::list(value).map_err(|error| ScimError {
        scim_type: Some(ScimType::NoTarget),
        detail: format!("which members to remove cannot be read: {}", error.detail),
        ..error
    })?;
    Ok(MemberStep::Remove(members.into_iter().map(|member| member.value).collect()))
}

fn distinct(values: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    values.into_iter().filter(|value| seen.insert(value.clone())).collect()
}

fn fixed() -> ScimError {
    ScimError::bad(
        ScimType::Mutability,
        "what a member consists of is fixed, send whole members with the path `members`",
    )
}

fn invalid(detail: &str) -> ScimError {
    ScimError::bad(ScimType::InvalidValue, detail)
}
