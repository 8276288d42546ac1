//! Requests that end before they are read: no route knows them, so the listener answers and logs them itself.

use crate::base::id::Ids;
use crate::scim::error::{ScimError, ScimType};

/// What the parser below us writes begins so where it gives up on a head; it has no way to be given another answer.
const BARE: &[u8] = b"HTTP/1.1 4";

/// Whether `bytes` begin an answer the parser makes of its own accord. The caller has seen to it that no answer of ours
/// can stand here.
pub(super) fn is_bare(bytes: &[u8]) -> bool {
    bytes.starts_with(BARE)
}

/// The same answer with a request id and a SCIM error (RFC 7644 §3.12); `to_head` leaves out the error itself.
/// `None` where the bare one cannot be read.
pub(super) fn told(bare: &[u8], ids: &Ids, to_head: bool) -> Option<Vec<u8>> {
    let bare = std::str::from_utf8(bare).ok()?;
    let (head, _) = bare.split_once("\r\n\r\n")?;
    let (line, headers) = head.split_once("\r\n").unwrap_or((head, ""));
    let status: u16 = line.split(' ').nth(1)?.parse().ok()?;
    let id = ids.next();
    note(&id, status);
    let error = error(status).to_json().to_string();
    let is_ours = |header: &&str| {
        let name = header.split(':').next().unwrap_or_default();
        ["", "connection", "content-length"].iter().any(|ours| name.eq_ignore_ascii_case(ours))
    };
    let theirs: Vec<&str> = headers.split("\r\n").filter(|header| !is_ours(header)).collect();
    let (content_type, id) = ("content-type: application/scim+json", format!("x-request-id: {id}"));
    let length = format!("content-length: {}", error.len());
    let head =
        [&[line][..], &theirs, &[content_type, &id, "connection: close", &length]].concat().join("\r\n");
    let body = if to_head { "" } else { error.as_str() };
    Some(format!("{head}\r\n\r\n{body}").into_bytes())
}

/// The line of a request that no route has seen.
pub(super) fn note(request_id: &str, status: u16) {
    tracing::info!(
        request_id,
        connection = "",
        operation = "unknown",
        status,
        outcome = "refused",
        upstream_calls = 0,
        duration_ms = 0,
        "request"
    );
}

fn error(status: u16) -> ScimError {
    match status {
        431 => ScimError::new(431, "the head of the request is too large, or has too many headers"),
        414 => ScimError::new(414, "path and query are too long"),
        400 => ScimError::bad(ScimType::InvalidSyntax, "the request cannot be read as HTTP/1.1"),
        other => ScimError::new(other, "the request cannot be read"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::clock::ManualClock;

    fn shown(bare: &str, to_head: bool) -> Option<String> {
        let ids = Ids::new(Arc::new(ManualClock::default()));
        told(bare.as_bytes(), &ids, to_head).map(|answer| String::from_utf8(answer).unwrap())
    }

    #[test]
    fn the_status_and_the_date_stay_and_an_error_comes_with_an_id() {
        let bare = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n";
        let answer = shown(bare, false).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 400 Bad Request\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"),
            "{head}"
        );
        assert!(head.ends_with(&format!("connection: close\r\ncontent-length: {}", body.len())), "{head}");
        assert_eq!(head.matches("content-length").count(), 1);
        assert!(head.contains("\r\nx-request-id: 0"));
        let error: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&error["status"], &error["scimType"]), (&"400".into(), &"invalidSyntax".into()));
        assert!(shown(bare, true).unwrap().ends_with("\r\n\r\n"));
    }

    #[test]
    fn what_is_no_answer_of_the_parser_is_left_alone() {
        assert!(is_bare(b"HTTP/1.1 431 Request Header Fields Too Large\r\n\r\n"));
        assert!(!is_bare(b"HTTP/1.1 200 OK\r\n\r\n"));
        assert_eq!(shown("HTTP/1.1 4", false), None);
        assert_eq!(shown("HTTP/1.1 four\r\n\r\n", false), None);
    }
}
