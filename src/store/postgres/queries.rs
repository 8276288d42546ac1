//! The statements behind what a store can be asked.

use sqlx::postgres::PgConnection;
use sqlx::{query, query_scalar};

use super::text::{storable, storable_all};
use super::{keys, rows};
use crate::store::{Intent, Intents, Key, Kind, Record, Reference, Roster, Task, TokenRow};

/// A record with the live groups it is a member of, as one statement.
macro_rules! record_query {
    ($tail:literal) => {
        concat!(
            "SELECT r.id, r.lifecycle, r.account, r.name_key, r.label, r.external_id, r.email_keys, r.display_key,
                    r.told_key, r.active, r.generation, r.version, r.created_at, r.modified_at, r.observed_at,
                    r.desired, r.observed, r.standing, g.ids, g.labels
             FROM ",
            $tail
        )
    };
}

/// The groups of the record at hand, as two lists of the same order.
///
/// `OFFSET 0`, here and below, fixes the order of the tables: Postgres, where it has no statistics yet, would rather
/// compare every record with every membership than look each up.
macro_rules! with_groups {
    () => {
        " CROSS JOIN LATERAL (
              SELECT coalesce(array_agg(o.id ORDER BY o.id), '{}') AS ids,
                     coalesce(array_agg(o.label ORDER BY o.id), '{}') AS labels
              FROM members p CROSS JOIN LATERAL (
                  SELECT id, label FROM records
                  WHERE connection = p.connection AND kind = 'group' AND lifecycle = 'live' AND id = p.group_id
                  OFFSET 0) o
              WHERE p.connection = r.connection AND p.member_id = r.id) g "
    };
}

