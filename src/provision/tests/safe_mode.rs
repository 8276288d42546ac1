//! An older database put back: nobody gets access until an operator has looked, and everybody still leaves.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::stage::{Stage, is_active, native, person, status};
use crate::contract::{Group, Kind, State};
use crate::provision::{Reviewed, Shown};
use crate::scim::schema::ResourceKind::User;

/// Anna works here; Bo left after the backup was made, and is active in it.
async fn restored() -> (Stage, String, String) {
    let stage = Stage::new(native()).await;
    let anna = stage.hire("anna@corp.example").await;
    let bo = stage.hire("bo@corp.example").await;
    let anchor = stage.connection.shared.anchor.as_ref().unwrap();
    anchor.raise(stage.store.epoch().await.unwrap() + 3).await.unwrap();
    stage.app.put("a2", "bo@corp.example", State::Inactive, "member");
    // A backup is older than what is taken for fresh.
    tokio::time::sleep(Duration::from_mins(1)).await;
    (stage.restarted().await, anna, bo)
}

#[tokio::test(start_paused = true)]
async fn an_older_database_is_recognised_and_gives_nobody_access() {
    let (stage, anna, bo) = restored().await;
    stage.gateway.recognise_backup().await.unwrap();
    assert!(stage.gateway.safe_mode().await.unwrap().unwrap().reason.contains("older database"));
    stage.app.calls();
    assert_eq!(status(stage.post(person("cy@corp.example")).await), 503);
    assert_eq!(status(stage.activate(&bo).await), 503);
    assert_eq!(status(stage.patch(&anna, json!({"roles": [{"value": "admin"}]})).await), 503);
    assert_eq!(stage.app.writes(), [""; 0], "nothing left the house");
    // Whoever leaves, leaves.
    assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
}

