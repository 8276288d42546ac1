//! The adapter against the simulated Hive, through real sockets.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::adapters::settings::{Setting, Settings as Told};
use crate::adapters::simulator::probe::Probe;
use crate::adapters::simulator::{Dialect as Spoken, Running};
use crate::base::clock::SystemClock;
use crate::base::secret::SecretString;
use crate::contract::{Fault, Group, Member, Retry, Role};
use crate::upstream::{Wire, system_names};

const FIRST: &str = "/api/v1/workspaces/ws_001/members";
const SECOND: &str = "/api/v1/workspaces/ws_002/members";
const MARIA: &str = "usr_000002";
const TOM: &str = "usr_000003";

/// The simulated Hive and an adapter that talks to it.
struct House {
    running: Running,
    hive: Arc<dyn Adapter>,
}

impl House {
    async fn managing(workspaces: &[&str], key: &str) -> Self {
        let simulator = sim::simulator(Spoken::Guide, Arc::new(SystemClock)).unwrap();
        let running = Running::start(simulator).await.unwrap();
        let mut told = told(workspaces, key);
        told.set("rest.base_url", Setting::Text(format!("{}/api/v1", running.url())));
        let hive = APP.adapter(&blueprint(&told)).unwrap();
        Self { running, hive }
    }

    async fn one() -> Self {
        Self::managing(&["ws_001"], sim::ADMIN_KEY).await
    }

    async fn two() -> Self {
        Self::managing(&["ws_001", "ws_002"], sim::ADMIN_KEY).await
    }

    fn lever(&self, path: &str, body: &Value) {
        Probe::new(self.running.simulator()).lever(path, body);
    }

    fn groups(&self) -> &dyn Groups {
        self.hive.groups().unwrap()
    }

    /// Every call so far: method and path.
    fn calls(&self) -> Vec<String> {
        let word = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
        let line = |entry: &Value| format!("{} {}", word(entry, "method"), word(entry, "path"));
        self.running.simulator().journal().iter().map(line).collect()
    }

