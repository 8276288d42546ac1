//! What has to be done at the app: the difference between what is wanted and what stands. Pure; may be empty; may refuse.

use super::mapping::{self, Wanted};
use super::policy::{DeletePolicy, Policy};
use super::standing::{About, Person};
use crate::base::fold::key;
use crate::contract::{
    Account, Capabilities, Change, Create, Deactivate, Delete, Draft, Held, Reactivate, State,
};
use crate::scim::error::{Result, ScimError};

/// One thing to do at the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Create, invite, or invite again.
    Create(Draft),
    Update(Change),
    Deactivate,
    Reactivate,
    /// Puts the account back into the groups that a removal which was called off had taken from it.
    Rejoin(Vec<String>),
    Delete,
    /// Calls off a removal that a person has not done yet.
    Recall,
}

impl Step {
    /// The step in one word, for traces.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Create(_) => "create_account",
            Self::Update(_) => "update_account",
            Self::Deactivate => "deactivate",
            Self::Reactivate => "reactivate",
            Self::Rejoin(_) => "rejoin",
            Self::Delete => "delete_account",
            Self::Recall => "recall_task",
        }
    }
}

/// What access a person has at the app, as far as we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// There is no account.
    None,
    /// There is one, and it is disabled.
    Disabled,
    /// There is one that works, or an invitation that becomes one with a click.
    Open,
}

/// The access that stands.
pub fn access(person: &Person, capabilities: &Capabilities) -> Access {
    if capabilities.deactivate == Deactivate::Task {
        return if person.standing.active { Access::Open } else { Access::None };
    }
    if person.record.account.is_none() {
        return Access::None;
    }
    match person.observed.as_ref().map_or(State::Active, Account::state) {
        State::Inactive => Access::Disabled,
        State::Active | State::Invited => Access::Open,
    }
}

/// The steps from what stands to what is wanted, in the order in which they are safe: access is taken away first.
///
/// # Errors
/// 403 for a protected person, 400 `mutability` as in [`mapping::change`], 501 where the app has no way.
pub fn update(
    person: &Person,
    wanted: &Wanted,
    capabilities: &Capabilities,
    policy: &Policy,
) -> Result<Vec<Step>> {
    let nothing = Account::default();
    let observed = person.observed.as_ref().unwrap_or(&nothing);
    let wanted = &without_kept_roles(person, wanted, capabilities, policy);
    let mut steps = Vec::new();
    if wanted.active {
        refuse_other_address_while_invited(person, wanted, capabilities)?;
    }
    match (access(person, capabilities), wanted.active) {
        (Access::Open, false) => {
            refuse_protected(person, policy)?;
            if capabilities.deactivate == Deactivate::No {
                return Err(cannot_deactivate(capabilities));
            }
            steps.push(Step::Deactivate);
            if capabilities.deactivate == Deactivate::Native {
                // A leaver is not held up by what the app cannot change.
                push_change(
                    &mut steps,
                    mapping::change(wanted, observed, capabilities, policy).unwrap_or_default(),
                );
            }
        }
        (Access::None, false) => {}
        (Access::None, true) => {
            if capabilities.create == Create::No {
                return Err(ScimError::new(501, format!("{} cannot create accounts", capabilities.app)));
            }
            steps.push(Step::Create(again(person, wanted, capabilities, policy)));
        }
        (Access::Disabled, true) => {
            if capabilities.reactivate == Reactivate::No {
                return Err(ScimError::new(501, format!("{} cannot reactivate accounts", capabilities.app)));
            }
            steps.push(Step::Reactivate);
            push_change(&mut steps, mapping::change(wanted, observed, capabilities, policy)?);
        }
        (Access::Disabled, false) => {
            push_change(
                &mut steps,
                mapping::change(wanted, observed, capabilities, policy).unwrap_or_default(),
            );
        }
        (Access::Open, true) => {
            let was_to_leave = person.standing.waits_for(&About::Remove).is_some();
            if was_to_leave {
                steps.push(Step::Recall);
            }
            if capabilities.deactivate == Deactivate::Task && person.observed.is_none() {
                // Nobody is there yet: another role is another invitation, and one that was called off is made again.
                let before = mapping::wanted(&person.desired, capabilities, policy)?;
                if was_to_leave || before.roles != wanted.roles {
                    steps.push(Step::Create(again(person, wanted, capabilities, policy)));
                }
            } else {
                let taken = taken_by_removal(person, capabilities);
                if !taken.is_empty() {
                    steps.push(Step::Rejoin(taken));
                }
                push_change(&mut steps, mapping::change(wanted, observed, capabilities, policy)?);
            }
        }
    }
    if is_protected(person, policy) {
        refuse_harm(&steps, observed)?;
    }
    Ok(steps)
}

/// A role that the app did not take is kept on our side, and asked for again only where it changes.
fn without_kept_roles(
    person: &Person,
    wanted: &Wanted,
    capabilities: &Capabilities,
    policy: &Policy,
) -> Wanted {
    let untold = person.observed.as_ref().is_none_or(|account| account.roles.is_none());
    let mut wanted = wanted.clone();
    if capabilities.accounts.roles == Held::Tried && untold {
        let before = mapping::wanted(&person.desired, capabilities, policy).unwrap_or_default();
        wanted.roles = wanted.roles.filter(|roles| before.roles.as_ref() != Some(roles));
    }
    wanted
}

/// Somebody is about to be invited by hand at the address the task names; it cannot change under them.
fn refuse_other_address_while_invited(
    person: &Person,
    wanted: &Wanted,
    capabilities: &Capabilities,
) -> Result<()> {
    let invited = person.standing.waits_for(&About::Invite).is_some();
    let named = mapping::address(&person.desired).as_deref().map(key);
    if invited && wanted.email.as_deref().map(key) != named {
        return Err(mapping::immutable(capabilities, "an e-mail address"));
    }
    Ok(())
}

