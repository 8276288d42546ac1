//! `kill -9` at random moments while identity providers are at work and apps fail: round after round on one data
//! directory, with everything checked after each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use portcullis::scim::schema::GATEWAY_USER;

use super::audit::{Audit, IN_DOUBT, Memory, is_in_doubt};
use super::books::{Asked, Books};
use super::checker::{Case, Invariant, Violation};
use super::dice::Dice;
use super::history::{Act, Told};
use super::idp::Job;
use super::ledger::{Ledger, credentials, journal, plague};
use super::processes::Program;
use super::stage::{Keeps, Stage};

/// How long what was promised may take once nothing fails any more; on Postgres what a killed process had begun is left
/// alone until its attempt must be over.
const SETTLES: Duration = Duration::from_secs(20);
const SETTLES_SHARED: Duration = Duration::from_mins(1);

/// How long it may take until everybody was told everything: an app that failed too often is left alone for half a
/// minute.
const TOLD: Duration = Duration::from_secs(45);
const LEFT_ALONE: &str = "is left alone until it works again";

/// Lives in a hundred that are counted from when the gateway serves; the others from when it listens, so that it is
/// killed while it looks through its store and takes up what was left, too.
const SERVING: u64 = 75;

/// Kills until everything begins anew: a start reads the whole file, which grows.
const KILLS_A_STAGE: u64 = 1_000;

/// Gateways before one Postgres.
const REPLICAS: usize = 2;

/// Resident memory and open files the gateway may have.
const RESIDENT_KIB: u64 = 256 * 1024;
const FILES: u64 = 256;

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub keeps: Keeps,
    pub kills: u64,
    /// Kills between two looks at everything.
    pub kills_a_round: u64,
    /// Requests at the same time for each connection.
    pub at_once: usize,
    /// Calls in a hundred that the apps spoil.
    pub faults: f64,
    /// The shortest and the longest life of a gateway, in milliseconds after it listens or serves.
    pub lives_ms: (u64, u64),
}

impl Plan {
    /// The usual run of so many kills.
    pub fn of(seed: u64, kills: u64) -> Self {
        let keeps = Keeps::Sqlite;
        Self { seed, keeps, kills, kills_a_round: 25, at_once: 2, faults: 10.0, lives_ms: (10, 250) }
    }

    /// The same on Postgres, with two replicas behind a load balancer, one of which is killed at a time: the leases of a
    /// killed process are waited for, so that lives are longer than those; what it had begun is taken up only once an
    /// attempt must be over, so that there are more kills between two looks.
    pub fn on_postgres(seed: u64, kills: u64) -> Self {
        let sqlite = Self::of(seed, kills);
        Self {
            keeps: Keeps::Postgres(REPLICAS),
            kills_a_round: 100,
            at_once: 4,
            lives_ms: (50, 1_500),
            ..sqlite
        }
    }
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Figures {
    pub kills: u64,
    /// Those of a gateway that had begun to serve.
    pub kills_serving: u64,
    pub rounds: u64,
    pub requests: u64,
    pub done: u64,
    pub unanswered: u64,
    /// Deactivations and deletions answered with a success.
    pub leavers_answered: u64,
    /// And those that were sent and not.
    pub leavers_unanswered: u64,
    pub accounts_made: u64,
    pub changes: u64,
    /// Entries of the audit, each compared with what the apps were asked.
    pub entries: u64,
    pub agreed: u64,
    /// Deactivations the journal still owed when a round's traffic ended.
    pub owed: u64,
    pub resident_kib: u64,
    pub files: u64,
    pub slowest_settling: Duration,
    pub took: Duration,
    pub violations: Vec<Violation>,
}

impl Figures {
    /// The figures as the rows of a table.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        vec![
            ("kills", self.kills.to_string()),
            ("… while it served", self.kills_serving.to_string()),
            ("rounds, each checked", self.rounds.to_string()),
            ("requests", self.requests.to_string()),
            ("… answered as done", self.done.to_string()),
            ("… never answered", self.unanswered.to_string()),
            ("leavers answered as out", self.leavers_answered.to_string()),
            ("leavers refused or unanswered", self.leavers_unanswered.to_string()),
            ("promises open when traffic ended", self.owed.to_string()),
            ("accounts made", self.accounts_made.to_string()),
            ("changes in the apps", self.changes.to_string()),
            ("entries of the audit", self.entries.to_string()),
            ("calls in audit and app alike", self.agreed.to_string()),
            ("slowest settling", format!("{:.1} s", self.slowest_settling.as_secs_f64())),
            ("most memory", format!("{} MiB", self.resident_kib / 1024)),
            ("most files", self.files.to_string()),
            ("took", format!("{:.0} s", self.took.as_secs_f64())),
            ("violations", self.violations.len().to_string()),
        ]
    }
}

