//! A filter on part of a resource: what can be said before the rest of it is put together.

use serde_json::Value;

use super::Filter;
use super::node::{Node, Target};

impl Filter {
    /// What the filter says of a resource of which only the core attributes `known` are there; `None` where that
    /// depends on the rest.
    ///
    /// Agrees with [`Filter::matches`] on the whole resource wherever it says anything. Names are in canonical case.
    #[must_use]
    pub fn settled(&self, part: &Value, known: &[&str]) -> Option<bool> {
        settled(&self.root, part, known)
    }
}

fn settled(node: &Node, part: &Value, known: &[&str]) -> Option<bool> {
    match node {
        Node::And(nodes) => joined(nodes, part, known, false),
        Node::Or(nodes) => joined(nodes, part, known, true),
        Node::Not(inner) => settled(inner, part, known).map(|holds| !holds),
        Node::Test(target, _) | Node::Element(target, _) => {
            is_known(target, known).then(|| node.matches(part))
        }
        Node::Never => Some(false),
    }
}

/// One term that is `decisive` decides; otherwise all of them must be settled.
fn joined(nodes: &[Node], part: &Value, known: &[&str], decisive: bool) -> Option<bool> {
    let mut open = false;
    for node in nodes {
        match settled(node, part, known) {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => open = true,
        }
    }
    (!open).then_some(!decisive)
}

fn is_known(target: &Target, known: &[&str]) -> bool {
    target.extension.is_none() && target.attribute.as_deref().is_some_and(|name| known.contains(&name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::catalog::Catalog;

    #[test]
    fn what_the_part_decides_is_settled_and_the_rest_is_not() {
        let part = json!({ "id": "1", "active": true, "meta": { "lastModified": "2026-01-02T00:00:00Z" } });
        for (text, expected) in [
            ("active eq true", Some(true)),
            ("active eq false", Some(false)),
            ("meta.lastModified gt \"2026-01-01T00:00:00Z\"", Some(true)),
            ("title pr", None),
            ("active eq true and title pr", None),
            ("active eq false and title pr", Some(false)),
            ("title pr and active eq false", Some(false)),
            ("active eq true or title pr", Some(true)),
            ("active eq false or title pr", None),
            ("not (active eq false)", Some(true)),
            ("not (title pr)", None),
            ("active eq true and id eq \"1\"", Some(true)),
            ("favouriteColour eq \"red\"", Some(false)),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department pr", None),
        ] {
            let filter = Filter::parse(text, &Catalog::standard().user).unwrap();
            assert_eq!(filter.settled(&part, &["id", "active", "meta"]), expected, "{text}");
        }
    }
}
