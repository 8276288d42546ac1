//! Leavers against faults: whatever one call of theirs meets, a 2xx means that they are out, and all are out in the end.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::people::{GATEWAY, at, named, okta_active};
use super::stage::{App, Demo, WIRED, eventually, has_access};

/// What the gateway may take by itself, with every cell of one app failing at the same time.
const IN_THE_END: Duration = Duration::from_secs(90);

/// What happens to the call that takes access away, and how often.
fn faults() -> Vec<(&'static str, Value)> {
    let page = "<html><body>Bad gateway</body></html>";
    vec![
        ("nothing", json!({ "times": 0 })),
        ("500", json!({ "status": 500, "times": 3 })),
        ("502 with a page", json!({ "status": 502, "body": page, "times": 3 })),
        ("503", json!({ "status": 503, "times": 4 })),
        ("503 that says when", json!({ "status": 503, "headers": { "Retry-After": "1" }, "times": 3 })),
        ("504", json!({ "status": 504, "times": 3 })),
        ("429", json!({ "status": 429, "times": 3 })),
        ("429 that says when", json!({ "status": 429, "headers": { "Retry-After": "1" }, "times": 3 })),
        ("429 that says rubbish", json!({ "status": 429, "headers": { "Retry-After": "soon" }, "times": 2 })),
        ("400", json!({ "status": 400, "times": 1 })),
        ("403", json!({ "status": 403, "times": 1 })),
        ("409", json!({ "status": 409, "times": 1 })),
        ("301", json!({ "status": 301, "headers": { "Location": "http://127.0.0.1:9/" }, "times": 1 })),
        ("a page instead of 404", json!({ "status": 404, "body": page, "times": 1 })),
        ("done, and the answer is 500", json!({ "status": 500, "commit": true, "times": 1 })),
        ("hung up before", json!({ "drop_connection": true, "times": 3 })),
        ("done, and hung up", json!({ "drop_connection": true, "commit": true, "times": 1 })),
        (
            "done, and the answer is rubbish",
            json!({ "status": 200, "body": "{\"id\":", "commit": true, "times": 1 }),
        ),
        ("half a second late", json!({ "delay_ms": 500, "times": 1 })),
        ("a login page with 200", json!({ "status": 200, "body": page, "times": 2 })),
    ]
}

/// The faults that an app which shows no invitations cannot be caught at: it says that one was withdrawn.
fn is_a_lie(fault: &Value) -> bool {
    fault["commit"] != true && fault["status"] == 200
}

/// The method and path of the call that takes access away.
fn target(name: &str, account: &str) -> Value {
    let (method, path) = match name {
        "hive" => ("DELETE", format!("/members/{account}$")),
        "honeycomb" => ("DELETE", format!("/team_memberships/{account}$")),
        "tines" => ("PUT", format!("/users/{account}$")),
        _ => ("PATCH", format!("/users/{account}$")),
    };
    json!({ "method": method, "path_regex": path })
}

struct Cell {
    name: &'static str,
    fault: &'static str,
    accepted: bool,
    deletes: bool,
    person: Value,
}

impl Cell {
    fn says(&self) -> String {
        let (who, how) =
            (if self.accepted { "member" } else { "joiner" }, if self.deletes { "DELETE" } else { "PATCH" });
        format!("{}: {how} of a {who}, {}", self.name, self.fault)
    }

    fn has_access(&self, app: &mut App) -> bool {
        has_access(app, self.name, self.person["userName"].as_str().unwrap())
    }

    /// Sends the leaver and holds the answer against the app.
    fn leave(&self, app: &mut App) {
        let place = at(&self.person);
        let answer = if self.deletes { app.delete(&place) } else { app.patch(&place, &okta_active(false)) };
        if (200..300).contains(&answer.status) {
            assert!(!self.has_access(app), "{}: answered {} and is still in", self.says(), answer.status);
        } else {
            assert_eq!(answer.status, 503, "{}: {}", self.says(), answer.json());
            assert!(answer.header("Retry-After").is_some(), "{}", self.says());
        }
    }

    /// Waits until the app and the gateway agree that the person is out.
    fn is_out(&self, app: &mut App) {
        eventually(IN_THE_END, &self.says(), || {
            let told = app.get(&at(&self.person));
            let gone = if self.deletes { told.status == 404 } else { told.json()["active"] == false };
            (gone && !self.has_access(app)).then_some(())
        });
    }
}

/// Hires somebody for every cell of one app and orders the faults.
fn cells(demo: &Demo, name: &'static str) -> Vec<Cell> {
    let mut app = demo.app(name);
    app.warm_up();
    let invites = matches!(name, "hive" | "honeycomb");
    let mut cells = Vec::new();
    for (fault, mut order) in faults() {
        for (accepted, deletes) in [(true, false), (true, true), (false, false), (false, true)] {
            if !accepted && (!invites || is_a_lie(&order)) {
                continue;
            }
            let address = format!("leaver{}@example.com", cells.len());
            let person = app.joins(&named(&address, "Lee", "Verr"));
            if invites && accepted {
                app.lever("POST", &format!("invites/{address}/accept"), &json!({}));
            }
            order["match"] = target(name, person[GATEWAY]["accountId"].as_str().unwrap());
            app.fault(&order);
            cells.push(Cell { name, fault, accepted, deletes, person });
        }
    }
    cells
}

#[test]
fn every_leaver_is_out_in_the_end_and_none_is_said_to_be_before() {
    let demo = Demo::start();
    thread::scope(|scope| {
        for name in WIRED {
            let demo = &demo;
            scope.spawn(move || {
                let cells = cells(demo, name);
                thread::scope(|scope| {
                    for share in cells.chunks(4) {
                        scope.spawn(move || {
                            let mut app = demo.app(name);
                            for cell in share {
                                cell.leave(&mut app);
                            }
                            for cell in share {
                                cell.is_out(&mut app);
                            }
                        });
                    }
                });
            });
        }
    });
}
