//! Removals from groups: a success the app answers counts once a reading shows it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Result;
use super::confirm::PAUSES;
use super::connection::Connection;
use super::members::{Noted, Tally, may_succeed_later};
use super::standing::Person;
use crate::base::context;
use crate::contract::{Account, By, Error, Groups, Kind, Membership, Request};
use crate::scim::error::{ScimError, ScimType};
use crate::store::{self, Lifecycle, Record, Task, Write};

/// A removal the app was asked for.
#[derive(Debug)]
pub(super) struct Removal {
    /// The SCIM id.
    pub id: String,
    /// The app's id.
    pub account: String,
    /// Whether the app told the account with its answer.
    pub is_told: bool,
    /// What the app answered, where that may hide a success.
    pub failed: Option<Error>,
}

/// Who is in a group still, and the account where the reading was of one.
struct Reading {
    inside: BTreeSet<String>,
    told: Option<Account>,
}

/// Whether a removal that failed so may have been done, or is asked for again.
pub(super) fn may_be_done_yet(kind: Kind) -> bool {
    may_hide_a_success(kind) || may_succeed_later(kind)
}

/// Whether a removal that failed so may have been done.
pub(super) fn may_hide_a_success(kind: Kind) -> bool {
    match kind {
        Kind::Unknown | Kind::NotFound => true,
        Kind::Conflict
        | Kind::Ambiguous
        | Kind::Invalid
        | Kind::Unsupported
        | Kind::Credentials
        | Kind::Forbidden
        | Kind::NoSeats
        | Kind::RateLimited
        | Kind::Unavailable
        | Kind::Unexpected => false,
    }
}

impl Connection {
    /// Refuses to take anybody out of the role that everybody has at least, before any call.
    ///
    /// # Errors
    /// 400 `mutability`.
    pub(super) fn refuse_floor(&self, group: &Record) -> Result<()> {
        if !self.is_floor(group) {
            return Ok(());
        }
        let detail = format!(
            "nobody can be taken out of `{}`: in {} every account has that role at least; deactivate the person instead",
            group.label,
            self.capabilities().app
        );
        Err(ScimError::bad(ScimType::Mutability, detail).into())
    }

    /// Whether this is the role that everybody has at least.
    pub(super) fn is_floor(&self, group: &Record) -> bool {
        let floor = self.capabilities().groups.floor;
        floor.is_some() && floor == group.account.as_deref()
    }

    /// What counts before a removal was read back: nobody comes back into the group meanwhile, and where groups are
    /// roles, what the app answered counts for those who guard the last administrator.
    pub(super) fn note_asked_out(
        &self,
        mut person: Person,
        group: &Record,
        told: Option<Account>,
        tally: &mut Tally,
    ) {
        let expected = Some(person.record.version);
        let capabilities = self.capabilities();
        person.ask_for_group(&group.id, false, capabilities);
        self.forget_asked_role(&mut person);
        if let Some(told) = told.filter(|_| capabilities.groups.are_roles) {
            self.observe_change(&mut person, told);
        }
        if person.record.lifecycle == Lifecycle::Live && person.differs_from_record() {
            tally.noted.push(Noted { person, expected, writes: Vec::new() });
        }
    }

    /// Reads back what the app was asked for: whoever is out is noted, whoever is not stays a failure that is worth
    /// another attempt. All removals share each reading.
    pub(super) async fn confirm_removals(
        &self,
        groups: &dyn Groups,
        group: &Record,
        tally: &mut Tally,
    ) -> Result<()> {
        let mut open = std::mem::take(&mut tally.asked);
        let mut failure = None;
        for pause in PAUSES {
            if open.is_empty() || pause >= context::remaining(Duration::from_secs(25)) {
                break;
            }
            tokio::time::sleep(pause).await;
            let Reading { inside, told } = match self.who_is_inside(groups, group, &open).await {
                Ok(reading) => reading,
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            };
            let (still, out): (Vec<Removal>, Vec<Removal>) =
                open.into_iter().partition(|removal| inside.contains(&removal.account));
            for removal in out {
                self.note_out(group, removal, told.clone(), tally).await?;
            }
            open = still;
        }
        for removal in open {
            self.note_still_inside(&removal).await;
            let error = removal.failed.or_else(|| failure.clone()).unwrap_or_else(|| {
                Error::new(
                    Kind::Unavailable,
                    "remove_member",
                    format!(
                        "{} took the removal and still shows the account in the group",
                        self.capabilities().app
                    ),
                )
            });
            tally.fail_removal(removal.id, error);
        }
        Ok(())
    }

