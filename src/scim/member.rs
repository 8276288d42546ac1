//! A member of a group, in the one form the gateway works with.

/// One entry of a group's `members` (RFC 7643 §4.2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Member {
    /// The SCIM id of the member.
    pub value: String,
    /// The name to show, where the client sent one.
    pub display: Option<String>,
    /// `User` or `Group`, where the client sent a type.
    pub kind: Option<String>,
}

impl Member {
    /// A member of which nothing but the id is known.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self { value: value.into(), display: None, kind: None }
    }
}
