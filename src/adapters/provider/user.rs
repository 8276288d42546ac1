//! Between a user as SCIM writes it and an account.

use serde_json::{Value, json};

use super::profile::{Login, Profile, RoleAttribute};
use super::told::{self, Resource};
use crate::base::fold::key;
use crate::contract::{Account, Accounts, Change, Draft, Held, Role, State};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// What only the other side writes (RFC 7643 §3.1, §4.1.2).
const READ_ONLY: [&str; 3] = ["id", "meta", "groups"];

/// One value an account shall have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Want {
    Active(bool),
    UserName(String),
    ExternalId(String),
    GivenName(String),
    FamilyName(String),
    DisplayName(String),
    /// The address in `emails`.
    Address(String),
    Roles(Vec<String>),
}

/// The account a user is; `None` where it has no id. Groups are not taken from it: they are told with the groups.
pub(super) fn account(user: &Resource, profile: &Profile) -> Option<Account> {
    let id = told::text_of(user, "id")?;
    let user_name = told::text_of(user, "userName");
    let address = told::values(user, "emails");
    let address = address_at(&address).and_then(|at| told::value_of(address.get(at)?));
    let login_is_address =
        profile.login == Login::Address || user_name.as_ref().is_some_and(|name| name.contains('@'));
    let name = told::attribute(user, "name").and_then(Value::as_object);
    let part = |part: &str| name.and_then(|name| told::text_of(name, part));
    let meta = told::attribute(user, "meta").and_then(Value::as_object);
    let time = |time: &str| meta.and_then(|meta| told::text_of(meta, time));
    let state = told::attribute(user, "active").and_then(told::truth);
    Some(Account {
        id,
        email: match profile.login {
            Login::Address => user_name.clone().or(address),
            Login::Name => address.or_else(|| user_name.clone().filter(|_| login_is_address)),
        },
        user_name: user_name.filter(|_| profile.login == Login::Name),
        external_id: told::text_of(user, "externalId").filter(|_| profile.accounts.external_id != Held::No),
        given_name: part("givenName"),
        family_name: part("familyName"),
        display_name: told::text_of(user, "displayName")
            .filter(|_| profile.accounts.display_name != Held::No),
        state: state.map(|active| if active { State::Active } else { State::Inactive }),
        roles: roles(user, profile.role),
        groups: None,
        photo: told::values(user, "photos").into_iter().find_map(told::value_of),
        created_at: time("created"),
        updated_at: time("lastModified"),
    })
}

/// `None` where the attribute is not told and may be left out though it has a value.
fn roles(user: &Resource, attribute: RoleAttribute) -> Option<Vec<Role>> {
    match attribute {
        RoleAttribute::None => None,
        RoleAttribute::UserType => {
            told::text_of(user, "userType").map(|value| vec![Role { value, display: None }])
        }
        RoleAttribute::Roles => {
            told::attribute(user, "roles")?;
            let is_primary = |role: &&Value| told::part(role, "primary").and_then(told::truth) == Some(true);
            let (primary, others): (Vec<_>, Vec<_>) =
                told::values(user, "roles").into_iter().partition(is_primary);
            let role = |role: &Value| {
                let display = told::part(role, "display").and_then(told::text);
                told::value_of(role).map(|value| Role { value, display })
            };
            Some(primary.into_iter().chain(others).filter_map(role).collect())
        }
    }
}

/// Which of `emails` is the address: the primary one, else the one for work, else the only one.
fn address_at(emails: &[&Value]) -> Option<usize> {
    let is_primary = |email: &&Value| told::part(email, "primary").and_then(told::truth) == Some(true);
    let is_work = |email: &&Value| {
        told::part(email, "type")
            .and_then(Value::as_str)
            .is_some_and(|kind| kind.eq_ignore_ascii_case("work"))
    };
    let only = (emails.len() == 1).then_some(0);
    emails.iter().position(is_primary).or_else(|| emails.iter().position(is_work)).or(only)
}

/// Whether a user goes by this login or address, in any case.
pub(super) fn goes_by(user: &Resource, login: &str) -> bool {
    let wanted = key(login);
    let addresses = told::values(user, "emails").into_iter().filter_map(told::value_of);
    told::text_of(user, "userName").into_iter().chain(addresses).any(|name| key(&name) == wanted)
}

