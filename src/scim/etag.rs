//! Versions as entity tags, and the conditions callers put on them (RFC 7644 §3.14, RFC 9110 §8.8 and §13.1).

/// The weak entity tag of a version: `W/"7"`.
#[must_use]
pub fn weak(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// The value of an `If-Match` or `If-None-Match` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// `*`: whatever version there is.
    Any,
    /// The opaque part of each tag: without `W/` and quotes.
    Listed(Vec<String>),
}

impl Tags {
    /// Reads the header. A tag without quotes is taken as it stands; what cannot be read matches nothing, so that
    /// an `If-Match` fails and an `If-None-Match` gets the full answer.
    #[must_use]
    pub fn parse(header: &str) -> Self {
        if header.trim() == "*" {
            return Self::Any;
        }
        let mut tags = Vec::new();
        let mut rest = header.trim_start_matches([' ', '\t', ',']);
        while !rest.is_empty() {
            let bare = rest.strip_prefix("W/").or_else(|| rest.strip_prefix("w/")).unwrap_or(rest);
            let (tag, after) = match bare.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => bare.split_once(',').unwrap_or((bare, "")),
            };
            tags.push(tag.trim().to_owned());
            rest = after.trim_start_matches([' ', '\t', ',']);
        }
        Self::Listed(tags)
    }

    /// Whether the current version is among the tags, by weak comparison (RFC 9110 §8.8.3.2).
    ///
    /// An `If-Match` is met, and an `If-None-Match` is not, exactly where this holds.
    #[must_use]
    pub fn matches(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|tag| *tag == version.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_weak_tag() {
        assert_eq!(weak(7), "W/\"7\"");
        assert!(Tags::parse(&weak(7)).matches(7));
    }

    #[test]
    fn weak_comparison_ignores_the_weakness() {
        for header in
            ["W/\"7\"", "\"7\"", "w/\"7\"", "7", "\"1\", W/\"7\" ,\"9\"", "\"a,b\",\"7\"", " , \"7\","]
        {
            assert!(Tags::parse(header).matches(7), "{header}");
        }
        for header in ["W/\"70\"", "\"stale\"", "", "\"", "W/", "\"7 \"x", "\"1\" \"2\"", "\"7,\""] {
            assert!(!Tags::parse(header).matches(8), "{header}");
        }
        assert!(!Tags::parse("W/\"70\"").matches(7));
        assert!(!Tags::parse("\"7,\"").matches(7));
    }

    #[test]
    fn a_star_matches_whatever_is_there() {
        assert_eq!(Tags::parse(" * "), Tags::Any);
        assert!(Tags::parse("*").matches(1));
        assert!(!Tags::parse("\"*\"").matches(1));
    }
}
