//! A database of an earlier release under this one, one of a later release and one that is damaged: nothing is lost, and
//! nothing is guessed.

use std::borrow::Cow;
use std::path::Path;
use std::thread;
use std::time::Instant;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Executor, query, query_scalar};

use crate::stage::{Place, Running, wait_for};

/// What the first release wrote, before filters, tasks, leases and the audit.
const FIRST: i64 = 3;
const PEOPLE: i64 = 6_000;

fn now<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

/// A file as the first release left it.
async fn written_by_the_first_release(path: &Path) {
    let mut connection = connect(path).await;
    connection.execute("PRAGMA application_id = 0x50434C53").await.unwrap();
    let mut migrator = sqlx::migrate!("migrations/sqlite");
    let first = migrator.iter().filter(|migration| migration.version <= FIRST).cloned().collect();
    migrator.migrations = Cow::Owned(first);
    migrator.run(&mut connection).await.unwrap();
    let people = "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
         INSERT INTO records (connection, kind, id, lifecycle, name_key, label, email_keys, generation, version,
                              created_at, modified_at, desired, observed, standing)
         SELECT 'sandbox', 'user', 'u' || n, 'live', 'u' || n, 'u' || n, '[]', 1, 1, n, n,
                json_object('userName', 'u' || n), json_object('display_name', 'Ada ' || n),
                json_object('active', json(CASE n % 2 WHEN 1 THEN 'true' ELSE 'false' END))
         FROM number";
    query(people).bind(PEOPLE).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[test]
fn a_gateway_that_is_killed_while_it_brings_an_older_database_up_to_date_loses_nobody() {
    let place = Place::sandbox();
    let database = place.path("portcullis.db");
    now(written_by_the_first_release(&database));
    let old = std::fs::read(&database).unwrap();
    // Until it writes nothing can be halfway; on a busy machine it may be done before anybody has looked.
    let writes = |running: &Running| {
        let log = place.path("portcullis.db-wal");
        wait_for("the log", || {
            let begun = log.metadata().is_ok_and(|log| log.len() > 0);
            (begun || running.log().contains("\"serving\"")).then_some(())
        });
    };
    let first = Running::begin(&place);
    writes(&first);
    let began = Instant::now();
    wait_for("the line that it serves", || first.log().contains("\"serving\"").then_some(()));
    let whole = began.elapsed();
    drop(first);
    let kills = crate::number("UPGRADES", 20);
    let last = sqlx::migrate!("migrations/sqlite").iter().map(|migration| migration.version).max();
    let mut between = 0;
    for kill in 0..kills {
        for log in ["portcullis.db-wal", "portcullis.db-shm"] {
            drop(std::fs::remove_file(place.path(log)));
        }
        std::fs::write(&database, &old).unwrap();
        let mut killed = Running::begin(&place);
        writes(&killed);
        thread::sleep(whole * kill / kills);
        killed.signal("-KILL");
        let done: i64 = now(async {
            let count = "SELECT count(*) FROM _sqlx_migrations WHERE success";
            query_scalar(count).fetch_one(&mut connect(&database).await).await.unwrap()
        });
        between += i64::from(done > FIRST && Some(done) < last);
        drop(Running::serve(&place));
        let (people, active, whole): (i64, i64, String) = now(async {
            let told = "SELECT count(*), sum(active), (SELECT * FROM pragma_integrity_check) FROM records
                        WHERE connection = 'sandbox' AND lifecycle = 'live'";
            sqlx::query_as(told).fetch_one(&mut connect(&database).await).await.unwrap()
        });
        assert_eq!((people, active, whole.as_str()), (PEOPLE, PEOPLE / 2, "ok"), "kill {kill}");
    }
    println!("{kills} kills, {between} of them between two migrations");
    assert!(between > 0, "no kill fell between two migrations");
}

#[test]
fn a_database_of_a_later_release_is_refused_and_left_as_it_is() {
    let place = Place::sandbox();
    let (status, _) = Running::serve(&place).signal("-TERM");
    assert!(status.success());
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'newer', TRUE, x'00', 0)";
    let database = place.path("portcullis.db");
    now(async { connect(&database).await.execute(newer).await.unwrap() });
    let refused = place.run("serve", &[]);
    assert_eq!(refused.code, 78, "{refused:?}");
    assert!(refused.stderr.contains("newer release") && refused.stderr.contains("9999"), "{refused:?}");
    let last: i64 = now(async {
        let last = "SELECT max(version) FROM _sqlx_migrations";
        query_scalar(last).fetch_one(&mut connect(&database).await).await.unwrap()
    });
    assert_eq!(last, 9999);
}

#[test]
fn a_database_that_is_damaged_is_refused_with_words_and_left_as_it_is() {
    let place = Place::sandbox();
    let (status, _) = Running::serve(&place).signal("-TERM");
    assert!(status.success());
    let database = place.path("portcullis.db");
    let whole = std::fs::read(&database).unwrap();
    let mut scratched = whole.clone();
    // The first page of a table that is not the one of contents.
    scratched[4_096..4_104].fill(0xff);
    for (bytes, word) in [
        (&whole[..whole.len() - 8_192], "is damaged"),
        (&scratched, "is damaged"),
        (b"no database at all".as_slice(), "is not a SQLite database"),
    ] {
        std::fs::write(&database, bytes).unwrap();
        for command in ["serve", "doctor"] {
            let refused = place.run(command, &[]);
            assert_eq!(refused.code, 78, "{command}: {refused:?}");
            let told = refused.stderr.contains(word) && refused.stderr.contains("portcullis.db");
            assert!(told && !refused.stderr.contains("panicked"), "{command}: {refused:?}");
        }
        assert!(std::fs::read(&database).unwrap() == bytes, "{word}");
    }
}

/// A replica of the release before goes on while another one brings the tables up to date.
#[test]
fn migrations_since_there_are_replicas_leave_what_an_older_one_reads_and_writes() {
    let taken_away =
        ["DROP TABLE", "DROP COLUMN", "RENAME", "ALTER COLUMN", "SET NOT NULL", "TRUNCATE", "DELETE FROM"];
    for migration in sqlx::migrate!("migrations/postgres").iter().filter(|migration| migration.version > 7) {
        let sql = migration.sql.as_str().to_uppercase();
        for word in taken_away {
            assert!(!sql.contains(word), "migration {}: {word}", migration.version);
        }
        for column in sql
            .split(';')
            .filter(|statement| statement.contains("ADD COLUMN") && statement.contains("NOT NULL"))
        {
            assert!(column.contains("DEFAULT"), "migration {}: {column}", migration.version);
        }
    }
}
