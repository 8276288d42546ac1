//! Memberships asked of the app, one by one or several by one call.

use futures_util::future::try_join_all;

use super::Result;
use super::connection::Connection;
use super::groups::GroupStanding;
use super::leaving::{Removal, may_be_done_yet, may_hide_a_success};
use super::mapping;
use super::members::{Noted, Tally, may_succeed_later};
use super::standing::{About, Person};
use super::users::may_come_yet;
use crate::contract::{self, By, Groups, Outcome};
use crate::store::{Key, Kind, Lifecycle, Membership, Record};

/// Whom a membership is about.
enum Counterpart {
    Person(Box<Person>),
    Group,
    /// A person without an account, or whom the app shows outside: it has nothing to remove, and they do not come back
    /// into what is remembered.
    Gone(Box<Person>),
}

impl Connection {
    /// Carries out one membership in the person's turn, so that nobody is let in who is being shut out.
    pub(super) async fn one_member(
        &self,
        groups: &dyn Groups,
        group: &Record,
        id: &str,
        add: bool,
        tally: &mut Tally,
    ) -> Result<()> {
        let _turn = self.turn(id).await?;
        let counterpart = match self.counterpart(groups, group, id, add, tally).await? {
            Ok(counterpart) => counterpart,
            Err(error) => {
                tally.fail_removal(id.to_owned(), error);
                return Ok(());
            }
        };
        if let (true, Counterpart::Person(person)) = (add, &counterpart)
            && let Err(refusal) = self.refuse_leaver(person).await
        {
            tally.refusal.get_or_insert(refusal);
            return Ok(());
        }
        let loses_admin = match &counterpart {
            Counterpart::Person(person) => {
                person.record.lifecycle == Lifecycle::Live && self.would_lose_admin(group, person, add)
            }
            Counterpart::Group | Counterpart::Gone(_) => false,
        };
        let _admins = if loses_admin { Some(self.turn("admins").await?) } else { None };
        if loses_admin && let Err(refusal) = self.refuse_last_admin(&[id]).await {
            tally.refusal.get_or_insert(refusal);
            return Ok(());
        }
        let asked = self.ask_for_member(groups, group, &counterpart, add).await;
        self.take_answer(group, id, counterpart, asked, add, tally).await?;
        self.keep_noted(tally).await
    }

    /// Carries out several memberships by one call, in the turns of all of them. Where the app refuses all because of
    /// one, each is asked for by itself.
    pub(super) async fn some_members(
        &self,
        groups: &dyn Groups,
        group: &Record,
        ids: &[String],
        add: bool,
        tally: &mut Tally,
    ) -> Result<()> {
        let mut turns = Vec::new();
        let mut people = Vec::new();
        // In the order of their ids, so that nobody waits for somebody who waits for them.
        for id in ids {
            turns.push(self.turn(id).await?);
            match self.counterpart(groups, group, id, add, tally).await? {
                Err(error) => tally.fail_removal(id.clone(), error),
                Ok(Counterpart::Person(person)) if add => match self.refuse_leaver(&person).await {
                    Err(refusal) => drop(tally.refusal.get_or_insert(refusal)),
                    Ok(()) => people.push((id, person)),
                },
                Ok(Counterpart::Person(person)) => people.push((id, person)),
                Ok(nobody @ (Counterpart::Group | Counterpart::Gone(_))) => {
                    let asked = self.ask_for_member(groups, group, &nobody, add).await;
                    self.take_answer(group, id, nobody, asked, add, tally).await?;
                }
            }
        }
        let members: Vec<contract::Member> =
            people.iter().map(|(_, person)| self.as_member(person)).collect();
        let account = group.account.as_deref().unwrap_or_default();
        let together = match (members.as_slice(), add) {
            ([] | [_], _) => None,
            (_, true) => Some(groups.add_members(account, &members).await),
            (_, false) => Some(groups.remove_members(account, &members).await),
        };
        // A refusal may be about one of them alone.
        let together =
            together.filter(|asked| !matches!(asked, Err(error) if !may_succeed_later(error.kind)));
        for (id, person) in people {
            let counterpart = Counterpart::Person(person);
            let asked = match &together {
                Some(asked) => asked.clone().map(|outcome| outcome.map(|()| None)),
                None => self.ask_for_member(groups, group, &counterpart, add).await,
            };
            self.take_answer(group, id, counterpart, asked, add, tally).await?;
        }
        self.keep_noted(tally).await
    }

