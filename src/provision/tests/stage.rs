//! A gateway with one connection to a scripted app, on a database of its own, under a clock that only waiting moves.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::app::ScriptedApp;
use crate::base::clock::{SharedClock, Timestamp};
use crate::base::id::Ids;
use crate::base::jitter;
use crate::base::steady::{Machine, Reading, Steady, SteadyClock};
use crate::contract::{
    Accounts, Adapter, Capabilities, Create, Deactivate, Delete, Fulfilment, Group, GroupCapabilities, Held,
    Membership, Mode, Reactivate, Residual, Roles,
};
use crate::provision::{
    Connection, Gateway, ListQuery, Patched, Policy, Preconditions, Read, Refusal, Result, Shared, Shown,
    View,
};
use crate::scim::schema::ResourceKind::{self, Group as GroupKind, User};
use crate::store::anchor::Anchor;
use crate::store::hooked::{Hook, Hooked};
use crate::store::memory::Memory;
use crate::store::{self, Intent, Intents, Kind, Store, Write, sqlite};

/// An app that has a disabled state: accounts by id, fixed roles, teams.
pub(super) fn native() -> Capabilities {
    Capabilities {
        app: "scripted",
        accounts: Accounts {
            email: Held::Yes,
            given_name: Held::Yes,
            family_name: Held::Yes,
            roles: Held::Yes,
            email_required: true,
            email_unique: true,
            by_id: true,
            ..Accounts::default()
        },
        list: true,
        create: Create::Direct,
        deactivate: Deactivate::Native,
        reactivate: Reactivate::Native,
        delete: Delete::Permanent,
        roles: Roles::Any,
        default_role: Some("member"),
        admin_role: Some("admin"),
        groups: GroupCapabilities {
            noun: "teams",
            list: true,
            create: true,
            add_member: true,
            remove_member: true,
            ..GroupCapabilities::default()
        },
        ..Capabilities::default()
    }
}

/// An app that removes and invites again, whose groups are its two roles.
pub(super) fn removing() -> Capabilities {
    Capabilities {
        accounts: Accounts {
            email: Held::ReadOnly,
            roles: Held::Yes,
            email_required: true,
            email_unique: true,
            shows_invited: true,
            ..Accounts::default()
        },
        create: Create::Invite,
        deactivate: Deactivate::ByRemoval,
        reactivate: Reactivate::ByInvitation,
        delete: Delete::SameAsDeactivate,
        roles: Roles::Fixed(&["admin", "member"]),
        groups: GroupCapabilities {
            noun: "roles",
            list: true,
            add_member: true,
            remove_member: true,
            membership: Membership::OnAccount,
            are_roles: true,
            ..GroupCapabilities::default()
        },
        residual: &[Residual {
            key: "api-keys",
            instruction: "revoke the API keys of this person",
            link: "https://app.example/keys",
        }],
        fulfilment: Fulfilment::Emulated,
        ..native()
    }
}

/// An app that removes, and whose groups are workspaces that one joins by invitation.
pub(super) fn workspaces() -> Capabilities {
    let own = removing();
    Capabilities {
        accounts: Accounts { roles: Held::AtCreate, by_id: true, ..own.accounts },
        admin_role: None,
        groups: GroupCapabilities { noun: "workspaces", are_roles: false, add_invites: true, ..own.groups },
        ..own
    }
}

/// An app whose changes people carry out.
pub(super) fn by_hand() -> Capabilities {
    Capabilities {
        mode: Mode::Manual,
        accounts: Accounts {
            email: Held::AtCreate,
            roles: Held::Yes,
            email_required: true,
            email_unique: true,
            ..Accounts::default()
        },
        list: false,
        create: Create::Task,
        deactivate: Deactivate::Task,
        reactivate: Reactivate::Task,
        delete: Delete::Task,
        admin_role: None,
        residual: &[],
        fulfilment: Fulfilment::Manual,
        ..removing()
    }
}