macro_rules! records_where {
    ($condition:literal) => {
        concat!(
            record_query!("records r"),
            with_groups!(),
            "WHERE r.connection = $1 AND r.kind = $2 AND ",
            $condition
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

pub(super) const RECORD: &str = records_where!("r.id = $3 AND r.lifecycle = 'live' ORDER BY r.id");

pub(super) const DELETED: &str = records_where!("r.id = $3 AND r.lifecycle = 'deleted' ORDER BY r.id");

pub(super) const BY_ACCOUNT: &str = records_where!("r.account = $3 ORDER BY r.id");

pub(super) const BY_NAME: &str = records_where!("r.name_key = $3 AND r.lifecycle = 'live' ORDER BY r.id");

pub(super) const BY_EXTERNAL_ID: &str =
    records_where!("r.external_id = $3 AND r.lifecycle = 'live' ORDER BY r.id");

pub(super) const BY_EMAIL: &str =
    records_where!("r.email_keys @> ARRAY[$3]::text[] AND r.lifecycle = 'live' ORDER BY r.id");

pub(super) const BY_MEMBER: &str = records_where!(
    "r.id IN (SELECT group_id FROM members WHERE connection = $1 AND member_id = $3) AND r.lifecycle = 'live'
     ORDER BY r.id"
);

/// Skipped rows are counted on the index of the listing; no record and no group is read for them.
pub(super) const SCAN: &str = concat!(
    record_query!(
        "(SELECT id FROM records WHERE connection = $1 AND kind = $2 AND lifecycle = 'live'
          ORDER BY id LIMIT $3 OFFSET $4) page
         CROSS JOIN LATERAL (
             SELECT * FROM records WHERE connection = $1 AND kind = $2 AND id = page.id OFFSET 0) r"
    ),
    with_groups!(),
    "ORDER BY r.id"
);

pub(super) const SCAN_AFTER: &str =
    records_where!("r.lifecycle = 'live' AND r.id > $3 ORDER BY r.id LIMIT $4");

pub(super) const RECORDS: &str = records_where!("r.id = ANY($3) AND r.lifecycle = 'live' ORDER BY r.id");

const COUNT: &str = "SELECT count(*) FROM records WHERE connection = $1 AND kind = $2 AND lifecycle = 'live'";

pub(super) const MEMBERS: &str = "SELECT r.id, r.label, r.kind
     FROM members m CROSS JOIN LATERAL (
         SELECT id, label, kind FROM records
         WHERE connection = m.connection AND kind IN ('user', 'group') AND lifecycle = 'live' AND id = m.member_id
         OFFSET 0) r
     WHERE m.connection = $1 AND m.group_id = $2";

pub(super) const MEMBERS_AMONG: &str = "SELECT DISTINCT m.member_id
     FROM members m CROSS JOIN LATERAL (
         SELECT id FROM records
         WHERE connection = m.connection AND kind IN ('user', 'group') AND lifecycle = 'live' AND id = m.member_id
         OFFSET 0) r
     WHERE m.connection = $1 AND m.group_id = $2 AND m.member_id = ANY($3)
     ORDER BY m.member_id";

pub(super) const DUE: &str = intent_query!(
    "connection = $1 AND sticky = $2 AND state IN ('journaled', 'attempting', 'ambiguous')
     AND (sticky OR state = 'ambiguous') AND next_attempt_at <= $3 ORDER BY next_attempt_at, id LIMIT $4"
);

pub(super) const OPEN_CREATES: &str = intent_query!(
    "connection = $1 AND kind = $2 AND name_key IN ($3, '') AND operation = 'create'
       AND state IN ('journaled', 'attempting', 'ambiguous')
     ORDER BY created_at, id"
);

const OPEN_ONE: &str = intent_query!("id = $1 AND state IN ('journaled', 'attempting', 'ambiguous')");

pub(super) const OPEN_OF_RESOURCE: &str = intent_query!(
    "connection = $1 AND resource = $2 AND state IN ('journaled', 'attempting', 'ambiguous')
     ORDER BY generation DESC, id DESC"
);

pub(super) const OPEN_OF_CONNECTION: &str = intent_query!(
    "connection = $1 AND state IN ('journaled', 'attempting', 'ambiguous') ORDER BY created_at, id"
);

const OPEN: &str = intent_query!("state IN ('journaled', 'attempting', 'ambiguous') ORDER BY created_at, id");

pub(super) const LATEST: &str =
    intent_query!("connection = $1 AND resource = $2 ORDER BY generation DESC, id DESC LIMIT 1");

pub(super) const OPEN_OF_KIND: &str =
    task_query!("tasks WHERE connection = $1 AND kind = $2 AND state = 'open' ORDER BY created_at, id");

const TASKS: &str = task_query!("tasks WHERE ($1::text IS NULL OR connection = $1) ORDER BY created_at, id");

const OPEN_TASKS: &str = task_query!(
    "tasks WHERE ($1::text IS NULL OR connection = $1) AND state = 'open' ORDER BY created_at, id"
);

pub(super) async fn record(
    on: &mut PgConnection,
    connection: &str,
    kind: Kind,
    id: &str,
) -> sqlx::Result<Option<Record>> {
    let statement = query(RECORD).bind(connection).bind(kind.word()).bind(storable(id));
    let row = statement.fetch_optional(on).await?;
    row.map(|row| rows::record(&row, connection, kind)).transpose()
}

pub(super) async fn find(
    on: &mut PgConnection,
    connection: &str,
    kind: Kind,
    key: &Key,
) -> sqlx::Result<Vec<Record>> {
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
            let ids = keys::ids(on, connection, kind, key).await?.unwrap_or_default();
            return records(on, connection, kind, &ids).await;
        }
    };
    let statement = query(statement).bind(connection).bind(kind.word()).bind(storable(value));
    let found = statement.fetch_all(on).await?;
    found.iter().map(|row| rows::record(row, connection, kind)).collect()
}

pub(super) async fn ids(
    on: &mut PgConnection,
    connection: &str,
    kind: Kind,
    key: &Key,
) -> sqlx::Result<Vec<String>> {
    if let Some(ids) = keys::ids(on, connection, kind, key).await? {
        return Ok(ids);
    }
    let found = find(on, connection, kind, key).await?;
    Ok(found.into_iter().map(|record| record.id).collect())
}

pub(super) async fn records(
    on: &mut PgConnection,
    connection: &str,
    kind: Kind,
    ids: &[String],
) -> sqlx::Result<Vec<Record>> {
    let statement = query(RECORDS).bind(connection).bind(kind.word()).bind(storable_all(ids));
    let found = statement.fetch_all(on).await?;
    found.iter().map(|row| rows::record(row, connection, kind)).collect()
}

pub(super) async fn scan_after(
    on: &mut PgConnection,
    connection: &str,
    kind: Kind,
    after: &str,
    limit: u64,
) -> sqlx::Result<Vec<Record>> {
    let statement = query(SCAN_AFTER).bind(connection).bind(kind.word());
    let statement = statement.bind(storable(after)).bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let found = statement.fetch_all(on).await?;
    found.iter().map(|row| rows::record(row, connection, kind)).collect()
}

pub(super) async fn scan(
    on: &mut PgConnection,
    connection: &str,
    kind: Kind,
    offset: u64,
    limit: u64,
) -> sqlx::Result<Vec<Record>> {
    let statement = query(SCAN)
        .bind(connection)
        .bind(kind.word())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(i64::try_from(offset).unwrap_or(i64::MAX));
    let found = statement.fetch_all(on).await?;
    found.iter().map(|row| rows::record(row, connection, kind)).collect()
}

