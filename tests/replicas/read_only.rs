//! The database can be read and takes nothing: its disk is full, or it is a standby for now.

use serde_json::Value;

use crate::cluster::{Cluster, person};
use crate::stage::{active, wait_for};

/// Every session from now on can write, or cannot.
fn takes_nothing(cluster: &Cluster, nothing: bool) {
    let name = cluster.database_name();
    let setting = format!("ALTER DATABASE \"{name}\" SET default_transaction_read_only = {nothing}");
    cluster.server.sql("postgres", &setting);
    let ends = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()";
    cluster.server.sql("postgres", &format!("{ends} AND datname = '{name}'"));
}

#[test]
fn whoever_leaves_while_the_database_takes_nothing_is_out_and_everything_else_waits() {
    let cluster = Cluster::alone(2, "2s");
    let hire = |address: &str| {
        let made = cluster.caller(0).send("POST", "/Users", &person(address));
        assert_eq!(made.status, 201);
        format!("/Users/{}", made.json()["id"].as_str().unwrap())
    };
    let (ada, bo) = (hire("ada@example.com"), hire("bo@example.com"));
    takes_nothing(&cluster, true);
    let mut caller = cluster.caller(0);
    wait_for("sessions that write nothing", || {
        (caller.send("POST", "/Users", &person("cy@example.com")).status == 503).then_some(())
    });
    let left = caller.send("PATCH", &ada, &active(false));
    assert_eq!((left.status, &left.json()["active"]), (200, &Value::from(false)), "{}", cluster.logs());
    assert_eq!(cluster.caller(1).send("DELETE", &bo, &Value::Null).status, 204, "{}", cluster.logs());
    let present = cluster.addresses();
    assert!(
        !present.contains(&"ada@example.com".to_owned()) && !present.contains(&"bo@example.com".to_owned())
    );

    takes_nothing(&cluster, false);
    wait_for("sessions that write", || {
        (caller.send("POST", "/Users", &person("cy@example.com")).status == 201).then_some(())
    });
    wait_for("what was done to be known to both", || {
        let shown = |path: &str| {
            [0, 1]
                .map(|replica| cluster.caller(replica).send("GET", path, &Value::Null))
                .map(|answer| (answer.status, answer.json()["active"].clone()))
        };
        let gone = shown(&bo).iter().all(|(status, _)| *status == 404);
        let out = shown(&ada).iter().all(|told| *told == (200, Value::from(false)));
        (gone && out).then_some(())
    });
    cluster.places[0].run("audit verify", &[]).ok();
}
