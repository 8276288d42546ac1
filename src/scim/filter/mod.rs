//! Filters (RFC 7644 §3.4.2.2): parsed, checked against the schema, evaluated on JSON resources.

use scim_v2::filter as grammar;
use serde_json::{Map, Value};

use super::error::{Result, ScimError, ScimType};
use super::limits;
use super::schema::{Attribute, ResourceType};

mod equality;
mod lookup;
mod node;
mod partial;
mod print;
mod resolve;
mod shim;
#[cfg(test)]
mod tests;

pub use lookup::Lookup;
use node::Node;
use resolve::UnknownNames;

/// A filter that fits a resource type.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    root: Node,
}

impl Filter {
    /// Parses `text` and resolves it against `resource_type`.
    ///
    /// Names are case-insensitive, with or without their schema URN. An attribute no schema knows has no value, so
    /// every expression on it is false and its `not` is true (RFC 7644 §3.4.2.1). Comparing a complex attribute
    /// compares its `value`. Strings compare folded, unless the attribute is `caseExact`.
    ///
    /// # Errors
    /// 400 `invalidFilter`: over a limit, not a filter, an operator the attribute's type has no order or text for, or
    /// a value of another type.
    pub fn parse(text: &str, resource_type: &ResourceType) -> Result<Self> {
        limits::check_filter(text.as_bytes())?;
        let parsed = match equality::read(text, resource_type) {
            Some(parsed) => parsed,
            None => parse(text)?,
        };
        Ok(Self { root: resolve::filter(&parsed, resource_type)? })
    }

    /// Whether a whole resource, `id`, `meta` and all, satisfies the filter. Keys are in canonical case.
    ///
    /// `pr` is false for null, `""`, `[]` and `{}`; `eq null` is its opposite. `ne` is true where there is no value.
    #[must_use]
    pub fn matches(&self, resource: &Value) -> bool {
        self.root.matches(resource)
    }

    /// Whether the filter reads the top-level attribute `name` (an extension is read by its URN), in any case.
    #[must_use]
    pub fn reads(&self, name: &str) -> bool {
        let mut reads = false;
        self.root.targets(&mut |target| {
            let top = target.extension.as_ref().or(target.attribute.as_ref());
            reads |= top.is_some_and(|top| top.eq_ignore_ascii_case(name));
        });
        reads
    }
}

fn parse(text: &str) -> Result<grammar::Filter> {
    let text = shim::rewrite(text, ScimType::InvalidFilter)?;
    text.parse().map_err(|_| ScimError::bad(ScimType::InvalidFilter, UNREADABLE))
}

/// The filter inside a PATCH path's brackets: which elements of a multi-valued attribute are meant.
#[derive(Debug, Clone, PartialEq)]
pub struct ElementFilter {
    root: Node,
}

impl ElementFilter {
    /// Resolves a parsed filter against the attribute it selects elements of; unlike in a search, an unknown
    /// sub-attribute is refused.
    pub(super) fn resolve(parsed: &grammar::ValFilter, attribute: &Attribute) -> Result<Self> {
        Ok(Self { root: resolve::elements(parsed, attribute, UnknownNames::AreRefused)? })
    }

    /// Whether one element is meant.
    #[must_use]
    pub fn matches(&self, element: &Value) -> bool {
        self.root.matches(element)
    }

    /// The element the filter describes, where it is `eq` terms joined by `and`: `type eq "work"` is
    /// `{"type": "work"}`. `None` for any other filter.
    #[must_use]
    pub fn described(&self) -> Option<Map<String, Value>> {
        let mut element = Map::new();
        node::described(&self.root, &mut element).map(|()| element)
    }

    /// The values the filter names, where it is `value eq` terms joined by `or` on a case-exact `value`. `None` for
    /// any other filter.
    #[must_use]
    pub fn named_values(&self) -> Option<Vec<String>> {
        let mut values = Vec::new();
        node::named_values(&self.root, &mut values).map(|()| values)
    }
}

/// A PATCH path with brackets, its names as written.
pub(super) struct ValuePath {
    pub(super) name: String,
    pub(super) filter: grammar::ValFilter,
    pub(super) sub: Option<String>,
}

/// Parses `attr[filter]` and `attr[filter].sub`; the pre-scan is the caller's.
pub(super) fn parse_value_path(text: &str) -> Result<ValuePath> {
    let text = shim::rewrite(text, ScimType::InvalidPath)?;
    match text.parse() {
        Ok(grammar::PatchPath::Value(path)) => Ok(ValuePath {
            name: resolve::name_of(&path.attr),
            filter: path.filter,
            sub: path.sub_attr.map(|sub| resolve::restore(&sub).to_owned()),
        }),
        Ok(grammar::PatchPath::Attr(_)) | Err(_) => Err(ScimError::bad(
            ScimType::InvalidPath,
            "the path is not of the form `attribute`, `attribute.sub`, `attribute[filter]` or `attribute[filter].sub`",
        )),
    }
}

const UNREADABLE: &str = "the filter is not of the form `attribute operator \"value\"`, joined by `and`, `or` and \
                          `not (…)`";