pub(super) async fn count(on: &mut PgConnection, connection: &str, kind: Kind) -> sqlx::Result<u64> {
    let statement = query_scalar::<_, i64>(COUNT).bind(connection).bind(kind.word());
    Ok(statement.fetch_one(on).await?.unsigned_abs())
}

pub(super) async fn members(
    on: &mut PgConnection,
    connection: &str,
    group: &str,
) -> sqlx::Result<Vec<Reference>> {
    let statement = query(MEMBERS).bind(connection).bind(storable(group));
    let found = statement.fetch_all(on).await?;
    let mut members = found.iter().map(rows::reference).collect::<sqlx::Result<Vec<Reference>>>()?;
    members.sort_unstable();
    Ok(members)
}

pub(super) async fn members_among(
    on: &mut PgConnection,
    connection: &str,
    group: &str,
    ids: &[String],
) -> sqlx::Result<Vec<String>> {
    let statement = query_scalar(MEMBERS_AMONG).bind(connection).bind(storable(group));
    statement.bind(storable_all(ids)).fetch_all(on).await
}

pub(super) async fn roster(
    on: &mut PgConnection,
    connection: &str,
    kind: Kind,
) -> sqlx::Result<Option<Roster>> {
    let statement = query("SELECT completed_at, total FROM rosters WHERE connection = $1 AND kind = $2");
    let row = statement.bind(connection).bind(kind.word()).fetch_optional(on).await?;
    row.map(|row| rows::roster(&row, connection, kind)).transpose()
}

pub(super) async fn note(
    on: &mut PgConnection,
    connection: &str,
    name: &str,
) -> sqlx::Result<Option<String>> {
    let statement = query_scalar("SELECT text FROM notes WHERE connection = $1 AND name = $2");
    statement.bind(connection).bind(name).fetch_optional(on).await
}

pub(super) async fn intents(on: &mut PgConnection, which: &Intents) -> sqlx::Result<Vec<Intent>> {
    let statement = match which {
        Intents::Due { connection, sticky, at, limit } => {
            let limit = i64::try_from(*limit).unwrap_or(i64::MAX);
            query(DUE).bind(connection).bind(sticky).bind(at.0).bind(limit)
        }
        Intents::Open { connection, resource } => {
            query(OPEN_OF_RESOURCE).bind(connection).bind(storable(resource))
        }
        Intents::AllOpen(Some(connection)) => query(OPEN_OF_CONNECTION).bind(connection),
        Intents::AllOpen(None) => query(OPEN),
        Intents::OpenCreates { connection, kind, name_key } => {
            query(OPEN_CREATES).bind(connection).bind(kind.word()).bind(storable(name_key))
        }
        Intents::OpenOne(id) => query(OPEN_ONE).bind(id),
        Intents::Latest { connection, resource } => query(LATEST).bind(connection).bind(storable(resource)),
    };
    statement.fetch_all(on).await?.iter().map(rows::intent).collect()
}

pub(super) async fn tasks(
    on: &mut PgConnection,
    connection: Option<&str>,
    open_only: bool,
) -> sqlx::Result<Vec<Task>> {
    let statement = query(if open_only { OPEN_TASKS } else { TASKS }).bind(connection);
    statement.fetch_all(on).await?.iter().map(rows::task).collect()
}

pub(super) async fn open_tasks(
    on: &mut PgConnection,
    connection: &str,
    kind: &str,
) -> sqlx::Result<Vec<Task>> {
    query(OPEN_OF_KIND).bind(connection).bind(kind).fetch_all(on).await?.iter().map(rows::task).collect()
}

pub(super) async fn epoch(on: &mut PgConnection) -> sqlx::Result<i64> {
    query_scalar("SELECT coalesce(max(number), 0) FROM intents").fetch_one(on).await
}

/// Pages whose checksum was wrong when they were read, since the server's statistics were reset; 0 where it keeps no
/// checksums.
pub(super) async fn damaged_pages(on: &mut PgConnection) -> sqlx::Result<i64> {
    let statement =
        "SELECT coalesce(checksum_failures, 0) FROM pg_stat_database WHERE datname = current_database()";
    query_scalar(statement).fetch_one(on).await
}

pub(super) async fn tokens(on: &mut PgConnection) -> sqlx::Result<Vec<TokenRow>> {
    let statement = query(
        "SELECT id, connection, hash, created_at, expires_at, revoked_at FROM tokens
         ORDER BY created_at, id, connection",
    );
    statement.fetch_all(on).await?.iter().map(rows::token).collect()
}
