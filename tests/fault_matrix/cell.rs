//! One cell: an operation while something goes wrong, what stands then, and what stands when it does not any more.

use std::time::Duration;

use portcullis::adapters::simulator::Holder;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::fault::Fault;
use crate::stage::{Answered, BUDGET, Stage};
use crate::table::Line;

/// As the table calls them.
pub const OPERATIONS: [&str; 11] = [
    "list",
    "get",
    "filter",
    "create",
    "update",
    "rename",
    "deactivate",
    "reactivate",
    "delete",
    "add",
    "remove",
];

/// How soon after the end of a fault a leaver is out.
const SOON: Duration = Duration::from_secs(10);

/// How long nothing is waited for that is not to happen.
const WHILE: Duration = Duration::from_millis(1_500);

/// How long an app that failed may be left alone before others than leavers are let through, and some more.
const PATIENCE: Duration = Duration::from_secs(45);

/// What an answer may take beyond the caller's time on a busy machine.
const SLACK: Duration = Duration::from_secs(3);

const MARIA: &str = "maria.santos@example.com";
const TOM: &str = "tom.fischer@example.com";
const ADA: &str = "ada.berg@example.com";
const MOVED: &str = "maria.moved@example.com";

/// An operation that is ready to be asked for.
struct Act {
    operation: &'static str,
    /// Whom it is about, and how the app held them before.
    email: &'static str,
    before: Option<Holder>,
    /// The id of the person, where there is one.
    id: String,
    method: &'static str,
    path: String,
    body: Value,
}

fn patch(operation: &Value) -> Value {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation] })
}

fn active(active: bool) -> Value {
    patch(&json!({ "op": "replace", "value": { "active": active } }))
}

/// A person, as joined or moved.
fn named(address: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "externalId": format!("hr-{address}"),
        "userName": address,
        "name": { "givenName": "Ada", "familyName": "Berg" },
        "emails": [{ "value": address, "type": "work", "primary": true }],
        "active": true,
    })
}

/// Who is put into which group, and who is taken out of which.
fn places(app: &str, operation: &str) -> (&'static str, &'static str) {
    match (app, operation) {
        ("hive", "add") => (TOM, "Acme Labs"),
        ("hive", _) => (MARIA, "Acme Labs"),
        ("honeycomb", _) => (MARIA, "admin"),
        ("tines", "add") => (MARIA, "IT"),
        ("tines", _) => (MARIA, "Security Ops"),
        (_, "add") => (MARIA, "Legal"),
        (_, _) => (MARIA, "Finance Team"),
    }
}

impl Act {
    /// Makes what the operation needs, while all is well.
    async fn prepare(stage: &Stage, operation: &'static str) -> Self {
        let mut act = Self {
            operation,
            email: MARIA,
            before: None,
            id: String::new(),
            method: "GET",
            path: String::new(),
            body: Value::Null,
        };
        if operation == "list" {
            // Nobody has asked before: there is nothing to answer from.
            act.path.push_str("/Users");
            return act;
        }
        if operation == "create" {
            stage.done("GET", "/Users?count=1", &Value::Null).await;
            (act.method, act.path, act.email) = ("POST", "/Users".to_owned(), ADA);
            act.body = named(ADA);
            return act;
        }
        if ["add", "remove"].contains(&operation) {
            act.email = places(stage.app, operation).0;
        }
        act.id.push_str(stage.person(act.email).await["id"].as_str().unwrap());
        act.path = format!("/Users/{}", act.id);
        match operation {
            "filter" => act.path = format!("/Users?filter=userName%20eq%20%22{MARIA}%22"),
            "update" if stage.app == "honeycomb" => {
                let role = json!({ "op": "replace", "path": "roles", "value": [{ "value": "admin", "primary": true }] });
                (act.method, act.body) = ("PATCH", patch(&role));
            }
            "update" => {
                let name = json!({ "op": "replace", "path": "name.familyName", "value": "Other" });
                (act.method, act.body) = ("PATCH", patch(&name));
            }
            "rename" => {
                // Whoever is taken over is not given another address by the same request.
                let known = json!({ "op": "add", "path": "externalId", "value": "hr-maria" });
                stage.done("PATCH", &act.path, &patch(&known)).await;
                let emails = [json!({ "value": MOVED, "type": "work", "primary": true })];
                let moved = json!({ "op": "replace", "value": { "userName": MOVED, "emails": emails } });
                (act.method, act.body) = ("PATCH", patch(&moved));
            }
            "deactivate" => (act.method, act.body) = ("PATCH", active(false)),
            "reactivate" => {
                stage.done("PATCH", &act.path, &active(false)).await;
                (act.method, act.body) = ("PATCH", active(true));
            }
            "delete" => act.method = "DELETE",
            "add" | "remove" => {
                let group = stage.group(places(stage.app, operation).1).await;
                let put = patch(&json!({ "op": "add", "path": "members", "value": [{ "value": act.id }] }));
                let take =
                    patch(&json!({ "op": "remove", "path": format!("members[value eq \"{}\"]", act.id) }));
                act.path = format!("/Groups/{group}");
                act.method = "PATCH";
                if operation == "remove" && stage.app == "honeycomb" {
                    stage.done("PATCH", &act.path, &put).await;
                }
                act.body = if operation == "add" { put } else { take };
            }
            _ => {}
        }
        act.before = stage.holder(act.email);
        act
    }

    async fn ask(&self, stage: &Stage) -> Answered {
        stage.ask(self.method, &self.path, &self.body).await
    }

