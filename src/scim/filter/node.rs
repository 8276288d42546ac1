//! The resolved filter and its evaluation.

use std::cmp::Ordering;

use scim_v2::ScimDateTime;
use serde_json::{Map, Number, Value};

use crate::base::fold;

/// A filter whose names and literals have been checked against the schema. At most 16 levels and a few more deep.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Test(Target, Test),
    /// A value path: true where one element satisfies all of `inner`.
    Element(Target, Box<Node>),
    /// An attribute no schema knows. It has no value, so every expression on it is false (RFC 7644 §3.4.2.1).
    Never,
}

/// Where the values to test are, in canonical spelling; inside a value path, relative to the element.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    pub(super) extension: Option<String>,
    /// `None` = the whole extension.
    pub(super) attribute: Option<String>,
    pub(super) sub: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    Present,
    Absent,
    Equal(Operand),
    /// `ne`. True on an attribute without a value: an absent value is not identical to the operand
    /// (RFC 7644 §3.4.2.2), and `ne` would otherwise hide the very people who lack the value asked about.
    Different(Operand),
    Contains(Operand),
    StartsWith(Operand),
    EndsWith(Operand),
    Less(Operand),
    LessOrEqual(Operand),
    Greater(Operand),
    GreaterOrEqual(Operand),
}

/// A literal of the attribute's type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Exact(String),
    /// `key` ignores the white space around a name, `folded` keeps it: for `co`, `sw`, `ew`.
    Folded {
        text: String,
        key: String,
        folded: String,
    },
    Boolean(bool),
    Number(Number),
    Instant(ScimDateTime),
}

impl Node {
    /// Whether a resource, or the element of a value path, satisfies the filter.
    pub(super) fn matches(&self, context: &Value) -> bool {
        match self {
            Self::And(nodes) => nodes.iter().all(|node| node.matches(context)),
            Self::Or(nodes) => nodes.iter().any(|node| node.matches(context)),
            Self::Not(node) => !node.matches(context),
            Self::Test(target, test) => test.holds(target.value(context), target.sub.as_deref()),
            Self::Element(target, inner) => match target.value(context) {
                Some(Value::Array(elements)) => elements.iter().any(|element| inner.matches(element)),
                Some(element) => inner.matches(element),
                None => false,
            },
            Self::Never => false,
        }
    }

    /// Calls `visit` with every target, those inside a value path left out.
    pub(super) fn targets<'a>(&'a self, visit: &mut impl FnMut(&'a Target)) {
        match self {
            Self::And(nodes) | Self::Or(nodes) => nodes.iter().for_each(|node| node.targets(visit)),
            Self::Not(node) => node.targets(visit),
            Self::Test(target, _) | Self::Element(target, _) => visit(target),
            Self::Never => {}
        }
    }
}

impl Target {
    fn value<'v>(&self, context: &'v Value) -> Option<&'v Value> {
        let Value::Object(object) = context else {
            // An element that is a plain value, as of `schemas`: its `value` is itself.
            return (self.attribute.as_deref() == Some("value")).then_some(context);
        };
        let holder = match &self.extension {
            Some(urn) => object.get(urn)?,
            None => context,
        };
        match &self.attribute {
            Some(name) => holder.get(name),
            None => Some(holder),
        }
    }
}

impl Test {
    fn holds(&self, value: Option<&Value>, sub: Option<&str>) -> bool {
        let any = |test: &dyn Fn(&Value) -> bool| value.is_some_and(|value| any_leaf(value, sub, test));
        match self {
            Self::Present => any(&is_present),
            Self::Absent => !any(&is_present),
            Self::Equal(operand) => any(&|leaf| operand.equals(leaf)),
            Self::Different(operand) => {
                !any(&is_present) || any(&|leaf| is_present(leaf) && !operand.equals(leaf))
            }
            Self::Contains(operand) => any(&|leaf| operand.text(leaf, |text, part| text.contains(part))),
            Self::StartsWith(operand) => any(&|leaf| operand.text(leaf, |text, part| text.starts_with(part))),
            Self::EndsWith(operand) => any(&|leaf| operand.text(leaf, |text, part| text.ends_with(part))),
            Self::Less(operand) => any(&|leaf| operand.order(leaf).is_some_and(Ordering::is_lt)),
            Self::LessOrEqual(operand) => any(&|leaf| operand.order(leaf).is_some_and(Ordering::is_le)),
            Self::Greater(operand) => any(&|leaf| operand.order(leaf).is_some_and(Ordering::is_gt)),
            Self::GreaterOrEqual(operand) => any(&|leaf| operand.order(leaf).is_some_and(Ordering::is_ge)),
        }
    }
}

