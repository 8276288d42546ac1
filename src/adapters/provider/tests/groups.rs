//! Groups and who is in them.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::super::{GroupProfile, MemberForm, Offer, Profile};
use super::server::{Answer, Asked, GROUPS, PROFILE, Server, page, refused};
use crate::contract::{Group, Groups, Kind, Member, Outcome};

fn anna() -> Member {
    Member { account: "u1".to_owned(), email: None, role: None }
}

fn team(members: &Value) -> Value {
    json!({ "id": "g1", "displayName": "Night Shift", "members": members, "meta": { "version": "W/\"1\"" } })
}

/// A server with one group; PATCH and PUT are what `write` makes of them.
fn with(
    members: &Value,
    write: impl Fn(&Asked, &mut Value) -> Answer + Send + Sync + 'static,
) -> impl Fn(&Asked) -> Answer + Send + Sync + 'static {
    let held = Arc::new(Mutex::new(team(members)));
    move |asked| {
        let mut group = held.lock().unwrap();
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/Groups/g1") => (200, group.clone()),
            ("GET", "/Groups") => (200, page(&[group.clone()], asked)),
            ("GET", _) => refused(404, "", "not found"),
            _ => write(asked, &mut group),
        }
    }
}

fn profile(groups: GroupProfile) -> Profile {
    Profile { groups: Some(groups), ..PROFILE }
}

#[tokio::test]
async fn joining_and_leaving_are_one_operation_each() {
    let server = Server::start(with(&json!([{ "value": "u2" }]), |_, _| (204, Value::Null))).await;
    let provider = server.provider(PROFILE);
    assert_eq!(provider.add_member("g1", &anna()).await, Ok(Outcome::Done(None)));
    let u2 = Member { account: "u2".to_owned(), ..anna() };
    assert_eq!(provider.remove_member("g1", &u2).await, Ok(Outcome::Done(None)));
    let sent: Vec<Value> = server
        .asked()
        .iter()
        .filter(|asked| asked.method == "PATCH")
        .map(|asked| asked.body["Operations"][0].clone())
        .collect();
    assert_eq!(
        sent,
        [
            json!({ "op": "add", "path": "members", "value": [{ "value": "u1" }] }),
            json!({ "op": "remove", "path": "members[value eq \"u2\"]" }),
        ]
    );
    assert_eq!(sent.len(), server.asked().len(), "nothing had to be read");
}

#[tokio::test]
async fn several_come_or_go_by_one_request() {
    let server = Server::start(with(&json!([{ "value": "u9" }]), |_, _| (204, Value::Null))).await;
    let provider = server.provider(PROFILE);
    let both = [anna(), Member { account: "u2".to_owned(), ..anna() }];
    assert_eq!(provider.add_members("g1", &both).await, Ok(Outcome::Done(())));
    assert_eq!(provider.remove_members("g1", &both).await, Ok(Outcome::Done(())));
    let sent: Vec<Value> = server.asked().iter().map(|asked| asked.body["Operations"].clone()).collect();
    assert_eq!(
        sent,
        [
            json!([{ "op": "add", "path": "members", "value": [{ "value": "u1" }, { "value": "u2" }] }]),
            json!([
                { "op": "remove", "path": "members[value eq \"u1\"]" },
                { "op": "remove", "path": "members[value eq \"u2\"]" },
            ]),
        ]
    );
}

#[tokio::test]
async fn a_version_is_sent_where_one_is_asked_for() {
    let server = Server::start(with(&json!([]), |asked, _| {
        if asked.if_match.is_some() { (204, Value::Null) } else { refused(428, "", "say which version") }
    }))
    .await;
    assert_eq!(server.provider(PROFILE).add_member("g1", &anna()).await, Ok(Outcome::Done(None)));
    assert_eq!(server.lines(), ["PATCH /Groups/g1", "GET /Groups/g1", "PATCH /Groups/g1"]);
}

