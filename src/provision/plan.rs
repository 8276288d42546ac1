//! What has to be done at the app: the difference between what is wanted and what stands. Pure; may be empty; may refuse.

use super::mapping::{self, Wanted};
use super::policy::{DeletePolicy, Policy};
use super::standing::{About, Person};
use crate::base::fold::key;
use crate::contract::{Account, Capabilities, Change, Create, Deactivate, Delete, Draft, Reactivate, State};
use crate::scim::error::{Result, ScimError};

/// One thing to do at the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Create, invite, or invite again.
    Create(Draft),
    Update(Change),
    Deactivate,
    Reactivate,
    Delete,
    /// Calls off a removal that a person has not done yet.
    Recall,
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
    let mut steps = Vec::new();
    refuse_other_address_while_invited(person, wanted, capabilities)?;
    match (access(person, capabilities), wanted.active) {
        (Access::Open, false) => {
            refuse_protected(person, policy)?;
            steps.push(Step::Deactivate);
            if capabilities.deactivate == Deactivate::Native {
                push_change(&mut steps, mapping::change(wanted, observed, capabilities, policy)?);
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
        (Access::Disabled, false) | (Access::Open, true) => {
            if wanted.active
                && matches!(&person.standing.waiting, Some(waiting) if waiting.about == About::Remove)
            {
                steps.push(Step::Recall);
            }
            push_change(&mut steps, mapping::change(wanted, observed, capabilities, policy)?);
        }
    }
    if let Some(roles) = lost_roles(&steps, observed, capabilities)
        && is_protected(person, policy)
    {
        return Err(ScimError::new(
            403,
            format!("a protected account keeps its role; it would lose {roles}"),
        ));
    }
    Ok(steps)
}

/// Somebody is about to be invited by hand at the address the task names; it cannot change under them.
fn refuse_other_address_while_invited(
    person: &Person,
    wanted: &Wanted,
    capabilities: &Capabilities,
) -> Result<()> {
    let invited = matches!(&person.standing.waiting, Some(waiting) if waiting.about == About::Invite);
    let named = mapping::address(&person.desired).as_deref().map(key);
    if invited && wanted.email.as_deref().map(key) != named {
        return Err(mapping::immutable(capabilities, "an e-mail address"));
    }
    Ok(())
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
                return Err(ScimError::new(501, format!("{} cannot deactivate accounts", capabilities.app)));
            }
            Ok(vec![Step::Deactivate])
        }
        DeletePolicy::Hard | DeletePolicy::Deactivate => Ok(Vec::new()),
    }
}

/// The role an account would lose by these steps, if it is the app's administrator role.
pub fn lost_roles(steps: &[Step], observed: &Account, capabilities: &Capabilities) -> Option<&'static str> {
    let admin = capabilities.admin_role?;
    let has = observed.roles.iter().flatten().any(|role| role.value.eq_ignore_ascii_case(admin));
    let loses = steps.iter().any(|step| match step {
        Step::Deactivate | Step::Delete => true,
        Step::Update(change) => change
            .roles
            .as_ref()
            .is_some_and(|roles| !roles.iter().any(|role| role.eq_ignore_ascii_case(admin))),
        Step::Create(_) | Step::Reactivate | Step::Recall => false,
    });
    (has && loses).then_some(admin)
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
fn again(person: &Person, wanted: &Wanted, capabilities: &Capabilities, policy: &Policy) -> Draft {
    let mut draft = mapping::draft(wanted, capabilities, policy);
    if let Some(remembered) = &person.standing.remembered {
        if wanted.roles.is_none() && !remembered.roles.is_empty() {
            draft.roles.clone_from(&remembered.roles);
        }
        draft.groups.clone_from(&remembered.groups);
        if draft.email.is_none() {
            draft.email.clone_from(&remembered.email);
        }
    }
    draft
}

fn push_change(steps: &mut Vec<Step>, change: Change) {
    if !change.is_empty() {
        steps.push(Step::Update(change));
    }
}
