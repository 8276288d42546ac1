//! `tasks` beside a running demo: what waits for a person, and what the resource says once it is done.

use serde_json::Value;
use tempfile::TempDir;

use crate::stage::{Caller, Ran, Running, active, run};

const GATEWAY: &str = "urn:portcullis:params:scim:schemas:extension:gateway:2.0:User";

fn tasks(config: &str, command: &str, arguments: &[&str]) -> Ran {
    run(&[&["tasks", command, "--config", config], arguments].concat())
}

fn read(hotjar: &mut Caller, id: &str) -> Value {
    hotjar.send("GET", &format!("/Users/{id}"), &Value::Null).json()
}

#[test]
fn a_person_carries_out_what_hotjar_has_no_interface_for() {
    let directory = TempDir::new().unwrap();
    let demo = Running::demo(directory.path(), &[]);
    let config = demo.ready["config"].as_str().unwrap();
    let mut hotjar = demo.caller("hotjar");

    let created = hotjar.create("sofia@example.com");
    let (id, ticket) = (created["id"].as_str().unwrap(), created[GATEWAY]["ticketId"].as_str().unwrap());
    assert_eq!(created[GATEWAY]["invitationStatus"], "pending");
    let open = tasks(config, "list", &["--json"]).ok().json();
    assert_eq!(open.as_array().unwrap().len(), 1, "{open}");
    assert_eq!(
        (&open[0]["id"], &open[0]["connection"], &open[0]["resource"], &open[0]["kind"], &open[0]["state"]),
        (&Value::from(ticket), &"hotjar".into(), &Value::from(id), &"invite".into(), &"open".into())
    );
    assert_eq!((&open[0]["owner"], &open[0]["link"]), (&"the Hotjar administrators".into(), &Value::Null));
    let done = tasks(config, "complete", &[ticket]).ok();
    assert_eq!(done.stdout, format!("task {ticket} is done\n"));
    assert_eq!(read(&mut hotjar, id)[GATEWAY]["invitationStatus"], "accepted");

    let left = hotjar.send("PATCH", &format!("/Users/{id}"), &active(false)).json();
    assert_eq!((&left["active"], &left[GATEWAY]["pendingDeactivation"]), (&true.into(), &true.into()));
    let ticket = left[GATEWAY]["ticketId"].as_str().unwrap();
    let table = tasks(config, "list", &["--connection", "hotjar"]).ok().stdout;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..4], ["ID", "CONNECTION", "KIND", "AGE"]);
    assert_eq!((rows.len(), &rows[1][..4]), (2, &[ticket, "hotjar", "remove", "urgent"][..]), "{table}");
    let done = tasks(
        config,
        "complete",
        &[ticket, "--by", "Kim", "--evidence", "https://t.example/7", "--note", "seat 12", "--json"],
    )
    .ok()
    .json();
    assert_eq!(
        (&done["state"], &done["closed_by"], &done["note"], &done["evidence"]),
        (&"done".into(), &"Kim".into(), &"seat 12".into(), &"https://t.example/7".into())
    );
    let gone = read(&mut hotjar, id);
    assert_eq!(
        (&gone["active"], &gone[GATEWAY]["pendingDeactivation"]),
        (&false.into(), &Value::Null),
        "{gone}"
    );

    assert_eq!(tasks(config, "list", &["--json"]).ok().json(), Value::Array(Vec::new()));
    assert_eq!(tasks(config, "list", &["--json", "--all"]).ok().json().as_array().unwrap().len(), 2);
    let again = tasks(config, "complete", &[ticket]);
    assert_eq!(again.code, 1, "{again:?}");
    assert_eq!(
        again.stderr,
        format!("error: there is no open task `{ticket}`\nhint: portcullis tasks list --config {config}\n")
    );
}

#[test]
fn what_is_left_behind_has_an_owner_an_age_and_a_link() {
    let directory = TempDir::new().unwrap();
    let demo = Running::demo(directory.path(), &[]);
    let config = demo.ready["config"].as_str().unwrap();
    let mut honeycomb = demo.caller("honeycomb");
    let id = honeycomb.create("sofia@example.com")["id"].as_str().unwrap().to_owned();
    assert_eq!(honeycomb.send("PATCH", &format!("/Users/{id}"), &active(false)).status, 200);

    let open = tasks(config, "list", &["--json", "--connection", "honeycomb"]).ok().json();
    assert_eq!((open.as_array().unwrap().len(), &open[0]["kind"]), (1, &"residual_access".into()), "{open}");
    assert_eq!((&open[0]["link"], &open[0]["owner"]), (&"https://ui.honeycomb.io".into(), &Value::Null));
    assert!(open[0]["age_seconds"].as_u64().unwrap() < 20, "{open}");
    let table = tasks(config, "list", &["--connection", "honeycomb"]).ok().stdout;
    assert!(table.lines().next().unwrap().contains("OWNER"), "{table}");
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((row[2], row[4], row[5]), ("residual_access", "-", "https://ui.honeycomb.io"), "{table}");
}
