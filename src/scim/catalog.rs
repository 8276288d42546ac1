//! The schemas every connection knows: RFC 7643 §4 and §8.7 in our words, and the gateway's own extension.

use std::sync::LazyLock;

use super::extension::Extension;
use super::schema::{ResourceKind, ResourceType, Schema};

/// `User` with the enterprise and the gateway extension, and `Group`; each with what a connection adds.
#[derive(Debug, Clone)]
pub struct Catalog {
    pub user: ResourceType,
    pub group: ResourceType,
}

static STANDARD: LazyLock<Catalog> = LazyLock::new(|| Catalog {
    user: ResourceType {
        kind: ResourceKind::User,
        core: embedded(include_str!("schemas/user.json")),
        extensions: vec![
            embedded(include_str!("schemas/enterprise.json")),
            embedded(include_str!("schemas/gateway.json")),
        ],
        required: Vec::new(),
    },
    group: ResourceType {
        kind: ResourceKind::Group,
        core: embedded(include_str!("schemas/group.json")),
        extensions: Vec::new(),
        required: Vec::new(),
    },
});

impl Catalog {
    /// The standard catalog.
    #[must_use]
    pub fn standard() -> &'static Self {
        &STANDARD
    }

    /// The standard catalog with more extensions, in this order.
    #[must_use]
    pub fn with(extensions: &[Extension]) -> Self {
        let mut catalog = Self::standard().clone();
        for Extension { kind, required, schema } in extensions {
            let resource_type = match kind {
                ResourceKind::User => &mut catalog.user,
                ResourceKind::Group => &mut catalog.group,
            };
            if *required {
                resource_type.required.push(schema.id.clone());
            }
            resource_type.extensions.push(schema.clone());
        }
        catalog
    }

    /// The resource type of one endpoint.
    #[must_use]
    pub fn of(&self, kind: ResourceKind) -> &ResourceType {
        match kind {
            ResourceKind::User => &self.user,
            ResourceKind::Group => &self.group,
        }
    }
}

#[expect(clippy::expect_used, reason = "the text is part of the binary and a test reads it")]
fn embedded(text: &str) -> Schema {
    serde_json::from_str(text).expect("an embedded schema is well formed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::schema::{ENTERPRISE_USER, GATEWAY_USER};

    #[test]
    fn attributes_are_found_by_name_and_urn_in_any_case() {
        let user = &Catalog::standard().user;
        assert_eq!(user.find(None, "USERNAME").unwrap().attribute.name, "userName");
        assert!(user.find(None, "department").is_none());
        let found = user.find(Some(&ENTERPRISE_USER.to_uppercase()), "Department").unwrap();
        assert_eq!(
            (found.attribute.name.as_str(), found.extension.unwrap().id.as_str()),
            ("department", ENTERPRISE_USER)
        );
        assert!(user.find(Some(GATEWAY_USER), "shadowed").unwrap().attribute.multi_valued);
        assert!(
            Catalog::standard()
                .of(ResourceKind::Group)
                .find(None, "members")
                .unwrap()
                .attribute
                .sub("$REF")
                .is_some()
        );
    }
}
