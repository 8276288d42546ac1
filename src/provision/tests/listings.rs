//! A listing tells what stands; it neither undoes what was done meanwhile nor brings anybody back.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::app::Fault;
use super::stage::{Stage, is_active, native, person, removing, status, workspaces};
use crate::contract::{Group, State};
use crate::provision::{ListQuery, Preconditions, View};
use crate::scim::schema::ResourceKind::{Group as GroupKind, User};
use crate::store::Kind;

const STALE: Duration = Duration::from_secs(31);

/// Runs `work` while a listing is under way that was answered before it.
async fn during_a_listing<T>(stage: &Stage, work: impl Future<Output = T>) -> T {
    let gate = Arc::new(Notify::new());
    stage.app.next("accounts", Fault::AnswersOld(Arc::clone(&gate)));
    let (value, listed) = tokio::join!(
        async {
            sleep(Duration::from_secs(1)).await;
            let value = work.await;
            sleep(Duration::from_secs(1)).await;
            gate.notify_one();
            value
        },
        stage.connection.list_accounts()
    );
    listed.unwrap();
    value
}

#[tokio::test(start_paused = true)]
async fn a_listing_older_than_a_deactivation_does_not_undo_it() {
    for capabilities in [native(), removing()] {
        let stage = Stage::new(capabilities).await;
        let anna = stage.hire("anna@corp.example").await;
        Box::pin(during_a_listing(&stage, stage.deactivate(&anna))).await.unwrap();
        assert!(!is_active(&stage.get(User, &anna).await.unwrap()));
        assert_eq!(stage.people().await, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_older_than_a_deletion_does_not_bring_the_person_back() {
    for capabilities in [native(), removing()] {
        let stage = Stage::new(capabilities).await;
        let anna = stage.hire("anna@corp.example").await;
        Box::pin(during_a_listing(&stage, stage.delete(&anna))).await.unwrap();
        assert_eq!(stage.people().await, 0);
        stage.hire("anna@corp.example").await;
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_deleted_is_not_listed_again_unless_the_app_gives_access_again() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.delete(&anna).await.unwrap();
    sleep(STALE).await;
    assert!(stage.list(User, None).await.is_empty());
    stage.app.put("a1", "anna@corp.example", State::Active, "member");
    sleep(STALE).await;
    let listed = stage.list(User, None).await;
    assert_eq!(listed.len(), 1);
    assert_ne!(listed[0]["id"], anna.as_str());
}

#[tokio::test(start_paused = true)]
async fn two_accounts_of_one_name_do_not_hide_everybody_else() {
    let stage = Stage::new(native()).await;
    stage.app.put("x1", "anna@corp.example", State::Active, "member");
    stage.app.put("x2", "anna@corp.example", State::Active, "member");
    stage.app.put("x3", "bo@corp.example", State::Active, "member");
    assert_eq!(stage.list(User, None).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_change_during_the_first_listing_does_not_make_the_app_look_empty() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.put("x1", "bo@corp.example", State::Active, "member");
    sleep(STALE).await;
    let gate = Arc::new(Notify::new());
    stage.app.next("accounts", Fault::AnswersOld(Arc::clone(&gate)));
    let (listed, ()) = tokio::join!(stage.list(User, None), async {
        sleep(Duration::from_secs(1)).await;
        stage.patch(&anna, serde_json::json!({"title": "Engineer"})).await.unwrap();
        gate.notify_one();
    });
    assert_eq!(listed.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_app_that_was_never_listed_is_not_an_empty_one() {
    let stage = Stage::new(native()).await;
    stage.app.down(true);
    assert_eq!(status(stage.connection.list(User, &ListQuery::default()).await), 503);
    stage.app.down(false);
    stage.app.put("x1", "bo@corp.example", State::Active, "member");
    sleep(Duration::from_secs(2)).await;
    assert_eq!(stage.list(User, None).await.len(), 1);
    stage.app.down(true);
    sleep(STALE).await;
    assert_eq!(stage.list(User, None).await.len(), 1, "while it is down the store answers");
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_lost_a_third_of_its_people_or_groups_is_not_believed() {
    let stage = Stage::new(native()).await;
    for number in 0..10 {
        let email = format!("p{number}@corp.example");
        stage.app.put(&format!("x{number}"), &email, State::Active, "member");
        let id = format!("g{number}");
        stage.app.content().groups.push(Group { name: id.clone(), id, members: None });
    }
    assert_eq!(stage.list(GroupKind, None).await.len(), 10);
    stage.app.content().accounts.clear();
    stage.app.content().groups.clear();
    sleep(STALE).await;
    assert_eq!(stage.list(GroupKind, None).await.len(), 10);
    let listed = stage.list(User, Some("active eq true")).await;
    assert_eq!(listed.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn somebody_removed_and_invited_again_by_hand_keeps_the_resource() {
    let stage = Stage::new(removing()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.content().accounts.clear();
    stage.app.put("other", "anna@corp.example", State::Active, "member");
    sleep(STALE).await;
    let listed = stage.list(User, None).await;
    assert_eq!(
        (listed.len(), &listed[0]["id"], &listed[0]["active"]),
        (1, &anna.clone().into(), &true.into())
    );
}

#[tokio::test(start_paused = true)]
async fn a_deactivated_person_invited_again_by_hand_is_shown_active_by_its_id_too() {
    let stage = Stage::new(removing()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    sleep(STALE).await;
    stage.app.put("other", "anna@corp.example", State::Active, "member");
    assert!(is_active(&stage.get(User, &anna).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_listing_changes_no_version() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.list(User, None).await;
    let before = stage.get(User, &anna).await.unwrap();
    sleep(STALE).await;
    stage.list(User, None).await;
    let after = stage.get(User, &anna).await.unwrap();
    assert_eq!((before.etag, &before.resource["meta"]), (after.etag, &after.resource["meta"]));
    assert_ne!(
        before
            .resource
            .pointer("/urn:portcullis:params:scim:schemas:extension:gateway:2.0:User/lastObserved"),
        after.resource.pointer("/urn:portcullis:params:scim:schemas:extension:gateway:2.0:User/lastObserved")
    );
    drop(person("unused@corp.example"));
}

#[tokio::test(start_paused = true)]
async fn a_listing_is_read_once_and_kept_however_often_the_store_changes_under_it() {
    for times in [1, 2, 100] {
        let stage = Stage::new(native()).await;
        stage.app.put("x1", "anna@corp.example", State::Active, "member");
        stage.app.put("x2", "bo@corp.example", State::Active, "member");
        stage.disk.changes_under_listings(times);
        stage.connection.list_accounts().await.unwrap();
        assert_eq!(stage.app.calls(), ["accounts"]);
        assert_eq!(stage.people().await, 2, "{times}");
        let roster = stage.store.roster("app", Kind::User).await.unwrap().unwrap();
        assert_eq!(roster.total, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_of_groups_is_compared_again_where_the_store_changes_under_it() {
    let stage = Stage::new(native()).await;
    let team = Group { id: "g1".to_owned(), name: "team".to_owned(), members: None };
    stage.app.content().groups = vec![team];
    stage.list(User, None).await;
    stage.disk.changes_under_listings(2);
    sleep(STALE).await;
    assert_eq!(stage.list(GroupKind, None).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_a_listing_passed_over_is_looked_at_before_anybody_is_told_that_they_are_out() {
    for capabilities in [native(), removing()] {
        for deleted in [false, true] {
            let stage = Stage::new(capabilities).await;
            let anna = stage.hire("anna@corp.example").await;
            let account = stage.app.content().accounts.pop_first().unwrap();
            sleep(STALE).await;
            stage.connection.list_accounts().await.unwrap();
            stage.app.content().accounts.extend([account]);
            assert!(!is_active(&stage.get(User, &anna).await.unwrap()), "it is gone as far as one can see");
            if deleted {
                stage.delete(&anna).await.unwrap();
            } else {
                assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
            }
            let works = |account: &crate::contract::Account| account.state() == State::Active;
            assert!(!stage.app.content().accounts.values().any(works));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_only_seemed_to_be_gone_is_taken_out_of_a_group() {
    for capabilities in [native(), workspaces()] {
        for way in 0..6 {
            let stage = Stage::new(capabilities).await;
            stage.app.content().groups =
                vec![Group { id: "team".to_owned(), name: "team".to_owned(), members: None }];
            let (anna, team) = (stage.hire("anna@corp.example").await, stage.group("team").await);
            stage.members(&team, "add", &[&anna]).await.unwrap();
            sleep(STALE).await;
            let account = stage.app.content().accounts.pop_first().unwrap();
            if way < 3 {
                stage.connection.list_accounts().await.unwrap();
                stage.app.content().accounts.extend([account]);
            } else {
                stage.get(User, &anna).await.unwrap();
                stage.app.content().accounts.extend([account]);
                stage.list(User, None).await;
            }
            match way % 3 {
                0 => stage.members(&team, "remove", &[&anna]).await.unwrap(),
                1 => stage.members(&team, "replace", &[]).await.unwrap(),
                _ => {
                    let path = "members[display eq \"anna@corp.example\"]";
                    let body = json!({"Operations": [{"op": "remove", "path": path}]});
                    let (view, when) = (View::default(), Preconditions::default());
                    stage.connection.patch(GroupKind, &team, body, &view, &when).await.unwrap();
                }
            }
            assert_eq!(stage.app.groups_of("a1"), [""; 0], "way {way}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_seems_to_be_gone_is_out_only_once_the_app_says_so() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.content().accounts.clear();
    sleep(STALE).await;
    stage.connection.list_accounts().await.unwrap();
    assert!(!is_active(&stage.get(User, &anna).await.unwrap()));
    stage.app.down(true);
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    stage.app.down(false);
    assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
}
