//! An identity provider: hires, changes, lets go, repeats what failed for a while, and hangs up when it likes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis::provision::{ListQuery, Patched, Preconditions, Refusal, Shown, View};
use portcullis::scim::schema::ResourceKind::{Group, User};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::app::groups::{LOWEST, place_of};
use crate::life::{Dice, World};

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Create,
    On,
    Off,
    Delete,
    /// A change that says nothing about access.
    Change,
}

impl Asked {
    pub fn leaves(self) -> bool {
        matches!(self, Self::Off | Self::Delete)
    }

    pub fn gives(self) -> bool {
        matches!(self, Self::Create | Self::On)
    }
}

/// One request and its answer.
#[derive(Debug, Clone)]
pub struct Said {
    pub email: String,
    pub asked: Asked,
    pub began: Duration,
    /// None where nobody heard it.
    pub ended: Option<Duration>,
    pub status: Option<u16>,
    pub detail: String,
    /// Accounts of the person that worked when the answer came.
    pub working: usize,
}

impl Said {
    pub fn done(&self) -> bool {
        self.status.is_some_and(|status| status < 300)
    }

    /// Whether the gateway said that somebody has no access any more.
    pub fn confirmed_leaver(&self) -> bool {
        self.asked.leaves() && self.done()
    }
}

/// What is asked of whom: of somebody, or of their place in a group.
struct Request<'a> {
    email: &'a str,
    asked: Asked,
    /// The id the provider was told.
    id: Option<&'a str>,
    group: Option<&'static str>,
}

/// Whose place in a group is asked for, and the id the provider was told.
type Place = (String, Asked, String);

/// One request about places in a group.
struct Demand<'a> {
    changes: Vec<Place>,
    about: About<'a>,
    operation: Value,
}

enum About<'a> {
    Group(&'a str),
    Person,
}

type Heard = portcullis::provision::Result<Option<Shown>>;

pub struct Provider {
    world: Arc<World>,
    said: Mutex<Vec<Said>>,
    /// The ids it was told.
    known: Mutex<BTreeMap<String, String>>,
}

pub fn email(person: u64) -> String {
    format!("person{person}@corp.example")
}

impl Provider {
    pub fn new(world: Arc<World>) -> Arc<Self> {
        Arc::new(Self { world, said: Mutex::default(), known: Mutex::default() })
    }

    /// Looks after one person until the end.
    pub async fn work(self: Arc<Self>, person: u64, mut dice: Dice, end: Instant) {
        let email = email(person);
        while Instant::now() < end {
            sleep(Duration::from_millis(dice.below(90_000))).await;
            let known = self.known.lock().unwrap().get(&email).cloned();
            let asked = match (known.is_some(), dice.below(10)) {
                (false, _) => Asked::Create,
                (true, 0..=3) => Asked::Off,
                (true, 4..=6) => Asked::On,
                (true, 7) => Asked::Delete,
                (true, _) => Asked::Change,
            };
            self.repeat(&mut dice, &Request { email: &email, asked, id: known.as_deref(), group: None })
                .await;
        }
    }

    /// Looks after one person's place in a group until the end.
    pub async fn work_in_group(
        self: Arc<Self>,
        person: u64,
        group: &'static str,
        mut dice: Dice,
        end: Instant,
    ) {
        let email = email(person);
        while Instant::now() < end {
            sleep(Duration::from_millis(dice.below(90_000))).await;
            let asked = if dice.chance(50) { Asked::On } else { Asked::Off };
            let Some(known) = self.known.lock().unwrap().get(&email).cloned() else { continue };
            let request = Request { email: &email, asked, id: Some(&known), group: Some(group) };
            self.repeat(&mut dice, &request).await;
        }
    }

    /// What failed is repeated for a while, and then given up.
    async fn repeat(&self, dice: &mut Dice, request: &Request<'_>) {
        for _ in 0..=dice.below(3) {
            let patience = if dice.chance(15) { dice.below(25_000) } else { 60_000 };
            let patience = Duration::from_millis(patience);
            let said = match request.group {
                Some(group) => self.place(request, group, patience).await,
                None => self.ask(request, patience).await,
            };
            if said.status.is_some_and(|status| status < 500 && status != 429) {
                break;
            }
            sleep(Duration::from_millis(1_000 + dice.below(60_000))).await;
        }
    }

