//! Workspaces with their users, groups and roles, and the access tokens that open them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use serde_json::{Value, json};

use super::mode::Mode;
use super::pages::Cursors;
use crate::adapters::simulator::{Holder, Person, Plan, Seed, SeedPeople, whole_seconds};
use crate::base::clock::Timestamp;
use crate::base::fold;

#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) display_name: String,
    pub(super) active: bool,
    pub(super) roles: Vec<String>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) workspace_id: &'static str,
    /// What SCIM calls them; REST does not know it.
    pub(super) external_id: Option<String>,
}

impl User {
    /// The user object with all ten fields of the guide's table.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "email": self.email,
            "firstName": self.first_name,
            "lastName": self.last_name,
            "displayName": self.display_name,
            "active": self.active,
            "roles": self.roles,
            "createdAt": whole_seconds(self.created_at),
            "updatedAt": whole_seconds(self.updated_at),
            "workspaceId": self.workspace_id,
        })
    }
}

#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) name: String,
    /// What SCIM calls it; REST does not know it.
    pub(super) external_id: Option<String>,
    pub(super) members: BTreeSet<String>,
}

#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) id: &'static str,
    pub(super) roles: &'static [(&'static str, &'static str)],
    pub(super) users: BTreeMap<String, User>,
    pub(super) groups: BTreeMap<String, Group>,
    ids_by_email: BTreeMap<String, String>,
}

impl Workspace {
    fn new(id: &'static str, roles: &'static [(&'static str, &'static str)]) -> Self {
        let (users, groups, ids_by_email) = Default::default();
        Self { id, roles, users, groups, ids_by_email }
    }

    pub(super) fn id_of(&self, email: &str) -> Option<String> {
        self.ids_by_email.get(&fold::key(email)).cloned()
    }

    pub(super) fn by_email(&self, email: &str) -> Option<&User> {
        self.users.get(self.ids_by_email.get(&fold::key(email))?)
    }

    pub(super) fn by_email_mut(&mut self, email: &str) -> Option<&mut User> {
        self.users.get_mut(self.ids_by_email.get(&fold::key(email))?)
    }

    pub(super) fn insert(&mut self, user: User) {
        self.ids_by_email.insert(fold::key(&user.email), user.id.clone());
        self.users.insert(user.id.clone(), user);
    }

    /// Removes a user for good, from every group too.
    pub(super) fn remove(&mut self, id: &str) -> Option<User> {
        let user = self.users.remove(id)?;
        self.ids_by_email.remove(&fold::key(&user.email));
        for group in self.groups.values_mut() {
            group.members.remove(id);
        }
        Some(user)
    }

    /// Gives a user another address; the caller has seen to it that nobody else has it.
    pub(super) fn rename_email(&mut self, id: &str, email: &str) {
        let Some(user) = self.users.get_mut(id) else { return };
        self.ids_by_email.remove(&fold::key(&user.email));
        email.clone_into(&mut user.email);
        self.ids_by_email.insert(fold::key(email), id.to_owned());
    }

    pub(super) fn has_role(&self, id: &str) -> bool {
        self.roles.iter().any(|(role, _)| *role == id)
    }

    pub(super) fn active_users(&self) -> u64 {
        self.users.values().filter(|user| user.active).count() as u64
    }
}

/// What an access token opens, and until when.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) workspace: &'static str,
    pub(super) scopes: Vec<&'static str>,
    pub(super) expires: Timestamp,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) workspaces: BTreeMap<String, Workspace>,
    pub(super) tokens: HashMap<String, Access>,
    pub(super) token_requests: u64,
    pub(super) cursors: Cursors,
    pub(super) mode: Mode,
    pub(super) plan: Plan,
    pub(super) seats: Option<u64>,
    minted: u64,
}

const FINANCE_ROLES: &[(&str, &str)] =
    &[("role_admin", "Workspace Admin"), ("role_editor", "Editor"), ("role_viewer", "Viewer")];
const AUDIT_ROLES: &[(&str, &str)] = &[("role_audit_owner", "Workspace Owner"), ("role_auditor", "Auditor")];

