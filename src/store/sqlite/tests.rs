//! The suite every store is put to, and what only this one promises about its file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::FutureExt;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, Row, query_scalar};
use tempfile::TempDir;

use super::*;
use crate::base::clock::Timestamp;
use crate::store::{Lifecycle, conformance};

mod upgrades;

/// A folder with the path of a database in it.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("portcullis.db");
    (directory, path)
}

fn user(id: &str, name: &str) -> Write {
    let record = Record {
        connection: "hive".to_owned(),
        kind: Kind::User,
        id: id.to_owned(),
        lifecycle: Lifecycle::Live,
        account: None,
        name_key: name.to_owned(),
        label: name.to_owned(),
        external_id: None,
        email_keys: vec![format!("{name}@corp.example")],
        display_key: None,
        told_key: None,
        active: None,
        desired: "x".repeat(500),
        observed: None,
        standing: "{}".to_owned(),
        generation: 1,
        version: 1,
        created_at: Timestamp(1),
        modified_at: Timestamp(1),
        observed_at: None,
        groups: Vec::new(),
    };
    Write::Record { record: Box::new(record), expected: None }
}

async fn refusal(path: &Path) -> String {
    match open(path).await {
        Err(Error::Refused(text)) => text,
        other => panic!("not refused: {other:?}"),
    }
}

/// Runs statements on a file that nobody has open, as somebody would who wants to change what was written.
pub(crate) async fn tamper(path: &Path, statements: &[String]) {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    for statement in statements {
        #[expect(clippy::disallowed_methods, reason = "the statement is the test's own")]
        let statement = sqlx::AssertSqlSafe(statement.clone());
        connection.execute(statement).await.unwrap();
    }
    connection.close().await.unwrap();
}

/// How SQLite means to answer a statement.
async fn plan(readers: &SqlitePool, statement: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "the statement under test is static text")]
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let rows = sqlx::query(explain).fetch_all(readers).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>().join("\n")
}

/// The writer of a database that exists, under other settings than usual.
async fn writer(path: &Path, change: impl Fn(SqliteConnectOptions) -> SqliteConnectOptions) -> Writer {
    let opened = open::open(path).await.unwrap();
    opened.readers.close().await;
    opened.writer.close().await.unwrap();
    let options = change(opened.options);
    let connection = options.connect().await.unwrap();
    Writer::new(options, connection)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_keeps_every_promise_of_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(format!("{name}.db"));
    conformance::all(async |name| open(&path(name)).await.unwrap()).await;
}

#[tokio::test]
async fn a_file_that_is_not_sqlite_is_refused_and_left_alone() {
    let (_directory, path) = place();
    for content in ["hello", "a text that is longer than the head of a database"] {
        std::fs::write(&path, content).unwrap();
        assert_eq!(refusal(&path).await, format!("`{}` is not a SQLite database", path.display()));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    }
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    let (_directory, path) = place();
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut foreign = options.connect().await.unwrap();
    foreign.execute("CREATE TABLE theirs (id INTEGER)").await.unwrap();
    foreign.close().await.unwrap();
    let refused = format!("`{}` is the database of another program", path.display());
    assert_eq!(refusal(&path).await, refused);

    let mut foreign = options.connect().await.unwrap();
    foreign.execute("DROP TABLE theirs; PRAGMA application_id = 7").await.unwrap();
    foreign.close().await.unwrap();
    assert_eq!(refusal(&path).await, refused);
}

#[tokio::test]
async fn a_database_of_a_newer_release_is_refused() {
    let (_directory, path) = place();
    open(&path).await.unwrap().close().await;
    let mut connection = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'newer', TRUE, x'00', 0)";
    connection.execute(newer).await.unwrap();
    connection.close().await.unwrap();
    let text = refusal(&path).await;
    assert!(text.contains("newer release") && text.contains("9999"), "{text}");
}

/// A file with 500 people in it.
async fn filled(path: &Path) {
    let store = open(path).await.unwrap();
    store
        .commit((0..500).map(|number| user(&format!("u{number}"), &format!("n{number}"))).collect())
        .await
        .unwrap();
    store.close().await;
}

fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    for page in bytes.chunks_mut(4096).skip(8) {
        page[..64].fill(0xA5);
    }
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_damaged_database_is_refused_with_what_to_do() {
    let (_directory, path) = place();
    filled(&path).await;
    damage(&path);
    let text = refusal(&path).await;
    assert!(text.contains("is damaged") && text.contains("put the last good backup in its place"), "{text}");
}

#[tokio::test]
async fn damage_under_an_open_store_is_found_by_a_check() {
    let (_directory, path) = place();
    filled(&path).await;
    let store = open(&path).await.unwrap();
    store.check().await.unwrap();
    damage(&path);
    let found = store.check().await;
    assert!(matches!(&found, Err(Error::Refused(text)) if text.contains("damaged")), "{found:?}");
}

