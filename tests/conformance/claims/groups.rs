//! Groups and who is in them.

use std::sync::Arc;

use portcullis::contract::{Account, Create, Draft, Group, Kind, Member, Membership, Outcome, Result, Roles};

use super::Verdict::{self, Kept, Moot};
use crate::stage::{NOBODY, Stage, anna, instruction, member, told};

/// Whether what was done to groups can be read back: an app that takes everything as it comes keeps no books on them.
fn reads_back(stage: &Stage) -> bool {
    told!(stage, groups.list) && !told!(stage, accounts.everything)
}

fn is_by_people(stage: &Stage) -> bool {
    told!(stage, create) == Create::Task
}

pub async fn groups_are_listed_under_their_noun(stage: Arc<Stage>) -> Verdict {
    let has_groups = !told!(stage, groups.noun).is_empty();
    assert_eq!(has_groups, told!(stage, groups.list), "groups have a name where they can be listed");
    if !has_groups {
        return Moot;
    }
    let listed = stage.groups().groups().await.unwrap();
    assert!(listed.iter().all(|group| !group.id.is_empty() && !group.name.is_empty()), "{listed:?}");
    assert_eq!(listed, stage.groups().groups().await.unwrap(), "two readings differ");
    if let (true, Roles::Fixed(roles)) = (told!(stage, groups.are_roles), told!(stage, roles)) {
        let mut names: Vec<_> = listed.iter().map(|group| group.name.as_str()).collect();
        let mut roles = roles.to_vec();
        names.sort_unstable();
        roles.sort_unstable();
        assert_eq!(names, roles);
    }
    Kept
}

/// Who is in a group, as the capabilities say that the app tells it.
async fn is_in(stage: &Stage, account: &Account, group: &Group) -> bool {
    let listed = stage.groups().members(&group.id).await.unwrap().contains(&account.id);
    let shown = stage.look(account).await.unwrap().groups;
    match told!(stage, groups.membership) {
        Membership::OnAccount => assert_eq!(shown.unwrap().contains(&group.id), listed),
        Membership::OnGroup => assert_eq!(shown, None),
    }
    listed
}

pub async fn joining_and_leaving_a_group_shows_and_twice_is_already(stage: Arc<Stage>) -> Verdict {
    if told!(stage, groups.are_roles) {
        return Moot;
    }
    let account = stage.join(&anna()).await;
    let group = stage.group_without(&account).await;
    if !told!(stage, groups.add_member) || !told!(stage, groups.remove_member) {
        refused_before_any_call(&stage, &group, &account).await;
        return Kept;
    }
    let joined = stage.groups().add_member(&group.id, &member(&account)).await.unwrap();
    if !reads_back(&stage) {
        assert!(matches!(joined, Outcome::Done(_)), "{joined:?}");
        let left = stage.groups().remove_member(&group.id, &member(&account)).await.unwrap();
        assert!(matches!(left, Outcome::Done(_)), "{left:?}");
        return Kept;
    }
    match joined {
        Outcome::Done(_) => {}
        Outcome::Invited(_) if told!(stage, groups.add_invites) => {}
        other => panic!("{other:?}"),
    }
    assert!(is_in(&stage, &account, &group).await, "joined and not in it");
    let again = stage.groups().add_member(&group.id, &member(&account)).await.unwrap();
    // Where a second joining is answered like a first, the app cannot say.
    assert!(matches!(again, Outcome::Already(_) | Outcome::Done(_)), "{again:?}");
    let left = stage.groups().remove_member(&group.id, &member(&account)).await.unwrap();
    assert!(matches!(left, Outcome::Done(_)), "{left:?}");
    assert!(!is_in(&stage, &account, &group).await, "left and still in it");
    let again = stage.groups().remove_member(&group.id, &member(&account)).await.unwrap();
    assert!(matches!(again, Outcome::Already(_) | Outcome::Done(_)), "{again:?}");
    assert!(!is_in(&stage, &account, &group).await, "taken out twice and in it");
    Kept
}

async fn refused_before_any_call(stage: &Stage, group: &Group, account: &Account) {
    let who = member(account);
    let (add, remove) = (
        stage.without_calls(stage.groups().add_member(&group.id, &who)).await,
        stage.without_calls(stage.groups().remove_member(&group.id, &who)).await,
    );
    if !told!(stage, groups.add_member) {
        assert_eq!(add.unwrap_err().kind, Kind::Unsupported);
    }
    if !told!(stage, groups.remove_member) {
        assert_eq!(remove.unwrap_err().kind, Kind::Unsupported);
    }
}

