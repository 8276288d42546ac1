//! How many writes a second: `cargo test --release --test replicas rates -- --ignored --nocapture`.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::cluster::{Cluster, person};

/// Callers at the same time: enough that somebody always waits, and more than that.
const CALLERS: [usize; 2] = [16, 64];
/// What comes before: sessions are opened, and the server plans.
const WARM: Duration = Duration::from_secs(2);
const SPAN: Duration = Duration::from_secs(5);
/// How often one replica and two are measured, by turns; the rate in the middle is told.
const ROUNDS: usize = 5;

#[test]
#[ignore = "a measurement, only meaningful in a release build"]
fn figures() {
    for callers in CALLERS {
        let mut rates = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (replicas, rates) in [1, 2].into_iter().zip(&mut rates) {
                rates.push(rate(replicas, callers));
            }
        }
        for rates in &mut rates {
            rates.sort_unstable();
        }
        let [one, two] = rates.each_ref().map(|rates| rates[ROUNDS / 2]);
        println!(
            "{callers} callers: {one} creates a second with one replica, {two} with two: {} % ({rates:?})",
            two * 100 / one
        );
    }
}

/// Creates a second.
fn rate(replicas: usize, callers: usize) -> u128 {
    let cluster = Cluster::start(replicas, "30s");
    cluster.app().send("POST", "/__sim/journal", &json!({ "enabled": false }));
    let begin = Instant::now() + WARM;
    let callers: Vec<_> = (0..callers)
        .map(|number| {
            let mut caller = cluster.caller(number % replicas);
            thread::spawn(move || {
                let (mut sent, mut made) = (0, 0);
                while Instant::now() < begin + SPAN {
                    let address = format!("p{number}-{sent}@example.com");
                    let answer = caller.send("POST", "/Users", &person(&address));
                    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
                    sent += 1;
                    made += u128::from(Instant::now() >= begin);
                }
                made
            })
        })
        .collect();
    let made: u128 = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
    made * 1_000_000 / begin.elapsed().as_micros()
}