#[tokio::test]
async fn a_file_in_a_missing_folder_is_unavailable() {
    let (directory, _path) = place();
    let result = open(&directory.path().join("missing/portcullis.db")).await;
    assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_a_new_file_and_its_log() {
    use std::os::unix::fs::PermissionsExt;
    let (directory, path) = place();
    let store = open(&path).await.unwrap();
    store.commit(vec![user("u1", "anna")]).await.unwrap();
    let files: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap()).collect();
    assert_eq!(files.len(), 3);
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn every_connection_runs_under_the_settings_that_keep_promises() {
    let (_directory, path) = place();
    let mut opened = open::open(&path).await.unwrap();
    let mut reader = opened.readers.acquire().await.unwrap();
    for connection in [&mut opened.writer, &mut reader] {
        let mode: String = query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await.unwrap();
        assert_eq!(mode, "wal");
        for (pragma, expected) in [
            ("PRAGMA synchronous", 2),
            ("PRAGMA foreign_keys", 1),
            ("PRAGMA trusted_schema", 0),
            ("PRAGMA busy_timeout", 5_000),
        ] {
            let value: i64 = query_scalar(pragma).fetch_one(&mut *connection).await.unwrap();
            assert_eq!(value, expected, "{pragma}");
        }
    }
    assert!(reader.execute("DELETE FROM tokens").await.is_err());
}

#[tokio::test]
async fn what_was_committed_is_in_the_files_before_anything_is_closed() {
    let (directory, path) = place();
    let store = open(&path).await.unwrap();
    store.commit(vec![user("u1", "anna")]).await.unwrap();

    let copy = directory.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(directory.path().join("portcullis.db-wal"), directory.path().join("copy.db-wal")).unwrap();
    let after = open(&copy).await.unwrap();
    assert!(after.record("hive", Kind::User, "u1").await.unwrap().is_some());
    after.close().await;
    store.close().await;
}

#[tokio::test]
async fn a_tool_writes_beside_a_serving_process() {
    let (directory, path) = place();
    let _serving = lock(directory.path()).unwrap();
    let store = open(&path).await.unwrap();
    let tool = open(&path).await.unwrap();
    tool.commit(vec![user("u1", "anna")]).await.unwrap();
    store.commit(vec![user("u2", "bo")]).await.unwrap();
    assert_eq!(store.count("hive", Kind::User).await.unwrap(), 2);
    assert_eq!(tool.count("hive", Kind::User).await.unwrap(), 2);
    tool.close().await;
    store.close().await;
}

#[tokio::test]
async fn a_failing_commit_is_undone_alone_in_its_group() {
    let (_directory, path) = place();
    let mut writer = writer(&path, |options| options).await;
    let batches = [
        vec![user("u1", "anna")],
        vec![user("u2", "bo"), user("u3", "anna")],
        vec![user("u1", "cy")],
        vec![user("u4", "bo")],
    ];
    let group: Vec<&[Write]> = batches.iter().map(Vec::as_slice).collect();
    let results = writer.transaction(&group).await.unwrap();
    let [Ok(()), Err(Error::NameTaken), Err(Error::Stale), Ok(())] = results.as_slice() else {
        panic!("{results:?}")
    };
    drop(writer);
    let store = open(&path).await.unwrap();
    let kept = store.scan("hive", Kind::User, 0, 10).await.unwrap();
    assert_eq!(kept.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), ["u1", "u4"]);
    store.close().await;
}

#[tokio::test]
async fn a_writer_that_could_not_begin_opens_the_file_again() {
    let (_directory, path) = place();
    let mut writer = writer(&path, |options| options.busy_timeout(Duration::ZERO)).await;
    let mut other = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let (first, second) = ([user("u1", "anna")], [user("u2", "bo")]);
    assert!(writer.transaction(&[&first, &second]).await.is_err());
    assert!(writer.transaction(&[&first]).await.is_err());
    other.execute("ROLLBACK").await.unwrap();
    assert!(matches!(writer.transaction(&[&first, &second]).await.unwrap().as_slice(), [Ok(()), Ok(())]));
}