/// Runs a plan in `folder`.
///
/// # Errors
/// The stage could not be set or moved; a violation is no error, it is in the figures.
pub fn run(program: &Program, folder: &Path, plan: &Plan) -> Result<Figures, String> {
    let began = Instant::now();
    let mut figures = Figures::default();
    while figures.kills < plan.kills && figures.violations.is_empty() {
        let folder = folder.join(format!("after-{}", figures.kills));
        let until = plan.kills.min(figures.kills + KILLS_A_STAGE);
        let seed = plan.seed + figures.kills;
        figures = Run::set(program, &folder, Plan { seed, kills: until, ..plan.clone() }, figures)?.go()?;
    }
    figures.took = began.elapsed();
    Ok(figures)
}

struct Run {
    plan: Plan,
    stage: Stage,
    jobs: Vec<Job>,
    ledgers: Vec<Ledger>,
    books: Vec<Books>,
    /// When access was last asked for, for each person.
    asked: BTreeMap<String, i64>,
    dice: Dice,
    settles: Duration,
    /// Calls alike in audit and app on the stages before.
    agreed: u64,
    figures: Figures,
}

impl Run {
    /// A stage of its own, until `plan.kills` are reached; `figures` are those of the stages before.
    fn set(program: &Program, folder: &Path, plan: Plan, figures: Figures) -> Result<Self, String> {
        let mut stage = Stage::set_on(program, folder, plan.seed, plan.keeps)?;
        stage.start()?;
        stage.until_ready()?;
        let jobs: Vec<Job> = stage
            .apps
            .iter()
            .map(|app| {
                let mut job = Job::new(app.target, app.flavour, app.connection.clone());
                job.hire(10);
                job
            })
            .collect();
        let mut ledgers = Vec::new();
        for app in &stage.apps {
            let mut ledger = Ledger::default();
            ledger.read(app)?;
            ledgers.push(ledger);
        }
        let books = stage.apps.iter().map(|_| Books::default()).collect();
        let settles = if plan.keeps == Keeps::Sqlite { SETTLES } else { SETTLES_SHARED };
        let (asked, dice, agreed) = (BTreeMap::new(), Dice::split(plan.seed, 1), figures.agreed);
        Ok(Self { plan, stage, jobs, ledgers, books, asked, dice, settles, agreed, figures })
    }

    fn go(mut self) -> Result<Figures, String> {
        while self.figures.kills < self.plan.kills && self.figures.violations.is_empty() {
            self.round()?;
        }
        if self.figures.violations.is_empty() {
            self.verify();
        }
        Ok(self.figures)
    }

    /// Traffic under kills, then quiet, then a look at everything.
    fn round(&mut self) -> Result<(), String> {
        self.figures.rounds += 1;
        for job in &mut self.jobs {
            job.hire(1);
        }
        for app in &self.stage.apps {
            app.plague(&plague(self.plan.faults))?;
        }
        self.traffic()?;
        for app in &self.stage.apps {
            app.heal()?;
        }
        self.settle()?;
        // From here on nobody hangs up: what does not work now has no excuse.
        let hang_ups: Vec<u64> = self.jobs.iter_mut().map(|job| std::mem::take(&mut job.hangs_up)).collect();
        let left = self.tell_everything();
        self.settle()?;
        let checked = self.check(&left);
        for (job, hangs_up) in self.jobs.iter_mut().zip(hang_ups) {
            job.hangs_up = hangs_up;
        }
        checked
    }

