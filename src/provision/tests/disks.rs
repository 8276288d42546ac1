//! What is done while our own disk takes nothing.

use std::time::Duration;

use super::stage::{Stage, is_active, native, person, removing, status};
use crate::contract::State;
use crate::scim::schema::ResourceKind::User;

#[tokio::test(start_paused = true)]
async fn leaving_is_not_blocked_by_our_disk() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.disk.is_full_after(0);
    assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
}

#[tokio::test(start_paused = true)]
async fn an_unconfirmed_deactivation_without_a_journal_promises_nothing() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.disk.is_full_after(0);
    stage.app.down(true);
    let refusal = stage.deactivate(&anna).await.unwrap_err();
    assert_eq!(refusal.error.status, 503);
    assert!(!refusal.error.detail.contains("keeps trying"), "{}", refusal.error.detail);
}

#[tokio::test(start_paused = true)]
async fn nothing_else_is_done_without_a_journal() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    stage.app.calls();
    stage.disk.is_full_after(0);
    assert_eq!(status(stage.activate(&anna).await), 503);
    assert_eq!(status(stage.post(person("bo@corp.example")).await), 503);
    assert!(stage.app.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deactivation_whose_outcome_could_not_be_kept_is_finished_later() {
    let stage = Stage::new(removing()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.disk.is_full_after(1);
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    stage.disk.is_empty_again();
    stage.go_on_for(Duration::from_mins(1)).await;
    assert!(!is_active(&stage.get(User, &anna).await.unwrap()));
    assert!(stage.open_intents().await.is_empty());
    assert_eq!(stage.open_tasks().await, ["residual_access"]);
    assert!(is_active(&stage.activate(&anna).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_outcome_could_not_be_kept_is_not_sent_again() {
    let stage = Stage::new(native()).await;
    stage.list(User, None).await;
    stage.disk.is_full_after(1);
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 503);
    stage.disk.is_empty_again();
    assert!(is_active(&stage.post(person("anna@corp.example")).await.unwrap()));
    assert_eq!(stage.app.writes(), ["create_account anna@corp.example"]);
    assert!(stage.open_intents().await.is_empty());
}
