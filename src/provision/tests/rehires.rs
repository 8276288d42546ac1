//! Access comes back when a request says so, and from nothing else.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::app::Fault;
use super::stage::{Stage, id, is_active, native, person, removing, status};
use crate::contract::{Kind, State};
use crate::provision::{DeletePolicy, Policy};
use crate::scim::schema::ResourceKind::User;

const STALE: Duration = Duration::from_secs(31);

#[tokio::test(start_paused = true)]
async fn an_unrelated_patch_does_not_activate_an_account_that_was_disabled_in_the_app() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.put("a1", "anna@corp.example", State::Inactive, "member");
    for fresh in [false, true] {
        if !fresh {
            sleep(STALE).await;
        }
        let shown = stage.patch(&anna, json!({"title": "Engineer"})).await.unwrap();
        assert!(!is_active(&shown));
        assert_eq!(stage.app.state("a1"), Some(State::Inactive));
    }
}

#[tokio::test(start_paused = true)]
async fn an_unrelated_patch_does_not_activate_an_adopted_account() {
    let stage = Stage::new(native()).await;
    stage.app.put("x", "anna@corp.example", State::Inactive, "member");
    let found = stage.list(User, None).await;
    let anna = found[0]["id"].as_str().unwrap();
    assert_eq!(found[0]["active"], false);
    let shown = stage.patch(anna, json!({"externalId": "e-1"})).await.unwrap();
    assert!(!is_active(&shown));
    assert_eq!(stage.app.state("x"), Some(State::Inactive));
    let replaced = stage.put(anna, person("anna@corp.example")).await.unwrap();
    assert!(!is_active(&replaced), "an absent `active` stays");
}

