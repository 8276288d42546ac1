//! The database goes away under load and comes back: nothing that was acknowledged is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cluster::{Cluster, named, person};
use crate::number;
use crate::stage::{Caller, active, wait_for};

const LEASE: Duration = Duration::from_secs(10);

/// How soon what was promised is done, whatever became of the lease of whoever promised it.
const KEPT: Duration = LEASE.saturating_add(Duration::from_secs(30));

/// How soon requests are answered well again.
const BACK: Duration = Duration::from_secs(5);

/// How long requests may be answered badly in a row.
const BURST: Duration = Duration::from_secs(10);

/// A deactivation that was not answered well.
#[derive(Debug)]
struct Leaving {
    address: String,
    path: String,
    /// Whether the gateway said that it goes on by itself.
    promised: bool,
}

/// What one caller was told.
#[derive(Debug, Default)]
struct Told {
    /// Addresses whose creation was answered with 201.
    created: Vec<String>,
    /// Addresses whose deactivation was answered with 200.
    left: Vec<String>,
    leaving: Vec<Leaving>,
    /// When each request was answered, and whether well.
    answers: Vec<(Instant, bool)>,
}

impl Told {
    fn good(&self) -> impl Iterator<Item = Instant> {
        self.answers.iter().filter(|(_, well)| *well).map(|(at, _)| *at)
    }

    /// The longest time from a bad answer until the next good one.
    fn longest_burst(&self) -> Duration {
        let (mut since, mut longest) = (None, Duration::ZERO);
        for (at, well) in &self.answers {
            let began = *since.get_or_insert(*at);
            longest = longest.max(*at - began);
            if *well {
                since = None;
            }
        }
        longest
    }
}

/// Creates people and takes the access of every second one away, until `stop`.
fn load(mut caller: Caller, name: &'static str, stop: Arc<AtomicBool>) -> JoinHandle<Told> {
    thread::spawn(move || {
        let mut told = Told::default();
        for number in 0.. {
            if stop.load(Ordering::SeqCst) {
                break;
            }
            let address = format!("{name}{number}@example.com");
            let made = caller.send("POST", "/Users", &person(&address));
            told.answers.push((Instant::now(), made.status == 201));
            if made.status != 201 {
                continue;
            }
            told.created.push(address.clone());
            if number % 2 == 0 {
                let path = format!("/Users/{}", made.json()["id"].as_str().unwrap());
                let answer = caller.send("PATCH", &path, &active(false));
                told.answers.push((Instant::now(), answer.status == 200));
                if answer.status == 200 {
                    assert_eq!(answer.json()["active"], false, "{address}");
                    told.left.push(address);
                } else {
                    let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
                    let promised = detail.contains("the gateway keeps trying until it has");
                    told.leaving.push(Leaving { address, path, promised });
                }
            }
        }
        told
    })
}

/// Lets both replicas work while `disturb` runs; what every caller was told, and the moments the disturbances ended.
fn under_load(cluster: &Cluster, disturb: impl FnOnce() -> Vec<Instant>) -> (Vec<Told>, Vec<Instant>) {
    // Some leavers are promised to be removed, so that the database goes away while that is owed.
    let order = json!({ "match": { "method": "DELETE" }, "status": 503, "probability": 0.3 });
    assert!(cluster.app().send("POST", "/__sim/faults", &order).status < 300);
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = ["a", "b", "c", "d"]
        .into_iter()
        .enumerate()
        .map(|(number, name)| load(cluster.caller(number % 2), name, Arc::clone(&stop)))
        .collect();
    thread::sleep(Duration::from_millis(500));
    let ended = disturb();
    thread::sleep(BACK);
    stop.store(true, Ordering::SeqCst);
    cluster.app().send("DELETE", "/__sim/faults", &Value::Null);
    (callers.into_iter().map(|caller| caller.join().unwrap()).collect(), ended)
}

