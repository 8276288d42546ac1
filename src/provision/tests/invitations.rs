//! An invitation is followed from the mail to the day it is accepted, expires or is withdrawn; nobody gets two mails.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::app::Fault;
use super::stage::{Stage, is_active, person, removing, status};
use crate::contract::{Accounts, Capabilities, Kind, State};
use crate::provision::{InvitationPolicy, Overdue, Policy, What};
use crate::scim::schema::{GATEWAY_USER, ResourceKind::User};

const DAY: Duration = Duration::from_hours(24);
const LATER: Duration = Duration::from_mins(1);

/// An app that does not show whom it invited until they accept.
fn hiding() -> Capabilities {
    let shown = removing();
    Capabilities { accounts: Accounts { shows_invited: false, ..shown.accounts }, ..shown }
}

fn resending() -> Policy {
    let invitations = InvitationPolicy { overdue: Overdue::Resend, ..InvitationPolicy::default() };
    Policy { invitations, ..Policy::default() }
}

impl Stage {
    async fn tend(&self) {
        sleep(LATER).await;
        self.connection.tend_invitations().await.unwrap();
    }

    /// `active` and `invitationStatus` as they are shown.
    async fn invited(&self, id: &str) -> (bool, String) {
        let shown = self.get(User, id).await.unwrap();
        let status = shown.resource[GATEWAY_USER]["invitationStatus"].as_str().unwrap().to_owned();
        (is_active(&shown), status)
    }

    fn accept(&self, id: &str) {
        self.app.content().accounts.get_mut(id).unwrap().state = Some(State::Active);
    }

    fn mails(&self) -> usize {
        self.app.calls().iter().filter(|call| call.starts_with("create_account")).count()
    }
}

