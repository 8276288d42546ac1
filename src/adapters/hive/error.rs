//! What Hive's refusals mean beyond their status.

use crate::contract::{Error, Fault, Kind};

/// Names the likely cause: a key is worth what its owner may do, and falls silently with them.
pub(super) fn explained(error: Error) -> Error {
    let message = match error.kind {
        Kind::Credentials => {
            "Hive does not know the API key: its owner may have left or made a new one, or it is a SCIM token; take \
             the key of a workspace admin from My Profile > Apps & Integrations > API"
        }
        Kind::Forbidden => {
            return Error {
                message: format!(
                    "{}; the owner of the API key may have lost the admin role: make them an admin, or use the key of \
                     one",
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

/// A managed workspace that the key does not see: never the same as a workspace without members.
pub(super) fn hidden(workspace: &str, operation: &'static str) -> Error {
    let message = format!(
        "the owner of the Hive API key does not see the workspace `{workspace}`: they were removed from it, or it \
         is gone or misspelt in `workspaces`"
    );
    Error::new(Kind::Forbidden, operation, message)
}

/// Something else answered 404 in Hive's place: that says nothing about a member.
pub(super) fn somebody_else(operation: &'static str) -> Error {
    let message =
        "404 came from something that is not Hive's API: check `rest.base_url`, which ends with `/api/v1`";
    Error { fault: Fault::Operator, ..Error::new(Kind::Unexpected, operation, message) }
}

/// Whether a 404 is about the workspace and not about the member: the guide gives both the same status.
pub(super) fn is_about_the_workspace(message: &str) -> bool {
    let message = message.to_lowercase();
    message.contains("workspace") && !message.contains("user") && !message.contains("member")
}

/// A removal that Hive answered with `{"success": false}`: not done, and worth another try.
pub(super) fn not_removed(operation: &'static str) -> Error {
    Error::new(Kind::Unexpected, operation, "Hive answered 200 and `success` false, expected true")
        .after(None)
}

/// An invitation that went into some workspaces and not into all: the caller looks before it does anything.
pub(super) fn half_done(invited: usize, wanted: usize, failed: &Error) -> Error {
    let message = format!("invited into {invited} of {wanted} Hive workspaces, then: {}", failed.message);
    Error::new(Kind::Unknown, failed.operation, message)
}
