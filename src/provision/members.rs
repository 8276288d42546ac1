//! Who is in a group: changed at the app by difference, and remembered as far as the app confirmed it.

use std::collections::BTreeSet;

use super::connection::Connection;
use super::groups::GroupStanding;
use super::leaving::Removal;
use super::plan;
use super::recover::Ended;
use super::standing::Person;
use super::{Refusal, Result, STRIDE, refuse};
use crate::base::context;
use crate::base::lane::Lane;
use crate::contract::{self, Groups};
use crate::scim::filter::ElementFilter;
use crate::store::{self, Intent, IntentState, Kind, Membership, Record, Reference, Write};

/// Which members shall come and go.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub removed: Vec<String>,
    pub added: Vec<String>,
    /// Whether the app is looked at before whoever is out already, as far as is known, is taken out.
    pub looks: bool,
}

/// A change of members, by SCIM id.
#[derive(Debug)]
pub(super) enum MembersStep {
    Add(Vec<String>),
    Remove(Vec<String>),
    /// Those the filter selects, seen as the group shows its members.
    RemoveMatching(ElementFilter),
    Replace(Vec<String>),
}

/// What the app's answer about a membership changes of a person.
pub(super) struct Noted {
    pub person: Person,
    /// The version the record has.
    pub expected: Option<i64>,
    pub writes: Vec<Write>,
}

/// What one change of members came to.
#[derive(Default)]
pub(super) struct Tally {
    /// Memberships the app has taken over; people's records were written as they came.
    pub added: Vec<Membership>,
    pub removed: Vec<Membership>,
    /// Removals that are to be read back.
    pub asked: Vec<Removal>,
    /// What is to be written into people's records before their turns end.
    pub noted: Vec<Noted>,
    /// Who is to be taken out by hand, and why.
    refused: Vec<(String, String)>,
    /// The error told to the caller; one that is worth another attempt comes before all others.
    error: Option<contract::Error>,
    pub refusal: Option<Refusal>,
    /// The app's ids of its members, where the app told them for this change.
    pub inside: Option<BTreeSet<String>>,
    /// As of the [`Difference`].
    pub looks: bool,
    goes_on: bool,
}

impl Tally {
    pub(super) fn fail(&mut self, error: contract::Error, goes_on: bool) {
        if self.error.is_none() || (goes_on && !self.goes_on) {
            self.error = Some(error);
        }
        self.goes_on |= goes_on;
    }

    /// A removal the app did not carry out.
    pub(super) fn fail_removal(&mut self, id: String, error: contract::Error) {
        let goes_on = may_succeed_later(error.kind);
        if !goes_on {
            self.refused.push((id, error.message.clone()));
        }
        self.fail(error, goes_on);
    }

    /// A removal that stands.
    pub(super) fn leaves(&mut self, group: &str, member: String) {
        self.removed.push(Membership { group: group.to_owned(), member });
    }
}

impl Connection {
    /// The lane of a change of members: the first where anybody is taken out by it, as far as the store knows.
    pub(super) async fn lane_of_members(&self, group: &str, steps: &[MembersStep]) -> Result<Lane> {
        let mut lane = if steps.is_empty() { Lane::Update } else { Lane::Rest };
        for step in steps {
            match step {
                MembersStep::Add(_) => {}
                MembersStep::Remove(_) | MembersStep::RemoveMatching(_) => lane = Lane::Leave,
                MembersStep::Replace(ids) => {
                    let stay: BTreeSet<&String> = ids.iter().collect();
                    let members = self.store().members(self.name(), group).await?;
                    if members.iter().any(|member| !stay.contains(&member.id)) {
                        lane = Lane::Leave;
                    }
                }
            }
        }
        Ok(lane)
    }

