//! The attributes a server knows, by which bodies and paths are read.

use serde_json::{Map, Value};

use super::problem::Problem;

/// What an attribute holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// A text that is compared letter by letter.
    Exact,
    Truth,
    Object(&'static [Attribute]),
    List(&'static [Attribute]),
}

/// One attribute or sub-attribute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) read_only: bool,
}

impl Attribute {
    const fn writable(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, read_only: false }
    }

    const fn read_only(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, read_only: true }
    }

    /// What it is made of; empty for a simple one.
    pub(super) fn parts(&self) -> &'static [Attribute] {
        match self.kind {
            Kind::Object(parts) | Kind::List(parts) => parts,
            Kind::Text | Kind::Exact | Kind::Truth => &[],
        }
    }

    /// The value in the schema's own words; 400 `invalidValue` when it is of another type.
    ///
    /// Unknown and read-only sub-attributes are left out, and nulls with them.
    pub(super) fn checked(&self, value: &Value) -> Result<Value, Problem> {
        match (self.kind, value) {
            (Kind::Text | Kind::Exact, Value::String(_)) | (Kind::Truth, Value::Bool(_)) => Ok(value.clone()),
            (Kind::Object(parts), Value::Object(given)) => Ok(Value::Object(settled(parts, given)?)),
            (Kind::List(parts), Value::Array(items)) => {
                let element = |item: &Value| match item {
                    Value::Object(given) => settled(parts, given).map(Value::Object),
                    _ => Err(self.mistyped()),
                };
                items.iter().map(element).collect::<Result<Vec<_>, _>>().map(Value::Array)
            }
            _ => Err(self.mistyped()),
        }
    }

    fn mistyped(&self) -> Problem {
        let expected = match self.kind {
            Kind::Text | Kind::Exact => "a string",
            Kind::Truth => "a boolean",
            Kind::Object(_) => "an object",
            Kind::List(_) => "an array of objects",
        };
        Problem::value(format!("{} must be {expected}", self.name))
    }
}

/// A resource type.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) urn: &'static str,
    pub(super) attributes: &'static [Attribute],
}

const NAME: &[Attribute] = &[
    Attribute::writable("givenName", Kind::Text),
    Attribute::writable("familyName", Kind::Text),
    Attribute::read_only("formatted", Kind::Text),
];
const EMAIL: &[Attribute] = &[
    Attribute::writable("value", Kind::Text),
    Attribute::writable("type", Kind::Text),
    Attribute::writable("primary", Kind::Truth),
];
const MEMBER: &[Attribute] = &[
    Attribute::writable("value", Kind::Exact),
    Attribute::writable("display", Kind::Text),
    Attribute::writable("type", Kind::Text),
    Attribute::writable("$ref", Kind::Exact),
];

const fn user(display_name: Attribute) -> [Attribute; 9] {
    [
        Attribute::read_only("id", Kind::Exact),
        Attribute::read_only("schemas", Kind::Exact),
        Attribute::read_only("meta", Kind::Object(&[])),
        Attribute::writable("userName", Kind::Text),
        Attribute::writable("externalId", Kind::Exact),
        Attribute::writable("name", Kind::Object(NAME)),
        display_name,
        Attribute::writable("emails", Kind::List(EMAIL)),
        Attribute::writable("active", Kind::Truth),
    ]
}

static NAMED_USER: [Attribute; 9] = user(Attribute::writable("displayName", Kind::Text));
static DERIVED_USER: [Attribute; 9] = user(Attribute::read_only("displayName", Kind::Text));
static GROUP_ATTRIBUTES: [Attribute; 6] = [
    Attribute::read_only("id", Kind::Exact),
    Attribute::read_only("schemas", Kind::Exact),
    Attribute::read_only("meta", Kind::Object(&[])),
    Attribute::writable("displayName", Kind::Text),
    Attribute::writable("externalId", Kind::Exact),
    Attribute::writable("members", Kind::List(MEMBER)),
];

pub(super) const USER_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(super) const GROUP_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// Users whose display name is a field of its own.
pub(super) static USER: Schema = Schema { urn: USER_URN, attributes: &NAMED_USER };
/// Users whose display name is made from the names.
pub(super) static USER_WITHOUT_DISPLAY_NAME: Schema = Schema { urn: USER_URN, attributes: &DERIVED_USER };
pub(super) static GROUP: Schema = Schema { urn: GROUP_URN, attributes: &GROUP_ATTRIBUTES };

impl Schema {
    /// The attribute of that name, whatever its case.
    pub(super) fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        named(self.attributes, name)
    }

    /// A resource in the schema's own words; what is unknown, read-only or null is left out.
    ///
    /// 400 `invalidSyntax` where `schemas` does not name the schema, 400 `invalidValue` on a value of another type.
    pub(super) fn settled(&self, body: &Map<String, Value>) -> Result<Map<String, Value>, Problem> {
        require_schema(body, self.urn)?;
        settled(self.attributes, body)
    }
}

/// Sees to it that `schemas` names `urn`.
pub(super) fn require_schema(body: &Map<String, Value>, urn: &str) -> Result<(), Problem> {
    let named = body.get("schemas").and_then(Value::as_array);
    if named.is_some_and(|named| named.iter().any(|one| one == urn)) {
        return Ok(());
    }
    Err(Problem::invalid("invalidSyntax", format!("schemas must contain {urn}")))
}

/// The attribute of that name among `attributes`, whatever its case.
pub(super) fn named(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

fn settled(
    attributes: &'static [Attribute],
    given: &Map<String, Value>,
) -> Result<Map<String, Value>, Problem> {
    let mut kept = Map::new();
    for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        if let Some(attribute) = named(attributes, name).filter(|attribute| !attribute.read_only) {
            kept.insert(attribute.name.to_owned(), attribute.checked(value)?);
        }
    }
    Ok(kept)
}
