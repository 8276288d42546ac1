//! The statements behind [`Write`].
//!
//! Each write is one statement, also where it touches two tables, so that it is one trip to the server.

use sqlx::postgres::{PgArguments, PgConnection, Postgres};
use sqlx::query;
use sqlx::query::Query;

use super::chronicle;
use super::text::{storable, storable_all, storable_if_any};
use crate::store::{Error, Happened, Intent, Membership, Record, Task, TokenRow, Write};

/// Why a write was not applied.
#[derive(Debug)]
pub(super) enum Failure {
    /// The commit's own fault.
    Refused(Error),
    /// The server's word, or its silence.
    Failed(sqlx::Error),
}

pub(super) type Applied = Result<(), Failure>;
type Statement<'q> = Query<'q, Postgres, PgArguments>;

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error)
    }
}

/// Applies one write inside the transaction that is open on `to`.
pub(super) async fn apply(to: &mut PgConnection, write: &Write) -> Applied {
    match write {
        Write::Record { record, expected: None } => insert_record(to, record).await,
        Write::Record { record, expected: Some(version) } => replace_record(to, record, *version).await,
        Write::AddMembers { connection, memberships } => {
            let (groups, members) = columns(memberships);
            let statement = query(
                "INSERT INTO members (connection, group_id, member_id)
                 SELECT $1, group_id, member_id FROM unnest($2::text[], $3::text[]) AS pair (group_id, member_id)
                 ON CONFLICT DO NOTHING",
            );
            run(to, statement.bind(connection).bind(groups).bind(members)).await
        }
        Write::RemoveMembers { connection, memberships } => {
            let (groups, members) = columns(memberships);
            let statement = query(
                // Each is looked up by its key, which a join is free not to do.
                "DELETE FROM members WHERE ctid = ANY (ARRAY (
                     SELECT found.ctid FROM unnest($2::text[], $3::text[]) AS pair (group_id, member_id)
                     CROSS JOIN LATERAL (
                         SELECT m.ctid FROM members m
                         WHERE m.connection = $1 AND m.group_id = pair.group_id AND m.member_id = pair.member_id
                         OFFSET 0) found))",
            );
            run(to, statement.bind(connection).bind(groups).bind(members)).await
        }
        Write::ClearMembers { connection, group } => {
            let statement = query("DELETE FROM members WHERE connection = $1 AND group_id = $2");
            run(to, statement.bind(connection).bind(group)).await
        }
        Write::ClearMemberships { connection, member } => {
            let statement = query("DELETE FROM members WHERE connection = $1 AND member_id = $2");
            run(to, statement.bind(connection).bind(member)).await
        }
        Write::Intent(intent) => insert_intent(to, intent).await,
        Write::Settle { intent, state, attempts, next_attempt_at, at, outcome } => {
            let statement = query(
                "UPDATE intents SET state = $2, attempts = greatest(attempts, $3), next_attempt_at = $4, updated_at = $5, outcome = $6
                 WHERE id = $1 AND ($7 OR state NOT IN ('confirmed', 'superseded', 'dead'))",
            );
            let statement = statement.bind(intent).bind(state.word()).bind(attempts).bind(next_attempt_at.0);
            let statement = statement.bind(at.0).bind(storable_if_any(outcome.as_ref()));
            run(to, statement.bind(!state.is_open())).await
        }
        Write::Hasten { intent, seen, at } => {
            let statement =
                query("UPDATE intents SET next_attempt_at = $3 WHERE id = $1 AND updated_at = $2");
            run(to, statement.bind(intent).bind(seen.0).bind(at.0)).await
        }
        Write::Strike { intent, points } => {
            let statement = query("UPDATE intents SET strikes = strikes + $2 WHERE id = $1");
            run(to, statement.bind(intent).bind(points)).await
        }
        Write::Task(task) => open_task(to, task).await,
        Write::CloseTask { connection, dedupe, state, at, by, note, evidence } => {
            let statement = query(
                "WITH closed AS (
                     UPDATE tasks SET state = $3, closed_at = $4, closed_by = $5, note = $6, evidence = $7
                     WHERE connection = $1 AND dedupe = $2 AND state = 'open'
                     RETURNING id, connection)
                 INSERT INTO events (id, connection, task, happened, at, attempts, next_attempt_at)
                 SELECT id || '-' || $8::text, connection, id, $8::text, $4, 0, $4 FROM closed",
            );
            let statement = statement.bind(connection).bind(storable(dedupe)).bind(state.word()).bind(at.0);
            let statement = statement.bind(storable(by)).bind(storable_if_any(note.as_ref()));
            let statement = statement.bind(storable_if_any(evidence.as_ref()));
            run(to, statement.bind(Happened::Closed.word())).await
        }
        Write::DropEvent(event) => run(to, query("DELETE FROM events WHERE id = $1").bind(event)).await,
        Write::PostponeEvent { event, attempts, next_attempt_at } => {
            let statement = query("UPDATE events SET attempts = $2, next_attempt_at = $3 WHERE id = $1");
            let statement = statement.bind(event).bind(attempts);
            run(to, statement.bind(next_attempt_at.map(|at| at.0))).await
        }
        Write::Token(token) => put_token(to, token).await,
        Write::RevokeToken { connection, id, at } => {
            let statement = query(
                "UPDATE tokens SET revoked_at = $3 WHERE connection = $1 AND id = $2 AND revoked_at IS NULL",
            );
            run(to, statement.bind(connection).bind(storable(id)).bind(at.0)).await
        }
        Write::Roster(roster) => {
            let statement = query(
                "INSERT INTO rosters (connection, kind, completed_at, total) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (connection, kind)
                 DO UPDATE SET completed_at = excluded.completed_at, total = excluded.total",
            );
            let statement = statement.bind(&roster.connection).bind(roster.kind.word());
            run(to, statement.bind(roster.completed_at.0).bind(roster.total)).await
        }
        Write::Traces(traces) => chronicle::keep_traces(to, traces).await,
        Write::ForgetTraces { at, limit } => chronicle::forget_traces(to, *at, *limit).await,
        // Those of a transaction are looked at together: leases before anything else, entries after everything else.
        Write::Holding(_) | Write::Audit(_) | Write::Unhurried => Ok(()),
        Write::Note { connection, name, text } => {
            let statement = query(
                "INSERT INTO notes (connection, name, text) VALUES ($1, $2, $3)
                 ON CONFLICT (connection, name) DO UPDATE SET text = excluded.text",
            );
            run(to, statement.bind(connection).bind(name).bind(storable(text))).await
        }
    }
}

