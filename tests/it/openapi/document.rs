//! The description itself: paths, parameters and answers.

use portcullis::scim::list::{DEFAULT_COUNT, MAX_COUNT};
use portcullis::scim::schema::USER;
use serde_json::{Map, Value, json};

use super::operations::{ANYWHERE, OPERATIONS, Operation, WITH_BODY};
use super::shapes;

const SCIM: &str = "application/scim+json";

/// `openapi/portcullis.json`.
pub fn render() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Portcullis SCIM",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "The SCIM 2.0 surface of one connection (RFC 7643, RFC 7644). `ServiceProviderConfig`, \
                            `ResourceTypes` and `Schemas` tell what the app behind it can do. Bodies are read more \
                            tolerantly than they are described here; `docs/conformance.md` lists where.",
        },
        "servers": [{
            "url": "{origin}/{connection}/scim/v2",
            "variables": {
                "origin": { "default": "http://127.0.0.1:8080", "description": "Where the gateway is reached" },
                "connection": { "default": "sandbox", "description": "The name of the connection" },
            },
        }],
        "security": [{ "token": [] }],
        "paths": paths(),
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "A token of the connection" },
            },
            "parameters": parameters(),
            "headers": headers(),
            "responses": refusals(),
            "schemas": shapes::schemas(),
        },
    })
}

fn paths() -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| match place(operation.path) {
            Some(name) => json!({ "parameters": [parameter(name)] }),
            None => json!({}),
        });
        path[operation.method.to_lowercase()] = describe(operation);
    }
    Value::Object(paths)
}

/// The variable of a path.
fn place(path: &str) -> Option<&str> {
    path.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(name, _)| name)
}

fn parameter(name: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{name}") })
}

fn describe(operation: &Operation) -> Value {
    let mut described = json!({ "operationId": operation.id, "summary": operation.summary });
    if !operation.parameters.is_empty() {
        described["parameters"] = operation.parameters.iter().copied().map(parameter).collect();
    }
    if let Some(body) = operation.body {
        described["requestBody"] =
            json!({ "required": true, "content": { SCIM: { "schema": shapes::named(body) } } });
    }
    let mut responses = Map::new();
    for (status, schema) in operation.good {
        responses.insert(status.to_string(), good(*status, schema));
    }
    let mut refused: Vec<u16> = [ANYWHERE, operation.refused].concat();
    if operation.body.is_some() {
        refused.extend(WITH_BODY);
    }
    refused.sort_unstable();
    refused.dedup();
    for status in refused {
        let reference = json!({ "$ref": format!("#/components/responses/{status}") });
        responses.insert(status.to_string(), reference);
    }
    described["responses"] = Value::Object(responses);
    described
}

fn good(status: u16, schema: &str) -> Value {
    let what = match status {
        201 => "It is there now",
        204 => "Done; there is nothing to show",
        304 => "It is still the version the caller has",
        _ => "As it stands",
    };
    let mut response = json!({ "description": what, "headers": { "x-request-id": header("x-request-id") } });
    if !schema.is_empty() {
        response["content"] = json!({ SCIM: { "schema": shapes::named(schema) } });
    }
    if status == 201 {
        response["links"] = links(schema);
    }
    let versioned = matches!(schema, "User" | "Group") || status == 304;
    if versioned {
        response["headers"]["ETag"] = header("ETag");
    }
    if versioned && status != 304 {
        response["headers"]["Location"] = header("Location");
    }
    response
}

/// What can be done with the resource that was made.
fn links(kind: &str) -> Value {
    let to = |verb: &str| {
        let link =
            json!({ "operationId": format!("{verb}{kind}"), "parameters": { "id": "$response.body#/id" } });
        (verb.to_owned(), link)
    };
    Value::Object(["read", "replace", "patch", "delete"].map(to).into_iter().collect())
}

