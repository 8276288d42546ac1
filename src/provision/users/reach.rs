//! Brings a person to where a request, or the journal, says: plan, journal, apply, save.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::Result;
use super::super::connection::Connection;
use super::super::mapping::{self, Wanted};
use super::super::plan::{self, Access, Step};
use super::super::refuse;
use super::super::roles::ask_for_no_role;
use super::super::standing::Person;
use super::{Aim, Under, may_come_yet};
use crate::base::clock::Timestamp;
use crate::base::fold::key;
use crate::base::lane::{self, Lane};
use crate::contract::{self, Deactivate};
use crate::store::{self, Intent, Lifecycle, Write};

/// What is about to be done, and under which intent.
struct Work {
    intent: Intent,
    /// What only we keep needs no intent: the record itself is the one write.
    journaled: bool,
    /// The journal could not be written, and access is taken away all the same.
    bypassed: bool,
    /// The account that is not counted on though nobody knows that it is gone, and since when.
    left: Option<(String, Timestamp)>,
    /// What the brake wants to be kept.
    counted: Vec<Write>,
}

impl Work {
    /// Work that is journaled.
    fn under(intent: Intent) -> Self {
        Self { intent, journaled: true, bypassed: false, left: None, counted: Vec::new() }
    }
}

impl Connection {
    /// Brings a person to the aim. `doubt` is what the look before failed with.
    ///
    /// The caller holds the person's turn.
    pub(in crate::provision) async fn reach(
        &self,
        mut person: Person,
        doubt: Option<contract::Error>,
        under: Under<'_>,
        mut aim: Aim,
    ) -> Result<Person> {
        let capabilities = *self.capabilities();
        let mut wanted = self.wanted(&person, &aim)?;
        let renamed = !aim.deleted && key(&wanted.user_name) != person.record.name_key;
        let name_turn = format!("name:{}", key(&wanted.user_name));
        let _name = if renamed { Some(self.turn(&name_turn).await?) } else { None };
        if renamed && let Err(refusal) = self.refuse_taken_name(&person, &wanted.user_name).await {
            // What was promised is not held up by somebody who took the name since.
            if let Under::New(_) = under {
                return Err(refusal);
            }
            aim.desired["userName"] = person.desired.get("userName").cloned().unwrap_or_default();
        }
        let mut doubt = doubt;
        // A removal without an answer may have been done, and an app that shows no invitations does not tell: whoever
        // is wanted back is invited again.
        let is_wanted_unseen = aim.wants_access() && person.may_be_hidden(&capabilities);
        let removed_at = person.standing.unconfirmed_at.filter(|_| is_wanted_unseen);
        let left = removed_at.and_then(|since| Some((person.record.account.take()?, since)));
        let forgotten = self.forget_groups_left(&mut person).await?;
        if forgotten.is_some() && wanted.roles == forgotten {
            // What was shown until now, and so comes with every change of something else.
            ask_for_no_role(&mut aim.desired);
            wanted = self.wanted(&person, &aim)?;
        }
        let mut steps = if aim.deleted {
            plan::delete(&person, &capabilities, &self.policy)?
        } else {
            plan::update(&person, &wanted, &capabilities, &self.policy)?
        };
        let unsettled = person.standing.unsettled_at.is_some();
        if aim.wants_access() {
            if let Some(error) = doubt {
                return Err(refuse::not_applied(&error, self.policy.idp));
            }
            if unsettled && plan::access(&person, &capabilities) == Access::None {
                return Err(refuse::still_working(self.policy.idp));
            }
        } else if !takes_away(&steps) && (doubt.is_some() || unsettled) {
            if person.record.account.is_some() && doubt.is_some() {
                // What nobody can tell is taken for access.
                plan::refuse_protected(&person, &self.policy)?;
                steps.insert(0, Step::Deactivate);
            } else if unsettled {
                doubt.get_or_insert_with(|| may_come_yet(self.unsettled_for(&person).unwrap_or_default()));
            }
        }
        let loses_admin =
            plan::lost_roles(&steps, &person.observed.clone().unwrap_or_default(), &capabilities).is_some();
        let _admins = if loses_admin { Some(self.turn("admins").await?) } else { None };
        if loses_admin {
            self.refuse_last_admin(&[&person.record.id]).await?;
        }
        let retried = matches!(under, Under::New(open) if open > 0);
        let counted = match under {
            // What was journaled is weighed already, save a deletion that there seemed to be no account for.
            Under::Resumed(_) if aim.held.is_none() && !steps.contains(&Step::Delete) => Vec::new(),
            Under::New(_) | Under::Resumed(_) => self.brake(&person, &mut aim, &mut steps, retried).await,
        };
        if let Under::New(0) = under
            && steps.is_empty()
            && doubt.is_none()
            && !aim.deleted
            && aim.desired == person.desired
            && !person.standing.adopted
        {
            return self.keep_what_was_seen(person).await;
        }
        let takes_away = takes_away(&steps) || doubt.is_some();
        let lane = if takes_away { Lane::Leave } else { lane::current() };
        let work = async {
            let work = self.begin(&mut person, under, &aim, &steps, takes_away).await?;
            self.carry_out(person, aim, steps, doubt, Work { left, counted, ..work }).await
        };
        lane.scope(work).await
    }

