//! Groups: what the app calls workspaces, teams, groups or roles.

use std::sync::Arc;

use serde_json::Value;

use super::connection::Connection;
use super::members::{Difference, MembersStep};
use super::policy::Idp;
use super::refuse;
use super::users::{check, not_found};
use super::{Preconditions, Result, STRIDE, Shown, View};
use crate::base::fold::key;
use crate::contract::{GroupCapabilities, Groups};
use crate::scim::catalog::Catalog;
use crate::scim::decode;
use crate::scim::error::ScimError;
use crate::scim::patch::{MemberStep, Options, Patch};
use crate::scim::schema::ResourceKind;
use crate::store::{self, Key, Kind, Lifecycle, Record, Write};

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
            let _own = this.turns.take(&record.id).await;
            this.refuse_members(&record, &wanted).await?;
            record.desired = desired.to_string();
            record.external_id = external_id(&desired);
            record.account = Some(this.account_for_group(&name).await?);
            record.version = 1;
            this.store()
                .commit(vec![Write::Record { record: Box::new(record.clone()), expected: None }])
                .await?;
            if !wanted.is_empty() {
                let difference = Difference { added: wanted, ..Difference::default() };
                this.change_members(&record, difference, None).await?;
                this.keep_as_made(&record.id).await?;
            }
            Ok(record)
        };
        let record = self.carry(work, |_| async {}).await?;
        self.shown_group(&record, view).await
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

    /// The app's group behind a new SCIM group.
    async fn account_for_group(&self, name: &str) -> Result<String> {
        let capabilities = self.capabilities().groups;
        if let Some(role) = self.policy.role_groups.get(&key(name)).filter(|_| capabilities.are_roles) {
            let known = self.store().scan(self.name(), Kind::Group, 0, STRIDE).await?;
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
                    MemberStep::RemoveMatching(filter) => MembersStep::RemoveMatching(filter.clone()),
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
            // All of it is refused before any of it is done (RFC 7644 §3.5.2).
            let difference = this.difference(&record, steps).await?;
            this.refuse_difference(&record, &difference).await?;
            let record = this.rename_group(this.group(&id).await?, desired).await?;
            this.change_members(&record, difference, None).await?;
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

fn name_of(desired: &Value) -> String {
    desired.get("displayName").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn external_id(desired: &Value) -> Option<String> {
    desired.get("externalId").and_then(Value::as_str).map(str::to_owned)
}