    /// The body of the last call.
    fn sent(&self) -> Value {
        self.running.simulator().journal().last().unwrap()["body"].clone()
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn told(workspaces: &[&str], key: &str) -> Told {
    let mut told = Told::default();
    told.set("rest.api_key", Setting::Secret(SecretString::from(key)));
    told.set("rest.base_url", Setting::Text("https://app.hive.com/api/v1".to_owned()));
    told.set("workspaces", Setting::Texts(texts(workspaces)));
    told
}

fn blueprint(settings: &Told) -> Blueprint<'_> {
    let wire = Wire {
        private: true,
        per_second: None,
        concurrency: 4,
        attempt: Duration::from_secs(5),
        total: Duration::from_secs(20),
        body_limit: 1 << 20,
        names: system_names(),
        clock: Arc::new(SystemClock),
    };
    Blueprint { connection: "hive", mode: Mode::Rest, dialect: Dialect::Guide, settings, wire }
}

fn anna(groups: &[&str]) -> Draft {
    Draft {
        user_name: "anna.berg@example.com".to_owned(),
        email: Some("anna.berg@example.com".to_owned()),
        groups: texts(groups),
        active: true,
        ..Draft::default()
    }
}

fn account(id: &str) -> Account {
    Account { id: id.to_owned(), ..Account::default() }
}

fn member(id: &str, email: &str) -> Member {
    Member { account: id.to_owned(), email: Some(email.to_owned()), role: None }
}

fn get(members: &str) -> String {
    format!("GET {members}")
}

fn post(members: &str) -> String {
    format!("POST {members}")
}

fn delete(members: &str, id: &str) -> String {
    format!("DELETE {members}/{id}")
}

#[tokio::test]
async fn everybody_is_one_page_of_one_call_a_workspace() {
    let house = House::two().await;
    let page = house.hive.accounts(None).await.unwrap();
    assert_eq!(page.next, None);
    let seen: Vec<_> =
        page.items.iter().map(|account| (account.id.as_str(), account.groups.clone())).collect();
    let (both, first) = (Some(texts(&["ws_001", "ws_002"])), Some(texts(&["ws_001"])));
    assert_eq!(seen, [("usr_000001", both.clone()), (MARIA, both.clone()), (TOM, first)]);
    let maria = Account {
        id: MARIA.to_owned(),
        email: Some("maria.santos@example.com".to_owned()),
        given_name: Some("Maria".to_owned()),
        family_name: Some("Santos".to_owned()),
        state: Some(State::Active),
        roles: Some(vec![Role { value: "member".to_owned(), display: None }]),
        groups: both,
        ..Account::default()
    };
    assert_eq!(page.items[1], maria);
    assert_eq!(house.calls(), [get(FIRST), get(SECOND)]);
}

#[tokio::test]
async fn the_guides_five_fields_are_enough() {
    let house = House::one().await;
    house.lever("mode", &json!({"brief_members": true}));
    let maria = house.hive.accounts(None).await.unwrap().items.remove(1);
    assert_eq!((maria.state, maria.groups), (None, Some(texts(&["ws_001"]))));
}

#[tokio::test]
async fn workspaces_that_are_not_named_are_asked_for_once() {
    let house = House::managing(&[], sim::ADMIN_KEY).await;
    house.hive.accounts(None).await.unwrap();
    house.hive.accounts(None).await.unwrap();
    let visible = "GET /api/v1/workspaces".to_owned();
    assert_eq!(house.calls(), [visible, get(FIRST), get(SECOND), get(FIRST), get(SECOND)]);
}

#[tokio::test]
async fn a_first_listing_of_people_and_groups_asks_for_the_workspaces_once() {
    let house = House::managing(&[], sim::ADMIN_KEY).await;
    house.hive.accounts(None).await.unwrap();
    house.groups().groups().await.unwrap();
    let visible = "GET /api/v1/workspaces".to_owned();
    assert_eq!(house.calls(), [visible.clone(), get(FIRST), get(SECOND)]);
    house.groups().groups().await.unwrap();
    assert_eq!(house.calls().last(), Some(&visible), "what was told once is asked for again");
}

#[tokio::test]
async fn one_account_is_one_call_in_one_workspace() {
    let house = House::one().await;
    let maria = house.hive.account(By::Id(MARIA)).await.unwrap().unwrap();
    assert_eq!(maria.groups, Some(texts(&["ws_001"])));
    assert_eq!(house.calls(), [format!("GET {FIRST}/{MARIA}")]);
}

#[tokio::test]
async fn every_managed_workspace_is_asked_for_an_account() {
    let house = House::two().await;
    let tom = house.hive.account(By::Id(TOM)).await.unwrap().unwrap();
    assert_eq!(tom.groups, Some(texts(&["ws_001"])));
    assert_eq!(house.hive.account(By::Id("usr_999999")).await.unwrap(), None);
    assert_eq!(house.calls().len(), 4);
}

#[tokio::test]
async fn an_address_is_found_in_any_case_by_listing() {
    let house = House::one().await;
    let maria = house.hive.account(By::Email("Maria.Santos@EXAMPLE.com")).await.unwrap().unwrap();
    assert_eq!(maria.id, MARIA);
    assert_eq!(house.hive.account(By::Email("nobody@example.com")).await.unwrap(), None);
    assert_eq!(house.calls(), [get(FIRST), get(FIRST)]);
}

#[tokio::test]
async fn the_check_is_one_call_and_warns_of_what_it_does_not_manage() {
    let house = House::managing(&["ws_001", "ws_900"], sim::ADMIN_KEY).await;
    let standing = house.hive.check().await.unwrap();
    assert_eq!(standing.summary, "reached, 2 workspaces visible, 2 managed");
    assert_eq!(
        standing.warnings,
        [
            "the key's owner does not see the managed workspace `ws_900`",
            "1 visible workspaces are not managed: leavers keep their access to them",
        ]
    );
    assert_eq!(house.calls(), ["GET /api/v1/workspaces"]);
}

#[tokio::test]
async fn creating_is_one_invitation_into_the_primary_workspace() {
    let house = House::two().await;
    let Outcome::Invited(invited) = house.hive.create_account(&anna(&[])).await.unwrap() else {
        panic!("not invited")
    };
    assert_eq!(house.calls(), [post(FIRST)]);
    assert_eq!(house.sent(), json!({"email": "anna.berg@example.com", "role": "member"}));
    let expected = Account {
        id: invited.id.clone(),
        email: Some("anna.berg@example.com".to_owned()),
        state: Some(State::Invited),
        groups: Some(texts(&["ws_001"])),
        ..Account::default()
    };
    assert_eq!(invited, expected);
    let seen = house.hive.account(By::Id(&invited.id)).await.unwrap().unwrap();
    assert_eq!((seen.state, seen.given_name), (Some(State::Invited), None));
    house.lever("invites/anna.berg@example.com/accept", &Value::Null);
    let accepted = house.hive.account(By::Id(&invited.id)).await.unwrap().unwrap();
    assert_eq!((accepted.state, accepted.given_name.as_deref()), (Some(State::Active), Some("Anna")));
}

#[tokio::test]
async fn the_primary_workspace_is_the_operators() {
    let running = House::two().await.running;
    for workspaces in [&["ws_001", "ws_002"][..], &[]] {
        let mut told = told(workspaces, sim::ADMIN_KEY);
        told.set("rest.base_url", Setting::Text(format!("{}/api/v1", running.url())));
        told.set("primary_workspace", Setting::Text("ws_002".to_owned()));
        told.set("default_role", Setting::Text("guest".to_owned()));
        running.simulator().reset(crate::adapters::simulator::Seed::default());
        let hive = APP.adapter(&blueprint(&told)).unwrap();
        assert_eq!(hive.capabilities().default_role, Some("guest"));
        let invited = hive.create_account(&anna(&[])).await.unwrap().value().unwrap();
        assert_eq!(invited.groups, Some(texts(&["ws_002"])));
        assert_eq!(running.simulator().journal().last().unwrap()["body"]["role"], "guest");
    }
}

#[tokio::test]
async fn who_comes_back_is_invited_into_the_managed_workspaces_of_before() {
    let house = House::two().await;
    let draft = Draft { roles: texts(&["guest"]), ..anna(&["ws_002", "ws_777", "ws_001"]) };
    let invited = house.hive.create_account(&draft).await.unwrap().value().unwrap();
    assert_eq!(invited.groups, Some(texts(&["ws_001", "ws_002"])));
    assert_eq!(house.calls(), [post(FIRST), post(SECOND)]);
    assert_eq!(house.sent()["role"], "guest");
    let house = House::two().await;
    house.hive.create_account(&anna(&["ws_777"])).await.unwrap();
    assert_eq!(house.calls(), [post(FIRST)]);
}

#[tokio::test]
async fn an_invitation_that_stops_half_way_is_unknown() {
    let house = House::two().await;
    house.lever(
        "faults",
        &json!({"match": {"method": "POST", "path_regex": "ws_002"}, "status": 403,
            "body": {"error": 403, "message": "Seat limit reached for this plan."}}),
    );
    let error = house.hive.create_account(&anna(&["ws_001", "ws_002"])).await.unwrap_err();
    assert_eq!((error.kind, error.retry), (Kind::Unknown, Retry::AfterLooking));
    assert!(error.message.starts_with("invited into 1 of 2 Hive workspaces, then: "), "{error}");
}

#[tokio::test]
async fn a_taken_address_is_a_conflict() {
    let maria = Draft { email: Some("maria.santos@example.com".to_owned()), ..anna(&[]) };
    for status in [409, 400] {
        let house = House::one().await;
        house.lever("mode", &json!({"duplicate_status": status}));
        assert_eq!(house.hive.create_account(&maria).await.unwrap_err().kind, Kind::Conflict);
        assert_eq!(house.calls(), [post(FIRST)]);
    }
    let house = House::one().await;
    house.lever("mode", &json!({"duplicate_status": 200}));
    let Outcome::Done(known) = house.hive.create_account(&maria).await.unwrap() else { panic!("not done") };
    assert_eq!((known.id.as_str(), known.state), (MARIA, Some(State::Active)));
}

#[tokio::test]
async fn a_full_workspace_has_no_seats() {
    for status in [403, 402, 409] {
        let house = House::one().await;
        house.lever("seats", &json!({"limit": 3}));
        house.lever("mode", &json!({"seat_status": status}));
        let error = house.hive.create_account(&anna(&[])).await.unwrap_err();
        assert_eq!((error.kind, error.fault), (Kind::NoSeats, Fault::Operator), "{status}");
    }
}

#[tokio::test]
async fn what_cannot_be_invited_is_refused_before_any_call() {
    let house = House::one().await;
    let drafts = [
        (Draft { roles: texts(&["owner"]), ..anna(&[]) }, Kind::Invalid),
        (Draft { roles: texts(&["admin", "guest"]), ..anna(&[]) }, Kind::Invalid),
        (Draft { email: None, user_name: "anna".to_owned(), ..anna(&[]) }, Kind::Invalid),
        (Draft { active: false, ..anna(&[]) }, Kind::Unsupported),
    ];
    for (draft, kind) in drafts {
        let error = house.hive.create_account(&draft).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(!error.to_string().contains('@'), "{error}");
    }
    assert_eq!(house.calls(), [""; 0]);
}

#[tokio::test]
async fn a_lost_answer_to_an_invitation_is_unknown_and_sent_once() {
    let house = House::one().await;
    house.lever(
        "faults",
        &json!({"match": {"method": "POST"}, "drop_connection": true, "commit": true, "times": 1}),
    );
    let error = house.hive.create_account(&anna(&[])).await.unwrap_err();
    assert_eq!((error.kind, error.retry), (Kind::Unknown, Retry::AfterLooking));
    assert_eq!(house.calls(), [post(FIRST)]);
    assert!(house.hive.account(By::Email("anna.berg@example.com")).await.unwrap().is_some());
}

#[tokio::test]
async fn patience_that_the_app_asks_for_is_had() {
    let house = House::one().await;
    house.lever("faults", &json!({"status": 429, "headers": {"retry-after": "1"}, "times": 1}));
    assert_eq!(house.hive.accounts(None).await.unwrap().items.len(), 3);
    assert_eq!(house.calls(), [get(FIRST), get(FIRST)]);
}

#[tokio::test]
async fn nothing_about_a_member_can_be_changed() {
    let house = House::one().await;
    let outcome = house.hive.update_account(&account(MARIA), &Change::default()).await.unwrap();
    assert_eq!(outcome, Outcome::Already(account(MARIA)));
    for change in [
        Change { given_name: Some("Mary".to_owned()), ..Change::default() },
        Change { roles: Some(texts(&["admin"])), ..Change::default() },
    ] {
        let error = house.hive.update_account(&account(MARIA), &change).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unsupported);
    }
    assert_eq!(house.calls(), [""; 0]);
}

