//! What waits for a person stays open until somebody confirms it, and confirms what was last asked.

use serde_json::json;

use super::stage::{Stage, by_hand, id, is_active, person, removing, status};
use crate::contract::{Account, Role, State};
use crate::provision::{Completion, Policy};
use crate::scim::schema::GATEWAY_USER;
use crate::scim::schema::ResourceKind::User;
use crate::store::TaskState;

fn row(email: &str, role: &str) -> Account {
    Account {
        id: email.to_owned(),
        email: Some(email.to_owned()),
        state: Some(State::Active),
        roles: Some(vec![Role { value: role.to_owned(), display: None }]),
        groups: Some(vec![format!("role:{role}")]),
        ..Account::default()
    }
}

async fn complete(stage: &Stage, kind: &str) {
    let open = stage.connection.tasks(true).await.unwrap();
    let task = open.iter().find(|task| task.kind == kind).unwrap();
    stage.connection.complete_task(&task.id, Completion::by("operator")).await.unwrap();
}

async fn working(stage: &Stage) -> String {
    let anna = stage.hire("anna@corp.example").await;
    complete(stage, "invite").await;
    anna
}

#[tokio::test(start_paused = true)]
async fn a_removal_is_done_when_somebody_says_so() {
    let stage = Stage::new(by_hand()).await;
    let anna = working(&stage).await;
    assert!(is_active(&stage.deactivate(&anna).await.unwrap()));
    let task = stage.connection.tasks(true).await.unwrap().remove(0);
    assert!(task.urgent);
    assert!(is_active(&stage.deactivate(&anna).await.unwrap()), "asked twice is one task");
    assert_eq!(stage.connection.tasks(true).await.unwrap(), std::slice::from_ref(&task));
    let members = stage.group("member").await;
    assert_eq!(stage.members_of(&members).await, std::slice::from_ref(&anna));
    stage.connection.complete_task(&task.id, Completion::by("operator")).await.unwrap();
    assert!(!is_active(&stage.get(User, &anna).await.unwrap()));
    assert!(stage.members_of(&members).await.is_empty());
    assert_eq!(status(stage.connection.complete_task(&task.id, Completion::by("operator")).await), 404);
}

