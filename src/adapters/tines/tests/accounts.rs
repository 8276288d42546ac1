use serde_json::json;

use super::{Tenant, known};
use crate::adapters::settings::Setting;
use crate::contract::{Account, By, Change, Draft, Kind, Outcome, Role, State};

pub(super) fn john() -> Draft {
    Draft {
        user_name: "new@example.com".into(),
        email: Some("new@example.com".into()),
        given_name: Some("John".into()),
        family_name: Some("Smith".into()),
        active: true,
        ..Draft::default()
    }
}

fn ids(accounts: &[Account]) -> Vec<&str> {
    accounts.iter().map(|account| account.id.as_str()).collect()
}

#[tokio::test]
async fn a_listing_is_one_call_a_page_of_five_hundred() {
    let tenant = Tenant::start().await;
    let page = tenant.app.accounts(None).await.unwrap();
    assert_eq!((ids(&page.items), page.next), (vec!["1", "2", "3"], None));
    let maria = Account {
        id: "2".into(),
        email: Some("maria.santos@example.com".into()),
        given_name: Some("Maria".into()),
        family_name: Some("Santos".into()),
        state: Some(State::Active),
        roles: Some(vec![Role { value: "member".into(), display: None }]),
        groups: Some(vec!["5".into()]),
        created_at: Some("2024-01-15T10:00:00Z".into()),
        updated_at: Some("2024-01-15T10:00:00Z".into()),
        ..Account::default()
    };
    assert_eq!(page.items[1], maria);
    assert_eq!(tenant.calls(), ["GET /api/v1/users?page=1&per_page=500"]);
}

#[tokio::test]
async fn a_listing_of_three_pages_ends_with_the_third() {
    let tenant = Tenant::with(|settings| {
        settings.set("rest.per_page", Setting::Count(2));
    })
    .await;
    tenant.lever("reset", &json!({"seed": "empty", "users": 5}));
    let first = tenant.app.accounts(None).await.unwrap();
    let second = tenant.app.accounts(first.next.as_deref()).await.unwrap();
    let third = tenant.app.accounts(second.next.as_deref()).await.unwrap();
    assert_eq!(
        [ids(&first.items), ids(&second.items), ids(&third.items)].concat(),
        ["1", "2", "3", "4", "5"]
    );
    assert_eq!(third.next, None);
    assert_eq!(
        tenant.calls(),
        [
            "GET /api/v1/users?page=1&per_page=2",
            "GET /api/v1/users?page=2&per_page=2",
            "GET /api/v1/users?page=3&per_page=2",
        ]
    );
}

#[tokio::test]
async fn a_cursor_that_is_no_page_is_refused_without_a_call() {
    let tenant = Tenant::start().await;
    assert_eq!(tenant.app.accounts(Some("next")).await.unwrap_err().kind, Kind::Invalid);
    assert_eq!(tenant.calls(), [""; 0]);
}

#[tokio::test]
async fn an_account_is_read_by_its_id_in_one_call() {
    let tenant = Tenant::start().await;
    let maria = tenant.app.account(By::Id("2")).await.unwrap().unwrap();
    assert_eq!(maria.email.as_deref(), Some("maria.santos@example.com"));
    assert_eq!(tenant.app.account(By::Id("99")).await, Ok(None));
    assert_eq!(tenant.calls(), ["GET /api/v1/users/2", "GET /api/v1/users/99"]);
}

#[tokio::test]
async fn an_address_is_looked_for_on_every_page_since_another_may_have_it_too() {
    let tenant = Tenant::with(|settings| {
        settings.set("rest.per_page", Setting::Count(1));
    })
    .await;
    let maria = tenant.app.account(By::Email("Maria.Santos@Example.com")).await.unwrap().unwrap();
    assert_eq!(maria.id, "2");
    assert_eq!(tenant.calls().len(), 3);
    assert_eq!(tenant.app.account(By::Email("nobody@example.com")).await, Ok(None));
    tenant.lever(
        "oob",
        &json!({"op": "set_email", "email": "tom.fischer@example.com", "to": "MARIA.santos@example.com"}),
    );
    let several = tenant.app.account(By::Email("maria.santos@example.com")).await;
    assert_eq!(several.unwrap_err().kind, Kind::Ambiguous);
}

#[tokio::test]
async fn a_create_is_one_call_with_the_default_role() {
    let tenant = Tenant::start().await;
    let created = tenant.app.create_account(&john()).await.unwrap();
    let Outcome::Done(account) = created else { panic!("{created:?}") };
    assert_eq!((account.id.as_str(), account.state), ("4", Some(State::Active)));
    assert_eq!(
        tenant.calls(),
        [
            r#"POST /api/v1/users {"email":"new@example.com","first_name":"John","last_name":"Smith","role":"member"}"#
        ]
    );
    assert_eq!(tenant.state()["emails_sent"], 1);
}

