//! An app that does as it is told: it records every call, and can fail, lie, lose its answer, act late or hold still.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::base::lane::{self, Lane};
use crate::contract::{
    Account, Adapter, By, Capabilities, Change, Create, Deactivate, Draft, Error, Group, Groups, Kind,
    Member, Outcome, Page, Request, Result, Role, Standing, State,
};

/// What goes wrong with one call.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// Nothing is done, and the app says so.
    Fails(Kind),
    /// It is done, and the app says that it failed.
    Breaks,
    /// It is done, and the answer is lost.
    Loses,
    /// The answer is lost, and it is done only when [`ScriptedApp::catch_up`] is called.
    ActsLate,
    /// It is not done, and the app says it was.
    Lies,
    /// It goes on as usual once somebody notifies.
    Waits(Arc<Notify>),
    /// As [`Fault::Waits`], but the answer is what stood when the call came.
    AnswersOld(Arc<Notify>),
    Panics,
}

type Late = Box<dyn FnOnce(&mut Content) + Send>;

#[derive(Default)]
pub(super) struct Content {
    pub accounts: BTreeMap<String, Account>,
    pub groups: Vec<Group>,
    calls: Vec<String>,
    lanes: Vec<(String, Lane)>,
    faults: BTreeMap<&'static str, VecDeque<Fault>>,
    broken: BTreeMap<&'static str, Kind>,
    refused: Option<String>,
    /// Operations that say they are done and are so a while later.
    delayed: BTreeMap<&'static str, Duration>,
    /// How long what was created is not shown, and since when what is.
    lag: Duration,
    shown_from: BTreeMap<String, Instant>,
    /// The listing has one account twice.
    pub repeats: bool,
    down: bool,
    late: Vec<Late>,
    minted: usize,
}

pub(super) struct ScriptedApp {
    capabilities: Capabilities,
    content: Mutex<Content>,
    itself: Weak<Self>,
    /// Notified with every call.
    pub called: Notify,
}

impl std::fmt::Debug for ScriptedApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScriptedApp")
    }
}

impl Content {
    /// What was ordered to go wrong goes well.
    pub(super) fn forget_faults(&mut self) {
        self.faults.clear();
    }
}

impl ScriptedApp {
    pub(super) fn new(capabilities: Capabilities) -> Arc<Self> {
        Arc::new_cyclic(|itself| Self {
            capabilities,
            content: Mutex::default(),
            itself: itself.clone(),
            called: Notify::new(),
        })
    }

    pub(super) fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next call of `operation` goes wrong; several are taken in turn.
    pub(super) fn next(&self, operation: &'static str, fault: Fault) {
        self.content().faults.entry(operation).or_default().push_back(fault);
    }

    /// Every call of `operation` fails so, or none any more.
    pub(super) fn always(&self, operation: &'static str, kind: Option<Kind>) {
        let broken = &mut self.content().broken;
        match kind {
            Some(kind) => drop(broken.insert(operation, kind)),
            None => drop(broken.remove(operation)),
        }
    }

    /// `operation` is answered at once, and done after this long.
    pub(super) fn takes_effect_after(&self, operation: &'static str, late: Duration) {
        self.content().delayed.insert(operation, late);
    }

    /// What is created is there at once, and shown after this long.
    pub(super) fn shows_after(&self, lag: Duration) {
        self.content().lag = lag;
    }

    /// No fault that was ordered for a next call comes any more.
    pub(super) fn forget_faults(&self) {
        self.content().faults.clear();
    }

    /// Whatever is asked about this account is refused as invalid, save looking at it.
    pub(super) fn refuses(&self, account: &str) {
        self.content().refused = Some(account.to_owned());
    }

    /// The operations that were called since the last time, and the lane each came in.
    pub(super) fn lanes(&self) -> Vec<(String, Lane)> {
        std::mem::take(&mut self.content().lanes)
    }

    /// Every call fails as unavailable, or no longer.
    pub(super) fn down(&self, down: bool) {
        self.content().down = down;
    }

