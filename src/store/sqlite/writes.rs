//! The statements behind [`Write`].
//!
//! Each write is one trip to the connection, even where it takes two statements: their numbered values are shared.

use sqlx::query;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection};

use super::chronicle;
use crate::store::{Error, Happened, Intent, Membership, Record, Task, TokenRow, Write};

/// Why a write was not applied.
#[derive(Debug)]
pub(super) enum Failure {
    /// The commit's own fault: it is rolled back alone.
    Refused(Error),
    /// The transaction or the file is in doubt: nobody's writes may stand.
    Fatal(sqlx::Error),
}

pub(super) type Attempt<T> = std::result::Result<T, Failure>;
pub(super) type Applied = Attempt<()>;
type Statement = Query<'static, Sqlite, SqliteArguments>;

/// SQLITE_TOOBIG, SQLITE_CONSTRAINT and SQLITE_MISMATCH undo their own statement and leave the transaction whole.
const CONFINED: [i64; 3] = [18, 19, 20];

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        let confined = match &error {
            sqlx::Error::Encode(_) => true,
            sqlx::Error::Database(database) => database
                .code()
                .and_then(|code| code.parse::<i64>().ok())
                .is_some_and(|code| CONFINED.contains(&(code & 0xff))),
            _ => false,
        };
        if confined { Self::Refused(Error::Unavailable(error.to_string())) } else { Self::Fatal(error) }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Refused(Error::Unavailable(error.to_string()))
    }
}

/// Applies one write inside the transaction that is open on `to`.
pub(super) async fn apply(to: &mut SqliteConnection, write: &Write) -> Applied {
    match write {
        Write::Record { record, expected: None } => insert_record(to, record).await,
        Write::Record { record, expected: Some(version) } => replace_record(to, record, *version).await,
        Write::AddMembers { connection, memberships } => {
            let statement = query(
                "INSERT OR IGNORE INTO members (connection, group_id, member_id)
                 SELECT ?1, value ->> 0, value ->> 1 FROM json_each(?2)",
            );
            statement.bind(connection).bind(pairs(memberships)?).execute(to).await?;
            Ok(())
        }
        Write::RemoveMembers { connection, memberships } => {
            let statement = query(
                "DELETE FROM members WHERE connection = ?1
                 AND (group_id, member_id) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?2))",
            );
            statement.bind(connection).bind(pairs(memberships)?).execute(to).await?;
            Ok(())
        }
        Write::ClearMembers { connection, group } => {
            let statement = query("DELETE FROM members WHERE connection = ?1 AND group_id = ?2");
            statement.bind(connection).bind(group).execute(to).await?;
            Ok(())
        }
        Write::ClearMemberships { connection, member } => {
            let statement = query("DELETE FROM members WHERE connection = ?1 AND member_id = ?2");
            statement.bind(connection).bind(member).execute(to).await?;
            Ok(())
        }
        Write::Intent(intent) => insert_intent(to, intent).await,
        Write::Settle { intent, state, attempts, next_attempt_at, at, outcome } => {
            let statement = query(
                "UPDATE intents SET state = ?2, attempts = max(attempts, ?3), next_attempt_at = ?4, updated_at = ?5, outcome = ?6
                 WHERE id = ?1 AND (?7 OR state NOT IN ('confirmed', 'superseded', 'dead'))",
            );
            let statement = statement.bind(intent).bind(state.word()).bind(attempts).bind(next_attempt_at.0);
            statement.bind(at.0).bind(outcome).bind(!state.is_open()).execute(to).await?;
            Ok(())
        }
        Write::Hasten { intent, seen, at } => {
            let statement =
                query("UPDATE intents SET next_attempt_at = ?3 WHERE id = ?1 AND updated_at = ?2");
            statement.bind(intent).bind(seen.0).bind(at.0).execute(to).await?;
            Ok(())
        }
        Write::Strike { intent, points } => {
            let statement = query("UPDATE intents SET strikes = strikes + ?2 WHERE id = ?1");
            statement.bind(intent).bind(points).execute(to).await?;
            Ok(())
        }
        Write::Task(task) => open_task(to, task).await,
        Write::CloseTask { connection, dedupe, state, at, by, note, evidence } => {
            let statement = query(
                "INSERT INTO events (id, connection, task, happened, at, attempts, next_attempt_at)
                 SELECT id || '-' || ?8, connection, id, ?8, ?4, 0, ?4 FROM tasks
                 WHERE connection = ?1 AND dedupe = ?2 AND state = 'open';
                 UPDATE tasks SET state = ?3, closed_at = ?4, closed_by = ?5, note = ?6, evidence = ?7
                 WHERE connection = ?1 AND dedupe = ?2 AND state = 'open'",
            );
            let statement = statement.bind(connection).bind(dedupe).bind(state.word());
            let statement = statement.bind(at.0).bind(by).bind(note).bind(evidence);
            statement.bind(Happened::Closed.word()).execute(to).await?;
            Ok(())
        }
        Write::DropEvent(event) => {
            query("DELETE FROM events WHERE id = ?1").bind(event).execute(to).await?;
            Ok(())
        }
        Write::PostponeEvent { event, attempts, next_attempt_at } => {
            let statement = query("UPDATE events SET attempts = ?2, next_attempt_at = ?3 WHERE id = ?1");
            let statement = statement.bind(event).bind(attempts);
            statement.bind(next_attempt_at.map(|at| at.0)).execute(to).await?;
            Ok(())
        }
        Write::Token(token) => put_token(to, token).await,
        Write::RevokeToken { connection, id, at } => {
            let statement = query(
                "UPDATE tokens SET revoked_at = ?3 WHERE connection = ?1 AND id = ?2 AND revoked_at IS NULL",
            )
            .bind(connection);
            statement.bind(id).bind(at.0).execute(to).await?;
            Ok(())
        }
        Write::Roster(roster) => {
            let statement = query(
                "INSERT INTO rosters (connection, kind, completed_at, total) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (connection, kind)
                 DO UPDATE SET completed_at = excluded.completed_at, total = excluded.total",
            );
            let statement = statement.bind(&roster.connection).bind(roster.kind.word());
            statement.bind(roster.completed_at.0).bind(roster.total).execute(to).await?;
            Ok(())
        }
        // Found to be so before it was queued: nobody but this process could take it over.
        Write::Holding(_) | Write::Unhurried => Ok(()),
        Write::Note { connection, name, text } => {
            let statement = query(
                "INSERT INTO notes (connection, name, text) VALUES (?1, ?2, ?3)
                 ON CONFLICT (connection, name) DO UPDATE SET text = excluded.text",
            );
            statement.bind(connection).bind(name).bind(text).execute(to).await?;
            Ok(())
        }
        Write::Audit(entry) => chronicle::append(to, entry).await,
        Write::Traces(traces) => chronicle::keep_traces(to, traces).await,
        Write::ForgetTraces { at, limit } => chronicle::forget_traces(to, *at, *limit).await,
    }
}

