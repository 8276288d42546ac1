#[cfg(feature = "sim")]
mod dashboard;

use std::sync::Arc;
use std::time::Duration;

use super::APP;
use crate::adapters::Blueprint;
use crate::adapters::settings::{Setting, Settings};
use crate::base::clock::SystemClock;
use crate::contract::{
    Account, Adapter, By, Change, Dialect, Draft, Guarded, Kind, Member, Mode, Outcome, Result, Role, Roles,
    State,
};
use crate::upstream::{Wire, system_names};

fn built(settings: &Settings, mode: Mode, dialect: Dialect) -> std::result::Result<Arc<dyn Adapter>, String> {
    let wire = Wire {
        private: false,
        per_second: None,
        concurrency: 1,
        attempt: Duration::from_secs(1),
        total: Duration::from_secs(1),
        body_limit: 1,
        names: system_names(),
        clock: Arc::new(SystemClock),
    };
    APP.adapter(&Blueprint { connection: "hotjar", mode, dialect, settings, wire })
}

fn hotjar() -> Guarded {
    Guarded::new(built(&Settings::default(), Mode::Manual, Dialect::Guide).unwrap())
}

fn account(role: &str, state: State) -> Account {
    Account {
        id: "anna@corp.example".into(),
        email: Some("anna@corp.example".into()),
        roles: Some(vec![Role { value: role.into(), display: None }]),
        state: Some(state),
        ..Account::default()
    }
}

fn draft(roles: &[&str]) -> Draft {
    Draft {
        user_name: "anna@corp.example".into(),
        email: Some("anna@corp.example".into()),
        roles: roles.iter().map(ToString::to_string).collect(),
        active: true,
        ..Draft::default()
    }
}

fn roles(roles: &[&str]) -> Change {
    Change { roles: Some(roles.iter().map(ToString::to_string).collect()), ..Change::default() }
}

fn member() -> Member {
    Member { account: "anna@corp.example".into(), email: None, role: None }
}

fn instruction<T: std::fmt::Debug>(outcome: Result<Outcome<T>>) -> String {
    match outcome.unwrap() {
        Outcome::Waiting(request) => request.instruction,
        other => panic!("{other:?} is not waiting"),
    }
}

#[tokio::test]
async fn every_change_waits_for_a_person_and_says_what_to_do() {
    let app = hotjar();
    assert_eq!(
        instruction(app.create_account(&draft(&[])).await),
        "invite the person as `Read Only` (Hotjar: Settings > Team)"
    );
    assert_eq!(
        instruction(app.create_account(&draft(&["read & write"])).await),
        "invite the person as `Read & Write` (Hotjar: Settings > Team)"
    );
    assert_eq!(
        instruction(app.update_account(&account("Admin", State::Active), &roles(&["Read Only"])).await),
        "change the person's role to `Read Only` (Hotjar: Settings > Team)"
    );
    let removal = "remove the person, and end their single sign-on assignment (Hotjar: Settings > Team)";
    assert_eq!(instruction(app.deactivate(&account("Admin", State::Active)).await), removal);
    assert_eq!(instruction(app.delete_account(&account("Admin", State::Invited)).await), removal);
    assert_eq!(
        instruction(app.reactivate(&account("Admin", State::Inactive)).await),
        "invite the person as `Admin` (Hotjar: Settings > Team)"
    );
}

#[tokio::test]
async fn what_is_so_already_makes_no_task() {
    let app = hotjar();
    let (active, gone) = (account("Admin", State::Active), account("Admin", State::Inactive));
    assert_eq!(app.update_account(&active, &roles(&["admin"])).await, Ok(Outcome::Already(active.clone())));
    assert_eq!(app.deactivate(&gone).await, Ok(Outcome::Already(())));
    assert_eq!(app.delete_account(&gone).await, Ok(Outcome::Already(())));
    assert_eq!(app.reactivate(&active).await, Ok(Outcome::Already(active.clone())));
}

#[tokio::test]
async fn the_account_owner_is_never_touched() {
    let app = hotjar();
    let owner = account("account owner", State::Active);
    for refused in [
        app.deactivate(&owner).await.unwrap_err(),
        app.delete_account(&owner).await.unwrap_err(),
        app.update_account(&owner, &roles(&["Read Only"])).await.unwrap_err(),
    ] {
        assert_eq!(refused.kind, Kind::Invalid);
        assert_eq!(refused.message, "this is the `Account Owner` in Hotjar: transfer ownership first");
    }
}

#[tokio::test]
async fn a_role_the_app_has_not_is_refused() {
    let app = hotjar();
    let unknown = app.create_account(&draft(&["Account Owner"])).await.unwrap_err();
    assert_eq!(unknown.kind, Kind::Invalid);
    assert_eq!(unknown.message, "role `Account Owner`: Hotjar has `Read Only`, `Read & Write`, `Admin`");
    let two = app.create_account(&draft(&["Admin", "Read Only"])).await.unwrap_err();
    assert_eq!((two.kind, two.message.as_str()), (Kind::Invalid, "2 roles: in Hotjar an account has one"));
}

