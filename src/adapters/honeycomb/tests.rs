//! The adapter against the simulated Honeycomb, through real sockets.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::adapters::settings::{Setting, Settings as Told};
use crate::adapters::simulator::probe::Probe;
use crate::adapters::simulator::{Dialect as Spoken, Running};
use crate::base::clock::SystemClock;
use crate::base::secret::SecretString;
use crate::contract::{Fault, Retry};
use crate::upstream::{Wire, system_names};

const LIST: &str = "GET /1/team_memberships";
const INVITE: &str = "POST /1/team_memberships";
const OWNER: &str = "mbr000001";
const MARIA: &str = "mbr000002";

/// The simulated Honeycomb and an adapter that talks to it.
struct House {
    running: Running,
    honeycomb: Arc<dyn Adapter>,
}

impl House {
    async fn with_key(key: &str) -> Self {
        let simulator = sim::simulator(Spoken::Guide, Arc::new(SystemClock)).unwrap();
        let running = Running::start(simulator).await.unwrap();
        let mut told = told(key);
        told.set("rest.base_url", Setting::Text(running.url()));
        let honeycomb = APP.adapter(&blueprint(&told)).unwrap();
        Self { running, honeycomb }
    }

    async fn new() -> Self {
        Self::with_key(sim::CONFIG_KEY).await
    }

    fn lever(&self, path: &str, body: &Value) {
        Probe::new(self.running.simulator()).lever(path, body);
    }

