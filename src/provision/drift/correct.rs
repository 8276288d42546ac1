//! Puts back what drifted, through the same plan, journal and guards as a request, and never more than a run may.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::super::connection::Connection;
use super::super::members::Difference;
use super::super::plan::{self, Access};
use super::super::users::{Aim, Under, wants_access};
use super::super::{Refusal, Result};
use super::Correction;
use super::report::{Ended, Finding, Report, What};
use crate::base::lane::Lane;

/// What one correction is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    /// The access of a person.
    Access(String),
    /// The roles, names and address of a person.
    Attributes(String),
    /// The membership of a person in a group.
    Membership { group: String, person: String },
}

impl Unit {
    fn of(finding: &Finding) -> Option<Self> {
        let person = finding.resource.clone();
        if !finding.correctable {
            return None;
        }
        match (finding.what, &finding.group) {
            (What::Reactivated | What::Returned, _) => Some(Self::Access(person)),
            (What::RoleChanged | What::Renamed, None) => Some(Self::Attributes(person)),
            (What::MembershipRemoved | What::MembershipAdded | What::RoleChanged, Some(group)) => {
                Some(Self::Membership { group: group.clone(), person })
            }
            (What::Removed | What::Deactivated | What::Added | What::Renamed | What::GroupRenamed, _)
            | (What::MembershipRemoved | What::MembershipAdded, None) => None,
        }
    }
}

/// How a correction ended.
enum Put {
    Back,
    /// It was so already when it was looked at again.
    Already,
}

impl Connection {
    /// Makes the corrections the policy asks for, or none where they are more than a run may make of `people`.
    pub(super) async fn correct(self: &Arc<Self>, report: &mut Report, people: usize) {
        let all = self.policy.drift.correction == Correction::Correct;
        let mut units: BTreeMap<Unit, Vec<usize>> = BTreeMap::new();
        for (place, finding) in report.findings.iter().enumerate() {
            if let Some(unit) = Unit::of(finding).filter(|_| all || finding.late) {
                units.entry(unit).or_default().push(place);
            }
        }
        report.due = units.len();
        report.braked = is_too_much(units.len(), people, self.policy.drift.most);
        if report.braked {
            return;
        }
        for (unit, places) in units {
            let (ended, note) = match self.carry_correction(unit).await {
                Ok(Put::Back | Put::Already) => (Ended::Corrected, None),
                Err(refusal) => {
                    let later = (500..600).contains(&refusal.error.status) || refusal.error.status == 429;
                    let ended = if later { Ended::UnderWay } else { Ended::Refused };
                    (ended, Some(refusal.error.detail))
                }
            };
            for place in places {
                if let Some(finding) = report.findings.get_mut(place) {
                    (finding.ended, finding.note) = (ended, note.clone());
                }
            }
        }
    }

    /// Does one correction in a task of its own, so that ending the run never ends it half-way.
    async fn carry_correction(self: &Arc<Self>, unit: Unit) -> Result<Put> {
        let this = Arc::clone(self);
        let work = async move {
            let correction = async {
                match unit {
                    Unit::Access(person) => Lane::Leave.scope(this.take_back(&person)).await,
                    Unit::Attributes(person) => this.put_back(&person).await,
                    Unit::Membership { group, person } => this.place_back(&group, &person).await,
                }
            };
            let done = this.on_our_own("correct_drift", this.own_context(), correction).await;
            done.map(|done| if done { Put::Back } else { Put::Already })
        };
        match self.shared.tracker.spawn(work).await {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "a correction did not end");
                Err(Refusal::from(crate::scim::error::ScimError::new(500, "the correction did not end")))
            }
        }
    }

    /// Takes away the access of somebody nobody wants to have it, and reads back that it is gone. Tells whether there
    /// was any.
    pub(in crate::provision) async fn take_back(&self, id: &str) -> Result<bool> {
        let _turn = self.turn(id).await?;
        let mut person = self.person(id).await?;
        let returned = person.standing.adopted && person.standing.returned;
        if self.open_aim(id).await?.is_some() || (wants_access(&person.desired) && !returned) {
            return Ok(false);
        }
        let doubt = self.look_again(&mut person, true).await?;
        if doubt.is_none() && plan::access(&person, self.capabilities()) != Access::Open {
            return Ok(false);
        }
        let mut desired = person.desired.clone();
        desired["active"] = json!(false);
        let aim = Aim { deleted: returned, ..Aim::to(desired) };
        self.reach(person, doubt, Under::New(0), aim).await?;
        tracing::warn!(connection = self.name(), "access that came back was taken away again");
        Ok(true)
    }

    /// Puts the roles, names and address back that were asked for; gives no access.
    async fn put_back(&self, id: &str) -> Result<bool> {
        let _turn = self.turn(id).await?;
        let mut person = self.person(id).await?;
        if self.open_aim(id).await?.is_some() || !wants_access(&person.desired) {
            return Ok(false);
        }
        let doubt = self.look_again(&mut person, true).await?;
        if doubt.is_none() && plan::access(&person, self.capabilities()) != Access::Open {
            return Ok(false);
        }
        let aim = Aim::to(person.desired.clone());
        self.reach(person, doubt, Under::New(0), aim).await.map(|_| true)
    }

    /// Puts somebody back into a group, or takes them out of it again, as callers asked last.
    async fn place_back(&self, group: &str, id: &str) -> Result<bool> {
        let _turn = self.turn(group).await?;
        let (group, person) = (self.group(group).await?, self.person(id).await?);
        let open = plan::access(&person, self.capabilities()) == Access::Open;
        let Some(inside) = person.standing.asked_groups.get(&group.id).copied().filter(|_| open) else {
            return Ok(false);
        };
        let named = vec![id.to_owned()];
        let difference = if inside {
            Difference { added: named, ..Difference::default() }
        } else {
            Difference { removed: named, ..Difference::default() }
        };
        self.change_members(&group, difference, None).await.map(|()| true)
    }
}

/// More than `most`, or more than a fifth of the people; a single one always may.
fn is_too_much(corrections: usize, people: usize, most: usize) -> bool {
    corrections > most || (corrections > 1 && corrections * 5 > people)
}

#[cfg(test)]
mod tests {
    use super::is_too_much;

    #[test]
    fn the_brake_holds_above_a_number_and_above_a_fifth() {
        let cases =
            [(0, 0, false), (1, 1, false), (2, 9, true), (2, 10, false), (5, 25, false), (6, 1_000, true)];
        for (corrections, people, braked) in cases {
            assert_eq!(is_too_much(corrections, people, 5), braked, "{corrections} of {people}");
        }
    }
}
