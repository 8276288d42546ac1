//! A group is made, renamed and deleted once, whatever becomes of the answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::app::Fault;
use super::stage::{Stage, id, native, status};
use crate::contract::{Capabilities, Group, GroupCapabilities, Kind};
use crate::provision::{Preconditions, Result, Shown, View};
use crate::scim::schema::ResourceKind::Group as GroupKind;
use crate::store::{IntentState, Intents};

fn changeable() -> Capabilities {
    let own = native();
    Capabilities { groups: GroupCapabilities { rename: true, delete: true, ..own.groups }, ..own }
}

async fn create(stage: &Stage, body: Value) -> Result<Shown> {
    stage.connection.create(GroupKind, body, &View::default()).await
}

async fn rename(stage: &Stage, group: &str, name: &str) -> Result<()> {
    let body = json!({"Operations": [{"op": "replace", "path": "displayName", "value": name}]});
    let (view, when) = (View::default(), Preconditions::default());
    stage.connection.patch(GroupKind, group, body, &view, &when).await.map(drop)
}

async fn delete(stage: &Stage, group: &str) -> Result<()> {
    stage.connection.delete(GroupKind, group, &Preconditions::default()).await
}

async fn name(stage: &Stage, group: &str) -> Value {
    stage.get(GroupKind, group).await.unwrap().resource["displayName"].clone()
}

fn names(stage: &Stage) -> Vec<String> {
    stage.app.content().groups.iter().map(|group| group.name.clone()).collect()
}

fn creates(stage: &Stage) -> usize {
    stage.app.writes().iter().filter(|call| call.starts_with("create_group")).count()
}

async fn with_team() -> (Stage, String) {
    let stage = Stage::new(changeable()).await;
    let team = id(&create(&stage, json!({"displayName": "team"})).await.unwrap());
    sleep(Duration::from_secs(1)).await;
    stage.app.calls();
    (stage, team)
}

