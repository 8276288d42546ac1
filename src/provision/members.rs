//! Who is in a group: changed at the app by difference, and remembered as far as the app confirmed it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::connection::Connection;
use super::plan::{self, Access};
use super::standing::Person;
use super::users::invalid;
use super::{Result, mapping, refuse};
use crate::base::fold::key;
use crate::contract::{self, Groups, Outcome};
use crate::scim::error::ScimError;
use crate::store::{Intent, IntentState, Intents, Kind, Membership, Record, Write};

/// Which members shall come and go.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub removed: Vec<String>,
    pub added: Vec<String>,
}

/// A change of members, by SCIM id.
#[derive(Debug)]
pub(super) enum MembersStep {
    Add(Vec<String>),
    Remove(Vec<String>),
    Replace(Vec<String>),
}

/// What came of moving members so far.
#[derive(Default)]
struct Done {
    writes: Vec<Write>,
    /// The first failure.
    error: Option<contract::Error>,
    /// Somebody is still in who was to be taken out, and another attempt can help.
    unfinished_removals: bool,
}

impl Connection {
    /// What the steps come to, seen from the members that stand.
    ///
    /// Whoever is named by a step is only passed over where it is known that they are in or out already: an old reading
    /// never makes a removal look done.
    pub(super) async fn difference(&self, group: &Record, steps: Vec<MembersStep>) -> Result<Difference> {
        if steps.is_empty() {
            return Ok(Difference::default());
        }
        let replaces = steps.iter().any(|step| matches!(step, MembersStep::Replace(_)));
        let certain = self.members_are_known(group, replaces).await?;
        let held: BTreeSet<String> =
            self.store().members(self.name(), &group.id).await?.into_iter().map(|member| member.id).collect();
        // A removal still under way is what the caller asked for last.
        let (_, leaving) = self.open_removals(&group.id).await?;
        let mut wanted: BTreeSet<String> = held.difference(&leaving).cloned().collect();
        let mut named = leaving.clone();
        for step in steps {
            match step {
                MembersStep::Add(ids) => {
                    named.extend(ids.iter().filter(|_| !certain).cloned());
                    wanted.extend(ids);
                }
                MembersStep::Remove(ids) => {
                    for id in ids {
                        wanted.remove(&id);
                        if !certain && self.store().record(self.name(), Kind::User, &id).await?.is_some() {
                            named.insert(id);
                        }
                    }
                }
                MembersStep::Replace(ids) => wanted = ids.into_iter().collect(),
            }
        }
        let removed: BTreeSet<String> =
            held.union(&named).filter(|id| !wanted.contains(*id)).cloned().collect();
        let added = wanted.iter().filter(|id| !held.contains(*id) || named.contains(*id)).cloned().collect();
        Ok(Difference { removed: removed.into_iter().collect(), added })
    }

    /// Whether the store knows the members as of a freshness window ago; the app is asked where the whole list is needed.
    ///
    /// # Errors
    /// 503 where the whole list is needed and the app does not tell it.
    async fn members_are_known(&self, group: &Record, whole: bool) -> Result<bool> {
        let capabilities = self.capabilities();
        if !capabilities.list || capabilities.accounts.everything {
            return Ok(true);
        }
        // Who may lose a role is told by the listing, too.
        let whole = whole || capabilities.groups.are_roles;
        match capabilities.groups.membership {
            contract::Membership::OnAccount => {
                if whole {
                    self.ensure_listed(Kind::User).await?;
                }
                let known = self.is_fresh(self.listed_at(Kind::User).await?);
                if whole && !known { Err(refuse::not_read(self.policy.idp)) } else { Ok(known) }
            }
            contract::Membership::OnGroup => {
                if whole {
                    self.refresh_members(group).await;
                }
                let group = self.group(&group.id).await?;
                let known = self.is_fresh(super::reading::members_read_at(&group));
                if whole && !known { Err(refuse::not_read(self.policy.idp)) } else { Ok(known) }
            }
        }
    }

