//! What was changed in the app outside of the gateway is found, reported once, and put back where the policy says so.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::app::Fault;
use super::stage::{Stage, is_active, native, person, removing, workspaces};
use crate::contract::{Account, Capabilities, GroupCapabilities, Held, Kind, State};
use crate::provision::{Completion, Correction, DriftPolicy, Policy, Preconditions, Report, View, What};
use crate::scim::schema::ResourceKind::{self, User};
use crate::store::TaskState;

const LATER: Duration = Duration::from_mins(1);

fn correcting() -> Policy {
    let drift = DriftPolicy { correction: Correction::Correct, ..DriftPolicy::default() };
    Policy { drift, ..Policy::default() }
}

impl Stage {
    async fn look(&self) -> Report {
        sleep(LATER).await;
        self.connection.look_for_drift(false).await.unwrap()
    }

    /// What was found and how it ended, in words.
    pub(super) async fn found(&self) -> Vec<(What, &'static str)> {
        let report = self.look().await;
        report.findings.iter().map(|finding| (finding.what, finding.ended.as_str())).collect()
    }

    fn alter(&self, id: &str, change: impl FnOnce(&mut Account)) {
        change(self.app.content().accounts.get_mut(id).unwrap());
    }

    fn set_role(&self, id: &str, role: &str) {
        let role = crate::contract::Role { value: role.to_owned(), display: None };
        self.alter(id, |account| account.roles = Some(vec![role]));
    }

    /// Twenty people who stay as they are, so that a share of them is something.
    async fn with_a_crowd(self) -> Self {
        for number in 0..20 {
            self.app.put(&format!("c{number}"), &format!("c{number}@corp.example"), State::Active, "member");
        }
        assert!(self.look().await.findings.is_empty());
        self
    }
}

