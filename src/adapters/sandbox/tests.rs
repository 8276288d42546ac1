use std::sync::Arc;

use super::*;
use crate::base::clock::ManualClock;

fn sandbox() -> Sandbox {
    Sandbox::new(Arc::new(ManualClock::default()))
}

async fn somebody(sandbox: &Sandbox) -> Account {
    let draft = Draft { user_name: "anna".into(), active: true, ..Draft::default() };
    sandbox.create_account(&draft).await.unwrap().value().unwrap()
}

#[tokio::test]
async fn deactivating_twice_is_already() {
    let sandbox = sandbox();
    let account = somebody(&sandbox).await;
    assert_eq!(sandbox.deactivate(&account).await, Ok(Outcome::Done(())));
    assert_eq!(sandbox.deactivate(&account).await, Ok(Outcome::Already(())));
    let read = sandbox.account(By::Id(&account.id)).await.unwrap().unwrap();
    assert_eq!(read.state, Some(State::Inactive));
}

#[tokio::test]
async fn an_account_of_an_earlier_life_is_taken_up() {
    let (before, after) = (sandbox(), sandbox());
    let account = somebody(&before).await;
    assert_eq!(after.account(By::Id(&account.id)).await.unwrap().unwrap().id, account.id);
    assert_eq!(after.deactivate(&account).await, Ok(Outcome::Done(())));
    assert_eq!(after.account(By::Id(&account.id)).await.unwrap().unwrap().state, Some(State::Inactive));
}

#[tokio::test]
async fn a_deleted_account_stays_gone() {
    let sandbox = sandbox();
    let account = somebody(&sandbox).await;
    assert_eq!(sandbox.delete_account(&account).await, Ok(Outcome::Done(())));
    assert_eq!(sandbox.delete_account(&account).await, Ok(Outcome::Already(())));
    assert_eq!(sandbox.account(By::Id(&account.id)).await, Ok(None));
    assert_eq!(sandbox.deactivate(&account).await, Ok(Outcome::Already(())));
}