async fn run(to: &mut PgConnection, statement: Statement<'_>) -> Applied {
    statement.execute(to).await?;
    Ok(())
}

async fn insert_record(to: &mut PgConnection, record: &Record) -> Applied {
    let statement = query(
        "INSERT INTO records (connection, kind, id, lifecycle, account, name_key, external_id, email_keys,
                              display_key, label, desired, observed, standing, generation, version, created_at,
                              modified_at, observed_at, told_key, active)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
         ON CONFLICT (connection, kind, id) DO NOTHING",
    );
    write_record(to, bind_record(statement, record)).await
}

async fn replace_record(to: &mut PgConnection, record: &Record, expected: i64) -> Applied {
    let statement = query(
        "UPDATE records
         SET lifecycle = $4, account = $5, name_key = $6, external_id = $7, email_keys = $8, display_key = $9,
             label = $10, desired = $11, observed = $12, standing = $13, generation = $14, version = $15,
             created_at = $16, modified_at = $17, observed_at = $18, told_key = $19, active = $20
         WHERE connection = $1 AND kind = $2 AND id = $3 AND version = $21",
    );
    write_record(to, bind_record(statement, record).bind(expected)).await
}

/// Runs what touches the one record or, because of its id or version, none; so the name is the only unique key it
/// can break.
async fn write_record(to: &mut PgConnection, statement: Statement<'_>) -> Applied {
    match statement.execute(to).await {
        Ok(done) if done.rows_affected() == 0 => Err(Failure::Refused(Error::Stale)),
        Ok(_) => Ok(()),
        Err(sqlx::Error::Database(database)) if database.is_unique_violation() => {
            Err(Failure::Refused(Error::NameTaken))
        }
        Err(error) => Err(error.into()),
    }
}