    /// What was lost on the way happens now.
    pub(super) fn catch_up(&self) {
        let mut content = self.content();
        for late in std::mem::take(&mut content.late) {
            late(&mut content);
        }
    }

    /// The calls since the last time, each as `operation` and what it was about.
    pub(super) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.content().calls)
    }

    /// The calls since the last time that would change something.
    pub(super) fn writes(&self) -> Vec<String> {
        let reads = ["account", "check", "groups", "members"];
        self.calls().into_iter().filter(|call| !reads.iter().any(|read| call.starts_with(read))).collect()
    }

    /// An account that is there without our doing.
    pub(super) fn put(&self, id: &str, email: &str, state: State, role: &str) {
        let account = Account {
            id: id.to_owned(),
            email: Some(email.to_owned()),
            state: Some(state),
            roles: Some(vec![Role { value: role.to_owned(), display: None }]),
            groups: self.capabilities.groups.are_roles.then(|| vec![format!("role:{role}")]),
            ..Account::default()
        };
        self.content().accounts.insert(id.to_owned(), account);
    }

    pub(super) fn state(&self, id: &str) -> Option<State> {
        self.content().accounts.get(id).map(Account::state)
    }

    pub(super) fn role(&self, id: &str) -> Option<String> {
        Some(self.content().accounts.get(id)?.roles.as_ref()?.first()?.value.clone())
    }

    pub(super) fn groups_of(&self, id: &str) -> Vec<String> {
        self.content().accounts.get(id).and_then(|account| account.groups.clone()).unwrap_or_default()
    }

    /// Accounts that give access, by address.
    pub(super) fn working(&self, email: &str) -> usize {
        let content = self.content();
        let has = |account: &&Account| {
            account.email.as_deref() == Some(email) && account.state() != State::Inactive
        };
        content.accounts.values().filter(has).count()
    }

    fn enter(&self, operation: &'static str, about: &str) -> Result<Option<Fault>> {
        let fault = {
            let mut content = self.content();
            content.calls.push(format!("{operation} {about}").trim().to_owned());
            content.lanes.push((operation.to_owned(), lane::current()));
            if content.down {
                Some(Fault::Fails(Kind::Unavailable))
            } else if operation != "account" && content.refused.as_deref() == Some(about) {
                Some(Fault::Fails(Kind::Invalid))
            } else if let Some(kind) = content.broken.get(operation) {
                Some(Fault::Fails(*kind))
            } else {
                content.faults.get_mut(operation).and_then(VecDeque::pop_front)
            }
        };
        self.called.notify_one();
        match fault {
            Some(Fault::Fails(kind)) => Err(Error::new(kind, operation, "scripted")),
            Some(Fault::Panics) => panic!("scripted"),
            fault => Ok(fault),
        }
    }

    async fn write<T: Send>(
        &self,
        operation: &'static str,
        about: &str,
        effect: impl Fn(&mut Content) -> Result<T> + Send + Sync + 'static,
        lie: impl FnOnce() -> T + Send,
    ) -> Result<T> {
        let lost = || Err(Error::new(Kind::Unknown, operation, "the answer is lost"));
        match self.enter(operation, about)? {
            Some(Fault::Waits(gate) | Fault::AnswersOld(gate)) => gate.notified().await,
            Some(Fault::Loses) => {
                drop(effect(&mut self.content()));
                return lost();
            }
            Some(Fault::Breaks) => {
                drop(effect(&mut self.content()));
                return Err(Error::new(Kind::Unavailable, operation, "scripted"));
            }
            Some(Fault::ActsLate) => {
                self.content().late.push(Box::new(move |content| drop(effect(content))));
                return lost();
            }
            Some(Fault::Lies) => return Ok(lie()),
            Some(Fault::Fails(_) | Fault::Panics) | None => {}
        }
        let delayed = self.content().delayed.get(operation).copied();
        if let (Some(late), Some(app)) = (delayed, self.itself.upgrade()) {
            tokio::spawn(async move {
                tokio::time::sleep(late).await;
                drop(effect(&mut app.content()));
            });
            return Ok(lie());
        }
        effect(&mut self.content())
    }

    async fn read<T: Send>(
        &self,
        operation: &'static str,
        about: &str,
        look: impl Fn(&Content) -> T + Send,
    ) -> Result<T> {
        match self.enter(operation, about)? {
            Some(Fault::AnswersOld(gate)) => {
                let old = look(&self.content());
                gate.notified().await;
                return Ok(old);
            }
            Some(Fault::Waits(gate)) => gate.notified().await,
            Some(
                Fault::Breaks
                | Fault::Loses
                | Fault::ActsLate
                | Fault::Lies
                | Fault::Fails(_)
                | Fault::Panics,
            )
            | None => {}
        }
        Ok(look(&self.content()))
    }

    fn shown<'a>(&self, content: &'a Content) -> impl Iterator<Item = &'a Account> {
        let hides = !self.capabilities.accounts.shows_invited;
        let now = Instant::now();
        let is_new = move |id: &String| content.shown_from.get(id).is_some_and(|from| now < *from);
        let shown = move |account: &&Account| !hides || account.state() != State::Invited;
        content.accounts.values().filter(move |account| !is_new(&account.id) && shown(account))
    }

    fn by_hand<T>(&self, what: &str) -> Option<Outcome<T>> {
        (self.capabilities.deactivate == Deactivate::Task).then(|| Outcome::Waiting(Request::new(what)))
    }
}

