//! Creating and changing users.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::super::{Login, Offer, Profile, RoleAttribute, Write};
use super::server::{Asked, PROFILE, Server, person, refused};
use crate::contract::{Account, Accounts, Adapter, Change, Draft, Kind, Outcome, Role, State};

fn anna() -> Account {
    Account {
        id: "u1".to_owned(),
        user_name: Some("person1@example.com".to_owned()),
        email: Some("person1@example.com".to_owned()),
        state: Some(State::Active),
        ..Account::default()
    }
}

/// `user` for reads, 204 for everything else.
fn quiet(user: Value) -> impl Fn(&Asked) -> (u16, Value) + Send + Sync + 'static {
    move |asked| if asked.method == "GET" { (200, user.clone()) } else { (204, Value::Null) }
}

/// `user` for reads, and `status` for PATCH.
fn without_patch(user: Value, status: u16) -> impl Fn(&Asked) -> (u16, Value) + Send + Sync + 'static {
    move |asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("PATCH", _) => refused(status, "", "no such method"),
        ("PUT", _) => (200, asked.body.clone()),
        (_, "/Users/u1") => (200, user.clone()),
        _ => refused(404, "", "no route"),
    }
}

#[tokio::test]
async fn a_create_sends_what_is_held_and_nothing_else() {
    let server = Server::start(|asked| {
        let mut user = asked.body.clone();
        user["id"] = json!(42);
        (201, user)
    })
    .await;
    let draft = Draft {
        user_name: "anna".to_owned(),
        external_id: Some("00u1".to_owned()),
        email: Some("anna@example.com".to_owned()),
        given_name: Some("Anna".to_owned()),
        roles: vec!["admin".to_owned(), "editor".to_owned()],
        active: true,
        ..Draft::default()
    };
    let created = server.provider(PROFILE).create_account(&draft).await.unwrap();
    let Outcome::Done(account) = created else { panic!("{created:?}") };
    assert_eq!((account.id.as_str(), account.external_id.as_deref()), ("42", Some("00u1")));
    let role = |value: &str| Role { value: value.to_owned(), display: None };
    assert_eq!(account.roles, Some(vec![role("admin"), role("editor")]));
    assert_eq!(
        server.asked()[0].body,
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "anna",
            "active": true,
            "externalId": "00u1",
            "name": { "givenName": "Anna" },
            "emails": [{ "value": "anna@example.com", "type": "work", "primary": true }],
            "roles": [{ "value": "admin", "primary": true }, { "value": "editor" }],
        })
    );
}

#[tokio::test]
async fn a_create_without_an_answer_is_unknown_and_a_taken_name_a_conflict() {
    let draft = Draft { user_name: "anna".to_owned(), active: true, ..Draft::default() };
    for (answer, kind) in [
        (refused(500, "", "broken"), Kind::Unknown),
        ((201, json!({ "userName": "anna" })), Kind::Unknown),
        (refused(409, "uniqueness", "taken"), Kind::Conflict),
        (refused(400, "uniqueness", "there is one"), Kind::Conflict),
        (refused(400, "invalidValue", "no"), Kind::Invalid),
    ] {
        let server = Server::start(move |_| answer.clone()).await;
        assert_eq!(server.provider(PROFILE).create_account(&draft).await.unwrap_err().kind, kind);
        assert_eq!(server.lines(), ["POST /Users"]);
    }
}

#[tokio::test]
async fn what_is_so_already_is_not_written() {
    let server = Server::start(quiet(person(1))).await;
    let provider = server.provider(PROFILE);
    let same = Change { email: anna().email, ..Change::default() };
    assert_eq!(provider.update_account(&anna(), &same).await, Ok(Outcome::Already(anna())));
    assert_eq!(provider.reactivate(&anna()).await, Ok(Outcome::Already(anna())));
    let inactive = Account { state: Some(State::Inactive), ..anna() };
    assert_eq!(provider.deactivate(&inactive).await, Ok(Outcome::Already(())));
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn a_deactivation_is_one_patch_with_a_path() {
    let server = Server::start(quiet(person(1))).await;
    assert_eq!(server.provider(PROFILE).deactivate(&anna()).await, Ok(Outcome::Done(())));
    let asked = server.asked();
    assert_eq!((asked.len(), asked[0].line().as_str()), (1, "PATCH /Users/u1"));
    assert_eq!(
        asked[0].body,
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "replace", "path": "active", "value": false }],
        })
    );
}

