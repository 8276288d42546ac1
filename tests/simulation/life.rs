//! One life: a gateway that dies and comes back, over a store that outlives it, from one number.

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis::base::clock::{SharedClock, Timestamp};
use portcullis::base::id::Ids;
use portcullis::base::jitter;
use portcullis::base::steady::{Machine, Reading, Steady, SteadyClock};
use portcullis::provision::{Connection, DeletePolicy, Gateway, Policy, Shared};
use portcullis::store::hooked::{Hook, Hooked};
use portcullis::store::memory::Memory;
use portcullis::store::{self, Intent, Intents, Kind, Store, Write};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::{App, Grouping, Way, Weather};
use crate::judge;
use crate::provider::{Provider, Said};

/// How long things go wrong, and how long they may take to heal.
const TROUBLE: Duration = Duration::from_mins(30);
const HEALING: Duration = Duration::from_mins(30);

/// Chance, from the number of the life.
#[derive(Debug)]
pub struct Dice(StdRng);

impl Dice {
    fn new(seed: u64, which: u64) -> Self {
        Self(StdRng::seed_from_u64(seed.wrapping_mul(1_000).wrapping_add(which)))
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0.random_range(0..limit)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// Whether a process lives still.
#[derive(Debug, Default)]
pub struct Alive {
    dead: AtomicBool,
    full: AtomicBool,
}

impl Alive {
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Comes back at once, or never.
    pub async fn or_never(&self) {
        if self.dead.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
    }
}

/// A wall clock that is set now and then; the runtime's own runs on.
#[derive(Debug)]
struct Wall {
    began: Instant,
    offset: AtomicI64,
    kept: Mutex<Option<Steady>>,
}

/// The machine as one process has it.
struct Clocks {
    wall: Arc<Wall>,
    alive: Arc<Alive>,
}

impl Machine for Clocks {
    /// What the wall clock shows, and how long the runtime has run.
    fn read(&self) -> Reading {
        let running = self.wall.began.elapsed();
        let offset = self.wall.offset.load(Ordering::SeqCst);
        (Timestamp(Timestamp(1_705_312_800_000_000).plus(running).0 + offset), running)
    }

    fn kept(&self) -> Option<Steady> {
        self.wall.kept.lock().unwrap().clone()
    }

    fn keep(&self, steady: &Steady) {
        if !self.alive.is_dead() {
            *self.wall.kept.lock().unwrap() = Some(steady.clone());
        }
    }
}

/// What came of a life.
pub struct Life {
    pub story: Vec<String>,
    pub violations: Vec<String>,
    pub tally: Tally,
}

#[derive(Debug, Default)]
pub struct Tally {
    pub requests: u64,
    pub confirmed: u64,
    pub crashes: u64,
    pub faults: u64,
    pub simulated: Duration,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.confirmed += other.confirmed;
        self.crashes += other.crashes;
        self.faults += other.faults;
        self.simulated += other.simulated;
    }
}

/// What all parts of a life share.
pub struct World {
    pub began: Instant,
    pub app: Arc<App>,
    memory: Memory,
    wall: Arc<Wall>,
    policy: Policy,
    process: Mutex<Process>,
    crashes: AtomicU64,
    troubles: Mutex<Vec<(Duration, String)>>,
}

#[derive(Clone)]
struct Process {
    alive: Arc<Alive>,
    gateway: Arc<Gateway>,
}

impl World {
    /// The connection of the process that lives now.
    pub fn connection(&self) -> (Arc<Connection>, Arc<Alive>) {
        let process = self.process.lock().unwrap();
        (process.gateway.connection("app").unwrap(), Arc::clone(&process.alive))
    }

    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn tell(&self, what: &str) {
        let at = self.elapsed();
        self.troubles.lock().unwrap().push((at, format!("{at:?} {what}")));
    }

    pub fn troubles(&self) -> Vec<(Duration, String)> {
        self.troubles.lock().unwrap().clone()
    }

    fn start(memory: &Memory, app: &Arc<App>, wall: &Arc<Wall>, policy: &Policy) -> Process {
        let alive = Arc::<Alive>::default();
        let clocks = Clocks { wall: Arc::clone(wall), alive: Arc::clone(&alive) };
        let clock: SharedClock = Arc::new(SteadyClock::new(clocks));
        let store = Arc::new(Hooked::new(memory.open(), Mortal(Arc::clone(&alive))));
        let shared = Arc::new(Shared {
            store,
            ids: Ids::new(Arc::clone(&clock)),
            clock,
            tracker: TaskTracker::new(),
            metrics: Arc::default(),
            leading: portcullis::provision::Leading::default(),
            gate: Arc::default(),
            anchor: None,
            tracer: Arc::default(),
        });
        let way = Arc::new(Way { app: Arc::clone(app), alive: Arc::clone(&alive) });
        let connection =
            Connection::new("app", "https://scim.example", way, policy.clone(), Arc::clone(&shared));
        Process { alive, gateway: Gateway::new(vec![connection], shared) }
    }

