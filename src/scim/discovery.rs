//! What the service says about itself: ServiceProviderConfig, ResourceTypes, Schemas (RFC 7643 §5 to §7).

use serde_json::{Value, json};

use super::catalog::Catalog;
use super::list::list_response;
use super::schema::{Attribute, Mutability, ResourceKind, ResourceType, Schema};

const CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

/// Attributes every resource has (RFC 7643 §3.1), which are no part of a schema's own list.
const COMMON: [&str; 4] = ["schemas", "id", "externalId", "meta"];

/// How far a connection's app goes with groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupSurface {
    /// There are none: no `Group` resource type, no `Group` schema.
    #[default]
    Absent,
    /// They can be read.
    ReadOnly,
    /// Members come and go; the groups themselves belong to the app.
    Members,
    /// They can be made, renamed and deleted as well.
    Full,
}

/// What the app makes of one attribute of the core `User`, beside what its schema says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bound {
    /// `roles`, or `roles.value`.
    pub attribute: &'static str,
    /// Instead of the schema's, for the attribute and its parts.
    pub mutability: Option<Mutability>,
    /// Instead of the schema's, where there are any.
    pub canonical_values: Vec<String>,
}

/// What one connection can do, as discovery tells it: nothing is claimed that is not in here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surface {
    /// The SCIM base URL of the connection, without a slash at the end.
    pub base_url: String,
    pub groups: GroupSurface,
    /// Where the app does less with an attribute of `User` than its schema says.
    pub bounds: Vec<Bound>,
    pub etag: bool,
    pub bulk: bool,
    pub sort: bool,
    /// Operations of one bulk request; told even where bulk is off, because authentik sizes its PATCHes by it.
    pub bulk_max_operations: usize,
    /// Bytes of one bulk request.
    pub bulk_max_payload: usize,
    /// Resources of one page.
    pub filter_max_results: usize,
}

impl Surface {
    /// A connection with users alone, no optional feature, and the limits of this gateway.
    #[must_use]
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into().trim_end_matches('/').to_owned(),
            groups: GroupSurface::Absent,
            bounds: Vec::new(),
            etag: false,
            bulk: false,
            sort: false,
            bulk_max_operations: super::bulk::MAX_OPERATIONS,
            bulk_max_payload: super::bulk::MAX_PAYLOAD,
            filter_max_results: super::list::MAX_COUNT,
        }
    }

    fn meta(&self, resource_type: &str, path: &str) -> Value {
        json!({ "resourceType": resource_type, "location": format!("{}{path}", self.base_url) })
    }

    fn has(&self, kind: ResourceKind) -> bool {
        match kind {
            ResourceKind::User => true,
            ResourceKind::Group => self.groups != GroupSurface::Absent,
        }
    }

    fn resource_types<'a>(&self, catalog: &'a Catalog) -> impl Iterator<Item = &'a ResourceType> {
        let groups = self.has(ResourceKind::Group);
        std::iter::once(&catalog.user).chain(groups.then_some(&catalog.group))
    }
}

/// `GET /ServiceProviderConfig`.
#[must_use]
pub fn service_provider_config(surface: &Surface) -> Value {
    json!({
        "schemas": [CONFIG],
        "patch": { "supported": true },
        "bulk": {
            "supported": surface.bulk,
            "maxOperations": surface.bulk_max_operations,
            "maxPayloadSize": surface.bulk_max_payload,
        },
        "filter": { "supported": true, "maxResults": surface.filter_max_results },
        "changePassword": { "supported": false },
        "sort": { "supported": surface.sort },
        "etag": { "supported": surface.etag },
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": super::list::DEFAULT_COUNT,
            "maxPageSize": surface.filter_max_results,
            "cursorTimeout": super::cursor::LIFETIME.as_secs(),
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A token of this connection in the Authorization header",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": surface.meta("ServiceProviderConfig", "/ServiceProviderConfig"),
    })
}

/// `GET /ResourceTypes`: a `ListResponse` with `User` and, where the app has groups, `Group`.
#[must_use]
pub fn resource_types(surface: &Surface, catalog: &Catalog) -> Value {
    whole(surface.resource_types(catalog).map(|each| describe_type(surface, each)).collect())
}