async fn set_role_asked(stage: &Stage, email: &str, role: &str) -> String {
    let mut body = person(email);
    body["roles"] = json!([{ "value": role }]);
    super::stage::id(&stage.post(body).await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn nothing_drifts_in_an_app_nobody_else_touches() {
    for capabilities in [native(), removing(), workspaces()] {
        let stage = Stage::new(capabilities).await.with_a_crowd().await;
        let anna = stage.hire("anna@corp.example").await;
        stage.hire("bo@corp.example").await;
        stage.deactivate(&anna).await.unwrap();
        let report = stage.look().await;
        assert_eq!((report.findings, report.unmanaged, report.accounts > 20), (vec![], 20, true));
        assert!(!stage.open_tasks().await.contains(&"drift".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_activated_in_the_app_again_is_reported_and_left_alone() {
    let stage = Stage::new(native()).await.with_a_crowd().await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    stage.alter("a1", |account| account.state = Some(State::Active));
    stage.app.calls();
    assert_eq!(stage.found().await, [(What::Reactivated, "reported")]);
    assert_eq!(stage.app.writes(), Vec::<String>::new());
    let tasks = stage.connection.tasks(true).await.unwrap();
    let told: Vec<_> =
        tasks.iter().map(|task| (task.kind.as_str(), task.urgent, task.person.as_str())).collect();
    assert_eq!(told, [("drift", true, "anna@corp.example")]);

    // Found again it is the same finding with the same task; gone, it closes its task.
    let again = stage.look().await;
    assert!(again.findings[0].since < again.began_at);
    assert_eq!(stage.open_tasks().await.len(), 1);
    stage.alter("a1", |account| account.state = Some(State::Inactive));
    assert_eq!(stage.found().await, []);
    let tasks = stage.connection.tasks(false).await.unwrap();
    assert_eq!(tasks[0].state, TaskState::Done);
}

#[tokio::test(start_paused = true)]
async fn a_task_somebody_closed_is_not_opened_again_while_the_finding_stands() {
    let stage = Stage::new(native()).await.with_a_crowd().await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    stage.alter("a1", |account| account.state = Some(State::Active));
    stage.look().await;
    let task = stage.connection.tasks(true).await.unwrap().remove(0);
    stage.connection.complete_task(&task.id, Completion::by("kim")).await.unwrap();
    assert_eq!(stage.found().await.len(), 1);
    assert!(stage.open_tasks().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn somebody_activated_in_the_app_again_is_deactivated_and_read_back() {
    for capabilities in [native(), removing()] {
        let stage = Stage::with(capabilities, correcting()).await.with_a_crowd().await;
        let anna = stage.hire("anna@corp.example").await;
        stage.deactivate(&anna).await.unwrap();
        stage.app.put("a1", "anna@corp.example", State::Active, "member");
        stage.app.calls();
        assert_eq!(stage.found().await, [(What::Reactivated, "corrected")]);
        let calls = stage.app.calls();
        let end = calls.len() - 2;
        assert_eq!(calls[end..], ["deactivate a1", "account a1"]);
        assert_eq!(stage.app.working("anna@corp.example"), 0);
        assert!(!is_active(&stage.get(User, &anna).await.unwrap()));
        assert!(!stage.open_tasks().await.contains(&"drift".to_owned()));
        assert_eq!(stage.found().await, []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_person_who_returns_is_removed_again() {
    let stage = Stage::with(native(), correcting()).await.with_a_crowd().await;
    let anna = stage.hire("anna@corp.example").await;
    stage.delete(&anna).await.unwrap();
    stage.alter("a1", |account| account.state = Some(State::Active));
    assert_eq!(stage.found().await, [(What::Returned, "corrected")]);
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
    assert!(stage.list(User, Some("userName eq \"anna@corp.example\"")).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_removed_or_disabled_account_is_reported_and_never_given_back() {
    let stage = Stage::with(native(), correcting()).await.with_a_crowd().await;
    stage.hire("anna@corp.example").await;
    stage.hire("bo@corp.example").await;
    stage.app.content().accounts.remove("a1");
    stage.alter("a2", |account| account.state = Some(State::Inactive));
    stage.app.calls();
    assert_eq!(stage.found().await, [(What::Removed, "reported"), (What::Deactivated, "reported")]);
    assert_eq!(stage.app.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_account_nobody_asked_for_is_reported_when_it_came_after_the_first_run() {
    let stage = Stage::with(native(), correcting()).await.with_a_crowd().await;
    stage.app.put("x1", "stranger@corp.example", State::Active, "member");
    let report = stage.look().await;
    let told: Vec<_> =
        report.findings.iter().map(|finding| (finding.what, finding.person.as_str())).collect();
    assert_eq!((told, report.unmanaged), (vec![(What::Added, "stranger@corp.example")], 20));
    assert_eq!(stage.app.state("x1"), Some(State::Active));
}

#[tokio::test(start_paused = true)]
async fn another_role_and_another_name_are_put_back_with_one_call() {
    let stage = Stage::with(native(), correcting()).await.with_a_crowd().await;
    let mut body = person("anna@corp.example");
    body["roles"] = json!([{ "value": "editor" }]);
    body["name"] = json!({ "givenName": "Anna", "familyName": "Berg" });
    stage.post(body).await.unwrap();
    stage.set_role("a1", "owner");
    stage.alter("a1", |account| account.family_name = Some("Lind".to_owned()));
    stage.app.calls();
    assert_eq!(stage.found().await, [(What::RoleChanged, "corrected"), (What::Renamed, "corrected")]);
    assert_eq!(stage.app.writes(), ["update_account a1"]);
    assert_eq!(stage.app.role("a1").as_deref(), Some("editor"));
}

#[tokio::test(start_paused = true)]
async fn a_role_the_app_lets_nobody_change_is_reported_only() {
    let own = removing();
    let fixed = Capabilities {
        accounts: crate::contract::Accounts { roles: Held::AtCreate, ..own.accounts },
        ..workspaces()
    };
    let stage = Stage::with(fixed, correcting()).await.with_a_crowd().await;
    set_role_asked(&stage, "anna@corp.example", "member").await;
    stage.set_role("a1", "admin");
    assert_eq!(stage.found().await, [(What::RoleChanged, "reported")]);
}

#[tokio::test(start_paused = true)]
async fn memberships_callers_asked_for_are_put_back_and_others_are_nobodys_business() {
    let stage = Stage::with(native(), correcting()).await.with_a_crowd().await;
    let team = |id: &str| crate::contract::Group { id: id.to_owned(), name: id.to_owned(), members: None };
    stage.app.content().groups = vec![team("red"), team("blue")];
    sleep(LATER).await;
    let anna = stage.hire("anna@corp.example").await;
    let (red, blue) = (stage.group("red").await, stage.group("blue").await);
    stage.members(&red, "add", &[&anna]).await.unwrap();
    stage.members(&blue, "add", &[&anna]).await.unwrap();
    stage.members(&blue, "remove", &[&anna]).await.unwrap();
    stage.alter("a1", |account| account.groups = Some(vec!["blue".to_owned()]));
    stage.alter("c1", |account| account.groups = Some(vec!["red".to_owned()]));
    stage.app.calls();
    let mut found = stage.found().await;
    found.sort_unstable();
    assert_eq!(found, [(What::MembershipRemoved, "corrected"), (What::MembershipAdded, "corrected")]);
    assert_eq!(stage.app.groups_of("a1"), ["red"]);
    assert_eq!(stage.app.groups_of("c1"), ["red"]);
}

#[tokio::test(start_paused = true)]
async fn a_role_given_through_a_group_is_put_back_through_it() {
    let stage = Stage::with(removing(), correcting()).await.with_a_crowd().await;
    let anna = stage.hire("anna@corp.example").await;
    let admins = stage.group("admin").await;
    stage.app.put("a1", "anna@corp.example", State::Active, "member");
    stage.members(&admins, "add", &[&anna]).await.unwrap();
    stage.app.put("a1", "anna@corp.example", State::Active, "member");
    assert_eq!(stage.found().await, [(What::RoleChanged, "corrected")]);
    assert_eq!(stage.app.role("a1").as_deref(), Some("admin"));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_invited_to_put_a_membership_back() {
    let stage = Stage::with(workspaces(), correcting()).await.with_a_crowd().await;
    let site = |id: &str| crate::contract::Group { id: id.to_owned(), name: id.to_owned(), members: None };
    stage.app.content().groups = vec![site("one"), site("two")];
    sleep(LATER).await;
    let anna = stage.hire("anna@corp.example").await;
    let two = stage.group("two").await;
    stage.members(&two, "add", &[&anna]).await.unwrap();
    stage.alter("a1", |account| account.groups = Some(vec!["one".to_owned()]));
    stage.app.calls();
    assert_eq!(stage.found().await, [(What::MembershipRemoved, "reported")]);
    assert_eq!(stage.app.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn more_than_a_run_may_correct_is_not_corrected_at_all() {
    let policy = Policy { drift: DriftPolicy { most: 2, ..correcting().drift }, ..Policy::default() };
    let stage = Stage::with(native(), policy).await.with_a_crowd().await;
    for name in ["anna", "bo", "cleo"] {
        let id = stage.hire(&format!("{name}@corp.example")).await;
        stage.deactivate(&id).await.unwrap();
    }
    for id in ["a1", "a2", "a3"] {
        stage.alter(id, |account| account.state = Some(State::Active));
    }
    stage.app.calls();
    let report = stage.look().await;
    assert_eq!((report.braked, report.due, report.corrected()), (true, 3, 0));
    assert_eq!(stage.app.writes(), Vec::<String>::new());
    let brakes = |tasks: Vec<crate::store::Task>| {
        tasks.into_iter().filter(|task| task.dedupe == "drift:brake" && task.urgent).count()
    };
    assert_eq!(brakes(stage.connection.tasks(true).await.unwrap()), 1);

    stage.alter("a3", |account| account.state = Some(State::Inactive));
    let report = stage.look().await;
    assert_eq!((report.braked, report.corrected()), (false, 2));
    assert_eq!(brakes(stage.connection.tasks(true).await.unwrap()), 0);
    assert!(stage.open_tasks().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_protected_and_the_last_administrator_are_not_corrected() {
    let policy = Policy { protected: vec!["anna@corp.example".to_owned()], ..correcting() };
    let stage = Stage::with(native(), policy).await.with_a_crowd().await;
    set_role_asked(&stage, "anna@corp.example", "editor").await;
    stage.set_role("a1", "owner");
    set_role_asked(&stage, "bo@corp.example", "editor").await;
    stage.set_role("a2", "admin");
    stage.app.calls();
    assert_eq!(stage.found().await, [(What::RoleChanged, "refused"), (What::RoleChanged, "refused")]);
    assert_eq!(stage.app.writes(), Vec::<String>::new());
    assert_eq!(stage.open_tasks().await, ["drift", "drift"]);
}

#[tokio::test(start_paused = true)]
async fn a_correction_the_app_does_not_confirm_is_gone_on_with() {
    let stage = Stage::with(native(), correcting()).await.with_a_crowd().await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    stage.alter("a1", |account| account.state = Some(State::Active));
    stage.app.next("deactivate", Fault::Fails(Kind::Unavailable));
    assert_eq!(stage.found().await, [(What::Reactivated, "under_way")]);
    stage.go_on_for(LATER).await;
    assert_eq!(stage.app.state("a1"), Some(State::Inactive));
    assert_eq!(stage.found().await, []);
    assert!(stage.open_tasks().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn work_under_way_is_no_drift() {
    let stage = Stage::with(native(), correcting()).await.with_a_crowd().await;
    let anna = stage.hire("anna@corp.example").await;
    stage.app.next("deactivate", Fault::Fails(Kind::Unavailable));
    stage.deactivate(&anna).await.unwrap_err();
    assert_eq!(stage.found().await, []);
    assert_eq!(stage.open_intents().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_fails_counts_for_nothing_and_what_was_found_stands() {
    let stage = Stage::new(native()).await.with_a_crowd().await;
    let anna = stage.hire("anna@corp.example").await;
    stage.deactivate(&anna).await.unwrap();
    stage.alter("a1", |account| account.state = Some(State::Active));
    stage.look().await;
    stage.alter("a1", |account| account.state = Some(State::Inactive));
    stage.app.next("accounts", Fault::Fails(Kind::Unavailable));
    let report = stage.look().await;
    assert_eq!((report.listing.as_str(), report.findings.len()), ("failed", 1));
    assert_eq!(stage.open_tasks().await, ["drift"]);
    assert_eq!(stage.connection.drift_report().await.unwrap(), Some(report));
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_lacks_half_is_not_believed_until_somebody_says_so() {
    let stage = Stage::with(native(), correcting()).await.with_a_crowd().await;
    let anna = stage.hire("anna@corp.example").await;
    for number in 0..15 {
        stage.app.content().accounts.remove(&format!("c{number}"));
    }
    let report = stage.look().await;
    assert_eq!((report.listing.as_str(), report.accounts), ("doubtful", 20));
    assert!(is_active(&stage.get(User, &anna).await.unwrap()));
    let tasks = stage.connection.tasks(true).await.unwrap();
    assert_eq!((tasks.len(), tasks[0].dedupe.as_str(), tasks[0].urgent), (1, "drift:listing", true));
    assert_eq!(stage.look().await.listing.as_str(), "doubtful", "however often it is looked at");
    let report = stage.connection.look_for_drift(true).await.unwrap();
    assert_eq!((report.listing.as_str(), report.accounts), ("complete", 6));
    assert!(stage.open_tasks().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn pages_that_moved_while_they_were_read_count_for_nothing() {
    let stage = Stage::new(native()).await.with_a_crowd().await;
    stage.app.content().repeats = true;
    assert_eq!(stage.look().await.listing.as_str(), "doubtful");
    stage.app.content().repeats = false;
    assert_eq!(stage.look().await.listing.as_str(), "complete");
}

#[tokio::test(start_paused = true)]
async fn the_app_is_listed_once_an_hour_and_never_when_switched_off() {
    for (every, listings) in [(Some(Duration::from_hours(1)), 4..=6), (None, 0..=0)] {
        let policy = Policy { drift: DriftPolicy { every, ..DriftPolicy::default() }, ..Policy::default() };
        let stage = Stage::with(native(), policy).await;
        let stop = CancellationToken::new();
        let watch = tokio::spawn(Arc::clone(&stage.gateway).watch_drift(stop.clone()));
        sleep(Duration::from_hours(5)).await;
        stop.cancel();
        watch.await.unwrap();
        let calls = stage.app.calls().into_iter().filter(|call| call == "accounts").count();
        assert!(listings.contains(&calls), "{calls} listings");
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_renamed_in_the_app_is_reported_until_it_is_called_so_by_a_caller() {
    let capabilities = native();
    let groups = GroupCapabilities { rename: true, ..capabilities.groups };
    let stage = Stage::with(Capabilities { groups, ..capabilities }, correcting()).await.with_a_crowd().await;
    let rename = async |name: &str| {
        let group = stage.app.content().groups[0].name.clone();
        let id = stage.group(&group).await;
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "replace", "path": "displayName", "value": name }],
        });
        let (view, when) = (View::default(), Preconditions::default());
        stage.connection.patch(ResourceKind::Group, &id, body, &view, &when).await.unwrap();
    };
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Pilots", "members": [],
    });
    stage.connection.create(ResourceKind::Group, body, &View::default()).await.unwrap();
    assert!(stage.look().await.findings.is_empty());
    stage.app.content().groups[0].name = "Crew".to_owned();
    assert_eq!(stage.found().await, [(What::GroupRenamed, "reported")]);
    assert_eq!(stage.open_tasks().await, ["drift"]);
    rename("Crew").await;
    assert!(stage.look().await.findings.is_empty());
    assert_eq!(stage.open_tasks().await, Vec::<String>::new());
}
