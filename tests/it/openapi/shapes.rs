//! Bodies: resources from the catalog, messages from RFC 7644, discovery from RFC 7643 §5 to §7.

use portcullis::scim::catalog::Catalog;
use portcullis::scim::patch::OPERATIONS;
use portcullis::scim::schema::{Attribute, Mutability, ResourceKind, ResourceType, Returned, Type};
use serde_json::{Map, Value, json};

const MESSAGES: &str = "urn:ietf:params:scim:api:messages:2.0";

/// Which way a body goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From us: what is never returned is not there, and nothing else is.
    Shown,
    /// To us: what the server owns is not there.
    Written,
}

/// A reference to one of [`schemas`].
pub fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// `components/schemas`.
pub fn schemas() -> Value {
    let mut all = Map::new();
    for kind in [ResourceKind::User, ResourceKind::Group] {
        let resource_type = Catalog::standard().of(kind);
        all.insert(kind.name().to_owned(), resource(resource_type, Way::Shown));
        all.insert(format!("{}ToWrite", kind.name()), resource(resource_type, Way::Written));
    }
    for (name, of) in [
        ("UserList", named("User")),
        ("GroupList", named("Group")),
        ("ResourceTypeList", named("ResourceType")),
        ("SchemaList", named("Schema")),
        ("ResourceList", json!({ "oneOf": [named("User"), named("Group")] })),
    ] {
        all.insert(name.to_owned(), list(&of));
    }
    for (name, schema) in
        [("Error", error()), ("Patch", patch()), ("SearchRequest", search()), ("BulkRequest", bulk_request())]
    {
        all.insert(name.to_owned(), schema);
    }
    for (name, schema) in [
        ("BulkResponse", bulk_response()),
        ("ServiceProviderConfig", service_provider_config()),
        ("ResourceType", resource_type()),
        ("Schema", schema()),
        ("Attribute", attribute_definition()),
        ("DiscoveryMeta", discovery_meta()),
    ] {
        all.insert(name.to_owned(), schema);
    }
    Value::Object(all)
}

fn resource(resource_type: &ResourceType, way: Way) -> Value {
    let mut schema = object(&resource_type.core.attributes, way);
    let properties = &mut schema["properties"];
    for extension in &resource_type.extensions {
        let part = object(&extension.attributes, way);
        if part["properties"].as_object().is_some_and(|properties| !properties.is_empty()) {
            properties[&extension.id] = part;
        }
    }
    let mut urns = vec![&resource_type.core.id];
    urns.extend(resource_type.extensions.iter().map(|extension| &extension.id));
    properties["schemas"] = json!({ "type": "array", "items": { "type": "string", "enum": urns }, "minItems": 1, "uniqueItems": true });
    let required: Vec<&str> = match way {
        // Anything else can be left out by `attributes`.
        Way::Shown => vec!["schemas", "id"],
        Way::Written => resource_type
            .core
            .attributes
            .iter()
            .filter(|attribute| attribute.required)
            .map(|attribute| attribute.name.as_str())
            .collect(),
    };
    schema["required"] = json!(required);
    schema["description"] = json!(resource_type.core.description);
    schema
}

