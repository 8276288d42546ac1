//! A lost create that turns up after it was sent again: one account is left, and a person is told.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::app::Fault;
use super::stage::{Stage, id, native, person, status};
use crate::contract::{Accounts, Capabilities, State};
use crate::provision::Policy;
use crate::store::{IntentState, Task};

/// An app that makes as many accounts of one address as it is asked for.
fn careless() -> Capabilities {
    Capabilities { accounts: Accounts { email_unique: false, ..native().accounts }, ..native() }
}

const ANNA: &str = "anna@corp.example";

/// The first create is lost, the second is answered, and the first is done only now: `a1` is what the caller knows.
async fn doubled(policy: Policy, body: serde_json::Value) -> (Stage, String) {
    let stage = Stage::with(careless(), policy).await;
    stage.app.put("boss", "boss@corp.example", State::Active, "admin");
    stage.app.next("create_account", Fault::ActsLate);
    assert_eq!(status(stage.post(body.clone()).await), 503);
    stage.go_on_for(Duration::from_mins(3)).await;
    let anna = id(&stage.post(body).await.unwrap());
    stage.go_on_for(Duration::from_mins(10)).await;
    assert_eq!(stage.app.working(ANNA), 1);
    stage.app.catch_up();
    assert_eq!(stage.app.working(ANNA), 2);
    (stage, anna)
}

async fn told(stage: &Stage) -> Vec<Task> {
    let tasks = stage.connection.tasks(true).await.unwrap();
    tasks.into_iter().filter(|task| task.kind == "twin").collect()
}

#[tokio::test(start_paused = true)]
async fn the_account_that_turns_up_late_is_suspended_within_a_minute_and_told() {
    let (stage, anna) = doubled(Policy::default(), person(ANNA)).await;
    stage.app.writes();
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!((stage.app.state("a1"), stage.app.state("a2")), (Some(State::Active), Some(State::Inactive)));
    assert_eq!(stage.app.writes(), ["deactivate a2"]);
    let tasks = told(&stage).await;
    assert_eq!((tasks.len(), &tasks[0].resource, tasks[0].urgent), (1, &anna, true));
    assert!(tasks[0].instruction.contains("`a2`"), "{}", tasks[0].instruction);
    assert!(stage.open_intents().await.is_empty());
    stage.go_on_for(Duration::from_hours(2)).await;
    assert_eq!(stage.app.state("a1"), Some(State::Active));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_started_again_still_watches() {
    let (stage, _) = doubled(Policy::default(), person(ANNA)).await;
    let again = stage.restarted().await;
    again.go_on_for(Duration::from_mins(1)).await;
    assert_eq!((again.app.state("a1"), again.app.state("a2")), (Some(State::Active), Some(State::Inactive)));
}

#[tokio::test(start_paused = true)]
async fn a_protected_person_s_second_account_is_told_and_left_alone() {
    let policy = Policy { protected: vec![ANNA.to_owned()], ..Policy::default() };
    let (stage, _) = doubled(policy, person(ANNA)).await;
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.app.working(ANNA), 2);
    let tasks = told(&stage).await;
    assert!(tasks[0].instruction.contains("left alone"), "{}", tasks[0].instruction);
}

#[tokio::test(start_paused = true)]
async fn the_last_administrator_is_never_suspended_as_somebody_s_second_account() {
    let mut body = person(ANNA);
    body["roles"] = json!([{ "value": "admin" }]);
    let (stage, _) = doubled(Policy::default(), body).await;
    stage.app.put("boss", "boss@corp.example", State::Inactive, "admin");
    stage.app.put("a1", ANNA, State::Active, "member");
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.app.state("a2"), Some(State::Active));
    assert!(told(&stage).await[0].instruction.contains("the last account with the role `admin`"));
}

#[tokio::test(start_paused = true)]
async fn an_app_that_refuses_to_suspend_is_asked_until_it_does() {
    let (stage, _) = doubled(Policy::default(), person(ANNA)).await;
    stage.app.always("deactivate", Some(crate::contract::Kind::Unavailable));
    stage.go_on_for(Duration::from_mins(3)).await;
    assert_eq!(stage.app.working(ANNA), 2);
    assert!(told(&stage).await[0].instruction.contains("could not be suspended"));
    stage.app.always("deactivate", None);
    stage.go_on_for(Duration::from_mins(2)).await;
    assert_eq!((stage.app.state("a1"), stage.app.state("a2")), (Some(State::Active), Some(State::Inactive)));
}

#[tokio::test(start_paused = true)]
async fn a_lost_create_that_nobody_repeats_is_taken_in_when_it_turns_up() {
    let stage = Stage::new(careless()).await;
    stage.app.next("create_account", Fault::ActsLate);
    assert_eq!(status(stage.post(person(ANNA)).await), 503);
    stage.go_on_for(Duration::from_mins(20)).await;
    stage.app.catch_up();
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!((stage.people().await, stage.app.working(ANNA)), (1, 1));
    let again = stage.post(person(ANNA)).await.unwrap();
    assert_eq!((again.resource["active"].as_bool(), stage.app.working(ANNA)), (Some(true), 1));
}

#[tokio::test(start_paused = true)]
async fn what_never_turns_up_is_watched_for_an_hour_and_holds_nothing_up() {
    let stage = Stage::new(careless()).await;
    stage.app.next("create_account", Fault::Fails(crate::contract::Kind::Unknown));
    assert_eq!(status(stage.post(person(ANNA)).await), 503);
    sleep(Duration::from_mins(1)).await;
    let anna = id(&stage.post(person(ANNA)).await.unwrap());
    assert_eq!(stage.open_intents().await[0].state, IntentState::Ambiguous);
    stage.deactivate(&anna).await.unwrap();
    stage.activate(&anna).await.unwrap();
    stage.go_on_for(Duration::from_mins(62)).await;
    assert!(stage.open_intents().await.is_empty());
    assert!(told(&stage).await.is_empty());
    assert_eq!(stage.app.working(ANNA), 1);
}