fn not_there(operation: &'static str) -> Error {
    Error::new(Kind::NotFound, operation, "there is no such account")
}

#[async_trait]
impl Adapter for ScriptedApp {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn check(&self) -> Result<Standing> {
        self.read("check", "", |_| ()).await?;
        Ok(Standing { summary: "scripted".to_owned(), warnings: Vec::new() })
    }

    async fn account(&self, by: By<'_>) -> Result<Option<Account>> {
        let (By::Id(wanted) | By::Email(wanted)) = by;
        let found: Vec<Account> = self
            .read("account", wanted, |content| {
                let wanted = |account: &&Account| match by {
                    By::Id(id) => account.id == id,
                    By::Email(email) => account.email.as_deref() == Some(email),
                };
                self.shown(content).filter(wanted).cloned().collect()
            })
            .await?;
        match found.as_slice() {
            [_, _, ..] => Err(Error::new(Kind::Ambiguous, "account", "two have the address")),
            found => Ok(found.first().cloned()),
        }
    }

    async fn accounts(&self, _cursor: Option<&str>) -> Result<Page<Account>> {
        let items = self
            .read("accounts", "", |content| {
                let again = self.shown(content).take(usize::from(content.repeats));
                self.shown(content).chain(again).cloned().collect()
            })
            .await?;
        Ok(Page { items, next: None })
    }

    async fn create_account(&self, draft: &Draft) -> Result<Outcome<Account>> {
        if let Some(waiting) = self.by_hand("invite") {
            return Ok(waiting);
        }
        let (made, invites) = (draft.clone(), self.capabilities.create == Create::Invite);
        let (unique, are_roles) =
            (self.capabilities.accounts.email_unique, self.capabilities.groups.are_roles);
        let effect = move |content: &mut Content| {
            if unique && content.accounts.values().any(|account| account.email == made.email) {
                return Err(Error::new(Kind::Conflict, "create_account", "the address is taken"));
            }
            content.minted += 1;
            let account = Account {
                id: format!("a{}", content.minted),
                email: made.email.clone(),
                given_name: made.given_name.clone(),
                family_name: made.family_name.clone(),
                state: Some(if invites { State::Invited } else { State::Active }),
                roles: Some(
                    made.roles.iter().map(|role| Role { value: role.clone(), display: None }).collect(),
                ),
                groups: Some(if are_roles {
                    made.roles.iter().map(|role| format!("role:{role}")).collect()
                } else {
                    made.groups.clone()
                }),
                ..Account::default()
            };
            content.accounts.insert(account.id.clone(), account.clone());
            let from = Instant::now() + content.lag;
            content.shown_from.insert(account.id.clone(), from);
            Ok(if invites { Outcome::Invited(account) } else { Outcome::Done(account) })
        };
        let lie = || Outcome::Done(Account { id: "nobody".to_owned(), ..Account::default() });
        self.write("create_account", draft.email.as_deref().unwrap_or_default(), effect, lie).await
    }

