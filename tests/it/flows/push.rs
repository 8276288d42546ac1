//! Group push as Okta and Entra send it, in every app and mode: what each step calls at the app, and no more than that.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;

use serde_json::{Value, json};

use super::cells::calls;
use super::columns::{COLUMNS, Column};
use super::people::{add_members, id, named, patch, remove_member, remove_members, replace_members};
use super::stage::{App, Served};
use super::there::{do_tasks, there};

const PEOPLE: usize = 3;
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// What a change of a group itself comes to.
#[derive(Debug, Clone, Copy)]
enum Own {
    /// These calls, in order.
    Calls(&'static [&'static str]),
    /// 501 with this detail, and nothing is called.
    Refused(&'static str),
}

/// The least calls of one app in one mode.
#[derive(Debug, Clone, Copy)]
struct Least {
    mode: &'static str,
    make: Own,
    rename: Own,
    delete: Own,
    /// Somebody comes.
    add: &'static str,
    /// Somebody goes, and the reading that shows it: after one of them, and after several.
    remove: &'static str,
    shows_one: &'static str,
    shows_some: &'static str,
    /// The reading before all members are replaced; empty where accounts, or people, tell them.
    whole: &'static str,
    /// Whether whoever is out already is looked for; of roles the listing tells, and of a task whoever does it.
    looks: bool,
    /// Whether one call takes all who come or go.
    together: bool,
}

const PATCH_GROUP: &str = "PATCH /scim/v2/Groups/{id}";
const READ_GROUP: &str = "GET /scim/v2/Groups/{id}";

/// By SCIM: one PATCH whoever comes, and one reading of the group after a removal, of all groups after a deletion.
const SCIM: Least = Least {
    mode: "",
    make: Own::Calls(&["POST /scim/v2/Groups"]),
    rename: Own::Calls(&[PATCH_GROUP]),
    delete: Own::Calls(&["DELETE /scim/v2/Groups/{id}", "GET /scim/v2/Groups"]),
    add: PATCH_GROUP,
    remove: PATCH_GROUP,
    shows_one: READ_GROUP,
    shows_some: READ_GROUP,
    whole: READ_GROUP,
    looks: true,
    together: true,
};

const WORKIVA: Least = Least {
    mode: "workiva rest",
    make: Own::Calls(&["POST /platform/v1/groups"]),
    rename: Own::Calls(&["PATCH /platform/v1/groups/{id}"]),
    delete: Own::Calls(&["DELETE /platform/v1/groups/{id}", "GET /platform/v1/groups"]),
    add: "POST /platform/v1/groups/{id}/members",
    remove: "DELETE /platform/v1/groups/{id}/members/{id}",
    shows_one: "GET /platform/v1/groups/{id}/members",
    shows_some: "GET /platform/v1/groups/{id}/members",
    whole: "GET /platform/v1/groups/{id}/members",
    looks: true,
    together: false,
};

