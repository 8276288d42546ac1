//! Rewrites the filter forms identity providers send and the parser refuses, token by token.
//!
//! | form | rewritten to |
//! |---|---|
//! | `emails[type eq "work"].value eq "x"` (Entra's work e-mail as matching attribute) | `emails[(type eq "work") and value eq "x"]` |
//! | `not(title pr)`, legal in RFC 7644 §3.4.2.2 | `not (title pr)` |
//! | `manager.$ref pr` | a placeholder name, see [`REF`] |
//! | `active eq True` | `active eq true` |
//!
//! A value without quotes is refused, because what it would have to end at is a guess.

use crate::scim::error::{Result, ScimError, ScimType};

/// The name `$ref` has while the parser reads it, which allows no `$`.
pub(super) const REF: &str = "dollar-ref";

/// The expression in the form the parser reads. White space is reduced to single spaces outside quotes.
///
/// What is not recognised passes unchanged: the parser refuses it.
///
/// # Errors
/// 400 `keyword` for a value that is neither quoted nor a number, `true`, `false` or `null`.
pub(super) fn rewrite(text: &str, keyword: ScimType) -> Result<String> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.trim();
    let mut expected = Expected::Name;
    let mut bracket = None;
    let mut close_after_value = false;
    while let Some((token, after)) = next(rest) {
        rest = after;
        match token {
            Token::Space => out.push(' '),
            Token::Open(open) => {
                out.push(open);
                if open == '[' {
                    bracket = Some(out.len());
                }
                expected = Expected::Name;
            }
            Token::Close(close) => {
                expected = Expected::Connective;
                match bracket.take_if(|_| close == ']') {
                    Some(inside) if compares_after(rest) => {
                        out.insert(inside, '(');
                        out.push_str(") and ");
                        rest = rest.strip_prefix('.').unwrap_or(rest);
                        expected = Expected::Name;
                        close_after_value = true;
                    }
                    _ => out.push(close),
                }
            }
            Token::Quoted(quoted) => {
                out.push_str(quoted);
                finish_value(&mut out, &mut close_after_value);
                expected = Expected::Connective;
            }
            Token::Word(word) => {
                expected = match expected {
                    Expected::Name if word.eq_ignore_ascii_case("not") => {
                        out.push_str("not");
                        if rest.starts_with('(') {
                            out.push(' ');
                        }
                        Expected::Name
                    }
                    Expected::Name => {
                        push_name(&mut out, word);
                        Expected::Operator
                    }
                    Expected::Operator if word.eq_ignore_ascii_case("pr") => {
                        out.push_str(word);
                        finish_value(&mut out, &mut close_after_value);
                        Expected::Connective
                    }
                    Expected::Operator => {
                        out.push_str(word);
                        Expected::Value
                    }
                    Expected::Value => {
                        push_literal(&mut out, word, keyword)?;
                        finish_value(&mut out, &mut close_after_value);
                        Expected::Connective
                    }
                    Expected::Connective => {
                        push_name(&mut out, word);
                        Expected::Name
                    }
                }
            }
        }
    }
    Ok(out)
}

#[derive(Clone, Copy)]
enum Expected {
    Name,
    Operator,
    Value,
    Connective,
}

enum Token<'a> {
    Space,
    Open(char),
    Close(char),
    /// With its quotes; without the closing one where the text ends first.
    Quoted(&'a str),
    Word(&'a str),
}

fn next(text: &str) -> Option<(Token<'_>, &str)> {
    let first = text.chars().next()?;
    let token = match first {
        '(' | '[' => (Token::Open(first), text.split_at(1).1),
        ')' | ']' => (Token::Close(first), text.split_at(1).1),
        '"' => {
            let (quoted, rest) = text.split_at(quoted_length(text));
            (Token::Quoted(quoted), rest)
        }
        _ if first.is_whitespace() => (Token::Space, text.trim_start()),
        _ => {
            let ends = |c: char| matches!(c, '(' | ')' | '[' | ']' | '"') || c.is_whitespace();
            let (word, rest) = text.split_at(text.find(ends).unwrap_or(text.len()));
            (Token::Word(word), rest)
        }
    };
    Some(token)
}

fn quoted_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Whether what follows a `]` is a sub-attribute that is compared: `.value eq …` or `.value pr`.
fn compares_after(text: &str) -> bool {
    text.starts_with('.') && matches!(next(text), Some((Token::Word(_), rest)) if !rest.trim().is_empty())
}

fn finish_value(out: &mut String, close: &mut bool) {
    if std::mem::take(close) {
        out.push(']');
    }
}

fn push_name(out: &mut String, word: &str) {
    match word.rsplit_once('.') {
        _ if word.eq_ignore_ascii_case("$ref") => out.push_str(REF),
        Some((name, sub)) if sub.eq_ignore_ascii_case("$ref") => {
            out.push_str(name);
            out.push('.');
            out.push_str(REF);
        }
        _ => out.push_str(word),
    }
}

fn push_literal(out: &mut String, word: &str, keyword: ScimType) -> Result<()> {
    for literal in ["true", "false", "null"] {
        if word.eq_ignore_ascii_case(literal) {
            out.push_str(literal);
            return Ok(());
        }
    }
    if serde_json::from_str::<serde_json::Number>(word).is_err() {
        return Err(ScimError::bad(keyword, "a value to compare with stands without double quotes"));
    }
    out.push_str(word);
    Ok(())
}