fn said(active: bool, invitation: &str) -> (bool, String) {
    (active, invitation.to_owned())
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_is_noticed_without_anybody_asking_and_then_nobody_looks_any_more() {
    for capabilities in [removing(), hiding()] {
        let stage = Stage::new(capabilities).await;
        let anna = stage.hire("anna@corp.example").await;
        let stop = CancellationToken::new();
        let watch = tokio::spawn(Arc::clone(&stage.gateway).watch_invitations(stop.clone()));
        sleep(Duration::from_mins(20)).await;
        assert_eq!(stage.connection.person(&anna).await.unwrap().standing.invitation.as_str(), "pending");
        stage.accept("a1");
        sleep(Duration::from_mins(20)).await;
        assert_eq!(stage.connection.person(&anna).await.unwrap().standing.invitation.as_str(), "accepted");
        stage.app.calls();
        sleep(Duration::from_hours(2)).await;
        assert_eq!(stage.app.calls(), Vec::<String>::new());
        stop.cancel();
        watch.await.unwrap();
        assert_eq!(stage.invited(&anna).await, said(true, "accepted"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_pending_invitation_is_active_and_repeated_requests_send_no_second_mail() {
    for capabilities in [removing(), hiding()] {
        let stage = Stage::with(capabilities, resending()).await;
        let anna = stage.hire("anna@corp.example").await;
        for _ in 0..3 {
            sleep(LATER).await;
            assert_eq!(status(stage.post(person("anna@corp.example")).await), 409);
            stage.activate(&anna).await.unwrap();
            stage.patch(&anna, json!({ "title": "Pilot" })).await.unwrap();
            stage.put(&anna, person("anna@corp.example")).await.unwrap();
            stage.tend().await;
            assert_eq!(stage.invited(&anna).await, said(true, "pending"));
        }
        assert_eq!(stage.mails(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_invitation_that_is_gone_has_expired_and_a_task_says_so() {
    let stage = Stage::new(removing()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.tend().await;
    stage.app.content().accounts.clear();
    stage.app.calls();
    stage.tend().await;
    assert_eq!(stage.invited(&anna).await, said(false, "expired"));
    assert_eq!(stage.open_tasks().await, ["invitation"]);
    stage.tend().await;
    assert_eq!((stage.open_tasks().await.len(), stage.mails()), (1, 0));
    assert_eq!(stage.connection.look_for_drift(false).await.unwrap().findings, []);

    stage.activate(&anna).await.unwrap();
    assert_eq!(stage.invited(&anna).await, said(true, "pending"));
    assert_eq!(stage.mails(), 1);
    stage.tend().await;
    assert!(stage.open_tasks().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_expired_invitation_is_sent_again_three_times_and_then_a_task_says_so() {
    let stage = Stage::with(removing(), resending()).await;
    let anna = stage.hire("anna@corp.example").await;
    for mails in [1, 1, 1, 0, 0] {
        stage.tend().await;
        stage.app.content().accounts.clear();
        stage.app.calls();
        stage.tend().await;
        assert_eq!(stage.mails(), mails);
    }
    assert_eq!(stage.invited(&anna).await, said(false, "expired"));
    assert_eq!(stage.open_tasks().await, ["invitation"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_an_invitation_sent_again_makes_no_second_mail() {
    let stage = Stage::with(removing(), resending()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.tend().await;
    stage.app.content().accounts.clear();
    stage.app.next("create_account", Fault::ActsLate);
    stage.app.calls();
    stage.tend().await;
    stage.app.catch_up();
    stage.tend().await;
    stage.tend().await;
    assert_eq!(stage.mails(), 1);
    assert_eq!(stage.invited(&anna).await, said(true, "pending"));
}

#[tokio::test(start_paused = true)]
async fn an_invitation_the_app_does_not_show_expires_with_its_lifetime() {
    let stage = Stage::new(hiding()).await;
    let anna = stage.hire("anna@corp.example").await;
    sleep(13 * DAY).await;
    stage.tend().await;
    assert_eq!(stage.invited(&anna).await, said(true, "pending"));
    sleep(DAY).await;
    stage.tend().await;
    assert_eq!(stage.invited(&anna).await, said(true, "expired"));
    assert_eq!(stage.open_tasks().await, ["invitation"]);
    stage.accept("a1");
    stage.tend().await;
    assert_eq!(stage.invited(&anna).await, said(true, "accepted"));
    assert!(stage.open_tasks().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_invitation_the_app_does_not_show_is_sent_again_unless_the_app_still_counts_on_it() {
    for lapsed in [false, true] {
        let stage = Stage::with(hiding(), resending()).await;
        let anna = stage.hire("anna@corp.example").await;
        stage.app.calls();
        if lapsed {
            stage.app.content().accounts.clear();
        }
        sleep(14 * DAY).await;
        stage.tend().await;
        assert_eq!(stage.mails(), 1);
        assert_eq!(stage.invited(&anna).await, said(true, "pending"));
        assert_eq!(stage.app.working("anna@corp.example"), 1);
        assert!(stage.open_intents().await.is_empty() && stage.open_tasks().await.is_empty());
        stage.tend().await;
        assert_eq!(stage.mails(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_removed_before_accepting_is_withdrawn_for_good() {
    for capabilities in [removing(), hiding()] {
        let stage = Stage::new(capabilities).await;
        let anna = stage.hire("anna@corp.example").await;
        sleep(LATER).await;
        stage.app.calls();
        stage.deactivate(&anna).await.unwrap();
        assert_eq!(stage.app.writes(), ["deactivate a1"]);
        assert_eq!(stage.invited(&anna).await, said(false, "none"));
        stage.tend().await;
        assert_eq!(stage.app.writes(), Vec::<String>::new());
    }
}

/// The app said that it withdrew the invitation and did not.
async fn withdrawn_by_word_only(stage: &Stage, leave: impl AsyncFnOnce(&Stage)) {
    stage.app.next("deactivate", Fault::Lies);
    leave(stage).await;
    sleep(LATER).await;
    stage.accept("a1");
    stage.app.calls();
}

#[tokio::test(start_paused = true)]
async fn an_invitation_accepted_after_the_person_left_is_taken_back_under_every_policy() {
    for deleted in [false, true] {
        let stage = Stage::new(hiding()).await;
        let anna = stage.hire("anna@corp.example").await;
        withdrawn_by_word_only(&stage, async |stage| {
            if deleted {
                stage.delete(&anna).await.unwrap();
            } else {
                stage.deactivate(&anna).await.unwrap();
            }
        })
        .await;
        stage.tend().await;
        assert_eq!(stage.app.working("anna@corp.example"), 0, "deleted: {deleted}");
        let calls = stage.app.calls();
        assert!(calls.ends_with(&["deactivate a1".to_owned(), "account a1".to_owned()]), "{calls:?}");
        if !deleted {
            assert!(!stage.invited(&anna).await.0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_invitation_accepted_late_is_found_by_the_look_for_drift_too() {
    let stage = Stage::new(hiding()).await;
    let anna = stage.hire("anna@corp.example").await;
    withdrawn_by_word_only(&stage, async |stage| drop(stage.deactivate(&anna).await.unwrap())).await;
    let report = stage.connection.look_for_drift(false).await.unwrap();
    let told: Vec<_> = report.findings.iter().map(|found| (found.what, found.ended.as_str())).collect();
    assert_eq!(told, [(What::Reactivated, "corrected")]);
    assert_eq!(stage.app.working("anna@corp.example"), 0);
}

#[tokio::test(start_paused = true)]
async fn somebody_invited_again_by_hand_is_not_taken_for_a_late_acceptance() {
    let stage = Stage::new(hiding()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    sleep(LATER).await;
    stage.app.put("b7", "anna@corp.example", State::Active, "member");
    stage.app.calls();
    stage.tend().await;
    assert_eq!(stage.app.writes(), Vec::<String>::new());
    let report = stage.connection.look_for_drift(false).await.unwrap();
    assert_eq!((report.findings[0].what, report.findings[0].ended.as_str()), (What::Reactivated, "reported"));
}

#[tokio::test(start_paused = true)]
async fn while_the_app_is_down_an_invitation_stays_as_it_is() {
    let stage = Stage::with(removing(), resending()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.tend().await;
    for _ in 0..3 {
        stage.app.next("accounts", Fault::Fails(Kind::Unavailable));
        stage.tend().await;
    }
    assert_eq!(stage.invited(&anna).await, said(true, "pending"));
    let first: Vec<Value> = stage.list(User, None).await;
    assert_eq!(first.len(), 1);
}
