use serde_json::json;

use super::{MARIA, TOKEN, Workspace};
use crate::contract::{Group, Groups, Kind, Member, Outcome};

fn member(account: &str) -> Member {
    Member { account: account.into(), email: None, role: None }
}

fn groups(workspace: &Workspace) -> &dyn Groups {
    workspace.app.groups().unwrap()
}

fn group(id: &str, name: &str) -> Group {
    Group { id: id.into(), name: name.into(), members: None }
}

#[tokio::test]
async fn groups_and_members_are_one_call_each() {
    let workspace = Workspace::start().await;
    let expected = vec![group("grp_1", "Finance Team"), group("grp_2", "Legal")];
    assert_eq!(groups(&workspace).groups().await, Ok(expected));
    for member_shape in ["user_id", "id"] {
        workspace.mode(&json!({"member_shape": member_shape}));
        let members = groups(&workspace).members("grp_1").await.unwrap();
        assert_eq!(members, ["usr_000001", "usr_000002", "usr_000003"], "{member_shape}");
    }
    let members = "GET /platform/v1/groups/grp_1/members";
    assert_eq!(workspace.calls(), [TOKEN, "GET /platform/v1/groups", members, members]);
}

#[tokio::test]
async fn members_on_three_pages_are_all_read() {
    let workspace = Workspace::start().await;
    workspace.lever("reset", &json!({"seed": "empty", "users": 250}));
    for number in 1..=250 {
        let email = format!("user{number:05}@example.com");
        workspace.lever("oob", &json!({"op": "add_to_group", "email": email, "group": "grp_2"}));
    }
    let (members, calls) = workspace.calls_of(groups(&workspace).members("grp_2")).await;
    assert_eq!(members.unwrap().len(), 250);
    let next = "GET /platform/v1/groups/grp_2/members?pageToken=…";
    assert_eq!(calls, ["GET /platform/v1/groups/grp_2/members", next, next]);
}

#[tokio::test]
async fn a_listing_that_goes_round_is_unexpected() {
    let workspace = Workspace::start().await;
    let page = |token: &str| {
        json!({"match": {"path_regex": "/groups$"}, "times": 1, "status": 200,
            "body": {"data": [], "nextPageToken": token}})
    };
    workspace.lever("faults", &json!([page("a"), page("b"), page("a")]));
    assert_eq!(groups(&workspace).groups().await.unwrap_err().kind, Kind::Unexpected);
}

#[tokio::test]
async fn the_members_of_no_group_are_not_found() {
    let workspace = Workspace::start().await;
    assert_eq!(groups(&workspace).members("grp_3").await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn a_user_joins_and_leaves_a_group_with_one_call_each() {
    let workspace = Workspace::start().await;
    let groups = groups(&workspace);
    let (joined, join) = workspace.calls_of(groups.add_member("grp_2", &member(MARIA))).await;
    assert_eq!(joined, Ok(Outcome::Done(None)));
    assert_eq!(workspace.state()["groups"][1]["members"], json!([MARIA]));
    let (left, leave) = workspace.calls_of(groups.remove_member("grp_2", &member(MARIA))).await;
    assert_eq!(left, Ok(Outcome::Done(None)));
    assert_eq!(join, [r#"POST /platform/v1/groups/grp_2/members {"userId":"usr_000002"}"#]);
    assert_eq!(leave, ["DELETE /platform/v1/groups/grp_2/members/usr_000002"]);
}

#[tokio::test]
async fn who_is_in_the_group_already_is_already() {
    let workspace = Workspace::start().await;
    assert_eq!(groups(&workspace).add_member("grp_1", &member(MARIA)).await, Ok(Outcome::Already(None)));
}

#[tokio::test]
async fn a_404_of_a_removal_is_asked_about_once() {
    let workspace = Workspace::start().await;
    let groups = groups(&workspace);
    let (outcome, calls) = workspace.calls_of(groups.remove_member("grp_2", &member(MARIA))).await;
    assert_eq!(outcome, Ok(Outcome::Already(None)));
    assert_eq!(
        calls,
        ["DELETE /platform/v1/groups/grp_2/members/usr_000002", "GET /platform/v1/groups/grp_2/members",]
    );
    let unknown = groups.remove_member("grp_3", &member(MARIA)).await.unwrap_err();
    assert_eq!(unknown.kind, Kind::NotFound);
}

#[tokio::test]
async fn an_unknown_user_or_group_is_not_found() {
    let workspace = Workspace::start().await;
    let groups = groups(&workspace);
    assert_eq!(groups.add_member("grp_1", &member("usr_none")).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(groups.add_member("grp_3", &member(MARIA)).await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn a_group_is_created_and_renamed_with_one_call_each() {
    let workspace = Workspace::start().await;
    let groups = groups(&workspace);
    let (created, create) = workspace.calls_of(groups.create_group("Tax")).await;
    assert_eq!(created, Ok(Outcome::Done(group("grp_4", "Tax"))));
    assert_eq!(groups.create_group("Tax").await.unwrap_err().kind, Kind::Conflict);
    let (renamed, rename) = workspace.calls_of(groups.rename_group("grp_4", "Taxes")).await;
    assert_eq!(renamed, Ok(Outcome::Done(())));
    assert_eq!(create, [r#"POST /platform/v1/groups {"name":"Tax"}"#]);
    assert_eq!(rename, [r#"PATCH /platform/v1/groups/grp_4 {"name":"Taxes"}"#]);
    assert_eq!(groups.rename_group("grp_9", "X").await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(groups.delete_group("grp_4").await.unwrap_err().kind, Kind::Unsupported);
}

#[tokio::test]
async fn a_workspace_without_the_calls_of_the_scope_table_says_so() {
    let workspace = Workspace::start().await;
    let groups = groups(&workspace);
    workspace.mode(&json!({"scope_table_routes": false}));
    assert_eq!(groups.create_group("Tax").await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(groups.rename_group("grp_1", "X").await.unwrap_err().kind, Kind::Unsupported);
    workspace.mode(&json!({"scope_table_routes": true}));
    workspace.lever(
        "faults",
        &json!([
            {"match": {"method": "POST", "path_regex": "/groups$"}, "status": 404},
            {"match": {"method": "PATCH", "path_regex": "/groups/"}, "status": 404},
        ]),
    );
    assert_eq!(groups.create_group("Tax").await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(groups.rename_group("grp_1", "X").await.unwrap_err().kind, Kind::Unsupported);
}