    /// Whether the app shows an account outside a group. Where the group tells its members, one reading serves a change.
    pub(super) async fn is_outside(
        &self,
        groups: &dyn Groups,
        group: &Record,
        person: &Person,
        tally: &mut Tally,
    ) -> crate::contract::Result<bool> {
        let account = person.record.account.clone().unwrap_or_default();
        if let Some(inside) = &tally.inside {
            return Ok(!inside.contains(&account));
        }
        let asked = Removal { id: person.record.id.clone(), account, is_told: false, failed: None };
        let Reading { inside, .. } = self.who_is_inside(groups, group, std::slice::from_ref(&asked)).await?;
        let outside = !inside.contains(&asked.account);
        if self.capabilities().groups.membership == Membership::OnGroup {
            tally.inside = Some(inside);
        }
        Ok(outside)
    }

    /// One reading of the app: of the account where there is one and it tells its groups, else of the group.
    async fn who_is_inside(
        &self,
        groups: &dyn Groups,
        group: &Record,
        asked: &[Removal],
    ) -> crate::contract::Result<Reading> {
        let capabilities = self.capabilities();
        let place = group.account.as_deref().unwrap_or_default();
        // Where one joins a group by invitation the group tells its members in one call, and an account takes several.
        let on_account = capabilities.groups.membership == Membership::OnAccount
            && capabilities.accounts.by_id
            && !capabilities.groups.add_invites;
        if let (true, [only]) = (on_account, asked) {
            let told = self.adapter().account(By::Id(&only.account)).await?;
            let lists = told.as_ref().map(|account| account.groups.clone());
            if let Some(inside) =
                lists.map_or(Some(false), |lists| lists.map(|held| held.iter().any(|known| known == place)))
            {
                let inside = if inside { BTreeSet::from([only.account.clone()]) } else { BTreeSet::new() };
                return Ok(Reading { inside, told });
            }
        }
        let inside = groups.members(place).await?.into_iter().collect();
        Ok(Reading { inside, told: None })
    }

    /// Keeps that a person is out of a group, and of a role what the reading told besides. They are not out where they
    /// have another account by now, which was not asked about.
    async fn note_out(
        &self,
        group: &Record,
        removal: Removal,
        told: Option<Account>,
        tally: &mut Tally,
    ) -> Result<()> {
        let Removal { id, account, is_told, .. } = removal;
        let _turn = self.turn(&id).await?;
        let Some(record) = self.store().record(self.name(), store::Kind::User, &id).await? else {
            tally.leaves(&group.id, id);
            return Ok(());
        };
        if record.account.as_ref().is_some_and(|now| *now != account) {
            let message = "the person was given another account while they were taken out";
            tally.fail_removal(id, Error::new(Kind::Unavailable, "remove_member", message));
            return Ok(());
        }
        let mut person = Person::read(record);
        let are_roles = self.capabilities().groups.are_roles;
        if are_roles && is_told && person.is_known_in(group) {
            // The app told that they had lost the role: they were given it again since, and the reading is older.
            return Ok(());
        }
        let expected = Some(person.record.version);
        self.note_out_of_group(&mut person, group);
        person.ask_for_group(&group.id, false, self.capabilities());
        let mut writes = Vec::new();
        // Of the other groups the reading may be older than what is known by now.
        if are_roles {
            if let Some(told) = told {
                self.observe_change(&mut person, told);
            }
            writes = self.membership_writes(&person).await?;
        }
        if person.differs_from_record() || !writes.is_empty() {
            self.keep(&mut person, expected, writes).await?;
        }
        tally.leaves(&group.id, id);
        Ok(())
    }

    /// Where groups are roles the answer of the app was noted as the role; the app shows another.
    async fn note_still_inside(&self, removal: &Removal) {
        if !self.capabilities().groups.are_roles {
            return;
        }
        let Ok(_turn) = self.turn(&removal.id).await else { return };
        let (Ok(mut person), Ok(Some(told))) =
            (self.person(&removal.id).await, self.adapter().account(By::Id(&removal.account)).await)
        else {
            return;
        };
        let expected = Some(person.record.version);
        self.observe_change(&mut person, told);
        if let Err(failure) = self.keep(&mut person, expected, Vec::new()).await {
            tracing::warn!(connection = self.name(), %failure, "a role could not be noted");
        }
    }

    /// An urgent task for a removal that the app refuses for good.
    pub(super) async fn member_attention(&self, group: &Record, id: &str, why: &str) -> Write {
        let record = self.store().record(self.name(), store::Kind::User, id).await.ok().flatten();
        let person = record.map(Person::read).map_or_else(String::new, |person| person.mention());
        let (name, app) = (&group.label, self.capabilities().app);
        let instruction = format!("take the person out of the group `{name}` in {app} by hand: {why}");
        let task = self.new_task("attention", id, person, Request::new(instruction));
        Write::Task(Task { dedupe: member_key(&group.id, id), urgent: true, ..task })
    }

    /// Closes the task of a removal that was done after all.
    pub(super) fn member_thanks(&self, group: &str, id: &str) -> Write {
        self.closing(member_key(group, id), "carried out by the gateway itself")
    }
}

fn member_key(group: &str, id: &str) -> String {
    format!("attention:{group}:{id}")
}
