//! The audit of a gateway that ran: every change stands in it once, and whatever is changed in it is found.

use std::fs;
use std::path::Path;

use portcullis::adapters::{hive, honeycomb, tines, workiva};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::logs::live;
use crate::stage::{Running, active, person, run, wait_for};

const APPS: [&str; 4] = ["hive", "honeycomb", "tines", "workiva"];

/// What the apps were asked that may have changed something: method, path and status, in order.
fn changes_at(demo: &Running, app: &str) -> Vec<(String, String, Value)> {
    let changes = demo.simulator(app).journal().into_iter().filter(|entry| {
        let reads = ["GET", "HEAD"].contains(&entry["method"].as_str().unwrap());
        !reads && !entry["path"].as_str().unwrap().contains("oauth2/token")
    });
    changes
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap().to_owned();
            let status = if entry["dropped"] == true { Value::Null } else { entry["status"].clone() };
            (text("method"), text("path"), status)
        })
        .collect()
}

/// The links of one chain, oldest first.
fn audit(config: &str, connection: &str) -> Vec<Value> {
    let exported = run(&["audit", "export", "--config", config, "--connection", connection]).ok().stdout;
    exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn calls(links: &[Value]) -> Vec<(String, String, Value)> {
    let calls = links.iter().flat_map(|link| link["entry"]["calls"].as_array().unwrap());
    calls
        .map(|call| {
            let text = |key: &str| call[key].as_str().unwrap().to_owned();
            (text("method"), text("path"), call["status"].clone())
        })
        .collect()
}

/// Fails unless each attempt has one entry before it and one after it; a look for a lost create may be under way.
fn assert_pairs(links: &[Value], connection: &str) {
    let mut open: Vec<(String, i64)> = Vec::new();
    for link in links {
        let entry = &link["entry"];
        let attempt = (entry["intent"].as_str().unwrap().to_owned(), entry["attempt"].as_i64().unwrap());
        if entry["phase"] == "before" {
            assert!(!open.contains(&attempt), "{connection}: begun twice: {entry}");
            assert_eq!(entry["calls"], json!([]), "{connection}");
            if entry["operation"] != "create" || entry["attempt"] == 1 {
                open.push(attempt);
            }
        } else if let Some(place) = open.iter().position(|begun| *begun == attempt) {
            open.remove(place);
        } else {
            assert_eq!(entry["calls"], json!([]), "{connection}: an end without a beginning: {entry}");
        }
    }
    assert_eq!(open, [], "{connection}: begun and never ended");
}

fn assert_is_what_the_app_saw(demo: &Running, app: &str) -> usize {
    let config = demo.ready["config"].as_str().unwrap();
    let links = audit(config, app);
    assert_pairs(&links, app);
    let (seen, told) = (changes_at(demo, app), calls(&links));
    assert_eq!(seen.len(), told.len(), "{app}:\n{seen:#?}\n{told:#?}");
    for ((method, path, status), (told_method, told_path, told_status)) in seen.iter().zip(&told) {
        assert_eq!((method, status), (told_method, told_status), "{app}: {path}, {told_path}");
        assert!(
            told_path.ends_with(path.as_str()) || told_path.contains("{address}"),
            "{app}: {path}, {told_path}"
        );
    }
    told.len()
}

/// A life with faults in every app: refusals, lost answers that were carried out, apps that are down, and bulk.
fn mixed_run(demo: &Running, app: &str) {
    live(demo, app);
    let mut caller = demo.caller(app);
    let people: Vec<Value> = ["ada", "ben", "cyd"]
        .iter()
        .map(|name| caller.create(&format!("{name}-{app}@example.com"))["id"].clone())
        .collect();
    let at = |place: usize| format!("/Users/{}", people[place].as_str().unwrap());
    let fault = |order: Value| {
        assert!(demo.simulator(app).send("POST", "/__sim/faults", &order).status < 300);
    };
    let groups = caller.send("GET", "/Groups", &Value::Null).json();
    if let Some(group) = groups["Resources"][0]["id"].as_str() {
        let members = |op: &str| json!({ "Operations": [{ "op": op, "path": "members", "value": [{ "value": people[1] }] }] });
        caller.send("PATCH", &format!("/Groups/{group}"), &members("add"));
        caller.send("PATCH", &format!("/Groups/{group}"), &members("remove"));
    }
    // Done, and the answer lost.
    fault(json!({ "match": { "method": "DELETE" }, "commit": true, "drop_connection": true, "times": 1 }));
    fault(json!({ "match": { "method": "PATCH" }, "commit": true, "drop_connection": true, "times": 1 }));
    caller.send("PATCH", &at(0), &active(false));
    fault(json!({ "match": { "method": "POST" }, "commit": true, "drop_connection": true, "times": 1 }));
    caller.send("POST", "/Users", &person(&format!("lost-{app}@example.com")));
    // Not done, and tried again by the gateway itself.
    fault(json!({ "match": { "method": "DELETE" }, "status": 503, "times": 2 }));
    fault(json!({ "match": { "method": "PATCH" }, "status": 503, "times": 2 }));
    caller.send("PATCH", &at(1), &active(false));
    wait_for("everything promised", || {
        let gone = |place: usize, caller: &mut crate::stage::Caller| {
            caller.send("GET", &at(place), &Value::Null).json()["active"] == false
        };
        (gone(0, &mut caller) && gone(1, &mut caller)).then_some(())
    });
    assert!(demo.simulator(app).send("DELETE", "/__sim/faults", &Value::Null).status < 300);
    let bulk = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            { "method": "POST", "path": "/Users", "bulkId": "a", "data": person(&format!("bulk-{app}@example.com")) },
            { "method": "PATCH", "path": at(2), "data": active(false) },
            { "method": "DELETE", "path": at(0) },
        ],
    });
    assert_eq!(caller.send("POST", "/Bulk", &bulk).status, 200, "{app}");
    let mut admin = demo.administrator();
    // A create that the app does not show is looked for a minute long, and not sent again.
    wait_for("the end of every promise", || {
        let open = admin.send("GET", &format!("/intents?connection={app}"), &Value::Null).json();
        open["items"].as_array()?.iter().all(|intent| intent["sticky"] == false).then_some(())
    });
}

