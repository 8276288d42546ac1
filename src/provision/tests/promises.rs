//! What is promised holds however long an app is away, however it lies, and whoever hangs up.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::app::Fault;
use super::stage::{Stage, is_active, native, person, status};
use crate::base::context::Context;
use crate::contract::State;
use crate::provision::{Correction, DriftPolicy, Policy, Preconditions, View};
use crate::scim::schema::ResourceKind::User;

#[tokio::test(start_paused = true)]
async fn a_deactivation_without_effect_is_never_answered_as_one() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    for _ in 0..40 {
        stage.app.next("deactivate", Fault::Lies);
    }
    for _ in 0..5 {
        assert_eq!(status(stage.deactivate(&anna).await), 503);
        assert!(is_active(&stage.get(User, &anna).await.unwrap()));
        stage.go_on_for(Duration::from_secs(20)).await;
        assert_eq!(stage.app.state("a1"), Some(State::Active));
    }
    stage.go_on_for(Duration::from_mins(10)).await;
    assert_eq!(stage.app.state("a1"), Some(State::Inactive), "it is asked until it obeys");
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deactivation_that_takes_effect_late_is_answered_once_it_has() {
    for (late, told) in [(1, Ok(())), (5, Ok(())), (30, Err(503))] {
        let stage = Stage::new(native()).await;
        let anna = stage.hire("anna@corp.example").await;
        stage.app.takes_effect_after("deactivate", Duration::from_secs(late));
        let (answer, active) = tokio::join!(stage.deactivate(&anna), async {
            sleep(Duration::from_millis(late * 1_000 - 1)).await;
            stage.app.state("a1")
        });
        assert_eq!(active, Some(State::Active));
        assert_eq!(answer.map(drop).map_err(|refusal| refusal.error.status), told, "after {late} s");
        if told.is_ok() {
            assert_eq!(stage.app.state("a1"), Some(State::Inactive), "after {late} s");
        }
        stage.go_on_for(Duration::from_secs(40)).await;
        assert_eq!(stage.app.state("a1"), Some(State::Inactive), "after {late} s");
        assert!(!is_active(&stage.get(User, &anna).await.unwrap()));
        assert!(stage.open_intents().await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn access_that_comes_back_by_itself_is_found_by_the_next_look_for_drift() {
    for (correction, ends) in [(Correction::Report, State::Active), (Correction::Correct, State::Inactive)] {
        let drift = DriftPolicy { correction, ..DriftPolicy::default() };
        let stage = Stage::with(native(), Policy { drift, ..Policy::default() }).await;
        let anna = stage.hire("anna@corp.example").await;
        stage.connection.look_for_drift(false).await.unwrap();
        stage.deactivate(&anna).await.unwrap();
        sleep(Duration::from_mins(5)).await;
        if let Some(account) = stage.app.content().accounts.get_mut("a1") {
            account.state = Some(State::Active);
        }
        let report = stage.connection.look_for_drift(false).await.unwrap();
        assert_eq!(report.findings.len(), 1, "{report:?}");
        assert_eq!(report.findings[0].what.as_str(), "reactivated");
        assert_eq!(stage.app.state("a1"), Some(ends));
    }
}

#[tokio::test(start_paused = true)]
async fn after_twenty_eight_days_without_the_app_everybody_who_left_is_out_within_ten_minutes() {
    const PEOPLE: usize = 20;
    let stage = Stage::new(native()).await;
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(stage.hire(&format!("person{number}@corp.example")).await);
    }
    stage.app.down(true);
    for person in &people {
        assert_eq!(status(stage.deactivate(person).await), 503);
    }
    // The provider gives up. The gateway is at work for half a minute of every day, and is started again each week.
    let mut stage = stage;
    for day in 0..28 {
        sleep(Duration::from_hours(24) - Duration::from_secs(30)).await;
        stage.go_on_for(Duration::from_secs(30)).await;
        if day % 7 == 6 {
            stage = stage.restarted().await;
        }
    }
    assert_eq!(stage.open_intents().await.len(), PEOPLE, "none is given up");
    assert_eq!(stage.open_tasks().await, ["late_removals"], "and somebody is told");
    stage.app.down(false);
    stage.go_on_for(Duration::from_mins(10)).await;
    assert!(stage.open_intents().await.is_empty());
    let active =
        stage.app.content().accounts.values().filter(|account| account.state() != State::Inactive).count();
    assert_eq!(active, 0);
    assert_eq!(stage.open_tasks().await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn whenever_a_caller_hangs_up_every_request_reaches_its_end() {
    Box::pin(every_request_reaches_its_end(100)).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "takes a minute: the one above, 5,000 requests"]
async fn of_five_thousand_requests_that_are_hung_up_on_each_reaches_its_end() {
    Box::pin(every_request_reaches_its_end(2_500)).await;
}

/// Somebody is hired and leaves, and another one comes, so many times; the caller hangs up at any time.
async fn every_request_reaches_its_end(times: u64) {
    let stage = Stage::new(native()).await;
    let mut random = 0x9e37_79b9_u64;
    let mut people = Vec::new();
    for number in 0..times {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (patience, takes) = (random >> 40 & 0x7fff, random >> 20 & 0x3fff);
        let email = format!("person{number}@corp.example");
        let id = stage.hire(&email).await;
        let gate = Arc::new(Notify::new());
        for operation in ["deactivate", "create_account"] {
            stage.app.next(operation, Fault::Waits(Arc::clone(&gate)));
        }
        let (connection, when) = (Arc::clone(&stage.connection), Preconditions::default());
        let context = Context::new(format!("r-{number}"), Duration::from_secs(25));
        let calls = context.scope(async {
            let leave = json!({"Operations": [{"op": "replace", "value": {"active": false}}]});
            let view = View::default();
            let leaves = connection.patch(User, &id, leave, &view, &when);
            let comes = connection.create(User, person(&format!("new{number}@corp.example")), &view);
            drop(
                tokio::time::timeout(Duration::from_millis(patience), async { tokio::join!(leaves, comes) })
                    .await,
            );
        });
        let opens = async {
            sleep(Duration::from_millis(takes)).await;
            gate.notify_one();
            gate.notify_one();
            sleep(Duration::from_secs(1)).await;
            gate.notify_waiters();
        };
        tokio::join!(calls, opens);
        stage.app.forget_faults();
        gate.notify_waiters();
        people.push(id);
    }
    stage.go_on_for(Duration::from_mins(5)).await;
    assert!(stage.open_intents().await.is_empty(), "{:?}", stage.open_intents().await);
    let mut active = 0;
    for (number, id) in people.iter().enumerate() {
        let left = stage.get(User, id).await.unwrap();
        active += usize::from(is_active(&left));
        let email = format!("person{number}@corp.example");
        // A request that was cut off before it was begun asked for nothing.
        assert_eq!(usize::from(is_active(&left)), stage.app.working(&email), "{email}");
        assert!(stage.app.working(&format!("new{number}@corp.example")) <= 1);
    }
    assert!(active <= people.len() / 50, "{active} of {} were cut off before they were begun", people.len());
}

#[tokio::test(start_paused = true)]
async fn access_that_comes_back_by_itself_is_gone_again_within_the_time_between_two_looks() {
    let every = Duration::from_mins(15);
    let drift = DriftPolicy { correction: Correction::Correct, every: Some(every), ..DriftPolicy::default() };
    for returns in [1, 5, 30, 600] {
        let stage = Stage::with(native(), Policy { drift: drift.clone(), ..Policy::default() }).await;
        let anna = stage.hire("anna@corp.example").await;
        let stop = CancellationToken::new();
        let sweeps = tokio::spawn(Arc::clone(&stage.gateway).watch_drift(stop.clone()));
        sleep(Duration::from_mins(12)).await;
        stage.deactivate(&anna).await.unwrap();
        sleep(Duration::from_secs(returns)).await;
        stage.app.put("a1", "anna@corp.example", State::Active, "member");
        sleep(every + Duration::from_secs(1)).await;
        assert_eq!(stage.app.state("a1"), Some(State::Inactive), "back after {returns} s");
        stop.cancel();
        sweeps.await.unwrap();
    }
}