/// `GET /ResourceTypes/{name}`, in any case; `None` where the connection has no such type.
#[must_use]
pub fn resource_type(surface: &Surface, catalog: &Catalog, name: &str) -> Option<Value> {
    surface
        .resource_types(catalog)
        .find(|each| each.kind.name().eq_ignore_ascii_case(name))
        .map(|each| describe_type(surface, each))
}

/// `GET /Schemas`: a `ListResponse` with the core schema and the extensions of each resource type.
///
/// No value is null and the common attributes are left out, as Entra's schema import wants it.
#[must_use]
pub fn schemas(surface: &Surface, catalog: &Catalog) -> Value {
    whole(
        all_schemas(surface, catalog).map(|(kind, schema)| describe_schema(surface, kind, schema)).collect(),
    )
}

/// `GET /Schemas/{urn}`, in any case; `None` where the connection has no such schema.
#[must_use]
pub fn schema(surface: &Surface, catalog: &Catalog, urn: &str) -> Option<Value> {
    all_schemas(surface, catalog)
        .find(|(_, schema)| schema.id.eq_ignore_ascii_case(urn))
        .map(|(kind, schema)| describe_schema(surface, kind, schema))
}

fn whole(resources: Vec<Value>) -> Value {
    let total = resources.len();
    list_response(resources, total, 1)
}

fn all_schemas<'a>(
    surface: &Surface,
    catalog: &'a Catalog,
) -> impl Iterator<Item = (ResourceKind, &'a Schema)> {
    let of = |each: &'a ResourceType| {
        std::iter::once(&each.core).chain(&each.extensions).map(|schema| (each.kind, schema))
    };
    surface.resource_types(catalog).flat_map(of)
}

fn describe_type(surface: &Surface, resource_type: &ResourceType) -> Value {
    let name = resource_type.kind.name();
    let extension =
        |schema: &Schema| json!({ "schema": schema.id, "required": resource_type.requires(&schema.id) });
    json!({
        "schemas": [RESOURCE_TYPE],
        "id": name,
        "name": name,
        "description": resource_type.core.description,
        "endpoint": resource_type.kind.endpoint(),
        "schema": resource_type.core.id,
        "schemaExtensions": resource_type.extensions.iter().map(extension).collect::<Vec<_>>(),
        "meta": surface.meta("ResourceType", &format!("/ResourceTypes/{name}")),
    })
}

fn describe_schema(surface: &Surface, kind: ResourceKind, schema: &Schema) -> Value {
    let groups = surface.has(ResourceKind::Group);
    let shown = |attribute: &&Attribute| match attribute.name.as_str() {
        "groups" => groups,
        name => !COMMON.contains(&name),
    };
    let attributes = schema.attributes.iter().filter(shown);
    let attributes: Vec<Attribute> =
        attributes.map(|attribute| as_supported(surface, kind, schema, attribute)).collect();
    json!({
        "schemas": [SCHEMA],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": attributes,
        "meta": surface.meta("Schema", &format!("/Schemas/{}", schema.id)),
    })
}

/// The attribute as the app supports it: what it does not let anyone change is readOnly.
fn as_supported(surface: &Surface, kind: ResourceKind, schema: &Schema, attribute: &Attribute) -> Attribute {
    let mut attribute = attribute.clone();
    // An extension is kept by the gateway, whatever the app lets change.
    if schema.id != kind.core_urn() {
        return attribute;
    }
    let writable = match (kind, surface.groups) {
        (ResourceKind::User, _) | (ResourceKind::Group, GroupSurface::Full) => true,
        (ResourceKind::Group, GroupSurface::Members) => attribute.name == "members",
        (ResourceKind::Group, GroupSurface::ReadOnly | GroupSurface::Absent) => false,
    };
    if !writable {
        fix(&mut attribute, Mutability::ReadOnly);
    }
    if kind == ResourceKind::User {
        surface.bounds.iter().for_each(|bound| bound.apply(&mut attribute));
    }
    attribute
}

impl Bound {
    /// Changes the attribute where it is the one that is meant, or holds it.
    fn apply(&self, attribute: &mut Attribute) {
        let (name, sub) = match self.attribute.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (self.attribute, None),
        };
        if attribute.name != name {
            return;
        }
        let meant = match sub {
            Some(sub) => attribute.sub_attributes.iter_mut().find(|each| each.name == sub),
            None => Some(attribute),
        };
        let Some(meant) = meant else { return };
        if let Some(mutability) = self.mutability {
            fix(meant, mutability);
        }
        if !self.canonical_values.is_empty() {
            meant.canonical_values.clone_from(&self.canonical_values);
        }
    }
}

