//! `roster import`: a member list taken in whole or not at all.

use std::fs;

use crate::stage::{Place, run_with};

const HOTJAR: [&str; 2] = ["--connection", "hotjar"];

fn hotjar() -> Place {
    Place::with("[connections.hotjar]\napp = \"manual\"\n[connections.sandbox]\napp = \"sandbox\"\n")
}

fn members(count: usize) -> String {
    let rows = (0..count).map(|number| format!("person{number}@example.com,Person {number},Read Only\n"));
    format!("email,name,role\n{}", rows.collect::<String>())
}

fn import(place: &Place, csv: &str, arguments: &[&str]) -> (i32, String, String) {
    let file = place.path("members.csv");
    fs::write(&file, csv).unwrap();
    let ran = place.run("roster import", &[&HOTJAR, arguments, &[file.to_str().unwrap()]].concat());
    (ran.code, ran.stdout, ran.stderr)
}

#[test]
fn a_dry_run_tells_and_changes_nothing() {
    let place = hotjar();
    let dry = (0, "would be taken in: 10 in the roster, 10 new, 0 missing\n".to_owned(), String::new());
    assert_eq!(import(&place, &members(10), &["--dry-run"]), dry);
    assert_eq!(import(&place, &members(10), &["--dry-run"]), dry);
    let taken = (0, "taken in: 10 in the roster, 10 new, 0 missing\n".to_owned(), String::new());
    assert_eq!(import(&place, &members(10), &[]), taken);
    assert_eq!(import(&place, &members(10), &[]).1, "taken in: 10 in the roster, 0 new, 0 missing\n");
}

#[test]
fn a_roster_that_lacks_many_is_refused_without_force() {
    let place = hotjar();
    assert_eq!(import(&place, &members(10), &[]).0, 0);
    let (code, stdout, stderr) = import(&place, &members(6), &[]);
    assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
    assert_eq!(
        stderr,
        "error: the roster lacks 4 of 10 known accounts; repeat the import with --force if that is right\n"
    );
    assert_eq!(
        import(&place, &members(7), &["--dry-run"]).1,
        "would be taken in: 7 in the roster, 0 new, 3 missing\n"
    );
    assert_eq!(import(&place, &members(6), &["--force"]).1, "taken in: 6 in the roster, 0 new, 4 missing\n");
}

#[test]
fn every_wrong_line_is_named_and_none_is_taken_in() {
    let place = hotjar();
    let csv = "email,name,status\nada@example.com,Ada,active\nno-address,Bob,active\neve@example.com,Eve,asleep\nADA@example.com,Ada,active\n";
    let (code, stdout, stderr) = import(&place, csv, &[]);
    assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
    assert!(stderr.starts_with("error: `"), "{stderr}");
    let lines: Vec<&str> = stderr.lines().skip(1).map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(lines, ["line 3", "line 4", "line 5"], "{stderr}");
    assert!(!stderr.contains("@example.com"), "an error quotes no address: {stderr}");
    assert_eq!(
        import(&place, &members(1), &["--dry-run"]).1,
        "would be taken in: 1 in the roster, 1 new, 0 missing\n"
    );
}

#[test]
fn standard_input_is_read_where_the_file_is_a_hyphen() {
    let place = hotjar();
    let config = place.config();
    let arguments = ["roster", "import", "--config", &config, "--connection", "hotjar", "-"];
    let ran = run_with(&arguments, &members(3)).ok();
    assert_eq!(ran.stdout, "taken in: 3 in the roster, 3 new, 0 missing\n");
}

#[test]
fn a_file_that_is_not_there_and_an_app_with_an_interface_end_with_1() {
    let place = hotjar();
    let ran = place.run("roster import", &[&HOTJAR, &["/nowhere/members.csv"][..]].concat());
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.starts_with("error: `/nowhere/members.csv` cannot be read: "), "{ran:?}");
    let ran = place.run("roster import", &["--connection", "sandbox", "/nowhere/members.csv"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(
        ran.stderr,
        "error: `sandbox` has an interface that is asked; only apps without one need a roster\n"
    );
}
