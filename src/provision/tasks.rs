//! What waits for a person: listing and completing tasks.

use std::sync::Arc;

use serde_json::Value;

use super::approvals;
use super::connection::Connection;
use super::mapping::Wanted;
use super::plan::{self, Step};
use super::standing::{About, Invitation, Person};
use super::{Refusal, Result};
use crate::base::fold::key;
use crate::contract::{Account, Role, State};
use crate::scim::error::ScimError;
use crate::store::{Key, Kind, Lifecycle, Task, TaskState, Write};

/// Who says that a task is done, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Completion {
    pub by: String,
    /// Anything to remember.
    pub note: Option<String>,
    /// The address of a ticket or a picture, or a text.
    pub evidence: Option<String>,
}

impl Completion {
    /// Somebody's word alone.
    pub fn by(name: impl Into<String>) -> Self {
        Self { by: name.into(), ..Self::default() }
    }
}

impl Connection {
    /// The tasks of this connection, oldest first.
    pub async fn tasks(&self, open_only: bool) -> Result<Vec<Task>> {
        Ok(self.store().tasks(Some(self.name()), open_only).await?)
    }

    /// Closes a task as done, and lets the resource say so.
    ///
    /// # Errors
    /// 404 when the connection has no open task with this id, 409 where it is a deletion to be approved or rejected.
    pub async fn complete_task(self: &Arc<Self>, id: &str, done: Completion) -> Result<Task> {
        let Task { resource, kind, .. } = self.open_task(id).await?;
        if kind == approvals::KIND {
            let detail = "this is a deletion that waits for approval: approve or reject it";
            return Err(ScimError::new(409, detail).into());
        }
        let _turn = self.turn(&resource).await?;
        // It may have been closed, or called off, by whoever had the turn before.
        let mut task = self.open_task(id).await?;
        task.state = TaskState::Done;
        task.closed_at = Some(self.now());
        task.closed_by = Some(done.by.clone());
        task.note.clone_from(&done.note);
        task.evidence.clone_from(&done.evidence);
        let mut writes = vec![Write::CloseTask {
            connection: self.name().to_owned(),
            dedupe: task.dedupe.clone(),
            state: TaskState::Done,
            at: self.now(),
            by: done.by,
            note: done.note,
            evidence: done.evidence,
        }];
        if let Some(record) = self.store().record(self.name(), Kind::User, &task.resource).await? {
            let mut person = Person::read(record);
            if self.fulfil(&mut person, &task) {
                writes.extend(self.place_writes(&person).await?);
                let expected = Some(person.record.version);
                person.record.version += 1;
                person.record.modified_at = self.now();
                writes.push(Write::Record { record: Box::new(person.into_record()), expected });
            }
        }
        self.store().commit(writes).await?;
        Ok(task)
    }

    async fn open_task(&self, id: &str) -> Result<Task> {
        let open = self.store().tasks(Some(self.name()), true).await?;
        open.into_iter().find(|task| task.id == id).ok_or_else(|| {
            Refusal::from(ScimError::new(404, "this connection has no open task with this id"))
        })
    }

    /// What a done task means for the person; tells whether anything changed.
    pub(super) fn fulfil(&self, person: &mut Person, task: &Task) -> bool {
        if let Some(residual) = task.dedupe.strip_prefix("residual:").and_then(|rest| rest.split(':').next())
        {
            person.standing.residual.retain(|key| key != residual);
            return true;
        }
        let place = person.standing.waiting.iter().position(|waiting| waiting.ticket == task.id);
        let Some(waiting) = place.map(|place| person.standing.waiting.remove(place)) else { return false };
        let mut account = person.observed.clone().unwrap_or_else(|| self.account_by_hand(person));
        match waiting.about {
            About::Invite => {
                account.state = Some(State::Active);
                person.standing.active = true;
                person.standing.invitation = Invitation::Accepted;
                person.record.account = Some(account.id.clone());
            }
            About::Remove => {
                account.state = Some(State::Inactive);
                person.standing.active = false;
                person.standing.invitation = Invitation::None;
                person.record.account = None;
            }
            About::Role(role) => account.roles = Some(vec![Role { value: role, display: None }]),
        }
        if self.capabilities().groups.are_roles {
            account.groups = account
                .roles
                .as_ref()
                .map(|roles| roles.iter().map(|role| format!("role:{}", key(&role.value))).collect());
        }
        person.record.observed_at = Some(self.now());
        person.observed = Some(account);
        true
    }

    /// The steps that give access to somebody who is created anew where people carry changes out.
    ///
    /// Somebody who was deleted before, and whom nobody has removed yet, keeps the account: the removal is called off.
    pub(super) async fn rehire_by_hand(
        &self,
        person: &mut Person,
        wanted: &Wanted,
        writes: &mut Vec<Write>,
    ) -> Result<Option<Vec<Step>>> {
        let Some(address) = wanted.email.as_deref().filter(|_| wanted.active).map(key) else {
            return Ok(None);
        };
        let mut removals = self.store().open_tasks(self.name(), About::Remove.kind()).await?;
        removals.retain(|task| key(&task.person) == address);
        for task in &removals {
            let note = "the person was created again";
            writes.push(self.closing(task.dedupe.clone(), note));
        }
        let there = self.store().find(self.name(), Kind::User, &Key::Account(address)).await?;
        let left = there.into_iter().map(Person::read).find(|before| {
            before.record.lifecycle == Lifecycle::Deleted
                && removals.iter().any(|task| task.resource == before.record.id)
        });
        let Some(left) = left.filter(|left| left.standing.active && left.observed.is_some()) else {
            return Ok(None);
        };
        person.record.account = left.record.account;
        person.observed = left.observed;
        person.standing.active = true;
        person.standing.invitation = left.standing.invitation;
        Ok(Some(plan::update(person, wanted, self.capabilities(), &self.policy)?))
    }

    /// The account a person made by hand, as far as we know it.
    pub(super) fn account_by_hand(&self, person: &Person) -> Account {
        let email = super::mapping::address(&person.desired);
        let wanted = super::mapping::wanted(&person.desired, self.capabilities(), &self.policy).ok();
        let roles = wanted
            .and_then(|wanted| wanted.roles)
            .or_else(|| self.policy.usual_role(self.capabilities()).map(|role| vec![role]));
        Account {
            id: email.as_deref().map_or_else(|| person.record.id.clone(), crate::base::fold::key),
            email,
            display_name: person.desired.get("displayName").and_then(Value::as_str).map(str::to_owned),
            roles: roles.map(|roles| roles.into_iter().map(|value| Role { value, display: None }).collect()),
            ..Account::default()
        }
    }
}
