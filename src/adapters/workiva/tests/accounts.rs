use std::time::Duration;

use serde_json::json;

use super::{MARIA, ROLES, TOKEN, Workspace, known};
use crate::adapters::settings::Setting;
use crate::contract::{Account, By, Change, Draft, Kind, Outcome, Role, State};

pub(super) fn newcomer() -> Draft {
    Draft {
        user_name: "new@example.com".into(),
        email: Some("new@example.com".into()),
        given_name: Some("New".into()),
        family_name: Some("User".into()),
        active: true,
        ..Draft::default()
    }
}

fn role(value: &str, display: &str) -> Role {
    Role { value: value.into(), display: Some(display.into()) }
}

fn roles(roles: &[&str]) -> Change {
    Change { roles: Some(roles.iter().map(ToString::to_string).collect()), ..Change::default() }
}

#[tokio::test]
async fn a_listing_tells_whole_accounts_and_asks_for_the_roles_names_once() {
    let workspace = Workspace::start().await;
    let page = workspace.app.accounts(None).await.unwrap();
    let maria = Account {
        id: MARIA.into(),
        email: Some("maria.santos@example.com".into()),
        given_name: Some("Maria".into()),
        family_name: Some("Santos".into()),
        display_name: Some("Maria Santos".into()),
        state: Some(State::Active),
        roles: Some(vec![role("role_editor", "Editor")]),
        created_at: Some("2024-01-15T10:00:00Z".into()),
        updated_at: Some("2024-01-15T10:00:00Z".into()),
        ..Account::default()
    };
    assert_eq!((page.items.len(), &page.items[1], page.next), (3, &maria, None));
    workspace.app.accounts(None).await.unwrap();
    let users = "GET /platform/v1/users?pageSize=100";
    assert_eq!(workspace.calls(), [TOKEN, users, ROLES, users]);
}

#[tokio::test]
async fn a_listing_of_three_pages_ends_however_the_app_says_so() {
    let workspace = Workspace::with(|settings| {
        settings.set("rest.page_size", Setting::Count(2));
    })
    .await;
    workspace.lever("reset", &json!({"seed": "empty", "users": 5}));
    for last_page in ["absent", "null", "empty"] {
        workspace.mode(&json!({"last_page": last_page}));
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = workspace.app.accounts(cursor.as_deref()).await.unwrap();
            seen.extend(page.items.into_iter().map(|account| account.id));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 5, "{last_page}");
    }
    let (first, next) =
        ("GET /platform/v1/users?pageSize=2", "GET /platform/v1/users?pageSize=2&pageToken=…");
    assert_eq!(workspace.calls(), [TOKEN, first, next, next, first, next, next, first, next, next]);
}

#[tokio::test]
async fn a_page_that_names_itself_as_the_next_is_unexpected() {
    let workspace = Workspace::start().await;
    let body = json!({"data": [], "nextPageToken": "tok_xyz"});
    workspace.lever("faults", &json!({"match": {"path_regex": "/users$"}, "status": 200, "body": body}));
    assert_eq!(workspace.app.accounts(Some("tok_xyz")).await.unwrap_err().kind, Kind::Unexpected);
    assert_eq!(workspace.app.account(By::Email("a@example.com")).await.unwrap_err().kind, Kind::Unexpected);
}

#[tokio::test]
async fn an_account_is_found_by_id_and_by_address_in_one_call() {
    let workspace = Workspace::start().await;
    let maria = workspace.app.account(By::Id(MARIA)).await.unwrap();
    assert_eq!(workspace.app.account(By::Email("Maria.Santos@example.com")).await, Ok(maria));
    assert_eq!(workspace.app.account(By::Id("usr_none")).await, Ok(None));
    assert_eq!(workspace.app.account(By::Email("nobody@example.com")).await, Ok(None));
    assert_eq!(
        workspace.calls(),
        [
            TOKEN,
            "GET /platform/v1/users/usr_000002",
            ROLES,
            "GET /platform/v1/users?email=Maria.Santos@example.com",
            "GET /platform/v1/users/usr_none",
            "GET /platform/v1/users?email=nobody@example.com",
        ]
    );
}