#[tokio::test]
async fn a_create_answered_200_is_as_good() {
    let tenant = Tenant::start().await;
    tenant.mode(&json!({"created_status": 200}));
    assert!(matches!(tenant.app.create_account(&john()).await, Ok(Outcome::Done(_))));
}

#[tokio::test]
async fn a_create_without_a_name_or_with_two_roles_makes_no_call() {
    let tenant = Tenant::start().await;
    let nameless = Draft { family_name: None, ..john() };
    let refused = tenant.app.create_account(&nameless).await.unwrap_err();
    assert_eq!(
        (refused.kind, refused.message.as_str()),
        (Kind::Invalid, "no family name: Tines creates no account without one")
    );
    let two = Draft { roles: vec!["admin".into(), "member".into()], ..john() };
    assert_eq!(tenant.app.create_account(&two).await.unwrap_err().kind, Kind::Invalid);
    assert_eq!(tenant.calls(), [""; 0]);
}

#[tokio::test]
async fn a_taken_address_is_a_conflict_in_a_create_and_in_an_update() {
    let tenant = Tenant::start().await;
    let taken = Draft { email: Some("OWNER@example.com".into()), ..john() };
    assert_eq!(tenant.app.create_account(&taken).await.unwrap_err().kind, Kind::Conflict);
    let change = Change { email: Some("owner@example.com".into()), ..Change::default() };
    assert_eq!(tenant.app.update_account(&known("2"), &change).await.unwrap_err().kind, Kind::Conflict);
    tenant.mode(&json!({"duplicate_status": 409}));
    assert_eq!(tenant.app.create_account(&taken).await.unwrap_err().kind, Kind::Conflict);
}

#[tokio::test]
async fn a_full_tenant_has_no_seats() {
    let tenant = Tenant::start().await;
    tenant.lever("seats", &json!({"limit": 3}));
    assert_eq!(tenant.app.create_account(&john()).await.unwrap_err().kind, Kind::NoSeats);
    tenant.mode(&json!({"seat_status": 422}));
    assert_eq!(tenant.app.create_account(&john()).await.unwrap_err().kind, Kind::NoSeats);
}

#[tokio::test]
async fn an_update_names_only_what_changes() {
    let tenant = Tenant::start().await;
    let change = Change {
        email: Some("maria.silva@example.com".into()),
        family_name: Some("Silva".into()),
        ..Change::default()
    };
    let told = tenant.app.update_account(&known("2"), &change).await.unwrap().value().unwrap();
    assert_eq!(told.family_name.as_deref(), Some("Silva"));
    let promoted = Change { roles: Some(vec!["admin".into()]), ..Change::default() };
    tenant.mode(&json!({"partial_echo": true}));
    let told = tenant.app.update_account(&known("2"), &promoted).await.unwrap().value().unwrap();
    assert_eq!((told.roles.unwrap()[0].value.as_str(), told.given_name), ("admin", None));
    assert_eq!(
        tenant.calls(),
        [
            r#"PUT /api/v1/users/2 {"email":"maria.silva@example.com","last_name":"Silva"}"#,
            r#"PUT /api/v1/users/2 {"role":"admin"}"#,
        ]
    );
}

#[tokio::test]
async fn an_empty_role_list_is_the_default_role() {
    let tenant = Tenant::start().await;
    let change = Change { roles: Some(Vec::new()), ..Change::default() };
    tenant.app.update_account(&known("1"), &change).await.unwrap();
    assert_eq!(tenant.calls(), [r#"PUT /api/v1/users/1 {"role":"member"}"#]);
}

#[tokio::test]
async fn a_change_to_what_is_so_already_makes_no_call() {
    let tenant = Tenant::start().await;
    let maria = Account { family_name: Some("Santos".into()), ..known("2") };
    for change in [Change::default(), Change { family_name: Some("Santos".into()), ..Change::default() }] {
        let outcome = tenant.app.update_account(&maria, &change).await;
        assert_eq!(outcome, Ok(Outcome::Already(maria.clone())));
    }
    assert_eq!(tenant.calls(), [""; 0]);
}

#[tokio::test]
async fn an_update_of_nobody_is_not_found_and_a_wrong_role_invalid() {
    let tenant = Tenant::start().await;
    let role = |role: &str| Change { roles: Some(vec![role.into()]), ..Change::default() };
    assert_eq!(
        tenant.app.update_account(&known("99"), &role("admin")).await.unwrap_err().kind,
        Kind::NotFound
    );
    assert_eq!(tenant.app.update_account(&known("2"), &role("boss")).await.unwrap_err().kind, Kind::Invalid);
}

#[tokio::test]
async fn a_deleted_account_is_gone_and_deleting_it_again_is_already() {
    let tenant = Tenant::start().await;
    assert_eq!(tenant.app.delete_account(&known("3")).await, Ok(Outcome::Done(())));
    assert_eq!(tenant.app.delete_account(&known("3")).await, Ok(Outcome::Already(())));
    assert_eq!(tenant.calls(), ["DELETE /api/v1/users/3"; 2]);
}
