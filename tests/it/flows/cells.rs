//! Every operation in every app and mode, as `tests/fixtures/matrix.csv` says it: native, emulated, tried or refused.
//!
//! `changes` are the calls that change something at the app, all of them in order; `reads` is one of those that only look.
//! A tried cell is driven twice: before an app that has the call, and before one that denies it.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Mutex;
use std::{fs, thread};

use serde_json::{Value, json};

use super::columns::{COLUMNS, Column};
use super::people::{add_members, at, group_at, id, named, okta_active, patch, remove_member, role, with};
use super::stage::{App, Served};
use crate::support::client::Response;

const MATRIX: &str = include_str!("../../fixtures/matrix.csv");

/// One line of the table.
#[derive(Debug, Clone)]
struct Cell {
    operation: String,
    mode: String,
    class: String,
    status: String,
    changes: Vec<String>,
    read: String,
    /// Statuses, or a lever of the app as JSON.
    denied_by: String,
    otherwise: String,
}

fn cells() -> Vec<Cell> {
    let cell = |line: &str| {
        let columns: Vec<String> = line.split(';').map(str::to_owned).collect();
        let [operation, mode, class, status, changes, read, denied_by, otherwise, _how] =
            <[String; 9]>::try_from(columns).unwrap();
        let changes = changes.split(" + ").filter(|call| !call.is_empty()).map(str::to_owned).collect();
        Cell { operation, mode, class, status, changes, read, denied_by, otherwise }
    };
    MATRIX.lines().skip(1).map(cell).collect()
}

/// Serves a column with nothing remembered, so that every reading is a call.
fn serve(column: &Column, policy: &str) -> Served {
    let settings = column.settings("0s", policy);
    let served = column.serve(&settings);
    if column.is_by_people() {
        let people = cells().into_iter().map(|cell| address(&cell.operation));
        let people: BTreeSet<String> = people.chain(["owner@example.com".to_owned()]).collect();
        let rows: Vec<String> = people
            .into_iter()
            .filter(|address| !address.starts_with("create."))
            .map(|address| {
                let role = if address.starts_with("remove.") { "Admin" } else { "Read Only" };
                format!("{address},Cell Person,{role},active\n")
            })
            .collect();
        served.import_roster(&format!("email,name,role,status\n{}", rows.concat()));
    }
    served
}

fn address(operation: &str) -> String {
    format!("{}@example.com", operation.replace(' ', "."))
}

/// What an operation needs is made first and forgotten; then it is done.
fn act(app: &mut App, column: &Column, operation: &str, prepared: impl FnOnce(&mut App)) -> Response {
    let address = address(operation);
    let cell = named(&address, "Cell", "Person");
    let person = |app: &mut App| -> Value {
        if column.is_by_people() {
            return app.person(&address);
        }
        let person = app.joins(&cell);
        if column.invites {
            app.lever("POST", &format!("invites/{address}/accept"), &json!({}));
            return app.person(&address);
        }
        person
    };
    let group = |app: &mut App| -> Value {
        if !column.makes_groups {
            return app.group(column.group);
        }
        let made = app.post("/Groups", &json!({ "displayName": format!("Group to {operation}") }));
        assert_eq!(made.status, 201, "{}: {}", column.mode, made.json());
        made.json()
    };
    let others = with(
        &cell,
        &json!({ "name": { "givenName": "Cell", "familyName": "Other" }, "displayName": "Cell Other" }),
    );
    let moved = json!({
        "userName": "moved.cell@example.com",
        "emails": [{ "value": "moved.cell@example.com", "type": "work", "primary": true }],
    });
    let rename = |name: &str, value: &str| patch(&json!({ "op": "replace", "path": name, "value": value }));
    match operation {
        "create user" => {
            prepared(app);
            app.post("/Users", &cell)
        }
        "list users" => {
            prepared(app);
            app.get("/Users?count=2")
        }
        "find by userName" | "find by others" => {
            let filter = if operation.ends_with("userName") { "userName" } else { "emails.value" };
            prepared(app);
            let found = app.get(&format!("/Users?filter={filter}%20eq%20%22owner@example.com%22"));
            assert_eq!(found.json()["totalResults"], 1, "{}: {}", column.mode, found.json());
            found
        }
        "read user" => {
            let person = person(app);
            prepared(app);
            app.get(&at(&person))
        }
        "replace user" => {
            let person = person(app);
            prepared(app);
            app.put(&at(&person), &others)
        }
        "change names" => {
            let person = person(app);
            prepared(app);
            app.patch(&at(&person), &rename("name.familyName", "Other"))
        }
        "change address" => {
            let person = person(app);
            prepared(app);
            app.patch(&at(&person), &patch(&json!({ "op": "replace", "value": moved })))
        }
        "change role" => {
            let person = person(app);
            prepared(app);
            app.patch(&at(&person), &role(column.role))
        }
        "deactivate" => {
            let person = person(app);
            prepared(app);
            app.patch(&at(&person), &okta_active(false))
        }
        "reactivate" => {
            let person = person(app);
            assert_eq!(app.patch(&at(&person), &okta_active(false)).status, 200, "{}", column.mode);
            prepared(app);
            app.patch(&at(&person), &okta_active(true))
        }
        "delete user" | "delete for good" => {
            let person = person(app);
            prepared(app);
            app.delete(&at(&person))
        }
        "list groups" => {
            prepared(app);
            app.get("/Groups?count=2&excludedAttributes=members")
        }
        "read group" => {
            let group = app.group(column.group);
            prepared(app);
            app.get(&group_at(&group))
        }
        "create group" => {
            prepared(app);
            app.post("/Groups", &json!({ "displayName": "Group of cells" }))
        }
        "rename group" => {
            let group = group(app);
            prepared(app);
            app.patch(&group_at(&group), &rename("displayName", "Group renamed"))
        }
        "delete group" => {
            let group = group(app);
            prepared(app);
            app.delete(&group_at(&group))
        }
        "add member" => {
            let (person, group) = (person(app), group(app));
            prepared(app);
            app.patch(&group_at(&group), &add_members(&[id(&person)]))
        }
        "remove member" => {
            let (person, group) = (person(app), group(app));
            if !column.is_by_people() {
                let added = app.patch(&group_at(&group), &add_members(&[id(&person)]));
                assert_eq!(added.status, 204, "{}: {}", column.mode, added.json());
            }
            prepared(app);
            app.patch(&group_at(&group), &remove_member(id(&person)))
        }
        other => panic!("no such operation: {other}"),
    }
}

