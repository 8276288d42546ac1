//! Laws of every app and mode: whatever is asked, in whatever order, the app and the gateway agree afterwards, and asking
//! for what stands changes nothing.
//!
//! A few cases for each mode; `PROPTEST_CASES` makes more, `PROPTEST_RNG_SEED` repeats those of a failure, which is
//! shrunk and printed with its seed.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::thread;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};
use serde_json::{Value, json};

use super::columns::{COLUMNS, Column};
use super::people::{
    GATEWAY, add_members, entra_active, id, named, okta_active, patch, remove_member, remove_members,
    replace_members, role, with,
};
use super::stage::{App, Served};
use super::there::{do_tasks, there};
use crate::support::client::Response;

/// Cases for each mode where nobody asks for another number.
const CASES: u32 = 3;
const OPERATIONS: usize = 30;
const PEOPLE: usize = 3;
const GROUPS: usize = 2;

/// One request; people and groups go by their places.
#[derive(Debug, Clone)]
enum Asked {
    Create {
        person: usize,
        role: Option<usize>,
    },
    Names {
        person: usize,
        name: usize,
    },
    Role {
        person: usize,
        role: usize,
    },
    Put {
        person: usize,
        name: usize,
        active: bool,
    },
    Deactivate {
        person: usize,
        entra: bool,
    },
    Reactivate {
        person: usize,
        entra: bool,
    },
    Delete {
        person: usize,
    },
    Make {
        group: usize,
        members: Vec<usize>,
    },
    Rename {
        group: usize,
        name: usize,
    },
    Add {
        group: usize,
        members: Vec<usize>,
    },
    Remove {
        group: usize,
        members: Vec<usize>,
        entra: bool,
    },
    Replace {
        group: usize,
        members: Vec<usize>,
        put: bool,
    },
    Unmake {
        group: usize,
    },
    /// Where the app is people, they do what they were asked for.
    Tasks,
}

fn asked() -> impl Strategy<Value = Asked> {
    let (person, group) = (0..PEOPLE, 0..GROUPS);
    let members = || vec(0..PEOPLE, 0..=PEOPLE);
    prop_oneof![
        4 => (person.clone(), proptest::option::of(0..2_usize))
            .prop_map(|(person, role)| Asked::Create { person, role }),
        2 => (person.clone(), 0..4_usize).prop_map(|(person, name)| Asked::Names { person, name }),
        2 => (person.clone(), 0..2_usize).prop_map(|(person, role)| Asked::Role { person, role }),
        2 => (person.clone(), 0..4_usize, any::<bool>())
            .prop_map(|(person, name, active)| Asked::Put { person, name, active }),
        2 => (person.clone(), any::<bool>()).prop_map(|(person, entra)| Asked::Deactivate { person, entra }),
        2 => (person.clone(), any::<bool>()).prop_map(|(person, entra)| Asked::Reactivate { person, entra }),
        1 => person.prop_map(|person| Asked::Delete { person }),
        3 => (group.clone(), members()).prop_map(|(group, members)| Asked::Make { group, members }),
        1 => (group.clone(), 0..4_usize).prop_map(|(group, name)| Asked::Rename { group, name }),
        3 => (group.clone(), members()).prop_map(|(group, members)| Asked::Add { group, members }),
        2 => (group.clone(), members(), any::<bool>())
            .prop_map(|(group, members, entra)| Asked::Remove { group, members, entra }),
        2 => (group.clone(), members(), any::<bool>())
            .prop_map(|(group, members, put)| Asked::Replace { group, members, put }),
        1 => group.prop_map(|group| Asked::Unmake { group }),
        3 => Just(Asked::Tasks),
    ]
}

/// One case under way.
struct Case<'a> {
    served: &'a Served,
    app: &'a mut App,
    column: &'a Column,
    number: usize,
    /// The SCIM ids that stand.
    people: [Option<String>; PEOPLE],
    groups: [Option<String>; GROUPS],
}

/// What may be answered: done, or refused because the app has no way, or would lock everybody out.
fn settled(asked: &Asked, answer: &Response) -> Result<bool, TestCaseError> {
    match answer.status {
        200 | 201 | 204 => Ok(true),
        400 | 409 | 501 => Ok(false),
        status => Err(TestCaseError::fail(format!("{asked:?}: {status} {}", answer.json()))),
    }
}

