//! Crash points: every commit and every call of every operation, before it, after it and within it.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use portcullis::adapters::simulator::{Dialect, Simulator};
use portcullis::adapters::{hive, honeycomb, tines, workiva};
use portcullis::base::clock::SystemClock;
use portcullis::store::{Intents, Store as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::{Handle, Runtime};

use super::audit::Database;
use super::dice::Dice;
use super::idp::{Person, entra_active, member};
use super::inside::{Ahead, Asked, CommitAt, Life, Moment, Spell, Spells, serve};
use super::postgres::Server;
use super::stage::Keeps;
use super::targets::{TARGETS, Target};

/// What an identity provider asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Create,
    Update,
    Rename,
    Deactivate,
    Reactivate,
    Delete,
    Join,
    Leave,
    CreateGroup,
    DeleteGroup,
}

/// All of them.
pub const OPERATIONS: [Operation; 10] = [
    Operation::Create,
    Operation::Update,
    Operation::Rename,
    Operation::Deactivate,
    Operation::Reactivate,
    Operation::Delete,
    Operation::Join,
    Operation::Leave,
    Operation::CreateGroup,
    Operation::DeleteGroup,
];

/// Where it happens and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    Commit(u64, CommitAt),
    Call(u64, Spell),
}

impl Crash {
    /// Whether the process is dead afterwards.
    fn kills(self) -> bool {
        matches!(self, Self::Commit(_, CommitAt::Freeze { .. }) | Self::Call(_, Spell::Freeze(_)))
    }
}

/// One case.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub target: Target,
    pub operation: Operation,
    pub crash: Crash,
}

/// How long a caller waits for what froze: it died.
const DEAD: Duration = Duration::from_secs(20);

/// How long what was promised may take: it is gone on with every five seconds, on a busy machine not always in time for the
/// app's answer; on Postgres what a dead gateway had begun is left alone until its attempt must be over.
const SOON: Duration = Duration::from_secs(20);

const ADDRESS: &str = "ada@example.com";
const GROUP: &str = "Crash Team";

/// Everything there is to try; the dry runs say how many commits and calls each operation has.
fn points(apps: &Handle, keeper: &Keeper) -> Result<Vec<Point>, String> {
    let mut points = Vec::new();
    for target in TARGETS {
        for operation in OPERATIONS {
            let Some((commits, calls)) = Scene::set(apps, keeper, target, operation)?.dry_run() else {
                continue;
            };
            let slow = Duration::from_secs(2);
            let mut add = |crash| points.push(Point { target, operation, crash });
            for number in 1..=commits {
                for written in [false, true] {
                    add(Crash::Commit(number, CommitAt::Freeze { written }));
                    add(Crash::Commit(number, CommitAt::Panic { written }));
                    add(Crash::Commit(number, CommitAt::Wait { written, pause: slow }));
                }
                add(Crash::Commit(number, CommitAt::Full));
            }
            for number in 1..=calls {
                for moment in [Moment::Before, Moment::After, Moment::Within] {
                    add(Crash::Call(number, Spell::Freeze(moment)));
                    add(Crash::Call(number, Spell::Break(moment)));
                }
                // To an app that is asked to add a member 409 is its word for somebody who is in already.
                let is_in = |spell: &Spell| {
                    operation == Operation::Join && *spell == Spell::Says(Moment::Before, 409)
                };
                for spell in spells(slow).into_iter().filter(|spell| !is_in(spell)) {
                    add(Crash::Call(number, spell));
                }
            }
        }
    }
    Ok(points)
}

/// What else can become of one call.
fn spells(slow: Duration) -> Vec<Spell> {
    let mut spells = vec![
        Spell::Wait(Moment::Before, slow),
        Spell::Wait(Moment::After, slow),
        Spell::Drip(Duration::from_millis(20)),
        Spell::Page,
        Spell::OtherType,
        Spell::Bomb,
        Spell::Nothing,
    ];
    spells.extend(
        [301, 400, 401, 403, 408, 409, 429, 500, 502, 503, 504].map(|code| Spell::Says(Moment::Before, code)),
    );
    spells.extend([500, 502, 503, 504].map(|code| Spell::Says(Moment::After, code)));
    spells
}

