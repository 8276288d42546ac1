//! Rosters of apps without an interface: what one would change, and taking it in.

use std::collections::{BTreeMap, BTreeSet};

use super::Result;
use super::connection::Connection;
use super::roster::{Absorb, Missing};
use super::standing::{About, Person, Waiting};
use super::users::invalid;
use crate::base::clock::Timestamp;
use crate::base::fold::key;
use crate::contract::{Account, Role, State};
use crate::store::{Key, Kind, Lifecycle, Task, TaskState, Write};

/// What a roster import would change, or has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    pub rows: usize,
    pub new: usize,
    /// Known accounts that are missing from the roster.
    pub missing: usize,
    /// Everybody who is new, missing or told otherwise, by address.
    pub people: Vec<PersonDifference>,
    /// The open tasks that the roster shows as done.
    pub done: Vec<Task>,
}

/// What a roster says of one person that was not known before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PersonDifference {
    pub email: String,
    pub how: Differs,
}

/// How somebody differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Differs {
    Added,
    /// What it is about, what was known and what the roster says.
    Changed(Vec<(&'static str, String, String)>),
    Missing,
}

/// What a roster is compared with.
struct Known {
    people: Vec<Person>,
    tasks: Vec<Task>,
}

impl Known {
    fn linked(&self) -> impl Iterator<Item = (&str, &Person)> {
        self.people.iter().filter_map(|person| Some((person.record.account.as_deref()?, person)))
    }

    fn difference(&self, accounts: &[Account], began: Timestamp) -> Difference {
        let listed: BTreeMap<&str, &Account> =
            accounts.iter().map(|account| (account.id.as_str(), account)).collect();
        let linked: BTreeMap<&str, &Person> = self.linked().collect();
        let mut difference = Difference { rows: accounts.len(), ..Difference::default() };
        for (id, account) in &listed {
            let how = match linked.get(id) {
                None => Differs::Added,
                Some(person) => match changes(person, account) {
                    changes if changes.is_empty() => continue,
                    changes => Differs::Changed(changes),
                },
            };
            difference.new += usize::from(how == Differs::Added);
            let email = account.email.clone().unwrap_or_else(|| account.id.clone());
            difference.people.push(PersonDifference { email, how });
        }
        for (id, person) in linked.iter().filter(|(id, _)| !listed.contains_key(*id)) {
            difference.missing += 1;
            let told = person.observed.as_ref().and_then(|account| account.email.clone());
            let email = told.unwrap_or_else(|| (*id).to_owned());
            difference.people.push(PersonDifference { email, how: Differs::Missing });
        }
        difference.people.sort();
        let shown = |task: &&Task| self.is_shown_done(task, &listed, began);
        difference.done = self.tasks.iter().filter(shown).cloned().collect();
        difference
    }

    /// Whether taking the roster in will close a task.
    fn is_shown_done(&self, task: &Task, listed: &BTreeMap<&str, &Account>, began: Timestamp) -> bool {
        let Some(person) = self.people.iter().find(|person| person.record.id == task.resource) else {
            return false;
        };
        let Some(waiting) = waiting(person, task) else { return false };
        let names = person.record.email_keys.iter().chain([&person.record.name_key]).map(String::as_str);
        let row = person.record.account.as_deref().into_iter().chain(names).find_map(|name| listed.get(name));
        task.created_at < began
            && match &waiting.about {
                About::Invite => row.is_some(),
                About::Remove => row.is_none() && person.record.account.is_some(),
                About::Role(role) => {
                    row.is_some_and(|account| role_of(account).is_some_and(|held| key(held) == key(role)))
                }
            }
    }
}

fn waiting<'a>(person: &'a Person, task: &Task) -> Option<&'a Waiting> {
    person.standing.waiting.iter().find(|waiting| waiting.ticket == task.id)
}

fn role_of(account: &Account) -> Option<&str> {
    account.roles.iter().flatten().next().map(|role: &Role| role.value.as_str())
}

