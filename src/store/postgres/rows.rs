//! Rows read back into what they were written from.

use sqlx::Row;
use sqlx::postgres::{PgRow, Postgres};

use crate::base::clock::Timestamp;
use crate::base::secret::TokenHash;
use crate::store::{
    Event, Happened, Intent, IntentState, Kind, Lifecycle, Record, Reference, Roster, Task, TaskState,
    TokenRow, Total, Watched,
};

/// What reading a row fails with where it holds something that was never written.
fn strange(word: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("a row holds the unknown word `{word}`").into())
}

fn kind(word: &str) -> sqlx::Result<Kind> {
    Kind::from_word(word).ok_or_else(|| strange(word))
}

/// A record, from the columns that `record_query!` selects.
pub(super) fn record(row: &PgRow, connection: &str, kind: Kind) -> sqlx::Result<Record> {
    let mut columns = Columns::of(row);
    Ok(Record {
        connection: connection.to_owned(),
        kind,
        id: columns.next()?,
        lifecycle: columns.word(Lifecycle::from_word)?,
        account: columns.next()?,
        name_key: columns.next()?,
        label: columns.next()?,
        external_id: columns.next()?,
        email_keys: columns.next()?,
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
        groups: groups(columns.next()?, columns.next()?),
    })
}

/// Groups from their ids and labels, in id order.
fn groups(ids: Vec<String>, labels: Vec<String>) -> Vec<Reference> {
    let group = |(id, label)| Reference { id, label, kind: Kind::Group };
    let mut groups: Vec<Reference> = ids.into_iter().zip(labels).map(group).collect();
    groups.sort_unstable();
    groups
}

/// A reference: `id, label, kind`.
pub(super) fn reference(row: &PgRow) -> sqlx::Result<Reference> {
    let mut columns = Columns::of(row);
    Ok(Reference { id: columns.next()?, label: columns.next()?, kind: kind(columns.next()?)? })
}

/// An intent, from the columns that `intent_query!` selects.
pub(super) fn intent(row: &PgRow) -> sqlx::Result<Intent> {
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
        state: columns.word(IntentState::from_word)?,
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
pub(super) fn task(row: &PgRow) -> sqlx::Result<Task> {
    task_of(&mut Columns::of(row))
}

/// An event and its task: `id, happened, at, attempts`, then the columns of the task.
pub(super) fn event(row: &PgRow) -> sqlx::Result<Event> {
    let mut columns = Columns::of(row);
    Ok(Event {
        id: columns.next()?,
        happened: columns.word(Happened::from_word)?,
        at: columns.moment()?,
        attempts: columns.next()?,
        task: task_of(&mut columns)?,
    })
}

/// A total: what of, `connection, kind, count, since`.
pub(super) fn total(row: &PgRow) -> sqlx::Result<Total> {
    let mut columns = Columns::of(row);
    Ok(Total {
        of: columns.word(Watched::from_word)?,
        connection: columns.next()?,
        kind: columns.next()?,
        count: columns.next::<i64>()?.unsigned_abs(),
        since: columns.moment()?,
    })
}

fn task_of(columns: &mut Columns<'_>) -> sqlx::Result<Task> {
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
        state: columns.word(TaskState::from_word)?,
        created_at: columns.moment()?,
        closed_at: columns.moment_if_any()?,
        closed_by: columns.next()?,
        note: columns.next()?,
        evidence: columns.next()?,
    })
}

/// A token: `id, connection, hash, created_at, expires_at, revoked_at`.
pub(super) fn token(row: &PgRow) -> sqlx::Result<TokenRow> {
    let mut columns = Columns::of(row);
    Ok(TokenRow {
        id: columns.next()?,
        connection: columns.next()?,
        hash: {
            let bytes: &[u8] = columns.next()?;
            TokenHash(bytes.try_into().map_err(|error| sqlx::Error::Decode(Box::new(error)))?)
        },
        created_at: columns.moment()?,
        expires_at: columns.moment()?,
        revoked_at: columns.moment_if_any()?,
    })
}

/// A roster: `completed_at, total`.
pub(super) fn roster(row: &PgRow, connection: &str, kind: Kind) -> sqlx::Result<Roster> {
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
    row: &'r PgRow,
    position: usize,
}

impl<'r> Columns<'r> {
    pub(super) fn of(row: &'r PgRow) -> Self {
        Self { row, position: 0 }
    }

    pub(super) fn next<T>(&mut self) -> sqlx::Result<T>
    where
        T: sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        let value = self.row.try_get(self.position)?;
        self.position += 1;
        Ok(value)
    }

    fn word<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> sqlx::Result<T> {
        let word: &str = self.next()?;
        read(word).ok_or_else(|| strange(word))
    }

    pub(super) fn moment(&mut self) -> sqlx::Result<Timestamp> {
        self.next().map(Timestamp)
    }

    fn moment_if_any(&mut self) -> sqlx::Result<Option<Timestamp>> {
        Ok(self.next::<Option<i64>>()?.map(Timestamp))
    }
}
