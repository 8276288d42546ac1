//! Listing everybody.

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis::contract::Kind;
use serde_json::json;

use super::Verdict::{self, Kept, Moot};
use crate::stage::{Stage, anna, told};

/// Two whole pages and one account on a third; a listing without pages holds a few hundred in one answer.
pub async fn a_listing_is_complete_and_the_same_in_two_passes(stage: Arc<Stage>) -> Verdict {
    if !told!(stage, list) || !stage.is_wired() {
        return Moot;
    }
    let page_size = told!(stage, page_size);
    let people = if page_size == 0 { 300 } else { 2 * page_size + 1 };
    stage.lever("reset", json!({"seed": "empty", "users": people})).await;
    let first = stage.pages().await;
    assert_eq!(first, stage.pages().await, "two passes differ");
    let pages = people.div_ceil(if page_size == 0 { people } else { page_size });
    assert_eq!(first.len(), pages as usize);
    let accounts = first.concat();
    let distinct = |values: Vec<&str>| values.into_iter().collect::<BTreeSet<_>>().len();
    assert_eq!(accounts.len(), people as usize);
    assert_eq!(distinct(accounts.iter().map(|account| account.id.as_str()).collect()), people as usize);
    let addresses = accounts.iter().filter_map(|account| account.email.as_deref()).collect();
    assert_eq!(distinct(addresses), people as usize);
    Kept
}

pub async fn a_change_shows_in_the_listing_when_it_has_settled(stage: Arc<Stage>) -> Verdict {
    if !told!(stage, list) || !stage.is_wired() {
        return Moot;
    }
    let account = stage.join(&anna()).await;
    stage.lever("clock", json!({"advance_s": told!(stage, settle).as_secs()})).await;
    assert!(stage.pages().await.concat().contains(&account));
    stage.app.deactivate(&account).await.unwrap();
    stage.lever("clock", json!({"advance_s": told!(stage, settle).as_secs()})).await;
    assert!(!stage.pages().await.concat().contains(&account));
    Kept
}

pub async fn what_cannot_be_listed_is_refused_before_any_call(stage: Arc<Stage>) -> Verdict {
    if told!(stage, list) {
        return Moot;
    }
    let refused = stage.without_calls(stage.app.accounts(None)).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Unsupported);
    Kept
}
