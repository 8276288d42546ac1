//! From the parser's tree to ours: names are looked up in the schema, literals checked against the type.

use scim_v2::ScimDateTime;
use scim_v2::filter::{AttrExp, AttrPath, CompValue, CompareOp, Filter, ValFilter};

use super::node::{Node, Operand, Target, Test};
use super::shim::REF;
use crate::base::fold;
use crate::scim::error::{Result, ScimError, ScimType};
use crate::scim::schema::{Attribute, Named, ResourceType, Type};

/// What to do with a name no schema knows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum UnknownNames {
    /// In a filter: the attribute has no value.
    MatchNothing,
    /// In a PATCH path: nothing may be written by mistake.
    AreRefused,
}

/// Resolves a whole filter.
pub(super) fn filter(parsed: &Filter, resource_type: &ResourceType) -> Result<Node> {
    Ok(match parsed {
        Filter::Attr(expression) => top_level(expression, resource_type)?,
        Filter::Not(inner) => Node::Not(Box::new(filter(inner, resource_type)?)),
        Filter::And(items) => {
            Node::And(items.iter().map(|item| filter(item, resource_type)).collect::<Result<_>>()?)
        }
        Filter::Or(items) => {
            Node::Or(items.iter().map(|item| filter(item, resource_type)).collect::<Result<_>>()?)
        }
        Filter::ValuePath(path) => match resource_type.locate(&name_of(&path.attr)) {
            Some(Named::Attribute { found, sub: None }) => {
                let target = Target {
                    extension: found.extension.map(|schema| schema.id.clone()),
                    attribute: Some(found.attribute.name.clone()),
                    sub: None,
                };
                Node::Element(
                    target,
                    Box::new(elements(&path.filter, found.attribute, UnknownNames::MatchNothing)?),
                )
            }
            Some(_) => return Err(refused("a value path stands after a sub-attribute or a schema URN")),
            None => Node::Never,
        },
    })
}

/// Resolves the filter of a value path on `attribute`.
pub(super) fn elements(parsed: &ValFilter, attribute: &Attribute, unknown: UnknownNames) -> Result<Node> {
    let all = |items: &[ValFilter]| -> Result<Vec<Node>> {
        items.iter().map(|item| elements(item, attribute, unknown)).collect()
    };
    if attribute.kind != Type::Complex && !attribute.multi_valued {
        return Err(refused(format!("`{}` has one plain value, a value path needs several", attribute.name)));
    }
    Ok(match parsed {
        ValFilter::Attr(expression) => {
            let name = name_of(path_of(expression));
            let sub = match attribute.sub(&name) {
                Some(sub) => sub,
                None if attribute.kind != Type::Complex && name.eq_ignore_ascii_case("value") => attribute,
                None if unknown == UnknownNames::MatchNothing => return Ok(Node::Never),
                None => {
                    let known: Vec<_> =
                        attribute.sub_attributes.iter().map(|sub| sub.name.as_str()).collect();
                    return Err(ScimError::bad(
                        ScimType::InvalidPath,
                        format!(
                            "the path compares an unknown sub-attribute of `{}`, known are `{}`",
                            attribute.name,
                            known.join("`, `")
                        ),
                    ));
                }
            };
            let name = if attribute.kind == Type::Complex { sub.name.as_str() } else { "value" };
            let target = Target { extension: None, attribute: Some(name.to_owned()), sub: None };
            Node::Test(target, test(expression, sub)?)
        }
        ValFilter::Not(inner) => Node::Not(Box::new(elements(inner, attribute, unknown)?)),
        ValFilter::And(items) => Node::And(all(items)?),
        ValFilter::Or(items) => Node::Or(all(items)?),
    })
}

fn top_level(expression: &AttrExp, resource_type: &ResourceType) -> Result<Node> {
    let (found, sub) = match resource_type.locate(&name_of(path_of(expression))) {
        None => return Ok(Node::Never),
        Some(Named::Attribute { found, sub }) => (found, sub),
        Some(Named::Extension(schema)) => {
            let target = Target { extension: Some(schema.id.clone()), attribute: None, sub: None };
            return match expression {
                AttrExp::Present(_) => Ok(Node::Test(target, Test::Present)),
                AttrExp::Comparison(..) => Err(refused("a schema URN can be tested with `pr` only")),
            };
        }
        Some(Named::Core) => return Err(refused("the URN of the core schema stands without an attribute")),
    };
    let compared = matches!(expression, AttrExp::Comparison(..));
    // `emails eq "x"` and `manager eq "x"` mean the sub-attribute `value` (RFC 7643 §2.4).
    let sub = match sub {
        None if compared && found.attribute.kind == Type::Complex => found.attribute.sub("value"),
        other => other,
    };
    let target = Target {
        extension: found.extension.map(|schema| schema.id.clone()),
        attribute: Some(found.attribute.name.clone()),
        sub: sub.map(|sub| sub.name.clone()),
    };
    Ok(Node::Test(target, test(expression, sub.unwrap_or(found.attribute))?))
}

