//! Two connections to one app, each with a credential of its own: neither is ever used for the other's people.

use std::collections::BTreeSet;
use std::fs;
use std::thread;

use portcullis::adapters::honeycomb::sim::{CONFIG_KEY, OTHER_TEAM_CONFIG_KEY};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{Caller, Place, Running, active, simulator, wait_for};

const PEOPLE: usize = 20;
const TEAMS: [(&str, &str); 2] = [("acme", CONFIG_KEY), ("globex", OTHER_TEAM_CONFIG_KEY)];

/// The addresses this test has brought into a team.
fn members(app: &mut Caller, team: &str) -> BTreeSet<String> {
    let state = app.send("GET", "/__sim/state", &Value::Null).json();
    let members = state["teams"][team]["members"].as_array().unwrap().clone();
    let addresses = members.into_iter().map(|member| member["email"].as_str().unwrap().to_owned());
    addresses.filter(|address| address.ends_with("@corp.example")).collect()
}

fn addresses(numbers: impl Iterator<Item = usize>) -> BTreeSet<String> {
    numbers.map(|number| format!("p{number}@corp.example")).collect()
}

#[test]
fn two_teams_with_the_same_people_are_kept_apart_over_a_crash() {
    let directory = TempDir::new().unwrap();
    let sim = Running::start(directory.path(), &["sim", "honeycomb", "--listen", "127.0.0.1:0"]);
    let url = sim.ready["url"].as_str().unwrap();
    let connection = |(name, _): (&str, &str)| {
        format!(
            "[connections.{name}]\napp = \"honeycomb\"\n[connections.{name}.rest]\nbase_url = \"{url}\"\n\
             private = true\nper_second = 1000\napi_key = {{ file = \"{name}\" }}\n"
        )
    };
    let place = Place::with(&format!("listen = \"127.0.0.1:0\"\n{}", TEAMS.map(connection).concat()));
    for (name, key) in TEAMS {
        fs::write(place.path(name), key).unwrap();
    }
    let gateway = Running::serve(&place);
    let tokens = TEAMS.map(|(name, _)| {
        let made = place.run("token create", &["--connection", name, "--json"]).ok().json();
        made["token"].as_str().unwrap().to_owned()
    });
    let caller = |gateway: &Running, team: usize| gateway.caller_with(TEAMS[team].0, &tokens[team]);
    let ids = thread::scope(|scope| {
        let hiring = [0, 1].map(|team| {
            let mut caller = caller(&gateway, team);
            scope.spawn(move || {
                let hire = |number| caller.create(&format!("p{number}@corp.example"))["id"].clone();
                (0..PEOPLE).map(hire).map(|id| id.as_str().unwrap().to_owned()).collect::<Vec<_>>()
            })
        });
        hiring.map(|hired| hired.join().unwrap())
    });
    let mut app = simulator(url);
    for (team, _) in TEAMS {
        assert_eq!(members(&mut app, team), addresses(0..PEOPLE), "{team}");
    }

    // Of one team the even ones leave and of the other the odd ones, which nobody can carry out before the crash.
    assert!(app.send("POST", "/__sim/faults", &json!({ "status": 503, "times": 10_000 })).status < 300);
    let leave = |gateway: &Running, team: usize| {
        let mut caller = caller(gateway, team);
        for id in ids[team].iter().skip(team).step_by(2) {
            assert_eq!(caller.send("PATCH", &format!("/Users/{id}"), &active(false)).status, 503);
        }
    };
    thread::scope(|scope| {
        for team in [0, 1] {
            let (leave, gateway) = (&leave, &gateway);
            scope.spawn(move || leave(gateway, team));
        }
    });
    drop(gateway);
    let _gateway = Running::serve(&place);
    assert!(app.send("DELETE", "/__sim/faults", &Value::Null).status < 300);
    for (number, (team, _)) in TEAMS.into_iter().enumerate() {
        let stay = addresses((0..PEOPLE).filter(|one| one % 2 != number));
        wait_for("whoever left to be out", || (members(&mut app, team).len() <= stay.len()).then_some(()));
        assert_eq!(members(&mut app, team), stay, "{team}");
    }
}