const LEAST: [Least; 12] = [
    Least {
        mode: "hive rest",
        make: Own::Refused("hive cannot create groups through this connection (its groups are workspaces)"),
        rename: Own::Refused("hive cannot rename groups through this connection (its groups are workspaces)"),
        delete: Own::Refused("hive cannot delete groups through this connection (its groups are workspaces)"),
        add: "POST /api/v1/workspaces/{id}/members",
        remove: "DELETE /api/v1/workspaces/{id}/members/{id}",
        shows_one: "GET /api/v1/workspaces/{id}/members",
        shows_some: "GET /api/v1/workspaces/{id}/members",
        whole: "",
        looks: true,
        together: false,
    },
    Least { mode: "hive scim", ..SCIM },
    Least { mode: "hive hybrid", ..SCIM },
    Least {
        mode: "honeycomb rest",
        make: Own::Refused("honeycomb cannot create groups through this connection (its groups are roles)"),
        rename: Own::Refused("honeycomb cannot rename groups through this connection (its groups are roles)"),
        delete: Own::Refused("honeycomb cannot delete groups through this connection (its groups are roles)"),
        add: "PUT /1/team_memberships/{id}",
        remove: "PUT /1/team_memberships/{id}",
        shows_one: "GET /1/team_memberships",
        shows_some: "GET /1/team_memberships",
        whole: "",
        looks: false,
        together: false,
    },
    Least {
        mode: "tines rest",
        make: Own::Refused("tines cannot create groups through this connection (its groups are teams)"),
        rename: Own::Refused("tines cannot rename groups through this connection (its groups are teams)"),
        delete: Own::Refused("tines cannot delete groups through this connection (its groups are teams)"),
        add: "POST /api/v1/teams/{id}/memberships",
        remove: "DELETE /api/v1/teams/{id}/memberships/{id}",
        shows_one: "GET /api/v1/users/{id}",
        shows_some: "GET /api/v1/users",
        whole: "",
        looks: true,
        together: false,
    },
    Least { mode: "tines scim", ..SCIM },
    Least { mode: "tines hybrid", ..SCIM },
    WORKIVA,
    Least { mode: "workiva scim", ..SCIM },
    // SCIM makes and deletes what REST names and fills, maybe by other ids: what is to be deleted is looked for on both
    // sides, and on that of SCIM to the end of the listing, so that no other group of its name is meant.
    Least {
        mode: "workiva hybrid",
        make: Own::Calls(&["POST /scim/v2/Groups", "GET /platform/v1/groups"]),
        delete: Own::Calls(&[
            "GET /platform/v1/groups",
            "GET /scim/v2/Groups",
            "GET /scim/v2/Groups",
            "DELETE /scim/v2/Groups/{id}",
            "GET /platform/v1/groups",
        ]),
        ..WORKIVA
    },
    Least { mode: "scim scim", ..SCIM },
    Least {
        mode: "hotjar manual",
        make: Own::Refused("manual cannot create groups through this connection (its groups are roles)"),
        rename: Own::Refused("manual cannot rename groups through this connection (its groups are roles)"),
        delete: Own::Refused("manual cannot delete groups through this connection (its groups are roles)"),
        add: "task change_role",
        remove: "task change_role",
        shows_one: "",
        shows_some: "",
        whole: "",
        looks: false,
        together: false,
    },
];

/// What a step is worth at the app.
#[derive(Debug, Clone, Copy)]
enum Worth {
    Nothing,
    /// Somebody goes who is out already, which the app is asked about.
    Look,
    Rename,
    /// So many go, then so many come.
    Members {
        gone: usize,
        come: usize,
    },
    /// As [`Worth::Members`], where the whole list is replaced.
    Whole {
        gone: usize,
        come: usize,
    },
    Delete,
}

impl Own {
    fn calls(self) -> Vec<String> {
        let calls: &[&str] = match self {
            Self::Calls(calls) => calls,
            Self::Refused(_) => &[],
        };
        calls.iter().map(|call| (*call).to_owned()).collect()
    }
}

impl Least {
    fn calls(&self, worth: Worth) -> Vec<String> {
        let times = |call: &str, people: usize| {
            vec![call.to_owned(); if self.together { people.min(1) } else { people }]
        };
        match worth {
            Worth::Nothing => Vec::new(),
            Worth::Look => self.looks.then(|| self.shows_one.to_owned()).into_iter().collect(),
            Worth::Rename => self.rename.calls(),
            Worth::Delete => self.delete.calls(),
            Worth::Members { gone, come } => {
                let shows = if gone > 1 { self.shows_some } else { self.shows_one };
                let shows = (gone > 0 && !shows.is_empty()).then(|| shows.to_owned());
                [times(self.remove, gone), shows.into_iter().collect(), times(self.add, come)].concat()
            }
            Worth::Whole { gone, come } => {
                let whole = Some(self.whole.to_owned()).filter(|call| !call.is_empty());
                whole.into_iter().chain(self.calls(Worth::Members { gone, come })).collect()
            }
        }
    }
}

/// One provider's push of one group to one app.
struct Push<'a> {
    provider: &'static str,
    column: &'a Column,
    least: Least,
    served: Served,
    app: App,
    people: Vec<Value>,
    /// The group, and its name.
    group: String,
    name: String,
    /// Who was in the group before, by SCIM id.
    others: Vec<String>,
    wrong: Vec<String>,
}

fn person_address(number: usize) -> String {
    format!("pushed{number}@example.com")
}

