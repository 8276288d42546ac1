//! An app that speaks SCIM itself: a gateway in front of another gateway's sandbox.

use serde_json::{Value, json};

use super::people::{
    GATEWAY, ada, add_members, at, entra_active, group_at, id, named, okta_active, patch, remove_member,
    replace_members, role, with,
};
use super::stage::{App, Demo, Served};

/// The gateway under test, and the app behind it: a demo's sandbox, seen by its own administrator.
struct Chain {
    _app: Demo,
    _gateway: Served,
    near: App,
    far: App,
}

impl Chain {
    /// `policy` is what stands below `[connections.crm.policy]`, `more` below `[connections.crm.scim]`.
    fn start(policy: &str, more: &str) -> Self {
        let app = Demo::start();
        let (base_url, token) = app.scim("sandbox");
        let settings = format!(
            "mode = \"scim\"\nfreshness = \"0s\"\n[connections.crm.scim]\nbase_url = \"{base_url}\"\ntoken = {{ file = \
             \"secret\" }}\nprivate = true\n{more}\n[connections.crm.policy]\n{policy}\n"
        );
        let gateway = Served::before("scim", "crm", token, &settings, "127.0.0.1:9");
        let (near, far) = (gateway.app(), app.app("sandbox"));
        Self { _app: app, _gateway: gateway, near, far }
    }

    /// A person as the app has them.
    fn there(&mut self, person: &Value) -> Value {
        let answer = self.far.get(&format!("/Users/{}", account(person)));
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()
    }

    /// The values of the members of a group as the app has it.
    fn members_there(&mut self, name: &str) -> Vec<Value> {
        let group = self.far.group(name);
        let whole = self.far.get(&group_at(&group)).json();
        let members = whole["members"].as_array().cloned().unwrap_or_default();
        members.into_iter().map(|member| member["value"].clone()).collect()
    }
}

fn account(person: &Value) -> &str {
    person[GATEWAY]["accountId"].as_str().unwrap()
}

#[test]
fn a_person_comes_moves_leaves_and_comes_back() {
    let mut chain = Chain::start("", "");
    assert!(chain.near.find("/Users", "userName", "ada.berg@example.com").is_empty());
    let person = chain.near.joins(&ada());
    let place = at(&person);
    let there = chain.there(&person);
    for attribute in ["userName", "externalId", "name", "displayName", "active"] {
        assert_eq!(there[attribute], ada()[attribute], "{attribute}");
    }
    assert_eq!(there["emails"][0]["value"], "ada.berg@example.com");
    assert_eq!(id(&chain.near.person("ada.berg@example.com")), id(&person));

    assert_eq!(chain.near.patch(&place, &role("pilot")).status, 200);
    assert_eq!(chain.there(&person)["roles"][0]["value"], "pilot");
    let married = with(
        &ada(),
        &json!({
            "userName": "ada.lind",
            "externalId": "hr-2",
            "name": { "givenName": "Ada", "familyName": "Lind" },
            "displayName": "Ada Lind",
            "emails": [{ "value": "ada.lind@example.com", "type": "work", "primary": true }],
            "roles": [{ "value": "pilot", "primary": true }],
        }),
    );
    let answer = chain.near.put(&place, &married);
    assert_eq!((answer.status, &answer.json()["id"]), (200, &person["id"]), "{}", answer.json());
    let there = chain.there(&person);
    for attribute in ["userName", "externalId", "name", "displayName", "emails"] {
        assert_eq!(there[attribute], married[attribute], "{attribute}");
    }

    for (leave, back) in [(okta_active(false), entra_active(true)), (entra_active(false), okta_active(true))]
    {
        let answer = chain.near.patch(&place, &leave);
        assert_eq!((answer.status, &answer.json()["active"]), (200, &json!(false)), "{}", answer.json());
        assert_eq!(chain.there(&person)["active"], false);
        let answer = chain.near.patch(&place, &back).json();
        assert_eq!((&answer["active"], &answer["id"]), (&json!(true), &person["id"]));
        assert_eq!(account(&answer), account(&person));
        assert_eq!(chain.there(&person)["active"], true);
    }
}

