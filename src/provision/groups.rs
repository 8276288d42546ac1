//! Groups: what the app calls workspaces, teams, groups or roles. Members are changed by difference, removals first.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::connection::Connection;
use super::mapping;
use super::policy::Idp;
use super::refuse;
use super::standing::Person;
use super::users::{check, invalid, not_found};
use super::{Preconditions, Refusal, Result, Shown, View};
use crate::base::fold::key;
use crate::contract::{self, GroupCapabilities, Groups, Outcome};
use crate::scim::catalog::Catalog;
use crate::scim::decode;
use crate::scim::error::ScimError;
use crate::scim::patch::{MemberStep, Options, Patch};
use crate::scim::schema::ResourceKind;
use crate::store::{Intent, IntentState, Intents, Key, Kind, Lifecycle, Membership, Record, Write};

/// Which members shall come and go.
#[derive(Debug, Default)]
struct Difference {
    removed: Vec<String>,
    added: Vec<String>,
}

impl Connection {
    /// Creates a group, or links the one the app has for this purpose (a role under the name the policy gives it).
    pub(super) async fn create_group(self: &Arc<Self>, body: &Value, view: &View) -> Result<Shown> {
        let (desired, members) = decode::decode_group(body)?;
        let wanted: Vec<String> =
            members.unwrap_or_default().into_iter().map(|member| member.value).collect();
        let this = Arc::clone(self);
        let work = async move {
            let name = name_of(&desired);
            let _turn = this.turns.take(&format!("group-name:{}", key(&name))).await;
            this.ensure_listed(Kind::User).await?;
            this.ensure_listed(Kind::Group).await?;
            let taken = this.store().find(this.name(), Kind::Group, &Key::Name(key(&name))).await?;
            if !taken.is_empty() {
                return Err(ScimError::uniqueness(
                    "`displayName` is taken by another group of this connection; look it up with a filter and update that one",
                )
                .into());
            }
            let mut record = this.new_group(&name);
            record.desired = desired.to_string();
            record.external_id = external_id(&desired);
            record.account = Some(this.account_for_group(&name).await?);
            record.version = 1;
            this.store()
                .commit(vec![Write::Record { record: Box::new(record.clone()), expected: None }])
                .await?;
            if !wanted.is_empty() {
                let difference = Difference { removed: Vec::new(), added: wanted };
                this.change_members(&record, difference).await?;
            }
            Ok(record)
        };
        let record = self.carry(work, |_| async {}).await?;
        self.shown_group(&record, view).await
    }

    /// The app's group behind a new SCIM group.
    async fn account_for_group(&self, name: &str) -> Result<String> {
        let capabilities = self.capabilities().groups;
        if let Some(role) = self.policy.role_groups.get(&key(name)).filter(|_| capabilities.are_roles) {
            let known = self.store().scan(self.name(), Kind::Group, 0, u64::from(u32::MAX)).await?;
            if let Some(account) = known
                .into_iter()
                .filter(|group| key(&group.label) == key(role))
                .find_map(|group| group.account)
            {
                return Ok(account);
            }
        }
        let groups = self.app_groups(capabilities.create, "create groups")?;
        let outcome =
            groups.create_group(name).await.map_err(|error| refuse::not_applied(&error, self.policy.idp))?;
        let group = outcome.value().ok_or_else(|| refuse::still_working(self.policy.idp))?;
        Ok(group.id)
    }

    /// Replaces a group (RFC 7644 §3.5.1); absent `members` means none, as the RFC reads an absent attribute.
    pub(super) async fn replace_group(
        self: &Arc<Self>,
        id: &str,
        body: &Value,
        view: &View,
        when: &Preconditions,
    ) -> Result<Shown> {
        let (desired, members) = decode::decode_group(body)?;
        let wanted: Vec<String> =
            members.unwrap_or_default().into_iter().map(|member| member.value).collect();
        let record =
            self.change_group(id, when, move |_| Ok((desired, vec![MembersStep::Replace(wanted)]))).await?;
        self.shown_group(&record, view).await
    }

    /// Patches a group; answers nothing, so that the caller gets a 204 (no members have to be read for it).
    pub(super) async fn patch_group(
        self: &Arc<Self>,
        id: &str,
        body: &Value,
        when: &Preconditions,
    ) -> Result<Record> {
        let patch = Patch::parse(body, &Catalog::standard().group)?;
        let options = Options { replace_creates_missing: self.policy.idp != Idp::Generic };
        self.change_group(id, when, move |shown| {
            let mut resource = shown.clone();
            patch.apply(&mut resource, &options)?;
            let (desired, _) = decode::decode_group(&resource)?;
            let values = |members: &[crate::scim::patch::Member]| {
                members.iter().map(|member| member.value.clone()).collect()
            };
            let steps = patch
                .members()
                .steps
                .iter()
                .map(|step| match step {
                    MemberStep::Add(members) => MembersStep::Add(values(members)),
                    MemberStep::Remove(ids) => MembersStep::Remove(ids.clone()),
                    MemberStep::RemoveAll => MembersStep::Replace(Vec::new()),
                    MemberStep::Replace(members) => MembersStep::Replace(values(members)),
                })
                .collect();
            Ok((desired, steps))
        })
        .await
    }

