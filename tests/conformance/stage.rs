//! One app set up for one claim: a simulator behind a real socket, a guarded connection to it, and levers on both.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use portcullis::adapters::simulator::Running;
use portcullis::contract::{
    Account, Adapter, By, Capabilities, Create, Draft, Group, Groups, Member, Outcome, Role, Roles, State,
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::bench::{Bench, Temper};

/// An id and an address that no app has.
pub const NOBODY: &str = "999999999";
pub const NOBODY_AT: &str = "nobody.at.all@example.com";

/// An app on stage.
pub struct Stage {
    pub bench: &'static Bench,
    pub app: Arc<dyn Adapter>,
    running: Option<Running>,
    read: Mutex<BTreeSet<&'static str>>,
}

/// Reads a capability and notes that a claim depends on it.
macro_rules! told {
    ($stage:expr, $($field:ident).+) => {
        $stage.noted(concat!($(".", stringify!($field)),+), $stage.capabilities().$($field).+)
    };
}
pub(crate) use told;

impl Stage {
    /// Sets the app up with its default people and a connection that has proved itself once.
    pub async fn set(bench: &'static Bench) -> Self {
        let running = match bench.simulated() {
            Some(simulator) => Some(Running::start(simulator).await.unwrap()),
            None => None,
        };
        let app = bench.connect(&address(running.as_ref()), Temper::default());
        let stage = Self { bench, app, running, read: Mutex::default() };
        if let Some(switches) = bench.tried() {
            stage.lever("mode", switches).await;
        }
        stage.app.check().await.unwrap();
        stage
    }

    /// Whether there is anybody to call.
    pub fn is_wired(&self) -> bool {
        self.running.is_some()
    }

    /// Another connection to the same app.
    pub fn connect(&self, temper: Temper) -> Arc<dyn Adapter> {
        self.bench.connect(&address(self.running.as_ref()), temper)
    }

    /// A connection that gives up after a moment, and has its token already.
    pub async fn hasty(&self) -> Arc<dyn Adapter> {
        let app = self.connect(Temper { patience: Duration::from_millis(1_200), ..Temper::default() });
        app.check().await.unwrap();
        app
    }

    pub fn capabilities(&self) -> &Capabilities {
        self.app.capabilities()
    }

    /// Notes that the capability `path` decides something; see [`told`].
    pub fn noted<T>(&self, path: &'static str, value: T) -> T {
        self.read.lock().unwrap().insert(path.trim_start_matches('.'));
        value
    }

    /// The capabilities that were read.
    pub fn read(&self) -> BTreeSet<&'static str> {
        self.read.lock().unwrap().clone()
    }

    /// Moves a lever of the simulator's control plane, which must work.
    pub async fn lever(&self, path: &str, body: Value) {
        self.control("POST", path, body.to_string()).await;
    }

    /// Takes every ordered fault back.
    pub async fn forgive(&self) {
        self.control("DELETE", "faults", String::new()).await;
    }

    async fn control(&self, method: &str, path: &str, body: String) {
        let router = self.running.as_ref().unwrap().simulator().router();
        let request = Request::builder().method(method).uri(format!("/__sim/{path}"));
        let request = request.body(Body::from(body)).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200, "lever `{path}`");
    }

    /// Orders a fault for requests of `method`.
    pub async fn fault(&self, method: &str, mut fault: Value) {
        fault["match"] = json!({ "method": method });
        self.lever("faults", fault).await;
    }

    /// Orders what the bench says makes the app answer as briefly as the guide's examples; `false` sets it back.
    pub async fn brief(&self, brief: bool) {
        let switches = self.bench.brief.iter().map(|switch| ((*switch).to_owned(), json!(brief)));
        self.lever("mode", Value::Object(switches.collect())).await;
    }

    /// Everything the simulator was asked; empty where there is none.
    pub fn journal(&self) -> Vec<Value> {
        self.running.as_ref().map(|running| running.simulator().journal()).unwrap_or_default()
    }

    /// What `work` answers, and the exchanges it caused.
    pub async fn calls_of<T>(&self, work: impl Future<Output = T>) -> (T, Vec<Value>) {
        let before = self.journal().len();
        let done = work.await;
        (done, self.journal().split_off(before))
    }

    /// What `work` answers; it must not have called anybody.
    pub async fn without_calls<T>(&self, work: impl Future<Output = T>) -> T {
        let (done, calls) = self.calls_of(work).await;
        assert!(calls.is_empty(), "calls were made: {:?}", lines(&calls));
        done
    }

    /// What `work` answers; it must have changed nothing.
    pub async fn without_writes<T>(&self, work: impl Future<Output = T>) -> T {
        let (done, calls) = self.calls_of(work).await;
        assert!(calls.iter().all(|call| call["method"] == "GET"), "writes were made: {:?}", lines(&calls));
        done
    }

    /// Whether an account can be read: an app that neither lists nor looks up is told of by people.
    pub fn tells_accounts(&self) -> bool {
        told!(self, list) || told!(self, accounts.by_id)
    }

    /// Two roles of the app, the lesser first.
    pub fn roles(&self) -> [&'static str; 2] {
        if let Roles::Fixed(known) = told!(self, roles) {
            assert!(self.bench.roles.iter().all(|role| known.contains(role)));
        }
        self.bench.roles
    }

    /// Creates an account, or invites and accepts, and answers it as it then reads.
    ///
    /// Where people do the work, the account that they would make.
    pub async fn join(&self, draft: &Draft) -> Account {
        let email = draft.email.clone().unwrap();
        let outcome = self.app.create_account(draft).await.unwrap();
        match told!(self, create) {
            Create::No | Create::Task => {
                let role = draft.roles.first().map_or(self.roles()[0], String::as_str);
                return Account {
                    id: email.clone(),
                    email: Some(email),
                    state: Some(State::Active),
                    roles: Some(vec![Role { value: role.to_owned(), display: None }]),
                    ..Account::default()
                };
            }
            Create::Invite => self.lever(&format!("invites/{email}/accept"), json!({})).await,
            Create::Direct => {}
        }
        let id = outcome.value().unwrap().id;
        let found = self.app.account(By::Id(&id)).await.unwrap();
        found.unwrap_or_else(|| panic!("`{id}` was created and is not there"))
    }

    /// The account as it reads now.
    pub async fn look(&self, account: &Account) -> Option<Account> {
        self.app.account(By::Id(&account.id)).await.unwrap()
    }

    pub fn groups(&self) -> &dyn Groups {
        self.app.groups().unwrap()
    }

    /// A group that exists and that `account` is not in.
    pub async fn group_without(&self, account: &Account) -> Group {
        if told!(self, groups.create) {
            return self.groups().create_group("Conformance").await.unwrap().value().unwrap();
        }
        let inside = account.groups.clone().unwrap_or_default();
        let all = self.groups().groups().await.unwrap();
        all.into_iter().rfind(|group| !inside.contains(&group.id)).unwrap()
    }

    /// All pages of the listing.
    pub async fn pages(&self) -> Vec<Vec<Account>> {
        let (mut pages, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.app.accounts(cursor.as_deref()).await.unwrap();
            pages.push(page.items);
            cursor = page.next;
            if cursor.is_none() {
                return pages;
            }
        }
    }

    /// Stops the simulator.
    pub async fn clear(self) {
        if let Some(running) = self.running {
            running.stop().await;
        }
    }
}