    fn groups(&self) -> &dyn Groups {
        self.honeycomb.groups().unwrap()
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

fn told(key: &str) -> Told {
    let mut told = Told::default();
    told.set("rest.api_key", Setting::Secret(SecretString::from(key)));
    told.set("rest.base_url", Setting::Text("https://api.honeycomb.io".to_owned()));
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
    Blueprint { connection: "honeycomb", mode: Mode::Rest, dialect: Dialect::Guide, settings, wire }
}

fn anna(role: &[&str]) -> Draft {
    Draft {
        user_name: "anna.berg@example.com".to_owned(),
        email: Some("anna.berg@example.com".to_owned()),
        roles: role.iter().map(|role| (*role).to_owned()).collect(),
        active: true,
        ..Draft::default()
    }
}

fn account(id: &str) -> Account {
    Account { id: id.to_owned(), ..Account::default() }
}

fn member(id: &str) -> Member {
    Member { account: id.to_owned(), email: None, role: None }
}

fn to_roles(roles: &[&str]) -> Change {
    Change { roles: Some(roles.iter().map(|role| (*role).to_owned()).collect()), ..Change::default() }
}

#[tokio::test]
async fn the_whole_team_is_one_page_of_one_call() {
    let house = House::new().await;
    let page = house.honeycomb.accounts(None).await.unwrap();
    assert_eq!(page.next, None);
    assert_eq!(page.items.len(), 3);
    let maria = page.items.into_iter().find(|account| account.id == MARIA).unwrap();
    let created_at = maria.created_at.clone();
    assert!(created_at.is_some());
    let expected = Account {
        id: MARIA.to_owned(),
        email: Some("maria.santos@example.com".to_owned()),
        display_name: Some("Maria Santos".to_owned()),
        state: Some(State::Active),
        roles: Some(vec![roles::told("member")]),
        groups: Some(vec!["role:member".to_owned()]),
        created_at,
        ..Account::default()
    };
    assert_eq!(maria, expected);
    assert_eq!(house.calls(), [LIST]);
}

#[tokio::test]
async fn an_account_is_picked_from_one_listing() {
    let house = House::new().await;
    let by_email = house.honeycomb.account(By::Email("Maria.Santos@EXAMPLE.com")).await.unwrap().unwrap();
    assert_eq!(by_email.id, MARIA);
    assert_eq!(house.calls(), [LIST]);
    let by_id = house.honeycomb.account(By::Id(MARIA)).await.unwrap();
    assert_eq!(by_id, Some(by_email));
    assert_eq!(house.honeycomb.account(By::Id("mbr999999")).await.unwrap(), None);
    assert_eq!(house.calls(), [LIST, LIST, LIST]);
}

#[tokio::test]
async fn the_check_is_one_listing_and_tells_a_count() {
    let house = House::new().await;
    let standing = house.honeycomb.check().await.unwrap();
    assert_eq!(standing.summary, "reached, 3 members visible");
    assert_eq!(house.calls(), [LIST]);
}

#[tokio::test]
async fn creating_is_one_invitation_that_always_names_a_role() {
    let house = House::new().await;
    let Outcome::Invited(invited) = house.honeycomb.create_account(&anna(&[])).await.unwrap() else {
        panic!("not invited")
    };
    assert_eq!(house.calls(), [INVITE]);
    assert_eq!(house.sent(), json!({"email": "anna.berg@example.com", "role": "member"}));
    assert_eq!(invited.state, Some(State::Invited));
    assert_eq!(invited.roles, Some(vec![roles::told("member")]));
    assert_eq!(invited.display_name, None);
    house.lever("invites/anna.berg@example.com/accept", &Value::Null);
    let accepted = house.honeycomb.account(By::Id(&invited.id)).await.unwrap().unwrap();
    assert_eq!((accepted.state, accepted.display_name.as_deref()), (Some(State::Active), Some("Anna Berg")));
}

#[tokio::test]
async fn a_status_200_invites_as_well_as_201() {
    let house = House::new().await;
    house.lever("mode", &json!({"invite_status": 200}));
    let outcome = house.honeycomb.create_account(&anna(&["admin"])).await.unwrap();
    assert!(matches!(outcome, Outcome::Invited(_)));
    assert_eq!(house.sent()["role"], "admin");
}

#[tokio::test]
async fn a_taken_address_is_a_conflict() {
    let house = House::new().await;
    let draft = Draft { email: Some("maria.santos@example.com".to_owned()), ..anna(&[]) };
    let error = house.honeycomb.create_account(&draft).await.unwrap_err();
    assert_eq!((error.kind, error.operation), (Kind::Conflict, "create_account"));
    assert_eq!(house.calls(), [INVITE]);
}

#[tokio::test]
async fn a_full_team_has_no_seats() {
    let house = House::new().await;
    house.lever("seats", &json!({"limit": 3}));
    let error = house.honeycomb.create_account(&anna(&[])).await.unwrap_err();
    assert_eq!((error.kind, error.fault, error.retry), (Kind::NoSeats, Fault::Operator, Retry::Never));
}

#[tokio::test]
async fn what_cannot_be_invited_is_refused_before_any_call() {
    let house = House::new().await;
    let drafts = [
        (anna(&["owner"]), Kind::Invalid),
        (anna(&["admin", "member"]), Kind::Invalid),
        (Draft { email: None, user_name: "anna".to_owned(), ..anna(&[]) }, Kind::Invalid),
        (Draft { active: false, ..anna(&[]) }, Kind::Unsupported),
    ];
    for (draft, kind) in drafts {
        let error = house.honeycomb.create_account(&draft).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(!error.to_string().contains('@'), "{error}");
    }
    assert_eq!(house.calls(), [""; 0]);
}

#[tokio::test]
async fn a_lost_answer_to_an_invitation_is_unknown_and_sent_once() {
    let house = House::new().await;
    house.lever(
        "faults",
        &json!({"match": {"method": "POST"}, "drop_connection": true, "commit": true, "times": 1}),
    );
    let error = house.honeycomb.create_account(&anna(&[])).await.unwrap_err();
    assert_eq!((error.kind, error.retry), (Kind::Unknown, Retry::AfterLooking));
    assert_eq!(house.calls(), [INVITE]);
    house.lever("mode", &json!({"pending_in_list": true}));
    assert!(house.honeycomb.account(By::Email("anna.berg@example.com")).await.unwrap().is_some());
}

#[tokio::test]
async fn an_unreadable_answer_to_an_invitation_is_unknown() {
    let house = House::new().await;
    house.lever(
        "faults",
        &json!({"match": {"method": "POST"}, "status": 200, "body": "<html></html>", "commit": true, "times": 1}),
    );
    let error = house.honeycomb.create_account(&anna(&[])).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unknown);
    assert_eq!(house.calls(), [INVITE]);
}

#[tokio::test]
async fn patience_that_the_app_asks_for_is_had() {
    let house = House::new().await;
    house.lever("faults", &json!({"status": 429, "headers": {"retry-after": "1"}, "times": 1}));
    assert_eq!(house.honeycomb.accounts(None).await.unwrap().items.len(), 3);
    assert_eq!(house.calls(), [LIST, LIST]);
}

#[tokio::test]
async fn a_role_is_changed_by_one_call_and_the_answer_is_a_part() {
    let house = House::new().await;
    let outcome = house.honeycomb.update_account(&account(MARIA), &to_roles(&["admin"])).await.unwrap();
    let expected = Account {
        id: MARIA.to_owned(),
        email: Some("maria.santos@example.com".to_owned()),
        roles: Some(vec![roles::told("admin")]),
        groups: Some(vec!["role:admin".to_owned()]),
        ..Account::default()
    };
    assert_eq!(outcome, Outcome::Done(expected));
    assert_eq!(house.calls(), ["PUT /1/team_memberships/mbr000002"]);
    assert_eq!(house.sent(), json!({"role": "admin"}));
}

#[tokio::test]
async fn no_role_at_all_is_the_lowest() {
    let house = House::new().await;
    house.honeycomb.update_account(&account(OWNER), &to_roles(&[])).await.unwrap();
    assert_eq!(house.sent(), json!({"role": "member"}));
}

#[tokio::test]
async fn a_change_of_nothing_makes_no_call() {
    let house = House::new().await;
    let maria = Account { roles: Some(vec![roles::told("member")]), ..account(MARIA) };
    for change in [Change::default(), to_roles(&["member"])] {
        let outcome = house.honeycomb.update_account(&maria, &change).await.unwrap();
        assert_eq!(outcome, Outcome::Already(maria.clone()));
    }
    assert_eq!(house.calls(), [""; 0]);
}

#[tokio::test]
async fn nothing_but_the_role_can_be_changed() {
    let house = House::new().await;
    let change = Change { display_name: Some("Maria".to_owned()), ..to_roles(&["admin"]) };
    let error = house.honeycomb.update_account(&account(MARIA), &change).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unsupported);
    assert_eq!(house.calls(), [""; 0]);
}

