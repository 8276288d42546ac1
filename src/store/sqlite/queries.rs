//! The statements behind what a store can be asked.

use sqlx::sqlite::SqlitePool;
use sqlx::{query, query_scalar};

use super::keys;
use super::open::{CORRUPT, NOT_A_DATABASE, result_code};
use super::rows::{self, unavailable};
use crate::store::{Error, Intent, Intents, Key, Kind, Record, Reference, Result, Roster, Task, TokenRow};

/// A record with the live groups it is a member of, as one statement.
///
/// `CROSS JOIN`, here and below, fixes the order of the tables: SQLite, without statistics, would rather walk all
/// groups of a connection than start from the few memberships of one person.
macro_rules! record_query {
    ($tail:literal) => {
        concat!(
            "SELECT r.id, r.lifecycle, r.account, r.name_key, r.label, r.external_id, r.email_keys, r.display_key,
                    r.told_key, r.active, r.generation, r.version, r.created_at, r.modified_at, r.observed_at,
                    r.desired, r.observed, r.standing,
                    (SELECT json_group_array(json_array(g.id, g.label))
                     FROM members m CROSS JOIN records g INDEXED BY records_listing
                       ON g.connection = m.connection AND g.kind = 'group' AND g.id = m.group_id
                     WHERE m.connection = r.connection AND m.member_id = r.id AND g.lifecycle = 'live')
             FROM ",
            $tail
        )
    };
}

macro_rules! intent_query {
    ($tail:literal) => {
        concat!(
            "SELECT id, connection, kind, resource, operation, generation, plan, sticky, state, attempts,
                    next_attempt_at, request_id, created_at, updated_at, outcome, fence, strikes, name_key
             FROM intents WHERE ",
            $tail
        )
    };
}

macro_rules! task_query {
    ($tail:literal) => {
        concat!(
            "SELECT id, connection, resource, kind, dedupe, instruction, person, urgent, owner, link, state,
                    created_at, closed_at, closed_by, note, evidence
             FROM ",
            $tail
        )
    };
}

pub(super) const RECORD: &str = record_query!(
    "records r WHERE r.connection = ?1 AND r.kind = ?2 AND r.id = ?3 AND r.lifecycle = 'live' ORDER BY r.id"
);

pub(super) const DELETED: &str = record_query!(
    "records r WHERE r.connection = ?1 AND r.kind = ?2 AND r.id = ?3 AND r.lifecycle = 'deleted' ORDER BY r.id"
);

pub(super) const BY_ACCOUNT: &str =
    record_query!("records r WHERE r.connection = ?1 AND r.kind = ?2 AND r.account = ?3 ORDER BY r.id");

pub(super) const BY_NAME: &str = record_query!(
    "records r WHERE r.connection = ?1 AND r.kind = ?2 AND r.name_key = ?3 AND r.lifecycle = 'live' ORDER BY r.id"
);

pub(super) const BY_EXTERNAL_ID: &str = record_query!(
    "records r WHERE r.connection = ?1 AND r.kind = ?2 AND r.external_id = ?3 AND r.lifecycle = 'live'
     ORDER BY r.id"
);

pub(super) const BY_EMAIL: &str = record_query!(
    "emails e CROSS JOIN records r ON r.connection = e.connection AND r.kind = e.kind AND r.id = e.id
     WHERE e.connection = ?1 AND e.kind = ?2 AND e.email_key = ?3 AND r.lifecycle = 'live' ORDER BY e.id"
);

pub(super) const BY_MEMBER: &str = record_query!(
    "members o CROSS JOIN records r ON r.connection = o.connection AND r.kind = ?2 AND r.id = o.group_id
     WHERE o.connection = ?1 AND o.member_id = ?3 AND r.lifecycle = 'live' ORDER BY o.group_id"
);

/// Skipped rows are counted on the index that is named here, without reading them.
pub(super) const SCAN: &str = record_query!(
    "records r INDEXED BY records_listing WHERE r.connection = ?1 AND r.kind = ?2 AND r.lifecycle = 'live'
     ORDER BY r.id LIMIT ?3 OFFSET ?4"
);

