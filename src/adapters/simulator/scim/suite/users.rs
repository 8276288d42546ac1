//! What `/Users` accepts, refuses and shows.

use serde_json::{Value, json};

use super::{USERS, anna, id_of, operation, refusal, refused, with_anna};
use crate::adapters::simulator::probe::Probe;

pub(crate) fn a_created_user_is_read_back_as_it_was_sent(probe: &Probe) {
    let answer = probe.answer("POST", USERS, "application/scim+json", &anna().to_string());
    assert_eq!(answer.status, 201);
    assert_eq!(answer.content_type.as_deref(), Some("application/scim+json"));
    let created: Value = serde_json::from_slice(&answer.body).unwrap();
    for name in ["schemas", "userName", "externalId", "emails", "active"] {
        assert_eq!(created[name], anna()[name], "{name}");
    }
    let name = json!({"givenName": "Anna", "familyName": "Berg", "formatted": "Anna Berg"});
    assert_eq!((&created["name"], &created["displayName"]), (&name, &json!("Anna Berg")));
    assert_eq!(created["meta"]["resourceType"], "User");
    let location = created["meta"]["location"].as_str().unwrap();
    assert!(answer.headers.contains(&("location".to_owned(), location.to_owned())));
    let place = format!("{USERS}/{}", created["id"].as_str().unwrap());
    assert!(location.ends_with(&place));
    assert_eq!(probe.get(&place), (200, created));
}

pub(crate) fn a_user_name_is_an_address_nobody_else_has(probe: &Probe) {
    let post = |user_name: Value| {
        let mut body = anna();
        body["userName"] = user_name;
        body.as_object_mut().unwrap().remove("emails");
        refusal(probe.ask("POST", USERS, &body))
    };
    assert_eq!(post(json!("anna.berg")), refused(400, "invalidValue"));
    assert_eq!(post(json!("anna@")), refused(400, "invalidValue"));
    assert_eq!(post(Value::Null), refused(400, "invalidValue"));
    assert_eq!(post(json!(7)), refused(400, "invalidValue"));
    assert_eq!(post(json!("OWNER@example.com")), refused(409, "uniqueness"));
    let place = with_anna(probe);
    let taken = operation("replace", "userName", json!("tom.fischer@example.com"));
    assert_eq!(refusal(probe.ask("PATCH", &place, &taken)), refused(409, "uniqueness"));
    let mut body = anna();
    body["emails"][0]["value"] = json!("somebody.else@example.com");
    body["userName"] = json!("other@example.com");
    assert_eq!(refusal(probe.ask("POST", USERS, &body)), refused(400, "invalidValue"));
}

pub(crate) fn a_body_says_what_it_is(probe: &Probe) {
    let send = |kind: &str, body: &str| {
        let answer = probe.answer("POST", USERS, kind, body);
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    };
    assert_eq!(refusal(send("text/plain", &anna().to_string())), refused(415, ""));
    assert_eq!(refusal(send("application/scim+json", "{")), refused(400, "invalidSyntax"));
    assert_eq!(refusal(send("application/scim+json", "[]")), refused(400, "invalidSyntax"));
    let mut body = anna();
    body["schemas"] = json!(["urn:ietf:params:scim:schemas:core:2.0:Group"]);
    assert_eq!(refusal(probe.ask("POST", USERS, &body)), refused(400, "invalidSyntax"));
    assert_eq!(send("application/json; charset=utf-8", &anna().to_string()).0, 201);
}

pub(crate) fn a_put_leaves_nothing_of_what_it_does_not_name_but_active(probe: &Probe) {
    let place = with_anna(probe);
    probe.ask("PATCH", &place, &operation("replace", "active", json!(false)));
    let body = json!({
        "schemas": anna()["schemas"], "id": "somebody else", "userName": "anna.berg@example.com",
        "name": {"givenName": "Anne", "familyName": "Berg"}, "unheard-of": 1,
    });
    let (status, shown) = probe.ask("PUT", &place, &body);
    assert_eq!((status, &shown["active"], shown.get("externalId")), (200, &json!(false), None));
    assert_eq!((&shown["id"], &shown["name"]["givenName"]), (&json!(id_of(&place)), &json!("Anne")));
    let mut body = body;
    body["active"] = json!(true);
    assert_eq!(probe.ask("PUT", &place, &body).1["active"], true);
    assert_eq!(probe.get(&place).1["active"], true);
}

pub(crate) fn an_address_is_changed_by_either_of_its_names(probe: &Probe) {
    let place = with_anna(probe);
    let by_name = operation("replace", "userName", json!("anna.weiss@example.com"));
    let (status, shown) = probe.ask("PATCH", &place, &by_name);
    assert_eq!((status, &shown["emails"][0]["value"]), (200, &json!("anna.weiss@example.com")));
    let by_mail = operation("replace", r#"emails[type eq "work"].value"#, json!("a.weiss@example.com"));
    assert_eq!(probe.ask("PATCH", &place, &by_mail).1["userName"], "a.weiss@example.com");
    let other = json!([{"value": "anna@example.com", "type": "work", "primary": true}]);
    let whole = operation("add", "emails", other);
    assert_eq!(probe.ask("PATCH", &place, &whole).1["userName"], "anna@example.com");
}

pub(crate) fn users_that_are_not_there_are_404(probe: &Probe) {
    let off = operation("replace", "active", json!(false));
    for (method, body) in [("GET", Value::Null), ("PATCH", off), ("PUT", anna())] {
        let answer = probe.ask(method, &format!("{USERS}/nobody"), &body);
        assert_eq!(refusal(answer), refused(404, ""), "{method}");
    }
    assert_eq!(refusal(probe.get("/scim/v2/users")), refused(404, ""));
    assert_eq!(refusal(probe.get("/scim/v2/Users/")), refused(404, ""));
    assert_eq!(refusal(probe.ask("PATCH", USERS, &Value::Null)), refused(405, ""));
}

pub(crate) fn a_plan_without_scim_shuts_the_door(probe: &Probe) {
    let (status, body) = probe.bearer("guess").get(USERS);
    assert_eq!(body["detail"], "The SCIM token is missing or not valid");
    assert_eq!(refusal((status, body)), refused(401, ""));
    probe.lever("plan", &json!({"scim": false}));
    assert_eq!(refusal(probe.get(USERS)), refused(403, ""));
    assert_eq!(refusal(probe.bearer("guess").get(USERS)), refused(401, ""));
    probe.lever("plan", &json!({"scim": true}));
    assert_eq!(probe.get(USERS).0, 200);
}

pub(crate) fn nobody_is_created_or_woken_without_a_seat(probe: &Probe) {
    let place = with_anna(probe);
    let active = |on: bool| operation("replace", "active", json!(on));
    probe.lever("seats", &json!({"limit": 4}));
    let mut second = anna();
    second["userName"] = json!("second@example.com");
    second["emails"] = Value::Null;
    assert_eq!(refusal(probe.ask("POST", USERS, &second)), refused(403, ""));
    assert_eq!(probe.ask("PATCH", &place, &active(false)).0, 200);
    assert_eq!(probe.ask("POST", USERS, &second).0, 201);
    assert_eq!(refusal(probe.ask("PATCH", &place, &active(true))), refused(403, ""));
    assert_eq!(probe.get(&place).1["active"], false);
}
