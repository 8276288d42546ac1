//! How soon those who leave are out: after an outage, after a restart with many of them owed, and under a flood of others.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Row;
use crate::harness::idp::person::Person;
use crate::harness::processes::Program;
use crate::harness::stage::{Keeps, Simulated, Stage};
use crate::harness::wire::{Response, Silence};

/// The app whose people leave in thousands: it keeps accounts, and has no workspace that could be lost.
const CROWDED: &str = "tines";

/// Requests at the same time, as identity providers send them.
const CALLERS: usize = 16;

/// People of each app who leave while it is down, and for how long it is: waits have grown to their longest by then.
const FEW: usize = 25;
const OUTAGE: Duration = Duration::from_secs(90);

/// Callers of the flood, more than a connection has places for, and what the app bears in a second.
const FLOOD: usize = 60;
const PER_SECOND: usize = 5;
/// Leavers of the flooded connection, and of another one.
const UNDER_FLOOD: usize = 100;

const PATIENCE: Duration = Duration::from_secs(40);
const LONGEST: Duration = Duration::from_mins(15);

/// How soon a gateway answers that starts with leavers owed, and how soon they are out after an outage.
const ANSWERS: Duration = Duration::from_secs(5);
const OUT: Duration = Duration::from_secs(10);
/// What all but a hundredth of the leavers of the flooded connection may take, and of another one.
const FLOODED: Duration = Duration::from_secs(5);
const OTHERS: Duration = Duration::from_secs(2);

/// Measures all of it in `folder`, for one gateway on this store, and tells every part as it is known; `many` is how many
/// leave while the gateway is killed.
///
/// # Errors
/// The stage cannot be set, or somebody who left has access longer than a quarter of an hour.
pub fn run(
    program: &Program,
    folder: &Path,
    keeps: Keeps,
    many: usize,
    mut tell: impl FnMut(Row),
) -> Result<(), String> {
    let stage = |name: &str, seed| {
        let stage = Stage::set_on(program, &folder.join(name), seed, keeps)?;
        // What a killed process held is waited for as long as in a product as it comes.
        stage.configure(|config| Ok(config.replace("lease = \"2s\"", "lease = \"30s\"")))?;
        Ok::<_, String>(stage)
    };
    restart(stage("restart", 0)?, many)?.into_iter().for_each(&mut tell);
    tell(outage(stage("outage", 1)?)?);
    flood(stage("flood", 0)?)?.into_iter().for_each(&mut tell);
    Ok(())
}

/// Everybody leaves while the app is down, the gateway is killed, the app comes back.
fn restart(mut stage: Stage, many: usize) -> Result<Vec<Row>, String> {
    stage.start()?;
    let app = app(&stage, CROWDED)?;
    let ids = hire(app, "leaver", many)?;
    app.plague(&json!([{ "status": 503 }]))?;
    let told = deactivate(app, &ids)?;
    let promised = told.iter().filter(|(status, _)| (429..=503).contains(status)).count();
    if promised != many {
        return Err(format!("{promised} of {many} deactivations were promised while the app was down"));
    }
    stage.kill(0)?;
    let began = Instant::now();
    stage.start()?;
    let app = self::app(&stage, CROWDED)?;
    until(Duration::from_millis(20), || {
        Ok(matches!(status(app, "GET", "/ServiceProviderConfig", None), Ok(200)))
    })?;
    let ready = began.elapsed();
    app.heal()?;
    let healed = Instant::now();
    until(Duration::from_secs(1), || Ok(with_access(app, "leaver")? == 0))?;
    Ok(vec![
        Row::free("start with so many leavers owed", many.to_string()),
        Row::within("… until it answers", ANSWERS, ready),
        Row::took("… until all are out", healed.elapsed()),
    ])
}

/// A few people of every app leave while it is down for long.
fn outage(mut stage: Stage) -> Result<Row, String> {
    stage.start()?;
    for app in &stage.apps {
        let ids = hire(app, "leaver", FEW)?;
        app.plague(&json!([{ "status": 503 }]))?;
        deactivate(app, &ids)?;
    }
    thread::sleep(OUTAGE);
    for app in &stage.apps {
        app.heal()?;
    }
    let healed = Instant::now();
    until(Duration::from_millis(100), || {
        let left: Result<usize, String> = stage.apps.iter().map(|app| with_access(app, "leaver")).sum();
        Ok(left? == 0)
    })?;
    Ok(Row::within("leavers out after an outage", OUT, healed.elapsed()))
}

