//! One person in, one account out, whatever becomes of the answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::app::Fault;
use super::stage::{Stage, id, is_active, native, person, removing, status};
use crate::contract::{Accounts, Capabilities, Kind, State};
use crate::scim::schema::ResourceKind::User;
use crate::store::{IntentState, Intents};

/// An app that makes as many accounts of one address as it is asked for.
fn careless() -> Capabilities {
    Capabilities { accounts: Accounts { email_unique: false, ..native().accounts }, ..native() }
}

#[tokio::test(start_paused = true)]
async fn a_lost_create_is_looked_for_after_0_1_3_and_10_seconds() {
    let stage = Stage::new(careless()).await;
    stage.app.next("create_account", Fault::ActsLate);
    let began = Instant::now();
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 503);
    assert_eq!(began.elapsed().as_secs(), 10);
    let looks = stage.app.calls().iter().filter(|call| *call == "account anna@corp.example").count();
    assert_eq!(looks, 4);
}

#[tokio::test(start_paused = true)]
async fn an_app_that_does_not_answer_is_not_waited_for() {
    let stage = Stage::new(careless()).await;
    stage.list(User, None).await;
    stage.app.next("create_account", Fault::Fails(Kind::Unknown));
    for _ in 0..4 {
        stage.app.next("account", Fault::Fails(Kind::Unavailable));
    }
    let began = Instant::now();
    let refusal = stage.post(person("anna@corp.example")).await.unwrap_err();
    assert_eq!((refusal.error.status, refusal.retry_after.is_some()), (503, true));
    assert_eq!(began.elapsed().as_secs(), 1);
    assert_eq!(stage.open_intents().await.len(), 1, "the journal goes on looking");
}

#[tokio::test(start_paused = true)]
async fn a_lost_create_that_shows_is_answered_as_created() {
    let stage = Stage::new(careless()).await;
    stage.app.next("create_account", Fault::Loses);
    assert!(is_active(&stage.post(person("anna@corp.example")).await.unwrap()));
    assert_eq!(stage.app.writes(), ["create_account anna@corp.example"]);
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_repeated_create_while_the_first_is_in_doubt_looks_and_does_not_send() {
    let stage = Stage::new(careless()).await;
    stage.app.next("create_account", Fault::ActsLate);
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 503);
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 503);
    assert_eq!(stage.app.writes(), ["create_account anna@corp.example"]);
    stage.app.catch_up();
    let shown = stage.post(person("anna@corp.example")).await.unwrap();
    assert!(is_active(&shown));
    assert!(stage.app.writes().is_empty());
    assert_eq!(stage.app.working("anna@corp.example"), 1);
    assert_eq!(id(&stage.post(person("anna@corp.example")).await.unwrap_or(shown.clone())), id(&shown));
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_create_in_doubt_may_be_sent_again_once_it_has_settled() {
    let stage = Stage::new(careless()).await;
    stage.app.next("create_account", Fault::Fails(Kind::Unknown));
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 503);
    sleep(Duration::from_mins(1)).await;
    assert!(is_active(&stage.post(person("anna@corp.example")).await.unwrap()));
    assert_eq!(stage.app.working("anna@corp.example"), 1);
    assert_eq!(stage.open_intents().await.len(), 1, "the first may turn up yet");
}

#[tokio::test(start_paused = true)]
async fn a_create_in_doubt_is_adopted_by_the_gateway_itself() {
    let stage = Stage::new(removing()).await;
    stage.app.next("create_account", Fault::ActsLate);
    let mut anna = person("anna@corp.example");
    anna["externalId"] = json!("e-1");
    assert_eq!(status(stage.post(anna.clone()).await), 503);
    stage.app.catch_up();
    stage.go_on_for(Duration::from_secs(20)).await;
    assert!(stage.open_intents().await.is_empty());
    let found = stage.list(User, Some("externalId eq \"e-1\"")).await;
    assert_eq!(found.len(), 1);
    let again = stage.post(anna.clone()).await.unwrap();
    assert_eq!(found[0]["id"], again.resource["id"], "its caller never heard of it");
    assert_eq!(status(stage.post(anna).await), 409, "now the caller knows");
}

#[tokio::test(start_paused = true)]
async fn a_create_that_never_shows_is_closed_as_not_applied() {
    let stage = Stage::new(native()).await;
    stage.app.next("create_account", Fault::Fails(Kind::Unknown));
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 503);
    let intent = stage.open_intents().await.remove(0);
    assert_eq!(intent.state, IntentState::Ambiguous);
    stage.go_on_for(Duration::from_mins(5)).await;
    assert!(stage.open_intents().await.is_empty());
    let latest = Intents::Latest { connection: "app".to_owned(), resource: intent.resource };
    assert_eq!(stage.store.intents(&latest).await.unwrap()[0].state, IntentState::NotApplied);
}