    async fn change_group<C>(self: &Arc<Self>, id: &str, when: &Preconditions, change: C) -> Result<Record>
    where
        C: FnOnce(&Value) -> crate::scim::error::Result<(Value, Vec<MembersStep>)> + Send + 'static,
    {
        let (this, id, when) = (Arc::clone(self), id.to_owned(), when.clone());
        let work = async move {
            let _turn = this.turns.take(&id).await;
            let record = this.group(&id).await?;
            check(&when, record.version)?;
            let shown = this.show_group(&record, None);
            let (desired, steps) = change(&shown)?;
            let record = this.rename_group(record, desired).await?;
            let difference = this.difference(&record, steps).await?;
            this.change_members(&record, difference).await?;
            this.group(&id).await
        };
        self.carry(work, |_| async {}).await
    }

    /// Takes over the group's own attributes; the app is told only of another name.
    async fn rename_group(&self, mut record: Record, desired: Value) -> Result<Record> {
        let name = name_of(&desired);
        let stands: Value = serde_json::from_str(&record.desired).unwrap_or_default();
        if stands == desired {
            return Ok(record);
        }
        if name != record.label {
            let taken = self.store().find(self.name(), Kind::Group, &Key::Name(key(&name))).await?;
            if taken.iter().any(|other| other.id != record.id) {
                return Err(ScimError::uniqueness(
                    "`displayName` is taken by another group of this connection",
                )
                .into());
            }
            let groups = self.app_groups(self.capabilities().groups.rename, "rename groups")?;
            if let Some(account) = &record.account {
                groups
                    .rename_group(account, &name)
                    .await
                    .map_err(|error| refuse::not_applied(&error, self.policy.idp))?;
            }
        }
        let expected = Some(record.version);
        record.desired = desired.to_string();
        record.external_id = external_id(&desired);
        record.name_key = key(&name);
        record.display_key = Some(key(&name));
        record.label = name;
        record.version += 1;
        record.modified_at = self.now();
        self.store().commit(vec![Write::Record { record: Box::new(record.clone()), expected }]).await?;
        Ok(record)
    }

    /// What the steps come to, seen from the members that stand.
    async fn difference(&self, group: &Record, steps: Vec<MembersStep>) -> Result<Difference> {
        if steps.is_empty() {
            return Ok(Difference::default());
        }
        let held: BTreeSet<String> =
            self.store().members(self.name(), &group.id).await?.into_iter().map(|member| member.id).collect();
        // A removal still under way is what the caller asked for last.
        let (_, leaving) = self.open_removals(&group.id).await?;
        let mut wanted: BTreeSet<String> = held.difference(&leaving).cloned().collect();
        for step in steps {
            match step {
                MembersStep::Add(ids) => wanted.extend(ids),
                MembersStep::Remove(ids) => ids.iter().for_each(|id| {
                    wanted.remove(id);
                }),
                MembersStep::Replace(ids) => wanted = ids.into_iter().collect(),
            }
        }
        Ok(Difference {
            removed: held.difference(&wanted).cloned().collect(),
            added: wanted.difference(&held).cloned().collect(),
        })
    }