    /// What the steps come to, seen from the members that stand.
    ///
    /// Whoever is named by a step is only passed over where it is known that they are in or out already; whoever is named
    /// by a removal never is, as long as the app can be asked: a reading never makes a removal look done.
    pub(super) async fn difference(&self, group: &Record, steps: Vec<MembersStep>) -> Result<Difference> {
        if steps.is_empty() {
            return Ok(Difference::default());
        }
        let needs_all =
            steps.iter().any(|step| matches!(step, MembersStep::Replace(_) | MembersStep::RemoveMatching(_)));
        let leave = steps.iter().all(|step| matches!(step, MembersStep::Remove(_)));
        let looks = self.looks_before_a_removal();
        let mut certain = match self.members_are_known(group, needs_all).await {
            // Whoever is named and shall leave is taken out once the app can be asked, and was a member as far as is known.
            Err(_) if leave => false,
            known => known?,
        };
        // A removal still under way is what the caller asked for last, and may have been done already.
        let leaving = self.open_removals(&group.id).await?.leaving;
        let mut held =
            if needs_all { self.held(group).await? } else { self.held_of(group, &steps, &leaving).await? };
        if !certain && leaving.is_empty() && seems_done(&steps, &held) {
            // One reading tells what a write for each of them would find out.
            self.refresh_members(group).await;
            certain = self.members_are_known(group, false).await?;
            held = self.held_of(group, &steps, &leaving).await?;
        }
        let unverified = GroupStanding::read(group).unverified;
        let mut wanted: BTreeSet<String> = held.difference(&leaving).cloned().collect();
        let mut named = leaving.clone();
        // Of those who are on their way out already, whom the caller speaks of.
        let mut asked = BTreeSet::new();
        for step in steps {
            match step {
                MembersStep::Add(ids) => {
                    named.extend(ids.iter().filter(|_| !certain).cloned());
                    wanted.extend(ids);
                }
                MembersStep::Remove(ids) => {
                    let people = self.store().records(self.name(), Kind::User, &ids).await?;
                    let may_be_in = |one: &Record| looks || !certain || self.is_away(group, one);
                    named.extend(people.into_iter().filter(may_be_in).map(|one| one.id));
                    named.extend(ids.iter().filter(|id| unverified.contains(*id)).cloned());
                    for id in &ids {
                        wanted.remove(id);
                    }
                    asked.extend(ids);
                }
                MembersStep::RemoveMatching(filter) => {
                    let ids: Vec<String> = unverified.iter().cloned().collect();
                    let may_be_in = self.store().records(self.name(), Kind::User, &ids).await?;
                    let away = self.away_from(group).await?;
                    let may_be_in = may_be_in.into_iter().chain(away).map(|one| Reference {
                        id: one.id,
                        label: one.label,
                        kind: Kind::User,
                    });
                    for member in
                        self.store().members(self.name(), &group.id).await?.into_iter().chain(may_be_in)
                    {
                        if filter.matches(&self.member_reference(&member)) {
                            wanted.remove(&member.id);
                            asked.insert(member.id.clone());
                            named.insert(member.id);
                        }
                    }
                }
                MembersStep::Replace(ids) => {
                    wanted = ids.into_iter().collect();
                    asked.extend(leaving.iter().cloned());
                    named.extend(unverified.iter().cloned());
                    let away = self.away_from(group).await?.into_iter().map(|one| one.id);
                    named.extend(away.filter(|id| !wanted.contains(id)));
                }
            }
        }
        let is_asked = |id: &&String| !leaving.contains(*id) || asked.contains(*id);
        let removed: BTreeSet<String> =
            held.union(&named).filter(|id| !wanted.contains(*id)).filter(is_asked).cloned().collect();
        let added = wanted.iter().filter(|id| !held.contains(*id) || named.contains(*id)).cloned().collect();
        Ok(Difference { removed: removed.into_iter().collect(), added, looks: looks && certain })
    }

    /// Whether somebody may be in the group though nobody shows it: whoever comes back into it once they are given access
    /// again, or may have by now, and whoever only seems to be gone.
    fn is_away(&self, group: &Record, record: &Record) -> bool {
        let (Some(account), false) = (&group.account, self.is_floor(group)) else { return false };
        let person = Person::read(record.clone());
        // Whoever has a role is told by the account.
        let comes = record.account.is_none() || !self.capabilities().groups.are_roles;
        let by_removal = self.capabilities().deactivate == contract::Deactivate::ByRemoval;
        let remembered = person.standing.remembered.as_ref().filter(|_| comes && by_removal);
        remembered.is_some_and(|before| before.groups.contains(account))
            || self.may_come_with_a_role(&person, group)
            || person.seems_gone()
    }