    async fn update_account(&self, current: &Account, change: &Change) -> Result<Outcome<Account>> {
        if let Some(waiting) = self.by_hand("change the role") {
            return Ok(waiting);
        }
        let (id, change, are_roles) =
            (current.id.clone(), change.clone(), self.capabilities.groups.are_roles);
        let effect = move |content: &mut Content| {
            let account = content.accounts.get_mut(&id).ok_or_else(|| not_there("update_account"))?;
            let given = change.roles.as_ref().filter(|_| are_roles);
            let groups = given.map(|roles| roles.iter().map(|role| format!("role:{role}")).collect());
            let roles = change
                .roles
                .as_ref()
                .map(|roles| roles.iter().map(|role| Role { value: role.clone(), display: None }).collect());
            account.merge(Account {
                email: change.email.clone(),
                given_name: change.given_name.clone(),
                family_name: change.family_name.clone(),
                roles,
                groups,
                ..Account::default()
            });
            Ok(Outcome::Done(account.clone()))
        };
        self.write("update_account", &current.id, effect, || Outcome::Done(current.clone())).await
    }

    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>> {
        if let Some(waiting) = self.by_hand("remove") {
            return Ok(waiting);
        }
        let (id, removes) = (account.id.clone(), self.capabilities.deactivate == Deactivate::ByRemoval);
        let effect = move |content: &mut Content| {
            Ok(match content.accounts.get_mut(&id) {
                None => Outcome::Already(()),
                Some(_) if removes => {
                    content.accounts.remove(&id);
                    Outcome::Done(())
                }
                Some(account) => {
                    account.state = Some(State::Inactive);
                    Outcome::Done(())
                }
            })
        };
        self.write("deactivate", &account.id, effect, || Outcome::Done(())).await
    }

    async fn reactivate(&self, account: &Account) -> Result<Outcome<Account>> {
        if let Some(waiting) = self.by_hand("invite") {
            return Ok(waiting);
        }
        let id = account.id.clone();
        let effect = move |content: &mut Content| {
            let account = content.accounts.get_mut(&id).ok_or_else(|| not_there("reactivate"))?;
            account.state = Some(State::Active);
            Ok(Outcome::Done(account.clone()))
        };
        self.write("reactivate", &account.id, effect, || Outcome::Done(account.clone())).await
    }

    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>> {
        let id = account.id.clone();
        let effect = move |content: &mut Content| {
            content.accounts.remove(&id);
            Ok(Outcome::Done(()))
        };
        self.write("delete_account", &account.id, effect, || Outcome::Done(())).await
    }

    fn groups(&self) -> Option<&dyn Groups> {
        self.capabilities.groups.list.then_some(self as &dyn Groups)
    }
}

#[async_trait]
impl Groups for ScriptedApp {
    async fn groups(&self) -> Result<Vec<Group>> {
        self.read("groups", "", |content| content.groups.clone()).await
    }

    async fn members(&self, group: &str) -> Result<Vec<String>> {
        let inside = |account: &&Account| account.groups.iter().flatten().any(|id| id == group);
        self.read("members", group, |content| {
            content.accounts.values().filter(inside).map(|account| account.id.clone()).collect()
        })
        .await
    }

