//! What the capabilities say of the app as a whole.

use std::sync::Arc;

use portcullis::contract::{Create, Deactivate, Delete, Fulfilment, Held, Mode, Reactivate, Roles};

use super::Verdict::{self, Kept, Moot};
use crate::stage::{Stage, anna, lines, role_values, told};

pub async fn the_connection_is_one_that_the_registry_offers(stage: Arc<Stage>) -> Verdict {
    let registered = stage.bench.app;
    assert_eq!(told!(stage, app), registered.name);
    let spoken = (told!(stage, mode), told!(stage, dialect));
    assert!(registered.modes.contains(&spoken), "{spoken:?} is not in the registry");
    let before = *stage.capabilities();
    stage.app.check().await.unwrap();
    assert_eq!(*stage.capabilities(), before, "capabilities changed under way");
    Kept
}

pub async fn a_check_tells_how_it_stands_and_changes_nothing(stage: Arc<Stage>) -> Verdict {
    let (standing, calls) = stage.calls_of(stage.app.check()).await;
    assert!(!standing.unwrap().summary.is_empty());
    assert!(calls.iter().all(|call| call["method"] == "GET"), "{:?}", lines(&calls));
    // Two interfaces are compared with each other.
    let is_one = told!(stage, mode) != Mode::Hybrid;
    assert!(!is_one || calls.len() <= 1, "more than one call: {:?}", lines(&calls));
    Kept
}

pub async fn who_does_the_work_follows_from_how_access_ends(stage: Arc<Stage>) -> Verdict {
    let deactivate = told!(stage, deactivate);
    let expected = match told!(stage, fulfilment) {
        Fulfilment::Native => matches!(deactivate, Deactivate::No | Deactivate::Native),
        Fulfilment::Emulated => deactivate == Deactivate::ByRemoval,
        Fulfilment::Manual => {
            deactivate == Deactivate::Task
                && told!(stage, mode) == Mode::Manual
                && told!(stage, create) == Create::Task
                && told!(stage, reactivate) == Reactivate::Task
                && told!(stage, delete) == Delete::Task
        }
    };
    assert!(expected, "{deactivate:?} does not go with it");
    if deactivate == Deactivate::ByRemoval {
        assert_eq!(told!(stage, reactivate), Reactivate::ByInvitation, "there is no way back");
    }
    Kept
}

pub async fn what_stays_behind_names_what_to_do(stage: Arc<Stage>) -> Verdict {
    let residual = told!(stage, residual);
    for left in residual {
        let word = |letter: char| letter.is_ascii_lowercase() || letter == '-';
        assert!(left.key.chars().all(word), "`{}`", left.key);
        assert!(left.instruction.starts_with(|letter: char| letter.is_lowercase()), "{left:?}");
        assert!(!left.instruction.ends_with('.') && left.instruction.split(' ').count() > 3, "{left:?}");
    }
    if residual.is_empty() { Moot } else { Kept }
}

/// The default role is what an account has that was given none; the administrator's role can be given.
pub async fn the_named_roles_are_roles_an_account_can_have(stage: Arc<Stage>) -> Verdict {
    let (default, admin) = (told!(stage, default_role), told!(stage, admin_role));
    if let Roles::Fixed(known) = told!(stage, roles) {
        assert!(default.into_iter().chain(admin).all(|role| known.contains(&role)));
    }
    if default.is_none() && admin.is_none() {
        return Moot;
    }
    if let Some(default) = default {
        let account = stage.join(&anna()).await;
        assert_eq!(role_values(&account), [default]);
    }
    if let Some(admin) = admin {
        assert_eq!(told!(stage, accounts.roles), Held::Yes, "`{admin}` cannot be taken away");
        let draft = portcullis::contract::Draft {
            roles: vec![admin.to_owned()],
            ..crate::stage::person("Ada", "Root")
        };
        assert_eq!(role_values(&stage.join(&draft).await), [admin]);
    }
    Kept
}
