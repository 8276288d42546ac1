//! The audit and the traces: how they are appended, and how they are read.

use async_trait::async_trait;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{query, query_scalar};

use super::PostgresStore;
use super::ask::ask;
use super::rows::Columns;
use super::text::storable;
use super::writes::{Applied, Failure};
use crate::base::clock::Timestamp;
use crate::store::audit::{BEGINNING, Entry, Head, Link, LinkHash};
use crate::store::trace::{Trace, Traces};
use crate::store::{Chronicle, Error, Result};

/// Whoever appends holds the row of the head until the commit ends: replicas append to a chain one after the other.
const HEAD: &str = "SELECT seq, hash FROM audit_heads WHERE connection = $1 FOR UPDATE";

/// Appends entries to a chain, in order, if all these leases are held; until the transaction ends nobody else can claim
/// them then.
pub(super) async fn append(
    to: &mut PgConnection,
    connection: &str,
    entries: &[&Entry],
    fences: &[i64],
) -> Applied {
    let known = query(HEAD).bind(connection).fetch_optional(&mut *to).await?;
    let mut head = if let Some(row) = known {
        head_of(&row, connection)?
    } else {
        let first = query(
            "INSERT INTO audit_heads (connection, seq, hash) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING",
        );
        first.bind(connection).bind(BEGINNING.as_slice()).execute(&mut *to).await?;
        // Another replica may have begun the chain meanwhile.
        head_of(&query(HEAD).bind(connection).fetch_one(&mut *to).await?, connection)?
    };
    let mut links = Vec::with_capacity(entries.len());
    for entry in entries {
        let link =
            head.link(entry).map_err(|error| Failure::Refused(Error::Unavailable(error.to_string())))?;
        (head.seq, head.hash) = (link.seq, link.hash);
        links.push(link);
    }
    // One trip. The leases are locked as `leases::are_held` does, and without one of them nothing is appended.
    let statement = query(
        "WITH held AS (SELECT fence FROM leases WHERE fence = ANY ($10) ORDER BY fence FOR KEY SHARE),
              moved AS (UPDATE audit_heads SET seq = $2, hash = $3 WHERE connection = $1)
         INSERT INTO audit (connection, seq, previous, hash, at, intent, entry)
         SELECT $1, * FROM unnest($4::bigint[], $5::bytea[], $6::bytea[], $7::bigint[], $8::text[], $9::text[])
         WHERE (SELECT count(*) FROM held) = cardinality($10)",
    );
    let statement = statement.bind(connection).bind(head.seq).bind(head.hash.as_slice());
    let statement = statement.bind(links.iter().map(|link| link.seq).collect::<Vec<_>>());
    let statement = statement.bind(links.iter().map(|link| link.previous.as_slice()).collect::<Vec<_>>());
    let statement = statement.bind(links.iter().map(|link| link.hash.as_slice()).collect::<Vec<_>>());
    let statement = statement.bind(links.iter().map(|link| link.at.0).collect::<Vec<_>>());
    let statement = statement.bind(links.iter().map(|link| link.intent.as_str()).collect::<Vec<_>>());
    let statement = statement.bind(links.iter().map(|link| link.entry.as_str()).collect::<Vec<_>>());
    match statement.bind(fences).execute(to).await?.rows_affected() {
        0 => Err(Failure::Refused(Error::Lost)),
        _ => Ok(()),
    }
}

/// Whether an entry stands in its chain. Waits for whoever may be about to append it: a server that was lost may still be
/// at work on what it was told before.
pub(super) async fn holds(on: &mut PgConnection, entry: &Entry) -> sqlx::Result<bool> {
    query(HEAD).bind(&entry.connection).fetch_optional(&mut *on).await?;
    let Ok(text) = serde_json::to_string(entry) else { return Ok(false) };
    let statement = query_scalar("SELECT EXISTS (SELECT 1 FROM audit WHERE intent = $1 AND entry = $2)");
    statement.bind(&entry.intent).bind(text).fetch_one(on).await
}

/// Keeps traces: one trip, however many they are.
pub(super) async fn keep_traces(to: &mut PgConnection, traces: &[Trace]) -> Applied {
    let (mut ids, mut connections, mut requests, mut moments, mut texts) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut subjects, mut of) = (Vec::new(), Vec::new());
    for trace in traces {
        ids.push(trace.id.as_str());
        connections.push(trace.connection.as_str());
        requests.push(storable(&trace.request_id));
        moments.push(trace.at.0);
        let text = serde_json::to_string(trace);
        texts.push(text.map_err(|error| Failure::Refused(Error::Unavailable(error.to_string())))?);
        for subject in trace.subjects.iter().chain(&trace.resource) {
            subjects.push(storable(subject));
            of.push(trace.id.as_str());
        }
    }
    let statement = query(
        "WITH kept AS (
             INSERT INTO traces (id, connection, request_id, at, trace)
             SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[])
             ON CONFLICT DO NOTHING)
         INSERT INTO trace_subjects (subject, trace) SELECT * FROM unnest($6::text[], $7::text[])
         ON CONFLICT DO NOTHING",
    );
    let statement = statement.bind(ids).bind(connections).bind(requests).bind(moments).bind(texts);
    statement.bind(subjects).bind(of).execute(to).await?;
    Ok(())
}