#[tokio::test(start_paused = true)]
async fn a_create_in_doubt_that_comes_back_inactive_is_not_active() {
    let stage = Stage::new(native()).await;
    stage.app.next("create_account", Fault::ActsLate);
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 503);
    stage.app.catch_up();
    let mut gone = person("anna@corp.example");
    gone["active"] = json!(false);
    let shown = stage.post(gone).await.unwrap();
    assert!(!is_active(&shown));
    assert_eq!(stage.app.working("anna@corp.example"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_in_a_create_looks_for_it_after_its_restart() {
    let stage = Stage::new(careless()).await;
    let gate = Arc::new(Notify::new());
    stage.app.next("create_account", Fault::Waits(Arc::clone(&gate)));
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 503);
    stage.app.put("a7", "anna@corp.example", State::Active, "member");
    let again = stage.restarted().await;
    again.go_on_for(Duration::from_secs(5)).await;
    assert_eq!(again.people().await, 1);
    let shown = again.post(person("anna@corp.example")).await.unwrap();
    assert_eq!(shown.resource["active"], true);
    assert_eq!(again.app.working("anna@corp.example"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_outcome_could_not_be_kept_is_found_again() {
    let stage = Stage::new(native()).await;
    stage.app.next("create_account", Fault::Panics);
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 500);
    stage.app.put("a7", "anna@corp.example", State::Active, "member");
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.people().await, 1);
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_sees_the_new_account_first_does_not_make_the_create_a_conflict() {
    let stage = Stage::new(native()).await;
    stage.list(User, None).await;
    let gate = Arc::new(Notify::new());
    stage.app.next("create_account", Fault::Loses);
    stage.app.next("account", Fault::Waits(Arc::clone(&gate)));
    let mut anna = person("anna@corp.example");
    anna["externalId"] = json!("e-1");
    let (created, ()) = tokio::join!(stage.post(anna), async {
        sleep(Duration::from_secs(1)).await;
        stage.connection.list_accounts().await.unwrap();
        assert_eq!(stage.people().await, 1);
        gate.notify_one();
    });
    let created = created.unwrap();
    assert_eq!(created.resource["externalId"], "e-1");
    assert_eq!(stage.people().await, 1);
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_create_in_doubt_adopts_what_a_listing_took_in_first() {
    let stage = Stage::new(native()).await;
    stage.app.next("create_account", Fault::ActsLate);
    let mut anna = person("anna@corp.example");
    anna["externalId"] = json!("e-1");
    assert_eq!(status(stage.post(anna).await), 503);
    stage.app.catch_up();
    stage.connection.list_accounts().await.unwrap();
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.list(User, Some("externalId eq \"e-1\"")).await.len(), 1);
    assert_eq!(stage.people().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_create_in_doubt_does_not_bring_back_somebody_deleted_since() {
    let stage = Stage::new(native()).await;
    stage.app.next("create_account", Fault::ActsLate);
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 503);
    stage.app.catch_up();
    stage.connection.list_accounts().await.unwrap();
    let found = stage.list(User, None).await;
    stage.delete(found[0]["id"].as_str().unwrap()).await.unwrap();
    stage.go_on_for(Duration::from_mins(5)).await;
    assert_eq!((stage.people().await, stage.app.working("anna@corp.example")), (0, 0));
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn two_creates_of_one_name_make_one_account() {
    let stage = Stage::new(careless()).await;
    let (one, two) =
        tokio::join!(stage.post(person("anna@corp.example")), stage.post(person("ANNA@corp.example")));
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
    assert_eq!(stage.app.working("anna@corp.example"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_create_and_a_rename_to_its_name_do_not_both_reach_the_app() {
    let stage = Stage::new(careless()).await;
    let bo = stage.hire("bo@corp.example").await;
    stage.app.calls();
    let gate = Arc::new(Notify::new());
    stage.app.next("create_account", Fault::Waits(Arc::clone(&gate)));
    let (created, renamed, ()) = tokio::join!(
        stage.post(person("anna@corp.example")),
        async {
            sleep(Duration::from_secs(1)).await;
            stage.put(&bo, person("anna@corp.example")).await
        },
        async {
            sleep(Duration::from_secs(2)).await;
            gate.notify_one();
        }
    );
    created.unwrap();
    assert_eq!(status(renamed), 409);
    assert_eq!(stage.app.writes(), ["create_account anna@corp.example"]);
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_caller_hung_up_is_answered_when_it_is_repeated_and_only_then() {
    let stage = Stage::new(native()).await;
    let gate = Arc::new(Notify::new());
    stage.app.next("create_account", Fault::Waits(Arc::clone(&gate)));
    {
        let request = stage.post(person("anna@corp.example"));
        tokio::pin!(request);
        tokio::select! { biased; _ = &mut request => panic!("answered"), () = sleep(Duration::from_secs(1)) => {} }
    }
    gate.notify_one();
    sleep(Duration::from_secs(1)).await;
    stage.post(person("anna@corp.example")).await.unwrap();
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 409);
    assert_eq!(stage.app.working("anna@corp.example"), 1);
}

#[tokio::test(start_paused = true)]
async fn somebody_deleted_here_and_disabled_there_comes_back_without_the_old_role() {
    let stage = Stage::new(native()).await;
    stage.app.put("boss", "boss@corp.example", State::Active, "admin");
    let mut anna = person("anna@corp.example");
    anna["roles"] = json!([{"value": "admin"}]);
    let first = id(&stage.post(anna).await.unwrap());
    stage.delete(&first).await.unwrap();
    let second = stage.hire("anna@corp.example").await;
    assert_ne!(first, second);
    assert_eq!(
        (stage.app.state("a1"), stage.app.role("a1").as_deref()),
        (Some(State::Active), Some("member"))
    );
}

#[tokio::test(start_paused = true)]
async fn an_account_that_was_there_is_not_taken_over() {
    let stage = Stage::new(native()).await;
    stage.app.put("x", "anna@corp.example", State::Active, "admin");
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 409);
    assert!(stage.app.writes().is_empty());
    assert_eq!(stage.list(User, Some("userName eq \"anna@corp.example\"")).await.len(), 1);
}
