use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scim::error::ScimType;

const BASE: &str = "https://scim.example.com/hive/scim/v2";

/// Runs a job whose every step ends as `outcome` says; gives the steps and the answer.
fn run_with(body: &Value, outcome: impl Fn(&Step, usize) -> Result<Done, ScimError>) -> (Vec<Step>, Value) {
    let mut job = Job::parse(body).unwrap();
    let mut steps = Vec::new();
    while let Some((place, step)) = job.next_step() {
        steps.push(step.clone());
        assert!(steps.len() <= 2 * MAX_OPERATIONS, "the job does not end");
        job.ended(place, outcome(&step, steps.len()).map_err(Failure::from));
    }
    (steps, job.answer(BASE))
}

/// Everything succeeds; the nth step creates the resource `new-n`.
fn well(step: &Step, n: usize) -> Done {
    let done = |id: &str, status| Done { id: id.to_owned(), version: Some(format!("W/\"{n}\"")), status };
    match step {
        Step::Create { .. } => done(&format!("new-{n}"), 201),
        Step::Replace { id, .. } | Step::Patch { id, .. } => done(id, 200),
        Step::Delete { id, .. } => Done { version: None, ..done(id, 204) },
    }
}

fn run(operations: &Value) -> (Vec<Step>, Value) {
    run_with(&json!({ "Operations": operations }), |step, n| Ok(well(step, n)))
}

fn post(bulk_id: &str, path: &str, data: &Value) -> Value {
    json!({ "method": "POST", "path": path, "bulkId": bulk_id, "data": data })
}

fn group(bulk_id: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|member| json!({ "value": member })).collect();
    post(bulk_id, "/Groups", &json!({ "displayName": bulk_id, "members": members }))
}

fn statuses(answer: &Value) -> Vec<&str> {
    answer["Operations"].as_array().unwrap().iter().map(|each| each["status"].as_str().unwrap()).collect()
}

fn members(step: &Step) -> Vec<&str> {
    let (Step::Create { data, .. } | Step::Replace { data, .. } | Step::Patch { data, .. }) = step else {
        return Vec::new();
    };
    let members = data["members"].as_array().unwrap();
    members.iter().map(|member| member["value"].as_str().unwrap()).collect()
}

#[test]
fn each_operation_is_answered_in_the_order_sent() {
    let (steps, answer) = run(&json!([
        { "method": "post", "path": "/Users", "bulkId": "qa", "data": { "userName": "a" } },
        { "Method": "PUT", "Path": "Users/7", "Version": "W/\"3\"", "Data": { "userName": "b" } },
        { "method": "PATCH", "path": "/Groups/8/", "data": { "Operations": [] } },
        { "method": "DELETE", "path": "/Users/9", "bulkId": "qd" },
    ]));
    let expected = [
        Step::Create { kind: ResourceKind::User, data: json!({ "userName": "a" }) },
        Step::Replace {
            kind: ResourceKind::User,
            id: "7".to_owned(),
            data: json!({ "userName": "b" }),
            when: Some("W/\"3\"".to_owned()),
        },
        Step::Patch {
            kind: ResourceKind::Group,
            id: "8".to_owned(),
            data: json!({ "Operations": [] }),
            when: None,
        },
        Step::Delete { kind: ResourceKind::User, id: "9".to_owned(), when: None },
    ];
    assert_eq!(steps, expected);
    let expected = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],
        "Operations": [
            { "method": "POST", "bulkId": "qa", "version": "W/\"1\"", "location": format!("{BASE}/Users/new-1"),
              "status": "201" },
            { "method": "PUT", "version": "W/\"2\"", "location": format!("{BASE}/Users/7"), "status": "200" },
            { "method": "PATCH", "version": "W/\"3\"", "location": format!("{BASE}/Groups/8"), "status": "200" },
            { "method": "DELETE", "bulkId": "qd", "location": format!("{BASE}/Users/9"), "status": "204" },
        ],
    });
    assert_eq!(answer, expected);
}

#[test]
fn an_operation_waits_for_those_it_refers_to() {
    let (steps, answer) = run(&json!([
        group("g", &["bulkId:a", "bulkId:b", "7"]),
        { "method": "PATCH", "path": "/Users/bulkId:a", "data": { "title": "x" } },
        post("a", "/Users", &json!({ "userName": "a" })),
        post("b", "/Users", &json!({ "userName": "b" })),
    ]));
    assert!(matches!(&steps[0], Step::Create { data, .. } if data["userName"] == "a"));
    assert!(matches!(&steps[1], Step::Patch { id, .. } if id == "new-1"));
    assert_eq!(members(&steps[3]), ["new-1", "new-3", "7"]);
    assert_eq!(statuses(&answer), ["201", "200", "201", "201"]);
    assert_eq!(answer["Operations"][0]["bulkId"], json!("g"));
}

