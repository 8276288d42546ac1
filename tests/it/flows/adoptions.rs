//! People the app had before: shown and found at once, linked by an operator's file, and never taken by their address.

use std::fs;

use serde_json::{Value, json};

use super::people::{add_members, at, group_at, id, named, okta_active, patch, remove_members, role, with};
use super::stage::{App, Served};

/// Each app with a credential and what stands below `[connections.APP]`.
const APPS: [(&str, &str, &str); 3] = [
    ("hive", "hive-admin-key", "base_url = \"SIM/api/v1\"\napi_key = { file = \"secret\" }\n"),
    ("tines", "tines-admin-token", "base_url = \"SIM/api/v1\"\napi_token = { file = \"secret\" }\n"),
    (
        "workiva",
        "workiva-client-secret",
        "base_url = \"SIM/platform/v1\"\ntoken_url = \"SIM/iam/v1/oauth2/token\"\nclient_id = \"workiva-client\"\nclient_secret = { file = \"secret\" }\n",
    ),
];

/// The connection under a policy; nothing is in the journal.
fn served((app, secret, rest): (&'static str, &str, &str), policy: &str) -> (Served, App) {
    let settings = format!(
        "freshness = \"0s\"\n[connections.{app}.rest]\n{rest}private = true\n[connections.{app}.policy]\n{policy}\n"
    );
    let served = Served::start(app, secret, &settings);
    let mut client = served.app();
    client.warm_up();
    (served, client)
}

fn writes(app: &mut App) -> Vec<String> {
    let reads = |call: &String| call.starts_with("GET ") || call.contains("/oauth2/token");
    app.journal().into_iter().filter(|call| !reads(call)).collect()
}

/// The file `links.csv` beside the configuration.
fn file(served: &Served, text: &str) -> String {
    let path = served.path("links.csv");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_create_with_the_address_of_an_administrator_changes_nothing_at_the_app() {
    for app in APPS {
        let (_served, mut client) = served(app, "adopt_existing = \"explicit\"");
        let before = client.state();
        let owner = client.person("owner@example.com");
        let attacks = ["owner@example.com", "OWNER@Example.COM", "ｏwner@example.com"];
        for address in attacks {
            let mut body = named(address, "Mallory", "Moe");
            body["active"] = json!(address != attacks[1]);
            let refused = client.post("/Users", &body);
            assert_eq!((refused.status, &refused.json()["scimType"]), (409, &json!("uniqueness")), "{app:?}");
            let detail = refused.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains("portcullis links") && !detail.contains('@'), "{detail}");
        }
        let alias = with(
            &named("mallory@example.com", "M", "M"),
            &json!({ "emails": [{ "value": "owner@example.com" }] }),
        );
        assert_eq!(client.post("/Users", &alias).status, 409, "{app:?}");
        for refused in [
            client.patch(&at(&owner), &okta_active(false)),
            client.patch(&at(&owner), &role("member")),
            client.patch(&at(&owner), &patch(&json!({ "op": "add", "path": "externalId", "value": "x" }))),
            client.put(&at(&owner), &named("owner@example.com", "Mallory", "Moe")),
            client.delete(&at(&owner)),
        ] {
            assert_eq!(refused.status, 403, "{app:?}: {}", refused.json());
        }
        assert_eq!(writes(&mut client), Vec::<String>::new(), "{app:?}");
        assert_eq!(client.state(), before, "{app:?}");
        assert_eq!(client.person("owner@example.com")["active"], true);
    }
}

#[test]
fn a_group_neither_gains_nor_loses_somebody_nobody_has_linked() {
    let (_served, mut tines) = served(APPS[1], "adopt_existing = \"explicit\"");
    let (owner, tom) = (tines.person("owner@example.com"), tines.person("tom.fischer@example.com"));
    let team = tines.group("IT");
    for body in [add_members(&[id(&tom)]), remove_members(&[id(&owner)])] {
        let refused = tines.patch(&group_at(&team), &body);
        assert_eq!(refused.status, 403, "{}", refused.json());
    }
    assert_eq!(writes(&mut tines), Vec::<String>::new());
}

#[test]
fn an_operators_file_links_whom_it_names_and_the_identity_provider_goes_on() {
    for app in APPS {
        let (served, mut client) = served(app, "adopt_existing = \"explicit\"");
        for email in ["new.comer@example.com", "JÜRGEN@example.com"] {
            client.lever("POST", "oob", &json!({ "op": "add", "email": email }));
        }
        let comer = client.person("NEW.comer@example.com");
        client.journal();
        let csv = file(
            &served,
            "\u{feff}externalId;userName;email\nhr-1;;New.Comer@Example.com\nhr-2;jürgen@example.com;jürgen@EXAMPLE.com\n",
        );
        let preview: Value =
            serde_json::from_str(&served.links(&["preview", "--csv", &csv, "--json"])).unwrap();
        let matched = preview.as_array().unwrap().iter().filter(|link| link["state"] == "matched").count();
        assert_eq!(matched, 2, "{preview}");
        assert_eq!(served.links(&["adopt", "--csv", &csv]), "adopted: 2, linked already: 0\n");
        assert_eq!(served.links(&["adopt", "--csv", &csv]), "adopted: 0, linked already: 2\n");
        assert_eq!(writes(&mut client), Vec::<String>::new(), "{app:?}");

        let linked = client.find("/Users", "externalId", "hr-1");
        assert_eq!((linked.len(), id(&linked[0])), (1, id(&comer)));
        let left = client.patch(&at(&comer), &okta_active(false));
        assert_eq!((left.status, &left.json()["active"]), (200, &json!(false)), "{app:?}: {}", left.json());
        assert!(!writes(&mut client).is_empty(), "{app:?}");
    }
}

#[test]
fn an_unlinked_account_is_the_operators_again() {
    let (served, mut tines) = served(APPS[1], "adopt_existing = \"explicit\"");
    let ada = tines.joins(&named("ada.berg@example.com", "Ada", "Berg"));
    tines.journal();
    assert_eq!(served.links(&["unlink", id(&ada)]), "unlinked: 1\n");
    assert_eq!(tines.journal(), Vec::<String>::new());
    let shown = tines.person("ada.berg@example.com");
    assert_eq!((id(&shown), &shown["externalId"]), (id(&ada), &Value::Null));
    assert_eq!(tines.patch(&at(&ada), &okta_active(false)).status, 403);
    assert_eq!(writes(&mut tines), Vec::<String>::new());
}

#[test]
fn under_match_a_create_is_answered_with_the_account_that_is_there() {
    for app in APPS {
        let (_served, mut client) =
            served(app, "adopt_existing = \"match\"\nprotected = [\"owner@example.com\"]");
        client.lever("POST", "oob", &json!({ "op": "add", "email": "new.comer@example.com" }));
        let before = client.person("new.comer@example.com");
        let plain = with(&before, &json!({ "externalId": "hr-1", "userName": "New.Comer@example.com" }));
        let created = client.post("/Users", &plain);
        assert_eq!(created.status, 201, "{app:?}: {}", created.json());
        assert_eq!((id(&created.json()), &created.json()["externalId"]), (id(&before), &json!("hr-1")));
        let owner = client.post("/Users", &named("owner@example.com", "Mallory", "Moe"));
        assert_eq!(owner.status, 409, "{app:?}");
        assert!(owner.json()["detail"].as_str().unwrap().contains("protected"));
        assert_eq!(writes(&mut client), Vec::<String>::new(), "{app:?}");
    }
}
