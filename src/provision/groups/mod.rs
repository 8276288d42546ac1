//! Groups: what the app calls workspaces, teams, groups or roles.

mod journal;

use std::sync::Arc;

use serde_json::Value;

pub(super) use self::journal::GroupStanding;
use self::journal::{ask_for_name, describe, group_name_turn};
use super::connection::Connection;
use super::members::{Difference, MembersStep};
use super::policy::Idp;
use super::refuse;
use super::turn::Turn;
use super::users::{Aim, REPEATABLE, check, not_found};
use super::{Preconditions, Result, STRIDE, Shown, View};
use crate::base::context;
use crate::base::fold::key;
use crate::base::lane::Lane;
use crate::contract::{self, Group, GroupCapabilities, Groups, Outcome};
use crate::scim::decode;
use crate::scim::error::ScimError;
use crate::scim::extension::{self, Write as Change};
use crate::scim::patch::{MemberStep, Options, Patch};
use crate::scim::project::Written;
use crate::scim::schema::ResourceKind;
use crate::store::{self, Key, Kind, Lifecycle, Record, Write};

impl Connection {
    /// Creates a group, or links the one the app has for this purpose (a role under the name the policy gives it).
    /// Shown, its id, and the turn of its name; `before` are those the same request has made already.
    pub(super) async fn create_group(
        self: &Arc<Self>,
        body: &Value,
        view: &View,
        before: Vec<String>,
    ) -> Result<(Shown, String, Option<Turn>)> {
        let (desired, members) = decode::decode_group(body, &self.catalog.group)?;
        extension::check_new(&desired, &self.catalog.group)?;
        let written = Written::by_body(&desired);
        let wanted: Vec<String> =
            members.unwrap_or_default().into_iter().map(|member| member.value).collect();
        let this = Arc::clone(self);
        let work = async move {
            let name = name_of(&desired);
            let turn = this.turn(&group_name_turn(&name)).await?;
            this.refuse_overtaken(&turn, Lane::Create)?;
            for (intent, aim) in this.creates_in_doubt(Kind::Group, &key(&name)).await? {
                this.seek_group(&intent, &aim).await?;
            }
            this.ensure_listed(Kind::User).await?;
            this.ensure_listed(Kind::Group).await?;
            if let Some(again) = this.repeated_group(&desired, &before).await? {
                let _own = this.turn(&again.id).await?;
                let difference = this.difference(&again, vec![MembersStep::Add(wanted)]).await?;
                this.change_members(&again, difference, None).await?;
                return Ok((again, turn));
            }
            let mut record = this.new_group(&name);
            let _own = this.turn(&record.id).await?;
            this.refuse_members(&record, &wanted).await?;
            describe(&mut record, &desired);
            this.make_group(&mut record, desired).await?;
            if !wanted.is_empty() {
                let difference = Difference { added: wanted, ..Difference::default() };
                this.change_members(&record, difference, None).await?;
                this.keep_as_made(&record.id).await?;
            }
            Ok((record, turn))
        };
        let (record, turn) = self.carry(Lane::Create, work).await?;
        Ok((self.shown_group(&record, view, &written).await?, record.id, Some(turn)))
    }

    /// What a group was made with is no later change: `lastModified` is `created` (RFC 7643 §3.1).
    async fn keep_as_made(&self, id: &str) -> Result<()> {
        let mut record = self.group(id).await?;
        let expected = Some(record.version);
        record.modified_at = record.created_at;
        match self.store().commit(vec![Write::Record { record: Box::new(record), expected }]).await {
            // A reading came between, which is a later change indeed.
            Err(store::Error::Stale) => Ok(()),
            other => Ok(other?),
        }
    }

    /// A group whose create was never answered is answered with what it made.
    ///
    /// # Errors
    /// 409 where the name is taken by any other group.
    async fn repeated_group(&self, desired: &Value, before: &[String]) -> Result<Option<Record>> {
        let taken = self.store().find(self.name(), Kind::Group, &Key::Name(key(&name_of(desired)))).await?;
        let Some(record) = taken.into_iter().next() else { return Ok(None) };
        let lost = GroupStanding::read(&record).unacknowledged_at;
        let lost = lost.is_some_and(|at| self.now().since(at) < REPEATABLE);
        let ours = lost && record.external_id == external_id(desired);
        if ours && !before.contains(&record.id) {
            return Ok(Some(record));
        }
        Err(ScimError::uniqueness(
            "`displayName` is taken by another group of this connection; look it up with a filter and update that one",
        )
        .into())
    }

