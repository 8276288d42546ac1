//! What Okta and Entra do at first: look everybody up, create who is not there, then push groups.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Result;
use super::mode::{Groups, MADE, Mode, Work};
use super::stage::{Idp, Stage};

/// Connections of the identity provider.
const CONNECTIONS: usize = 4;
/// Members in one request.
const AT_ONCE: usize = 100;

/// What a cycle came to.
#[derive(Debug)]
pub struct Cycle {
    pub calls: usize,
    pub least: usize,
    pub took: Duration,
    /// How many calls there were of each kind, ids left out.
    pub kinds: BTreeMap<String, usize>,
}

impl Cycle {
    /// How many calls were made for each that had to be made; 1 where there were none of either.
    #[expect(clippy::cast_precision_loss, reason = "no cycle makes more than 2^52 calls")]
    pub fn ratio(&self) -> f64 {
        if self.calls == self.least { 1.0 } else { self.calls as f64 / self.least as f64 }
    }
}

/// An initial cycle that is under way.
struct Run {
    stage: Stage,
    ids: Vec<String>,
    work: Work,
    took: Duration,
}

impl Run {
    fn start(program: &Path, mode: &Mode) -> Result<Self> {
        let work = Work { people: 0, made_groups: 0, pushes: 0, members: 0 };
        Ok(Self { stage: Stage::start(program, mode, 0)?, ids: Vec::new(), work, took: Duration::ZERO })
    }

    /// So many more people join.
    fn join(&mut self, people: usize) -> Result<()> {
        let began = Instant::now();
        let known = self.ids.len();
        self.ids.extend(join(&self.stage, known..known + people)?);
        self.work.people = self.ids.len();
        self.took += began.elapsed();
        Ok(())
    }

    /// Every group whose number has this remainder is filled.
    fn fill(&mut self, mode: &Mode, remainder: usize, of: usize) -> Result<()> {
        let began = Instant::now();
        let mut idp = self.stage.idp()?;
        for at in (remainder..mode.groups.count()).step_by(of) {
            let (group, members) = group(&mut idp, mode, at, &self.ids, &mut self.work)?;
            push(&mut idp, &group, &members, &mut self.work)?;
        }
        self.took += began.elapsed();
        Ok(())
    }

    fn end(self, mode: &Mode) -> Result<Cycle> {
        let calls = self.stage.calls()?;
        let mut kinds = BTreeMap::new();
        for call in &calls {
            *kinds.entry(kind(&call.method, &call.path)).or_default() += 1;
        }
        Ok(Cycle { calls: calls.len(), least: mode.least.calls(self.work), took: self.took, kinds })
    }
}

/// An initial cycle of so many people.
pub fn initial(program: &Path, mode: &Mode, people: usize) -> Result<Cycle> {
    let mut run = Run::start(program, mode)?;
    run.join(people)?;
    run.fill(mode, 0, 1)?;
    run.end(mode)
}

/// An initial cycle of `times` as many people, and as many of so few, by turns after every few: the machine is not
/// always as fast, and so both have as much of it. Of the few what all together took, and the calls of the first.
pub fn growing(program: &Path, mode: &Mode, people: usize, times: u32) -> Result<(Duration, Cycle)> {
    let mut many = Run::start(program, mode)?;
    let mut few = Vec::new();
    for _ in 0..times {
        many.join(people)?;
        let mut run = Run::start(program, mode)?;
        run.join(people)?;
        few.push(run);
    }
    for (turn, run) in few.iter_mut().enumerate() {
        many.fill(mode, turn, times as usize)?;
        run.fill(mode, 0, 1)?;
    }
    Ok((few.iter().map(|run| run.took).sum::<Duration>() / times, many.end(mode)?))
}

/// The calls for one member more, and one less, of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OneMember {
    pub added: Counted,
    pub removed: Counted,
}

/// How many calls changed something, and how many only looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    pub writes: usize,
    pub reads: usize,
}

/// Fills a group with so many people, then adds one and takes them out again.
pub fn one_of_many(program: &Path, mode: &Mode, people: usize) -> Result<OneMember> {
    let stage = Stage::start(program, mode, 0)?;
    let mut ids = join(&stage, 0..people + 1)?;
    let last = ids.pop().ok_or("nobody joined")?;
    let mut idp = stage.idp()?;
    let group = match mode.groups {
        Groups::Made => made(&mut idp, "Everybody")?,
        Groups::Linked { names, .. } => linked(&mut idp, names.first().ok_or("no group")?)?,
    };
    let mut work = Work { people, made_groups: 0, pushes: 0, members: 0 };
    push(&mut idp, &group, &ids, &mut work)?;
    let out = json!({ "op": "remove", "path": format!("members[value eq \"{last}\"]") });
    let mut once = || -> Result<OneMember> {
        stage.calls()?;
        push(&mut idp, &group, std::slice::from_ref(&last), &mut work)?;
        let added = counted(&stage)?;
        idp.send(204, "PATCH", &format!("/Groups/{group}"), Some(&patch(&out)))?;
        Ok(OneMember { added, removed: counted(&stage)? })
    };
    // The first time finds out what nobody promised: whether a group can be asked for by its id.
    once()?;
    once()
}

