//! An app that loses answers, acts late, lies and goes down, and keeps a ledger of what truly happened.

pub mod groups;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use portcullis::contract::{
    Account, Accounts, Adapter, By, Capabilities, Change, Create, Deactivate, Delete, Draft, Error, Groups,
    Held, Kind, Membership, Outcome, Page, Reactivate, Result, Role, Roles, Standing, State,
};
use tokio::time::{Instant, sleep};

use crate::life::Dice;

/// The groups of an app that has any.
pub const GROUPS: [&str; 2] = ["red", "blue"];

/// What the groups of an app are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    None,
    Teams,
    /// One joins them by invitation.
    Workspaces,
    /// Everybody has one: `blue` is the lowest.
    Roles,
}

impl Grouping {
    /// The groups somebody can be taken out of.
    pub fn to_leave(self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::Teams | Self::Workspaces => &GROUPS,
            Self::Roles => &GROUPS[..1],
        }
    }
}

/// What truly happened to somebody's access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    On,
    Off,
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub at: Duration,
    pub email: String,
    pub turned: Turned,
}

/// Which calls of one kind go wrong, of a hundred.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    pub fails: u32,
    pub loses: u32,
    pub late: u32,
    pub lies: u32,
}

impl Weather {
    pub const FAIR: Self = Self { fails: 0, loses: 0, late: 0, lies: 0 };
    pub const FOUL: Self = Self { fails: 12, loses: 8, late: 5, lies: 4 };
}

pub struct App {
    capabilities: Capabilities,
    began: Instant,
    world: Mutex<World>,
}

struct World {
    /// Whether a second account of an address is refused.
    unique: bool,
    accounts: BTreeMap<String, Account>,
    minted: u32,
    ledger: Vec<Entry>,
    weather: Weather,
    down: bool,
    dice: Dice,
    faults: u64,
    /// Accounts that were made beside one of the same address that works.
    doubles: Vec<String>,
    /// What was asked, and what became of it.
    asked: Vec<(Duration, String)>,
    /// The accounts in each group, where there are groups.
    members: BTreeMap<&'static str, BTreeSet<String>>,
    tells_groups: bool,
    has_roles: bool,
}

/// What becomes of one call.
#[derive(Debug)]
enum Fate {
    Fair,
    Fails,
    /// It is done, and the answer is that the app is out of order.
    Breaks,
    /// It is done, and the answer is lost.
    Loses,
    /// The answer is lost, and it is done later.
    Late(Duration),
    Lies,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("App")
    }
}

/// An app with a disabled state.
fn native() -> Capabilities {
    Capabilities {
        app: "simulated",
        accounts: Accounts {
            email: Held::Yes,
            given_name: Held::Yes,
            family_name: Held::Yes,
            roles: Held::Yes,
            email_required: true,
            email_unique: true,
            by_id: true,
            by_email: true,
            ..Accounts::NONE
        },
        list: true,
        create: Create::Direct,
        deactivate: Deactivate::Native,
        reactivate: Reactivate::Native,
        delete: Delete::Permanent,
        roles: Roles::Fixed(&["admin", "member"]),
        default_role: Some("member"),
        ..Capabilities::default()
    }
}

/// An app that removes, and creates anew under another id.
fn removing() -> Capabilities {
    Capabilities {
        deactivate: Deactivate::ByRemoval,
        reactivate: Reactivate::ByInvitation,
        delete: Delete::SameAsDeactivate,
        ..native()
    }
}