/// Runs so many of the points at the same time; answers what must not be, and how many were run.
pub fn run(
    seed: u64,
    keeps: Keeps,
    sample: Option<usize>,
    at_once: usize,
) -> Result<(usize, Vec<String>), String> {
    let apps = Runtime::new().map_err(|error| error.to_string())?;
    let keeper = Keeper((keeps != Keeps::Sqlite).then(|| Server::start(false)));
    let mut points = points(apps.handle(), &keeper)?;
    if let Some(sample) = sample {
        let mut dice = Dice::split(seed, 2);
        while points.len() > sample {
            points.swap_remove(dice.below(points.len()));
        }
    }
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(point) = points.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let ended = Scene::set(apps.handle(), &keeper, point.target, point.operation)
                        .and_then(|scene| scene.play(point.crash));
                    if let Err(text) = ended {
                        let text =
                            format!("{} {:?} {:?}: {text}", point.target.name, point.operation, point.crash);
                        found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(text);
                    }
                }
            });
        }
    });
    let found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    apps.shutdown_background();
    Ok((points.len(), found))
}

/// Gives every scene a database of its own: a file, or a schema where there is a server.
struct Keeper(Option<Server>);

impl Keeper {
    fn database(&self, folder: &Path) -> Database {
        match &self.0 {
            None => Database::File(folder.join("test.db")),
            Some(server) => Database::Server(server.schema()),
        }
    }
}

/// An app with one person as the operation needs them.
struct Scene {
    target: Target,
    operation: Operation,
    _folder: TempDir,
    database: Database,
    simulator: Simulator,
    spells: Spells,
    url: String,
    clock: Ahead,
    life: Life,
    person: Person,
    group: String,
}

impl Scene {
    /// On a busy machine a call may take longer than the app is given: the scene is set anew then.
    fn set(apps: &Handle, keeper: &Keeper, target: Target, operation: Operation) -> Result<Self, String> {
        let mut set = Self::set_once(apps, keeper, target, operation);
        for _ in 0..2 {
            if set.is_err() {
                set = Self::set_once(apps, keeper, target, operation);
            }
        }
        set
    }