    fn traffic(&mut self) -> Result<(), String> {
        let over = AtomicBool::new(false);
        let (plan, jobs, stage, dice) = (&self.plan, &self.jobs, &mut self.stage, &mut self.dice);
        let (mut kills, mut kills_serving, mut serves, mut died) = (0, 0, true, None);
        thread::scope(|scope| -> Result<(), String> {
            for (number, job) in jobs.iter().enumerate() {
                for worker in 0..plan.at_once {
                    let purpose = self.figures.rounds * 1_000 + (number * 100 + worker) as u64;
                    let (over, seed) = (&over, plan.seed);
                    scope.spawn(move || work(job, Dice::split(seed, purpose), over));
                }
            }
            let ended = (|| {
                for _ in 0..plan.kills_a_round.min(plan.kills - self.figures.kills) {
                    let (shortest, longest) = plan.lives_ms;
                    thread::sleep(Duration::from_millis(dice.within(shortest, longest)));
                    if let Err(text) = stage.kill(dice.below(stage.replicas())) {
                        died = Some(text);
                        return Ok(());
                    }
                    kills += 1;
                    kills_serving += u64::from(serves);
                    stage.start()?;
                    serves = dice.percent(SERVING);
                    if serves {
                        stage.until_ready()?;
                    }
                }
                stage.until_ready()
            })();
            over.store(true, Ordering::SeqCst);
            ended
        })?;
        self.figures.kills += kills;
        self.figures.kills_serving += kills_serving;
        if let Some(text) = died {
            self.figures.violations.push(Violation { invariant: Invariant::Alive, text });
            self.stage.start()?;
        }
        Ok(())
    }

    /// The product's own look at its audit, with the heads it has signed.
    fn verify(&mut self) {
        let config = self.stage.config();
        if let Err(text) = self.stage.program.run(&["audit", "verify", "--config", &config]) {
            self.figures.violations.push(Violation { invariant: Invariant::Audit, text });
        }
    }

    /// Waits until nothing is owed; what is owed too long is found by the check.
    fn settle(&mut self) -> Result<(), String> {
        let audit = Audit::open(self.stage.database())?;
        let began = Instant::now();
        let mut owed = audit.owes()?;
        self.figures.owed += u64::from(owed);
        while owed && began.elapsed() < self.settles {
            thread::sleep(Duration::from_millis(100));
            owed = audit.owes()?;
        }
        self.figures.slowest_settling = self.figures.slowest_settling.max(began.elapsed());
        Ok(())
    }

    /// Without faults and kills everybody is told everything; answers whom that did not work for.
    fn tell_everything(&mut self) -> Vec<(usize, String, String)> {
        let mut left = Vec::new();
        for (number, job) in self.jobs.iter().enumerate() {
            let mut open: Vec<usize> = (0..job.people.len()).collect();
            for place in &open {
                job.person(*place).into_iter().for_each(|mut person| person.failures = 0);
            }
            let began = Instant::now();
            while !open.is_empty() && began.elapsed() < TOLD {
                let mut waits = false;
                open.retain(|place| {
                    let Some(mut person) = job.person(*place) else { return true };
                    let told = job.tell(&mut person, &mut self.dice, true);
                    if person.failures > 0 && person.failure.contains(LEFT_ALONE) {
                        person.failures = 1;
                        waits = true;
                    }
                    told && person.failures < 4
                });
                if waits {
                    thread::sleep(Duration::from_millis(500));
                }
            }
            let unfinished = |place| job.person(place).filter(|person| person.failures > 0);
            left.extend(
                (0..job.people.len())
                    .filter_map(unfinished)
                    .map(|person| (number, person.address.clone(), person.failure.clone())),
            );
        }
        left
    }