/// Joiners come faster than the app bears; a leaver of this connection and one of another go in between.
fn flood(mut stage: Stage) -> Result<Vec<Row>, String> {
    stage.configure(|config| {
        let (before, after) = config.split_once("[connections.tines]").ok_or("tines is not configured")?;
        let slow = after.replacen("per_second = 2000", &format!("per_second = {PER_SECOND}"), 1);
        let slow = slow.replacen("freshness = \"1s\"", "freshness = \"1h\"", 1);
        Ok(format!("{before}[connections.tines]{slow}"))
    })?;
    stage.start()?;
    let (flooded, other) = (app(&stage, CROWDED)?, app(&stage, "workiva")?);
    let here = hire(flooded, "leaver", UNDER_FLOOD)?;
    let there = hire(other, "leaver", UNDER_FLOOD)?;
    let (over, turned_away) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut flooded_took, mut other_took) = (Vec::new(), Vec::new());
    thread::scope(|scope| -> Result<(), String> {
        for caller in 0..FLOOD {
            let (over, turned_away) = (&over, &turned_away);
            scope.spawn(move || {
                for number in 0.. {
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    let joiner = Person::new(format!("joiner{caller}-{number}@example.com"));
                    let answer = status(flooded, "POST", "/Users", Some(&joiner.resource(true)));
                    if !matches!(answer, Ok(201)) {
                        turned_away.fetch_add(1, Ordering::SeqCst);
                        thread::sleep(Duration::from_millis(100));
                    }
                }
            });
        }
        thread::sleep(Duration::from_secs(4));
        let left = here.iter().zip(&there).try_for_each(|(one, another)| {
            flooded_took.push(leave(flooded, one)?);
            other_took.push(leave(other, another)?);
            Ok(())
        });
        over.store(true, Ordering::SeqCst);
        left
    })?;
    if turned_away.load(Ordering::SeqCst) == 0 {
        return Err("nobody was turned away: there was no flood".to_owned());
    }
    Ok(vec![
        Row::within("leaver of the flooded connection, p99", FLOODED, slowest(&mut flooded_took)),
        Row::within("leaver of another connection, p99", OTHERS, slowest(&mut other_took)),
    ])
}

/// How long one deactivation takes until it is confirmed.
fn leave(app: &Simulated, id: &str) -> Result<Duration, String> {
    let began = Instant::now();
    match status(app, "PATCH", &format!("/Users/{id}"), Some(&inactive())) {
        Ok(200 | 204) => Ok(began.elapsed()),
        other => Err(format!("a leaver under the flood was answered {other:?}")),
    }
}

/// Of all but a hundredth.
fn slowest(took: &mut [Duration]) -> Duration {
    took.sort_unstable();
    took.get(took.len() * 99 / 100).or(took.last()).copied().unwrap_or_default()
}

fn app<'a>(stage: &'a Stage, name: &str) -> Result<&'a Simulated, String> {
    stage.apps.iter().find(|app| app.target.name == name).ok_or_else(|| format!("there is no {name}"))
}

/// Makes people, however long the app makes them wait, and answers their ids.
fn hire(app: &Simulated, name: &str, count: usize) -> Result<Vec<String>, String> {
    let people: Vec<Person> =
        (0..count).map(|number| Person::new(format!("{name}{number}@example.com"))).collect();
    let made = all(&people, |person| {
        let began = Instant::now();
        loop {
            let answer = send(app, "POST", "/Users", Some(&person.resource(true)));
            let waits = answer.as_ref().is_ok_and(|answer| matches!(answer.status, 429 | 503));
            if !waits || began.elapsed() > LONGEST {
                return answer;
            }
            thread::sleep(Duration::from_secs(1));
        }
    })?;
    made.into_iter()
        .map(|(status, body)| match body["id"].as_str() {
            Some(id) if status == 201 => Ok(id.to_owned()),
            _ => Err(format!("{}: a create was answered {status} {body}", app.target.name)),
        })
        .collect()
}

fn deactivate(app: &Simulated, ids: &[String]) -> Result<Vec<(u16, Value)>, String> {
    all(ids, |id| send(app, "PATCH", &format!("/Users/{id}"), Some(&inactive())))
}

fn inactive() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "active", "value": false }],
    })
}

fn send(app: &Simulated, method: &str, path: &str, body: Option<&Value>) -> Result<Response, Silence> {
    app.connection.send(method, path, body, PATIENCE)
}

fn status(app: &Simulated, method: &str, path: &str, body: Option<&Value>) -> Result<u16, Silence> {
    send(app, method, path, body).map(|answer| answer.status)
}

/// Asks something of each, some at the same time; the answers are in the order of `asked`.
fn all<T: Sync>(
    asked: &[T],
    ask: impl Fn(&T) -> Result<Response, Silence> + Sync,
) -> Result<Vec<(u16, Value)>, String> {
    let next = AtomicUsize::new(0);
    let told = Mutex::new(vec![(0, Value::Null); asked.len()]);
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                while let number = next.fetch_add(1, Ordering::SeqCst)
                    && let Some(one) = asked.get(number)
                {
                    let answer = ask(one).map(|answer| (answer.status, answer.json()));
                    if let (Ok(answer), Ok(mut told)) = (answer, told.lock())
                        && let Some(place) = told.get_mut(number)
                    {
                        *place = answer;
                    }
                }
            });
        }
    });
    let told = told.into_inner().map_err(|error| error.to_string())?;
    Ok(told)
}

/// How many people whose address begins with `name` have access to the app.
fn with_access(app: &Simulated, name: &str) -> Result<usize, String> {
    let told = app.lever("GET", &format!("ledger?after={}", i64::MAX), &json!({}))?;
    let holders = told["holders"].as_array().ok_or("the ledger tells no holders")?;
    let is_left = |holder: &&Value| {
        holder["access"] == true && holder["email"].as_str().is_some_and(|email| email.starts_with(name))
    };
    Ok(holders.iter().filter(is_left).count())
}

/// Looks again and again, so long apart, until it is done.
fn until(apart: Duration, done: impl Fn() -> Result<bool, String>) -> Result<(), String> {
    let began = Instant::now();
    while !done()? {
        if began.elapsed() > LONGEST {
            return Err(format!("it took longer than {LONGEST:?}"));
        }
        thread::sleep(apart);
    }
    Ok(())
}
