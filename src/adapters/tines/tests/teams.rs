use serde_json::json;

use super::Tenant;
use crate::contract::{Group, Groups, Kind, Member, Outcome};

fn member(account: &str) -> Member {
    Member { account: account.into(), email: None, role: None }
}

fn teams(tenant: &Tenant) -> &dyn Groups {
    tenant.app.groups().unwrap()
}

#[tokio::test]
async fn the_teams_are_one_call() {
    let tenant = Tenant::start().await;
    let team = |id: &str, name: &str| Group { id: id.into(), name: name.into(), members: None };
    assert_eq!(teams(&tenant).groups().await, Ok(vec![team("5", "Security Ops"), team("6", "IT")]));
    assert_eq!(tenant.calls(), ["GET /api/v1/teams"]);
}

#[tokio::test]
async fn teams_on_several_pages_are_all_read() {
    let tenant = Tenant::start().await;
    let page = |number: u32| {
        json!({"match": {"path_regex": "/teams$"}, "times": 1, "status": 200, "body": {
            "teams": [{"id": number, "name": format!("Team {number}")}],
            "meta": {"current_page": number, "total_pages": 2},
        }})
    };
    tenant.lever("faults", &json!([page(1), page(2)]));
    assert_eq!(teams(&tenant).groups().await.unwrap().len(), 2);
    assert_eq!(tenant.calls(), ["GET /api/v1/teams", "GET /api/v1/teams?page=2"]);
}

#[tokio::test]
async fn members_are_the_users_turned_round() {
    let tenant = Tenant::start().await;
    assert_eq!(teams(&tenant).members("5").await, Ok(vec!["1".to_owned(), "2".to_owned()]));
    assert_eq!(tenant.calls(), ["GET /api/v1/users?page=1&per_page=500"]);
}

#[tokio::test]
async fn a_listing_without_teams_costs_one_call_more_for_each_user() {
    let tenant = Tenant::start().await;
    tenant.mode(&json!({"brief_list": true}));
    assert_eq!(teams(&tenant).members("5").await, Ok(vec!["1".to_owned(), "2".to_owned()]));
    assert_eq!(
        tenant.calls(),
        [
            "GET /api/v1/users?page=1&per_page=500",
            "GET /api/v1/users/1",
            "GET /api/v1/users/2",
            "GET /api/v1/users/3",
        ]
    );
}

#[tokio::test]
async fn members_that_the_app_never_tells_are_an_error_and_no_empty_team() {
    let tenant = Tenant::start().await;
    tenant.mode(&json!({"brief_list": true}));
    let brief = json!({"id": 1, "email": "owner@example.com", "role": "admin"});
    tenant.lever("faults", &json!({"match": {"path_regex": "/users/1$"}, "status": 200, "body": brief}));
    assert_eq!(teams(&tenant).members("5").await.unwrap_err().kind, Kind::Unsupported);
}

#[tokio::test]
async fn a_user_joins_and_leaves_a_team_with_one_call_each() {
    let tenant = Tenant::start().await;
    assert_eq!(teams(&tenant).add_member("6", &member("3")).await, Ok(Outcome::Done(None)));
    assert_eq!(tenant.state()["users"][2]["team_ids"], json!([6]));
    assert_eq!(teams(&tenant).remove_member("6", &member("3")).await, Ok(Outcome::Done(None)));
    assert_eq!(teams(&tenant).remove_member("6", &member("3")).await, Ok(Outcome::Already(None)));
    assert_eq!(
        tenant.calls(),
        [
            r#"POST /api/v1/teams/6/memberships {"user_id":3}"#,
            "DELETE /api/v1/teams/6/memberships/3",
            "DELETE /api/v1/teams/6/memberships/3",
        ]
    );
}

#[tokio::test]
async fn who_is_in_the_team_already_is_already() {
    let tenant = Tenant::start().await;
    for status in [409, 422] {
        tenant.mode(&json!({"already_member_status": status}));
        assert_eq!(teams(&tenant).add_member("5", &member("2")).await, Ok(Outcome::Already(None)));
    }
}

#[tokio::test]
async fn an_unknown_user_or_team_is_not_found_and_a_wrong_id_makes_no_call() {
    let tenant = Tenant::start().await;
    let kind =
        async |team: &str, user: &str| teams(&tenant).add_member(team, &member(user)).await.unwrap_err().kind;
    assert_eq!(kind("5", "99").await, Kind::NotFound);
    assert_eq!(kind("7", "2").await, Kind::NotFound);
    tenant.mode(&json!({"unknown_member_status": 422}));
    assert_eq!(kind("5", "99").await, Kind::Invalid);
    assert_eq!(tenant.calls().len(), 3);
    assert_eq!(kind("5", "maria").await, Kind::Invalid);
    assert_eq!(tenant.calls().len(), 3);
}

#[tokio::test]
async fn the_last_member_that_the_app_keeps_is_told() {
    let tenant = Tenant::start().await;
    tenant.mode(&json!({"last_member_guard": true}));
    let error = teams(&tenant).remove_member("6", &member("1")).await.unwrap_err();
    assert_eq!(error.kind, Kind::Invalid);
    assert!(error.message.contains("The last member of a team cannot be removed"), "{}", error.message);
}

#[tokio::test]
async fn teams_are_made_in_tines_only() {
    let tenant = Tenant::start().await;
    let groups = teams(&tenant);
    assert_eq!(groups.create_group("X").await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(groups.rename_group("5", "X").await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(groups.delete_group("5").await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(tenant.calls(), [""; 0]);
}