/// A machine whose clock shows how long the runtime has waited, and is ahead of that.
#[derive(Debug, Clone)]
struct Wall {
    began: Instant,
    ahead: Duration,
    kept: Arc<Mutex<Option<Steady>>>,
}

impl Wall {
    fn new() -> Self {
        Self { began: Instant::now(), ahead: Duration::ZERO, kept: Arc::default() }
    }
}

impl Machine for Wall {
    fn read(&self) -> Reading {
        let waited = self.began.elapsed();
        (Timestamp(1_705_312_800_000_000).plus(waited + self.ahead), waited)
    }

    fn kept(&self) -> Option<Steady> {
        self.kept.lock().unwrap().clone()
    }

    fn keep(&self, steady: &Steady) {
        *self.kept.lock().unwrap() = Some(steady.clone());
    }
}

pub(super) struct Stage {
    pub app: Arc<ScriptedApp>,
    pub store: Arc<dyn Store>,
    pub disk: Arc<Disk>,
    pub gateway: Arc<Gateway>,
    pub connection: Arc<Connection>,
    wall: Wall,
    policy: Policy,
    directory: Arc<TempDir>,
}

impl Stage {
    pub(super) async fn new(capabilities: Capabilities) -> Self {
        Self::with(capabilities, Policy::default()).await
    }

