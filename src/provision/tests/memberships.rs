//! Members follow what was asked last; nobody gets in who shall be out, and no group is a way round a guard.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::app::Fault;
use super::stage::{Stage, admin, native, removing, status, workspaces};
use crate::contract::{Capabilities, Group, GroupCapabilities, Kind, State};
use crate::provision::{Policy, Preconditions, View};
use crate::scim::schema::ResourceKind;

async fn with_workspaces() -> Stage {
    let stage = Stage::new(workspaces()).await;
    let group = |name: &str| Group { id: format!("ws-{name}"), name: name.to_owned(), members: None };
    stage.app.content().groups = vec![group("one"), group("two")];
    stage
}

/// A team nobody is in.
async fn with_team(capabilities: Capabilities) -> (Stage, String) {
    let stage = Stage::new(capabilities).await;
    stage.app.content().groups =
        vec![Group { id: "team".to_owned(), name: "team".to_owned(), members: None }];
    let team = stage.group("team").await;
    (stage, team)
}

/// Somebody of two workspaces, and the second one's id.
async fn in_both() -> (Stage, String, String) {
    let stage = with_workspaces().await;
    let anna = stage.hire("anna@corp.example").await;
    let (one, two) = (stage.group("one").await, stage.group("two").await);
    stage.members(&one, "add", &[&anna]).await.unwrap();
    stage.members(&two, "add", &[&anna]).await.unwrap();
    (stage, anna, two)
}

