//! The app breaks, or something else answers in its place.

use std::sync::Arc;

use portcullis::contract::{Account, By, Create, Kind, Outcome, Result};
use serde_json::{Value, json};

use super::Verdict::{self, Kept, Moot};
use super::refusals::posts;
use crate::stage::{NOBODY, NOBODY_AT, Stage, anna, member, nobody, told};

/// A proxy's page, an answer that was cut off, JSON of another shape, nothing at all.
const SOMETHING_ELSE: [&str; 4] =
    ["<!DOCTYPE html><title>Maintenance</title>", "[{\"id\": \"1\", \"ema", "{}", ""];

fn can_create(stage: &Stage) -> bool {
    stage.is_wired() && told!(stage, create) != Create::No
}

async fn create_is_unknown(stage: &Stage, fault: Value) {
    stage.fault("POST", fault.clone()).await;
    let (created, calls) = stage.calls_of(stage.app.create_account(&anna())).await;
    assert_eq!(created.unwrap_err().kind, Kind::Unknown, "{fault}");
    assert_eq!(posts(&calls), 1, "{fault}");
}

pub async fn a_create_answered_500_is_unknown_and_sent_once(stage: Arc<Stage>) -> Verdict {
    if !can_create(&stage) {
        return Moot;
    }
    for status in [500, 502, 503, 504] {
        create_is_unknown(&stage, json!({"status": status, "times": 1})).await;
    }
    Kept
}

/// It was done, and looking finds it.
pub async fn a_create_whose_answer_is_lost_is_unknown_and_sent_once(stage: Arc<Stage>) -> Verdict {
    if !can_create(&stage) {
        return Moot;
    }
    create_is_unknown(&stage, json!({"drop_connection": true, "commit": true, "times": 1})).await;
    if told!(stage, create) == Create::Invite {
        stage.lever("invites/anna.berg@example.com/accept", json!({})).await;
    }
    let found = stage.app.account(By::Email("anna.berg@example.com")).await.unwrap();
    assert_eq!(found.unwrap().email, anna().email);
    Kept
}

pub async fn a_create_answered_with_something_else_is_unknown_and_sent_once(stage: Arc<Stage>) -> Verdict {
    if !can_create(&stage) {
        return Moot;
    }
    for body in SOMETHING_ELSE {
        create_is_unknown(&stage, json!({"status": 200, "body": body, "times": 1})).await;
    }
    Kept
}

pub async fn a_read_answered_500_is_unavailable(stage: Arc<Stage>) -> Verdict {
    if !stage.is_wired() || !told!(stage, list) {
        return Moot;
    }
    let app = stage.hasty().await;
    stage.fault("GET", json!({"status": 500})).await;
    assert_eq!(app.accounts(None).await.unwrap_err().kind, Kind::Unavailable);
    assert_eq!(app.account(By::Id(NOBODY)).await.unwrap_err().kind, Kind::Unavailable);
    assert_eq!(app.account(By::Email(NOBODY_AT)).await.unwrap_err().kind, Kind::Unavailable);
    assert_eq!(app.check().await.unwrap_err().kind, Kind::Unavailable);
    Kept
}

fn is_no_absence<T: std::fmt::Debug>(answered: Result<T>, body: &str) {
    match answered {
        Err(error) if error.kind != Kind::NotFound => {}
        other => panic!("`{body}` was taken for {other:?}"),
    }
}

pub async fn a_read_answered_with_something_else_is_never_an_absence(stage: Arc<Stage>) -> Verdict {
    if !stage.is_wired() || !told!(stage, list) {
        return Moot;
    }
    let group = stage.groups().groups().await.unwrap().remove(0);
    let app = stage.hasty().await;
    for body in SOMETHING_ELSE {
        stage.fault("GET", json!({"status": 200, "body": body})).await;
        is_no_absence(app.accounts(None).await, body);
        is_no_absence(app.account(By::Id(NOBODY)).await, body);
        is_no_absence(app.account(By::Email(NOBODY_AT)).await, body);
        is_no_absence(app.groups().unwrap().members(&group.id).await, body);
        stage.forgive().await;
    }
    Kept
}

/// A 404 with a web page comes from a proxy or a wrong address and says nothing about a person.
pub async fn a_404_of_something_else_is_never_an_absence(stage: Arc<Stage>) -> Verdict {
    if !stage.is_wired() || !told!(stage, list) {
        return Moot;
    }
    let account = stage.join(&anna()).await;
    let group = stage.groups().groups().await.unwrap().remove(0);
    let app = stage.hasty().await;
    let page = SOMETHING_ELSE[0];
    stage.lever("faults", json!({"status": 404, "body": page})).await;
    is_no_absence(app.accounts(None).await, page);
    is_no_absence::<Option<Account>>(app.account(By::Id(&account.id)).await, page);
    is_no_absence(app.account(By::Email("anna.berg@example.com")).await, page);
    is_no_absence::<Outcome<()>>(app.deactivate(&account).await, page);
    if told!(stage, delete) == portcullis::contract::Delete::Permanent {
        is_no_absence(app.delete_account(&nobody()).await, page);
    }
    if told!(stage, groups.remove_member) {
        is_no_absence(app.groups().unwrap().remove_member(&group.id, &member(&account)).await, page);
    }
    Kept
}