/// The body of a create: what the profile says is kept, and nothing else.
pub(super) fn of_draft(draft: &Draft, profile: &Profile) -> Resource {
    let kept = |held: Held| matches!(held, Held::Yes | Held::AtCreate);
    let held = &profile.accounts;
    let login = match profile.login {
        Login::Address => draft.email.clone().unwrap_or_else(|| draft.user_name.clone()),
        Login::Name => draft.user_name.clone(),
    };
    let mut wants = vec![Want::UserName(login), Want::Active(draft.active)];
    let texts = [
        (held.external_id, &draft.external_id, Want::ExternalId as fn(String) -> Want),
        (held.given_name, &draft.given_name, Want::GivenName),
        (held.family_name, &draft.family_name, Want::FamilyName),
        (held.display_name, &draft.display_name, Want::DisplayName),
        (held.email, &draft.email, Want::Address),
    ];
    wants.extend(
        texts
            .into_iter()
            .filter(|(held, ..)| kept(*held))
            .filter_map(|(_, value, want)| Some(want(value.clone()?))),
    );
    if kept(held.roles) && !draft.roles.is_empty() {
        wants.push(Want::Roles(draft.roles.clone()));
    }
    let mut user = Resource::from_iter([("schemas".to_owned(), json!([USER]))]);
    for want in &wants {
        lay(&mut user, want, profile.role);
    }
    user
}

/// What a draft lacks that the app needs; a blank text is none.
pub(super) fn missing(draft: &Draft, needed: &Accounts) -> Option<&'static str> {
    let lacks = |text: &Option<String>| text.as_ref().is_none_or(|text| text.trim().is_empty());
    let texts = [
        (needed.email_required, &draft.email, "e-mail address"),
        (needed.names_required, &draft.given_name, "given name"),
        (needed.names_required, &draft.family_name, "family name"),
    ];
    texts.into_iter().find(|(needed, text, _)| *needed && lacks(text)).map(|(.., name)| name)
}

/// What a change comes to that is not so already.
pub(super) fn of_change(current: &Account, change: &Change, profile: &Profile) -> Vec<Want> {
    let differs = |want: &Option<String>, have: &Option<String>| want.clone().filter(|_| want != have);
    let mut wants = Vec::new();
    match profile.login {
        Login::Address => {
            let email = differs(&change.email, &current.email);
            wants.extend(email.clone().map(Want::UserName));
            wants.extend(email.map(Want::Address).filter(|_| profile.accounts.email != Held::No));
        }
        Login::Name => {
            wants.extend(differs(&change.user_name, &current.user_name).map(Want::UserName));
            wants.extend(differs(&change.email, &current.email).map(Want::Address));
        }
    }
    wants.extend(differs(&change.external_id, &current.external_id).map(Want::ExternalId));
    wants.extend(differs(&change.given_name, &current.given_name).map(Want::GivenName));
    wants.extend(differs(&change.family_name, &current.family_name).map(Want::FamilyName));
    wants.extend(differs(&change.display_name, &current.display_name).map(Want::DisplayName));
    let has: Option<Vec<String>> =
        current.roles.as_ref().map(|roles| roles.iter().map(|role| role.value.clone()).collect());
    let roles = change.roles.clone().filter(|_| profile.role != RoleAttribute::None && change.roles != has);
    wants.extend(roles.map(Want::Roles));
    wants
}

/// Whether a PATCH for this value has to know the whole resource: a list is written whole, and others are in it.
pub(super) fn needs_whole(want: &Want) -> bool {
    matches!(want, Want::Address(_))
}