/// The calls of the app as method and path, with ids left out; tokens are no call of an operation.
pub fn calls(app: &mut App) -> Vec<String> {
    let short = |call: String| {
        let mut words = call.splitn(3, ' ');
        let (method, path) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let path = path.split('?').next().unwrap().to_owned();
        let mut parts: Vec<&str> = Vec::new();
        for part in path.split('/') {
            let follows = [
                "Users",
                "users",
                "Groups",
                "groups",
                "members",
                "memberships",
                "team_memberships",
                "teams",
                "workspaces",
            ];
            let is_id = parts.last().is_some_and(|before| follows.contains(before));
            parts.push(if is_id { "{id}" } else { part });
        }
        format!("{method} {}", parts.join("/"))
    };
    app.journal().into_iter().map(short).filter(|call| !call.ends_with("/oauth2/token")).collect()
}

fn told(answer: &Response) -> String {
    match answer.json()["scimType"].as_str().filter(|_| answer.status == 400) {
        Some(scim_type) => format!("{} {scim_type}", answer.status),
        None => answer.status.to_string(),
    }
}

/// Drives one cell and answers what is not as the table says.
fn drive(app: &mut App, served: &Served, column: &Column, cell: &Cell) -> Vec<String> {
    let before = served.tasks().len();
    let answer = act(app, column, &cell.operation, |app| {
        if !column.is_by_people() {
            app.journal();
        }
    });
    let mut wrong = Vec::new();
    let mut differs = |what: &str, found: String, expected: &str| {
        if found != expected {
            wrong.push(format!("{} × {}: {what} {found}, expected {expected}", cell.operation, cell.mode));
        }
    };
    differs("answered", told(&answer), &cell.status);
    if cell.class == "refused" && answer.json()["detail"].as_str().is_none_or(str::is_empty) {
        differs("detail", "none".to_owned(), "a reason");
    }
    if column.is_by_people() {
        let made: Vec<String> = served.tasks()[before.min(served.tasks().len())..]
            .iter()
            .map(|task| format!("task {}", task["kind"].as_str().unwrap()))
            .collect();
        differs("opened", made.join(" + "), &cell.changes.join(" + "));
        return wrong;
    }
    let calls = calls(app);
    let changes: Vec<String> = calls.iter().filter(|call| !call.starts_with("GET ")).cloned().collect();
    differs("changed by", changes.join(" + "), &cell.changes.join(" + "));
    if !cell.read.is_empty() && !calls.contains(&cell.read) {
        differs("read by", calls.join(" + "), &cell.read);
    }
    wrong
}

