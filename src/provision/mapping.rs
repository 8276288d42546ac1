//! Between a SCIM resource and an app's account: pure, from capabilities and policy.

use serde_json::{Value, json};

use super::policy::{Policy, ReadOnly};
use crate::base::fold::key;
use crate::contract::{Account, Capabilities, Change, Draft, Held, Roles, State};
use crate::scim::error::{Result, ScimError, ScimType};

/// What a resource asks of the app, in the treaty's words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    pub user_name: String,
    pub external_id: Option<String>,
    pub email: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub display_name: Option<String>,
    /// `None` where the resource names no role the app knows of: the account keeps what it has.
    pub roles: Option<Vec<String>>,
    pub active: bool,
}

/// The app's address of a person: `emails[primary]`, else the work address, else the only one, else a `userName`
/// that is an address.
pub fn address(resource: &Value) -> Option<String> {
    let emails: Vec<&Value> = resource
        .get("emails")
        .and_then(Value::as_array)
        .map(|list| list.iter().collect())
        .unwrap_or_default();
    let value = |email: &&Value| email.get("value").and_then(Value::as_str).map(str::to_owned);
    let primary = emails.iter().find(|email| email.get("primary") == Some(&Value::Bool(true)));
    let work = emails.iter().find(|email| {
        email.get("type").and_then(Value::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("work"))
    });
    let only = match emails.as_slice() {
        [email] => Some(email),
        _ => None,
    };
    primary
        .and_then(value)
        .or_else(|| work.and_then(value))
        .or_else(|| only.and_then(value))
        .or_else(|| text(resource, "userName").filter(|name| name.contains('@')))
}

/// Every address of a resource, folded, each once.
pub fn email_keys(resource: &Value) -> Vec<String> {
    let mut keys: Vec<String> = resource
        .get("emails")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|email| email.get("value").and_then(Value::as_str))
        .map(key)
        .collect();
    keys.sort();
    keys.dedup();
    keys
}

/// Reads what a resource asks for.
///
/// # Errors
/// 400 `invalidValue` when the app needs an address and there is none, or a role is named that the app does not have.
pub fn wanted(resource: &Value, capabilities: &Capabilities, policy: &Policy) -> Result<Wanted> {
    let email = address(resource);
    if email.is_none() && capabilities.accounts.email_required {
        return Err(ScimError::bad(
            ScimType::InvalidValue,
            format!(
                "{} knows people by e-mail address: send `emails` with a primary or work address, or a `userName` that is an address",
                capabilities.app
            ),
        ));
    }
    let name = resource.get("name").cloned().unwrap_or_default();
    Ok(Wanted {
        user_name: text(resource, "userName").unwrap_or_default(),
        external_id: text(resource, "externalId"),
        email,
        given_name: text(&name, "givenName"),
        family_name: text(&name, "familyName"),
        display_name: text(resource, "displayName").or_else(|| text(&name, "formatted")),
        roles: roles(resource, capabilities, policy)?,
        active: resource.get("active").and_then(Value::as_bool).unwrap_or(true),
    })
}

