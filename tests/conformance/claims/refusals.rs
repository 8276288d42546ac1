//! The app knows what was asked and says no.

use std::sync::Arc;
use std::time::Duration;

use portcullis::contract::{Create, Kind, Retry};
use serde_json::{Value, json};

use super::Verdict::{self, Kept, Moot};
use crate::bench::Temper;
use crate::stage::{Stage, anna, told};

pub fn posts(calls: &[Value]) -> usize {
    calls.iter().filter(|call| call["method"] == "POST").count()
}

pub async fn a_credential_of_the_wrong_kind_is_told(stage: Arc<Stage>) -> Verdict {
    if !stage.is_wired() {
        return Moot;
    }
    let app = stage.connect(Temper { wrong_secret: true, ..Temper::default() });
    let told = app.check().await.unwrap_err();
    assert_eq!((told.kind, told.retry), (Kind::Credentials, Retry::Never));
    assert_eq!(app.accounts(None).await.unwrap_err().kind, Kind::Credentials);
    assert_eq!(app.create_account(&anna()).await.unwrap_err().kind, Kind::Credentials);
    Kept
}

pub async fn no_free_seat_is_told(stage: Arc<Stage>) -> Verdict {
    if !stage.is_wired() || told!(stage, create) == Create::No {
        return Moot;
    }
    stage.lever("seats", json!({"limit": 1})).await;
    let (refused, calls) = stage.calls_of(stage.app.create_account(&anna())).await;
    assert_eq!(refused.unwrap_err().kind, Kind::NoSeats);
    assert_eq!(posts(&calls), 1);
    Kept
}

/// What was turned away was not done, so that even a create goes again.
pub async fn a_429_is_waited_out_and_sent_again(stage: Arc<Stage>) -> Verdict {
    if !stage.is_wired() || told!(stage, create) == Create::No {
        return Moot;
    }
    stage.fault("POST", json!({"status": 429, "times": 1})).await;
    let (created, calls) = stage.calls_of(stage.app.create_account(&anna())).await;
    created.unwrap();
    assert_eq!(posts(&calls), 2);
    Kept
}

pub async fn a_429_that_lasts_is_rate_limited_with_the_apps_word(stage: Arc<Stage>) -> Verdict {
    if !stage.is_wired() || !told!(stage, list) || told!(stage, create) == Create::No {
        return Moot;
    }
    let app = stage.hasty().await;
    let half_a_minute = json!({"status": 429, "headers": {"Retry-After": "30"}, "times": 2});
    stage.lever("faults", half_a_minute).await;
    let word = Retry::Later(Some(Duration::from_secs(30)));
    let (listed, calls) = stage.calls_of(app.accounts(None)).await;
    let told = listed.unwrap_err();
    assert_eq!((told.kind, told.retry, calls.len()), (Kind::RateLimited, word, 1));
    let told = app.create_account(&anna()).await.unwrap_err();
    assert_eq!((told.kind, told.retry), (Kind::RateLimited, word));
    stage.fault("GET", json!({"status": 429})).await;
    let told = app.accounts(None).await.unwrap_err();
    assert_eq!((told.kind, told.retry), (Kind::RateLimited, Retry::Later(None)));
    Kept
}