    /// Everybody who is away (see [`Connection::is_away`]).
    async fn away_from(&self, group: &Record) -> Result<Vec<Record>> {
        let (mut away, mut offset) = (Vec::new(), 0);
        loop {
            let records = self.store().scan(self.name(), Kind::User, offset, STRIDE).await?;
            let last = (records.len() as u64) < STRIDE;
            away.extend(records.into_iter().filter(|record| self.is_away(group, record)));
            if last {
                return Ok(away);
            }
            offset += STRIDE;
        }
    }

    /// Whether the app is asked about whoever is named by a removal, however it is known that they are out. Of roles the
    /// listing tells.
    fn looks_before_a_removal(&self) -> bool {
        let capabilities = self.capabilities();
        capabilities.list && !capabilities.accounts.everything && !capabilities.groups.are_roles
    }

    /// Whether the store knows the members as of a freshness window ago; the app is asked where the whole list is needed,
    /// in any case where the group tells it.
    ///
    /// # Errors
    /// 503 where the whole list is needed and the app does not tell it.
    async fn members_are_known(&self, group: &Record, whole: bool) -> Result<bool> {
        let capabilities = self.capabilities();
        if !capabilities.list || capabilities.accounts.everything {
            return Ok(true);
        }
        let asked_at = self.now();
        // Who may lose a role is told by the listing, too.
        let listed = whole || capabilities.groups.are_roles;
        let known = match capabilities.groups.membership {
            contract::Membership::OnAccount => {
                if listed {
                    self.ensure_listed_lately(Kind::User).await?;
                }
                let read_at = self.listed_at(Kind::User).await?;
                // What was read for this question is new enough, however short the freshness window is.
                self.is_fresh(read_at) || read_at.is_some_and(|at| at >= asked_at)
            }
            // However short ago they were read: somebody may have got an account since that was among them.
            contract::Membership::OnGroup if whole => self.read_members(group).await,
            contract::Membership::OnGroup => {
                self.is_fresh(super::reading::members_read_at(&self.group(&group.id).await?))
            }
        };
        if listed && !known { Err(refuse::not_read(self.policy.idp)) } else { Ok(known) }
    }

    /// Which of those that are named are members: nobody else comes or goes, so nobody else is read.
    async fn held_of(
        &self,
        group: &Record,
        steps: &[MembersStep],
        leaving: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>> {
        let mut named: BTreeSet<&String> = leaving.iter().collect();
        for step in steps {
            match step {
                MembersStep::Add(ids) | MembersStep::Remove(ids) | MembersStep::Replace(ids) => {
                    named.extend(ids);
                }
                // The caller reads them all.
                MembersStep::RemoveMatching(_) => {}
            }
        }
        let named: Vec<String> = named.into_iter().cloned().collect();
        Ok(self.store().members_among(self.name(), &group.id, &named).await?.into_iter().collect())
    }

    async fn held(&self, group: &Record) -> Result<BTreeSet<String>> {
        let members = self.store().members(self.name(), &group.id).await?;
        Ok(members.into_iter().map(|member| member.id).collect())
    }

    /// Changes members at the app, removals first, and keeps what succeeded; `resumed` is the intent that is gone on
    /// with. The caller holds the group's turn.
    pub(super) async fn change_members(
        &self,
        group: &Record,
        difference: Difference,
        resumed: Option<&Intent>,
    ) -> Result<()> {
        let Difference { removed, added, looks } = &difference;
        if removed.is_empty() && added.is_empty() {
            return Ok(());
        }
        let hands_over = self.refuse_difference(group, &difference, resumed.is_some()).await?;
        let (intent, rest) = if let Some(intent) = resumed {
            (intent.clone(), None)
        } else {
            let open = self.open_removals(&group.id).await?;
            let intent = self.members_intent(group, &open, &difference);
            self.refuse_overload(&intent)?;
            self.journal_members(group, &intent, added).await?;
            let rest = self.rest_beside(&open, &intent, &difference);
            (intent, rest)
        };
        let groups = self.app_groups(true, "hold members")?;
        let mut tally = Tally { looks: *looks, ..Tally::default() };
        let plan = |operation: &'static str, ids: &[String]| {
            for _ in ids {
                context::note_step(operation);
            }
        };
        if self.capabilities().groups.members_at_once > 1 {
            context::note_subject(&group.id);
        }
        if hands_over {
            plan("add_member", added);
            plan("remove_member", removed);
            // Nobody is taken out before the new administrator is in: that belongs to it.
            Lane::Leave.scope(self.place_all(groups, group, added, true, &mut tally)).await?;
        } else {
            plan("remove_member", removed);
            plan("add_member", added);
        }
        // The old administrator stays where the new one could not be made.
        if !hands_over || (tally.error.is_none() && tally.refusal.is_none()) {
            let work = async {
                self.place_all(groups, group, removed, false, &mut tally).await?;
                self.confirm_removals(groups, group, &mut tally).await
            };
            Lane::Leave.scope(work).await?;
        }
        if !hands_over {
            Lane::Rest.scope(self.place_all(groups, group, added, true, &mut tally)).await?;
        }
        self.settle_tally(intent, (rest, resumed.is_some()), group, tally).await
    }