fn requests_are_answered_again_soon(cluster: &Cluster, told: &[Told], ended: &[Instant]) {
    let mut good: Vec<Instant> = told.iter().flat_map(Told::good).collect();
    good.sort();
    let mut slowest = Duration::ZERO;
    for ended in ended {
        let first = good.iter().find(|good| *good > ended);
        let first = first.unwrap_or_else(|| panic!("nothing after a disturbance\n{}", cluster.logs()));
        slowest = slowest.max(*first - *ended);
    }
    println!(
        "{} disturbances, a good answer {} ms after each at the latest",
        ended.len(),
        slowest.as_millis()
    );
    assert!(slowest <= BACK, "{slowest:?}\n{}", cluster.logs());
    let silence = good.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    let burst = told.iter().map(Told::longest_burst).max().unwrap();
    let bad: usize = told.iter().map(|told| told.answers.len() - told.good().count()).sum();
    println!(
        "{} answers were good and {bad} were not, nobody had a good one for {} ms, somebody bad ones for {} ms",
        good.len(),
        silence.as_millis(),
        burst.as_millis()
    );
    assert!(silence <= BURST && burst <= BURST, "{silence:?}, {burst:?}\n{}", cluster.logs());
}

fn nothing_acknowledged_is_lost(cluster: &Cluster, told: &[Told]) {
    let mut caller = cluster.caller(0);
    let leaving = || told.iter().flat_map(|told| &told.leaving);
    // What was promised is done without a word; the rest is repeated, as an identity provider does.
    for leaving in leaving().filter(|leaving| !leaving.promised) {
        wait_for("the deactivation", || {
            (caller.send("PATCH", &leaving.path, &active(false)).status == 200).then_some(())
        });
    }
    let began = Instant::now();
    let promised = leaving().filter(|leaving| leaving.promised).count();
    let late = || {
        let present = cluster.addresses();
        leaving().find(|leaving| leaving.promised && present.contains(&leaving.address))
    };
    while let Some(late) = late() {
        assert!(began.elapsed() < KEPT, "{late:?} was promised\n{}", cluster.logs());
        thread::sleep(Duration::from_millis(100));
    }
    println!(
        "{promised} of {} bad answers to leavers were promises, kept within {} ms",
        leaving().count(),
        began.elapsed().as_millis()
    );
    let present = cluster.addresses();
    for told in told {
        for address in &told.created {
            let found = caller.send("GET", &named(address), &Value::Null).json();
            assert_eq!(found["totalResults"], 1, "{address} was created: {found}\n{}", cluster.logs());
        }
        for address in told.left.iter().chain(told.leaving.iter().map(|leaving| &leaving.address)) {
            assert!(!present.contains(address), "{address} has left\n{}", cluster.logs());
            let found = caller.send("GET", &named(address), &Value::Null).json();
            assert_eq!(found["Resources"][0]["active"], false, "{address}: {found}\n{}", cluster.logs());
        }
    }
}

#[test]
fn a_database_that_crashes_under_load_loses_nothing_and_is_back_within_five_seconds() {
    let cluster = Cluster::alone(2, &format!("{}s", LEASE.as_secs()));
    let (told, ended) = under_load(&cluster, || {
        let restart = |_| {
            cluster.server.crash_and_restart();
            let ended = Instant::now();
            thread::sleep(Duration::from_secs(2));
            ended
        };
        (0..number("CRASHES", 2)).map(restart).collect()
    });
    requests_are_answered_again_soon(&cluster, &told, &ended);
    nothing_acknowledged_is_lost(&cluster, &told);
    cluster.is_accounted_for();
}

#[test]
fn connections_that_are_cut_under_load_lose_nothing_and_are_made_anew_within_five_seconds() {
    let cluster = Cluster::start(2, &format!("{}s", LEASE.as_secs()));
    let cut = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = '{}' AND pid <> pg_backend_pid()",
        cluster.database_name()
    );
    let (told, ended) = under_load(&cluster, || {
        let cut = |_| {
            cluster.server.sql("postgres", &cut);
            let ended = Instant::now();
            thread::sleep(Duration::from_millis(100));
            ended
        };
        (0..number("CUTS", 10)).map(cut).collect()
    });
    requests_are_answered_again_soon(&cluster, &told, &ended);
    nothing_acknowledged_is_lost(&cluster, &told);
    cluster.is_accounted_for();
}

/// Nothing is disturbed: some leavers are only promised.
#[test]
fn what_one_replica_is_at_is_left_to_it_by_the_other() {
    let cluster = Cluster::start(2, &format!("{}s", LEASE.as_secs()));
    let (told, _) = under_load(&cluster, || {
        thread::sleep(Duration::from_secs(number("LOAD_SECONDS", 10) as u64));
        Vec::new()
    });
    nothing_acknowledged_is_lost(&cluster, &told);
    cluster.is_accounted_for();
}
