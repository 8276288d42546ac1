//! How many writes a second: `cargo test --release --test replicas rates -- --ignored --nocapture`.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::cluster::{Cluster, person};

const CALLERS: usize = 16;
const SPAN: Duration = Duration::from_secs(5);

#[test]
#[ignore = "a measurement, only meaningful in a release build"]
fn figures() {
    for replicas in [1, 2] {
        let cluster = Cluster::start(replicas, "30s");
        cluster.app().send("POST", "/__sim/journal", &json!({ "enabled": false }));
        let began = Instant::now();
        let callers: Vec<_> = (0..CALLERS)
            .map(|number| {
                let mut caller = cluster.caller(number % replicas);
                thread::spawn(move || {
                    let mut took = Vec::new();
                    while began.elapsed() < SPAN {
                        let asked = Instant::now();
                        let address = format!("p{number}-{}@example.com", took.len());
                        let made = caller.send("POST", "/Users", &person(&address));
                        assert_eq!(made.status, 201, "{}", String::from_utf8_lossy(&made.body));
                        took.push(asked.elapsed());
                    }
                    took
                })
            })
            .collect();
        let mut took: Vec<Duration> = callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect();
        took.sort_unstable();
        let rate = u128::try_from(took.len()).unwrap() * 1_000_000 / began.elapsed().as_micros();
        println!(
            "{replicas} of {CALLERS} callers: {rate} creates a second, p50 {:.1?}, p99 {:.1?}",
            took[took.len() / 2],
            took[took.len() * 99 / 100],
        );
    }
}
