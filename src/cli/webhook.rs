//! The receiver of one connection's webhook.

use async_trait::async_trait;

use crate::base::clock::Timestamp;
use crate::provision::Receiver;
use crate::upstream::Webhook;

/// A receiver behind an address of the operator's.
#[derive(Debug)]
pub struct Hook {
    pub webhook: Webhook,
    /// Whether it is told whom a task is about.
    pub person: bool,
}

#[async_trait]
impl Receiver for Hook {
    fn tells_person(&self) -> bool {
        self.person
    }

    async fn take(&self, id: &str, now: Timestamp, body: String) -> Result<(), String> {
        match self.webhook.send(id, now, body).await {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
            Ok(answer) => Err(format!("the receiver answered {}", answer.status)),
            Err(failure) => Err(failure.to_string()),
        }
    }
}