    pub(super) async fn with(capabilities: Capabilities, policy: Policy) -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let path = directory.path().join("portcullis.db");
        let store = still(sqlite::open(&path)).await.unwrap();
        Self::on(store, directory, capabilities, policy)
    }

    /// The same on a store in memory, for many.
    pub(super) fn in_memory(capabilities: Capabilities, policy: Policy) -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        Self::on(Memory::default().open(), directory, capabilities, policy)
    }

    fn on(
        store: Arc<dyn Store>,
        directory: Arc<TempDir>,
        capabilities: Capabilities,
        policy: Policy,
    ) -> Self {
        // How long is waited before another attempt is the same in every run.
        jitter::seed(1);
        let app = ScriptedApp::new(capabilities);
        if capabilities.groups.are_roles {
            let group =
                |role: &str| Group { id: format!("role:{role}"), name: role.to_owned(), members: None };
            app.content().groups = vec![group("admin"), group("member")];
        }
        let disk = Arc::<Disk>::default();
        let store = Arc::new(Hooked::new(store, Timeless(Arc::clone(&disk))));
        Self::over(app, store, disk, Wall::new(), policy, directory)
    }

    fn over(
        app: Arc<ScriptedApp>,
        store: Arc<dyn Store>,
        disk: Arc<Disk>,
        wall: Wall,
        policy: Policy,
        directory: Arc<TempDir>,
    ) -> Self {
        let clock: SharedClock = Arc::new(SteadyClock::new(wall.clone()));
        let shared = Arc::new(Shared {
            store: Arc::clone(&store),
            ids: Ids::new(Arc::clone(&clock)),
            clock,
            tracker: tokio_util::task::TaskTracker::new(),
            metrics: Arc::default(),
            leading: crate::provision::Leading::default(),
            tracer: Arc::default(),
            gate: Arc::default(),
            anchor: Some(Anchor::open(&directory.path().join("anchor")).unwrap()),
        });
        let adapter: Arc<dyn Adapter> = Arc::<ScriptedApp>::clone(&app);
        let connection =
            Connection::new("app", "https://scim.example", adapter, policy.clone(), Arc::clone(&shared));
        let gateway = Gateway::new(vec![Arc::clone(&connection)], shared);
        Self { app, store, disk, gateway, connection, wall, policy, directory }
    }

    /// The same app and database under a process that was started again; what the old one does no longer counts as
    /// long as the calls it waits for never end.
    pub(super) async fn restarted(&self) -> Self {
        self.restarted_with(self.policy.clone()).await
    }

    /// [`Stage::restarted`] under another policy.
    pub(super) async fn restarted_with(&self, policy: Policy) -> Self {
        self.restarted_under(policy, self.wall.clone()).await
    }

    /// [`Stage::restarted`] after the machine's clock was put forward by this.
    pub(super) async fn restarted_in(&self, time: Duration) -> Self {
        let wall = Wall { ahead: self.wall.ahead + time, ..self.wall.clone() };
        self.restarted_under(self.policy.clone(), wall).await
    }

    /// [`Stage::restarted_in`], and the machine itself was started again.
    pub(super) async fn rebooted_in(&self, time: Duration) -> Self {
        let wall = Wall { ahead: self.wall.ahead + time, kept: Arc::default(), ..self.wall };
        self.restarted_under(self.policy.clone(), wall).await
    }

    /// [`Stage::restarted`] after the machine was started again, its clock put back to when the test began.
    pub(super) async fn rebooted_in_the_past(&self) -> Self {
        self.restarted_under(self.policy.clone(), Wall::new()).await
    }

    async fn restarted_under(&self, policy: Policy, wall: Wall) -> Self {
        let (app, store, disk) = (Arc::clone(&self.app), Arc::clone(&self.store), Arc::clone(&self.disk));
        let again = Self::over(app, store, disk, wall, policy, Arc::clone(&self.directory));
        again.gateway.recover().await.unwrap();
        again
    }

    /// The same process after its connection was configured anew.
    pub(super) async fn configured_with(&self, policy: Policy) -> Self {
        let adapter: Arc<dyn Adapter> = Arc::<ScriptedApp>::clone(&self.app);
        let shared = Arc::clone(self.gateway.shared());
        let made = Connection::new("app", "https://scim.example", adapter, policy.clone(), shared);
        self.gateway.serve_instead(vec![made]).await.unwrap();
        Self {
            app: Arc::clone(&self.app),
            store: Arc::clone(&self.store),
            disk: Arc::clone(&self.disk),
            gateway: Arc::clone(&self.gateway),
            connection: self.gateway.connection("app").unwrap(),
            wall: self.wall.clone(),
            policy,
            directory: Arc::clone(&self.directory),
        }
    }

    /// A copy of the database as it stands, which nobody may be writing to.
    pub(super) fn backup(&self, number: usize) -> PathBuf {
        let folder = self.directory.path();
        let copy = folder.join(format!("backup-{number}.db"));
        for log in ["", "-wal"] {
            let (from, to) = (format!("portcullis.db{log}"), format!("backup-{number}.db{log}"));
            std::fs::copy(folder.join(from), folder.join(to)).unwrap();
        }
        copy
    }

    /// The same app under a process that was started on a backup; the anchor is the one there was.
    pub(super) async fn restored_from(&self, backup: &Path) -> Self {
        let store = still(sqlite::open(backup)).await.unwrap();
        let disk = Arc::<Disk>::default();
        let store = Arc::new(Hooked::new(store, Timeless(Arc::clone(&disk))));
        let (app, directory) = (Arc::clone(&self.app), Arc::clone(&self.directory));
        let again = Self::over(app, store, disk, self.wall.clone(), self.policy.clone(), directory);
        again.gateway.recover().await.unwrap();
        again.gateway.recognise_backup().await.unwrap();
        again
    }

    /// Lets the gateway keep its promises for this long.
    pub(super) async fn go_on_for(&self, time: Duration) {
        let stop = CancellationToken::new();
        let worker = tokio::spawn(Arc::clone(&self.gateway).keep_promises(stop.clone()));
        tokio::time::sleep(time).await;
        stop.cancel();
        worker.await.unwrap();
    }

    pub(super) async fn post(&self, body: Value) -> Result<Shown> {
        self.connection.create(User, body, &View::default()).await
    }

    /// Creates a person of this address, and answers the id.
    pub(super) async fn hire(&self, email: &str) -> String {
        id(&self.post(person(email)).await.unwrap())
    }

    pub(super) async fn put(&self, id: &str, body: Value) -> Result<Shown> {
        self.connection.replace(User, id, body, &View::default(), &Preconditions::default()).await
    }

    pub(super) async fn patch(&self, id: &str, value: Value) -> Result<Shown> {
        let body = json!({"Operations": [{"op": "replace", "value": value}]});
        match self.connection.patch(User, id, body, &View::default(), &Preconditions::default()).await? {
            Patched::Shown(shown) => Ok(shown),
            unshown @ Patched::Unshown { .. } => panic!("{unshown:?}"),
        }
    }

    pub(super) async fn deactivate(&self, id: &str) -> Result<Shown> {
        self.patch(id, json!({"active": false})).await
    }

    pub(super) async fn activate(&self, id: &str) -> Result<Shown> {
        self.patch(id, json!({"active": true})).await
    }

    pub(super) async fn delete(&self, id: &str) -> Result<()> {
        self.connection.delete(User, id, &Preconditions::default()).await
    }

    pub(super) async fn get(&self, kind: ResourceKind, id: &str) -> Result<Shown> {
        match self.connection.read(kind, id, &View::default(), &Preconditions::default()).await? {
            Read::Found(shown) => Ok(shown),
            Read::NotModified(etag) => panic!("{etag}"),
        }
    }

    pub(super) async fn list(&self, kind: ResourceKind, filter: Option<&str>) -> Vec<Value> {
        let query = ListQuery { filter: filter.map(str::to_owned), ..ListQuery::default() };
        let listed = self.connection.list(kind, &query).await.unwrap();
        listed["Resources"].as_array().cloned().unwrap_or_default()
    }

    /// The SCIM id of the group the app calls `name`.
    pub(super) async fn group(&self, name: &str) -> String {
        let found = self.list(GroupKind, Some(&format!("displayName eq \"{name}\""))).await;
        found[0]["id"].as_str().unwrap().to_owned()
    }

    /// Adds to or removes from a group.
    pub(super) async fn members(&self, group: &str, op: &str, ids: &[&str]) -> Result<()> {
        let value: Vec<Value> = ids.iter().map(|id| json!({"value": id})).collect();
        let operation = match op {
            "remove" => json!({"op": op, "path": format!("members[value eq \"{}\"]", ids[0])}),
            _ => json!({"op": op, "path": "members", "value": value}),
        };
        let body = json!({"Operations": [operation]});
        let view = View::default();
        self.connection.patch(GroupKind, group, body, &view, &Preconditions::default()).await.map(drop)
    }

    pub(super) async fn members_of(&self, group: &str) -> Vec<String> {
        let shown = self.get(GroupKind, group).await.unwrap();
        let members = shown.resource["members"].as_array().cloned().unwrap_or_default();
        members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect()
    }

    pub(super) async fn open_intents(&self) -> Vec<Intent> {
        self.store.intents(&Intents::AllOpen(None)).await.unwrap()
    }

    /// Kinds of the open tasks, oldest first.
    pub(super) async fn open_tasks(&self) -> Vec<String> {
        self.connection.tasks(true).await.unwrap().into_iter().map(|task| task.kind).collect()
    }

    /// How many live people there are.
    pub(super) async fn people(&self) -> u64 {
        self.store.count("app", Kind::User).await.unwrap()
    }
}

