//! Every account of the app beside what the gateway knows and what an operator's file says of it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::mapping;
use super::super::plan;
use super::super::policy::Policy;
use super::super::roster::Known;
use super::super::standing::Person;
use super::{Link, LinkRow, LinkState, of};
use crate::base::fold::key;
use crate::contract::{Account, State};
use crate::store::Record;

const TWINS: &str = "several accounts of the app are called so: say which by `account`";
const TWO_ROWS: &str = "several rows of the file name this account";

/// What is known beside the app's listing.
pub(super) struct Facts<'a> {
    pub policy: &'a Policy,
    /// Resources with work under way, and the folded names of creates that may have been applied.
    pub busy: BTreeSet<String>,
    /// Accounts whose resource a caller deleted.
    pub deleted: BTreeSet<String>,
}

/// One account and how it stands.
pub(super) struct Found {
    pub link: Link,
    pub account: Account,
    /// `None` where no listing has taken the account in yet.
    pub person: Option<Person>,
}

/// All there is to tell.
pub(super) struct Survey {
    /// In the app's order of ids.
    pub found: Vec<Found>,
    /// Resources whose account is not listed, and rows that have none.
    rest: Vec<Link>,
}

impl Survey {
    /// Looks at the app's complete listing, at every live record and at the rows of a file.
    pub(super) fn new(
        accounts: Vec<Account>,
        records: Vec<Record>,
        rows: &[LinkRow],
        facts: &Facts<'_>,
    ) -> Self {
        let names = Names::new(&records);
        let index = Index::new(&accounts);
        let listed = accounts.iter().map(|account| account.id.clone()).collect();
        let mut known = Known::new(records, &listed);
        let mut survey = Self { found: Vec::with_capacity(accounts.len()), rest: Vec::new() };
        for account in accounts {
            let person = known.take(&account).map(Person::read);
            let link = link(&account, person.as_ref(), &index, facts);
            survey.found.push(Found { link, account, person });
        }
        survey.rest.extend(known.by_account.into_values().map(Person::read).map(|person| unlisted(&person)));
        survey.match_rows(rows, &index);
        survey.refuse_taken_names(names);
        survey
    }

    /// Everything, accounts first.
    pub(super) fn links(&self) -> Vec<Link> {
        self.found.iter().map(|found| &found.link).chain(&self.rest).cloned().collect()
    }

    /// Whether each row of the file can be carried out, or is so already.
    pub(super) fn is_good(&self) -> bool {
        let links = self.found.iter().map(|found| &found.link).chain(&self.rest);
        links
            .filter(|link| link.line.is_some())
            .all(|link| matches!(link.state, LinkState::Linked | LinkState::Matched))
    }

    fn match_rows(&mut self, rows: &[LinkRow], index: &Index) {
        for row in rows {
            let place = match index.of(row).as_slice() {
                [] => Err((LinkState::Missing, "the app has no such account")),
                [place] => Ok(*place),
                [_, ..] => Err((LinkState::Ambiguous, TWINS)),
            };
            let (state, note) = match place {
                Ok(place) => {
                    let Some(found) = self.found.get_mut(place) else { continue };
                    if found.link.line.is_none() {
                        found.claim(row);
                        continue;
                    }
                    if matches!(found.link.state, LinkState::Matched | LinkState::Linked) {
                        (found.link.state, found.link.note) = (LinkState::Ambiguous, Some(TWO_ROWS));
                    }
                    (LinkState::Ambiguous, TWO_ROWS)
                }
                Err(told) => told,
            };
            self.rest.push(of_row(row, state, note));
        }
    }

    /// A name or an `externalId` that somebody else has, or that two rows ask for, cannot be given.
    fn refuse_taken_names(&mut self, mut names: Names) {
        for found in self.found.iter_mut().filter(|found| found.link.state == LinkState::Matched) {
            let own = found.link.resource.clone().unwrap_or_else(|| format!("account:{}", found.account.id));
            if let Some(note) = names.take(&found.link, &own) {
                (found.link.state, found.link.note) = (LinkState::Conflict, Some(note));
            }
        }
    }
}

impl Found {
    /// What a row makes of the account it names.
    fn claim(&mut self, row: &LinkRow) {
        let link = &mut self.link;
        link.line = Some(row.line);
        let other_address = |email: &String| link.email.as_deref().map(key) != Some(key(email));
        if row.account.is_some() && row.email.as_ref().is_some_and(other_address) {
            (link.state, link.note) =
                (LinkState::Conflict, Some("the account has another address than the row"));
            return;
        }
        match link.state {
            LinkState::Linked => {
                let differs = |asked: &Option<String>, stands: &Option<String>| {
                    asked.is_some() && asked.as_deref().map(key) != stands.as_deref().map(key)
                };
                if row.external_id.as_ref().is_some_and(|asked| Some(asked) != link.external_id.as_ref())
                    || differs(&row.user_name, &link.user_name)
                {
                    let note = "it is linked already, with another `externalId` or `userName`";
                    (link.state, link.note) = (LinkState::Conflict, Some(note));
                }
            }
            // Which of them is meant is said by its own id.
            LinkState::Ambiguous if row.account.is_none() => {}
            LinkState::Adoptable | LinkState::Ambiguous => {
                (link.state, link.note) = (LinkState::Matched, None);
                link.external_id.clone_from(&row.external_id);
                if row.user_name.is_some() {
                    link.user_name.clone_from(&row.user_name);
                }
            }
            LinkState::Protected | LinkState::Conflict | LinkState::Matched | LinkState::Missing => {}
        }
    }
}

