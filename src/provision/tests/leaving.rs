//! Whoever is said to be out of a group is out of it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::app::Fault;
use super::stage::{Stage, native, person, removing, status, workspaces};
use crate::contract::{Capabilities, Group, GroupCapabilities, Kind, Membership};
use crate::provision::{Preconditions, View};
use crate::scim::error::ScimType;
use crate::scim::schema::ResourceKind;
use crate::store::{IntentState, Intents};

fn teams() -> Capabilities {
    native()
}

/// An app that tells members group by group.
fn told_by_group() -> Capabilities {
    let own = native();
    Capabilities { groups: GroupCapabilities { membership: Membership::OnGroup, ..own.groups }, ..own }
}

/// A stage with one group, and these people in it.
async fn with_members(capabilities: Capabilities, people: &[&str]) -> (Stage, String, Vec<String>) {
    let stage = Stage::new(capabilities).await;
    stage.app.content().groups =
        vec![Group { id: "team".to_owned(), name: "team".to_owned(), members: None }];
    let mut ids = Vec::new();
    for email in people {
        ids.push(stage.hire(email).await);
    }
    let team = stage.group("team").await;
    let members: Vec<&str> = ids.iter().map(String::as_str).collect();
    stage.members(&team, "add", &members).await.unwrap();
    stage.app.calls();
    (stage, team, ids)
}

