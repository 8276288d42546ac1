//! Finding people on servers whose filters cannot be believed.

use serde_json::{Value, json};

use super::super::{Offer, Profile};
use super::server::{Answer, Asked, PROFILE, Server, page, people, refused};
use crate::contract::{Adapter, By, Kind, Result, State};

/// The users whose attribute is what the filter says, in any case.
fn filtered(all: &[Value], filter: &str) -> Answer {
    let (attribute, wanted) = filter.split_once(" eq ").unwrap();
    let wanted: String = serde_json::from_str(wanted).unwrap();
    let has = |user: &&Value| match attribute {
        "emails.value" => user["emails"].as_array().is_some_and(|emails| {
            emails.iter().any(|email| email["value"].as_str().unwrap().eq_ignore_ascii_case(&wanted))
        }),
        name => user[name].as_str().is_some_and(|name| name.eq_ignore_ascii_case(&wanted)),
    };
    let found: Vec<&Value> = all.iter().filter(has).collect();
    (200, json!({ "totalResults": found.len(), "Resources": found }))
}

fn honest(asked: &Asked) -> Answer {
    match asked.query.get("filter") {
        Some(filter) => filtered(&people(7), filter),
        None => (200, page(&people(7), asked)),
    }
}

async fn id_of(provider: &dyn Adapter, login: &str) -> Result<Option<String>> {
    Ok(provider.account(By::Email(login)).await?.map(|account| account.id))
}

#[tokio::test]
async fn a_filter_finds_in_one_call() {
    let server = Server::start(honest).await;
    let found = id_of(&server.provider(PROFILE), "Person5@Example.com").await;
    assert_eq!(found, Ok(Some("u5".to_owned())));
    assert_eq!(server.asked().len(), 1);
    assert_eq!(server.asked()[0].query["filter"], "userName eq \"Person5@Example.com\"");
}

#[tokio::test]
async fn a_filter_that_finds_nobody_has_to_prove_itself_once() {
    let server = Server::start(honest).await;
    let provider = server.provider(PROFILE);
    assert_eq!(id_of(&provider, "nobody").await, Ok(None));
    assert_eq!(server.lines().len(), 5, "the filter, three pages, and a filter for somebody on them");
    assert_eq!(id_of(&provider, "nobody.else").await, Ok(None));
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn a_filter_that_is_refused_or_ignored_is_not_used_again() {
    let refuses = |asked: &Asked| match asked.query.get("filter") {
        Some(_) => refused(400, "invalidFilter", "filters are not supported"),
        None => honest(asked),
    };
    let does_not_know = |asked: &Asked| match asked.query.get("filter") {
        Some(_) => refused(501, "", "not implemented"),
        None => honest(asked),
    };
    let ignores = |asked: &Asked| match asked.query.get("filter") {
        Some(_) => (200, json!({ "totalResults": 7, "Resources": people(7) })),
        None => honest(asked),
    };
    let finds_nobody = |asked: &Asked| match asked.query.get("filter") {
        Some(_) => (200, json!({ "totalResults": 0, "Resources": [] })),
        None => honest(asked),
    };
    for server in [
        Server::start(refuses).await,
        Server::start(does_not_know).await,
        Server::start(ignores).await,
        Server::start(finds_nobody).await,
    ] {
        let provider = server.provider(PROFILE);
        assert_eq!(id_of(&provider, "person6@example.com").await, Ok(Some("u6".to_owned())));
        server.lines();
        assert_eq!(id_of(&provider, "nobody").await, Ok(None));
        assert_eq!(id_of(&provider, "person7@example.com").await, Ok(Some("u7".to_owned())));
        assert!(server.asked().iter().all(|asked| !asked.query.contains_key("filter")));
    }
}

#[tokio::test]
async fn nobody_is_found_missing_from_a_listing_that_does_not_count() {
    let server = Server::start(|asked| {
        if asked.query.contains_key("filter") {
            return refused(400, "invalidFilter", "no");
        }
        let mut told = page(&people(7), asked);
        told["totalResults"] = json!(9);
        (200, told)
    })
    .await;
    assert_eq!(id_of(&server.provider(PROFILE), "nobody").await.unwrap_err().kind, Kind::Unexpected);
}

#[tokio::test]
async fn an_address_beside_the_login_finds_too() {
    let anna =
        json!({ "id": 7, "USERNAME": "aberg", "Active": "True", "emails": { "value": "Anna@example.com" } });
    let server = Server::start(move |asked| match asked.query.get("filter") {
        Some(filter) if filter.starts_with("userName") => filtered(&people(7), filter),
        Some(_) => (200, json!({ "totalResults": 1, "Resources": anna.clone() })),
        None => (200, page(&people(7), asked)),
    })
    .await;
    let provider = server.provider(PROFILE);
    // The login filter proves itself on the first who is not there.
    assert_eq!(id_of(&provider, "nobody").await, Ok(None));
    let found = provider.account(By::Email("anna@example.com")).await.unwrap().unwrap();
    assert_eq!((found.id.as_str(), found.user_name.as_deref()), ("7", Some("aberg")));
    assert_eq!((found.email.as_deref(), found.state), (Some("Anna@example.com"), Some(State::Active)));
}

#[tokio::test]
async fn several_with_one_address_are_not_picked_from() {
    let one =
        |id: &str, login: &str| json!({ "id": id, "userName": login, "emails": ["shared@example.com"] });
    let both = [one("1", "anna"), one("2", "berta")];
    let all = both.clone();
    let server = Server::start(move |asked| match asked.query.get("filter") {
        Some(_) => refused(501, "", "not implemented"),
        None => (200, page(&all, asked)),
    })
    .await;
    let provider = server.provider(PROFILE);
    assert_eq!(id_of(&provider, "shared@example.com").await.unwrap_err().kind, Kind::Ambiguous);
    assert_eq!(id_of(&provider, "berta").await, Ok(Some("2".to_owned())));
    let server = Server::start(move |_| (200, json!({ "totalResults": 2, "Resources": both }))).await;
    let error = id_of(&server.provider(PROFILE), "shared@example.com").await.unwrap_err();
    assert_eq!(error.kind, Kind::Ambiguous);
}

#[tokio::test]
async fn a_filter_that_is_only_tried_is_asked_about_first() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/ServiceProviderConfig" => (200, json!({ "filter": { "supported": false } })),
        _ => honest(asked),
    })
    .await;
    let provider = server.provider(Profile { filter: Offer::Try, ..PROFILE });
    assert_eq!(id_of(&provider, "person1@example.com").await, Ok(Some("u1".to_owned())));
    assert_eq!(id_of(&provider, "person2@example.com").await, Ok(Some("u2".to_owned())));
    let lines = server.lines();
    assert_eq!(lines.iter().filter(|line| line.ends_with("Config")).count(), 1);
    assert!(server.asked().iter().all(|asked| !asked.query.contains_key("filter")));
}

#[tokio::test]
async fn another_user_than_the_one_asked_for_is_unexpected() {
    let server = Server::start(|_| (200, people(1)[0].clone())).await;
    let error = server.provider(PROFILE).account(By::Id("u2")).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unexpected);
}

#[tokio::test]
async fn a_token_of_the_wrong_kind_is_named() {
    let server = Server::start(|_| refused(401, "", "unknown token")).await;
    let error = server.provider(PROFILE).check().await.unwrap_err();
    assert_eq!(error.kind, Kind::Credentials);
    assert!(error.message.contains("unknown token") && error.message.contains("`scim.token`"), "{error}");
}