#[test]
fn a_circle_is_created_first_and_closed_afterwards() {
    let (steps, answer) = run(&json!([group("a", &["bulkId:b", "7"]), group("b", &["bulkId:a"])]));
    assert_eq!(members(&steps[0]), ["7"]);
    assert_eq!(members(&steps[1]), ["new-1"]);
    assert!(matches!(&steps[2], Step::Replace { id, when: None, .. } if id == "new-1"));
    assert_eq!(members(&steps[2]), ["new-2", "7"]);
    assert_eq!(statuses(&answer), ["201", "201"]);
    assert_eq!(answer["Operations"][0]["version"], json!("W/\"3\""));
}

#[test]
fn only_the_circle_is_broken_and_not_what_waits_for_it() {
    let (steps, _) =
        run(&json!([group("outside", &["bulkId:a"]), group("a", &["bulkId:b"]), group("b", &["bulkId:a"])]));
    let named: Vec<&Value> = steps
        .iter()
        .map(|step| match step {
            Step::Create { data, .. } | Step::Replace { data, .. } => &data["displayName"],
            _ => &Value::Null,
        })
        .collect();
    assert_eq!(named, ["a", "outside", "b", "a"]);
    assert_eq!(members(&steps[1]), ["new-1"]);
}

#[test]
fn an_operation_may_refer_to_itself() {
    let (steps, _) = run(&json!([group("a", &["bulkId:a"])]));
    assert_eq!((members(&steps[0]).len(), members(&steps[1])), (0, vec!["new-1"]));
}

#[test]
fn a_circle_without_a_post_is_a_conflict() {
    let (steps, answer) = run(&json!([
        { "method": "PATCH", "path": "/Users/bulkId:y", "bulkId": "x", "data": {} },
        { "method": "PATCH", "path": "/Users/bulkId:x", "bulkId": "y", "data": {} },
    ]));
    assert_eq!(steps, []);
    assert_eq!(statuses(&answer), ["409", "409"]);
}

#[test]
fn what_refers_to_a_failure_fails_and_is_not_run() {
    let body = json!({ "Operations": [
        post("a", "/Users", &json!({ "userName": "a" })), group("g", &["bulkId:a"]), group("h", &[]),
    ] });
    let (steps, answer) = run_with(&body, |step, n| match step {
        Step::Create { kind: ResourceKind::User, .. } => Err(ScimError::uniqueness("taken")),
        step => Ok(well(step, n)),
    });
    assert_eq!(steps.len(), 2);
    assert_eq!(statuses(&answer), ["409", "409", "201"]);
    let failed = &answer["Operations"][0];
    assert_eq!(failed["response"]["scimType"], json!("uniqueness"));
    assert!(failed.get("location").is_none() && failed.get("version").is_none());
}

#[test]
fn a_circle_that_cannot_be_closed_is_told_with_the_resource_it_left() {
    let body = json!({ "Operations": [group("a", &["bulkId:b"]), group("b", &["bulkId:a"])] });
    let (_, answer) = run_with(&body, |step, n| match step {
        Step::Replace { .. } => Err(ScimError::new(501, "no groups in groups")),
        step => Ok(well(step, n)),
    });
    assert_eq!(statuses(&answer), ["501", "201"]);
    assert_eq!(answer["Operations"][0]["location"], json!(format!("{BASE}/Groups/new-1")));
    let (_, answer) = run_with(&body, |step, n| match step {
        Step::Create { data, .. } if data["displayName"] == "b" => Err(ScimError::new(500, "no")),
        step => Ok(well(step, n)),
    });
    assert_eq!(statuses(&answer), ["409", "500"]);
}

#[test]
fn operations_after_the_last_error_that_is_allowed_are_absent() {
    let users: Vec<Value> = ["a", "b", "c", "d"].map(|id| post(id, "/Users", &json!({}))).into();
    let fail = |body: &Value| run_with(body, |_, _| Err(ScimError::new(400, "no"))).1;
    let body = |most: Value| json!({ "failOnErrors": most, "Operations": users });
    assert_eq!(statuses(&fail(&body(json!(1)))), ["400"]);
    assert_eq!(statuses(&fail(&body(json!("2")))), ["400", "400"]);
    assert_eq!(statuses(&fail(&body(Value::Null))).len(), 4);
    let unread =
        json!({ "failOnErrors": 1, "Operations": [{ "method": "GET", "path": "/Users/1" }, users[0]] });
    assert_eq!(statuses(&run_with(&unread, |step, n| Ok(well(step, n))).1), ["400"]);
}

#[test]
fn what_was_left_half_done_when_the_job_stopped_is_no_success() {
    let body =
        json!({ "failOnErrors": 1, "Operations": [group("a", &["bulkId:b"]), group("b", &["bulkId:a"])] });
    let (_, answer) = run_with(&body, |step, n| match step {
        Step::Create { data, .. } if data["displayName"] == "b" => Err(ScimError::new(500, "no")),
        step => Ok(well(step, n)),
    });
    assert_eq!(statuses(&answer), ["409", "500"]);
    assert_eq!(answer["Operations"][0]["location"], json!(format!("{BASE}/Groups/new-1")));
}