#[test]
fn every_change_at_an_app_stands_in_the_audit_once_and_nothing_else_does() {
    let directory = TempDir::new().unwrap();
    let mut demo = Running::demo(directory.path(), &[]);
    for app in APPS {
        mixed_run(&demo, app);
        let changes = assert_is_what_the_app_saw(&demo, app);
        assert!(changes > 5, "{app}: {changes}");
    }
    let config = demo.ready["config"].as_str().unwrap().to_owned();
    let traces = run(&["trace", "--config", &config, "--json", "--limit", "10000"]).ok().stdout;
    let mut told: Vec<String> =
        APPS.iter().map(|app| audit(&config, app).iter().map(Value::to_string).collect()).collect();
    told.push(traces);
    told.push(run(&["audit", "export", "--config", &config, "--csv"]).ok().stdout);
    let secrets = [
        hive::sim::ADMIN_KEY,
        honeycomb::sim::CONFIG_KEY,
        tines::sim::ADMIN_TOKEN,
        workiva::sim::CLIENT_SECRET,
    ];
    for text in &told {
        assert!(text.len() > 1_000);
        for word in secrets.into_iter().chain(["canary", "example.com", "@", "%40", "Bearer"]) {
            assert!(!text.contains(word), "`{word}` is kept: {text}");
        }
    }
    assert_eq!(demo.signal("-TERM").0.code(), Some(0), "{}", demo.log());

    let verified = run(&["audit", "verify", "--config", &config, "--json"]).ok().json();
    assert_eq!(verified["whole"], true, "{verified}");
    let chains = verified["chains"].as_array().unwrap();
    for app in APPS {
        let chain = chains.iter().find(|chain| chain["connection"] == app).unwrap();
        assert_eq!(chain["entries"], chain["signed"], "{chain}");
    }
    let text = run(&["audit", "verify", "--config", &config]).ok().stdout;
    assert!(text.contains("hive: ") && text.contains(", whole, signed up to "), "{text}");
    assert!(text.ends_with(&format!("public key: {}\n", verified["public_key"].as_str().unwrap())), "{text}");
}

