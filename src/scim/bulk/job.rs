//! The course of one bulk request: which operation comes next, how each ended, and the answer.
//!
//! Operations run in the order they were sent, except that one waits for those it refers to. Where they refer to each
//! other in a circle, a POST of it is done first without the references that are still open, and a PUT with all of
//! them follows once they have ids (RFC 7644 §3.7.1).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::read::BulkRequest;
use super::{Asked, Done, Failure, Operation, Step, Target, references};
use crate::scim::error::{Result, ScimError, ScimType};

/// A bulk request on its way.
#[derive(Debug)]
pub struct Job {
    fail_on_errors: Option<usize>,
    errors: usize,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    operation: Operation,
    /// The places of the operations it refers to.
    needs: BTreeSet<usize>,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting,
    /// Handed out. Holds whether references were left out.
    Running(bool),
    /// Created without the references that were open.
    Incomplete(Done),
    /// Handed out a second time, to set them.
    Completing(Done),
    Ended(std::result::Result<Done, Failure>),
    /// Created, but the references could not be set.
    Broken(Done, Failure),
}

impl Job {
    /// Reads a `BulkRequest`. What is wrong with one operation fails that one alone, when its turn comes.
    ///
    /// # Errors
    /// 413 for too many operations; 400 where there is no list of them, where two share a `bulkId`, and for an
    /// unreadable `failOnErrors`.
    pub fn parse(body: &Value) -> Result<Self> {
        let request = BulkRequest::parse(body)?;
        let places: BTreeMap<String, usize> = request
            .operations
            .iter()
            .enumerate()
            .filter_map(|(place, operation)| Some((operation.bulk_id.clone()?, place)))
            .collect();
        let entries =
            request.operations.into_iter().map(|operation| Entry::new(operation, &places)).collect();
        Ok(Self { fail_on_errors: request.fail_on_errors, errors: 0, entries })
    }

    /// What to do now, and the place to report its end under; `None` when there is nothing left to do.
    ///
    /// Each step must be reported with [`Job::ended`] before the next is asked for.
    pub fn next_step(&mut self) -> Option<(usize, Step)> {
        while !self.stopped() {
            if let Some(place) = self.completable() {
                if let Some(step) = self.complete(place) {
                    return Some((place, step));
                }
            } else if let Some(place) = self.ready() {
                if let Some(step) = self.start(place, false) {
                    return Some((place, step));
                }
            } else if let Some(place) = self.breakable() {
                if let Some(step) = self.start(place, true) {
                    return Some((place, step));
                }
            } else {
                let place = self.entries.iter().position(Entry::is_waiting)?;
                self.ended(place, Err(circle().into()));
            }
        }
        None
    }

    /// Takes note of how the step at `place` ended.
    pub fn ended(&mut self, place: usize, outcome: std::result::Result<Done, Failure>) {
        let Some(entry) = self.entries.get_mut(place) else { return };
        let before = std::mem::replace(&mut entry.state, State::Waiting);
        entry.state = match (before, outcome) {
            (State::Running(true), Ok(done)) => State::Incomplete(done),
            (State::Incomplete(done) | State::Completing(done), Err(error)) => State::Broken(done, error),
            (State::Completing(created), Ok(done)) => {
                State::Ended(Ok(Done { status: created.status, ..done }))
            }
            (_, outcome) => State::Ended(outcome),
        };
        self.errors += usize::from(matches!(entry.state, State::Ended(Err(_)) | State::Broken(..)));
    }

