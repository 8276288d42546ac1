//! PATCH paths (RFC 7644 §3.5.2): what an operation is about.

use std::fmt::{self, Display, Formatter};

use super::error::{Result, ScimError, ScimType};
use super::filter::{self, ElementFilter};
use super::limits;
use super::schema::{Attribute, Named, ResourceType, Schema};

/// A path that fits a resource type.
#[derive(Debug, Clone)]
pub struct Path<'a> {
    /// The extension the attribute belongs to; `None` = core.
    pub extension: Option<&'a Schema>,
    /// `None` = all of the extension.
    pub attribute: Option<&'a Attribute>,
    /// Which elements of the multi-valued attribute are meant.
    pub elements: Option<ElementFilter>,
    pub sub: Option<&'a Attribute>,
}

impl<'a> Path<'a> {
    /// Parses `attr`, `attr.sub`, `attr[filter]` or `attr[filter].sub`, each with or without a schema URN before it,
    /// or the URN of an extension alone. Case is ignored.
    ///
    /// # Errors
    /// 400 `invalidPath` for a path over a limit, of another form, or about an attribute no schema knows;
    /// 400 `invalidFilter` for a comparison the sub-attribute's type does not allow.
    pub fn parse(text: &str, resource_type: &'a ResourceType) -> Result<Self> {
        limits::check_path(text.as_bytes())?;
        let text = text.trim();
        if text.contains(['[', '(', '"', ' ']) {
            return value_path(text, resource_type);
        }
        match resource_type.locate(text) {
            Some(Named::Attribute { found, sub }) => {
                Ok(Self { extension: found.extension, attribute: Some(found.attribute), elements: None, sub })
            }
            Some(Named::Extension(schema)) => {
                Ok(Self { extension: Some(schema), attribute: None, elements: None, sub: None })
            }
            Some(Named::Core) => Err(refused(
                "the path is the URN of the core schema, add `:` and an attribute, or leave it out",
            )),
            None => Err(unknown(text, resource_type)),
        }
    }
}

/// The path in one spelling: what is read from the text is the path again.
impl Display for Path<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(extension) = self.extension {
            f.write_str(&extension.id)?;
        }
        if let Some(attribute) = self.attribute {
            f.write_str(if self.extension.is_some() { ":" } else { "" })?;
            f.write_str(&attribute.name)?;
        }
        if let Some(elements) = &self.elements {
            write!(f, "[{elements}]")?;
        }
        self.sub.map_or(Ok(()), |sub| write!(f, ".{}", sub.name))
    }
}

fn value_path<'a>(text: &str, resource_type: &'a ResourceType) -> Result<Path<'a>> {
    let parsed = filter::parse_value_path(text)?;
    let found = match resource_type.locate(&parsed.name) {
        Some(Named::Attribute { found, sub: None }) => found,
        Some(_) => return Err(refused("a filter stands after a sub-attribute or a schema URN")),
        None => return Err(unknown(&parsed.name, resource_type)),
    };
    if !found.attribute.multi_valued {
        return Err(refused(format!(
            "`{}` has a single value, send the path without a filter",
            found.attribute.name
        )));
    }
    let elements = ElementFilter::resolve(&parsed.filter, found.attribute)?;
    let sub = match &parsed.sub {
        Some(name) => Some(
            found
                .attribute
                .sub(name)
                .ok_or_else(|| unknown(&format!("{}.{name}", parsed.name), resource_type))?,
        ),
        None => None,
    };
    Ok(Path { extension: found.extension, attribute: Some(found.attribute), elements: Some(elements), sub })
}

fn unknown(name: &str, resource_type: &ResourceType) -> ScimError {
    let shown: String = name.chars().filter(|c| c.is_ascii_graphic() && *c != '`').take(120).collect();
    refused(format!(
        "no schema of {} has an attribute `{shown}`, remove it from the attribute mapping or correct its name",
        resource_type.kind.name()
    ))
}