#[tokio::test]
async fn deactivating_removes_from_every_managed_workspace_and_twice_is_already() {
    let house = House::two().await;
    let both = [delete(FIRST, MARIA), delete(SECOND, MARIA)];
    assert_eq!(house.hive.deactivate(&account(MARIA)).await.unwrap(), Outcome::Done(()));
    assert_eq!(house.calls(), both);
    assert_eq!(house.hive.deactivate(&account(MARIA)).await.unwrap(), Outcome::Already(()));
    assert_eq!(house.hive.delete_account(&account(MARIA)).await.unwrap(), Outcome::Already(()));
    assert_eq!(house.calls().len(), 6);
    assert_eq!(house.hive.account(By::Id(MARIA)).await.unwrap(), None);
    assert_eq!(house.hive.deactivate(&account(TOM)).await.unwrap(), Outcome::Done(()));
}

#[tokio::test]
async fn one_workspace_that_fails_does_not_save_the_other() {
    let house = House::two().await;
    house.lever("faults", &json!({"match": {"method": "DELETE", "path_regex": "ws_001"}, "status": 403}));
    let error = house.hive.deactivate(&account(MARIA)).await.unwrap_err();
    assert_eq!((error.kind, error.operation), (Kind::Forbidden, "deactivate"));
    assert!(error.message.contains("may have lost the admin role"), "{error}");
    assert_eq!(house.calls(), [delete(FIRST, MARIA), delete(SECOND, MARIA)]);
}

