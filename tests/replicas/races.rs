//! Creates of one name that reach several replicas at the same moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::cluster::{Cluster, named, person};
use crate::number;
use crate::stage::Running;

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
    each_has_one_account(&cluster, races);
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for created in cluster.app().journal().iter().filter(|entry| entry["method"] == "POST") {
        *sent.entry(created["body"]["email"].to_string()).or_default() += 1;
    }
    // The app was not asked twice: that it would have refused the second is none of our doing.
    assert!(sent.len() == races && sent.values().all(|times| *times == 1), "{sent:?}");
    cluster.is_accounted_for();
    assert_eq!(cluster.leases("connection <> ''"), "0", "leases that nobody gave up");
}

/// The app has so many people, each once.
fn each_has_one_account(cluster: &Cluster, people: usize) {
    let addresses: Vec<String> =
        cluster.addresses().into_iter().filter(|address| address.starts_with('p')).collect();
    assert_eq!(addresses.len(), people, "accounts in the app");
    assert_eq!(addresses.into_iter().collect::<BTreeSet<_>>().len(), people, "different ones");
}

#[test]
fn two_replicas_that_race_for_a_name_make_one_account() {
    one_account_comes_of_every_race(2, number("RACES", 150));
}

#[test]
fn three_replicas_that_race_for_a_name_make_one_account() {
    one_account_comes_of_every_race(3, number("RACES", 80));
}

/// Sends a create to one replica, and where that one is gone or cannot say, to the next, until one of them answers.
fn create(replicas: &[Mutex<Running>], cluster: &Cluster, first: usize, address: &str) -> (u16, Value) {
    let body = person(address).to_string().into_bytes();
    for replica in (0..replicas.len()).cycle().skip(first).take(600) {
        let mut caller = cluster.caller_of(&replicas[replica].lock().unwrap());
        match caller.try_send("POST", "/Users", &[], Some(body.clone())) {
            Ok(answer) if matches!(answer.status, 201 | 409) => return (answer.status, answer.json()),
            Ok(answer) => assert!(matches!(answer.status, 429 | 503), "{address}: {}", answer.json()),
            Err(_) => {}
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("{address} cannot be created");
}

/// The ids under which both callers of one name were told that the person is there now.
fn through_both(replicas: &[Mutex<Running>], cluster: &Cluster, address: &str) -> BTreeSet<String> {
    let told = thread::scope(|scope| {
        let sent = [0, 1].map(|first| scope.spawn(move || create(replicas, cluster, first, address)));
        sent.map(|sent| sent.join().unwrap())
    });
    let made = told.iter().filter(|(status, _)| *status == 201);
    made.map(|(_, body)| body["id"].as_str().unwrap().to_owned()).collect()
}

/// A replica is killed every two seconds and started again, while the same people are created through both.
#[test]
fn replicas_that_are_killed_while_they_race_make_one_account() {
    const LANES: usize = 4;
    let mut cluster = Cluster::start(2, "2s");
    let replicas: Vec<_> = std::mem::take(&mut cluster.replicas).into_iter().map(Mutex::new).collect();
    let (cluster, replicas, races) = (&cluster, &replicas, number("KILLED_RACES", 240) / LANES);
    let (made, kills) = thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| {
                let names = (0..races).map(move |race| format!("p{lane}.{race}@example.com"));
                let both = |address: String| {
                    let ids = through_both(replicas, cluster, &address);
                    (address, ids)
                };
                scope.spawn(move || names.map(both).collect::<Vec<_>>())
            })
            .collect();
        let mut kills = 0;
        while !lanes.iter().all(thread::ScopedJoinHandle::is_finished) {
            thread::sleep(Duration::from_secs(2));
            let killed = kills % replicas.len();
            replicas[killed].lock().unwrap().signal("-KILL");
            let started = Running::serve(&cluster.places[killed]);
            *replicas[killed].lock().unwrap() = started;
            kills += 1;
        }
        (lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect::<Vec<_>>(), kills)
    });
    let (mut ids, mut unheard) = (BTreeSet::new(), 0);
    for (address, mut told) in made {
        if told.is_empty() {
            // Both were told that the app has invited the person, by a request nobody answered; it shows who accepted.
            unheard += 1;
            cluster.app().send("POST", &format!("/__sim/invites/{address}/accept"), &Value::Null);
            told = through_both(replicas, cluster, &address);
        }
        assert_eq!(told.len(), 1, "{address}: {told:?}");
        ids.append(&mut told);
    }
    println!("{} people through both of two replicas, {kills} kills, {unheard} invited unheard", ids.len());
    assert_eq!(ids.len(), races * LANES);
    assert!(kills > 1);
    each_has_one_account(cluster, races * LANES);
    cluster.is_accounted_for();
}