fn object(attributes: &[Attribute], way: Way) -> Value {
    let there = attributes.iter().filter(|attribute| match way {
        Way::Shown => attribute.returned != Returned::Never,
        Way::Written => attribute.mutability != Mutability::ReadOnly,
    });
    let properties: Map<String, Value> =
        there.map(|attribute| (attribute.name.clone(), value(attribute, way))).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn value(attribute: &Attribute, way: Way) -> Value {
    let mut one = match attribute.kind {
        Type::String | Type::Reference => json!({ "type": "string" }),
        Type::Boolean => json!({ "type": "boolean" }),
        Type::Decimal => json!({ "type": "number" }),
        Type::Integer => json!({ "type": "integer" }),
        Type::DateTime => json!({ "type": "string", "format": "date-time" }),
        Type::Binary => json!({ "type": "string", "contentEncoding": "base64" }),
        Type::Complex => object(&attribute.sub_attributes, way),
    };
    if way == Way::Written && attribute.required {
        one["minLength"] = json!(1);
    }
    if !attribute.multi_valued {
        one["description"] = json!(attribute.description);
        return one;
    }
    json!({ "type": "array", "items": one, "description": attribute.description })
}

fn urn(urn: &str) -> Value {
    json!({ "type": "array", "items": { "const": urn }, "minItems": 1, "maxItems": 1 })
}

fn message(name: &str) -> Value {
    urn(&format!("{MESSAGES}:{name}"))
}

fn closed(required: &[&str], properties: &Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

fn list(of: &Value) -> Value {
    let count = || json!({ "type": "integer", "minimum": 0 });
    closed(
        &["schemas", "totalResults", "Resources"],
        &json!({
            "schemas": message("ListResponse"),
            "totalResults": count(),
            "startIndex": { "type": "integer", "minimum": 1 },
            "itemsPerPage": count(),
            "nextCursor": { "type": "string" },
            "previousCursor": { "type": "string" },
            "Resources": { "type": "array", "items": of },
        }),
    )
}

fn error() -> Value {
    let keywords = [
        "invalidFilter",
        "tooMany",
        "uniqueness",
        "mutability",
        "invalidSyntax",
        "invalidPath",
        "noTarget",
        "invalidValue",
        "invalidVers",
        "sensitive",
        "invalidCursor",
        "expiredCursor",
        "invalidCount",
    ];
    closed(
        &["schemas", "status", "detail"],
        &json!({
            "schemas": message("Error"),
            "status": { "type": "string", "pattern": "^[45][0-9]{2}$" },
            "scimType": { "enum": keywords },
            "detail": { "type": "string", "minLength": 1 },
        }),
    )
}

fn patch() -> Value {
    json!({
        "type": "object",
        "required": ["schemas", "Operations"],
        "properties": {
            "schemas": message("PatchOp"),
            "Operations": {
                "type": "array",
                "minItems": 1,
                "maxItems": OPERATIONS,
                "items": {
                    "type": "object",
                    "required": ["op"],
                    "properties": {
                        "op": { "enum": ["add", "replace", "remove"] },
                        "path": { "type": "string" },
                        "value": {},
                    },
                },
            },
        },
    })
}

fn search() -> Value {
    let names = || json!({ "type": "array", "items": { "type": "string" } });
    json!({
        "type": "object",
        "required": ["schemas"],
        "properties": {
            "schemas": message("SearchRequest"),
            "attributes": names(),
            "excludedAttributes": names(),
            "filter": { "type": "string" },
            "sortBy": { "type": "string" },
            "sortOrder": { "enum": ["ascending", "descending"] },
            "startIndex": { "type": "integer" },
            "count": { "type": "integer" },
            "cursor": { "type": "string" },
        },
    })
}

fn bulk_request() -> Value {
    json!({
        "type": "object",
        "required": ["schemas", "Operations"],
        "properties": {
            "schemas": message("BulkRequest"),
            "failOnErrors": { "type": "integer" },
            "Operations": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["method", "path"],
                    "properties": {
                        "method": { "enum": ["POST", "PUT", "PATCH", "DELETE"] },
                        "bulkId": { "type": "string" },
                        "version": { "type": "string" },
                        "path": { "type": "string" },
                        "data": { "type": "object" },
                    },
                },
            },
        },
    })
}

fn bulk_response() -> Value {
    closed(
        &["schemas", "Operations"],
        &json!({
            "schemas": message("BulkResponse"),
            "Operations": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["method", "status"],
                    "properties": {
                        "method": { "type": "string" },
                        "bulkId": { "type": "string" },
                        "version": { "type": "string" },
                        "location": { "type": "string" },
                        "status": { "type": "string", "pattern": "^[1-5][0-9]{2}$" },
                        "retryAfter": { "type": "integer", "minimum": 0 },
                        "response": { "type": "object" },
                    },
                    "additionalProperties": false,
                },
            },
        }),
    )
}