#[tokio::test]
async fn an_app_that_passes_over_the_address_does_not_give_somebody_else() {
    let workspace = Workspace::start().await;
    let page = |id: &str, next: Option<&str>| {
        json!({"match": {"path_regex": "/users$"}, "times": 1, "status": 200, "body": {
            "data": [{"id": id, "email": format!("{id}@example.com")}], "nextPageToken": next,
        }})
    };
    workspace.lever("faults", &json!([page("a", Some("tok_2")), page("b", None)]));
    let found = workspace.app.account(By::Email("b@example.com")).await.unwrap().unwrap();
    assert_eq!(found.id, "b");
}

#[tokio::test]
async fn a_create_is_one_call() {
    let workspace = Workspace::start().await;
    let (created, calls) = workspace.calls_of(workspace.app.create_account(&newcomer())).await;
    let Ok(Outcome::Done(account)) = created else { panic!("{created:?}") };
    assert_eq!((account.id.as_str(), account.state), ("usr_000005", Some(State::Active)));
    assert_eq!(
        calls,
        [r#"POST /platform/v1/users {"email":"new@example.com","firstName":"New","lastName":"User"}"#]
    );
    workspace.mode(&json!({"created_status": 200}));
    let other = Draft { email: Some("other@example.com".into()), ..newcomer() };
    assert!(matches!(workspace.app.create_account(&other).await, Ok(Outcome::Done(_))));
}

#[tokio::test]
async fn a_create_can_be_inactive_and_has_its_roles_from_the_start() {
    let workspace = Workspace::start().await;
    let draft = Draft {
        display_name: Some("Newcomer".into()),
        roles: vec!["viewer".into(), "role_editor".into(), "Viewer".into()],
        active: false,
        ..newcomer()
    };
    let (created, calls) = workspace.calls_of(workspace.app.create_account(&draft)).await;
    assert!(matches!(created, Ok(Outcome::Done(_))));
    assert_eq!(
        calls,
        [
            ROLES,
            r#"POST /platform/v1/users {"email":"new@example.com","firstName":"New","lastName":"User","displayName":"Newcomer","active":false,"roles":["role_viewer","role_editor"]}"#,
        ]
    );
}

#[tokio::test]
async fn a_create_with_an_unknown_role_or_without_a_name_writes_nothing() {
    let workspace = Workspace::start().await;
    let unknown = Draft { roles: vec!["role_auditor".into()], ..newcomer() };
    let (refused, calls) = workspace.calls_of(workspace.app.create_account(&unknown)).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind, Kind::Invalid);
    assert_eq!(refused.message, "role `role_auditor`: the Workiva workspace has no role of that id or name");
    assert_eq!(calls, [ROLES]);
    let nameless = Draft { given_name: Some(" ".into()), ..newcomer() };
    let (refused, calls) = workspace.calls_of(workspace.app.create_account(&nameless)).await;
    assert_eq!((refused.unwrap_err().kind, calls), (Kind::Invalid, Vec::new()));
}

#[tokio::test]
async fn a_taken_address_is_a_conflict_in_a_create_and_in_an_update() {
    let workspace = Workspace::start().await;
    let taken = Draft { email: Some("OWNER@example.com".into()), ..newcomer() };
    assert_eq!(workspace.app.create_account(&taken).await.unwrap_err().kind, Kind::Conflict);
    let change = Change { email: Some("owner@example.com".into()), ..Change::default() };
    assert_eq!(workspace.app.update_account(&known(MARIA), &change).await.unwrap_err().kind, Kind::Conflict);
}

#[tokio::test]
async fn a_full_workspace_has_no_seats() {
    let workspace = Workspace::start().await;
    workspace.lever("seats", &json!({"limit": 3}));
    assert_eq!(workspace.app.create_account(&newcomer()).await.unwrap_err().kind, Kind::NoSeats);
}