    /// The `BulkResponse`: operations that were not run are not in it. `base_url` has no slash at the end.
    #[must_use]
    pub fn answer(&self, base_url: &str) -> Value {
        let entries = self.entries.iter();
        let operations: Vec<Value> =
            entries.filter_map(|entry| entry.answer(self.location(entry, base_url))).collect();
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],
            "Operations": operations,
        })
    }

    fn stopped(&self) -> bool {
        self.fail_on_errors.is_some_and(|most| self.errors >= most)
    }

    /// An operation whose left-out references can be set now, or never.
    fn completable(&self) -> Option<usize> {
        self.entries.iter().position(|entry| {
            matches!(entry.state, State::Incomplete(_))
                && entry.needs.iter().all(|need| self.is_settled(*need))
        })
    }

    /// The first operation that waits for nothing.
    fn ready(&self) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| entry.is_waiting() && entry.needs.iter().all(|need| self.is_settled(*need)))
    }

    /// The first POST that waits for itself by way of others.
    fn breakable(&self) -> Option<usize> {
        (0..self.entries.len()).find(|place| {
            self.entries.get(*place).is_some_and(|entry| {
                entry.is_waiting() && matches!(entry.operation.asked, Ok(Asked::Create { .. }))
            }) && self.waits_for_itself(*place)
        })
    }

    fn waits_for_itself(&self, place: usize) -> bool {
        let mut seen = BTreeSet::new();
        let mut ahead = vec![place];
        while let Some(at) = ahead.pop() {
            let Some(entry) = self.entries.get(at).filter(|entry| entry.is_waiting()) else { continue };
            for need in &entry.needs {
                if *need == place {
                    return true;
                }
                if seen.insert(*need) {
                    ahead.push(*need);
                }
            }
        }
        false
    }

    fn is_settled(&self, place: usize) -> bool {
        !self.entries.get(place).is_some_and(Entry::is_waiting)
    }

    /// The first step of an operation; `None` where it fails without one.
    fn start(&mut self, place: usize, leave_out: bool) -> Option<Step> {
        let step = self.step(place, leave_out);
        match step {
            Ok(step) => {
                if let Some(entry) = self.entries.get_mut(place) {
                    entry.state = State::Running(leave_out);
                }
                Some(step)
            }
            Err(error) => {
                self.ended(place, Err(error.into()));
                None
            }
        }
    }

    /// The second step of an operation whose references were left out.
    fn complete(&mut self, place: usize) -> Option<Step> {
        let step = self.completion(place);
        let entry = self.entries.get_mut(place)?;
        let State::Incomplete(done) = &entry.state else { return None };
        match step {
            Ok(step) => {
                entry.state = State::Completing(done.clone());
                Some(step)
            }
            Err(error) => {
                self.ended(place, Err(error.into()));
                None
            }
        }
    }

    fn completion(&self, place: usize) -> Result<Step> {
        let entry = self.entries.get(place).ok_or_else(circle)?;
        let ids = self.ids(entry)?;
        match (&entry.operation.asked, entry.done()) {
            (Ok(Asked::Create { kind, data }), Some(done)) => Ok(Step::Replace {
                kind: *kind,
                id: done.id.clone(),
                data: references::resolved(data, &ids),
                when: None,
            }),
            _ => Err(circle()),
        }
    }

    fn step(&self, place: usize, leave_out: bool) -> Result<Step> {
        let entry = self.entries.get(place).ok_or_else(circle)?;
        let asked = entry.operation.asked.as_ref().map_err(Clone::clone)?;
        let open: BTreeSet<&str> = if leave_out { self.open(entry) } else { BTreeSet::new() };
        let ids = if leave_out && !self.lost(entry) { self.known_ids(entry) } else { self.ids(entry)? };
        let data = |data: &Value| references::resolved(&references::without(data, &open), &ids);
        let id = |on: &Target| match on {
            Target::Id(id) => Ok(id.clone()),
            Target::BulkId(bulk_id) => {
                ids.get(bulk_id.as_str()).map(|id| (*id).to_owned()).ok_or_else(circle)
            }
        };
        let when = entry.operation.version.clone();
        Ok(match asked {
            Asked::Create { kind, data: sent } => Step::Create { kind: *kind, data: data(sent) },
            Asked::Replace { kind, on, data: sent } => {
                Step::Replace { kind: *kind, id: id(on)?, data: data(sent), when }
            }
            Asked::Patch { kind, on, data: sent } => {
                Step::Patch { kind: *kind, id: id(on)?, data: data(sent), when }
            }
            Asked::Delete { kind, on } => Step::Delete { kind: *kind, id: id(on)?, when },
        })
    }

    /// The `bulkId`s of operations `entry` refers to that have no id yet.
    fn open(&self, entry: &Entry) -> BTreeSet<&str> {
        let needed = entry.needs.iter().filter_map(|need| self.entries.get(*need));
        needed
            .filter(|needed| needed.done().is_none())
            .filter_map(|needed| needed.operation.bulk_id.as_deref())
            .collect()
    }

    /// The ids `entry` refers to, as far as there are any.
    fn known_ids(&self, entry: &Entry) -> BTreeMap<&str, &str> {
        let needed = entry.needs.iter().filter_map(|need| self.entries.get(*need));
        needed
            .filter_map(|needed| Some((needed.operation.bulk_id.as_deref()?, needed.done()?.id.as_str())))
            .collect()
    }

    /// Whether something `entry` refers to will never have an id.
    fn lost(&self, entry: &Entry) -> bool {
        let needed = entry.needs.iter().filter_map(|need| self.entries.get(*need));
        needed.into_iter().any(|needed| matches!(needed.state, State::Ended(Err(_))))
    }

    /// Where the resource is that an operation was about, however it ended; `None` where there is none, as after a
    /// POST that failed.
    fn location(&self, entry: &Entry, base_url: &str) -> Option<String> {
        let (kind, on) = entry.operation.place.as_ref()?;
        let id = match (entry.done(), on) {
            (Some(done), _) => &done.id,
            (None, _) if entry.operation.method == "POST" => return None,
            (None, Some(Target::Id(id))) => id,
            (None, Some(Target::BulkId(bulk_id))) => {
                let same = |other: &&Entry| other.operation.bulk_id.as_ref() == Some(bulk_id);
                &self.entries.iter().find(same)?.done()?.id
            }
            (None, None) => return None,
        };
        Some(format!("{base_url}{}/{id}", kind.endpoint()))
    }

    /// All ids `entry` refers to.
    fn ids(&self, entry: &Entry) -> Result<BTreeMap<&str, &str>> {
        let ids = self.known_ids(entry);
        if ids.len() == entry.needs.len() {
            return Ok(ids);
        }
        Err(ScimError::new(409, "an operation that this one refers to with `bulkId:` has failed"))
    }
}

