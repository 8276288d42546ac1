//! The size and shape of a JSON body, checked before it is parsed.

use std::borrow::Cow;

use crate::scim::error::{Result, ScimError, ScimType};

/// What one JSON body may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonLimits {
    /// Objects and arrays open at once.
    pub depth: usize,
    /// Items of one array.
    pub array_items: usize,
    /// Bytes of one string or key, as written between the quotes.
    pub string_bytes: usize,
    /// Values of any kind in the whole body.
    pub nodes: usize,
}

impl Default for JsonLimits {
    fn default() -> Self {
        Self { depth: 32, array_items: 10_000, string_bytes: 64 * 1024, nodes: 50_000 }
    }
}

/// Checks the nesting, the sizes and the keys of a JSON text without building it.
///
/// Two keys of one object that differ in case only count as duplicates: attribute names are case-insensitive
/// (RFC 7643 §2.1), so neither could win. Numbers, literals and escapes are left to the parser.
///
/// # Errors
/// 400 `invalidSyntax` with the limit that was passed, or where the brackets and commas do not fit together.
pub fn check_json(bytes: &[u8], limits: &JsonLimits) -> Result<()> {
    Scan { bytes, at: 0, limits, open: Vec::new(), keys: Vec::new(), nodes: 0 }.run()
}

#[derive(Debug, Clone, Copy)]
enum Open {
    /// How many items there are.
    Array(usize),
    /// Where its keys begin in [`Scan::keys`].
    Object(usize),
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    limits: &'a JsonLimits,
    open: Vec<Open>,
    /// The keys of every open object, innermost last.
    keys: Vec<Cow<'a, [u8]>>,
    nodes: usize,
}

impl<'a> Scan<'a> {
    fn run(mut self) -> Result<()> {
        self.value()?;
        while let Some(innermost) = self.open.last().copied() {
            match (self.token(), innermost) {
                (Some(b','), Open::Array(items)) => {
                    self.items(items + 1)?;
                    self.value()?;
                }
                (Some(b','), Open::Object(_)) => self.member()?,
                (Some(b']'), Open::Array(_)) => {
                    self.open.pop();
                }
                (Some(b'}'), Open::Object(first_key)) => self.close_object(first_key)?,
                (Some(_) | None, _) => return Err(malformed()),
            }
        }
        if self.token().is_some() { Err(malformed()) } else { Ok(()) }
    }

    /// Reads a scalar whole, or the opening of an array or object up to its first scalar.
    fn value(&mut self) -> Result<()> {
        loop {
            self.nodes += 1;
            if self.nodes > self.limits.nodes {
                return Err(refused(format_args!("more than {} values", self.limits.nodes)));
            }
            match self.token() {
                Some(b'"') => return self.string().map(drop),
                Some(b'[') => {
                    self.enter(Open::Array(0))?;
                    if self.peek() == Some(b']') {
                        return Ok(());
                    }
                    self.items(1)?;
                }
                Some(b'{') => {
                    self.enter(Open::Object(self.keys.len()))?;
                    if self.peek() == Some(b'}') {
                        return Ok(());
                    }
                    self.key()?;
                }
                Some(b']' | b'}' | b',' | b':') | None => return Err(malformed()),
                Some(_) => {
                    let rest = self.bytes.get(self.at..).unwrap_or_default();
                    self.at += rest
                        .iter()
                        .position(|byte| {
                            byte.is_ascii_whitespace()
                                || matches!(byte, b'"' | b'[' | b']' | b'{' | b'}' | b',' | b':')
                        })
                        .unwrap_or(rest.len());
                    return Ok(());
                }
            }
        }
    }

    fn member(&mut self) -> Result<()> {
        self.key()?;
        self.value()
    }

    fn key(&mut self) -> Result<()> {
        if self.token() != Some(b'"') {
            return Err(malformed());
        }
        let raw = self.string()?;
        let mut key =
            if raw.contains(&b'\\') { Cow::Owned(unescape(raw)?.into_bytes()) } else { Cow::Borrowed(raw) };
        if key.iter().any(u8::is_ascii_uppercase) {
            key.to_mut().make_ascii_lowercase();
        }
        self.keys.push(key);
        if self.token() == Some(b':') { Ok(()) } else { Err(malformed()) }
    }

    fn close_object(&mut self, first_key: usize) -> Result<()> {
        if let Some(keys) = self.keys.get_mut(first_key..) {
            keys.sort_unstable();
            if keys.windows(2).any(|pair| pair.first() == pair.last()) {
                return Err(refused("an object with the same key twice"));
            }
        }
        self.keys.truncate(first_key);
        self.open.pop();
        Ok(())
    }

    fn enter(&mut self, open: Open) -> Result<()> {
        if self.open.len() >= self.limits.depth {
            return Err(refused(format_args!("more than {} levels", self.limits.depth)));
        }
        self.open.push(open);
        Ok(())
    }

    fn items(&mut self, count: usize) -> Result<()> {
        if count > self.limits.array_items {
            return Err(refused(format_args!("an array with more than {} items", self.limits.array_items)));
        }
        if let Some(Open::Array(items)) = self.open.last_mut() {
            *items = count;
        }
        Ok(())
    }

    /// The bytes up to the closing quote, which is consumed.
    fn string(&mut self) -> Result<&'a [u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let mut escaped = false;
        for (length, &byte) in rest.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    if length > self.limits.string_bytes {
                        return Err(refused(format_args!(
                            "a string of more than {} bytes",
                            self.limits.string_bytes
                        )));
                    }
                    self.at += length + 1;
                    return Ok(rest.get(..length).unwrap_or_default());
                }
                _ => {}
            }
        }
        Err(malformed())
    }

    /// The next byte that is not white space, consumed.
    fn token(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at).copied()? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }
}

fn unescape(raw: &[u8]) -> Result<String> {
    let mut quoted = Vec::with_capacity(raw.len() + 2);
    quoted.push(b'"');
    quoted.extend_from_slice(raw);
    quoted.push(b'"');
    serde_json::from_slice(&quoted).map_err(|_| malformed())
}

fn refused(found: impl std::fmt::Display) -> ScimError {
    ScimError::bad(ScimType::InvalidSyntax, format!("the body holds {found}"))
}

fn malformed() -> ScimError {
    ScimError::bad(ScimType::InvalidSyntax, "the body is not well-formed JSON")
}
