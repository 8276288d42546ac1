use serde_json::json;

use super::*;
use crate::contract::{Accounts, Role};

fn honeycomb() -> Capabilities {
    Capabilities {
        app: "honeycomb",
        accounts: Accounts {
            email: Held::ReadOnly,
            roles: Held::Yes,
            display_name: Held::ReadOnly,
            email_required: true,
            ..Accounts::default()
        },
        roles: Roles::Fixed(&["admin", "member"]),
        default_role: Some("member"),
        ..Capabilities::default()
    }
}

#[test]
fn the_address_is_the_primary_then_the_work_then_the_only_one_then_the_login() {
    let emails = json!([{ "value": "h@x", "type": "home" }, { "value": "w@x", "type": "Work" }, { "value": "p@x", "primary": true }]);
    assert_eq!(address(&json!({ "userName": "u@x", "emails": emails })).as_deref(), Some("p@x"));
    let emails = json!([{ "value": "h@x", "type": "home" }, { "value": "w@x", "type": "work" }]);
    assert_eq!(address(&json!({ "userName": "u@x", "emails": emails })).as_deref(), Some("w@x"));
    assert_eq!(
        address(&json!({ "userName": "u@x", "emails": [{ "value": "o@x" }] })).as_deref(),
        Some("o@x")
    );
    assert_eq!(address(&json!({ "userName": "u@x" })).as_deref(), Some("u@x"));
    assert_eq!(address(&json!({ "userName": "anna" })), None);
}

#[test]
fn an_app_that_needs_an_address_refuses_a_person_without() {
    let error = wanted(&json!({ "userName": "anna" }), &honeycomb(), &Policy::default()).unwrap_err();
    assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)));
}

#[test]
fn a_role_comes_from_roles_or_a_user_type_that_is_one() {
    let policy = Policy::default();
    let role = |resource: Value| wanted(&resource, &honeycomb(), &policy).map(|wanted| wanted.roles);
    assert_eq!(
        role(json!({ "userName": "a@x", "roles": [{ "value": "Admin" }] })),
        Ok(Some(vec!["admin".into()]))
    );
    assert_eq!(role(json!({ "userName": "a@x", "userType": "admin" })), Ok(Some(vec!["admin".into()])));
    assert_eq!(role(json!({ "userName": "a@x", "userType": "Employee" })), Ok(None));
    assert_eq!(role(json!({ "userName": "a@x", "roles": [{ "value": "owner" }] })).unwrap_err().status, 400);
}

#[test]
fn a_draft_always_has_the_role_and_the_names_the_app_insists_on() {
    let mut capabilities = honeycomb();
    capabilities.accounts.names_required = true;
    let policy = Policy::default();
    let wanted = wanted(&json!({ "userName": "anna.maria.berg@x" }), &capabilities, &policy).unwrap();
    let draft = draft(&wanted, &capabilities, &policy);
    assert_eq!(draft.roles, ["member"]);
    assert_eq!(
        (draft.given_name.as_deref(), draft.family_name.as_deref()),
        (Some("anna maria"), Some("berg"))
    );
}

#[test]
fn only_real_differences_in_what_the_app_holds_become_a_change() {
    let observed = Account {
        email: Some("Anna@X".into()),
        roles: Some(vec![Role { value: "member".into(), display: None }]),
        ..Account::default()
    };
    let want = |role: &str, email: &str| Wanted {
        user_name: email.into(),
        email: Some(email.into()),
        given_name: Some("Anna".into()),
        roles: Some(vec![role.into()]),
        active: true,
        ..Wanted::default()
    };
    let policy = Policy::default();
    assert!(change(&want("member", "anna@x"), &observed, &honeycomb(), &policy).unwrap().is_empty());
    let promoted = change(&want("admin", "anna@x"), &observed, &honeycomb(), &policy).unwrap();
    assert_eq!(promoted, Change { roles: Some(vec!["admin".into()]), ..Change::default() });
    let refused = change(&want("member", "else@x"), &observed, &honeycomb(), &policy).unwrap_err();
    assert_eq!(refused.scim_type, Some(ScimType::Mutability));
}

#[test]
fn what_was_sent_is_shown_until_the_app_means_something_else() {
    let mut capabilities = honeycomb();
    capabilities.accounts.given_name = Held::Yes;
    let told = Account {
        given_name: Some("ANNA".into()),
        roles: Some(vec![Role { value: "admin".into(), display: None }]),
        ..Account::default()
    };
    let mut resource =
        json!({ "userName": "a@x", "name": { "givenName": "Anna" }, "roles": [{ "value": "Admin" }] });
    let before = resource.clone();
    overlay(&mut resource, &told, &capabilities);
    assert_eq!(resource["name"], before["name"]);
    assert_eq!(resource["roles"], before["roles"]);
    let renamed = Account { given_name: Some("Anne".into()), ..told };
    overlay(&mut resource, &renamed, &capabilities);
    assert_eq!(resource["name"]["givenName"], "Anne");
}

#[test]
fn shadowed_names_what_only_the_gateway_keeps() {
    let resource = json!({
        "schemas": [], "userName": "a@x", "name": { "givenName": "A" }, "title": "CTO", "roles": [], "displayName": "A"
    });
    assert_eq!(shadowed(&resource, &honeycomb()), ["name.givenName", "title", "displayName"]);
}

#[test]
fn a_role_is_sent_in_the_apps_spelling_however_it_was_written() {
    let groups = [("honeycomb admins".to_owned(), "Admin".to_owned())];
    let policy = Policy {
        default_role: Some("MEMBER".to_owned()),
        role_groups: groups.into_iter().collect(),
        ..Policy::default()
    };
    for (sent, role) in [("ADMIN", "admin"), ("Honeycomb Admins", "admin"), ("ｍember", "member")] {
        let resource = json!({ "userName": "a@x", "roles": [{ "value": sent }] });
        let wanted = wanted(&resource, &honeycomb(), &policy).unwrap();
        assert_eq!(wanted.roles, Some(vec![role.to_owned()]), "{sent}");
        assert_eq!(draft(&wanted, &honeycomb(), &policy).roles, [role]);
    }
    let nobody_said = wanted(&json!({ "userName": "a@x" }), &honeycomb(), &policy).unwrap();
    assert_eq!(draft(&nobody_said, &honeycomb(), &policy).roles, ["member"]);
}