/// Where accounts are, by everything a row may call them.
struct Index {
    ids: BTreeMap<String, usize>,
    emails: BTreeMap<String, Vec<usize>>,
    names: BTreeMap<String, Vec<usize>>,
}

impl Index {
    fn new(accounts: &[Account]) -> Self {
        let mut index = Self { ids: BTreeMap::new(), emails: BTreeMap::new(), names: BTreeMap::new() };
        for (place, account) in accounts.iter().enumerate() {
            index.ids.insert(account.id.clone(), place);
            let email = account.email.as_deref().map(key);
            let login = account.user_name.as_deref().map(key).or_else(|| email.clone());
            if let Some(email) = email {
                index.emails.entry(email).or_default().push(place);
            }
            if let Some(login) = login {
                index.names.entry(login).or_default().push(place);
            }
        }
        index
    }

    /// The accounts a row may mean: by id, else by address, else by name.
    fn of(&self, row: &LinkRow) -> Vec<usize> {
        if let Some(account) = &row.account {
            return self.ids.get(account).copied().into_iter().collect();
        }
        match (&row.email, &row.user_name) {
            (Some(email), _) => self.emails.get(&key(email)).cloned().unwrap_or_default(),
            (None, Some(name)) => self.names.get(&key(name)).cloned().unwrap_or_default(),
            (None, None) => Vec::new(),
        }
    }

    fn has_twins(&self, account: &Account) -> bool {
        let email = account.email.as_deref().map(key);
        email.and_then(|email| self.emails.get(&email)).is_some_and(|places| places.len() > 1)
    }
}

/// Whose the names are.
struct Names {
    by_name: BTreeMap<String, String>,
    by_external_id: BTreeMap<String, String>,
}

impl Names {
    fn new(records: &[Record]) -> Self {
        let external_id = |record: &Record| Some((record.external_id.clone()?, record.id.clone()));
        Self {
            by_name: records.iter().map(|record| (record.name_key.clone(), record.id.clone())).collect(),
            by_external_id: records.iter().filter_map(external_id).collect(),
        }
    }

    /// Gives the names of a link to `own`, or says why that cannot be.
    fn take(&mut self, link: &Link, own: &str) -> Option<&'static str> {
        let is_anothers = |owner: Option<&String>| owner.is_some_and(|owner| owner != own);
        let name = link.user_name.as_deref().map(key).unwrap_or_default();
        if is_anothers(self.by_name.get(&name)) {
            return Some("the `userName` is taken by another resource: give another one in the file");
        }
        if is_anothers(link.external_id.as_ref().and_then(|id| self.by_external_id.get(id))) {
            return Some("the `externalId` is taken by another resource");
        }
        self.by_name.insert(name, own.to_owned());
        if let Some(id) = &link.external_id {
            self.by_external_id.insert(id.clone(), own.to_owned());
        }
        None
    }
}

/// How an account stands before any row is looked at.
fn link(account: &Account, person: Option<&Person>, index: &Index, facts: &Facts<'_>) -> Link {
    let mut link = match person {
        Some(person) => of(person),
        None => of_account(account),
    };
    link.account = Some(account.id.clone());
    if account.email.is_some() {
        link.email.clone_from(&account.email);
    }
    (link.state, link.note) = state(account, person, index, facts);
    link
}

fn state(
    account: &Account,
    person: Option<&Person>,
    index: &Index,
    facts: &Facts<'_>,
) -> (LinkState, Option<&'static str>) {
    if person.is_some_and(|person| !person.standing.adopted) {
        return (LinkState::Linked, None);
    }
    let called: Vec<String> =
        [&account.email, &account.user_name].into_iter().flatten().map(|name| key(name)).collect();
    let protected = called.iter().any(|name| facts.policy.protected.contains(name))
        || person.is_some_and(|person| plan::is_protected(person, facts.policy));
    if protected {
        return (LinkState::Protected, Some("`policy.protected` names it"));
    }
    let busy = called.iter().chain(person.map(|person| &person.record.id));
    if busy.into_iter().any(|name| facts.busy.contains(name)) {
        return (LinkState::Conflict, Some("a request about it is under way: try again in a moment"));
    }
    if person.is_none() && facts.deleted.contains(&account.id) && account.state() == State::Inactive {
        return (LinkState::Conflict, Some("a caller deleted it: a new create brings it back"));
    }
    if index.has_twins(account) {
        return (LinkState::Ambiguous, Some(TWINS));
    }
    (LinkState::Adoptable, None)
}

/// A resource whose account the app does not list; an invitation need not be listed.
fn unlisted(person: &Person) -> Link {
    let mut link = of(person);
    let invited = person.observed.as_ref().is_some_and(|account| account.state() == State::Invited);
    if !invited {
        (link.state, link.note) = (LinkState::Missing, Some("the app does not list its account"));
    }
    link
}

/// An account that no listing has taken in yet.
fn of_account(account: &Account) -> Link {
    let resource = mapping::adopted(account);
    Link {
        state: LinkState::Adoptable,
        line: None,
        account: Some(account.id.clone()),
        email: account.email.clone(),
        user_name: resource.get("userName").and_then(Value::as_str).map(str::to_owned),
        external_id: None,
        resource: None,
        first_seen: None,
        note: None,
    }
}

/// A row that is no account's.
fn of_row(row: &LinkRow, state: LinkState, note: &'static str) -> Link {
    Link {
        state,
        line: Some(row.line),
        account: row.account.clone(),
        email: row.email.clone(),
        user_name: row.user_name.clone(),
        external_id: row.external_id.clone(),
        resource: None,
        first_seen: None,
        note: Some(note),
    }
}