    fn check(&mut self, left: &[(usize, String, String)]) -> Result<(), String> {
        let audit = Audit::open(self.stage.database())?;
        let mut found = Vec::new();
        for (number, app) in self.stage.apps.iter().enumerate() {
            let job = &self.jobs[number];
            let left: Vec<_> = left.iter().filter(|(of, ..)| *of == number).collect();
            let ids: Vec<String> = job.ids().into_iter().collect();
            let before = audit.read(app.target.name, &ids)?;
            let left = Self::try_once_more(job, &left, &mut self.dice);
            let told = job.history.take();
            let ids: Vec<String> = job.ids().into_iter().collect();
            let memory = audit.read(app.target.name, &ids)?;
            let ledger = &mut self.ledgers[number];
            ledger.read(app)?;
            let asked = journal(app)?;
            let mut known = BTreeMap::new();
            let (mut ids, mut wrong) = (BTreeMap::new(), Vec::new());
            for place in 0..job.people.len() {
                let Some(person) = job.person(place) else { continue };
                known.insert(person.address.clone(), person.told.id.is_some());
                ids.insert(person.address.clone(), person.ids.clone());
                let id = person.told.id.as_deref();
                let in_doubt = id.is_some_and(|id| memory.is_in_doubt(id));
                let shown = shown(job, &person.address, id, ledger, in_doubt);
                wrong.extend(shown.map(|it| (person.address.clone(), it)));
            }
            let case = Case {
                target: app.target,
                told: &told,
                ledger,
                journal: &asked,
                memory: &memory,
                ids: &ids,
                asked: &self.asked,
                known: &known,
            };
            found.extend(case.violations());
            found.extend(wrong.iter().map(|(person, text)| case.violation(Invariant::Truth, person, text)));
            for (person, failure) in &left {
                let stuck = stuck(person, failure, &before).and_then(|_| stuck(person, failure, &memory));
                found.extend(stuck.map(|text| case.violation(Invariant::Progress, person, text)));
            }
            let books = &mut self.books[number];
            let links = audit.links(app.target.name, books.read_until())?;
            let wrong = books.compare(app.target.name, &links, Asked::all(&asked));
            self.figures.entries += links.len() as u64;
            found.extend(wrong.into_iter().map(|text| Violation {
                invariant: Invariant::Audit,
                text: format!("{}: {text}", app.target.name),
            }));
            let kinds = credentials(&asked);
            if kinds.is_empty() {
                let text = format!("{}: no call shows a credential", app.target.name);
                found.push(Violation { invariant: Invariant::Credentials, text });
            }
            found.extend(
                links.iter().filter_map(|link| self.stage.gives_away(&link.entry)).map(|text| Violation {
                    invariant: Invariant::Secrets,
                    text: format!("the audit: {text}"),
                }),
            );
            for (kind, call) in kinds {
                if kind.ends_with("unknown") {
                    let text = format!("{}: `{kind}` with {call}", app.target.name);
                    found.push(Violation { invariant: Invariant::Credentials, text });
                }
            }
            self.figures.count(&told, ledger);
            let activations = told.into_values().flatten().filter(|one| one.act == Act::Activate);
            self.asked.extend(activations.map(|one| (one.person, one.sent)));
        }
        self.figures.agreed = self.agreed + self.books.iter().map(|books| books.agreed).sum::<u64>();
        found.extend(self.bounds());
        self.figures.violations.extend(found);
        Ok(())
    }

    /// What was in doubt a moment ago may have been settled since; it may be settled right after this, too.
    fn try_once_more(job: &Job, left: &[&(usize, String, String)], dice: &mut Dice) -> Vec<(String, String)> {
        let mut still = Vec::new();
        for place in 0..job.people.len() {
            let Some(mut person) = job.person(place) else { continue };
            if left.iter().any(|(_, address, _)| *address == person.address) {
                person.failures = 0;
                job.tell(&mut person, dice, true);
                if person.failures > 0 {
                    still.push((person.address.clone(), person.failure.clone()));
                }
            }
        }
        still
    }