    /// Changes members at the app, removals first, and keeps what succeeded.
    async fn change_members(&self, group: &Record, difference: Difference) -> Result<()> {
        if difference.removed.is_empty() && difference.added.is_empty() {
            return Ok(());
        }
        let capabilities = self.capabilities().groups;
        let added = self.new_members(group, &difference.added).await?;
        let removed = self.old_members(&difference.removed).await?;
        let account = group.account.clone().unwrap_or_default();
        let (open, _) = self.open_removals(&group.id).await?;
        let intent = self.members_intent(group, open + 1, &difference);
        self.store().commit(vec![Write::Intent(intent.clone())]).await?;
        let mut writes = Vec::new();
        let mut first_error = None;
        let mut unfinished_removals = false;
        if !removed.is_empty() {
            let groups = self.app_groups(capabilities.remove_member, "take members out of groups")?;
            for member in removed {
                match self.one_member(groups, &account, &member, false).await {
                    Ok(told) => self.note_member(group, member, told, false, &mut writes).await?,
                    Err(error) => {
                        unfinished_removals |= !matches!(error.retry, contract::Retry::Never);
                        first_error.get_or_insert(error);
                    }
                }
            }
        }
        if !added.is_empty() {
            let groups = self.app_groups(capabilities.add_member, "put members into groups")?;
            for member in added {
                match self.one_member(groups, &account, &member, true).await {
                    Ok(told) => self.note_member(group, member, told, true, &mut writes).await?,
                    Err(error) => {
                        first_error.get_or_insert(error);
                    }
                }
            }
        }
        self.store().commit(writes).await?;
        let Some(error) = first_error else {
            return self.settle_members(&intent, group).await;
        };
        let intent = Intent { sticky: unfinished_removals, ..intent };
        Err(self.settle_failed(&intent, &error).await)
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
                let role = group.label.clone();
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
        if let (Some(Some(account)), Counterpart::Person(mut person)) = (told.value(), member) {
            let mut merged = person.observed.clone().unwrap_or_default();
            merged.merge(account);
            self.observe(&mut person, merged);
            if self.capabilities().groups.are_roles {
                // The role was given through the group: what the person asked for before no longer stands.
                if let Some(desired) = person.desired.as_object_mut() {
                    desired.remove("roles");
                    desired.remove("userType");
                }
            }
            writes.extend(self.membership_writes(&person).await?);
            let expected = Some(person.record.version);
            person.record.version += 1;
            person.record.modified_at = self.now();
            writes.push(Write::Record { record: Box::new(person.into_record()), expected });
        }
        Ok(())
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

    fn members_intent(&self, group: &Record, generation: i64, difference: &Difference) -> Intent {
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
            attempts: 1,
            next_attempt_at: now.plus(self.policy.budget + std::time::Duration::from_secs(5)),
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
        let named: Vec<String> = serde_json::from_str(&intent.plan).unwrap_or_default();
        let held: BTreeSet<String> =
            self.store().members(self.name(), &group.id).await?.into_iter().map(|member| member.id).collect();
        let removed = named.into_iter().filter(|id| held.contains(id)).collect();
        self.change_members(&group, Difference { removed, added: Vec::new() }).await
    }

    /// Deletes a group where the app can.
    pub(super) async fn delete_group(self: &Arc<Self>, id: &str, when: &Preconditions) -> Result<()> {
        let (this, id, when) = (Arc::clone(self), id.to_owned(), when.clone());
        let work = async move {
            let _turn = this.turns.take(&id).await;
            let mut record = this.group(&id).await?;
            check(&when, record.version)?;
            let groups = this.app_groups(this.capabilities().groups.delete, "delete groups")?;
            if let Some(account) = &record.account {
                groups
                    .delete_group(account)
                    .await
                    .map_err(|error| refuse::not_applied(&error, this.policy.idp))?;
            }
            let expected = Some(record.version);
            record.lifecycle = Lifecycle::Deleted;
            record.version += 1;
            let (connection, group) = (this.name().to_owned(), record.id.clone());
            let writes = vec![
                Write::ClearMemberships { connection: connection.clone(), member: group.clone() },
                Write::ClearMembers { connection, group },
                Write::Record { record: Box::new(record), expected },
            ];
            Ok(this.store().commit(writes).await?)
        };
        self.carry(work, |()| async {}).await
    }

    /// The live group with this id.
    async fn group(&self, id: &str) -> Result<Record> {
        self.store().record(self.name(), Kind::Group, id).await?.ok_or_else(|| not_found(ResourceKind::Group))
    }

    /// The app's groups, or a 501 that says what it cannot do.
    fn app_groups(&self, offered: bool, what: &str) -> Result<&dyn Groups> {
        let GroupCapabilities { noun, .. } = self.capabilities().groups;
        match self.adapter().groups() {
            Some(groups) if offered => Ok(groups),
            _ => Err(ScimError::new(
                501,
                format!(
                    "{} cannot {what} through this connection (its groups are {noun})",
                    self.capabilities().app
                ),
            )
            .into()),
        }
    }

    pub(super) fn new_group(&self, name: &str) -> Record {
        let now = self.now();
        Record {
            connection: self.name().to_owned(),
            kind: Kind::Group,
            id: self.shared.ids.next(),
            lifecycle: Lifecycle::Live,
            account: None,
            name_key: key(name),
            label: name.to_owned(),
            external_id: None,
            email_keys: Vec::new(),
            display_key: Some(key(name)),
            desired: "{}".to_owned(),
            observed: None,
            standing: "{}".to_owned(),
            generation: 1,
            version: 0,
            created_at: now,
            modified_at: now,
            observed_at: Some(now),
            groups: Vec::new(),
        }
    }

    pub(super) async fn shown_group(&self, record: &Record, view: &View) -> Result<Shown> {
        let projection = super::show::projection(ResourceKind::Group, view)?;
        let record = self.group(&record.id).await?;
        let resource = self.resource(ResourceKind::Group, record.clone(), &projection, None).await?;
        Ok(self.shown(ResourceKind::Group, &record, resource, view)?)
    }
}

/// A change of members, by SCIM id.
#[derive(Debug)]
enum MembersStep {
    Add(Vec<String>),
    Remove(Vec<String>),
    Replace(Vec<String>),
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

fn name_of(desired: &Value) -> String {
    desired.get("displayName").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn external_id(desired: &Value) -> Option<String> {
    desired.get("externalId").and_then(Value::as_str).map(str::to_owned)
}

impl From<Refusal> for String {
    fn from(refusal: Refusal) -> Self {
        refusal.error.detail
    }
}
