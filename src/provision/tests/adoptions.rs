//! People who were in the app before: shown, found, linked by whom the policy says, and by nobody else.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::app::Fault;
use super::stage::{Stage, by_hand, id, native, person, removing, status};
use crate::contract::{Group, Kind, State};
use crate::provision::{AdoptExisting, Adoption, Completion, Link, LinkRow, LinkState, Policy, Unlinking};
use crate::scim::schema::ResourceKind::User;

fn policy(adopt_existing: AdoptExisting) -> Policy {
    Policy { adopt_existing, protected: vec!["boss@corp.example".to_owned()], ..Policy::default() }
}

/// Ada, Bo and the protected boss are there before any caller.
async fn stage(adopt_existing: AdoptExisting) -> Stage {
    let stage = Stage::with(native(), policy(adopt_existing)).await;
    stage.app.put("x1", "ada@corp.example", State::Active, "admin");
    stage.app.put("x2", "bo@corp.example", State::Active, "member");
    stage.app.put("x3", "boss@corp.example", State::Active, "admin");
    stage
}

async fn found(stage: &Stage, email: &str) -> Value {
    let found = stage.list(User, Some(&format!("userName eq \"{email}\""))).await;
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

fn with_external_id(email: &str, external_id: &str) -> Value {
    let mut body = person(email);
    body["externalId"] = json!(external_id);
    body
}

/// A row that calls the account by its address.
fn row(line: u64, external_id: &str, email: &str) -> LinkRow {
    LinkRow {
        line,
        external_id: Some(external_id.to_owned()),
        email: Some(email.to_owned()),
        ..LinkRow::default()
    }
}

fn states(links: &[Link]) -> Vec<(LinkState, Option<u64>)> {
    links.iter().map(|link| (link.state, link.line)).collect()
}

async fn adopt(stage: &Stage, rows: &[LinkRow]) -> Vec<Link> {
    match stage.connection.adopt_links(rows).await.unwrap() {
        Adoption::Done(links) => links,
        Adoption::Refused(links) => panic!("{links:?}"),
    }
}

async fn refused(stage: &Stage, rows: &[LinkRow]) -> Vec<(LinkState, Option<u64>)> {
    match stage.connection.adopt_links(rows).await.unwrap() {
        Adoption::Refused(links) => states(&links).into_iter().filter(|(_, line)| line.is_some()).collect(),
        Adoption::Done(links) => panic!("{links:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn explicit_leaves_an_existing_account_alone_whatever_a_caller_sends() {
    let stage = stage(AdoptExisting::Explicit).await;
    {
        let mut content = stage.app.content();
        content.groups = vec![Group { id: "t1".to_owned(), name: "team".to_owned(), members: None }];
        content.accounts.get_mut("x1").unwrap().groups = Some(vec!["t1".to_owned()]);
    }
    let ada = found(&stage, "ada@corp.example").await;
    let bo = found(&stage, "bo@corp.example").await;
    let (ada, bo) = (ada["id"].as_str().unwrap(), bo["id"].as_str().unwrap());
    let team = stage.group("team").await;
    stage.app.calls();
    for spelled in ["ada@corp.example", "ADA@Corp.Example", "ａda@corp.example"] {
        let refused = stage.post(person(spelled)).await.unwrap_err();
        assert_eq!(refused.error.status, 409);
        assert!(refused.error.detail.contains("portcullis links"), "{}", refused.error.detail);
    }
    assert_eq!(status(stage.deactivate(ada).await), 403);
    assert_eq!(status(stage.patch(ada, json!({"externalId": "e-1"})).await), 403);
    assert_eq!(status(stage.put(ada, person("ada@corp.example")).await), 403);
    assert_eq!(status(stage.delete(ada).await), 403);
    assert_eq!(status(stage.members(&team, "add", &[bo]).await), 403);
    assert_eq!(status(stage.members(&team, "remove", &[ada]).await), 403);
    assert!(stage.app.writes().is_empty());
    assert!(stage.open_intents().await.is_empty());
    assert_eq!(found(&stage, "ada@corp.example").await["active"], true);
    stage.hire("new@corp.example").await;
}

#[tokio::test(start_paused = true)]
async fn lookup_gives_the_account_to_whoever_found_it_and_not_to_a_create() {
    let stage = stage(AdoptExisting::Lookup).await;
    let refused = stage.post(with_external_id("ada@corp.example", "e-1")).await.unwrap_err();
    assert_eq!(refused.error.status, 409);
    let ada = found(&stage, "ada@corp.example").await;
    let linked = stage.patch(ada["id"].as_str().unwrap(), json!({"externalId": "e-1"})).await.unwrap();
    assert_eq!(linked.resource["externalId"], "e-1");
    assert!(stage.app.writes().is_empty());
    let links = stage.connection.links().await.unwrap();
    assert_eq!(
        states(&links),
        [(LinkState::Linked, None), (LinkState::Adoptable, None), (LinkState::Adoptable, None)]
    );
}

#[tokio::test(start_paused = true)]
async fn match_gives_the_account_to_a_create_with_its_address() {
    let stage = stage(AdoptExisting::Match).await;
    let ada = stage.post(with_external_id("Ada@Corp.Example", "e-1")).await.unwrap();
    assert_eq!(ada.resource["externalId"], "e-1");
    assert_eq!(stage.app.role("x1").as_deref(), Some("admin"), "a role nobody asked for is not taken");
    let plain = stage.post(person("bo@corp.example")).await.unwrap();
    assert_eq!(plain.resource["active"], true);
    assert!(stage.app.writes().is_empty());
    assert_eq!(stage.people().await, 3);
    assert_eq!(
        status(stage.post(with_external_id("ada@corp.example", "e-1")).await),
        409,
        "now it is managed"
    );
    assert_eq!(status(stage.post(person("bo@corp.example")).await), 409);
}

#[tokio::test(start_paused = true)]
async fn a_look_alike_is_a_conflict_and_no_match() {
    let stage = stage(AdoptExisting::Match).await;
    stage.app.put("x4", "strasse@corp.example", State::Active, "admin");
    for look_alike in ["straße@corp.example", "ａda@corp.example"] {
        assert_eq!(status(stage.post(person(look_alike)).await), 409, "{look_alike}");
    }
    stage.app.put("x5", "jürgen@bücher.example", State::Active, "member");
    sleep(Duration::from_secs(31)).await;
    stage.hire("JÜRGEN@BÜCHER.example").await;
    assert!(stage.app.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_protected_account_is_taken_over_by_no_request() {
    for adopt_existing in [AdoptExisting::Lookup, AdoptExisting::Match, AdoptExisting::Explicit] {
        let stage = stage(adopt_existing).await;
        let boss = found(&stage, "boss@corp.example").await;
        let boss = boss["id"].as_str().unwrap();
        let refused = stage.post(person("boss@corp.example")).await.unwrap_err();
        assert_eq!(refused.error.status, 409);
        assert!(refused.error.detail.contains("protected"), "{}", refused.error.detail);
        assert_eq!(status(stage.patch(boss, json!({"externalId": "e-1"})).await), 403);
        assert_eq!(status(stage.delete(boss).await), 403);
        assert_eq!(refused_rows(&stage, "boss@corp.example").await, [(LinkState::Protected, Some(2))]);
        assert!(stage.app.writes().is_empty());
    }
}

async fn refused_rows(stage: &Stage, email: &str) -> Vec<(LinkState, Option<u64>)> {
    refused(stage, &[row(2, "e-1", email)]).await
}

#[tokio::test(start_paused = true)]
async fn the_request_that_takes_an_account_over_changes_no_address() {
    let stage = stage(AdoptExisting::Lookup).await;
    let ada = found(&stage, "ada@corp.example").await;
    let ada = ada["id"].as_str().unwrap();
    assert_eq!(status(stage.put(ada, person("eve@corp.example")).await), 400);
    assert!(stage.app.writes().is_empty());
    stage.put(ada, person("ada@corp.example")).await.unwrap();
    stage.put(ada, person("eve@corp.example")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_match_that_fails_half_way_is_repeated() {
    let stage = stage(AdoptExisting::Match).await;
    let mut ada = with_external_id("ada@corp.example", "e-1");
    ada["name"] = json!({"givenName": "Ada", "familyName": "Berg"});
    stage.list(User, None).await;
    stage.app.next("update_account", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(stage.post(ada.clone()).await), 503);
    let linked = stage.post(ada).await.unwrap();
    assert_eq!((linked.resource["externalId"].as_str(), stage.people().await), (Some("e-1"), 3));
}

#[tokio::test(start_paused = true)]
async fn a_file_is_done_as_its_preview_shows_and_only_once() {
    let stage = stage(AdoptExisting::Explicit).await;
    let mut rows = vec![row(2, "e-1", "ADA@corp.example"), row(3, "e-2", "ｂo@corp.example")];
    rows[1].user_name = Some("bo.berg".to_owned());
    let preview = stage.connection.preview_links(&rows).await.unwrap();
    let expected =
        [(LinkState::Matched, Some(2)), (LinkState::Matched, Some(3)), (LinkState::Protected, None)];
    assert_eq!(states(&preview), expected);
    assert_eq!(stage.people().await, 0, "a preview writes nothing");
    assert_eq!(states(&adopt(&stage, &rows).await), expected);
    let again = [(LinkState::Linked, Some(2)), (LinkState::Linked, Some(3)), (LinkState::Protected, None)];
    assert_eq!(states(&adopt(&stage, &rows).await), again);
    let bo = found(&stage, "bo.berg").await;
    assert_eq!((&bo["externalId"], &bo["emails"][0]["value"]), (&json!("e-2"), &json!("bo@corp.example")));
    assert!(stage.app.writes().is_empty());
    stage.deactivate(bo["id"].as_str().unwrap()).await.unwrap();
    assert_eq!(stage.app.state("x2"), Some(State::Inactive));
}

#[tokio::test(start_paused = true)]
async fn an_adopted_account_keeps_the_id_a_listing_gave_it() {
    let stage = stage(AdoptExisting::Explicit).await;
    let before = found(&stage, "ada@corp.example").await;
    adopt(&stage, &[row(2, "e-1", "ada@corp.example")]).await;
    let after = found(&stage, "ada@corp.example").await;
    assert_eq!((&before["id"], after["externalId"].as_str()), (&after["id"], Some("e-1")));
    assert_ne!(before["meta"]["version"], after["meta"]["version"]);
    sleep(Duration::from_secs(31)).await;
    assert_eq!(found(&stage, "ada@corp.example").await["externalId"], "e-1", "a listing leaves it so");
}

#[tokio::test(start_paused = true)]
async fn one_row_that_cannot_be_done_refuses_the_file() {
    let stage = stage(AdoptExisting::Explicit).await;
    stage.app.put("x4", "ADA@corp.example", State::Active, "member");
    stage.post(with_external_id("kim@corp.example", "e-9")).await.unwrap();
    let by_id = |line, external_id, account: &str, email| LinkRow {
        account: Some(account.to_owned()),
        ..row(line, external_id, email)
    };
    let rows = [
        row(2, "e-1", "ada@corp.example"),
        row(3, "e-9", "bo@corp.example"),
        row(4, "e-3", "nobody@corp.example"),
        row(5, "e-4", "kim@corp.example"),
    ];
    let mut told = refused(&stage, &rows).await;
    told.sort_by_key(|(_, line)| *line);
    assert_eq!(
        told,
        [
            (LinkState::Ambiguous, Some(2)),
            (LinkState::Conflict, Some(3)),
            (LinkState::Missing, Some(4)),
            (LinkState::Conflict, Some(5)),
        ]
    );
    let one = [by_id(2, "e-1", "x1", "bo@corp.example")];
    assert_eq!(refused(&stage, &one).await, [(LinkState::Conflict, Some(2))], "another address");
    let twice = [row(2, "e-1", "bo@corp.example"), row(3, "e-2", "BO@corp.example")];
    let ambiguous = [(LinkState::Ambiguous, Some(2)), (LinkState::Ambiguous, Some(3))];
    assert_eq!(refused(&stage, &twice).await, ambiguous);
    assert!(
        stage.connection.links().await.unwrap().iter().all(|link| link.external_id.as_deref() != Some("e-1"))
    );
    adopt(&stage, &[by_id(2, "e-1", "x1", "ada@corp.example")]).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_adopted_or_unlinked_while_a_request_is_under_way() {
    let stage = stage(AdoptExisting::Lookup).await;
    let ada = found(&stage, "ada@corp.example").await;
    let ada = ada["id"].as_str().unwrap().to_owned();
    let bo = found(&stage, "bo@corp.example").await["id"].as_str().unwrap().to_owned();
    stage.patch(&bo, json!({"externalId": "e-2"})).await.unwrap();
    stage.app.next("deactivate", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(stage.deactivate(&ada).await), 503);
    assert_eq!(refused_rows(&stage, "ada@corp.example").await, [(LinkState::Conflict, Some(2))]);
    stage.app.next("deactivate", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(stage.deactivate(&bo).await), 503);
    let Unlinking::Refused(told) = stage.connection.unlink(std::slice::from_ref(&bo)).await.unwrap() else {
        panic!()
    };
    assert_eq!(told[0].0, bo);
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.connection.unlink(&[bo]).await.unwrap(), Unlinking::Done(1));
}

#[tokio::test(start_paused = true)]
async fn an_unlinked_account_is_as_if_nobody_had_asked_for_it() {
    let stage = stage(AdoptExisting::Explicit).await;
    let anna = stage.post(with_external_id("anna@corp.example", "e-1")).await.unwrap();
    let anna = id(&anna);
    stage.app.calls();
    assert_eq!(stage.connection.unlink(std::slice::from_ref(&anna)).await.unwrap(), Unlinking::Done(1));
    assert_eq!(stage.connection.unlink(std::slice::from_ref(&anna)).await.unwrap(), Unlinking::Done(0));
    assert!(stage.app.calls().is_empty());
    let shown = found(&stage, "anna@corp.example").await;
    assert_eq!(
        (&shown["id"], &shown["externalId"], &shown["active"]),
        (&json!(anna), &Value::Null, &json!(true))
    );
    assert_eq!(status(stage.deactivate(&anna).await), 403);
    adopt(&stage, &[row(2, "e-2", "anna@corp.example")]).await;
    assert_eq!(found(&stage, "anna@corp.example").await["id"], json!(anna));
}

#[tokio::test(start_paused = true)]
async fn what_has_no_account_or_waits_for_a_removal_is_not_unlinked() {
    let stage = Stage::new(removing()).await;
    stage.hire("other@corp.example").await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    let ids = [anna, "nobody".to_owned()];
    let Unlinking::Refused(told) = stage.connection.unlink(&ids).await.unwrap() else { panic!() };
    assert_eq!(told.len(), 2);

    let stage = Stage::new(by_hand()).await;
    let anna = stage.hire("anna@corp.example").await;
    let invite = stage.connection.tasks(true).await.unwrap().remove(0);
    stage.connection.complete_task(&invite.id, Completion::by("kim")).await.unwrap();
    stage.deactivate(&anna).await.unwrap();
    let Unlinking::Refused(told) = stage.connection.unlink(std::slice::from_ref(&anna)).await.unwrap() else {
        panic!()
    };
    assert_eq!(told.len(), 1);
    let remove = stage.connection.tasks(true).await.unwrap().remove(0);
    assert_eq!(remove.kind, "remove");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_waits_for_a_person_is_called_off_by_unlinking() {
    let stage = Stage::new(by_hand()).await;
    let anna = stage.hire("anna@corp.example").await;
    let invite = stage.connection.tasks(true).await.unwrap().remove(0);
    stage.connection.complete_task(&invite.id, Completion::by("kim")).await.unwrap();
    stage.patch(&anna, json!({"roles": [{"value": "admin"}]})).await.unwrap();
    assert_eq!(stage.open_tasks().await, ["change_role"]);
    assert_eq!(stage.connection.unlink(&[anna]).await.unwrap(), Unlinking::Done(1));
    assert!(stage.open_tasks().await.is_empty());
    let links = stage.connection.preview_links(&[]).await.unwrap();
    assert_eq!(states(&links), [(LinkState::Adoptable, None)]);
}

#[tokio::test(start_paused = true)]
async fn an_account_a_caller_deleted_and_one_the_app_lost_are_told_as_such() {
    let stage = stage(AdoptExisting::Lookup).await;
    let ada = found(&stage, "ada@corp.example").await;
    stage.delete(ada["id"].as_str().unwrap()).await.unwrap();
    let bo = found(&stage, "bo@corp.example").await;
    stage.patch(bo["id"].as_str().unwrap(), json!({"externalId": "e-2"})).await.unwrap();
    stage.app.content().accounts.remove("x2");
    let links = stage.connection.preview_links(&[]).await.unwrap();
    let mut told: Vec<(Option<&str>, LinkState)> =
        links.iter().map(|link| (link.account.as_deref(), link.state)).collect();
    told.sort();
    assert_eq!(
        told,
        [
            (Some("x1"), LinkState::Conflict),
            (Some("x2"), LinkState::Missing),
            (Some("x3"), LinkState::Protected)
        ]
    );
}