    fn set_once(
        apps: &Handle,
        keeper: &Keeper,
        target: Target,
        operation: Operation,
    ) -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let simulator = simulator(target.name)?;
        let spells = Spells::default();
        let serving = serve(simulator.clone(), spells.clone());
        let url = apps.block_on(serving).map_err(|error| error.to_string())?;
        let clock = Ahead::default();
        let database = keeper.database(folder.path());
        let life = Life::begin(&database, target.name, &url, &clock)?;
        let person = Person::new(ADDRESS.to_owned());
        let group = String::new();
        let mut scene = Self {
            target,
            operation,
            _folder: folder,
            database,
            simulator,
            spells,
            url,
            clock,
            life,
            person,
            group,
        };
        scene.lever("POST", "ledger", &json!({ "enabled": true }))?;
        if target.name == "honeycomb" {
            scene.lever("POST", "mode", &json!({ "pending_in_list": true }))?;
        }
        scene.prepare()?;
        Ok(scene)
    }

    fn lever(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let request = axum::http::Request::builder().method(method).uri(format!("/__sim/{path}"));
        let request =
            request.body(axum::body::Body::from(body.to_string())).map_err(|error| error.to_string())?;
        let router = self.simulator.router();
        self.life.wait(async {
            let Ok(answer) = tower::ServiceExt::oneshot(router, request).await;
            let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap_or_default();
            serde_json::from_slice(&bytes).map_err(|error| format!("{path}: {error}"))
        })
    }

    fn prepare(&mut self) -> Result<(), String> {
        let listed = self.life.ask("GET", "/Users?count=1", &Value::Null);
        let grouped = self.life.ask("GET", "/Groups?count=50", &Value::Null);
        if listed.0 != 200 {
            return Err(format!("nobody is listed: {listed:?}"));
        }
        let wanted = self.target.group.map_or(GROUP, |(name, _)| name);
        let groups = grouped.1["Resources"].as_array().cloned().unwrap_or_default();
        if let Some(group) = groups.iter().find(|group| group["displayName"] == wanted) {
            group["id"].as_str().unwrap_or_default().clone_into(&mut self.group);
        }
        if self.operation == Operation::DeleteGroup {
            let made = self.life.ask("POST", "/Groups", &json!({ "displayName": GROUP }));
            made.1["id"].as_str().unwrap_or_default().clone_into(&mut self.group);
        }
        if matches!(self.operation, Operation::Create | Operation::CreateGroup | Operation::DeleteGroup) {
            return Ok(());
        }
        let hired = self.life.ask("POST", "/Users", &self.person.resource(true));
        self.person.told.id = hired.1["id"].as_str().map(str::to_owned);
        let ready = match self.operation {
            Operation::Reactivate => self.life.ask("PATCH", &self.place(), &entra_active(false)),
            Operation::Leave if !self.group.is_empty() => self.regroup(true),
            _ => hired,
        };
        // What was answered is noted a moment later.
        thread::sleep(Duration::from_millis(30));
        if ready.0 < 300 { Ok(()) } else { Err(format!("the scene could not be set: {ready:?}")) }
    }

    fn place(&self) -> String {
        format!("/Users/{}", self.person.told.id.as_deref().unwrap_or_default())
    }

    fn regroup(&self, joins: bool) -> Asked {
        let (method, path, body) = self.regrouping(joins);
        self.life.ask(method, &path, &body)
    }

    fn regrouping(&self, joins: bool) -> (&'static str, String, Value) {
        let id = self.person.told.id.as_deref().unwrap_or_default();
        ("PATCH", format!("/Groups/{}", self.group), member(id, joins))
    }

    /// The request of the operation.
    fn request(&self) -> (&'static str, String, Value) {
        let patch = |path: &str, value: Value| {
            let operation = json!({ "op": "replace", "path": path, "value": value });
            json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation] })
        };
        match self.operation {
            Operation::Create => ("POST", "/Users".to_owned(), self.person.resource(true)),
            Operation::Update => ("PATCH", self.place(), patch("title", json!("Pilot"))),
            Operation::Rename => ("PATCH", self.place(), patch("name.familyName", json!("Berg-2"))),
            Operation::Deactivate => ("PATCH", self.place(), entra_active(false)),
            Operation::Reactivate => ("PATCH", self.place(), entra_active(true)),
            Operation::Delete => ("DELETE", self.place(), Value::Null),
            Operation::Join => self.regrouping(true),
            Operation::Leave => self.regrouping(false),
            Operation::CreateGroup => ("POST", "/Groups".to_owned(), json!({ "displayName": GROUP })),
            Operation::DeleteGroup => ("DELETE", format!("/Groups/{}", self.group), Value::Null),
        }
    }

    fn ask(&self) -> Asked {
        let (method, path, body) = self.request();
        self.life.ask(method, &path, &body)
    }

    /// How many commits and calls the operation has; `None` where the app does not offer it.
    fn dry_run(self) -> Option<(u64, u64)> {
        let needs_group =
            matches!(self.operation, Operation::Join | Operation::Leave | Operation::DeleteGroup);
        if needs_group && self.group.is_empty() {
            return None;
        }
        self.spells.lift();
        self.life.store.hook.lift();
        let (status, _) = self.ask();
        thread::sleep(Duration::from_millis(50));
        (status < 300).then(|| (self.life.store.hook.commits(), self.spells.calls()))
    }

    /// Crashes, recovers, asks again as an identity provider does, and looks.
    fn play(mut self, crash: Crash) -> Result<(), String> {
        self.spells.lift();
        match crash {
            Crash::Commit(number, what) => self.life.store.hook.order(number, what),
            Crash::Call(number, spell) => self.spells.cast(spell, None, number - 1, 1),
        }
        let (method, path, body) = self.request();
        let asked = self.life.send(method, &path, &body);
        let (in_store, on_wire) = (self.life.store.hook.frozen.clone(), self.spells.frozen.clone());
        let first = self.life.wait(async {
            let answered = async { asked.await.unwrap_or_default() };
            tokio::select! {
                answer = answered => Some(answer),
                () = in_store.notified(), if crash.kills() => None,
                () = on_wire.notified(), if crash.kills() => None,
                () = tokio::time::sleep(DEAD) => Some((0, Value::Null)),
            }
        });
        if let Some((status, told)) = &first {
            if *status == 0 {
                return Err("no answer came".to_owned());
            }
            let leaves = matches!(self.operation, Operation::Deactivate | Operation::Delete);
            if leaves && matches!(crash, Crash::Commit(1, CommitAt::Full)) && *status >= 300 {
                return Err(format!("the disk holds a leaver up: {status} {told}"));
            }
            let panics = matches!(crash, Crash::Commit(_, CommitAt::Panic { .. }));
            if leaves && !(200..300).contains(status) && *status != if panics { 500 } else { 503 } {
                return Err(format!("a leaver was told {status}: {told}"));
            }
            if (200..300).contains(status) {
                self.holds().map_err(|text| format!("answered {status} and {text}: {told}"))?;
            }
        }
        if crash.kills() {
            self.spells.lift();
            self.life.end();
            self.life = Life::begin(&self.database, self.target.name, &self.url, &self.clock)?;
        } else {
            self.life.store.hook.lift();
        }
        self.spells.lift();
        self.promises_are_kept()?;
        self.ask_until_done(first.is_some_and(|(status, _)| (200..300).contains(&status)), crash)?;
        self.holds()?;
        self.one_account()
    }

    /// Nothing is owed any more, and whoever the journal's last word was to take out is out.
    fn promises_are_kept(&self) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let open = self.life.wait(self.life.store.intents(&Intents::AllOpen(None)));
            let open = open.map_err(|error| error.to_string())?;
            let owed: Vec<_> = open.iter().filter(|intent| intent.sticky).collect();
            if owed.is_empty() {
                break;
            }
            if began.elapsed() > SOON {
                return Err(format!("still owed: {} {:?}", owed[0].operation, owed[0].outcome));
            }
            thread::sleep(Duration::from_millis(50));
        }
        let Some(id) = self.person.told.id.clone() else { return Ok(()) };
        let latest = Intents::Latest { connection: self.target.name.to_owned(), resource: id };
        let latest = self.life.wait(self.life.store.intents(&latest)).map_err(|error| error.to_string())?;
        let takes = latest.first().is_some_and(|intent| intent.sticky && intent.operation != "members");
        if takes && self.operation != Operation::Reactivate { self.holds() } else { Ok(()) }
    }

    fn ask_until_done(&self, heard: bool, crash: Crash) -> Result<(), String> {
        let mut last = (0, Value::Null);
        // An app that does not accept the credential is left alone for half a minute.
        let times = if matches!(crash, Crash::Call(_, Spell::Says(_, 401))) { 120 } else { 14 };
        for _ in 0..times {
            last = self.ask();
            let (status, _) = last;
            let exists =
                status == 409 && matches!(self.operation, Operation::Create | Operation::CreateGroup);
            let gone = status == 404 && matches!(self.operation, Operation::Delete | Operation::DeleteGroup);
            if (200..300).contains(&status) || exists || gone {
                return Ok(());
            }
            // What was never answered is looked for until it has settled.
            self.clock.advance(61);
            thread::sleep(Duration::from_millis(300));
        }
        Err(format!("it never works again (heard {heard}): {last:?}"))
    }

    fn holders(&self) -> Result<Vec<Value>, String> {
        let ledger = self.lever("GET", "ledger", &json!({}))?;
        let all = ledger["holders"].as_array().cloned().unwrap_or_default();
        Ok(all.into_iter().filter(|holder| holder["email"] == ADDRESS).collect())
    }

    /// Whether the app stands as the operation asks.
    fn holds(&self) -> Result<(), String> {
        let holders = self.holders()?;
        let access = holders.iter().any(|holder| holder["access"] == true);
        let group = self.target.group.map_or("", |(_, id)| id);
        let inside = holders.iter().any(|holder| {
            holder["groups"].as_array().is_some_and(|groups| groups.iter().any(|held| held == group))
        });
        let named = |holder: &Value| holder["name"].as_str().and_then(Person::tag_of) == Some(2);
        let right = match self.operation {
            Operation::Create | Operation::Update | Operation::Reactivate => access,
            Operation::Rename => access && (!self.target.holds_names || holders.iter().all(named)),
            Operation::Deactivate | Operation::Delete => !access,
            Operation::Join => access && inside,
            Operation::Leave => access && !inside,
            Operation::CreateGroup | Operation::DeleteGroup => {
                let state = self.lever("GET", "state", &json!({}))?.to_string();
                let there = state.matches(GROUP).count();
                there == usize::from(self.operation == Operation::CreateGroup)
            }
        };
        if right { Ok(()) } else { Err(format!("the app has {holders:?}")) }
    }

    /// Never two accounts, and none made that nobody asked for.
    fn one_account(&self) -> Result<(), String> {
        let ledger = self.lever("GET", "ledger", &json!({}))?;
        let entries = ledger["entries"].as_array().cloned().unwrap_or_default();
        let made =
            entries.iter().filter(|one| one["before"].is_null() && one["after"]["email"] == ADDRESS).count();
        let gone =
            entries.iter().filter(|one| one["after"].is_null() && one["before"]["email"] == ADDRESS).count();
        let groups = matches!(self.operation, Operation::CreateGroup | Operation::DeleteGroup);
        let most =
            if self.target.keeps_accounts { usize::from(!groups) } else { gone + usize::from(!groups) };
        let again = usize::from(!self.target.keeps_accounts && self.operation == Operation::Reactivate);
        if made > most || gone > 1 + again {
            return Err(format!("{made} accounts were made and {gone} removed: {entries:?}"));
        }
        Ok(())
    }
}

fn simulator(name: &str) -> Result<Simulator, String> {
    let clock = std::sync::Arc::new(SystemClock);
    let made = match name {
        "hive" => hive::sim::simulator(Dialect::Guide, clock),
        "honeycomb" => honeycomb::sim::simulator(Dialect::Guide, clock),
        "tines" => tines::sim::simulator(Dialect::Guide, clock),
        _ => workiva::sim::simulator(Dialect::Guide, clock),
    };
    made.map_err(|error| error.to_string())
}