impl State {
    pub(super) fn seeded(seed: Seed, now: Timestamp) -> Self {
        let workspaces = [Workspace::new("ws_1", FINANCE_ROLES), Workspace::new("ws_2", AUDIT_ROLES)];
        let mut state = Self {
            workspaces: workspaces.into_iter().map(|one| (one.id.to_owned(), one)).collect(),
            tokens: HashMap::new(),
            token_requests: 0,
            cursors: Cursors::default(),
            mode: Mode::default(),
            plan: Plan::default(),
            seats: None,
            minted: 0,
        };
        state.add_group("ws_1", "Finance Team");
        state.add_group("ws_1", "Legal");
        state.add_group("ws_2", "Auditors");
        if seed.people == SeedPeople::Default {
            for (email, role) in [
                ("owner@example.com", "role_admin"),
                ("maria.santos@example.com", "role_editor"),
                ("tom.fischer@example.com", "role_viewer"),
            ] {
                let id = state.join("ws_1", &Person::from_email(email), &[role], now);
                if let Some(group) =
                    state.workspaces.get_mut("ws_1").and_then(|one| one.groups.get_mut("grp_1"))
                {
                    group.members.insert(id);
                }
            }
            state.join("ws_2", &Person::from_email("auditor@example.com"), &["role_auditor"], now);
        }
        for person in seed.generated() {
            state.join("ws_1", &person, &[], now);
        }
        state
    }

    /// A fresh user id; none is ever given twice.
    pub(super) fn mint_user(&mut self) -> String {
        self.minted += 1;
        format!("usr_{:06}", self.minted)
    }

    /// Adds a group with a fresh id and answers it; nothing happens in an unknown workspace.
    pub(super) fn add_group(&mut self, workspace: &str, name: &str) -> Group {
        let taken: usize = self.workspaces.values().map(|one| one.groups.len()).sum();
        let free = (taken + 1..).map(|number| format!("grp_{number}"));
        let mut free = free.filter(|id| !self.workspaces.values().any(|one| one.groups.contains_key(id)));
        let id = free.next().unwrap_or_default();
        let group = Group { id, name: name.to_owned(), external_id: None, members: BTreeSet::new() };
        if let Some(workspace) = self.workspaces.get_mut(workspace) {
            workspace.groups.insert(group.id.clone(), group.clone());
        }
        group
    }

    /// Adds an active user and answers their id; nothing happens in an unknown workspace.
    pub(super) fn join(
        &mut self,
        workspace: &str,
        person: &Person,
        roles: &[&str],
        now: Timestamp,
    ) -> String {
        let id = self.mint_user();
        if let Some(workspace) = self.workspaces.get_mut(workspace) {
            workspace.insert(User {
                id: id.clone(),
                email: person.email.clone(),
                first_name: person.first.clone(),
                last_name: person.last.clone(),
                display_name: person.full_name(),
                active: true,
                roles: roles.iter().map(|role| (*role).to_owned()).collect(),
                created_at: now,
                updated_at: now,
                workspace_id: workspace.id,
                external_id: None,
            });
        }
        id
    }

    /// When a token made `now` ends.
    pub(super) fn token_end(&self, now: Timestamp) -> Timestamp {
        now.plus(Duration::from_secs(self.mode.token_life_s))
    }

    /// Every user of every workspace with the groups they are in.
    pub(super) fn holders(&self) -> Vec<Holder> {
        let of = |workspace: &Workspace| {
            let groups = |id: &str| {
                let holding = workspace.groups.values().filter(|group| group.members.contains(id));
                holding.map(|group| group.id.clone()).collect()
            };
            let holder = |user: &User| Holder {
                id: user.id.clone(),
                email: user.email.clone(),
                name: format!("{} {}", user.first_name, user.last_name),
                access: user.active,
                groups: groups(&user.id),
            };
            workspace.users.values().map(holder).collect::<Vec<_>>()
        };
        self.workspaces.values().flat_map(of).collect()
    }

    /// `{workspaces: {id: {users, groups, roles}}, tokens, token_requests, seats, plan, mode}`.
    pub(super) fn to_json(&self) -> Value {
        let workspaces: serde_json::Map<String, Value> =
            self.workspaces.iter().map(|(id, workspace)| (id.clone(), whole(workspace))).collect();
        json!({
            "workspaces": workspaces,
            "tokens": self.tokens.len(),
            "token_requests": self.token_requests,
            "seats": self.seats,
            "plan": self.plan,
            "mode": self.mode,
        })
    }
}

fn whole(workspace: &Workspace) -> Value {
    let groups = workspace.groups.values();
    json!({
        "users": workspace.users.values().map(User::to_json).collect::<Vec<_>>(),
        "groups": groups
            .map(|group| json!({ "id": group.id, "name": group.name, "members": group.members }))
            .collect::<Vec<_>>(),
        "roles": workspace.roles.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
    })
}
