//! Leases as rows: claimed in one statement each, and never held by a session or a transaction.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{query, query_as, query_scalar};

use super::rows;
use super::text::storable;
use crate::base::clock::Timestamp;
use crate::store::Intent;
use crate::store::lease::Claim;

/// The clock is read after the row is locked: the time a claim waits for another one counts for neither.
const CLAIM: &str = "WITH claimed AS (
         INSERT INTO leases AS held (connection, key, owner, fence, until)
         VALUES ($1, $2, $3, nextval('fences'), clock_timestamp() + $4 * interval '1 microsecond')
         ON CONFLICT (connection, key) DO UPDATE
         SET owner = excluded.owner, until = excluded.until,
             fence = CASE WHEN held.owner = excluded.owner THEN held.fence ELSE excluded.fence END
         WHERE held.owner = excluded.owner OR held.until <= clock_timestamp()
         RETURNING fence)
     SELECT fence, NULL::bigint FROM claimed
     UNION ALL
     SELECT NULL, (extract(epoch FROM until - clock_timestamp()) * 1000000)::bigint FROM leases
     WHERE connection = $1 AND key = $2 AND NOT EXISTS (SELECT 1 FROM claimed)";

/// `SKIP LOCKED` leaves out what another process takes right now, and the condition what it took a moment ago.
const TAKE_DUE: &str = "UPDATE intents SET next_attempt_at = $3, updated_at = $2
     WHERE id IN (
         SELECT id FROM intents
         WHERE id = ANY ($1) AND next_attempt_at <= $2
           AND state IN ('journaled', 'attempting', 'ambiguous') AND (sticky OR state = 'ambiguous')
         FOR UPDATE SKIP LOCKED)
     RETURNING id";

const ABANDONED: &str =
    "SELECT id, connection, kind, resource, operation, generation, plan, sticky, state, attempts,
            next_attempt_at, request_id, created_at, updated_at, outcome, fence, strikes, name_key
     FROM intents i
     WHERE state IN ('journaled', 'attempting') AND NOT sticky AND (fence IS NOT NULL OR updated_at <= $1)
       AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.fence = i.fence)
     ORDER BY created_at, id";

/// Locks the rows until the commit ends, so that nobody takes a key over meanwhile; renewing is not held up.
const HELD: &str = "SELECT fence FROM leases WHERE fence = ANY ($1) ORDER BY fence FOR KEY SHARE";

type Answer = (Option<i64>, Option<i64>);

pub(super) async fn claim(
    on: &mut PgConnection,
    connection: &str,
    key: &str,
    owner: &str,
    term: Duration,
) -> sqlx::Result<Claim> {
    let term = i64::try_from(term.as_micros()).unwrap_or(i64::MAX);
    let statement = query_as::<_, Answer>(CLAIM).bind(connection).bind(storable(key)).bind(owner).bind(term);
    Ok(match statement.fetch_optional(on).await? {
        Some((Some(fence), _)) => Claim::Held { fence },
        Some((None, left)) => {
            let left = left.unwrap_or_default().max(0).unsigned_abs();
            Claim::Taken { left: Duration::from_micros(left) }
        }
        // Claimed by another one in this very moment, or given up again.
        None => Claim::Taken { left: Duration::ZERO },
    })
}

pub(super) async fn release(on: &mut PgConnection, fence: i64) -> sqlx::Result<()> {
    query("DELETE FROM leases WHERE fence = $1").bind(fence).execute(on).await.map(drop)
}

pub(super) async fn bury(on: &mut PgConnection) -> sqlx::Result<()> {
    query("DELETE FROM leases WHERE until <= clock_timestamp()").execute(on).await.map(drop)
}

pub(super) async fn take_due(
    on: &mut PgConnection,
    intents: &[String],
    at: Timestamp,
    until: Timestamp,
) -> sqlx::Result<Vec<String>> {
    let statement = query_scalar(TAKE_DUE).bind(intents).bind(at.0).bind(until.0);
    let mut taken: Vec<String> = statement.fetch_all(on).await?;
    taken.sort_unstable();
    Ok(taken)
}

pub(super) async fn abandoned(on: &mut PgConnection, before: Timestamp) -> sqlx::Result<Vec<Intent>> {
    query(ABANDONED).bind(before.0).fetch_all(on).await?.iter().map(rows::intent).collect()
}

/// Whether all of these are held; until the transaction ends nobody else can claim them.
pub(super) async fn are_held(on: &mut PgConnection, fences: &[i64]) -> sqlx::Result<bool> {
    Ok(query(HELD).bind(fences).fetch_all(on).await?.len() == fences.len())
}
