//! Creating accounts and finding them.

use std::sync::Arc;

use portcullis::contract::{Account, By, Create, Draft, Held, Kind, Outcome, Roles, State};
use serde_json::json;

use super::Verdict::{self, Kept, Moot};
use crate::stage::{NOBODY, NOBODY_AT, Stage, anna, instruction, lines, person, role_values, told};

/// Whether accounts come into being by calls, and can be read.
fn is_made_by_calls(stage: &Stage) -> bool {
    matches!(told!(stage, create), Create::Direct | Create::Invite)
}

pub async fn what_is_created_reads_back_as_far_as_it_is_held(stage: Arc<Stage>) -> Verdict {
    if !is_made_by_calls(&stage) {
        return Moot;
    }
    let role = stage.roles()[1].to_owned();
    let draft = Draft { roles: vec![role.clone()], ..anna() };
    let account = stage.join(&draft).await;
    assert_eq!(account.state(), State::Active);
    held(told!(stage, accounts.given_name), account.given_name.as_ref(), draft.given_name.as_ref());
    held(told!(stage, accounts.family_name), account.family_name.as_ref(), draft.family_name.as_ref());
    held(told!(stage, accounts.display_name), account.display_name.as_ref(), draft.display_name.as_ref());
    // Whatever it lets be changed later, an account is created for an address and with a role.
    assert_eq!(account.email, draft.email);
    assert_ne!(told!(stage, accounts.email), Held::No);
    match told!(stage, accounts.roles) {
        Held::Yes | Held::AtCreate => assert_eq!(role_values(&account), [role]),
        Held::No => assert_eq!(account.roles, None),
        // Where the app did not take it, it does not tell it.
        Held::Tried => assert!(account.roles.is_none() || role_values(&account) == [role]),
        Held::ReadOnly => {}
    }
    Kept
}

fn held(how: Held, told: Option<&String>, wanted: Option<&String>) {
    match how {
        Held::Yes | Held::AtCreate => assert_eq!(told, wanted),
        Held::No => assert_eq!(told, None, "what is not held is told"),
        Held::ReadOnly | Held::Tried => {}
    }
}

pub async fn an_invitation_is_pending_until_it_is_accepted(stage: Arc<Stage>) -> Verdict {
    if told!(stage, create) != Create::Invite {
        return Moot;
    }
    let outcome = stage.app.create_account(&anna()).await.unwrap();
    let Outcome::Invited(invited) = outcome else { panic!("{outcome:?} where an invitation was sent") };
    assert_eq!((invited.state, invited.email.as_ref()), (Some(State::Invited), anna().email.as_ref()));
    // An app may not tell of a pending invitation at all; telling of it as of an account that works would be wrong.
    match stage.look(&invited).await {
        Some(pending) => assert_eq!(pending.state(), State::Invited),
        None => assert!(!told!(stage, accounts.shows_invited), "an invitation is not shown"),
    }
    stage.lever("invites/anna.berg@example.com/accept", json!({})).await;
    assert_eq!(stage.look(&invited).await.map(|account| account.state()), Some(State::Active));
    Kept
}

pub async fn what_people_create_waits_for_them(stage: Arc<Stage>) -> Verdict {
    if told!(stage, create) != Create::Task {
        return Moot;
    }
    let role = stage.roles()[1];
    let draft = Draft { roles: vec![role.to_owned()], ..anna() };
    let asked = instruction(stage.without_calls(stage.app.create_account(&draft)).await.unwrap());
    assert!(asked.contains(role), "`{asked}` does not name the role");
    assert!(!asked.contains("anna"), "`{asked}` names the person");
    Kept
}

pub async fn a_taken_address_is_a_conflict(stage: Arc<Stage>) -> Verdict {
    if !is_made_by_calls(&stage) {
        return Moot;
    }
    let first = stage.join(&anna()).await;
    let again = Draft { email: Some("ANNA.Berg@Example.COM".into()), ..anna() };
    let second = stage.app.create_account(&again).await;
    if told!(stage, accounts.email_unique) {
        assert_eq!(second.unwrap_err().kind, Kind::Conflict);
    } else {
        assert_ne!(second.unwrap().value().unwrap().id, first.id);
    }
    assert_eq!(stage.look(&first).await, Some(first));
    Kept
}

pub async fn an_address_is_asked_for_where_one_is_needed(stage: Arc<Stage>) -> Verdict {
    let without = Draft { user_name: "anna".into(), email: None, ..anna() };
    let created = stage.without_writes(stage.app.create_account(&without)).await;
    if told!(stage, accounts.email_required) {
        assert_eq!(created.unwrap_err().kind, Kind::Invalid);
    } else {
        assert_eq!(created.unwrap().value().unwrap().user_name.as_deref(), Some("anna"));
    }
    Kept
}

