//! The error bodies: problem documents below `/1`, the legacy key error, JSON:API errors below `/2`.
//!
//! Their texts are those of the vendor's error page; the guide shows no error body.

use serde_json::{Value, json};

use crate::adapters::simulator::Answer;

const TYPE_BASE: &str = "https://api.honeycomb.io/problems/";

/// A problem document whose `error` repeats `title` unless `error` says more.
fn problem(status: u16, kind: &str, title: &str, error: Option<&str>) -> Value {
    json!({
        "status": status,
        "type": format!("{TYPE_BASE}{kind}"),
        "title": title,
        "error": error.unwrap_or(title),
    })
}

/// The app's own body for a status it gives a reason for.
pub(super) fn refused(status: u16, error: Option<&str>) -> Answer {
    let (kind, title) = match status {
        400 => ("unparseable", "The request body could not be parsed."),
        403 => ("forbidden", "You do not have permission to perform this action."),
        404 => ("not-found", "The requested resource cannot be found."),
        405 => ("method-not-allowed", "The method is not allowed for this resource."),
        409 => ("conflict", "The request conflicts with the current state of the resource."),
        413 => ("too-large", "The request body is too large."),
        422 => ("validation-failed", "The provided input is invalid."),
        429 => ("rate-limited", "You have exceeded your rate limit."),
        401 => return unknown_key(),
        500.. => return html(status),
        _ => ("unknown", "The request could not be completed."),
    };
    Answer::json(status, &problem(status, kind, title, error))
}

/// Validation that failed at one field.
pub(super) fn invalid_field(field: &str, code: &str, description: &str) -> Answer {
    let mut body = problem(422, "validation-failed", "The provided input is invalid.", None);
    if let Some(object) = body.as_object_mut() {
        let detail = json!([{ "field": field, "code": code, "description": description }]);
        object.insert("type_detail".into(), detail);
    }
    Answer::json(422, &body)
}

/// What an ingest key, an unknown key and no key at all get.
pub(super) fn unknown_key() -> Answer {
    Answer::json(401, &json!({ "error": "unknown API key - check your credentials" }))
}

/// A proxy's page: not JSON.
fn html(status: u16) -> Answer {
    let page = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
    Answer::text(status, "text/html", page)
}

/// A JSON:API error of version 2.
pub(super) fn listed(status: u16, code: &str, title: &str) -> Answer {
    let body =
        json!({ "errors": [{ "id": "sim", "status": status.to_string(), "code": code, "title": title }] });
    Answer::json(status, &body).with_header("content-type", "application/vnd.api+json")
}
