//! What is done while our own disk takes nothing.

use std::time::Duration;

use super::app::Fault;
use super::stage::{Stage, by_hand, id, is_active, native, person, removing, status};
use crate::base::secret::Token;
use crate::contract::State;
use crate::provision::{Completion, Denied, Idp, Policy};
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
async fn what_a_person_is_to_do_is_not_answered_before_it_is_written_down() {
    let stage = Stage::new(by_hand()).await;
    let anna = stage.hire("anna@corp.example").await;
    let invite = stage.connection.tasks(true).await.unwrap().remove(0);
    stage.connection.complete_task(&invite.id, Completion::by("kim")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    for commits in [0, 1] {
        stage.disk.is_full_after(commits);
        assert_eq!(status(stage.deactivate(&anna).await), 503);
        stage.disk.is_empty_again();
    }
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.open_tasks().await, ["remove"]);
}

#[tokio::test(start_paused = true)]
async fn okta_is_told_of_our_disk_what_it_comes_back_for() {
    for (idp, told) in [(Idp::Generic, 503), (Idp::Entra, 503), (Idp::Okta, 429)] {
        let stage = Stage::with(native(), Policy { idp, ..Policy::default() }).await;
        stage.list(User, None).await;
        stage.disk.is_full_after(0);
        let refusal = stage.post(person("anna@corp.example")).await.unwrap_err();
        assert_eq!((refusal.error.status, refusal.retry_after.is_some()), (told, true));
    }
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
async fn a_deactivation_whose_outcome_could_not_be_kept_is_answered_and_finished_later() {
    let stage = Stage::new(removing()).await;
    let anna = stage.hire("anna@corp.example").await;
    // That the caller was told of the create is noted by now.
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.disk.is_full_after(1);
    assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
    assert!(!is_active(&stage.get(User, &anna).await.unwrap()));
    stage.disk.is_empty_again();
    stage.go_on_for(Duration::from_mins(1)).await;
    assert!(!is_active(&stage.get(User, &anna).await.unwrap()));
    assert!(stage.open_intents().await.is_empty());
    assert_eq!(stage.open_tasks().await, ["residual_access"]);
    assert!(is_active(&stage.activate(&anna).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn where_the_journal_comes_first_an_outcome_that_could_not_be_kept_is_not_answered() {
    let policy = Policy { deactivate_without_journal: false, ..Policy::default() };
    let stage = Stage::with(native(), policy).await;
    let anna = stage.hire("anna@corp.example").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.disk.is_full_after(1);
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
    stage.disk.is_empty_again();
    stage.go_on_for(Duration::from_mins(1)).await;
    assert!(!is_active(&stage.get(User, &anna).await.unwrap()));
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

#[tokio::test(start_paused = true)]
async fn a_create_that_was_stored_and_never_answered_is_answered_to_whoever_repeats_it() {
    let stage = Stage::new(native()).await;
    stage.list(User, None).await;
    // The intent and the person are stored; that the caller was told is not, as where the process dies in between.
    stage.disk.is_full_after(2);
    let first = id(&stage.post(person("anna@corp.example")).await.unwrap());
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.disk.is_empty_again();
    let again = stage.restarted().await;
    assert_eq!(id(&again.post(person("anna@corp.example")).await.unwrap()), first);
    assert_eq!(status(again.post(person("anna@corp.example")).await), 409, "now the caller knows");
    assert_eq!(again.app.writes(), ["create_account anna@corp.example"]);
}

#[tokio::test(start_paused = true)]
async fn a_create_nobody_was_told_of_is_a_duplicate_after_a_day() {
    let stage = Stage::new(native()).await;
    stage.list(User, None).await;
    stage.disk.is_full_after(2);
    stage.hire("anna@corp.example").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.disk.is_empty_again();
    tokio::time::sleep(Duration::from_hours(24)).await;
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 409);
}

#[tokio::test(start_paused = true)]
async fn a_return_that_may_come_yet_is_waited_for_though_its_end_could_not_be_written() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.deactivate(&anna).await.unwrap();
    stage.app.next("reactivate", Fault::ActsLate);
    // The intent is stored, and nothing after it.
    stage.disk.is_full_after(1);
    assert_eq!(status(stage.activate(&anna).await), 503);
    assert_eq!(status(stage.deactivate(&anna).await), 503, "it may come yet");
    stage.disk.is_empty_again();
    assert_eq!(status(stage.deactivate(&anna).await), 503, "still");
    tokio::time::sleep(Duration::from_secs(30)).await;
    stage.app.catch_up();
    stage.go_on_for(Duration::from_mins(3)).await;
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
    stage.deactivate(&anna).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_change_under_the_id_of_a_create_acknowledges_it() {
    let stage = Stage::new(native()).await;
    stage.list(User, None).await;
    stage.disk.is_full_after(2);
    let anna = stage.hire("anna@corp.example").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.disk.is_empty_again();
    stage.patch(&anna, serde_json::json!({"title": "Engineer"})).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 409);
}

#[tokio::test(start_paused = true)]
async fn tokens_nobody_can_read_open_nothing_after_a_minute() {
    let stage = Stage::new(native()).await;
    let token = Token::from_random([7; 8], [9; 32]);
    let expires = stage.connection.now().plus(Duration::from_hours(1));
    stage.gateway.keep_token("app", &token, expires).await.unwrap();
    let (text, gateway) = (token.reveal(), &stage.gateway);
    gateway.admit("app", Some(&text)).await.unwrap();
    stage.disk.is_readable(false);
    tokio::time::sleep(Duration::from_secs(59)).await;
    gateway.admit("app", Some(&text)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(gateway.admit("app", Some(&text)).await.unwrap_err(), Denied::Unavailable);
    stage.disk.is_readable(true);
    gateway.admit("app", Some(&text)).await.unwrap();
}

/// Somebody out at the app by a request that nothing could be written of.
async fn unwritten(capabilities: crate::contract::Capabilities) -> (Stage, String) {
    let stage = Stage::new(capabilities).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.list(User, None).await;
    // That the caller was told of the create is noted by now.
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.app.calls();
    stage.disk.is_full_after(0);
    assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
    (stage, anna)
}

#[tokio::test(start_paused = true)]
async fn who_was_read_back_as_out_is_never_shown_with_access_while_the_disk_is_full() {
    for capabilities in [native(), removing()] {
        let (stage, anna) = unwritten(capabilities).await;
        assert!(!is_active(&stage.get(User, &anna).await.unwrap()));
        let named = stage.list(User, Some("userName eq \"anna@corp.example\"")).await;
        assert_eq!(named[0]["active"], false);
    }
}

#[tokio::test(start_paused = true)]
async fn a_departure_without_a_journal_is_written_down_once_the_disk_takes_it() {
    for (capabilities, left_behind) in [(native(), vec![]), (removing(), vec!["residual_access"])] {
        let (stage, anna) = unwritten(capabilities).await;
        stage.disk.is_empty_again();
        stage.go_on_for(Duration::from_secs(2)).await;
        // Another process knows it from the record alone.
        let again = stage.restarted().await;
        assert!(!is_active(&again.get(User, &anna).await.unwrap()));
        assert_eq!(again.open_tasks().await, left_behind);
        assert!(again.open_intents().await.is_empty());
        assert_eq!(again.app.writes(), ["deactivate a1"]);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_was_brought_back_since_stays_though_the_departure_was_not_written() {
    let (stage, anna) = unwritten(native()).await;
    stage.disk.is_empty_again();
    assert!(is_active(&stage.activate(&anna).await.unwrap()));
    stage.go_on_for(Duration::from_secs(30)).await;
    assert!(is_active(&stage.get(User, &anna).await.unwrap()));
    assert_eq!(stage.app.state("a1"), Some(State::Active));
    assert_eq!(stage.app.writes(), ["deactivate a1", "reactivate a1"]);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_without_a_journal_is_written_down_too() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.list(User, None).await;
    stage.disk.is_full_after(0);
    stage.delete(&anna).await.unwrap();
    stage.disk.is_empty_again();
    stage.go_on_for(Duration::from_secs(2)).await;
    assert_eq!(status(stage.get(User, &anna).await), 404);
}

#[tokio::test(start_paused = true)]
async fn whoever_another_replica_brought_back_since_stays_too() {
    let (stage, anna) = unwritten(native()).await;
    stage.disk.is_empty_again();
    let other = stage.restarted().await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert!(is_active(&other.activate(&anna).await.unwrap()));
    stage.go_on_for(Duration::from_secs(30)).await;
    assert_eq!(stage.app.writes(), ["deactivate a1", "reactivate a1"]);
    assert!(is_active(&stage.get(User, &anna).await.unwrap()), "and is not remembered as out");
}
