//! Invitations: noticed when they are accepted, told or sent again when they expire, taken back where they come late.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::connection::Connection;
use super::mapping;
use super::plan::{self, Access, Step};
use super::show::invitation;
use super::standing::{Invitation, Person};
use super::users::{Aim, wants_access};
use super::{Result, STRIDE};
use crate::base::clock::Timestamp;
use crate::base::lane::Lane;
use crate::contract::{self, Account, Create, Request, State};
use crate::store::{IntentState, Kind, Record, Write};

/// How long a withdrawn invitation is looked out for between the runs that look for drift.
const WATCHED: Duration = Duration::from_hours(24);

/// How often one invitation is sent again without anybody asking for it.
const MOST_RESENT: u32 = 3;

/// What is remembered of an invitation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Invited {
    /// When it was sent last, or first seen.
    pub at: Option<Timestamp>,
    /// How often the gateway sent it again.
    pub resent: u32,
    /// Somebody was asked to see to it.
    pub told: bool,
    /// One that was taken back before it was accepted.
    pub withdrawn: Option<Withdrawn>,
}

/// An invitation that was taken back: whoever accepts it all the same gets nothing by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    pub at: Timestamp,
    /// The app's id of the account it would have become.
    pub account: String,
}

/// What happens when an invitation expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overdue {
    /// A task says so.
    #[default]
    Report,
    /// It is sent again, three times at the most, then a task says so.
    Resend,
}

/// How the invitations of a connection are followed.
#[derive(Debug, Clone)]
pub struct InvitationPolicy {
    pub overdue: Overdue,
    /// How often the app is looked at while an invitation is open; `None` never.
    pub every: Option<Duration>,
    /// After how long one that nobody accepted is not counted on any more.
    pub lifetime: Duration,
}

impl Default for InvitationPolicy {
    fn default() -> Self {
        Self {
            overdue: Overdue::Report,
            every: Some(Duration::from_mins(5)),
            lifetime: Duration::from_hours(14 * 24),
        }
    }
}

impl Person {
    /// What comes now is another invitation, or none: nothing of the last one holds for it.
    pub(super) fn begin_anew(&mut self) {
        self.standing.invitation = Invitation::None;
        self.standing.invited.withdrawn = None;
        self.standing.returned = false;
    }

    /// Somebody who has not accepted yet has left.
    pub(super) fn withdraw_invitation(&mut self, now: Timestamp) {
        let open = matches!(self.standing.invitation, Invitation::Pending | Invitation::Expired);
        let account = self.account().id;
        if open && !account.is_empty() {
            self.standing.invited.withdrawn = Some(Withdrawn { at: now, account });
        }
        self.standing.invited.resent = 0;
        self.standing.invitation = Invitation::None;
    }

    /// The account is gone: one that nobody accepted yet has expired.
    pub(super) fn expire_invitation(&mut self) {
        self.standing.invitation = match self.standing.invitation {
            Invitation::Pending | Invitation::Expired => Invitation::Expired,
            Invitation::None | Invitation::Accepted => Invitation::None,
        };
    }

    /// The account belonged to somebody a caller has deleted.
    pub(super) fn return_after(&mut self, deleted: &[Record]) {
        let before = deleted.iter().map(|record| Self::read(record.clone()));
        for before in before {
            self.standing.returned = true;
            self.standing.invited.withdrawn = before.standing.invited.withdrawn;
        }
    }

    /// Whether the access that stands comes from an invitation that was withdrawn, for somebody nobody wants to have
    /// access.
    pub(super) fn came_late(&self) -> bool {
        let unwanted =
            if self.standing.adopted { self.standing.returned } else { !wants_access(&self.desired) };
        let withdrawn = self.standing.invited.withdrawn.as_ref();
        unwanted
            && withdrawn.is_some_and(|withdrawn| Some(&withdrawn.account) == self.record.account.as_ref())
    }

    /// Whether nobody accepted within `lifetime`.
    fn is_overdue(&self, now: Timestamp, lifetime: Duration) -> bool {
        self.standing.invitation == Invitation::Pending
            && self.standing.invited.at.is_some_and(|at| now.since(at) >= lifetime)
    }

    /// Whether there is anything to look out for.
    fn is_open(&self, now: Timestamp) -> bool {
        let Invited { told, withdrawn, .. } = &self.standing.invited;
        matches!(self.standing.invitation, Invitation::Pending | Invitation::Expired)
            || *told
            || withdrawn.as_ref().is_some_and(|withdrawn| now.since(withdrawn.at) < WATCHED)
            || self.came_late()
    }
}

impl Connection {
    /// Takes over what the state of an account says about its invitation.
    pub(super) fn follow_invitation(&self, person: &mut Person, account: &Account) {
        let known = person.standing.invitation;
        let is_another = person.record.account.as_ref() != Some(&account.id);
        // Somebody invited again, by whomever, is not the one whose invitation expired.
        let before = if known == Invitation::Expired && is_another && account.state() == State::Invited {
            Invitation::None
        } else {
            known
        };
        person.standing.invitation = invitation(before, account.state());
        match person.standing.invitation {
            Invitation::Pending if before != Invitation::Pending => {
                person.standing.invited.at = Some(self.now());
                self.attention.stir();
            }
            Invitation::Accepted => person.standing.invited.resent = 0,
            Invitation::Pending | Invitation::Expired | Invitation::None => {}
        }
    }

    /// Whether the app invites people and shows what became of it.
    pub(super) fn follows_invitations(&self) -> bool {
        self.capabilities().list && self.capabilities().create == Create::Invite
    }

