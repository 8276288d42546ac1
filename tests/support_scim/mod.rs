//! Every SCIM operation an app's guide claims, asked of its simulator over real HTTP.

use serde_json::{Value, json};

use crate::Caller;

const USERS: &str = "/scim/v2/Users";
const GROUPS: &str = "/scim/v2/Groups";

fn person(user_name: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": user_name, "externalId": "00u1", "active": true,
        "name": {"givenName": "Sara", "familyName": "Lind"},
        "emails": [{"value": user_name, "type": "work", "primary": true}],
        "title": "passed over",
    })
}

fn group(name: &str, members: &Value) -> Value {
    let schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"];
    json!({ "schemas": schemas, "displayName": name, "members": members })
}

fn patch(operations: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

/// One life of a user and a group; `deletes` where the guide claims that they can be deleted.
pub async fn drive(scim: &Caller, deletes: bool) {
    let send = async |method: &str, target: &str, body: &Value, expected: u16| {
        let (status, answer) =
            scim.send(method, target, "application/scim+json", Some(body.to_string())).await;
        assert_eq!(status, expected, "{method} {target}: {answer}");
        answer
    };
    let created = send("POST", USERS, &person("sara.lind@example.com"), 201).await;
    let id = created["id"].as_str().unwrap();
    let user = format!("{USERS}/{id}");
    for target in [
        USERS,
        "/scim/v2/Users?startIndex=2&count=1&attributes=id,userName,active,meta",
        "/scim/v2/Users?filter=userName%20eq%20%22sara.lind%40example.com%22",
        "/scim/v2/Groups?filter=displayName%20eq%20%22x%22&excludedAttributes=members",
        GROUPS,
        &user,
    ] {
        assert_eq!(scim.ask("GET", target, Value::Null).await.0, 200, "{target}");
    }
    scim.ask("POST", "/__sim/mode", json!({"scim": {"etags": true}})).await;
    send("PUT", &user, &person("sara.berg@example.com"), 200).await;
    send("PATCH", &user, &patch(&json!([{"op": "replace", "value": {"active": false}}])), 200).await;
    let team = send("POST", GROUPS, &group("Night Shift", &json!([{"value": id}])), 201).await;
    let place = format!("{GROUPS}/{}", team["id"].as_str().unwrap());
    let leaving = json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]);
    send("PATCH", &place, &patch(&leaving), 200).await;
    scim.ask("POST", "/__sim/mode", json!({"scim": {"patch": "no_content", "created_status": 200}})).await;
    send("PATCH", &user, &patch(&json!([{"op": "replace", "path": "active", "value": true}])), 204).await;
    let joining = json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
    send("PATCH", &place, &patch(&joining), 204).await;
    send("POST", USERS, &person("other@example.com"), 200).await;
    send("POST", GROUPS, &group("Day Shift", &json!([])), 200).await;
    if deletes {
        for target in [&place, &user] {
            assert_eq!(scim.ask("DELETE", target, Value::Null).await, (204, Value::Null), "{target}");
            scim.refused("DELETE", target, Value::Null, 404).await;
        }
    }
}

/// Refusals in SCIM's own form, those of the fault schedule among them; `rest` has the app's other credential.
pub async fn drive_refusals(scim: &Caller, rest: &Caller) {
    rest.refused("GET", USERS, Value::Null, 401).await;
    scim.refused("POST", USERS, person("owner@example.com"), 409).await;
    scim.refused("POST", USERS, person("nobody"), 400).await;
    scim.refused("POST", GROUPS, group("Strangers", &json!([{"value": "nobody"}])), 400).await;
    scim.refused("GET", "/scim/v2/Users/nobody", Value::Null, 404).await;
    scim.refused("GET", "/scim/v2/Users?filter=userName%20pr", Value::Null, 400).await;
    for (refusing, status) in [("refused_501", 501), ("refused_405", 405)] {
        scim.ask("POST", "/__sim/mode", json!({"scim": {"patch": refusing}})).await;
        scim.refused("PATCH", "/scim/v2/Users/nobody", patch(&json!([{"op": "remove"}])), status).await;
    }
    scim.ask("POST", "/__sim/mode", json!({"scim": {"filter": "refused_501"}})).await;
    scim.refused("GET", "/scim/v2/Groups?filter=id%20pr", Value::Null, 501).await;
    scim.ask("POST", "/__sim/faults", json!({"status": 503, "times": 1})).await;
    let (status, body) = scim.ask("GET", USERS, Value::Null).await;
    assert_eq!((status, &body["status"]), (503, &json!("503")));
    scim.ask("POST", "/__sim/plan", json!({"scim": false})).await;
    scim.refused("GET", USERS, Value::Null, 403).await;
}