    /// What is asked of the app. A leaver is not held up by what cannot be read or mapped.
    fn wanted(&self, person: &Person, aim: &Aim) -> Result<Wanted> {
        let resource = with_known_address(person, &aim.desired);
        match mapping::wanted(&resource, self.capabilities(), &self.policy) {
            Err(_) if !aim.wants_access() => {
                let name = aim.desired.get("userName").and_then(Value::as_str);
                let user_name = name.map_or_else(|| person.record.name_key.clone(), str::to_owned);
                Ok(Wanted { user_name, ..Wanted::default() })
            }
            other => Ok(other?),
        }
    }

    /// Journals what is about to be done.
    async fn begin(
        &self,
        person: &mut Person,
        under: Under<'_>,
        aim: &Aim,
        steps: &[Step],
        takes_away: bool,
    ) -> Result<Work> {
        let open = match under {
            Under::Resumed(intent) => {
                return Ok(Work::under(intent.clone()));
            }
            Under::New(open) => open,
        };
        person.record.generation = person.record.generation.max(open) + 1;
        let operation = match (aim.deleted, takes_away) {
            (true, _) => "delete",
            (false, true) => "deactivate",
            (false, false) => "update",
        };
        let mut intent = self.intent(person, operation, aim, takes_away)?;
        if steps.is_empty() && open == 0 && !takes_away {
            return Ok(Work { journaled: false, ..Work::under(intent) });
        }
        self.refuse_overload(&intent)?;
        if takes_away {
            // Whoever was to lose access before has been waiting since then.
            intent.created_at =
                person.standing.unconfirmed_at.filter(|_| open > 0).unwrap_or(intent.created_at);
            self.note_leaving(person);
        }
        person.standing.unconfirmed_at = takes_away.then_some(intent.created_at);
        match self.journal(person, &intent).await {
            Ok(()) => Ok(Work::under(intent)),
            // Leaving is never blocked by our disk: it is done now, and answered only if it was read back.
            Err(store::Error::Unavailable(_))
                if takes_away && !steps.is_empty() && self.leaves_without_journal() =>
            {
                tracing::error!(
                    connection = self.name(),
                    operation,
                    resource = person.record.id,
                    "the journal cannot be written; access is taken away without it"
                );
                self.store().bypass(&intent);
                Ok(Work { journaled: false, bypassed: true, ..Work::under(intent) })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Commits an intent; for a leaver together with the record, which shows from now on that it is not done yet.
    async fn journal(&self, person: &Person, intent: &Intent) -> store::Result<()> {
        let intent = Write::Intent(intent.clone());
        if person.standing.unconfirmed_at.is_some() {
            let expected = Some(person.record.version);
            let record = Write::Record { record: Box::new(person.clone().into_record()), expected };
            // What a look found is seen by whoever changes a group meanwhile.
            let mut writes = self.place_writes(person).await?;
            writes.extend([intent.clone(), record]);
            match self.store().commit(writes).await {
                // The record was written meanwhile, which holds up nobody who leaves.
                Err(store::Error::Stale) => {}
                other => return other,
            }
        }
        self.store().commit(vec![intent]).await
    }

    async fn carry_out(
        &self,
        mut person: Person,
        aim: Aim,
        steps: Vec<Step>,
        doubt: Option<contract::Error>,
        work: Work,
    ) -> Result<Person> {
        let Work { intent, journaled, bypassed, left, counted } = work;
        let expected = Some(person.record.version);
        let mut writes = counted;
        // Somebody may have left without a step of ours: removed by hand, or by a call whose outcome was lost.
        let left_already = !aim.wants_access()
            && person.was_wanted()
            && !takes_away(&steps)
            && self.capabilities().deactivate != Deactivate::Task;
        // An identity provider that hears nothing of it may forget the person, and never take the access away again.
        let reactivates = steps.iter().any(|step| matches!(step, Step::Reactivate));
        let gives_access = reactivates || steps.iter().any(|step| matches!(step, Step::Create(_)));
        let in_doubt = doubt.filter(|_| steps.is_empty());
        let ended = match in_doubt {
            Some(error) => Err(error),
            None => self.apply(&mut person, steps, &mut writes).await,
        };
        // Access was taken away; what may give it back by itself is waited for, and looked at once more.
        let may_come = self.unsettled_for(&person).filter(|_| !aim.wants_access());
        let ended = ended.and_then(|()| may_come.map_or(Ok(()), |left| Err(may_come_yet(left))));
        let ended = match (ended, left) {
            (Err(error), Some((id, since))) => {
                person.record.account = Some(id);
                // The app counts on the first invitation still, so it was not removed.
                if error.kind == contract::Kind::Conflict {
                    Ok(())
                } else {
                    person.standing.unconfirmed_at = Some(since);
                    Err(error)
                }
            }
            (ended, _) => ended,
        };
        if let Err(error) = ended {
            let unanswered = error.kind == contract::Kind::Unknown;
            let may_have_access = unanswered && gives_access || error.kind.leaves_doubt() && reactivates;
            if gives_access && person.standing.active || may_have_access {
                self.expect_caller(&mut person);
            }
            person.standing.unverified =
                person.record.account.is_some() && error.kind != contract::Kind::Unsupported;
            // What did succeed is kept, so that the next attempt does the rest.
            writes.extend(self.place_writes(&person).await.unwrap_or_default());
            if let Err(failure) = self.keep(&mut person, expected, writes).await {
                tracing::warn!(connection = self.name(), %failure, "a partial outcome could not be kept");
            }
            if error.kind == contract::Kind::NotFound && !intent.sticky {
                self.forget_if_gone(&mut person).await;
            }
            let refusal = self.settle_failed(&intent, &error).await;
            return Err(if bypassed {
                refuse::store(&store::Error::Unavailable(String::new()))
            } else {
                refusal
            });
        }
        if left_already {
            self.note_left(&mut person, &mut writes);
        }
        let was_nobodys = person.standing.adopted && aim.wants_access();
        let is_back = person.belongs_to_a_caller()
            || was_nobodys && self.may_be_of_a_lost_create(&person, &aim.desired).await;
        person.standing.unconfirmed_at = None;
        person.standing.unverified = false;
        if aim.wants_access() && person.standing.active {
            person.standing.remembered = None;
            if gives_access || is_back {
                self.expect_caller(&mut person);
            }
        }
        if aim.deleted {
            person.record.lifecycle = Lifecycle::Deleted;
            person.standing.kept_groups = self.kept_groups(&person);
            // Kept, so that a listing that began before does not take the account for a new one.
            if person.record.account.is_none() {
                let known = person.observed.as_ref().map(|account| account.id.clone());
                person.record.account = known.filter(|id| !id.is_empty());
            }
            writes.push(Write::ClearMemberships {
                connection: self.name().to_owned(),
                member: person.record.id.clone(),
            });
            writes.extend(self.ask_approval(&person).filter(|_| aim.held == Some(true)));
        }
        let left = !aim.wants_access();
        let (deleted, held) = (aim.deleted, aim.held);
        person.desired = aim.desired;
        let saved = if journaled || bypassed {
            self.save(&mut person, expected, &intent, writes).await
        } else {
            self.save_quietly(&mut person, expected, writes).await
        };
        match saved {
            // The app was read back: whoever leaves is told so, whatever our disk does.
            Err(failure)
                if bypassed
                    || left
                        && self.leaves_without_journal()
                        && matches!(failure, store::Error::Unavailable(_)) =>
            {
                tracing::error!(
                    connection = self.name(),
                    resource = person.record.id,
                    %failure,
                    "access was taken away, and that could not be written down yet"
                );
                let aim = Aim { desired: person.desired.clone(), deleted, held };
                self.unwritten.remember(&person.record.id, intent.generation, aim);
            }
            // It is done, and the journal will find that out.
            Err(_) if intent.sticky && journaled => return Err(refuse::still_working(self.policy.idp)),
            Err(failure) => return Err(failure.into()),
            Ok(()) => self.unwritten.forget(&person.record.id),
        }
        if left && !journaled {
            self.store().anchor().await;
        }
        Ok(person)
    }

    /// Whether an end of access is brought about, and answered, while our disk takes nothing. What a person is to do
    /// has to be written down first.
    pub(in crate::provision) fn leaves_without_journal(&self) -> bool {
        self.policy.deactivate_without_journal && self.capabilities().deactivate != Deactivate::Task
    }

    /// Whether an account that no caller had asked for may be what a create made that was never answered; also where
    /// that cannot be read.
    async fn may_be_of_a_lost_create(&self, person: &Person, desired: &Value) -> bool {
        let asked = desired.get("userName").and_then(Value::as_str).map(key);
        let names: BTreeSet<String> = asked.into_iter().chain([person.record.name_key.clone()]).collect();
        for name in names {
            if !self.creates_in_doubt(store::Kind::User, &name).await.is_ok_and(|open| open.is_empty()) {
                return true;
            }
        }
        false
    }

    /// Somebody was given access, and their caller has not been told so yet.
    pub(super) fn expect_caller(&self, person: &mut Person) {
        person.standing.unacknowledged_at = Some(self.now());
        self.watch_unheard(person);
    }

    /// The groups a disabled account stays in at the app, where the account itself does not tell them.
    fn kept_groups(&self, person: &Person) -> Vec<String> {
        let told_by_groups = self.capabilities().groups.membership == contract::Membership::OnGroup;
        if person.record.account.is_none() || !told_by_groups {
            return Vec::new();
        }
        person.record.groups.iter().map(|group| group.id.clone()).collect()
    }

    /// Nothing is to be done; what the look found is kept where it differs from what stood.
    async fn keep_what_was_seen(&self, mut person: Person) -> Result<Person> {
        if person.differs_from_record() {
            let expected = Some(person.record.version);
            let writes = self.place_writes(&person).await?;
            self.keep(&mut person, expected, writes).await?;
        }
        self.unwritten.forget(&person.record.id);
        Ok(person)
    }

    /// After the app said there is no such account: looks once more, and remembers that it is gone.
    async fn forget_if_gone(&self, person: &mut Person) {
        let Some(id) = person.record.account.clone() else { return };
        if let Ok(None) = self.adapter().account(contract::By::Id(&id)).await {
            self.mark_gone(person);
            let expected = Some(person.record.version);
            let clear = self.place_writes(person).await.unwrap_or_default();
            if let Err(failure) = self.keep(person, expected, clear).await {
                tracing::warn!(connection = self.name(), %failure, "an account that is gone could not be noted");
            }
        }
    }
}

fn takes_away(steps: &[Step]) -> bool {
    steps.iter().any(|step| matches!(step, Step::Deactivate | Step::Delete))
}

/// The resource with the address the person has, where a request names none and does not rename the person: an
/// attribute that a PUT leaves out takes no address from an account that cannot be without one.
fn with_known_address(person: &Person, desired: &Value) -> Value {
    let mut resource = desired.clone();
    let names_one = desired.get("emails").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let told = person.observed.as_ref().and_then(|account| account.email.clone());
    let known = told.or_else(|| mapping::address(&person.desired));
    let renamed = desired.get("userName") != person.desired.get("userName");
    if let (false, false, Some(email)) = (names_one, renamed, known) {
        resource["emails"] = json!([{ "value": email, "primary": true }]);
    }
    resource
}
