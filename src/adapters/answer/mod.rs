//! How every client of a REST interface reads its app's answer: what a status means, what a message may repeat.

mod message;
#[cfg(test)]
mod tests;

pub use message::message;

use serde::de::DeserializeOwned;

use crate::base::fold;
use crate::contract::{Account, Error, Fault, Kind, Result};
use crate::upstream::{Failure, Request, Response, Safety, Upstream};

/// Deepest nesting of an answer that is read.
const DEPTH: usize = 32;

/// Sends `request` and answers the response where its status is 2xx; every other end is an error of the table in
/// [`failed`] or [`lost`]. A web page is nobody's success.
///
/// An operation that has a better word for a status sends the request itself.
pub async fn ask(
    upstream: &Upstream,
    app: &'static str,
    operation: &'static str,
    request: Request,
) -> Result<Response> {
    let safety = request.safety;
    match upstream.send(request).await {
        Ok(response) if is_success(&response) => meant(app, operation, safety, response),
        Ok(response) => Err(failed(app, operation, safety, &response)),
        Err(failure) => Err(lost(app, operation, safety, &failure)),
    }
}

/// Whether the body is a web page, as a proxy sends one: no app answers with it.
fn is_page(response: &Response) -> bool {
    response.body.trim_ascii_start().starts_with(b"<")
}

/// Whether the status is 2xx.
#[must_use]
pub fn is_success(response: &Response) -> bool {
    (200..300).contains(&response.status)
}

/// A 2xx, unless a proxy answered in the app's place, after it may have asked the app.
pub fn meant(
    app: &'static str,
    operation: &'static str,
    safety: Safety,
    response: Response,
) -> Result<Response> {
    if !is_page(&response) {
        return Ok(response);
    }
    let error = somebody_else(app, operation, response.status);
    Err(match safety {
        Safety::Read | Safety::Idempotent => error,
        Safety::Once => Error { fault: error.fault, ..Error::new(Kind::Unknown, operation, error.message) },
    })
}

/// Whether nobody can tell from the body what was done: it is a 200 without one, or it is no JSON.
#[must_use]
pub fn says_nothing(response: &Response) -> bool {
    let readable = || serde_json::from_slice::<serde::de::IgnoredAny>(&response.body).is_ok();
    if response.body.is_empty() { response.status == 200 } else { !readable() }
}

/// The app took something without a word, and does not show it.
#[must_use]
pub fn not_shown(app: &'static str, operation: &'static str) -> Error {
    Error::new(Kind::Unavailable, operation, format!("`{app}` answered without a word, and does not show it"))
}

/// Reads a 2xx body; a body that is not of this shape is [`Kind::Unexpected`].
pub fn json<T: DeserializeOwned>(operation: &'static str, response: &Response) -> Result<T> {
    read(response).map_err(|message| Error::new(Kind::Unexpected, operation, message))
}

/// Reads the 2xx body of a create; a body that is not of this shape is [`Kind::Unknown`], because the app did
/// something and did not say to what id.
pub fn json_of_create<T: DeserializeOwned>(operation: &'static str, response: &Response) -> Result<T> {
    read(response).map_err(|message| Error::new(Kind::Unknown, operation, message))
}

/// The one of `accounts` that has this address, in any case; several are [`Kind::Ambiguous`], and none is picked.
pub fn with_address(
    operation: &'static str,
    accounts: impl IntoIterator<Item = Account>,
    address: &str,
) -> Result<Option<Account>> {
    let wanted = fold::key(address);
    let has = |account: &Account| account.email.as_deref().map(fold::key).as_ref() == Some(&wanted);
    let mut found = accounts.into_iter().filter(has);
    match (found.next(), found.next()) {
        (_, Some(_)) => {
            Err(Error::new(Kind::Ambiguous, operation, "several accounts of the app have this address"))
        }
        (found, None) => Ok(found),
    }
}