fn header(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

fn headers() -> Value {
    json!({
        "ETag": { "description": "The version of the resource", "required": true, "schema": { "type": "string", "pattern": "^W/\"[0-9]+\"$" } },
        "Location": { "description": "Where the resource is", "required": true, "schema": { "type": "string" } },
        "Retry-After": { "description": "Seconds to wait at least", "schema": { "type": "integer", "minimum": 1 } },
        "WWW-Authenticate": { "description": "The scheme that is expected", "required": true, "schema": { "type": "string" } },
        "x-request-id": { "description": "Finds the request in the log", "required": true, "schema": { "type": "string" } },
    })
}

fn parameters() -> Value {
    let query = |name: &str, what: &str, schema: Value| json!({ "name": name, "in": "query", "description": what, "schema": schema });
    let path = |name: &str, what: &str, example: &str| {
        json!({
            "name": name, "in": "path", "required": true, "description": what, "example": example,
            "schema": { "type": "string", "minLength": 1 },
        })
    };
    let header = |name: &str, what: &str| json!({ "name": name, "in": "header", "description": what, "schema": { "type": "string" } });
    let text = || json!({ "type": "string" });
    json!({
        "id": path("id", "The SCIM id of the resource", "01980000-0000-7000-8000-000000000001"),
        "name": path("name", "The name of the resource type", "User"),
        "urn": path("urn", "The URN of the schema", USER),
        "filter": query("filter", "A filter (RFC 7644 §3.4.2.2)", json!({ "type": "string", "maxLength": portcullis::scim::limits::EXPRESSION_BYTES })),
        "startIndex": query("startIndex", "The place of the first resource, from 1", json!({ "type": "integer", "default": 1 })),
        "count": query("count", &format!("Resources at the most; more than {MAX_COUNT} are never shown"), json!({ "type": "integer", "default": DEFAULT_COUNT })),
        "cursor": query("cursor", "Where to go on (RFC 9865), where `ServiceProviderConfig` says so", text()),
        "sortBy": query("sortBy", "The attribute to sort by, where `ServiceProviderConfig` says so", text()),
        "sortOrder": query("sortOrder", "The order of `sortBy`", json!({ "type": "string", "enum": ["ascending", "descending"] })),
        "attributes": query("attributes", "The only attributes to show, separated by commas", text()),
        "excludedAttributes": query("excludedAttributes", "Attributes not to show, separated by commas", text()),
        "If-Match": header("If-Match", "Only if this is the version"),
        "If-None-Match": header("If-None-Match", "Only if this is not the version"),
    })
}

fn refusals() -> Value {
    let all: [(u16, &str); 16] = [
        (400, "The request cannot be understood; `scimType` says how"),
        (401, "The token is missing or opens nothing"),
        (403, "It is not allowed: by the app, by the policy of the connection, or by RFC 7644 §4"),
        (404, "There is no such resource, or no such connection for this token"),
        (408, "The body did not arrive in time"),
        (409, "Another resource has the name, or the change contradicts what was asked for since"),
        (412, "The resource has another version"),
        (413, "The body is too large"),
        (414, "Path and query are too long"),
        (415, "The body is compressed or no JSON"),
        (429, "Too many requests; for some identity providers also: not confirmed by the app yet"),
        (431, "The headers are too large"),
        (500, "Something went wrong in the gateway"),
        (501, "This connection does not offer it"),
        (502, "The app refused the gateway, or answered something unheard of"),
        (503, "The app has not confirmed the change yet, or cannot be reached"),
    ];
    let described = all.iter().map(|(status, what)| {
        let mut response = json!({
            "description": what,
            "headers": { "x-request-id": header("x-request-id") },
            "content": { SCIM: { "schema": shapes::named("Error") } },
        });
        match status {
            401 => response["headers"]["WWW-Authenticate"] = header("WWW-Authenticate"),
            429 | 503 => response["headers"]["Retry-After"] = header("Retry-After"),
            _ => {}
        }
        (status.to_string(), response)
    });
    Value::Object(described.collect())
}
