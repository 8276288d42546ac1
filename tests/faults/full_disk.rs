//! A disk that is really full: a small file system of its own, filled step by step under a serving gateway.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::idp::{Person, entra_active};
use crate::harness::kills::folder;
use crate::harness::processes::Program;
use crate::harness::stage::{Simulated, Stage};
use crate::setting;

/// The size of the file system.
const SIZE: u64 = 8 * 1024;

/// What is left of the disk at each step, in KiB. A longer run takes every KiB below its number of steps instead, from the
/// highest to the lowest.
const LEFT: [u64; 12] = [512, 256, 128, 96, 64, 48, 32, 24, 16, 12, 8, 4];

/// With what every disk ends: nothing is left, and what is freed is taken again.
const END: [u64; 4] = [0; 4];

/// How many steps one disk has room for: whoever leaves at one of them was hired before it was filled.
const ON_ONE_DISK: usize = 60;

const PATIENCE: Duration = Duration::from_secs(40);

/// How soon everything works again.
const RESUMES: Duration = Duration::from_secs(5);

/// What is left at each of so many steps: no two of them are alike.
fn levels(steps: u64) -> Vec<u64> {
    let usual = LEFT.len() + END.len();
    if steps <= usual as u64 { LEFT.to_vec() } else { (0..steps.min(SIZE)).rev().collect() }
}

/// A file system of eight MiB in memory, gone with the value.
struct Disk(PathBuf);

impl Disk {
    /// None where this process may mount nothing.
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={SIZE}k"), "tmpfs"])
            .arg(at)
            .status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Leaves so many KiB free.
    fn leave(&self, kib: u64) {
        let mut file = File::options().create(true).append(true).open(self.filler()).unwrap();
        while file.write_all(&[0; 1024]).is_ok() {}
        let taken = file.metadata().unwrap().len();
        file.set_len(taken.saturating_sub(kib * 1024)).unwrap();
    }

    fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _left_behind = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout.trim_ascii() == b"0"
}

fn create(app: &Simulated, address: &str) -> (u16, Value) {
    let person = Person::new(address.to_owned()).resource(true);
    let answer = app.connection.send("POST", "/Users", Some(&person), PATIENCE).unwrap();
    (answer.status, answer.json())
}

/// The accounts of an address: whether each has access.
fn accounts(app: &Simulated, address: &str) -> Vec<bool> {
    let ledger = app.lever("GET", "ledger", &Value::Null).unwrap();
    let holders = ledger["holders"].as_array().unwrap().iter().filter(|holder| holder["email"] == address);
    holders.map(|holder| holder["access"] == true).collect()
}

#[test]
fn more_steps_are_more_levels_down_to_every_kib() {
    assert_eq!(levels(16), LEFT);
    for (steps, count) in [(17, 17), (1_000, 1_000), (8_192, 8_192), (20_000, 8_192)] {
        let distinct: BTreeSet<u64> = levels(steps).into_iter().collect();
        assert_eq!((distinct.len(), distinct.first()), (count, Some(&0)));
    }
}

#[test]
fn whoever_leaves_while_the_disk_is_full_is_out_and_everything_else_waits() {
    let seed = setting("PORTCULLIS_SEED", u64::from(std::process::id()));
    let steps = setting("PORTCULLIS_DISK_STEPS", (LEFT.len() + END.len()) as u64);
    let mut all = Felt::default();
    for (number, levels) in levels(steps).chunks(ON_ONE_DISK).enumerate() {
        let place = folder(&format!("full-disk-{number}"), seed);
        let Some(disk) = Disk::mount(&place.join("data")) else {
            assert!(!is_root(), "no file system can be mounted");
            eprintln!("skipped: this user may mount no file system");
            return;
        };
        let felt = fill(disk, &place, seed, &[levels, &END].concat());
        all.refused += felt.refused;
        all.unwritten += felt.unwritten;
    }
    assert!(all.refused > 0, "no disk was ever full");
    assert!(all.unwritten > 0, "every commit found room");
}

/// What a full disk was felt by.
#[derive(Debug, Default)]
struct Felt {
    /// Creates that were refused.
    refused: usize,
    /// Departures that were carried out and could not be written down first.
    unwritten: usize,
}

/// Fills a disk step by step.
fn fill(disk: Disk, place: &Path, seed: u64, levels: &[u64]) -> Felt {
    let program = Program { path: env!("CARGO_BIN_EXE_portcullis").into(), before: Vec::new() };
    let mut stage = Stage::set(&program, place, seed).unwrap();
    stage.start().unwrap();
    let app = &stage.apps[2];
    let leaver = |step: usize| format!("leaver{step}@example.com");
    let joiner = |step: usize| format!("joiner{step}@example.com");
    let ids: Vec<String> = (0..levels.len())
        .map(|step| {
            let (status, made) = create(app, &leaver(step));
            assert_eq!(status, 201, "{made}");
            made["id"].as_str().unwrap().to_owned()
        })
        .collect();
    let mut refused = 0;
    for (step, (id, kib)) in ids.iter().zip(levels).enumerate() {
        disk.leave(*kib);
        let path = format!("/Users/{id}");
        let answer = app.connection.send("PATCH", &path, Some(&entra_active(false)), PATIENCE).unwrap();
        assert!([200, 204].contains(&answer.status), "{kib} KiB: {} {}", answer.status, answer.json());
        assert!(accounts(app, &leaver(step)).iter().all(|access| !access), "{kib} KiB");
        let (status, told) = create(app, &joiner(step));
        assert!([201, 429, 503].contains(&status), "{kib} KiB: {status} {told}");
        assert!(status != 201 || accounts(app, &joiner(step)) == [true], "{kib} KiB");
        refused += usize::from(status != 201);
    }
    disk.free();
    let freed = Instant::now();
    while create(app, "afterwards@example.com").0 != 201 {
        assert!(freed.elapsed() < RESUMES, "nothing works again: {}", stage.log());
        thread::sleep(Duration::from_millis(100));
    }
    for (step, id) in ids.iter().enumerate() {
        let shown = app.connection.send("GET", &format!("/Users/{id}"), None, PATIENCE).unwrap().json();
        assert_eq!(shown["active"], false, "{shown}");
        let began = Instant::now();
        while !matches!(create(app, &joiner(step)).0, 201 | 409) {
            assert!(began.elapsed() < PATIENCE, "{} cannot be created", joiner(step));
            thread::sleep(Duration::from_millis(200));
        }
        assert_eq!(accounts(app, &joiner(step)), [true]);
    }
    assert!(stage.gateway().unwrap().signal("TERM"));
    let ending = Instant::now();
    while stage.gateway().unwrap().ended().is_none() {
        assert!(ending.elapsed() < PATIENCE, "{}", stage.log());
        thread::sleep(Duration::from_millis(20));
    }
    let config = stage.config();
    program.run(&["audit", "verify", "--config", &config]).unwrap();
    let audit = program.run(&["audit", "export", "--config", &config, "--connection", "tines"]).unwrap();
    let entries: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let out = |entry: &&Value| {
        entry["entry"]["operation"] == "deactivate" && entry["entry"]["outcome"] == json!("confirmed")
    };
    let people: BTreeSet<&str> =
        entries.iter().filter(out).filter_map(|entry| entry["entry"]["resource"].as_str()).collect();
    assert_eq!(people, ids.iter().map(String::as_str).collect(), "{audit}");
    let unwritten = entries.iter().filter(|entry| entry["entry"]["bypassed"] == true).count();
    stage.start().unwrap();
    drop(stage);
    drop(disk);
    fs::remove_dir_all(place).unwrap();
    Felt { refused, unwritten }
}