/// What an answer that is no success means.
///
/// A 404 that speaks, but not JSON, is [`Kind::Unexpected`]: a proxy or a wrong address answered in the app's place,
/// which says nothing about what is there.
///
/// A 5xx after a [`Safety::Once`] request is [`Kind::Unknown`], since it may have been done before the app broke. So is a
/// 503 that says when to come back: a proxy may have said it after the app had done it.
#[must_use]
pub fn failed(app: &'static str, operation: &'static str, safety: Safety, response: &Response) -> Error {
    let body = response.body.trim_ascii_start();
    if matches!(response.status, 404 | 410)
        && !(body.is_empty() || body.starts_with(b"{") || body.starts_with(b"["))
    {
        return somebody_else(app, operation, response.status);
    }
    let words = message::words(&response.body).to_lowercase();
    let says = |any: &[&str]| any.iter().any(|word| words.contains(word));
    let full = || says(&["seat", "license", "licence", "capacity", "limit reached"]);
    let kind = match response.status {
        400 | 402 | 403 | 409 | 422 if full() => Kind::NoSeats,
        400 | 422 if says(&["taken", "duplicate", "already"]) => Kind::Conflict,
        400 | 422 => Kind::Invalid,
        401 => Kind::Credentials,
        402 | 403 => Kind::Forbidden,
        404 | 410 => Kind::NotFound,
        409 => Kind::Conflict,
        408 | 425 => Kind::Unavailable,
        429 => Kind::RateLimited,
        501 | 505 => Kind::Unexpected,
        500..=599 => match safety {
            Safety::Read | Safety::Idempotent => Kind::Unavailable,
            Safety::Once => Kind::Unknown,
        },
        _ => Kind::Unexpected,
    };
    let text = format!("`{app}` answered {}: {}", response.status, message(&response.body));
    let error = Error::new(kind, operation, text);
    if matches!(kind, Kind::RateLimited | Kind::Unavailable) {
        return error.after(response.retry_after);
    }
    error
}

fn somebody_else(app: &str, operation: &'static str, status: u16) -> Error {
    let message = format!(
        "something else than the API of `{app}` answered {status} in its place: check its `base_url`"
    );
    Error { fault: Fault::Operator, ..Error::new(Kind::Unexpected, operation, message) }
}

/// What it means that there is no answer.
///
/// Whatever may have been done is [`Kind::Unknown`], save a read, which changes nothing.
#[must_use]
pub fn lost(app: &'static str, operation: &'static str, safety: Safety, failure: &Failure) -> Error {
    let kind = match (failure, safety) {
        (Failure::NotSent(_), _) | (Failure::Lost(_), Safety::Read) => Kind::Unavailable,
        (Failure::Lost(_), Safety::Idempotent | Safety::Once) | (Failure::Unusable(_), Safety::Once) => {
            Kind::Unknown
        }
        (Failure::Unusable(_), Safety::Read | Safety::Idempotent) | (Failure::Redirected(_), _) => {
            Kind::Unexpected
        }
        (Failure::NoTurn(_), _) => Kind::RateLimited,
        (Failure::Refused(_), _) => Kind::Credentials,
    };
    Error::new(kind, operation, format!("`{app}`: {failure}"))
}

/// The reason never repeats the parser's text: that quotes the body.
fn read<T: DeserializeOwned>(response: &Response) -> std::result::Result<T, String> {
    let status = response.status;
    if depth(&response.body) > DEPTH {
        return Err(format!("the answer {status} is nested deeper than {DEPTH}"));
    }
    serde_json::from_slice(&response.body).map_err(|error| {
        if error.is_data() {
            format!(
                "the answer {status} is JSON of another shape, at line {} column {}",
                error.line(),
                error.column()
            )
        } else {
            format!("the answer {status} is not JSON")
        }
    })
}

/// The deepest nesting of arrays and objects, counted before anything is built from them.
fn depth(body: &[u8]) -> usize {
    let (mut deepest, mut open, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in body {
        if in_string {
            in_string = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                open += 1;
                deepest = deepest.max(open);
            }
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