    /// Looks after the invitations that are open: while there are any the app is listed, unless somebody just did.
    ///
    /// # Errors
    /// As a listing, where the app was never listed before.
    pub async fn tend_invitations(self: &Arc<Self>) -> Result<()> {
        if !self.follows_invitations() || !self.attention.is_stirred() {
            return Ok(());
        }
        self.ensure_listed_lately(Kind::User).await?;
        let mut open = Vec::new();
        let mut offset = 0;
        loop {
            let records = self.store().scan(self.name(), Kind::User, offset, STRIDE).await?;
            let read = records.len() as u64;
            let people = records.into_iter().map(Person::read);
            open.extend(people.filter(|person| person.is_open(self.now())));
            if read < STRIDE {
                break;
            }
            offset += STRIDE;
        }
        // What another replica invites is not heard of here.
        if open.is_empty() && self.store().term().is_none() {
            self.attention.rest();
        }
        for person in open {
            let id = person.record.id.clone();
            let (operation, late) = if person.came_late() { ("take_back", true) } else { ("invite", false) };
            let work = async {
                if late {
                    Lane::Leave.scope(self.take_back(&id)).await.map(drop)
                } else {
                    self.tend(&person).await
                }
            };
            if let Err(refusal) = self.on_our_own(operation, self.own_context(), work).await {
                tracing::warn!(
                    connection = self.name(),
                    reason = refusal.error.detail,
                    "an invitation could not be looked after"
                );
            }
        }
        Ok(())
    }

    /// Sees to one invitation: gives it up, sends it again, asks somebody to see to it, or thanks them.
    async fn tend(&self, seen: &Person) -> Result<()> {
        let lifetime = self.policy.invitations.lifetime;
        let wanted = wants_access(&seen.desired) && !seen.standing.adopted;
        let given_up = seen.standing.invitation == Invitation::Expired
            || (seen.is_overdue(self.now(), lifetime) && seen.may_be_hidden(self.capabilities()));
        let again = self.policy.invitations.overdue == Overdue::Resend
            && seen.standing.invited.resent < MOST_RESENT
            && self.capabilities().accounts.email_unique;
        if wanted && given_up && again {
            return self.send_again(&seen.record.id).await;
        }
        let due = wanted && (given_up || seen.is_overdue(self.now(), lifetime));
        let expires = given_up && seen.standing.invitation == Invitation::Pending;
        if due != seen.standing.invited.told || expires {
            self.tell_overdue(&seen.record.id, due, expires).await?;
        }
        Ok(())
    }

    /// Asks somebody to see to an invitation, or says that they need not any more.
    async fn tell_overdue(&self, id: &str, due: bool, expires: bool) -> Result<()> {
        let _turn = self.turn(id).await?;
        let mut person = self.person(id).await?;
        person.standing.invited.told = due;
        if expires && person.standing.invitation == Invitation::Pending {
            person.expire_invitation();
        }
        let write = if due {
            let app = self.capabilities().app;
            let request = Request::new(format!(
                "nobody accepted the invitation to {app}: remind the person, invite them again in {app}, or \
                 deactivate them in the identity provider"
            ));
            Write::Task(self.new_task("invitation", id, person.mention(), request))
        } else {
            self.closing(format!("invitation:{id}"), "the invitation is settled")
        };
        let expected = Some(person.record.version);
        self.keep(&mut person, expected, vec![write]).await?;
        if due {
            tracing::info!(connection = self.name(), "nobody accepted an invitation in time");
        }
        Ok(())
    }

    /// Sends an expired invitation again. It is counted before it leaves, so that an answer that is lost never makes
    /// two of it.
    async fn send_again(&self, id: &str) -> Result<()> {
        let _turn = self.turn(id).await?;
        let mut person = self.person(id).await?;
        if self.open_aim(id).await?.is_some() || self.look_again(&mut person, true).await?.is_some() {
            return Ok(());
        }
        let hidden = person.may_be_hidden(self.capabilities());
        let gone = plan::access(&person, self.capabilities()) == Access::None
            && person.standing.invitation == Invitation::Expired;
        let unsettled = person.standing.unsettled_at.is_some();
        if !(gone || hidden) || unsettled || !wants_access(&person.desired) {
            return Ok(());
        }
        let wanted = mapping::wanted(&person.desired, self.capabilities(), &self.policy)?;
        let draft = plan::again(&person, &wanted, self.capabilities(), &self.policy);
        let stood = person.clone();
        person.standing.invited.resent += 1;
        person.standing.invited.at = Some(self.now());
        person.record.generation += 1;
        let aim = Aim::to(person.desired.clone());
        let intent = self.intent(&person, "update", &aim, false)?;
        let expected = Some(person.record.version);
        self.keep(&mut person, expected, vec![Write::Intent(intent.clone())]).await?;
        let expected = Some(person.record.version);
        let mut writes = Vec::new();
        match self.apply(&mut person, vec![Step::Create(draft)], &mut writes).await {
            Ok(()) => {
                self.save(&mut person, expected, &intent, writes).await?;
                tracing::info!(connection = self.name(), "an expired invitation was sent again");
            }
            // The app still counts on the first one.
            Err(error) if error.kind == contract::Kind::Conflict && stood.record.account.is_some() => {
                person.standing.invitation = Invitation::Pending;
                self.keep(&mut person, expected, writes).await?;
                self.close(&intent, IntentState::NotApplied, "the first invitation still stands").await;
            }
            Err(error) => {
                self.keep(&mut person, expected, writes).await?;
                return Err(self.settle_failed(&intent, &error).await);
            }
        }
        Ok(())
    }
}
