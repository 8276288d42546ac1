//! SIGTERM under load: what was answered as done is done, nothing is cut off, and the end comes in time.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::idp::{Person, entra_active};
use crate::harness::kills::folder;
use crate::harness::processes::Program;
use crate::harness::stage::Stage;
use crate::harness::wire::Silence;
use crate::setting;

/// How often it is told to end.
const TIMES: u64 = 6;
/// How long it may take.
const LIMIT: Duration = Duration::from_secs(30);

fn program() -> Program {
    Program { path: env!("CARGO_BIN_EXE_portcullis").into(), before: Vec::new() }
}

fn ends(stage: &mut Stage, code: i32, limit: Duration) -> Duration {
    let began = Instant::now();
    let gateway = stage.gateway().unwrap();
    loop {
        if let Some(status) = gateway.ended() {
            assert_eq!(status.code(), Some(code), "{}", stage.log());
            return began.elapsed();
        }
        assert!(began.elapsed() < limit, "it does not end: {}", stage.log());
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn whoever_was_being_answered_is_answered_and_the_process_ends_well() {
    let seed = setting("PORTCULLIS_SEED", u64::from(std::process::id()));
    let place = folder("endings", seed);
    let mut stage = Stage::set(&program(), &place, seed).unwrap();
    for round in 0..setting("PORTCULLIS_ENDINGS", TIMES) {
        stage.start().unwrap();
        let app = &stage.apps[2];
        app.plague(&json!([{ "delay_ms": 60, "commit": true, "probability": 0.5 }])).unwrap();
        let (door, told) = (app.connection.clone(), Mutex::new(Vec::new()));
        let slowest = thread::scope(|scope| {
            for worker in 0..6 {
                let (door, told) = (&door, &told);
                scope.spawn(move || {
                    for number in 0.. {
                        let person = Person::new(format!("e{round}.{worker}.{number}@example.com"));
                        let answer =
                            door.send("POST", "/Users", Some(&person.resource(true)), Duration::from_mins(1));
                        let refused = answer.as_ref().is_err_and(|silence| *silence == Silence::Refused);
                        told.lock().unwrap().push((person.address, answer.map(|answer| answer.status)));
                        if refused {
                            return;
                        }
                    }
                });
            }
            thread::sleep(Duration::from_millis(300 + 70 * (round % TIMES)));
            assert!(stage.gateway().unwrap().signal("TERM"));
            ends(&mut stage, 0, LIMIT)
        });
        let told = told.into_inner().unwrap();
        let cut: Vec<_> = told.iter().filter(|(_, answer)| *answer == Err(Silence::HungUp)).collect();
        assert!(cut.is_empty(), "{cut:?}");
        let ledger = stage.apps[2].lever("GET", "ledger", &Value::Null).unwrap();
        let holders = ledger["holders"].as_array().unwrap();
        for (address, _) in told.iter().filter(|(_, answer)| *answer == Ok(201)) {
            assert!(holders.iter().any(|holder| holder["email"] == **address), "{address}");
        }
        // A connection that was taken and not answered may have been sent to while the listener closed; work that had
        // begun was answered, so whoever has an account was told of it.
        for (address, answer) in &told {
            let there = holders.iter().any(|holder| holder["email"] == **address);
            assert!(!there || *answer == Ok(201), "{address} has an account and was told {answer:?}");
        }
        println!("ended after {slowest:?}, {} requests", told.len());
        assert!(told.iter().any(|(_, answer)| *answer == Ok(201)));
    }
    std::fs::remove_dir_all(place).unwrap();
}

/// Somebody leaves while the app hangs, the process is told to end so many times, and the next one finishes it.
#[expect(clippy::print_stdout, reason = "its figures are what it is run for")]
fn hangs(name: &str, signals: u64, code: i32, limit: Duration) {
    let seed = setting("PORTCULLIS_SEED", u64::from(std::process::id()));
    let place = folder(name, seed);
    let mut stage = Stage::set(&program(), &place, seed).unwrap();
    // An app that is waited for as long as the gateway waits for anything.
    stage.configure(|config| Ok(config.replace("timeout = \"2s\"", "timeout = \"60s\""))).unwrap();
    stage.start().unwrap();
    let door = stage.apps[2].connection.clone();
    let patience = Duration::from_mins(1);
    let ada = Person::new("ada@example.com".to_owned());
    let made = door.send("POST", "/Users", Some(&ada.resource(true)), patience).unwrap().json();
    let path = format!("/Users/{}", made["id"].as_str().unwrap());
    let hanging = json!([{ "match": { "method": "PUT" }, "delay_ms": 60_000 }]);
    stage.apps[2].plague(&hanging).unwrap();
    let left = thread::spawn(move || door.send("PATCH", &path, Some(&entra_active(false)), patience));
    let began = Instant::now();
    while !stage.apps[2].lever("GET", "journal", &Value::Null).unwrap().to_string().contains("\"PUT\"") {
        assert!(began.elapsed() < LIMIT, "the app was not called");
        thread::sleep(Duration::from_millis(20));
    }
    for _ in 0..signals {
        assert!(stage.gateway().unwrap().signal("TERM"));
        thread::sleep(Duration::from_millis(100));
    }
    let took = ends(&mut stage, code, limit);
    let told = left.join().unwrap().map(|answer| answer.status);
    assert!(!told.is_ok_and(|status| status < 300), "the app never acted: {told:?}");
    stage.apps[2].heal().unwrap();
    stage.start().unwrap();
    let began = Instant::now();
    loop {
        let ledger = stage.apps[2].lever("GET", "ledger", &Value::Null).unwrap();
        let holders = ledger["holders"].as_array().unwrap();
        if holders.iter().any(|holder| holder["email"] == "ada@example.com" && holder["access"] == false) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "the leaver is still in: {told:?}");
        thread::sleep(Duration::from_millis(50));
    }
    println!(
        "ended after {took:?}, the leaver was answered {told:?}, and is out {:?} after the start",
        began.elapsed()
    );
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn an_app_that_hangs_does_not_keep_the_process_and_the_leaver_is_finished_by_the_next() {
    hangs("hanging", 1, 0, LIMIT);
}

#[test]
fn whoever_tells_it_twice_to_end_does_not_want_it_to_wait_for_the_app() {
    hangs("hanging-twice", 2, 1, Duration::from_secs(5));
}