#[tokio::test]
async fn a_role_of_nobody_is_not_found() {
    let house = House::new().await;
    let error =
        house.honeycomb.update_account(&account("mbr999999"), &to_roles(&["admin"])).await.unwrap_err();
    assert_eq!((error.kind, error.operation), (Kind::NotFound, "update_account"));
}

#[tokio::test]
async fn a_success_that_names_another_role_is_no_success() {
    let house = House::new().await;
    let answer = json!({"id": MARIA, "email": "maria.santos@example.com", "role": "member"});
    house.lever("faults", &json!({"match": {"method": "PUT"}, "status": 200, "body": answer}));
    let error = house.honeycomb.update_account(&account(MARIA), &to_roles(&["admin"])).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unexpected);
}

#[tokio::test]
async fn deactivating_is_one_removal_and_a_second_one_is_already() {
    let house = House::new().await;
    let remove = "DELETE /1/team_memberships/mbr000002";
    assert_eq!(house.honeycomb.deactivate(&account(MARIA)).await.unwrap(), Outcome::Done(()));
    assert_eq!(house.calls(), [remove]);
    assert_eq!(house.honeycomb.deactivate(&account(MARIA)).await.unwrap(), Outcome::Already(()));
    assert_eq!(house.honeycomb.delete_account(&account(MARIA)).await.unwrap(), Outcome::Already(()));
    assert_eq!(house.calls(), [remove, remove, remove]);
    assert_eq!(house.honeycomb.account(By::Id(MARIA)).await.unwrap(), None);
}