/// The operation of a PATCH, in the form with a path, which every server reads; `known` is the resource as it stands.
pub(super) fn operation(want: &Want, known: Option<&Resource>, role: RoleAttribute) -> Value {
    let mut after = known.cloned().unwrap_or_default();
    lay(&mut after, want, role);
    let path = match want {
        Want::Active(_) => "active",
        Want::UserName(_) => "userName",
        Want::ExternalId(_) => "externalId",
        Want::GivenName(_) => "name.givenName",
        Want::FamilyName(_) => "name.familyName",
        Want::DisplayName(_) => "displayName",
        Want::Address(_) => "emails",
        Want::Roles(_) if role == RoleAttribute::UserType => "userType",
        Want::Roles(_) => "roles",
    };
    let value = match path.split_once('.') {
        Some((name, part)) => told::attribute(&after, name).and_then(|name| told::part(name, part)),
        None => told::attribute(&after, path),
    };
    match value {
        Some(value) => json!({ "op": "replace", "path": path, "value": value }),
        None => json!({ "op": "remove", "path": path }),
    }
}

/// The body of a PUT: the resource as it was read, without what only the other side writes, and with what is wanted.
pub(super) fn whole(known: &Resource, wants: &[Want], role: RoleAttribute) -> Resource {
    let mut user = writable(known);
    if let Some(active) = told::attribute(&user, "active").and_then(told::truth) {
        told::set(&mut user, "active", json!(active));
    }
    if told::attribute(&user, "schemas").is_none() {
        user.insert("schemas".to_owned(), json!([USER]));
    }
    for want in wants {
        lay(&mut user, want, role);
    }
    user
}

/// Whether a user has all of this already.
pub(super) fn has_all(known: &Resource, wants: &[Want], role: RoleAttribute) -> bool {
    whole(known, wants, role) == whole(known, &[], role)
}

/// A resource without what only the other side writes.
pub(super) fn writable(known: &Resource) -> Resource {
    let mut resource = known.clone();
    for name in READ_ONLY {
        told::take(&mut resource, name);
    }
    resource
}

fn lay(user: &mut Resource, want: &Want, role: RoleAttribute) {
    match want {
        Want::Active(active) => told::set(user, "active", json!(active)),
        Want::UserName(name) => told::set(user, "userName", json!(name)),
        Want::ExternalId(id) => told::set(user, "externalId", json!(id)),
        Want::DisplayName(name) => told::set(user, "displayName", json!(name)),
        Want::GivenName(name) => lay_name(user, "givenName", name),
        Want::FamilyName(name) => lay_name(user, "familyName", name),
        Want::Address(address) => lay_address(user, address),
        Want::Roles(values) => lay_roles(user, values, role),
    }
}

fn lay_name(user: &mut Resource, part: &str, value: &str) {
    let mut name = told::attribute(user, "name").and_then(Value::as_object).cloned().unwrap_or_default();
    if told::text_of(&name, part).as_deref() == Some(value) {
        return;
    }
    told::set(&mut name, part, json!(value));
    // Made from the parts, it would say the old ones.
    told::take(&mut name, "formatted");
    told::set(user, "name", Value::Object(name));
}

/// The other addresses stay.
fn lay_address(user: &mut Resource, address: &str) {
    let before = told::values(user, "emails");
    let at = address_at(&before);
    let mut emails: Vec<Value> = before
        .into_iter()
        .map(|email| if email.is_object() { email.clone() } else { json!({ "value": email }) })
        .collect();
    match at.and_then(|at| emails.get_mut(at)).and_then(Value::as_object_mut) {
        Some(email) => told::set(email, "value", json!(address)),
        None => emails.push(json!({ "value": address, "type": "work", "primary": true })),
    }
    told::set(user, "emails", json!(emails));
}

fn lay_roles(user: &mut Resource, values: &[String], role: RoleAttribute) {
    let has: Vec<String> = roles(user, role).into_iter().flatten().map(|role| role.value).collect();
    if has == values {
        return;
    }
    match (role, values) {
        (RoleAttribute::None, _) => {}
        (RoleAttribute::UserType, [first, ..]) => told::set(user, "userType", json!(first)),
        (RoleAttribute::UserType, []) => told::take(user, "userType"),
        (RoleAttribute::Roles, []) => told::take(user, "roles"),
        (RoleAttribute::Roles, values) => {
            let roles: Vec<Value> = values
                .iter()
                .enumerate()
                .map(|(at, value)| {
                    if at == 0 {
                        json!({ "value": value, "primary": true })
                    } else {
                        json!({ "value": value })
                    }
                })
                .collect();
            told::set(user, "roles", json!(roles));
        }
    }
}