/// A person of this address.
pub(super) fn person(email: &str) -> Value {
    json!({"userName": email, "emails": [{"value": email, "primary": true}]})
}

/// Creates an administrator of this address, and answers the id.
pub(super) async fn admin(stage: &Stage, email: &str) -> String {
    let mut admin = person(email);
    admin["roles"] = json!([{"value": "admin"}]);
    id(&stage.post(admin).await.unwrap())
}

pub(super) fn id(shown: &Shown) -> String {
    shown.resource["id"].as_str().unwrap().to_owned()
}

pub(super) fn is_active(shown: &Shown) -> bool {
    shown.resource["active"].as_bool().unwrap()
}

pub(super) fn status<T: std::fmt::Debug>(result: Result<T>) -> u16 {
    let Refusal { error, .. } = result.unwrap_err();
    error.status
}

/// Holds the clock while `work` waits for another thread.
async fn still<T>(work: impl Future<Output = T>) -> T {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let held = tokio::task::spawn_blocking(move || released.recv().unwrap_or(()));
    let value = work.await;
    drop(release);
    drop(held.await);
    value
}

/// What goes wrong with the disk.
#[derive(Debug)]
pub(super) struct Disk {
    /// How many commits it still takes.
    left: AtomicI64,
    /// How many it refuses before that.
    refuses: AtomicI64,
    unreadable: AtomicBool,
    /// Whether it is a second until a note that was read is answered.
    slow_notes: AtomicBool,
    /// How many listings still find that somebody was changed meanwhile.
    stale: AtomicI64,
    /// How often all members of a group were read from it.
    members_read: AtomicI64,
}

