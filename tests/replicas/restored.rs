//! An older database put back under all replicas: each knows, also of who left at another one, and gives nobody access.

use std::fs;

use serde_json::Value;

use crate::cluster::{Cluster, person};
use crate::stage::{Running, active, wait_for};

#[test]
fn an_older_database_is_recognised_by_every_replica_and_none_gives_access() {
    let mut cluster = Cluster::looking(2, "2s");
    let hire = |cluster: &Cluster, address: &str| {
        let made = cluster.caller(0).send("POST", "/Users", &person(address));
        assert_eq!(made.status, 201);
        cluster.app().send("POST", &format!("/__sim/invites/{address}/accept"), &Value::Null);
        assert_eq!(cluster.caller(0).send("GET", "/Users", &Value::Null).status, 200);
        format!("/Users/{}", made.json()["id"].as_str().unwrap())
    };
    let (ada, bo) = (hire(&cluster, "ada@example.com"), hire(&cluster, "bo@example.com"));
    let name = cluster.database_name().to_owned();
    stop(&mut cluster);
    cluster.server.sql("postgres", &format!("CREATE DATABASE {name}_old TEMPLATE {name}"));

    cluster.replicas = cluster.places.iter().map(Running::serve).collect();
    assert_eq!(cluster.caller(1).send("PATCH", &ada, &active(false)).status, 200);
    let [one, other] = [0, 1].map(|replica| cluster.places[replica].path("portcullis.anchor"));
    wait_for("both to know", || (fs::read(&one).unwrap() == fs::read(&other).unwrap()).then_some(()));
    stop(&mut cluster);
    cluster.server.sql("postgres", &format!("DROP DATABASE {name}"));
    cluster.server.sql("postgres", &format!("ALTER DATABASE {name}_old RENAME TO {name}"));

    for (replica, newcomer) in ["cy@example.com", "di@example.com"].into_iter().enumerate() {
        cluster.replicas.push(Running::serve(&cluster.places[replica]));
        let mut caller = cluster.caller(replica);
        assert_eq!(caller.send("PATCH", &ada, &active(true)).status, 503, "{}", cluster.logs());
        assert_eq!(caller.send("POST", "/Users", &person(newcomer)).status, 503, "{}", cluster.logs());
    }
    assert_eq!(cluster.caller(0).send("PATCH", &bo, &active(false)).status, 200, "whoever leaves, leaves");
    let ours = ["ada@example.com", "bo@example.com", "cy@example.com", "di@example.com"];
    assert!(
        cluster.addresses().iter().all(|address| !ours.contains(&address.as_str())),
        "{}",
        cluster.logs()
    );

    let seen = cluster.places[0].run("safe-mode review", &["--json"]).ok().json();
    assert_eq!(seen[0]["without_access"][0]["id"], ada.rsplit('/').next().unwrap(), "{seen}");
    cluster.places[0].run("safe-mode leave", &[]).ok();
    let mut caller = cluster.caller(1);
    wait_for("the end of safe mode", || {
        (caller.send("POST", "/Users", &person("cy@example.com")).status == 201).then_some(())
    });
    assert_eq!(caller.send("GET", &ada, &Value::Null).json()["active"], false);
}

fn stop(cluster: &mut Cluster) {
    for mut replica in cluster.replicas.drain(..) {
        assert!(replica.signal("-TERM").0.success());
    }
}
