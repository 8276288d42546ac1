//! An app that fails is left alone, reads go on, and those who leave find out first that it works again.

use std::time::Duration;

use serde_json::json;

use super::app::Fault;
use super::stage::{Stage, native, person, status};
use crate::contract::{Condition, Kind, State};
use crate::provision::{Idp, Policy};
use crate::scim::schema::ResourceKind::User;

const SOON: Duration = Duration::from_secs(10);

/// A stage with people in it whose app has failed often enough to be left alone.
async fn failing(policy: Policy, people: usize) -> (Stage, Vec<String>) {
    let stage = Stage::with(native(), policy).await;
    let mut ids = Vec::new();
    for number in 0..people {
        ids.push(stage.hire(&format!("person{number}@corp.example")).await);
    }
    stage.list(User, None).await;
    stage.app.down(true);
    for number in 0..5 {
        let refused = stage.post(person(&format!("new{number}@corp.example"))).await;
        assert!([429, 503].contains(&status(refused)));
    }
    assert_eq!(stage.connection.seen().condition, Condition::Failing);
    stage.app.calls();
    (stage, ids)
}

#[tokio::test(start_paused = true)]
async fn changes_are_refused_at_once_and_reads_go_on() {
    for (idp, told) in [(Idp::Generic, 503), (Idp::Entra, 503), (Idp::Okta, 429)] {
        let (stage, people) =
            failing(Policy { idp, freshness: Duration::from_secs(5), ..Policy::default() }, 1).await;
        let refusal = stage.post(person("late@corp.example")).await.unwrap_err();
        assert_eq!(refusal.error.status, told);
        let wait = refusal.retry_after.unwrap();
        assert!((Duration::from_secs(1)..=Duration::from_secs(30)).contains(&wait), "{wait:?}");
        let patch = json!({"name": {"givenName": "Anna"}});
        assert_eq!(status(stage.patch(&people[0], patch).await), told);
        tokio::time::sleep(Duration::from_secs(20)).await;
        stage.get(User, &people[0]).await.unwrap();
        assert_eq!(stage.list(User, Some("userName eq \"person0@corp.example\"")).await.len(), 1);
        assert_eq!(stage.app.calls(), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn however_many_wait_a_failing_app_is_asked_no_more_than_it_takes_to_see() {
    for people in [1, 30] {
        let (stage, ids) = failing(Policy::default(), people).await;
        for id in &ids {
            assert_eq!(status(stage.deactivate(id).await), 503);
        }
        stage.app.calls();
        stage.go_on_for(Duration::from_mins(10)).await;
        let asked = stage.app.calls().len();
        assert!((100..=160).contains(&asked), "{people} wait, {asked} calls in ten minutes");
        stage.app.down(false);
        stage.go_on_for(SOON).await;
        assert!(stage.open_intents().await.is_empty(), "{people} wait");
        assert_eq!(stage.connection.seen().condition, Condition::Well);
        stage.post(person("late@corp.example")).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn without_anybody_who_leaves_the_gateway_looks_by_itself() {
    let (stage, _) = failing(Policy::default(), 0).await;
    stage.go_on_for(Duration::from_mins(2)).await;
    assert_eq!(stage.connection.seen().condition, Condition::Failing);
    stage.app.down(false);
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.connection.seen().condition, Condition::Well);
}

#[tokio::test(start_paused = true)]
async fn what_the_app_refuses_one_caller_says_nothing_against_the_app() {
    let stage = Stage::new(native()).await;
    for kind in [Kind::Invalid, Kind::Conflict, Kind::Forbidden, Kind::NoSeats, Kind::RateLimited] {
        for number in 0..6 {
            stage.app.next("create_account", Fault::Fails(kind));
            let refused = stage.post(person(&format!("p{number}@corp.example"))).await;
            assert!((400..500).contains(&status(refused)), "{kind:?}");
        }
        assert_eq!(stage.connection.seen().condition, Condition::Well, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_credential_pauses_the_connection_until_it_is_accepted() {
    for (idp, told) in [(Idp::Generic, 503), (Idp::Okta, 429)] {
        let stage = Stage::with(native(), Policy { idp, ..Policy::default() }).await;
        let anna = stage.hire("anna@corp.example").await;
        stage.list(User, None).await;
        for operation in ["account", "accounts", "check", "create_account", "deactivate", "update_account"] {
            stage.app.always(operation, Some(Kind::Credentials));
        }
        let (first, second) =
            (stage.post(person("bo@corp.example")).await, stage.post(person("cy@corp.example")).await);
        for refusal in [first, second, stage.deactivate(&anna).await] {
            let refusal = refusal.unwrap_err();
            assert_eq!((refusal.error.status, refusal.retry_after), (told, Some(Duration::from_mins(5))));
        }
        assert_eq!(stage.list(User, None).await.len(), 1, "reads go on from the store");
        stage.go_on_for(Duration::from_mins(1)).await;
        assert_eq!(stage.connection.seen().condition, Condition::LockedOut);
        assert_eq!(stage.open_tasks().await, ["credential"]);
        assert!(
            stage
                .gateway
                .metrics()
                .await
                .contains("portcullis_app_held_back{connection=\"app\",kind=\"credential\"} 1")
        );
        for operation in ["account", "accounts", "check", "create_account", "deactivate", "update_account"] {
            stage.app.always(operation, None);
        }
        stage.go_on_for(SOON).await;
        assert_eq!(stage.app.state("a1"), Some(State::Inactive), "the intent was kept");
        assert_eq!(stage.open_tasks().await, Vec::<String>::new());
        stage.post(person("bo@corp.example")).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn removals_that_wait_a_quarter_of_an_hour_are_told_and_told_again_every_day() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.down(true);
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    stage.go_on_for(Duration::from_mins(14)).await;
    assert_eq!(stage.open_tasks().await, Vec::<String>::new());
    stage.go_on_for(Duration::from_mins(2)).await;
    let told = stage.connection.tasks(true).await.unwrap();
    assert_eq!((told[0].kind.as_str(), told[0].urgent), ("late_removals", true));
    assert_eq!(told[0].person, "anna@corp.example");
    assert!(stage.gateway.metrics().await.contains("portcullis_late_removals{connection=\"app\"} 1"));
    // The provider asks again, which is no reason to wait another quarter of an hour.
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    tokio::time::sleep(Duration::from_hours(24)).await;
    stage.go_on_for(Duration::from_mins(1)).await;
    let again = stage.connection.tasks(true).await.unwrap();
    assert_eq!((again.len(), again[0].kind.as_str()), (1, "late_removals"));
    assert_ne!(again[0].id, told[0].id);
    stage.app.down(false);
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.open_tasks().await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn above_a_number_of_open_changes_no_other_is_taken_on_and_leavers_always_are() {
    let stage = Stage::with(native(), Policy { most_open: 2, ..Policy::default() }).await;
    let people = [stage.hire("anna@corp.example").await, stage.hire("bo@corp.example").await];
    for number in 0..2 {
        stage.app.next("create_account", Fault::ActsLate);
        assert_eq!(status(stage.post(person(&format!("lost{number}@corp.example"))).await), 503);
    }
    stage.app.always("account", Some(Kind::RateLimited));
    stage.go_on_for(Duration::from_secs(30)).await;
    assert_eq!(stage.open_intents().await.len(), 2);
    stage.app.always("account", None);
    let refusal = stage.post(person("one-more@corp.example")).await.unwrap_err();
    assert_eq!(refusal.error.status, 429);
    let wait = refusal.retry_after.unwrap();
    assert!((Duration::from_secs(30)..=Duration::from_secs(90)).contains(&wait), "{wait:?}");
    for person in &people {
        stage.deactivate(person).await.unwrap();
    }
}