impl<'a> Push<'a> {
    fn new(provider: &'static str, column: &'a Column, least: Least) -> Self {
        let settings = format!("idp = \"{provider}\"\n{}", column.settings("1h", ""));
        let served = column.serve(&settings);
        let mut app = served.app();
        app.lever("POST", "mode", &serde_json::from_str(column.offers).unwrap());
        let mut people = Vec::new();
        if column.is_by_people() {
            let rows: Vec<String> = (0..PEOPLE)
                .map(|number| format!("{},Pushed Person,{},active\n", person_address(number), column.least))
                .collect();
            for number in 0..PEOPLE {
                app.lever(
                    "POST",
                    "ui/invite",
                    &json!({ "email": person_address(number), "role": column.least }),
                );
            }
            served.import_roster(&format!("email,name,role,status\n{}", rows.concat()));
            people.extend((0..PEOPLE).map(|number| app.person(&person_address(number))));
        } else {
            app.warm_up();
            for number in 0..PEOPLE {
                let address = person_address(number);
                people.push(app.joins(&named(&address, "Pushed", "Person")));
                if column.invites {
                    app.lever("POST", &format!("invites/{address}/accept"), &json!({}));
                }
            }
        }
        let name = if column.makes_groups { "Pushed people" } else { column.group };
        app.journal();
        Self {
            provider,
            column,
            least,
            served,
            app,
            people,
            group: String::new(),
            name: name.to_owned(),
            others: Vec::new(),
            wrong: Vec::new(),
        }
    }

    fn id(&self, person: usize) -> &str {
        id(&self.people[person])
    }

    fn place(&self) -> String {
        format!("/Groups/{}", self.group)
    }

    fn differs(&mut self, step: &str, what: &str, found: &str, expected: &str) {
        if found != expected {
            let place = format!("{} × {} × {step}", self.provider, self.column.mode);
            self.wrong.push(format!("{place}: {what} {found}, expected {expected}"));
        }
    }

    /// What the app was asked for since the last look; a task is a person's, who does it at once.
    fn asked(&mut self) -> Vec<String> {
        if !self.column.is_by_people() {
            return calls(&mut self.app);
        }
        assert_eq!(self.app.journal(), Vec::<String>::new());
        do_tasks(&self.served, &mut self.app).unwrap()
    }

    fn send(
        &mut self,
        step: &str,
        request: (&str, &str, Option<&Value>),
        status: u16,
        least: &[String],
    ) -> Value {
        let (method, target, body) = request;
        let answer = self.app.send(method, target, body);
        let asked = self.asked();
        self.differs(
            step,
            "answered",
            &format!("{} {}", answer.status, refusal(&answer.json())),
            &format!("{status} "),
        );
        self.differs(step, "called", &asked.join(" + "), &least.join(" + "));
        answer.json()
    }

    /// Expects a refusal with a reason, for which nothing is called.
    fn refused(&mut self, step: &str, request: (&str, &str, Option<&Value>), told: (u16, &str, &str)) {
        let (method, target, body) = request;
        let answer = self.app.send(method, target, body);
        let json = answer.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (scim_type, detail) = (text(&json["scimType"]), text(&json["detail"]));
        let found = format!("{} `{scim_type}` {detail}", answer.status);
        self.differs(step, "answered", &found, &format!("{} `{}` {}", told.0, told.1, told.2));
        let asked = self.asked();
        self.differs(step, "called", &asked.join(" + "), "");
    }

    /// Looks the group up by name; whether it is there.
    fn look(&mut self, query: &str) -> Option<String> {
        let name = self.name.replace(' ', "%20");
        let target = format!("/Groups?filter=displayName%20eq%20%22{name}%22&{query}");
        let found = self.send("look", ("GET", &target, None), 200, &[]);
        found["Resources"][0]["id"].as_str().map(str::to_owned)
    }

    /// Creates the group, or links the one that is there.
    fn make(&mut self, body: &Value, query: &str) {
        match self.least.make {
            Own::Calls(_) => {
                assert_eq!(self.look(query), None);
                let least = self.least.make.calls();
                let made = self.send("make", ("POST", "/Groups", Some(body)), 201, &least);
                id(&made).clone_into(&mut self.group);
            }
            Own::Refused(why) => {
                let other = json!({ "schemas": [GROUP], "displayName": "Astronauts", "members": [] });
                self.refused("make", ("POST", "/Groups", Some(&other)), (501, "", why));
                self.group = self.look(query).unwrap();
                let shown = self.app.get(&self.place()).json();
                let members = shown["members"].as_array().cloned().unwrap_or_default();
                self.others =
                    members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect();
                self.others.retain(|other| self.people.iter().all(|person| id(person) != other));
                self.asked();
            }
        }
        let why = "`displayName` is taken by another group of this connection; look it up with a filter and update that one";
        self.refused("make again", ("POST", "/Groups", Some(body)), (409, "uniqueness", why));
    }

