//! Safe mode: after an older database was put back nobody gets access until an operator has looked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, Shared};
use super::drift::{Listing, What};
use super::gateway::Gateway;
use super::plan::{self, Access};
use super::{Refusal, Result};
use crate::base::clock::Timestamp;
use crate::scim::error::ScimError;
use crate::store::Write;

/// No connection can be called so: what the gateway keeps for itself is kept under it.
const OURS: &str = "portcullis";
const NOTE: &str = "safe_mode";

/// How soon every process knows that safe mode was begun or ended.
const ROUND: Duration = Duration::from_secs(5);

/// Why nobody gets access at present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SafeMode {
    pub since: Timestamp,
    pub reason: String,
}

/// What a complete listing since the beginning of safe mode says of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    pub connection: String,
    pub state: Reviewed,
}

/// See [`Review`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reviewed {
    /// The app keeps no accounts that could differ.
    Nothing,
    /// The app has not been listed completely since; the reason, where listing it failed.
    Not(Option<String>),
    /// Who should have access by the database and has none in the app: SCIM id and name.
    Compared(Vec<(String, String)>),
}

/// What this process knows of safe mode beside the note in the store.
#[derive(Debug, Default)]
pub(super) struct Vigil {
    /// One looks at the note, or writes it, at a time.
    turn: tokio::sync::Mutex<()>,
    /// Begun here, and in the note only once that could be written. It is told before the turn is waited for: whoever
    /// looked at the note earlier opens no gate by it.
    begun: Mutex<Option<SafeMode>>,
}

impl Vigil {
    fn begun(&self) -> MutexGuard<'_, Option<SafeMode>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gateway {
    /// Whether nobody gets access at present, and why. The gate of this process follows; what was begun here and could
    /// not be written down is tried again.
    ///
    /// # Errors
    /// 503 where the store cannot be read; the gate stays as it is.
    pub async fn safe_mode(&self) -> Result<Option<SafeMode>> {
        let _turn = self.vigil().turn.lock().await;
        self.look().await
    }

    /// [`Gateway::safe_mode`] for whoever has the turn.
    async fn look(&self) -> Result<Option<SafeMode>> {
        if let Err(Refusal { error, .. }) = self.write_down().await {
            tracing::warn!(reason = error.detail, "safe mode could not be written down");
        }
        let noted = self.noted().await?;
        Ok(self.follow(noted))
    }

    /// What the note in the store says; the gate stays as it is.
    async fn noted(&self) -> Result<Option<SafeMode>> {
        let text = self.shared().store.note(OURS, NOTE).await?.filter(|text| !text.is_empty());
        Ok(text.map(|text| {
            // What cannot be read was written for a reason.
            let unreadable = SafeMode { since: Timestamp(0), reason: "its note cannot be read".to_owned() };
            serde_json::from_str(&text).unwrap_or(unreadable)
        }))
    }

    /// Moves the gate to what was noted, unless safe mode was begun here since.
    fn follow(&self, noted: Option<SafeMode>) -> Option<SafeMode> {
        let begun = self.vigil().begun();
        let mode = begun.clone().or(noted);
        self.shared().gate.shut(mode.is_some());
        mode
    }

    /// Gives nobody access from now on; nothing to do where that is so already.
    ///
    /// # Errors
    /// 503 where the store cannot be written; this process gives nobody access all the same, and writes it down later.
    pub async fn enter_safe_mode(&self, reason: &str) -> Result<()> {
        {
            let mut begun = self.vigil().begun();
            let since = self.shared().clock.now();
            begun.get_or_insert_with(|| SafeMode { since, reason: reason.to_owned() });
            self.shared().gate.shut(true);
        }
        let _turn = self.vigil().turn.lock().await;
        self.write_down().await
    }

    /// Notes what was begun here, where nothing is noted yet.
    async fn write_down(&self) -> Result<()> {
        let Some(mode) = self.vigil().begun().clone() else { return Ok(()) };
        if self.noted().await?.is_none() {
            tracing::error!(reason = mode.reason, "safe mode: access is taken away and given to nobody");
            let text = serde_json::to_string(&mode)
                .map_err(|_| Refusal::from(ScimError::new(500, "safe mode could not be written down")))?;
            self.keep_note(text).await?;
        }
        *self.vigil().begun() = None;
        Ok(())
    }

    async fn keep_note(&self, text: String) -> Result<()> {
        let note = Write::Note { connection: OURS.to_owned(), name: NOTE.to_owned(), text };
        Ok(self.shared().store.commit(vec![note]).await?)
    }