#[tokio::test(start_paused = true)]
async fn a_reactivation_calls_the_removal_off_and_an_unrelated_change_does_not() {
    let stage = Stage::new(by_hand()).await;
    let anna = working(&stage).await;
    stage.deactivate(&anna).await.unwrap();
    stage.patch(&anna, json!({"title": "Engineer"})).await.unwrap();
    stage.put(&anna, person("anna@corp.example")).await.unwrap();
    assert_eq!(stage.open_tasks().await, ["remove"]);
    assert!(is_active(&stage.activate(&anna).await.unwrap()));
    assert!(stage.open_tasks().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn somebody_invited_again_who_leaves_before_that_was_done_is_to_be_removed() {
    let stage = Stage::new(by_hand()).await;
    let anna = working(&stage).await;
    stage.deactivate(&anna).await.unwrap();
    complete(&stage, "remove").await;
    stage.activate(&anna).await.unwrap();
    stage.patch(&anna, json!({"roles": [{"value": "admin"}]})).await.unwrap();
    assert_eq!(stage.open_tasks().await, ["invite"], "another role is another invitation");
    stage.deactivate(&anna).await.unwrap();
    assert_eq!(stage.open_tasks().await, ["remove"]);
    assert!(stage.open_intents().await.is_empty());
    complete(&stage, "remove").await;
    assert!(!is_active(&stage.get(User, &anna).await.unwrap()));
    stage.activate(&anna).await.unwrap();
    complete(&stage, "invite").await;
    let admins = stage.group("admin").await;
    assert_eq!(stage.members_of(&admins).await, [anna]);
}

#[tokio::test(start_paused = true)]
async fn an_invitation_survives_changes_of_the_person() {
    let stage = Stage::new(by_hand()).await;
    let mut body = person("anna@corp.example");
    body["roles"] = json!([{"value": "admin"}]);
    let anna = id(&stage.post(body).await.unwrap());
    stage.patch(&anna, json!({"title": "Engineer"})).await.unwrap();
    assert_eq!(stage.open_tasks().await, ["invite"]);
    let admins = stage.group("admin").await;
    stage.members(&admins, "add", &[&anna]).await.unwrap();
    complete(&stage, "invite").await;
    let shown = stage.get(User, &anna).await.unwrap();
    assert!(shown.resource.to_string().contains("\"invitationStatus\":\"accepted\""));
}

#[tokio::test(start_paused = true)]
async fn a_role_asked_for_during_a_removal_does_not_hide_the_removal() {
    let stage = Stage::new(by_hand()).await;
    let anna = working(&stage).await;
    stage.deactivate(&anna).await.unwrap();
    let (admins, members) = (stage.group("admin").await, stage.group("member").await);
    assert_eq!(status(stage.members(&admins, "add", &[&anna]).await), 409);
    stage.members(&members, "remove", &[&anna]).await.unwrap();
    stage.patch(&anna, json!({"roles": [{"value": "admin"}]})).await.unwrap();
    complete(&stage, "remove").await;
    assert!(!is_active(&stage.get(User, &anna).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_removal_calls_off_the_change_of_a_role() {
    let stage = Stage::new(by_hand()).await;
    let anna = working(&stage).await;
    stage.patch(&anna, json!({"roles": [{"value": "admin"}]})).await.unwrap();
    assert_eq!(stage.open_tasks().await, ["change_role"]);
    stage.deactivate(&anna).await.unwrap();
    assert_eq!(stage.open_tasks().await, ["remove"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_role_asked_for_is_the_one_that_is_done() {
    let stage = Stage::new(by_hand()).await;
    let anna = working(&stage).await;
    let (admins, members) = (stage.group("admin").await, stage.group("member").await);
    stage.members(&admins, "add", &[&anna]).await.unwrap();
    stage.members(&members, "add", &[&anna]).await.unwrap();
    let open = stage.connection.tasks(true).await.unwrap();
    assert!(open.len() <= 1, "{open:?}");
    stage.members(&admins, "add", &[&anna]).await.unwrap();
    complete(&stage, "change_role").await;
    assert_eq!(stage.members_of(&admins).await, [anna]);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_leaves_its_task_open() {
    let stage = Stage::new(by_hand()).await;
    let anna = working(&stage).await;
    stage.delete(&anna).await.unwrap();
    assert_eq!(stage.people().await, 0);
    assert_eq!(stage.open_tasks().await, ["remove"]);
    stage.connection.import_roster(vec![row("anna@corp.example", "member")], false, true).await.unwrap();
    assert_eq!(stage.people().await, 0, "who is about to be removed is not taken in again");
    complete(&stage, "remove").await;
}

#[tokio::test(start_paused = true)]
async fn a_roster_closes_the_tasks_it_shows_as_done_and_no_others() {
    let stage = Stage::new(by_hand()).await;
    let anna = stage.hire("anna@corp.example").await;
    let bo = stage.hire("bo@corp.example").await;
    stage.connection.import_roster(vec![row("anna@corp.example", "member")], false, false).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    stage.connection.import_roster(vec![row("anna@corp.example", "member")], false, false).await.unwrap();
    assert_eq!(stage.connection.tasks(true).await.unwrap()[0].resource, bo);
    assert_eq!(stage.open_tasks().await, ["invite"]);

    stage.deactivate(&anna).await.unwrap();
    stage.deactivate(&bo).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    stage.connection.import_roster(Vec::new(), false, true).await.unwrap();
    let open = stage.connection.tasks(true).await.unwrap();
    assert_eq!(open.len(), 1, "nobody ever saw bo in a roster: its absence proves nothing");
    assert_eq!(open[0].resource, bo);
    assert!(!is_active(&stage.get(User, &anna).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn force_believes_a_roster_that_lost_most_of_its_people() {
    let stage = Stage::new(by_hand()).await;
    let rows: Vec<Account> =
        (0..10).map(|number| row(&format!("p{number}@corp.example"), "member")).collect();
    stage.connection.import_roster(rows, false, false).await.unwrap();
    assert_eq!(status(stage.connection.import_roster(Vec::new(), false, false).await), 400);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    stage.connection.import_roster(Vec::new(), false, true).await.unwrap();
    assert!(stage.list(User, Some("active eq true")).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn somebody_created_again_before_the_removal_was_done_keeps_the_account() {
    let stage = Stage::new(by_hand()).await;
    let anna = working(&stage).await;
    stage.delete(&anna).await.unwrap();
    let removal = stage.connection.tasks(true).await.unwrap().remove(0);
    let mut body = person("anna@corp.example");
    body["roles"] = json!([{"value": "admin"}]);
    let shown = stage.post(body).await.unwrap();
    assert!(is_active(&shown));
    assert_eq!(shown.resource[GATEWAY_USER]["invitationStatus"], "accepted");
    assert_eq!(stage.open_tasks().await, ["change_role"], "nobody is invited who is there");
    let all = stage.connection.tasks(false).await.unwrap();
    let called_off = all.iter().find(|task| task.id == removal.id).unwrap();
    assert_eq!(called_off.state, TaskState::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn somebody_created_again_before_anybody_was_invited_is_invited_once() {
    let stage = Stage::new(by_hand()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.delete(&anna).await.unwrap();
    assert_eq!(stage.open_tasks().await, ["remove"]);
    stage.hire("anna@corp.example").await;
    assert_eq!(stage.open_tasks().await, ["invite"]);
}

#[tokio::test(start_paused = true)]
async fn a_preview_names_the_tasks_a_roster_shows_as_done_and_closes_none() {
    let stage = Stage::new(by_hand()).await;
    stage.hire("anna@corp.example").await;
    stage.hire("bo@corp.example").await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let rows = || vec![row("anna@corp.example", "member")];
    let told = stage.connection.import_roster(rows(), true, false).await.unwrap();
    let people: Vec<&str> = told.done.iter().map(|task| task.person.as_str()).collect();
    assert_eq!((told.new, told.missing, people), (1, 0, vec!["anna@corp.example"]));
    assert_eq!(stage.open_tasks().await, ["invite", "invite"]);
    stage.connection.import_roster(rows(), false, false).await.unwrap();
    assert_eq!(stage.open_tasks().await, ["invite"]);
}

#[tokio::test(start_paused = true)]
async fn somebody_created_again_without_access_does_not_call_the_removal_off() {
    let stage = Stage::new(by_hand()).await;
    let anna = working(&stage).await;
    stage.delete(&anna).await.unwrap();
    let mut body = person("anna@corp.example");
    body["active"] = json!(false);
    stage.post(body).await.unwrap();
    assert_eq!(stage.open_tasks().await, ["remove"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_was_removed_is_not_invited_any_more() {
    let stage = Stage::new(by_hand()).await;
    let anna = stage.hire("anna@corp.example").await;
    let shown = stage.get(User, &anna).await.unwrap();
    assert_eq!(shown.resource[GATEWAY_USER]["invitationStatus"], "pending");
    stage.deactivate(&anna).await.unwrap();
    complete(&stage, "remove").await;
    let shown = stage.get(User, &anna).await.unwrap();
    assert_eq!(shown.resource[GATEWAY_USER]["invitationStatus"], "none");
}

#[tokio::test(start_paused = true)]
async fn what_shows_that_a_task_is_done_is_kept_with_it() {
    let stage = Stage::new(by_hand()).await;
    stage.hire("anna@corp.example").await;
    let task = stage.connection.tasks(true).await.unwrap().remove(0);
    let evidence = Some("https://tickets.example/7".to_owned());
    let done = Completion { evidence: evidence.clone(), ..Completion::by("Kim") };
    assert_eq!(stage.connection.complete_task(&task.id, done).await.unwrap().evidence, evidence);
    let kept = stage.connection.tasks(false).await.unwrap().remove(0);
    assert_eq!((kept.closed_by.as_deref(), kept.evidence), (Some("Kim"), evidence));
}

#[tokio::test(start_paused = true)]
async fn a_task_is_the_nearest_owners() {
    let named = |name: &str| Some(name.to_owned());
    let policy = Policy {
        owner: named("the IT team"),
        residual_owner: named("the platform team"),
        residual_link: named("https://wiki.example/keys"),
        ..Policy::default()
    };
    let stage = Stage::with(by_hand(), policy.clone()).await;
    stage.hire("anna@corp.example").await;
    assert_eq!(stage.connection.tasks(true).await.unwrap()[0].owner, policy.owner);

    for (policy, owner, link) in [
        (policy.clone(), &policy.residual_owner, "https://wiki.example/keys"),
        (Policy::default(), &None, "https://app.example/keys"),
    ] {
        let stage = Stage::with(removing(), policy).await;
        let anna = stage.hire("anna@corp.example").await;
        stage.deactivate(&anna).await.unwrap();
        let [task] = &stage.connection.tasks(true).await.unwrap()[..] else { panic!("not one task") };
        assert_eq!((&task.owner, task.link.as_deref()), (owner, Some(link)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_roster_without_somebody_who_was_deleted_closes_the_removal() {
    let stage = Stage::new(by_hand()).await;
    let anna = working(&stage).await;
    stage.delete(&anna).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let still = stage.connection.import_roster(vec![row("anna@corp.example", "member")], false, true).await;
    assert_eq!((still.unwrap().done.len(), stage.open_tasks().await), (0, vec!["remove".to_owned()]));
    let preview = stage.connection.import_roster(Vec::new(), true, true).await.unwrap();
    assert_eq!((preview.done.len(), stage.open_tasks().await), (1, vec!["remove".to_owned()]));
    assert_eq!(stage.connection.import_roster(Vec::new(), false, true).await.unwrap().done, preview.done);
    assert_eq!(stage.open_tasks().await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_is_accepted_to_be_left_behind_is_said_and_no_task() {
    let key = removing().residual[0].key.to_owned();
    for (accept_residual, tasks) in [(vec![key], 0), (vec!["another".to_owned()], 1)] {
        let stage = Stage::with(removing(), Policy { accept_residual, ..Policy::default() }).await;
        let anna = stage.hire("anna@corp.example").await;
        let left = stage.deactivate(&anna).await.unwrap();
        let extension = &left.resource[GATEWAY_USER];
        assert_eq!(extension["residualAccess"], true);
        assert_eq!(stage.open_tasks().await.len(), tasks);
    }
}

#[tokio::test(start_paused = true)]
async fn an_invitation_that_was_called_off_is_made_again_with_the_reactivation() {
    let stage = Stage::new(by_hand()).await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    assert_eq!(stage.open_tasks().await, ["remove"]);
    stage.activate(&anna).await.unwrap();
    assert_eq!(stage.open_tasks().await, ["invite"]);
    complete(&stage, "invite").await;
    assert!(is_active(&stage.get(User, &anna).await.unwrap()));
}