#[tokio::test(start_paused = true)]
async fn the_intent_is_written_down_before_anything_leaves() {
    let (stage, team) = with_team().await;
    stage.disk.is_full_after(0);
    assert_eq!(status(create(&stage, json!({"displayName": "other"})).await), 503);
    assert_eq!(status(rename(&stage, &team, "crew").await), 503);
    assert_eq!(status(delete(&stage, &team).await), 503);
    assert!(stage.app.writes().is_empty());
    assert_eq!(names(&stage), ["team"]);
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_is_lost_is_found_by_its_name() {
    let stage = Stage::new(changeable()).await;
    stage.app.next("create_group", Fault::Loses);
    let made = create(&stage, json!({"displayName": "team", "externalId": "g-1"})).await.unwrap();
    assert_eq!(made.resource["externalId"], "g-1");
    assert_eq!((creates(&stage), names(&stage).len()), (1, 1));
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_create_in_doubt_is_adopted_and_answered_to_whoever_repeats_it() {
    let stage = Stage::new(changeable()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.next("create_group", Fault::ActsLate);
    let body = json!({"displayName": "team", "externalId": "g-1", "members": [{"value": anna}]});
    assert_eq!(status(create(&stage, body.clone()).await), 503);
    assert_eq!(stage.open_intents().await[0].state, IntentState::Ambiguous);
    stage.app.catch_up();
    stage.go_on_for(Duration::from_secs(20)).await;
    assert!(stage.open_intents().await.is_empty());
    let team = stage.group("team").await;
    assert_eq!(id(&create(&stage, body.clone()).await.unwrap()), team);
    assert_eq!(stage.members_of(&team).await, [anna]);
    assert_eq!(status(create(&stage, body).await), 409, "now the caller knows");
    assert_eq!(creates(&stage), 1);
}

#[tokio::test(start_paused = true)]
async fn a_create_in_doubt_is_not_sent_again_before_it_has_settled() {
    let stage = Stage::new(changeable()).await;
    stage.app.next("create_group", Fault::Fails(Kind::Unknown));
    assert_eq!(status(create(&stage, json!({"displayName": "team"})).await), 503);
    assert_eq!(status(create(&stage, json!({"displayName": "team"})).await), 503);
    assert_eq!(creates(&stage), 1);
    sleep(Duration::from_mins(1)).await;
    create(&stage, json!({"displayName": "team"})).await.unwrap();
    assert_eq!(names(&stage), ["team"]);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_in_a_create_looks_for_the_group_after_its_restart() {
    let stage = Stage::new(changeable()).await;
    let gate = Arc::new(Notify::new());
    stage.app.next("create_group", Fault::Waits(gate));
    assert_eq!(status(create(&stage, json!({"displayName": "team", "externalId": "g-1"})).await), 503);
    let made = Group { id: "g7".to_owned(), name: "team".to_owned(), members: None };
    stage.app.content().groups.push(made);
    let again = stage.restarted().await;
    again.go_on_for(Duration::from_secs(5)).await;
    let found = again.list(GroupKind, Some("externalId eq \"g-1\"")).await;
    assert_eq!(found.len(), 1);
    assert!(again.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_create_that_certainly_failed_is_told_and_closed() {
    let stage = Stage::new(changeable()).await;
    stage.app.next("create_group", Fault::Fails(Kind::Forbidden));
    assert_eq!(status(create(&stage, json!({"displayName": "team"})).await), 403);
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_rename_whose_answer_is_lost_is_found_by_the_new_name() {
    let (stage, team) = with_team().await;
    stage.app.next("rename_group", Fault::Loses);
    rename(&stage, &team, "crew").await.unwrap();
    assert_eq!(name(&stage, &team).await, "crew");
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_rename_in_doubt_is_noted_once_it_shows() {
    let (stage, team) = with_team().await;
    stage.app.next("rename_group", Fault::ActsLate);
    assert_eq!(status(rename(&stage, &team, "crew").await), 503);
    assert_eq!(name(&stage, &team).await, "team");
    stage.app.catch_up();
    stage.go_on_for(Duration::from_secs(20)).await;
    assert_eq!(name(&stage, &team).await, "crew");
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_in_a_rename_looks_what_became_of_it() {
    for (done, shown) in [(true, "crew"), (false, "team")] {
        let (stage, team) = with_team().await;
        stage.app.next("rename_group", Fault::Waits(Arc::new(Notify::new())));
        assert_eq!(status(rename(&stage, &team, "crew").await), 503);
        if done {
            stage.app.content().groups[0].name = "crew".to_owned();
        }
        let again = stage.restarted().await;
        again.go_on_for(Duration::from_mins(20)).await;
        assert_eq!(name(&again, &team).await, shown);
        assert!(again.open_intents().await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_rename_in_doubt_does_not_hold_up_who_leaves_the_group() {
    let (stage, team) = with_team().await;
    let anna = stage.hire("anna@corp.example").await;
    stage.members(&team, "add", &[&anna]).await.unwrap();
    stage.app.next("remove_member", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(stage.members(&team, "remove", &[&anna]).await), 503);
    stage.app.next("rename_group", Fault::Fails(Kind::Unknown));
    assert_eq!(status(rename(&stage, &team, "crew").await), 503);
    stage.go_on_for(Duration::from_secs(30)).await;
    assert!(stage.app.groups_of("a1").is_empty(), "a rename takes the place of no removal");
    stage.members(&team, "add", &[&anna]).await.unwrap();
    stage.app.next("rename_group", Fault::Fails(Kind::Unknown));
    assert_eq!(status(rename(&stage, &team, "crew").await), 503);
    stage.members(&team, "remove", &[&anna]).await.unwrap();
    assert!(stage.app.groups_of("a1").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deletion_is_carried_out_by_the_gateway_itself() {
    for fault in [Fault::Fails(Kind::Unavailable), Fault::Lies] {
        let (stage, team) = with_team().await;
        stage.app.next("delete_group", fault);
        let refusal = delete(&stage, &team).await.unwrap_err();
        assert_eq!((refusal.error.status, refusal.retry_after.is_some()), (503, true));
        assert_eq!(name(&stage, &team).await, "team");
        assert_eq!(status(rename(&stage, &team, "crew").await), 503, "it is being deleted");
        let again = stage.restarted().await;
        again.go_on_for(Duration::from_mins(1)).await;
        assert!(names(&again).is_empty());
        assert_eq!(status(again.get(GroupKind, &team).await), 404);
        assert!(again.open_intents().await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_whose_answer_is_lost_is_found_by_looking() {
    let (stage, team) = with_team().await;
    stage.app.next("delete_group", Fault::Loses);
    delete(&stage, &team).await.unwrap();
    assert_eq!(stage.app.writes(), ["delete_group g-team"]);
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deletion_the_app_cannot_do_is_given_to_a_person() {
    let (stage, team) = with_team().await;
    stage.app.next("delete_group", Fault::Fails(Kind::Unsupported));
    assert_eq!(status(delete(&stage, &team).await), 501);
    let task = stage.connection.tasks(true).await.unwrap().remove(0);
    assert!(task.instruction.starts_with("delete the group in scripted by hand"), "{}", task.instruction);
    let latest = Intents::Latest { connection: "app".to_owned(), resource: team };
    assert_eq!(stage.store.intents(&latest).await.unwrap()[0].state, IntentState::Dead);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_is_owed_outlives_a_removal_of_which_a_part_was_done() {
    let (stage, team) = with_team().await;
    let (anna, bo) = (stage.hire("anna@corp.example").await, stage.hire("bo@corp.example").await);
    stage.members(&team, "add", &[&anna, &bo]).await.unwrap();
    stage.app.always("remove_member", Some(Kind::Unavailable));
    assert_eq!(status(stage.members(&team, "replace", &[]).await), 503);
    stage.app.always("delete_group", Some(Kind::Unavailable));
    assert_eq!(status(delete(&stage, &team).await), 503);
    stage.app.always("remove_member", None);
    stage.app.next("remove_member", Fault::Fails(Kind::Unavailable));
    stage.go_on_for(Duration::from_mins(6)).await;
    assert_eq!((stage.app.groups_of("a1"), stage.app.groups_of("a2")), (Vec::new(), Vec::new()));
    assert_eq!(names(&stage), ["team"]);
    stage.app.always("delete_group", None);
    stage.go_on_for(Duration::from_mins(6)).await;
    assert!(names(&stage).is_empty(), "{:?}", stage.open_intents().await);
}

#[tokio::test(start_paused = true)]
async fn what_is_owed_to_a_group_is_not_forgotten_because_a_listing_lacks_it() {
    for deleted in [false, true] {
        let (stage, team) = with_team().await;
        let anna = stage.hire("anna@corp.example").await;
        stage.members(&team, "add", &[&anna]).await.unwrap();
        if deleted {
            stage.app.next("delete_group", Fault::Fails(Kind::Unavailable));
            assert_eq!(status(delete(&stage, &team).await), 503);
        } else {
            stage.app.next("remove_member", Fault::Fails(Kind::Unavailable));
            assert_eq!(status(stage.members(&team, "remove", &[&anna]).await), 503);
        }
        sleep(Duration::from_secs(1)).await;
        let groups = std::mem::take(&mut stage.app.content().groups);
        stage.connection.list_groups().await.unwrap();
        stage.app.content().groups = groups;
        stage.go_on_for(Duration::from_mins(6)).await;
        assert!(if deleted { names(&stage).is_empty() } else { stage.app.groups_of("a1").is_empty() });
        assert!(stage.open_intents().await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_a_listing_lacked_is_the_same_once_the_app_shows_it_again() {
    let (stage, team) = with_team().await;
    let anna = stage.hire("anna@corp.example").await;
    stage.members(&team, "add", &[&anna]).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let groups = std::mem::take(&mut stage.app.content().groups);
    stage.connection.list_groups().await.unwrap();
    assert_eq!(status(stage.get(GroupKind, &team).await), 404);
    stage.app.content().groups = groups;
    stage.connection.list_groups().await.unwrap();
    assert_eq!(name(&stage, &team).await, "team");
    assert_eq!(stage.members_of(&team).await, [anna]);
    // Whoever deletes it does so for good.
    delete(&stage, &team).await.unwrap();
    stage.app.content().groups =
        vec![Group { id: "g-team".to_owned(), name: "team".to_owned(), members: None }];
    stage.connection.list_groups().await.unwrap();
    assert_eq!(status(stage.get(GroupKind, &team).await), 404);
    assert_ne!(stage.group("team").await, team);
}