pub(super) const SCAN_AFTER: &str = record_query!(
    "records r INDEXED BY records_listing WHERE r.connection = ?1 AND r.kind = ?2 AND r.lifecycle = 'live'
     AND r.id > ?3 ORDER BY r.id LIMIT ?4"
);

pub(super) const RECORDS: &str = record_query!(
    "json_each(?3) j CROSS JOIN records r ON r.connection = ?1 AND r.kind = ?2 AND r.id = j.value
     WHERE r.lifecycle = 'live'"
);

const COUNT: &str = "SELECT count(*) FROM records WHERE connection = ?1 AND kind = ?2 AND lifecycle = 'live'";

pub(super) const MEMBERS: &str = "SELECT json_group_array(json_array(r.id, r.label, r.kind))
     FROM members m CROSS JOIN records r INDEXED BY records_listing
       ON r.connection = m.connection AND r.kind IN ('user', 'group') AND r.id = m.member_id
     WHERE m.connection = ?1 AND m.group_id = ?2 AND r.lifecycle = 'live'";

pub(super) const MEMBERS_AMONG: &str = "SELECT DISTINCT m.member_id
     FROM json_each(?3) j CROSS JOIN members m ON m.connection = ?1 AND m.group_id = ?2 AND m.member_id = j.value
     CROSS JOIN records r INDEXED BY records_listing
       ON r.connection = m.connection AND r.kind IN ('user', 'group') AND r.id = m.member_id
     WHERE r.lifecycle = 'live' ORDER BY m.member_id";

pub(super) const DUE: &str = intent_query!(
    "connection = ?1 AND sticky = ?2 AND state IN ('journaled', 'attempting', 'ambiguous')
     AND (sticky = 1 OR state = 'ambiguous') AND next_attempt_at <= ?3 ORDER BY next_attempt_at, id LIMIT ?4"
);

pub(super) const OPEN_CREATES: &str = intent_query!(
    "connection = ?1 AND kind = ?2 AND name_key IN (?3, '') AND operation = 'create'
       AND state IN ('journaled', 'attempting', 'ambiguous')
     ORDER BY created_at, id"
);

const OPEN_ONE: &str = intent_query!("id = ?1 AND state IN ('journaled', 'attempting', 'ambiguous')");

pub(super) const OPEN_OF_RESOURCE: &str = intent_query!(
    "connection = ?1 AND resource = ?2 AND state IN ('journaled', 'attempting', 'ambiguous')
     ORDER BY generation DESC, id DESC"
);

pub(super) const OPEN_OF_CONNECTION: &str = intent_query!(
    "connection = ?1 AND state IN ('journaled', 'attempting', 'ambiguous') ORDER BY created_at, id"
);

pub(super) const OPEN: &str =
    intent_query!("state IN ('journaled', 'attempting', 'ambiguous') ORDER BY created_at, id");

pub(super) const LATEST: &str =
    intent_query!("connection = ?1 AND resource = ?2 ORDER BY generation DESC, id DESC LIMIT 1");

pub(super) const OPEN_OF_KIND: &str =
    task_query!("tasks WHERE connection = ?1 AND kind = ?2 AND state = 'open' ORDER BY created_at, id");

const TASKS: &str = task_query!("tasks WHERE (?1 IS NULL OR connection = ?1) ORDER BY created_at, id");

pub(super) const OPEN_TASKS: &str = task_query!(
    "tasks INDEXED BY tasks_open WHERE (?1 IS NULL OR connection = ?1) AND state = 'open'
     ORDER BY created_at, id"
);

pub(super) async fn record(
    readers: &SqlitePool,
    connection: &str,
    kind: Kind,
    id: &str,
) -> Result<Option<Record>> {
    let statement = query(RECORD).bind(connection).bind(kind.word()).bind(id);
    let row = statement.fetch_optional(readers).await.map_err(unavailable)?;
    row.map(|row| rows::record(&row, connection, kind)).transpose()
}