    fn bounds(&mut self) -> Vec<Violation> {
        let most = self.stage.measure();
        self.figures.resident_kib = self.figures.resident_kib.max(most.resident_kib);
        self.figures.files = self.figures.files.max(most.files);
        let mut found = Vec::new();
        if most.resident_kib > RESIDENT_KIB || most.files > FILES {
            found.push(Violation { invariant: Invariant::Bounds, text: format!("{most:?}") });
        }
        let log = self.stage.log();
        if let Some(text) = self.stage.gives_away(&log) {
            found.push(Violation { invariant: Invariant::Secrets, text: format!("the log: {text}") });
        }
        if let Some(line) = log.lines().find(|line| line.contains("panicked")) {
            found.push(Violation { invariant: Invariant::Alive, text: line.to_owned() });
        }
        found
    }
}

/// One request after another until it is over.
fn work(job: &Job, mut dice: Dice, over: &AtomicBool) {
    while !over.load(Ordering::SeqCst) {
        let place = dice.below(job.people.len());
        let Some(mut person) = job.person(place) else { continue };
        if dice.percent(40) {
            job.change(&mut person, &mut dice);
        }
        if !job.tell(&mut person, &mut dice, false) {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// What is shown of somebody against what stands; freshness is a second, so it is read until it is right. Whoever is
/// `in_doubt` and shown so is no matter: an app that hides who is invited tells nobody whether they are.
fn shown(job: &Job, person: &str, id: Option<&str>, ledger: &Ledger, in_doubt: bool) -> Option<String> {
    let id = id?;
    let access = ledger.has_access(person);
    let began = Instant::now();
    loop {
        let answer = job.door.send("GET", &format!("/Users/{id}"), None, Duration::from_secs(30));
        let says = match &answer {
            Ok(answer) if answer.status == 200 => {
                let resource = answer.json();
                if in_doubt && resource[GATEWAY_USER]["fulfilmentState"] == "pending" {
                    return None;
                }
                resource["active"] == true
            }
            Ok(answer) if answer.status == 404 => false,
            _ => !access,
        };
        if says == access {
            return None;
        }
        if began.elapsed() > Duration::from_secs(4) {
            let told = answer.map(|answer| answer.json().to_string());
            return Some(format!("access is {access} and what is shown is {told:?}"));
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// Somebody for whom nothing worked though nothing failed: allowed while a create is looked for that may have been
/// applied, while somebody who was never answered may still come, and until what a killed replica was at is closed.
fn stuck(person: &str, failure: &str, memory: &Memory) -> Option<String> {
    let young = |at: i64| Duration::from_micros(u64::try_from(super::now() - at).unwrap_or(0)) < IN_DOUBT;
    if memory.create_in_doubt(person).is_some_and(|intent| young(intent.created_at.0)) {
        return None;
    }
    let known = memory.people.get(&person.to_lowercase());
    let standing = known.map(|(_, standing)| standing);
    let is_left_open = known.is_some_and(|(record, _)| {
        memory.open.iter().any(|intent| intent.resource == record.id && young(intent.updated_at.0))
    });
    if is_left_open || standing.is_some_and(is_in_doubt) {
        return None;
    }
    Some(format!("nothing failed and it did not work: {failure}; remembered: {standing:?}"))
}

impl Figures {
    fn count(&mut self, told: &BTreeMap<String, Vec<Told>>, ledger: &Ledger) {
        for one in told.values().flatten() {
            self.requests += 1;
            self.done += u64::from(one.is_done());
            self.unanswered += u64::from(one.answer.is_err());
            if one.act.takes_access() {
                self.leavers_answered += u64::from(one.is_done());
                self.leavers_unanswered += u64::from(!one.is_done());
            }
        }
        self.changes += ledger.changes.len() as u64;
        self.accounts_made += ledger.changes.iter().filter(|change| change.creates()).count() as u64;
    }
}

/// A folder of its own for a run; it is left where it is, so that what went wrong can be looked at.
pub fn folder(name: &str, seed: u64) -> PathBuf {
    std::env::temp_dir().join(format!("portcullis-{name}-{seed}-{}", std::process::id()))
}