/// Forgets the oldest traces before `at`.
pub(super) async fn forget_traces(to: &mut PgConnection, at: Timestamp, limit: u64) -> Applied {
    let statement = query(
        "WITH old AS (SELECT id FROM traces WHERE at < $1 ORDER BY at, id LIMIT $2),
              gone AS (DELETE FROM trace_subjects WHERE trace IN (SELECT id FROM old))
         DELETE FROM traces WHERE id IN (SELECT id FROM old)",
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
            " WHERE ($2::text IS NULL OR t.connection = $2) AND ($3::bigint IS NULL OR t.at >= $3)
              AND ($4::bigint IS NULL OR t.at < $4) AND ($5::text IS NULL OR t.id < $5)
              AND ($7::text IS NULL OR t.request_id = $7)
              AND ($1::text IS NULL
                   OR EXISTS (SELECT 1 FROM trace_subjects s WHERE s.subject = $1 AND s.trace = t.id)) ",
            $tail
        )
    };
}

/// The few traces of one request.
pub(super) const OF_REQUEST: &str =
    trace_query!("traces t", "AND t.request_id = $7 ORDER BY t.id DESC LIMIT $6");
/// Those of one subject, found by its own table.
pub(super) const OF_SUBJECT: &str = trace_query!(
    "trace_subjects o JOIN traces t ON t.id = o.trace",
    "AND o.subject = $1 ORDER BY o.trace DESC LIMIT $6"
);
/// All within a span of time, which the index on the moment bounds.
pub(super) const OF_TIME: &str = trace_query!(
    "traces t",
    "AND t.at >= coalesce($3, 0) AND t.at < coalesce($4, 9223372036854775807) ORDER BY t.id DESC LIMIT $6"
);
/// All, from the newest on.
const NEWEST: &str = trace_query!("traces t", "ORDER BY t.id DESC LIMIT $6");

#[async_trait]
impl Chronicle for PostgresStore {
    async fn chains(&self) -> Result<Vec<String>> {
        ask!(self, |on| query_scalar::<_, String>(CHAINS).fetch_all(on))
    }

    async fn head(&self, connection: &str) -> Result<Option<Head>> {
        ask!(self, |on| read_head(on, connection))
    }

    async fn links(&self, connection: &str, after: i64, limit: u64) -> Result<Vec<Link>> {
        ask!(self, |on| read_links(on, connection, after, limit))
    }

    async fn last_link_of(&self, connection: &str, intent: &str) -> Result<Option<Link>> {
        ask!(self, |on| read_last_link(on, connection, intent))
    }

    async fn traces(&self, which: &Traces) -> Result<Vec<Trace>> {
        ask!(self, |on| read_traces(on, which))
    }
}

async fn read_head(on: &mut PgConnection, connection: &str) -> sqlx::Result<Option<Head>> {
    let statement = query("SELECT seq, hash FROM audit_heads WHERE connection = $1").bind(connection);
    statement.fetch_optional(on).await?.map(|row| head_of(&row, connection)).transpose()
}

async fn read_links(
    on: &mut PgConnection,
    connection: &str,
    after: i64,
    limit: u64,
) -> sqlx::Result<Vec<Link>> {
    let statement = query(
        "SELECT seq, previous, hash, at, intent, entry FROM audit
         WHERE connection = $1 AND seq > $2 ORDER BY seq LIMIT $3",
    );
    let statement = statement.bind(connection).bind(after).bind(number(limit));
    statement.fetch_all(on).await?.iter().map(link_of).collect()
}

async fn read_last_link(on: &mut PgConnection, connection: &str, intent: &str) -> sqlx::Result<Option<Link>> {
    let statement = query(
        "SELECT seq, previous, hash, at, intent, entry FROM audit
         WHERE intent = $2 AND connection = $1 ORDER BY seq + 0 DESC LIMIT 1",
    );
    let row = statement.bind(connection).bind(storable(intent)).fetch_optional(on).await?;
    row.as_ref().map(link_of).transpose()
}

async fn read_traces(on: &mut PgConnection, which: &Traces) -> sqlx::Result<Vec<Trace>> {
    let statement = match which {
        Traces { request_id: Some(_), .. } => OF_REQUEST,
        Traces { subject: Some(_), .. } => OF_SUBJECT,
        Traces { since: Some(_), .. } | Traces { until: Some(_), .. } => OF_TIME,
        Traces { .. } => NEWEST,
    };
    let statement = query_scalar::<_, String>(statement)
        .bind(which.subject.as_deref().map(storable))
        .bind(which.connection.as_deref().map(storable))
        .bind(which.since.map(|at| at.0))
        .bind(which.until.map(|at| at.0))
        .bind(which.before.as_deref().map(storable))
        .bind(number(which.limit))
        .bind(which.request_id.as_deref().map(storable));
    let decoded =
        |text: &String| serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(Box::new(error)));
    statement.fetch_all(on).await?.iter().map(decoded).collect()
}

fn number(limit: u64) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// What somebody made another length of matches no digest.
fn hash(bytes: &[u8]) -> LinkHash {
    bytes.try_into().unwrap_or([0xff; 32])
}

/// A head: `seq, hash`.
fn head_of(row: &PgRow, connection: &str) -> sqlx::Result<Head> {
    let mut columns = Columns::of(row);
    Ok(Head { connection: connection.to_owned(), seq: columns.next()?, hash: hash(columns.next()?) })
}

/// A link: `seq, previous, hash, at, intent, entry`.
fn link_of(row: &PgRow) -> sqlx::Result<Link> {
    let mut columns = Columns::of(row);
    Ok(Link {
        seq: columns.next()?,
        previous: hash(columns.next()?),
        hash: hash(columns.next()?),
        at: columns.moment()?,
        intent: columns.next()?,
        entry: columns.next()?,
    })
}
