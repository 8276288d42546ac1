//! The suite every store is put to, and what only this one promises about its server.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError, Weak};

use futures_util::FutureExt;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Executor, Row, query_scalar};

use super::*;
use crate::store::{Lifecycle, conformance};

mod doubt;

#[path = "../../../tests/support_postgres/mod.rs"]
#[allow(dead_code, reason = "tests of whole processes use the rest of it")]
mod support;
use support::Server;

/// The server of all tests that run now; it ends with the last of them.
fn server() -> Arc<Server> {
    static RUNNING: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    running.upgrade().unwrap_or_else(|| {
        let server = Arc::new(Server::start(false));
        *running = Arc::downgrade(&server);
        server
    })
}

fn settings(url: &str) -> Settings {
    Settings { connections: 4, ..Settings::new(SecretString::from(url.to_owned())) }
}

async fn refusal(url: &str) -> String {
    match super::open(&settings(url)).await {
        Err(Error::Refused(text)) => text,
        other => panic!("not refused: {other:?}"),
    }
}

async fn connected(url: &str) -> PgConnection {
    url.parse::<PgConnectOptions>().unwrap().connect().await.unwrap()
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
        desired: "{}".to_owned(),
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_keeps_every_promise_of_a_store() {
    let server = server();
    let databases = Mutex::new(BTreeMap::new());
    let url =
        |name: &'static str| databases.lock().unwrap().entry(name).or_insert_with(|| server.schema()).clone();
    conformance::all(async |name| super::open(&settings(&url(name))).await.unwrap()).await;
}

#[tokio::test]
async fn a_database_of_a_newer_release_is_refused() {
    let server = server();
    let url = server.database();
    super::open(&settings(&url)).await.unwrap().close().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'newer', TRUE, '\\x00', 0)";
    connected(&url).await.execute(newer).await.unwrap();
    let text = refusal(&url).await;
    assert!(text.contains("newer release") && text.contains("9999"), "{text}");
}

#[tokio::test]
async fn replicas_that_start_together_migrate_once() {
    let server = server();
    let settings = settings(&server.database());
    let (one, other, third) =
        tokio::join!(super::open(&settings), super::open(&settings), super::open(&settings));
    for store in [one, other, third] {
        let store = store.unwrap();
        assert_eq!(store.tokens().await.unwrap(), []);
        store.close().await;
    }
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_of_the_others() {
    let server = server();
    let url = server.database();
    let mut connection = connected(&url).await;
    connection.execute("CREATE TABLE notes (theirs TEXT)").await.unwrap();
    let text = refusal(&url).await;
    assert!(text.contains("already exists"), "{text}");
    let tables =
        "SELECT string_agg(table_name, ' ') FROM information_schema.tables WHERE table_schema = 'public'";
    let left: String = query_scalar(tables).fetch_one(&mut connection).await.unwrap();
    assert_eq!(left, "notes");
    connection.execute("DROP TABLE notes").await.unwrap();
    super::open(&settings(&url)).await.unwrap().close().await;
}

#[tokio::test]
async fn what_cannot_keep_our_promises_is_refused() {
    let server = server();
    server.sql("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    let text = refusal(&server.url("latin")).await;
    assert_eq!(text, "the database has the encoding `LATIN1`, expected `UTF8`");
    let text = refusal(&server.url("nowhere")).await;
    assert!(text.contains("database \"nowhere\" does not exist"), "{text}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_unavailable_and_no_word_of_the_address_is_told() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for port in [nobody, silent.local_addr().unwrap().port()] {
        let url = format!("postgres://anna:hunter2@127.0.0.1:{port}/portcullis");
        let settings = Settings { connect_timeout: Duration::from_millis(300), ..settings(&url) };
        let result = super::open(&settings).await;
        assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
        assert!(!format!("{result:?} {settings:?}").contains("hunter2"), "{result:?}");
    }
    let text = refusal("postgres://anna:hunter2@[").await;
    assert_eq!(text, "the address of the database cannot be read");
}

#[tokio::test]
async fn every_session_runs_under_the_settings_that_keep_promises() {
    let server = server();
    let settings =
        Settings { statement_timeout: Duration::from_millis(1_500), ..settings(&server.database()) };
    let store = super::open::open(&settings).await.unwrap();
    for (name, expected) in [
        ("synchronous_commit", "on"),
        ("statement_timeout", "1500ms"),
        ("idle_in_transaction_session_timeout", "1500ms"),
        ("transaction_isolation", "read committed"),
        ("tcp_keepalives_idle", "10"),
    ] {
        let value: String =
            query_scalar("SELECT current_setting($1)").bind(name).fetch_one(&store).await.unwrap();
        assert_eq!(value, expected, "{name}");
    }
    assert!(!format!("{store:?}").contains("postgres://"));
    store.close().await;
}

#[tokio::test]
async fn ids_are_in_the_order_of_their_bytes_whatever_the_database_sorts_by() {
    let server = server();
    server.sql(
        "postgres",
        "CREATE DATABASE dictionary TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C.UTF-8'",
    );
    let store = super::open(&settings(&server.url("dictionary"))).await.unwrap();
    let ids = ["b", "a", "B", "\u{e5}", "a-1", "a1", "\u{10ffff}"];
    store.commit(ids.iter().map(|id| user(id, id)).collect()).await.unwrap();
    let mut expected = ids.to_vec();
    expected.sort_unstable();
    let found = store.scan("hive", Kind::User, 0, 10).await.unwrap();
    assert_eq!(found.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), expected);
    let after = store.scan_after("hive", Kind::User, "a", 2).await.unwrap();
    assert_eq!(after.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), ["a-1", "a1"]);
    let names = store.ids("hive", Kind::User, &Key::NamePrefix("a".to_owned())).await.unwrap();
    assert_eq!(names, ["a", "a-1", "a1"]);
    store.close().await;
}