#[tokio::test]
async fn a_removal_whose_answer_was_lost_is_asked_again_and_ends_well() {
    let house = House::new().await;
    house.lever(
        "faults",
        &json!({"match": {"method": "DELETE"}, "drop_connection": true, "commit": true, "times": 1}),
    );
    assert_eq!(house.honeycomb.deactivate(&account(MARIA)).await.unwrap(), Outcome::Already(()));
}

#[tokio::test]
async fn a_missing_membership_api_is_never_an_empty_team() {
    let house = House::new().await;
    house.lever("mode", &json!({"membership_api": false}));
    for error in [
        house.honeycomb.accounts(None).await.unwrap_err(),
        house.honeycomb.create_account(&anna(&[])).await.unwrap_err(),
    ] {
        assert_eq!((error.kind, error.fault), (Kind::Unexpected, Fault::Operator), "{error}");
    }
}

#[tokio::test]
async fn a_page_that_is_not_honeycombs_removes_nobody() {
    let house = House::new().await;
    house.lever("faults", &json!({"status": 404, "body": "<html>no such page</html>"}));
    let error = house.honeycomb.deactivate(&account(MARIA)).await.unwrap_err();
    assert_eq!((error.kind, error.fault), (Kind::Unexpected, Fault::Operator));
}

#[tokio::test]
async fn an_id_is_one_segment_of_the_path_and_never_none() {
    let house = House::new().await;
    assert_eq!(house.honeycomb.deactivate(&account("../x?y/z")).await.unwrap(), Outcome::Already(()));
    assert_eq!(house.calls(), ["DELETE /1/team_memberships/..%2Fx%3Fy%2Fz"]);
    assert_eq!(house.honeycomb.deactivate(&account("")).await.unwrap_err().kind, Kind::Invalid);
    assert_eq!(house.calls().len(), 1);
}

#[tokio::test]
async fn coming_back_is_a_new_invitation_under_a_new_id() {
    let house = House::new().await;
    let error = house.honeycomb.reactivate(&account(MARIA)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unsupported);
    assert_eq!(house.calls(), [""; 0]);
    let maria = Draft { email: Some("maria.santos@example.com".to_owned()), ..anna(&[]) };
    house.honeycomb.deactivate(&account(MARIA)).await.unwrap();
    let again = house.honeycomb.create_account(&maria).await.unwrap().value().unwrap();
    assert_ne!(again.id, MARIA);
}

#[tokio::test]
async fn an_ingest_key_is_named_as_what_it_is() {
    let house = House::with_key(sim::INGEST_KEY).await;
    let error = house.honeycomb.accounts(None).await.unwrap_err();
    assert_eq!((error.kind, error.fault), (Kind::Credentials, Fault::Operator));
    assert!(error.message.contains("an Ingest key instead of a Configuration key"), "{error}");
    assert_eq!(house.calls(), [LIST]);
    let error = house.honeycomb.check().await.unwrap_err();
    assert_eq!(error.kind, Kind::Credentials);
    assert!(error.message.contains("`rest.api_key` is an Ingest key"), "{error}");
    assert_eq!(house.calls(), [LIST, LIST, "GET /1/auth"]);
    house.lever("mode", &json!({"wrong_key_status": 403}));
    let error = house.honeycomb.check().await.unwrap_err();
    assert!(error.message.contains("`rest.api_key` is an Ingest key"), "{error}");
}

#[tokio::test]
async fn an_unknown_key_is_a_credential_error() {
    let house = House::with_key("guess").await;
    let error = house.honeycomb.check().await.unwrap_err();
    assert_eq!(error.kind, Kind::Credentials);
    assert!(!error.to_string().contains("guess"), "{error}");
}

