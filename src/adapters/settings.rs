//! What each app needs to be told: declared as data, so that one reader checks every connection and names all errors.

use std::collections::BTreeMap;

use crate::base::secret::SecretString;
use crate::upstream::Wire;

/// One setting of a connection block, `rest.api_key` or `manual.roster`.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Dotted path below `[connections.NAME]`.
    pub path: &'static str,
    pub kind: FieldKind,
    pub required: bool,
    /// Used where the setting is absent.
    pub default: Option<&'static str>,
    /// One line: what it is and where to find it.
    pub help: &'static str,
}

/// What a setting's value may be.
#[derive(Debug, Clone, Copy)]
pub enum FieldKind {
    /// Absolute http(s) URL; https unless the block is `private`.
    Url,
    /// `{ env = "X" }` or `{ file = "…" }`; the text is the kind of credential, shown by `doctor` and `check-config`.
    Secret(&'static str),
    Text,
    Flag,
    /// A whole number within bounds.
    Count {
        min: u64,
        max: u64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// A text with places in braces, each of these (see [`Template`]).
    Template(&'static [&'static str]),
}

/// A text with places that are filled in when it is used: `invite {email}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place(&'static str),
}

impl Template {
    /// Reads a template whose places are all `known`.
    ///
    /// Fails with one line that says which brace or place is wrong, and with the text being empty or more than one
    /// line.
    pub fn parse(text: &str, known: &[&'static str]) -> Result<Self, String> {
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            return Err("found no line of text, expected one".to_owned());
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) =
                after.split_once('}').ok_or("found `{` without `}`, expected a place like `{email}`")?;
            let place = known.iter().find(|place| **place == name).ok_or_else(|| {
                format!("found the place `{{{name}}}`, expected one of `{{{}}}`", known.join("}`, `{"))
            })?;
            pieces.extend([Piece::Text(before.to_owned()), Piece::Place(place)]);
            rest = behind;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        let stray = |piece: &Piece| matches!(piece, Piece::Text(text) if text.contains('}'));
        if pieces.iter().any(stray) {
            return Err("found `}` without `{`, expected a place like `{email}`".to_owned());
        }
        Ok(Self(pieces))
    }

    /// The text with what `value` says in each place.
    pub fn fill<'a>(&'a self, value: impl Fn(&'static str) -> &'a str) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Place(place) => value(place),
            })
            .collect()
    }
}

/// A checked value.
#[derive(Debug, Clone)]
pub enum Setting {
    Text(String),
    Secret(SecretString),
    Flag(bool),
    Count(u64),
    Texts(Vec<String>),
}

/// The checked settings of one connection, by dotted path; defaults are filled in.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    values: BTreeMap<String, Setting>,
    wires: BTreeMap<String, Wire>,
}

impl Settings {
    /// Puts a value in place; the last one wins.
    pub fn set(&mut self, path: impl Into<String>, value: Setting) -> &mut Self {
        self.values.insert(path.into(), value);
        self
    }

    /// Puts the limits of a block's wire in place.
    pub fn set_wire(&mut self, block: impl Into<String>, wire: Wire) -> &mut Self {
        self.wires.insert(block.into(), wire);
        self
    }

    /// The limits of the wire as the block `rest` or `scim` says; `None` where nobody read them.
    #[must_use]
    pub fn wire(&self, block: &str) -> Option<&Wire> {
        self.wires.get(block)
    }

    /// A text, URL or choice.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        match self.values.get(path) {
            Some(Setting::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A secret.
    #[must_use]
    pub fn secret(&self, path: &str) -> Option<&SecretString> {
        match self.values.get(path) {
            Some(Setting::Secret(secret)) => Some(secret),
            _ => None,
        }
    }

    /// A flag; absent is `false`.
    #[must_use]
    pub fn flag(&self, path: &str) -> bool {
        matches!(self.values.get(path), Some(Setting::Flag(true)))
    }

    /// A whole number.
    #[must_use]
    pub fn count(&self, path: &str) -> Option<u64> {
        match self.values.get(path) {
            Some(Setting::Count(count)) => Some(*count),
            _ => None,
        }
    }

    /// A list; absent is empty.
    #[must_use]
    pub fn texts(&self, path: &str) -> &[String] {
        match self.values.get(path) {
            Some(Setting::Texts(texts)) => texts,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: &[&str] = &["email", "role"];

    #[test]
    fn places_are_filled_in_and_nothing_else_is() {
        let template = Template::parse("invite {email} as {role}: {email}", PLACES).unwrap();
        let filled = template.fill(|place| if place == "email" { "{role}" } else { "Admin" });
        assert_eq!(filled, "invite {role} as Admin: {role}");
        assert_eq!(Template::parse("ask Kim", PLACES).unwrap().fill(|_| "x"), "ask Kim");
    }

    #[test]
    fn a_place_nobody_knows_and_a_lonely_brace_are_refused() {
        for (text, problem) in [
            ("invite {mail}", "found the place `{mail}`, expected one of `{email}`, `{role}`"),
            ("invite {}", "found the place `{}`, expected one of `{email}`, `{role}`"),
            ("invite {email", "found `{` without `}`, expected a place like `{email}`"),
            ("invite email}", "found `}` without `{`, expected a place like `{email}`"),
            (" ", "found no line of text, expected one"),
            ("one\ntwo", "found no line of text, expected one"),
        ] {
            assert_eq!(Template::parse(text, PLACES).unwrap_err(), problem, "{text}");
        }
    }
}
