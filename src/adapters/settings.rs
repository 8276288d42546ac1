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
