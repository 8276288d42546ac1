//! Opening the file: whose it is, whether it is whole, which pragmas it runs under.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, query, query_scalar};

use crate::store::{Error, Result};

/// Marks the file as ours: `PCLS`.
const APPLICATION: i32 = 0x5043_4C53;
const MARK: &str = "PRAGMA application_id = 0x50434C53";

/// The first release without the WAL-reset corruption.
const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];

const MAGIC: &[u8] = b"SQLite format 3\0";
/// The magic, and the size of a page in two bytes.
const HEADER: usize = 18;
/// SQLITE_CORRUPT
pub(super) const CORRUPT: i64 = 11;
/// SQLITE_NOTADB
pub(super) const NOT_A_DATABASE: i64 = 26;
/// Up to this size a start holds the indexes against the tables, too; of a larger file only the daily check does.
const SMALL: u64 = 64 * 1024 * 1024;

const READERS: u32 = 4;
const BUSY: Duration = Duration::from_secs(5);

/// An opened database: the connection that writes, the options to open it again, and the connections that read.
pub(super) struct Opened {
    pub(super) options: SqliteConnectOptions,
    pub(super) writer: SqliteConnection,
    pub(super) readers: SqlitePool,
}

/// Opens the file at `path`, making it if there is none, and brings its tables up to date.
pub(super) async fn open(path: &Path) -> Result<Opened> {
    prepare_file(path)?;
    let plain = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .pragma("trusted_schema", "OFF")
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging();
    inspect(path, &plain).await?;

    let options = plain.journal_mode(SqliteJournalMode::Wal);
    let mut writer = options.connect().await.map_err(|error| refusal(path, &error))?;
    match sqlx::migrate!("migrations/sqlite").run(&mut writer).await {
        Ok(()) => {}
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
            return Err(refusal(path, &error));
        }
        Err(MigrateError::VersionMissing(version)) => {
            return Err(Error::Refused(format!(
                "`{}` was written by a newer release: migration {version} is unknown to this one",
                path.display()
            )));
        }
        Err(error) => {
            return Err(Error::Refused(format!("`{}` cannot be migrated: {error}", path.display())));
        }
    }

    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(BUSY)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options.clone().pragma("query_only", "ON"))
        .await
        .map_err(|error| refusal(path, &error))?;
    Ok(Opened { options, writer, readers })
}

/// Refuses what is not SQLite, and what is not all there, before SQLite touches it; makes an empty file, readable by its
/// owner only, where there is none.
fn prepare_file(path: &Path) -> Result<()> {
    let unavailable =
        |error: std::io::Error| Error::Unavailable(format!("cannot open `{}`: {error}", path.display()));
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |told| told.len());
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let has_log = length(Path::new(&log)) > 0;
    if has_log && length(path) == 0 {
        // SQLite would throw the log away.
        return Err(Error::Refused(format!(
            "`{}` is gone and its log `{}` is not: put the file back beside it, or a backup in place of both",
            path.display(),
            Path::new(&log).display()
        )));
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(parent.unwrap_or(Path::new("."))).and_then(|it| it.sync_all()).map_err(unavailable)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let mut start = Vec::with_capacity(HEADER);
            let file = File::open(path).map_err(unavailable)?;
            file.take(HEADER as u64).read_to_end(&mut start).map_err(unavailable)?;
            if !start.is_empty() && !start.starts_with(MAGIC) {
                return Err(not_sqlite(path));
            }
            // What a page lacks would count as zeros; with a log the page may stand there.
            let page = start.get(16..18).map_or(1, |size| u64::from(u16::from_be_bytes([size[0], size[1]])));
            if !has_log && !length(path).is_multiple_of(page.max(512)) {
                return Err(damaged(path, "its last page is not all there"));
            }
            Ok(())
        }
        Err(error) => Err(unavailable(error)),
    }
}

/// Refuses an old SQLite, a file of another program and a damaged file; marks an empty one as ours.
async fn inspect(path: &Path, options: &SqliteConnectOptions) -> Result<()> {
    let refused = |error: sqlx::Error| refusal(path, &error);
    let mut connection = options.connect().await.map_err(refused)?;

    let version: String =
        query_scalar("SELECT sqlite_version()").fetch_one(&mut connection).await.map_err(refused)?;
    if !is_recent(&version) {
        return Err(Error::Refused(format!(
            "SQLite `{version}` can corrupt its log: 3.51.3 or later is needed"
        )));
    }

    let mark: i32 =
        query_scalar("PRAGMA application_id").fetch_one(&mut connection).await.map_err(refused)?;
    if mark == APPLICATION {
        let is_small = std::fs::metadata(path).is_ok_and(|told| told.len() <= SMALL);
        let check = if is_small { "PRAGMA integrity_check(1)" } else { "PRAGMA quick_check(1)" };
        let finding: String = query_scalar(check).fetch_one(&mut connection).await.map_err(refused)?;
        if finding != "ok" {
            return Err(damaged(path, &finding));
        }
    } else {
        let tables: i64 = query_scalar("SELECT count(*) FROM sqlite_schema")
            .fetch_one(&mut connection)
            .await
            .map_err(refused)?;
        if mark != 0 || tables != 0 {
            return Err(Error::Refused(format!("`{}` is the database of another program", path.display())));
        }
        query(MARK).execute(&mut connection).await.map_err(refused)?;
    }
    connection.close().await.map_err(refused)
}

/// Whether a version such as `3.51.3` is late enough.
fn is_recent(version: &str) -> bool {
    let numbers: Vec<u32> = version.split('.').map(|number| number.parse().unwrap_or(0)).collect();
    numbers.as_slice() >= OLDEST_SQLITE.as_slice()
}

/// SQLite's primary result code of an error that has one.
pub(super) fn result_code(error: &sqlx::Error) -> Option<i64> {
    let code = error.as_database_error()?.code()?.parse::<i64>().ok()?;
    Some(code & 0xff)
}

/// What an error while opening means: two codes are about the file, the rest about the disk.
fn refusal(path: &Path, error: &sqlx::Error) -> Error {
    match result_code(error) {
        Some(CORRUPT) => damaged(path, &error.to_string()),
        Some(NOT_A_DATABASE) => not_sqlite(path),
        _ => Error::Unavailable(format!("cannot open `{}`: {error}", path.display())),
    }
}

fn damaged(path: &Path, finding: &str) -> Error {
    Error::Refused(format!(
        "`{}` is damaged ({}): put the last good backup in its place",
        path.display(),
        finding.lines().collect::<Vec<_>>().join("; ")
    ))
}

fn not_sqlite(path: &Path) -> Error {
    Error::Refused(format!("`{}` is not a SQLite database", path.display()))
}

#[cfg(test)]
mod tests {
    use super::is_recent;

    #[test]
    fn a_release_with_the_wal_reset_bug_is_not_recent() {
        for old in ["3.51.2", "3.50.9", "3.9.0", "2.99.99", "", "nonsense"] {
            assert!(!is_recent(old), "{old}");
        }
        for recent in ["3.51.3", "3.51.10", "3.52.0", "4.0.0"] {
            assert!(is_recent(recent), "{recent}");
        }
    }
}
