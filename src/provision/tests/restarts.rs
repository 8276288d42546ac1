//! What a process finds in the journal when it starts.

use std::time::Duration;

use tokio::time::sleep;

use crate::base::clock::Timestamp;
use crate::contract::{Accounts, Capabilities, State};
use crate::scim::schema::ResourceKind::User;
use crate::store::{Intent, IntentState, Intents, Kind, Write};

use super::app::Fault;
use super::stage::{Stage, is_active, native, person, status};

fn intent(id: &str, operation: &str, sticky: bool, state: IntentState) -> Intent {
    Intent {
        id: id.to_owned(),
        connection: "app".to_owned(),
        kind: Kind::User,
        resource: format!("resource of {id}"),
        operation: operation.to_owned(),
        name_key: String::new(),
        generation: 1,
        plan: "{}".to_owned(),
        sticky,
        state,
        attempts: 1,
        strikes: 0,
        next_attempt_at: Timestamp(i64::MAX),
        request_id: String::new(),
        created_at: Timestamp(1),
        updated_at: Timestamp(1),
        outcome: None,
        fence: None,
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_promised_is_due_at_once_and_what_was_not_is_closed() {
    let stage = Stage::new(native()).await;
    let found = [
        ("off", "deactivate", true, IntentState::Attempting, IntentState::Ambiguous),
        ("off-new", "deactivate", true, IntentState::Journaled, IntentState::Journaled),
        ("gone", "delete", true, IntentState::Ambiguous, IntentState::Ambiguous),
        ("new", "create", false, IntentState::Ambiguous, IntentState::Ambiguous),
        ("name", "update", false, IntentState::Attempting, IntentState::NotApplied),
        ("team", "members", true, IntentState::Attempting, IntentState::Ambiguous),
        ("team-in", "members", false, IntentState::Attempting, IntentState::NotApplied),
    ];
    for (id, operation, sticky, before, _) in found {
        let write = Write::Intent(intent(id, operation, sticky, before));
        stage.store.commit(vec![write]).await.unwrap();
    }
    assert_eq!(stage.gateway.recover().await.unwrap(), found.len());
    for (id, _, _, _, after) in found {
        let latest = Intents::Latest { connection: "app".to_owned(), resource: format!("resource of {id}") };
        assert_eq!(stage.store.intents(&latest).await.unwrap()[0].state, after, "{id}");
    }
    let mut due = stage.store.intents(&Intents::AllOpen(None)).await.unwrap();
    due.retain(|intent| intent.next_attempt_at <= stage.connection.now());
    assert_eq!(due.len(), 5, "{due:?}");
}

#[tokio::test(start_paused = true)]
async fn a_second_start_finds_nothing_new() {
    let stage = Stage::new(native()).await;
    stage.hire("anna@corp.example").await;
    assert_eq!(stage.gateway.recover().await.unwrap(), 0);
    stage.go_on_for(Duration::from_secs(5)).await;
    assert_eq!(stage.app.writes(), ["create_account anna@corp.example"]);
}

#[tokio::test(start_paused = true)]
async fn an_intent_of_a_connection_that_is_gone_stays_open() {
    let stage = Stage::new(native()).await;
    let mut left = intent("off", "deactivate", true, IntentState::Attempting);
    left.connection = "renamed".to_owned();
    stage.store.commit(vec![Write::Intent(left)]).await.unwrap();
    stage.gateway.recover().await.unwrap();
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.open_intents().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_open_intents_are_worked_on_a_few_at_a_time_and_all_of_them() {
    let stage = Stage::new(native()).await;
    let mut people = Vec::new();
    for number in 0..40 {
        people.push(stage.hire(&format!("p{number}@corp.example")).await);
    }
    stage.app.down(true);
    for person in &people {
        assert_eq!(super::stage::status(stage.deactivate(person).await), 503);
    }
    stage.app.down(false);
    let again = stage.restarted().await;
    again.go_on_for(Duration::from_secs(30)).await;
    assert!(again.open_intents().await.is_empty());
    let working = (0..40).map(|number| again.app.working(&format!("p{number}@corp.example"))).sum::<usize>();
    assert_eq!(working, 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_app_says_counts_though_the_clock_was_put_back() {
    let stage = Stage::new(native()).await;
    sleep(Duration::from_hours(1)).await;
    stage.hire("anna@corp.example").await;
    let stage = stage.rebooted_in_the_past().await;
    sleep(Duration::from_mins(1)).await;
    stage.app.put("a1", "anna@corp.example", State::Inactive, "member");
    assert_eq!(stage.list(User, None).await[0]["active"], false);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_was_deleted_before_the_clock_was_put_back_is_what_a_later_create_made() {
    for ahead in [Duration::from_mins(3), Duration::from_hours(1), Duration::from_hours(48)] {
        let stage = Stage::new(native()).await;
        sleep(ahead).await;
        let anna = stage.hire("anna@corp.example").await;
        sleep(Duration::from_secs(1)).await;
        stage.delete(&anna).await.unwrap();
        let stage = stage.rebooted_in_the_past().await;
        sleep(Duration::from_mins(1)).await;
        stage.app.next("reactivate", Fault::Loses);
        assert_eq!(status(stage.post(person("anna@corp.example")).await), 503);
        stage.go_on_for(Duration::from_mins(5)).await;
        assert_eq!(stage.people().await, 1, "{ahead:?}");
        assert_eq!(stage.list(User, None).await[0]["active"], true, "{ahead:?}");
    }
}

const AN_HOUR: Duration = Duration::from_hours(1);

#[tokio::test(start_paused = true)]
async fn nobody_is_out_because_the_clock_was_put_forward_before_a_restart() {
    for reboots in [false, true] {
        let stage = Stage::new(native()).await;
        let anna = stage.hire("anna@corp.example").await;
        stage.deactivate(&anna).await.unwrap();
        stage.app.next("reactivate", Fault::ActsLate);
        assert_eq!(status(stage.activate(&anna).await), 503);
        let stage =
            if reboots { stage.rebooted_in(AN_HOUR).await } else { stage.restarted_in(AN_HOUR).await };
        assert_eq!(status(stage.deactivate(&anna).await), 503, "the activation may come yet");
        stage.app.catch_up();
        stage.go_on_for(Duration::from_mins(2)).await;
        assert_eq!(stage.app.state("a1"), Some(State::Inactive));
        stage.deactivate(&anna).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn no_create_is_sent_again_because_the_clock_was_put_forward_before_a_restart() {
    for reboots in [false, true] {
        let accounts = Accounts { email_unique: false, ..native().accounts };
        let stage = Stage::new(Capabilities { accounts, ..native() }).await;
        stage.app.put("boss", "boss@corp.example", State::Active, "admin");
        stage.app.next("create_account", Fault::ActsLate);
        assert_eq!(status(stage.post(person("anna@corp.example")).await), 503);
        let stage =
            if reboots { stage.rebooted_in(AN_HOUR).await } else { stage.restarted_in(AN_HOUR).await };
        assert_eq!(status(stage.post(person("anna@corp.example")).await), 503);
        stage.app.catch_up();
        assert!(is_active(&stage.post(person("anna@corp.example")).await.unwrap()));
        assert_eq!(stage.app.working("anna@corp.example"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_in_doubt_is_settled_though_the_process_ends_again_and_again() {
    let mut stage = Stage::new(native()).await;
    stage.app.next("create_account", Fault::ActsLate);
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 503);
    for _ in 0..45 {
        sleep(Duration::from_secs(2)).await;
        stage = stage.restarted().await;
    }
    stage.go_on_for(Duration::from_secs(5)).await;
    assert!(stage.open_intents().await.is_empty());
}