impl App {
    pub fn new(mut dice: Dice, grouping: Grouping) -> Arc<Self> {
        let has_groups = grouping != Grouping::None;
        let mut capabilities = if dice.chance(50) { native() } else { removing() };
        // That everybody has one account is the gateway's doing where the app would make another.
        capabilities.accounts.email_unique = has_groups || dice.chance(50);
        match grouping {
            Grouping::None => {}
            Grouping::Teams => {
                capabilities.groups = groups::capabilities(capabilities.deactivate, &mut dice);
            }
            Grouping::Workspaces => {
                capabilities = removing();
                capabilities.groups = groups::capabilities(capabilities.deactivate, &mut dice);
                capabilities.groups.add_invites = true;
            }
            Grouping::Roles => groups::have_roles(&mut capabilities, &mut dice),
        }
        let world = World {
            unique: capabilities.accounts.email_unique,
            accounts: BTreeMap::new(),
            minted: 0,
            ledger: Vec::new(),
            weather: Weather::FOUL,
            down: false,
            dice,
            faults: 0,
            doubles: Vec::new(),
            asked: Vec::new(),
            tells_groups: has_groups && capabilities.groups.membership == Membership::OnAccount,
            has_roles: grouping == Grouping::Roles,
            members: grouping.to_leave().iter().map(|name| (*name, BTreeSet::new())).collect(),
        };
        Arc::new(Self { capabilities, began: Instant::now(), world: Mutex::new(world) })
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    pub fn set_weather(&self, weather: Weather) {
        self.world().weather = weather;
    }

    pub fn set_down(&self, down: bool) {
        self.world().down = down;
    }

    pub fn ledger(&self) -> Vec<Entry> {
        self.world().ledger.clone()
    }

    /// Every call, and what became of it.
    pub fn asked(&self) -> Vec<(Duration, String)> {
        self.world().asked.clone()
    }

    /// Whether it refuses a second account of an address.
    pub fn is_unique(&self) -> bool {
        self.capabilities.accounts.email_unique
    }

    /// The accounts it made beside one of the same address that works.
    pub fn doubles(&self) -> Vec<String> {
        self.world().doubles.clone()
    }

    pub fn faults(&self) -> u64 {
        self.world().faults
    }

    /// Accounts of an address that work.
    pub fn working(&self, email: &str) -> usize {
        let world = self.world();
        let works = |account: &&Account| {
            account.email.as_deref() == Some(email) && account.state() != State::Inactive
        };
        world.accounts.values().filter(works).count()
    }

    /// Accounts of an address, whether they work or not.
    pub fn accounts_of(&self, email: &str) -> usize {
        let has_it = |account: &&Account| account.email.as_deref() == Some(email);
        self.world().accounts.values().filter(has_it).count()
    }

    /// Waits as a network does, and says what becomes of the call.
    async fn begin(&self, operation: &'static str, writes: bool) -> Result<Fate> {
        let (pause, fate, down) = {
            let mut world = self.world();
            let pause = Duration::from_millis(world.dice.below(400));
            let roll = u32::try_from(world.dice.below(100)).unwrap();
            let Weather { fails, loses, late, lies } = world.weather;
            let fate = match roll {
                roll if roll < fails => Fate::Fails,
                // Whether a create was done is never known from such an answer.
                roll if writes
                    && operation != "create_account"
                    && roll < fails + loses
                    && world.dice.below(2) == 0 =>
                {
                    Fate::Breaks
                }
                roll if roll < fails + loses => Fate::Loses,
                // Who is let into a group late is told by the next look for drift.
                roll if writes && !self.lets_in(operation) && roll < fails + loses + late => {
                    Fate::Late(Duration::from_millis(500 + world.dice.below(40_000)))
                }
                roll if writes && roll < fails + loses + late + lies => Fate::Lies,
                _ => Fate::Fair,
            };
            world.faults += u64::from(!matches!(fate, Fate::Fair));
            let (at, down) = (self.began.elapsed(), world.down);
            world.asked.push((at, format!("{at:?} call: {operation}, down {down}, {fate:?}")));
            (pause, fate, down)
        };
        sleep(pause).await;
        if down || matches!(fate, Fate::Fails) {
            return Err(broken(operation));
        }
        if matches!(fate, Fate::Loses | Fate::Late(_)) {
            sleep(Duration::from_secs(10)).await;
        }
        Ok(fate)
    }

    async fn read<T>(&self, operation: &'static str, answer: impl FnOnce(&World) -> T) -> Result<T> {
        match self.begin(operation, false).await? {
            Fate::Loses => Err(lost(operation)),
            _ => Ok(answer(&self.world())),
        }
    }

    async fn write<T: Default>(
        self: &Arc<Self>,
        operation: &'static str,
        act: impl FnOnce(&mut World, Duration) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match self.begin(operation, true).await? {
            Fate::Fair | Fate::Fails => act(&mut self.world(), self.began.elapsed()),
            Fate::Breaks => {
                drop(act(&mut self.world(), self.began.elapsed()));
                Err(broken(operation))
            }
            Fate::Loses => {
                drop(act(&mut self.world(), self.began.elapsed()));
                Err(lost(operation))
            }
            Fate::Late(delay) => {
                let this = Arc::clone(self);
                tokio::spawn(async move {
                    sleep(delay).await;
                    drop(act(&mut this.world(), this.began.elapsed()));
                });
                Err(lost(operation))
            }
            Fate::Lies => Ok(T::default()),
        }
    }
}

fn broken(operation: &'static str) -> Error {
    Error::new(Kind::Unavailable, operation, "the app is out of order")
}

fn lost(operation: &'static str) -> Error {
    Error::new(Kind::Unknown, operation, "no answer came")
}

impl World {
    fn note(&mut self, at: Duration, email: &str, turned: Turned) {
        self.ledger.push(Entry { at, email: email.to_owned(), turned });
    }

