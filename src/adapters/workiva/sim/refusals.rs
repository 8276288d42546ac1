//! The error bodies: `{code, message}` of the platform, `{error, error_description}` of the token endpoint.
//!
//! The guide shows none; codes and texts are those of the vendor's OpenAPI where it has them.

use serde_json::json;

use crate::adapters::simulator::Answer;

/// The app's own body for a status it gives no reason for.
pub(super) fn refused(status: u16) -> Answer {
    let message = match status {
        400 => "The request could not be understood",
        401 => "No valid API token provided",
        403 => "The API token does not have permissions to perform the request",
        404 => "The requested resource could not be found",
        405 => "The method is not allowed for the requested resource",
        409 => "The request conflicts with another request",
        413 => "The request payload is too large",
        429 => "Too many requests have been made against the API in too short a time",
        500 => "An internal error occurred",
        503 => "The service is temporarily unavailable",
        _ => "The request could not be completed",
    };
    with_message(status, message)
}

/// Any status with a message of its own.
pub(super) fn with_message(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "code": code(status), "message": message }))
}

/// 400 about one field.
pub(super) fn invalid(target: &str, message: &str) -> Answer {
    Answer::json(400, &json!({ "code": code(400), "message": message, "target": target }))
}

/// An error of the token endpoint (RFC 6749 §5.2).
pub(super) fn oauth(status: u16, error: &str, description: &str) -> Answer {
    Answer::json(status, &json!({ "error": error, "error_description": description }))
}

fn code(status: u16) -> String {
    let name = match status {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        409 => "Conflict",
        413 => "PayloadTooLarge",
        429 => "TooManyRequests",
        500 => "InternalServerError",
        503 => "ServiceUnavailable",
        _ => "Error",
    };
    format!("{status}{name}")
}