    async fn add_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        if let Some(waiting) = self.by_hand("change the role") {
            return Ok(waiting);
        }
        self.place(group, member, true).await
    }

    async fn remove_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        if let Some(waiting) = self.by_hand("change the role") {
            return Ok(waiting);
        }
        self.place(group, member, false).await
    }

    async fn add_members(&self, group: &str, members: &[Member]) -> Result<Outcome<()>> {
        let (of, ids) = (group.to_owned(), ids(members));
        let about = format!("{group} {}", ids.join(" "));
        let effect = move |content: &mut Content| {
            for id in &ids {
                let account = content.accounts.get_mut(id).ok_or_else(|| not_there("add_members"))?;
                account.groups.get_or_insert_default().push(of.clone());
            }
            Ok(Outcome::Done(()))
        };
        self.write("add_members", &about, effect, || Outcome::Done(())).await
    }

    async fn remove_members(&self, group: &str, members: &[Member]) -> Result<Outcome<()>> {
        let (of, ids) = (group.to_owned(), ids(members));
        let about = format!("{group} {}", ids.join(" "));
        let effect = move |content: &mut Content| {
            for id in &ids {
                let account = content.accounts.get_mut(id).ok_or_else(|| not_there("remove_members"))?;
                account.groups.get_or_insert_default().retain(|held| *held != of);
            }
            Ok(Outcome::Done(()))
        };
        self.write("remove_members", &about, effect, || Outcome::Done(())).await
    }

    async fn create_group(&self, name: &str) -> Result<Outcome<Group>> {
        let name = name.to_owned();
        let effect = move |content: &mut Content| {
            let group = Group { id: format!("g-{name}"), name: name.clone(), members: None };
            content.groups.push(group.clone());
            Ok(Outcome::Done(group))
        };
        self.write("create_group", "", effect, || Outcome::Done(Group::default())).await
    }

    async fn rename_group(&self, group: &str, name: &str) -> Result<Outcome<()>> {
        let (id, name) = (group.to_owned(), name.to_owned());
        let effect = move |content: &mut Content| {
            let group = content.groups.iter_mut().find(|group| group.id == id);
            group.ok_or_else(|| not_there("rename_group"))?.name.clone_from(&name);
            Ok(Outcome::Done(()))
        };
        self.write("rename_group", group, effect, || Outcome::Done(())).await
    }

    async fn delete_group(&self, group: &str) -> Result<Outcome<()>> {
        let id = group.to_owned();
        let effect = move |content: &mut Content| {
            content.groups.retain(|group| group.id != id);
            Ok(Outcome::Done(()))
        };
        self.write("delete_group", group, effect, || Outcome::Done(())).await
    }
}

fn ids(members: &[Member]) -> Vec<String> {
    members.iter().map(|member| member.account.clone()).collect()
}

impl ScriptedApp {
    /// Joining a role group sets the role and tells the account; joining any other tells nothing. Where joining
    /// invites, somebody the app does not have gets an account.
    async fn place(&self, group: &str, member: &Member, inside: bool) -> Result<Outcome<Option<Account>>> {
        let operation = if inside { "add_member" } else { "remove_member" };
        let (of, about) = (group.to_owned(), format!("{group} {}", member.account));
        let (are_roles, invites) =
            (self.capabilities.groups.are_roles, self.capabilities.groups.add_invites && inside);
        let member = member.clone();
        let effect = move |content: &mut Content| {
            if invites && !content.accounts.contains_key(&member.account) {
                let id = member.account.clone();
                let account = Account { id: id.clone(), email: member.email.clone(), ..Account::default() };
                content.accounts.insert(id, Account { state: Some(State::Invited), ..account });
            }
            let Some(account) = content.accounts.get_mut(&member.account) else {
                return Ok(Outcome::Already(None));
            };
            if are_roles {
                let role = if inside { of.trim_start_matches("role:") } else { "member" };
                account.roles = Some(vec![Role { value: role.to_owned(), display: None }]);
                account.groups = Some(vec![format!("role:{role}")]);
                return Ok(Outcome::Done(Some(account.clone())));
            }
            let groups = account.groups.get_or_insert_default();
            groups.retain(|known| *known != of);
            if inside {
                groups.push(of.clone());
            }
            Ok(Outcome::Done(None))
        };
        self.write(operation, &about, effect, || Outcome::Done(None)).await
    }
}
