use axum::response::IntoResponse;
use serde_json::json;

use super::*;
use crate::http::RouterSettings;
use crate::http::error::Refused;
use crate::http::intake::intake;
use crate::http::route::{Route, allow};
use crate::http::work::Work;
use crate::provision::{ListQuery, Preconditions, View};
use crate::scim::schema::ResourceKind;

/// One path for every kind of endpoint below a base URL.
const ENDPOINTS: &[&str] = &[
    "/ServiceProviderConfig",
    "/ResourceTypes",
    "/ResourceTypes/User",
    "/Schemas",
    "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
    "/Users",
    "/Users/1",
    "/Groups",
    "/Groups/1",
    "/.search",
    "/Users/.search",
    "/Bulk",
    "/Me",
    "/Widgets",
    "",
    "/",
];

const METHODS: &[Method] = &[
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
];

async fn taken(request: Request) -> Result<Option<Work>, Refused> {
    let Route::Scim { endpoint, .. } = Route::of(request.uri().path()) else { panic!("{}", request.uri()) };
    intake(endpoint, request, &RouterSettings::default()).await
}

fn with_body(method: &Method, path: &str, body: &str) -> Request {
    request(method, path).map(|_| Body::from(body.to_owned()))
}

#[tokio::test]
async fn every_endpoint_refuses_the_methods_it_does_not_allow_and_names_those_it_does() {
    for endpoint in ENDPOINTS {
        let path = format!("/hive/scim/v2{endpoint}");
        let Route::Scim { endpoint: known, .. } = Route::of(&path) else { panic!("{path}") };
        for method in METHODS {
            let refused = taken(with_body(method, &path, "{}")).await;
            if known.methods().is_empty() {
                assert_eq!(refused, Err(Refused::UnknownEndpoint), "{method} {path}");
            } else if known.methods().contains(method) {
                assert!(!matches!(refused, Err(Refused::Method(_))), "{method} {path}");
            } else {
                let response = refused.unwrap_err().into_response();
                assert_eq!(response.status(), 405, "{method} {path}");
                assert_eq!(response.headers()["allow"], allow(known.methods()), "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn options_asks_for_no_work() {
    assert_eq!(taken(request(&Method::OPTIONS, "/hive/scim/v2/Users/1")).await, Ok(None));
}

#[tokio::test]
async fn head_is_taken_for_get() {
    let get = taken(request(&Method::GET, "/hive/scim/v2/Users/1")).await.unwrap();
    assert_eq!(taken(request(&Method::HEAD, "/hive/scim/v2/Users/1")).await, Ok(get));
}

#[tokio::test]
async fn a_listing_takes_its_parameters_in_any_case_and_leaves_out_the_unknown() {
    let path = "/hive/scim/v2/Users?filter=userName+eq+%22a%40b%22&startindex=0&COUNT=2&sortBy=userName\
                &sortorder=descending&attributes=userName&Attributes=name&excludedattributes=&aadOptscim062020&cursor";
    let query = ListQuery {
        filter: Some("userName eq \"a@b\"".to_owned()),
        start_index: Some("0".to_owned()),
        count: Some("2".to_owned()),
        sort_by: Some("userName".to_owned()),
        sort_order: Some("descending".to_owned()),
        cursor: Some(String::new()),
        view: View { attributes: Some("userName,name".to_owned()), excluded: Some(String::new()) },
    };
    assert_eq!(
        taken(request(&Method::GET, path)).await,
        Ok(Some(Work::List { kind: ResourceKind::User, query }))
    );
}

#[tokio::test]
async fn a_view_that_contradicts_itself_is_no_work() {
    let query = "?attributes=id&excludedAttributes=name";
    for (method, path) in [
        (Method::GET, "/hive/scim/v2"),
        (Method::GET, "/hive/scim/v2/Users"),
        (Method::GET, "/hive/scim/v2/Users/1"),
        (Method::POST, "/hive/scim/v2/Users"),
        (Method::PUT, "/hive/scim/v2/Users/1"),
        (Method::PATCH, "/hive/scim/v2/Groups/1"),
    ] {
        let refused = taken(with_body(&method, &format!("{path}{query}"), "{}")).await.unwrap_err();
        assert_eq!(refused.into_response().status(), 400, "{method} {path}");
    }
}

#[tokio::test]
async fn a_search_takes_its_parameters_from_the_body_alone() {
    let body = "{\"filter\":\"id pr\",\"attributes\":[\"id\",\"meta\"],\"count\":5,\"cursor\":\"\"}";
    let query = ListQuery {
        filter: Some("id pr".to_owned()),
        count: Some("5".to_owned()),
        cursor: Some(String::new()),
        view: View { attributes: Some("id,meta".to_owned()), excluded: None },
        ..ListQuery::default()
    };
    let search = |path: &str| taken(with_body(&Method::POST, &format!("/hive/scim/v2{path}?count=7"), body));
    assert_eq!(
        search("/Groups/.search").await,
        Ok(Some(Work::List { kind: ResourceKind::Group, query: query.clone() }))
    );
    assert_eq!(search("/.search").await, Ok(Some(Work::Search(query))));
    let unreadable = with_body(&Method::POST, "/hive/scim/v2/.search", "{\"filter\":1}");
    assert_eq!(taken(unreadable).await.unwrap_err().into_response().status(), 400);
}

#[tokio::test]
async fn a_bulk_request_has_a_limit_of_its_own() {
    let bulk = |length| with_body(&Method::POST, "/hive/scim/v2/Bulk", &large(length));
    assert!(matches!(taken(bulk(2 * 1024 * 1024)).await, Ok(Some(Work::Bulk(_)))));
    assert_eq!(taken(bulk(2 * 1024 * 1024 + 1)).await, Err(Refused::BodyTooLarge(2 * 1024 * 1024)));
}

#[tokio::test]
async fn a_create_has_no_preconditions() {
    let mut create = with_body(&Method::POST, "/hive/scim/v2/Users", "{}");
    create.headers_mut().insert("if-none-match", "*".parse().unwrap());
    assert!(matches!(taken(create).await, Ok(Some(Work::Create { .. }))));
}

#[tokio::test]
async fn a_write_takes_body_view_and_preconditions() {
    let mut patch = with_body(&Method::PATCH, "/hive/scim/v2/Groups/7/?attributes=id", "{\"Operations\":[]}");
    patch.headers_mut().insert("if-match", "W/\"3\"".parse().unwrap());
    let expected = Work::Patch {
        kind: ResourceKind::Group,
        id: "7".to_owned(),
        body: json!({"Operations": []}),
        view: View { attributes: Some("id".to_owned()), excluded: None },
        when: Preconditions { if_match: Some("W/\"3\"".to_owned()), if_none_match: None },
    };
    assert_eq!(taken(patch).await, Ok(Some(expected)));
}

#[tokio::test]
async fn a_delete_does_not_look_at_its_body() {
    let mut delete = with_body(&Method::DELETE, "/hive/scim/v2/Users/7", "not json");
    delete.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    let expected =
        Work::Delete { kind: ResourceKind::User, id: "7".to_owned(), when: Preconditions::default() };
    assert_eq!(taken(delete).await, Ok(Some(expected)));
}

#[tokio::test]
async fn users_and_groups_have_limits_of_their_own() {
    let user = with_body(&Method::POST, "/hive/scim/v2/Users", &large(256 * 1024 + 1));
    assert_eq!(taken(user).await, Err(Refused::BodyTooLarge(256 * 1024)));
    let group = with_body(&Method::POST, "/hive/scim/v2/Groups", &large(256 * 1024 + 1));
    assert!(matches!(taken(group).await, Ok(Some(Work::Create { kind: ResourceKind::Group, .. }))));
    let group = with_body(&Method::POST, "/hive/scim/v2/Groups", &large(2 * 1024 * 1024 + 1));
    assert_eq!(taken(group).await, Err(Refused::BodyTooLarge(2 * 1024 * 1024)));
}

/// A JSON object of `length` bytes, in strings that are each short.
fn large(length: usize) -> String {
    let mut text = "{\"members\":[\"\"".to_owned();
    while text.len() + 1_003 + 2 <= length {
        text.extend([",\"", &"x".repeat(1_000), "\""]);
    }
    text.push_str(&" ".repeat(length - text.len() - 2));
    text + "]}"
}

#[tokio::test]
async fn what_is_not_offered_is_501_and_says_what_to_do() {
    for (method, path) in [
        (Method::GET, "/hive/scim/v2/Me"),
        (Method::PATCH, "/hive/scim/v2/Me"),
        (Method::POST, "/hive/scim/v2/Me"),
        (Method::DELETE, "/hive/scim/v2/Me/photo"),
    ] {
        let refused = taken(with_body(&method, path, "not json")).await.unwrap_err();
        assert!(matches!(refused, Refused::NotOffered(_)), "{method} {path}");
        assert_eq!(refused.into_response().status(), 501);
    }
}

#[tokio::test]
async fn discovery_refuses_a_filter_and_ignores_paging() {
    for path in ["/hive/scim/v2/Schemas", "/hive/scim/v2/ResourceTypes/User"] {
        let filtered = request(&Method::GET, &format!("{path}?filter=id+pr"));
        assert_eq!(taken(filtered).await.unwrap_err().into_response().status(), 403, "{path}");
        assert!(taken(request(&Method::GET, &format!("{path}?startIndex=1&count=1"))).await.is_ok());
    }
}