#[tokio::test]
async fn a_success_that_says_false_is_a_failure_to_try_again() {
    let house = House::one().await;
    let not_done = json!({"match": {"method": "DELETE"}, "status": 200, "body": {"success": false}});
    house.lever("faults", &not_done);
    let error = house.hive.deactivate(&account(MARIA)).await.unwrap_err();
    assert_eq!((error.kind, error.retry), (Kind::Unexpected, Retry::Later(None)));
}

#[tokio::test]
async fn a_removal_may_be_answered_without_a_body() {
    let house = House::one().await;
    house.lever("faults", &json!({"match": {"method": "DELETE"}, "status": 200, "body": "", "commit": true}));
    assert_eq!(house.hive.deactivate(&account(MARIA)).await.unwrap(), Outcome::Done(()));
}

#[tokio::test]
async fn a_removal_whose_answer_was_lost_is_asked_again_and_ends_well() {
    let house = House::one().await;
    house.lever(
        "faults",
        &json!({"match": {"method": "DELETE"}, "drop_connection": true, "commit": true, "times": 1}),
    );
    assert_eq!(house.hive.deactivate(&account(MARIA)).await.unwrap(), Outcome::Already(()));
}

#[tokio::test]
async fn a_workspace_out_of_sight_is_never_an_empty_one() {
    let house = House::managing(&["ws_900"], sim::ADMIN_KEY).await;
    let maria = account(MARIA);
    for error in [
        house.hive.accounts(None).await.unwrap_err(),
        house.hive.account(By::Id(MARIA)).await.unwrap_err(),
        house.hive.create_account(&anna(&[])).await.unwrap_err(),
        house.hive.deactivate(&maria).await.unwrap_err(),
        house.groups().groups().await.unwrap_err(),
        house.groups().members("ws_900").await.unwrap_err(),
    ] {
        assert_eq!((error.kind, error.fault), (Kind::Forbidden, Fault::Operator), "{error}");
        assert!(error.message.contains("does not see the workspace `ws_900`"), "{error}");
    }
}

