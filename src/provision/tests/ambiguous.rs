//! Creates whose answer is lost after they were done, in apps that show what is new at once, later, and much later.

use std::time::Duration;

use super::app::Fault;
use super::stage::{Stage, id, is_active, native, person, removing, status};
use crate::contract::{Accounts, Capabilities, State};
use crate::provision::Policy;

/// People created in one app one after another.
const IN_ONE_APP: usize = 50;

/// What the provider waits after a 503 before it asks again.
const RETRY: Duration = Duration::from_mins(1);

fn app(unique: bool) -> Stage {
    let own = native();
    let accounts = Accounts { email_unique: unique, ..own.accounts };
    Stage::in_memory(Capabilities { accounts, ..own }, Policy::default())
}

/// Everybody is created by a provider that asks again until it is answered; how many have two accounts in the end.
async fn doubles(stage: &Stage, lag: Duration, after: Duration) -> usize {
    let unique = stage.connection.capabilities().accounts.email_unique;
    stage.app.shows_after(lag);
    let emails: Vec<String> = (0..IN_ONE_APP).map(|number| format!("p{number}@corp.example")).collect();
    for email in &emails {
        // Lost after it was done; the repetitions are answered.
        stage.app.next("create_account", Fault::Loses);
        if stage.post(person(email)).await.is_ok() {
            continue;
        }
        let mut answered = false;
        for _ in 0..5 {
            stage.go_on_for(RETRY).await;
            answered = match stage.post(person(email)).await {
                Ok(_) => true,
                // The app says that the address is taken, and shows by whom only later: the provider looks it up then.
                Err(refusal) => unique && refusal.error.status == 409,
            };
            if answered {
                break;
            }
        }
        assert!(answered, "{email} is never answered");
        stage.app.forget_faults();
    }
    stage.go_on_for(after).await;
    emails.iter().filter(|email| stage.app.working(email) != 1).count()
}

async fn rounds(unique: bool, lag: u64, count: usize) {
    for _ in 0..count {
        let stage = app(unique);
        let doubled = doubles(&stage, Duration::from_secs(lag), Duration::from_mins(3)).await;
        let made = stage.app.content().accounts.len();
        assert_eq!((doubled, made), (0, IN_ONE_APP), "unique: {unique}, {lag} s late");
    }
}

/// In an app that shows what was made only long after it was given up.
async fn late_rounds(count: usize) {
    for _ in 0..count {
        let stage = app(false);
        let lag = Duration::from_secs(150);
        // Within a minute of the last one's showing.
        let doubled = doubles(&stage, lag, lag + Duration::from_mins(1)).await;
        assert_eq!(doubled, 0);
        let suspended = {
            let content = stage.app.content();
            content.accounts.values().filter(|account| account.state() == State::Inactive).count()
        };
        let told = stage.connection.tasks(true).await.unwrap();
        let told = told.iter().filter(|task| task.kind == "twin").count();
        assert_eq!((suspended, told), (IN_ONE_APP, IN_ONE_APP));
    }
}

#[tokio::test(start_paused = true)]
async fn lost_creates_in_an_app_of_unique_addresses_make_no_second_account() {
    for lag in [0, 2, 20, 90] {
        rounds(true, lag, 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn lost_creates_that_show_in_time_make_no_second_account() {
    for lag in [0, 2, 20] {
        rounds(false, lag, 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn lost_creates_that_show_too_late_leave_one_account_that_works_each() {
    late_rounds(1).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "takes a minute: the three above, 5,100 creates in all"]
async fn five_thousand_lost_creates() {
    for lag in [0, 2, 20, 90] {
        rounds(true, lag, 10).await;
    }
    for lag in [0, 2, 20] {
        rounds(false, lag, 14).await;
    }
    late_rounds(20).await;
}

/// Somebody whose invitation was sent and never answered, by an app that shows nobody before they accept.
async fn invited_and_lost() -> Stage {
    let own = removing();
    let accounts = Accounts { email_unique: true, shows_invited: false, ..own.accounts };
    let stage = Stage::new(Capabilities { accounts, ..own }).await;
    stage.app.next("create_account", Fault::Loses);
    assert_eq!(status(stage.post(person("anna@corp.example")).await), 503);
    stage.go_on_for(Duration::from_mins(2)).await;
    stage
}

fn accept(stage: &Stage) {
    stage.app.content().accounts.get_mut("a1").unwrap().state = Some(State::Active);
}

#[tokio::test(start_paused = true)]
async fn a_lost_invitation_belongs_to_its_caller_once_it_is_accepted() {
    let stage = invited_and_lost().await;
    let refusal = stage.post(person("anna@corp.example")).await.unwrap_err();
    assert_eq!(refusal.error.status, 409);
    assert!(refusal.error.detail.contains("does not show whom it has invited"), "{}", refusal.error.detail);
    tokio::time::sleep(Duration::from_hours(24)).await;
    accept(&stage);
    let anna = id(&stage.post(person("anna@corp.example")).await.unwrap());
    assert!(stage.open_intents().await.is_empty());
    assert!(!is_active(&stage.deactivate(&anna).await.unwrap()));
    assert_eq!(stage.app.working("anna@corp.example"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lost_invitation_that_is_accepted_and_nobody_asks_for_is_reported() {
    let stage = invited_and_lost().await;
    accept(&stage);
    tokio::time::sleep(Duration::from_mins(10)).await;
    stage.go_on_for(Duration::from_mins(1)).await;
    assert!(stage.open_intents().await.is_empty());
    stage.go_on_for(Duration::from_mins(31)).await;
    assert_eq!(stage.open_tasks().await, ["orphan"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_invitation_that_nobody_accepts_is_looked_into_by_a_person() {
    let stage = invited_and_lost().await;
    tokio::time::sleep(Duration::from_hours(73)).await;
    stage.go_on_for(Duration::from_mins(1)).await;
    assert!(stage.open_intents().await.is_empty());
    assert_eq!(stage.open_tasks().await, ["attention"]);
}

#[tokio::test(start_paused = true)]
async fn an_invitation_that_was_not_sent_is_forgotten_with_the_next_one() {
    let stage = invited_and_lost().await;
    stage.app.content().accounts.clear();
    stage.post(person("anna@corp.example")).await.unwrap();
    tokio::time::sleep(Duration::from_mins(10)).await;
    stage.go_on_for(Duration::from_mins(1)).await;
    assert!(stage.open_intents().await.is_empty());
    assert!(stage.open_tasks().await.is_empty());
}
