//! One outgoing HTTP exchange as it may be told to others.

use std::time::Duration;

use crate::base::clock::Timestamp;

/// What stands in a path for a segment that holds an address.
const ADDRESS: &str = "{address}";

/// One outgoing HTTP exchange, redacted: no header, no body, no query, no address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Call {
    pub method: String,
    /// As [`redacted`] tells it.
    pub path: String,
    /// `None` when no answer came.
    pub status: Option<u16>,
    pub attempt: u32,
    pub at: Timestamp,
    pub duration: Duration,
    /// The operation of the treaty it was part of, where that may change something at the app.
    pub operation: Option<&'static str>,
}

impl Call {
    /// Whether it may have changed something at the app.
    #[must_use]
    pub fn may_change(&self) -> bool {
        self.operation.is_some() && !matches!(self.method.as_str(), "GET" | "HEAD")
    }
}

/// A path without query whose segments that hold an e-mail address are replaced.
#[must_use]
pub fn redacted(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let segments = path.split('/').map(|segment| {
        // However often it was escaped: `%40`, `%2540`.
        let holds_address = segment.replace("%25", "%").contains("%40") || segment.contains('@');
        if holds_address { ADDRESS } else { segment }
    });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_without_query_and_without_addresses() {
        for (path, told) in [
            ("/api/v1/users/42", "/api/v1/users/42"),
            ("/api/v1/users/anna%40corp.example/teams", "/api/v1/users/{address}/teams"),
            ("/users/anna@corp.example", "/users/{address}"),
            ("/Users?filter=userName%20eq%20%22anna%40corp.example%22", "/Users"),
            ("/users/anna%2540corp.example", "/users/{address}"),
            ("/", "/"),
        ] {
            assert_eq!(redacted(path), told);
        }
    }
}
