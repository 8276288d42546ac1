//! A deactivation is never held; a deletion for good is, above the limit, and then a person decides.

use std::time::Duration;

use tokio::time::sleep;

use super::app::Fault;
use super::stage::{Stage, id, native, person, status};
use crate::contract::{Capabilities, Deactivate, Kind, State};
use crate::provision::{BrakePolicy, Completion, Correction, DeletePolicy, DriftPolicy, Policy};
use crate::store::IntentState;

fn hard(limit: u64) -> Policy {
    let brake = BrakePolicy { deactivations: Some(limit), ..BrakePolicy::default() };
    Policy { delete: DeletePolicy::Hard, brake, ..Policy::default() }
}

async fn with_people(capabilities: Capabilities, policy: Policy, count: usize) -> (Stage, Vec<String>) {
    let stage = Stage::with(capabilities, policy).await;
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(stage.hire(&format!("person{number}@corp.example")).await);
    }
    (stage, ids)
}

/// A stage whose brake lets one deletion through, and two people who were deleted: `a1` for good, `a2` not yet.
async fn held() -> (Stage, Vec<String>) {
    let (stage, people) = with_people(native(), hard(1), 3).await;
    stage.delete(&people[0]).await.unwrap();
    stage.app.calls();
    stage.delete(&people[1]).await.unwrap();
    assert_eq!(stage.app.calls(), ["deactivate a2", "account a2"], "answered once it was read back");
    (stage, people)
}

#[tokio::test(start_paused = true)]
async fn no_deactivation_is_held_and_many_are_told_once_a_window() {
    let (stage, people) = with_people(native(), hard(3), 8).await;
    for person in &people {
        stage.deactivate(person).await.unwrap();
    }
    assert!((1..=8).all(|number| stage.app.state(&format!("a{number}")) == Some(State::Inactive)));
    let tasks = stage.connection.tasks(true).await.unwrap();
    assert_eq!((tasks.len(), tasks[0].kind.as_str(), tasks[0].urgent), (1, "many_deactivations", true));
    assert!(
        stage
            .gateway
            .metrics()
            .await
            .contains("portcullis_brake_total{connection=\"app\",outcome=\"many\"} 1")
    );
}