/// 403 where the steps would take a role from a protected account, or the address it is protected by.
fn refuse_harm(steps: &[Step], observed: &Account) -> Result<()> {
    let changes = steps.iter().filter_map(|step| match step {
        Step::Update(change) => Some(change),
        Step::Create(_)
        | Step::Deactivate
        | Step::Reactivate
        | Step::Rejoin(_)
        | Step::Delete
        | Step::Recall => None,
    });
    for change in changes {
        let held = observed.roles.iter().flatten();
        let loses_role = change.roles.as_ref().is_some_and(|roles| {
            held.into_iter().any(|held| !roles.iter().any(|role| role.eq_ignore_ascii_case(&held.value)))
        });
        if loses_role || change.email.is_some() || change.user_name.is_some() {
            return Err(ScimError::new(
                403,
                "this account is protected by the connection's policy: it keeps its roles and its address",
            ));
        }
    }
    Ok(())
}

fn cannot_deactivate(capabilities: &Capabilities) -> ScimError {
    ScimError::new(501, format!("{} cannot deactivate accounts", capabilities.app))
}

/// The steps that remove a person. Somebody without access needs none.
///
/// # Errors
/// 403 where the policy says `reject` or the person is protected, 501 where the app has no way.
pub fn delete(person: &Person, capabilities: &Capabilities, policy: &Policy) -> Result<Vec<Step>> {
    let access = access(person, capabilities);
    let hard = matches!(capabilities.delete, Delete::Permanent);
    match policy.delete {
        DeletePolicy::Reject => Err(ScimError::new(
            403,
            "this connection does not delete people; deactivate them with `active: false`",
        )),
        DeletePolicy::Hard if hard && access != Access::None => {
            refuse_protected(person, policy)?;
            Ok(vec![Step::Delete])
        }
        DeletePolicy::Hard | DeletePolicy::Deactivate if access == Access::Open => {
            refuse_protected(person, policy)?;
            if capabilities.deactivate == Deactivate::No {
                return Err(cannot_deactivate(capabilities));
            }
            Ok(vec![Step::Deactivate])
        }
        DeletePolicy::Hard | DeletePolicy::Deactivate => Ok(Vec::new()),
    }
}

/// The role an account would lose by these steps, if it is the app's administrator role.
pub fn lost_roles(steps: &[Step], observed: &Account, capabilities: &Capabilities) -> Option<&'static str> {
    let admin = capabilities.admin_role?;
    let has = account_has_role(observed, admin);
    let loses = steps.iter().any(|step| match step {
        Step::Deactivate | Step::Delete => true,
        Step::Update(change) => change
            .roles
            .as_ref()
            .is_some_and(|roles| !roles.iter().any(|role| role.eq_ignore_ascii_case(admin))),
        Step::Create(_) | Step::Reactivate | Step::Rejoin(_) | Step::Recall => false,
    });
    (has && loses).then_some(admin)
}

/// Whether the account of a person holds a role.
pub fn has_role(person: &Person, role: &str) -> bool {
    person.observed.as_ref().is_some_and(|account| account_has_role(account, role))
}

fn account_has_role(account: &Account, role: &str) -> bool {
    account.roles.iter().flatten().any(|held| held.value.eq_ignore_ascii_case(role))
}

/// Whether the policy protects this person.
pub fn is_protected(person: &Person, policy: &Policy) -> bool {
    let account = person.observed.as_ref().and_then(|account| account.email.as_deref()).map(key);
    std::iter::once(&person.record.name_key)
        .chain(&person.record.email_keys)
        .chain(account.as_ref())
        .any(|known| policy.protected.contains(known))
}

/// 403 for a protected person.
pub fn refuse_protected(person: &Person, policy: &Policy) -> Result<()> {
    if is_protected(person, policy) {
        return Err(ScimError::new(
            403,
            "this account is protected by the connection's policy: it is never deactivated, deleted or demoted",
        ));
    }
    Ok(())
}

/// The draft of an account that was there before: what was remembered, where the resource says nothing else.
pub fn again(person: &Person, wanted: &Wanted, capabilities: &Capabilities, policy: &Policy) -> Draft {
    let mut draft = mapping::draft(wanted, capabilities, policy);
    if let Some(remembered) = &person.standing.remembered {
        if wanted.roles.is_none() && !remembered.roles.is_empty() {
            draft.roles =
                remembered.roles.iter().map(|role| mapping::spelled(role.clone(), capabilities)).collect();
        }
        draft.groups.clone_from(&remembered.groups);
        if draft.email.is_none() {
            draft.email.clone_from(&remembered.email);
        }
    }
    draft
}

/// The groups that a removal which was not finished has taken from somebody who still has access.
fn taken_by_removal(person: &Person, capabilities: &Capabilities) -> Vec<String> {
    match (&person.standing.remembered, &person.observed) {
        (Some(remembered), Some(held)) if capabilities.deactivate == Deactivate::ByRemoval => {
            not_in(&remembered.groups, held, capabilities)
        }
        _ => Vec::new(),
    }
}

/// Those of the groups that an account is not in and can join; none where the app does not tell which it is in.
pub fn not_in(groups: &[String], account: &Account, capabilities: &Capabilities) -> Vec<String> {
    let can_join = capabilities.groups.add_member && !capabilities.groups.are_roles;
    let Some(held) = account.groups.as_ref().filter(|_| can_join) else { return Vec::new() };
    groups.iter().filter(|group| !held.contains(group)).cloned().collect()
}

fn push_change(steps: &mut Vec<Step>, change: Change) {
    if !change.is_empty() {
        steps.push(Step::Update(change));
    }
}