#[tokio::test]
async fn a_text_with_nul_is_kept_and_found() {
    let server = server();
    let store = super::open(&settings(&server.database())).await.unwrap();
    store.commit(vec![user("u1", "an\0na")]).await.unwrap();
    let found = store.ids("hive", Kind::User, &Key::Name("an\0na".to_owned())).await.unwrap();
    assert_eq!(found, ["u1"]);
    assert_eq!(store.record("hive", Kind::User, "u\0").await.unwrap(), None);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_are_not_noticed() {
    let server = server();
    let url = server.database();
    let store = super::open(&settings(&url)).await.unwrap();
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for round in 0..20 {
        let id = format!("u{round}");
        connected(&url).await.execute(cut).await.unwrap();
        store.commit(vec![user(&id, &id)]).await.unwrap();
        connected(&url).await.execute(cut).await.unwrap();
        assert!(store.record("hive", Kind::User, &id).await.unwrap().is_some(), "{id}");
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_is_waited_for() {
    let server = Arc::new(Server::start(true));
    let store = super::open(&settings(&server.database())).await.unwrap();
    let restarts = {
        let server = Arc::clone(&server);
        tokio::task::spawn_blocking(move || server.crash_and_restart())
    };
    let (mut kept, mut unknown) = (Vec::new(), 0);
    let mut number = 0;
    while !restarts.is_finished() || number < 10 {
        let id = format!("u{number}");
        match store.commit(vec![user(&id, &id)]).await {
            Ok(()) => kept.push(id),
            // Lost while it was being kept: nobody knows.
            Err(Error::Unavailable(_)) => unknown += 1,
            Err(error) => panic!("{error:?}"),
        }
        number += 1;
    }
    restarts.await.unwrap();
    assert!(unknown <= 1, "{unknown} of {number}");
    for id in &kept {
        assert!(store.record("hive", Kind::User, id).await.unwrap().is_some(), "{id} was acknowledged");
    }
    store.close().await;
}

#[tokio::test]
async fn a_caller_that_stops_waiting_cancels_nothing() {
    let server = server();
    let store = super::open(&settings(&server.database())).await.unwrap();
    assert!(store.commit(vec![user("u1", "anna")]).now_or_never().is_none());
    store.commit(vec![user("u2", "bo")]).await.unwrap();
    for _ in 0..100 {
        if store.count("hive", Kind::User).await.unwrap() == 2 {
            store.close().await;
            return;
        }
    }
    panic!("the commit nobody waited for was not made");
}

#[tokio::test]
async fn what_no_caller_waits_for_shares_the_transaction_of_what_comes() {
    let server = server();
    let url = server.database();
    let store = super::open(&settings(&url)).await.unwrap();
    let mut connection = connected(&url).await;
    let mut shared = 0;
    for number in 0..20 {
        let [one, other] = ["a", "b"].map(|which| format!("{which}{number}"));
        let unhurried = store.commit(vec![Write::Unhurried, user(&one, &one)]);
        tokio::pin!(unhurried);
        assert!(unhurried.as_mut().now_or_never().is_none());
        // Its queue takes it and waits.
        tokio::time::sleep(Duration::from_millis(1)).await;
        store.commit(vec![user(&other, &other)]).await.unwrap();
        unhurried.await.unwrap();
        let transactions = "SELECT count(DISTINCT xmin::text) FROM records WHERE id IN ($1, $2)";
        let made: i64 =
            query_scalar(transactions).bind(&one).bind(&other).fetch_one(&mut connection).await.unwrap();
        shared += u8::from(made == 1);
    }
    // Where the machine stops for milliseconds between the two they have a transaction each.
    assert!(shared >= 5, "{shared} of 20 share one");
    store.close().await;
}

/// Five connections of four thousand people, each in two of fifty groups, who were changed three times.
const FILLED: &str = "
    INSERT INTO records (connection, kind, id, lifecycle, account, name_key, label, external_id, email_keys,
                         display_key, told_key, active, generation, version, created_at, modified_at, desired, standing)
    SELECT 'c' || c, 'user', 'u' || n, 'live', 'a' || n, 'n' || n, 'n', 'e' || n, ARRAY['m' || n],
           'd' || n, 't' || n, n % 50 > 0, 1, 1, n, n, repeat('x', 500), '{}'
    FROM generate_series(1, 5) c, generate_series(1, 4000) n;
    INSERT INTO records (connection, kind, id, lifecycle, name_key, label, email_keys, generation, version, created_at,
                         modified_at, desired, standing)
    SELECT 'c' || c, 'group', 'g' || n, 'live', 'n' || n, 'n', '{}', 1, 1, n, n, '{}', '{}'
    FROM generate_series(1, 5) c, generate_series(1, 50) n;
    INSERT INTO members SELECT 'c' || c, 'g' || (n % 50 + 1), 'u' || (n / 2 + 1)
    FROM generate_series(1, 5) c, generate_series(0, 7999) n;
    INSERT INTO intents (id, connection, kind, resource, operation, generation, plan, sticky, state, attempts,
                         next_attempt_at, request_id, created_at, updated_at)
    SELECT 'i' || c || '-' || n, 'c' || c, 'user', 'u' || n % 4000, 'update', n, repeat('x', 300), n % 2 = 0,
           CASE WHEN n % 100 = 0 THEN 'attempting' ELSE 'confirmed' END, 1, n, 'r', n, n
    FROM generate_series(1, 5) c, generate_series(1, 12000) n;
    INSERT INTO tasks (id, connection, resource, kind, dedupe, instruction, person, urgent, state, created_at)
    SELECT 't' || n, 'c' || n % 5, 'u', 'k' || n % 49, 'k' || n, 'x', 'x', false, 'open', n FROM generate_series(1, 9000) n;
    INSERT INTO events SELECT 'e' || n, 'c' || n % 5, 't' || n, 'opened', n, 0, n FROM generate_series(1, 9000) n;
    ANALYZE;
    -- Whether there is an index to answer from is asked, not what is cheaper on this many rows.
    SET enable_seqscan = off;
    SET enable_hashjoin = off";

#[tokio::test]
async fn every_question_is_answered_from_an_index() {
    let server = server();
    let pool = super::open::open(&settings(&server.database())).await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    // A small table is read whole, whatever indexes it has.
    sqlx::raw_sql(FILLED).execute(&mut *connection).await.unwrap();
    let questions = [
        (queries::RECORD, 3, "AND (id = $3))"),
        (queries::BY_ACCOUNT, 3, "records_account"),
        (queries::BY_NAME, 3, "records_name"),
        (queries::BY_EXTERNAL_ID, 3, "records_external_id"),
        (queries::BY_EMAIL, 3, "records_emails"),
        (queries::BY_MEMBER, 3, "members_member"),
        (queries::SCAN, 4, "records_listing"),
        (queries::MEMBERS, 2, "members_pkey"),
        (queries::MEMBERS_AMONG, 3, "(member_id = ANY ($3))"),
        (keys::NAME_PREFIX, 4, "records_name"),
        (keys::DISPLAY, 3, "records_display"),
        (keys::DISPLAY, 3, "records_told"),
        (keys::GROUP, 3, "members_pkey"),
        (keys::ACTIVE, 3, "records_active"),
        (keys::MODIFIED, 4, "records_modified"),
        (queries::OPEN_OF_RESOURCE, 2, "intents_open"),
        // Either index holds nothing but open intents, and all of them are wanted.
        (queries::OPEN_OF_CONNECTION, 1, "Index Cond: (connection = $1)"),
        (queries::DUE, 4, "intents_line"),
        (queries::OPEN_CREATES, 3, "intents_creates"),
        (queries::OPEN_OF_KIND, 2, "tasks_kind"),
        (queries::LATEST, 2, "intents_resource"),
        (watch::DUE, 3, "events_due"),
    ];
    for (number, (statement, values, index)) in questions.into_iter().enumerate() {
        let plan = plan(&mut connection, number, statement, values).await;
        assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{index}: {plan}");
    }
}

/// How the server answers a question of so many values.
async fn plan(on: &mut PgConnection, number: usize, statement: &str, values: usize) -> String {
    let nulls = vec!["NULL"; values].join(", ");
    let explain = format!("PREPARE q{number} AS {statement}; EXPLAIN EXECUTE q{number} ({nulls})");
    #[expect(clippy::disallowed_methods, reason = "the statement under test is static text")]
    let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(explain)).fetch_all(on).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_new_database_soon_walks_no_records_to_find_one() {
    let server = server();
    let url = server.database();
    let store = super::open(&settings(&url)).await.unwrap();
    for number in 0..100 {
        let write = user(&format!("u{number}"), &format!("n{number}"));
        store.commit(vec![write]).await.unwrap();
    }
    let mut connection = connected(&url).await;
    while known(&mut connection).await < 1.0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let as_later = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off";
    connection.execute(as_later).await.unwrap();
    let by_name = plan(&mut connection, 0, queries::BY_NAME, 3).await;
    assert!(by_name.contains("records_name on records r"), "{by_name}");
    let by_id = plan(&mut connection, 1, queries::RECORD, 3).await;
    // It begins with other columns, so that all records of the connection are walked.
    assert!(!by_id.contains("records_modified on records r"), "{by_id}");
}

#[tokio::test]
async fn a_listing_is_looked_at_when_it_is_there() {
    let server = server();
    let url = server.database();
    let store = super::open(&settings(&url)).await.unwrap();
    let everybody = (0..3_000).map(|number| user(&format!("u{number}"), &format!("n{number}"))).collect();
    store.commit(everybody).await.unwrap();
    assert!(known(&mut connected(&url).await).await >= 3_000.0);
}

/// Of how many records the server knows.
async fn known(on: &mut PgConnection) -> f32 {
    let known = "SELECT reltuples FROM pg_class WHERE relname = 'records'";
    query_scalar(known).fetch_one(on).await.unwrap()
}
