//! An identity provider: a directory that changes, and the job that tells one connection of it as Okta or Entra does.
//!
//! Okta tells every change at once and does not repeat what failed, unless it was told to slow down (429) or an
//! administrator sends the task again; it never takes access from somebody it could not create. Entra looks in cycles,
//! and repeats what failed in each, less and less often.

pub mod person;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

pub use self::person::{Person, entra_active, member, okta_active};
use super::dice::Dice;
use super::history::{Act, History, Told};
use super::now;
use super::targets::{Flavour, Target};
use super::wire::{Door, Response, Silence};

/// How long either of them waits for an answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// The job of one connection.
#[derive(Debug)]
pub struct Job {
    pub target: Target,
    pub flavour: Flavour,
    pub door: Door,
    pub people: Vec<Mutex<Person>>,
    pub history: History,
    /// The group's SCIM id, once it was found.
    group: Mutex<Option<String>>,
    /// One request of so many in a hundred is given up after a moment.
    pub hangs_up: u64,
}

#[expect(clippy::unused_self, reason = "what both providers do reads alike wherever it is done")]
impl Job {
    /// A job over an empty directory.
    pub fn new(target: Target, flavour: Flavour, door: Door) -> Self {
        let (people, history, group) = (Vec::new(), History::default(), Mutex::default());
        Self { target, flavour, door, people, history, group, hangs_up: 8 }
    }

    /// Adds people nobody has assigned yet.
    pub fn hire(&mut self, count: usize) {
        for _ in 0..count {
            let address = format!("p{}.{}@example.com", self.people.len(), self.target.name);
            self.people.push(Mutex::new(Person::new(address)));
        }
    }

    /// A person, when nobody is at work on them.
    pub fn person(&self, place: usize) -> Option<MutexGuard<'_, Person>> {
        match self.people.get(place)?.try_lock() {
            Ok(person) => Some(person),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }

    /// Everybody's ids there ever were.
    pub fn ids(&self) -> BTreeSet<String> {
        let people = self.people.iter().map(|person| person.lock().unwrap_or_else(PoisonError::into_inner));
        people.flat_map(|person| person.ids.clone()).collect()
    }

    /// Something happens in the directory.
    pub fn change(&self, person: &mut Person, dice: &mut Dice) {
        if !person.wanted {
            let comes_back = !person.retired && dice.percent(45);
            // Who was deleted comes back only after that is done.
            if comes_back && !(person.to_delete && person.told.id.is_some()) {
                (person.wanted, person.to_delete) = (true, false);
                person.tag += 1;
                person.stuck = false;
            }
            return;
        }
        match dice.below(100) {
            0..40 => {
                (person.wanted, person.in_group) = (false, false);
                person.to_delete = dice.percent(20);
                person.stuck = person.stuck && person.told.id.is_none();
            }
            40..70 => person.tag += 1,
            70..100 if self.target.group.is_some() => person.in_group = !person.in_group,
            _ => {}
        }
    }

    /// Tells the connection the next thing it does not know of a person; `false` when there is nothing to tell.
    ///
    /// `everything` is the administrator who sends every task again.
    pub fn tell(&self, person: &mut Person, dice: &mut Dice, everything: bool) -> bool {
        if !everything {
            if person.until > Instant::now() {
                return false;
            }
            if person.stuck && !dice.percent(30) {
                return false;
            }
        }
        person.stuck = false;
        let told = person.told.clone();
        match (&told.id, person.wanted) {
            (None, true) => self.provision(person, dice),
            (Some(_), true) if !told.active || told.doubtful => self.activate(person, dice),
            (Some(_), true) if told.tag != person.tag => self.rename(person, dice),
            (Some(_), _) if told.active && told.in_group != person.in_group && person.wanted => {
                self.regroup(person, dice)
            }
            (Some(_), false) if person.to_delete => self.delete(person, dice),
            (Some(_), false) if told.active => self.deactivate(person, dice),
            _ => false,
        }
    }