/// The roles a resource names: `roles[]` (the primary one first), else a `userType` that is a role of the app.
fn roles(resource: &Value, capabilities: &Capabilities, policy: &Policy) -> Result<Option<Vec<String>>> {
    let listed: Vec<&Value> =
        resource.get("roles").and_then(Value::as_array).map(|list| list.iter().collect()).unwrap_or_default();
    let is_primary = |role: &&&Value| role.get("primary") == Some(&Value::Bool(true));
    let ordered = listed.iter().filter(is_primary).chain(listed.iter().filter(|role| !is_primary(role)));
    let named: Vec<String> =
        ordered.filter_map(|role| role.get("value").and_then(Value::as_str)).map(str::to_owned).collect();
    let fixed = match capabilities.roles {
        Roles::None => return Ok(None),
        Roles::Any | Roles::Listed => {
            let some = (!named.is_empty()).then_some(named);
            return Ok(some.map(|all| one_or_all(all, capabilities)));
        }
        Roles::Fixed(fixed) => fixed,
    };
    let known = |name: &str| known_role(fixed, name).map(str::to_owned);
    if named.is_empty() {
        return Ok(text(resource, "userType").and_then(|kind| known(&kind)).map(|role| vec![role]));
    }
    let known = named
        .iter()
        .map(|name| {
            let grouped = || policy.role_groups.get(&key(name)).and_then(|role| known(role));
            known(name).or_else(grouped).ok_or_else(|| {
                ScimError::bad(
                    ScimType::InvalidValue,
                    format!(
                        "{} has no such role in `roles`: it knows {}",
                        capabilities.app,
                        fixed.join(", ")
                    ),
                )
            })
        })
        .collect::<Result<Vec<String>>>()?;
    Ok(Some(one_or_all(known, capabilities)))
}