fn bind_record<'q>(statement: Statement<'q>, record: &'q Record) -> Statement<'q> {
    statement
        .bind(&record.connection)
        .bind(record.kind.word())
        .bind(&record.id)
        .bind(record.lifecycle.word())
        .bind(storable_if_any(record.account.as_ref()))
        .bind(storable(&record.name_key))
        .bind(storable_if_any(record.external_id.as_ref()))
        .bind(storable_all(&record.email_keys))
        .bind(storable_if_any(record.display_key.as_ref()))
        .bind(storable(&record.label))
        .bind(storable(&record.desired))
        .bind(storable_if_any(record.observed.as_ref()))
        .bind(storable(&record.standing))
        .bind(record.generation)
        .bind(record.version)
        .bind(record.created_at.0)
        .bind(record.modified_at.0)
        .bind(record.observed_at.map(|at| at.0))
        .bind(storable_if_any(record.told_key.as_ref()))
        .bind(record.active)
}

async fn insert_intent(to: &mut PgConnection, intent: &Intent) -> Applied {
    let statement = query(
        "WITH superseded AS (
             UPDATE intents SET state = 'superseded', updated_at = $13
             WHERE connection = $2 AND resource = $4 AND generation < $6
             AND (kind = 'user' OR operation = $5)
             AND state IN ('journaled', 'attempting', 'ambiguous'))
         INSERT INTO intents (id, connection, kind, resource, operation, generation, plan, sticky, state, attempts,
                              next_attempt_at, request_id, created_at, updated_at, outcome, fence,
                              strikes, name_key)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
    );
    let statement = statement
        .bind(&intent.id)
        .bind(&intent.connection)
        .bind(intent.kind.word())
        .bind(&intent.resource)
        .bind(&intent.operation)
        .bind(intent.generation)
        .bind(storable(&intent.plan))
        .bind(intent.sticky)
        .bind(intent.state.word())
        .bind(intent.attempts)
        .bind(intent.next_attempt_at.0)
        .bind(storable(&intent.request_id))
        .bind(intent.created_at.0)
        .bind(intent.updated_at.0)
        .bind(storable_if_any(intent.outcome.as_ref()))
        .bind(intent.fence)
        .bind(intent.strikes)
        .bind(storable(&intent.name_key));
    run(to, statement).await
}

async fn open_task(to: &mut PgConnection, task: &Task) -> Applied {
    let statement = query(
        "WITH opened AS (
             INSERT INTO tasks (id, connection, resource, kind, dedupe, instruction, person, urgent, owner, link,
                                state, created_at, closed_at, closed_by, note, evidence)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
             ON CONFLICT (connection, dedupe) WHERE state = 'open' DO NOTHING
             RETURNING id, connection, created_at)
         INSERT INTO events (id, connection, task, happened, at, attempts, next_attempt_at)
         SELECT id || '-' || $17::text, connection, id, $17::text, created_at, 0, created_at FROM opened",
    );
    let statement = statement
        .bind(&task.id)
        .bind(&task.connection)
        .bind(&task.resource)
        .bind(&task.kind)
        .bind(storable(&task.dedupe))
        .bind(storable(&task.instruction))
        .bind(storable(&task.person))
        .bind(task.urgent)
        .bind(storable_if_any(task.owner.as_ref()))
        .bind(storable_if_any(task.link.as_ref()))
        .bind(task.state.word())
        .bind(task.created_at.0)
        .bind(task.closed_at.map(|at| at.0))
        .bind(storable_if_any(task.closed_by.as_ref()))
        .bind(storable_if_any(task.note.as_ref()))
        .bind(storable_if_any(task.evidence.as_ref()))
        .bind(Happened::Opened.word());
    run(to, statement).await
}

async fn put_token(to: &mut PgConnection, token: &TokenRow) -> Applied {
    let statement = query(
        "INSERT INTO tokens (connection, id, hash, created_at, expires_at, revoked_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (connection, id) DO UPDATE
         SET hash = excluded.hash, created_at = excluded.created_at, expires_at = excluded.expires_at,
             revoked_at = excluded.revoked_at",
    );
    let statement = statement
        .bind(&token.connection)
        .bind(storable(&token.id))
        .bind(token.hash.0.as_slice())
        .bind(token.created_at.0)
        .bind(token.expires_at.0)
        .bind(token.revoked_at.map(|at| at.0));
    run(to, statement).await
}

/// Memberships as two columns, so that ten thousand of them are one statement.
fn columns(memberships: &[Membership]) -> (Vec<&str>, Vec<&str>) {
    memberships.iter().map(|membership| (&*membership.group, &*membership.member)).unzip()
}
