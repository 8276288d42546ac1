//! Deletions for good that the brake held back: a person approves or rejects each. Nothing of them is done before.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::confirm::PAUSES;
use super::connection::Connection;
use super::gateway::Gateway;
use super::recover::Ended;
use super::standing::Person;
use super::tasks::Completion;
use super::{Refusal, Result};
use crate::base::context;
use crate::contract::{self, Account, By, Request};
use crate::scim::error::ScimError;
use crate::store::{Intent, IntentState, Key, Kind, Lifecycle, Record, Task, TaskState, Write};

/// The kind of the task that a held deletion is.
pub(super) const KIND: &str = "approval";

/// The operation of the journal that an approved deletion is.
pub(super) const ERASE: &str = "erase";

/// What is left to do once a deletion was approved.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Erasure {
    /// The app's id.
    account: String,
    /// How operators call the person.
    pub person: String,
}

impl Gateway {
    /// The deletions that wait for a person's word, of one connection or of all.
    pub async fn approvals(&self, connection: Option<&str>) -> Result<Vec<Task>> {
        let mut waiting = Vec::new();
        for own in self.connections().filter(|own| connection.is_none_or(|name| name == own.name())) {
            waiting.extend(own.approvals().await?);
        }
        Ok(waiting)
    }

    /// Approves or rejects a deletion of any connection; see [`Connection::approve`] and [`Connection::reject`].
    ///
    /// # Errors
    /// As those.
    pub async fn decide(&self, id: &str, approve: bool, word: Completion) -> Result<Task> {
        for connection in self.connections() {
            if connection.approvals().await?.iter().any(|task| task.id == id) {
                return if approve {
                    connection.approve(id, word).await
                } else {
                    connection.reject(id, word).await
                };
            }
        }
        Err(ScimError::new(404, "no deletion waits for approval under this id").into())
    }
}

impl Connection {
    /// The deletions that wait for a person's word, oldest first.
    pub async fn approvals(&self) -> Result<Vec<Task>> {
        Ok(self.store().open_tasks(self.name(), KIND).await?)
    }

    /// Approves a deletion: it is journaled, and carried out by the gateway that serves until it is done.
    ///
    /// # Errors
    /// 404 when no deletion waits under this id, 409 when the account belongs to somebody again; it is then off the
    /// list.
    pub async fn approve(self: &Arc<Self>, id: &str, word: Completion) -> Result<Task> {
        let task = self.waiting_deletion(id).await?;
        let _turn = self.turn(&task.resource).await?;
        let task = self.waiting_deletion(&task.id).await?;
        let account = account_of(&task);
        let Some(record) = self.erased(&account, &task.resource).await? else {
            let note = "the account belongs to somebody again";
            self.end_approval(
                task,
                TaskState::Cancelled,
                Completion { note: Some(note.to_owned()), ..word },
                None,
            )
            .await?;
            return Err(ScimError::new(409, format!("{note}: nothing is deleted")).into());
        };
        let erasure = Erasure { account, person: task.person.clone() };
        let now = self.now();
        let intent = Intent {
            id: self.shared.ids.next(),
            connection: self.name().to_owned(),
            kind: Kind::User,
            resource: task.resource.clone(),
            operation: ERASE.to_owned(),
            name_key: String::new(),
            generation: record.generation + 1,
            plan: serde_json::to_string(&erasure)
                .map_err(|_| Refusal::from(ScimError::new(500, "the plan could not be written down")))?,
            sticky: true,
            state: IntentState::Journaled,
            attempts: 0,
            strikes: 0,
            next_attempt_at: now,
            request_id: context::current().map(|context| context.request_id).unwrap_or_default(),
            created_at: now,
            updated_at: now,
            outcome: None,
            fence: None,
        };
        tracing::warn!(
            connection = self.name(),
            resource = task.resource,
            by = word.by,
            "a deletion was approved"
        );
        self.end_approval(task, TaskState::Done, word, Some(Write::Intent(intent))).await
    }

    /// Rejects a deletion: the account stays deactivated.
    ///
    /// # Errors
    /// 404 when no deletion waits under this id.
    pub async fn reject(self: &Arc<Self>, id: &str, word: Completion) -> Result<Task> {
        let task = self.waiting_deletion(id).await?;
        let _turn = self.turn(&task.resource).await?;
        let task = self.waiting_deletion(&task.id).await?;
        tracing::warn!(
            connection = self.name(),
            resource = task.resource,
            by = word.by,
            "a deletion was rejected"
        );
        self.end_approval(task, TaskState::Cancelled, word, None).await
    }

