//! `sim`: one simulated app in a process of its own.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{Running, run, simulator};

#[test]
fn each_app_is_simulated_at_the_root_of_its_own_port() {
    let directory = TempDir::new().unwrap();
    for app in ["hive", "honeycomb", "tines", "workiva", "hotjar"] {
        let mut running = Running::start(directory.path(), &["sim", app, "--listen", "127.0.0.1:0"]);
        let url = running.ready["url"].as_str().unwrap().to_owned();
        assert_eq!(running.ready, json!({ "app": app, "url": url }));
        let mut caller = simulator(&url);
        assert_eq!(caller.journal(), Vec::<Value>::new(), "{app}");
        assert_eq!(caller.send("GET", "/__sim/state", &Value::Null).status, 200, "{app}");
        assert_eq!(
            fs::read_to_string(&running.stdout).unwrap(),
            format!("{app} simulated at {url}, control plane at {url}/__sim\n")
        );
        let (status, _) = running.signal("-TERM");
        assert_eq!(status.code(), Some(0), "{app}: {}", running.log());
    }
}

#[test]
fn a_ready_file_that_cannot_be_written_ends_with_1() {
    let ran = run(&["sim", "hive", "--listen", "127.0.0.1:0", "--ready-file", "/nowhere/ready.json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.starts_with("error: `/nowhere/ready.json` cannot be written: "), "{ran:?}");
}
