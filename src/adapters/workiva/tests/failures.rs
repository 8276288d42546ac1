use std::time::Duration;

use serde_json::json;

use super::accounts::newcomer;
use super::{MARIA, TOKEN, Workspace, known, sim};
use crate::adapters::settings::Setting;
use crate::base::secret::SecretString;
use crate::contract::{By, Kind, Outcome};

async fn as_client(id: &'static str, secret: &'static str) -> Workspace {
    Workspace::with(|settings| {
        settings
            .set("rest.client_id", Setting::Text(id.to_owned()))
            .set("rest.client_secret", Setting::Secret(SecretString::from(secret)));
    })
    .await
}

#[tokio::test]
async fn a_refused_client_is_told_with_the_oauth_error() {
    let workspace = as_client(sim::CLIENT_ID, sim::SCIM_TOKEN).await;
    for code in ["unauthorized_client", "invalid_client"] {
        workspace.mode(&json!({"wrong_client_error": code}));
        let error = workspace.app.check().await.unwrap_err();
        assert_eq!(error.kind, Kind::Credentials);
        assert_eq!(
            error.message,
            format!(
                "Workiva client credentials rejected (`{code}`): `rest.client_id` and `rest.client_secret` belong to \
                 an OAuth client of the Developer Portal; the SCIM bearer token is another credential"
            )
        );
    }
    assert!(workspace.calls().iter().all(|call| call == TOKEN));
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let workspace = as_client(sim::READ_ONLY_CLIENT_ID, sim::READ_ONLY_CLIENT_SECRET).await;
    let error = workspace.app.deactivate(&known(MARIA)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Forbidden);
    assert_eq!(
        error.message,
        "`workiva` answered 403: The API token does not have permissions to perform the request; a workspace \
         administrator has to grant the OAuth client the scope `iam:users:write`"
    );
    let error = workspace.app.groups().unwrap().create_group("Tax").await.unwrap_err();
    assert!(error.message.ends_with("the scope `iam:groups:write`"), "{}", error.message);
}

#[tokio::test]
async fn another_workspaces_user_is_nobody() {
    let workspace = as_client(sim::OTHER_CLIENT_ID, sim::OTHER_CLIENT_SECRET).await;
    assert_eq!(workspace.app.account(By::Id(MARIA)).await, Ok(None));
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_of_a_job_is_renewed_once() {
    let workspace = Workspace::start().await;
    workspace.app.account(By::Id("usr_none")).await.unwrap();
    workspace.lever("tokens/expire", &json!({}));
    assert!(matches!(workspace.app.create_account(&newcomer()).await, Ok(Outcome::Done(_))));
    let created =
        r#"POST /platform/v1/users {"email":"new@example.com","firstName":"New","lastName":"User"}"#;
    assert_eq!(workspace.calls(), [TOKEN, "GET /platform/v1/users/usr_none", created, TOKEN, created]);
}

#[tokio::test]
async fn a_token_is_kept_for_its_life() {
    let workspace = Workspace::start().await;
    for _ in 0..3 {
        workspace.app.account(By::Id("usr_none")).await.unwrap();
    }
    workspace.clock.advance(Duration::from_mins(10));
    workspace.app.account(By::Id("usr_none")).await.unwrap();
    let read = "GET /platform/v1/users/usr_none";
    assert_eq!(workspace.calls(), [TOKEN, read, read, read, TOKEN, read]);
}

#[tokio::test]
async fn after_a_429_the_create_is_sent_again() {
    let workspace = Workspace::start().await;
    workspace.lever(
        "faults",
        &json!({"match": {"method": "POST", "path_regex": "/users$"}, "status": 429, "times": 1}),
    );
    assert!(matches!(workspace.app.create_account(&newcomer()).await, Ok(Outcome::Done(_))));
    assert_eq!(workspace.calls().len(), 3);
}

#[tokio::test]
async fn a_lost_answer_to_a_create_is_unknown_and_sent_once() {
    let workspace = Workspace::start().await;
    let lost = json!({"match": {"method": "POST", "path_regex": "/users$"}, "commit": true, "drop_connection": true});
    workspace.lever("faults", &lost);
    assert_eq!(workspace.app.create_account(&newcomer()).await.unwrap_err().kind, Kind::Unknown);
    assert_eq!(workspace.calls().len(), 2);
    let looked = workspace.app.account(By::Email("new@example.com")).await.unwrap();
    assert_eq!(looked.map(|account| account.id).as_deref(), Some("usr_000005"));
}

#[tokio::test]
async fn a_create_that_breaks_or_answers_nonsense_is_unknown_and_sent_once() {
    for answer in [json!({"status": 500}), json!({"status": 201, "body": {"ok": true}})] {
        let workspace = Workspace::start().await;
        let mut fault = answer;
        fault["match"] = json!({"method": "POST", "path_regex": "/users$"});
        workspace.lever("faults", &fault);
        assert_eq!(workspace.app.create_account(&newcomer()).await.unwrap_err().kind, Kind::Unknown);
        assert_eq!(workspace.calls().len(), 2);
    }
}

#[tokio::test]
async fn role_names_that_cannot_be_read_do_not_stop_a_listing() {
    let workspace = Workspace::start().await;
    workspace.lever("faults", &json!({"match": {"path_regex": "/roles$"}, "status": 403}));
    let page = workspace.app.accounts(None).await.unwrap();
    let roles = page.items[0].roles.clone().unwrap();
    assert_eq!((roles[0].value.as_str(), roles[0].display.as_deref()), ("role_admin", None));
}
