//! The audit and the traces: how they are appended, and how they are read.

use async_trait::async_trait;
use sqlx::query;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::SqliteStore;
use super::rows::{Columns, unavailable};
use super::writes::{Applied, Attempt};
use crate::base::clock::Timestamp;
use crate::store::audit::{Entry, Head, Link, LinkHash};
use crate::store::trace::{Trace, Traces};
use crate::store::{Chronicle, Result};

/// Appends an entry to its chain: the head is read and written in the transaction that is open on `to`, which is the
/// only one that writes.
pub(super) async fn append(to: &mut SqliteConnection, entry: &Entry) -> Applied {
    let head = query("SELECT seq, hash FROM audit_heads WHERE connection = ?1").bind(&entry.connection);
    let head = match head.fetch_optional(&mut *to).await? {
        Some(row) => head_of(&row, &entry.connection).map_err(refused)?,
        None => Head::beginning(&entry.connection),
    };
    let link = head.link(entry)?;
    let statement = query(
        "INSERT INTO audit (connection, seq, previous, hash, at, intent, entry)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);
         INSERT INTO audit_heads (connection, seq, hash) VALUES (?1, ?2, ?4)
         ON CONFLICT (connection) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
    );
    let statement = statement.bind(&entry.connection).bind(link.seq);
    let statement = statement.bind(link.previous.as_slice()).bind(link.hash.as_slice());
    statement.bind(link.at.0).bind(&link.intent).bind(&link.entry).execute(to).await?;
    Ok(())
}

/// Keeps traces: one trip, however many they are.
pub(super) async fn keep_traces(to: &mut SqliteConnection, traces: &[Trace]) -> Applied {
    query(
        "INSERT OR IGNORE INTO traces (id, connection, request_id, at, trace)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1);
         INSERT OR IGNORE INTO trace_subjects (subject, trace)
         SELECT subject.value, told.value ->> 0 FROM json_each(?1) told, json_each(told.value, '$[5]') subject",
    )
    .bind(rows_of(traces)?)
    .execute(to)
    .await?;
    Ok(())
}

/// Traces as a JSON array of `[id, connection, request id, at, trace, subjects]`.
fn rows_of(traces: &[Trace]) -> Attempt<String> {
    let mut rows = Vec::with_capacity(traces.len());
    for trace in traces {
        let mut subjects = trace.subjects.clone();
        subjects.extend(trace.resource.clone());
        let text = serde_json::to_string(trace)?;
        rows.push((&trace.id, &trace.connection, &trace.request_id, trace.at.0, text, subjects));
    }
    Ok(serde_json::to_string(&rows)?)
}

/// Forgets the oldest traces before `at`.
pub(super) async fn forget_traces(to: &mut SqliteConnection, at: Timestamp, limit: u64) -> Applied {
    let statement = query(
        "DELETE FROM trace_subjects WHERE trace IN (SELECT id FROM traces WHERE at < ?1 ORDER BY at, id LIMIT ?2);
         DELETE FROM traces WHERE id IN (SELECT id FROM traces WHERE at < ?1 ORDER BY at, id LIMIT ?2)",
    );
    statement.bind(at.0).bind(number(limit)).execute(to).await?;
    Ok(())
}

/// Every connection of the chain is found without walking the chain.
const CHAINS: &str = "WITH RECURSIVE chain (connection) AS (
         SELECT min(connection) FROM audit
         UNION ALL
         SELECT (SELECT min(connection) FROM audit WHERE connection > chain.connection)
         FROM chain WHERE chain.connection IS NOT NULL)
     SELECT connection FROM chain WHERE connection IS NOT NULL
     UNION SELECT connection FROM audit_heads ORDER BY 1";

macro_rules! trace_query {
    ($from:literal, $tail:literal) => {
        concat!(
            "SELECT t.trace FROM ",
            $from,
            " WHERE (?2 IS NULL OR t.connection = ?2) AND (?3 IS NULL OR t.at >= ?3)
              AND (?4 IS NULL OR t.at < ?4) AND (?5 IS NULL OR t.id < ?5) AND (?7 IS NULL OR t.request_id = ?7)
              AND (?1 IS NULL OR EXISTS (SELECT 1 FROM trace_subjects s WHERE s.subject = ?1 AND s.trace = t.id)) ",
            $tail
        )
    };
}

