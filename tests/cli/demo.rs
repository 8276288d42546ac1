//! `demo` as a process: it begins, it ends, it remembers.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{Running, person, run, wait_for};

/// How long the end may take.
const SOON: Duration = Duration::from_secs(5);

#[test]
fn it_serves_once_the_ready_file_is_there_and_ends_with_0_on_either_signal() {
    let directory = TempDir::new().unwrap();
    for signal in ["-TERM", "-INT"] {
        let mut demo = Running::demo(directory.path(), &[]);
        let keys: Vec<&String> = demo.ready.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["gateway", "admin_token", "config", "connections", "simulators"]);
        let address = format!("ada{signal}@example.com");
        demo.caller("honeycomb").create(&address);
        let asked = demo.simulator("honeycomb").journal();
        assert!(asked.iter().any(|entry| entry["method"] == "POST" && entry["status"] == 201), "{asked:?}");
        let (status, took) = demo.signal(signal);
        assert_eq!(status.code(), Some(0), "{signal}: {}", demo.log());
        assert!(took < SOON, "{signal}: {took:?}");
    }
}

#[test]
fn it_ends_in_time_while_an_app_does_not_answer() {
    let directory = TempDir::new().unwrap();
    let mut demo = Running::demo(directory.path(), &[]);
    let order = json!({ "match": { "method": "POST" }, "delay_ms": 60_000 });
    assert!(demo.simulator("honeycomb").send("POST", "/__sim/faults", &order).status < 300);
    let mut caller = demo.caller("honeycomb");
    // Its answer does not come: the socket is closed under it.
    let hanging = std::thread::spawn(move || {
        std::panic::catch_unwind(move || caller.send("POST", "/Users", &person("ada@example.com")).status)
    });
    let mut honeycomb = demo.simulator("honeycomb");
    wait_for("the request at the app", || {
        let faults = honeycomb.send("GET", "/__sim/faults", &Value::Null).json();
        (faults[0]["struck"].as_u64()? > 0).then_some(())
    });
    let (status, took) = demo.signal("-TERM");
    assert_eq!(status.code(), Some(0), "{}", demo.log());
    assert!(took < SOON, "{took:?}");
    drop(hanging.join());
}

#[test]
fn the_same_data_directory_keeps_resources_ids_and_a_chosen_token() {
    let directory = TempDir::new().unwrap();
    let mut first = Running::demo(directory.path(), &["--token", "demo-token"]);
    let created = first.caller_with("sandbox", "demo-token").create("ada@example.com");
    assert_eq!(first.signal("-TERM").0.code(), Some(0), "{}", first.log());

    // A run with other tokens ends those of the one before; a later one may choose the first again.
    let mut second = Running::demo(directory.path(), &[]);
    let path = format!("/Users/{}", created["id"].as_str().unwrap());
    let mut stranger = second.caller_with("sandbox", "demo-token");
    assert_eq!(stranger.send("GET", &path, &Value::Null).status, 401);
    let kept = second.caller("sandbox").send("GET", &path, &Value::Null).json();
    assert_eq!((&kept["id"], &kept["userName"]), (&created["id"], &created["userName"]), "{kept}");
    assert_eq!(kept["meta"]["created"], created["meta"]["created"]);
    assert_eq!(second.signal("-TERM").0.code(), Some(0), "{}", second.log());

    let third = Running::demo(directory.path(), &["--token", "demo-token"]);
    assert_eq!(third.caller_with("sandbox", "demo-token").send("GET", &path, &Value::Null).status, 200);
}

#[test]
fn its_configuration_is_a_file_that_only_its_owner_may_read() {
    let directory = TempDir::new().unwrap();
    let demo = Running::demo(directory.path(), &["--idp", "okta"]);
    let config = demo.ready["config"].as_str().unwrap();
    assert_eq!(Path::new(config), directory.path().join("data/portcullis.toml"));
    assert!(run(&["check-config", "--config", config]).ok().stdout.ends_with(": ok, 6 connections\n"));
    assert!(fs::read_to_string(config).unwrap().contains("idp = \"okta\""));
    assert!(
        fs::read_to_string(&demo.stdout)
            .unwrap()
            .contains(&format!("portcullis tasks list --config {config}\n"))
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(Path::new(config)), 0o600);
    let secrets = directory.path().join("data/secrets");
    assert_eq!(mode(&secrets), 0o700);
    let files: Vec<_> = fs::read_dir(&secrets).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 4);
    assert!(files.iter().all(|file| mode(file) == 0o600));
}

#[test]
fn a_configuration_that_somebody_wrote_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("portcullis.toml");
    fs::write(&file, "listen = \"127.0.0.1:1\"\n").unwrap();
    let data = directory.path().to_str().unwrap();
    let ran = run(&["demo", "--listen", "127.0.0.1:0", "--sim-listen", "127.0.0.1:0", "--data-dir", data]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(
        ran.stderr,
        format!(
            "error: `{}` is not the demo's: it is left as it is\nhint: give the demo a folder of its own with --data-dir\n",
            file.display()
        )
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "listen = \"127.0.0.1:1\"\n");
}

#[test]
fn a_temporary_folder_is_removed_at_the_end() {
    let directory = TempDir::new().unwrap();
    let free = ["demo", "--listen", "127.0.0.1:0", "--sim-listen", "127.0.0.1:0"];
    let mut demo = Running::start(directory.path(), &free);
    let config = demo.ready["config"].as_str().unwrap().to_owned();
    let folder = Path::new(&config).parent().unwrap();
    assert!(folder.join("secrets").exists());
    assert_eq!(demo.signal("-TERM").0.code(), Some(0), "{}", demo.log());
    assert!(!folder.exists(), "{config}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for arguments in [
        ["--listen", &address, "--sim-listen", "127.0.0.1:0"],
        ["--listen", "127.0.0.1:0", "--sim-listen", &address],
    ] {
        let ran = run(&[&["demo"], arguments.as_slice()].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
        assert!(ran.stderr.starts_with(&format!("error: `{address}` cannot be listened on: ")), "{ran:?}");
        assert!(
            ran.stderr.ends_with("hint: end the program that has it, or choose another address\n"),
            "{ran:?}"
        );
    }
}