async fn insert_record(to: &mut SqliteConnection, record: &Record) -> Applied {
    let statement = query(
        "INSERT INTO records (connection, kind, id, lifecycle, account, name_key, external_id, email_keys,
                              display_key, label, desired, observed, standing, generation, version, created_at,
                              modified_at, observed_at, told_key, active)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
         ON CONFLICT (connection, kind, id) DO NOTHING",
    );
    write_record(to, bind_record(statement, record)?).await
}

/// Replaces in two steps, because SQLite rewrites every index a statement names, changed or not; most changes of a
/// record leave its keys as they are. The version changes in the last step, so both see the one that was read.
async fn replace_record(to: &mut SqliteConnection, record: &Record, expected: i64) -> Applied {
    let statements = query(
        "UPDATE records
         SET lifecycle = ?4, account = ?5, name_key = ?6, external_id = ?7, email_keys = ?8, display_key = ?9,
             label = ?10, told_key = ?19, active = ?20, display_known = 1
         WHERE connection = ?1 AND kind = ?2 AND id = ?3 AND version = ?21
         AND (lifecycle, account, name_key, external_id, email_keys, display_key, label, told_key, active,
              display_known)
             IS NOT (?4, ?5, ?6, ?7, ?8, ?9, ?10, ?19, ?20, 1);
         UPDATE records
         SET desired = ?11, observed = ?12, standing = ?13, generation = ?14, version = ?15,
             created_at = ?16, modified_at = ?17, observed_at = ?18
         WHERE connection = ?1 AND kind = ?2 AND id = ?3 AND version = ?21",
    );
    write_record(to, bind_record(statements, record)?.bind(expected)).await
}

/// Runs what touches the one record or, because of its id or version, none; so the name is the only unique key it
/// can break.
async fn write_record(to: &mut SqliteConnection, statement: Statement) -> Applied {
    match statement.execute(to).await {
        Ok(done) if done.rows_affected() == 0 => Err(Failure::Refused(Error::Stale)),
        Ok(_) => Ok(()),
        Err(sqlx::Error::Database(database)) if database.is_unique_violation() => {
            Err(Failure::Refused(Error::NameTaken))
        }
        Err(error) => Err(error.into()),
    }
}