    /// Changes members at the app, removals first, and keeps what succeeded. `attempts` counts this one.
    ///
    /// The last administrator is replaced the other way round: the new one first, and the old one stays where that fails.
    pub(super) async fn change_members(
        &self,
        group: &Record,
        difference: Difference,
        attempts: i64,
    ) -> Result<()> {
        if difference.removed.is_empty() && difference.added.is_empty() {
            return Ok(());
        }
        let capabilities = self.capabilities().groups;
        let added = self.new_members(group, &difference.added).await?;
        let removed = self.old_members(&difference.removed).await?;
        let hands_over = self.refuse_lost_administrators(group, &removed, &added).await?;
        if !removed.is_empty() {
            self.app_groups(capabilities.remove_member, "take members out of groups")?;
        }
        if !added.is_empty() {
            self.app_groups(capabilities.add_member, "put members into groups")?;
        }
        let (open, _) = self.open_removals(&group.id).await?;
        let intent = self.members_intent(group, open + 1, &difference, attempts);
        self.store().commit(vec![Write::Intent(intent.clone())]).await?;
        let mut done = Done::default();
        if hands_over {
            self.move_members(group, added, true, &mut done).await?;
            if done.error.is_none() {
                self.move_members(group, removed, false, &mut done).await?;
            }
        } else {
            self.move_members(group, removed, false, &mut done).await?;
            self.move_members(group, added, true, &mut done).await?;
        }
        self.store().commit(done.writes).await?;
        let Some(error) = done.error else {
            return self.settle_members(&intent, group).await;
        };
        let intent = Intent { sticky: done.unfinished_removals, ..intent };
        Err(self.settle_failed(&intent, &error).await)
    }

    /// Takes members in (`add`) or out, each by itself; a failure does not keep the others from it.
    async fn move_members(
        &self,
        group: &Record,
        members: Vec<Counterpart>,
        add: bool,
        done: &mut Done,
    ) -> Result<()> {
        let Some(groups) = self.adapter().groups() else { return Ok(()) };
        let account = group.account.clone().unwrap_or_default();
        for member in members {
            match self.one_member(groups, &account, &member, add).await {
                Ok(told) => self.note_member(group, member, told, add, &mut done.writes).await?,
                Err(error) => {
                    done.unfinished_removals |= !add && !matches!(error.retry, contract::Retry::Never);
                    done.error.get_or_insert(error);
                }
            }
        }
        Ok(())
    }

    /// Refuses to take the administrator role away through a role group from a protected person or from its last holder;
    /// tells whether the last holder is replaced, so that the new one has to come first.
    async fn refuse_lost_administrators(
        &self,
        group: &Record,
        removed: &[Counterpart],
        added: &[Counterpart],
    ) -> Result<bool> {
        let capabilities = self.capabilities();
        let Some(admin) = capabilities.admin_role.filter(|_| capabilities.groups.are_roles) else {
            return Ok(false);
        };
        let is_admin = |person: &Person| {
            let roles = person.observed.iter().flat_map(|account| account.roles.iter().flatten());
            roles.into_iter().any(|role| role.value.eq_ignore_ascii_case(admin))
        };
        let of_admins = group.account.as_deref().map(key) == Some(key(&format!("role:{admin}")));
        let moved = if of_admins { removed } else { added };
        let losers: Vec<&Person> = moved
            .iter()
            .filter_map(|member| match member {
                Counterpart::Person(person) if is_admin(person) => Some(&**person),
                Counterpart::Person(_) | Counterpart::Group(_) | Counterpart::Gone(_) => None,
            })
            .collect();
        if losers.iter().any(|person| plan::is_protected(person, &self.policy)) {
            return Err(ScimError::new(
                403,
                format!("a protected account keeps its role; it would lose {admin}"),
            )
            .into());
        }
        if losers.is_empty() {
            return Ok(false);
        }
        let everybody = self.store().scan(self.name(), Kind::User, 0, u64::from(u32::MAX)).await?;
        let another = everybody.into_iter().map(Person::read).any(|other| {
            losers.iter().all(|loser| loser.record.id != other.record.id)
                && plan::access(&other, capabilities) == Access::Open
                && is_admin(&other)
        });
        if another {
            return Ok(false);
        }
        if of_admins && !added.is_empty() {
            return Ok(true);
        }
        Err(ScimError::new(
            409,
            format!("this is the last account with the role `{admin}`; give it to another account first"),
        )
        .into())
    }

