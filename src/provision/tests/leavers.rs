//! A 2xx to a deactivation was read back, and a leaver is never lost.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::app::Fault;
use super::stage::{Stage, by_hand, id, is_active, native, person, removing, status};
use crate::contract::{Accounts, Capabilities, Kind, State};
use crate::provision::{DeletePolicy, Policy};
use crate::scim::schema::{GATEWAY_USER, ResourceKind::User};
use crate::store::{IntentState, Intents};

/// An app that does not show whom it invited until they accept.
fn hiding() -> Capabilities {
    let shown = removing();
    Capabilities { accounts: Accounts { shows_invited: false, ..shown.accounts }, ..shown }
}

const STALE: Duration = Duration::from_secs(31);

#[tokio::test(start_paused = true)]
async fn a_deactivation_is_answered_once_it_was_read_back() {
    for (capabilities, left) in [(native(), Some(State::Inactive)), (removing(), None)] {
        let stage = Stage::new(capabilities).await;
        let anna = stage.hire("anna@corp.example").await;
        stage.app.calls();
        assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
        assert_eq!(stage.app.calls(), ["deactivate a1", "account a1"]);
        assert_eq!(stage.app.state("a1"), left);
        assert!(stage.open_intents().await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_that_lies_gets_no_200_and_is_asked_until_it_obeys() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.next("deactivate", Fault::Lies);
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    assert!(is_active(&stage.get(crate::scim::schema::ResourceKind::User, &anna).await.unwrap()));
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_leaver_is_carried_through_an_outage_without_another_request() {
    for capabilities in [native(), removing()] {
        let stage = Stage::new(capabilities).await;
        let anna = stage.hire("anna@corp.example").await;
        stage.app.down(true);
        assert_eq!(status(stage.deactivate(&anna).await), 503);
        stage.go_on_for(Duration::from_mins(20)).await;
        assert_eq!(stage.app.working("anna@corp.example"), 1);
        assert_eq!(stage.open_intents().await.len(), 1);
        stage.app.down(false);
        stage.go_on_for(Duration::from_mins(6)).await;
        assert_eq!(stage.app.working("anna@corp.example"), 0);
        assert!(stage.open_intents().await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn every_failure_but_a_plain_impossibility_keeps_a_deactivation_open() {
    for kind in [
        Kind::Credentials,
        Kind::Forbidden,
        Kind::RateLimited,
        Kind::Unavailable,
        Kind::Unexpected,
        Kind::Invalid,
        Kind::Conflict,
    ] {
        let stage = Stage::new(native()).await;
        let anna = stage.hire("anna@corp.example").await;
        stage.app.next("deactivate", Fault::Fails(kind));
        assert_eq!(status(stage.deactivate(&anna).await), 503, "{kind:?}");
        stage.go_on_for(Duration::from_mins(1)).await;
        assert_eq!(stage.app.state("a1"), Some(State::Inactive), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_app_cannot_do_becomes_an_urgent_task() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.next("deactivate", Fault::Fails(Kind::Unsupported));
    assert_eq!(status(stage.deactivate(&anna).await), 501);
    let tasks = stage.connection.tasks(true).await.unwrap();
    assert_eq!((tasks.len(), tasks[0].kind.as_str(), tasks[0].urgent), (1, "attention", true));
    let latest = Intents::Latest { connection: "app".to_owned(), resource: anna };
    assert_eq!(stage.store.intents(&latest).await.unwrap()[0].state, IntentState::Dead);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_deactivation_is_resolved_by_reading_back() {
    for capabilities in [native(), removing()] {
        let stage = Stage::new(capabilities).await;
        let anna = stage.hire("anna@corp.example").await;
        stage.app.next("deactivate", Fault::Loses);
        assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
        assert_eq!(stage.app.working("anna@corp.example"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_invitation_the_app_does_not_show_is_withdrawn_and_not_taken_for_gone() {
    for fault in [None, Some(Fault::Fails(Kind::Unavailable)), Some(Fault::ActsLate)] {
        let stage = Stage::new(hiding()).await;
        let anna = stage.hire("anna@corp.example").await;
        sleep(STALE).await;
        fault.clone().into_iter().for_each(|fault| stage.app.next("deactivate", fault));
        let answer = stage.deactivate(&anna).await;
        assert_eq!(answer.map_err(|refusal| refusal.error.status).err(), fault.clone().map(|_| 503));
        stage.go_on_for(Duration::from_mins(1)).await;
        assert_eq!(stage.app.state("a1"), None, "{fault:?}");
        assert!(stage.open_intents().await.is_empty(), "{fault:?}");
        assert!(!is_active(&stage.get(crate::scim::schema::ResourceKind::User, &anna).await.unwrap()));
    }
}

#[tokio::test(start_paused = true)]
async fn an_invitation_the_app_does_not_show_stays_while_the_person_is_wanted() {
    let stage = Stage::new(hiding()).await;
    let anna = stage.hire("anna@corp.example").await;
    sleep(STALE).await;
    assert!(is_active(&stage.patch(&anna, json!({ "nickName": "Anni" })).await.unwrap()));
    assert_eq!(stage.app.working("anna@corp.example"), 1, "and nobody is invited twice");
}

#[tokio::test(start_paused = true)]
async fn a_deactivation_of_somebody_the_app_no_longer_has_is_done() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.content().accounts.clear();
    stage.app.next("deactivate", Fault::Fails(Kind::NotFound));
    assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_between_the_call_and_the_commit_finishes_after_its_restart() {
    for operation in ["deactivate", "account"] {
        let stage = Stage::new(removing()).await;
        let anna = stage.hire("anna@corp.example").await;
        stage.app.next(operation, Fault::Waits(Arc::new(Notify::new())));
        assert_eq!(status(stage.deactivate(&anna).await), 503);
        stage.app.content().accounts.clear();
        let again = stage.restarted().await;
        again.go_on_for(Duration::from_secs(5)).await;
        assert!(again.open_intents().await.is_empty(), "{operation}");
        let shown = again.get(crate::scim::schema::ResourceKind::User, &anna).await.unwrap();
        assert!(!is_active(&shown));
        assert_eq!(again.open_tasks().await, ["residual_access"], "what is left behind is said");
        assert_eq!(shown.resource["active"], false);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_adapter_leaves_the_deactivation_open() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.next("deactivate", Fault::Panics);
    assert_eq!(status(stage.deactivate(&anna).await), 500);
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_hangs_up_cancels_nothing() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    let gate = Arc::new(Notify::new());
    stage.app.next("deactivate", Fault::Waits(Arc::clone(&gate)));
    {
        let request = stage.deactivate(&anna);
        tokio::pin!(request);
        tokio::select! { biased; _ = &mut request => panic!("answered"), () = sleep(Duration::from_secs(1)) => {} }
    }
    gate.notify_one();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_inactive_person_is_looked_at_before_another_deactivation_is_a_200() {
    for capabilities in [native(), removing()] {
        for (pause, deleted) in
            [(STALE, false), (Duration::from_secs(5), false), (Duration::from_secs(5), true)]
        {
            let stage = Stage::new(capabilities).await;
            let anna = stage.hire("anna@corp.example").await;
            stage.deactivate(&anna).await.unwrap();
            sleep(pause).await;
            stage.app.put("a1", "anna@corp.example", State::Active, "member");
            if deleted {
                stage.delete(&anna).await.unwrap();
            } else {
                assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
            }
            assert_eq!(stage.app.working("anna@corp.example"), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_inactive_person_nobody_can_look_at_is_no_200() {
    for capabilities in [native(), removing()] {
        let stage = Stage::new(capabilities).await;
        let anna = stage.hire("anna@corp.example").await;
        stage.deactivate(&anna).await.unwrap();
        sleep(STALE).await;
        stage.app.put("a1", "anna@corp.example", State::Active, "member");
        stage.app.down(true);
        assert_eq!(status(stage.deactivate(&anna).await), 503);
        stage.app.down(false);
        stage.go_on_for(Duration::from_mins(1)).await;
        assert_eq!(stage.app.working("anna@corp.example"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_leaver_invited_again_by_hand_under_another_id_is_found() {
    let stage = Stage::new(removing()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.content().accounts.clear();
    stage.app.put("other", "anna@corp.example", State::Active, "member");
    sleep(STALE).await;
    stage.list(crate::scim::schema::ResourceKind::User, None).await;
    assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
    assert_eq!(stage.app.working("anna@corp.example"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_open_deactivation_survives_an_unrelated_change() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.down(true);
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    assert_eq!(status(stage.patch(&anna, json!({"title": "Engineer"})).await), 503);
    let bare = stage.put(&anna, person("anna@corp.example")).await;
    assert_eq!(status(bare), 503);
    stage.app.down(false);
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
}

#[tokio::test(start_paused = true)]
async fn an_open_deletion_survives_an_unrelated_change() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.down(true);
    assert_eq!(status(stage.delete(&anna).await), 503);
    assert_eq!(status(stage.patch(&anna, json!({"title": "Engineer"})).await), 503);
    stage.app.down(false);
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
    assert_eq!(stage.people().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_newer_activation_ends_an_open_deletion() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.next("deactivate", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(stage.delete(&anna).await), 503);
    assert!(is_active(&stage.activate(&anna).await.unwrap()));
    stage.go_on_for(Duration::from_mins(10)).await;
    assert_eq!(stage.app.state("a1"), Some(State::Active));
    assert_eq!(stage.people().await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_open_deactivation_with_a_new_name_is_not_stopped_by_somebody_who_took_the_name() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.down(true);
    let change = json!({"active": false, "userName": "bo@corp.example"});
    assert_eq!(status(stage.patch(&anna, change).await), 503);
    stage.app.down(false);
    stage.hire("bo@corp.example").await;
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deactivation_is_not_held_up_by_attributes_the_app_refuses() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.next("update_account", Fault::Fails(Kind::Invalid));
    let change = json!({"active": false, "name": {"givenName": "Anna"}});
    assert!(!is_active(&stage.patch(&anna, change).await.unwrap()));
    assert!(stage.open_intents().await.is_empty());

    let stage = Stage::new(removing()).await;
    let anna = stage.hire("anna@corp.example").await;
    let mut leaver = person("anna.b@corp.example");
    leaver["active"] = json!(false);
    leaver["roles"] = json!([{"value": "unheard of"}]);
    assert!(!is_active(&stage.put(&anna, leaver).await.unwrap()));
    assert_eq!(stage.app.working("anna@corp.example"), 0);
}

#[tokio::test(start_paused = true)]
async fn somebody_without_an_address_can_be_deleted() {
    let stage = Stage::new(native()).await;
    stage.app.put("a9", "anna@corp.example", State::Active, "member");
    stage.app.content().accounts.get_mut("a9").unwrap().email = None;
    let listed = stage.list(crate::scim::schema::ResourceKind::User, None).await;
    stage.delete(listed[0]["id"].as_str().unwrap()).await.unwrap();
    assert_eq!(stage.app.state("a9"), Some(State::Inactive));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_forgot_the_account_still_deactivates_the_right_one() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    let mut record = stage.store.record("app", crate::store::Kind::User, &anna).await.unwrap().unwrap();
    let expected = Some(record.version);
    record.observed = Some("{unreadable".to_owned());
    let write = crate::store::Write::Record { record: Box::new(record), expected };
    stage.store.commit(vec![write]).await.unwrap();
    assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
}

#[tokio::test(start_paused = true)]
async fn an_intent_nobody_can_read_is_not_taken_for_done() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.down(true);
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    let mut odd = stage.open_intents().await.remove(0);
    odd.id = "odd".to_owned();
    odd.generation += 1;
    odd.plan = "{unreadable".to_owned();
    stage.store.commit(vec![crate::store::Write::Intent(odd)]).await.unwrap();
    stage.app.down(false);
    stage.go_on_for(Duration::from_mins(10)).await;
    let latest = Intents::Latest { connection: "app".to_owned(), resource: anna };
    assert_eq!(stage.store.intents(&latest).await.unwrap()[0].state, IntentState::Dead);
    assert_eq!(stage.open_tasks().await, ["attention"]);
}

#[tokio::test(start_paused = true)]
async fn the_delete_policy_decides_what_a_delete_does() {
    let deletes = |delete| Policy { delete, ..Policy::default() };
    let stage = Stage::with(native(), deletes(DeletePolicy::Hard)).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.delete(&anna).await.unwrap();
    assert_eq!((stage.app.state("a1"), stage.people().await), (None, 0));

    let stage = Stage::with(native(), deletes(DeletePolicy::Reject)).await;
    let anna = stage.hire("anna@corp.example").await;
    assert_eq!(status(stage.delete(&anna).await), 403);
    assert_eq!((stage.app.state("a1"), stage.people().await), (Some(State::Active), 1));

    let stage = Stage::with(native(), deletes(DeletePolicy::Deactivate)).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.delete(&anna).await.unwrap();
    assert_eq!((stage.app.state("a1"), stage.people().await), (Some(State::Inactive), 0));
    assert_eq!(status(stage.delete(&anna).await), 404);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_was_not_confirmed_is_finished_later_and_the_name_is_free_then() {
    let stage = Stage::with(native(), Policy { delete: DeletePolicy::Hard, ..Policy::default() }).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.next("delete_account", Fault::Lies);
    assert_eq!(status(stage.delete(&anna).await), 503);
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 409);
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!((stage.app.state("a1"), stage.people().await), (None, 0));
    assert_ne!(stage.hire("anna@corp.example").await, anna);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_patch_changes_neither_version_nor_date() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    let first = stage.patch(&anna, json!({"title": "Engineer"})).await.unwrap();
    stage.app.calls();
    sleep(Duration::from_secs(5)).await;
    let second = stage.patch(&anna, json!({"title": "Engineer"})).await.unwrap();
    assert_eq!(second.resource, first.resource);
    assert!(stage.app.calls().is_empty());
    sleep(STALE).await;
    let third = stage.patch(&anna, json!({"title": "Engineer"})).await.unwrap();
    assert_eq!((third.etag, &third.resource["meta"]), (first.etag, &first.resource["meta"]));
}

#[tokio::test(start_paused = true)]
async fn two_patches_of_one_person_are_carried_out_one_after_the_other() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    let gate = Arc::new(Notify::new());
    stage.app.next("deactivate", Fault::Waits(Arc::clone(&gate)));
    let (off, on, ()) = tokio::join!(
        stage.deactivate(&anna),
        async {
            sleep(Duration::from_secs(1)).await;
            stage.activate(&anna).await
        },
        async {
            sleep(Duration::from_secs(2)).await;
            gate.notify_one();
        }
    );
    assert!(!is_active(&off.unwrap()));
    let on = on.unwrap();
    assert!(is_active(&on));
    assert_eq!(stage.app.state("a1"), Some(State::Active));
    let writes = stage.app.writes();
    assert_eq!(writes, ["create_account anna@corp.example", "deactivate a1", "reactivate a1"]);
    assert_eq!(id(&on), anna);
}

#[tokio::test(start_paused = true)]
async fn a_person_of_an_app_without_interface_stays_active_until_somebody_confirms() {
    let stage = Stage::new(by_hand()).await;
    let anna = stage.hire("anna@corp.example").await;
    let shown = stage.deactivate(&anna).await.unwrap();
    assert!(is_active(&shown));
    assert_eq!(stage.open_tasks().await, ["remove"], "the invitation is called off");
}

#[tokio::test(start_paused = true)]
async fn a_leaver_who_is_not_confirmed_yet_is_shown_as_pending() {
    for kind in [Kind::Unavailable, Kind::Unknown] {
        let stage = Stage::new(native()).await;
        let anna = stage.hire("anna@corp.example").await;
        for _ in 0..9 {
            stage.app.next("deactivate", Fault::Fails(kind));
        }
        let shown_as = async |stage: &Stage| {
            let shown = stage.get(User, &anna).await.unwrap().resource;
            (shown["active"].clone(), shown[GATEWAY_USER]["fulfilmentState"].clone())
        };
        assert_eq!(shown_as(&stage).await, (json!(true), json!("done")));
        assert_eq!(status(stage.deactivate(&anna).await), 503);
        assert_eq!(shown_as(&stage).await, (json!(true), json!("pending")));
        stage.go_on_for(Duration::from_mins(30)).await;
        assert_eq!(shown_as(&stage).await, (json!(false), json!("done")));
        assert!(stage.open_intents().await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_leaver_is_pending_from_the_moment_the_intent_is_written_down() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    let gate = Arc::new(Notify::new());
    stage.app.next("deactivate", Fault::Waits(Arc::clone(&gate)));
    let (left, ()) = tokio::join!(stage.deactivate(&anna), async {
        // The app is called once the intent is written down.
        while !stage.app.calls().iter().any(|call| call.starts_with("deactivate")) {
            stage.app.called.notified().await;
        }
        let shown = stage.get(User, &anna).await.unwrap().resource;
        assert_eq!(shown[GATEWAY_USER]["fulfilmentState"], "pending");
        gate.notify_one();
    });
    assert_eq!(left.unwrap().resource[GATEWAY_USER]["fulfilmentState"], "done");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_wanted_back_is_not_pending() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.next("deactivate", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    let shown = stage.activate(&anna).await.unwrap();
    assert_eq!(shown.resource[GATEWAY_USER]["fulfilmentState"], "done");
}
