//! Tells receivers what happened to tasks: from the store, so that a restart loses nothing, and beside all requests,
//! so that none ever waits for a receiver.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use crate::base::clock::Timestamp;
use crate::base::jitter::{full_jitter, share};
use crate::store::{self, Event, Happened, TaskState, Write};

/// How often the store is looked at.
const ROUND: Duration = Duration::from_secs(1);

/// Events that are told in one go.
const AT_ONCE: u64 = 100;

/// The shortest and the longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(1));

/// After this long an event is given up.
const PATIENCE: Duration = Duration::from_hours(72);

/// Somebody who wants to know what happens to the tasks of a connection.
#[async_trait]
pub trait Receiver: Debug + Send + Sync {
    /// Whether the person, and what may name the person, is to be told.
    fn tells_person(&self) -> bool;

    /// Delivers `body` once; the same `id` at every attempt at one event.
    ///
    /// # Errors
    /// Why it was not taken, in one line without the body.
    async fn take(&self, id: &str, now: Timestamp, body: String) -> std::result::Result<(), String>;
}

impl Connection {
    /// Tells `receiver` what happens to this connection's tasks, until `stop`. Without one nobody is told, then or
    /// later.
    pub async fn keep_telling(self: Arc<Self>, receiver: Option<Arc<dyn Receiver>>, stop: CancellationToken) {
        loop {
            let round = async {
                if !self.leads() {
                    tokio::time::sleep(ROUND).await;
                    return;
                }
                let pause = self.tell(receiver.as_deref()).await.unwrap_or_else(|error| {
                    tracing::warn!(connection = self.name(), %error, "the webhook events could not be read");
                    None
                });
                tokio::time::sleep(pause.unwrap_or(ROUND)).await;
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = round => {}
            }
        }
    }

    /// Tells what is due; how long to leave the receiver alone where it did not take it.
    async fn tell(&self, receiver: Option<&dyn Receiver>) -> store::Result<Option<Duration>> {
        let due = self.store().events(self.name(), self.now(), AT_ONCE).await?;
        let Some(receiver) = receiver else {
            self.store().commit(due.into_iter().map(|event| Write::DropEvent(event.id)).collect()).await?;
            return Ok(Some(PAUSES.0));
        };
        for event in due {
            let body = body(&event, self.capabilities().app, receiver.tells_person()).to_string();
            match receiver.take(&event.id, self.now(), body).await {
                Ok(()) => {
                    self.shared.metrics.webhook_delivery(self.name(), "delivered");
                    self.store().commit(vec![Write::DropEvent(event.id)]).await?;
                }
                Err(reason) => {
                    self.shared.metrics.webhook_delivery(self.name(), "failed");
                    return self.postpone_event(event, &reason).await.map(Some);
                }
            }
        }
        Ok(None)
    }

    async fn postpone_event(&self, event: Event, reason: &str) -> store::Result<Duration> {
        let (shortest, longest) = PAUSES;
        let pause =
            full_jitter(u32::try_from(event.attempts.max(0)).unwrap_or(u32::MAX), shortest, longest, share())
                .max(shortest);
        let gives_up = self.now().since(event.at) >= PATIENCE;
        if gives_up {
            tracing::error!(
                connection = self.name(),
                event = event.id,
                attempts = event.attempts + 1,
                reason,
                "a webhook event was never taken and is given up"
            );
        } else {
            tracing::warn!(
                connection = self.name(),
                event = event.id,
                reason,
                "a webhook event was not taken"
            );
        }
        let next_attempt_at = (!gives_up).then(|| self.now().plus(pause));
        let attempts = event.attempts + 1;
        self.store()
            .commit(vec![Write::PostponeEvent { event: event.id, attempts, next_attempt_at }])
            .await?;
        Ok(pause)
    }
}

/// What a receiver reads: the task as it was when it happened.
fn body(event: &Event, app: &str, tells_person: bool) -> Value {
    let task = &event.task;
    let (word, state) = match event.happened {
        Happened::Opened => ("task.opened", TaskState::Open),
        Happened::Closed => ("task.closed", task.state),
    };
    let mut data = json!({
        "id": task.id,
        "connection": task.connection,
        "app": app,
        "resource": task.resource,
        "kind": task.kind,
        "urgent": task.urgent,
        "owner": task.owner,
        "link": task.link,
        "state": state,
        "created_at": task.created_at.to_string(),
    });
    if tells_person {
        data["person"] = json!(task.person);
        data["instruction"] = json!(task.instruction);
    }
    if event.happened == Happened::Closed {
        data["closed_at"] = json!(task.closed_at.map(|at| at.to_string()));
        if tells_person {
            data["closed_by"] = json!(task.closed_by);
            data["note"] = json!(task.note);
            data["evidence"] = json!(task.evidence);
        }
    }
    json!({ "type": word, "timestamp": event.at.to_string(), "data": data })
}