fn discovery_meta() -> Value {
    let text = || json!({ "type": "string" });
    closed(&["resourceType", "location"], &json!({ "resourceType": text(), "location": text() }))
}

fn service_provider_config() -> Value {
    let supported = || json!({ "type": "boolean" });
    let count = || json!({ "type": "integer", "minimum": 0 });
    let text = || json!({ "type": "string" });
    let feature = || closed(&["supported"], &json!({ "supported": supported() }));
    closed(
        &["schemas", "patch", "bulk", "filter", "changePassword", "sort", "etag", "authenticationSchemes"],
        &json!({
            "schemas": urn("urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"),
            "documentationUri": text(),
            "patch": feature(),
            "bulk": closed(
                &["supported", "maxOperations", "maxPayloadSize"],
                &json!({ "supported": supported(), "maxOperations": count(), "maxPayloadSize": count() }),
            ),
            "filter": closed(
                &["supported", "maxResults"],
                &json!({ "supported": supported(), "maxResults": count() }),
            ),
            "changePassword": feature(),
            "sort": feature(),
            "etag": feature(),
            "pagination": closed(
                &["cursor", "index"],
                &json!({
                    "cursor": supported(),
                    "index": supported(),
                    "defaultPaginationMethod": { "enum": ["cursor", "index"] },
                    "defaultPageSize": count(),
                    "maxPageSize": count(),
                    "cursorTimeout": count(),
                }),
            ),
            "authenticationSchemes": {
                "type": "array",
                "minItems": 1,
                "items": closed(
                    &["type", "name", "description"],
                    &json!({
                        "type": { "enum": ["oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"] },
                        "name": text(),
                        "description": text(),
                        "specUri": text(),
                        "documentationUri": text(),
                        "primary": supported(),
                    }),
                ),
            },
            "meta": named("DiscoveryMeta"),
        }),
    )
}

fn resource_type() -> Value {
    let text = || json!({ "type": "string" });
    closed(
        &["schemas", "id", "name", "endpoint", "schema"],
        &json!({
            "schemas": urn("urn:ietf:params:scim:schemas:core:2.0:ResourceType"),
            "id": text(),
            "name": text(),
            "description": text(),
            "endpoint": { "type": "string", "pattern": "^/" },
            "schema": text(),
            "schemaExtensions": {
                "type": "array",
                "items": closed(
                    &["schema", "required"],
                    &json!({ "schema": text(), "required": { "type": "boolean" } }),
                ),
            },
            "meta": named("DiscoveryMeta"),
        }),
    )
}

fn schema() -> Value {
    let text = || json!({ "type": "string" });
    closed(
        &["schemas", "id", "name", "attributes"],
        &json!({
            "schemas": urn("urn:ietf:params:scim:schemas:core:2.0:Schema"),
            "id": text(),
            "name": text(),
            "description": text(),
            "attributes": { "type": "array", "items": named("Attribute") },
            "meta": named("DiscoveryMeta"),
        }),
    )
}

fn attribute_definition() -> Value {
    let text = || json!({ "type": "string" });
    let yes = || json!({ "type": "boolean" });
    let texts = || json!({ "type": "array", "items": { "type": "string" } });
    let types = ["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"];
    closed(
        &["name", "type", "multiValued", "description", "required", "caseExact", "mutability", "returned"],
        &json!({
            "name": text(),
            "type": { "enum": types },
            "multiValued": yes(),
            "description": text(),
            "required": yes(),
            "caseExact": yes(),
            "mutability": { "enum": ["readOnly", "readWrite", "immutable", "writeOnly"] },
            "returned": { "enum": ["always", "never", "default", "request"] },
            "uniqueness": { "enum": ["none", "server", "global"] },
            "canonicalValues": texts(),
            "referenceTypes": texts(),
            "subAttributes": { "type": "array", "items": named("Attribute") },
        }),
    )
}
