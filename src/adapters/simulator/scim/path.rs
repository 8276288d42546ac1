//! Paths of PATCH operations and filters: `name.givenName`, `members[value eq "id"]`, `emails[type eq "work"].value`.

use serde_json::Value;

use super::problem::Problem;
use super::schema::{Attribute, Kind, Schema, named};
use crate::base::fold;

/// Where an operation works.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub(super) attribute: &'static Attribute,
    /// Which elements of a list.
    pub(super) filter: Option<Comparison>,
    pub(super) part: Option<&'static Attribute>,
}

/// `attribute eq value`, the only comparison these servers understand.
#[derive(Debug, Clone)]
pub(super) struct Comparison {
    pub(super) attribute: &'static Attribute,
    value: Value,
}

impl Path {
    /// An attribute as a whole.
    pub(super) fn whole(attribute: &'static Attribute) -> Self {
        Self { attribute, filter: None, part: None }
    }

    /// Reads a path, with or without the schema's URN before it; 400 `invalidPath` for what the schema does not
    /// know, 400 `invalidFilter` for another comparison than `eq`.
    pub(super) fn parse(text: &str, schema: &Schema) -> Result<Self, Problem> {
        let unknown =
            || Problem::invalid("invalidPath", format!("{text} is not an attribute of this resource"));
        let local = without_urn(text.trim(), schema.urn);
        let (head, filter, tail) = match local.split_once('[') {
            None => (local, None, ""),
            Some((head, rest)) => {
                let (inside, tail) = rest.rsplit_once(']').ok_or_else(unknown)?;
                (head, Some(inside), tail)
            }
        };
        let (name, part) = match filter {
            None => head.split_once('.').map_or((head, None), |(name, part)| (name, Some(part))),
            Some(_) if tail.is_empty() => (head, None),
            Some(_) => (head, Some(tail.strip_prefix('.').ok_or_else(unknown)?)),
        };
        let attribute = schema.attribute(name).ok_or_else(unknown)?;
        if filter.is_some() && !matches!(attribute.kind, Kind::List(_)) {
            return Err(unknown());
        }
        let part = match part {
            None => None,
            Some(part) => Some(named(attribute.parts(), part).ok_or_else(unknown)?),
        };
        let filter = filter.map(|filter| Comparison::parse(filter, attribute.parts())).transpose()?;
        Ok(Self { attribute, filter, part })
    }

    /// Fails with 400 `mutability` where the attribute is not for writing.
    pub(super) fn require_writable(&self) -> Result<(), Problem> {
        match self.part.filter(|part| part.read_only) {
            Some(part) => Err(Problem::mutability(&format!("{}.{}", self.attribute.name, part.name))),
            None if self.attribute.read_only => Err(Problem::mutability(self.attribute.name)),
            None => Ok(()),
        }
    }

    /// The attribute's full name, for a message.
    pub(super) fn name(&self) -> String {
        match self.part {
            None => self.attribute.name.to_owned(),
            Some(part) => format!("{}.{}", self.attribute.name, part.name),
        }
    }
}

impl Comparison {
    fn parse(text: &str, among: &'static [Attribute]) -> Result<Self, Problem> {
        let (name, value) = equality(text)?;
        let attribute = named(among, name).ok_or_else(|| not_understood(text))?;
        Ok(Self { attribute, value })
    }

    /// Whether an element of the list fits.
    pub(super) fn fits(&self, element: &Value) -> bool {
        element.get(self.attribute.name).is_some_and(|value| equal(self.attribute, value, &self.value))
    }
}

/// Whether two values of an attribute are the same: texts whatever their case, unless the attribute is exact.
pub(super) fn equal(attribute: &Attribute, one: &Value, other: &Value) -> bool {
    match (attribute.kind, one, other) {
        (Kind::Text, Value::String(one), Value::String(other)) => fold::key(one) == fold::key(other),
        _ => one == other,
    }
}

/// The two sides of `name eq value`; 400 `invalidFilter` for anything else.
pub(super) fn equality(text: &str) -> Result<(&str, Value), Problem> {
    let (name, rest) = text.trim().split_once(' ').ok_or_else(|| not_understood(text))?;
    let (operator, literal) = rest.trim_start().split_once(' ').ok_or_else(|| not_understood(text))?;
    let value: Value = serde_json::from_str(literal.trim()).map_err(|_| not_understood(text))?;
    if operator.eq_ignore_ascii_case("eq") && matches!(value, Value::String(_) | Value::Bool(_)) {
        Ok((name, value))
    } else {
        Err(not_understood(text))
    }
}

fn not_understood(filter: &str) -> Problem {
    Problem::invalid("invalidFilter", format!("the filter {filter} is not understood"))
}

fn without_urn<'a>(path: &'a str, urn: &str) -> &'a str {
    let own = path.get(..urn.len()).is_some_and(|start| start.eq_ignore_ascii_case(urn));
    let rest = if own { path.get(urn.len()..) } else { None };
    rest.and_then(|rest| rest.strip_prefix(':')).unwrap_or(path)
}