    fn patch(&mut self, step: &str, operations: &[Value], worth: Worth) {
        let body = with_operations(operations);
        let least = self.least.calls(worth);
        self.send(step, ("PATCH", &self.place(), Some(&body)), 204, &least);
    }

    fn rename(&mut self, operation: &dyn Fn(&Self, &str) -> Value) {
        let name = format!("{} anew", self.name);
        let body = with_operations(&[operation(self, &name)]);
        match self.least.rename {
            Own::Calls(_) => {
                let least = self.least.calls(Worth::Rename);
                self.send("rename", ("PATCH", &self.place(), Some(&body)), 204, &least);
                self.name = name;
            }
            Own::Refused(why) => {
                self.refused("rename", ("PATCH", &self.place(), Some(&body)), (501, "", why));
            }
        }
    }

    fn delete(&mut self) {
        match self.least.delete {
            Own::Calls(_) => {
                let least = self.least.calls(Worth::Delete);
                self.send("delete", ("DELETE", &self.place(), None), 204, &least);
                for method in ["DELETE", "GET"] {
                    let answer = self.app.send(method, &self.place(), None);
                    self.differs("delete again", "answered", &answer.status.to_string(), "404");
                }
                let asked = self.asked();
                self.differs("delete again", "called", &asked.join(" + "), "");
            }
            Own::Refused(why) => self.refused("delete", ("DELETE", &self.place(), None), (501, "", why)),
        }
    }

    /// Holds the gateway and the app against who should be in the group.
    fn holds(&mut self, step: &str, people: &[usize]) {
        let shown = self.send(step, ("GET", &self.place(), None), 200, &[]);
        let members = shown["members"].as_array().cloned().unwrap_or_default();
        let told: BTreeSet<String> =
            members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect();
        let expected: BTreeSet<String> =
            people.iter().map(|person| self.id(*person).to_owned()).chain(self.others.clone()).collect();
        self.differs(step, "shown", &format!("{told:?}"), &format!("{expected:?}"));
        let there = there(self.column, &self.app.state());
        let inside: Vec<usize> = (0..PEOPLE)
            .filter(|person| there[&person_address(*person)].groups.contains(&self.name))
            .collect();
        self.differs(step, "at the app", &format!("{inside:?}"), &format!("{people:?}"));
    }

    /// As Okta does it: the name again with every change, members by one PATCH or by PUT, and deletion where it is asked.
    fn okta(&mut self) {
        let body = json!({ "schemas": [GROUP], "displayName": self.name, "members": [] });
        self.make(&body, "startIndex=1&count=100");
        let member = |push: &Self, person: usize| json!({ "value": push.id(person), "display": person_address(person) });
        let call = |push: &Self, name: &str| json!({ "op": "replace", "value": { "id": push.group, "displayName": name } });
        let again = call(self, &self.name);
        self.patch("push the name", std::slice::from_ref(&again), Worth::Nothing);

        let two = json!({ "op": "add", "path": "members", "value": [member(self, 0), member(self, 1)] });
        self.patch("add two", &[again.clone(), two.clone()], Worth::Members { gone: 0, come: 2 });
        self.holds("add two", &[0, 1]);
        self.patch("add two again", &[again, two], Worth::Nothing);

        let out = remove_member(self.id(0))["Operations"][0].clone();
        let one = json!({ "op": "add", "path": "members", "value": [member(self, 2)] });
        self.patch("one goes and one comes", &[out, one], Worth::Members { gone: 1, come: 1 });
        self.holds("one goes and one comes", &[1, 2]);

        self.rename(&call);
        let others = self.others.clone().into_iter().map(|id| json!({ "value": id }));
        let members: Vec<Value> = others.chain([member(self, 0), member(self, 2)]).collect();
        let whole = json!({ "schemas": [GROUP], "displayName": self.name, "members": members });
        for (step, worth) in
            [("put", Worth::Whole { gone: 1, come: 1 }), ("put again", Worth::Whole { gone: 0, come: 0 })]
        {
            let least = self.least.calls(worth);
            self.send(step, ("PUT", &self.place(), Some(&whole)), 200, &least);
            self.holds(step, &[0, 2]);
        }

        let others: Vec<&str> = self.others.iter().map(String::as_str).collect();
        let nobody = replace_members(&others)["Operations"][0].clone();
        self.patch("replace by none", &[nobody], Worth::Whole { gone: 2, come: 0 });
        self.holds("replace by none", &[]);
        self.delete();
    }

