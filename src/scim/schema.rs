//! Schemas and their attributes (RFC 7643 §7): what every other module of this floor is driven by.

use serde::{Deserialize, Serialize};

pub use scim_v2::schema_urns::{ENTERPRISE_USER, GROUP, USER};

/// Our own extension of `User`: how the app stands behind the resource.
pub const GATEWAY_USER: &str = "urn:portcullis:params:scim:schemas:extension:gateway:2.0:User";

/// Which endpoint a resource lives at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ResourceKind {
    User,
    Group,
}

impl ResourceKind {
    /// `User` or `Group`, as in `meta.resourceType`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    /// `/Users` or `/Groups`.
    #[must_use]
    pub fn endpoint(self) -> &'static str {
        match self {
            Self::User => "/Users",
            Self::Group => "/Groups",
        }
    }

    /// The URN of the core schema.
    #[must_use]
    pub fn core_urn(self) -> &'static str {
        match self {
            Self::User => USER,
            Self::Group => GROUP,
        }
    }
}

/// The data types of RFC 7643 §2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Type {
    String,
    Boolean,
    Decimal,
    Integer,
    DateTime,
    Binary,
    Reference,
    Complex,
}

/// RFC 7643 §7 `mutability`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    ReadOnly,
    #[default]
    ReadWrite,
    Immutable,
    WriteOnly,
}

/// RFC 7643 §7 `returned`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Returned {
    Always,
    Never,
    #[default]
    Default,
    Request,
}

/// RFC 7643 §7 `uniqueness`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Uniqueness {
    #[default]
    None,
    Server,
    Global,
}

/// One attribute definition, in the form `/Schemas` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Type,
    #[serde(default)]
    pub multi_valued: bool,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub case_exact: bool,
    #[serde(default)]
    pub mutability: Mutability,
    #[serde(default)]
    pub returned: Returned,
    #[serde(default)]
    pub uniqueness: Uniqueness,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canonical_values: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_attributes: Vec<Attribute>,
}

impl Attribute {
    /// The sub-attribute called `name`, in any case.
    #[must_use]
    pub fn sub(&self, name: &str) -> Option<&Attribute> {
        find(&self.sub_attributes, name)
    }

    /// Whether the attribute is a list of complex values that may carry `primary`.
    #[must_use]
    pub fn has_primary(&self) -> bool {
        self.multi_valued && self.sub("primary").is_some()
    }
}

/// A schema: its URN and its attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The URN.
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub description: String,
    pub attributes: Vec<Attribute>,
}

impl Schema {
    /// The attribute called `name`, in any case.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        find(&self.attributes, name)
    }
}

/// The core schema of a resource type and the extensions a connection shows with it.
#[derive(Debug, Clone)]
pub struct ResourceType {
    pub kind: ResourceKind,
    /// `schemas`, `id`, `externalId`, `meta` (RFC 7643 §3.1), then the attributes of the core schema.
    pub core: Schema,
    pub extensions: Vec<Schema>,
    /// The URNs of the extensions every resource must carry (RFC 7643 §6).
    pub required: Vec<String>,
}

/// An attribute found by name: which extension it belongs to (`None` = core or common) and its definition.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    pub extension: Option<&'a Schema>,
    pub attribute: &'a Attribute,
}

/// What a name in a filter, a path or a path-less PATCH points at.
#[derive(Debug, Clone, Copy)]
pub enum Named<'a> {
    /// The URN of an extension: all of its attributes.
    Extension(&'a Schema),
    /// The URN of the core schema: the resource itself.
    Core,
    /// An attribute, or one of its sub-attributes.
    Attribute { found: Found<'a>, sub: Option<&'a Attribute> },
}

impl ResourceType {
    /// What `name` points at: `attr`, `attr.sub`, either after a schema URN and `:` or `.`, or a schema URN alone.
    ///
    /// Case is ignored. Without a URN the core schema wins; a name only an extension knows (Entra sends `manager`
    /// bare) is that extension's. `None` where no schema of this type knows it.
    #[must_use]
    pub fn locate(&self, name: &str) -> Option<Named<'_>> {
        if !name.contains(':') {
            let found = |name: &str| {
                self.find(None, name)
                    .or_else(|| self.extensions.iter().find_map(|e| self.find(Some(&e.id), name)))
            };
            return split_sub(name, found);
        }
        if let Some(rest) = after_urn(name, &self.core.id) {
            return match rest {
                Rest::Nothing => Some(Named::Core),
                Rest::Name(rest) => split_sub(rest, |name| self.find(None, name)),
            };
        }
        self.extensions.iter().find_map(|extension| match after_urn(name, &extension.id)? {
            Rest::Nothing => Some(Named::Extension(extension)),
            Rest::Name(rest) => split_sub(rest, |name| self.find(Some(&extension.id), name)),
        })
    }

    /// The attribute `name` of the schema `urn`, or of the core schema where there is no URN. Case is ignored.
    #[must_use]
    pub fn find(&self, urn: Option<&str>, name: &str) -> Option<Found<'_>> {
        match urn {
            None => self.core.attribute(name).map(|attribute| Found { extension: None, attribute }),
            Some(urn) if urn.eq_ignore_ascii_case(&self.core.id) => self.find(None, name),
            Some(urn) => {
                let schema = self.extension(urn)?;
                schema.attribute(name).map(|attribute| Found { extension: Some(schema), attribute })
            }
        }
    }

    /// The extensions an administrator configured, beside those every connection knows.
    pub fn configured(&self) -> impl Iterator<Item = &Schema> {
        self.extensions.iter().filter(|schema| schema.id != ENTERPRISE_USER && schema.id != GATEWAY_USER)
    }

    /// Whether every resource must carry the extension with this URN, spelt as in its schema.
    #[must_use]
    pub fn requires(&self, urn: &str) -> bool {
        self.required.iter().any(|required| required == urn)
    }

    /// The extension with this URN, in any case.
    #[must_use]
    pub fn extension(&self, urn: &str) -> Option<&Schema> {
        self.extensions.iter().find(|schema| schema.id.eq_ignore_ascii_case(urn))
    }
}

enum Rest<'n> {
    Nothing,
    Name(&'n str),
}

/// What follows `urn` in `name`; `None` where `name` does not begin with it.
fn after_urn<'n>(name: &'n str, urn: &str) -> Option<Rest<'n>> {
    let (start, rest) = name.split_at_checked(urn.len())?;
    if !start.eq_ignore_ascii_case(urn) {
        return None;
    }
    if rest.is_empty() {
        return Some(Rest::Nothing);
    }
    rest.strip_prefix([':', '.']).map(Rest::Name)
}

fn split_sub<'a>(name: &str, find: impl Fn(&str) -> Option<Found<'a>>) -> Option<Named<'a>> {
    let (name, sub) = match name.split_once('.') {
        Some((name, sub)) => (name, Some(sub)),
        None => (name, None),
    };
    let found = find(name)?;
    let sub = match sub {
        Some(sub) => Some(found.attribute.sub(sub)?),
        None => None,
    };
    Some(Named::Attribute { found, sub })
}

fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}
