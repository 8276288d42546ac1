//! Limits on what a caller may send, checked on bytes before anything is parsed.
//!
//! A deep filter or body ends a recursive parser with a stack overflow, which aborts the process. So nesting is
//! counted first, in one pass that keeps no stack of its own larger than the limit.

use super::error::{Result, ScimError, ScimType};

mod json;
#[cfg(test)]
mod tests;

pub use json::{JsonLimits, check_json};

/// The longest filter or PATCH path that is read, in bytes after percent-decoding.
pub const EXPRESSION_BYTES: usize = 4096;
/// How many `(` and `[` may be open at once.
pub const EXPRESSION_DEPTH: usize = 16;
/// How many comparisons one filter may hold.
pub const EXPRESSION_TERMS: usize = 64;
/// How many dotted segments one name may have.
pub const PATH_SEGMENTS: usize = 8;

/// Checks a filter before it is parsed: length, nesting, terms, name segments, control characters.
///
/// Says nothing about syntax: what is not a filter is refused by the parser.
///
/// # Errors
/// 400 `invalidFilter` with the limit that was passed.
pub fn check_filter(text: &[u8]) -> Result<()> {
    check(text, "the filter").map_err(|detail| ScimError::bad(ScimType::InvalidFilter, detail))
}

/// Checks a PATCH path before it is parsed, by the limits of [`check_filter`].
///
/// # Errors
/// 400 `invalidPath` with the limit that was passed.
pub fn check_path(text: &[u8]) -> Result<()> {
    check(text, "the path").map_err(|detail| ScimError::bad(ScimType::InvalidPath, detail))
}

fn check(text: &[u8], what: &str) -> std::result::Result<(), String> {
    if text.len() > EXPRESSION_BYTES {
        return Err(format!("{what} is {} bytes long, at most {EXPRESSION_BYTES} are read", text.len()));
    }
    let mut depth = 0_usize;
    let mut terms = 1_usize;
    let mut segments = 1_usize;
    let mut word = Word::default();
    let mut quoted = false;
    let mut escaped = false;
    for &byte in text {
        if byte < b' ' {
            return Err(format!("{what} holds a control character"));
        }
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b'.' => segments += 1,
            b'$' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | 0x80.. => {
                word.push(byte);
                continue;
            }
            _ => {}
        }
        if byte != b'.' {
            segments = 1;
        }
        terms += usize::from(word.is_connective());
        word = Word::default();
        if depth > EXPRESSION_DEPTH {
            return Err(format!("{what} nests deeper than {EXPRESSION_DEPTH} levels"));
        }
        if terms > EXPRESSION_TERMS {
            return Err(format!("{what} has more than {EXPRESSION_TERMS} comparisons"));
        }
        if segments > PATH_SEGMENTS {
            return Err(format!("{what} has a name with more than {PATH_SEGMENTS} segments"));
        }
    }
    Ok(())
}

/// The word being read: its length and the start of it, enough to tell `and` and `or`.
#[derive(Default)]
struct Word {
    length: usize,
    start: [u8; 3],
}

impl Word {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.start.get_mut(self.length) {
            *place = byte.to_ascii_lowercase();
        }
        self.length += 1;
    }

    fn is_connective(&self) -> bool {
        (self.length == 3 && &self.start == b"and") || (self.length == 2 && self.start.starts_with(b"or"))
    }
}
