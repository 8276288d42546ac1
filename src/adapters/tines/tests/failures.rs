use serde_json::json;

use super::accounts::john;
use super::{Tenant, known, sim};
use crate::adapters::settings::Setting;
use crate::base::secret::SecretString;
use crate::contract::{By, Kind, Outcome};

async fn with_token(token: &str) -> Tenant {
    Tenant::with(|settings| {
        settings.set("rest.api_token", Setting::Secret(SecretString::from(token)));
    })
    .await
}

#[tokio::test]
async fn a_scim_token_is_named_as_the_likely_mix_up() {
    let tenant = with_token(sim::SCIM_TOKEN).await;
    let error = tenant.app.check().await.unwrap_err();
    assert_eq!(error.kind, Kind::Credentials);
    assert_eq!(
        error.message,
        "`tines` answered 401: Unauthorized; a REST API token is expected in `rest.api_token`, and the SCIM token \
         of the SSO settings, a revoked token or one of a deactivated user gives exactly this"
    );
    assert_eq!(tenant.calls().len(), 1);
}

#[tokio::test]
async fn a_members_token_is_told_that_an_admins_is_needed() {
    let tenant = with_token(sim::MEMBER_TOKEN).await;
    let error = tenant.app.accounts(None).await.unwrap_err();
    assert_eq!(error.kind, Kind::Forbidden);
    assert!(
        error.message.ends_with("; the token of an admin is needed for any user management"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn after_a_429_the_create_is_sent_again() {
    let tenant = Tenant::start().await;
    tenant.lever("faults", &json!({"match": {"method": "POST"}, "status": 429, "times": 1}));
    assert!(matches!(tenant.app.create_account(&john()).await, Ok(Outcome::Done(_))));
    assert_eq!(tenant.calls().len(), 2);
    assert_eq!(tenant.state()["emails_sent"], 1);
}

#[tokio::test]
async fn a_lost_answer_to_a_create_is_unknown_and_mails_once() {
    let tenant = Tenant::start().await;
    tenant.lever(
        "faults",
        &json!({"match": {"method": "POST"}, "commit": true, "drop_connection": true, "times": 1}),
    );
    assert_eq!(tenant.app.create_account(&john()).await.unwrap_err().kind, Kind::Unknown);
    assert_eq!(tenant.calls().len(), 1);
    assert_eq!(tenant.state()["emails_sent"], 1);
    let looked = tenant.app.account(By::Email("new@example.com")).await.unwrap();
    assert_eq!(looked.map(|account| account.id).as_deref(), Some("4"));
}

#[tokio::test]
async fn a_create_that_breaks_or_answers_nonsense_is_unknown_and_sent_once() {
    for answer in [json!({"status": 500}), json!({"status": 201, "body": "<html>"})] {
        let tenant = Tenant::start().await;
        let mut fault = answer;
        fault["match"] = json!({"method": "POST"});
        tenant.lever("faults", &fault);
        assert_eq!(tenant.app.create_account(&john()).await.unwrap_err().kind, Kind::Unknown);
        assert_eq!(tenant.calls().len(), 1);
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_deactivation_is_made_good_by_sending_it_again() {
    let tenant = Tenant::start().await;
    tenant.lever(
        "faults",
        &json!({"match": {"method": "PUT"}, "commit": true, "drop_connection": true, "times": 1}),
    );
    assert_eq!(tenant.app.deactivate(&known("2")).await, Ok(Outcome::Done(())));
    assert_eq!(tenant.calls().len(), 2);
}

#[tokio::test]
async fn a_page_that_is_another_one_is_unexpected_and_no_end() {
    let tenant = Tenant::start().await;
    let body = json!({"users": [], "meta": {"current_page": 1, "total_pages": 3}});
    tenant.lever("faults", &json!({"match": {"method": "GET"}, "status": 200, "body": body}));
    assert_eq!(tenant.app.accounts(Some("2")).await.unwrap_err().kind, Kind::Unexpected);
}

#[tokio::test]
async fn a_404_of_another_form_is_nobody_all_the_same() {
    let tenant = Tenant::start().await;
    tenant.mode(&json!({"not_found_as_array": true}));
    assert_eq!(tenant.app.account(By::Id("99")).await, Ok(None));
}