    async fn one_member(
        &self,
        groups: &dyn Groups,
        group: &str,
        member: &Counterpart,
        add: bool,
    ) -> contract::Result<Outcome<Option<contract::Account>>> {
        let member = match member {
            // The app knows nothing of a group in a group; the gateway holds it.
            Counterpart::Group(_) => return Ok(Outcome::Done(None)),
            Counterpart::Gone(_) => return Ok(Outcome::Already(None)),
            Counterpart::Person(person) => contract::Member {
                account: person.record.account.clone().unwrap_or_default(),
                email: person
                    .observed
                    .as_ref()
                    .and_then(|account| account.email.clone())
                    .or_else(|| mapping::address(&person.desired)),
                role: person
                    .observed
                    .as_ref()
                    .and_then(|account| Some(account.roles.as_ref()?.first()?.value.clone())),
            },
        };
        if add { groups.add_member(group, &member).await } else { groups.remove_member(group, &member).await }
    }

    async fn note_member(
        &self,
        group: &Record,
        member: Counterpart,
        told: Outcome<Option<contract::Account>>,
        added: bool,
        writes: &mut Vec<Write>,
    ) -> Result<()> {
        let (connection, id) = (self.name().to_owned(), member.id().to_owned());
        if let Outcome::Waiting(request) = told {
            if let Counterpart::Person(mut person) = member {
                let role = if added { group.label.clone() } else { self.role_without_group() };
                self.wait_for(&mut person, super::standing::About::Role(role), request, writes);
                let expected = Some(person.record.version);
                person.record.version += 1;
                writes.push(Write::Record { record: Box::new(person.into_record()), expected });
            }
            return Ok(());
        }
        let memberships = vec![Membership { group: group.id.clone(), member: id }];
        writes.push(if added {
            Write::AddMembers { connection, memberships }
        } else {
            Write::RemoveMembers { connection, memberships }
        });
        let Counterpart::Person(mut person) = member else { return Ok(()) };
        let before = person.observed.clone();
        let told = told.value().flatten();
        let roles_follow = told.is_some() && self.capabilities().groups.are_roles;
        if let Some(account) = told {
            let mut merged = person.observed.clone().unwrap_or_default();
            merged.merge(account);
            self.observe(&mut person, merged);
        }
        if !self.capabilities().groups.are_roles {
            note_group(&mut person, group.account.as_deref().unwrap_or_default(), added);
        }
        if roles_follow && let Some(desired) = person.desired.as_object_mut() {
            // The role was given through the group: what the person asked for before no longer stands.
            desired.remove("roles");
            desired.remove("userType");
        }
        if roles_follow || before != person.observed {
            writes.extend(self.membership_writes(&person).await?);
            let expected = Some(person.record.version);
            person.record.version += 1;
            person.record.modified_at = self.now();
            writes.push(Write::Record { record: Box::new(person.into_record()), expected });
        }
        Ok(())
    }

    /// The role of somebody who is in no role group that lifts them above the others.
    fn role_without_group(&self) -> String {
        let capabilities = self.capabilities();
        self.policy
            .default_role
            .clone()
            .or_else(|| capabilities.default_role.map(str::to_owned))
            .unwrap_or_default()
    }

    /// The people and groups to be added, checked before any call: they must exist and have access.
    async fn new_members(&self, group: &Record, ids: &[String]) -> Result<Vec<Counterpart>> {
        let holds_everything = self.capabilities().accounts.everything;
        let mut members = Vec::new();
        for id in ids {
            if let Some(record) = self.store().record(self.name(), Kind::User, id).await? {
                let person = Person::read(record);
                if !person.standing.active && !holds_everything {
                    return Err(ScimError::new(
                        409,
                        "a member to be added is deactivated; activate the person first, then add the membership",
                    )
                    .into());
                }
                members.push(Counterpart::Person(Box::new(person)));
            } else if *id != group.id && self.store().record(self.name(), Kind::Group, id).await?.is_some() {
                if !holds_everything {
                    return Err(invalid(format!(
                        "{} has no groups in groups: add people only",
                        self.capabilities().app
                    )));
                }
                members.push(Counterpart::Group(id.clone()));
            } else {
                return Err(invalid(
                    "`members` names somebody this connection does not have; create the person first",
                ));
            }
        }
        Ok(members)
    }

