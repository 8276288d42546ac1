//! What is in memory, and how writes change it.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::clock::Timestamp;
use crate::store::{
    Error, Happened, Intent, IntentState, Kind, Lifecycle, Record, Result, Roster, Task, TaskState, TokenRow,
    Write,
};

/// Something a receiver is to be told.
#[derive(Debug, Clone)]
pub(super) struct Announcement {
    pub(super) task: String,
    pub(super) happened: Happened,
    pub(super) at: Timestamp,
    pub(super) attempts: i64,
    pub(super) next_attempt_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    pub(super) records: BTreeMap<(String, Kind, String), Record>,
    /// Connection, group, member.
    pub(super) members: BTreeSet<(String, String, String)>,
    pub(super) intents: BTreeMap<String, Intent>,
    pub(super) tasks: BTreeMap<String, Task>,
    pub(super) events: BTreeMap<String, Announcement>,
    pub(super) tokens: BTreeMap<(String, String), TokenRow>,
    pub(super) rosters: BTreeMap<(String, Kind), Roster>,
    pub(super) notes: BTreeMap<(String, String), String>,
}

impl Content {
    /// Applies one write; where it fails the whole copy is thrown away.
    pub(super) fn apply(&mut self, write: Write) -> Result<()> {
        match write {
            Write::Record { record, expected } => return self.put_record(*record, expected),
            Write::AddMembers { connection, memberships } => {
                let rows = memberships.into_iter().map(|one| (connection.clone(), one.group, one.member));
                self.members.extend(rows);
            }
            Write::RemoveMembers { connection, memberships } => {
                for one in memberships {
                    self.members.remove(&(connection.clone(), one.group, one.member));
                }
            }
            Write::ClearMembers { connection, group } => {
                self.members.retain(|row| (&row.0, &row.1) != (&connection, &group));
            }
            Write::ClearMemberships { connection, member } => {
                self.members.retain(|row| (&row.0, &row.2) != (&connection, &member));
            }
            Write::Intent(intent) => return self.put_intent(intent),
            Write::Settle { intent, state, attempts, next_attempt_at, at, outcome } => {
                use IntentState::{Confirmed, Dead, Superseded};
                let Some(found) = self.intents.get_mut(&intent) else { return Ok(()) };
                if state.is_open() && matches!(found.state, Confirmed | Superseded | Dead) {
                    return Ok(());
                }
                found.attempts = found.attempts.max(attempts);
                (found.state, found.next_attempt_at) = (state, next_attempt_at);
                (found.updated_at, found.outcome) = (at, outcome);
            }
            Write::Hasten { intent, seen, at } => {
                if let Some(found) = self.intents.get_mut(&intent).filter(|found| found.updated_at == seen) {
                    found.next_attempt_at = at;
                }
            }
            Write::Strike { intent, points } => {
                if let Some(found) = self.intents.get_mut(&intent) {
                    found.strikes += points;
                }
            }
            Write::Task(task) => self.open_task(task),
            Write::CloseTask { connection, dedupe, state, at, by, note, evidence } => {
                let Some(id) = self.open_task_of(&connection, &dedupe) else { return Ok(()) };
                self.announce(&id, Happened::Closed, at);
                if let Some(task) = self.tasks.get_mut(&id) {
                    (task.state, task.closed_at, task.closed_by) = (state, Some(at), Some(by));
                    (task.note, task.evidence) = (note, evidence);
                }
            }
            Write::DropEvent(event) => drop(self.events.remove(&event)),
            Write::PostponeEvent { event, attempts, next_attempt_at } => {
                if let Some(found) = self.events.get_mut(&event) {
                    (found.attempts, found.next_attempt_at) = (attempts, next_attempt_at);
                }
            }
            Write::Token(token) => {
                self.tokens.insert((token.connection.clone(), token.id.clone()), token);
            }
            Write::RevokeToken { connection, id, at } => {
                if let Some(token) = self.tokens.get_mut(&(connection, id)) {
                    token.revoked_at.get_or_insert(at);
                }
            }
            Write::Roster(roster) => {
                self.rosters.insert((roster.connection.clone(), roster.kind), roster);
            }
            Write::Note { connection, name, text } => {
                self.notes.insert((connection, name), text);
            }
            // Kept beside, or found to be so before anything was applied.
            Write::Holding(_)
            | Write::Unhurried
            | Write::Audit(_)
            | Write::Traces(_)
            | Write::ForgetTraces { .. } => {}
        }
        Ok(())
    }

    fn put_record(&mut self, mut record: Record, expected: Option<i64>) -> Result<()> {
        let key = (record.connection.clone(), record.kind, record.id.clone());
        if self.records.get(&key).map(|stands| stands.version) != expected {
            return Err(Error::Stale);
        }
        let live = |other: &Record| other.lifecycle == Lifecycle::Live && other.name_key == record.name_key;
        let taken =
            self.of(&record.connection, record.kind).any(|other| other.id != record.id && live(other));
        if record.lifecycle == Lifecycle::Live && taken {
            return Err(Error::NameTaken);
        }
        record.groups.clear();
        self.records.insert(key, record);
        Ok(())
    }

    fn put_intent(&mut self, intent: Intent) -> Result<()> {
        if self.intents.contains_key(&intent.id) {
            return Err(Error::Unavailable("the id of an intent was used before".to_owned()));
        }
        let older = |other: &&mut Intent| {
            other.connection == intent.connection
                && other.resource == intent.resource
                && other.generation < intent.generation
                && (other.kind == Kind::User || other.operation == intent.operation)
                && other.state.is_open()
        };
        for other in self.intents.values_mut().filter(older) {
            (other.state, other.updated_at) = (IntentState::Superseded, intent.created_at);
        }
        self.intents.insert(intent.id.clone(), intent);
        Ok(())
    }

    fn open_task(&mut self, task: Task) {
        if self.open_task_of(&task.connection, &task.dedupe).is_some() || self.tasks.contains_key(&task.id) {
            return;
        }
        let (id, at) = (task.id.clone(), task.created_at);
        self.tasks.insert(id.clone(), task);
        self.announce(&id, Happened::Opened, at);
    }

    fn open_task_of(&self, connection: &str, dedupe: &str) -> Option<String> {
        let open = self.tasks.values().find(|task| {
            task.state == TaskState::Open && task.connection == connection && task.dedupe == dedupe
        });
        open.map(|task| task.id.clone())
    }

    fn announce(&mut self, task: &str, happened: Happened, at: Timestamp) {
        let event =
            Announcement { task: task.to_owned(), happened, at, attempts: 0, next_attempt_at: Some(at) };
        self.events.insert(format!("{task}-{}", happened.word()), event);
    }
}
