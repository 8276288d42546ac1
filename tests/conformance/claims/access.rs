//! Taking access away and giving it back.

use std::sync::Arc;

use portcullis::contract::{Account, Deactivate, Delete, Kind, Outcome, Reactivate, State};

use super::Verdict::{self, Kept, Moot};
use crate::stage::{Stage, anna, instruction, nobody, told};

fn inactive(account: &Account) -> Account {
    Account { state: Some(State::Inactive), ..account.clone() }
}

pub async fn deactivating_takes_the_access_and_twice_is_already(stage: Arc<Stage>) -> Verdict {
    let account = stage.join(&anna()).await;
    match told!(stage, deactivate) {
        Deactivate::No => {
            let refused = stage.without_calls(stage.app.deactivate(&account)).await.unwrap_err();
            assert_eq!(refused.kind, Kind::Unsupported);
        }
        Deactivate::Native => {
            assert_eq!(stage.app.deactivate(&account).await, Ok(Outcome::Done(())));
            let read = stage.look(&account).await.unwrap();
            assert_eq!(read.state, Some(State::Inactive));
            let again = stage.without_writes(stage.app.deactivate(&read)).await;
            assert_eq!(again, Ok(Outcome::Already(())));
        }
        Deactivate::ByRemoval => {
            assert_eq!(stage.app.deactivate(&account).await, Ok(Outcome::Done(())));
            assert_eq!(stage.look(&account).await, None);
            assert_eq!(stage.app.deactivate(&account).await, Ok(Outcome::Already(())));
        }
        Deactivate::Task => {
            instruction(stage.app.deactivate(&account).await.unwrap());
            assert_eq!(stage.app.deactivate(&inactive(&account)).await, Ok(Outcome::Already(())));
        }
    }
    Kept
}

pub async fn deactivating_nobody_is_already(stage: Arc<Stage>) -> Verdict {
    if !told!(stage, list) || told!(stage, deactivate) == Deactivate::No {
        return Moot;
    }
    assert_eq!(stage.app.deactivate(&nobody()).await, Ok(Outcome::Already(())));
    Kept
}

pub async fn reactivating_gives_the_access_back_and_twice_is_already(stage: Arc<Stage>) -> Verdict {
    let account = stage.join(&anna()).await;
    match told!(stage, reactivate) {
        Reactivate::No | Reactivate::ByInvitation => {
            let refused = stage.without_calls(stage.app.reactivate(&inactive(&account))).await.unwrap_err();
            assert_eq!(refused.kind, Kind::Unsupported);
        }
        Reactivate::Native => {
            stage.app.deactivate(&account).await.unwrap();
            let outcome = stage.app.reactivate(&inactive(&account)).await.unwrap();
            assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
            let read = stage.look(&account).await.unwrap();
            assert_eq!(read.state, Some(State::Active));
            let again = stage.without_writes(stage.app.reactivate(&read)).await;
            assert_eq!(again, Ok(Outcome::Already(read)));
        }
        Reactivate::Task => {
            instruction(stage.app.reactivate(&inactive(&account)).await.unwrap());
            assert_eq!(stage.app.reactivate(&account).await, Ok(Outcome::Already(account)));
        }
    }
    Kept
}

pub async fn who_was_removed_can_be_invited_again(stage: Arc<Stage>) -> Verdict {
    if told!(stage, reactivate) != Reactivate::ByInvitation {
        return Moot;
    }
    let account = stage.join(&anna()).await;
    stage.app.deactivate(&account).await.unwrap();
    let again = stage.join(&anna()).await;
    assert_eq!((again.email, again.state), (account.email, Some(State::Active)));
    Kept
}

pub async fn reactivating_nobody_is_not_found(stage: Arc<Stage>) -> Verdict {
    if !told!(stage, list) || told!(stage, reactivate) != Reactivate::Native {
        return Moot;
    }
    let refused = stage.app.reactivate(&inactive(&nobody())).await.unwrap_err();
    assert_eq!(refused.kind, Kind::NotFound);
    Kept
}

pub async fn deleting_is_for_good_and_twice_is_already(stage: Arc<Stage>) -> Verdict {
    let account = stage.join(&anna()).await;
    match told!(stage, delete) {
        Delete::No | Delete::SameAsDeactivate => {
            let refused = stage.without_calls(stage.app.delete_account(&account)).await.unwrap_err();
            assert_eq!(refused.kind, Kind::Unsupported);
        }
        Delete::Permanent => {
            assert_eq!(stage.app.delete_account(&account).await, Ok(Outcome::Done(())));
            assert_eq!(stage.look(&account).await, None);
            assert_eq!(stage.app.delete_account(&account).await, Ok(Outcome::Already(())));
        }
        Delete::Task => {
            instruction(stage.app.delete_account(&account).await.unwrap());
            assert_eq!(stage.app.delete_account(&inactive(&account)).await, Ok(Outcome::Already(())));
        }
    }
    Kept
}
