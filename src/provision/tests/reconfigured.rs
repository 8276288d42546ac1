//! A connection that is configured anew while it is at work.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::app::Fault;
use super::stage::{Stage, is_active, native, status};
use crate::contract::State;
use crate::provision::{DeletePolicy, Policy};

#[tokio::test(start_paused = true)]
async fn what_begins_anew_waits_for_what_is_under_way_and_has_the_last_word() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    let gate = Arc::new(Notify::new());
    stage.app.next("deactivate", Fault::Waits(Arc::clone(&gate)));
    let (off, on, ()) = tokio::join!(
        stage.deactivate(&anna),
        async {
            sleep(Duration::from_secs(1)).await;
            stage.configured_with(Policy::default()).await.activate(&anna).await
        },
        async {
            sleep(Duration::from_secs(2)).await;
            gate.notify_one();
        }
    );
    assert!(!is_active(&off.unwrap()) && is_active(&on.unwrap()));
    assert_eq!(stage.app.writes(), ["create_account anna@corp.example", "deactivate a1", "reactivate a1"]);
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_was_promised_before_is_carried_out_after_it() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(Arc::clone(&stage.gateway).keep_promises(stop.clone()));
    stage.app.down(true);
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    let rejects = Policy { delete: DeletePolicy::Reject, ..Policy::default() };
    let stage = stage.configured_with(rejects).await;
    assert_eq!(status(stage.delete(&anna).await), 403);
    stage.app.down(false);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
    assert_eq!(stage.open_intents().await, []);
    stop.cancel();
    worker.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_goes_only_once_whoever_was_to_leave_is_out() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(Arc::clone(&stage.gateway).keep_promises(stop.clone()));
    stage.app.down(true);
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    let refused = stage.gateway.serve_instead(Vec::new()).await.unwrap_err();
    assert_eq!(refused.error.status, 409);
    assert!(refused.error.detail.contains("connections.app: 1 removals"), "{}", refused.error.detail);
    stage.app.down(false);
    sleep(Duration::from_secs(20)).await;
    assert_eq!((stage.app.state("a1"), stage.open_intents().await.len()), (Some(State::Inactive), 0));
    stage.gateway.serve_instead(Vec::new()).await.unwrap();
    stop.cancel();
    worker.await.unwrap();
}
