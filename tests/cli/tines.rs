//! A simulated Tines with a configured gateway before it, which is served as often as a test likes.

use std::fs;

use portcullis::adapters::tines::sim::ADMIN_TOKEN;
use serde_json::{Value, json};

use crate::stage::{Caller, Place, Running, person, simulator};

#[derive(Debug)]
pub struct Tines {
    pub place: Place,
    sim: Running,
    token: String,
}

impl Tines {
    /// `more` stands below the connection in the configuration.
    pub fn with(more: &str) -> Self {
        let place = Place::with("");
        let sim = Running::start(place.path("").as_path(), &["sim", "tines", "--listen", "127.0.0.1:0"]);
        let url = sim.ready["url"].as_str().unwrap();
        let text = format!(
            "listen = \"127.0.0.1:0\"\n[connections.tines]\napp = \"tines\"\nfreshness = \"1s\"\n[connections.tines.rest]\nbase_url = \"{url}/api/v1\"\nprivate = true\napi_token = {{ file = \"key\" }}\n{more}"
        );
        fs::write(place.path("portcullis.toml"), text).unwrap();
        fs::write(place.path("key"), ADMIN_TOKEN).unwrap();
        let token = place.run("token create", &["--connection", "tines", "--json"]).ok().json();
        Self { place, sim, token: token["token"].as_str().unwrap().to_owned() }
    }

    /// A gateway, and its caller.
    pub fn serve(&self) -> (Running, Caller) {
        let gateway = Running::serve(&self.place);
        let caller = gateway.caller_with("tines", &self.token);
        (gateway, caller)
    }

    /// The app itself.
    pub fn app(&self) -> Caller {
        simulator(self.sim.ready["url"].as_str().unwrap())
    }

    /// What the app was asked to change, as `METHOD /path`.
    pub fn writes(&self) -> Vec<String> {
        let calls = self.app().journal();
        let writes = calls.iter().filter(|call| call["method"] != "GET");
        writes
            .map(|call| format!("{} {}", call["method"].as_str().unwrap(), call["path"].as_str().unwrap()))
            .collect()
    }

    /// The account of an address; null where there is none.
    pub fn account(&self, address: &str) -> Value {
        let state = self.app().send("GET", "/__sim/state", &Value::Null).json();
        let mut accounts = state["users"].as_array().unwrap().iter();
        accounts.find(|user| user["email"] == address).cloned().unwrap_or_default()
    }
}

/// Somebody is hired with a role; answers their id.
pub fn hire(idp: &mut Caller, address: &str, role: &str) -> String {
    let mut body = person(address);
    body["roles"] = json!([{ "value": role, "primary": true }]);
    let made = idp.send("POST", "/Users", &body);
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["id"].as_str().unwrap().to_owned()
}
