//! Where Tines' answers mean more than their status says.

use crate::contract::{Error, Kind};

/// Adds what an administrator should look at; other errors stay as they are.
pub(super) fn explained(mut error: Error) -> Error {
    let hint = match error.kind {
        Kind::Credentials => {
            "; a REST API token is expected in `rest.api_token`, and the SCIM token of the SSO settings, a revoked \
             token or one of a deactivated user gives exactly this"
        }
        Kind::Forbidden => "; the token of an admin is needed for any user management",
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
    error.message.push_str(hint);
    error
}

/// Whether the app refused the field `active` itself, rather than something about the account.
pub(super) fn active_is_refused(error: &Error) -> bool {
    let mut words = error.message.split(|letter: char| !letter.is_ascii_alphabetic());
    error.kind == Kind::Invalid && words.any(|word| word.eq_ignore_ascii_case("active"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_that_names_the_field_is_one_of_the_field() {
        let invalid = |message: &str| Error::new(Kind::Invalid, "deactivate", message);
        assert!(active_is_refused(&invalid(
            "`tines` answered 422: Validation failed: active is not permitted"
        )));
        assert!(!active_is_refused(&invalid("`tines` answered 422: You cannot deactivate yourself")));
        assert!(!active_is_refused(&Error::new(Kind::Forbidden, "deactivate", "active")));
    }
}