#[tokio::test]
async fn whoever_is_not_there_is_deactivated_and_deleted_already() {
    let server = Server::start(|_| refused(404, "", "not found")).await;
    let provider = server.provider(PROFILE);
    assert_eq!(provider.deactivate(&anna()).await, Ok(Outcome::Already(())));
    assert_eq!(provider.delete_account(&anna()).await, Ok(Outcome::Already(())));
    assert_eq!(
        provider.reactivate(&Account { state: None, ..anna() }).await.unwrap_err().kind,
        Kind::NotFound
    );
}

#[tokio::test]
async fn a_new_address_leaves_the_other_addresses() {
    let mut user = person(1);
    user["emails"] = json!([{ "value": "home@example.com", "type": "home" }, { "value": "old@example.com", "type": "work" }]);
    user["meta"] = json!({ "version": "W/\"7\"" });
    let server = Server::start(quiet(user)).await;
    let change = Change { email: Some("new@example.com".to_owned()), ..Change::default() };
    server.provider(PROFILE).update_account(&anna(), &change).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked[1].if_match.as_deref(), Some("W/\"7\""));
    assert_eq!(
        asked[1].body["Operations"],
        json!([{
            "op": "replace",
            "path": "emails",
            "value": [{ "value": "home@example.com", "type": "home" }, { "value": "new@example.com", "type": "work" }],
        }])
    );
}

#[tokio::test]
async fn where_the_address_is_the_login_both_change() {
    let server = Server::start(quiet(person(1))).await;
    let provider =
        server.provider(Profile { login: Login::Address, role: RoleAttribute::UserType, ..PROFILE });
    let change = Change {
        email: Some("new@example.com".to_owned()),
        roles: Some(vec!["admin".to_owned()]),
        ..Change::default()
    };
    provider.update_account(&anna(), &change).await.unwrap();
    let operations = server.asked()[1].body["Operations"].clone();
    let paths: Vec<&str> =
        operations.as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["userName", "emails", "userType"]);
    assert_eq!(operations[0]["value"], "new@example.com");
    assert_eq!(operations[2]["value"], "admin");
}

#[tokio::test]
async fn a_put_keeps_what_is_not_known_and_sends_nothing_read_only() {
    let mut user = person(1);
    user["urn:example:params:scim:schemas:extension:badge:2.0:User"] = json!({ "colour": "red" });
    user["Active"] = json!("TRUE");
    user.as_object_mut().unwrap().shift_remove("active");
    user["groups"] = json!([{ "value": "g1" }]);
    user["meta"] = json!({ "version": "W/\"1\"" });
    let server = Server::start(without_patch(user, 501)).await;
    let provider = server.provider(Profile { write: Write::Put, ..PROFILE });
    provider.deactivate(&anna()).await.unwrap();
    let put = &server.asked()[1];
    assert_eq!((put.line().as_str(), put.if_match.as_deref()), ("PUT /Users/u1", Some("W/\"1\"")));
    assert_eq!(
        put.body,
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "person1@example.com",
            "urn:example:params:scim:schemas:extension:badge:2.0:User": { "colour": "red" },
            "Active": false,
        })
    );
}

#[tokio::test]
async fn a_put_of_what_is_so_already_is_not_sent() {
    let mut user = person(1);
    user["active"] = json!("False");
    let server = Server::start(quiet(user)).await;
    let provider = server.provider(Profile { write: Write::Put, ..PROFILE });
    assert_eq!(provider.deactivate(&anna()).await, Ok(Outcome::Already(())));
    assert_eq!(server.lines(), ["GET /Users/u1"]);
}