    fn reads(&self) -> bool {
        self.method == "GET"
    }

    fn takes_access_away(&self) -> bool {
        ["deactivate", "delete", "remove"].contains(&self.operation)
    }

    /// Whether the app has what was asked for; `None` where it has no part in it.
    fn stands(&self, stage: &Stage) -> Option<bool> {
        let now = stage.holder(self.email);
        match self.operation {
            "create" => Some(now.is_some()),
            "update" if stage.app == "hive" => None,
            "update" if stage.app == "honeycomb" => Some(now?.groups.contains("admin")),
            "update" => Some(now?.name.ends_with("Other")),
            "rename" => Some(stage.holder(MOVED).is_some() && now.is_none()),
            "deactivate" | "delete" => Some(now.is_none_or(|holder| !holder.access)),
            "reactivate" => Some(now.is_some_and(|holder| holder.access)),
            "add" | "remove" => {
                Some(now.map(|holder| holder.groups) != self.before.clone().map(|holder| holder.groups))
            }
            _ => None,
        }
    }

    /// What is wrong with a successful answer.
    fn lies(&self, stage: &Stage, answer: &Answered) -> Option<String> {
        let people = &answer.body["totalResults"];
        let wrong = match self.operation {
            "list" => *people != 3,
            "filter" => *people != 1,
            "get" => answer.body["userName"] != MARIA || answer.body["active"] != true,
            _ => self.stands(stage) == Some(false),
        };
        wrong.then(|| format!("answered {}, which is not so: {}", answer.status, answer.body))
    }
}

fn word(answer: &Answered) -> String {
    if answer.status < 300 { "done".to_owned() } else { answer.status.to_string() }
}

/// Drives one cell and answers everything that is not as the table's line says, or never may be.
pub async fn drive(
    (app, operation, fault): (&'static str, &'static str, Fault),
    line: &Line,
    setting_up: &Semaphore,
) -> Vec<String> {
    let reads = ["list", "get", "filter"].contains(&operation);
    let (stage, act) = {
        let _turn = setting_up.acquire().await;
        let stage = Stage::open(app, &fault, reads).await;
        let act = Act::prepare(&stage, operation).await;
        (stage, act)
    };
    assert_eq!(act.reads(), reads);
    let mut wrong = Vec::new();
    let expected = |found: String, expected: &[&str], what: &str| {
        (!expected.contains(&found.as_str()))
            .then(|| format!("{what} {found}, line {} says {}", line.number, expected.join(" or ")))
    };
    if act.stands(&stage) == Some(true) {
        return vec!["stands before anybody asked".to_owned()];
    }

    stage.line.spoil(fault).await;
    let asked = Instant::now();
    let answer = act.ask(&stage).await;
    let (took, sent) = (asked.elapsed(), stage.line.most_struck());
    if answer.status < 300 {
        wrong.extend(act.lies(&stage, &answer));
    } else if [429, 503].contains(&answer.status) && !answer.comes_back {
        wrong.push(format!("answered {} without a time to come back", answer.status));
    }
    wrong.extend(expected(word(&answer), &line.answer, &format!("answered {:?}:", answer.body["detail"])));
    let (least, most) = line.sent;
    if !(least..=most).contains(&sent) {
        wrong.push(format!("sent {sent} times, line {} says {least} to {most}", line.number));
    }
    if took > BUDGET + SLACK {
        wrong.push(format!("answered after {} ms", took.as_millis()));
    }

    stage.line.mend();
    let mended = Instant::now();
    while act.takes_access_away() && act.stands(&stage) == Some(false) && mended.elapsed() < SOON {
        sleep(Duration::from_millis(50)).await;
    }
    if !act.takes_access_away() {
        sleep(WHILE).await;
    }
    let stands = match act.stands(&stage) {
        None => "-",
        Some(true) => "yes",
        Some(false) => "no",
    };
    wrong.extend(expected(stands.to_owned(), &line.stands, "stands afterwards:"));

    let again = repeated(&stage, &act, &line.again).await;
    wrong.extend(expected(word(&again), &line.again, &format!("again {:?}:", again.body["detail"])));
    if again.status < 300 {
        wrong.extend(act.lies(&stage, &again));
        wrong.extend(shown(&stage, &act).await);
    }
    let twins = |email: &str| stage.holders().iter().filter(|holder| holder.email == email).count();
    wrong.extend(
        [MARIA, ADA, MOVED].iter().filter(|email| twins(email) > 1).map(|email| format!("two of {email}")),
    );
    wrong
}

/// Asks again, for as long as the app is left alone where it shall be done in the end.
async fn repeated(stage: &Stage, act: &Act, expected: &[&str]) -> Answered {
    let began = Instant::now();
    loop {
        let answer = act.ask(stage).await;
        let waits = answer.status == 503 && expected.contains(&"done");
        if !waits || began.elapsed() > PATIENCE {
            return answer;
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// What the gateway shows of the person that is not as it is.
async fn shown(stage: &Stage, act: &Act) -> Option<String> {
    let person = stage.ask("GET", &format!("/Users/{}", act.id), &Value::Null).await;
    let active = &person.body["active"];
    let right = match act.operation {
        "deactivate" => person.status == 200 && *active == false,
        "reactivate" => person.status == 200 && *active == true,
        "delete" => person.status == 404,
        _ => true,
    };
    (!right).then(|| format!("is shown as {} {}", person.status, person.body))
}