    fn create(&mut self, draft: &Draft, at: Duration) -> Result<Account> {
        let email = draft.email.clone().unwrap_or_default();
        let has_it = |account: &&Account| account.email.as_deref() == Some(&email);
        let holders: Vec<&Account> = self.accounts.values().filter(has_it).collect();
        if holders.iter().any(|account| account.state() != State::Inactive) && !self.unique {
            self.doubles.push(format!("{email}: a second account that works was made at {at:?}"));
        }
        if self.unique && !holders.is_empty() {
            return Err(Error::new(Kind::Conflict, "create_account", "the address is taken"));
        }
        self.minted += 1;
        let account = Account {
            id: format!("a{}", self.minted),
            email: Some(email.clone()),
            given_name: draft.given_name.clone(),
            family_name: draft.family_name.clone(),
            state: Some(State::Active),
            roles: Some(draft.roles.iter().map(|role| Role { value: role.clone(), display: None }).collect()),
            ..Account::default()
        };
        self.accounts.insert(account.id.clone(), account.clone());
        self.note(at, &email, Turned::On);
        self.give_roles(&account.id, &draft.roles, at);
        Ok(self.told(&account))
    }

    fn turn(&mut self, id: &str, turned: Turned, removes: bool, at: Duration) -> Result<Account> {
        let missing = || Error::new(Kind::NotFound, "account", "there is no such account");
        let account = self.accounts.get_mut(id).ok_or_else(missing)?;
        account.state = Some(if turned == Turned::On { State::Active } else { State::Inactive });
        let account = account.clone();
        if removes {
            self.accounts.remove(id);
            for group in GROUPS {
                self.place(group, id, account.email.as_deref().unwrap_or_default(), false, at);
            }
        }
        self.note(at, account.email.as_deref().unwrap_or_default(), turned);
        Ok(account)
    }
}

/// One process's way to the app; a process that died never hears from it again.
pub struct Way {
    pub app: Arc<App>,
    pub alive: Arc<crate::life::Alive>,
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Way")
    }
}

impl Way {
    /// A death before the call leaves nothing at the app; one after it leaves nothing here.
    async fn through<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.alive.or_never().await;
        let answer = call.await;
        self.alive.or_never().await;
        answer
    }
}

#[async_trait]
impl Adapter for Way {
    fn capabilities(&self) -> &Capabilities {
        &self.app.capabilities
    }

    async fn check(&self) -> Result<Standing> {
        Ok(Standing { summary: String::new(), warnings: Vec::new() })
    }

    async fn account(&self, by: By<'_>) -> Result<Option<Account>> {
        let answer = |world: &World| {
            let is_wanted = |account: &&Account| match by {
                By::Id(id) => account.id == id,
                By::Email(email) => account.email.as_deref() == Some(email),
            };
            world.accounts.values().filter(is_wanted).map(|one| world.told(one)).collect::<Vec<_>>()
        };
        let found = self.through(self.app.read("account", answer)).await?;
        match found.as_slice() {
            [_, _, ..] => Err(Error::new(Kind::Ambiguous, "account", "several have the address")),
            found => Ok(found.first().cloned()),
        }
    }

    async fn accounts(&self, _: Option<&str>) -> Result<Page<Account>> {
        let all = self
            .app
            .read("accounts", |world| world.accounts.values().map(|one| world.told(one)).collect::<Vec<_>>());
        let items = self.through(all).await.map(|all| self.app.passed_over(all))?;
        Ok(Page { items, next: None })
    }

    async fn create_account(&self, draft: &Draft) -> Result<Outcome<Account>> {
        let draft = draft.clone();
        let call = self.app.write("create_account", move |world, at| world.create(&draft, at));
        self.through(call).await.map(Outcome::Done)
    }

    async fn update_account(&self, current: &Account, change: &Change) -> Result<Outcome<Account>> {
        let (id, change) = (current.id.clone(), change.clone());
        let call = self.app.write("update_account", move |world, at| {
            let missing = || Error::new(Kind::NotFound, "update_account", "there is no such account");
            let account = world.accounts.get_mut(&id).ok_or_else(missing)?;
            account.merge(Account {
                given_name: change.given_name,
                family_name: change.family_name,
                roles: change.roles.as_ref().map(|roles| {
                    roles.iter().map(|role| Role { value: role.clone(), display: None }).collect()
                }),
                ..Account::default()
            });
            let account = account.clone();
            if let Some(roles) = change.roles {
                world.give_roles(&id, &roles, at);
            }
            Ok(world.told(&account))
        });
        self.through(call).await.map(Outcome::Done)
    }

    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>> {
        let id = account.id.clone();
        let removes = self.app.capabilities.deactivate == Deactivate::ByRemoval;
        let call = self
            .app
            .write("deactivate", move |world, at| world.turn(&id, Turned::Off, removes, at).map(drop));
        self.through(call).await.map(Outcome::Done)
    }

    async fn reactivate(&self, account: &Account) -> Result<Outcome<Account>> {
        let id = account.id.clone();
        let call = self.app.write("reactivate", move |world, at| world.turn(&id, Turned::On, false, at));
        self.through(call).await.map(Outcome::Done)
    }

    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>> {
        let id = account.id.clone();
        let call = self
            .app
            .write("delete_account", move |world, at| world.turn(&id, Turned::Off, true, at).map(drop));
        self.through(call).await.map(Outcome::Done)
    }

    fn groups(&self) -> Option<&dyn Groups> {
        self.app.has_groups().then_some(self)
    }
}
