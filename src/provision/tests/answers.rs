//! What the identity provider is told, one row after the other.

use std::time::Duration;

use serde_json::json;

use super::app::Fault;
use super::stage::{Stage, id, is_active, native, person, removing, status};
use crate::contract::{Group, Kind, State};
use crate::scim::schema::ResourceKind::User;

async fn hired() -> (Stage, String) {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    (stage, anna)
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_nobody_can_have_received_is_201_again_and_an_acknowledged_one_409() {
    let (stage, _) = hired().await;
    stage.app.next("create_account", Fault::Loses);
    stage.app.next("account", Fault::Fails(Kind::Unavailable));
    let lost = person("bo@corp.example");
    let first = stage.post(lost.clone()).await;
    let again = stage.post(lost.clone()).await;
    let made = first.or(again).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(stage.app.working("bo@corp.example"), 1);
    assert_eq!(status(stage.post(lost).await), 409);
    assert_eq!(stage.list(User, Some("userName eq \"bo@corp.example\"")).await[0]["id"], id(&made));
}

#[tokio::test(start_paused = true)]
async fn a_name_in_use_is_409_uniqueness() {
    let (stage, _) = hired().await;
    let mut other = person("anna@corp.example");
    other["externalId"] = json!("somebody else");
    let refusal = stage.post(other).await.unwrap_err();
    assert_eq!((refusal.error.status, refusal.error.scim_type.is_some()), (409, true));
}

#[tokio::test(start_paused = true)]
async fn deactivating_twice_is_200_twice() {
    for capabilities in [native(), removing()] {
        let stage = Stage::new(capabilities).await;
        let anna = stage.hire("anna@corp.example").await;
        for _ in 0..2 {
            assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_the_app_no_longer_has_is_deactivated_and_deleted_and_404_for_all_else() {
    for leave in ["deactivate", "delete", "update"] {
        let (stage, anna) = hired().await;
        stage.app.content().accounts.clear();
        stage.app.always("update_account", Some(Kind::NotFound));
        stage.app.always("deactivate", Some(Kind::NotFound));
        let told = match leave {
            "deactivate" => stage.deactivate(&anna).await.map(|shown| u16::from(is_active(&shown))),
            "delete" => stage.delete(&anna).await.map(|()| 0),
            _ => stage.patch(&anna, json!({"name": {"givenName": "A"}})).await.map(|_| 1),
        };
        let told = told.map_err(|refusal| refusal.error.status);
        assert_eq!(told, if leave == "update" { Err(404) } else { Ok(0) }, "{leave}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_id_is_404_and_a_filter_that_finds_nobody_is_an_empty_list() {
    let (stage, _) = hired().await;
    let nobody = "0199aa00-0000-7000-8000-000000000000";
    assert_eq!(status(stage.get(User, nobody).await), 404);
    assert_eq!(status(stage.deactivate(nobody).await), 404);
    assert_eq!(status(stage.delete(nobody).await), 404);
    assert!(stage.list(User, Some("userName eq \"nobody@corp.example\"")).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_active_that_is_not_understood_is_400_and_nothing_is_called() {
    let (stage, anna) = hired().await;
    stage.app.calls();
    for active in [json!("no"), json!(2), json!({"is": false}), json!([])] {
        let refusal = stage.patch(&anna, json!({ "active": active })).await.unwrap_err();
        assert_eq!(refusal.error.status, 400, "{active}");
    }
    assert_eq!(stage.app.calls(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_partial_success_is_503_and_the_retry_does_only_the_rest() {
    let stage = Stage::new(native()).await;
    stage.app.content().groups =
        vec![Group { id: "team".to_owned(), name: "team".to_owned(), members: None }];
    let mut people = Vec::new();
    for number in 0..5 {
        people.push(stage.hire(&format!("person{number}@corp.example")).await);
    }
    let team = stage.group("team").await;
    let all: Vec<&str> = people.iter().map(String::as_str).collect();
    stage.members(&team, "add", &all).await.unwrap();
    for _ in 0..2 {
        stage.app.next("remove_member", Fault::Fails(Kind::Unavailable));
    }
    let empty = json!({"Operations": [{"op": "replace", "path": "members", "value": []}]});
    let view = crate::provision::View::default();
    let when = crate::provision::Preconditions::default();
    let kind = crate::scim::schema::ResourceKind::Group;
    let refusal = stage.connection.patch(kind, &team, empty, &view, &when).await.unwrap_err();
    assert_eq!((refusal.error.status, refusal.retry_after.is_some()), (503, true));
    assert_eq!(stage.members_of(&team).await, people[..2]);
    stage.app.calls();
    stage.go_on_for(Duration::from_secs(10)).await;
    assert_eq!(stage.app.writes(), ["remove_member team a1", "remove_member team a2"]);
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn access_is_taken_away_before_anything_else_is_changed() {
    let (stage, anna) = hired().await;
    stage.app.calls();
    let leaves = json!({"active": false, "name": {"givenName": "Gone"}});
    stage.patch(&anna, leaves.clone()).await.unwrap();
    assert_eq!(stage.app.writes(), ["deactivate a1", "update_account a1"]);

    let (stage, anna) = hired().await;
    stage.app.always("update_account", Some(Kind::Unavailable));
    stage.patch(&anna, leaves).await.unwrap();
    assert_eq!(stage.app.state("a1"), Some(State::Inactive), "what comes after holds up nobody");
}