    /// The task of a deletion that was carried out as a deactivation.
    pub(super) fn ask_approval(&self, person: &Person) -> Option<Write> {
        let account = person.account().id;
        let app = self.capabilities().app;
        let instruction = format!(
            "approve or reject deleting this account in {app} for good: it is deactivated, and more were to be deleted than the brake lets through"
        );
        let task = self.new_task(KIND, &person.record.id, person.mention(), Request::new(instruction));
        let task = Task { dedupe: format!("{KIND}:{account}"), urgent: true, ..task };
        (!account.is_empty()).then_some(Write::Task(task))
    }

    async fn waiting_deletion(&self, id: &str) -> Result<Task> {
        self.approvals().await?.into_iter().find(|task| task.id == id).ok_or_else(|| {
            Refusal::from(ScimError::new(
                404,
                "no deletion of this connection waits for approval under this id",
            ))
        })
    }

    async fn end_approval(
        &self,
        mut task: Task,
        state: TaskState,
        word: Completion,
        and: Option<Write>,
    ) -> Result<Task> {
        let close = Write::CloseTask {
            connection: self.name().to_owned(),
            dedupe: task.dedupe.clone(),
            state,
            at: self.now(),
            by: word.by.clone(),
            note: word.note.clone(),
            evidence: word.evidence.clone(),
        };
        self.store().commit(std::iter::once(close).chain(and).collect()).await?;
        task.state = state;
        task.closed_at = Some(self.now());
        (task.closed_by, task.note, task.evidence) = (Some(word.by), word.note, word.evidence);
        Ok(task)
    }

    /// The record of somebody who was deleted with this account; `None` where somebody has the account now.
    async fn erased(&self, account: &str, resource: &str) -> Result<Option<Record>> {
        let found = self.store().find(self.name(), Kind::User, &Key::Account(account.to_owned())).await?;
        if found.iter().any(|record| record.lifecycle == Lifecycle::Live) {
            return Ok(None);
        }
        Ok(found.into_iter().find(|record| record.id == resource))
    }

    /// Deletes an account for good, and reads back that it is gone.
    pub(super) async fn resume_erasure(&self, intent: &Intent) -> Result<Ended> {
        let _turn = self.turn(&intent.resource).await?;
        if !self.is_newest(intent).await? {
            return Ok(Ended::Closed);
        }
        let Ok(erasure) = serde_json::from_str::<Erasure>(&intent.plan) else { return Ok(Ended::Unreadable) };
        let Some(deleted) = self.erased(&erasure.account, &intent.resource).await? else {
            return Ok(Ended::Overtaken);
        };
        let _name = self.turn(&format!("name:{}", deleted.name_key)).await?;
        let Some(record) = self.erased(&erasure.account, &intent.resource).await? else {
            return Ok(Ended::Overtaken);
        };
        // Nobody is hired into the account while its end may come.
        let mut person = Person::read(record);
        let expected = Some(person.record.version);
        person.standing.removal_unanswered_at = Some(self.now());
        person.record.version += 1;
        let record = Box::new(person.clone().into_record());
        self.store().commit(vec![Write::Record { record, expected }]).await?;
        let known = person.observed.unwrap_or_default();
        let account = Account { id: erasure.account, ..known };
        match self.erase(&account).await {
            Ok(()) => Ok(Ended::Done),
            Err(error) => Err(self.settle_failed(intent, &error).await),
        }
    }

    async fn erase(&self, account: &Account) -> contract::Result<()> {
        let failed = match self.adapter().delete_account(account).await {
            Ok(_) => None,
            Err(error) if super::leaving::may_hide_a_success(error.kind) => Some(error),
            Err(error) => return Err(error),
        };
        for pause in PAUSES {
            if pause >= context::remaining(Duration::from_secs(25)) {
                break;
            }
            tokio::time::sleep(pause).await;
            if self.adapter().account(By::Id(&account.id)).await?.is_none() {
                return Ok(());
            }
        }
        Err(failed.unwrap_or_else(|| {
            let message =
                format!("{} took the deletion and still shows the account", self.capabilities().app);
            contract::Error::new(contract::Kind::Unavailable, "delete_account", message)
        }))
    }
}

fn account_of(task: &Task) -> String {
    task.dedupe.strip_prefix(KIND).and_then(|rest| rest.strip_prefix(':')).unwrap_or_default().to_owned()
}
