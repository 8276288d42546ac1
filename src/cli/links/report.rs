//! Links as a table for people and as JSON for programs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::provision::Link;

/// The headings of [`rows`].
pub const HEADINGS: [&str; 7] = ["STATE", "ACCOUNT", "EMAIL", "USERNAME", "EXTERNAL ID", "RESOURCE", "NOTE"];

/// One row a link.
pub fn rows(links: &[Link]) -> Vec<Vec<String>> {
    links
        .iter()
        .map(|link| {
            let text = |text: &Option<String>| printable(text.as_deref().unwrap_or("-"));
            let line = link.line.map(|line| format!("line {line}"));
            let note: Vec<String> = line.into_iter().chain(link.note.map(str::to_owned)).collect();
            vec![
                link.state.as_str().to_owned(),
                text(&link.account),
                text(&link.email),
                text(&link.user_name),
                text(&link.external_id),
                text(&link.resource),
                note.join(": "),
            ]
        })
        .collect()
}

/// How many there are of each state.
pub fn summary(links: &[Link]) -> String {
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for link in links {
        *counts.entry(link.state).or_default() += 1;
    }
    let counts: Vec<String> =
        counts.into_iter().map(|(state, count)| format!("{count} {}", state.as_str())).collect();
    if counts.is_empty() { "no accounts".to_owned() } else { counts.join(", ") }
}

/// An array of objects; what is not known is null.
pub fn json(links: &[Link]) -> Value {
    links
        .iter()
        .map(|link| {
            json!({
                "state": link.state.as_str(),
                "account": link.account,
                "email": link.email,
                "userName": link.user_name,
                "externalId": link.external_id,
                "resource": link.resource,
                "first_seen": link.first_seen.map(|at| at.to_string()),
                "line": link.line,
                "note": link.note,
            })
        })
        .collect()
}

/// A terminal takes no orders from a name.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}
