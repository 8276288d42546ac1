//! A flood of joiners at an app that bears five requests a second: whoever leaves is out within seconds all the same, and
//! whoever leaves by another connection sooner.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::people::{at, entra_active, named, okta_active};
use super::stage::{Served, has_access};
use crate::support::client::{Client, Request, Response};

const TINES: &str = r#"
freshness = "1h"
[connections.tines.rest]
base_url = "SIM/api/v1"
api_token = { file = "secret" }
private = true
per_second = 5
concurrency = 4
"#;

/// Another connection, before the same app.
const OTHER: &str = r#"
[connections.other]
app = "tines"
freshness = "1h"
[connections.other.rest]
base_url = "SIM/api/v1"
api_token = { file = "secret" }
private = true
per_second = 1000
"#;

/// More callers than a connection may have requests under way.
const CALLERS: usize = 60;

const LEAVERS: usize = 20;

/// What the slowest of them may take, of the flooded connection and of the other one.
const LONGEST: Duration = Duration::from_secs(5);
const OTHERS: Duration = Duration::from_secs(2);

/// Who sends to the other connection.
struct Caller {
    client: Client,
    token: String,
}

impl Caller {
    fn new(served: &Served) -> Self {
        let config = served.path("portcullis.toml");
        let made = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["token", "create", "--connection", "other", "--json", "--config"])
            .arg(config)
            .output()
            .unwrap();
        let made: Value = serde_json::from_slice(&made.stdout).unwrap();
        let token = made["token"].as_str().unwrap().to_owned();
        Self { client: Client::new(served.app().address()), token }
    }

    fn send(&mut self, method: &str, path: &str, body: &Value) -> Response {
        let headers = [
            ("Authorization".to_owned(), format!("Bearer {}", self.token)),
            ("Content-Type".to_owned(), "application/scim+json".to_owned()),
        ];
        let request = Request {
            method: method.to_owned(),
            target: format!("/other/scim/v2{path}"),
            headers: headers.to_vec(),
            body: Some(body.to_string().into_bytes()),
        };
        self.client.send(&request).unwrap()
    }

    fn joins(&mut self, person: &Value) -> Value {
        let began = Instant::now();
        loop {
            let answer = self.send("POST", "/Users", person);
            if answer.status == 201 {
                return answer.json();
            }
            // The gateway does not know the token at once.
            assert!(answer.status == 401 && began.elapsed() < Duration::from_secs(10), "{}", answer.json());
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// How long a leaver took, who is shown as that.
fn left(leaves: impl FnOnce() -> Response) -> Duration {
    let start = Instant::now();
    let answer = leaves();
    let took = start.elapsed();
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(answer.json()["active"], false);
    took
}

#[test]
fn whoever_leaves_is_out_within_seconds_under_a_flood_of_joiners() {
    let served = Served::start("tines", "tines-admin-token", &format!("{TINES}{OTHER}"));
    let (mut app, mut other) = (served.app(), Caller::new(&served));
    app.warm_up();
    let people: Vec<_> = (0..LEAVERS)
        .map(|number| app.joins(&named(&format!("leaver{number}@example.com"), "Lea", "Ver")))
        .collect();
    let others: Vec<_> = (0..LEAVERS)
        .map(|number| other.joins(&named(&format!("other{number}@example.com"), "Lea", "Ver")))
        .collect();
    let (over, refused) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut took, mut others_took) = (Vec::new(), Vec::new());
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
        for (number, (person, another)) in people.iter().zip(&others).enumerate() {
            let leaves = if number % 2 == 0 { okta_active(false) } else { entra_active(false) };
            took.push(left(|| app.patch(&at(person), &leaves)));
            others_took.push(left(|| other.send("PATCH", &at(another), &leaves)));
        }
        over.store(true, Ordering::SeqCst);
    });
    for (whose, mut took, longest) in [("of it", took, LONGEST), ("of the other", others_took, OTHERS)] {
        took.sort();
        eprintln!(
            "leavers {whose} took {:?} in the median, {:?} at the most",
            took[LEAVERS / 2],
            took[LEAVERS - 1]
        );
        assert!(took[LEAVERS - 1] <= longest, "leavers {whose}: {took:?}");
    }
    assert!(refused.load(Ordering::SeqCst) > 0, "there was no flood");
    for person in people.iter().chain(&others) {
        assert!(!has_access(&mut app, "tines", person["userName"].as_str().unwrap()));
    }
}