async fn empty(stage: &Stage, group: &str) -> crate::provision::Result<()> {
    let body = json!({"Operations": [{"op": "replace", "path": "members", "value": Vec::<Value>::new()}]});
    let (view, when) = (View::default(), Preconditions::default());
    stage.connection.patch(ResourceKind::Group, group, body, &view, &when).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn a_removal_the_app_does_not_mean_is_no_success() {
    for capabilities in [teams(), told_by_group(), workspaces()] {
        let (stage, team, ids) = with_members(capabilities, &["anna@corp.example"]).await;
        stage.app.next("remove_member", Fault::Lies);
        let refusal = stage.members(&team, "remove", &[&ids[0]]).await.unwrap_err();
        assert_eq!(refusal.error.status, 503);
        assert!(refusal.retry_after.is_some());
        assert_eq!(stage.members_of(&team).await, ids);
        let open = stage.open_intents().await;
        assert_eq!((open.len(), open[0].sticky), (1, true));
        stage.go_on_for(Duration::from_mins(1)).await;
        assert!(stage.app.groups_of("a1").is_empty());
        assert!(stage.members_of(&team).await.is_empty());
        assert!(stage.open_intents().await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_the_app_does_not_take_away_is_shown_again() {
    let stage = Stage::new(removing()).await;
    let mut boss = person("boss@corp.example");
    boss["roles"] = json!([{"value": "admin"}]);
    stage.post(boss.clone()).await.unwrap();
    boss["userName"] = json!("anna@corp.example");
    boss["emails"] = json!([{"value": "anna@corp.example"}]);
    let anna = super::stage::id(&stage.post(boss).await.unwrap());
    let admins = stage.group("admin").await;
    stage.app.next("remove_member", Fault::Lies);
    assert_eq!(status(stage.members(&admins, "remove", &[&anna]).await), 503);
    assert_eq!(stage.members_of(&admins).await.len(), 2);
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.app.role("a2").as_deref(), Some("member"));
    assert_eq!(stage.members_of(&admins).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_removal_is_one_call_and_one_reading() {
    for (capabilities, reading) in
        [(teams(), "account a1"), (told_by_group(), "members team"), (workspaces(), "members team")]
    {
        let (stage, team, ids) = with_members(capabilities, &["anna@corp.example"]).await;
        stage.members(&team, "remove", &[&ids[0]]).await.unwrap();
        assert_eq!(stage.app.calls(), ["remove_member team a1", reading]);
    }
}

#[tokio::test(start_paused = true)]
async fn removals_of_one_request_share_one_reading() {
    for capabilities in [teams(), told_by_group(), workspaces()] {
        let people = ["anna@corp.example", "bo@corp.example", "cy@corp.example"];
        let (stage, team, _) = with_members(capabilities, &people).await;
        empty(&stage, &team).await.unwrap();
        let calls = stage.app.calls();
        let readings = calls.iter().skip_while(|call| !call.starts_with("remove_member"));
        let readings: Vec<_> = readings.filter(|call| !call.starts_with("remove_member")).collect();
        assert_eq!(readings, ["members team"], "{calls:?}");
        assert!(stage.members_of(&team).await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_removal_whose_answer_is_lost_is_found_by_reading() {
    let (stage, team, ids) = with_members(teams(), &["anna@corp.example"]).await;
    stage.app.next("remove_member", Fault::Loses);
    stage.members(&team, "remove", &[&ids[0]]).await.unwrap();
    assert_eq!(stage.app.writes(), ["remove_member team a1"]);
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_removal_nobody_can_read_back_is_not_done_yet() {
    let (stage, team, ids) = with_members(told_by_group(), &["anna@corp.example"]).await;
    stage.app.next("members", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(stage.members(&team, "remove", &[&ids[0]]).await), 503);
    assert_eq!(stage.open_intents().await.len(), 1);
    stage.go_on_for(Duration::from_mins(1)).await;
    assert!(stage.members_of(&team).await.is_empty());
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_removal_the_app_refuses_for_good_is_given_to_a_person() {
    for (kind, told) in [(Kind::Invalid, 400), (Kind::Unsupported, 501)] {
        let people = ["anna@corp.example", "bo@corp.example"];
        let (stage, team, ids) = with_members(teams(), &people).await;
        stage.app.next("remove_member", Fault::Fails(kind));
        assert_eq!(status(empty(&stage, &team).await), told);
        assert_eq!(stage.members_of(&team).await, [ids[0].clone()], "the other one is out");
        let tasks = stage.connection.tasks(true).await.unwrap();
        assert_eq!((tasks.len(), tasks[0].kind.as_str()), (1, "attention"));
        assert_eq!((tasks[0].person.as_str(), tasks[0].urgent), ("anna@corp.example", true));
        let latest = Intents::Latest { connection: "app".to_owned(), resource: team.clone() };
        assert_eq!(stage.store.intents(&latest).await.unwrap()[0].state, IntentState::Dead);
        stage.app.calls();
        stage.go_on_for(Duration::from_hours(1)).await;
        assert!(stage.app.calls().is_empty());
        stage.members(&team, "remove", &[&ids[0]]).await.unwrap();
        assert!(stage.open_tasks().await.is_empty(), "it was done after all");
    }
}

#[tokio::test(start_paused = true)]
async fn a_removal_refused_for_good_after_an_outage_is_given_to_a_person_too() {
    let (stage, team, ids) = with_members(teams(), &["anna@corp.example"]).await;
    stage.app.next("remove_member", Fault::Fails(Kind::Unavailable));
    stage.app.next("remove_member", Fault::Fails(Kind::Invalid));
    assert_eq!(status(stage.members(&team, "remove", &[&ids[0]]).await), 503);
    stage.go_on_for(Duration::from_mins(10)).await;
    assert!(stage.open_intents().await.is_empty());
    assert_eq!(stage.open_tasks().await, ["attention"]);
    assert_eq!(stage.app.writes().len(), 2, "it is not tried again");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_taken_out_of_the_role_everybody_has() {
    let own = removing();
    let floor = GroupCapabilities { floor: Some("role:member"), ..own.groups };
    let stage = Stage::new(Capabilities { groups: floor, ..own }).await;
    let anna = stage.hire("anna@corp.example").await;
    let members = stage.group("member").await;
    stage.app.calls();
    let refusal = stage.members(&members, "remove", &[&anna]).await.unwrap_err();
    assert_eq!((refusal.error.status, refusal.error.scim_type), (400, Some(ScimType::Mutability)));
    assert!(stage.app.writes().is_empty());
    assert!(stage.open_tasks().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_is_owed_outlives_the_deletion_of_the_person() {
    for capabilities in [teams(), told_by_group()] {
        let (stage, team, ids) = with_members(capabilities, &["anna@corp.example"]).await;
        stage.app.always("remove_member", Some(Kind::Unavailable));
        assert_eq!(status(stage.members(&team, "remove", &[&ids[0]]).await), 503);
        stage.delete(&ids[0]).await.unwrap();
        stage.app.always("remove_member", None);
        stage.go_on_for(Duration::from_mins(6)).await;
        assert_eq!(stage.app.groups_of("a1"), [""; 0]);
        assert!(stage.open_intents().await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_comes_back_into_a_group_while_it_is_read_that_they_are_out_of_it() {
    let (stage, team, ids) = with_members(workspaces(), &["anna@corp.example"]).await;
    stage.app.next("deactivate", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(stage.deactivate(&ids[0]).await), 503);
    let gate = Arc::new(Notify::new());
    stage.app.next("members", Fault::Waits(Arc::clone(&gate)));
    let anna = [ids[0].as_str()];
    let (removed, back) = tokio::join!(stage.members(&team, "remove", &anna), async {
        sleep(Duration::from_secs(1)).await;
        let back = stage.activate(&ids[0]).await;
        gate.notify_one();
        back
    });
    back.unwrap();
    removed.unwrap();
    assert_eq!(stage.app.groups_of("a1"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_removal_is_asked_of_the_app_however_it_is_known_that_somebody_is_out() {
    for capabilities in [teams(), told_by_group(), workspaces()] {
        let (stage, team, ids) = with_members(capabilities, &["anna@corp.example"]).await;
        let anna = [ids[0].as_str()];
        stage.members(&team, "remove", &anna).await.unwrap();
        stage.app.calls();
        stage.members(&team, "remove", &anna).await.unwrap();
        assert_eq!(stage.app.calls().len(), 1, "one look, and nothing to do");
        let inside = Some(vec!["team".to_owned()]);
        stage.app.content().accounts.get_mut("a1").unwrap().groups.clone_from(&inside);
        stage.members(&team, "remove", &anna).await.unwrap();
        assert_eq!(stage.app.groups_of("a1"), [""; 0], "somebody was let in meanwhile");
        stage.app.down(true);
        assert_eq!(status(stage.members(&team, "remove", &anna).await), 503, "nobody can tell");
        stage.app.content().accounts.get_mut("a1").unwrap().groups.clone_from(&inside);
        stage.app.down(false);
        stage.go_on_for(Duration::from_mins(6)).await;
        assert_eq!(stage.app.groups_of("a1"), [""; 0], "what was asked for is owed");
    }
}

#[tokio::test(start_paused = true)]
async fn several_who_are_known_to_be_out_are_looked_for_by_one_reading_of_the_group() {
    let people = ["anna@corp.example", "bo@corp.example", "cy@corp.example"];
    let (stage, team, ids) = with_members(told_by_group(), &people).await;
    let all: Vec<&str> = ids.iter().map(String::as_str).collect();
    stage.members(&team, "remove", &all).await.unwrap();
    stage.app.calls();
    stage.members(&team, "remove", &all).await.unwrap();
    assert_eq!(stage.app.calls(), ["members team"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_comes_back_into_a_group_while_they_are_owed_to_be_out_of_it() {
    for fault in [Fault::Fails(Kind::Unavailable), Fault::ActsLate] {
        let (stage, team, ids) = with_members(workspaces(), &["anna@corp.example"]).await;
        stage.app.next("remove_member", fault);
        stage.app.always("members", Some(Kind::Unavailable));
        assert_eq!(status(stage.members(&team, "remove", &[&ids[0]]).await), 503);
        stage.deactivate(&ids[0]).await.unwrap();
        stage.activate(&ids[0]).await.unwrap();
        assert_eq!(stage.app.groups_of("a2"), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_comes_back_into_a_group_that_was_emptied_while_they_were_leaving() {
    let (stage, team, ids) = with_members(workspaces(), &["anna@corp.example"]).await;
    sleep(Duration::from_mins(5)).await;
    stage.app.next("deactivate", Fault::Lies);
    let (left, ()) = tokio::join!(stage.deactivate(&ids[0]), async {
        sleep(Duration::from_secs(2)).await;
        // The app lost the membership, and the next listing shows it.
        stage.app.content().accounts.get_mut("a1").unwrap().groups = Some(Vec::new());
        stage.list(ResourceKind::User, None).await;
        assert!(stage.members_of(&team).await.is_empty());
        empty(&stage, &team).await.unwrap();
    });
    assert_eq!(status(left), 503);
    stage.activate(&ids[0]).await.unwrap();
    assert_eq!(stage.app.groups_of("a1"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_shows_a_removal_takes_nobody_out_of_a_group_they_joined_meanwhile() {
    let (stage, team, ids) = with_members(teams(), &["anna@corp.example"]).await;
    stage.app.content().groups.push(Group {
        id: "other".to_owned(),
        name: "other".to_owned(),
        members: None,
    });
    sleep(Duration::from_mins(5)).await;
    let (other, anna) = (stage.group("other").await, [ids[0].as_str()]);
    let gate = Arc::new(Notify::new());
    stage.app.next("account", Fault::AnswersOld(Arc::clone(&gate)));
    let (removed, ()) = tokio::join!(stage.members(&team, "remove", &anna), async {
        sleep(Duration::from_secs(1)).await;
        stage.members(&other, "add", &anna).await.unwrap();
        gate.notify_one();
    });
    removed.unwrap();
    assert_eq!(stage.members_of(&other).await, ids);
    empty(&stage, &other).await.unwrap();
    assert_eq!(stage.app.groups_of("a1"), [""; 0]);
}