#[tokio::test]
async fn a_key_without_any_workspace_removes_nobody() {
    let house = House::managing(&[], sim::ADMIN_KEY).await;
    house.lever("faults", &json!({"match": {"path_regex": "/workspaces$"}, "status": 200, "body": []}));
    let error = house.hive.deactivate(&account(MARIA)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Forbidden);
}

#[tokio::test]
async fn a_page_that_is_not_hives_removes_nobody() {
    let house = House::one().await;
    house.lever("faults", &json!({"status": 404, "body": "<html>no such page</html>"}));
    for error in [
        house.hive.deactivate(&account(MARIA)).await.unwrap_err(),
        house.hive.account(By::Id(MARIA)).await.unwrap_err(),
    ] {
        assert_eq!((error.kind, error.fault), (Kind::Unexpected, Fault::Operator), "{error}");
    }
}

#[tokio::test]
async fn an_id_is_one_segment_of_the_path_and_never_none() {
    let house = House::one().await;
    assert_eq!(house.hive.deactivate(&account("../x?y")).await.unwrap(), Outcome::Already(()));
    assert_eq!(house.calls(), [delete(FIRST, "..%2Fx%3Fy")]);
    assert_eq!(house.hive.deactivate(&account("")).await.unwrap_err().kind, Kind::Invalid);
    assert_eq!(house.calls().len(), 1);
}

#[tokio::test]
async fn somebody_under_two_ids_leaves_under_both() {
    let house = House::two().await;
    house.lever("mode", &json!({"reinvited_id": "new"}));
    let tom = member(TOM, "tom.fischer@example.com");
    house.groups().add_member("ws_002", &tom).await.unwrap();
    let seen = house.hive.account(By::Email("tom.fischer@example.com")).await.unwrap().unwrap();
    assert_eq!((seen.id.as_str(), seen.groups), (TOM, Some(texts(&["ws_001", "ws_002"]))));
    let read = house.hive.account(By::Id(TOM)).await.unwrap().unwrap();
    assert_eq!((read.id.as_str(), read.groups), (TOM, Some(texts(&["ws_001", "ws_002"]))));
    assert!(house.groups().members("ws_002").await.unwrap().contains(&TOM.to_owned()));
    assert_eq!(house.hive.deactivate(&account(TOM)).await.unwrap(), Outcome::Done(()));
    assert_eq!(house.hive.account(By::Email("tom.fischer@example.com")).await.unwrap(), None);
}

#[tokio::test]
async fn a_deactivated_member_is_inactive_and_in_no_workspace() {
    let house = House::one().await;
    house.lever("oob", &json!({"op": "set_active", "email": "tom.fischer@example.com", "active": false}));
    let tom = house.hive.account(By::Id(TOM)).await.unwrap().unwrap();
    assert_eq!((tom.state, tom.groups), (Some(State::Inactive), Some(Vec::new())));
    assert!(!house.groups().members("ws_001").await.unwrap().contains(&TOM.to_owned()));
}