    /// Links a new SCIM group with a group of the app, which is created where none is there for it.
    async fn make_group(&self, record: &mut Record, desired: Value) -> Result<()> {
        let unacknowledged_at = Some(self.now());
        let asked_name = Some(record.label.clone());
        GroupStanding { unacknowledged_at, asked_name, ..GroupStanding::default() }.write(record);
        if let Some(role) = self.role_behind(&record.label).await? {
            record.account = Some(role);
            return self.save_group(record, None).await;
        }
        let groups = self.app_groups(self.capabilities().groups.create, "create groups")?;
        let intent = self.group_intent(record, "create", &Aim::to(desired))?;
        self.store().commit(vec![Write::Intent(intent.clone())]).await?;
        context::note_step("create_group");
        let made = match groups.create_group(&record.label).await {
            Ok(outcome) => {
                if matches!(outcome, Outcome::Done(_)) {
                    // Nobody is in a new group, which need not be asked.
                    let members_read_at = Some(self.now());
                    GroupStanding { members_read_at, ..GroupStanding::read(record) }.write(record);
                }
                outcome.value().filter(|group| !group.id.is_empty()).ok_or_else(|| {
                    contract::Error::new(
                        contract::Kind::Unknown,
                        "create_group",
                        "the app did not tell the new id",
                    )
                })
            }
            Err(error) => Err(error),
        };
        let made = match made {
            Err(error) if error.kind == contract::Kind::Unknown => {
                let name = record.name_key.clone();
                let found = self.look_for_group(groups, |group| key(&group.name) == name).await;
                found.ok_or(error)
            }
            made => made,
        };
        match made {
            Ok(group) => record.account = Some(group.id),
            Err(error) => return Err(self.settle_failed(&intent, &error).await),
        }
        self.save_group(record, Some(&intent)).await
    }

    /// The role of the app that the policy gives this name.
    async fn role_behind(&self, name: &str) -> Result<Option<String>> {
        let are_roles = self.capabilities().groups.are_roles;
        let Some(role) = self.policy.role_groups.get(&key(name)).filter(|_| are_roles) else {
            return Ok(None);
        };
        let known = self.store().scan(self.name(), Kind::Group, 0, STRIDE).await?;
        let mut known = known.into_iter().filter(|group| key(&group.label) == key(role));
        Ok(known.find_map(|group| group.account))
    }

    /// Replaces a group (RFC 7644 §3.5.1); absent `members` means none, as the RFC reads an absent attribute.
    pub(super) async fn replace_group(
        self: &Arc<Self>,
        id: &str,
        body: &Value,
        view: &View,
        when: &Preconditions,
    ) -> Result<Shown> {
        let catalog = Arc::clone(&self.catalog);
        let (desired, members) = decode::decode_group(body, &catalog.group)?;
        let written = Written::by_body(&desired);
        let wanted: Vec<String> =
            members.unwrap_or_default().into_iter().map(|member| member.value).collect();
        let change = move |shown: &Value| {
            let mut desired = desired.clone();
            extension::settle(shown, &mut desired, Change::Replace, &catalog.group)?;
            Ok((desired, vec![MembersStep::Replace(wanted.clone())]))
        };
        let record = self.change_group(id, when, true, change).await?;
        self.shown_group(&record, view, &written).await
    }

