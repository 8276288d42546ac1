//! A flood of joiners at an app that bears five requests a second: whoever leaves is out within seconds all the same.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::people::{at, entra_active, named, okta_active};
use super::stage::{Served, has_access};

const TINES: &str = r#"
freshness = "1h"
[connections.tines.rest]
base_url = "SIM/api/v1"
api_token = { file = "secret" }
private = true
per_second = 5
concurrency = 4
"#;

/// More callers than a connection may have requests under way.
const CALLERS: usize = 60;

const LEAVERS: usize = 20;

/// What the slowest of them may take.
const LONGEST: Duration = Duration::from_secs(5);

#[test]
fn whoever_leaves_is_out_within_seconds_under_a_flood_of_joiners() {
    let served = Served::start("tines", "tines-admin-token", TINES);
    let mut app = served.app();
    app.warm_up();
    let people: Vec<_> = (0..LEAVERS)
        .map(|number| app.joins(&named(&format!("leaver{number}@example.com"), "Lea", "Ver")))
        .collect();
    let (over, refused) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut took = Vec::new();
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (mut app, over, refused) = (served.app(), &over, &refused);
            scope.spawn(move || {
                for number in 0.. {
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    let joiner = named(&format!("joiner{caller}-{number}@example.com"), "Jo", "Iner");
                    let answer = app.post("/Users", &joiner);
                    if [429, 503].contains(&answer.status) {
                        let wait: u64 = answer.header("Retry-After").unwrap().parse().unwrap();
                        assert!((1..=90).contains(&wait), "{wait}");
                        refused.fetch_add(1, Ordering::SeqCst);
                        thread::sleep(Duration::from_millis(100));
                    } else {
                        assert_eq!(answer.status, 201, "{}", answer.json());
                    }
                }
            });
        }
        // The flood has filled every place there is for it.
        thread::sleep(Duration::from_secs(4));
        for (number, person) in people.iter().enumerate() {
            let leaves = if number % 2 == 0 { okta_active(false) } else { entra_active(false) };
            let start = Instant::now();
            let answer = app.patch(&at(person), &leaves);
            took.push(start.elapsed());
            assert_eq!(answer.status, 200, "{}", answer.json());
            assert_eq!(answer.json()["active"], false);
        }
        over.store(true, Ordering::SeqCst);
    });
    took.sort();
    eprintln!("leavers took {:?} in the median, {:?} at the most", took[LEAVERS / 2], took[LEAVERS - 1]);
    assert!(took[LEAVERS - 1] <= LONGEST, "{took:?}");
    assert!(refused.load(Ordering::SeqCst) > 0, "there was no flood");
    for person in &people {
        assert!(!has_access(&mut app, "tines", person["userName"].as_str().unwrap()));
    }
}