pub(super) async fn find(
    readers: &SqlitePool,
    connection: &str,
    kind: Kind,
    key: &Key,
) -> Result<Vec<Record>> {
    let (statement, value) = match key {
        Key::Id(id) => (RECORD, id),
        Key::Deleted(id) => (DELETED, id),
        Key::Account(account) => (BY_ACCOUNT, account),
        Key::Name(name) => (BY_NAME, name),
        Key::ExternalId(external_id) => (BY_EXTERNAL_ID, external_id),
        Key::Email(email) => (BY_EMAIL, email),
        Key::Member(member) => (BY_MEMBER, member),
        Key::Display(_)
        | Key::Group(_)
        | Key::NamePrefix(_)
        | Key::DisplayPrefix(_)
        | Key::Active(_)
        | Key::Modified { .. } => {
            let ids = keys::ids(readers, connection, kind, key).await?.unwrap_or_default();
            return records(readers, connection, kind, &ids).await;
        }
    };
    let statement = query(statement).bind(connection).bind(kind.word()).bind(value);
    let found = statement.fetch_all(readers).await.map_err(unavailable)?;
    found.iter().map(|row| rows::record(row, connection, kind)).collect()
}

pub(super) async fn ids(
    readers: &SqlitePool,
    connection: &str,
    kind: Kind,
    key: &Key,
) -> Result<Vec<String>> {
    if let Some(ids) = keys::ids(readers, connection, kind, key).await? {
        return Ok(ids);
    }
    let found = find(readers, connection, kind, key).await?;
    Ok(found.into_iter().map(|record| record.id).collect())
}

pub(super) async fn records(
    readers: &SqlitePool,
    connection: &str,
    kind: Kind,
    ids: &[String],
) -> Result<Vec<Record>> {
    let mut ids: Vec<&String> = ids.iter().collect();
    ids.sort_unstable();
    ids.dedup();
    let json = serde_json::to_string(&ids).map_err(unavailable)?;
    let statement = query(RECORDS).bind(connection).bind(kind.word()).bind(json);
    let found = statement.fetch_all(readers).await.map_err(unavailable)?;
    let mut records: Vec<Record> =
        found.iter().map(|row| rows::record(row, connection, kind)).collect::<Result<_>>()?;
    records.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    Ok(records)
}

pub(super) async fn scan_after(
    readers: &SqlitePool,
    connection: &str,
    kind: Kind,
    after: &str,
    limit: u64,
) -> Result<Vec<Record>> {
    let statement = query(SCAN_AFTER)
        .bind(connection)
        .bind(kind.word())
        .bind(after)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let found = statement.fetch_all(readers).await.map_err(unavailable)?;
    found.iter().map(|row| rows::record(row, connection, kind)).collect()
}

pub(super) async fn scan(
    readers: &SqlitePool,
    connection: &str,
    kind: Kind,
    offset: u64,
    limit: u64,
) -> Result<Vec<Record>> {
    let statement = query(SCAN)
        .bind(connection)
        .bind(kind.word())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(i64::try_from(offset).unwrap_or(i64::MAX));
    let found = statement.fetch_all(readers).await.map_err(unavailable)?;
    found.iter().map(|row| rows::record(row, connection, kind)).collect()
}

pub(super) async fn count(readers: &SqlitePool, connection: &str, kind: Kind) -> Result<u64> {
    let statement = sqlx::query_scalar::<_, i64>(COUNT).bind(connection).bind(kind.word());
    let total = statement.fetch_one(readers).await.map_err(unavailable)?;
    u64::try_from(total).map_err(unavailable)
}

pub(super) async fn members(readers: &SqlitePool, connection: &str, group: &str) -> Result<Vec<Reference>> {
    let statement = sqlx::query_scalar::<_, String>(MEMBERS).bind(connection).bind(group);
    rows::members(&statement.fetch_one(readers).await.map_err(unavailable)?)
}

