//! How a failed operation is told to the caller: one exhaustive match from the treaty's errors to SCIM's.

use std::time::Duration;

use super::Refusal;
use super::policy::Idp;
use crate::base::jitter::share;
use crate::contract::{Error, Kind, Retry};
use crate::scim::error::{ScimError, ScimType};
use crate::store;

/// How long a caller is asked to stay away while we keep working on an open intent.
const COME_BACK: Duration = Duration::from_mins(1);

/// The same while the app does not accept our credential: somebody has to put in another one.
const PAUSED: Duration = Duration::from_mins(5);

/// Between which times those come back who found too much under way.
const SOONEST: Duration = Duration::from_secs(30);
const LATEST: Duration = Duration::from_secs(90);

const KEEPS_TRYING: &str = "the app has not confirmed this yet; the gateway keeps trying until it has";

/// The answer to a request that certainly was not carried out.
pub fn not_applied(error: &Error, idp: Idp) -> Refusal {
    let delay = match error.retry {
        Retry::Later(delay) => delay,
        Retry::Never | Retry::AfterLooking => None,
    };
    let detail = error.message.clone();
    match error.kind {
        Kind::NotFound => ScimError::new(404, detail).into(),
        Kind::Conflict | Kind::Ambiguous => ScimError::uniqueness(detail).into(),
        Kind::Invalid => ScimError::bad(ScimType::InvalidValue, detail).into(),
        Kind::Unsupported => ScimError::new(501, detail).into(),
        Kind::Credentials => paused(detail, idp),
        Kind::Unexpected => ScimError::new(502, detail).into(),
        Kind::Forbidden => ScimError::new(403, detail).into(),
        Kind::NoSeats => ScimError::new(403, format!("seat limit reached: {detail}")).into(),
        Kind::RateLimited => Refusal {
            error: ScimError::new(429, detail),
            retry_after: Some(delay.unwrap_or_else(|| spread(share()))),
        },
        Kind::Unavailable | Kind::Unknown => later(detail, delay.unwrap_or(COME_BACK), idp),
    }
}

/// The answer to a request that is not done yet and that we keep working on.
pub fn still_working(idp: Idp) -> Refusal {
    later(KEEPS_TRYING.to_owned(), COME_BACK, idp)
}

/// The same, after an attempt that failed so.
pub fn goes_on(error: &Error, idp: Idp) -> Refusal {
    match error.kind {
        Kind::Credentials => paused(KEEPS_TRYING.to_owned(), idp),
        Kind::NotFound
        | Kind::Conflict
        | Kind::Ambiguous
        | Kind::Invalid
        | Kind::Unsupported
        | Kind::Forbidden
        | Kind::NoSeats
        | Kind::RateLimited
        | Kind::Unavailable
        | Kind::Unknown
        | Kind::Unexpected => still_working(idp),
    }
}

/// The answer while the app does not accept the credential: a 401 or 403 of ours would tell the caller that its own is
/// bad, and end its job for everybody.
fn paused(detail: String, idp: Idp) -> Refusal {
    later(detail, PAUSED, idp)
}

/// The answer while too many requests are under way: nothing was done.
pub fn crowded(idp: Idp) -> Refusal {
    let detail = "too many requests of this connection are under way; nothing was done";
    later(detail.to_owned(), spread(share()), idp)
}

/// The answer while too many changes wait to be cleared up: nothing was done.
pub fn overloaded(detail: impl Into<String>) -> Refusal {
    Refusal { error: ScimError::new(429, detail.into()), retry_after: Some(spread(share())) }
}

/// When to come back to somebody who has too much to do, spread out so that not all come back together; `random` lies
/// between 0 and 1.
fn spread(random: f64) -> Duration {
    SOONEST + LATEST.saturating_sub(SOONEST).mul_f64(random.clamp(0.0, 1.0))
}

/// The answer to a change that needs to know what the app does not tell right now: nothing was done.
pub fn not_read(idp: Idp) -> Refusal {
    later("the app does not tell who is in the group right now; nothing was done".to_owned(), COME_BACK, idp)
}

/// The answer to one operation of many whose turn did not come in time: nothing was done.
pub fn not_begun(idp: Idp) -> Refusal {
    let detail = "the time of the request was over before this operation began: send it again";
    later(detail.to_owned(), Duration::from_secs(1), idp)
}

/// The answer when our own store fails, before or after the app was asked.
pub fn store(error: &store::Error) -> Refusal {
    match error {
        store::Error::NameTaken => {
            ScimError::uniqueness("the name is taken by another resource of this connection").into()
        }
        store::Error::Stale => {
            ScimError::new(412, "the resource has changed in the meantime; read it again").into()
        }
        store::Error::Lost => Refusal {
            error: ScimError::new(
                503,
                "another replica of the gateway goes on with this; repeat the request",
            ),
            retry_after: Some(COME_BACK),
        },
        store::Error::Unavailable(_) | store::Error::Refused(_) => Refusal {
            error: ScimError::new(503, "the gateway's own store is not available; repeat the request"),
            retry_after: Some(COME_BACK),
        },
    }
}

fn later(detail: String, delay: Duration, idp: Idp) -> Refusal {
    told_to(idp, Refusal { error: ScimError::new(503, detail), retry_after: Some(delay) })
}

/// The same refusal as this identity provider understands it: Okta reschedules by itself on 429 only, everyone else
/// on 503.
pub fn told_to(idp: Idp, mut refusal: Refusal) -> Refusal {
    if idp == Idp::Okta && refusal.error.status == 503 && refusal.retry_after.is_some() {
        refusal.error.status = 429;
    }
    refusal
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        store(&error)
    }
}
