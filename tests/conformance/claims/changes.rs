//! Changing what an account holds.

use std::sync::Arc;

use portcullis::contract::{Account, By, Change, Create, Draft, Held, Kind, Outcome, Role};

use super::Verdict::{self, Kept, Moot};
use crate::stage::{Stage, anna, instruction, nobody, told};

/// Every attribute a change can name: whether it is held, a change of it, and what it does to an account.
type Attribute = (bool, Change, fn(&mut Account, &Change));

fn attributes(stage: &Stage) -> Vec<Attribute> {
    let text = |text: &str| Some(text.to_owned());
    let none = Change::default;
    let role = stage.roles()[1].to_owned();
    vec![
        (
            told!(stage, accounts.email) == Held::Yes,
            Change { email: text("anna.cole@example.com"), ..none() },
            |account, change| account.email.clone_from(&change.email),
        ),
        (
            told!(stage, accounts.given_name) == Held::Yes,
            Change { given_name: text("Annette"), ..none() },
            |account, change| account.given_name.clone_from(&change.given_name),
        ),
        (
            told!(stage, accounts.family_name) == Held::Yes,
            Change { family_name: text("Cole"), ..none() },
            |account, change| account.family_name.clone_from(&change.family_name),
        ),
        (
            told!(stage, accounts.display_name) == Held::Yes,
            Change { display_name: text("Annie"), ..none() },
            |account, change| account.display_name.clone_from(&change.display_name),
        ),
        (
            told!(stage, accounts.roles) == Held::Yes,
            Change { roles: Some(vec![role]), ..none() },
            |account, change| account.roles = change.roles.as_ref().map(|roles| as_roles(roles)),
        ),
        (
            told!(stage, accounts.external_id) == Held::Yes,
            Change { external_id: text("00u1"), ..none() },
            |account, change| account.external_id.clone_from(&change.external_id),
        ),
        (
            told!(stage, accounts.everything) || told!(stage, accounts.user_name) == Held::Yes,
            Change { user_name: text("annie"), ..none() },
            |account, change| account.user_name.clone_from(&change.user_name),
        ),
    ]
}

fn as_roles(values: &[String]) -> Vec<Role> {
    values.iter().map(|value| Role { value: value.clone(), display: None }).collect()
}

/// An account without what changes by itself: when it was touched, how its roles are called, which groups a role is.
fn comparable(account: &Account) -> Account {
    let roles = account.roles.as_ref();
    let bare = |role: &Role| Role { value: role.value.clone(), display: None };
    Account {
        roles: roles.map(|roles| roles.iter().map(bare).collect()),
        groups: None,
        updated_at: None,
        ..account.clone()
    }
}

pub async fn an_empty_change_makes_no_call(stage: Arc<Stage>) -> Verdict {
    let account = stage.join(&anna()).await;
    let unchanged = stage.without_calls(stage.app.update_account(&account, &Change::default())).await;
    assert_eq!(unchanged, Ok(Outcome::Already(account)));
    Kept
}

/// What the app answers may be a part; laid over what was known and wanted it is what the app then tells.
pub async fn a_held_attribute_changes_and_the_others_stay(stage: Arc<Stage>) -> Verdict {
    let held: Vec<Attribute> = attributes(&stage).into_iter().filter(|(held, ..)| *held).collect();
    if held.is_empty() {
        return Moot;
    }
    let mut account = stage.join(&anna()).await;
    for (_, change, apply) in held {
        let outcome = stage.app.update_account(&account, &change).await.unwrap();
        if told!(stage, create) == Create::Task {
            instruction(outcome);
            continue;
        }
        let Outcome::Done(told) = outcome else { panic!("{change:?}: {outcome:?}") };
        let mut expected = account.clone();
        apply(&mut expected, &change);
        apply(&mut account, &change);
        account.merge(told);
        assert_eq!(comparable(&account), comparable(&expected), "as answered");
        let read = stage.look(&account).await.unwrap();
        assert_eq!(comparable(&read), comparable(&expected), "as read back");
        account = read;
    }
    Kept
}

pub async fn an_attribute_that_is_not_held_is_refused_before_any_call(stage: Arc<Stage>) -> Verdict {
    let account = stage.join(&anna()).await;
    let mut verdict = Moot;
    for (_, change, _) in attributes(&stage).into_iter().filter(|(held, ..)| !held) {
        if change.roles.is_some() && told!(stage, accounts.roles) == Held::Tried {
            // The app is asked, and its refusal is told.
            let refused = stage.app.update_account(&account, &change).await.unwrap_err();
            assert_eq!(refused.kind, Kind::Unsupported, "{refused:?}");
            continue;
        }
        let refused = stage.without_calls(stage.app.update_account(&account, &change)).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Unsupported, "{change:?}");
        verdict = Kept;
    }
    verdict
}

/// Of roles an account has one set, and it was told: writing it again would be a call for nothing.
pub async fn a_role_that_is_held_already_is_not_written_again(stage: Arc<Stage>) -> Verdict {
    if told!(stage, accounts.roles) != Held::Yes || !told!(stage, accounts.email_required) {
        return Moot;
    }
    let role = stage.roles()[1].to_owned();
    let account = stage.join(&Draft { roles: vec![role.clone()], ..anna() }).await;
    let change = Change { roles: Some(vec![role]), ..Change::default() };
    let again = stage.without_writes(stage.app.update_account(&account, &change)).await;
    assert_eq!(again, Ok(Outcome::Already(account)));
    Kept
}

/// The app answers with no more than the guide's examples show: what was known before stays known.
pub async fn a_brief_answer_takes_nothing_away(stage: Arc<Stage>) -> Verdict {
    if !stage.is_wired() || !told!(stage, list) {
        return Moot;
    }
    let role = stage.roles()[1].to_owned();
    let anna = stage.join(&Draft { roles: vec![role], ..anna() }).await;
    let whole = stage.pages().await.concat();
    stage.brief(true).await;
    let brief = stage.pages().await.concat();
    assert_eq!(whole.len(), brief.len());
    for (known, told) in whole.into_iter().zip(brief) {
        let mut merged = known.clone();
        merged.merge(told);
        assert_eq!(merged, known);
    }
    if let Some((_, change, apply)) = attributes(&stage).into_iter().find(|(held, ..)| *held) {
        let (mut merged, mut expected) = (anna.clone(), anna.clone());
        apply(&mut expected, &change);
        apply(&mut merged, &change);
        merged.merge(stage.app.update_account(&anna, &change).await.unwrap().value().unwrap());
        stage.brief(false).await;
        let read = stage.app.account(By::Id(&anna.id)).await.unwrap().unwrap();
        assert_eq!(comparable(&merged), comparable(&expected));
        assert_eq!(comparable(&read), comparable(&expected));
    }
    Kept
}

pub async fn changing_nobody_is_not_found(stage: Arc<Stage>) -> Verdict {
    if !stage.is_wired() {
        return Moot;
    }
    let Some((_, change, _)) = attributes(&stage).into_iter().find(|(held, ..)| *held) else { return Moot };
    let refused = stage.app.update_account(&nobody(), &change).await.unwrap_err();
    assert_eq!(refused.kind, Kind::NotFound);
    Kept
}