fn fix(attribute: &mut Attribute, mutability: Mutability) {
    attribute.mutability = mutability;
    attribute.sub_attributes.iter_mut().for_each(|sub| fix(sub, mutability));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::extension::{self, Extension};
    use crate::scim::schema::{ENTERPRISE_USER, GATEWAY_USER, GROUP, USER};

    fn surface(groups: GroupSurface) -> Surface {
        Surface { groups, ..Surface::new("https://scim.example.com/hive/scim/v2/") }
    }

    fn names(list: &Value) -> Vec<&str> {
        list["Resources"].as_array().unwrap().iter().map(|each| each["id"].as_str().unwrap()).collect()
    }

    fn attribute<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
        schema["attributes"].as_array().unwrap().iter().find(|attribute| attribute["name"] == name)
    }

    fn has_null(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(elements) => elements.iter().any(has_null),
            Value::Object(object) => object.values().any(has_null),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }

    #[test]
    fn optional_features_are_claimed_only_where_they_are() {
        let modest = service_provider_config(&surface(GroupSurface::Absent));
        for feature in ["bulk", "sort", "etag", "changePassword"] {
            assert_eq!(modest[feature]["supported"], json!(false), "{feature}");
        }
        assert_eq!(modest["patch"], json!({ "supported": true }));
        assert_eq!(modest["filter"], json!({ "supported": true, "maxResults": 200 }));
        let pagination = json!({
            "cursor": true, "index": true, "defaultPaginationMethod": "index",
            "defaultPageSize": 100, "maxPageSize": 200, "cursorTimeout": 3600,
        });
        assert_eq!(modest["pagination"], pagination);
        assert_eq!(modest["bulk"]["maxOperations"], json!(100));
        assert_eq!(modest["bulk"]["maxPayloadSize"], json!(2_097_152));
        assert_eq!(modest["authenticationSchemes"][0]["type"], json!("oauthbearertoken"));
        let location = "https://scim.example.com/hive/scim/v2/ServiceProviderConfig";
        assert_eq!(modest["meta"]["location"], json!(location));
        let full = Surface { bulk: true, sort: true, etag: true, ..surface(GroupSurface::Full) };
        let full = service_provider_config(&full);
        for feature in ["bulk", "sort", "etag"] {
            assert_eq!(full[feature]["supported"], json!(true), "{feature}");
        }
    }

    #[test]
    fn an_app_without_groups_shows_no_group_type_and_no_group_schema() {
        let catalog = Catalog::standard();
        let without = surface(GroupSurface::Absent);
        assert_eq!(names(&resource_types(&without, catalog)), ["User"]);
        assert_eq!(names(&schemas(&without, catalog)), [USER, ENTERPRISE_USER, GATEWAY_USER]);
        assert!(resource_type(&without, catalog, "Group").is_none());
        assert!(schema(&without, catalog, GROUP).is_none());
        assert!(attribute(&schema(&without, catalog, USER).unwrap(), "groups").is_none());
        let with = surface(GroupSurface::ReadOnly);
        assert_eq!(names(&resource_types(&with, catalog)), ["User", "Group"]);
        assert_eq!(names(&schemas(&with, catalog)), [USER, ENTERPRISE_USER, GATEWAY_USER, GROUP]);
        assert!(attribute(&schema(&with, catalog, USER).unwrap(), "groups").is_some());
    }

    #[test]
    fn a_resource_type_names_its_endpoint_schema_and_extensions() {
        let user = resource_type(&surface(GroupSurface::Absent), Catalog::standard(), "user").unwrap();
        let expected = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": "User", "name": "User", "description": "A person's account",
            "endpoint": "/Users", "schema": USER,
            "schemaExtensions": [
                { "schema": ENTERPRISE_USER, "required": false },
                { "schema": GATEWAY_USER, "required": false },
            ],
            "meta": {
                "resourceType": "ResourceType",
                "location": "https://scim.example.com/hive/scim/v2/ResourceTypes/User",
            },
        });
        assert_eq!(user, expected);
    }

    #[test]
    fn schemas_hold_no_nulls_and_no_common_attributes() {
        let list = schemas(&surface(GroupSurface::Full), Catalog::standard());
        assert!(!has_null(&list));
        assert_eq!(list["totalResults"], json!(4));
        for each in list["Resources"].as_array().unwrap() {
            assert_eq!(each["meta"]["resourceType"], json!("Schema"));
            assert!(each["meta"]["location"].as_str().unwrap().ends_with(each["id"].as_str().unwrap()));
            for common in COMMON {
                assert!(attribute(each, common).is_none(), "{common}");
            }
        }
    }

    #[test]
    fn a_schema_is_found_by_its_urn_in_any_case() {
        let found =
            schema(&surface(GroupSurface::Absent), Catalog::standard(), &ENTERPRISE_USER.to_uppercase())
                .unwrap();
        assert_eq!(found["id"], json!(ENTERPRISE_USER));
        let manager = attribute(&found, "manager").unwrap();
        assert_eq!(manager["type"], json!("complex"));
        assert_eq!(manager["multiValued"], json!(false));
        assert_eq!(manager["subAttributes"][1]["referenceTypes"], json!(["User"]));
    }

    #[test]
    fn a_group_attribute_is_writable_as_far_as_the_app_lets_it() {
        let mutability = |groups, name: &str| {
            let group = schema(&surface(groups), Catalog::standard(), GROUP).unwrap();
            attribute(&group, name).unwrap()["mutability"].clone()
        };
        assert_eq!(mutability(GroupSurface::Full, "displayName"), json!("readWrite"));
        assert_eq!(mutability(GroupSurface::Members, "displayName"), json!("readOnly"));
        assert_eq!(mutability(GroupSurface::Members, "members"), json!("readWrite"));
        assert_eq!(mutability(GroupSurface::ReadOnly, "members"), json!("readOnly"));
    }

    #[test]
    fn a_password_is_shown_as_never_returned() {
        let user = schema(&surface(GroupSurface::Absent), Catalog::standard(), USER).unwrap();
        let password = attribute(&user, "password").unwrap();
        assert_eq!((&password["mutability"], &password["returned"]), (&json!("writeOnly"), &json!("never")));
    }
    #[test]
    fn what_the_app_limits_is_told_and_an_extension_is_not_limited() {
        let bound = |attribute, mutability, values: &[&str]| Bound {
            attribute,
            mutability,
            canonical_values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let bounds = vec![
            bound("name.givenName", Some(Mutability::ReadOnly), &[]),
            bound("roles", Some(Mutability::Immutable), &[]),
            bound("roles.value", None, &["admin", "member"]),
        ];
        let badge = r#"{"id": "urn:acme:badge:2.0:Group", "name": "Badge", "attributes": [{"name": "roles", "type": "string"}]}"#;
        let schema_of = extension::read(badge).unwrap();
        let catalog =
            Catalog::with(&[Extension { kind: ResourceKind::Group, required: true, schema: schema_of }]);
        let surface = Surface { bounds, ..surface(GroupSurface::ReadOnly) };
        let user = schema(&surface, &catalog, USER).unwrap();
        let name = attribute(&user, "name").unwrap();
        assert_eq!(name["mutability"], json!("readWrite"));
        assert_eq!(name["subAttributes"][2]["name"], json!("givenName"));
        assert_eq!(name["subAttributes"][2]["mutability"], json!("readOnly"));
        let roles = attribute(&user, "roles").unwrap();
        assert_eq!(roles["mutability"], json!("immutable"));
        assert_eq!(roles["subAttributes"][0]["mutability"], json!("immutable"));
        assert_eq!(roles["subAttributes"][0]["canonicalValues"], json!(["admin", "member"]));
        let badge = schema(&surface, &catalog, "urn:acme:badge:2.0:Group").unwrap();
        assert_eq!(attribute(&badge, "roles").unwrap()["mutability"], json!("readWrite"));
        let group = resource_type(&surface, &catalog, "Group").unwrap();
        let expected = json!([{ "schema": "urn:acme:badge:2.0:Group", "required": true }]);
        assert_eq!(group["schemaExtensions"], expected);
    }
}
