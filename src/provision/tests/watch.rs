//! What is told to those who watch.

use std::time::Duration;

use super::stage::{Stage, by_hand, removing};

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "`{line}` in\n{text}");
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_counted_by_kind_and_aged_by_the_oldest() {
    let stage = Stage::new(by_hand()).await;
    stage.hire("anna@corp.example").await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    stage.hire("bo@corp.example").await;
    let text = stage.gateway.metrics().await;
    has(&text, "portcullis_open_tasks{connection=\"app\",kind=\"invite\"} 2.0");
    has(&text, "portcullis_oldest_open_task_age_seconds{connection=\"app\",kind=\"invite\"} 60.0");
    has(&text, "portcullis_open_intents{connection=\"app\"} 0.0");
    has(&text, "portcullis_residual_access{connection=\"app\"} 0.0");
    has(&text, "portcullis_webhook_events_waiting{connection=\"app\"} 2.0");
    has(
        &text,
        "portcullis_app_operations_total{connection=\"app\",operation=\"create_account\",outcome=\"waiting\"} 2",
    );
    has(&text, "portcullis_store_up 1.0");
    assert!(!text.contains("corp.example"), "nobody is named: {text}");
}

#[tokio::test(start_paused = true)]
async fn what_is_left_behind_is_counted_until_somebody_has_taken_it_away() {
    let stage = Stage::new(removing()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    has(&stage.gateway.metrics().await, "portcullis_residual_access{connection=\"app\"} 1.0");
    let task = stage.connection.tasks(true).await.unwrap().remove(0);
    stage.connection.complete_task(&task.id, crate::provision::Completion::by("Kim")).await.unwrap();
    let text = stage.gateway.metrics().await;
    has(&text, "portcullis_residual_access{connection=\"app\"} 0.0");
    has(
        &text,
        "portcullis_app_operations_total{connection=\"app\",operation=\"deactivate\",outcome=\"done\"} 1",
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_told_and_the_counters_go_on() {
    let stage = Stage::new(removing()).await;
    stage.hire("anna@corp.example").await;
    stage.store.close().await;
    let text = stage.gateway.metrics().await;
    has(&text, "portcullis_store_up 0.0");
    assert!(
        text.contains("portcullis_app_operations_total{") && !text.contains("portcullis_open_intents"),
        "{text}"
    );
}
