//! An older database put back under a gateway: it knows, gives nobody access, and everybody still leaves.

use std::fs;

use portcullis::adapters::tines;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{Place, Running, person, simulator, wait_for};

#[test]
fn an_older_database_is_recognised_and_gives_nobody_access_until_an_operator_has_looked() {
    let directory = TempDir::new().unwrap();
    let sim = Running::start(directory.path(), &["sim", "tines", "--listen", "127.0.0.1:0"]);
    let url = sim.ready["url"].as_str().unwrap();
    let place = Place::with(&format!(
        "listen = \"127.0.0.1:0\"\n[connections.tines]\napp = \"tines\"\nfreshness = \"1s\"\n[connections.tines.rest]\nbase_url = \"{url}/api/v1\"\nprivate = true\napi_token = {{ file = \"key\" }}\n"
    ));
    fs::write(place.path("key"), tines::sim::ADMIN_TOKEN).unwrap();
    let token = place.run("token create", &["--connection", "tines", "--json"]).ok().json();
    let token = token["token"].as_str().unwrap().to_owned();
    let mut gateway = Running::serve(&place);
    let mut idp = gateway.caller_with("tines", &token);
    let mut hire = |email: &str| {
        let mut body = person(email);
        body["name"] = json!({ "givenName": "Ada", "familyName": "Berg" });
        let made = idp.send("POST", "/Users", &body);
        assert_eq!(made.status, 201, "{made:?}");
        made.json()["id"].as_str().unwrap().to_owned()
    };
    let (stays, leaves) = (hire("stays@example.com"), hire("leaves@example.com"));
    gateway.signal("-TERM");
    let backup = fs::read(place.path("portcullis.db")).unwrap();

    let mut gateway = Running::serve(&place);
    let off = json!({ "Operations": [{ "op": "replace", "value": { "active": false } }] });
    let mut idp = gateway.caller_with("tines", &token);
    assert_eq!(idp.send("PATCH", &format!("/Users/{leaves}"), &off).status, 200);
    assert_eq!(place.run("safe-mode status", &[]).ok().stdout, "not in safe mode\n");
    gateway.signal("-TERM");

    fs::write(place.path("portcullis.db"), backup).unwrap();
    for log in ["portcullis.db-wal", "portcullis.db-shm"] {
        drop(fs::remove_file(place.path(log)));
    }
    let gateway = Running::serve(&place);
    let mut idp = gateway.caller_with("tines", &token);
    let told = place.run("safe-mode status", &["--json"]).ok().json();
    assert_eq!(told["safe_mode"], true, "{told}");
    let mut app = simulator(url);
    let writes = |app: &mut crate::stage::Caller| {
        let journal = app.send("GET", "/__sim/journal", &Value::Null).json();
        let calls = journal.as_array().unwrap().iter();
        calls.filter(|call| call["method"] != "GET").count()
    };
    let before = writes(&mut app);
    let mut newcomer = person("new@example.com");
    newcomer["name"] = json!({ "givenName": "Ada", "familyName": "Berg" });
    let held = idp.send("POST", "/Users", &newcomer);
    assert_eq!(held.status, 503);
    assert!(held.json()["detail"].as_str().unwrap().contains("safe-mode leave"), "{held:?}");
    let on = json!({ "Operations": [{ "op": "replace", "value": { "active": true } }] });
    assert_eq!(idp.send("PATCH", &format!("/Users/{leaves}"), &on).status, 503);
    assert_eq!(writes(&mut app), before, "nobody got anything");
    assert_eq!(idp.send("PATCH", &format!("/Users/{stays}"), &off).status, 200, "whoever leaves, leaves");

    assert_eq!(place.run("safe-mode leave", &[]).code, 1, "nobody has looked");
    let seen = place.run("safe-mode review", &["--json"]).ok().json();
    assert_eq!(seen[0]["without_access"][0]["id"], leaves.as_str(), "{seen}");
    place.run("safe-mode leave", &[]).ok();
    assert_eq!(place.run("safe-mode status", &[]).ok().stdout, "not in safe mode\n");
    wait_for("the end of safe mode", || (idp.send("POST", "/Users", &newcomer).status == 201).then_some(()));
    let gone = idp.send("GET", &format!("/Users/{leaves}"), &Value::Null);
    assert_eq!(gone.json()["active"], false);
}
