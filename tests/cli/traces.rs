//! Traces of a running gateway: by request, by person, by time, on the command line and at the admin door.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{Running, active, person, run, wait_for};

#[test]
fn a_request_is_found_with_its_plan_its_calls_and_its_answer() {
    let directory = TempDir::new().unwrap();
    let demo = Running::demo(directory.path(), &[]);
    let config = demo.ready["config"].as_str().unwrap().to_owned();
    let mut caller = demo.caller("honeycomb");
    let body = person("ada@example.com").to_string().into_bytes();
    let created = caller.send_bytes("POST", "/Users", &[("X-Request-Id", "joins-1")], Some(body));
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/Users/{id}");
    let gone = caller.send_bytes(
        "PATCH",
        &path,
        &[("X-Request-Id", "leaves-1")],
        Some(active(false).to_string().into_bytes()),
    );
    assert_eq!((created.status, gone.status), (201, 200));
    // A reading from the store calls nobody, a refused change is one all the same.
    assert_eq!(caller.send_bytes("GET", &path, &[("X-Request-Id", "reads-1")], None).status, 200);
    assert_eq!(
        caller.send_bytes("DELETE", "/Users/nobody", &[("X-Request-Id", "refused-1")], None).status,
        404
    );

    let mut admin = demo.administrator();
    let mut of = |request: &str| {
        wait_for("the trace", || {
            let response = admin.send("GET", &format!("/traces/{request}"), &Value::Null);
            (response.status == 200).then(|| response.json()["items"][0].clone())
        })
    };
    let (joins, leaves, refused) = (of("joins-1"), of("leaves-1"), of("refused-1"));
    let told = |trace: &Value| {
        ["connection", "method", "operation", "status", "origin", "plan"].map(|key| trace[key].clone())
    };
    assert_eq!(
        told(&joins),
        [
            json!("honeycomb"),
            json!("POST"),
            json!("users.create"),
            json!(201),
            json!("request"),
            json!(["create_account"])
        ]
    );
    assert_eq!(joins["subjects"], json!([id]));
    let invited = joins["calls"].as_array().unwrap().iter().find(|call| call["method"] == "POST").unwrap();
    assert_eq!((&invited["status"], &invited["attempt"]), (&json!(201), &json!(1)), "{joins}");
    assert!(invited["duration_ms"].is_u64() && invited["at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(
        told(&leaves),
        [
            json!("honeycomb"),
            json!("PATCH"),
            json!("users.patch"),
            json!(200),
            json!("request"),
            json!(["deactivate"])
        ]
    );
    assert_eq!(leaves["resource"], json!(id));
    assert_eq!((&refused["status"], &refused["calls"]), (&json!(404), &json!([])));

    let trace = |arguments: &[&str]| {
        let all = [&["trace", "--config", &config], arguments].concat();
        run(&all).ok()
    };
    let ids = |list: &Value| -> Vec<Value> {
        list.as_array().unwrap().iter().map(|trace| trace["request_id"].clone()).collect()
    };
    assert_eq!(ids(&trace(&["--person", &id, "--json"]).json()), [json!("leaves-1"), json!("joins-1")]);
    assert_eq!(ids(&trace(&["--request", "leaves-1", "--json"]).json()), [json!("leaves-1")]);
    assert_eq!(ids(&trace(&["--connection", "tines", "--json"]).json()), [] as [Value; 0]);
    assert_eq!(ids(&trace(&["--until", "1h", "--json"]).json()), [] as [Value; 0]);
    assert_eq!(ids(&trace(&["--since", "1h", "--limit", "1", "--json"]).json()), [json!("refused-1")]);
    let text = trace(&["--request", "leaves-1"]).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains(&format!("honeycomb  PATCH users.patch {id}  200")), "{text}");
    assert_eq!(lines[1], "  plan: deactivate", "{text}");
    assert!(lines.iter().any(|line| line.contains("  DELETE /")), "{text}");

    let mut list = |query: &str| {
        let response = admin.send("GET", &format!("/traces{query}"), &Value::Null);
        (response.status, response.json())
    };
    let person = format!("?person={id}&limit=1");
    let (status, first) = list(&person);
    assert_eq!((status, ids(&first["items"])), (200, vec![json!("leaves-1")]));
    let (_, rest) = list(&format!("{person}&cursor={}", first["next"].as_str().unwrap()));
    assert_eq!((ids(&rest["items"]), &rest["next"]), (vec![json!("joins-1")], &Value::Null));
    assert_eq!(list("?since=yesterday").0, 400);
    assert_eq!(list("?since=2999-01-01T00:00:00Z").1["items"], json!([]));
    assert_eq!(list("?request=reads-1").1["items"], json!([]));
    assert_eq!(list("/unheard-of").0, 404);
}

#[test]
fn what_the_gateway_goes_on_with_is_found_under_the_request_it_was_promised_in() {
    let directory = TempDir::new().unwrap();
    let demo = Running::demo(directory.path(), &[]);
    let mut caller = demo.caller("honeycomb");
    let id = caller.create("ada@example.com")["id"].as_str().unwrap().to_owned();
    let order = json!({ "match": { "method": "DELETE" }, "status": 503, "times": 2 });
    assert!(demo.simulator("honeycomb").send("POST", "/__sim/faults", &order).status < 300);
    let path = format!("/Users/{id}");
    let body = active(false).to_string().into_bytes();
    let answer = caller.send_bytes("PATCH", &path, &[("X-Request-Id", "leaves-1")], Some(body));
    assert_eq!(answer.status, 503, "{}", answer.json());
    let mut admin = demo.administrator();
    let traces = wait_for("the attempt of our own", || {
        std::thread::sleep(Duration::from_millis(100));
        let items = admin.send("GET", "/traces/leaves-1", &Value::Null).json()["items"].clone();
        items.as_array()?.iter().any(|trace| trace["outcome"] == "done").then_some(items)
    });
    let traces = traces.as_array().unwrap();
    let own = traces.iter().find(|trace| trace["outcome"] == "done").unwrap();
    assert_eq!((&own["origin"], &own["operation"]), (&json!("gateway"), &json!("deactivate")), "{own}");
    assert!(own["calls"].as_array().unwrap().iter().any(|call| call["method"] == "DELETE"), "{own}");
    let asked = traces.iter().find(|trace| trace["origin"] == "request").unwrap();
    assert_eq!(asked["status"], 503, "{asked}");
}