#[tokio::test]
async fn an_invitation_without_an_address_is_refused() {
    let refused = hotjar().create_account(&Draft { email: None, ..draft(&[]) }).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Invalid);
}

#[tokio::test]
async fn the_groups_are_the_roles() {
    let app = hotjar();
    let groups = app.groups().unwrap();
    let listed: Vec<(String, String)> =
        groups.groups().await.unwrap().into_iter().map(|group| (group.id, group.name)).collect();
    let expected =
        [("role:read only", "Read Only"), ("role:read & write", "Read & Write"), ("role:admin", "Admin")];
    assert_eq!(listed, expected.map(|(id, name)| (id.to_owned(), name.to_owned())));
    assert_eq!(
        instruction(groups.add_member("role:admin", &member()).await),
        "change the person's role to `Admin` (Hotjar: Settings > Team)"
    );
    assert_eq!(
        instruction(groups.remove_member("role:admin", &member()).await),
        "change the person's role from `Admin` to `Read Only` (Hotjar: Settings > Team)"
    );
    assert_eq!(
        instruction(groups.remove_member("role:read only", &member()).await),
        "give the person another role than `Read Only`, or remove them (Hotjar: Settings > Team)"
    );
    assert_eq!(groups.add_member("role:owner", &member()).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(groups.create_group("Editors").await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(groups.rename_group("role:admin", "Boss").await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(groups.delete_group("role:admin").await.unwrap_err().kind, Kind::Unsupported);
}

#[tokio::test]
async fn members_come_from_the_roster_and_from_nowhere_else() {
    let app = hotjar();
    assert_eq!(app.account(By::Id("anna@corp.example")).await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(app.accounts(None).await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(app.groups().unwrap().members("role:admin").await.unwrap_err().kind, Kind::Unsupported);
    assert_eq!(
        app.check().await.unwrap().summary,
        "Hotjar has no interface to reach: people carry the changes out"
    );
}

#[tokio::test]
async fn another_app_brings_its_own_words() {
    let mut settings = Settings::default();
    settings
        .set("manual.app_name", Setting::Text("Wiki".into()))
        .set("manual.members_page", Setting::Text("Admin > People".into()))
        .set("manual.roles", Setting::Texts(vec!["reader".into(), "author".into()]));
    let app = built(&settings, Mode::Manual, Dialect::Guide).unwrap();
    assert_eq!(app.capabilities().roles, Roles::Listed);
    assert_eq!(
        instruction(app.create_account(&draft(&[])).await),
        "invite the person as `reader` (Wiki: Admin > People)"
    );
}

#[test]
fn a_role_list_with_one_role_twice_is_refused() {
    let mut settings = Settings::default();
    settings.set("manual.roles", Setting::Texts(vec!["Admin".into(), "admin".into()]));
    assert_eq!(
        built(&settings, Mode::Manual, Dialect::Guide).unwrap_err(),
        "`manual.roles` holds an empty role, or one twice"
    );
}

#[tokio::test]
async fn the_operators_own_words_name_the_person_the_role_and_the_assignee() {
    let mut settings = Settings::default();
    let text = |text: &str| Setting::Text(text.into());
    settings
        .set("manual.assignee", text("Kim"))
        .set("manual.link", text("https://app.example/team"))
        .set("manual.instructions.invite", text("invite {name} <{email}> as {role} on {page}"))
        .set("manual.instructions.remove", text("take {email} ({role}) out of {app}"));
    let app = built(&settings, Mode::Manual, Dialect::Guide).unwrap();
    let named = Draft { display_name: Some("Anna Berg".into()), ..draft(&["Admin"]) };
    let Outcome::Waiting(request) = app.create_account(&named).await.unwrap() else { panic!("not waiting") };
    assert_eq!(request.instruction, "invite Anna Berg <anna@corp.example> as Admin on Settings > Team");
    assert_eq!(
        (request.owner.as_deref(), request.link.as_deref()),
        (Some("Kim"), Some("https://app.example/team"))
    );
    assert_eq!(
        instruction(app.create_account(&draft(&[])).await),
        "invite anna@corp.example <anna@corp.example> as Read Only on Settings > Team"
    );
    assert_eq!(
        instruction(app.deactivate(&account("Admin", State::Active)).await),
        "take anna@corp.example (Admin) out of Hotjar"
    );
    assert_eq!(
        instruction(app.groups().unwrap().add_member("role:admin", &member()).await),
        "change the person's role to `Admin` (Hotjar: Settings > Team)"
    );
}
