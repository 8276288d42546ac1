use serde_json::{Value, json};

use crate::stage::{Stage, ids};

#[tokio::test]
async fn a_search_answers_as_the_listing_with_the_same_parameters() {
    let stage = Stage::sandbox().await;
    stage.crowd(5).await;
    let found = stage
        .post(
            "/Users/.search",
            json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
                "filter": "userName sw \"user-\"", "attributes": ["userName"],
                "sortBy": "userName", "sortOrder": "descending", "startIndex": 2, "count": 2,
            }),
        )
        .await;
    let listed = stage
        .get("/Users?filter=userName%20sw%20%22user-%22&attributes=userName&sortBy=userName&sortOrder=descending&startIndex=2&count=2")
        .await;
    assert_eq!(found.status, 200);
    assert_eq!(found.body, listed.body);
    let names: Vec<&Value> =
        found.body["Resources"].as_array().unwrap().iter().map(|each| &each["userName"]).collect();
    assert_eq!(names, ["user-003", "user-002"]);
    assert_eq!((&found.body["totalResults"], &found.body["startIndex"]), (&json!(5), &json!(2)));
    assert!(found.body["Resources"][0].get("active").is_none());
}

#[tokio::test]
async fn a_search_at_the_root_finds_people_and_groups() {
    let stage = Stage::sandbox().await;
    let anna = stage.person("anna").await;
    let team = stage.group("team", &[anna["id"].as_str().unwrap()]).await;
    let all = stage.post("/.search", json!({})).await;
    assert_eq!(all.ids(), [anna["id"].as_str().unwrap(), team["id"].as_str().unwrap()]);
    let types: Vec<&Value> =
        all.body["Resources"].as_array().unwrap().iter().map(|each| &each["meta"]["resourceType"]).collect();
    assert_eq!(types, ["User", "Group"]);
    for (filter, expected) in [
        ("meta.resourceType eq \"Group\"", &team),
        ("displayName eq \"TEAM\"", &team),
        ("userName pr", &anna),
        ("members pr", &team),
        ("groups.display eq \"team\"", &anna),
    ] {
        let found = stage.post("/.search", json!({ "filter": filter })).await;
        assert_eq!(found.ids(), [expected["id"].as_str().unwrap()], "{filter}");
    }
    let page = stage.post("/.search", json!({ "startIndex": 2, "count": 1 })).await;
    assert_eq!(page.ids(), [team["id"].as_str().unwrap()]);
    assert_eq!(page.body["totalResults"], 2);
    let sorted = stage.post("/.search", json!({ "sortBy": "userName", "sortOrder": "descending" })).await;
    assert_eq!(sorted.ids(), [team["id"].as_str().unwrap(), anna["id"].as_str().unwrap()]);
}

#[tokio::test]
async fn the_base_url_is_searched_as_the_root_is() {
    let stage = Stage::sandbox().await;
    stage.crowd(2).await;
    stage.group("team", &[]).await;
    let searched = stage.post("/.search", json!({ "filter": "id pr", "count": 2, "startIndex": 2 })).await;
    for path in ["", "/"] {
        let listed = stage.get(&format!("{path}?filter=id%20pr&count=2&startIndex=2")).await;
        assert_eq!((listed.status, &listed.body), (200, &searched.body));
    }
    let refused = stage.ask("DELETE", "", &[], serde_json::Value::Null).await;
    assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD, OPTIONS"));
}

#[tokio::test]
async fn no_discovery_document_is_filtered() {
    let stage = Stage::sandbox().await;
    for path in ["/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/User", "/Schemas"] {
        assert_eq!(stage.get(&format!("{path}?filter=id%20pr")).await.status, 403, "{path}");
        assert_eq!(stage.get(&format!("{path}?sortBy=id&startIndex=5&count=1")).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn the_root_is_walked_by_cursor_across_the_types() {
    let stage = Stage::sandbox().await;
    let mut expected = stage.crowd(3).await;
    for name in ["one", "two", "three"] {
        expected.push(stage.group(name, &[]).await["id"].as_str().unwrap().to_owned());
    }
    for sort_by in ["", "meta.created"] {
        let (mut seen, mut cursor) = (Vec::new(), Some(String::new()));
        while let Some(sent) = cursor {
            let body = json!({ "cursor": sent, "count": 2, "sortBy": sort_by });
            let page = stage.post("/.search", body).await;
            seen.extend(page.ids());
            cursor = page.body["nextCursor"].as_str().map(str::to_owned);
        }
        assert_eq!(seen, expected, "`{sort_by}`");
    }
}

#[tokio::test]
async fn what_cannot_be_searched_is_refused_in_the_form_of_scim() {
    let stage = Stage::sandbox().await;
    for (body, keyword) in [
        (json!({ "filter": "userName eq" }), "invalidFilter"),
        (json!({ "filter": 1 }), "invalidValue"),
        (json!({ "sortBy": "nothing" }), "invalidValue"),
        (json!({ "sortBy": "userName", "sortOrder": "up" }), "invalidValue"),
        (json!({ "attributes": ["id"], "excludedAttributes": ["name"] }), "invalidValue"),
        (json!({ "startIndex": "x" }), "invalidValue"),
        (json!({ "cursor": "x" }), "invalidCursor"),
    ] {
        for path in ["/.search", "/Users/.search"] {
            let refused = stage.post(path, body.clone()).await;
            assert_eq!(refused.error(), (400, keyword), "{path} {body}");
        }
    }
}

#[tokio::test]
async fn the_service_says_that_it_sorts_and_pages() {
    let stage = Stage::sandbox().await;
    let config = stage.get("/ServiceProviderConfig").await.body;
    assert_eq!(config["sort"], json!({ "supported": true }));
    assert_eq!(config["bulk"]["supported"], json!(true));
    assert_eq!(config["pagination"]["cursor"], json!(true));
    assert_eq!(ids(&stage.post("/Groups/.search", json!({})).await.body), [""; 0]);
}
