//! Requests that wait for another replica, and what their caller asks for after they have given up.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::{Cluster, person};
use crate::stage::{active, wait_for};

/// How long the deactivation keeps the person, and after how long the other caller gives up.
const KEEPS: u64 = 900;
const GIVES_UP: Duration = Duration::from_millis(200);

/// Whoever waits for another replica stands in no line: had this one come before the deactivation, it would look alike.
#[test]
fn an_activation_that_lost_its_caller_while_another_replica_had_the_person_is_not_begun() {
    let cluster = Cluster::looking(2, "30s");
    let made = cluster.caller(0).send("POST", "/Users", &person("ada@example.com"));
    let path = format!("/Users/{}", made.json()["id"].as_str().unwrap());
    let mut app = cluster.app();
    let order = json!({ "match": { "method": "GET" }, "delay_ms": KEEPS, "times": 1 });
    assert!(app.send("POST", "/__sim/faults", &order).status < 300);
    let (mut leaver, asked) = (cluster.caller(1), path.clone());
    let leaver = thread::spawn(move || leaver.send("PATCH", &asked, &active(false)).status);
    wait_for("the look before the deactivation", || {
        let faults = app.send("GET", "/__sim/faults", &Value::Null).json();
        (faults[0]["struck"].as_u64()? > 0).then_some(())
    });
    cluster.caller(0).hang_up("PATCH", &path, &active(true), GIVES_UP);
    assert_eq!(leaver.join().unwrap(), 200);
    // Who waited longest has had a turn by now.
    thread::sleep(Duration::from_secs(1));
    assert!(!cluster.addresses().contains(&"ada@example.com".to_owned()), "{}", cluster.logs());
    // Whoever waits for the answer gets what they ask for.
    assert_eq!(cluster.caller(0).send("PATCH", &path, &active(true)).status, 200);
    assert!(cluster.addresses().contains(&"ada@example.com".to_owned()));
}