    /// Looks for the person, and creates or takes over what is found.
    fn provision(&self, person: &mut Person, dice: &mut Dice) -> bool {
        let look = format!("/Users?filter=userName%20eq%20%22{}%22", person.address);
        let found = match self.read(&look, dice) {
            Ok(found) => found,
            Err(answer) => return self.failed(person, &answer, dice),
        };
        if let Some(id) = found["Resources"][0]["id"].as_str() {
            self.learn(person, id);
            return self.activate(person, dice);
        }
        let answer = self.send(person, Act::Activate, "POST", "/Users", &person.resource(true), dice);
        match answer {
            Ok(answer) if answer.status == 201 => {
                self.learn(person, answer.json()["id"].as_str().unwrap_or_default());
                (person.told.active, person.told.tag) = (true, person.tag);
                self.went_well(person)
            }
            other => self.failed(person, &other, dice),
        }
    }

    /// Gives somebody known access, with the profile as it is.
    fn activate(&self, person: &mut Person, dice: &mut Dice) -> bool {
        let place = self.place(person);
        let returns = !person.told.active;
        let answer = match self.flavour {
            Flavour::Okta => {
                let resource = person.resource(true);
                self.send(person, Act::Activate, "PUT", &place, &resource, dice)
            }
            Flavour::Entra => self.send(person, Act::Activate, "PATCH", &place, &entra_active(true), dice),
        };
        match &answer {
            Ok(told) if told.status < 300 => {
                (person.told.active, person.told.doubtful) = (true, false);
                if self.flavour == Flavour::Okta {
                    person.told.tag = person.tag;
                }
                self.went_well(person)
            }
            _ => {
                self.forget_if_unknown(person, &answer);
                // Okta forgets whom it could not bring back, and does not take access away any more.
                let slow_down = matches!(&answer, Ok(told) if told.status == 429);
                if self.flavour == Flavour::Okta && returns && !slow_down {
                    person.told.id = None;
                }
                self.failed(person, &answer, dice)
            }
        }
    }

    fn rename(&self, person: &mut Person, dice: &mut Dice) -> bool {
        let place = self.place(person);
        let (method, act, body) = match self.flavour {
            Flavour::Okta => ("PUT", Act::Activate, person.resource(true)),
            Flavour::Entra => ("PATCH", Act::Update, person.renaming()),
        };
        let answer = self.send(person, act, method, &place, &body, dice);
        match &answer {
            Ok(told) if told.status < 300 => {
                person.told.tag = person.tag;
                self.went_well(person)
            }
            _ => {
                self.forget_if_unknown(person, &answer);
                self.failed(person, &answer, dice)
            }
        }
    }

    fn deactivate(&self, person: &mut Person, dice: &mut Dice) -> bool {
        let place = self.place(person);
        let body = match self.flavour {
            Flavour::Okta => okta_active(false),
            Flavour::Entra => entra_active(false),
        };
        let answer = self.send(person, Act::Deactivate, "PATCH", &place, &body, dice);
        match &answer {
            Ok(told) if told.status < 300 => {
                (person.told.active, person.told.in_group) = (false, false);
                self.went_well(person)
            }
            _ => {
                person.told.doubtful = true;
                self.forget_if_unknown(person, &answer);
                self.failed(person, &answer, dice)
            }
        }
    }

    fn delete(&self, person: &mut Person, dice: &mut Dice) -> bool {
        let place = self.place(person);
        let answer = self.send(person, Act::Delete, "DELETE", &place, &Value::Null, dice);
        match &answer {
            Ok(told) if told.status < 300 || told.status == 404 => {
                person.told = person::Told::default();
                self.went_well(person)
            }
            _ => {
                person.told.doubtful = true;
                self.failed(person, &answer, dice)
            }
        }
    }

