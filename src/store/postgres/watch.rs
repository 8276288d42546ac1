//! What is asked again and again: the events that are due, and the totals that are watched.

use sqlx::postgres::PgConnection;
use sqlx::query;

use super::rows;
use crate::base::clock::Timestamp;
use crate::store::{Event, Total, Watched};

pub(super) const DUE: &str = "SELECT e.id, e.happened, e.at, e.attempts,
            t.id, t.connection, t.resource, t.kind, t.dedupe, t.instruction, t.person, t.urgent, t.owner, t.link,
            t.state, t.created_at, t.closed_at, t.closed_by, t.note, t.evidence
     FROM events e JOIN tasks t ON t.id = e.task
     WHERE e.connection = $1 AND e.next_attempt_at <= $2 ORDER BY e.at, e.task, e.happened DESC LIMIT $3";

const TOTALS: &str = "SELECT $1::text, connection, ''::text, count(*), min(created_at) FROM intents
     WHERE state IN ('journaled', 'attempting', 'ambiguous') GROUP BY connection
     UNION ALL
     SELECT $2::text, connection, kind, count(*), min(created_at) FROM tasks
     WHERE state = 'open' GROUP BY connection, kind
     UNION ALL
     SELECT $3::text, connection, '', count(*), min(at) FROM events
     WHERE next_attempt_at IS NOT NULL GROUP BY connection
     UNION ALL
     SELECT $4::text, connection, '', count(*), min(at) FROM events
     WHERE next_attempt_at IS NULL GROUP BY connection
     UNION ALL
     SELECT $5::text, connection, kind, total, completed_at FROM rosters";

pub(super) async fn events(
    on: &mut PgConnection,
    connection: &str,
    at: Timestamp,
    limit: u64,
) -> sqlx::Result<Vec<Event>> {
    let statement = query(DUE).bind(connection).bind(at.0).bind(i64::try_from(limit).unwrap_or(i64::MAX));
    statement.fetch_all(on).await?.iter().map(rows::event).collect()
}

pub(super) async fn totals(on: &mut PgConnection) -> sqlx::Result<Vec<Total>> {
    let statement = query(TOTALS)
        .bind(Watched::OpenIntents.word())
        .bind(Watched::OpenTasks.word())
        .bind(Watched::WaitingEvents.word())
        .bind(Watched::AbandonedEvents.word())
        .bind(Watched::Listing.word());
    let found = statement.fetch_all(on).await?;
    let mut totals = found.iter().map(rows::total).collect::<sqlx::Result<Vec<Total>>>()?;
    totals.sort_unstable();
    Ok(totals)
}
