//! Taking links back: the resource stays and shows the account as the app tells it, as if no caller had asked for it.

use std::collections::BTreeSet;

use super::super::apply::dedupe;
use super::super::connection::Connection;
use super::super::standing::{About, Person};
use super::super::users::index;
use super::super::{Result, mapping};
use super::Unlinking;
use crate::contract::Held;
use crate::store::{Intents, Kind, Write};

impl Connection {
    /// Unlinks the resources with these SCIM ids, all of them or none: what callers wrote and what a reactivation would
    /// have restored is forgotten; invitations and changes of role that wait for a person are called off. The SCIM id
    /// stays. The app is not asked. A resource that nobody has linked is nothing to do.
    ///
    /// # Errors
    /// 409 where the name of an account is taken by another resource, 412 where a request changes somebody meanwhile.
    pub async fn unlink(&self, ids: &[String]) -> Result<Unlinking> {
        let ids: BTreeSet<&String> = ids.iter().collect();
        let (mut writes, mut refused, mut unlinked) = (Vec::new(), Vec::new(), 0);
        let mut turns = Vec::new();
        for id in ids {
            turns.push(self.turn(id).await?);
            let Some(record) = self.store().record(self.name(), Kind::User, id).await? else {
                refused.push((id.clone(), "this connection has no such person"));
                continue;
            };
            let person = Person::read(record);
            if person.standing.adopted {
                continue;
            }
            if let Some(reason) = self.why_not_unlink(&person).await? {
                refused.push((id.clone(), reason));
            } else {
                writes.extend(self.unlink_writes(person));
                unlinked += 1;
            }
        }
        if !refused.is_empty() {
            return Ok(Unlinking::Refused(refused));
        }
        self.store().commit(writes).await?;
        Ok(Unlinking::Done(unlinked))
    }

    /// What was promised about a person is kept first.
    async fn why_not_unlink(&self, person: &Person) -> Result<Option<&'static str>> {
        if person.record.account.is_none() {
            return Ok(Some("it has no account: delete it through SCIM"));
        }
        let which = Intents::Open { connection: self.name().to_owned(), resource: person.record.id.clone() };
        if !self.store().intents(&which).await?.is_empty() || person.standing.unsettled_at.is_some() {
            return Ok(Some("a request about it is under way: wait until it is done"));
        }
        let open = self.store().tasks(Some(self.name()), true).await?;
        let promised = |kind: &str| matches!(kind, "remove" | "attention");
        if open.iter().any(|task| task.resource == person.record.id && promised(&task.kind)) {
            return Ok(Some("a task to take its access away is open: complete it first"));
        }
        Ok(None)
    }

    fn unlink_writes(&self, mut person: Person) -> Vec<Write> {
        let mut writes = Vec::new();
        for waiting in std::mem::take(&mut person.standing.waiting) {
            match waiting.about {
                About::Invite | About::Role(_) => {
                    writes.push(self.closing(dedupe(&person, &waiting.about), "the resource was unlinked"));
                }
                About::Remove => person.standing.waiting.push(waiting),
            }
        }
        let mut account = person.account();
        if self.capabilities().accounts.external_id == Held::No {
            account.external_id = None;
        }
        person.desired = mapping::adopted(&account);
        person.standing.adopted = true;
        person.standing.remembered = None;
        person.standing.unacknowledged_at = None;
        index(&mut person);
        let expected = Some(person.record.version);
        person.record.version += 1;
        person.record.modified_at = self.now();
        writes.push(Write::Record { record: Box::new(person.into_record()), expected });
        writes
    }
}