impl<'a> Case<'a> {
    fn new(served: &'a Served, app: &'a mut App, column: &'a Column, number: usize) -> Self {
        let mut case =
            Self { served, app, column, number, people: Default::default(), groups: Default::default() };
        if !column.makes_groups {
            case.groups[0] = Some(id(&case.app.group(column.group)).to_owned());
        }
        case
    }

    fn address(&self, person: usize) -> String {
        format!("case{}.person{person}@example.com", self.number)
    }

    fn group_name(&self, group: usize, name: usize) -> String {
        format!("Case {} group {group} {name}", self.number)
    }

    fn role_of(&self, role: usize) -> &'static str {
        if role == 0 { self.column.role } else { self.column.least }
    }

    fn body(&self, person: usize, name: usize) -> Value {
        named(&self.address(person), "Given", &format!("Family{name}"))
    }

    fn ids(&self, members: &[usize]) -> Vec<String> {
        let places: BTreeSet<&usize> = members.iter().collect();
        places.into_iter().filter_map(|place| self.people[*place].clone()).collect()
    }

    /// Whoever was invited follows the link, if not before.
    fn accept(&mut self, person: usize) {
        if self.column.is_by_people() {
            return;
        }
        let place = format!("/Users/{}", self.people[person].as_deref().unwrap());
        if self.app.get(&place).json()[GATEWAY]["invitationStatus"] == "pending" {
            let lever = format!("invites/{}/accept", self.address(person));
            let answer = self.app.try_lever("POST", &lever, &json!({}));
            assert!([200, 404].contains(&answer.status), "{}", answer.json());
        }
    }

    /// Answers what the people of the app had been asked for; they have done it.
    fn do_tasks(&mut self) -> Result<Vec<String>, TestCaseError> {
        if !self.column.is_by_people() {
            return Ok(Vec::new());
        }
        do_tasks(self.served, self.app).map_err(TestCaseError::fail)
    }

    fn ask(&mut self, asked: &Asked) -> Result<(), TestCaseError> {
        match asked {
            Asked::Create { person, role } if self.people[*person].is_none() => {
                let mut body = self.body(*person, 0);
                if let Some(role) = role {
                    body["roles"] = json!([{ "value": self.role_of(*role), "primary": true }]);
                }
                let answer = self.app.post("/Users", &body);
                if settled(asked, &answer)? {
                    self.people[*person] = Some(id(&answer.json()).to_owned());
                    self.accept(*person);
                }
                Ok(())
            }
            Asked::Names { person, .. }
            | Asked::Role { person, .. }
            | Asked::Put { person, .. }
            | Asked::Deactivate { person, .. }
            | Asked::Reactivate { person, .. }
            | Asked::Delete { person } => match self.people[*person].clone() {
                Some(id) => self.ask_of(asked, *person, &format!("/Users/{id}")),
                None => Ok(()),
            },
            Asked::Make { group, members } if self.groups[*group].is_none() => {
                let name = self.group_name(*group, 0);
                let members: Vec<Value> =
                    self.ids(members).into_iter().map(|id| json!({ "value": id })).collect();
                let answer = self.app.post("/Groups", &json!({ "displayName": name, "members": members }));
                if settled(asked, &answer)? {
                    self.groups[*group] = Some(id(&answer.json()).to_owned());
                }
                Ok(())
            }
            // They are there already.
            Asked::Create { .. } | Asked::Make { .. } => Ok(()),
            Asked::Tasks => self.do_tasks().map(drop),
            Asked::Rename { group, .. }
            | Asked::Add { group, .. }
            | Asked::Remove { group, .. }
            | Asked::Replace { group, .. }
            | Asked::Unmake { group } => match self.groups[*group].clone() {
                Some(id) => self.ask_of_group(asked, *group, &format!("/Groups/{id}")),
                None => Ok(()),
            },
        }
    }

    fn ask_of(&mut self, asked: &Asked, person: usize, place: &str) -> Result<(), TestCaseError> {
        let active =
            |active: bool, entra: &bool| if *entra { entra_active(active) } else { okta_active(active) };
        let answer = match asked {
            Asked::Names { name, .. } => {
                let family = format!("Family{name}");
                self.app.patch(
                    place,
                    &patch(&json!({ "op": "replace", "path": "name.familyName", "value": family })),
                )
            }
            Asked::Role { role: wanted, .. } => self.app.patch(place, &role(self.role_of(*wanted))),
            Asked::Put { name, active, .. } => {
                let stands = self.app.get(place).json();
                let body = with(&self.body(person, *name), &json!({ "active": active }));
                // As an identity provider that maps roles sends the one it gave.
                let roles = stands["roles"].clone();
                let body = if roles.is_array() { with(&body, &json!({ "roles": roles })) } else { body };
                self.app.put(place, &body)
            }
            Asked::Deactivate { entra, .. } => self.app.patch(place, &active(false, entra)),
            Asked::Reactivate { entra, .. } => self.app.patch(place, &active(true, entra)),
            _ => self.app.delete(place),
        };
        if settled(asked, &answer)? {
            match asked {
                Asked::Delete { .. } => self.people[person] = None,
                _ => self.accept(person),
            }
        }
        Ok(())
    }

    fn ask_of_group(&mut self, asked: &Asked, group: usize, place: &str) -> Result<(), TestCaseError> {
        let answer = match asked {
            Asked::Rename { name, .. } => {
                let name = self.group_name(group, *name);
                self.app
                    .patch(place, &patch(&json!({ "op": "replace", "path": "displayName", "value": name })))
            }
            Asked::Add { members, .. } => {
                let ids = self.ids(members);
                self.app.patch(place, &add_members(&texts(&ids)))
            }
            Asked::Remove { members, entra, .. } => {
                let ids = self.ids(members);
                match ids.as_slice() {
                    [] => return Ok(()),
                    [first, ..] if !entra => self.app.patch(place, &remove_member(first)),
                    ids => self.app.patch(place, &remove_members(&texts(ids))),
                }
            }
            Asked::Replace { members, put, .. } => {
                // Those of the app itself stay, and among them who holds its key.
                let stands = self.app.get(place).json();
                let ours: BTreeSet<&String> = self.people.iter().flatten().collect();
                let shown = stands["members"].as_array().into_iter().flatten();
                let others = shown.map(|member| member["value"].as_str().unwrap().to_owned());
                let mut ids: Vec<String> = others.filter(|id| !ours.contains(id)).collect();
                ids.extend(self.ids(members));
                if *put {
                    let members: Vec<Value> = ids.iter().map(|id| json!({ "value": id })).collect();
                    let name = &stands["displayName"];
                    self.app.put(place, &json!({ "displayName": name, "members": members }))
                } else {
                    self.app.patch(place, &replace_members(&texts(&ids)))
                }
            }
            _ => self.app.delete(place),
        };
        if settled(asked, &answer)? && matches!(asked, Asked::Unmake { .. }) {
            self.groups[group] = None;
        }
        Ok(())
    }

    /// Holds what the gateway shows against what the app has.
    fn agrees(&mut self) -> Result<(), TestCaseError> {
        let there = there(self.column, &self.app.state());
        let mut shown: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for id in self.groups.clone().into_iter().flatten() {
            let group = self.app.get(&format!("/Groups/{id}")).json();
            let name = group["displayName"].as_str().unwrap().to_owned();
            let members = group["members"].as_array().cloned().unwrap_or_default();
            shown.insert(
                name,
                members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect(),
            );
        }
        for person in 0..PEOPLE {
            let address = self.address(person);
            let found = there.get(&address).cloned().unwrap_or_default();
            let Some(id) = self.people[person].clone() else {
                prop_assert!(!found.access, "{address} was deleted and has access");
                continue;
            };
            let told = self.app.get(&format!("/Users/{id}")).json();
            prop_assert_eq!(&told["active"], &json!(found.access), "access of {}", &address);
            if let (Some(family), true) = (&found.family, self.column.holds_names) {
                prop_assert_eq!(&told["name"]["familyName"], &json!(family), "name of {}", &address);
            }
            if found.access && self.column.holds_roles {
                let roles: Vec<&str> = told["roles"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|role| role["value"].as_str())
                    .collect();
                // A role that nobody asked for is told by the next reading.
                prop_assert!(
                    roles.is_empty()
                        || roles.len() == found.roles.len()
                            && roles.iter().all(|role| found.roles.iter().any(|held| same_role(held, role))),
                    "roles of {}: {:?}, the app has {:?}",
                    address,
                    roles,
                    found.roles
                );
            }
            for (name, members) in &shown {
                let inside = found.groups.contains(name);
                prop_assert_eq!(members.contains(&id), inside, "{} in {}", &address, name);
            }
        }
        let listed =
            self.app.get(&format!("/Users?count=100&filter=userName%20sw%20%22case{}.%22", self.number));
        prop_assert_eq!(
            listed.json()["totalResults"].as_u64().unwrap(),
            u64::try_from(self.people.iter().flatten().count()).unwrap()
        );
        Ok(())
    }

    /// Asks for everything as it stands; the app must not be asked to change anything.
    fn stands(&mut self) -> Result<(), TestCaseError> {
        self.app.journal();
        for id in self.people.clone().into_iter().flatten() {
            let place = format!("/Users/{id}");
            let stands = self.app.get(&place).json();
            let active = stands["active"] == true;
            let family = &stands["name"]["familyName"];
            for body in [
                okta_active(active),
                entra_active(active),
                patch(&json!({ "op": "replace", "path": "name.familyName", "value": family })),
            ] {
                let answer = self.app.patch(&place, &body);
                prop_assert_eq!(answer.status, 200, "{}: {}", body, answer.json());
            }
            let answer = self.app.put(&place, &stands);
            prop_assert_eq!(answer.status, 200, "{}: {}", stands, answer.json());
        }
        for id in self.groups.clone().into_iter().flatten() {
            let place = format!("/Groups/{id}");
            let stands = self.app.get(&place).json();
            let answer = self.app.put(&place, &stands);
            prop_assert_eq!(answer.status, 200, "{}: {}", stands, answer.json());
            let members = stands["members"].as_array().cloned().unwrap_or_default();
            let ids: Vec<&str> = members.iter().map(|member| member["value"].as_str().unwrap()).collect();
            let answer = self.app.patch(&place, &add_members(&ids));
            prop_assert_eq!(answer.status, 204, "{}", answer.json());
        }
        let changes: Vec<String> = self
            .app
            .journal()
            .into_iter()
            .filter(|call| !call.starts_with("GET ") && !call.contains("oauth2/token"))
            .collect();
        prop_assert_eq!(changes, Vec::<String>::new());
        prop_assert_eq!(self.do_tasks()?, Vec::<String>::new());
        Ok(())
    }
}

