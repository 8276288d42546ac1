//! How an operation ended well.

use serde::{Deserialize, Serialize};

/// The good ends of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// The app did it now.
    Done(T),
    /// It was so already; nothing was changed.
    Already(T),
    /// The app sent an invitation; a person has to accept it.
    Invited(T),
    /// Nothing happened yet: a person has to do it.
    Waiting(Request),
}

/// What a person has to do, in words they can follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// One imperative line: `invite the person as Read Only under Settings > Team`.
    pub instruction: String,
    /// Who is to do it, where the configuration of the app names somebody.
    pub owner: Option<String>,
    /// Where it is done, as an address to open.
    pub link: Option<String>,
}

impl Request {
    /// A request that names nobody and no place.
    #[must_use]
    pub fn new(instruction: impl Into<String>) -> Self {
        Self { instruction: instruction.into(), owner: None, link: None }
    }
}

impl<T> Outcome<T> {
    /// The value, where there is one.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Done(value) | Self::Already(value) | Self::Invited(value) => Some(value),
            Self::Waiting(_) => None,
        }
    }

    /// The same end with another value.
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Done(value) => Outcome::Done(with(value)),
            Self::Already(value) => Outcome::Already(with(value)),
            Self::Invited(value) => Outcome::Invited(with(value)),
            Self::Waiting(request) => Outcome::Waiting(request),
        }
    }
}