#[tokio::test(start_paused = true)]
async fn an_unrelated_patch_does_not_invite_somebody_removed_in_the_app() {
    let stage = Stage::new(removing()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.content().accounts.clear();
    sleep(STALE).await;
    stage.app.calls();
    let shown = stage.patch(&anna, json!({"title": "Engineer"})).await.unwrap();
    assert!(!is_active(&shown));
    assert!(stage.app.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_rehire_gets_the_same_id_and_the_role_that_was_remembered() {
    let stage = Stage::new(removing()).await;
    stage.app.put("boss", "boss@corp.example", State::Active, "admin");
    let mut anna = person("anna@corp.example");
    anna["roles"] = json!([{"value": "admin"}]);
    let anna = super::stage::id(&stage.post(anna).await.unwrap());
    stage.put(&anna, person("anna@corp.example")).await.unwrap();
    assert_eq!(stage.app.role("a1").as_deref(), Some("admin"), "a PUT without roles demotes nobody");
    stage.deactivate(&anna).await.unwrap();
    assert_eq!(stage.open_tasks().await, ["residual_access"]);
    assert!(is_active(&stage.activate(&anna).await.unwrap()));
    assert_eq!(stage.app.role("a2").as_deref(), Some("admin"));
    assert!(stage.open_tasks().await.is_empty(), "somebody with access leaves nothing behind");
}

#[tokio::test(start_paused = true)]
async fn a_lost_invitation_of_a_rehire_is_not_sent_twice() {
    let stage = Stage::new(removing()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    stage.app.calls();
    stage.app.next("create_account", Fault::ActsLate);
    assert_eq!(status(stage.activate(&anna).await), 503);
    stage.app.catch_up();
    assert!(is_active(&stage.activate(&anna).await.unwrap()));
    assert_eq!(stage.app.writes(), ["create_account anna@corp.example"]);
    assert_eq!(stage.app.working("anna@corp.example"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_invitation_of_a_rehire_in_doubt_is_not_sent_again_at_once() {
    let stage = Stage::new(removing()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    stage.app.calls();
    stage.app.next("create_account", Fault::ActsLate);
    assert_eq!(status(stage.activate(&anna).await), 503);
    assert_eq!(status(stage.activate(&anna).await), 503);
    assert_eq!(stage.app.writes(), ["create_account anna@corp.example"]);
    sleep(Duration::from_mins(1)).await;
    assert!(is_active(&stage.activate(&anna).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_lost_invitation_of_a_rehire_does_not_outlive_the_next_deactivation() {
    let stage = Stage::new(removing()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    stage.app.next("create_account", Fault::ActsLate);
    assert_eq!(status(stage.activate(&anna).await), 503);
    assert_eq!(status(stage.deactivate(&anna).await), 503, "the invitation may still come");
    stage.app.catch_up();
    stage.go_on_for(Duration::from_mins(2)).await;
    assert_eq!(stage.app.working("anna@corp.example"), 0);
    assert!(stage.open_intents().await.is_empty());
    assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_lost_reactivation_does_not_make_the_next_deactivation_a_no_op() {
    for fault in [Fault::Loses, Fault::ActsLate] {
        let stage = Stage::new(native()).await;
        let anna = stage.hire("anna@corp.example").await;
        stage.deactivate(&anna).await.unwrap();
        stage.app.next("reactivate", fault);
        assert_eq!(status(stage.activate(&anna).await), 503);
        assert_eq!(status(stage.deactivate(&anna).await), 503, "the reactivation may still come");
        assert_eq!(stage.app.state("a1"), Some(State::Inactive), "what can be done is done at once");
        stage.app.catch_up();
        stage.go_on_for(Duration::from_mins(2)).await;
        assert_eq!(stage.app.state("a1"), Some(State::Inactive));
        assert!(stage.open_intents().await.is_empty());
        assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_in_a_reactivation_does_not_trust_what_it_knew() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    let gate = std::sync::Arc::new(tokio::sync::Notify::new());
    stage.app.next("reactivate", Fault::Waits(gate));
    assert_eq!(status(stage.activate(&anna).await), 503);
    stage.app.put("a1", "anna@corp.example", State::Active, "member");
    let again = stage.restarted().await;
    assert_eq!(status(again.deactivate(&anna).await), 503, "the reactivation may still come");
    assert_eq!(again.app.state("a1"), Some(State::Inactive), "what can be done is done at once");
    again.go_on_for(Duration::from_mins(2)).await;
    assert!(!is_active(&again.deactivate(&anna).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_failed_may_have_been_done_and_the_next_one_looks() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    stage.app.next("reactivate", Fault::Breaks);
    assert_eq!(status(stage.activate(&anna).await), 503);
    assert_eq!(stage.app.state("a1"), Some(State::Active));
    assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));

    stage.activate(&anna).await.unwrap();
    stage.app.next("update_account", Fault::Breaks);
    assert_eq!(status(stage.patch(&anna, json!({"roles": [{"value": "editor"}]})).await), 503);
    assert_eq!(stage.app.role("a1").as_deref(), Some("editor"));
    stage.patch(&anna, json!({"roles": [{"value": "member"}]})).await.unwrap();
    assert_eq!(stage.app.role("a1").as_deref(), Some("member"));
}

#[tokio::test(start_paused = true)]
async fn a_reactivation_that_failed_and_was_done_is_reported_after_half_an_hour() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    stage.app.next("reactivate", Fault::Breaks);
    assert_eq!(status(stage.activate(&anna).await), 503);
    stage.go_on_for(Duration::from_mins(32)).await;
    assert_eq!(stage.open_tasks().await.iter().filter(|kind| *kind == "orphan").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reactivation_that_failed_is_not_carried_out_later() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    stage.app.next("reactivate", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(stage.activate(&anna).await), 503);
    stage.go_on_for(Duration::from_mins(10)).await;
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_unrelated_patch_on_old_knowledge_does_not_take_back_a_role_given_in_the_app() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.put("a1", "anna@corp.example", State::Active, "editor");
    sleep(STALE).await;
    stage.patch(&anna, json!({"title": "Engineer"})).await.unwrap();
    assert_eq!(stage.app.role("a1").as_deref(), Some("editor"));
}

#[tokio::test(start_paused = true)]
async fn a_user_type_that_was_changed_alone_changes_the_role() {
    let stage = Stage::new(removing()).await;
    let anna = stage.hire("anna@corp.example").await;
    let shown = stage.patch(&anna, json!({"userType": "admin"})).await.unwrap();
    assert_eq!(stage.app.role("a1").as_deref(), Some("admin"));
    assert_eq!(shown.resource["roles"][0]["value"], "admin");
    stage.app.put("boss", "boss@corp.example", State::Active, "admin");
    stage.connection.list_accounts().await.unwrap();
    let mut echo = shown.resource;
    echo["roles"] = json!([{"value": "member", "primary": true}]);
    let shown = stage.put(&anna, echo).await.unwrap();
    assert_eq!(
        (stage.app.role("a1").as_deref(), &shown.resource["userType"]),
        (Some("member"), &json!("member"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_put_of_what_was_read_changes_nothing() {
    for capabilities in [native(), removing(), super::stage::workspaces()] {
        let stage = Stage::new(capabilities).await;
        let anna = stage.hire("anna@corp.example").await;
        let shown = stage.get(User, &anna).await.unwrap();
        stage.app.calls();
        let again = stage.put(&anna, shown.resource.clone()).await.unwrap();
        assert!(stage.app.writes().is_empty());
        assert_eq!(again.resource["roles"], shown.resource["roles"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_put_without_addresses_keeps_the_one_the_app_has() {
    for capabilities in [native(), removing()] {
        let stage = Stage::new(capabilities).await;
        let mut anna = person("anna.berg@corp.example");
        anna["userName"] = json!("anna@login.example");
        let anna = super::stage::id(&stage.post(anna).await.unwrap());
        stage.app.calls();
        stage.put(&anna, json!({"userName": "anna@login.example", "title": "Engineer"})).await.unwrap();
        assert!(stage.app.writes().is_empty());
        assert_eq!(stage.app.working("anna.berg@corp.example"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_create_of_somebody_who_was_deleted_brings_the_old_account_back() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.delete(&anna).await.unwrap();
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
    stage.app.next("create_account", Fault::Fails(Kind::Unknown));
    let mut again = person("anna@corp.example");
    again["name"] = json!({ "givenName": "Anna", "familyName": "Holm" });
    let shown = stage.post(again).await.unwrap();
    assert!(is_active(&shown));
    assert_eq!(stage.app.state("a1"), Some(State::Active));
    assert_eq!(stage.app.content().accounts["a1"].family_name.as_deref(), Some("Holm"));
    assert_eq!(stage.app.working("anna@corp.example"), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_hired_into_an_account_whose_removal_may_come_yet() {
    let hard = || Policy { delete: DeletePolicy::Hard, ..Policy::default() };
    for create_is_lost in [true, false] {
        let stage = Stage::with(native(), hard()).await;
        let anna = stage.hire("anna@corp.example").await;
        stage.deactivate(&anna).await.unwrap();
        stage.app.next("delete_account", Fault::ActsLate);
        stage.delete(&anna).await.unwrap();
        if create_is_lost {
            stage.app.next("create_account", Fault::ActsLate);
        }
        stage.app.writes();
        assert_eq!(status(stage.post(person("anna@corp.example")).await), 503);
        assert_eq!(stage.app.writes(), ["create_account anna@corp.example"]);
        assert_eq!(stage.app.state("a1"), Some(State::Inactive));

        stage.app.catch_up();
        let anna = id(&stage.post(person("anna@corp.example")).await.unwrap());
        assert_eq!(stage.app.working("anna@corp.example"), 1);
        stage.deactivate(&anna).await.unwrap();
        assert_eq!(stage.app.working("anna@corp.example"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_is_hired_into_an_account_that_was_enabled_with_an_error_has_it() {
    for seen in [true, false] {
        let stage = Stage::new(native()).await;
        let anna = stage.hire("anna@corp.example").await;
        stage.delete(&anna).await.unwrap();
        stage.app.next("reactivate", Fault::Breaks);
        if !seen {
            let fair = Arc::new(Notify::new());
            fair.notify_one();
            stage.app.next("account", Fault::Waits(fair));
            stage.app.next("account", Fault::Fails(Kind::Unavailable));
        }
        let answered = stage.post(person("anna@corp.example")).await;
        assert_eq!(answered.is_ok(), seen, "{answered:?}");
        assert_eq!(stage.app.state("a1"), Some(State::Active));
        stage.go_on_for(Duration::from_mins(2)).await;
        assert_eq!(stage.list(User, None).await[0]["active"], true);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_is_hired_into_an_account_that_was_not_enabled_may_be_hired_again() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.delete(&anna).await.unwrap();
    stage.app.next("reactivate", Fault::Fails(Kind::Unavailable));
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 503);
    assert!(stage.open_intents().await.is_empty());
    assert!(is_active(&stage.post(person("anna@corp.example")).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn an_account_whose_removal_has_not_come_in_a_minute_is_taken_over() {
    let stage = Stage::with(native(), Policy { delete: DeletePolicy::Hard, ..Policy::default() }).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    stage.app.next("delete_account", Fault::Fails(Kind::Unknown));
    stage.delete(&anna).await.unwrap();
    sleep(Duration::from_secs(61)).await;
    assert!(is_active(&stage.post(person("anna@corp.example")).await.unwrap()));
    assert_eq!(stage.app.state("a1"), Some(State::Active));
}

#[tokio::test(start_paused = true)]
async fn somebody_wanted_back_while_the_removal_is_under_way_is_invited_again_if_it_was_done() {
    for capabilities in [native(), removing()] {
        let stage = Stage::new(capabilities).await;
        let anna = stage.hire("anna@corp.example").await;

        stage.app.next("deactivate", Fault::Loses);
        for _ in 0..8 {
            stage.app.next("account", Fault::Fails(Kind::Unavailable));
        }
        assert_eq!(status(stage.deactivate(&anna).await), 503);
        stage.app.content().forget_faults();
        assert_eq!(stage.app.working("anna@corp.example"), 0);
        let again = stage.restarted().await;
        assert!(is_active(&again.activate(&anna).await.unwrap()));
        assert_eq!(again.app.working("anna@corp.example"), 1);
    }
}

/// Somebody whose invitation the app does not show, and whose removal met this.
async fn removed_unseen(fault: Fault) -> (Stage, String) {
    let own = removing();
    let accounts = crate::contract::Accounts { shows_invited: false, ..own.accounts };
    let stage = Stage::new(crate::contract::Capabilities { accounts, ..own }).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.put("a1", "anna@corp.example", State::Invited, "member");
    stage.app.next("deactivate", fault);
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    (stage, anna)
}

#[tokio::test(start_paused = true)]
async fn somebody_wanted_back_whose_removal_nobody_can_see_is_invited_again() {
    for (fault, invitations) in [(Fault::Loses, 1), (Fault::Fails(Kind::Unknown), 0)] {
        let (stage, anna) = removed_unseen(fault).await;
        let again = stage.restarted().await;
        again.app.calls();
        assert!(is_active(&again.activate(&anna).await.unwrap()));
        let accounts = again.app.content().accounts.clone();
        assert_eq!(accounts.len(), 1, "{accounts:?}");
        assert_eq!(usize::from(!accounts.contains_key("a1")), invitations, "{accounts:?}");
        again.deactivate(&anna).await.unwrap();
        assert!(again.app.content().accounts.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_invitation_back_leaves_the_removal_nobody_can_see_in_doubt() {
    for fault in [Fault::Fails(Kind::Unavailable), Fault::ActsLate] {
        let (stage, anna) = removed_unseen(Fault::Loses).await;
        stage.app.next("create_account", fault);
        assert_eq!(status(stage.activate(&anna).await), 503);
        stage.go_on_for(Duration::from_mins(3)).await;
        assert!(is_active(&stage.activate(&anna).await.unwrap()));
        assert_eq!(stage.app.working("anna@corp.example"), 1);
    }
}

/// An invitation that is only remembered is no sign that the one which was sent unheard has come.
#[tokio::test(start_paused = true)]
async fn nobody_is_said_to_be_out_while_a_second_invitation_may_be_on_its_way() {
    for accepted in [true, false] {
        let (stage, anna) = removed_unseen(Fault::Loses).await;
        let again = stage.restarted().await;
        again.app.next("create_account", Fault::Loses);
        assert_eq!(status(again.activate(&anna).await), 503);
        assert_eq!(again.app.working("anna@corp.example"), 1);
        if accepted {
            again.app.content().accounts.values_mut().for_each(|account| account.state = Some(State::Active));
            assert!(!is_active(&again.deactivate(&anna).await.unwrap()));
            assert_eq!(again.app.working("anna@corp.example"), 0);
        } else {
            assert_eq!(status(again.deactivate(&anna).await), 503);
            again.go_on_for(Duration::from_mins(3)).await;
            assert_eq!(again.open_tasks().await, ["residual_access", "unseen_invitation"]);
        }
    }
}
