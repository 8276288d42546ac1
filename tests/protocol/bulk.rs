use std::sync::atomic::Ordering;
use std::time::Duration;

use portcullis::provision::Policy;
use serde_json::{Value, json};

use crate::stage::{Answer, BASE, Stage};

async fn bulk(stage: &Stage, operations: Value) -> Answer {
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"];
    stage.post("/Bulk", json!({ "schemas": schemas, "Operations": operations })).await
}

fn statuses(answer: &Answer) -> Vec<&str> {
    let operations = answer.body["Operations"].as_array().unwrap();
    operations.iter().map(|each| each["status"].as_str().unwrap()).collect()
}

/// The path of the resource an operation was about.
fn place(answer: &Answer, operation: usize) -> &str {
    answer.body["Operations"][operation]["location"].as_str().unwrap().strip_prefix(BASE).unwrap()
}

#[tokio::test]
async fn a_group_of_the_people_made_beside_it_has_them_as_members() {
    let stage = Stage::sandbox().await;
    let answer = bulk(
        &stage,
        json!([
            { "method": "POST", "path": "/Groups", "bulkId": "team",
              "data": { "displayName": "team", "members": [{ "value": "bulkId:a" }, { "value": "bulkId:b" }] } },
            { "method": "POST", "path": "/Users", "bulkId": "a", "data": { "userName": "anna" } },
            { "method": "POST", "path": "/Users", "bulkId": "b", "data": { "userName": "boris" } },
            { "method": "PATCH", "path": "/Users/bulkId:b",
              "data": { "Operations": [{ "op": "add", "path": "manager", "value": { "value": "bulkId:a" } }] } },
        ]),
    )
    .await;
    assert_eq!((answer.status, statuses(&answer)), (200, vec!["201", "201", "201", "200"]));
    let team = stage.get(place(&answer, 0)).await.body;
    let mut members: Vec<&Value> =
        team["members"].as_array().unwrap().iter().map(|member| &member["display"]).collect();
    members.sort_by_key(ToString::to_string);
    assert_eq!(members, ["anna", "boris"]);
    let boris = stage.get(place(&answer, 2)).await.body;
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let anna = place(&answer, 1).strip_prefix("/Users/").unwrap();
    assert_eq!(boris[enterprise]["manager"]["value"], anna);
    assert_eq!(answer.body["Operations"][3]["version"], boris["meta"]["version"]);
}

#[tokio::test]
async fn groups_that_are_in_each_other_are_made() {
    let stage = Stage::sandbox().await;
    let group = |name: &str, member: &str| {
        let data = json!({ "displayName": name, "members": [{ "value": format!("bulkId:{member}") }] });
        json!({ "method": "POST", "path": "/Groups", "bulkId": name, "data": data })
    };
    let answer = bulk(&stage, json!([group("a", "b"), group("b", "a")])).await;
    assert_eq!(statuses(&answer), ["201", "201"]);
    for (one, other) in [(0, 1), (1, 0)] {
        let read = stage.get(place(&answer, one)).await;
        let member = read.body["members"][0]["value"].as_str().unwrap();
        assert_eq!(place(&answer, other), format!("/Groups/{member}"));
        assert_eq!(answer.body["Operations"][one]["version"], read.header("etag"));
    }
}

#[tokio::test]
async fn a_version_is_a_condition() {
    let stage = Stage::sandbox().await;
    let anna = stage.person("anna").await;
    let path = format!("/Users/{}", anna["id"].as_str().unwrap());
    let put = |version: &str| json!([{ "method": "PUT", "path": path, "version": version, "data": { "userName": "anna", "title": "x" } }]);
    let refused = bulk(&stage, put("W/\"98\"")).await;
    assert_eq!(statuses(&refused), ["412"]);
    assert_eq!(refused.body["Operations"][0]["response"]["status"], "412");
    assert_eq!(refused.body["Operations"][0]["location"], format!("{BASE}{path}"));
    let fresh = bulk(&stage, put(anna["meta"]["version"].as_str().unwrap())).await;
    assert_eq!(statuses(&fresh), ["200"]);
    assert_eq!(fresh.body["Operations"][0]["version"], stage.get(&path).await.header("etag"));
}

#[tokio::test]
async fn what_was_not_run_is_neither_answered_nor_done() {
    let stage = Stage::sandbox().await;
    stage.person("anna").await;
    let post = |name: &str| json!({ "method": "POST", "path": "/Users", "bulkId": name, "data": { "userName": name } });
    let body = json!({ "failOnErrors": 1, "Operations": [post("boris"), post("anna"), post("chen")] });
    let answer = stage.post("/Bulk", body).await;
    assert_eq!(statuses(&answer), ["201", "409"]);
    assert_eq!(stage.get("/Users").await.body["totalResults"], 2);
}

#[tokio::test]
async fn a_request_over_a_limit_is_413_and_does_nothing() {
    let stage = Stage::sandbox().await;
    let post = |n: usize| json!({ "method": "POST", "path": "/Users", "bulkId": n.to_string(), "data": { "userName": n.to_string() } });
    let many: Vec<Value> = (0..101).map(post).collect();
    assert_eq!(bulk(&stage, many.into()).await.status, 413);
    let title = "x".repeat(60_000);
    let large: Vec<Value> = (0..40).map(|n| json!({ "path": title, "bulkId": n.to_string() })).collect();
    assert_eq!(bulk(&stage, large.into()).await.status, 413);
    assert_eq!(stage.get("/Users").await.body["totalResults"], 0);
}