#[tokio::test]
async fn a_server_without_patch_gets_put_from_then_on() {
    for status in [404, 405, 501] {
        let server = Server::start(without_patch(person(1), status)).await;
        let provider = server.provider(Profile { write: Write::Either, ..PROFILE });
        assert_eq!(provider.deactivate(&anna()).await, Ok(Outcome::Done(())));
        let first = ["GET /ServiceProviderConfig", "PATCH /Users/u1", "GET /Users/u1", "PUT /Users/u1"]
            .map(str::to_owned);
        assert_eq!(server.lines(), first, "{status}");
        provider.deactivate(&anna()).await.unwrap();
        assert_eq!(server.lines(), ["GET /Users/u1", "PUT /Users/u1"], "{status}");
    }
}

#[tokio::test]
async fn a_refused_patch_that_was_promised_is_unexpected() {
    let server = Server::start(without_patch(person(1), 501)).await;
    let error = server.provider(PROFILE).deactivate(&anna()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unexpected);
}

#[tokio::test]
async fn a_version_that_is_too_old_is_read_again_once() {
    let reads = AtomicUsize::new(0);
    let server = Server::start(move |asked| match (asked.method.as_str(), asked.if_match.as_deref()) {
        ("GET", _) => {
            let mut user = person(1);
            user["meta"] = json!({ "version": format!("W/\"{}\"", reads.fetch_add(1, Ordering::Relaxed)) });
            (200, user)
        }
        (_, Some("W/\"1\"")) => (204, Value::Null),
        _ => refused(412, "", "another version"),
    })
    .await;
    let provider = server.provider(Profile { write: Write::Put, ..PROFILE });
    assert_eq!(provider.deactivate(&anna()).await, Ok(Outcome::Done(())));
    assert_eq!(server.lines().len(), 4);
    let error = provider.deactivate(&anna()).await.unwrap_err();
    assert_eq!((error.kind, server.lines().len()), (Kind::Unavailable, 4));
    // A PATCH is sent without a version at first, and with the one that was read when one is asked for.
    let server = Server::start(|asked| match (asked.method.as_str(), asked.if_match.as_deref()) {
        ("GET", _) => (200, json!({ "id": "u1", "meta": { "version": "\"a\"" } })),
        (_, Some("\"a\"")) => (204, Value::Null),
        _ => refused(428, "", "say which version"),
    })
    .await;
    assert_eq!(server.provider(PROFILE).deactivate(&anna()).await, Ok(Outcome::Done(())));
}

#[tokio::test]
async fn a_delete_that_nobody_promised_is_not_taken_for_done() {
    let refuses = |asked: &Asked| match asked.method.as_str() {
        "DELETE" => refused(404, "", "no route"),
        _ => (200, person(1)),
    };
    let server = Server::start(refuses).await;
    let provider = server.provider(Profile { delete: Offer::Try, ..PROFILE });
    assert_eq!(provider.delete_account(&anna()).await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(server.lines(), ["DELETE /Users/u1", "GET /Users/u1"]);
    assert_eq!(provider.delete_account(&anna()).await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn what_the_app_needs_is_asked_for_before_any_call() {
    let server = Server::start(|_| (201, json!({ "id": "u1" }))).await;
    let accounts = Accounts { email_required: true, names_required: true, ..PROFILE.accounts };
    let provider = server.provider(Profile { accounts, ..PROFILE });
    let text = |text: &str| Some(text.to_owned());
    let whole = Draft {
        user_name: "anna@corp.example".into(),
        email: text("anna@corp.example"),
        given_name: text("Anna"),
        family_name: text("Berg"),
        ..Draft::default()
    };
    for lacking in [
        Draft { email: None, ..whole.clone() },
        Draft { given_name: text(" "), ..whole.clone() },
        Draft { family_name: None, ..whole.clone() },
    ] {
        assert_eq!(provider.create_account(&lacking).await.unwrap_err().kind, Kind::Invalid);
    }
    assert_eq!(server.lines(), Vec::<String>::new());
    assert!(provider.create_account(&whole).await.is_ok());
}