#[tokio::test(start_paused = true)]
async fn a_deletion_above_the_limit_is_a_deactivation_until_it_is_approved() {
    let (stage, people) = held().await;
    assert_eq!((stage.app.state("a1"), stage.app.state("a2")), (None, Some(State::Inactive)));
    assert_eq!(status(stage.get(crate::scim::schema::ResourceKind::User, &people[1]).await), 404);
    let waiting = stage.connection.approvals().await.unwrap();
    assert_eq!((waiting.len(), waiting[0].person.as_str()), (1, "person1@corp.example"));
    stage.go_on_for(Duration::from_mins(5)).await;
    assert_eq!(stage.app.state("a2"), Some(State::Inactive), "nothing is deleted without a word");

    // Somebody approves beside the gateway that serves, which is another process.
    let beside = stage.restarted().await;
    beside.connection.approve(&waiting[0].id, Completion::by("kim")).await.unwrap();
    assert_eq!(stage.app.state("a2"), Some(State::Inactive));
    stage.go_on_for(Duration::from_secs(5)).await;
    assert_eq!(stage.app.state("a2"), None);
    assert!(stage.open_intents().await.is_empty());
    assert!(stage.connection.approvals().await.unwrap().is_empty());
    assert_eq!(status(stage.connection.approve(&waiting[0].id, Completion::by("kim")).await), 404);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_deletion_leaves_the_account_deactivated() {
    let (stage, _) = held().await;
    let waiting = stage.connection.approvals().await.unwrap();
    let closed = stage.connection.reject(&waiting[0].id, Completion::by("kim")).await.unwrap();
    assert_eq!(closed.closed_by.as_deref(), Some("kim"));
    stage.go_on_for(Duration::from_mins(5)).await;
    assert_eq!(stage.app.state("a2"), Some(State::Inactive));
    assert!(stage.connection.approvals().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_approved_deletion_is_carried_through_an_outage_and_a_restart() {
    let (stage, _) = held().await;
    let waiting = stage.connection.approvals().await.unwrap();
    stage.app.down(true);
    stage.connection.approve(&waiting[0].id, Completion::by("kim")).await.unwrap();
    stage.go_on_for(Duration::from_mins(2)).await;
    let again = stage.restarted().await;
    again.app.down(false);
    again.app.next("delete_account", Fault::Loses);
    again.go_on_for(Duration::from_secs(20)).await;
    assert_eq!(again.app.state("a2"), None);
    assert!(again.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn whoever_came_back_is_not_deleted_by_an_old_approval() {
    let (stage, _) = held().await;
    let waiting = stage.connection.approvals().await.unwrap();
    stage.hire("person1@corp.example").await;
    assert_eq!(stage.app.state("a2"), Some(State::Active), "the account is taken over again");
    assert_eq!(status(stage.connection.approve(&waiting[0].id, Completion::by("kim")).await), 409);
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.app.state("a2"), Some(State::Active));
    assert!(stage.connection.approvals().await.unwrap().is_empty());

    let (stage, _) = held().await;
    let waiting = stage.connection.approvals().await.unwrap();
    stage.connection.approve(&waiting[0].id, Completion::by("kim")).await.unwrap();
    stage.hire("person1@corp.example").await;
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.app.state("a2"), Some(State::Active), "and neither if the approval came first");
}

#[tokio::test(start_paused = true)]
async fn a_held_deletion_stays_held_when_it_is_tried_again() {
    let (stage, people) = with_people(native(), hard(0), 1).await;
    stage.app.always("deactivate", Some(Kind::Unavailable));
    assert_eq!(status(stage.delete(&people[0]).await), 503);
    assert_eq!(status(stage.delete(&people[0]).await), 503);
    let again = stage.restarted_with(hard(100)).await;
    again.app.always("deactivate", None);
    again.go_on_for(Duration::from_secs(20)).await;
    assert_eq!(again.app.state("a1"), Some(State::Inactive));
    assert_eq!(again.connection.approvals().await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_restart_forgets_no_deletion_and_the_window_ends() {
    let (stage, people) = with_people(native(), hard(1), 4).await;
    stage.delete(&people[0]).await.unwrap();
    let again = stage.restarted().await;
    again.delete(&people[1]).await.unwrap();
    assert_eq!((again.app.state("a1"), again.app.state("a2")), (None, Some(State::Inactive)));
    tokio::time::sleep(Duration::from_mins(62)).await;
    again.delete(&people[2]).await.unwrap();
    assert_eq!(again.app.state("a3"), None);
}

#[tokio::test(start_paused = true)]
async fn where_nobody_can_be_deactivated_a_deletion_is_the_way_out() {
    let only_deletes = Capabilities { deactivate: Deactivate::No, ..native() };
    let (stage, people) = with_people(only_deletes, hard(0), 1).await;
    stage.delete(&people[0]).await.unwrap();
    assert_eq!(stage.app.state("a1"), None);
    assert_eq!(stage.open_tasks().await, ["many_deactivations"]);
}

#[tokio::test(start_paused = true)]
async fn a_correction_deletes_nobody_for_good() {
    let drift = DriftPolicy { correction: Correction::Correct, ..DriftPolicy::default() };
    let policy = Policy { drift, freshness: Duration::ZERO, ..hard(0) };
    let (stage, people) = with_people(native(), policy, 6).await;
    stage.connection.look_for_drift(false).await.unwrap();
    stage.delete(&people[0]).await.unwrap();
    tokio::time::sleep(Duration::from_mins(5)).await;
    if let Some(account) = stage.app.content().accounts.get_mut("a1") {
        account.state = Some(State::Active);
    }
    let report = stage.connection.look_for_drift(false).await.unwrap();
    let found: Vec<_> = report.findings.iter().map(|finding| finding.what.as_str()).collect();
    assert_eq!(found, ["returned"]);
    assert!(stage.app.state("a1").is_some(), "a person is told and decides");
    assert!(stage.connection.tasks(true).await.unwrap().iter().any(|task| task.kind == "drift"));
}

#[tokio::test(start_paused = true)]
async fn an_approval_is_no_task_that_can_be_said_to_be_done() {
    let (stage, _) = held().await;
    let waiting = stage.connection.approvals().await.unwrap();
    assert_eq!(status(stage.connection.complete_task(&waiting[0].id, Completion::by("kim")).await), 409);
    assert_eq!(stage.connection.approvals().await.unwrap().len(), 1);
    let anna = id(&stage.post(person("anna@corp.example")).await.unwrap());
    stage.deactivate(&anna).await.unwrap();
    let open = stage.open_intents().await;
    assert!(open.iter().all(|intent| intent.state != IntentState::Dead) && open.is_empty());
}

#[tokio::test(start_paused = true)]
async fn whoever_only_seemed_to_be_gone_is_not_deleted_past_the_brake() {
    let (stage, people) = with_people(native(), hard(0), 1).await;
    sleep(Duration::from_secs(31)).await;
    let account = stage.app.content().accounts.pop_first().unwrap();
    stage.connection.list_accounts().await.unwrap();
    stage.app.content().accounts.extend([account]);
    stage.app.down(true);
    assert_eq!(status(stage.delete(&people[0]).await), 503);
    stage.app.down(false);
    stage.go_on_for(Duration::from_secs(20)).await;
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
    assert_eq!(stage.connection.approvals().await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_hired_into_an_account_whose_approved_deletion_may_come_yet() {
    let (stage, _) = held().await;
    let waiting = stage.connection.approvals().await.unwrap();
    stage.connection.approve(&waiting[0].id, Completion::by("kim")).await.unwrap();
    stage.app.next("delete_account", Fault::ActsLate);
    stage.app.always("account", Some(Kind::Unavailable));
    stage.go_on_for(Duration::from_secs(2)).await;
    stage.app.always("account", None);
    assert_eq!(status(stage.post(person("person1@corp.example")).await), 503);
    assert_eq!(stage.app.state("a2"), Some(State::Inactive));
    stage.app.catch_up();
    stage.go_on_for(Duration::from_mins(1)).await;
    stage.post(person("person1@corp.example")).await.unwrap();
    assert_eq!(stage.app.working("person1@corp.example"), 1);
    assert!(stage.open_intents().await.is_empty());
}