#[tokio::test(start_paused = true)]
async fn safe_mode_outlives_a_restart_and_ends_after_a_review() {
    let (stage, anna, bo) = restored().await;
    stage.gateway.recognise_backup().await.unwrap();
    let stage = stage.restarted().await;
    let mode = stage.gateway.safe_mode().await.unwrap().expect("it is kept");
    assert_eq!(status(stage.gateway.leave_safe_mode(&[]).await), 409, "nobody has looked");
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.connection.look_for_drift(false).await.unwrap();
    let reviews = stage.gateway.review(&mode).await.unwrap();
    let [review] = &reviews[..] else { panic!("{reviews:?}") };
    assert_eq!(review.state, Reviewed::Compared(vec![(bo.clone(), "bo@corp.example".to_owned())]));
    assert_eq!(stage.gateway.leave_safe_mode(&[]).await.unwrap(), 1);
    assert_eq!(stage.gateway.safe_mode().await.unwrap(), None);
    assert!(!is_active(&stage.get(User, &bo).await.unwrap()));
    stage.app.calls();
    stage.patch(&bo, json!({"title": "Engineer"})).await.unwrap();
    assert!(stage.app.writes().is_empty(), "nobody comes back by another change");
    assert!(is_active(&stage.get(User, &anna).await.unwrap()));
    stage.post(person("cy@corp.example")).await.unwrap();
    // The same database is not taken for an older one again.
    let stage = stage.restarted().await;
    stage.gateway.recognise_backup().await.unwrap();
    assert_eq!(stage.gateway.safe_mode().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_departure_is_anchored_before_it_is_answered_and_nothing_else_is() {
    let stage = Stage::new(native()).await;
    let anchor = stage.connection.shared.anchor.clone().unwrap();
    let anna = stage.hire("anna@corp.example").await;
    assert_eq!(anchor.epoch(), 0);
    stage.deactivate(&anna).await.unwrap();
    assert_eq!(anchor.epoch(), stage.store.epoch().await.unwrap());
    let stage = stage.restarted().await;
    stage.gateway.recognise_backup().await.unwrap();
    assert_eq!(stage.gateway.safe_mode().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_removal_from_a_group_is_anchored_though_the_app_has_not_done_it() {
    let stage = Stage::new(native()).await;
    let anchor = stage.connection.shared.anchor.clone().unwrap();
    stage.app.content().groups =
        vec![Group { id: "team".to_owned(), name: "team".to_owned(), members: None }];
    let anna = stage.hire("anna@corp.example").await;
    let team = stage.group("team").await;
    stage.members(&team, "add", &[&anna]).await.unwrap();
    assert_eq!(anchor.epoch(), 0);
    stage.app.always("remove_member", Some(Kind::Unavailable));
    assert_eq!(status(stage.members(&team, "remove", &[&anna]).await), 503);
    assert_eq!(anchor.epoch(), stage.store.epoch().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_operator_begins_safe_mode_and_other_processes_follow() {
    let stage = Stage::new(native()).await;
    stage.gateway.enter_safe_mode("the tokens may be known to others").await.unwrap();
    let other = stage.restarted().await;
    assert!(!other.gateway.shared().gate.is_shut());
    let stop = tokio_util::sync::CancellationToken::new();
    let following = tokio::spawn(std::sync::Arc::clone(&other.gateway).keep_to_safe_mode(stop.clone()));
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(status(other.post(person("anna@corp.example")).await), 503);
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.connection.look_for_drift(false).await.unwrap();
    stage.gateway.leave_safe_mode(&[]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    other.post(person("anna@corp.example")).await.unwrap();
    stop.cancel();
    following.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_slips_through_while_somebody_looks_whether_safe_mode_is_on() {
    let stage = Stage::new(native()).await;
    stage.list(User, None).await;
    stage.disk.is_slow_with_notes();
    let looking = tokio::spawn({
        let gateway = Arc::clone(&stage.gateway);
        async move { gateway.safe_mode().await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let entering = tokio::spawn({
        let gateway = Arc::clone(&stage.gateway);
        async move { gateway.enter_safe_mode("the tokens may be known to others").await }
    });
    for name in ["anna", "bo", "cy", "di", "ed", "flo"] {
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(status(stage.post(person(&format!("{name}@corp.example"))).await), 503, "{name}");
    }
    looking.await.unwrap().unwrap();
    entering.await.unwrap().unwrap();
    assert_eq!(stage.app.writes(), [""; 0], "nothing left the house");
}

#[tokio::test(start_paused = true)]
async fn safe_mode_that_could_not_be_written_down_holds_and_is_written_later() {
    let stage = Stage::new(native()).await;
    stage.list(User, None).await;
    stage.disk.is_full_after(0);
    assert_eq!(status(stage.gateway.enter_safe_mode("the tokens may be known to others").await), 503);
    let stop = tokio_util::sync::CancellationToken::new();
    let following = tokio::spawn(Arc::clone(&stage.gateway).keep_to_safe_mode(stop.clone()));
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(stage.gateway.shared().gate.is_shut());
    stage.disk.is_empty_again();
    tokio::time::sleep(Duration::from_secs(6)).await;
    let other = stage.restarted().await;
    assert_eq!(other.gateway.safe_mode().await.unwrap().unwrap().reason, "the tokens may be known to others");
    stop.cancel();
    following.await.unwrap();
}

/// How many lives, and after how many of its departures each has backups put back.
const LIVES: u64 = 10;
const BACKUPS: usize = 10;

#[tokio::test(start_paused = true)]
async fn a_backup_of_any_age_is_recognised_and_brings_nobody_back() {
    let mut recognised = 0;
    for life in 0..LIVES {
        let mut dice = Dice(life + 1);
        let stage = Stage::new(native()).await;
        let mut people = Vec::new();
        for number in 0..8 {
            people.push(stage.hire(&format!("p{number}@corp.example")).await);
        }
        let mut backups = Vec::new();
        for number in 0..24 {
            // That the callers were told is noted by now, so that nobody writes.
            tokio::time::sleep(Duration::from_secs(dice.below(40) + 1)).await;
            backups.push(stage.backup(number));
            match dice.below(4) {
                0 => people.push(stage.hire(&format!("n{number}@corp.example")).await),
                1 => drop(stage.activate(&people[dice.place(people.len())]).await.unwrap()),
                _ => drop(stage.deactivate(&people[dice.place(people.len())]).await.unwrap()),
            }
        }
        // Somebody leaves after every backup, though the app has not done it yet.
        let last = stage.hire("last@corp.example").await;
        let is_down = life % 2 == 0;
        stage.app.always("deactivate", is_down.then_some(Kind::Unavailable));
        assert_eq!(stage.deactivate(&last).await.is_err(), is_down);
        let states = |stage: &Stage| {
            (1..=people.len() + 1).map(|number| stage.app.state(&format!("a{number}"))).collect::<Vec<_>>()
        };
        let stood = states(&stage);
        // A backup is older than what is taken for fresh.
        tokio::time::sleep(Duration::from_mins(1)).await;
        for _ in 0..BACKUPS {
            let backup = backups.swap_remove(dice.place(backups.len()));
            let again = stage.restored_from(&backup).await;
            assert!(again.gateway.safe_mode().await.unwrap().is_some(), "life {life}, {}", backup.display());
            recognised += 1;
            again.app.calls();
            for person in &people {
                // Whom the backup does not know is 404, and nobody else gets anything.
                for change in [json!({"active": true}), json!({"title": "Engineer"})] {
                    if let Ok(shown) = again.patch(person, change).await {
                        assert_eq!(is_active(&shown), access(&again, &shown), "{shown:?}");
                    }
                }
            }
            again.go_on_for(Duration::from_secs(5)).await;
            assert_eq!(again.app.writes(), [""; 0], "life {life}, {}", backup.display());
            assert_eq!(states(&again), stood, "life {life}, {}", backup.display());
        }
    }
    assert_eq!(recognised, 100);
}

/// Whether the app gives access to whom a resource shows.
fn access(stage: &Stage, shown: &Shown) -> bool {
    let account =
        shown.resource["urn:portcullis:params:scim:schemas:extension:gateway:2.0:User"]["accountId"].as_str();
    account.is_some_and(|account| stage.app.state(account) == Some(State::Active))
}

/// Chances that a number repeats.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }
}
