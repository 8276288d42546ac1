//! One at a time per person: requests about one resource wait for each other, requests about others do not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// A turn; it ends when it is dropped.
pub type Turn = OwnedMutexGuard<()>;

/// The queues of all resources that have one right now.
#[derive(Debug, Default)]
pub struct Turns(Mutex<HashMap<String, Arc<AsyncMutex<()>>>>);

impl Turns {
    /// Waits for the turn of `key`.
    pub async fn take(&self, key: &str) -> Turn {
        let queue = {
            let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // A queue only this map holds has nobody in it.
            if queues.len() > 1_024 {
                queues.retain(|_, queue| Arc::strong_count(queue) > 1);
            }
            queues.entry(key.to_owned()).or_default().clone()
        };
        queue.lock_owned().await
    }
}