/// A role as the app spells it, however it was written; `None` where the app's roles are fixed and this is none.
fn known_role(fixed: &[&'static str], name: &str) -> Option<&'static str> {
    fixed.iter().copied().find(|role| key(role) == key(name))
}

/// A role in the app's spelling, as far as the app's roles are fixed; what is listed in the app, the app's adapter
/// spells.
pub fn spelled(role: String, capabilities: &Capabilities) -> String {
    match capabilities.roles {
        Roles::Fixed(fixed) => known_role(fixed, &role).map_or(role, str::to_owned),
        Roles::None | Roles::Listed | Roles::Any => role,
    }
}

fn one_or_all(mut roles: Vec<String>, capabilities: &Capabilities) -> Vec<String> {
    if !capabilities.accounts.many_roles {
        roles.truncate(1);
    }
    roles
}

/// The draft of a new account. Names the app insists on are derived from what there is.
pub fn draft(wanted: &Wanted, capabilities: &Capabilities, policy: &Policy) -> Draft {
    let mut draft = Draft {
        user_name: wanted.user_name.clone(),
        external_id: wanted.external_id.clone(),
        email: wanted.email.clone(),
        given_name: wanted.given_name.clone(),
        family_name: wanted.family_name.clone(),
        display_name: wanted.display_name.clone(),
        roles: wanted.roles.clone().unwrap_or_default(),
        groups: Vec::new(),
        active: wanted.active,
    };
    if draft.roles.is_empty()
        && let Some(role) = policy.usual_role(capabilities)
    {
        draft.roles.push(spelled(role, capabilities));
    }
    if capabilities.accounts.names_required {
        let (given, family) = derived_names(wanted);
        draft.given_name.get_or_insert(given);
        draft.family_name.get_or_insert(family);
    }
    draft
}

/// A given and a family name for apps that insist on both: from the display name, else from the address.
fn derived_names(wanted: &Wanted) -> (String, String) {
    let source = wanted.display_name.clone().unwrap_or_else(|| {
        let login = wanted.email.as_deref().unwrap_or(&wanted.user_name);
        login.split('@').next().unwrap_or(login).replace(['.', '_', '-'], " ")
    });
    let mut words: Vec<&str> = source.split_whitespace().collect();
    let family = words.pop().unwrap_or("-").to_owned();
    let given = if words.is_empty() { family.clone() } else { words.join(" ") };
    (given, family)
}

/// What has to change at the app so that the account is as wanted, looking only at what the app holds.
///
/// # Errors
/// 400 `mutability` for a new address or role where the app cannot change it, and for other attributes where the
/// policy says `reject`.
pub fn change(
    wanted: &Wanted,
    observed: &Account,
    capabilities: &Capabilities,
    policy: &Policy,
) -> Result<Change> {
    let held = &capabilities.accounts;
    let mut change = Change::default();
    if let Some(email) = differing(wanted.email.as_ref(), observed.email.as_ref(), true) {
        match held.email {
            Held::Yes | Held::Tried => change.email = Some(email),
            // An app that has not told the address yet cannot be said to differ.
            Held::AtCreate | Held::ReadOnly if observed.email.is_none() => {}
            Held::AtCreate | Held::ReadOnly => return Err(immutable(capabilities, "an e-mail address")),
            Held::No => {}
        }
    }
    let names = [
        (&wanted.given_name, &observed.given_name, held.given_name, &mut change.given_name, "name.givenName"),
        (
            &wanted.family_name,
            &observed.family_name,
            held.family_name,
            &mut change.family_name,
            "name.familyName",
        ),
        (
            &wanted.display_name,
            &observed.display_name,
            held.display_name,
            &mut change.display_name,
            "displayName",
        ),
    ];
    for (want, have, how, slot, attribute) in names {
        let Some(value) = differing(want.as_ref(), have.as_ref(), false) else { continue };
        match how {
            Held::Yes | Held::Tried => *slot = Some(value),
            Held::No | Held::AtCreate | Held::ReadOnly
                if policy.readonly == ReadOnly::Reject && have.is_some() =>
            {
                return Err(immutable(capabilities, &format!("`{attribute}`")));
            }
            Held::No | Held::AtCreate | Held::ReadOnly => {}
        }
    }
    let own_login = held.everything || held.user_name == Held::Yes;
    if own_login && key(&wanted.user_name) != observed.user_name.as_deref().map(key).unwrap_or_default() {
        change.user_name = Some(wanted.user_name.clone());
    }
    if held.external_id == Held::Yes {
        change.external_id = differing(wanted.external_id.as_ref(), observed.external_id.as_ref(), false);
    }
    if let (Some(roles), have) = (&wanted.roles, observed.roles.as_deref().unwrap_or_default()) {
        let same = roles.len() == have.len()
            && roles.iter().all(|role| {
                have.iter().any(|known| {
                    known.value.eq_ignore_ascii_case(role)
                        || known.display.as_ref().is_some_and(|display| display.eq_ignore_ascii_case(role))
                })
            });
        match held.roles {
            _ if same => {}
            Held::Yes | Held::Tried => change.roles = Some(roles.clone()),
            // An app that has not told the role yet cannot be said to differ.
            Held::AtCreate | Held::ReadOnly if observed.roles.is_none() => {}
            Held::AtCreate | Held::ReadOnly => return Err(immutable(capabilities, "a role")),
            Held::No => {}
        }
    }
    Ok(change)
}

fn differing(want: Option<&String>, have: Option<&String>, folded: bool) -> Option<String> {
    let want = want?;
    let same = have.is_some_and(|have| if folded { key(have) == key(want) } else { have == want });
    (!same).then(|| want.clone())
}

/// The refusal of a change the app cannot make.
pub fn immutable(capabilities: &Capabilities, what: &str) -> ScimError {
    ScimError::bad(
        ScimType::Mutability,
        format!("{} cannot change {what} of an account; send the value that stands", capabilities.app),
    )
}

/// Lays over the desired resource what the app says otherwise: the value as sent wins while both mean the same.
pub fn overlay(resource: &mut Value, observed: &Account, capabilities: &Capabilities) {
    let held = &capabilities.accounts;
    let Some(object) = resource.as_object_mut() else { return };
    if held.everything {
        return;
    }
    let names = [
        ("givenName", &observed.given_name, held.given_name),
        ("familyName", &observed.family_name, held.family_name),
    ];
    for (attribute, told, how) in names {
        let Some(told) = told.as_ref().filter(|told| !told.is_empty()) else { continue };
        let name = object.entry("name").or_insert_with(|| json!({}));
        if let Some(name) = name.as_object_mut() {
            lay(name, attribute, told, how);
        }
    }
    if let Some(told) = observed.display_name.as_ref().filter(|told| !told.is_empty()) {
        lay(object, "displayName", told, held.display_name);
    }
    if let Some(roles) = &observed.roles {
        lay_roles(object, roles, capabilities);
    }
}

fn lay(object: &mut serde_json::Map<String, Value>, attribute: &str, told: &str, how: Held) {
    let sent = object.get(attribute).and_then(Value::as_str);
    let shown_as_told = match how {
        Held::Yes | Held::Tried => sent.is_none_or(|sent| key(sent) != key(told)),
        Held::No | Held::AtCreate | Held::ReadOnly => sent.is_none(),
    };
    if shown_as_told {
        object.insert(attribute.to_owned(), json!(told));
    }
}

fn lay_roles(
    object: &mut serde_json::Map<String, Value>,
    told: &[crate::contract::Role],
    capabilities: &Capabilities,
) {
    let sent: Vec<String> = object
        .get("roles")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|role| role.get("value").and_then(Value::as_str).map(str::to_owned))
        .collect();
    let same = sent.len() == told.len()
        && told.iter().all(|role| {
            sent.iter().any(|sent| {
                sent.eq_ignore_ascii_case(&role.value)
                    || role.display.as_ref().is_some_and(|display| display.eq_ignore_ascii_case(sent))
            })
        });
    if !same {
        let one = told.len() == 1;
        let shown: Vec<Value> = told
            .iter()
            .map(|role| {
                let mut shown = json!({ "value": role.value });
                if let Some(display) = &role.display {
                    shown["display"] = json!(display);
                }
                if one {
                    shown["primary"] = json!(true);
                }
                shown
            })
            .collect();
        if shown.is_empty() {
            object.remove("roles");
        } else {
            object.insert("roles".to_owned(), json!(shown));
        }
    }
    if let (Roles::Fixed(fixed), [role]) = (capabilities.roles, told) {
        let sent = object.get("userType").and_then(Value::as_str);
        let speaks_of_roles =
            sent.is_none_or(|sent| fixed.iter().any(|known| known.eq_ignore_ascii_case(sent)));
        if speaks_of_roles && sent.is_none_or(|sent| !sent.eq_ignore_ascii_case(&role.value)) {
            object.insert("userType".to_owned(), json!(role.value));
        }
    }
}

/// The resource of an account that no caller created.
pub fn adopted(account: &Account) -> Value {
    let login =
        account.user_name.clone().or_else(|| account.email.clone()).unwrap_or_else(|| account.id.clone());
    let active = account.state() != State::Inactive;
    let mut resource = json!({ "userName": login, "active": active });
    if let Some(email) = &account.email {
        resource["emails"] = json!([{ "value": email, "type": "work", "primary": true }]);
    }
    if let Some(external_id) = &account.external_id {
        resource["externalId"] = json!(external_id);
    }
    resource
}

/// The attributes of a resource that the app does not hold.
pub fn shadowed(resource: &Value, capabilities: &Capabilities) -> Vec<String> {
    let held = &capabilities.accounts;
    if held.everything {
        return Vec::new();
    }
    let kept = |how: Held| matches!(how, Held::Yes | Held::AtCreate);
    let mut names = Vec::new();
    for (attribute, value) in resource.as_object().into_iter().flatten() {
        match attribute.as_str() {
            "schemas" | "userName" | "emails" | "active" | "externalId" => {}
            "displayName" if kept(held.display_name) => {}
            "roles" | "userType" if kept(held.roles) => {}
            "name" => {
                for part in value.as_object().into_iter().flatten().map(|(part, _)| part) {
                    let held_part = match part.as_str() {
                        "givenName" => kept(held.given_name),
                        "familyName" => kept(held.family_name),
                        _ => false,
                    };
                    if !held_part {
                        names.push(format!("name.{part}"));
                    }
                }
            }
            other => names.push(other.to_owned()),
        }
    }
    names
}

fn text(object: &Value, attribute: &str) -> Option<String> {
    object.get(attribute).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
#[path = "mapping/tests.rs"]
mod tests;