    async fn old_members(&self, ids: &[String]) -> Result<Vec<Counterpart>> {
        let mut members = Vec::new();
        for id in ids {
            let record = self.store().record(self.name(), Kind::User, id).await?;
            members.push(match record.map(Person::read) {
                Some(person) if person.record.account.is_some() => Counterpart::Person(Box::new(person)),
                Some(_) => Counterpart::Gone(id.clone()),
                None => Counterpart::Group(id.clone()),
            });
        }
        Ok(members)
    }

    /// The generation of removals still under way, or 0, and whom they are about.
    async fn open_removals(&self, group: &str) -> Result<(i64, BTreeSet<String>)> {
        let which = Intents::Open { connection: self.name().to_owned(), resource: group.to_owned() };
        let open = self.store().intents(&which).await?;
        let leaving = open
            .iter()
            .filter(|intent| intent.sticky)
            .filter_map(|intent| serde_json::from_str::<Vec<String>>(&intent.plan).ok())
            .flatten()
            .collect();
        Ok((open.iter().map(|intent| intent.generation).max().unwrap_or(0), leaving))
    }

    fn members_intent(
        &self,
        group: &Record,
        generation: i64,
        difference: &Difference,
        attempts: i64,
    ) -> Intent {
        let now = self.now();
        Intent {
            id: self.shared.ids.next(),
            connection: self.name().to_owned(),
            kind: Kind::Group,
            resource: group.id.clone(),
            operation: "members".to_owned(),
            generation,
            plan: serde_json::to_string(&difference.removed).unwrap_or_default(),
            sticky: !difference.removed.is_empty(),
            state: IntentState::Attempting,
            attempts,
            next_attempt_at: now.plus(self.policy.budget + Duration::from_secs(5)),
            request_id: crate::base::context::current().map(|context| context.request_id).unwrap_or_default(),
            created_at: now,
            updated_at: now,
            outcome: None,
        }
    }

    async fn settle_members(&self, intent: &Intent, group: &Record) -> Result<()> {
        let mut record = self.group(&group.id).await?;
        let expected = Some(record.version);
        record.version += 1;
        record.modified_at = self.now();
        let settle = Write::Settle {
            intent: intent.id.clone(),
            state: IntentState::Confirmed,
            attempts: intent.attempts,
            next_attempt_at: intent.next_attempt_at,
            at: self.now(),
            outcome: None,
        };
        self.store().commit(vec![Write::Record { record: Box::new(record), expected }, settle]).await?;
        Ok(())
    }

    /// Takes the members out that an intent still names; used when the first attempt was not confirmed.
    pub(super) async fn resume_members(&self, intent: &Intent) -> Result<()> {
        let _turn = self.turns.take(&intent.resource).await;
        let Some(group) = self.store().record(self.name(), Kind::Group, &intent.resource).await? else {
            return Ok(());
        };
        // Taking out somebody who is gone already is nothing to do, so nobody has to be looked for first.
        let removed = serde_json::from_str(&intent.plan).unwrap_or_default();
        self.change_members(&group, Difference { removed, added: Vec::new() }, intent.attempts).await
    }
}

/// Whom a membership is about.
enum Counterpart {
    Person(Box<Person>),
    Group(String),
    /// A person without an account: the app has nothing to remove.
    Gone(String),
}

impl Counterpart {
    fn id(&self) -> &str {
        match self {
            Self::Person(person) => &person.record.id,
            Self::Group(id) | Self::Gone(id) => id,
        }
    }
}

/// Takes over that the account is in an app's group or not, where the app tells groups with accounts.
fn note_group(person: &mut Person, group: &str, member: bool) {
    let Some(groups) = person.observed.as_mut().and_then(|account| account.groups.as_mut()) else { return };
    groups.retain(|held| held != group);
    if member {
        groups.push(group.to_owned());
    }
}
