//! What an app has, read from its state in the words of no app; and, where an app is people, what they do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::columns::Column;
use super::stage::{App, Served};

/// What makes a task say its role and nothing else, for [`do_tasks`].
pub const PLAIN_INSTRUCTIONS: &str = "[connections.manual.manual.instructions]\ninvite = \"{role}\"\n\
     remove = \"{role}\"\nchange_role = \"{role}\"\n";

/// A person as the app has them.
#[derive(Debug, Clone, Default)]
pub struct There {
    pub access: bool,
    pub family: Option<String>,
    pub roles: Vec<String>,
    pub groups: BTreeSet<String>,
}

/// Everybody the app has, by address.
pub fn there(column: &Column, state: &Value) -> BTreeMap<String, There> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let id = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut people: BTreeMap<String, There> = BTreeMap::new();
    let mut addresses: BTreeMap<String, String> = BTreeMap::new();
    let named_groups = |groups: &Value,
                        people: &mut BTreeMap<String, There>,
                        addresses: &BTreeMap<String, String>| {
        for group in list(groups) {
            for member in list(&group["members"]) {
                if let Some(person) = addresses.get(&id(&member)).and_then(|address| people.get_mut(address))
                {
                    person.groups.insert(text(&group["name"]));
                }
            }
        }
    };
    match column.simulator {
        "hive" => {
            for (workspace, name) in [("ws_001", "Acme Corp"), ("ws_002", "Acme Labs")] {
                for member in list(&state["workspaces"][workspace]) {
                    addresses.insert(id(&member["id"]), text(&member["email"]));
                    let person = people.entry(text(&member["email"])).or_default();
                    let inside = member["status"] != "deactivated";
                    person.access |= inside;
                    person.family = Some(text(&member["lastName"])).filter(|name| !name.is_empty());
                    if workspace == "ws_001" || person.roles.is_empty() {
                        person.roles = vec![text(&member["role"])];
                    }
                    if inside && !column.makes_groups {
                        person.groups.insert(name.to_owned());
                    }
                }
            }
            if column.makes_groups {
                named_groups(&state["groups"], &mut people, &addresses);
            }
        }
        "honeycomb" => {
            for member in list(&state["teams"]["acme"]["members"]) {
                let role = text(&member["role"]);
                let groups = BTreeSet::from([role.clone()]);
                let there = There { access: true, family: None, roles: vec![role], groups };
                people.insert(text(&member["email"]), there);
            }
        }
        "hotjar" => {
            for seat in list(&state["roster"]) {
                let role = text(&seat["role"]);
                let groups = BTreeSet::from([role.clone()]);
                let there = There { access: true, family: None, roles: vec![role], groups };
                people.insert(text(&seat["email"]), there);
            }
        }
        "tines" => {
            let teams: BTreeMap<String, String> =
                list(&state["teams"]).iter().map(|team| (id(&team["id"]), text(&team["name"]))).collect();
            for user in list(&state["users"]) {
                let groups =
                    list(&user["team_ids"]).iter().filter_map(|team| teams.get(&id(team)).cloned()).collect();
                let there = There {
                    access: user["active"] == true,
                    family: Some(text(&user["last_name"])),
                    roles: vec![text(&user["role"])],
                    groups,
                };
                people.insert(text(&user["email"]), there);
            }
        }
        _ => {
            let workspace = &state["workspaces"]["ws_1"];
            for user in list(&workspace["users"]) {
                addresses.insert(id(&user["id"]), text(&user["email"]));
                let there = There {
                    access: user["active"] == true,
                    family: Some(text(&user["lastName"])),
                    roles: list(&user["roles"]).iter().map(text).collect(),
                    groups: BTreeSet::new(),
                };
                people.insert(text(&user["email"]), there);
            }
            named_groups(&workspace["groups"], &mut people, &addresses);
        }
    }
    people
}

/// Does every open task in the app and says so; answers them as `task KIND`, or what there was nobody to do it to.
pub fn do_tasks(served: &Served, app: &mut App) -> Result<Vec<String>, String> {
    let (mut done, mut pointless) = (Vec::new(), Vec::new());
    for task in served.tasks() {
        let text = |field: &str| task[field].as_str().unwrap().to_owned();
        let (kind, email, role) = (text("kind"), text("person"), text("instruction"));
        let (lever, body) = match kind.as_str() {
            "invite" => ("ui/invite", json!({ "email": email, "role": role })),
            "remove" => ("ui/remove", json!({ "email": email })),
            "change_role" => ("ui/set-role", json!({ "email": email, "role": role })),
            // For the operator of the gateway.
            "many_deactivations" => continue,
            other => return Err(format!("nobody does `{other}` ({role})")),
        };
        let answer = app.try_lever("POST", lever, &body);
        // Whether an invitation went out before it was called off nobody knows but the people of the app.
        let is_out_already = kind == "remove" && answer.status == 404;
        if answer.status != 200 && !is_out_already {
            pointless.push(format!("{kind} {email} {role}: {}", answer.json()));
        }
        served.complete(&text("id"));
        done.push(format!("task {kind}"));
    }
    if pointless.is_empty() { Ok(done) } else { Err(pointless.join("\n")) }
}