/// Drives a tried cell before an app that denies it.
fn denied(column: &Column, cell: &Cell, status: Option<&str>) -> Vec<String> {
    let served = serve(column, "");
    let mut app = served.app();
    if status.is_some() {
        app.lever("POST", "mode", &serde_json::from_str(column.offers).unwrap());
    }
    let answer = act(&mut app, column, &cell.operation, |app| {
        let tried = cell.changes.first().unwrap_or(&cell.read);
        let (method, path) = tried.split_once(' ').unwrap();
        if let Some(status) = status {
            let path = format!("^{}$", path.replace("{id}", "[^/]+"));
            let order = json!({
                "match": { "method": method, "path_regex": path }, "status": status.parse::<u16>().unwrap(),
            });
            app.fault(&order);
        } else {
            app.lever("POST", "mode", &serde_json::from_str(&cell.denied_by).unwrap());
        }
        app.journal();
    });
    let changes: Vec<String> = calls(&mut app)
        .into_iter()
        .filter(|call| !call.starts_with("GET ") && !cell.changes.contains(call))
        .collect();
    let (answered, by) = cell.otherwise.split_once(' ').unwrap_or((&cell.otherwise, ""));
    let found = (told(&answer), changes.join(" + "));
    if found == (answered.to_owned(), by.to_owned()) {
        return Vec::new();
    }
    vec![format!(
        "{} × {} denied by {}: {found:?}, expected {}: {}",
        cell.operation,
        cell.mode,
        status.unwrap_or(&cell.denied_by),
        cell.otherwise,
        answer.json()["detail"]
    )]
}

/// A configuration that is refused names the key.
fn refused_by_configuration(column: &Column) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (at, secret) in column.secrets.lines().enumerate() {
        let name = if at == 0 { "secret".to_owned() } else { format!("secret-{}", at + 1) };
        fs::write(folder.path().join(name), secret).unwrap();
    }
    let config = folder.path().join("portcullis.toml");
    let settings = column.settings("0s", "delete = \"hard\"").replace("SIM", "https://app.example");
    fs::write(
        &config,
        format!(
            "listen = \"127.0.0.1:0\"\n[connections.{}]\napp = \"{}\"\n{settings}",
            column.name(),
            column.app
        ),
    )
    .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["check-config", "--config", config.to_str().unwrap()])
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    if !output.status.success() && said.contains("policy.delete") && said.contains("deletes nobody for good")
    {
        return Vec::new();
    }
    vec![format!("delete for good × {}: not refused: {said}", column.mode)]
}

fn column_differs(column: &Column) -> Vec<String> {
    let served = serve(column, "");
    let mut app = served.app();
    if !column.is_by_people() {
        app.lever("POST", "mode", &serde_json::from_str(column.offers).unwrap());
    }
    let mut wrong = Vec::new();
    for cell in cells().into_iter().filter(|cell| cell.mode == column.mode) {
        match (cell.operation.as_str(), cell.status.as_str()) {
            ("delete for good", "configuration") => wrong.extend(refused_by_configuration(column)),
            ("delete for good", _) => {
                let served = serve(column, "delete = \"hard\"");
                wrong.extend(drive(&mut served.app(), &served, column, &cell));
            }
            _ => wrong.extend(drive(&mut app, &served, column, &cell)),
        }
        if cell.denied_by.starts_with('{') {
            wrong.extend(denied(column, &cell, None));
        } else {
            for status in cell.denied_by.split_whitespace() {
                wrong.extend(denied(column, &cell, Some(status)));
            }
        }
    }
    wrong
}

#[test]
fn every_cell_of_the_matrix_is_as_it_says() {
    let (queue, wrong) = (Mutex::new(COLUMNS.iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(column) = queue.lock().unwrap().next() else { break };
                    let differs = column_differs(column);
                    wrong.lock().unwrap().extend(differs);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} cells differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_matrix_has_every_operation_in_every_mode_once_and_in_known_words() {
    let cells = cells();
    let operations: BTreeSet<&str> = cells.iter().map(|cell| cell.operation.as_str()).collect();
    let places: BTreeSet<(&str, &str)> =
        cells.iter().map(|cell| (cell.operation.as_str(), cell.mode.as_str())).collect();
    assert_eq!((cells.len(), places.len()), (operations.len() * COLUMNS.len(), cells.len()));
    for cell in &cells {
        assert!(COLUMNS.iter().any(|column| column.mode == cell.mode), "{cell:?}");
        assert!(["native", "emulated", "tried", "refused"].contains(&cell.class.as_str()), "{cell:?}");
        assert_eq!(cell.class == "refused", !cell.status.starts_with('2'), "{cell:?}");
        assert!(cell.class != "tried" || !cell.denied_by.is_empty(), "{cell:?}");
    }
}
