//! The journal of groups: what is about to be done to one, and what became of it where no answer came.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::confirm::PAUSES;
use super::super::connection::Connection;
use super::super::recover::Ended;
use super::super::users::{Aim, SETTLE};
use super::super::{Refusal, Result, refuse};
use super::{external_id, name_of};
use crate::base::clock::Timestamp;
use crate::base::context;
use crate::base::fold::key;
use crate::contract::{self, Group, Groups, Outcome};
use crate::scim::error::ScimError;
use crate::store::{self, Intent, IntentState, Intents, Key, Kind, Lifecycle, Record, Write};

/// What the gateway remembers of a group beside its name, kept in its `standing` column.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::provision) struct GroupStanding {
    /// When an app that tells members group by group last told this group's.
    pub members_read_at: Option<Timestamp>,
    /// When it was created for a caller who has not been told yet, as far as we know.
    pub unacknowledged_at: Option<Timestamp>,
    /// The name a caller gave it.
    pub asked_name: Option<String>,
    /// Those whom the app was asked to let in, as long as it has not said what came of it, by their ids.
    pub unverified: BTreeSet<String>,
    /// Since when the app's listing lacks it; `None` where a caller deleted it.
    pub vanished_at: Option<Timestamp>,
}

impl GroupStanding {
    /// What cannot be read counts as nothing.
    pub(in crate::provision) fn read(group: &Record) -> Self {
        serde_json::from_str(&group.standing).unwrap_or_default()
    }

    pub(in crate::provision) fn write(&self, group: &mut Record) {
        group.standing = serde_json::to_string(self).unwrap_or_default();
    }
}

impl Connection {
    /// An entry for a create, a rename or a deletion. A deletion takes people out, so that it is carried out whatever the
    /// caller does; of the others it is looked what became of them.
    pub(super) fn group_intent(&self, group: &Record, operation: &str, aim: &Aim) -> Result<Intent> {
        let now = self.now();
        let sticky = operation == "delete";
        let intent = Intent {
            id: self.shared.ids.next(),
            connection: self.name().to_owned(),
            kind: Kind::Group,
            resource: group.id.clone(),
            operation: operation.to_owned(),
            name_key: if operation == "create" { key(&name_of(&aim.desired)) } else { String::new() },
            // Never above a removal of members that is still under way: it takes the place of none.
            generation: 0,
            plan: serde_json::to_string(aim)
                .map_err(|_| Refusal::from(ScimError::new(500, "the plan could not be written down")))?,
            sticky,
            state: if sticky { IntentState::Attempting } else { IntentState::Ambiguous },
            attempts: 1,
            strikes: 0,
            next_attempt_at: now.plus(self.attempt_time()),
            request_id: context::current().map(|context| context.request_id).unwrap_or_default(),
            created_at: now,
            updated_at: now,
            outcome: None,
            fence: None,
        };
        self.refuse_overload(&intent)?;
        Ok(intent)
    }

    /// Work still under way for a group itself, not its members.
    pub(super) async fn open_group_work(&self, id: &str) -> Result<Vec<Intent>> {
        let which = Intents::Open { connection: self.name().to_owned(), resource: id.to_owned() };
        let open = self.store().intents(&which).await?;
        Ok(open.into_iter().filter(|intent| intent.operation != "members").collect())
    }

    /// Writes down a group as it stands in the app now, and the end of the intent.
    ///
    /// A listing may have seen it first: its record is then the group's.
    pub(super) async fn save_group(&self, record: &mut Record, intent: Option<&Intent>) -> Result<()> {
        let mut expected = (record.version > 0).then_some(record.version);
        let mut refused = store::Error::Stale;
        for _ in 0..3 {
            record.version = expected.unwrap_or(0) + 1;
            let mut writes = vec![Write::Record { record: Box::new(record.clone()), expected }];
            writes.extend(intent.map(|intent| self.confirmed(intent)));
            match self.store().commit(writes).await {
                Err(error @ (store::Error::Stale | store::Error::NameTaken)) => {
                    refused = error;
                    let account = record.account.clone().unwrap_or_default();
                    let known = self.store().find(self.name(), Kind::Group, &Key::Account(account)).await?;
                    let known = known.into_iter().find(|known| known.lifecycle == Lifecycle::Live);
                    let Some(known) = known else { break };
                    record.id = known.id;
                    record.created_at = known.created_at;
                    expected = Some(known.version);
                }
                other => return Ok(other?),
            }
        }
        Err(refused.into())
    }

