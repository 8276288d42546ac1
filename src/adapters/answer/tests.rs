use std::time::Duration;

use serde_json::{Value, json as object};

use super::*;
use crate::contract::Retry;

fn answer(status: u16, body: &str) -> Response {
    Response { status, body: body.as_bytes().to_vec(), etag: None, retry_after: None }
}

fn kind(status: u16, body: &str) -> Kind {
    failed("tines", "create_account", Safety::Once, &answer(status, body)).kind
}

#[test]
fn the_message_is_found_wherever_an_app_puts_it() {
    let cases = [
        (object!({"schemas": ["x"], "status": "400", "detail": "bad filter"}), "bad filter"),
        (object!({"error": "invalid_scope", "error_description": "scope not granted"}), "scope not granted"),
        (object!({"error": 400, "message": "User not found"}), "User not found"),
        (object!({"error": "Not found"}), "Not found"),
        (object!({"error": {"code": "x", "message": "no such user"}}), "no such user"),
        (
            object!({"errors": [{"message": "Validation failed", "details": "first_name can't be blank"}]}),
            "Validation failed: first_name can't be blank",
        ),
        (object!({"errors": ["Email has already been taken"]}), "Email has already been taken"),
        (object!({"errors": [{"title": "invalid API key"}]}), "invalid API key"),
        (
            object!({"title": "The input is invalid", "type_detail": [{"field": "role", "description": "role is required"}]}),
            "The input is invalid: role is required",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(message(body.to_string().as_bytes()), expected);
    }
    assert_eq!(message(b"Too many\r\nrequests"), "Too many requests");
}

#[test]
fn a_message_repeats_no_address_no_token_and_no_body() {
    let said = |text: &str| message(object!({ "message": text }).to_string().as_bytes());
    assert_eq!(said("anna.o'hara+x@corp.example is taken"), "[address] is taken");
    assert_eq!(said("key hvk_0123456789abcdef is unknown"), "key [hidden] is unknown");
    assert_eq!(said("sent Bearer short, expected another"), "sent Bearer [hidden], expected another");
    assert_eq!(said("a\u{202e}b\u{1b}[31m\u{0}c"), "ab [31m c");
    assert_eq!(message(b"<html><body>secret</body></html>"), "no readable message");
    assert_eq!(message(br#"{"id":"7","email":"a@b.example"}"#), "no readable message");
    assert_eq!(message(br#"{"id":"7","#), "no readable message");
    assert_eq!(message(b""), "no readable message");
    assert_eq!(message("x ".repeat(400).as_bytes()).chars().count(), 300);
}

#[test]
fn a_404_that_speaks_no_json_is_somebody_else_and_no_absence() {
    for body in
        ["<!DOCTYPE html><title>404</title>", "\n <html></html>", "default backend - 404", "Not found"]
    {
        assert_eq!(kind(404, body), Kind::Unexpected);
    }
    for body in ["", "{}", "[]"] {
        assert_eq!(kind(404, body), Kind::NotFound);
    }
}

#[test]
fn a_status_means_the_same_for_every_app() {
    let taken = r#"{"errors":[{"message":"Email has already been taken","details":""}]}"#;
    let full = r#"{"error":403,"message":"Seat limit reached for this plan."}"#;
    let cases = [
        (400, "{}", Kind::Invalid),
        (422, "{}", Kind::Invalid),
        (422, taken, Kind::Conflict),
        (400, taken, Kind::Conflict),
        (400, full, Kind::NoSeats),
        (402, full, Kind::NoSeats),
        (403, full, Kind::NoSeats),
        (409, full, Kind::NoSeats),
        (422, full, Kind::NoSeats),
        (401, "{}", Kind::Credentials),
        (403, "{}", Kind::Forbidden),
        (404, "{}", Kind::NotFound),
        (405, "{}", Kind::Unexpected),
        (408, "{}", Kind::Unavailable),
        (409, "{}", Kind::Conflict),
        (415, "{}", Kind::Unexpected),
        (425, "{}", Kind::Unavailable),
        (429, "{}", Kind::RateLimited),
        (302, "{}", Kind::Unexpected),
        (501, "{}", Kind::Unexpected),
    ];
    for (status, body, expected) in cases {
        assert_eq!(kind(status, body), expected, "{status} {body}");
    }
}

#[test]
fn a_broken_app_may_have_done_a_create_also_where_it_asks_to_come_back() {
    for status in [500, 502, 503, 504, 520] {
        assert_eq!(kind(status, "<html>"), Kind::Unknown, "{status}");
        for safety in [Safety::Read, Safety::Idempotent] {
            assert_eq!(
                failed("hive", "accounts", safety, &answer(status, "")).kind,
                Kind::Unavailable,
                "{status}"
            );
        }
    }
    let patience = Some(Duration::from_secs(7));
    let busy = Response { status: 503, body: Vec::new(), etag: None, retry_after: patience };
    let error = failed("hive", "create_account", Safety::Once, &busy);
    assert_eq!((error.kind, error.retry), (Kind::Unknown, Retry::AfterLooking));
    let error = failed("hive", "deactivate", Safety::Idempotent, &busy);
    assert_eq!((error.kind, error.retry), (Kind::Unavailable, Retry::Later(patience)));
    assert_eq!(error.message, "`hive` answered 503: no readable message");
}

#[test]
fn a_lost_answer_is_unknown_unless_it_was_a_read() {
    let kind = |safety, failure| lost("hive", "deactivate", safety, &failure).kind;
    let text = String::new;
    assert_eq!(kind(Safety::Once, Failure::NotSent(text())), Kind::Unavailable);
    assert_eq!(kind(Safety::Once, Failure::NoTurn(text())), Kind::RateLimited);
    assert_eq!(kind(Safety::Once, Failure::Lost(text())), Kind::Unknown);
    assert_eq!(kind(Safety::Idempotent, Failure::Lost(text())), Kind::Unknown);
    assert_eq!(kind(Safety::Read, Failure::Lost(text())), Kind::Unavailable);
    assert_eq!(kind(Safety::Once, Failure::Unusable(text())), Kind::Unknown);
    assert_eq!(kind(Safety::Read, Failure::Unusable(text())), Kind::Unexpected);
    assert_eq!(kind(Safety::Read, Failure::Refused(text())), Kind::Credentials);
}

#[test]
fn a_web_page_is_nobody_s_success() {
    let ended =
        |safety, body| meant("hive", "add_member", safety, answer(200, body)).map_err(|error| error.kind);
    for page in ["<html>", " \n<!doctype html>"] {
        assert_eq!(ended(Safety::Once, page).unwrap_err(), Kind::Unknown);
        assert_eq!(ended(Safety::Idempotent, page).unwrap_err(), Kind::Unexpected);
        assert_eq!(ended(Safety::Read, page).unwrap_err(), Kind::Unexpected);
    }
    for own in ["", "{}", r#"{"a":"<html>"}"#] {
        assert!(ended(Safety::Once, own).is_ok(), "{own}");
    }
}

#[test]
fn a_success_says_nothing_without_json_unless_its_status_does() {
    assert!(
        says_nothing(&answer(200, "")) && says_nothing(&answer(200, "{")) && says_nothing(&answer(201, "ok"))
    );
    assert!(
        !says_nothing(&answer(204, ""))
            && !says_nothing(&answer(201, ""))
            && !says_nothing(&answer(200, "{}"))
    );
}

#[test]
fn an_app_that_is_elsewhere_has_done_nothing() {
    for safety in [Safety::Read, Safety::Idempotent, Safety::Once] {
        assert_eq!(lost("hive", "create_account", safety, &Failure::Redirected(301)).kind, Kind::Unexpected);
    }
}

#[test]
fn an_unreadable_success_is_unknown_only_for_a_create() {
    for body in ["<html>", "", r#"{"id":"a@b.example"}"#, r#""a@b.example""#] {
        let wrong = answer(201, body);
        let error = json::<Vec<u8>>("accounts", &wrong).unwrap_err();
        assert_eq!(error.kind, Kind::Unexpected);
        assert!(!error.message.contains('@'), "{}", error.message);
        assert_eq!(json_of_create::<Vec<u8>>("create_account", &wrong).unwrap_err().kind, Kind::Unknown);
    }
    assert_eq!(json::<Vec<u8>>("accounts", &answer(200, "[1]")).unwrap(), [1]);
}

#[test]
fn an_answer_nested_too_deep_is_not_read() {
    let nested = |levels: usize| answer(200, &format!("{}{}", "[".repeat(levels), "]".repeat(levels)));
    assert!(json::<Value>("accounts", &nested(32)).is_ok());
    assert!(json::<Value>("accounts", &nested(33)).is_err());
    assert!(json::<Value>("accounts", &nested(100_000)).is_err());
    assert!(json::<Value>("accounts", &answer(200, r#"["[[\"[[["]"#)).is_ok());
}

#[test]
fn an_address_that_several_accounts_have_picks_none() {
    let account = |id: &str, email: &str| Account {
        id: id.to_owned(),
        email: Some(email.to_owned()),
        ..Account::default()
    };
    let all = || {
        [
            account("1", "Anna@corp.example"),
            account("2", "bo@corp.example"),
            account("3", "anna@corp.example"),
        ]
    };
    let found = |address| with_address("account", all(), address);
    assert_eq!(found("BO@corp.example").unwrap().unwrap().id, "2");
    assert_eq!(found("cy@corp.example").unwrap(), None);
    assert_eq!(found("anna@corp.example").unwrap_err().kind, Kind::Ambiguous);
}