    /// Writes down what was noted of people, in their turns: all at once, so that they share a transaction.
    async fn keep_noted(&self, tally: &mut Tally) -> Result<()> {
        let noted = std::mem::take(&mut tally.noted);
        let keep =
            async |Noted { mut person, expected, writes }| self.keep(&mut person, expected, writes).await;
        try_join_all(noted.into_iter().map(keep)).await?;
        Ok(())
    }

    /// Notes what the app answered about one membership.
    async fn take_answer(
        &self,
        group: &Record,
        id: &str,
        counterpart: Counterpart,
        asked: contract::Result<Outcome<Option<contract::Account>>>,
        add: bool,
        tally: &mut Tally,
    ) -> Result<()> {
        let is_asked = match &asked {
            Ok(Outcome::Waiting(_)) => false,
            Ok(_) => true,
            Err(error) => may_be_done_yet(error.kind),
        };
        let told = asked.as_ref().ok().and_then(|outcome| outcome.clone().value()).flatten();
        let is_told = told.is_some();
        if let (true, Counterpart::Person(person)) = (is_asked && !add, &counterpart) {
            self.note_asked_out(Person::clone(person), group, told, tally);
        }
        match (asked, counterpart) {
            (
                Ok(Outcome::Done(_) | Outcome::Already(_) | Outcome::Invited(_)),
                Counterpart::Person(person),
            ) if !add => {
                let account = person.record.account.unwrap_or_default();
                tally.asked.push(Removal { id: id.to_owned(), account, is_told, failed: None });
            }
            (Err(error), Counterpart::Person(person)) if !add && may_hide_a_success(error.kind) => {
                let account = person.record.account.unwrap_or_default();
                tally.asked.push(Removal { id: id.to_owned(), account, is_told, failed: Some(error) });
            }
            (Ok(told), counterpart) => {
                self.note_member(group, id, counterpart, told, add, tally).await?;
            }
            (Err(error), _) if add => tally.fail(error, false),
            (Err(error), _) => tally.fail_removal(id.to_owned(), error),
        }
        Ok(())
    }

    /// Whom a membership is about. Before somebody who has no account is taken out, one that may have come is looked
    /// for, and whoever is known to be no member is looked at once more; the inner error is why nobody can tell.
    async fn counterpart(
        &self,
        groups: &dyn Groups,
        group: &Record,
        id: &str,
        add: bool,
        tally: &mut Tally,
    ) -> Result<contract::Result<Counterpart>> {
        let record = self.store().record(self.name(), Kind::User, id).await?;
        let Some(mut person) = record.map(Person::read) else {
            return Ok(Ok(self.left_behind(id, add).await?));
        };
        let may_be_there = person.standing.is_in_doubt() || person.seems_gone();
        if !add && self.has_nothing(&person) && may_be_there {
            if let Some(error) = self.look_and_keep(&mut person).await? {
                return Ok(Err(error));
            }
            if let (true, Some(left)) = (self.has_nothing(&person), self.unsettled_for(&person)) {
                return Ok(Err(may_come_yet(left)));
            }
            person = self.person(id).await?;
        }
        let mut is_out = self.has_nothing(&person);
        if !add && !is_out && tally.looks && !self.may_be_member(group, id).await? {
            // What cannot be looked at is taken for a membership.
            is_out = self.is_outside(groups, group, &person, tally).await.unwrap_or(false);
        }
        let person = Box::new(person);
        Ok(Ok(if is_out { Counterpart::Gone(person) } else { Counterpart::Person(person) }))
    }