#[tokio::test]
async fn a_full_disk_fails_the_commit_and_keeps_what_was_there() {
    let (_directory, path) = place();
    open(&path).await.unwrap().close().await;
    let pages = std::fs::metadata(&path).unwrap().len() / 4096;
    let mut writer = writer(&path, |options| options.pragma("max_page_count", (pages + 4).to_string())).await;
    let little = [user("u1", "anna")];
    assert!(matches!(writer.transaction(&[&little]).await.unwrap().as_slice(), [Ok(())]));
    let much: Vec<Write> =
        (0..500).map(|number| user(&format!("m{number}"), &format!("n{number}"))).collect();
    let error = writer.transaction(&[&much, &little]).await.unwrap_err();
    assert!(error.to_string().contains("full"), "{error}");
    drop(writer);

    let store = open(&path).await.unwrap();
    assert_eq!(store.count("hive", Kind::User).await.unwrap(), 1);
    store.commit(vec![user("u2", "bo")]).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_caller_that_stops_waiting_cancels_nothing() {
    let (_directory, path) = place();
    let store = open(&path).await.unwrap();
    assert!(store.commit(vec![user("u1", "anna")]).now_or_never().is_none());
    store.commit(vec![user("u2", "bo")]).await.unwrap();
    assert_eq!(store.count("hive", Kind::User).await.unwrap(), 2);
    store.close().await;
}

#[tokio::test]
async fn closing_waits_for_what_is_queued() {
    let (_directory, path) = place();
    let store = open(&path).await.unwrap();
    let (one, two, ()) = tokio::join!(
        store.commit(vec![user("u1", "anna")]),
        store.commit(vec![user("u2", "bo")]),
        store.close()
    );
    one.and(two).unwrap();
    let store = open(&path).await.unwrap();
    assert_eq!(store.count("hive", Kind::User).await.unwrap(), 2);
    store.close().await;
}

#[tokio::test]
async fn every_question_is_answered_from_an_index() {
    let (_directory, path) = place();
    let opened = open::open(&path).await.unwrap();
    let records = [
        (queries::RECORD, "r USING INDEX sqlite_autoindex_records_1 (connection=? AND kind=? AND id=?)"),
        (queries::BY_ACCOUNT, "records_account (connection=? AND kind=? AND account=?)"),
        (queries::BY_NAME, "records_name (connection=? AND kind=? AND name_key=?)"),
        (queries::BY_EXTERNAL_ID, "records_external_id (connection=? AND kind=? AND external_id=?)"),
        (queries::BY_EMAIL, "e USING PRIMARY KEY (connection=? AND kind=? AND email_key=?)"),
        (queries::BY_MEMBER, "o USING COVERING INDEX members_member (connection=? AND member_id=?)"),
        (queries::SCAN, "records_listing (connection=? AND kind=? AND lifecycle=?)"),
        (queries::SCAN_AFTER, "records_listing (connection=? AND kind=? AND lifecycle=? AND id>?)"),
    ];
    for (statement, index) in records {
        let plan = plan(&opened.readers, statement).await;
        assert!(plan.contains(index), "{index}: {plan}");
        assert!(
            plan.contains("m USING COVERING INDEX members_member (connection=? AND member_id=?)"),
            "{plan}"
        );
        assert!(
            plan.contains(
                "g USING COVERING INDEX records_listing (connection=? AND kind=? AND lifecycle=? AND id=?)"
            ),
            "{plan}"
        );
        assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
    let others = [
        (
            queries::MEMBERS,
            "r USING COVERING INDEX records_listing (connection=? AND kind=? AND lifecycle=? AND id=?)",
        ),
        (queries::MEMBERS, "m USING PRIMARY KEY (connection=? AND group_id=?)"),
        (queries::RECORDS, "records_listing (connection=? AND kind=? AND lifecycle=? AND id=?)"),
        (queries::MEMBERS_AMONG, "m USING PRIMARY KEY (connection=? AND group_id=? AND member_id=?)"),
        (keys::NAME_PREFIX, "records_name (connection=? AND kind=? AND name_key>? AND name_key<?)"),
        (keys::DISPLAY, "records_display (connection=? AND kind=? AND display_key=?)"),
        (keys::DISPLAY, "records_told (connection=? AND kind=? AND told_key=?)"),
        (keys::DISPLAY, "records_display_unknown (connection=? AND kind=?)"),
        (
            keys::DISPLAY_PREFIX,
            "records_display (connection=? AND kind=? AND display_key>? AND display_key<?)",
        ),
        (keys::DISPLAY_PREFIX, "records_told (connection=? AND kind=? AND told_key>? AND told_key<?)"),
        (keys::DISPLAY_PREFIX, "records_display_unknown (connection=? AND kind=?)"),
        (keys::GROUP, "m USING PRIMARY KEY (connection=? AND group_id=?)"),
        (keys::ACTIVE, "COVERING INDEX records_active (connection=? AND kind=? AND active=?)"),
        (
            keys::MODIFIED,
            "COVERING INDEX records_modified (connection=? AND kind=? AND modified_at>? AND modified_at<?)",
        ),
        (queries::DUE, "intents_line (connection=? AND sticky=? AND next_attempt_at<?)"),
        (queries::OPEN_CREATES, "intents_creates (connection=? AND kind=? AND name_key=?)"),
        (queries::OPEN_OF_RESOURCE, "intents_open (connection=? AND resource=?)"),
        // Any of three indexes holds nothing but open intents, and all of them are wanted.
        (queries::OPEN_OF_CONNECTION, "intents USING INDEX intents_"),
        (queries::OPEN, "intents USING INDEX intents_"),
        (queries::LATEST, "intents_resource (connection=? AND resource=?)"),
        (queries::OPEN_TASKS, "tasks_open"),
        (queries::OPEN_OF_KIND, "tasks_kind (connection=? AND kind=?)"),
        (super::chronicle::LAST_LINK, "audit_intent (intent=?)"),
        (super::watch::DUE, "events_due (connection=? AND next_attempt_at<?)"),
    ];
    for (statement, index) in others {
        let plan = plan(&opened.readers, statement).await;
        assert!(plan.contains(index), "{index}: {plan}");
        assert!(!plan.contains("SCAN r"), "{plan}");
    }
}