#[tokio::test]
async fn an_update_names_only_what_changes_and_tells_what_the_app_told() {
    let workspace = Workspace::start().await;
    let change = Change {
        family_name: Some("Silva".into()),
        display_name: Some("Maria Silva".into()),
        ..Change::default()
    };
    let (told, calls) = workspace.calls_of(workspace.app.update_account(&known(MARIA), &change)).await;
    let told = told.unwrap().value().unwrap();
    assert_eq!((told.id.as_str(), told.family_name), (MARIA, None));
    assert_eq!(
        calls,
        [r#"PATCH /platform/v1/users/usr_000002 {"lastName":"Silva","displayName":"Maria Silva"}"#]
    );
    assert_eq!(workspace.user(MARIA)["lastName"], "Silva");
}

#[tokio::test]
async fn roles_are_replaced_as_a_whole_and_the_roles_are_asked_for_once_in_ten_minutes() {
    let workspace = Workspace::start().await;
    let change = async |wanted: &[&str]| {
        workspace.calls_of(workspace.app.update_account(&known(MARIA), &roles(wanted))).await.1
    };
    let patch = |ids: &str| format!(r#"PATCH /platform/v1/users/usr_000002 {{"roles":[{ids}]}}"#);
    let both = patch(r#""role_admin","role_viewer""#);
    assert_eq!(change(&["Workspace Admin", "role_viewer"]).await, [ROLES, both.as_str()]);
    workspace.clock.advance(Duration::from_secs(599));
    workspace.app.check().await.unwrap();
    assert_eq!(change(&["EDITOR"]).await, [patch(r#""role_editor""#)]);
    workspace.clock.advance(Duration::from_secs(1));
    assert_eq!(change(&["editor"]).await, [ROLES.to_owned(), patch(r#""role_editor""#)]);
    assert_eq!(change(&[]).await, [patch("")]);
}

#[tokio::test]
async fn a_change_of_nothing_writes_nothing() {
    let workspace = Workspace::start().await;
    let maria = workspace.app.account(By::Id(MARIA)).await.unwrap().unwrap();
    for change in [Change::default(), roles(&["editor"])] {
        let (outcome, calls) = workspace.calls_of(workspace.app.update_account(&maria, &change)).await;
        assert_eq!((outcome, calls), (Ok(Outcome::Already(maria.clone())), Vec::new()));
    }
}

#[tokio::test]
async fn an_account_is_deactivated_and_reactivated_with_one_call_each() {
    let workspace = Workspace::start().await;
    let (outcome, off) = workspace.calls_of(workspace.app.deactivate(&known(MARIA))).await;
    assert_eq!(outcome, Ok(Outcome::Done(())));
    assert_eq!(workspace.user(MARIA)["active"], false);
    let inactive = Account { state: Some(State::Inactive), ..known(MARIA) };
    let (outcome, none) = workspace.calls_of(workspace.app.deactivate(&inactive)).await;
    assert_eq!((outcome, none), (Ok(Outcome::Already(())), Vec::new()));
    let (outcome, on) = workspace.calls_of(workspace.app.reactivate(&inactive)).await;
    let Ok(Outcome::Done(told)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(told.state, Some(State::Active));
    assert_eq!(workspace.app.reactivate(&told).await, Ok(Outcome::Already(told.clone())));
    assert_eq!(off, [r#"PATCH /platform/v1/users/usr_000002 {"active":false}"#]);
    assert_eq!(on, [r#"PATCH /platform/v1/users/usr_000002 {"active":true}"#]);
}

#[tokio::test]
async fn nobody_is_already_deactivated_and_cannot_be_reactivated() {
    let workspace = Workspace::start().await;
    assert_eq!(workspace.app.deactivate(&known("usr_none")).await, Ok(Outcome::Already(())));
    assert_eq!(workspace.app.reactivate(&known("usr_none")).await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn an_answer_that_contradicts_the_deactivation_is_unexpected() {
    let workspace = Workspace::start().await;
    let body = json!({"id": MARIA, "active": true});
    workspace.lever("faults", &json!({"match": {"method": "PATCH"}, "status": 200, "body": body}));
    let error = workspace.app.deactivate(&known(MARIA)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unexpected);
    assert_eq!(error.message, "Workiva answers `active: true` where false was written");
}

#[tokio::test]
async fn a_deleted_account_is_gone_and_deleting_it_again_is_already() {
    let workspace = Workspace::start().await;
    let delete = "DELETE /platform/v1/users/usr_000002";
    let (outcome, calls) = workspace.calls_of(workspace.app.delete_account(&known(MARIA))).await;
    assert_eq!((outcome, calls), (Ok(Outcome::Done(())), vec![delete.to_owned()]));
    let (outcome, calls) = workspace.calls_of(workspace.app.delete_account(&known(MARIA))).await;
    assert_eq!((outcome, calls), (Ok(Outcome::Already(())), vec![delete.to_owned()]));
}
