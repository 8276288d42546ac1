//! Creates of one name that reach several replicas at the same moment.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};
use std::thread;

use serde_json::Value;

use crate::cluster::{Cluster, named, person};
use crate::number;

/// Every replica is sent the create of the same person at the same moment, `races` times; what each answered.
fn race(cluster: &Cluster, races: usize) -> Vec<Vec<(u16, Value)>> {
    let replicas = cluster.replicas.len();
    let barrier = Arc::new(Barrier::new(replicas));
    let runners: Vec<_> = (0..replicas)
        .map(|replica| {
            let (mut caller, barrier) = (cluster.caller(replica), Arc::clone(&barrier));
            thread::spawn(move || {
                let create = |race: usize| {
                    barrier.wait();
                    let response = caller.send("POST", "/Users", &person(&format!("p{race}@example.com")));
                    (response.status, response.json())
                };
                (0..races).map(create).collect::<Vec<_>>()
            })
        })
        .collect();
    runners.into_iter().map(|runner| runner.join().unwrap()).collect()
}

fn one_account_comes_of_every_race(replicas: usize, races: usize) {
    let cluster = Cluster::start(replicas, "30s");
    let answers = race(&cluster, races);
    let mut made = 0;
    for race in 0..races {
        let told: Vec<&(u16, Value)> = answers.iter().map(|answers| &answers[race]).collect();
        let ids: BTreeSet<&str> = told
            .iter()
            .filter(|(status, _)| *status == 201)
            .map(|(_, body)| body["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), 1, "race {race}: {told:?}\n{}", cluster.logs());
        assert!(told.iter().all(|(status, _)| matches!(status, 201 | 409)), "race {race}: {told:?}");
        made += told.iter().filter(|(status, _)| *status == 201).count();
    }
    println!("{races} races of {replicas} replicas: {made} answers of 201");
    let mut caller = cluster.caller(0);
    let found = caller.send("GET", &named("p0@example.com"), &Value::Null).json();
    assert_eq!(found["totalResults"], 1);
    let mut addresses: Vec<String> =
        cluster.addresses().into_iter().filter(|address| address.starts_with('p')).collect();
    assert_eq!(addresses.len(), races, "accounts in the app");
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), races, "different ones");
    let left =
        cluster.server.sql(cluster.database_name(), "SELECT count(*) FROM leases WHERE connection <> ''");
    assert_eq!(left, "0", "leases that nobody gave up");
}

#[test]
fn two_replicas_that_race_for_a_name_make_one_account() {
    one_account_comes_of_every_race(2, number("RACES", 150));
}

#[test]
fn three_replicas_that_race_for_a_name_make_one_account() {
    one_account_comes_of_every_race(3, number("RACES", 80));
}