/// Whether one value of a possibly multi-valued attribute passes: one is enough (RFC 7644 §3.4.2.2).
fn any_leaf(value: &Value, sub: Option<&str>, test: &dyn Fn(&Value) -> bool) -> bool {
    match (value, sub) {
        (Value::Array(items), _) => items.iter().any(|item| any_leaf(item, sub, test)),
        (Value::Object(object), Some(sub)) => {
            object.get(sub).is_some_and(|value| any_leaf(value, None, test))
        }
        (leaf, None | Some("value")) => test(leaf),
        (_, Some(_)) => false,
    }
}

/// Whether a value counts as assigned: not null, not empty, and not made of such values only (RFC 7643 §2.5).
pub(super) fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(is_present),
        Value::Object(members) => members.values().any(is_present),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

impl Operand {
    /// The literal as it would stand in a resource.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Exact(text) | Self::Folded { text, .. } => text.as_str().into(),
            Self::Boolean(boolean) => (*boolean).into(),
            Self::Number(number) => number.clone().into(),
            Self::Instant(instant) => instant.as_str().into(),
        }
    }

    fn equals(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Exact(text), Value::String(found)) => text == found,
            (Self::Folded { key, .. }, Value::String(found)) if found.is_ascii() => {
                found.trim().eq_ignore_ascii_case(key)
            }
            (Self::Folded { key, .. }, Value::String(found)) => &fold::key(found) == key,
            (Self::Boolean(boolean), Value::Bool(found)) => boolean == found,
            (Self::Number(_) | Self::Instant(_), _) => self.order(value) == Some(Ordering::Equal),
            _ => false,
        }
    }

    fn text(&self, value: &Value, test: impl Fn(&str, &str) -> bool) -> bool {
        match (self, value) {
            (Self::Exact(part), Value::String(found)) => test(found, part),
            (Self::Folded { folded, .. }, Value::String(found)) => test(&fold::folded(found), folded),
            _ => false,
        }
    }

    /// How `value` stands to the literal; `None` where the two cannot be compared.
    fn order(&self, value: &Value) -> Option<Ordering> {
        match (self, value) {
            (Self::Exact(text), Value::String(found)) => Some(found.cmp(text)),
            (Self::Folded { key, .. }, Value::String(found)) => Some(fold::key(found).cmp(key)),
            (Self::Number(number), Value::Number(found)) => match (found.as_i64(), number.as_i64()) {
                (Some(found), Some(number)) => Some(found.cmp(&number)),
                _ => found.as_f64()?.partial_cmp(&number.as_f64()?),
            },
            (Self::Instant(instant), Value::String(found)) => {
                found.parse::<ScimDateTime>().ok()?.xsd_partial_cmp(instant)
            }
            _ => None,
        }
    }
}

/// The element a filter of `eq` terms joined by `and` describes; `None` for any other filter.
pub(super) fn described(node: &Node, element: &mut Map<String, Value>) -> Option<()> {
    match node {
        Node::And(nodes) => nodes.iter().try_for_each(|node| described(node, element)),
        Node::Test(Target { attribute: Some(name), sub: None, .. }, Test::Equal(operand)) => {
            element.insert(name.clone(), operand.to_json());
            Some(())
        }
        _ => None,
    }
}

/// The values a filter of `value eq` terms joined by `or` names; `None` for any other filter.
pub(super) fn named_values(node: &Node, values: &mut Vec<String>) -> Option<()> {
    match node {
        Node::Or(nodes) => nodes.iter().try_for_each(|node| named_values(node, values)),
        Node::Test(Target { attribute: Some(name), sub: None, .. }, Test::Equal(Operand::Exact(text)))
            if name == "value" =>
        {
            values.push(text.clone());
            Some(())
        }
        _ => None,
    }
}
