//! What can never be carried out is given up, a person is asked at once, and nobody else waits for it.

use std::time::Duration;

use super::app::Fault;
use super::stage::{Stage, native, status};
use crate::contract::{Kind, State};
use crate::provision::Completion;
use crate::store::{IntentState, Intents};

const LONG: Duration = Duration::from_mins(30);

async fn state_of(stage: &Stage, id: &str) -> IntentState {
    let which = Intents::Latest { connection: "app".to_owned(), resource: id.to_owned() };
    stage.store.intents(&which).await.unwrap()[0].state
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_is_refused_five_times_is_given_up_and_stays_visible_until_a_person_closes_it() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    for _ in 0..4 {
        stage.app.next("deactivate", Fault::Fails(Kind::Invalid));
    }
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    let gone_on = Stage::new(native()).await;
    let bo = gone_on.hire("bo@corp.example").await;
    for _ in 0..4 {
        gone_on.app.next("deactivate", Fault::Fails(Kind::Invalid));
    }
    assert_eq!(status(gone_on.deactivate(&bo).await), 503);
    gone_on.go_on_for(LONG).await;
    assert_eq!(state_of(&gone_on, &bo).await, IntentState::Confirmed, "four times are not too many");

    stage.app.always("deactivate", Some(Kind::Invalid));
    stage.go_on_for(LONG).await;
    assert_eq!(state_of(&stage, &anna).await, IntentState::Dead);
    let tasks = stage.connection.tasks(true).await.unwrap();
    assert_eq!((tasks.len(), tasks[0].kind.as_str(), tasks[0].urgent), (1, "attention", true));
    let report = stage.connection.look_for_drift(false).await.unwrap();
    assert_eq!(report.given_up, 1);
    assert!(
        stage
            .gateway
            .metrics()
            .await
            .contains("portcullis_open_tasks{connection=\"app\",kind=\"attention\"} 1")
    );
    let again = stage.restarted().await;
    again.go_on_for(LONG).await;
    assert_eq!(again.open_tasks().await, ["attention"]);
    again.connection.complete_task(&tasks[0].id, Completion::by("kim")).await.unwrap();
    assert_eq!(again.open_tasks().await, Vec::<String>::new());
    assert_eq!(again.connection.look_for_drift(false).await.unwrap().given_up, 0);
}

#[tokio::test(start_paused = true)]
async fn work_that_panics_twice_is_given_up_also_across_a_restart() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.down(true);
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    stage.app.down(false);
    stage.app.next("deactivate", Fault::Panics);
    while stage.open_intents().await[0].strikes == 0 {
        // One round.
        stage.go_on_for(Duration::from_millis(600)).await;
    }
    let again = stage.restarted().await;
    again.app.next("deactivate", Fault::Panics);
    again.go_on_for(LONG).await;
    assert_eq!(state_of(&again, &anna).await, IntentState::Dead);
    assert_eq!(again.open_tasks().await, ["attention"]);
}

#[tokio::test(start_paused = true)]
async fn one_panic_is_survived() {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.down(true);
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    stage.app.down(false);
    stage.app.next("deactivate", Fault::Panics);
    stage.go_on_for(Duration::from_mins(1)).await;
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
    assert!(stage.open_intents().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_person_s_poison_holds_up_nobody_else() {
    let stage = Stage::new(native()).await;
    let (anna, bo) = (stage.hire("anna@corp.example").await, stage.hire("bo@corp.example").await);
    stage.app.down(true);
    assert_eq!(status(stage.deactivate(&anna).await), 503);
    assert_eq!(status(stage.deactivate(&bo).await), 503);
    stage.app.down(false);
    stage.app.refuses("a1");
    stage.go_on_for(Duration::from_secs(10)).await;
    assert_eq!(stage.app.state("a2"), Some(State::Inactive));
    stage.go_on_for(LONG).await;
    assert_eq!(state_of(&stage, &anna).await, IntentState::Dead);
}
