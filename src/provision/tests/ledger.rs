//! Every attempt has an entry in the audit before it and one after it, whatever happens to the disk and to the process.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::app::Fault;
use super::stage::{Stage, is_active, native, person, removing, status};
use crate::contract::State;
use crate::provision::{BrakePolicy, Completion, DeletePolicy, Policy};
use crate::scim::schema::ResourceKind::User;
use crate::store::audit::{Entry, Phase};

impl Stage {
    /// The entries of the audit, oldest first.
    async fn audit(&self) -> Vec<Entry> {
        let links = self.gateway.audit_links("app", 0, 1_000).await.unwrap();
        links.iter().map(|link| serde_json::from_str(&link.entry).unwrap()).collect()
    }

    /// Operation, attempt, phase and outcome of each.
    async fn told(&self) -> Vec<(String, i64, &'static str, String)> {
        let entries = self.audit().await;
        let told = |entry: Entry| (entry.operation, entry.attempt, entry.phase.as_str(), entry.outcome);
        entries.into_iter().map(told).collect()
    }
}

fn row(
    operation: &str,
    attempt: i64,
    phase: &'static str,
    outcome: &str,
) -> (String, i64, &'static str, String) {
    (operation.to_owned(), attempt, phase, outcome.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_life_has_two_entries_for_each_thing_that_was_asked_of_the_app() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    stage.activate(&anna).await.unwrap();
    // What only the gateway keeps is no change at the app.
    stage.patch(&anna, json!({"title": "Engineer"})).await.unwrap();
    stage.delete(&anna).await.unwrap();
    let pair =
        |operation: &str| [row(operation, 1, "before", "begun"), row(operation, 1, "after", "confirmed")];
    let expected: Vec<_> = ["create", "deactivate", "update", "delete"].into_iter().flat_map(pair).collect();
    assert_eq!(stage.told().await, expected);
    for entry in stage.audit().await {
        assert_eq!((entry.kind.as_str(), &entry.resource, entry.bypassed), ("user", &anna, false));
        assert!(!entry.intent.is_empty() && !entry.request_id.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_was_approved_begins_once() {
    let brake = BrakePolicy { deactivations: Some(0), ..BrakePolicy::default() };
    let policy = Policy { delete: DeletePolicy::Hard, brake, ..Policy::default() };
    let stage = Stage::with(native(), policy).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.delete(&anna).await.unwrap();
    let waiting = stage.connection.approvals().await.unwrap();
    let before = stage.told().await.len();
    stage.connection.approve(&waiting[0].id, Completion::by("kim")).await.unwrap();
    assert_eq!(stage.told().await.len(), before, "nothing was asked of the app yet");
    stage.go_on_for(Duration::from_secs(5)).await;
    let expected = [row("erase", 1, "before", "begun"), row("erase", 1, "after", "confirmed")];
    assert_eq!(stage.told().await[before..], expected);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_without_a_journal_begins_in_the_audit_before_it_ends() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    // The journal fails, and the disk is well again before the outcome is kept.
    stage.disk.refuses(1);
    stage.deactivate(&anna).await.unwrap();
    let pair = [row("deactivate", 1, "before", "begun"), row("deactivate", 1, "after", "confirmed")];
    assert_eq!(stage.told().await[2..], pair);
    stage.go_on_for(Duration::from_secs(2)).await;
    assert_eq!(stage.told().await.len(), 4, "and both stand there once");
}

#[tokio::test(start_paused = true)]
async fn every_further_attempt_has_entries_of_its_own() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.down(true);
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    stage.app.down(false);
    stage.go_on_for(Duration::from_secs(30)).await;
    let told = stage.told().await;
    assert_eq!(
        told[2..4],
        [row("deactivate", 1, "before", "begun"), row("deactivate", 1, "after", "attempting")]
    );
    assert_eq!(
        told[4..],
        [row("deactivate", 2, "before", "begun"), row("deactivate", 2, "after", "confirmed")]
    );
    let requests: Vec<String> =
        stage.audit().await.into_iter().skip(2).map(|entry| entry.request_id).collect();
    assert!(requests.windows(2).all(|pair| pair[0] == pair[1]), "{requests:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_done_without_the_journal_is_written_into_the_audit_when_the_disk_is_back() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.disk.is_full_after(0);
    assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
    assert_eq!(stage.told().await.len(), 2);
    stage.disk.is_empty_again();
    stage.go_on_for(Duration::from_secs(2)).await;
    let told = stage.told().await;
    assert_eq!(
        told[2..],
        [row("deactivate", 1, "before", "begun"), row("deactivate", 1, "after", "confirmed")]
    );
    assert!(stage.audit().await[2..].iter().all(|entry| entry.bypassed));
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_could_not_be_kept_is_in_the_audit_all_the_same() {
    let stage = Stage::new(removing()).await;
    let anna = stage.hire("anna@corp.example").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.disk.is_full_after(1);
    assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
    stage.disk.is_empty_again();
    stage.go_on_for(Duration::from_mins(1)).await;
    let told = stage.told().await;
    assert_eq!(told[2], row("deactivate", 1, "before", "begun"));
    assert_eq!(told[3], row("deactivate", 1, "after", "confirmed"));
    assert_eq!(told[4], row("deactivate", 2, "before", "begun"));
    assert_eq!(told.last().unwrap(), &row("deactivate", 2, "after", "confirmed"));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_the_process_did_not_outlive_is_interrupted_once() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.next("deactivate", Fault::Waits(Arc::default()));
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    let again = stage.restarted().await;
    let interrupted = row("deactivate", 1, "after", "interrupted");
    assert_eq!(again.told().await.last(), Some(&interrupted));
    let once_more = again.restarted().await;
    let count = once_more.told().await.iter().filter(|told| **told == interrupted).count();
    assert_eq!(count, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_corrected_on_our_own_account_is_in_the_audit_too() {
    let mut policy = Policy::default();
    policy.drift.correction = crate::provision::Correction::Correct;
    let stage = Stage::with(native(), policy).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    let before = stage.audit().await.len();
    stage.app.content().accounts.get_mut("a1").unwrap().state = Some(State::Active);
    tokio::time::sleep(Duration::from_mins(1)).await;
    stage.connection.look_for_drift(false).await.unwrap();
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
    let corrected = &stage.audit().await[before..];
    let phases: Vec<Phase> = corrected.iter().map(|entry| entry.phase).collect();
    assert_eq!(phases, [Phase::Before, Phase::After]);
    assert!(corrected.iter().all(|entry| entry.operation == "deactivate" && entry.resource == anna));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_nobody_wrote_down_is_not_sent() {
    let stage = Stage::new(native()).await;
    stage.hire("anna@corp.example").await;
    stage.app.calls();
    let account = stage.app.content().accounts["a1"].clone();
    let refused = stage.connection.adapter().deactivate(&account).await.unwrap_err();
    assert_eq!(refused.kind, crate::contract::Kind::Unexpected);
    assert!(stage.app.writes().is_empty());
    assert_eq!(stage.list(User, None).await.len(), 1);
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 409);
}
