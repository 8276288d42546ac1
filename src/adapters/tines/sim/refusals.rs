//! The error bodies, in the three forms the vendor's pages show.

use serde_json::{Value, json};

use crate::adapters::simulator::Answer;

/// The app's own body for a status it gives no reason for.
pub(super) fn refused(status: u16) -> Answer {
    let body = match status {
        400 => plain("Malformed JSON"),
        401 => plain("Unauthorized"),
        403 => detailed("Forbidden", "Admin access required"),
        404 => plain("Not found"),
        405 => plain("Method not allowed"),
        413 => plain("Payload too large"),
        422 => detailed("Validation failed", ""),
        429 => plain("Too many requests"),
        500.. => plain("Internal server error"),
        _ => plain("The request could not be completed"),
    };
    Answer::json(status, &body)
}

/// 404 in the form the switch asks for.
pub(super) fn not_found(as_array: bool) -> Answer {
    if as_array { Answer::json(404, &detailed("Not found", "")) } else { refused(404) }
}

/// 422 with what is wrong.
pub(super) fn invalid(details: &str) -> Answer {
    Answer::json(422, &detailed("Validation failed", details))
}

/// Any status with a message of its own.
pub(super) fn with_message(status: u16, message: &str) -> Answer {
    Answer::json(status, &detailed(message, ""))
}

fn plain(message: &str) -> Value {
    json!({ "error": message })
}

fn detailed(message: &str, details: &str) -> Value {
    json!({ "errors": [{ "message": message, "details": details }] })
}
