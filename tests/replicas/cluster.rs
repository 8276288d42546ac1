//! Replicas of one gateway: each a process with a configuration of its own, all on one database and one app.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use portcullis::adapters::honeycomb;
use portcullis::base::secret::SecretString;
use portcullis::store::audit::Link;
use portcullis::store::postgres;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::books::{Asked, Books};
use crate::postgres::Server;
use crate::stage::{Caller, Place, Running, simulator};

/// The server of all tests that run now, durable as a real one; it ends with the last of them.
fn server() -> Arc<Server> {
    static RUNNING: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    running.upgrade().unwrap_or_else(|| {
        let server = Arc::new(Server::start(true));
        *running = Arc::downgrade(&server);
        server
    })
}

/// The connection all replicas serve.
pub(crate) const NAME: &str = "honeycomb";

pub(crate) struct Cluster {
    pub(crate) replicas: Vec<Running>,
    pub(crate) places: Vec<Place>,
    pub(crate) server: Arc<Server>,
    pub(crate) database: String,
    token: String,
    app: String,
    _simulator: Running,
    _directory: TempDir,
}

impl Cluster {
    /// So many replicas, whose leases last for `lease`, on a database of their own.
    pub(crate) fn start(replicas: usize, lease: &str) -> Self {
        Self::on(server(), replicas, lease, "30s")
    }

    /// The same, where everything is looked at in the app before it is changed.
    pub(crate) fn looking(replicas: usize, lease: &str) -> Self {
        Self::on(server(), replicas, lease, "0s")
    }

    /// The same on a server that nobody else uses.
    pub(crate) fn alone(replicas: usize, lease: &str) -> Self {
        Self::on(Arc::new(Server::start(true)), replicas, lease, "30s")
    }

    fn on(server: Arc<Server>, replicas: usize, lease: &str, freshness: &str) -> Self {
        let database = server.database();
        let directory = TempDir::new().unwrap();
        let running = Running::start(directory.path(), &["sim", NAME, "--listen", "127.0.0.1:0"]);
        let app = running.ready["url"].as_str().unwrap().to_owned();
        let text = format!(
            "listen = \"127.0.0.1:0\"\npublic_url = \"http://scim.example\"\n\
             [store]\nurl = \"{database}\"\nlease = \"{lease}\"\n\
             [connections.{NAME}]\napp = \"{NAME}\"\nfreshness = \"{freshness}\"\n\
             [connections.{NAME}.rest]\nbase_url = \"{app}\"\nprivate = true\nper_second = 100000\n\
             concurrency = 64\napi_key = {{ file = \"key\" }}\n"
        );
        let places: Vec<Place> = (0..replicas).map(|_| Place::with(&text)).collect();
        for place in &places {
            fs::write(place.path("key"), honeycomb::sim::CONFIG_KEY).unwrap();
        }
        let token = Self::token(&places[0]).1;
        let replicas = places.iter().map(Running::serve).collect();
        Self { replicas, places, server, database, token, app, _simulator: running, _directory: directory }
    }

    /// Makes a token: its id, and itself.
    pub(crate) fn token(place: &Place) -> (String, String) {
        let made = place.run("token create", &["--connection", NAME, "--json"]).ok().json();
        let text = |key: &str| made[key].as_str().unwrap().to_owned();
        (text("id"), text("token"))
    }

    /// Somebody who sends their requests to one replica.
    pub(crate) fn caller(&self, replica: usize) -> Caller {
        self.caller_of(&self.replicas[replica])
    }

    /// Somebody who sends their requests to this process.
    pub(crate) fn caller_of(&self, replica: &Running) -> Caller {
        replica.caller_with(NAME, &self.token)
    }

    /// How many leases there are of which `condition` holds.
    pub(crate) fn leases(&self, condition: &str) -> String {
        self.server.sql(self.database_name(), &format!("SELECT count(*) FROM leases WHERE {condition}"))
    }

    /// The app.
    pub(crate) fn app(&self) -> Caller {
        simulator(&self.app)
    }

    /// The name of the database.
    pub(crate) fn database_name(&self) -> &str {
        self.database.rsplit('/').next().unwrap()
    }

    /// The addresses of everybody in the app.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let state = self.app().send("GET", "/__sim/state", &Value::Null).json();
        let teams = state["teams"].as_object().unwrap().values();
        let members = teams.flat_map(|team| team["members"].as_array().unwrap().clone());
        members.map(|member| member["email"].as_str().unwrap().to_owned()).collect()
    }

    /// How often the app was asked to make an account of this address.
    pub(crate) fn created(&self, address: &str) -> usize {
        let journal = self.app().journal();
        journal.iter().filter(|entry| entry["method"] == "POST" && entry["body"]["email"] == address).count()
    }

    /// Fails unless the audit is whole and tells every change the app was asked for, and none that it was not.
    #[track_caller]
    pub(crate) fn is_accounted_for(&self) {
        let wrong = self.wrong_in_the_audit();
        assert!(wrong.is_empty(), "{wrong:#?}\n{}", self.logs());
    }

    /// The same where a replica stood still for longer than its attempt may take: another one has ended that as
    /// interrupted, and whoever wakes tells what they had called.
    #[track_caller]
    pub(crate) fn is_accounted_for_after_a_pause(&self) {
        let mut wrong = self.wrong_in_the_audit();
        wrong.retain(|text| !text.starts_with("ended twice"));
        assert!(wrong.is_empty(), "{wrong:#?}\n{}", self.logs());
    }

    /// What does not agree between the audit, which has to be whole, and what the app was asked.
    #[track_caller]
    fn wrong_in_the_audit(&self) -> Vec<String> {
        self.places[0].run("audit verify", &[]).ok();
        let asked = Asked::all(&Value::Array(self.app().journal()));
        let mut books = Books::default();
        let mut wrong = books.compare(NAME, &self.links(books.read_until()), asked);
        // What one side alone has told is wrong when it comes to a second look.
        wrong.extend(books.compare(NAME, &[], Vec::new()));
        assert!(books.agreed > 0, "the audit was held against nothing");
        wrong
    }

    /// The links of the connection's chain after this one.
    fn links(&self, mut last: i64) -> Vec<Link> {
        let settings = postgres::Settings::new(SecretString::from(self.database.clone()));
        let mut links = Vec::new();
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let store = postgres::open(&settings).await.unwrap();
            loop {
                let page = store.links(NAME, last, 10_000).await.unwrap();
                let Some(end) = page.last() else { break };
                last = end.seq;
                links.extend(page);
            }
            store.close().await;
        });
        links
    }

    /// What an operator sees where a test has failed: everything but the requests that went well.
    pub(crate) fn logs(&self) -> String {
        let is_worth_it = |line: &Value| line["message"] != "request" || line["outcome"] != "answered";
        let of = |replica: &Running| {
            let lines = replica.log_lines().into_iter().filter(is_worth_it);
            lines.map(|line| line.to_string()).collect::<Vec<_>>().join("\n")
        };
        self.replicas.iter().map(of).collect::<Vec<_>>().join("\n--- next replica\n")
    }
}

/// A filter for one name.
pub(crate) fn named(address: &str) -> String {
    format!("/Users?filter=userName%20eq%20%22{address}%22")
}

/// A person with an external id, as an identity provider sends them.
pub(crate) fn person(address: &str) -> Value {
    let mut person = crate::stage::person(address);
    person["externalId"] = json!(address);
    person
}