    /// Takes people out, or lets them in: one by one, or by as many at once as the app bears.
    async fn place_all(
        &self,
        groups: &dyn Groups,
        group: &Record,
        ids: &[String],
        add: bool,
        tally: &mut Tally,
    ) -> Result<()> {
        let at_once = self.capabilities().groups.members_at_once;
        if at_once > 1 {
            for batch in ids.chunks(at_once) {
                self.some_members(groups, group, batch, add, tally).await?;
            }
            return Ok(());
        }
        for id in ids {
            context::note_subject(id);
            self.one_member(groups, group, id, add, tally).await?;
        }
        Ok(())
    }

    /// Writes down what a change of members came to; `rest` is the entry of the removals it left alone, and `resumed`
    /// whether it was promised before.
    async fn settle_tally(
        &self,
        intent: Intent,
        (rest, resumed): (Option<Intent>, bool),
        group: &Record,
        tally: Tally,
    ) -> Result<()> {
        let Tally { added, removed, refused, error, refusal, goes_on, .. } = tally;
        let connection = || self.name().to_owned();
        let mut writes: Vec<Write> =
            removed.iter().map(|membership| self.member_thanks(&group.id, &membership.member)).collect();
        for (id, why) in &refused {
            writes.push(self.member_attention(group, id, why).await);
        }
        let members = |memberships: &[Membership]| -> BTreeSet<String> {
            memberships.iter().map(|membership| membership.member.clone()).collect()
        };
        let out = members(&removed);
        let verified = &out | &members(&added);
        if !removed.is_empty() {
            writes.push(Write::RemoveMembers { connection: connection(), memberships: removed });
        }
        if !added.is_empty() {
            writes.push(Write::AddMembers { connection: connection(), memberships: added });
        }
        let rest = rest.map(Write::Intent);
        match (error, refusal) {
            (None, None) => {
                writes.push(self.confirmed(&intent));
                writes.extend(rest);
                self.settle_members(group, verified, writes).await
            }
            (Some(error), _) if !goes_on && !refused.is_empty() => {
                writes.push(Write::Settle {
                    intent: intent.id.clone(),
                    state: IntentState::Dead,
                    attempts: intent.attempts,
                    next_attempt_at: intent.next_attempt_at,
                    at: self.now(),
                    outcome: Some(error.to_string()),
                });
                writes.extend(rest);
                self.store().commit(writes).await?;
                Err(refuse::not_applied(&error, self.policy.idp))
            }
            (Some(error), _) => {
                let mut intent = Intent { sticky: goes_on, ..intent };
                if goes_on && !out.is_empty() {
                    intent = self.rest_of(intent, &out);
                    writes.push(Write::Intent(intent.clone()));
                }
                writes.extend(rest.filter(|_| !goes_on));
                self.store().commit(writes).await?;
                Err(self.settle_failed(&intent, &error).await)
            }
            (None, Some(refusal)) => {
                let mut intent = intent;
                if resumed && !out.is_empty() {
                    intent = self.rest_of(intent, &out);
                    writes.push(Write::Intent(intent.clone()));
                }
                writes.extend(rest);
                self.store().commit(writes).await?;
                // What was promised before stays open, and a person is told of it.
                if resumed {
                    self.postpone(&intent, &refusal).await;
                } else {
                    self.close(&intent, IntentState::NotApplied, "refused as things stood").await;
                }
                Err(refusal)
            }
        }
    }

    /// Whether joining or leaving this group would take the administrator role from a person: an app whose groups are
    /// roles gives one at a time.
    pub(super) fn would_lose_admin(&self, group: &Record, person: &Person, add: bool) -> bool {
        let admin = self.capabilities().admin_role;
        self.would_lose_role(group, person, add) && admin.is_some_and(|admin| plan::has_role(person, admin))
    }