#[tokio::test]
async fn there_is_no_way_back_but_a_new_invitation() {
    let house = House::one().await;
    assert_eq!(house.hive.reactivate(&account(MARIA)).await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(house.calls(), [""; 0]);
}

#[tokio::test]
async fn a_key_of_another_kind_is_a_credential_error() {
    for key in [sim::SCIM_TOKEN, "guess"] {
        let house = House::managing(&["ws_001"], key).await;
        let error = house.hive.check().await.unwrap_err();
        assert_eq!((error.kind, error.fault), (Kind::Credentials, Fault::Operator));
        assert!(error.message.contains("it is a SCIM token"), "{error}");
        assert!(!error.to_string().contains(key), "{error}");
        assert_eq!(house.hive.deactivate(&account(MARIA)).await.unwrap_err().kind, Kind::Credentials);
    }
}

#[tokio::test]
async fn a_key_whose_owner_is_no_admin_reads_and_may_not_write() {
    let house = House::managing(&["ws_001"], sim::MEMBER_KEY).await;
    assert_eq!(house.hive.accounts(None).await.unwrap().items.len(), 3);
    let error = house.hive.create_account(&anna(&[])).await.unwrap_err();
    assert_eq!((error.kind, error.fault), (Kind::Forbidden, Fault::Operator));
    assert!(error.message.contains("may have lost the admin role"), "{error}");
}

#[tokio::test]
async fn the_groups_are_the_managed_workspaces() {
    let house = House::one().await;
    let acme = Group { id: "ws_001".to_owned(), name: "Acme Corp".to_owned(), members: None };
    assert_eq!(house.groups().groups().await.unwrap(), [acme]);
    assert_eq!(house.calls(), ["GET /api/v1/workspaces"]);
    assert_eq!(house.groups().members("ws_001").await.unwrap(), ["usr_000001", MARIA, TOM]);
    assert_eq!(house.groups().members("ws_002").await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(house.calls().len(), 2);
}

#[tokio::test]
async fn joining_a_workspace_is_one_invitation_and_twice_is_already() {
    let house = House::two().await;
    let tom = Member { role: Some("guest".to_owned()), ..member(TOM, "tom.fischer@example.com") };
    let Outcome::Invited(Some(invited)) = house.groups().add_member("ws_002", &tom).await.unwrap() else {
        panic!("not invited")
    };
    assert_eq!((invited.id.as_str(), invited.state, invited.groups), (TOM, None, None));
    assert_eq!(house.calls(), [post(SECOND)]);
    assert_eq!(house.sent(), json!({"email": "tom.fischer@example.com", "role": "guest"}));
    assert_eq!(house.groups().add_member("ws_002", &tom).await.unwrap(), Outcome::Already(None));
}

#[tokio::test]
async fn joining_needs_an_address_a_known_role_and_a_managed_workspace() {
    let house = House::one().await;
    let tom = member(TOM, "tom.fischer@example.com");
    for (group, who, kind) in [
        ("ws_001", Member { email: None, ..tom.clone() }, Kind::Invalid),
        ("ws_001", Member { role: Some("owner".to_owned()), ..tom.clone() }, Kind::Invalid),
        ("ws_002", tom, Kind::NotFound),
    ] {
        assert_eq!(house.groups().add_member(group, &who).await.unwrap_err().kind, kind);
    }
    assert_eq!(house.calls(), [""; 0]);
}

#[tokio::test]
async fn leaving_a_workspace_is_one_removal_and_twice_is_already() {
    let house = House::two().await;
    let maria = member(MARIA, "maria.santos@example.com");
    assert_eq!(house.groups().remove_member("ws_002", &maria).await.unwrap(), Outcome::Done(None));
    assert_eq!(house.calls(), [delete(SECOND, MARIA)]);
    assert_eq!(house.groups().remove_member("ws_002", &maria).await.unwrap(), Outcome::Already(None));
    let left = house.hive.account(By::Id(MARIA)).await.unwrap().unwrap();
    assert_eq!(left.groups, Some(texts(&["ws_001"])));
}

#[tokio::test]
async fn workspaces_are_neither_created_renamed_nor_deleted() {
    let house = House::one().await;
    let groups = house.groups();
    assert_eq!(groups.create_group("x").await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(groups.rename_group("ws_001", "x").await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(groups.delete_group("ws_001").await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(house.calls(), [""; 0]);
}

#[tokio::test]
async fn a_broken_listing_is_never_an_empty_workspace() {
    let house = House::one().await;
    for body in [json!("<html></html>"), json!({"members": []}), json!([{"email": "a@example.com"}])] {
        house.lever("faults", &json!({"status": 200, "body": body, "times": 1}));
        assert_eq!(house.hive.accounts(None).await.unwrap_err().kind, Kind::Unexpected, "{body}");
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let mut told = told(&["ws_001"], "key");
    told.set("primary_workspace", Setting::Text("ws_002".to_owned()));
    assert_eq!(
        APP.adapter(&blueprint(&told)).unwrap_err(),
        "`primary_workspace` is `ws_002`, which is not in `workspaces`"
    );
}
