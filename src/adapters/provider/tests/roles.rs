//! Roles where nobody says that there is a way to give them.

use serde_json::{Value, json};

use super::super::{Profile, Write};
use super::server::{PROFILE, Server, person, refused};
use crate::contract::{Account, Accounts, Adapter, Change, Draft, Held, Kind, Outcome, Role};

const TRIED: Profile = Profile { accounts: Accounts { roles: Held::Tried, ..PROFILE.accounts }, ..PROFILE };

fn with_role(role: &str) -> Value {
    let mut user = person(1);
    user["roles"] = json!([{ "value": role, "primary": true }]);
    user
}

fn account() -> Account {
    Account { id: "u1".to_owned(), ..Account::default() }
}

fn to(role: &str) -> Change {
    Change { roles: Some(vec![role.to_owned()]), ..Change::default() }
}

#[tokio::test]
async fn a_role_that_the_app_shows_is_given() {
    let server = Server::start(|_| (200, with_role("admin"))).await;
    let told = server.provider(TRIED).update_account(&account(), &to("admin")).await.unwrap();
    let Outcome::Done(told) = told else { panic!("{told:?}") };
    assert_eq!(told.roles, Some(vec![Role { value: "admin".to_owned(), display: None }]));
    assert_eq!(
        server.asked()[0].body["Operations"],
        json!([{ "op": "replace", "path": "roles", "value": [{ "value": "admin", "primary": true }] }])
    );
}

#[tokio::test]
async fn a_role_is_refused_where_the_app_refuses_it_and_not_tried_again_where_there_is_no_way() {
    let answers = [
        (404, "", 1),
        (405, "", 1),
        (501, "", 1),
        (400, "mutability", 1),
        (400, "invalidPath", 1),
        (400, "invalidValue", 2),
    ];
    for (status, scim_type, tries) in answers {
        let server = Server::start(move |asked| match asked.method.as_str() {
            "GET" => (200, person(1)),
            _ => refused(status, scim_type, "no"),
        })
        .await;
        let provider = server.provider(TRIED);
        for _ in 0..2 {
            let error = provider.update_account(&account(), &to("admin")).await.unwrap_err();
            assert_eq!(error.kind, Kind::Unsupported, "{status} {scim_type}");
        }
        let patches = server.lines().into_iter().filter(|line| line == "PATCH /Users/u1").count();
        assert_eq!(patches, tries, "{status} {scim_type}");
    }
}

#[tokio::test]
async fn a_role_that_is_taken_and_not_shown_is_not_given() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "GET" => (200, person(1)),
        _ => (204, Value::Null),
    })
    .await;
    let error = server.provider(TRIED).update_account(&account(), &to("admin")).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unsupported);
    assert_eq!(server.lines(), ["PATCH /Users/u1", "GET /Users/u1"]);
}

#[tokio::test]
async fn nobody_is_kept_out_for_want_of_a_role() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "POST" => (201, person(1)),
        _ => refused(501, "", "no"),
    })
    .await;
    let draft = Draft {
        user_name: "person1@example.com".to_owned(),
        roles: vec!["admin".to_owned()],
        active: true,
        ..Draft::default()
    };
    let made = server.provider(TRIED).create_account(&draft).await.unwrap().value().unwrap();
    assert_eq!((made.id.as_str(), made.roles), ("u1", None));
    assert_eq!(server.asked()[0].body.get("roles"), None);
}

#[tokio::test]
async fn a_server_without_patch_is_given_the_role_with_the_whole_user() {
    for takes in [true, false] {
        let given = std::sync::atomic::AtomicBool::new(false);
        let server = Server::start(move |asked| match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/ServiceProviderConfig") => (200, json!({ "patch": { "supported": false } })),
            ("PUT", _) => {
                given.store(true, std::sync::atomic::Ordering::Relaxed);
                (200, person(1))
            }
            _ if takes && given.load(std::sync::atomic::Ordering::Relaxed) => (200, with_role("admin")),
            _ => (200, person(1)),
        })
        .await;
        let profile = Profile { write: Write::Either, ..TRIED };
        let told = server.provider(profile).update_account(&account(), &to("admin")).await;
        assert_eq!(told.is_ok(), takes, "{told:?}");
        assert!(!server.lines().iter().any(|line| line.starts_with("PATCH ")), "{:?}", server.lines());
    }
}