    /// The end of an intent that was carried out.
    pub(in crate::provision) fn confirmed(&self, intent: &Intent) -> Write {
        Write::Settle {
            intent: intent.id.clone(),
            state: IntentState::Confirmed,
            attempts: intent.attempts,
            next_attempt_at: intent.next_attempt_at,
            at: self.now(),
            outcome: None,
        }
    }

    /// After a lost answer: looks a few times whether `shows` holds for one group of the app.
    pub(super) async fn look_for_group(
        &self,
        groups: &dyn Groups,
        shows: impl Fn(&Group) -> bool,
    ) -> Option<Group> {
        let mut unanswered = 0;
        for pause in PAUSES {
            if unanswered > 1 || pause >= context::remaining(Duration::from_secs(25)) {
                break;
            }
            tokio::time::sleep(pause).await;
            match groups.groups().await {
                Ok(told) => match only(told, &shows) {
                    Ok(Some(group)) => return Some(group),
                    Ok(None) => unanswered = 0,
                    Err(()) => break,
                },
                Err(_) => unanswered += 1,
            }
        }
        None
    }

    /// Looks what became of a create or a rename that was never answered, and never sends it again. The caller has the
    /// turn of the name, or of the group.
    ///
    /// # Errors
    /// 503 while it may still come, or cannot be looked for; the intent stays open.
    pub(super) async fn seek_group(&self, intent: &Intent, aim: &Aim) -> Result<Ended> {
        let groups = self.app_groups(true, "tell its groups")?;
        let told = match groups.groups().await {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(
                    connection = self.name(),
                    error = error.message,
                    "a lost change of a group could not be looked up"
                );
                return Err(self.look_later(intent, "the app could not be asked").await);
            }
        };
        let name = name_of(&aim.desired);
        let stands = self.store().record(self.name(), Kind::Group, &intent.resource).await?;
        let renames = intent.operation == "rename";
        if renames && stands.is_none() {
            return Ok(Ended::Overtaken);
        }
        let account = stands.as_ref().and_then(|record| record.account.clone());
        let shows = |group: &Group| {
            key(&group.name) == key(&name) && (!renames || Some(&group.id) == account.as_ref())
        };
        let Ok(found) = only(told, shows) else {
            self.close(intent, IntentState::NotApplied, "several groups of the app have the name").await;
            return Ok(Ended::Closed);
        };
        let Some(group) = found else {
            if self.shared.clock.elapsed(intent.created_at) < SETTLE {
                return Err(self.look_later(intent, "the app does not show it yet").await);
            }
            self.close(intent, IntentState::NotApplied, "the app never showed it").await;
            return Ok(Ended::Closed);
        };
        let mut record =
            stands.unwrap_or_else(|| Record { id: intent.resource.clone(), ..self.new_group(&name) });
        record.account = Some(group.id);
        describe(&mut record, &aim.desired);
        ask_for_name(&mut record);
        record.modified_at = self.now();
        if !renames {
            let unacknowledged_at = Some(self.now());
            GroupStanding { unacknowledged_at, ..GroupStanding::read(&record) }.write(&mut record);
        }
        self.save_group(&mut record, Some(intent)).await?;
        Ok(Ended::Closed)
    }

    /// Goes on with what became of a group itself.
    pub(in crate::provision) async fn resume_group(&self, intent: &Intent) -> Result<Ended> {
        let Ok(aim) = serde_json::from_str::<Aim>(&intent.plan) else { return Ok(Ended::Unreadable) };
        let _turn = match intent.operation.as_str() {
            "create" => self.turn(&group_name_turn(&name_of(&aim.desired))).await?,
            _ => self.turn(&intent.resource).await?,
        };
        if !self.is_newest(intent).await? {
            return Ok(Ended::Closed);
        }
        if intent.operation != "delete" {
            return self.seek_group(intent, &aim).await;
        }
        let Some(record) = self.group_still_there(&intent.resource).await? else {
            return Ok(Ended::Overtaken);
        };
        self.delete_under(record, intent).await.map(|()| Ended::Done)
    }

    /// The group that something is owed to; the app is asked again where a listing lacked it meanwhile.
    pub(in crate::provision) async fn group_still_there(&self, id: &str) -> Result<Option<Record>> {
        let known = self.store().record(self.name(), Kind::Group, id).await?;
        if known.is_some() {
            return Ok(known);
        }
        self.list_groups().await?;
        Ok(self.store().record(self.name(), Kind::Group, id).await?)
    }

    /// Deletes a group at the app under an intent, and here once the app no longer shows it.
    pub(super) async fn delete_under(&self, record: Record, intent: &Intent) -> Result<()> {
        let groups = self.app_groups(self.capabilities().groups.delete, "delete groups")?;
        if let Some(account) = &record.account
            && let Err(error) = self.delete_at_the_app(groups, account).await
        {
            return Err(self.settle_failed(intent, &error).await);
        }
        let (connection, group) = (self.name().to_owned(), record.id.clone());
        for _ in 0..3 {
            let mut record = self.group(&group).await?;
            let expected = Some(record.version);
            record.lifecycle = Lifecycle::Deleted;
            record.version += 1;
            record.modified_at = self.now();
            let writes = vec![
                Write::ClearMemberships { connection: connection.clone(), member: group.clone() },
                Write::ClearMembers { connection: connection.clone(), group: group.clone() },
                Write::Record { record: Box::new(record), expected },
                self.confirmed(intent),
            ];
            match self.store().commit(writes).await {
                Err(store::Error::Stale) => {}
                other => return Ok(other?),
            }
        }
        Err(refuse::still_working(self.policy.idp))
    }

    async fn delete_at_the_app(&self, groups: &dyn Groups, account: &str) -> contract::Result<()> {
        context::note_step("delete_group");
        let failed = match groups.delete_group(account).await {
            Ok(Outcome::Done(()) | Outcome::Already(()) | Outcome::Invited(()) | Outcome::Waiting(_)) => None,
            Err(error) if super::super::leaving::may_hide_a_success(error.kind) => Some(error),
            Err(error) => return Err(error),
        };
        for pause in PAUSES {
            if pause >= context::remaining(Duration::from_secs(25)) {
                break;
            }
            tokio::time::sleep(pause).await;
            if groups.groups().await?.iter().all(|group| group.id != account) {
                return Ok(());
            }
        }
        Err(failed.unwrap_or_else(|| {
            let app = self.capabilities().app;
            let message = format!("{app} took the deletion and still shows the group");
            contract::Error::new(contract::Kind::Unavailable, "delete_group", message)
        }))
    }

    /// Notes that the caller was told of a group that was created.
    pub(in crate::provision) async fn acknowledge_group(&self, id: &str) {
        for _ in 0..3 {
            let Ok(mut record) = self.group(id).await else { return };
            let mut standing = GroupStanding::read(&record);
            if standing.unacknowledged_at.take().is_none() {
                return;
            }
            standing.write(&mut record);
            let (expected, record) = (Some(record.version), Box::new(record));
            match self.store().commit(vec![Write::Unhurried, Write::Record { record, expected }]).await {
                Ok(()) => return,
                Err(store::Error::Stale) => {}
                Err(_) => break,
            }
        }
        tracing::warn!(connection = self.name(), "an answer that was given could not be noted");
    }
}

/// The one group for which `shows` holds; fails where there are several.
fn only(told: Vec<Group>, shows: impl Fn(&Group) -> bool) -> std::result::Result<Option<Group>, ()> {
    let mut found = told.into_iter().filter(|group| shows(group));
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(()),
        (found, None) => Ok(found),
    }
}

/// The queue of those who would give a group this name.
pub(super) fn group_name_turn(name: &str) -> String {
    format!("group-name:{}", key(name))
}

/// A caller gave the group the name it has.
pub(super) fn ask_for_name(record: &mut Record) {
    let asked_name = Some(record.label.clone());
    GroupStanding { asked_name, ..GroupStanding::read(record) }.write(record);
}

/// Takes over what a caller says of a group, and the keys it is found by.
pub(super) fn describe(record: &mut Record, desired: &Value) {
    let name = name_of(desired);
    record.desired = desired.to_string();
    record.external_id = external_id(desired);
    record.name_key = key(&name);
    record.display_key = Some(key(&name));
    record.label = name;
}
