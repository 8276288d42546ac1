//! Who is let in, and whom nobody may touch.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::app::Fault;
use super::stage::{Stage, admin, native, person, removing, status};
use crate::base::clock::Timestamp;
use crate::base::secret::Token;
use crate::contract::{Kind, State};
use crate::provision::{Denied, Policy};
use crate::scim::schema::ResourceKind::User;
use crate::store::Write;

#[tokio::test(start_paused = true)]
async fn a_protected_account_is_not_deactivated_deleted_demoted_or_renamed() {
    let policy = Policy { protected: vec!["boss@corp.example".to_owned()], ..Policy::default() };
    let stage = Stage::with(native(), policy).await;
    let boss = admin(&stage, "boss@corp.example").await;
    admin(&stage, "second@corp.example").await;
    stage.app.calls();
    assert_eq!(status(stage.deactivate(&boss).await), 403);
    assert_eq!(status(stage.delete(&boss).await), 403);
    assert_eq!(status(stage.patch(&boss, json!({"roles": [{"value": "member"}]})).await), 403);
    assert_eq!(status(stage.put(&boss, person("nobody@corp.example")).await), 403);
    assert!(stage.app.writes().is_empty());
    stage.patch(&boss, json!({"title": "Boss"})).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_last_administrator_stays() {
    for capabilities in [native(), removing()] {
        let stage = Stage::new(capabilities).await;
        let boss = admin(&stage, "boss@corp.example").await;
        assert_eq!(status(stage.deactivate(&boss).await), 409);
        assert_eq!(status(stage.delete(&boss).await), 409);
        assert_eq!(status(stage.patch(&boss, json!({"roles": [{"value": "member"}]})).await), 409);
        admin(&stage, "second@corp.example").await;
        stage.deactivate(&boss).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn two_administrators_leaving_at_once_leave_one() {
    let stage = Stage::new(native()).await;
    let (one, two) = (admin(&stage, "one@corp.example").await, admin(&stage, "two@corp.example").await);
    let gate = Arc::new(Notify::new());
    stage.app.next("deactivate", Fault::Waits(Arc::clone(&gate)));
    let (first, second, ()) = tokio::join!(stage.deactivate(&one), stage.deactivate(&two), async {
        sleep(Duration::from_secs(1)).await;
        gate.notify_one();
    });
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
    let working = ["a1", "a2"].iter().filter(|id| stage.app.state(id) == Some(State::Active)).count();
    assert_eq!(working, 1);
}

#[tokio::test(start_paused = true)]
async fn a_promise_that_may_no_longer_be_kept_becomes_a_task() {
    let stage = Stage::new(native()).await;
    let (one, two) = (admin(&stage, "one@corp.example").await, admin(&stage, "two@corp.example").await);
    stage.app.down(true);
    assert_eq!(status(stage.deactivate(&one).await), 503);
    assert_eq!(status(stage.deactivate(&two).await), 503);
    stage.app.down(false);
    stage.go_on_for(Duration::from_mins(10)).await;
    let working = ["a1", "a2"].iter().filter(|id| stage.app.state(id) == Some(State::Active)).count();
    assert_eq!(working, 1);
    assert_eq!(stage.open_tasks().await, ["attention"]);
    assert_eq!(stage.open_intents().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_said_of_a_failure_names_nobody() {
    let stage = Stage::new(removing()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.next("deactivate", Fault::Fails(Kind::Unavailable));
    let refusal = stage.deactivate(&anna).await.unwrap_err();
    assert!(!refusal.error.detail.contains("anna"));
    let intent = stage.open_intents().await.remove(0);
    assert!(!intent.outcome.unwrap_or_default().contains("anna"));
    let refusal = stage.post(person("anna@corp.example")).await.unwrap_err();
    assert!(!refusal.error.detail.contains("anna"));
}

#[tokio::test(start_paused = true)]
async fn a_version_only_goes_up() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    let mut last = 0;
    for round in 0..4 {
        stage.app.next("update_account", Fault::Fails(Kind::Unavailable));
        let change = json!({"name": {"givenName": format!("Anna {round}")}});
        assert_eq!(status(stage.patch(&anna, change).await), 503);
        let shown = stage.patch(&anna, json!({"title": round.to_string()})).await.unwrap();
        let version: i64 = shown.etag.trim_start_matches("W/\"").trim_end_matches('"').parse().unwrap();
        assert!(version > last);
        last = version;
        sleep(Duration::from_secs(31)).await;
        stage.get(User, &anna).await.unwrap();
    }
}

fn token(secret: u8) -> Token {
    Token::from_random([7; 8], [secret; 32])
}

#[tokio::test(start_paused = true)]
async fn only_a_live_token_of_the_connection_opens_it() {
    let stage = Stage::new(native()).await;
    let far = Timestamp(i64::MAX);
    let kept = token(1);
    stage.gateway.keep_token("app", &kept, far).await.unwrap();
    let text = kept.reveal();
    let (gateway, other) = (&stage.gateway, token(2).reveal());
    assert!(gateway.admit("app", Some(&text)).await.is_ok());
    for wrong in [None, Some(""), Some(other.as_str()), Some("portcullis__"), Some("app")] {
        assert_eq!(gateway.admit("app", wrong).await.unwrap_err(), Denied::Unauthorized, "{wrong:?}");
    }
    assert_eq!(gateway.admit("other", Some(&text)).await.unwrap_err(), Denied::UnknownConnection);
    let at = stage.connection.now();
    let revoke = Write::RevokeToken { connection: "app".to_owned(), id: kept.id.clone(), at };
    stage.store.commit(vec![revoke]).await.unwrap();
    sleep(Duration::from_secs(6)).await;
    assert_eq!(gateway.admit("app", Some(&text)).await.unwrap_err(), Denied::Unauthorized);
}

#[tokio::test(start_paused = true)]
async fn a_token_ends_on_time() {
    let stage = Stage::new(native()).await;
    let until = stage.connection.now().plus(Duration::from_mins(1));
    stage.gateway.keep_token("app", &token(1), until).await.unwrap();
    assert!(stage.gateway.admit("app", Some(&token(1).reveal())).await.is_ok());
    sleep(Duration::from_mins(1)).await;
    assert!(stage.gateway.admit("app", Some(&token(1).reveal())).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn another_secret_under_the_same_id_takes_the_place_of_the_first() {
    let stage = Stage::new(native()).await;
    let far = Timestamp(i64::MAX);
    stage.gateway.keep_token("app", &token(1), far).await.unwrap();
    stage.gateway.keep_token("app", &token(2), far).await.unwrap();
    sleep(Duration::from_secs(6)).await;
    assert!(stage.gateway.admit("app", Some(&token(2).reveal())).await.is_ok());
    assert!(stage.gateway.admit("app", Some(&token(1).reveal())).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_a_guard_stops_half_way_is_not_forgotten() {
    let stage = Stage::new(removing()).await;
    let mut bosses = Vec::new();
    for name in ["one", "two", "three"] {
        bosses.push(admin(&stage, &format!("{name}@corp.example")).await);
    }
    let admins = stage.group("admin").await;
    stage.app.always("remove_member", Some(Kind::Unavailable));
    assert_eq!(status(stage.members(&admins, "replace", &[&bosses[2]]).await), 503);
    stage.app.always("remove_member", None);
    let gate = Arc::new(Notify::new());
    stage.app.next("remove_member", Fault::Waits(Arc::clone(&gate)));
    tokio::join!(stage.go_on_for(Duration::from_secs(40)), async {
        sleep(Duration::from_secs(10)).await;
        stage.app.put("a3", "three@corp.example", State::Inactive, "admin");
        stage.connection.list_accounts().await.unwrap();
        gate.notify_one();
    });
    let roles = [stage.app.role("a1"), stage.app.role("a2")];
    assert_eq!(roles.iter().flatten().filter(|role| *role == "admin").count(), 1, "one has to stay");
    assert_eq!(stage.open_intents().await.len(), 1);
    assert_eq!(stage.open_tasks().await, ["attention"]);
}