    /// The process dies where it stands, and another one begins.
    async fn crash(&self) {
        self.process.lock().unwrap().alive.dead.store(true, Ordering::SeqCst);
        self.crashes.fetch_add(1, Ordering::SeqCst);
        self.tell("the process dies");
        let next = Self::start(&self.memory, &self.app, &self.wall, &self.policy);
        next.gateway.recover().await.unwrap();
        tokio::spawn(Arc::clone(&next.gateway).keep_promises(CancellationToken::new()));
        *self.process.lock().unwrap() = next;
    }
}

/// Lives the life of this number.
pub fn live(seed: u64) -> Life {
    live_through(seed, HEALING, Grouping::None)
}

/// The same, with so long to heal.
pub fn live_and_heal(seed: u64, healing: Duration) -> Life {
    live_through(seed, healing, Grouping::None)
}

/// The life of this number in an app that has groups.
pub fn live_in_groups(seed: u64) -> Life {
    live_through(seed, HEALING, Grouping::Teams)
}

/// The same where one joins them by invitation.
pub fn live_in_workspaces(seed: u64) -> Life {
    live_through(seed, HEALING, Grouping::Workspaces)
}

/// The life of this number in an app whose groups are roles.
pub fn live_with_roles(seed: u64) -> Life {
    live_through(seed, HEALING, Grouping::Roles)
}

fn live_through(seed: u64, healing: Duration, grouping: Grouping) -> Life {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    jitter::seed(seed);
    runtime.block_on(async {
        let mut dice = Dice::new(seed, 0);
        let began = Instant::now();
        let (memory, app) = (Memory::default(), App::new(Dice::new(seed, 1), grouping));
        let wall = Arc::new(Wall { began, offset: AtomicI64::new(0), kept: Mutex::default() });
        let hard = dice.chance(30);
        let delete = if hard { DeletePolicy::Hard } else { DeletePolicy::Deactivate };
        let policy = Policy { delete, ..Policy::default() };
        let first = World::start(&memory, &app, &wall, &policy);
        tokio::spawn(Arc::clone(&first.gateway).keep_promises(CancellationToken::new()));
        let world = Arc::new(World {
            began,
            app,
            memory,
            wall,
            policy,
            process: Mutex::new(first),
            crashes: AtomicU64::new(0),
            troubles: Mutex::default(),
        });
        let provider = Provider::new(Arc::clone(&world));
        let people = 1 + dice.below(3);
        for person in 0..people {
            let hands = [1, 1, 2, 2, 3, 8][usize::try_from(dice.below(6)).unwrap()];
            for hand in 0..hands {
                let dice = Dice::new(seed, 10 + person * 10 + hand);
                tokio::spawn(Arc::clone(&provider).work(person, dice, began + TROUBLE));
            }
            for (hand, group) in grouping.to_leave().iter().enumerate() {
                let dice = Dice::new(seed, 100 + person * 10 + hand as u64);
                tokio::spawn(Arc::clone(&provider).work_in_group(person, group, dice, began + TROUBLE));
            }
        }
        trouble(&world, &mut dice, began + TROUBLE).await;
        world.app.set_weather(Weather::FAIR);
        world.app.set_down(false);
        world.process.lock().unwrap().alive.full.store(false, Ordering::SeqCst);
        sleep(healing).await;
        let (said, story): (Vec<Said>, Vec<String>) = provider.history();
        let violations = judge::judge(&world, &said, healing).await;
        let tally = Tally {
            requests: said.len() as u64,
            confirmed: said.iter().filter(|said| said.confirmed_leaver()).count() as u64,
            crashes: world.crashes.load(Ordering::SeqCst),
            faults: world.app.faults(),
            simulated: world.elapsed(),
        };
        Life { story, violations, tally }
    })
}

/// Crashes, outages, full disks and jumps of the clock, until the end.
async fn trouble(world: &World, dice: &mut Dice, end: Instant) {
    while Instant::now() < end {
        sleep(Duration::from_secs(5 + dice.below(240))).await;
        match dice.below(10) {
            0..=4 => {
                // Now and then with the machine.
                if dice.chance(10) {
                    world.tell("the machine is started again");
                    *world.wall.kept.lock().unwrap() = None;
                }
                world.crash().await;
            }
            5 | 6 => {
                world.app.set_down(true);
                sleep(Duration::from_secs(1 + dice.below(120))).await;
                world.app.set_down(false);
            }
            7 | 8 => {
                let alive = Arc::clone(&world.process.lock().unwrap().alive);
                alive.full.store(true, Ordering::SeqCst);
                world.tell("the disk is full");
                sleep(Duration::from_secs(1 + dice.below(60))).await;
                alive.full.store(false, Ordering::SeqCst);
                world.tell("the disk is free");
            }
            _ => {
                // Forwards and backwards, an hour at the most.
                let jump = i64::try_from(dice.below(7_200)).unwrap() - 3_600;
                world.tell(&format!("the clock is set by {jump} s"));
                world.wall.offset.fetch_add(jump * 1_000_000, Ordering::SeqCst);
            }
        }
    }
}

impl World {
    /// Whether there is somebody with this id.
    pub async fn knows(&self, id: &str) -> bool {
        self.memory.open().record("app", Kind::User, id).await.unwrap().is_some()
    }

    /// Every entry that is open still.
    pub async fn open_intents(&self) -> Vec<Intent> {
        self.memory.open().intents(&Intents::AllOpen(None)).await.unwrap()
    }
}

/// The store of one process: it dies with it, and its disk can be full.
#[derive(Debug)]
struct Mortal(Arc<Alive>);

impl Hook for Mortal {
    async fn read<T: Send>(
        &self,
        _: &'static str,
        work: impl Future<Output = store::Result<T>> + Send,
    ) -> store::Result<T> {
        self.0.or_never().await;
        work.await
    }

    async fn commit(&self, store: &dyn Store, writes: Vec<Write>) -> store::Result<()> {
        self.0.or_never().await;
        // A process may die on either side of a commit.
        tokio::task::yield_now().await;
        self.0.or_never().await;
        if self.0.full.load(Ordering::SeqCst) {
            return Err(store::Error::Unavailable("the disk is full".to_owned()));
        }
        store.commit(writes).await?;
        tokio::task::yield_now().await;
        self.0.or_never().await;
        Ok(())
    }
}