fn texts(ids: &[String]) -> Vec<&str> {
    ids.iter().map(String::as_str).collect()
}

/// Workiva tells the name of a role beside its id, and either may be sent.
fn same_role(held: &str, told: &str) -> bool {
    held.eq_ignore_ascii_case(told) || held.eq_ignore_ascii_case(&format!("role_{told}"))
}

/// Runs the cases of one mode; answers what failed, shrunk, with the seed.
fn cases_of(column: &Column) -> Option<String> {
    let served = column.serve(&column.settings("1h", ""));
    let mut app = served.app();
    app.lever("POST", "mode", &serde_json::from_str(column.offers).unwrap());
    if !column.is_by_people() {
        app.warm_up();
    }
    let app = Mutex::new((app, 0));
    let mut config = Config::default();
    if config.cases == 256 {
        config.cases = CASES;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(RandomState::new().hash_one(column.mode));
    }
    config.failure_persistence = None;
    config.max_shrink_iters = 200;
    let seed = config.rng_seed;
    let mut runner = TestRunner::new(config);
    let ran = runner.run(&vec(asked(), 0..=OPERATIONS), |sequence| {
        let mut held = app.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        held.1 += 1;
        let number = held.1;
        let mut case = Case::new(&served, &mut held.0, column, number);
        for asked in &sequence {
            case.ask(asked)?;
        }
        case.do_tasks()?;
        case.agrees()?;
        case.stands()?;
        case.agrees()
    });
    ran.err().map(|error| match error {
        TestError::Abort(reason) => format!("{} with {seed:?}: {reason}", column.mode),
        TestError::Fail(reason, sequence) => {
            let lines: Vec<String> = sequence.iter().map(|asked| format!("  {asked:?}")).collect();
            format!("{} with {seed:?}: {reason} after\n{}", column.mode, lines.join("\n"))
        }
    })
}

#[test]
fn the_app_and_the_gateway_agree_after_any_requests_and_repeating_them_changes_nothing() {
    let (queue, failed) = (Mutex::new(COLUMNS.iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(column) = queue.lock().unwrap().next() else { break };
                    if let Some(problem) = cases_of(column) {
                        failed.lock().unwrap().push(problem);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