fn counted(stage: &Stage) -> Result<Counted> {
    let calls = stage.calls()?;
    let writes = calls.iter().filter(|call| call.writes()).count();
    Ok(Counted { writes, reads: calls.len() - writes })
}

/// Looks everybody up and creates them; answers their ids in order.
fn join(stage: &Stage, people: Range<usize>) -> Result<Vec<String>> {
    // The test of a connection comes before everybody else.
    stage.idp()?.send(200, "GET", "/Users?startIndex=1&count=2", None)?;
    let share = |at: usize| -> std::result::Result<Vec<(usize, String)>, String> {
        let mut idp = stage.idp().map_err(|error| error.to_string())?;
        let mut ids = Vec::new();
        for number in people.clone().skip(at).step_by(CONNECTIONS) {
            ids.push((number, joiner(&mut idp, number).map_err(|error| error.to_string())?));
        }
        Ok(ids)
    };
    let shares: Vec<_> = thread::scope(|scope| {
        let share = &share;
        let running: Vec<_> = (0..CONNECTIONS).map(|at| scope.spawn(move || share(at))).collect();
        running.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let mut ids = Vec::new();
    for share in shares {
        ids.extend(share.map_err(|_| "a connection broke")??);
    }
    ids.sort_unstable();
    Ok(ids.into_iter().map(|(_, id)| id).collect())
}

fn joiner(idp: &mut Idp, number: usize) -> Result<String> {
    let name = format!("person{number:05}@example.com");
    let found = idp.send(
        200,
        "GET",
        &format!("/Users?filter=userName%20eq%20%22{name}%22&startIndex=1&count=100"),
        None,
    )?;
    if found["totalResults"] != 0 {
        return Err(format!("`{name}` is there before they are created").into());
    }
    let person = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "externalId": format!("hr-{number}"),
        "userName": name,
        "name": { "givenName": "Person", "familyName": format!("Number {number}") },
        "displayName": format!("Person Number {number}"),
        "emails": [{ "value": name, "type": "work", "primary": true }],
        "active": true,
    });
    let made = idp.send(201, "POST", "/Users", Some(&person))?;
    Ok(made["id"].as_str().ok_or("a person without an id")?.to_owned())
}

/// The group of this number and who belongs into it.
fn group(
    idp: &mut Idp,
    mode: &Mode,
    at: usize,
    ids: &[String],
    work: &mut Work,
) -> Result<(String, Vec<String>)> {
    let every = |one_in: usize| ids.iter().skip(at).step_by(one_in).cloned().collect();
    match mode.groups {
        Groups::Made => {
            work.made_groups += 1;
            Ok((made(idp, &format!("Team {at}"))?, every(MADE)))
        }
        Groups::Linked { names, one_in } => {
            Ok((linked(idp, names.get(at).ok_or("no group")?)?, every(one_in)))
        }
    }
}

fn find(idp: &mut Idp, name: &str) -> Result<Value> {
    let name = name.replace(' ', "%20");
    let target = format!("/Groups?excludedAttributes=members&filter=displayName%20eq%20%22{name}%22");
    idp.send(200, "GET", &target, None)
}

fn made(idp: &mut Idp, name: &str) -> Result<String> {
    if find(idp, name)?["totalResults"] != 0 {
        return Err(format!("the group `{name}` is there before it is made").into());
    }
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name, "members": [],
    });
    let made = idp.send(201, "POST", "/Groups", Some(&group))?;
    Ok(made["id"].as_str().ok_or("a group without an id")?.to_owned())
}

fn linked(idp: &mut Idp, name: &str) -> Result<String> {
    let found = find(idp, name)?;
    let id = found["Resources"][0]["id"].as_str();
    Ok(id.ok_or_else(|| format!("there is no group `{name}`"))?.to_owned())
}

fn push(idp: &mut Idp, group: &str, members: &[String], work: &mut Work) -> Result<()> {
    for chunk in members.chunks(AT_ONCE) {
        let value: Vec<Value> = chunk.iter().map(|id| json!({ "value": id })).collect();
        let add = patch(&json!({ "op": "add", "path": "members", "value": value }));
        idp.send(204, "PATCH", &format!("/Groups/{group}"), Some(&add))?;
        work.pushes += 1;
        work.members += chunk.len();
    }
    Ok(())
}

fn patch(operation: &Value) -> Value {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation] })
}

/// A call with every part that holds a digit made `{id}`.
fn kind(method: &str, path: &str) -> String {
    let part = |part: &str| {
        let is_version = part.len() == 2 && part.starts_with('v') || part.len() < 2;
        let has_digit = part.chars().any(|letter| letter.is_ascii_digit());
        if has_digit && !is_version { "{id}".to_owned() } else { part.to_owned() }
    };
    format!("{method} {}", path.split('/').map(part).collect::<Vec<_>>().join("/"))
}
