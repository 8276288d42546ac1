//! What an app's error body says to a person, made fit to be shown and logged.

use serde_json::Value;

const LONGEST: usize = 300;
const NOTHING: &str = "no readable message";

/// The app's own words, in whichever of the usual places it put them: SCIM `detail`, `error_description`, `message`,
/// `error`, `errors[0]`, `title` with `type_detail[]`, or a line of plain text.
///
/// At most 300 characters, on one line, with whatever looks like an address or a token left out. Markup, and JSON
/// without a message, are never repeated.
#[must_use]
pub fn message(body: &[u8]) -> String {
    let shown: String = redact(&words(body)).chars().take(LONGEST).collect();
    if shown.is_empty() { NOTHING.to_owned() } else { shown }
}

/// The words as they stand in the body, on one line; empty where there are none. For looking at, not for showing.
pub(super) fn words(body: &[u8]) -> String {
    let found = match serde_json::from_slice::<Value>(body) {
        Ok(Value::String(text)) => Some(text),
        Ok(value) => of_json(&value),
        Err(_) => of_text(body),
    };
    let visible: String = found
        .unwrap_or_default()
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .filter(|letter| !is_invisible(*letter))
        .collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn of_json(value: &Value) -> Option<String> {
    let main = text(value, "detail")
        .or_else(|| text(value, "error_description"))
        .or_else(|| text(value, "message"))
        .or_else(|| text(value, "error"))
        .or_else(|| value.get("error").filter(|error| error.is_object()).and_then(of_json))
        .or_else(|| value.get("errors").and_then(first_error))
        .or_else(|| text(value, "title"));
    let details = value.get("type_detail").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let parts: Vec<String> = main
        .into_iter()
        .chain(
            details.iter().filter_map(|detail| text(detail, "description").or_else(|| text(detail, "code"))),
        )
        .collect();
    (!parts.is_empty()).then(|| parts.join(": "))
}

/// Tines writes `{"message", "details"}`, Honeycomb `{"title", "detail"}`: both halves are needed to know what to do.
fn first_error(errors: &Value) -> Option<String> {
    let first = errors.get(0)?;
    if let Value::String(text) = first {
        return Some(text.clone());
    }
    let parts: Vec<String> =
        ["message", "title", "detail", "details"].iter().filter_map(|name| text(first, name)).collect();
    (!parts.is_empty()).then(|| parts.join(": "))
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

fn of_text(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let markup_or_broken_json = text.starts_with(['<', '{', '[']) || text.contains("</");
    (!markup_or_broken_json).then(|| text.to_owned())
}

/// Characters that change how the text around them is shown: zero-width and bidirectional marks.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

fn redact(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut run = String::new();
    let mut after_scheme = false;
    for letter in text.chars().chain([' ']) {
        if letter.is_alphanumeric() || "_-.+@%=/~'＠".contains(letter) {
            run.push(letter);
            continue;
        }
        if !run.is_empty() {
            shown.push_str(replacement(&run, after_scheme));
            after_scheme = ["bearer", "basic"].iter().any(|scheme| run.eq_ignore_ascii_case(scheme));
            run.clear();
        }
        shown.push(letter);
    }
    shown.trim_end().to_owned()
}

/// What stands for one unbroken run of letters: itself, unless it looks like an address or a token.
fn replacement(run: &str, after_scheme: bool) -> &str {
    if run.contains(['@', '＠']) || run.contains("%40") {
        return "[address]";
    }
    let mixed = run.chars().any(|letter| letter.is_ascii_digit())
        && run.chars().any(|letter| letter.is_ascii_alphabetic());
    if after_scheme || (mixed && run.chars().count() >= 16) {
        return "[hidden]";
    }
    run
}