/// The app sets a role without saying what it was, so both are always done; there is nothing below the least role.
pub async fn joining_and_leaving_a_role_sets_the_role(stage: Arc<Stage>) -> Verdict {
    if !told!(stage, groups.are_roles) || is_by_people(&stage) {
        return Moot;
    }
    let least = stage.roles()[0].to_owned();
    let account = stage.join(&Draft { roles: vec![least], ..anna() }).await;
    let group = stage.group_without(&account).await;
    for _ in 0..2 {
        let joined = stage.groups().add_member(&group.id, &member(&account)).await.unwrap();
        assert!(matches!(joined, Outcome::Done(Some(_))), "{joined:?}");
        assert!(is_in(&stage, &account, &group).await);
    }
    let left = stage.groups().remove_member(&group.id, &member(&account)).await.unwrap();
    assert!(matches!(left, Outcome::Done(Some(_))), "{left:?}");
    let after = stage.look(&account).await.unwrap();
    assert_eq!(after.groups, account.groups, "whoever leaves a role has the least one");
    let least = account.groups.as_deref().unwrap()[0].clone();
    assert_eq!(told!(stage, groups.floor), Some(least.as_str()));
    let refused =
        stage.without_calls(stage.groups().remove_member(&least, &member(&account))).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Unsupported);
    Kept
}

pub async fn what_people_do_with_members_waits_for_them(stage: Arc<Stage>) -> Verdict {
    if !is_by_people(&stage) || !told!(stage, groups.add_member) {
        return Moot;
    }
    let account = stage.join(&anna()).await;
    for group in stage.groups().groups().await.unwrap() {
        instruction(stage.groups().add_member(&group.id, &member(&account)).await.unwrap());
        instruction(stage.groups().remove_member(&group.id, &member(&account)).await.unwrap());
        let refused = stage.groups().members(&group.id).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Unsupported);
    }
    Kept
}

pub async fn joining_by_invitation_needs_an_address(stage: Arc<Stage>) -> Verdict {
    if !told!(stage, groups.add_invites) {
        return Moot;
    }
    let account = stage.join(&anna()).await;
    let group = stage.group_without(&account).await;
    let no_address = Member { email: None, ..member(&account) };
    let refused = stage.without_calls(stage.groups().add_member(&group.id, &no_address)).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Invalid);
    Kept
}

pub async fn a_group_nobody_has_is_not_found(stage: Arc<Stage>) -> Verdict {
    if !reads_back(&stage) || !told!(stage, groups.add_member) {
        return Moot;
    }
    let account = stage.join(&anna()).await;
    let refused = stage.groups().add_member(NOBODY, &member(&account)).await.unwrap_err();
    assert_eq!(refused.kind, Kind::NotFound);
    Kept
}

pub async fn groups_are_created_renamed_and_deleted_as_declared(stage: Arc<Stage>) -> Verdict {
    let groups = stage.groups();
    let made = if told!(stage, groups.create) {
        let Outcome::Done(made) = groups.create_group("Audit").await.unwrap() else { panic!("not made") };
        assert_eq!(made.name, "Audit");
        assert!(!reads_back(&stage) || name_of(&stage, &made).await.as_deref() == Some("Audit"));
        made
    } else {
        refused(stage.without_calls(groups.create_group("Audit")).await);
        groups.groups().await.unwrap().remove(0)
    };
    if told!(stage, groups.rename) {
        assert_eq!(groups.rename_group(&made.id, "Auditing").await, Ok(Outcome::Done(())));
        assert!(!reads_back(&stage) || name_of(&stage, &made).await.as_deref() == Some("Auditing"));
    } else {
        refused(stage.without_calls(groups.rename_group(&made.id, "Auditing")).await);
    }
    if told!(stage, groups.delete) {
        assert_eq!(groups.delete_group(&made.id).await, Ok(Outcome::Done(())));
        assert!(!reads_back(&stage) || name_of(&stage, &made).await.is_none());
    } else {
        refused(stage.without_calls(groups.delete_group(&made.id)).await);
    }
    Kept
}

fn refused<T: std::fmt::Debug>(answered: Result<T>) {
    assert_eq!(answered.unwrap_err().kind, Kind::Unsupported);
}

async fn name_of(stage: &Stage, group: &Group) -> Option<String> {
    let listed = stage.groups().groups().await.unwrap();
    listed.into_iter().find(|other| other.id == group.id).map(|found| found.name)
}
