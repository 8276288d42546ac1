//! Listings of servers that count wrongly.

use serde_json::{Value, json};

use super::super::Provider;
use super::server::{Answer, Asked, PROFILE, Server, page, people};
use crate::contract::{Account, Adapter, Kind, Result};

async fn everybody(provider: &Provider) -> Result<Vec<Account>> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = provider.accounts(cursor.as_deref()).await?;
        all.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(all);
        }
    }
}

/// What a listing of a server comes to.
async fn listed(answers: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Result<usize> {
    let server = Server::start(answers).await;
    everybody(&server.provider(PROFILE)).await.map(|all| all.len())
}

async fn does_not_count(answers: impl Fn(&Asked) -> Answer + Send + Sync + 'static) {
    let error = listed(answers).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unexpected, "{error}");
}

/// An honest page with something about it changed.
fn page_but(asked: &Asked, change: impl Fn(&mut Value)) -> Answer {
    let mut told = page(&people(7), asked);
    change(&mut told);
    (200, told)
}

#[tokio::test]
async fn an_honest_listing_is_read_page_by_page_and_no_further() {
    let server = Server::start(|asked| (200, page(&people(7), asked))).await;
    assert_eq!(everybody(&server.provider(PROFILE)).await.unwrap().len(), 7);
    let starts: Vec<usize> = server.asked().iter().map(|asked| asked.number("startIndex")).collect();
    assert_eq!(starts, [1, 4, 7]);
}

#[tokio::test]
async fn a_server_may_give_fewer_than_asked_for() {
    let smaller = |asked: &Asked| {
        let mut fewer = asked.clone();
        fewer.query.insert("count".to_owned(), "2".to_owned());
        (200, page(&people(7), &fewer))
    };
    assert_eq!(listed(smaller).await, Ok(7));
}

#[tokio::test]
async fn a_server_that_does_not_page_gives_all_at_once() {
    let all = |_: &Asked| (200, json!({ "totalResults": 7, "Resources": people(7) }));
    assert_eq!(listed(all).await, Ok(7));
    assert_eq!(listed(|_| (200, json!({ "Resources": people(7) }))).await, Ok(7));
    assert_eq!(listed(|_| (200, json!(people(7)))).await, Ok(7));
}

#[tokio::test]
async fn nobody_is_a_listing_too() {
    assert_eq!(listed(|_| (200, json!({ "totalResults": 0 }))).await, Ok(0));
    assert_eq!(listed(|_| (200, json!({ "totalResults": "0", "resources": [] }))).await, Ok(0));
}

#[tokio::test]
async fn a_total_of_the_page_is_found_out() {
    does_not_count(|asked| {
        page_but(asked, |told| told["totalResults"] = json!(told["Resources"].as_array().unwrap().len()))
    })
    .await;
}

#[tokio::test]
async fn without_totals_a_listing_ends_where_nothing_more_comes() {
    let no_total = |told: &mut Value| drop(told.as_object_mut().unwrap().shift_remove("totalResults"));
    assert_eq!(listed(move |asked| page_but(asked, no_total)).await, Ok(7));
    does_not_count(move |asked| {
        let mut fewer = asked.clone();
        fewer.query.insert("count".to_owned(), "2".to_owned());
        page_but(&fewer, no_total)
    })
    .await;
}

#[tokio::test]
async fn a_total_that_is_too_large_or_too_small_does_not_count() {
    does_not_count(|asked| page_but(asked, |told| told["totalResults"] = json!(8))).await;
    does_not_count(|asked| page_but(asked, |told| told["totalResults"] = json!(5))).await;
}

#[tokio::test]
async fn a_total_that_changes_does_not_count() {
    does_not_count(|asked| {
        let left = if asked.number("startIndex") == 1 { 7 } else { 6 };
        (200, page(&people(left), asked))
    })
    .await;
}

#[tokio::test]
async fn a_page_that_overlaps_or_comes_twice_does_not_count() {
    does_not_count(|asked| {
        let mut shifted = asked.clone();
        shifted
            .query
            .insert("startIndex".to_owned(), asked.number("startIndex").saturating_sub(1).max(1).to_string());
        let mut told = page(&people(7), &shifted);
        told["startIndex"] = json!(asked.number("startIndex"));
        (200, told)
    })
    .await;
    does_not_count(|asked| {
        let mut first = asked.clone();
        first.query.insert("startIndex".to_owned(), "1".to_owned());
        (200, page(&people(7), &first))
    })
    .await;
}

#[tokio::test]
async fn a_page_that_is_short_does_not_count() {
    does_not_count(|asked| page_but(asked, |told| drop(told["Resources"].as_array_mut().unwrap().pop())))
        .await;
    does_not_count(|asked| page_but(asked, |told| told["Resources"] = json!([]))).await;
}

#[tokio::test]
async fn what_is_no_list_is_no_empty_one() {
    does_not_count(|_| (200, json!({ "detail": "maintenance" }))).await;
    does_not_count(|_| (200, json!({ "totalResults": 1, "Resources": ["u1"] }))).await;
    does_not_count(|_| (200, json!({ "totalResults": 1, "Resources": [{ "userName": "anna" }] }))).await;
    does_not_count(|_| (404, json!({ "detail": "no route" }))).await;
}

#[tokio::test]
async fn a_cursor_of_no_listing_is_unexpected() {
    let server = Server::start(|asked| (200, page(&people(7), asked))).await;
    let provider = server.provider(PROFILE);
    let next = provider.accounts(None).await.unwrap().next.unwrap();
    provider.accounts(Some(&next)).await.unwrap();
    assert_eq!(provider.accounts(Some(&next)).await.unwrap_err().kind, Kind::Unexpected);
    assert_eq!(provider.accounts(Some("1,000")).await.unwrap_err().kind, Kind::Unexpected);
}
