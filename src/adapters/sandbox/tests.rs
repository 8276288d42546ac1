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

#[tokio::test]
async fn what_was_deleted_cannot_be_changed() {
    let sandbox = sandbox();
    let account = somebody(&sandbox).await;
    sandbox.delete_account(&account).await.unwrap();
    let change = Change { email: Some("anna@corp.example".to_owned()), ..Change::default() };
    assert_eq!(sandbox.update_account(&account, &change).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(sandbox.reactivate(&account).await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn a_change_that_changes_nothing_is_already() {
    let sandbox = sandbox();
    let account = somebody(&sandbox).await;
    let change = Change { roles: Some(vec!["admin".to_owned()]), ..Change::default() };
    let changed = sandbox.update_account(&account, &change).await.unwrap();
    assert!(
        matches!(&changed, Outcome::Done(account) if account.roles.as_ref().unwrap()[0].value == "admin")
    );
    let again = sandbox.update_account(&account, &change).await.unwrap();
    assert_eq!(again, Outcome::Already(changed.value().unwrap()));
    let nothing = sandbox.update_account(&account, &Change::default()).await.unwrap();
    assert!(matches!(nothing, Outcome::Already(_)));
}

#[tokio::test]
async fn an_account_is_reactivated_once() {
    let sandbox = sandbox();
    let account = somebody(&sandbox).await;
    sandbox.deactivate(&account).await.unwrap();
    let back = sandbox.reactivate(&account).await.unwrap();
    assert!(matches!(&back, Outcome::Done(account) if account.state == Some(State::Active)));
    assert_eq!(sandbox.reactivate(&account).await.unwrap(), Outcome::Already(back.value().unwrap()));
}

#[tokio::test]
async fn ids_are_not_given_twice_by_two_lives() {
    let later = ManualClock::default();
    later.advance(std::time::Duration::from_secs(1));
    let (before, after) = (sandbox(), Sandbox::new(Arc::new(later)));
    let (one, two) = (somebody(&before).await, somebody(&after).await);
    assert!(one.id.starts_with("sbx-") && one.id < two.id, "{} {}", one.id, two.id);
}

#[tokio::test]
async fn a_group_keeps_its_members_and_says_what_was_so_already() {
    let sandbox = sandbox();
    let account = somebody(&sandbox).await;
    let member = Member { account: account.id.clone(), email: None, role: None };
    let group = sandbox.create_group("Finance").await.unwrap().value().unwrap();
    assert_eq!(sandbox.add_member(&group.id, &member).await, Ok(Outcome::Done(None)));
    assert_eq!(sandbox.add_member(&group.id, &member).await, Ok(Outcome::Already(None)));
    assert_eq!(sandbox.members(&group.id).await.unwrap(), std::slice::from_ref(&account.id));
    assert_eq!(sandbox.remove_member(&group.id, &member).await, Ok(Outcome::Done(None)));
    assert_eq!(sandbox.remove_member(&group.id, &member).await, Ok(Outcome::Already(None)));
    assert_eq!(sandbox.members(&group.id).await.unwrap(), Vec::<String>::new());
    assert_eq!(sandbox.rename_group(&group.id, "Money").await, Ok(Outcome::Done(())));
    assert_eq!(sandbox.rename_group(&group.id, "Money").await, Ok(Outcome::Already(())));
    assert_eq!(Groups::groups(&sandbox).await.unwrap()[0].name, "Money");
    assert_eq!(sandbox.delete_group(&group.id).await, Ok(Outcome::Done(())));
    assert_eq!(sandbox.delete_group(&group.id).await, Ok(Outcome::Already(())));
    assert_eq!(sandbox.add_member(&group.id, &member).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(sandbox.remove_member(&group.id, &member).await, Ok(Outcome::Already(None)));
}

#[tokio::test]
async fn a_membership_of_an_earlier_life_can_be_ended() {
    let (before, after) = (sandbox(), sandbox());
    let account = somebody(&before).await;
    let member = Member { account: account.id, email: None, role: None };
    let group = before.create_group("Finance").await.unwrap().value().unwrap();
    before.add_member(&group.id, &member).await.unwrap();
    assert_eq!(after.remove_member(&group.id, &member).await, Ok(Outcome::Done(None)));
    assert_eq!(after.remove_member(&group.id, &member).await, Ok(Outcome::Already(None)));
}

#[tokio::test]
async fn of_several_accounts_of_one_address_none_is_picked() {
    let sandbox = sandbox();
    for user_name in ["anna", "bo"] {
        let email = Some("team@corp.example".to_owned());
        let draft = Draft { user_name: user_name.into(), email, active: true, ..Draft::default() };
        sandbox.create_account(&draft).await.unwrap();
    }
    let found = sandbox.account(By::Email("Team@corp.example")).await;
    assert_eq!(found.unwrap_err().kind, Kind::Ambiguous);
    assert!(sandbox.account(By::Email("bo")).await.unwrap().is_some());
}
