//! Texts as Postgres can hold them: its texts have no NUL, which JSON and paths of requests may bring.

use std::borrow::Cow;

use crate::store::prefix::successor;

/// What takes the place of NUL, in what is kept and in what is looked for.
const INSTEAD: &str = "\u{fffd}";

/// The text without NUL.
pub(super) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', INSTEAD)) } else { Cow::Borrowed(text) }
}

/// The texts without NUL.
pub(super) fn storable_all(texts: &[String]) -> Vec<Cow<'_, str>> {
    texts.iter().map(|text| storable(text)).collect()
}

/// The text without NUL, where there is one.
pub(super) fn storable_if_any(text: Option<&String>) -> Option<Cow<'_, str>> {
    text.map(|text| storable(text))
}

/// Where the texts that begin with `prefix` begin, and where they end; `None` where nothing comes after them.
pub(super) fn span_of(prefix: &str) -> (String, Option<String>) {
    let from = storable(prefix).into_owned();
    let to = successor(&from);
    (from, to)
}
