use serde_json::{Value, json};

use crate::stage::{BASE, Stage};

/// What a `?attributes=…&excludedAttributes=…` is refused with.
const BOTH: (u16, &str) = (400, "invalidValue");

fn operations(operations: &Value) -> Value {
    json!({ "Operations": operations })
}

fn path(resource: &Value) -> String {
    resource["meta"]["location"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned()
}

#[tokio::test]
async fn a_view_that_contradicts_itself_is_refused_before_anything_is_done() {
    let stage = Stage::sandbox().await;
    let (anna, team) = (stage.person("anna").await, stage.group("team", &[]).await);
    let title = operations(&json!([{ "op": "replace", "path": "title", "value": "changed" }]));
    let name = operations(&json!([{ "op": "replace", "path": "displayName", "value": "changed" }]));
    for (method, path, body) in [
        ("POST", "/Users".to_owned(), json!({ "userName": "boris" })),
        ("POST", "/Groups".to_owned(), json!({ "displayName": "others" })),
        ("PUT", path(&anna), json!({ "userName": "anna", "title": "changed" })),
        ("PUT", path(&team), json!({ "displayName": "changed" })),
        ("PATCH", path(&anna), title),
        ("PATCH", path(&team), name),
    ] {
        let asked = format!("{path}?attributes=id&excludedAttributes=name");
        assert_eq!(stage.ask(method, &asked, &[], body).await.error(), BOTH, "{method} {path}");
    }
    assert_eq!(stage.get("/Users").await.body["Resources"], json!([anna]));
    assert_eq!(stage.get("/Groups").await.body["Resources"], json!([team]));
}

#[tokio::test]
async fn an_empty_view_contradicts_nothing() {
    let stage = Stage::sandbox().await;
    let body = json!({ "userName": "anna", "title": "x" });
    let created = stage.post("/Users?attributes=title&excludedAttributes=", body).await;
    assert_eq!((created.status, &created.body["title"]), (201, &json!("x")));
    assert_eq!(created.body["meta"], Value::Null);
}

#[tokio::test]
async fn attributes_may_be_named_one_by_one_and_by_the_urn_of_the_schema() {
    let stage = Stage::sandbox().await;
    let created = stage.post("/Users", json!({ "userName": "anna", "title": "x", "nickName": "y" })).await;
    let path = path(&created.body);
    let twice = stage.get(&format!("{path}?attributes=title&attributes=nickName")).await.body;
    assert_eq!((&twice["title"], &twice["nickName"]), (&json!("x"), &json!("y")));
    let core = stage.get(&format!("{path}?attributes=urn:ietf:params:scim:schemas:core:2.0:User")).await.body;
    assert_eq!((&core["title"], &core["userName"]), (&json!("x"), &json!("anna")));
    let gateway = "urn:portcullis:params:scim:schemas:extension:gateway:2.0:User";
    assert_eq!(core.get(gateway), None);
}

#[tokio::test]
async fn a_group_is_changed_as_a_whole_or_not_at_all() {
    let stage = Stage::sandbox().await;
    let anna = stage.person("anna").await;
    let team = stage.group("team", &[anna["id"].as_str().unwrap()]).await;
    let nobody = json!([{ "value": "0197c7a0-0000-7000-8000-000000000001" }]);
    let patch = operations(&json!([
        { "op": "replace", "path": "displayName", "value": "crew" },
        { "op": "add", "path": "members", "value": nobody },
    ]));
    let put = json!({ "displayName": "crew", "members": nobody });
    for (method, body) in [("PATCH", patch), ("PUT", put)] {
        assert_eq!(
            stage.ask(method, &path(&team), &[], body).await.error(),
            (400, "invalidValue"),
            "{method}"
        );
        assert_eq!(stage.get(&path(&team)).await.body, team, "{method}");
    }
}

#[tokio::test]
async fn a_group_that_was_never_changed_was_last_modified_when_it_was_made() {
    let stage = Stage::sandbox().await;
    let anna = stage.person("anna").await;
    let team = stage.group("team", &[anna["id"].as_str().unwrap()]).await;
    assert_eq!(team["meta"]["lastModified"], team["meta"]["created"]);
    assert_eq!(team["meta"]["version"], stage.get(&path(&team)).await.header("etag"));
}

#[tokio::test]
async fn a_change_that_is_not_shown_tells_its_version_and_its_place() {
    let stage = Stage::sandbox().await;
    let team = stage.group("team", &[]).await;
    let rename = operations(&json!([{ "op": "replace", "path": "displayName", "value": "crew" }]));
    for wish in ["", "?excludedAttributes=members"] {
        let quiet = stage.ask("PATCH", &format!("{}{wish}", path(&team)), &[], rename.clone()).await;
        assert_eq!((quiet.status, &quiet.body), (204, &Value::Null));
        assert_eq!(quiet.header("etag"), stage.get(&path(&team)).await.header("etag"));
        assert_eq!(quiet.header("location"), team["meta"]["location"]);
    }
    // An administrator who goes on with that version is not refused.
    let version = stage.get(&path(&team)).await.header("etag").to_owned();
    let condition = [("if-match", version.as_str())];
    assert_eq!(stage.ask("DELETE", &path(&team), &condition, Value::Null).await.status, 204);
}

#[tokio::test]
async fn a_replace_of_members_without_its_value_empties_nothing() {
    let stage = Stage::sandbox().await;
    let anna = stage.person("anna").await;
    let team = stage.group("team", &[anna["id"].as_str().unwrap()]).await;
    for verb in ["add", "replace"] {
        let body = operations(&json!([{ "op": verb, "path": "members" }]));
        assert_eq!(
            stage.ask("PATCH", &path(&team), &[], body).await.error(),
            (400, "invalidValue"),
            "{verb}"
        );
    }
    assert_eq!(stage.get(&path(&team)).await.body, team);
    let body = operations(&json!([{ "op": "replace", "path": "members", "value": [] }]));
    assert_eq!(stage.ask("PATCH", &path(&team), &[], body).await.status, 204);
    assert_eq!(stage.get(&path(&team)).await.body["members"], json!([]));
}

#[tokio::test]
async fn members_are_removed_by_any_filter_on_what_the_group_shows() {
    let stage = Stage::sandbox().await;
    let (anna, boris) = (stage.person("anna").await, stage.person("boris").await);
    let inner = stage.group("inner", &[]).await;
    let ids = [&anna, &boris, &inner].map(|resource| resource["id"].as_str().unwrap());
    let [a, _, g] = ids;
    for (filter, left) in [
        ("type eq \"Group\"".to_owned(), vec!["anna", "boris"]),
        ("not (type eq \"User\")".to_owned(), vec!["anna", "boris"]),
        (format!("value eq \"{a}\" and type eq \"User\""), vec!["boris", "inner"]),
        (format!("value eq \"{a}\" and type eq \"Group\""), vec!["anna", "boris", "inner"]),
        (format!("value eq \"{a}\" or value eq \"{g}\""), vec!["boris"]),
        ("display sw \"BO\"".to_owned(), vec!["anna", "inner"]),
        ("display eq \"nobody\"".to_owned(), vec!["anna", "boris", "inner"]),
    ] {
        let team = stage.group(&filter, &ids).await;
        let body = operations(&json!([{ "op": "remove", "path": format!("members[{filter}]") }]));
        assert_eq!(stage.ask("PATCH", &path(&team), &[], body).await.status, 204, "{filter}");
        let shown = stage.get(&path(&team)).await.body;
        let mut names: Vec<&str> =
            shown["members"].as_array().unwrap().iter().map(|m| m["display"].as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, left, "{filter}");
    }
}
