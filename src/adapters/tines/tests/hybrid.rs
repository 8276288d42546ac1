use serde_json::json;

use super::*;
use crate::contract::{By, Change, Kind};

fn both(tenant: &Tenant, rest: &str, scim: &str) -> Arc<dyn Adapter> {
    let mut settings = Settings::default();
    settings
        .set("rest.base_url", Setting::Text(format!("{}/api/v1", tenant.running.url())))
        .set("rest.api_token", Setting::Secret(SecretString::from(rest)))
        .set("scim.base_url", Setting::Text(format!("{}/scim/v2", tenant.running.url())))
        .set("scim.token", Setting::Secret(SecretString::from(scim)));
    built(&settings, Mode::Hybrid, Dialect::Guide).unwrap()
}

#[tokio::test]
async fn whoever_shares_an_address_is_named_and_neither_given_a_role_nor_deleted() {
    let tenant = Tenant::start().await;
    tenant.mode(&json!({ "own_scim_ids": true }));
    let app = both(&tenant, sim::ADMIN_TOKEN, sim::SCIM_TOKEN);
    tenant.lever(
        "faults",
        &json!([{"match": {"method": "GET", "path_regex": "^/api/v1/users$"}, "status": 200, "body": {
            "users": [
                {"id": 1, "email": "owner@example.com", "role": "admin", "active": true},
                {"id": 2, "email": "maria.santos@example.com", "role": "member", "active": true},
                {"id": 9, "email": "Maria.Santos@example.com", "role": "admin", "active": true},
            ],
            "meta": {"current_page": 1, "total_pages": 1},
        }}]),
    );
    let warnings = app.check().await.unwrap().warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("scim-00000002") && warnings[0].contains("own in Tines"), "{warnings:?}");
    assert!(warnings[1].contains("scim-00000003"), "{warnings:?}");
    let maria = app.account(By::Id("scim-00000002")).await.unwrap().unwrap();
    assert_eq!((maria.roles.as_ref(), maria.state), (None, Some(crate::contract::State::Active)));
    let admin = Change { roles: Some(vec!["admin".into()]), ..Change::default() };
    assert_eq!(app.update_account(&maria, &admin).await.unwrap_err().kind, Kind::Ambiguous);
    assert_eq!(app.delete_account(&maria).await.unwrap_err().kind, Kind::Ambiguous);
    assert!(tenant.calls().iter().all(|call| call.starts_with("GET ")), "{:?}", tenant.calls());
}

#[tokio::test]
async fn swapped_tokens_are_told_as_swapped() {
    let tenant = Tenant::start().await;
    let refused = both(&tenant, sim::SCIM_TOKEN, sim::ADMIN_TOKEN).check().await.unwrap_err();
    assert_eq!(refused.kind, Kind::Credentials);
    for words in ["swapped", "`rest.api_token`", "`scim.token`"] {
        assert!(refused.message.contains(words), "{}", refused.message);
    }
}
