//! Rows read back into what they were written from.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::base::clock::Timestamp;
use crate::base::secret::TokenHash;
use crate::store::{
    Error, Event, Happened, Intent, IntentState, Kind, Lifecycle, Record, Reference, Result, Roster, Task,
    TaskState, TokenRow, Total, Watched,
};

/// What reading failed with, as the floors above know it.
pub(super) fn unavailable(error: impl std::fmt::Display) -> Error {
    Error::Unavailable(error.to_string())
}

fn strange(word: &str) -> Error {
    Error::Unavailable(format!("a row holds the unknown word `{word}`"))
}

fn kind(word: &str) -> Result<Kind> {
    Kind::from_word(word).ok_or_else(|| strange(word))
}

/// A record, from the columns that `record_query!` selects.
pub(super) fn record(row: &SqliteRow, connection: &str, kind: Kind) -> Result<Record> {
    let mut columns = Columns::of(row);
    let record = Record {
        connection: connection.to_owned(),
        kind,
        id: columns.next()?,
        lifecycle: {
            let word: &str = columns.next()?;
            Lifecycle::from_word(word).ok_or_else(|| strange(word))?
        },
        account: columns.next()?,
        name_key: columns.next()?,
        label: columns.next()?,
        external_id: columns.next()?,
        email_keys: json_list(columns.next()?)?,
        display_key: columns.next()?,
        told_key: columns.next()?,
        active: columns.next()?,
        generation: columns.next()?,
        version: columns.next()?,
        created_at: columns.moment()?,
        modified_at: columns.moment()?,
        observed_at: columns.moment_if_any()?,
        desired: columns.next()?,
        observed: columns.next()?,
        standing: columns.next()?,
        groups: groups(columns.next()?)?,
    };
    Ok(record)
}

/// Groups from a JSON array of `[id, label]`, in id order.
fn groups(json: &str) -> Result<Vec<Reference>> {
    let pairs: Vec<(String, String)> = json_list(json)?;
    let mut groups: Vec<Reference> =
        pairs.into_iter().map(|(id, label)| Reference { id, label, kind: Kind::Group }).collect();
    groups.sort_unstable();
    Ok(groups)
}

/// Members from a JSON array of `[id, label, kind]`, in id order.
pub(super) fn members(json: &str) -> Result<Vec<Reference>> {
    let triples: Vec<(String, String, String)> = json_list(json)?;
    let mut members = triples
        .into_iter()
        .map(|(id, label, word)| Ok(Reference { id, label, kind: kind(&word)? }))
        .collect::<Result<Vec<Reference>>>()?;
    members.sort_unstable();
    Ok(members)
}

fn json_list<T: serde::de::DeserializeOwned>(json: &str) -> Result<Vec<T>> {
    if json == "[]" { Ok(Vec::new()) } else { serde_json::from_str(json).map_err(unavailable) }
}

/// An intent, from the columns that `intent_query!` selects.
pub(super) fn intent(row: &SqliteRow) -> Result<Intent> {
    let mut columns = Columns::of(row);
    Ok(Intent {
        id: columns.next()?,
        connection: columns.next()?,
        kind: kind(columns.next()?)?,
        resource: columns.next()?,
        operation: columns.next()?,
        generation: columns.next()?,
        plan: columns.next()?,
        sticky: columns.next()?,
        state: {
            let word: &str = columns.next()?;
            IntentState::from_word(word).ok_or_else(|| strange(word))?
        },
        attempts: columns.next()?,
        next_attempt_at: columns.moment()?,
        request_id: columns.next()?,
        created_at: columns.moment()?,
        updated_at: columns.moment()?,
        outcome: columns.next()?,
        fence: columns.next()?,
        strikes: columns.next()?,
        name_key: columns.next()?,
    })
}

/// A task, from the columns that `task_query!` selects.
pub(super) fn task(row: &SqliteRow) -> Result<Task> {
    task_of(&mut Columns::of(row))
}

/// An event and its task: `id, happened, at, attempts`, then the columns of the task.
pub(super) fn event(row: &SqliteRow) -> Result<Event> {
    let mut columns = Columns::of(row);
    Ok(Event {
        id: columns.next()?,
        happened: {
            let word: &str = columns.next()?;
            Happened::from_word(word).ok_or_else(|| strange(word))?
        },
        at: columns.moment()?,
        attempts: columns.next()?,
        task: task_of(&mut columns)?,
    })
}

/// A total: what of, `connection, kind, count, since`.
pub(super) fn total(row: &SqliteRow) -> Result<Total> {
    let mut columns = Columns::of(row);
    Ok(Total {
        of: {
            let word: &str = columns.next()?;
            Watched::from_word(word).ok_or_else(|| strange(word))?
        },
        connection: columns.next()?,
        kind: columns.next()?,
        count: columns.next::<i64>()?.unsigned_abs(),
        since: columns.moment()?,
    })
}

fn task_of(columns: &mut Columns<'_>) -> Result<Task> {
    Ok(Task {
        id: columns.next()?,
        connection: columns.next()?,
        resource: columns.next()?,
        kind: columns.next()?,
        dedupe: columns.next()?,
        instruction: columns.next()?,
        person: columns.next()?,
        urgent: columns.next()?,
        owner: columns.next()?,
        link: columns.next()?,
        state: {
            let word: &str = columns.next()?;
            TaskState::from_word(word).ok_or_else(|| strange(word))?
        },
        created_at: columns.moment()?,
        closed_at: columns.moment_if_any()?,
        closed_by: columns.next()?,
        note: columns.next()?,
        evidence: columns.next()?,
    })
}

/// A token: `id, connection, hash, created_at, expires_at, revoked_at`.
pub(super) fn token(row: &SqliteRow) -> Result<TokenRow> {
    let mut columns = Columns::of(row);
    Ok(TokenRow {
        id: columns.next()?,
        connection: columns.next()?,
        hash: {
            let bytes: &[u8] = columns.next()?;
            TokenHash(bytes.try_into().map_err(unavailable)?)
        },
        created_at: columns.moment()?,
        expires_at: columns.moment()?,
        revoked_at: columns.moment_if_any()?,
    })
}

/// A roster: `completed_at, total`.
pub(super) fn roster(row: &SqliteRow, connection: &str, kind: Kind) -> Result<Roster> {
    let mut columns = Columns::of(row);
    Ok(Roster {
        connection: connection.to_owned(),
        kind,
        completed_at: columns.moment()?,
        total: columns.next()?,
    })
}

/// The columns of a row, from left to right.
pub(super) struct Columns<'r> {
    row: &'r SqliteRow,
    position: usize,
}

impl<'r> Columns<'r> {
    pub(super) fn of(row: &'r SqliteRow) -> Self {
        Self { row, position: 0 }
    }

    pub(super) fn next<T>(&mut self) -> Result<T>
    where
        T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        let value = self.row.try_get(self.position).map_err(unavailable)?;
        self.position += 1;
        Ok(value)
    }

    pub(super) fn moment(&mut self) -> Result<Timestamp> {
        self.next().map(Timestamp)
    }

    fn moment_if_any(&mut self) -> Result<Option<Timestamp>> {
        Ok(self.next::<Option<i64>>()?.map(Timestamp))
    }
}
