//! A filter as text in one spelling: what is read from the text is the filter again.

use std::fmt::{self, Display, Formatter};

use super::node::{Node, Operand, Target, Test};
use super::{ElementFilter, Filter};

/// With names in canonical case, URNs where an extension is meant, and no bracket that could be left out. The text may
/// be longer or, after a value path with a sub-attribute, one level deeper than what it was read from.
impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        node(&self.root, f)
    }
}

/// As it stands between the brackets of a PATCH path.
impl Display for ElementFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        node(&self.root, f)
    }
}

/// A name no schema has: what is asked of it is never true.
const NOWHERE: &str = "urn:portcullis:nowhere pr";

fn node(whole: &Node, f: &mut Formatter<'_>) -> fmt::Result {
    match whole {
        Node::And(nodes) => joined(nodes, " and ", |node| matches!(node, Node::And(_) | Node::Or(_)), f),
        Node::Or(nodes) => joined(nodes, " or ", |node| matches!(node, Node::Or(_)), f),
        Node::Not(inner) => {
            f.write_str("not (")?;
            node(inner, f)?;
            f.write_str(")")
        }
        Node::Test(target, test) => {
            name(target, f)?;
            write!(f, " {test}")
        }
        Node::Element(target, inner) => {
            name(target, f)?;
            f.write_str("[")?;
            node(inner, f)?;
            f.write_str("]")
        }
        Node::Never => f.write_str(NOWHERE),
    }
}

fn joined(
    nodes: &[Node],
    connective: &str,
    stands_in_brackets: impl Fn(&Node) -> bool,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    for (place, each) in nodes.iter().enumerate() {
        if place > 0 {
            f.write_str(connective)?;
        }
        if stands_in_brackets(each) {
            f.write_str("(")?;
            node(each, f)?;
            f.write_str(")")?;
        } else {
            node(each, f)?;
        }
    }
    Ok(())
}

fn name(target: &Target, f: &mut Formatter<'_>) -> fmt::Result {
    let Target { extension, attribute, sub } = target;
    let parts = [(extension, ":"), (attribute, "."), (sub, "")];
    let mut parts = parts.iter().filter_map(|(part, after)| Some((part.as_ref()?, *after))).peekable();
    while let Some((part, after)) = parts.next() {
        f.write_str(part)?;
        if parts.peek().is_some() {
            f.write_str(after)?;
        }
    }
    Ok(())
}

impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (operator, operand) = match self {
            Self::Present => return f.write_str("pr"),
            Self::Absent => return f.write_str("eq null"),
            Self::Equal(operand) => ("eq", operand),
            Self::Different(operand) => ("ne", operand),
            Self::Contains(operand) => ("co", operand),
            Self::StartsWith(operand) => ("sw", operand),
            Self::EndsWith(operand) => ("ew", operand),
            Self::Less(operand) => ("lt", operand),
            Self::LessOrEqual(operand) => ("le", operand),
            Self::Greater(operand) => ("gt", operand),
            Self::GreaterOrEqual(operand) => ("ge", operand),
        };
        write!(f, "{operator} {operand}")
    }
}

/// As a literal: JSON.
impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_json())
    }
}
