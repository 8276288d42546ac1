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
    let people: Vec<String> = (0..10).map(|number| format!("+ person{number}@example.com")).collect();
    let told = format!("{}\nwould be taken in: 10 in the roster, 10 new, 0 missing\n", people.join("\n"));
    for option in ["--preview", "--dry-run"] {
        assert_eq!(import(&place, &members(10), &[option]), (0, told.clone(), String::new()));
    }
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
        import(&place, &members(6), &["--preview"]).1,
        "- person6@example.com\n- person7@example.com\n- person8@example.com\n- person9@example.com\n\
         would be taken in: 6 in the roster, 0 new, 4 missing\n"
    );
    assert_eq!(import(&place, &members(6), &["--force"]).1, "taken in: 6 in the roster, 0 new, 4 missing\n");
}

#[test]
fn a_preview_says_what_is_otherwise_and_an_import_what_was_done() {
    let place = hotjar();
    assert_eq!(
        import(&place, "email,name,role\nada@example.com,Ada,Read Only\nbo@example.com,Bo,Admin\n", &[]).0,
        0
    );
    let next =
        "email,name,role,status\nada@example.com,Ada Berg,Admin,invited\ncy@example.com,Cy,Admin,active\n";
    assert_eq!(
        import(&place, next, &["--preview"]).1,
        "~ ada@example.com  name: Ada -> Ada Berg, role: Read Only -> Admin, status: active -> invited\n\
         - bo@example.com\n+ cy@example.com\nwould be taken in: 2 in the roster, 1 new, 1 missing\n"
    );
    let (code, stdout, stderr) = import(&place, next, &["--json", "--force"]);
    assert_eq!(code, 0, "{stderr}");
    let told: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&told["applied"], &told["people"][1]),
        (&true.into(), &serde_json::json!({ "email": "bo@example.com", "change": "missing" }))
    );
    assert_eq!(
        import(&place, next, &["--preview"]).1,
        "would be taken in: 2 in the roster, 0 new, 0 missing\n"
    );
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
        import(&place, &members(1), &["--preview"]).1,
        "+ person0@example.com\nwould be taken in: 1 in the roster, 1 new, 0 missing\n"
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
