//! Where Workiva's answers mean more than their status says.

use crate::adapters::answer;
use crate::contract::{Error, Kind, Result};
use crate::upstream::{Failure, Request, Response, Upstream};

pub(super) const APP: &str = "workiva";

/// Sends a request that needs `scope` and answers the response where its status is 2xx.
pub(super) async fn ask(
    upstream: &Upstream,
    operation: &'static str,
    scope: &'static str,
    request: Request,
) -> Result<Response> {
    let safety = request.safety;
    match upstream.send(request).await {
        Ok(response) if answer::is_success(&response) => answer::meant(APP, operation, safety, response),
        Ok(response) if matches!(response.status, 405 | 501) => Err(not_served(operation)),
        Ok(response) => Err(explained(answer::failed(APP, operation, safety, &response), scope)),
        Err(Failure::Refused(code)) => {
            let message = format!(
                "Workiva client credentials rejected (`{code}`): `rest.client_id` and `rest.client_secret` belong to \
                 an OAuth client of the Developer Portal; the SCIM bearer token is another credential"
            );
            Err(Error::new(Kind::Credentials, operation, message))
        }
        Err(failure) => Err(answer::lost(APP, operation, safety, &failure)),
    }
}

/// Adds what an administrator should look at; other errors stay as they are.
fn explained(mut error: Error, scope: &str) -> Error {
    let hint = match error.kind {
        Kind::Credentials => {
            "; the token endpoint gave a token that the API does not take: do `rest.base_url` and `rest.token_url` \
             belong together?"
                .to_owned()
        }
        Kind::Forbidden => {
            format!("; a workspace administrator has to grant the OAuth client the scope `{scope}`")
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
    error.message.push_str(&hint);
    error
}

/// The guide names some calls in its scope table only; a workspace may not serve them.
pub(super) fn not_served(operation: &'static str) -> Error {
    Error::unsupported(
        operation,
        "this Workiva workspace does not serve the call: do it in Workiva's own pages",
    )
}

/// `None` where the app says that there is no such thing.
pub(super) fn found<T>(answered: Result<T>) -> Result<Option<T>> {
    match answered {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
