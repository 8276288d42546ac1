//! What Honeycomb's refusals mean beyond their status.

use crate::contract::{Error, Fault, Kind};

/// Names the likely mix-up: the guide answers an Ingest key with 401, exactly like an unknown one.
pub(super) fn explained(error: Error) -> Error {
    let message = match error.kind {
        Kind::Credentials => {
            "Honeycomb answered 401: an Ingest key instead of a Configuration key gives exactly this; make a \
             Configuration key under Team Settings > API Keys, or check that this one is not revoked"
        }
        Kind::Forbidden => {
            return Error {
                message: format!(
                    "{}; where the key is meant, make a Configuration key of this team under Team Settings > API Keys",
                    error.message
                ),
                ..error
            };
        }
        Kind::NotFound
        | Kind::Conflict
        | Kind::Invalid
        | Kind::Ambiguous
        | Kind::Unsupported
        | Kind::NoSeats
        | Kind::RateLimited
        | Kind::Unavailable
        | Kind::Unknown
        | Kind::Unexpected => return error,
    };
    Error { message: message.to_owned(), ..error }
}

/// The same refusal once `GET /1/auth` has told what kind of key it is; `None` where it did not.
pub(super) fn of_key_kind(refused: Error, kind: Option<&str>) -> Error {
    let message = match kind {
        Some("ingest") => {
            "`rest.api_key` is an Ingest key, which may not manage members: put a Configuration key there, made \
             under Team Settings > API Keys"
        }
        Some("configuration") => {
            "`rest.api_key` is a Configuration key, and Honeycomb does not let it manage members: check its \
             permissions under Team Settings > API Keys"
        }
        _ => return refused,
    };
    Error { kind: Kind::Credentials, message: message.to_owned(), ..refused }
}

/// The membership API answered 404, which is never an empty team.
pub(super) fn absent(operation: &'static str) -> Error {
    mistaken(
        operation,
        "Honeycomb has no `/1/team_memberships` here: check `rest.base_url`, which ends before `/1`",
    )
}

fn mistaken(operation: &'static str, message: &'static str) -> Error {
    Error { fault: Fault::Operator, ..Error::new(Kind::Unexpected, operation, message) }
}