    /// Notes that something is asked.
    fn begin(&self, about: String, asked: Asked) -> usize {
        let mut said = self.said.lock().unwrap();
        let began = self.world.elapsed();
        let detail = String::new();
        said.push(Said { email: about, asked, began, ended: None, status: None, detail, working: 0 });
        said.len() - 1
    }

    /// Puts somebody into a group, or takes them out.
    async fn place(&self, request: &Request<'_>, group: &str, patience: Duration) -> Said {
        let (connection, alive) = self.world.connection();
        let Demand { changes, about, operation } = self.demand(request, group);
        let places: Vec<usize> =
            changes.iter().map(|(email, asked, _)| self.begin(place_of(email, group), *asked)).collect();
        let (view, when) = (View::default(), Preconditions::default());
        let body = json!({ "Operations": [operation] });
        let request = async {
            let (kind, id) = match about {
                About::Person => (User, changes[0].2.clone()),
                About::Group(name) => {
                    let filter = Some(format!("displayName eq \"{name}\""));
                    let listed = connection.list(Group, &ListQuery { filter, ..Default::default() }).await?;
                    (Group, listed["Resources"][0]["id"].as_str().unwrap_or("none").to_owned())
                }
            };
            connection.patch(kind, &id, body, &view, &when).await.map(|_| None)
        };
        let heard = timeout(patience, request).await;
        // A process that died answers nobody.
        let heard = if alive.is_dead() { None } else { heard.ok() };
        for (place, (email, asked, id)) in places.iter().zip(&changes) {
            self.note(*place, heard.as_ref(), self.world.app.inside(email, group));
            if asked.leaves() && !self.world.knows(id).await {
                // Of somebody who is not there any more nothing was asked; whoever was let in before may be there still.
                self.said.lock().unwrap()[*place].status = Some(404);
            }
        }
        self.said.lock().unwrap()[places[0]].clone()
    }

    /// One of the ways to ask for somebody's place in a group.
    fn demand<'a>(&self, request: &Request<'_>, group: &'a str) -> Demand<'a> {
        let Request { email, asked, id, .. } = *request;
        let chance = self.world.elapsed().as_millis();
        let own = (email.to_owned(), asked, id.unwrap_or_default().to_owned());
        let member = json!([{ "value": id }]);
        if self.world.app.has_roles() && chance.is_multiple_of(7) {
            // Everybody has a role: whoever is given another one loses this one, which is not promised to be read back.
            let (role, asked) = if asked.leaves() { (LOWEST, Asked::Change) } else { (group, asked) };
            let changes = vec![(own.0, asked, own.2)];
            if chance.is_multiple_of(2) {
                let operation = json!({ "op": "add", "path": "members", "value": member });
                return Demand { changes, about: About::Group(role), operation };
            }
            let operation = json!({ "op": "replace", "path": "roles", "value": [{ "value": role }] });
            return Demand { changes, about: About::Person, operation };
        }
        let about = About::Group(group);
        if chance.is_multiple_of(5) {
            let changes = self.whole_list(own, chance / 5);
            let stay = changes.iter().filter(|(_, asked, _)| asked.gives());
            let stay: Vec<Value> = stay.map(|(.., id)| json!({ "value": id })).collect();
            let operation = json!({ "op": "replace", "path": "members", "value": stay });
            return Demand { changes, about, operation };
        }
        let operation = if !asked.leaves() {
            json!({ "op": "add", "path": "members", "value": member })
        } else if chance.is_multiple_of(3) {
            // Whoever is shown so, whom the whole list is read for.
            json!({ "op": "remove", "path": format!("members[display eq \"{email}\"]") })
        } else {
            json!({ "op": "remove", "path": "members", "value": member })
        };
        Demand { changes: vec![own], about, operation }
    }

    /// Who shall be in a group and who not: somebody as asked, and everybody else as chance has it.
    fn whole_list(&self, own: Place, chance: u128) -> Vec<Place> {
        let mut all = vec![own];
        for (email, id) in self.known.lock().unwrap().iter() {
            if *email != all[0].0 {
                let asked = if chance >> all.len() & 1 == 0 { Asked::Off } else { Asked::On };
                all.push((email.clone(), asked, id.clone()));
            }
        }
        all
    }