/// The few traces of one request.
/// Without the name of the index the whole chain is read for the order it has.
pub(super) const LAST_LINK: &str =
    "SELECT seq, previous, hash, at, intent, entry FROM audit INDEXED BY audit_intent
     WHERE intent = ?2 AND connection = ?1 ORDER BY seq DESC LIMIT 1";

pub(super) const OF_REQUEST: &str =
    trace_query!("traces t INDEXED BY traces_request", "AND t.request_id = ?7 ORDER BY t.id DESC LIMIT ?6");
/// Those of one subject, found by its own table.
pub(super) const OF_SUBJECT: &str = trace_query!(
    "trace_subjects o CROSS JOIN traces t ON t.id = o.trace",
    "AND o.subject = ?1 ORDER BY o.trace DESC LIMIT ?6"
);
/// All within a span of time, which the index on the moment bounds.
pub(super) const OF_TIME: &str = trace_query!(
    "traces t INDEXED BY traces_at",
    "AND t.at >= coalesce(?3, 0) AND t.at < coalesce(?4, 9223372036854775807) ORDER BY t.id DESC LIMIT ?6"
);
/// All, from the newest on.
pub(super) const NEWEST: &str = trace_query!("traces t", "ORDER BY t.id DESC LIMIT ?6");

#[async_trait]
impl Chronicle for SqliteStore {
    async fn chains(&self) -> Result<Vec<String>> {
        sqlx::query_scalar(CHAINS).fetch_all(&self.readers).await.map_err(unavailable)
    }

    async fn head(&self, connection: &str) -> Result<Option<Head>> {
        let statement = query("SELECT seq, hash FROM audit_heads WHERE connection = ?1").bind(connection);
        let row = statement.fetch_optional(&self.readers).await.map_err(unavailable)?;
        row.map(|row| head_of(&row, connection)).transpose()
    }

    async fn links(&self, connection: &str, after: i64, limit: u64) -> Result<Vec<Link>> {
        let statement = query(
            "SELECT seq, previous, hash, at, intent, entry FROM audit
             WHERE connection = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
        );
        let statement = statement.bind(connection).bind(after).bind(number(limit));
        let found = statement.fetch_all(&self.readers).await.map_err(unavailable)?;
        found.iter().map(link_of).collect()
    }

    async fn last_link_of(&self, connection: &str, intent: &str) -> Result<Option<Link>> {
        let statement = query(LAST_LINK).bind(connection).bind(intent);
        let row = statement.fetch_optional(&self.readers).await.map_err(unavailable)?;
        row.as_ref().map(link_of).transpose()
    }

    async fn traces(&self, which: &Traces) -> Result<Vec<Trace>> {
        let statement = match which {
            Traces { request_id: Some(_), .. } => OF_REQUEST,
            Traces { subject: Some(_), .. } => OF_SUBJECT,
            Traces { since: Some(_), .. } | Traces { until: Some(_), .. } => OF_TIME,
            Traces { .. } => NEWEST,
        };
        let statement = sqlx::query_scalar::<_, String>(statement)
            .bind(&which.subject)
            .bind(&which.connection)
            .bind(which.since.map(|at| at.0))
            .bind(which.until.map(|at| at.0))
            .bind(&which.before)
            .bind(number(which.limit))
            .bind(&which.request_id);
        let found = statement.fetch_all(&self.readers).await.map_err(unavailable)?;
        found.iter().map(|text| serde_json::from_str(text).map_err(unavailable)).collect()
    }
}

fn number(limit: u64) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn refused(error: crate::store::Error) -> super::writes::Failure {
    super::writes::Failure::Refused(error)
}

/// What somebody made another length of matches no digest.
fn hash(bytes: &[u8]) -> LinkHash {
    bytes.try_into().unwrap_or([0xff; 32])
}

/// A text as it is kept; where somebody made no text of it, it is another one.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A head: `seq, hash`.
fn head_of(row: &SqliteRow, connection: &str) -> Result<Head> {
    let mut columns = Columns::of(row);
    Ok(Head { connection: connection.to_owned(), seq: columns.next()?, hash: hash(columns.next()?) })
}

/// A link: `seq, previous, hash, at, intent, entry`.
fn link_of(row: &SqliteRow) -> Result<Link> {
    let mut columns = Columns::of(row);
    Ok(Link {
        seq: columns.next()?,
        previous: hash(columns.next()?),
        hash: hash(columns.next()?),
        at: columns.moment()?,
        intent: text(columns.next()?),
        entry: text(columns.next()?),
    })
}