fn database(folder: &Path) -> std::path::PathBuf {
    folder.join("data/portcullis.db")
}

#[test]
fn an_older_database_and_changed_heads_are_found_with_the_first_bad_entry() {
    let directory = TempDir::new().unwrap();
    let mut demo = Running::demo(directory.path(), &[]);
    let config = demo.ready["config"].as_str().unwrap().to_owned();
    demo.caller("honeycomb").create("ada@example.com");
    assert_eq!(demo.signal("-TERM").0.code(), Some(0), "{}", demo.log());
    let before = audit(&config, "honeycomb").len();
    let older = fs::read(database(directory.path())).unwrap();

    let mut demo = Running::demo(directory.path(), &[]);
    demo.caller("honeycomb").create("ben@example.com");
    assert_eq!(demo.signal("-TERM").0.code(), Some(0), "{}", demo.log());
    run(&["audit", "verify", "--config", &config]).ok();
    fs::write(database(directory.path()), older).unwrap();
    let ran = run(&["audit", "verify", "--config", &config]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, "error: the audit is not whole\n"), "{ran:?}");
    let expected = format!(
        "honeycomb: entry {} is missing at the end: entries were cut off, or an older database was put back\n",
        before + 1
    );
    assert!(ran.stdout.contains(&expected), "{ran:?}");

    let heads = directory.path().join("data/audit-heads.jsonl");
    let text = fs::read_to_string(&heads).unwrap();
    let copy = directory.path().join("copy.jsonl");
    fs::write(&copy, text.replacen("\"seq\":", "\"seq\":1", 1)).unwrap();
    let ran = run(&["audit", "verify", "--config", &config, "--heads", copy.to_str().unwrap(), "--json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.json()["heads"]["wrong"][0], json!({ "line": 1, "why": "its signature is wrong" }));
    let missing = run(&["audit", "verify", "--config", &config, "--heads", "/nowhere/heads.jsonl"]);
    assert_eq!(missing.code, 1, "{missing:?}");
}

#[test]
fn what_was_under_way_when_the_process_died_is_interrupted_and_goes_on() {
    let directory = TempDir::new().unwrap();
    let mut demo = Running::demo(directory.path(), &[]);
    let id = demo.caller("honeycomb").create("ada@example.com")["id"].as_str().unwrap().to_owned();
    let order = json!({ "match": { "method": "DELETE" }, "delay_ms": 60_000 });
    let mut app = demo.simulator("honeycomb");
    assert!(app.send("POST", "/__sim/faults", &order).status < 300);
    let mut caller = demo.caller("honeycomb");
    let path = format!("/Users/{id}");
    let hanging = std::thread::spawn(move || {
        drop(std::panic::catch_unwind(move || caller.send("DELETE", &path, &Value::Null).status));
    });
    wait_for("the request at the app", || {
        let faults = app.send("GET", "/__sim/faults", &Value::Null).json();
        (faults[0]["struck"].as_u64()? > 0).then_some(())
    });
    demo.signal("-KILL");
    drop(hanging.join());
    let config = demo.ready["config"].as_str().unwrap().to_owned();
    let last = |links: &[Value]| links.last().unwrap()["entry"]["phase"].clone();
    assert_eq!(last(&audit(&config, "honeycomb")), "before");

    let mut again = Running::demo(directory.path(), &[]);
    let outcomes = || -> Vec<Value> {
        audit(&config, "honeycomb").iter().map(|link| link["entry"]["outcome"].clone()).collect()
    };
    wait_for("the interrupted attempt", || outcomes().contains(&json!("interrupted")).then_some(()));
    assert_eq!(again.signal("-TERM").0.code(), Some(0), "{}", again.log());
    assert_pairs(&audit(&config, "honeycomb"), "honeycomb");
    run(&["audit", "verify", "--config", &config]).ok();
}
