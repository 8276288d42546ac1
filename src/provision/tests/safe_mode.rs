//! An older database put back: nobody gets access until an operator has looked, and everybody still leaves.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::stage::{Stage, is_active, native, person, status};
use crate::contract::State;
use crate::provision::Reviewed;
use crate::scim::schema::ResourceKind::User;

/// Anna works here; Bo left after the backup was made, and is active in it.
async fn restored() -> (Stage, String, String) {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    let bo = stage.hire("bo@corp.example").await;
    let anchor = stage.connection.shared.anchor.as_ref().unwrap();
    anchor.raise(stage.store.epoch().await.unwrap() + 3).await.unwrap();
    stage.app.put("a2", "bo@corp.example", State::Inactive, "member");
    // A backup is older than what is taken for fresh.
    tokio::time::sleep(Duration::from_mins(1)).await;
    (stage.restarted().await, anna, bo)
}

#[tokio::test(start_paused = true)]
async fn an_older_database_is_recognised_and_gives_nobody_access() {
    let (stage, anna, bo) = restored().await;
    stage.gateway.recognise_backup().await.unwrap();
    assert!(stage.gateway.safe_mode().await.unwrap().unwrap().reason.contains("older database"));
    stage.app.calls();
    assert_eq!(status(stage.post(person("cy@corp.example")).await), 503);
    assert_eq!(status(stage.activate(&bo).await), 503);
    assert_eq!(status(stage.patch(&anna, json!({"roles": [{"value": "admin"}]})).await), 503);
    assert_eq!(stage.app.writes(), [""; 0], "nothing left the house");
    // Whoever leaves, leaves.
    assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
}

#[tokio::test(start_paused = true)]
async fn safe_mode_outlives_a_restart_and_ends_after_a_review() {
    let (stage, anna, bo) = restored().await;
    stage.gateway.recognise_backup().await.unwrap();
    let stage = stage.restarted().await;
    let mode = stage.gateway.safe_mode().await.unwrap().expect("it is kept");
    assert_eq!(status(stage.gateway.leave_safe_mode(&[]).await), 409, "nobody has looked");
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.connection.look_for_drift(false).await.unwrap();
    let reviews = stage.gateway.review(&mode).await.unwrap();
    let [review] = &reviews[..] else { panic!("{reviews:?}") };
    assert_eq!(review.state, Reviewed::Compared(vec![(bo.clone(), "bo@corp.example".to_owned())]));
    assert_eq!(stage.gateway.leave_safe_mode(&[]).await.unwrap(), 1);
    assert_eq!(stage.gateway.safe_mode().await.unwrap(), None);
    assert!(!is_active(&stage.get(User, &bo).await.unwrap()));
    stage.app.calls();
    stage.patch(&bo, json!({"title": "Engineer"})).await.unwrap();
    assert!(stage.app.writes().is_empty(), "nobody comes back by another change");
    assert!(is_active(&stage.get(User, &anna).await.unwrap()));
    stage.post(person("cy@corp.example")).await.unwrap();
    // The same database is not taken for an older one again.
    let stage = stage.restarted().await;
    stage.gateway.recognise_backup().await.unwrap();
    assert_eq!(stage.gateway.safe_mode().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_departure_is_anchored_before_it_is_answered_and_nothing_else_is() {
    let stage = Stage::new(native()).await;
    let anchor = stage.connection.shared.anchor.clone().unwrap();
    let anna = stage.hire("anna@corp.example").await;
    assert_eq!(anchor.epoch(), 0);
    stage.deactivate(&anna).await.unwrap();
    assert_eq!(anchor.epoch(), stage.store.epoch().await.unwrap());
    let stage = stage.restarted().await;
    stage.gateway.recognise_backup().await.unwrap();
    assert_eq!(stage.gateway.safe_mode().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn an_operator_begins_safe_mode_and_other_processes_follow() {
    let stage = Stage::new(native()).await;
    stage.gateway.enter_safe_mode("the tokens may be known to others").await.unwrap();
    let other = stage.restarted().await;
    assert!(!other.gateway.shared().gate.is_shut());
    let stop = tokio_util::sync::CancellationToken::new();
    let following = tokio::spawn(std::sync::Arc::clone(&other.gateway).keep_to_safe_mode(stop.clone()));
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(status(other.post(person("anna@corp.example")).await), 503);
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.connection.look_for_drift(false).await.unwrap();
    stage.gateway.leave_safe_mode(&[]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    other.post(person("anna@corp.example")).await.unwrap();
    stop.cancel();
    following.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_slips_through_while_somebody_looks_whether_safe_mode_is_on() {
    let stage = Stage::new(native()).await;
    stage.list(User, None).await;
    stage.disk.is_slow_with_notes();
    let looking = tokio::spawn({
        let gateway = Arc::clone(&stage.gateway);
        async move { gateway.safe_mode().await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let entering = tokio::spawn({
        let gateway = Arc::clone(&stage.gateway);
        async move { gateway.enter_safe_mode("the tokens may be known to others").await }
    });
    for name in ["anna", "bo", "cy", "di", "ed", "flo"] {
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(status(stage.post(person(&format!("{name}@corp.example"))).await), 503, "{name}");
    }
    looking.await.unwrap().unwrap();
    entering.await.unwrap().unwrap();
    assert_eq!(stage.app.writes(), [""; 0], "nothing left the house");
}

#[tokio::test(start_paused = true)]
async fn safe_mode_that_could_not_be_written_down_holds_and_is_written_later() {
    let stage = Stage::new(native()).await;
    stage.list(User, None).await;
    stage.disk.is_full_after(0);
    assert_eq!(status(stage.gateway.enter_safe_mode("the tokens may be known to others").await), 503);
    let stop = tokio_util::sync::CancellationToken::new();
    let following = tokio::spawn(Arc::clone(&stage.gateway).keep_to_safe_mode(stop.clone()));
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(stage.gateway.shared().gate.is_shut());
    stage.disk.is_empty_again();
    tokio::time::sleep(Duration::from_secs(6)).await;
    let other = stage.restarted().await;
    assert_eq!(other.gateway.safe_mode().await.unwrap().unwrap().reason, "the tokens may be known to others");
    stop.cancel();
    following.await.unwrap();
}