pub(super) async fn members_among(
    readers: &SqlitePool,
    connection: &str,
    group: &str,
    ids: &[String],
) -> Result<Vec<String>> {
    let json = serde_json::to_string(ids).map_err(unavailable)?;
    let statement = sqlx::query_scalar::<_, String>(MEMBERS_AMONG).bind(connection).bind(group).bind(json);
    statement.fetch_all(readers).await.map_err(unavailable)
}

pub(super) async fn roster(readers: &SqlitePool, connection: &str, kind: Kind) -> Result<Option<Roster>> {
    let statement = query("SELECT completed_at, total FROM rosters WHERE connection = ?1 AND kind = ?2");
    let statement = statement.bind(connection).bind(kind.word());
    let row = statement.fetch_optional(readers).await.map_err(unavailable)?;
    row.map(|row| rows::roster(&row, connection, kind)).transpose()
}

pub(super) async fn note(readers: &SqlitePool, connection: &str, name: &str) -> Result<Option<String>> {
    let statement = sqlx::query_scalar("SELECT text FROM notes WHERE connection = ?1 AND name = ?2");
    statement.bind(connection).bind(name).fetch_optional(readers).await.map_err(unavailable)
}

pub(super) async fn intents(readers: &SqlitePool, which: &Intents) -> Result<Vec<Intent>> {
    let statement = match which {
        Intents::Due { connection, sticky, at, limit } => {
            let limit = i64::try_from(*limit).unwrap_or(i64::MAX);
            query(DUE).bind(connection).bind(sticky).bind(at.0).bind(limit)
        }
        Intents::Open { connection, resource } => query(OPEN_OF_RESOURCE).bind(connection).bind(resource),
        Intents::AllOpen(Some(connection)) => query(OPEN_OF_CONNECTION).bind(connection),
        Intents::AllOpen(None) => query(OPEN),
        Intents::OpenCreates { connection, kind, name_key } => {
            query(OPEN_CREATES).bind(connection).bind(kind.word()).bind(name_key)
        }
        Intents::OpenOne(id) => query(OPEN_ONE).bind(id),
        Intents::Latest { connection, resource } => query(LATEST).bind(connection).bind(resource),
    };
    let found = statement.fetch_all(readers).await.map_err(unavailable)?;
    found.iter().map(rows::intent).collect()
}

pub(super) async fn tasks(
    readers: &SqlitePool,
    connection: Option<&str>,
    open_only: bool,
) -> Result<Vec<Task>> {
    let statement = query(if open_only { OPEN_TASKS } else { TASKS }).bind(connection);
    let found = statement.fetch_all(readers).await.map_err(unavailable)?;
    found.iter().map(rows::task).collect()
}

pub(super) async fn open_tasks(readers: &SqlitePool, connection: &str, kind: &str) -> Result<Vec<Task>> {
    let statement = query(OPEN_OF_KIND).bind(connection).bind(kind);
    let found = statement.fetch_all(readers).await.map_err(unavailable)?;
    found.iter().map(rows::task).collect()
}

pub(super) async fn check(readers: &SqlitePool) -> Result<()> {
    let finding: String = query_scalar("PRAGMA integrity_check(1)").fetch_one(readers).await.map_err(
        |error| match result_code(&error) {
            Some(CORRUPT | NOT_A_DATABASE) => Error::Refused(format!("the database is damaged: {error}")),
            _ => unavailable(error),
        },
    )?;
    if finding == "ok" { Ok(()) } else { Err(Error::Refused(format!("the database is damaged: {finding}"))) }
}

pub(super) async fn epoch(readers: &SqlitePool) -> Result<i64> {
    query_scalar("SELECT coalesce(max(rowid), 0) FROM intents").fetch_one(readers).await.map_err(unavailable)
}

pub(super) async fn tokens(readers: &SqlitePool) -> Result<Vec<TokenRow>> {
    let statement = query(
        "SELECT id, connection, hash, created_at, expires_at, revoked_at FROM tokens
         ORDER BY created_at, id, connection",
    );
    let found = statement.fetch_all(readers).await.map_err(unavailable)?;
    found.iter().map(rows::token).collect()
}
