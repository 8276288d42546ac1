//! What one replica does and another one knows.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cluster::{Cluster, NAME, person};
use crate::stage::wait_for;

/// How soon every replica has to know.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_token_is_known_and_forgotten_by_every_replica_within_ten_seconds() {
    let cluster = Cluster::start(2, "30s");
    let (id, token) = Cluster::token(&cluster.places[0]);
    let seen = |status: u16| {
        let began = Instant::now();
        for replica in &cluster.replicas {
            let mut caller = replica.caller_with(NAME, &token);
            wait_for("the change", || {
                (caller.send("GET", "/ServiceProviderConfig", &Value::Null).status == status).then_some(())
            });
        }
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    };
    seen(200);
    cluster.places[1].run("token revoke", &["--connection", NAME, &id]).ok();
    seen(401);
}

#[test]
fn a_cursor_of_one_replica_is_opened_by_another() {
    let cluster = Cluster::start(2, "30s");
    for name in ["ann", "bo", "cy"] {
        let made = cluster.caller(0).send("POST", "/Users", &person(&format!("{name}@example.com")));
        assert_eq!(made.status, 201);
    }
    let mut cursor = String::new();
    let mut seen = Vec::new();
    for replica in [0, 1, 0, 1, 0, 1, 0, 1] {
        let path = format!("/Users?count=1&cursor={cursor}");
        let page = cluster.caller(replica).send("GET", &path, &Value::Null);
        assert_eq!(page.status, 200, "{}", String::from_utf8_lossy(&page.body));
        let page = page.json();
        let names = page["Resources"].as_array().unwrap().iter();
        seen.extend(names.map(|user| user["userName"].as_str().unwrap().to_owned()));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    for name in ["ann", "bo", "cy"] {
        assert_eq!(seen.iter().filter(|seen| **seen == format!("{name}@example.com")).count(), 1, "{seen:?}");
    }
    cluster.is_accounted_for();
}

#[test]
fn a_database_of_a_newer_release_is_refused_with_78() {
    let mut cluster = Cluster::start(1, "30s");
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'newer', TRUE, '\\x00', 0)";
    cluster.server.sql(cluster.database_name(), newer);
    let refuses = |cluster: &Cluster, command: &str| {
        let ran = cluster.places[0].run(command, &[]);
        assert_eq!(ran.code, 78, "{command}: {ran:?}");
        assert!(ran.stderr.contains("newer release"), "{command}: {ran:?}");
    };
    refuses(&cluster, "doctor");
    refuses(&cluster, "token list");
    // The one that runs already goes on: a release only ever adds to the tables.
    assert_eq!(cluster.caller(0).send("POST", "/Users", &person("ann@example.com")).status, 201);
    cluster.replicas[0].signal("-TERM");
    refuses(&cluster, "serve");
}

#[test]
fn one_replica_looks_after_what_is_done_once_and_another_takes_over() {
    let mut cluster = Cluster::start(2, "2s");
    let leads = |line: &Value| line["message"] == "this replica looks after what is done once";
    let leaders = |cluster: &Cluster| -> Vec<usize> {
        let led = |replica: &usize| cluster.replicas[*replica].log_lines().iter().any(leads);
        (0..cluster.replicas.len()).filter(led).collect()
    };
    let first = wait_for("a leader", || leaders(&cluster).first().copied());
    assert_eq!(leaders(&cluster), [first]);
    cluster.replicas[first].signal("-KILL");
    wait_for("another leader", || (leaders(&cluster).len() == 2).then_some(()));
}

#[test]
fn a_replica_that_is_told_to_stop_leaves_no_lease_behind() {
    let mut cluster = Cluster::start(1, "30s");
    assert_eq!(cluster.caller(0).send("POST", "/Users", &person("ann@example.com")).status, 201);
    assert_eq!(cluster.replicas[0].signal("-TERM").0.code(), Some(0));
    assert_eq!(cluster.server.sql(cluster.database_name(), "SELECT count(*) FROM leases"), "0");
    cluster.is_accounted_for();
}