/// Exchanges in short: `PUT /api/v1/users/4 {"role":"admin"} 200`.
pub fn lines(calls: &[Value]) -> Vec<String> {
    let text = |call: &Value, name: &str| call[name].as_str().unwrap_or_default().to_owned();
    let line = |call: &Value| {
        format!("{} {} {} {}", text(call, "method"), text(call, "path"), call["body"], call["status"])
    };
    calls.iter().map(line).collect()
}

fn address(running: Option<&Running>) -> String {
    running.map(Running::url).unwrap_or_default()
}

/// Anna, who has everything a new account can have but a role.
pub fn anna() -> Draft {
    person("Anna", "Berg")
}

pub fn person(given: &str, family: &str) -> Draft {
    let address = format!("{given}.{family}@example.com").to_lowercase();
    Draft {
        user_name: address.clone(),
        email: Some(address),
        given_name: Some(given.to_owned()),
        family_name: Some(family.to_owned()),
        display_name: Some(format!("{given} {family}")),
        active: true,
        ..Draft::default()
    }
}

/// An account seen as a member.
pub fn member(account: &Account) -> Member {
    Member { account: account.id.clone(), email: account.email.clone(), role: None }
}

/// An account that no app has.
pub fn nobody() -> Account {
    Account {
        id: NOBODY.to_owned(),
        email: Some(NOBODY_AT.to_owned()),
        state: Some(State::Active),
        ..Account::default()
    }
}

/// The instruction of a [`Outcome::Waiting`]; it names what to do.
pub fn instruction<T: std::fmt::Debug>(outcome: Outcome<T>) -> String {
    match outcome {
        Outcome::Waiting(request) => {
            assert!(request.instruction.split(' ').count() > 3, "{request:?}");
            request.instruction
        }
        other => panic!("{other:?} where a person has to act"),
    }
}

/// The values of an account's roles.
pub fn role_values(account: &Account) -> Vec<&str> {
    account.roles.iter().flatten().map(|role| role.value.as_str()).collect()
}
