use serde_json::json;

use super::{Tenant, known};
use crate::adapters::settings::Setting;
use crate::contract::{Account, Kind, Outcome, State};

const OFF: &str = r#"PUT /api/v1/users/2 {"active":false}"#;

async fn with_fallback(fallback: &str) -> Tenant {
    Tenant::with(|settings| {
        settings.set("rest.deactivate_fallback", Setting::Text(fallback.to_owned()));
    })
    .await
}

#[tokio::test]
async fn a_deactivation_is_one_call() {
    let tenant = Tenant::start().await;
    assert_eq!(tenant.app.deactivate(&known("2")).await, Ok(Outcome::Done(())));
    assert_eq!(tenant.state()["users"][1]["active"], false);
    assert_eq!(tenant.calls(), [OFF]);
}

#[tokio::test]
async fn an_inactive_or_missing_account_is_already_deactivated() {
    let tenant = Tenant::start().await;
    let inactive = Account { state: Some(State::Inactive), ..known("2") };
    assert_eq!(tenant.app.deactivate(&inactive).await, Ok(Outcome::Already(())));
    assert_eq!(tenant.app.deactivate(&known("99")).await, Ok(Outcome::Already(())));
    assert_eq!(tenant.calls(), [r#"PUT /api/v1/users/99 {"active":false}"#]);
}

#[tokio::test]
async fn an_answer_that_does_not_tell_active_is_left_to_the_read_back() {
    let tenant = with_fallback("delete").await;
    tenant.mode(&json!({"active_update": "ignored", "partial_echo": true}));
    assert_eq!(tenant.app.deactivate(&known("2")).await, Ok(Outcome::Done(())));
    assert_eq!(tenant.calls(), [OFF]);
}

#[tokio::test]
async fn an_app_that_keeps_the_account_active_is_reported() {
    let tenant = Tenant::start().await;
    for active_update in ["ignored", "rejected"] {
        tenant.mode(&json!({"active_update": active_update}));
        let error = tenant.app.deactivate(&known("2")).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unsupported);
        assert_eq!(
            error.message,
            "Tines keeps the account active; deactivate it in Tines, or set `rest.deactivate_fallback` to \
             `strip_teams` or `delete`"
        );
    }
    assert_eq!(tenant.calls(), [OFF, OFF]);
}

#[tokio::test]
async fn stripping_the_teams_leaves_the_login_to_a_person() {
    let tenant = with_fallback("strip_teams").await;
    tenant.mode(&json!({"active_update": "ignored"}));
    let outcome = tenant.app.deactivate(&known("2")).await.unwrap();
    let Outcome::Waiting(request) = outcome else { panic!("{outcome:?}") };
    assert_eq!(
        request.instruction,
        "deactivate the person's login in Tines: the teams are taken away, the login remains"
    );
    assert_eq!(tenant.state()["users"][1]["team_ids"], json!([]));
    assert_eq!(tenant.calls(), [OFF, "GET /api/v1/users/2", "DELETE /api/v1/teams/5/memberships/2"]);
}

#[tokio::test]
async fn deleting_instead_is_done_where_the_operator_chose_it() {
    let tenant = with_fallback("delete").await;
    tenant.mode(&json!({"active_update": "rejected"}));
    assert_eq!(tenant.app.deactivate(&known("2")).await, Ok(Outcome::Done(())));
    assert_eq!(tenant.calls(), [OFF, "DELETE /api/v1/users/2"]);
}

#[tokio::test]
async fn a_refusal_that_is_not_about_the_field_never_deletes() {
    let tenant = with_fallback("delete").await;
    let body = json!({"errors": [{"message": "You cannot deactivate yourself", "details": ""}]});
    tenant.lever("faults", &json!({"match": {"method": "PUT"}, "status": 422, "body": body}));
    assert_eq!(tenant.app.deactivate(&known("2")).await.unwrap_err().kind, Kind::Invalid);
    assert_eq!(tenant.calls(), [OFF]);
}

#[tokio::test]
async fn a_deactivated_account_comes_back_with_one_call() {
    let tenant = Tenant::start().await;
    tenant.app.deactivate(&known("2")).await.unwrap();
    let inactive = Account { state: Some(State::Inactive), ..known("2") };
    let outcome = tenant.app.reactivate(&inactive).await.unwrap();
    let Outcome::Done(told) = outcome else { panic!("{outcome:?}") };
    assert_eq!(told.state, Some(State::Active));
    assert_eq!(tenant.app.reactivate(&told).await, Ok(Outcome::Already(told.clone())));
    assert_eq!(tenant.calls(), [OFF, r#"PUT /api/v1/users/2 {"active":true}"#]);
}

#[tokio::test]
async fn a_reactivation_needs_a_free_seat() {
    let tenant = Tenant::start().await;
    tenant.app.deactivate(&known("2")).await.unwrap();
    tenant.lever("seats", &json!({"limit": 2}));
    assert_eq!(tenant.app.reactivate(&known("2")).await.unwrap_err().kind, Kind::NoSeats);
}

#[tokio::test]
async fn a_reactivation_of_nobody_is_not_found() {
    let tenant = Tenant::start().await;
    assert_eq!(tenant.app.reactivate(&known("99")).await.unwrap_err().kind, Kind::NotFound);
}