impl Entry {
    fn new(mut operation: Operation, places: &BTreeMap<String, usize>) -> Self {
        let known: BTreeSet<&str> = places.keys().map(String::as_str).collect();
        let mut named = BTreeSet::new();
        if let Ok(asked) = &operation.asked {
            named.extend(asked.data().map(|data| references::found(data, &known)).unwrap_or_default());
            if let Some(Target::BulkId(bulk_id)) = asked.target() {
                named.insert(bulk_id.clone());
            }
        }
        if named.iter().any(|bulk_id| !places.contains_key(bulk_id)) {
            let detail = "the operation refers to a `bulkId` that no operation of this request has";
            operation.asked = Err(ScimError::bad(ScimType::InvalidValue, detail));
            named.clear();
        }
        let needs = named.iter().filter_map(|bulk_id| places.get(bulk_id).copied()).collect();
        Self { operation, needs, state: State::Waiting }
    }

    fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting)
    }

    fn done(&self) -> Option<&Done> {
        match &self.state {
            State::Incomplete(done)
            | State::Completing(done)
            | State::Broken(done, _)
            | State::Ended(Ok(done)) => Some(done),
            State::Waiting | State::Running(_) | State::Ended(Err(_)) => None,
        }
    }

    fn answer(&self, location: Option<String>) -> Option<Value> {
        let unfinished = Failure::from(ScimError::new(
            409,
            "the resource was created, but the request ended before its references with `bulkId:` could be set: \
             repeat them in an update",
        ));
        let (failure, version) = match &self.state {
            State::Waiting | State::Running(_) => return None,
            State::Incomplete(_) | State::Completing(_) => (Some(&unfinished), None),
            State::Broken(_, failure) | State::Ended(Err(failure)) => (Some(failure), None),
            State::Ended(Ok(done)) => (None, done.version.as_deref()),
        };
        let mut answer = Map::new();
        answer.insert("method".to_owned(), json!(self.operation.method));
        if let Some(bulk_id) = &self.operation.bulk_id {
            answer.insert("bulkId".to_owned(), json!(bulk_id));
        }
        if let Some(version) = version {
            answer.insert("version".to_owned(), json!(version));
        }
        if let Some(location) = location {
            answer.insert("location".to_owned(), json!(location));
        }
        let well = || self.done().map_or(200, |done| done.status);
        let status = failure.map_or_else(well, |failure| failure.error.status);
        answer.insert("status".to_owned(), json!(status.to_string()));
        if let Some(seconds) = failure.and_then(|failure| failure.retry_after) {
            answer.insert("retryAfter".to_owned(), json!(seconds));
        }
        if let Some(failure) = failure {
            answer.insert("response".to_owned(), failure.error.to_json());
        }
        Some(Value::Object(answer))
    }
}

fn circle() -> ScimError {
    ScimError::new(
        409,
        "the operations refer to each other in a circle that no POST can begin: send them in several requests",
    )
}