impl Default for Disk {
    fn default() -> Self {
        Self {
            left: AtomicI64::new(i64::MAX),
            refuses: AtomicI64::new(0),
            unreadable: AtomicBool::new(false),
            slow_notes: AtomicBool::new(false),
            stale: AtomicI64::new(0),
            members_read: AtomicI64::new(0),
        }
    }
}

impl Disk {
    /// It takes this many more and then no other.
    pub(super) fn is_full_after(&self, commits: i64) {
        self.left.store(commits, Ordering::SeqCst);
    }

    /// How often all members of a group were read.
    pub(super) fn members_read(&self) -> i64 {
        self.members_read.load(Ordering::SeqCst)
    }

    /// It takes whatever comes.
    pub(super) fn is_empty_again(&self) {
        self.is_full_after(i64::MAX);
    }

    /// It refuses this many and then takes whatever comes.
    pub(super) fn refuses(&self, commits: i64) {
        self.refuses.store(commits, Ordering::SeqCst);
    }

    fn take(&self) -> store::Result<()> {
        if self.refuses.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Err(store::Error::Unavailable("the disk is full".to_owned()));
        }
        if self.left.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        Err(store::Error::Unavailable("the disk is full".to_owned()))
    }

    /// Whether the tokens can be read.
    pub(super) fn is_readable(&self, readable: bool) {
        self.unreadable.store(!readable, Ordering::SeqCst);
    }

    /// Whoever reads a note is answered a second later.
    pub(super) fn is_slow_with_notes(&self) {
        self.slow_notes.store(true, Ordering::SeqCst);
    }

    /// The next listings find the store changed while they are written.
    pub(super) fn changes_under_listings(&self, times: i64) {
        self.stale.store(times, Ordering::SeqCst);
    }

    fn listing(&self) -> store::Result<()> {
        if self.stale.fetch_sub(1, Ordering::SeqCst) > 0 { Err(store::Error::Stale) } else { Ok(()) }
    }
}

/// Work at the store takes no time, and its disk can be full.
#[derive(Debug)]
struct Timeless(Arc<Disk>);

impl Hook for Timeless {
    async fn read<T: Send>(
        &self,
        method: &'static str,
        work: impl Future<Output = store::Result<T>> + Send,
    ) -> store::Result<T> {
        match method {
            "members" => drop(self.0.members_read.fetch_add(1, Ordering::SeqCst)),
            "tokens" if self.0.unreadable.load(Ordering::SeqCst) => {
                return Err(store::Error::Unavailable("the disk is not readable".to_owned()));
            }
            _ => {}
        }
        let answer = still(work).await;
        if method == "note" && self.0.slow_notes.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        answer
    }

    async fn commit(&self, store: &dyn Store, writes: Vec<Write>) -> store::Result<()> {
        self.0.take()?;
        // A listing in one piece, not the roster alone.
        if writes.len() > 1 && writes.iter().any(|write| matches!(write, Write::Roster(_))) {
            self.0.listing()?;
        }
        still(store.commit(writes)).await
    }
}
