//! Sorting (RFC 7644 §3.4.2.3): what a listing is ordered by, and the key of each resource in that order.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cmp::Ordering;

use super::error::{Result, ScimError, ScimType};
use super::schema::{Attribute, Found, Named, ResourceKind, ResourceType, Returned, Type};
use crate::base::fold;

/// How many characters of a text are compared: keys stand in cursors, which are bounded.
const KEY_CHARACTERS: usize = 256;

/// The direction of a sorted listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortOrder {
    #[default]
    Ascending,
    Descending,
}

/// What a listing is sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    order: SortOrder,
    /// By resource type; a type that lacks the attribute is not in here.
    targets: Vec<(ResourceKind, Target)>,
}

/// Where the value stands, in canonical spelling, and how it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    extension: Option<String>,
    attribute: String,
    sub: Option<String>,
    kind: Type,
    exact: bool,
}

/// What a resource is sorted by. The variants are in ascending order: no value stands last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SortKey {
    Boolean(bool),
    /// An integer, or a decimal number mapped so that the order of the integers is theirs.
    Number(i64),
    /// Seconds since 1970, and nanoseconds.
    Instant(i64, i32),
    /// Folded unless the attribute is `caseExact`.
    Text(String),
    Nothing,
}

impl Sort {
    /// Reads `sortBy` and `sortOrder` for a listing of `types`; `None` where nothing is to be sorted by.
    ///
    /// The attribute may be a sub-attribute (`name.familyName`) and may stand behind its schema URN, in any case.
    /// `emails` means `emails.value`, as in a filter. It is enough that one of the types knows it: resources of the
    /// others count as having no value.
    ///
    /// # Errors
    /// 400 `invalidValue`: an attribute no schema knows, a complex one without a `value` or one that is never shown;
    /// an order other than `ascending` and `descending`.
    pub fn parse(by: Option<&str>, order: Option<&str>, types: &[&ResourceType]) -> Result<Option<Self>> {
        let Some(by) = by.map(str::trim).filter(|by| !by.is_empty()) else { return Ok(None) };
        let order = match order.map(str::trim).unwrap_or_default() {
            "" => SortOrder::Ascending,
            word if word.eq_ignore_ascii_case("ascending") => SortOrder::Ascending,
            word if word.eq_ignore_ascii_case("descending") => SortOrder::Descending,
            _ => return Err(refused("`sortOrder` is neither `ascending` nor `descending`")),
        };
        let mut targets = Vec::new();
        for resource_type in types {
            if let Some(named) = resource_type.locate(by) {
                targets.push((resource_type.kind, Target::of(&named)?));
            }
        }
        if targets.is_empty() {
            return Err(refused("`sortBy` names an attribute no schema has"));
        }
        Ok(Some(Self { order, targets }))
    }

    /// The direction.
    #[must_use]
    pub fn order(&self) -> SortOrder {
        self.order
    }

    /// The top-level attribute the key of a resource of this kind is read from: an extension by its URN. `None` where
    /// the type has no such attribute.
    #[must_use]
    pub fn reads(&self, kind: ResourceKind) -> Option<&str> {
        self.target(kind).map(|target| target.extension.as_deref().unwrap_or(&target.attribute))
    }

    /// The key of a resource: of a list its primary value, else its first. Empty counts as no value (RFC 7643 §2.5).
    #[must_use]
    pub fn key(&self, kind: ResourceKind, resource: &Value) -> SortKey {
        self.target(kind).and_then(|target| target.key(resource)).unwrap_or(SortKey::Nothing)
    }

    /// How two keys stand to each other. Resources without a value come last, and first when the order is descending.
    #[must_use]
    pub fn compare(&self, one: &SortKey, other: &SortKey) -> Ordering {
        match self.order {
            SortOrder::Ascending => one.cmp(other),
            SortOrder::Descending => other.cmp(one),
        }
    }

    fn target(&self, kind: ResourceKind) -> Option<&Target> {
        self.targets.iter().find(|(known, _)| *known == kind).map(|(_, target)| target)
    }
}

impl Target {
    fn of(named: &Named<'_>) -> Result<Self> {
        let (Found { extension, attribute }, sub) = match named {
            Named::Attribute { found, sub } => (*found, *sub),
            Named::Extension(_) | Named::Core => {
                return Err(refused("`sortBy` is a schema URN, add `:` and an attribute"));
            }
        };
        let sub = match sub {
            None if attribute.kind == Type::Complex => attribute.sub("value"),
            other => other,
        };
        let leaf: &Attribute = sub.unwrap_or(attribute);
        if leaf.kind == Type::Complex {
            return Err(refused(format!(
                "`sortBy` names `{}`, which is complex: name one of its sub-attributes",
                attribute.name
            )));
        }
        if attribute.returned == Returned::Never {
            return Err(refused(format!("`sortBy` names `{}`, which is never shown", attribute.name)));
        }
        Ok(Self {
            extension: extension.map(|schema| schema.id.clone()),
            attribute: attribute.name.clone(),
            sub: sub.map(|sub| sub.name.clone()),
            kind: leaf.kind,
            exact: leaf.case_exact || leaf.kind == Type::Binary,
        })
    }

    fn key(&self, resource: &Value) -> Option<SortKey> {
        let holder = match &self.extension {
            Some(urn) => resource.get(urn)?,
            None => resource,
        };
        let value = chosen(holder.get(&self.attribute)?)?;
        let value = match (&self.sub, value) {
            (Some(sub), Value::Object(object)) => chosen(object.get(sub)?)?,
            (Some(_), _) => return None,
            (None, value) => value,
        };
        match (self.kind, value) {
            (Type::Boolean, Value::Bool(boolean)) => Some(SortKey::Boolean(*boolean)),
            (Type::Integer, Value::Number(number)) => number.as_i64().map(SortKey::Number),
            (Type::Decimal, Value::Number(number)) => number.as_f64().map(ordered).map(SortKey::Number),
            (Type::DateTime, Value::String(text)) => instant(text),
            (Type::String | Type::Reference | Type::Binary, Value::String(text)) if !text.is_empty() => {
                let text = if self.exact { text.clone() } else { fold::key(text) };
                Some(SortKey::Text(text.chars().take(KEY_CHARACTERS).collect()))
            }
            _ => None,
        }
    }
}

/// Of a list the primary value, else the first; any other value itself.
fn chosen(value: &Value) -> Option<&Value> {
    match value {
        Value::Array(elements) => elements
            .iter()
            .find(|element| element.get("primary") == Some(&Value::Bool(true)))
            .or_else(|| elements.first()),
        value => Some(value),
    }
}

/// The instant of a date-time; one without a zone is taken as UTC.
fn instant(text: &str) -> Option<SortKey> {
    let moment = text.parse::<Timestamp>().ok().or_else(|| {
        let civil = text.parse::<DateTime>().ok()?;
        jiff::tz::Offset::UTC.to_timestamp(civil).ok()
    })?;
    Some(SortKey::Instant(moment.as_second(), moment.subsec_nanosecond()))
}

/// A number whose order among integers is the order of the decimals: the bits of a negative one are turned round.
fn ordered(decimal: f64) -> i64 {
    // Adding zero makes one of the two zeros.
    let bits = (decimal + 0.0).to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

fn refused(detail: impl Into<String>) -> ScimError {
    ScimError::bad(ScimType::InvalidValue, detail)
}

#[cfg(test)]
mod tests;