async fn replace(stage: &Stage, group: &str, name: &str, ids: &[&str]) -> crate::provision::Result<()> {
    let members: Vec<Value> = ids.iter().map(|id| json!({"value": id})).collect();
    let body = json!({"displayName": name, "members": members});
    let (view, when) = (View::default(), Preconditions::default());
    stage.connection.replace(ResourceKind::Group, group, body, &view, &when).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn one_member_comes_and_goes_without_a_look_at_the_others() {
    for capabilities in [native(), workspaces()] {
        let (stage, team) = with_team(capabilities).await;
        let (anna, bo) = (stage.hire("anna@corp.example").await, stage.hire("bo@corp.example").await);
        stage.members(&team, "add", &[&anna]).await.unwrap();
        let before = stage.disk.members_read();
        stage.members(&team, "add", &[&bo]).await.unwrap();
        stage.members(&team, "remove", &[&anna]).await.unwrap();
        assert_eq!(stage.disk.members_read(), before);
        assert_eq!(stage.members_of(&team).await, [bo]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_lacks_whoever_comes_back_meanwhile_takes_them_out_of_no_group() {
    let stage = with_workspaces().await;
    let anna = stage.hire("anna@corp.example").await;
    let one = stage.group("one").await;
    stage.members(&one, "add", &[&anna]).await.unwrap();
    stage.app.next("deactivate", Fault::Breaks);
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    sleep(Duration::from_mins(2)).await;
    let gate = Arc::new(Notify::new());
    stage.app.next("create_account", Fault::Waits(Arc::clone(&gate)));
    let (back, ()) = tokio::join!(stage.activate(&anna), async {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(stage.list(ResourceKind::User, None).await[0]["active"], false);
        gate.notify_one();
    });
    back.unwrap();
    assert_eq!(stage.app.groups_of("a2"), ["ws-one"]);
    assert_eq!(stage.members_of(&one).await, [anna.as_str()]);
    stage.members(&one, "remove", &[&anna]).await.unwrap();
    assert_eq!(stage.app.groups_of("a2"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn whoever_may_have_been_let_in_is_taken_out() {
    for capabilities in [native(), workspaces()] {
        for way in 0..4 {
            let (stage, team) = with_team(capabilities).await;
            let (anna, bo) = (stage.hire("anna@corp.example").await, stage.hire("bo@corp.example").await);
            stage.members(&team, "add", &[&bo]).await.unwrap();
            stage.app.next("add_member", Fault::Breaks);
            assert_eq!(status(stage.members(&team, "add", &[&anna]).await), 503);
            assert_eq!(stage.app.groups_of("a1"), ["team"]);
            match way {
                0 => stage.members(&team, "remove", &[&anna]).await.unwrap(),
                1 => replace(&stage, &team, "team", &[&bo]).await.unwrap(),
                2 => {
                    let path = "members[display eq \"anna@corp.example\"]";
                    let body = json!({"Operations": [{"op": "remove", "path": path}]});
                    let (view, when) = (View::default(), Preconditions::default());
                    stage.connection.patch(ResourceKind::Group, &team, body, &view, &when).await.unwrap();
                }
                // What failed is not done later because of somebody else.
                _ => {
                    stage.app.writes();
                    stage.members(&team, "remove", &[&bo]).await.unwrap();
                    assert_eq!(stage.app.writes().len(), 1);
                    continue;
                }
            }
            assert_eq!(stage.app.groups_of("a1"), Vec::<String>::new(), "way {way}");
            assert_eq!(stage.app.groups_of("a2"), ["team"]);
            stage.app.writes();
            stage.members(&team, "remove", &[&anna]).await.unwrap();
            assert_eq!(stage.app.writes(), Vec::<String>::new(), "it is known since");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_membership_taken_away_does_not_come_back_with_another_change_of_the_person() {
    let stage = with_workspaces().await;
    let anna = stage.hire("anna@corp.example").await;
    let two = stage.group("two").await;
    stage.members(&two, "add", &[&anna]).await.unwrap();
    assert_eq!(stage.members_of(&two).await, std::slice::from_ref(&anna));
    stage.members(&two, "remove", &[&anna]).await.unwrap();
    stage.patch(&anna, json!({"title": "Engineer"})).await.unwrap();
    assert!(stage.members_of(&two).await.is_empty());
    stage.deactivate(&anna).await.unwrap();
    stage.activate(&anna).await.unwrap();
    assert!(stage.app.groups_of("a2").is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_open_removal_that_is_taken_back_is_not_carried_out() {
    let stage = with_workspaces().await;
    let anna = stage.hire("anna@corp.example").await;
    let two = stage.group("two").await;
    stage.members(&two, "add", &[&anna]).await.unwrap();
    stage.app.next("remove_member", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(stage.members(&two, "remove", &[&anna]).await), 503);
    stage.members(&two, "add", &[&anna]).await.unwrap();
    stage.go_on_for(Duration::from_mins(10)).await;
    assert_eq!(stage.app.groups_of("a1"), ["ws-two"]);
    assert_eq!(stage.members_of(&two).await, [anna]);
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_removal_goes_on_without_another_request() {
    let stage = with_workspaces().await;
    let anna = stage.hire("anna@corp.example").await;
    let two = stage.group("two").await;
    stage.members(&two, "add", &[&anna]).await.unwrap();
    stage.app.down(true);
    assert_eq!(status(stage.members(&two, "remove", &[&anna]).await), 503);
    stage.app.calls();
    stage.go_on_for(Duration::from_mins(10)).await;
    let tried = stage.app.calls().iter().filter(|call| call.starts_with("remove_member")).count();
    assert!((80..=130).contains(&tried), "one in five seconds, to see whether it is well again: {tried}");
    assert_eq!(stage.open_intents().await.len(), 1);
    stage.app.down(false);
    stage.go_on_for(Duration::from_secs(10)).await;
    assert!(stage.app.groups_of("a1").is_empty());
    assert!(stage.members_of(&two).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_removal_that_is_impossible_does_not_end_the_others() {
    for kind in [Kind::Unavailable, Kind::Credentials] {
        let stage = with_workspaces().await;
        let (anna, bo) = (stage.hire("anna@corp.example").await, stage.hire("bo@corp.example").await);
        let two = stage.group("two").await;
        stage.members(&two, "add", &[&anna, &bo]).await.unwrap();
        stage.app.next("remove_member", Fault::Fails(Kind::Unsupported));
        stage.app.next("remove_member", Fault::Fails(kind));
        assert_eq!(status(replace(&stage, &two, "two", &[]).await), 503);
        stage.go_on_for(Duration::from_mins(1)).await;
        assert!(stage.app.groups_of("a1").is_empty());
        assert!(stage.app.groups_of("a2").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_replace_that_fails_in_part_keeps_what_succeeded() {
    let stage = with_workspaces().await;
    let (anna, bo) = (stage.hire("anna@corp.example").await, stage.hire("bo@corp.example").await);
    let two = stage.group("two").await;
    stage.members(&two, "add", &[&anna]).await.unwrap();
    stage.app.next("add_member", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(replace(&stage, &two, "two", &[&bo]).await), 503);
    assert!(stage.members_of(&two).await.is_empty());
    stage.go_on_for(Duration::from_mins(10)).await;
    assert!(stage.app.groups_of("a2").is_empty(), "what was refused is not given later");
    replace(&stage, &two, "two", &[&bo]).await.unwrap();
    assert_eq!(stage.members_of(&two).await, [bo]);
}

#[tokio::test(start_paused = true)]
async fn nobody_who_leaves_is_put_into_a_group() {
    let stage = with_workspaces().await;
    let anna = stage.hire("anna@corp.example").await;
    let two = stage.group("two").await;
    stage.app.next("deactivate", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    assert_eq!(status(stage.members(&two, "add", &[&anna]).await), 409);
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(status(stage.members(&two, "add", &[&anna]).await), 409);
    assert_eq!(stage.app.working("anna@corp.example"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_membership_and_a_deactivation_at_once_end_without_access() {
    let stage = with_workspaces().await;
    let anna = stage.hire("anna@corp.example").await;
    let two = stage.group("two").await;
    let gate = Arc::new(Notify::new());
    stage.app.next("deactivate", Fault::Waits(Arc::clone(&gate)));
    let (left, joined, ()) = tokio::join!(
        stage.deactivate(&anna),
        async {
            sleep(Duration::from_secs(1)).await;
            stage.members(&two, "add", &[&anna]).await
        },
        async {
            sleep(Duration::from_secs(2)).await;
            gate.notify_one();
        }
    );
    left.unwrap();
    assert_eq!(status(joined), 409);
    assert_eq!(stage.app.working("anna@corp.example"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_person_noted_meanwhile_does_not_undo_a_change_of_members() {
    let stage = Stage::new(removing()).await;
    admin(&stage, "boss@corp.example").await;
    let anna = admin(&stage, "anna@corp.example").await;
    let admins = stage.group("admin").await;
    let gate = Arc::new(Notify::new());
    stage.app.next("remove_member", Fault::Waits(Arc::clone(&gate)));
    let leaving = [anna.as_str()];
    let (removed, ()) = tokio::join!(stage.members(&admins, "remove", &leaving), async {
        sleep(Duration::from_secs(1)).await;
        stage.app.content().accounts.get_mut("a2").unwrap().state = Some(State::Active);
        stage.connection.list_accounts().await.unwrap();
        gate.notify_one();
    });
    removed.unwrap();
    assert_eq!(stage.app.role("a2").as_deref(), Some("member"));
    assert_eq!(stage.members_of(&admins).await.len(), 1);
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_last_administrator_is_not_demoted_through_a_group() {
    let stage = Stage::new(removing()).await;
    let boss = admin(&stage, "boss@corp.example").await;
    let (admins, members) = (stage.group("admin").await, stage.group("member").await);
    assert_eq!(status(stage.members(&admins, "remove", &[&boss]).await), 409);
    assert_eq!(status(replace(&stage, &admins, "admin", &[]).await), 409);
    assert_eq!(status(stage.members(&members, "add", &[&boss]).await), 409);
    admin(&stage, "second@corp.example").await;
    assert_eq!(status(replace(&stage, &admins, "admin", &[]).await), 409, "both at once are the last");
    assert_eq!(stage.app.role("a1").as_deref(), Some("admin"));
    stage.members(&admins, "remove", &[&boss]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_protected_account_is_not_demoted_or_taken_out_through_a_group() {
    let protected = || Policy { protected: vec!["boss@corp.example".to_owned()], ..Policy::default() };
    let stage = Stage::with(removing(), protected()).await;
    let boss = admin(&stage, "boss@corp.example").await;
    admin(&stage, "second@corp.example").await;
    let (admins, members) = (stage.group("admin").await, stage.group("member").await);
    assert_eq!(status(stage.members(&admins, "remove", &[&boss]).await), 403);
    assert_eq!(status(replace(&stage, &admins, "admin", &[]).await), 403);
    assert_eq!(status(stage.members(&members, "add", &[&boss]).await), 403);
    assert_eq!(stage.app.role("a1").as_deref(), Some("admin"));

    let stage = Stage::with(workspaces(), protected()).await;
    stage.app.content().groups =
        vec![Group { id: "ws-two".to_owned(), name: "two".to_owned(), members: None }];
    let boss = stage.hire("boss@corp.example").await;
    let two = stage.group("two").await;
    stage.members(&two, "add", &[&boss]).await.unwrap();
    assert_eq!(status(stage.members(&two, "remove", &[&boss]).await), 403);
}

#[tokio::test(start_paused = true)]
async fn somebody_gone_from_the_app_is_in_no_group() {
    let stage = with_workspaces().await;
    let anna = stage.hire("anna@corp.example").await;
    let two = stage.group("two").await;
    stage.members(&two, "add", &[&anna]).await.unwrap();
    stage.app.content().accounts.clear();
    sleep(Duration::from_secs(31)).await;
    stage.get(ResourceKind::User, &anna).await.unwrap();
    assert!(stage.members_of(&two).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_group_with_a_member_nobody_knows_is_not_created() {
    let stage = Stage::new(native()).await;
    let body = json!({"displayName": "team", "members": [{"value": "nobody"}]});
    let made = stage.connection.create(ResourceKind::Group, body, &View::default()).await;
    assert_eq!(status(made), 400);
    assert!(stage.app.writes().iter().all(|call| !call.starts_with("create_group")));
    let body = json!({"displayName": "team"});
    stage.connection.create(ResourceKind::Group, body, &View::default()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_last_administrator_hands_over_before_leaving_the_group() {
    let stage = Stage::new(removing()).await;
    admin(&stage, "boss@corp.example").await;
    let anna = stage.hire("anna@corp.example").await;
    let admins = stage.group("admin").await;
    stage.app.calls();
    stage.app.next("add_member", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(replace(&stage, &admins, "admin", &[&anna]).await), 503);
    assert_eq!(stage.app.role("a1").as_deref(), Some("admin"), "nobody else has it yet");
    stage.app.calls();
    replace(&stage, &admins, "admin", &[&anna]).await.unwrap();
    assert_eq!(stage.app.writes(), ["add_member role:admin a2", "remove_member role:admin a1"]);
    assert_eq!(stage.members_of(&admins).await, [anna]);
}

/// An app with one group that takes two members in one call.
async fn by_twos() -> (Stage, String) {
    let capabilities = native();
    let groups = GroupCapabilities { members_at_once: 2, ..capabilities.groups };
    let stage = Stage::new(Capabilities { groups, ..capabilities }).await;
    stage.app.content().groups = vec![Group { id: "red".to_owned(), name: "red".to_owned(), members: None }];
    let group = stage.group("red").await;
    (stage, group)
}

async fn take_out(stage: &Stage, group: &str, ids: &[&str]) -> crate::provision::Result<()> {
    let members: Vec<Value> = ids.iter().map(|id| json!({"value": id})).collect();
    let body = json!({"Operations": [{"op": "remove", "path": "members", "value": members}]});
    let (view, when) = (View::default(), Preconditions::default());
    stage.connection.patch(ResourceKind::Group, group, body, &view, &when).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn members_come_and_go_by_as_few_calls_as_the_app_allows() {
    let (stage, group) = by_twos().await;
    let people = [stage.hire("anna@x.y").await, stage.hire("bo@x.y").await, stage.hire("cy@x.y").await];
    let all: Vec<&str> = people.iter().map(String::as_str).collect();
    stage.app.calls();
    stage.members(&group, "add", &all).await.unwrap();
    assert_eq!(stage.app.writes(), ["add_members red a1 a2", "add_member red a3"]);
    stage.app.calls();
    take_out(&stage, &group, &all).await.unwrap();
    assert_eq!(stage.app.writes(), ["remove_members red a1 a2", "remove_member red a3"]);
    assert!(stage.members_of(&group).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn where_several_are_refused_each_is_asked_for_alone() {
    let (stage, group) = by_twos().await;
    let people = [stage.hire("anna@x.y").await, stage.hire("bo@x.y").await];
    let all: Vec<&str> = people.iter().map(String::as_str).collect();
    stage.app.next("add_members", Fault::Fails(Kind::Invalid));
    stage.app.next("add_member", Fault::Fails(Kind::Invalid));
    stage.app.calls();
    assert_eq!(status(stage.members(&group, "add", &all).await), 400);
    assert_eq!(stage.app.writes(), ["add_members red a1 a2", "add_member red a1", "add_member red a2"]);
    assert_eq!(stage.members_of(&group).await, [people[1].clone()]);
}

#[tokio::test(start_paused = true)]
async fn several_removals_the_app_did_not_answer_are_read_back() {
    let (stage, group) = by_twos().await;
    let people = [stage.hire("anna@x.y").await, stage.hire("bo@x.y").await];
    let all: Vec<&str> = people.iter().map(String::as_str).collect();
    stage.members(&group, "add", &all).await.unwrap();
    stage.app.next("remove_members", Fault::Loses);
    take_out(&stage, &group, &all).await.unwrap();
    assert!(stage.members_of(&group).await.is_empty());
    assert_eq!(stage.app.groups_of("a1"), Vec::<String>::new());
    stage.members(&group, "add", &all).await.unwrap();
    stage.app.next("remove_members", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(take_out(&stage, &group, &all).await), 503);
    assert_eq!(stage.members_of(&group).await.len(), 2, "nobody is said to be out who is in");
}

/// Somebody in two workspaces, whose removal took the first of them and was cut off.
async fn half_removed() -> (Stage, String) {
    let (stage, anna, _) = in_both().await;
    stage.app.next("deactivate", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    stage.app.content().accounts.get_mut("a1").unwrap().groups = Some(vec!["ws-two".to_owned()]);
    (stage, anna)
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_took_two_attempts_is_undone_as_a_whole() {
    let (stage, anna) = half_removed().await;
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.app.working("anna@corp.example"), 0);
    stage.activate(&anna).await.unwrap();
    assert_eq!(stage.app.groups_of("a2"), ["ws-two", "ws-one"]);
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_is_called_off_half_way_gives_back_what_it_took() {
    let (stage, anna) = half_removed().await;
    stage.app.next("add_member", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(stage.activate(&anna).await), 503);
    stage.app.calls();
    stage.activate(&anna).await.unwrap();
    assert_eq!(stage.app.groups_of("a1"), ["ws-two", "ws-one"]);
    assert_eq!(stage.app.writes(), ["add_member ws-one a1"]);
    assert!(stage.open_intents().await.is_empty());
    // What it had is not remembered for another time.
    let one = stage.group("one").await;
    stage.members(&one, "remove", &[&anna]).await.unwrap();
    stage.deactivate(&anna).await.unwrap();
    stage.activate(&anna).await.unwrap();
    assert_eq!(stage.app.groups_of("a2"), ["ws-two"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_comes_back_into_a_group_they_were_taken_out_of_meanwhile() {
    let (stage, anna) = half_removed().await;
    let two = stage.group("two").await;
    stage.members(&two, "remove", &[&anna]).await.unwrap();
    stage.activate(&anna).await.unwrap();
    assert!(stage.members_of(&two).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn nobody_comes_back_into_a_group_they_were_taken_out_of_while_they_were_away() {
    for way in 0..3 {
        let (stage, anna, two) = away().await;
        match way {
            0 => stage.members(&two, "remove", &[&anna]).await.unwrap(),
            1 => stage.members(&two, "replace", &[]).await.unwrap(),
            _ => replace(&stage, &two, "two", &[]).await.unwrap(),
        }
        stage.activate(&anna).await.unwrap();
        assert_eq!(stage.app.groups_of("a2"), ["ws-one"], "{way}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_gone_holds_up_nobody_who_stays() {
    let (stage, anna) = half_removed().await;
    stage.app.next("add_member", Fault::Fails(Kind::NotFound));
    stage.activate(&anna).await.unwrap();
    assert_eq!(stage.app.groups_of("a1"), ["ws-two"]);
    assert!(stage.open_intents().await.is_empty());
}

/// [`in_both`], and away.
async fn away() -> (Stage, String, String) {
    let (stage, anna, two) = in_both().await;
    stage.deactivate(&anna).await.unwrap();
    (stage, anna, two)
}

#[tokio::test(start_paused = true)]
async fn whoever_may_have_come_back_is_looked_for_before_they_are_out_of_a_group() {
    let (stage, anna, two) = away().await;
    stage.app.next("create_account", Fault::Loses);
    stage.app.always("account", Some(Kind::Unavailable));
    assert_eq!(status(stage.activate(&anna).await), 503);
    assert_eq!(status(stage.members(&two, "remove", &[&anna]).await), 503, "nobody can tell");
    stage.app.always("account", None);
    stage.members(&two, "remove", &[&anna]).await.unwrap();
    assert_eq!(stage.app.groups_of("a2"), ["ws-one"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_may_still_come_back_is_taken_out_of_a_group_once_they_have() {
    let (stage, anna, two) = away().await;
    stage.app.next("create_account", Fault::ActsLate);
    assert_eq!(status(stage.activate(&anna).await), 503);
    assert_eq!(status(stage.members(&two, "remove", &[&anna]).await), 503);
    stage.app.catch_up();
    stage.go_on_for(Duration::from_mins(6)).await;
    assert_eq!(stage.app.groups_of("a2"), ["ws-one"]);
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn whoever_may_be_back_in_a_group_that_a_removal_took_is_taken_out_of_it() {
    let (stage, anna) = half_removed().await;
    let one = stage.group("one").await;
    stage.app.next("add_member", Fault::Breaks);
    // The look before it is answered, the one after it is not.
    stage.app.next("account", Fault::Lies);
    stage.app.next("account", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(stage.activate(&anna).await), 503);
    assert_eq!(stage.app.groups_of("a1"), ["ws-two", "ws-one"]);
    stage.members(&one, "remove", &[&anna]).await.unwrap();
    assert_eq!(stage.app.groups_of("a1"), ["ws-two"]);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_was_given_back_though_the_app_answered_with_an_error_is_found_by_reading() {
    let (stage, anna) = half_removed().await;
    stage.app.next("add_member", Fault::Breaks);
    stage.activate(&anna).await.unwrap();
    assert_eq!(stage.app.groups_of("a1"), ["ws-two", "ws-one"]);
}

#[tokio::test(start_paused = true)]
async fn a_return_of_which_only_a_part_was_done_is_completed() {
    let (stage, anna, _) = away().await;
    stage.app.put("a9", "anna@corp.example", State::Active, "member");
    stage.app.content().accounts.get_mut("a9").unwrap().groups = Some(vec!["ws-one".to_owned()]);
    stage.app.next("create_account", Fault::Fails(Kind::Unknown));
    stage.activate(&anna).await.unwrap();
    assert_eq!(stage.app.groups_of("a9"), ["ws-one", "ws-two"]);
}

/// A team of one, whose removal the app does not carry out yet.
async fn owed() -> (Stage, String, String) {
    let (stage, team) = with_team(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.members(&team, "add", &[&anna]).await.unwrap();
    stage.app.always("remove_member", Some(Kind::Unavailable));
    assert_eq!(status(stage.members(&team, "remove", &[&anna]).await), 503);
    (stage, team, anna)
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_is_owed_holds_up_nobody_else() {
    let (stage, team, anna) = owed().await;
    let since = stage.open_intents().await[0].created_at;
    let (bo, cy) = (stage.hire("bo@corp.example").await, stage.hire("cy@corp.example").await);
    stage.members(&team, "add", &[&bo]).await.unwrap();
    stage.app.next("add_member", Fault::Fails(Kind::Invalid));
    assert_eq!(status(stage.members(&team, "add", &[&cy]).await), 400);
    let open = stage.open_intents().await;
    assert_eq!((open.len(), open[0].created_at), (1, since), "and it is not forgotten");
    assert_eq!(status(stage.members(&team, "remove", &[&anna]).await), 503, "asked for again");
    stage.app.always("remove_member", None);
    stage.go_on_for(Duration::from_mins(6)).await;
    assert_eq!(stage.members_of(&team).await, [bo]);
    assert!(stage.app.groups_of("a1").is_empty());
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_is_owed_outlives_a_process_that_died_in_another_change_of_the_group() {
    let (stage, team, _) = owed().await;
    let bo = stage.hire("bo@corp.example").await;
    stage.app.next("add_member", Fault::Waits(Arc::default()));
    assert_eq!(status(stage.members(&team, "add", &[&bo]).await), 503);
    stage.app.always("remove_member", None);
    let again = stage.restarted().await;
    again.go_on_for(Duration::from_mins(6)).await;
    assert!(again.app.groups_of("a1").is_empty());
    assert!(again.open_intents().await.is_empty());
}