    fn regroup(&self, person: &mut Person, dice: &mut Dice) -> bool {
        let Some((name, _)) = self.target.group else { return false };
        let known = self.group.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let group = match known {
            Some(known) => known,
            None => match self.look_for_group(name, dice) {
                Ok(found) => found,
                Err(answer) => return self.failed(person, &answer, dice),
            },
        };
        let joins = person.in_group;
        let body = member(person.told.id.as_deref().unwrap_or_default(), joins);
        let act = if joins { Act::Join } else { Act::Leave };
        let answer = self.send(person, act, "PATCH", &format!("/Groups/{group}"), &body, dice);
        match &answer {
            Ok(told) if told.status < 300 => {
                person.told.in_group = joins;
                self.went_well(person)
            }
            _ => self.failed(person, &answer, dice),
        }
    }

    fn look_for_group(&self, name: &str, dice: &mut Dice) -> Result<String, Result<Response, Silence>> {
        let name = name.replace(' ', "%20");
        let look = format!("/Groups?excludedAttributes=members&filter=displayName%20eq%20%22{name}%22");
        let found = self.read(&look, dice)?["Resources"][0]["id"].as_str().unwrap_or_default().to_owned();
        *self.group.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
        Ok(found)
    }

    fn place(&self, person: &Person) -> String {
        format!("/Users/{}", person.told.id.as_deref().unwrap_or_default())
    }

    fn learn(&self, person: &mut Person, id: &str) {
        person.told.id = Some(id.to_owned());
        if !person.ids.iter().any(|known| known == id) {
            person.ids.push(id.to_owned());
        }
    }

    /// An id the gateway does not have is given up, as both do.
    fn forget_if_unknown(&self, person: &mut Person, answer: &Result<Response, Silence>) {
        if matches!(answer, Ok(told) if told.status == 404) {
            person.told = person::Told::default();
        }
    }

    fn went_well(&self, person: &mut Person) -> bool {
        person.failures = 0;
        true
    }

    /// What either does after a failure; a look that failed is one too.
    fn failed(&self, person: &mut Person, answer: &Result<Response, Silence>, dice: &mut Dice) -> bool {
        person.failures += 1;
        person.failure = match answer {
            Ok(told) => format!("{} {}", told.status, told.json()),
            Err(silence) => format!("{silence:?}"),
        };
        let slow_down = matches!(answer, Ok(told) if told.status == 429);
        let wait = match self.flavour {
            Flavour::Okta if slow_down => dice.within(20, 200),
            Flavour::Okta => {
                person.stuck = true;
                dice.within(10, 50)
            }
            Flavour::Entra => dice.within(10, 40) << person.failures.min(5),
        };
        person.until = Instant::now() + Duration::from_millis(wait);
        true
    }

    /// A look, or what came instead of a list.
    fn read(&self, target: &str, dice: &mut Dice) -> Result<Value, Result<Response, Silence>> {
        match self.door.send("GET", target, None, self.patience(dice)) {
            Ok(answer) if answer.status == 200 => Ok(answer.json()),
            other => Err(other),
        }
    }

    fn send(
        &self,
        person: &Person,
        act: Act,
        method: &str,
        target: &str,
        body: &Value,
        dice: &mut Dice,
    ) -> Result<Response, Silence> {
        let patience = self.patience(dice);
        let body = (!body.is_null()).then_some(body);
        let sent = now();
        let answer = self.door.send(method, target, body, patience);
        let names = body.is_some_and(|body| body.to_string().contains("Berg-"));
        self.history.note(Told {
            person: person.address.clone(),
            act,
            tag: names.then_some(person.tag),
            sent,
            ended: now(),
            answer: answer.as_ref().map(|answer| answer.status).map_err(|silence| *silence),
        });
        answer
    }

    fn patience(&self, dice: &mut Dice) -> Duration {
        if dice.percent(self.hangs_up) { Duration::from_millis(dice.within(5, 300)) } else { PATIENCE }
    }
}