#[tokio::test]
async fn the_groups_are_the_roles_and_cost_no_call() {
    let house = House::new().await;
    let groups = house.groups().groups().await.unwrap();
    let named: Vec<_> = groups.iter().map(|group| (group.id.as_str(), group.name.as_str())).collect();
    assert_eq!(named, [("role:admin", "admin"), ("role:member", "member")]);
    assert!(groups.iter().all(|group| group.members.is_none()));
    assert_eq!(house.calls(), [""; 0]);
    assert_eq!(house.groups().members("role:admin").await.unwrap(), [OWNER]);
    assert_eq!(house.calls(), [LIST]);
    assert_eq!(house.groups().members("role:owner").await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(house.calls(), [LIST]);
}

#[tokio::test]
async fn joining_admin_promotes_and_leaving_it_demotes() {
    let house = House::new().await;
    let put = "PUT /1/team_memberships/mbr000002";
    let Outcome::Done(Some(promoted)) =
        house.groups().add_member("role:admin", &member(MARIA)).await.unwrap()
    else {
        panic!("not done")
    };
    assert_eq!(promoted.groups, Some(vec!["role:admin".to_owned()]));
    assert_eq!((house.calls(), house.sent()), (vec![put.to_owned()], json!({"role": "admin"})));
    let Outcome::Done(Some(demoted)) =
        house.groups().remove_member("role:admin", &member(MARIA)).await.unwrap()
    else {
        panic!("not done")
    };
    assert_eq!(demoted.groups, Some(vec!["role:member".to_owned()]));
    assert_eq!((house.calls().len(), house.sent()), (2, json!({"role": "member"})));
}

#[tokio::test]
async fn nobody_can_be_taken_out_of_member() {
    let house = House::new().await;
    let error = house.groups().remove_member("role:member", &member(MARIA)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unsupported);
    assert_eq!(house.calls(), [""; 0]);
}

#[tokio::test]
async fn who_is_not_in_the_team_is_out_of_admin_already_and_cannot_join_it() {
    let house = House::new().await;
    let gone = member("mbr999999");
    assert_eq!(house.groups().remove_member("role:admin", &gone).await.unwrap(), Outcome::Already(None));
    assert_eq!(house.groups().add_member("role:admin", &gone).await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn roles_are_neither_created_renamed_nor_deleted() {
    let house = House::new().await;
    let groups = house.groups();
    assert_eq!(groups.create_group("x").await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(groups.rename_group("role:admin", "x").await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(groups.delete_group("role:admin").await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(house.calls(), [""; 0]);
}

#[tokio::test]
async fn a_listing_tolerates_what_the_guide_does_not_name() {
    let house = House::new().await;
    let body = json!([
        {"id": "a", "email": "a@example.com", "role": "owner", "team": {"slug": "acme"}},
        {"id": "b", "role": null, "name": ""},
    ]);
    house.lever("faults", &json!({"status": 200, "body": body}));
    let items = house.honeycomb.accounts(None).await.unwrap().items;
    let (a, b) = (&items[0], &items[1]);
    assert_eq!((&a.roles, &a.groups), (&Some(vec![roles::told("owner")]), &Some(Vec::new())));
    assert_eq!((&b.email, &b.display_name, &b.roles, &b.groups), (&None, &None, &None, &None));
}

#[tokio::test]
async fn a_broken_listing_is_never_an_empty_team() {
    let house = House::new().await;
    for body in [json!("<html></html>"), json!({"members": []}), json!([{"email": "a@example.com"}])] {
        house.lever("faults", &json!({"status": 200, "body": body, "times": 1}));
        let error = house.honeycomb.account(By::Id(MARIA)).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unexpected, "{body}");
    }
}

#[tokio::test]
async fn a_prefix_names_the_groups_and_the_default_role_is_the_operators() {
    let mut told = told("key");
    told.set("group_prefix", Setting::Text("Honeycomb ".to_owned()));
    told.set("default_role", Setting::Text("admin".to_owned()));
    let honeycomb = APP.adapter(&blueprint(&told)).unwrap();
    assert_eq!(honeycomb.capabilities().default_role, Some("admin"));
    let groups = honeycomb.groups().unwrap().groups().await.unwrap();
    assert_eq!(groups[0].name, "Honeycomb admin");
    told.set("default_role", Setting::Text("owner".to_owned()));
    assert_eq!(
        APP.adapter(&blueprint(&told)).unwrap_err(),
        "`default_role` is `owner`, not one of `admin`, `member`"
    );
}
