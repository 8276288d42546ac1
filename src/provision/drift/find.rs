//! What differs between an account and what was asked for. Pure.

use std::collections::BTreeMap;

use super::super::groups::GroupStanding;
use super::super::mapping::{self, Wanted};
use super::super::plan::{self, Access};
use super::super::policy::Policy;
use super::super::standing::{Invitation, Person};
use super::super::users::wants_access;
use super::report::{Ended, Finding, What};
use crate::base::clock::Timestamp;
use crate::base::fold::key;
use crate::contract::{Account, Capabilities, Held};
use crate::store::Record;

/// Groups whose members are known as of this run: id and name.
pub(super) type Places = BTreeMap<String, String>;

/// Whether the account was there before the first run and no caller ever asked for it.
pub(super) fn is_unmanaged(person: &Person, baseline: Option<Timestamp>) -> bool {
    person.standing.adopted
        && !person.standing.returned
        && baseline.is_none_or(|baseline| person.record.created_at <= baseline)
}

/// Everything in which a person differs.
pub(super) fn differences(
    person: &Person,
    capabilities: &Capabilities,
    policy: &Policy,
    places: &Places,
    baseline: Option<Timestamp>,
) -> Vec<Finding> {
    let finding = |what: What, detail: String, correctable: bool| Finding {
        what,
        resource: person.record.id.clone(),
        group: None,
        person: person.mention(),
        detail,
        since: Timestamp(0),
        correctable,
        late: person.came_late(),
        ended: Ended::Reported,
        note: None,
    };
    let access = plan::access(person, capabilities);
    if person.standing.is_in_doubt() {
        return Vec::new();
    }
    if person.standing.adopted {
        let new = baseline.is_some_and(|baseline| person.record.created_at > baseline);
        return match (access, person.standing.returned) {
            (Access::Open, true) => vec![finding(
                What::Returned,
                "has access, expected none: the person was deleted".to_owned(),
                policy.delete != super::super::DeletePolicy::Hard,
            )],
            (Access::Open, false) if new => {
                vec![finding(What::Added, "an account that no caller asked for".to_owned(), false)]
            }
            (Access::Open | Access::Disabled | Access::None, _) => Vec::new(),
        };
    }
    match (access, wants_access(&person.desired)) {
        (Access::Open, false) => vec![finding(
            What::Reactivated,
            "has access, expected none: the person was deactivated".to_owned(),
            true,
        )],
        (Access::None, true) if person.standing.gone_at.is_some() && !is_lapsed(person) => {
            vec![finding(What::Removed, "no account, expected an active one".to_owned(), false)]
        }
        (Access::Disabled, true) => {
            vec![finding(What::Deactivated, "a disabled account, expected an active one".to_owned(), false)]
        }
        (Access::None | Access::Disabled, _) => Vec::new(),
        (Access::Open, true) => {
            let nothing = Account::default();
            let observed = person.observed.as_ref().unwrap_or(&nothing);
            let wanted = mapping::wanted(&person.desired, capabilities, policy).unwrap_or_default();
            let mut found = Vec::new();
            let held = capabilities.accounts.roles;
            if let Some(detail) = other_role(&wanted, observed).filter(|_| held != Held::No) {
                found.push(finding(What::RoleChanged, detail, held == Held::Yes));
            }
            if let Some((detail, correctable)) = other_name(&wanted, observed, capabilities) {
                found.push(finding(What::Renamed, detail, correctable));
            }
            for (what, group, detail, correctable) in other_groups(person, &wanted, capabilities, places) {
                found.push(Finding { group: Some(group), ..finding(what, detail, correctable) });
            }
            found
        }
    }
}

/// A group that goes by another name than a caller gave it.
pub(super) fn other_group_name(group: &Record) -> Option<Finding> {
    let asked = GroupStanding::read(group).asked_name.filter(|asked| *asked != group.label)?;
    Some(Finding {
        what: What::GroupRenamed,
        resource: group.id.clone(),
        group: None,
        person: String::new(),
        detail: format!("the group is called `{}`, expected `{asked}`", group.label),
        since: Timestamp(0),
        correctable: false,
        late: false,
        ended: Ended::Reported,
        note: None,
    })
}

/// Nobody accepted, which is no drift.
fn is_lapsed(person: &Person) -> bool {
    person.standing.invitation == Invitation::Expired
}

fn other_role(wanted: &Wanted, observed: &Account) -> Option<String> {
    let (wanted, held) = (wanted.roles.as_ref()?, observed.roles.as_ref()?);
    let same = wanted.len() == held.len()
        && wanted.iter().all(|role| {
            held.iter().any(|held| {
                held.value.eq_ignore_ascii_case(role)
                    || held.display.as_ref().is_some_and(|display| display.eq_ignore_ascii_case(role))
            })
        });
    let listed: Vec<&str> = held.iter().map(|role| role.value.as_str()).collect();
    (!same).then(|| format!("role `{}`, expected `{}`", listed.join(", "), wanted.join(", ")))
}

/// Names count only where the app lets them be changed: elsewhere they are the person's own.
fn other_name(wanted: &Wanted, observed: &Account, capabilities: &Capabilities) -> Option<(String, bool)> {
    let held = &capabilities.accounts;
    let names = [
        ("name.givenName", &wanted.given_name, &observed.given_name, held.given_name, false),
        ("name.familyName", &wanted.family_name, &observed.family_name, held.family_name, false),
        ("displayName", &wanted.display_name, &observed.display_name, held.display_name, false),
        ("emails", &wanted.email, &observed.email, held.email, true),
    ];
    let (mut details, mut correctable) = (Vec::new(), true);
    for (attribute, wanted, told, how, is_address) in names {
        let (Some(wanted), Some(told)) = (wanted, told) else { continue };
        let counts = how == Held::Yes || (is_address && how != Held::No);
        if counts && key(wanted) != key(told) {
            details.push(format!("{attribute} `{told}`, expected `{wanted}`"));
            correctable &= how == Held::Yes;
        }
    }
    (!details.is_empty()).then(|| (details.join("; "), correctable))
}

fn other_groups(
    person: &Person,
    wanted: &Wanted,
    capabilities: &Capabilities,
    places: &Places,
) -> Vec<(What, String, String, bool)> {
    let groups = capabilities.groups;
    if groups.are_roles && wanted.roles.is_some() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (group, asked) in &person.standing.asked_groups {
        let Some(name) = places.get(group) else { continue };
        let inside = person.record.groups.iter().any(|held| held.id == *group);
        let (what, detail, correctable) = match (*asked, inside) {
            // Putting somebody back where joining means a mail is left to people.
            (true, false) => (
                What::MembershipRemoved,
                format!("not in `{name}`, expected in it"),
                groups.add_member && !groups.add_invites,
            ),
            (false, true) => {
                (What::MembershipAdded, format!("in `{name}`, expected out of it"), groups.remove_member)
            }
            (true, true) | (false, false) => continue,
        };
        let what = if groups.are_roles { What::RoleChanged } else { what };
        found.push((what, group.clone(), detail, correctable));
    }
    found
}

impl Person {
    /// A caller put the person into a group, or took them out of it. Of groups that are roles there is one at a time.
    pub(in crate::provision) fn ask_for_group(
        &mut self,
        group: &str,
        inside: bool,
        capabilities: &Capabilities,
    ) {
        if capabilities.groups.are_roles {
            self.standing.asked_groups.clear();
        }
        self.standing.asked_groups.insert(group.to_owned(), inside);
    }
}