    /// Patches a group; answers nothing, so that the caller gets a 204 (no members have to be read for it).
    pub(super) async fn patch_group(
        self: &Arc<Self>,
        id: &str,
        body: &Value,
        when: &Preconditions,
    ) -> Result<Record> {
        let catalog = Arc::clone(&self.catalog);
        let patch = Patch::parse(body, &catalog.group)?;
        let options = Options { replace_creates_missing: self.policy.idp != Idp::Generic };
        let names = body.to_string().to_lowercase().contains("\"displayname\"");
        self.change_group(id, when, names, move |shown| {
            let mut resource = shown.clone();
            patch.apply(&mut resource, &options)?;
            let (mut desired, _) = decode::decode_group(&resource, &catalog.group)?;
            extension::settle(shown, &mut desired, Change::Patch, &catalog.group)?;
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
                    MemberStep::RemoveMatching(filter) => MembersStep::RemoveMatching(filter.clone()),
                    MemberStep::RemoveAll => MembersStep::Replace(Vec::new()),
                    MemberStep::Replace(members) => MembersStep::Replace(values(members)),
                })
                .collect();
            Ok((desired, steps))
        })
        .await
    }

    async fn change_group<C>(
        self: &Arc<Self>,
        id: &str,
        when: &Preconditions,
        names: bool,
        change: C,
    ) -> Result<Record>
    where
        C: Fn(&Value) -> crate::scim::error::Result<(Value, Vec<MembersStep>)> + Send + Sync + 'static,
    {
        let (this, id, when) = (Arc::clone(self), id.to_owned(), when.clone());
        let work = async move {
            let turn = this.turn(&id).await?;
            let record = this.group(&id).await?;
            check(&when, record.version)?;
            let lane = match change(&this.show_group(&record, None)) {
                Ok((_, steps)) => this.lane_of_members(&id, &steps).await?,
                Err(_) => Lane::Update,
            };
            this.refuse_overtaken(&turn, lane)?;
            let work = async {
                let record = this.settled_group(record).await?;
                let shown = this.show_group(&record, None);
                let (desired, steps) = change(&shown)?;
                // All of it is refused before any of it is done (RFC 7644 §3.5.2).
                let difference = this.difference(&record, steps).await?;
                this.refuse_difference(&record, &difference, false).await?;
                let record = this.rename_group(this.group(&id).await?, desired, names).await?;
                this.change_members(&record, difference, None).await?;
                this.group(&id).await
            };
            lane.scope(work).await
        };
        self.carry(Lane::Update, work).await
    }

    /// The group after what was under way for it: a rename that was never answered is looked for first.
    ///
    /// # Errors
    /// 503 while the group is being deleted.
    async fn settled_group(&self, record: Record) -> Result<Record> {
        let open = self.open_group_work(&record.id).await?;
        if open.iter().any(|intent| intent.operation == "delete") {
            return Err(refuse::still_working(self.policy.idp));
        }
        for intent in &open {
            let Ok(aim) = serde_json::from_str::<Aim>(&intent.plan) else { continue };
            if let Err(refusal) = self.seek_group(intent, &aim).await {
                // A new name does not hold up those who leave the group.
                tracing::info!(
                    connection = self.name(),
                    reason = refusal.error.detail,
                    "a rename is still in doubt"
                );
            }
        }
        if open.is_empty() { Ok(record) } else { self.group(&record.id).await }
    }

    /// Takes over the group's own attributes; the app is told only of another name. `names` is whether the request speaks
    /// of the name at all.
    async fn rename_group(&self, mut record: Record, desired: Value, names: bool) -> Result<Record> {
        let name = name_of(&desired);
        let stands: Value = serde_json::from_str(&record.desired).unwrap_or_default();
        let is_asked = !names || GroupStanding::read(&record).asked_name.is_some_and(|asked| asked == name);
        if stands == desired && is_asked {
            return Ok(record);
        }
        let mut intent = None;
        if name != record.label {
            let taken = self.store().find(self.name(), Kind::Group, &Key::Name(key(&name))).await?;
            if taken.iter().any(|other| other.id != record.id) {
                return Err(ScimError::uniqueness(
                    "`displayName` is taken by another group of this connection",
                )
                .into());
            }
            let groups = self.app_groups(self.capabilities().groups.rename, "rename groups")?;
            if let Some(account) = record.account.clone() {
                let aim = Aim::to(desired.clone());
                let entry = self.group_intent(&record, "rename", &aim)?;
                self.store().commit(vec![Write::Intent(entry.clone())]).await?;
                context::note_step("rename_group");
                if let Err(error) = groups.rename_group(&account, &name).await {
                    let shows = |group: &Group| group.id == account && group.name == name;
                    let may_show = error.kind == contract::Kind::Unknown;
                    if !may_show || self.look_for_group(groups, shows).await.is_none() {
                        return Err(self.settle_failed(&entry, &error).await);
                    }
                }
                intent = Some(entry);
            }
        }
        let renamed = name != record.label;
        describe(&mut record, &desired);
        if names || renamed {
            ask_for_name(&mut record);
        }
        record.modified_at = self.now();
        self.save_group(&mut record, intent.as_ref()).await?;
        Ok(record)
    }

    /// Deletes a group where the app can.
    pub(super) async fn delete_group(self: &Arc<Self>, id: &str, when: &Preconditions) -> Result<()> {
        let (this, id, when) = (Arc::clone(self), id.to_owned(), when.clone());
        let work = async move {
            let _turn = this.turn(&id).await?;
            let record = this.group(&id).await?;
            check(&when, record.version)?;
            this.app_groups(this.capabilities().groups.delete, "delete groups")?;
            let open = this.open_group_work(&id).await?;
            let known = open.into_iter().find(|intent| intent.operation == "delete");
            let intent = if let Some(known) = known {
                known
            } else {
                let desired = serde_json::from_str(&record.desired).unwrap_or_default();
                let aim = Aim { deleted: true, ..Aim::to(desired) };
                let intent = this.group_intent(&record, "delete", &aim)?;
                this.store().commit(vec![Write::Intent(intent.clone())]).await?;
                intent
            };
            this.delete_under(record, &intent).await
        };
        self.carry(Lane::Leave, work).await
    }

    /// The live group with this id.
    pub(super) async fn group(&self, id: &str) -> Result<Record> {
        self.store().record(self.name(), Kind::Group, id).await?.ok_or_else(|| not_found(ResourceKind::Group))
    }

    /// The app's groups, or a 501 that says what it cannot do.
    pub(super) fn app_groups(&self, offered: bool, what: &str) -> Result<&dyn Groups> {
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
            told_key: None,
            active: None,
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

    pub(super) async fn shown_group(&self, record: &Record, view: &View, written: &Written) -> Result<Shown> {
        let projection = self.projection(ResourceKind::Group, view)?;
        let record = self.group(&record.id).await?;
        let resource = self.resource(ResourceKind::Group, record.clone(), &projection, None).await?;
        Ok(self.shown(ResourceKind::Group, &record, resource, (view, written))?)
    }
}

fn name_of(desired: &Value) -> String {
    desired.get("displayName").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn external_id(desired: &Value) -> Option<String> {
    desired.get("externalId").and_then(Value::as_str).map(str::to_owned)
}
