//! How an operation failed: what kind, whether to try again, and whose fault it is.

use std::time::Duration;

/// The result of every operation of the treaty.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The app has no such account or group.
    NotFound,
    /// The address or name is taken.
    Conflict,
    /// Several accounts answer to what was looked up; none of them is picked.
    Ambiguous,
    /// The app refused the values.
    Invalid,
    /// The app, or this connection to it, cannot do that; no call was made.
    Unsupported,
    /// The app does not know the credentials, or they are of the wrong kind.
    Credentials,
    /// The app knows the credentials and does not let them do that: plan, scope, admin right.
    Forbidden,
    /// No seat is free.
    NoSeats,
    /// The app asks for patience.
    RateLimited,
    /// The app cannot be reached or is out of order; what was asked was not done.
    Unavailable,
    /// The request left and no usable answer came: it may have been done.
    Unknown,
    /// The app answered something that it should not.
    Unexpected,
}

impl Kind {
    /// Whether an app may have done what it ended with such an error, or what was sent again after that. Of
    /// [`Kind::Unknown`] it may do so later, too.
    #[must_use]
    pub const fn leaves_doubt(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable | Self::Unexpected)
    }
}

/// Whether another attempt can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same request fails again.
    Never,
    /// Later; not before the app's own word, where it gave one.
    Later(Option<Duration>),
    /// Only after looking whether it was done.
    AfterLooking,
}

/// Who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Who sent the request.
    Caller,
    /// Who configured the connection.
    Operator,
    /// The app.
    App,
    /// Portcullis.
    Gateway,
}

/// A failed operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {message}")]
pub struct Error {
    pub kind: Kind,
    pub retry: Retry,
    pub fault: Fault,
    /// The operation of the treaty that failed: `create_account`.
    pub operation: &'static str,
    /// For an administrator: names the app and what to change; never a token, a body or an address.
    pub message: String,
}

impl Error {
    /// An error with the retry verdict and the fault that go with its kind.
    #[must_use]
    pub fn new(kind: Kind, operation: &'static str, message: impl Into<String>) -> Self {
        let (retry, fault) = match kind {
            Kind::NotFound | Kind::Conflict | Kind::Invalid | Kind::Unsupported => {
                (Retry::Never, Fault::Caller)
            }
            Kind::Credentials | Kind::Forbidden | Kind::NoSeats | Kind::Ambiguous => {
                (Retry::Never, Fault::Operator)
            }
            Kind::RateLimited | Kind::Unavailable => (Retry::Later(None), Fault::App),
            Kind::Unknown => (Retry::AfterLooking, Fault::App),
            Kind::Unexpected => (Retry::Never, Fault::App),
        };
        Self { kind, retry, fault, operation, message: message.into() }
    }

    /// The same error, to be tried again no sooner than `delay`.
    #[must_use]
    pub fn after(mut self, delay: Option<Duration>) -> Self {
        self.retry = Retry::Later(delay);
        self
    }

    /// The refusal of what an app cannot do.
    #[must_use]
    pub fn unsupported(operation: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Unsupported, operation, message)
    }

    /// The refusal of several members at once by an app whose groups take them one by one.
    #[must_use]
    pub fn one_by_one(operation: &'static str) -> Self {
        Self::unsupported(operation, "each member takes a call of its own")
    }
}