pub async fn names_are_asked_for_where_they_are_needed(stage: Arc<Stage>) -> Verdict {
    let without_given = Draft { given_name: None, ..anna() };
    let without_family = Draft { family_name: None, ..person("Ben", "Cole") };
    for draft in [without_given, without_family] {
        if told!(stage, accounts.names_required) {
            let refused = stage.without_writes(stage.app.create_account(&draft)).await.unwrap_err();
            assert_eq!(refused.kind, Kind::Invalid);
        } else {
            stage.app.create_account(&draft).await.unwrap();
        }
    }
    Kept
}

pub async fn an_account_without_access_is_created_or_refused(stage: Arc<Stage>) -> Verdict {
    let draft = Draft { active: false, ..anna() };
    if told!(stage, accounts.create_inactive) {
        let account = stage.join(&draft).await;
        assert_eq!(account.state, Some(State::Inactive));
    } else {
        let refused = stage.without_calls(stage.app.create_account(&draft)).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Unsupported);
    }
    Kept
}

pub async fn one_role_or_many_as_declared(stage: Arc<Stage>) -> Verdict {
    if matches!(told!(stage, accounts.roles), Held::No | Held::ReadOnly) {
        return Moot;
    }
    let both = Draft { roles: stage.roles().map(str::to_owned).to_vec(), ..anna() };
    if told!(stage, accounts.many_roles) {
        let mut held: Vec<String> =
            role_values(&stage.join(&both).await).into_iter().map(str::to_owned).collect();
        held.sort();
        let mut wanted = both.roles.clone();
        wanted.sort();
        assert_eq!(held, wanted);
    } else {
        let refused = stage.without_calls(stage.app.create_account(&both)).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Invalid);
    }
    Kept
}

/// An app that names its roles refuses others before anything is written; one that takes any text decides by itself.
pub async fn a_role_the_app_does_not_know_is_refused(stage: Arc<Stage>) -> Verdict {
    let draft = Draft { roles: vec!["grand-vizier".into()], ..anna() };
    match told!(stage, roles) {
        Roles::None => return Moot,
        Roles::Fixed(_) | Roles::Listed => {
            let refused = stage.without_writes(stage.app.create_account(&draft)).await.unwrap_err();
            assert_eq!(refused.kind, Kind::Invalid);
        }
        Roles::Any => match stage.app.create_account(&draft).await {
            Ok(outcome) => assert_eq!(role_values(&outcome.value().unwrap()), ["grand-vizier"]),
            Err(refused) => assert_eq!(refused.kind, Kind::Invalid),
        },
    }
    Kept
}

/// Where it can be looked up, nobody else's data crosses the wire.
pub async fn an_account_is_found_by_its_id(stage: Arc<Stage>) -> Verdict {
    if !stage.tells_accounts() {
        let refused = stage.without_calls(stage.app.account(By::Id(NOBODY))).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Unsupported);
        return Kept;
    }
    let account = stage.join(&anna()).await;
    let (found, calls) = stage.calls_of(stage.app.account(By::Id(&account.id))).await;
    assert_eq!(found, Ok(Some(account)));
    assert!(!told!(stage, accounts.by_id) || is_of_one(&calls), "a listing: {:?}", lines(&calls));
    Kept
}

pub async fn an_account_is_found_by_its_address_in_any_case(stage: Arc<Stage>) -> Verdict {
    if !stage.tells_accounts() {
        let refused = stage.without_calls(stage.app.account(By::Email(NOBODY_AT))).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Unsupported);
        return Kept;
    }
    let account = stage.join(&anna()).await;
    let (found, calls) = stage.calls_of(stage.app.account(By::Email("Anna.BERG@example.com"))).await;
    assert_eq!(found.unwrap().map(|found| found.id), Some(account.id));
    assert!(!told!(stage, accounts.by_email) || is_of_one(&calls), "a listing: {:?}", lines(&calls));
    Kept
}

/// Whether the answers speak of one person only; the default people of every simulator have an owner.
fn is_of_one(calls: &[serde_json::Value]) -> bool {
    calls.iter().all(|call| !call["response"].to_string().contains("owner@example.com"))
}

/// An app that keeps no list of its own takes up whoever it is asked about.
pub async fn who_is_not_there_is_none(stage: Arc<Stage>) -> Verdict {
    if !told!(stage, list) {
        return Moot;
    }
    let none: Option<Account> = None;
    assert_eq!(stage.app.account(By::Id(NOBODY)).await, Ok(none.clone()));
    assert_eq!(stage.app.account(By::Email(NOBODY_AT)).await, Ok(none));
    Kept
}
