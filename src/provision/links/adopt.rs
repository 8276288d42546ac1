//! Linking accounts that were there before: what it would come to, and doing it, whole or not at all.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::connection::Connection;
use super::super::standing::Person;
use super::super::users::{Aim, index};
use super::super::{Result, mapping, refuse};
use super::survey::{Facts, Found, Survey};
use super::{Adoption, Link, LinkRow, LinkState};
use crate::base::fold::key;
use crate::contract::{Account, State};
use crate::store::{self, Intents, Key, Kind, Lifecycle, Record, Write};

/// How often a file is tried while a serving gateway changes the same people.
const TRIES: usize = 3;

impl Connection {
    /// What every account of the app is linked to, and what `rows` would change; `rows` may be empty. Lists the app
    /// completely where it can be listed, and writes nothing.
    ///
    /// # Errors
    /// As a listing fails.
    pub async fn preview_links(&self, rows: &[LinkRow]) -> Result<Vec<Link>> {
        Ok(self.survey(rows).await?.links())
    }

    /// Gives each account the `externalId` and `userName` of its row and links it; what the preview of the same rows
    /// shows is what is done, in one commit. A second run finds nothing to do. The app is only read.
    ///
    /// # Errors
    /// As a listing fails, and 412 where people are changed by requests again and again meanwhile.
    pub async fn adopt_links(&self, rows: &[LinkRow]) -> Result<Adoption> {
        for last in (0..TRIES).rev() {
            let survey = self.survey(rows).await?;
            if !survey.is_good() {
                return Ok(Adoption::Refused(survey.links()));
            }
            let mut writes = Vec::new();
            for found in survey.found.iter().filter(|found| found.link.state == LinkState::Matched) {
                writes.extend(self.adoption_writes(found).await?);
            }
            match self.store().commit(writes).await {
                Err(store::Error::Stale | store::Error::NameTaken) if last > 0 => {}
                other => {
                    other?;
                    return Ok(Adoption::Done(survey.links()));
                }
            }
        }
        Err(store::Error::Stale.into())
    }

    async fn survey(&self, rows: &[LinkRow]) -> Result<Survey> {
        let listed = if self.capabilities().list {
            let told = self.all_accounts().await;
            Some(told.map_err(|error| refuse::not_applied(&error, self.policy.idp))?)
        } else {
            None
        };
        let records = self.store().scan(self.name(), Kind::User, 0, i64::MAX.unsigned_abs()).await?;
        // The store is the only truth about an app that cannot be listed.
        let accounts = listed.unwrap_or_else(|| records.iter().filter_map(known_account).collect());
        let linked: BTreeSet<&String> = records.iter().filter_map(|record| record.account.as_ref()).collect();
        let mut deleted = BTreeSet::new();
        for account in accounts.iter().filter(|account| !linked.contains(&account.id)) {
            let found = self.store().find(self.name(), Kind::User, &Key::Account(account.id.clone())).await?;
            if found.iter().any(|record| record.lifecycle == Lifecycle::Deleted) {
                deleted.insert(account.id.clone());
            }
        }
        let facts = Facts { policy: &self.policy, busy: self.busy().await?, deleted };
        Ok(Survey::new(accounts, records, rows, &facts))
    }

    /// The resources with work under way, and the folded names of creates that may have been applied.
    async fn busy(&self) -> Result<BTreeSet<String>> {
        let open = self.store().intents(&Intents::AllOpen(Some(self.name().to_owned()))).await?;
        let mut busy = BTreeSet::new();
        for intent in open.into_iter().filter(|intent| intent.kind == Kind::User) {
            if let (true, Ok(aim)) = (intent.operation == "create", serde_json::from_str::<Aim>(&intent.plan))
            {
                busy.extend(aim.desired.get("userName").and_then(Value::as_str).map(key));
                busy.extend(mapping::address(&aim.desired).as_deref().map(key));
            }
            busy.insert(intent.resource);
        }
        Ok(busy)
    }

    /// The record of an account as its row wants it.
    async fn adoption_writes(&self, found: &Found) -> Result<Vec<Write>> {
        let Found { link, account, person } = found;
        let expected = person.as_ref().map(|person| person.record.version);
        let mut person = person.clone().unwrap_or_else(|| self.adopted_person(account.clone()));
        if self.capabilities().list {
            let mut told = person.observed.clone().unwrap_or_default();
            told.merge(account.clone());
            told.state = account.state.or(Some(State::Active));
            person.standing.gone_at = None;
            self.observe(&mut person, told);
        }
        person.desired = mapping::adopted(account);
        if let Some(user_name) = &link.user_name {
            person.desired["userName"] = json!(user_name);
        }
        if let Some(external_id) = &link.external_id {
            person.desired["externalId"] = json!(external_id);
        }
        person.standing.adopted = false;
        index(&mut person);
        if expected.is_some() {
            person.record.version += 1;
            person.record.modified_at = self.now();
        }
        let memberships = self.membership_writes(&person).await?;
        person.record.groups.clear();
        let mut writes = vec![Write::Record { record: Box::new(person.into_record()), expected }];
        writes.extend(memberships);
        Ok(writes)
    }
}

/// The account of a record, as the app or a person last told it.
fn known_account(record: &Record) -> Option<Account> {
    record.account.as_ref()?;
    Some(Person::read(record.clone()).account())
}