    async fn ask(&self, request: &Request<'_>, patience: Duration) -> Said {
        let Request { email, asked, id, .. } = *request;
        let (connection, alive) = self.world.connection();
        let place = self.begin(email.to_owned(), asked);
        let (view, when) = (View::default(), Preconditions::default());
        let id = id.unwrap_or_default();
        let patch = |value: Value| {
            let body = json!({ "Operations": [{ "op": "replace", "value": value }] });
            connection.patch(User, id, body, &view, &when)
        };
        let body = json!({ "userName": email, "externalId": email, "name": { "givenName": "A", "familyName": "B" } });
        let request = async {
            match asked {
                Asked::Create => connection.create(User, body, &view).await.map(Some),
                Asked::On => patch(json!({ "active": true })).await.map(shown),
                Asked::Off => patch(json!({ "active": false })).await.map(shown),
                Asked::Change => patch(json!({ "name": { "givenName": "C" } })).await.map(shown),
                Asked::Delete => connection.delete(User, id, &when).await.map(|()| None),
            }
        };
        let heard = timeout(patience, request).await;
        // A process that died answers nobody.
        let heard = if alive.is_dead() { None } else { heard.ok() };
        let working = self.world.app.working(email);
        let said = self.note(place, heard.as_ref(), working);
        if said.asked == Asked::Create && said.status == Some(409) {
            self.look_up(email).await;
        }
        said
    }

    /// Writes down what was heard, and what it teaches.
    fn note(&self, place: usize, heard: Option<&Heard>, working: usize) -> Said {
        let mut all = self.said.lock().unwrap();
        let said = &mut all[place];
        let Some(answer) = heard else { return said.clone() };
        let mut known = self.known.lock().unwrap();
        said.ended = Some(self.world.elapsed());
        said.working = working;
        match answer {
            Ok(shown) => {
                said.status = Some(200);
                if let (Asked::Create, Some(shown)) = (said.asked, shown) {
                    known.insert(said.email.clone(), shown.resource["id"].as_str().unwrap().to_owned());
                } else if said.asked == Asked::Delete {
                    known.remove(&said.email);
                }
            }
            Err(Refusal { error, .. }) => {
                said.status = Some(error.status);
                // Somebody who is gone is looked up, or created, the next time.
                if error.status == 404 {
                    known.remove(&said.email);
                }
                said.detail.clone_from(&error.detail);
            }
        }
        said.clone()
    }

    /// After a 409 the provider matches by filter.
    async fn look_up(&self, email: &str) {
        let query = ListQuery { filter: Some(format!("userName eq \"{email}\"")), ..Default::default() };
        let (connection, _) = self.world.connection();
        let listed = timeout(Duration::from_mins(1), connection.list(User, &query)).await;
        if let Ok(Ok(listed)) = listed
            && let Some(id) = listed["Resources"][0]["id"].as_str()
        {
            self.known.lock().unwrap().insert(email.to_owned(), id.to_owned());
        }
    }

    /// All that was said, and the same as a story.
    pub fn history(&self) -> (Vec<Said>, Vec<String>) {
        let said = self.said.lock().unwrap().clone();
        let mut story: Vec<(Duration, String)> = self
            .world
            .app
            .ledger()
            .into_iter()
            .map(|entry| (entry.at, format!("{:?} app: {} {:?}", entry.at, entry.email, entry.turned)))
            .collect();
        story.extend(self.world.app.asked());
        story.extend(self.world.troubles());
        for said in &said {
            story.push((said.began, format!("{:?} asked: {} {:?}", said.began, said.email, said.asked)));
            if let (Some(at), Some(status)) = (said.ended, said.status) {
                let line = format!(
                    "{at:?} told: {} {:?} {status} {} working {}",
                    said.email, said.asked, said.detail, said.working
                );
                story.push((at, line));
            }
        }
        story.sort();
        (said, story.into_iter().map(|(_, line)| line).collect())
    }
}

fn shown(patched: Patched) -> Option<Shown> {
    match patched {
        Patched::Shown(shown) => Some(shown),
        Patched::Unshown { .. } => None,
    }
}
