//! The one form every provisioning call begins with, `attribute eq "literal"`, read without the parser.

use scim_v2::filter::{AttrExp, AttrPath, CompValue, CompareOp, Filter};

use crate::scim::schema::{Named, ResourceType};

/// What the parser makes of `text`, where `text` is an attribute the schema knows, `eq` and a string without escapes,
/// with one space between; `None` for anything else, which is the parser's.
pub(super) fn read(text: &str, resource_type: &ResourceType) -> Option<Filter> {
    let (path, rest) = text.split_once(' ')?;
    let (operator, literal) = rest.split_once(' ')?;
    let literal = literal.strip_prefix('"')?.strip_suffix('"')?;
    if !operator.eq_ignore_ascii_case("eq") || literal.contains(['"', '\\']) || path.contains([':', '$']) {
        return None;
    }
    let Some(Named::Attribute { .. }) = resource_type.locate(path) else { return None };
    let (name, sub_attr) =
        path.split_once('.').map_or((path, None), |(name, sub)| (name, Some(sub.to_owned())));
    let path = AttrPath { uri: None, name: name.to_owned(), sub_attr };
    Some(Filter::Attr(AttrExp::Comparison(path, CompareOp::Eq, CompValue::Str(literal.to_owned()))))
}