    pub(super) fn would_lose_role(&self, group: &Record, person: &Person, add: bool) -> bool {
        let groups = person.observed.as_ref().and_then(|account| account.groups.as_ref());
        let has_a_role = groups.is_some_and(|groups| !groups.is_empty());
        self.capabilities().groups.are_roles && has_a_role && person.is_known_in(group) != add
    }

    /// Commits an entry, together with whom the app is about to be asked to let in.
    async fn journal_members(&self, group: &Record, intent: &Intent, added: &[String]) -> Result<()> {
        let intent = Write::Intent(intent.clone());
        let by_people = self.capabilities().deactivate == contract::Deactivate::Task;
        // People do the work, or nobody can be taken out again.
        if added.is_empty() || by_people || self.is_floor(group) {
            return Ok(self.store().commit(vec![intent]).await?);
        }
        self.write_group(&group.id, vec![intent], |record| {
            // Who is a member may change from now on, and whoever reads it in meanwhile begins again.
            record.version += 1;
            let mut standing = GroupStanding::read(record);
            standing.unverified.extend(added.iter().cloned());
            standing.write(record);
        })
        .await
    }

    /// Commits that everybody who was named is where they shall be.
    async fn settle_members(
        &self,
        group: &Record,
        verified: BTreeSet<String>,
        writes: Vec<Write>,
    ) -> Result<()> {
        self.write_group(&group.id, writes, |record| {
            record.version += 1;
            record.modified_at = self.now();
            let mut standing = GroupStanding::read(record);
            standing.unverified.retain(|id| !verified.contains(id));
            standing.write(record);
        })
        .await
    }

    /// Commits `writes` and a change of the group's record, whatever was read into it meanwhile.
    async fn write_group(
        &self,
        id: &str,
        writes: Vec<Write>,
        change: impl Fn(&mut Record) + Send,
    ) -> Result<()> {
        for _ in 0..3 {
            let mut record = self.group(id).await?;
            let expected = Some(record.version);
            change(&mut record);
            let mut batch = vec![Write::Record { record: Box::new(record), expected }];
            batch.extend(writes.iter().cloned());
            match self.store().commit(batch).await {
                Err(store::Error::Stale) => {}
                other => return Ok(other?),
            }
        }
        Err(refuse::still_working(self.policy.idp))
    }

    /// Takes the members out that an intent still names; used when the first attempt was not confirmed.
    pub(super) async fn resume_members(&self, intent: &Intent) -> Result<Ended> {
        let _turn = self.turn(&intent.resource).await?;
        if !self.is_newest(intent).await? {
            return Ok(Ended::Closed);
        }
        let Some(group) = self.group_still_there(&intent.resource).await? else {
            return Ok(Ended::Overtaken);
        };
        let Ok(named) = serde_json::from_str::<Vec<String>>(&intent.plan) else {
            return Ok(Ended::Unreadable);
        };
        // Taking out somebody who is gone already is nothing to do, so nobody has to be looked for first.
        let difference = Difference { removed: named, ..Difference::default() };
        self.change_members(&group, difference, Some(intent)).await.map(|()| Ended::Done)
    }
}

/// Whether somebody who is named is, as far as is known, where they shall be.
fn seems_done(steps: &[MembersStep], held: &BTreeSet<String>) -> bool {
    steps.iter().any(|step| match step {
        MembersStep::Add(ids) => ids.iter().any(|id| held.contains(id)),
        MembersStep::Remove(ids) => ids.iter().any(|id| !held.contains(id)),
        MembersStep::RemoveMatching(_) | MembersStep::Replace(_) => false,
    })
}

/// Whether a removal that failed so is worth another attempt.
pub(super) fn may_succeed_later(kind: contract::Kind) -> bool {
    match kind {
        contract::Kind::NotFound | contract::Kind::Invalid | contract::Kind::Unsupported => false,
        contract::Kind::Conflict
        | contract::Kind::Ambiguous
        | contract::Kind::Credentials
        | contract::Kind::Forbidden
        | contract::Kind::NoSeats
        | contract::Kind::RateLimited
        | contract::Kind::Unavailable
        | contract::Kind::Unknown
        | contract::Kind::Unexpected => true,
    }
}