    /// Compares the database with the number kept outside of it: an older database enters safe mode.
    ///
    /// Call once, before anything is asked of an app.
    pub async fn recognise_backup(&self) -> Result<()> {
        self.safe_mode().await?;
        let Some(anchor) = &self.shared().anchor else { return Ok(()) };
        let (known, epoch) = (anchor.epoch(), self.shared().store.epoch().await?);
        if epoch < known {
            let reason = format!(
                "the journal ends at entry {epoch} and was at entry {known} before: an older database was put back"
            );
            self.enter_safe_mode(&reason).await?;
        }
        Ok(())
    }

    /// What the last complete listings say of every connection.
    ///
    /// # Errors
    /// 503 where the store fails.
    pub async fn review(&self, mode: &SafeMode) -> Result<Vec<Review>> {
        let mut reviews = Vec::new();
        for connection in self.connections() {
            let state = connection.reviewed(mode.since).await?;
            reviews.push(Review { connection: connection.name().to_owned(), state });
        }
        Ok(reviews)
    }

    /// Ends safe mode: whoever lost access in the app counts as having left.
    ///
    /// Answers how many those are.
    ///
    /// # Errors
    /// 409 while a connection that is not among `unseen` has not been compared since safe mode began, and where there
    /// is no safe mode; 503 where the store fails.
    pub async fn leave_safe_mode(&self, unseen: &[String]) -> Result<usize> {
        let _turn = self.vigil().turn.lock().await;
        let Some(mode) = self.look().await? else {
            return Err(ScimError::new(409, "the gateway is not in safe mode").into());
        };
        let reviews = self.review(&mode).await?;
        let not = |review: &&Review| {
            matches!(review.state, Reviewed::Not(_)) && !unseen.contains(&review.connection)
        };
        let missing: Vec<&str> =
            reviews.iter().filter(not).map(|review| review.connection.as_str()).collect();
        if !missing.is_empty() {
            let detail = format!("not compared with the app since: {}", missing.join(", "));
            return Err(ScimError::new(409, detail).into());
        }
        let mut left = 0;
        for Review { connection, state } in &reviews {
            let (Reviewed::Compared(gone), Some(connection)) = (state, self.connection(connection)) else {
                continue;
            };
            for (id, _) in gone {
                left += usize::from(connection.accept_departure(id).await?);
            }
        }
        self.accept_epoch().await?;
        self.keep_note(String::new()).await?;
        self.follow(None);
        tracing::warn!(left, "safe mode was ended by an operator");
        Ok(left)
    }

    /// Follows what other processes, and operators, say of safe mode until `stop`.
    pub async fn keep_to_safe_mode(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ROUND) => {}
            }
            let was_shut = self.shared().gate.is_shut();
            match self.safe_mode().await {
                Ok(None) => {
                    if let Err(refusal) = self.keep_epoch(was_shut).await {
                        tracing::warn!(reason = refusal.error.detail, "the anchor could not be written");
                    }
                }
                Ok(Some(_)) => {}
                Err(Refusal { error, .. }) => {
                    tracing::warn!(reason = error.detail, "safe mode could not be looked up");
                }
            }
        }
    }

    /// Follows the end of safe mode in the number kept outside, and whoever left at another replica.
    async fn keep_epoch(&self, was_shut: bool) -> Result<()> {
        let Shared { anchor: Some(anchor), store, .. } = &**self.shared() else { return Ok(()) };
        match store.term() {
            _ if was_shut => self.accept_epoch().await,
            Some(_) => Ok(anchor.raise(store.epoch().await?).await?),
            None => Ok(()),
        }
    }

    /// Safe mode was ended, here or by another process: the number kept outside follows the database.
    async fn accept_epoch(&self) -> Result<()> {
        let Some(anchor) = &self.shared().anchor else { return Ok(()) };
        Ok(anchor.accept(self.shared().store.epoch().await?).await?)
    }
}

impl Connection {
    async fn reviewed(&self, since: Timestamp) -> Result<Reviewed> {
        if !self.can_drift() {
            return Ok(Reviewed::Nothing);
        }
        let Some(report) = self.drift_report().await?.filter(|report| report.began_at >= since) else {
            return Ok(Reviewed::Not(None));
        };
        if report.listing != Listing::Complete {
            return Ok(Reviewed::Not(report.listing.reason().map(str::to_owned)));
        }
        let lost = report
            .findings
            .into_iter()
            .filter(|finding| matches!(finding.what, What::Removed | What::Deactivated))
            .map(|finding| (finding.resource, finding.person));
        Ok(Reviewed::Compared(lost.collect()))
    }

    /// Somebody who should have access and has none counts as having left; tells whether it is so still.
    async fn accept_departure(&self, id: &str) -> Result<bool> {
        let _turn = self.turn(id).await?;
        let mut person = self.person(id).await?;
        if plan::access(&person, self.capabilities()) == Access::Open {
            return Ok(false);
        }
        person.desired["active"] = json!(false);
        person.record.generation += 1;
        let expected = Some(person.record.version);
        self.keep(&mut person, expected, Vec::new()).await?;
        Ok(true)
    }
}
