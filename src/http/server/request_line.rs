//! Lets raw quotes in a query through to the parser.
//!
//! Some clients send `?filter=userName+eq+"x"` with the quotes unescaped. They have no place in a URI (RFC 3986 §2), and
//! the parser below us answers 400 to them. So they are swapped, in place, for a byte that it accepts and that has no
//! place there either. The length stays the same: what is a head and what is a body does not depend on the swap.

use crate::http::query::QUOTE;

const METHODS: [&[u8]; 7] = [b"GET ", b"HEAD ", b"POST ", b"PUT ", b"PATCH ", b"DELETE ", b"OPTIONS "];

/// Where in a request line the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum RequestLine {
    /// Not in one.
    #[default]
    Outside,
    BeforeQuery,
    InQuery,
}

impl RequestLine {
    /// Looks at the first bytes of what should be a request; bytes that do not begin with a method are left alone.
    pub(super) fn begin(bytes: &mut [u8]) -> Self {
        let begins = METHODS.iter().any(|method| bytes.starts_with(method));
        if begins { Self::BeforeQuery.go_on(bytes) } else { Self::Outside }
    }

    /// Looks at the bytes after those.
    pub(super) fn go_on(mut self, bytes: &mut [u8]) -> Self {
        for byte in bytes {
            match (self, *byte) {
                (Self::Outside, _) | (_, b'\n') => return Self::Outside,
                (Self::BeforeQuery, b'?') => self = Self::InQuery,
                (Self::InQuery, b'"') => *byte = QUOTE,
                (Self::BeforeQuery | Self::InQuery, _) => {}
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(pieces: &[&str]) -> String {
        let mut line = None;
        pieces
            .iter()
            .map(|piece| {
                let mut bytes = piece.as_bytes().to_vec();
                line = Some(match line {
                    None => RequestLine::begin(&mut bytes),
                    Some(line) => RequestLine::go_on(line, &mut bytes),
                });
                String::from_utf8(bytes).unwrap()
            })
            .collect()
    }

    #[test]
    fn only_quotes_in_the_query_of_the_request_line_are_swapped() {
        assert_eq!(
            passed(&["GET /a\"?b=\"c\" HTTP/1.1\r\nIf-Match: W/\"3\"\r\n\r\n{\"a\":1}"]),
            "GET /a\"?b=`c` HTTP/1.1\r\nIf-Match: W/\"3\"\r\n\r\n{\"a\":1}"
        );
    }

    #[test]
    fn a_request_line_may_come_in_pieces() {
        assert_eq!(
            passed(&["GET /", "a?", "b=\"", "c\"", " HTTP/1.1\r\nA: \"", "b\""]),
            "GET /a?b=`c` HTTP/1.1\r\nA: \"b\""
        );
    }

    #[test]
    fn what_does_not_begin_with_a_method_is_left_alone() {
        for bytes in ["{\"a\":\"?\"}", "If-Match: \"?\"\r\n", "\r\n?\"", "FETCH /?\"", "GE"] {
            assert_eq!(passed(&[bytes]), bytes);
        }
    }
}