fn path_of(expression: &AttrExp) -> &AttrPath {
    match expression {
        AttrExp::Present(path) | AttrExp::Comparison(path, ..) => path,
    }
}

/// The name as it was written, `$ref` put back.
pub(super) fn name_of(path: &AttrPath) -> String {
    let mut name = restore(&path.name).to_owned();
    if let Some(sub) = &path.sub_attr {
        name.push('.');
        name.push_str(restore(sub));
    }
    match &path.uri {
        Some(uri) => format!("{uri}:{name}"),
        None => name,
    }
}

/// The segment as the caller wrote it.
pub(super) fn restore(segment: &str) -> &str {
    if segment == REF { "$ref" } else { segment }
}

fn test(expression: &AttrExp, attribute: &Attribute) -> Result<Test> {
    let AttrExp::Comparison(_, operator, literal) = expression else {
        return Ok(Test::Present);
    };
    match (operator, literal) {
        (CompareOp::Eq, CompValue::Null) => return Ok(Test::Absent),
        (CompareOp::Ne, CompValue::Null) => return Ok(Test::Present),
        _ => {}
    }
    let textual = matches!(operator, CompareOp::Co | CompareOp::Sw | CompareOp::Ew);
    let ordering = matches!(operator, CompareOp::Gt | CompareOp::Ge | CompareOp::Lt | CompareOp::Le);
    let unsuited = match attribute.kind {
        Type::Complex => true,
        Type::Boolean => textual || ordering,
        Type::Binary => ordering,
        Type::Integer | Type::Decimal => textual,
        Type::String | Type::DateTime | Type::Reference => false,
    };
    if unsuited {
        return Err(refused(format!(
            "`{operator}` does not apply to `{}`, which is {}",
            attribute.name,
            kind_name(attribute.kind)
        )));
    }
    let operand = operand(literal, attribute, textual)?;
    Ok(match operator {
        CompareOp::Eq => Test::Equal(operand),
        CompareOp::Ne => Test::Different(operand),
        CompareOp::Co => Test::Contains(operand),
        CompareOp::Sw => Test::StartsWith(operand),
        CompareOp::Ew => Test::EndsWith(operand),
        CompareOp::Gt => Test::Greater(operand),
        CompareOp::Ge => Test::GreaterOrEqual(operand),
        CompareOp::Lt => Test::Less(operand),
        CompareOp::Le => Test::LessOrEqual(operand),
    })
}

fn operand(literal: &CompValue, attribute: &Attribute, textual: bool) -> Result<Operand> {
    let mismatch =
        || refused(format!("`{}` is {}, the value is not", attribute.name, kind_name(attribute.kind)));
    Ok(match (attribute.kind, literal) {
        (_, CompValue::Str(text)) if text.contains('\0') => {
            return Err(refused(format!("the value compared with `{}` holds a NUL", attribute.name)));
        }
        (Type::Boolean, CompValue::True) => Operand::Boolean(true),
        (Type::Boolean, CompValue::False) => Operand::Boolean(false),
        // Entra writes `roles[primary eq "True"]`.
        (Type::Boolean, CompValue::Str(text)) if text.eq_ignore_ascii_case("true") => Operand::Boolean(true),
        (Type::Boolean, CompValue::Str(text)) if text.eq_ignore_ascii_case("false") => {
            Operand::Boolean(false)
        }
        (Type::Integer | Type::Decimal, CompValue::Number(number)) => Operand::Number(number.clone()),
        (Type::DateTime, CompValue::Str(text)) if !textual => {
            Operand::Instant(text.parse::<ScimDateTime>().map_err(|_| mismatch())?)
        }
        (Type::String | Type::Reference | Type::Binary | Type::DateTime, CompValue::Str(text)) => {
            if attribute.case_exact || attribute.kind == Type::Binary {
                Operand::Exact(text.clone())
            } else {
                Operand::Folded { text: text.clone(), key: fold::key(text), folded: fold::folded(text) }
            }
        }
        _ => return Err(mismatch()),
    })
}

fn kind_name(kind: Type) -> &'static str {
    match kind {
        Type::String => "a string",
        Type::Boolean => "a boolean",
        Type::Decimal => "a decimal number",
        Type::Integer => "an integer",
        Type::DateTime => "a date and time such as `2026-01-31T08:00:00Z`",
        Type::Binary => "binary",
        Type::Reference => "a reference",
        Type::Complex => "complex without a `value`",
    }
}

fn refused(detail: impl Into<String>) -> ScimError {
    ScimError::bad(ScimType::InvalidFilter, detail)
}
