//! Receivers are told of every task, once each where they listen, again and again where they do not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::stage::{Stage, by_hand};
use crate::base::clock::Timestamp;
use crate::provision::{Completion, Receiver};

/// A receiver that takes what comes, or nothing.
#[derive(Debug, Default)]
struct Desk {
    told: Mutex<Vec<(String, Value)>>,
    closed: Mutex<bool>,
    without_person: bool,
}

impl Desk {
    fn told(&self) -> Vec<(String, Value)> {
        self.told.lock().unwrap().clone()
    }

    fn ids(&self) -> Vec<String> {
        self.told().into_iter().map(|(id, _)| id).collect()
    }
}

#[async_trait]
impl Receiver for Desk {
    fn tells_person(&self) -> bool {
        !self.without_person
    }

    async fn take(&self, id: &str, _now: Timestamp, body: String) -> Result<(), String> {
        self.told.lock().unwrap().push((id.to_owned(), serde_json::from_str(&body).unwrap()));
        if *self.closed.lock().unwrap() { Err("the receiver answered 500".to_owned()) } else { Ok(()) }
    }
}

async fn telling(stage: &Stage, desk: Option<&Arc<Desk>>, time: Duration) {
    let stop = CancellationToken::new();
    let receiver = desk.map(|desk| Arc::clone(desk) as Arc<dyn Receiver>);
    let worker = tokio::spawn(Arc::clone(&stage.connection).keep_telling(receiver, stop.clone()));
    tokio::time::sleep(time).await;
    stop.cancel();
    worker.await.unwrap();
}

async fn done(stage: &Stage) -> String {
    let task = stage.connection.tasks(true).await.unwrap().remove(0);
    stage.connection.complete_task(&task.id, Completion::by("Kim")).await.unwrap();
    task.id
}

#[tokio::test(start_paused = true)]
async fn a_task_is_told_when_it_opens_and_when_it_closes_as_it_was_then() {
    let (stage, desk) = (Stage::new(by_hand()).await, Arc::default());
    let anna = stage.hire("anna@corp.example").await;
    let task = done(&stage).await;
    telling(&stage, Some(&desk), Duration::from_secs(5)).await;
    let told = desk.told();
    assert_eq!(desk.ids(), [format!("{task}-opened"), format!("{task}-closed")]);
    let (opened, closed) = (&told[0].1, &told[1].1);
    assert_eq!((&opened["type"], &opened["data"]["state"]), (&json!("task.opened"), &json!("open")));
    assert_eq!(opened["data"].get("closed_at"), None);
    assert_eq!(
        (&opened["data"]["resource"], &opened["data"]["person"]),
        (&json!(anna), &json!("anna@corp.example"))
    );
    assert_eq!((&closed["type"], &closed["data"]["state"]), (&json!("task.closed"), &json!("done")));
    assert_eq!(closed["data"]["closed_by"], "Kim");
    telling(&stage, Some(&desk), Duration::from_hours(2)).await;
    assert_eq!(desk.ids().len(), 2, "what was taken is not told again");
}

#[tokio::test(start_paused = true)]
async fn without_the_person_nothing_that_may_name_them_is_told() {
    let (stage, desk) =
        (Stage::new(by_hand()).await, Arc::new(Desk { without_person: true, ..Desk::default() }));
    stage.hire("anna@corp.example").await;
    done(&stage).await;
    telling(&stage, Some(&desk), Duration::from_secs(5)).await;
    assert_eq!(desk.ids().len(), 2);
    for (_, body) in desk.told() {
        assert!(!body.to_string().contains("anna") && !body.to_string().contains("Kim"), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_taken_comes_again_after_longer_and_longer_pauses_and_across_a_restart() {
    let (stage, desk) = (Stage::new(by_hand()).await, Arc::new(Desk::default()));
    *desk.closed.lock().unwrap() = true;
    stage.hire("anna@corp.example").await;
    telling(&stage, Some(&desk), Duration::from_mins(10)).await;
    let attempts = desk.ids();
    assert!((3..60).contains(&attempts.len()), "{}", attempts.len());
    assert!(attempts.iter().all(|id| *id == attempts[0]), "{attempts:?}");

    let again = stage.restarted().await;
    let open = Arc::new(Desk::default());
    telling(&again, Some(&open), Duration::from_hours(1)).await;
    assert_eq!(open.ids(), [attempts[0].clone()]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_never_listens_is_given_up_and_holds_up_no_request() {
    let (stage, desk) = (Stage::new(by_hand()).await, Arc::new(Desk::default()));
    *desk.closed.lock().unwrap() = true;
    stage.hire("anna@corp.example").await;
    telling(&stage, Some(&desk), Duration::from_hours(80)).await;
    let attempts = desk.ids().len();
    stage.hire("bo@corp.example").await;
    assert_eq!(stage.open_tasks().await, ["invite", "invite"], "the task is open whoever listens");
    *desk.closed.lock().unwrap() = false;
    telling(&stage, Some(&desk), Duration::from_hours(3)).await;
    assert_eq!(desk.ids().len(), attempts + 1, "the first was given up, the second is told");
    let metrics = stage.gateway.metrics().await;
    assert!(metrics.contains("portcullis_webhook_events_abandoned{connection=\"app\"} 1.0\n"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn without_a_receiver_nobody_is_told_then_or_later() {
    let (stage, desk) = (Stage::new(by_hand()).await, Arc::default());
    stage.hire("anna@corp.example").await;
    telling(&stage, None, Duration::from_secs(5)).await;
    telling(&stage, Some(&desk), Duration::from_secs(5)).await;
    assert_eq!(desk.told(), []);
}
