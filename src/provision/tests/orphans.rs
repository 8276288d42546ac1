//! Accounts nobody answers for are told to a person, and suspended where the policy says so.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::app::Fault;
use super::stage::{Stage, admin, id, is_active, native, person, removing, status};
use crate::contract::{Accounts, Capabilities, State};
use crate::provision::{Orphans, Policy};
use crate::scim::schema::ResourceKind::User;
use crate::store::Task;

fn suspending() -> Policy {
    Policy { orphans: Orphans::Suspend, ..Policy::default() }
}

/// Creates somebody in a process that dies before its caller is answered.
async fn unheard(policy: Policy, body: serde_json::Value) -> (Stage, String) {
    let stage = Stage::with(native(), policy).await;
    stage.list(User, None).await;
    stage.disk.is_full_after(2);
    let anna = id(&stage.post(body).await.unwrap());
    sleep(Duration::from_secs(1)).await;
    stage.disk.is_empty_again();
    let again = stage.restarted().await;
    (again, anna)
}

async fn reported(stage: &Stage) -> Vec<Task> {
    stage.connection.tasks(true).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_create_nobody_came_back_for_is_reported_after_half_an_hour() {
    let (stage, anna) = unheard(Policy::default(), person("anna@corp.example")).await;
    stage.go_on_for(Duration::from_mins(29)).await;
    assert!(reported(&stage).await.is_empty());
    stage.go_on_for(Duration::from_mins(3)).await;
    let tasks = reported(&stage).await;
    assert_eq!((tasks.len(), tasks[0].kind.as_str(), &tasks[0].resource), (1, "orphan", &anna));
    assert_eq!(stage.app.state("a1"), Some(State::Active), "nothing is changed in the app");
    stage.post(person("anna@corp.example")).await.unwrap();
    stage.go_on_for(Duration::from_mins(2)).await;
    assert!(reported(&stage).await.is_empty(), "its caller has come back");
}

#[tokio::test(start_paused = true)]
async fn an_orphan_is_reported_in_time_though_the_clock_was_put_back() {
    let stage = Stage::new(native()).await;
    sleep(Duration::from_hours(2)).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    stage.app.next("reactivate", Fault::Loses);
    assert_eq!(status(stage.activate(&anna).await), 503);
    let stage = stage.rebooted_in_the_past().await;
    stage.go_on_for(Duration::from_mins(32)).await;
    let tasks = reported(&stage).await;
    assert_eq!((tasks.len(), tasks[0].kind.as_str(), &tasks[0].resource), (1, "orphan", &anna));
}

#[tokio::test(start_paused = true)]
async fn a_create_that_was_answered_is_no_orphan() {
    let stage = Stage::with(native(), suspending()).await;
    stage.hire("anna@corp.example").await;
    stage.go_on_for(Duration::from_hours(2)).await;
    assert!(reported(&stage).await.is_empty());
    assert_eq!(stage.app.state("a1"), Some(State::Active));
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_could_not_be_noted_at_once_is_no_orphan() {
    let stage = Stage::with(native(), suspending()).await;
    stage.list(User, None).await;
    stage.disk.is_full_after(2);
    stage.post(person("anna@corp.example")).await.unwrap();
    stage.go_on_for(Duration::from_mins(2)).await;
    stage.disk.is_empty_again();
    stage.go_on_for(Duration::from_hours(1)).await;
    assert!(reported(&stage).await.is_empty());
    assert_eq!(stage.app.state("a1"), Some(State::Active));
}

#[tokio::test(start_paused = true)]
async fn an_orphan_is_suspended_where_the_policy_says_so_and_works_again_for_its_caller() {
    let (stage, anna) = unheard(suspending(), person("anna@corp.example")).await;
    stage.go_on_for(Duration::from_mins(32)).await;
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
    assert!(!is_active(&stage.get(User, &anna).await.unwrap()));
    assert_eq!(reported(&stage).await[0].kind, "orphan");
    let mut body = person("anna@corp.example");
    body["active"] = json!(true);
    let shown = stage.post(body).await.unwrap();
    assert_eq!((id(&shown), is_active(&shown)), (anna, true));
    assert_eq!(stage.app.state("a1"), Some(State::Active));
}

#[tokio::test(start_paused = true)]
async fn a_protected_orphan_and_the_last_administrator_are_only_reported() {
    let protected = Policy { protected: vec!["anna@corp.example".to_owned()], ..suspending() };
    let mut boss = person("anna@corp.example");
    boss["roles"] = json!([{"value": "admin"}]);
    for (policy, body) in [(protected, person("anna@corp.example")), (suspending(), boss)] {
        let (stage, _) = unheard(policy, body).await;
        stage.go_on_for(Duration::from_mins(32)).await;
        assert_eq!(stage.app.state("a1"), Some(State::Active));
        let tasks = reported(&stage).await;
        assert_eq!((tasks.len(), tasks[0].kind.as_str()), (1, "orphan"));
        assert!(tasks[0].instruction.contains("could not be suspended"), "{}", tasks[0].instruction);
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_without_a_resource_is_reported_and_never_touched() {
    let stage = Stage::with(native(), suspending()).await;
    stage.app.put("x1", "anna@corp.example", State::Active, "member");
    stage.app.put("x2", "Anna@corp.example", State::Active, "member");
    stage.connection.list_accounts().await.unwrap();
    stage.go_on_for(Duration::from_mins(29)).await;
    assert!(reported(&stage).await.is_empty());
    stage.connection.list_accounts().await.unwrap();
    stage.go_on_for(Duration::from_mins(3)).await;
    let tasks = reported(&stage).await;
    assert_eq!((tasks.len(), tasks[0].kind.as_str()), (1, "orphan"));
    assert!(tasks[0].instruction.contains("`x2`"), "{}", tasks[0].instruction);
    assert_eq!((stage.app.state("x1"), stage.app.state("x2")), (Some(State::Active), Some(State::Active)));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_got_its_resource_in_time_is_not_reported() {
    let stage = Stage::new(native()).await;
    stage.app.put("x1", "anna@corp.example", State::Active, "member");
    stage.app.put("x2", "anna@corp.example", State::Active, "member");
    stage.connection.list_accounts().await.unwrap();
    stage.app.put("x2", "other@corp.example", State::Active, "member");
    sleep(Duration::from_secs(1)).await;
    stage.connection.list_accounts().await.unwrap();
    stage.go_on_for(Duration::from_mins(32)).await;
    assert!(reported(&stage).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_address_two_accounts_have_is_refused_and_reported() {
    let own = native();
    let by_email = Capabilities { accounts: Accounts { by_email: true, ..own.accounts }, ..own };
    let stage = Stage::new(by_email).await;
    stage.app.put("x1", "anna@corp.example", State::Active, "member");
    stage.app.put("x2", "anna@corp.example", State::Active, "member");
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 409);
    assert!(stage.app.writes().is_empty());
    let tasks = reported(&stage).await;
    assert_eq!(
        (tasks.len(), tasks[0].kind.as_str(), tasks[0].person.as_str()),
        (1, "ambiguous", "anna@corp.example")
    );
}

#[tokio::test(start_paused = true)]
async fn a_rehire_takes_over_neither_of_two_accounts() {
    let stage = Stage::new(removing()).await;
    admin(&stage, "boss@corp.example").await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    stage.app.put("x1", "anna@corp.example", State::Active, "member");
    stage.app.put("x2", "anna@corp.example", State::Active, "member");
    stage.app.calls();
    assert_eq!(status(stage.activate(&anna).await), 409);
    let calls = stage.app.writes();
    assert!(calls.iter().all(|call| call.starts_with("create_account")), "{calls:?}");
    assert!(stage.open_tasks().await.contains(&"ambiguous".to_owned()));
}

/// Brings somebody back in a process that dies before its caller is answered, or before the app has answered.
async fn unheard_again(stage: Stage, fault: bool) -> (Stage, String) {
    let anna = stage.hire("anna@corp.example").await;
    sleep(Duration::from_secs(1)).await;
    stage.deactivate(&anna).await.unwrap();
    if fault {
        let gate = std::sync::Arc::new(tokio::sync::Notify::new());
        stage.app.next("create_account", super::app::Fault::Waits(gate));
        assert_eq!(status(stage.activate(&anna).await), 503);
    } else {
        stage.disk.is_full_after(2);
        stage.activate(&anna).await.unwrap();
        sleep(Duration::from_secs(1)).await;
        stage.disk.is_empty_again();
    }
    (stage.restarted().await, anna)
}

#[tokio::test(start_paused = true)]
async fn a_return_nobody_was_told_of_is_reported_after_half_an_hour() {
    let (stage, anna) = unheard_again(Stage::new(native()).await, false).await;
    stage.go_on_for(Duration::from_mins(32)).await;
    let tasks = reported(&stage).await;
    assert_eq!((tasks.len(), tasks[0].kind.as_str(), &tasks[0].resource), (1, "orphan", &anna));
    stage.activate(&anna).await.unwrap();
    stage.go_on_for(Duration::from_mins(2)).await;
    assert!(reported(&stage).await.is_empty(), "its caller has come back");
}

#[tokio::test(start_paused = true)]
async fn a_return_that_was_refused_half_way_is_reported_after_half_an_hour() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    stage.app.next("update_account", super::app::Fault::Fails(crate::contract::Kind::Unavailable));
    let mut promoted = person("anna@corp.example");
    promoted["active"] = json!(true);
    promoted["roles"] = json!([{"value": "admin"}]);
    assert_eq!(status(stage.put(&anna, promoted.clone()).await), 503);
    assert_eq!(stage.app.state("a1"), Some(State::Active));
    stage.go_on_for(Duration::from_mins(32)).await;
    let tasks = reported(&stage).await;
    assert_eq!((tasks.len(), tasks[0].kind.as_str(), &tasks[0].resource), (1, "orphan", &anna));
    stage.put(&anna, promoted).await.unwrap();
    stage.go_on_for(Duration::from_mins(2)).await;
    assert!(reported(&stage).await.is_empty(), "its caller has come back");
}

#[tokio::test(start_paused = true)]
async fn a_return_that_was_seen_before_its_process_died_is_reported_after_half_an_hour() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    let gate = std::sync::Arc::new(tokio::sync::Notify::new());
    stage.app.next("reactivate", super::app::Fault::Waits(gate));
    assert_eq!(status(stage.activate(&anna).await), 503);
    stage.app.put("a1", "anna@corp.example", State::Active, "member");
    sleep(Duration::from_secs(31)).await;
    assert_eq!(stage.list(User, None).await[0]["active"], true);
    let stage = stage.restarted().await;
    stage.go_on_for(Duration::from_mins(32)).await;
    assert_eq!(reported(&stage).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_return_is_reported_where_the_next_answer_is_not_heard_either() {
    let (stage, anna) = unheard_again(Stage::new(native()).await, false).await;
    let gate = std::sync::Arc::new(tokio::sync::Notify::new());
    stage.app.next("update_account", super::app::Fault::Waits(std::sync::Arc::clone(&gate)));
    let change = stage.patch(&anna, json!({"active": true, "name": {"givenName": "Ann"}}));
    tokio::time::timeout(Duration::from_secs(1), change).await.expect_err("its caller has hung up");
    gate.notify_one();
    stage.go_on_for(Duration::from_mins(32)).await;
    assert_eq!(stage.get(User, &anna).await.unwrap().resource["name"]["givenName"], "Ann");
    assert_eq!(reported(&stage).await.len(), 1);
}

/// A caller gives access to somebody who has it already, and hears of it or not.
async fn taken_over(stage: Stage, heard: bool) -> Stage {
    let there = stage.list(User, Some("userName eq \"anna@corp.example\"")).await;
    if !heard {
        stage.disk.is_full_after(1);
    }
    stage.activate(there[0]["id"].as_str().unwrap()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    stage.disk.is_empty_again();
    let stage = stage.restarted().await;
    stage.go_on_for(Duration::from_mins(32)).await;
    stage
}

#[tokio::test(start_paused = true)]
async fn somebody_who_was_deleted_and_works_again_is_reported_until_a_caller_heard_that_they_are_theirs() {
    for heard in [false, true] {
        let stage = Stage::new(native()).await;
        let anna = stage.hire("anna@corp.example").await;
        stage.delete(&anna).await.unwrap();
        stage.app.put("a1", "anna@corp.example", State::Active, "member");
        stage.go_on_for(Duration::from_mins(2)).await;
        let stage = taken_over(stage, heard).await;
        assert_eq!(reported(&stage).await.len(), usize::from(!heard), "{heard}");
        assert!(stage.found().await.is_empty(), "it is the caller's");
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_of_a_lost_create_that_a_listing_found_is_reported_until_a_caller_heard_that_it_is_theirs()
{
    for heard in [false, true] {
        let stage = Stage::new(native()).await;
        stage.list(User, None).await;
        stage.app.next("create_account", super::app::Fault::Loses);
        stage.app.always("account", Some(crate::contract::Kind::Unavailable));
        assert_eq!(status(stage.post(person("anna@corp.example")).await), 503);
        stage.app.always("account", None);
        // The listing there is was made before.
        sleep(Duration::from_mins(2)).await;
        let stage = taken_over(stage, heard).await;
        let told = reported(&stage).await;
        let kinds: Vec<&str> = told.iter().map(|task| task.kind.as_str()).collect();
        assert_eq!(kinds, if heard { &[][..] } else { &["orphan"] }, "{heard}");
        assert_eq!(stage.app.working("anna@corp.example"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_return_that_was_answered_is_no_orphan() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    stage.activate(&anna).await.unwrap();
    stage.go_on_for(Duration::from_hours(2)).await;
    assert!(reported(&stage).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_second_invitation_that_may_be_open_and_is_not_shown_is_reported() {
    let hiding =
        Capabilities { accounts: Accounts { shows_invited: false, ..removing().accounts }, ..removing() };
    let (stage, anna) = unheard_again(Stage::new(hiding).await, true).await;
    stage.go_on_for(Duration::from_mins(32)).await;
    let told = reported(&stage).await;
    let unseen = told.iter().find(|task| task.kind == "unseen_invitation").unwrap();
    assert_eq!((&unseen.resource, unseen.urgent), (&anna, true));
}

#[tokio::test(start_paused = true)]
async fn a_leaver_whose_invitation_may_be_open_unseen_is_given_to_a_person_as_well() {
    let hiding =
        Capabilities { accounts: Accounts { shows_invited: false, ..removing().accounts }, ..removing() };
    let (stage, anna) = unheard_again(Stage::new(hiding).await, true).await;
    assert_eq!(status(stage.delete(&anna).await), 503);
    stage.go_on_for(Duration::from_mins(10)).await;
    assert!(stage.open_intents().await.is_empty());
    assert!(reported(&stage).await.iter().any(|task| task.kind == "unseen_invitation"));
}

/// People whose create was ambiguous, turned up, and is never asked for again.
async fn many_unheard(policy: Policy) -> (Stage, Vec<String>) {
    let stage = Stage::in_memory(native(), policy);
    stage.app.put("boss", "boss@corp.example", State::Active, "admin");
    let emails: Vec<String> = (0..50).map(|number| format!("p{number}@corp.example")).collect();
    for email in &emails {
        stage.app.next("create_account", super::app::Fault::ActsLate);
        assert_eq!(status(stage.post(person(email)).await), 503);
    }
    stage.app.catch_up();
    stage.go_on_for(Duration::from_mins(1)).await;
    stage.app.writes();
    (stage, emails)
}

/// Fifty of them in each round.
async fn orphans(rounds: usize, policy: Policy, then: State) {
    for _ in 0..rounds {
        let (stage, emails) = many_unheard(policy.clone()).await;
        stage.go_on_for(Duration::from_mins(20)).await;
        assert!(reported(&stage).await.is_empty());
        stage.go_on_for(Duration::from_mins(12)).await;
        let told = reported(&stage).await;
        let people: std::collections::BTreeSet<&str> =
            told.iter().map(|task| task.resource.as_str()).collect();
        assert_eq!((told.len(), people.len()), (50, 50));
        assert!(told.iter().all(|task| task.kind == "orphan"));
        let stand = |stage: &Stage, state: State| {
            let content = stage.app.content();
            content.accounts.values().filter(|account| account.state() == state).count()
        };
        assert_eq!(stand(&stage, then), if then == State::Active { 51 } else { 50 });
        assert_eq!(stage.app.writes().len(), if then == State::Active { 0 } else { 50 });
        for email in &emails {
            assert!(is_active(&stage.post(person(email)).await.unwrap()), "{email}");
        }
        assert_eq!(stand(&stage, State::Active), 51, "nobody has a second account");
        stage.go_on_for(Duration::from_mins(2)).await;
        assert!(reported(&stage).await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn many_orphans_are_told_and_left_alone() {
    orphans(1, Policy::default(), State::Active).await;
}

#[tokio::test(start_paused = true)]
async fn many_orphans_are_suspended_where_the_policy_says_so() {
    orphans(1, suspending(), State::Inactive).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "takes a minute: the two above, a thousand orphans of each policy"]
async fn two_thousand_orphans() {
    orphans(20, Policy::default(), State::Active).await;
    orphans(20, suspending(), State::Inactive).await;
}