#[tokio::test]
async fn a_connection_without_bulk_says_so_and_does_nothing() {
    let stage = Stage::with_policy(Policy { bulk: false, ..Policy::default() }).await;
    let operations =
        json!([{ "method": "POST", "path": "/Users", "bulkId": "a", "data": { "userName": "anna" } }]);
    let refused = bulk(&stage, operations).await;
    assert_eq!(refused.status, 501);
    assert!(refused.body["detail"].as_str().unwrap().contains("one by one"));
    assert_eq!(stage.get("/Users").await.body["totalResults"], 0);
    assert_eq!(stage.get("/ServiceProviderConfig").await.body["bulk"]["supported"], json!(false));
}

/// One POST for each name.
fn posts(names: &[&str]) -> Value {
    let post = |name: &&str| json!({ "method": "POST", "path": "/Users", "bulkId": name, "data": { "userName": name } });
    names.iter().map(post).collect()
}

#[tokio::test]
async fn no_operation_begins_after_the_time_of_the_request() {
    let (stage, app) = Stage::gated(Duration::from_secs(2)).await;
    let answer = bulk(&stage, posts(&["anna", "boris", "chen"])).await;
    assert_eq!((answer.status, statuses(&answer)), (200, vec!["503", "503", "503"]));
    assert_eq!(app.arrived.load(Ordering::SeqCst), 1, "boris and chen were not begun");
    for (operation, detail) in [(0, "keeps trying"), (1, "before this operation began"), (2, "send it again")]
    {
        let ended = &answer.body["Operations"][operation];
        assert!(ended["response"]["detail"].as_str().unwrap().contains(detail), "{ended}");
        assert!(ended["retryAfter"].as_u64().unwrap() > 0, "{ended}");
        assert_eq!(ended.get("location"), None, "{ended}");
    }
}

#[tokio::test]
async fn a_create_among_many_may_be_repeated_where_nobody_heard_of_it() {
    let (stage, app) = Stage::gated(Duration::from_secs(25)).await;
    {
        let request = bulk(&stage, posts(&["anna"]));
        let arrival = async {
            while app.arrived.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            answer = request => panic!("answered {answer:?}"),
            () = arrival => {}
        }
    }
    app.gate.add_permits(10);
    // The caller has hung up; what it began goes on.
    stage.settled().await;
    let repeated = bulk(&stage, posts(&["anna"])).await;
    assert_eq!(statuses(&repeated), ["201"], "{}", repeated.body);
    let again = bulk(&stage, posts(&["anna"])).await;
    assert_eq!(statuses(&again), ["409"], "{}", again.body);
    assert_eq!(stage.get("/Users").await.body["totalResults"], 1);
}

#[tokio::test]
async fn a_result_names_the_resource_however_the_operation_ended() {
    let stage = Stage::sandbox().await;
    let anna = stage.person("anna").await;
    let location = &anna["meta"]["location"];
    let path = format!("/Users/{}", anna["id"].as_str().unwrap());
    let data = json!({ "Operations": [{ "op": "replace", "path": "userName", "value": "" }] });
    let answer = bulk(
        &stage,
        json!([
            { "method": "PATCH", "path": path },
            { "method": "GET", "path": path },
            { "method": "PATCH", "path": path, "data": data },
            { "method": "POST", "path": "/Users", "bulkId": "b", "data": { "userName": "boris" } },
            { "method": "PATCH", "path": "/Users/bulkId:b", "data": data },
            { "method": "POST", "path": "/Users", "bulkId": "x", "data": {} },
            { "method": "DELETE", "path": format!("{path}/groups") },
        ]),
    )
    .await;
    assert_eq!(statuses(&answer), ["400", "400", "400", "201", "400", "400", "404"]);
    let told = |operation: usize| &answer.body["Operations"][operation]["location"];
    for operation in [0, 1, 2] {
        assert_eq!(told(operation), location, "{operation}");
    }
    assert_eq!(told(3), told(4));
    assert_eq!((told(5), told(6)), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_second_of_the_same_name_in_one_request_is_no_repetition() {
    let stage = Stage::sandbox().await;
    let group = |bulk_id: &str| json!({ "method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": { "displayName": "team" } });
    let answer = bulk(&stage, json!([group("a"), group("b")])).await;
    assert_eq!(statuses(&answer), ["201", "409"]);
    let post = |bulk_id: &str, title: &str| json!({ "method": "POST", "path": "/Users", "bulkId": bulk_id, "data": { "userName": "anna", "title": title } });
    let answer = bulk(&stage, json!([post("a", "first"), post("b", "second")])).await;
    assert_eq!(statuses(&answer), ["201", "409"]);
    assert_eq!(stage.get(place(&answer, 0)).await.body["title"], "first");
    let gone = json!({ "method": "DELETE", "path": place(&answer, 0) });
    let answer = bulk(&stage, json!([gone, post("c", "third")])).await;
    assert_eq!(statuses(&answer), ["204", "201"]);
}