#[test]
fn a_deleted_person_is_deactivated_at_the_app_and_comes_back_to_the_same_account() {
    let mut chain = Chain::start("", "");
    let person = chain.near.joins(&ada());
    assert_eq!(chain.near.delete(&at(&person)).status, 204);
    assert_eq!(chain.near.get(&at(&person)).status, 404);
    assert_eq!(chain.there(&person)["active"], false);
    let again = chain.near.joins(&ada());
    assert_eq!(account(&again), account(&person));
    assert_eq!(chain.there(&again)["active"], true);
}

#[test]
fn a_hard_deletion_deletes_at_the_app() {
    let mut chain = Chain::start("delete = \"hard\"", "");
    let person = chain.near.joins(&ada());
    assert_eq!(chain.near.delete(&at(&person)).status, 204);
    assert_eq!(chain.far.get(&format!("/Users/{}", account(&person))).status, 404);
    assert_eq!(chain.near.get(&at(&person)).status, 404);
}

#[test]
fn groups_are_the_app_s_groups() {
    for members in ["members = \"patch\"", "members = \"put\""] {
        let mut chain = Chain::start("", members);
        let ada = chain.near.joins(&ada());
        let ben = chain.near.joins(&named("ben.oak@example.com", "Ben", "Oak"));
        let crew = json!({ "displayName": "Crew", "members": [{ "value": id(&ada) }] });
        let crew = chain.near.post("/Groups", &crew);
        assert_eq!(crew.status, 201, "{}", crew.json());
        let crew = crew.json();
        assert_eq!(chain.members_there("Crew"), [account(&ada)]);
        assert_eq!(chain.near.patch(&group_at(&crew), &add_members(&[id(&ben)])).status, 204);
        assert_eq!(chain.members_there("Crew").len(), 2);
        assert_eq!(chain.near.patch(&group_at(&crew), &remove_member(id(&ada))).status, 204);
        assert_eq!(chain.members_there("Crew"), [account(&ben)]);
        assert_eq!(chain.near.patch(&group_at(&crew), &replace_members(&[id(&ada)])).status, 204);
        assert_eq!(chain.members_there("Crew"), [account(&ada)]);
        let shown = chain.near.get(&group_at(&crew)).json();
        assert_eq!(shown["members"][0]["value"], ada["id"]);
        let rename = patch(&json!({ "op": "replace", "path": "displayName", "value": "Pilots" }));
        assert_eq!(chain.near.patch(&group_at(&crew), &rename).status, 204);
        assert_eq!(chain.members_there("Pilots"), [account(&ada)]);
        assert_eq!(chain.near.delete(&group_at(&crew)).status, 204);
        assert!(chain.far.find("/Groups", "displayName", "Pilots").is_empty());
    }
}

#[test]
fn what_changed_at_the_app_itself_is_seen() {
    let mut chain = Chain::start("", "");
    let person = chain.near.joins(&ada());
    let there = format!("/Users/{}", account(&person));
    assert_eq!(chain.far.patch(&there, &okta_active(false)).status, 200);
    assert_eq!(chain.near.get(&at(&person)).json()["active"], false);
    chain.far.joins(&named("cleo.ash@example.com", "Cleo", "Ash"));
    let cleo = chain.near.person("cleo.ash@example.com");
    assert_eq!(
        (&cleo["externalId"], &cleo["name"]["familyName"]),
        (&json!("hr-cleo.ash@example.com"), &json!("Ash"))
    );
    let taken = chain.near.post("/Users", &named("cleo.ash@example.com", "Cleo", "Ash"));
    assert_eq!((taken.status, &taken.json()["scimType"]), (409, &json!("uniqueness")));
}