#[tokio::test]
async fn a_change_that_is_refused_may_be_so_already() {
    let server = Server::start(with(&json!({ "value": 1 }), |asked, _| match asked.path.as_str() {
        "/Groups/g1" => refused(400, "noTarget", "nobody to remove"),
        _ => refused(404, "", "no such group"),
    }))
    .await;
    let provider = server.provider(PROFILE);
    let one = Member { account: "1".to_owned(), ..anna() };
    assert_eq!(provider.add_member("g1", &one).await, Ok(Outcome::Already(None)));
    assert_eq!(provider.remove_member("g1", &anna()).await, Ok(Outcome::Already(None)));
    assert_eq!(provider.remove_member("g2", &anna()).await, Ok(Outcome::Already(None)));
    assert_eq!(provider.add_member("g2", &anna()).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(provider.rename_group("g1", "Night Shift").await, Ok(Outcome::Already(())));
    assert!(server.asked().iter().all(|asked| asked.method != "PUT"));
}

#[tokio::test]
async fn a_form_that_is_refused_is_not_used_again() {
    let server = Server::start(with(&json!([{ "value": "u1" }, { "value": "u2" }]), |asked, group| {
        if asked.method == "PATCH" {
            return refused(400, "invalidPath", "no filters in paths");
        }
        group["members"] = asked.body["members"].clone();
        (200, group.clone())
    }))
    .await;
    let provider = server.provider(PROFILE);
    assert_eq!(provider.remove_member("g1", &anna()).await, Ok(Outcome::Done(None)));
    assert_eq!(server.lines(), ["PATCH /Groups/g1", "GET /Groups/g1", "PATCH /Groups/g1", "PUT /Groups/g1"]);
    assert_eq!(provider.add_member("g1", &anna()).await, Ok(Outcome::Done(None)));
    let put = server.asked()[1].clone();
    assert_eq!(put.body["members"], json!([{ "value": "u2" }, { "value": "u1" }]));
    assert_eq!((put.line().as_str(), put.body.get("meta")), ("PUT /Groups/g1", None));
}

#[tokio::test]
async fn a_member_the_app_does_not_have_is_told_in_its_words() {
    let server = Server::start(with(&json!([]), |_, _| refused(400, "invalidValue", "no such user"))).await;
    let provider = server.provider(PROFILE);
    let error = provider.add_member("g1", &anna()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Invalid);
    assert!(error.message.contains("no such user"), "{error}");
}

#[tokio::test]
async fn a_change_of_members_that_was_not_made_is_unexpected() {
    let server = Server::start(with(&json!([{ "value": "u1" }]), |_, group| (200, group.clone()))).await;
    let error = server.provider(PROFILE).remove_member("g1", &anna()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unexpected);
    // 204 shows nothing; a removal by value is read back, since it may have emptied the group or nothing.
    let by_value = GroupProfile { members: &[MemberForm::Value], ..GROUPS };
    let server = Server::start(with(&json!([{ "value": "u1" }]), |_, _| (204, Value::Null))).await;
    let error = server.provider(profile(by_value)).remove_member("g1", &anna()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unexpected);
}

#[tokio::test]
async fn a_group_that_cannot_be_asked_for_is_picked_from_the_listing() {
    for status in [404, 501] {
        let held = team(&json!([{ "value": "u1" }, { "value": "g9", "type": "Group" }]));
        let server = Server::start(move |asked| match asked.path.as_str() {
            "/Groups" => (200, page(std::slice::from_ref(&held), asked)),
            _ => refused(status, "", "no route"),
        })
        .await;
        let provider = server.provider(profile(GroupProfile { by_id: Offer::Try, ..GROUPS }));
        assert_eq!(provider.members("g1").await, Ok(vec!["u1".to_owned()]));
        server.lines();
        assert_eq!(provider.members("g1").await, Ok(vec!["u1".to_owned()]));
        assert_eq!(server.lines(), ["GET /Groups"], "{status}");
        assert_eq!(provider.members("g2").await.unwrap_err().kind, Kind::NotFound);
    }
}

#[tokio::test]
async fn members_a_listing_leaves_out_are_not_told_as_none() {
    let server = Server::start(|asked| (200, page(&[json!({ "id": 5, "displayName": "Ops" })], asked))).await;
    let told = Groups::groups(&server.provider(PROFILE)).await;
    assert_eq!(told, Ok(vec![Group { id: "5".to_owned(), name: "Ops".to_owned(), members: None }]));
}

#[tokio::test]
async fn what_nobody_promised_is_tried_once() {
    let tried = GroupProfile { create: Offer::Try, rename: Offer::Try, delete: Offer::Try, ..GROUPS };
    let server = Server::start(with(&json!([]), |_, _| refused(404, "", "no route"))).await;
    let provider = server.provider(profile(tried));
    let unsupported = async || {
        let created = provider.create_group("Day Shift").await.unwrap_err().kind;
        let renamed = provider.rename_group("g1", "Day Shift").await.unwrap_err().kind;
        let deleted = provider.delete_group("g1").await.unwrap_err().kind;
        assert_eq!([created, renamed, deleted], [Kind::Unsupported; 3]);
    };
    unsupported().await;
    server.lines();
    unsupported().await;
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn a_group_that_is_gone_is_deleted_already() {
    for delete in [Offer::Yes, Offer::Try] {
        let server = Server::start(with(&json!([]), |_, _| refused(404, "", "not found"))).await;
        let provider = server.provider(profile(GroupProfile { delete, ..GROUPS }));
        assert_eq!(provider.delete_group("g2").await, Ok(Outcome::Already(())));
    }
}

#[tokio::test]
async fn a_new_group_has_the_id_the_app_gives_it() {
    let server = Server::start(|_| (201, json!({ "ID": 9, "displayName": "Day Shift" }))).await;
    let created = server.provider(PROFILE).create_group("Day Shift").await;
    let group = Group { id: "9".to_owned(), name: "Day Shift".to_owned(), members: Some(Vec::new()) };
    assert_eq!(created, Ok(Outcome::Done(group)));
    assert_eq!(
        server.asked()[0].body,
        json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Day Shift" })
    );
}