fn bind_record(statement: Statement, record: &Record) -> Attempt<Statement> {
    Ok(statement
        .bind(&record.connection)
        .bind(record.kind.word())
        .bind(&record.id)
        .bind(record.lifecycle.word())
        .bind(&record.account)
        .bind(&record.name_key)
        .bind(&record.external_id)
        .bind(serde_json::to_string(&record.email_keys)?)
        .bind(&record.display_key)
        .bind(&record.label)
        .bind(&record.desired)
        .bind(&record.observed)
        .bind(&record.standing)
        .bind(record.generation)
        .bind(record.version)
        .bind(record.created_at.0)
        .bind(record.modified_at.0)
        .bind(record.observed_at.map(|at| at.0))
        .bind(&record.told_key)
        .bind(record.active))
}

async fn insert_intent(to: &mut SqliteConnection, intent: &Intent) -> Applied {
    query(
        "UPDATE intents SET state = 'superseded', updated_at = ?13
         WHERE connection = ?2 AND resource = ?4 AND generation < ?6
         AND (kind = 'user' OR operation = ?5)
         AND state IN ('journaled', 'attempting', 'ambiguous');
         INSERT INTO intents (id, connection, kind, resource, operation, generation, plan, sticky, state, attempts,
                              next_attempt_at, request_id, created_at, updated_at, outcome, fence, strikes,
                              name_key)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
    )
    .bind(&intent.id)
    .bind(&intent.connection)
    .bind(intent.kind.word())
    .bind(&intent.resource)
    .bind(&intent.operation)
    .bind(intent.generation)
    .bind(&intent.plan)
    .bind(intent.sticky)
    .bind(intent.state.word())
    .bind(intent.attempts)
    .bind(intent.next_attempt_at.0)
    .bind(&intent.request_id)
    .bind(intent.created_at.0)
    .bind(intent.updated_at.0)
    .bind(&intent.outcome)
    .bind(intent.fence)
    .bind(intent.strikes)
    .bind(&intent.name_key)
    .execute(to)
    .await?;
    Ok(())
}

async fn open_task(to: &mut SqliteConnection, task: &Task) -> Applied {
    query(
        "INSERT INTO tasks (id, connection, resource, kind, dedupe, instruction, person, urgent, owner, link, state,
                            created_at, closed_at, closed_by, note, evidence)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
         ON CONFLICT (connection, dedupe) WHERE state = 'open' DO NOTHING;
         INSERT INTO events (id, connection, task, happened, at, attempts, next_attempt_at)
         SELECT ?1 || '-' || ?17, ?2, ?1, ?17, ?12, 0, ?12
         WHERE EXISTS (SELECT 1 FROM tasks WHERE id = ?1)",
    )
    .bind(&task.id)
    .bind(&task.connection)
    .bind(&task.resource)
    .bind(&task.kind)
    .bind(&task.dedupe)
    .bind(&task.instruction)
    .bind(&task.person)
    .bind(task.urgent)
    .bind(&task.owner)
    .bind(&task.link)
    .bind(task.state.word())
    .bind(task.created_at.0)
    .bind(task.closed_at.map(|at| at.0))
    .bind(&task.closed_by)
    .bind(&task.note)
    .bind(&task.evidence)
    .bind(Happened::Opened.word())
    .execute(to)
    .await?;
    Ok(())
}

async fn put_token(to: &mut SqliteConnection, token: &TokenRow) -> Applied {
    query(
        "INSERT INTO tokens (connection, id, hash, created_at, expires_at, revoked_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (connection, id) DO UPDATE
         SET hash = excluded.hash, created_at = excluded.created_at, expires_at = excluded.expires_at,
             revoked_at = excluded.revoked_at",
    )
    .bind(&token.connection)
    .bind(&token.id)
    .bind(token.hash.0.as_slice())
    .bind(token.created_at.0)
    .bind(token.expires_at.0)
    .bind(token.revoked_at.map(|at| at.0))
    .execute(to)
    .await?;
    Ok(())
}

/// Memberships as a JSON array of pairs, so that ten thousand of them are one statement.
fn pairs(memberships: &[Membership]) -> Attempt<String> {
    let pairs: Vec<[&str; 2]> =
        memberships.iter().map(|membership| [&*membership.group, &*membership.member]).collect();
    Ok(serde_json::to_string(&pairs)?)
}
