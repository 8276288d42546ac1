//! What a SCIM server refuses, in the error body of RFC 7644 §3.12.

use serde_json::{Map, Value, json};

use super::media;
use crate::adapters::simulator::Answer;

/// A refusal with its `scimType`, where RFC 7644 Table 9 has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub status: u16,
    pub scim_type: Option<&'static str>,
    pub detail: String,
}

impl Problem {
    /// A refusal without a `scimType`.
    #[must_use]
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self { status, scim_type: None, detail: detail.into() }
    }

    /// 400 with a `scimType`.
    #[must_use]
    pub fn invalid(scim_type: &'static str, detail: impl Into<String>) -> Self {
        Self { scim_type: Some(scim_type), ..Self::new(400, detail) }
    }

    /// 400 about a value: missing, of another type or not possible.
    #[must_use]
    pub fn value(detail: impl Into<String>) -> Self {
        Self::invalid("invalidValue", detail)
    }

    /// 400 about an attribute that cannot be changed.
    #[must_use]
    pub fn mutability(name: &str) -> Self {
        Self::invalid("mutability", format!("{name} cannot be changed"))
    }

    /// 409: somebody else has it.
    #[must_use]
    pub fn taken(detail: impl Into<String>) -> Self {
        Self { scim_type: Some("uniqueness"), ..Self::new(409, detail) }
    }

    /// 404 for a resource.
    #[must_use]
    pub fn missing(id: &str) -> Self {
        Self::new(404, format!("Resource {id} not found"))
    }

    /// The error body, with the status repeated in it as a text.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let mut body = Map::new();
        body.insert("schemas".into(), json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
        body.insert("status".into(), json!(self.status.to_string()));
        if let Some(scim_type) = self.scim_type {
            body.insert("scimType".into(), json!(scim_type));
        }
        body.insert("detail".into(), json!(self.detail));
        media(self.status, &Value::Object(body))
    }
}

/// The error body of a status nobody gave a reason for.
#[must_use]
pub fn refused(status: u16) -> Answer {
    let detail = match status {
        400 => "The request is not valid",
        401 => "The SCIM token is missing or not valid",
        403 => "SCIM is not allowed",
        404 => "Not found",
        405 => "Method not allowed",
        413 => "The request is too large",
        429 => "Too many requests",
        501 => "Not implemented",
        503 => "The service is not available at the moment",
        500.. => "Internal error",
        _ => "The request could not be completed",
    };
    Problem::new(status, detail).answer()
}
