//! Opening the database: whether it may be used, how its sessions run, and that its tables are up to date.

use std::str::FromStr;

use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, query, query_as};
use tokio::time::timeout;

use super::Settings;
use super::lost::is_lost;
use crate::base::secret::ExposeSecret;
use crate::store::{Error, Result};

/// The first release that is tested: 15.0.
const OLDEST: i32 = 150_000;

/// Under which number those who bring the tables up to date wait for each other: `PCLS`.
const MIGRATING: i64 = 0x5043_4C53;

/// Connects, refuses what cannot keep our promises, and brings the tables up to date.
pub(super) async fn open(settings: &Settings) -> Result<PgPool> {
    let plain = PgConnectOptions::from_str(settings.url.expose_secret())
        .map_err(|_the_address_may_hold_a_password| {
            Error::Refused("the address of the database cannot be read".to_owned())
        })?
        .application_name("portcullis")
        .disable_statement_logging();
    prepare(settings, &plain).await?;

    let statement = format!("{}ms", settings.statement_timeout.as_millis());
    let options = plain.options([
        // What is committed is on disk, and on the standby where the server waits for one, before we say so.
        ("synchronous_commit", "on"),
        ("default_transaction_isolation", "read committed"),
        ("statement_timeout", &statement),
        ("idle_in_transaction_session_timeout", &statement),
        // Locks of a replica that is gone are given up soon, not after the hours a TCP connection lasts.
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
        // Every statement is short; compiling one takes longer than running it.
        ("jit", "off"),
        // Each statement has one plan, which the tests look at; else a question of many values is planned each time.
        ("plan_cache_mode", "force_generic_plan"),
    ]);
    PgPoolOptions::new()
        .max_connections(settings.connections)
        .acquire_timeout(settings.connect_timeout)
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .map_err(|error| refusal(&error))
}

/// Looks at the server and migrates, in one transaction of one connection.
async fn prepare(settings: &Settings, options: &PgConnectOptions) -> Result<()> {
    let connecting = timeout(settings.connect_timeout, options.connect()).await;
    let mut connection = connecting
        .map_err(|_elapsed| Error::Unavailable("the database does not answer".to_owned()))?
        .map_err(|error| refusal(&error))?;
    inspect(&mut connection).await?;
    migrate(&mut connection).await?;
    connection.close().await.map_err(|error| refusal(&error))
}

/// Refuses a server that is too old, a standby, and a database that does not hold every letter.
async fn inspect(connection: &mut PgConnection) -> Result<()> {
    let statement = "SELECT current_setting('server_version_num')::int, current_setting('server_version'),
                            pg_is_in_recovery(), current_setting('server_encoding'), current_setting('fsync')";
    let (number, version, standby, encoding, fsync): (i32, String, bool, String, String) =
        query_as(statement).fetch_one(connection).await.map_err(|error| refusal(&error))?;
    if number < OLDEST {
        return Err(Error::Refused(format!("found Postgres `{version}`, expected 15 or later")));
    }
    if standby {
        return Err(Error::Refused("the database is a standby, which cannot be written".to_owned()));
    }
    if encoding != "UTF8" {
        return Err(Error::Refused(format!("the database has the encoding `{encoding}`, expected `UTF8`")));
    }
    if fsync != "on" {
        tracing::warn!("`fsync` is off: a crash of the database may lose what was promised");
    }
    Ok(())
}

/// Brings the tables up to date, one replica at a time and all migrations or none; the lock ends with the transaction.
async fn migrate(connection: &mut PgConnection) -> Result<()> {
    let mut transaction = connection.begin().await.map_err(|error| refusal(&error))?;
    query("SELECT pg_advisory_xact_lock($1)")
        .bind(MIGRATING)
        .execute(&mut *transaction)
        .await
        .map_err(|error| refusal(&error))?;
    let mut migrator = sqlx::migrate!("migrations/postgres");
    migrator.set_locking(false);
    match migrator.run(&mut *transaction).await {
        Ok(()) => transaction.commit().await.map_err(|error| refusal(&error)),
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => Err(refusal(&error)),
        Err(MigrateError::VersionMissing(version)) => Err(Error::Refused(format!(
            "the database was written by a newer release: migration {version} is unknown to this one"
        ))),
        Err(error) => Err(Error::Refused(format!("the database cannot be migrated: {error}"))),
    }
}

/// What an error while opening means: a server that is away may come back, anything else is for an operator.
fn refusal(error: &sqlx::Error) -> Error {
    let text = format!("the database cannot be opened: {error}");
    if is_lost(error) || matches!(error, sqlx::Error::PoolTimedOut) {
        Error::Unavailable(text)
    } else {
        Error::Refused(text)
    }
}