    /// Whether somebody is in a group as far as is known, or may have been let in by a call nobody answered.
    async fn may_be_member(&self, group: &Record, id: &str) -> Result<bool> {
        let known = self.store().members_among(self.name(), &group.id, &[id.to_owned()]).await?;
        Ok(!known.is_empty() || GroupStanding::read(group).unverified.contains(id))
    }

    /// A person who was deleted since, and whose account stays in its groups where it is only disabled; else a group.
    async fn left_behind(&self, id: &str, add: bool) -> Result<Counterpart> {
        let stays = !add && self.capabilities().deactivate == contract::Deactivate::Native;
        if !stays {
            return Ok(Counterpart::Group);
        }
        let deleted = self.store().find(self.name(), Kind::User, &Key::Deleted(id.to_owned())).await?.pop();
        let deleted = deleted.filter(|record| record.account.is_some());
        Ok(deleted.map_or(Counterpart::Group, |record| Counterpart::Person(Box::new(Person::read(record)))))
    }

    /// Where people do the work somebody may be a member before there is an account.
    pub(super) fn has_nothing(&self, person: &Person) -> bool {
        person.record.account.is_none() && self.capabilities().deactivate != contract::Deactivate::Task
    }

    async fn ask_for_member(
        &self,
        groups: &dyn Groups,
        group: &Record,
        counterpart: &Counterpart,
        add: bool,
    ) -> contract::Result<Outcome<Option<contract::Account>>> {
        let member = match counterpart {
            // The app knows nothing of a group in a group; the gateway holds it.
            Counterpart::Group => return Ok(Outcome::Done(None)),
            Counterpart::Gone(_) => return Ok(Outcome::Already(None)),
            Counterpart::Person(person) => self.as_member(person),
        };
        let account = group.account.clone().unwrap_or_default();
        if add {
            groups.add_member(&account, &member).await
        } else {
            groups.remove_member(&account, &member).await
        }
    }

    /// Nobody comes back into groups that a caller took them out of since, however far that has come. Tells the roles they
    /// would have come back with.
    pub(super) async fn forget_groups_left(&self, person: &mut Person) -> Result<Option<Vec<String>>> {
        let asked = person.standing.asked_groups.iter().filter(|(_, inside)| !**inside);
        let left: Vec<String> = asked.map(|(id, _)| id.clone()).collect();
        let Some(before) = person.standing.remembered.as_ref().filter(|_| !left.is_empty()) else {
            return Ok(None);
        };
        let roles = before.roles.clone();
        for group in self.store().records(self.name(), Kind::Group, &left).await? {
            self.forget_group(person, &group);
        }
        Ok(person.standing.remembered.as_ref().is_some_and(|now| now.roles != roles).then_some(roles))
    }