/// What the roster says otherwise; what it does not say is no change.
fn changes(person: &Person, told: &Account) -> Vec<(&'static str, String, String)> {
    let known = person.observed.clone().unwrap_or_default();
    let state = |account: &Account| match account.state() {
        State::Active => "active",
        State::Invited => "invited",
        State::Inactive => "inactive",
    };
    [
        ("name", known.display_name.as_deref(), told.display_name.as_deref()),
        ("role", role_of(&known), role_of(told)),
        ("status", Some(state(&known)), Some(state(told))),
    ]
    .into_iter()
    .filter(|(_, was, is)| is.is_some() && was != is)
    .map(|(what, was, is)| (what, was.unwrap_or_default().to_owned(), is.unwrap_or_default().to_owned()))
    .collect()
}

impl Connection {
    /// Takes in the roster of an app that has no interface. With `dry_run` nothing is written.
    ///
    /// # Errors
    /// 400 when the roster would lose more than 30 % of the known accounts and `force` is not given; a dry run tells
    /// what it would lose instead.
    pub async fn import_roster(
        &self,
        accounts: Vec<Account>,
        dry_run: bool,
        force: bool,
    ) -> Result<Difference> {
        let began = self.now();
        let records = self.store().scan(self.name(), Kind::User, 0, i64::MAX.unsigned_abs()).await?;
        let known = Known {
            people: records.into_iter().map(Person::read).collect(),
            tasks: self.store().tasks(Some(self.name()), true).await?,
        };
        let difference = known.difference(&accounts, began);
        let linked = known.linked().count();
        if difference.missing * 10 > linked * 3 && !force && !dry_run {
            return Err(invalid(format!(
                "the roster lacks {} of {linked} known accounts; repeat the import with --force if that is right",
                difference.missing
            )));
        }
        let mut difference = difference;
        let gone = self.removals_of_the_deleted(&accounts, began).await?;
        difference.done.extend(gone.iter().cloned());
        if !dry_run {
            let how = Absorb { began, missing: Missing::Believed };
            self.absorb_accounts(&accounts, how).await?;
            self.close_confirmed(began).await?;
            for task in gone {
                let _turn = self.turn(&task.resource).await?;
                self.store().commit(vec![self.closed_by_roster(task.dedupe, began)]).await?;
            }
        }
        Ok(difference)
    }

    /// The open removals of people who were deleted here, whom a roster showed once and this one does not.
    async fn removals_of_the_deleted(&self, accounts: &[Account], began: Timestamp) -> Result<Vec<Task>> {
        let listed: BTreeSet<&str> = accounts.iter().map(|account| account.id.as_str()).collect();
        let mut gone = Vec::new();
        for task in self.store().tasks(Some(self.name()), true).await? {
            let address = key(&task.person);
            if task.kind != About::Remove.kind()
                || task.created_at >= began
                || listed.contains(address.as_str())
            {
                continue;
            }
            let known = self.store().find(self.name(), Kind::User, &Key::Account(address)).await?;
            if known.iter().any(|one| one.id == task.resource && one.lifecycle == Lifecycle::Deleted) {
                gone.push(task);
            }
        }
        Ok(gone)
    }

    fn closed_by_roster(&self, dedupe: String, imported_at: Timestamp) -> Write {
        Write::CloseTask {
            connection: self.name().to_owned(),
            dedupe,
            state: TaskState::Done,
            at: self.now(),
            by: "roster".to_owned(),
            note: None,
            evidence: Some(format!("the roster of {imported_at}")),
        }
    }

    /// Tasks a newer roster shows as done are done.
    async fn close_confirmed(&self, imported_at: Timestamp) -> Result<()> {
        for task in self.store().tasks(Some(self.name()), true).await? {
            let _turn = self.turn(&task.resource).await?;
            let Some(record) = self.store().record(self.name(), Kind::User, &task.resource).await? else {
                continue;
            };
            let mut person = Person::read(record);
            let done = task.created_at < imported_at
                && match waiting(&person, &task).map(|waiting| &waiting.about) {
                    Some(About::Invite) => person.record.account.is_some(),
                    // Somebody no roster ever showed is not gone for not being in this one.
                    Some(About::Remove) => person.standing.gone_at.is_some(),
                    Some(About::Role(role)) => super::plan::has_role(&person, role),
                    None => false,
                };
            if !done {
                continue;
            }
            self.fulfil(&mut person, &task);
            let expected = Some(person.record.version);
            person.record.version += 1;
            let writes = vec![
                Write::Record { record: Box::new(person.into_record()), expected },
                self.closed_by_roster(task.dedupe, imported_at),
            ];
            self.store().commit(writes).await?;
        }
        Ok(())
    }
}
