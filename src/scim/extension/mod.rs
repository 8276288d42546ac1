//! Schemas an administrator adds: documents of RFC 7643 §7, every flaw named with its line.

mod examine;
mod kept;
mod lines;
#[cfg(test)]
mod tests;

pub use kept::{Write, check_new, fit, settle};

use super::catalog::Catalog;
use super::limits::{JsonLimits, check_json};
use super::schema::{ResourceKind, Schema};
use examine::Examiner;

/// Bytes of one document at the most.
pub const MAX_BYTES: usize = 256 * 1024;

/// Extensions of one connection at the most.
pub const MAX_EXTENSIONS: usize = 20;

const LIMITS: JsonLimits = JsonLimits { depth: 12, array_items: 1_000, string_bytes: 4_096, nodes: 20_000 };

/// A schema that resources of one type carry beside those everybody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    pub kind: ResourceKind,
    /// Every resource of the type must carry it (RFC 7643 §6).
    pub required: bool,
    pub schema: Schema,
}

/// One thing that is wrong with a document, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// From 1; `None` where the whole document is meant.
    pub line: Option<usize>,
    /// Where it stands and what was found: `attributes[2].type: found …`.
    pub text: String,
    pub remedy: String,
}

impl Flaw {
    fn whole(text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { line: None, text: text.into(), remedy: remedy.into() }
    }
}

/// The schema a document describes.
///
/// Taken are the members of RFC 7643 §7; `schemas` and `meta` are skipped. What is left out has the defaults of §2.2.
///
/// # Errors
/// Every flaw at once, in the order of their lines: what is no JSON, too large, missing, unknown or misspelt, and what
/// the gateway cannot hold to (`uniqueness`, values in values, required values that are never kept).
pub fn read(text: &str) -> Result<Schema, Vec<Flaw>> {
    if text.len() > MAX_BYTES {
        let found = format!("the document has {} bytes, expected {MAX_BYTES} at the most", text.len());
        return Err(vec![Flaw::whole(found, "split it into several schemas")]);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document = serde_json::from_str(text).map_err(|error| {
        let mut flaw = Flaw::whole(
            format!("this is no JSON: {error}"),
            "write one JSON object, as in RFC 7643 section 8.7",
        );
        flaw.line = Some(error.line());
        vec![flaw]
    })?;
    check_json(text.as_bytes(), &LIMITS)
        .map_err(|error| vec![Flaw::whole(error.detail, "write one schema with plain definitions")])?;
    Examiner::new(text).document(&document)
}

/// Why a schema called `urn` cannot stand beside those everybody knows and `others`, if it cannot.
#[must_use]
pub fn clash<'a>(urn: &str, others: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let standard = Catalog::standard();
    let known = [&standard.user, &standard.group];
    let known = known.into_iter().flat_map(|each| std::iter::once(&each.core).chain(&each.extensions));
    if known.into_iter().any(|schema| overlap(urn, &schema.id)) || is_reserved(urn) {
        return Some(format!("`{urn}` is reserved"));
    }
    let other = others.into_iter().find(|other| overlap(urn, other))?;
    Some(if urn.eq_ignore_ascii_case(other) {
        format!("`{urn}` stands here twice")
    } else {
        format!("`{urn}` and `{other}` begin alike: an attribute of one would read as the other")
    })
}

/// Namespaces that are not an administrator's to define.
fn is_reserved(urn: &str) -> bool {
    let urn = urn.to_ascii_lowercase();
    ["urn:ietf:params:scim:schemas:core:", "urn:ietf:params:scim:api:", "urn:portcullis:"]
        .iter()
        .any(|prefix| urn.starts_with(prefix))
}

/// Whether one URN is the other, or could be taken for an attribute of it.
fn overlap(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    long.split_at_checked(short.len()).is_some_and(|(start, rest)| {
        start.eq_ignore_ascii_case(short) && (rest.is_empty() || rest.starts_with([':', '.']))
    })
}