    /// Puts the account back into groups that a removal has taken from it.
    pub(super) async fn rejoin_step(&self, person: &mut Person, groups: &[String]) -> contract::Result<()> {
        let Some(app) = self.adapter().groups() else { return Ok(()) };
        for group in groups {
            match app.add_member(group, &self.as_member(person)).await {
                Ok(_) => note_in_group(person, group),
                // The app has no such group any more.
                Err(error) if error.kind == contract::Kind::NotFound => tracing::warn!(
                    connection = self.name(),
                    group,
                    error = error.message,
                    "a group that a removal had taken could not be given back"
                ),
                // An app may do what it answers with an error.
                Err(_) if self.is_shown_in(person, group).await => note_in_group(person, group),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether the app shows the account in a group now.
    async fn is_shown_in(&self, person: &Person, group: &str) -> bool {
        let account = person.record.account.as_deref().unwrap_or_default();
        let told = self.adapter().account(By::Id(account)).await;
        let groups = told.ok().flatten().and_then(|account| account.groups);
        groups.is_some_and(|groups| groups.iter().any(|known| known == group))
    }

    fn as_member(&self, person: &Person) -> contract::Member {
        let observed = person.observed.as_ref();
        contract::Member {
            account: person.record.account.clone().unwrap_or_default(),
            email: observed
                .and_then(|account| account.email.clone())
                .or_else(|| mapping::address(&person.desired)),
            role: observed
                .and_then(|account| Some(account.roles.as_ref()?.first()?.value.clone()))
                .map(|role| mapping::spelled(role, self.capabilities())),
        }
    }

    async fn note_member(
        &self,
        group: &Record,
        id: &str,
        counterpart: Counterpart,
        told: Outcome<Option<contract::Account>>,
        add: bool,
        tally: &mut Tally,
    ) -> Result<()> {
        let membership = Membership { group: group.id.clone(), member: id.to_owned() };
        let waits = matches!(told, Outcome::Waiting(_));
        let person = match counterpart {
            Counterpart::Person(person) => Some(person),
            Counterpart::Gone(person) if !add => Some(person),
            Counterpart::Gone(_) | Counterpart::Group => None,
        };
        if let Some(person) = person {
            let mut person = *person;
            let expected = Some(person.record.version);
            let mut writes = Vec::new();
            match told {
                Outcome::Waiting(request) => {
                    let usual = || self.policy.usual_role(self.capabilities());
                    let role = if add { Some(group.label.clone()) } else { usual() };
                    self.wait_for(&mut person, About::Role(role.unwrap_or_default()), request, &mut writes);
                }
                Outcome::Done(account) | Outcome::Already(account) | Outcome::Invited(account) => {
                    if add {
                        note_in_group(&mut person, group.account.as_deref().unwrap_or_default());
                    } else {
                        self.note_out_of_group(&mut person, group);
                    }
                    person.ask_for_group(&group.id, add, self.capabilities());
                    if let Some(account) = account {
                        self.observe_change(&mut person, account);
                        self.forget_asked_role(&mut person);
                        writes.extend(self.membership_writes(&person).await?);
                    }
                }
            }
            if person.differs_from_record() {
                tally.noted.push(Noted { person, expected, writes });
            }
        }
        match (waits, add) {
            (true, _) => {}
            (false, true) => tally.added.push(membership),
            (false, false) => tally.removed.push(membership),
        }
        Ok(())
    }

    /// The account is out of a group, as far as is known until the next listing; whoever loses a role has the lowest one.
    /// Nobody comes back into a group they were taken out of since.
    pub(super) fn note_out_of_group(&self, person: &mut Person, group: &Record) {
        self.forget_group(person, group);
        let account = group.account.as_deref().unwrap_or_default();
        let held = person.observed.as_mut().and_then(|observed| observed.groups.as_mut());
        if held.is_some_and(|groups| take_out(groups, account)) {
            self.note_role_below(person, group);
        }
    }

    /// Whoever comes back does not come back into this group, nor with the role it stands for.
    fn forget_group(&self, person: &mut Person, group: &Record) {
        let is_away = self.has_nothing(person);
        if let Some(remembered) = &mut person.standing.remembered {
            let was_in = take_out(&mut remembered.groups, group.account.as_deref().unwrap_or_default());
            if let Some(lowest) = self.role_below(group).filter(|_| was_in || is_away) {
                remembered.roles = vec![lowest.to_owned()];
            }
        }
        // What an account had that is gone is what they would come back with.
        if is_away {
            self.note_role_below(person, group);
        }
    }
}

/// The account tells its groups; until the next listing what we did to them is what it tells.
fn note_in_group(person: &mut Person, group: &str) {
    let Some(groups) = person.observed.as_mut().and_then(|account| account.groups.as_mut()) else { return };
    take_out(groups, group);
    groups.push(group.to_owned());
}

/// Whether the group was among them.
fn take_out(groups: &mut Vec<String>, group: &str) -> bool {
    let before = groups.len();
    groups.retain(|known| known != group);
    groups.len() < before
}