#[test]
fn what_is_wrong_with_an_operation_fails_it_alone() {
    for (operation, status) in [
        (json!({ "method": "POST", "path": "/Nope", "bulkId": "x", "data": {} }), "404"),
        (json!({ "method": "POST", "path": "", "bulkId": "x", "data": {} }), "404"),
        (json!({ "method": "POST", "path": "/Users", "data": {} }), "400"),
        (json!({ "method": "POST", "path": "/Users", "bulkId": "x" }), "400"),
        (json!({ "method": "POST", "path": "/Users/1", "bulkId": "x", "data": {} }), "400"),
        (json!({ "method": "PUT", "path": "/Users", "data": {} }), "400"),
        (json!({ "method": "PATCH", "path": "/Users/1", "data": "text" }), "400"),
        (json!({ "method": "GET", "path": "/Users/1" }), "400"),
        (json!({ "path": "/Users/1" }), "400"),
        (json!("DELETE /Users/1"), "400"),
        (json!({ "method": "DELETE", "path": "/Users/bulkId:nobody" }), "400"),
        (group("g", &["bulkId:nobody"]), "400"),
    ] {
        let (steps, answer) = run(&json!([operation, { "method": "DELETE", "path": "/Users/1" }]));
        assert_eq!(steps.len(), 1, "{operation}");
        assert_eq!(statuses(&answer), [status, "204"], "{operation}");
        assert_eq!(answer["Operations"][0]["response"]["status"], json!(status), "{operation}");
    }
}

#[test]
fn what_is_wrong_with_the_request_refuses_it_whole() {
    let twice = json!([post("a", "/Users", &json!({})), post("a", "/Users", &json!({}))]);
    let many: Vec<Value> = (0..=100).map(|n| post(&n.to_string(), "/Users", &json!({}))).collect();
    for (body, status, keyword) in [
        (json!([]), 400, Some(ScimType::InvalidSyntax)),
        (json!({}), 400, Some(ScimType::InvalidSyntax)),
        (json!({ "Operations": {} }), 400, Some(ScimType::InvalidSyntax)),
        (json!({ "Operations": twice }), 400, Some(ScimType::InvalidValue)),
        (json!({ "Operations": [], "failOnErrors": 0 }), 400, Some(ScimType::InvalidValue)),
        (json!({ "Operations": [], "failOnErrors": "x" }), 400, Some(ScimType::InvalidValue)),
        (json!({ "Operations": many }), 413, None),
    ] {
        let error = Job::parse(&body).unwrap_err();
        assert_eq!((error.status, error.scim_type), (status, keyword), "{}", error.detail);
    }
    assert_eq!(run(&json!([])).1["Operations"], json!([]));
    assert!(Job::parse(&json!({ "operations": many.get(..100) })).is_ok());
}

fn any_operation() -> impl Strategy<Value = Value> {
    let id = || proptest::sample::select(vec!["a", "b", "c", "d"]);
    let reference = || prop_oneof![id().prop_map(|id| format!("bulkId:{id}")), Just("7".to_owned())];
    let method = proptest::sample::select(vec!["POST", "PUT", "PATCH", "DELETE", "post", "GET", ""]);
    let path = prop_oneof![
        proptest::sample::select(vec!["/Users", "/Groups", "/Users/7", "/Nope", ""]).prop_map(str::to_owned),
        reference().prop_map(|reference| format!("/Groups/{reference}")),
    ];
    let members = proptest::collection::vec(reference(), 0..3);
    (method, path, proptest::option::of(id()), members).prop_map(|(method, path, bulk_id, members)| {
        let members: Vec<Value> = members.into_iter().map(|member| json!({ "value": member })).collect();
        json!({ "method": method, "path": path, "bulkId": bulk_id, "data": { "members": members } })
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "(bulkId:)?[ab/\"]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = proptest::sample::select(vec!["Operations", "method", "path", "bulkId", "data", "x"]);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(name, inner, 0..4).prop_map(|members| {
                Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn every_job_ends_with_each_operation_answered_once(
        mut operations in proptest::collection::vec(any_operation(), 0..8),
        fails in proptest::collection::vec(any::<bool>(), 16),
    ) {
        let mut known = Vec::new();
        operations.retain(|operation| {
            let new = !known.contains(&operation["bulkId"]) || operation["bulkId"].is_null();
            known.push(operation["bulkId"].clone());
            new
        });
        let body = json!({ "Operations": operations });
        let (steps, answer) = run_with(&body, |step, n| match fails.get(n) {
            Some(true) => Err(ScimError::new(500, "no")),
            _ => Ok(well(step, n)),
        });
        prop_assert_eq!(statuses(&answer).len(), operations.len());
        for step in steps {
            let text = format!("{step:?}");
            prop_assert!(!text.contains("bulkId:"), "a reference was left in {}", text);
        }
    }

    #[test]
    fn no_body_makes_it_panic(body in any_json(), operations in proptest::collection::vec(any_json(), 0..4)) {
        for body in [body, json!({ "Operations": operations })] {
            if let Ok(mut job) = Job::parse(&body) {
                while let Some((place, step)) = job.next_step() {
                    job.ended(place, Ok(well(&step, place)));
                }
                drop(job.answer(BASE));
            }
        }
    }
}