fn refused(detail: impl Into<String>) -> ScimError {
    ScimError::bad(ScimType::InvalidPath, detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scim::catalog::Catalog;
    use crate::scim::schema::ENTERPRISE_USER;

    /// Extension, attribute, whether there is a filter, sub-attribute.
    type Parts = (Option<&'static str>, Option<&'static str>, bool, Option<&'static str>);

    fn parts(text: &str) -> Parts {
        let path = Path::parse(text, &Catalog::standard().user).unwrap();
        (
            path.extension.map(|schema| schema.id.as_str()),
            path.attribute.map(|attribute| attribute.name.as_str()),
            path.elements.is_some(),
            path.sub.map(|sub| sub.name.as_str()),
        )
    }

    #[test]
    fn every_form_of_a_path_is_resolved() {
        let enterprise = Some(ENTERPRISE_USER);
        let cases: [(&str, Parts); 17] = [
            ("userName", (None, Some("userName"), false, None)),
            (" USERNAME ", (None, Some("userName"), false, None)),
            ("name.FamilyName", (None, Some("name"), false, Some("familyName"))),
            (
                "urn:ietf:params:scim:schemas:core:2.0:User:name.givenName",
                (None, Some("name"), false, Some("givenName")),
            ),
            ("emails[type eq \"work\"]", (None, Some("emails"), true, None)),
            ("Emails[Type EQ \"work\"].Value", (None, Some("emails"), true, Some("value"))),
            ("roles[primary eq \"True\"].display", (None, Some("roles"), true, Some("display"))),
            (
                "addresses[type eq \"work\" and not(primary eq True)].formatted",
                (None, Some("addresses"), true, Some("formatted")),
            ),
            (
                "urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq \"work\"].value",
                (None, Some("emails"), true, Some("value")),
            ),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", (enterprise, None, false, None)),
            ("URN:IETF:params:scim:schemas:extension:ENTERPRISE:2.0:USER", (enterprise, None, false, None)),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
                (enterprise, Some("department"), false, None),
            ),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
                (enterprise, Some("manager"), false, Some("value")),
            ),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager",
                (enterprise, Some("manager"), false, None),
            ),
            ("manager", (enterprise, Some("manager"), false, None)),
            ("manager.$ref", (enterprise, Some("manager"), false, Some("$ref"))),
            ("groups[$ref eq \"x\"].$ref", (None, Some("groups"), true, Some("$ref"))),
        ];
        for (text, expected) in cases {
            assert_eq!(parts(text), expected, "{text}");
        }
    }

    #[test]
    fn what_no_schema_knows_is_an_invalid_path() {
        for text in [
            "nonsense",
            "name.nonsense",
            "name.givenName.x",
            "emails[nonsense eq \"x\"].value",
            "emails[type eq \"work\"].nonsense",
            "urn:nobody:User:department",
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "emails[type eq \"work\"",
            "emails[type eq work].value",
            "emails type",
            "name[givenName eq \"x\"]",
            "userName[value eq \"x\"]",
            "emails.value[type eq \"work\"]",
            "",
        ] {
            let error = Path::parse(text, &Catalog::standard().user).unwrap_err();
            assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidPath)), "{text}");
        }
    }

    #[test]
    fn the_error_names_the_attribute_to_change() {
        let error = Path::parse("favouriteColour", &Catalog::standard().user).unwrap_err();
        assert_eq!(
            error.detail,
            "no schema of User has an attribute `favouriteColour`, remove it from the attribute mapping or correct \
             its name"
        );
    }

    #[test]
    fn a_comparison_the_type_forbids_is_an_invalid_filter() {
        let error = Path::parse("emails[primary gt true]", &Catalog::standard().user).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::InvalidFilter));
    }

    /// Every attribute of the schemas, with any of its sub-attributes, elements picked by any filter.
    fn any_path() -> impl Strategy<Value = String> {
        let name = proptest::sample::select(vec![
            "userName",
            "NAME",
            "emails",
            "roles",
            "groups",
            "schemas",
            "manager",
            "addresses",
            "externalId",
            "meta",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "urn:ietf:params:scim:schemas:core:2.0:User:emails",
            "urn:portcullis:params:scim:schemas:extension:gateway:2.0:User:residual",
        ]);
        let filter = proptest::sample::select(vec![
            "",
            "[type eq \"work\"]",
            "[value eq \"a\\\"b\"]",
            "[not(primary eq True)]",
            "[$ref pr or value pr]",
            "[(type eq \"a\" or type ne null) and value sw \" x \"]",
            "[primary eq \"true\" and value co \"é\"]",
        ]);
        let sub =
            proptest::sample::select(vec!["", ".value", ".Type", ".$ref", ".givenName", ".lastModified"]);
        (name, filter, sub).prop_map(|(name, filter, sub)| format!("{name}{filter}{sub}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_printed_path_is_the_path_again(text in any_path()) {
            let user = &Catalog::standard().user;
            if let Ok(path) = Path::parse(&text, user) {
                let again = Path::parse(&path.to_string(), user).unwrap();
                prop_assert_eq!(again.extension.map(|schema| &schema.id), path.extension.map(|schema| &schema.id));
                prop_assert_eq!(again.attribute.map(|it| &it.name), path.attribute.map(|it| &it.name));
                prop_assert_eq!(&again.elements, &path.elements);
                prop_assert_eq!(again.sub.map(|it| &it.name), path.sub.map(|it| &it.name));
                prop_assert_eq!(again.to_string(), path.to_string());
            }
        }
    }
}