    /// As Entra does it: the group alone, then its members, each request after a look at the group without them.
    fn entra(&mut self) {
        let microsoft = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group";
        let external = "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159";
        let body = json!({
            "schemas": [GROUP, microsoft],
            "externalId": external,
            "displayName": self.name,
            "meta": { "resourceType": "Group" },
        });
        self.make(&body, "excludedAttributes=members");
        let external = json!({ "op": "Add", "path": "externalId", "value": external });
        self.patch("match", &[external], Worth::Nothing);
        let target = format!("{}?excludedAttributes=members", self.place());
        let alone = self.send("look before", ("GET", &target, None), 200, &[]);
        assert_eq!(alone.get("members"), None);

        let value = |push: &Self, people: &[usize]| -> Vec<Value> {
            people.iter().map(|person| json!({ "$ref": null, "value": push.id(*person) })).collect()
        };
        let add = |push: &Self, people: &[usize]| json!({ "op": "Add", "path": "members", "value": value(push, people) });
        self.patch("add two", &[add(self, &[0, 1])], Worth::Members { gone: 0, come: 2 });
        self.patch("add one", &[add(self, &[2])], Worth::Members { gone: 0, come: 1 });
        self.patch("add one again", &[add(self, &[2])], Worth::Nothing);
        self.holds("add", &[0, 1, 2]);

        let out = json!({ "op": "Remove", "path": format!("members[value eq \"{}\"]", self.id(0)) });
        self.patch("remove by path", std::slice::from_ref(&out), Worth::Members { gone: 1, come: 0 });
        self.patch("remove by path again", &[out], Worth::Look);
        self.holds("remove by path", &[1, 2]);
        let out = json!({ "op": "Remove", "path": "members", "value": value(self, &[1, 2]) });
        self.patch("remove by value", &[out], Worth::Members { gone: 2, come: 0 });
        self.holds("remove by value", &[]);
        self.rename(&|_, name| json!({ "op": "Replace", "path": "displayName", "value": name }));
        self.delete();
    }
}

fn refusal(answer: &Value) -> String {
    answer["detail"].as_str().unwrap_or_default().to_owned()
}

fn with_operations(operations: &[Value]) -> Value {
    let mut body = patch(&Value::Null);
    body["Operations"] = json!(operations);
    body
}

#[test]
fn a_pushed_group_calls_the_app_no_more_than_it_has_to() {
    let pushes = COLUMNS.iter().flat_map(|column| ["okta", "entra"].map(|provider| (provider, column)));
    let pushes: Vec<_> = pushes.collect();
    let (queue, wrong) = (Mutex::new(pushes.into_iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some((provider, column)) = queue.lock().unwrap().next() else { break };
                    let least = LEAST.into_iter().find(|least| least.mode == column.mode).unwrap();
                    let mut push = Push::new(provider, column, least);
                    if provider == "okta" {
                        push.okta();
                    } else {
                        push.entra();
                    }
                    wrong.lock().unwrap().extend(push.wrong);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} steps differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_push_of_more_members_than_one_call_takes_is_cut_into_as_few_as_may_be() {
    const AT_ONCE: usize = 100;
    let column = COLUMNS.iter().find(|column| column.mode == "hive scim").unwrap();
    let served = column.serve(&column.settings("1h", ""));
    let mut app = served.app();
    app.lever("POST", "mode", &serde_json::from_str(column.offers).unwrap());
    app.warm_up();
    let join = |app: &mut App, number: usize| {
        let person = app.joins(&named(&format!("crowd{number}@example.com"), "Crowd", "Person"));
        id(&person).to_owned()
    };
    let crowd: Vec<String> = (0..=AT_ONCE).map(|number| join(&mut app, number)).collect();
    let made = app.post("/Groups", &json!({ "schemas": [GROUP], "displayName": "Crowd" }));
    let place = format!("/Groups/{}", id(&made.json()));
    app.journal();
    let crowd: Vec<&str> = crowd.iter().map(String::as_str).collect();
    assert_eq!(app.patch(&place, &add_members(&crowd)).status, 204);
    assert_eq!(calls(&mut app), [PATCH_GROUP, PATCH_GROUP]);
    assert_eq!(app.patch(&place, &remove_members(&crowd)).status, 204);
    assert_eq!(calls(&mut app), [PATCH_GROUP, PATCH_GROUP, READ_GROUP]);
    assert_eq!(app.get(&place).json()["members"].as_array().map_or(0, Vec::len), 0);
}
