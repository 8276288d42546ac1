//! Where groups are roles: who has one, and who does not come back with it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::app::Fault;
use super::stage::{Stage, admin, id, person, removing, status};
use crate::contract::{Kind, State};
use crate::scim::schema::ResourceKind;

/// Somebody who is an administrator beside another one, and the group of administrators.
async fn two_admins() -> (Stage, String, String) {
    let stage = Stage::new(removing()).await;
    admin(&stage, "bo@corp.example").await;
    let anna = admin(&stage, "anna@corp.example").await;
    let admins = stage.group("admin").await;
    (stage, anna, admins)
}

#[tokio::test(start_paused = true)]
async fn joining_a_role_group_leaves_the_other() {
    let stage = Stage::new(removing()).await;
    admin(&stage, "boss@corp.example").await;
    let anna = stage.hire("anna@corp.example").await;
    let (admins, members) = (stage.group("admin").await, stage.group("member").await);
    assert_eq!(stage.members_of(&members).await, std::slice::from_ref(&anna));
    stage.members(&admins, "add", &[&anna]).await.unwrap();
    assert_eq!(stage.app.role("a2").as_deref(), Some("admin"));
    assert!(stage.members_of(&members).await.is_empty());
    stage.members(&members, "remove", &[&anna]).await.unwrap();
    assert_eq!(stage.app.role("a2").as_deref(), Some("admin"), "who is not in it is not removed");
    stage.members(&admins, "remove", &[&anna]).await.unwrap();
    assert_eq!(stage.members_of(&members).await, [anna]);
}

#[tokio::test(start_paused = true)]
async fn nobody_comes_back_with_a_role_they_were_taken_out_of_while_they_were_away() {
    let (stage, anna, admins) = two_admins().await;
    stage.deactivate(&anna).await.unwrap();
    stage.members(&admins, "remove", &[&anna]).await.unwrap();
    stage.deactivate(&anna).await.unwrap();
    stage.activate(&anna).await.unwrap();
    assert_eq!(stage.app.role("a3").as_deref(), Some("member"));
}

#[tokio::test(start_paused = true)]
async fn nobody_comes_back_with_a_role_they_are_owed_to_lose() {
    let (stage, anna, admins) = two_admins().await;
    stage.app.always("remove_member", Some(Kind::Unavailable));
    assert_eq!(status(stage.members(&admins, "remove", &[&anna]).await), 503);
    stage.deactivate(&anna).await.unwrap();
    stage.activate(&anna).await.unwrap();
    assert_eq!(stage.app.role("a3").as_deref(), Some("member"));
}

#[tokio::test(start_paused = true)]
async fn nobody_comes_back_with_a_role_they_asked_for_before_they_were_taken_out_of_it() {
    let (stage, _, admins) = two_admins().await;
    let mut later = person("cy@corp.example");
    (later["active"], later["roles"]) = (json!(false), json!([{"value": "admin"}]));
    let cy = id(&stage.post(later).await.unwrap());
    stage.members(&admins, "remove", &[&cy]).await.unwrap();
    stage.activate(&cy).await.unwrap();
    assert_eq!(stage.app.role("a3").as_deref(), Some("member"));
}

#[tokio::test(start_paused = true)]
async fn whoever_loses_a_role_while_they_leave_does_not_come_back_with_it() {
    let (stage, anna, admins) = two_admins().await;
    stage.app.next("remove_member", Fault::ActsLate);
    let leaving = [anna.as_str()];
    let (removed, left) = tokio::join!(stage.members(&admins, "remove", &leaving), async {
        sleep(Duration::from_millis(500)).await;
        stage.deactivate(&anna).await
    });
    removed.unwrap();
    left.unwrap();
    stage.activate(&anna).await.unwrap();
    assert_eq!(stage.app.role("a3").as_deref(), Some("member"));
}

#[tokio::test(start_paused = true)]
async fn whoever_has_another_account_by_now_is_not_out_because_the_first_one_is() {
    let (stage, anna, admins) = two_admins().await;
    stage.app.next("remove_member", Fault::Lies);
    let leaving = [anna.as_str()];
    let (removed, ()) = tokio::join!(stage.members(&admins, "remove", &leaving), async {
        sleep(Duration::from_millis(500)).await;
        stage.deactivate(&anna).await.unwrap();
        stage.activate(&anna).await.unwrap();
        // Somebody gives the role in the app.
        stage.app.put("a3", "anna@corp.example", State::Active, "admin");
    });
    assert_eq!(status(removed), 503);
    stage.go_on_for(Duration::from_mins(6)).await;
    assert_eq!(stage.app.role("a3").as_deref(), Some("member"));
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn nobody_comes_back_with_a_role_of_an_account_that_vanished() {
    let (stage, anna, admins) = two_admins().await;
    stage.app.content().accounts.remove("a2");
    sleep(Duration::from_secs(31)).await;
    stage.get(ResourceKind::User, &anna).await.unwrap();
    stage.app.next("create_account", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(stage.activate(&anna).await), 503);
    stage.members(&admins, "remove", &[&anna]).await.unwrap();
    stage.activate(&anna).await.unwrap();
    assert_eq!(stage.app.role("a3").as_deref(), Some("member"));
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_shows_a_removal_takes_nobody_out_of_a_role_they_were_given_since() {
    let (stage, anna, admins) = two_admins().await;
    let gate = Arc::new(Notify::new());
    stage.app.next("members", Fault::AnswersOld(Arc::clone(&gate)));
    let leaving = [anna.as_str()];
    let (removed, ()) = tokio::join!(stage.members(&admins, "remove", &leaving), async {
        sleep(Duration::from_millis(500)).await;
        stage.patch(&anna, json!({"roles": [{"value": "admin"}]})).await.unwrap();
        gate.notify_one();
    });
    removed.unwrap();
    assert_eq!(stage.app.role("a2").as_deref(), Some("admin"));
    stage.members(&admins, "remove", &leaving).await.unwrap();
    assert_eq!(stage.app.role("a2").as_deref(), Some("member"));
}
