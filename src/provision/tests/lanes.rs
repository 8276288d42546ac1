//! Who goes first, how long those wait whom the app keeps waiting, and how soon they are done once it works again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;

use super::app::Fault;
use super::stage::{Stage, id, native, person, removing, status};
use crate::base::lane::Lane;
use crate::contract::{Group, Kind, State};

const LONG: Duration = Duration::from_mins(20);

/// So many people.
async fn hire(stage: &Stage, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(stage.hire(&format!("person{number}@corp.example")).await);
    }
    stage.app.calls();
    ids
}

#[tokio::test(start_paused = true)]
async fn everything_that_is_done_for_a_leaver_is_done_in_the_first_lane() {
    for capabilities in [native(), removing()] {
        let stage = Stage::new(capabilities).await;
        let people = hire(&stage, 3).await;
        tokio::time::sleep(Duration::from_mins(1)).await;
        stage.app.lanes();
        stage.deactivate(&people[0]).await.unwrap();
        stage.put(&people[1], json!({"userName": "person1@corp.example", "active": false})).await.unwrap();
        stage.delete(&people[2]).await.unwrap();
        let lanes = stage.app.lanes();
        assert!(lanes.len() >= 6, "looks before and after: {lanes:?}");
        assert!(lanes.iter().all(|(_, lane)| *lane == Lane::Leave), "{lanes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_or_changes_waits_behind_those_who_leave() {
    let stage = Stage::new(native()).await;
    stage.app.content().groups =
        vec![Group { id: "team".to_owned(), name: "team".to_owned(), members: None }];
    let people = hire(&stage, 2).await;
    let team = stage.group("team").await;
    stage.app.lanes();
    let of = |lanes: Vec<(String, Lane)>, operation: &str| {
        lanes.into_iter().find(|(call, _)| call == operation).map(|(_, lane)| lane)
    };
    stage.post(person("new@corp.example")).await.unwrap();
    assert_eq!(of(stage.app.lanes(), "create_account"), Some(Lane::Create));
    stage.patch(&people[0], json!({"name": {"givenName": "Anna"}})).await.unwrap();
    assert_eq!(of(stage.app.lanes(), "update_account"), Some(Lane::Update));
    stage.members(&team, "add", &[&people[0], &people[1]]).await.unwrap();
    assert_eq!(of(stage.app.lanes(), "add_member"), Some(Lane::Rest));
    stage.members(&team, "remove", &[&people[0]]).await.unwrap();
    let lanes = stage.app.lanes();
    assert!(lanes.iter().all(|(_, lane)| *lane == Lane::Leave), "{lanes:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_on_with_keeps_its_lane() {
    let stage = Stage::new(native()).await;
    let people = hire(&stage, 1).await;
    stage.app.down(true);
    assert_eq!(status(stage.deactivate(&people[0]).await), 503);
    stage.app.down(false);
    stage.app.lanes();
    stage.go_on_for(Duration::from_secs(10)).await;
    let lanes = stage.app.lanes();
    assert!(lanes.iter().any(|(call, _)| call == "deactivate"), "{lanes:?}");
    assert!(lanes.iter().all(|(_, lane)| *lane == Lane::Leave), "{lanes:?}");
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_of_any_length_those_who_left_are_done_within_ten_seconds() {
    for outage in [Duration::from_secs(3), Duration::from_mins(2), LONG] {
        let stage = Stage::new(native()).await;
        let people = hire(&stage, 20).await;
        stage.app.down(true);
        for person in &people {
            assert_eq!(status(stage.deactivate(person).await), 503);
        }
        stage.go_on_for(outage).await;
        stage.app.down(false);
        stage.go_on_for(Duration::from_secs(10)).await;
        assert!(stage.open_intents().await.is_empty(), "after {outage:?}");
        let working = (1..=20).filter(|number| stage.app.state(&format!("a{number}")) == Some(State::Active));
        assert_eq!(working.count(), 0, "after {outage:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_one_operation_fails_it_is_seen_at_once_when_it_works_again() {
    let stage = Stage::new(native()).await;
    let people = hire(&stage, 5).await;
    stage.app.always("deactivate", Some(Kind::Unavailable));
    for person in &people {
        assert_eq!(status(stage.deactivate(person).await), 503);
    }
    stage.go_on_for(LONG).await;
    assert_eq!(stage.open_intents().await.len(), 5);
    stage.app.always("deactivate", None);
    stage.go_on_for(Duration::from_secs(10)).await;
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_person_whose_removal_always_fails_holds_up_nobody() {
    let stage = Stage::new(native()).await;
    let people = hire(&stage, 10).await;
    let gate = Arc::new(Notify::new());
    stage.app.next("deactivate", Fault::Waits(Arc::clone(&gate)));
    assert_eq!(status(stage.deactivate(&people[0]).await), 503, "the app hangs for this one");
    for person in &people[1..] {
        stage.deactivate(person).await.unwrap();
    }
    gate.notify_one();
    stage.go_on_for(Duration::from_secs(45)).await;
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_create_nobody_can_clear_up_is_given_up_after_three_days_and_a_leaver_never() {
    let stage = Stage::new(native()).await;
    let anna = id(&stage.post(person("anna@corp.example")).await.unwrap());
    stage.app.next("create_account", Fault::ActsLate);
    assert_eq!(status(stage.post(person("bo@corp.example")).await), 503);
    stage.app.down(true);
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    for _ in 0..10 {
        // Hours pass; the gateway works for the last half minute of them.
        tokio::time::sleep(Duration::from_hours(8)).await;
        stage.go_on_for(Duration::from_secs(30)).await;
    }
    let open = stage.open_intents().await;
    assert_eq!(open.iter().map(|intent| intent.operation.as_str()).collect::<Vec<_>>(), ["deactivate"]);
    let tasks = stage.connection.tasks(true).await.unwrap();
    let given_up = tasks.iter().find(|task| task.kind == "attention").unwrap();
    assert_eq!((given_up.person.as_str(), given_up.urgent), ("bo@corp.example", false));
}
