//! Accounts, the workspaces they are members of, and the switches.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::WORKSPACE;
use crate::adapters::simulator::{Holder, Person, Plan, Seed, SeedPeople, scim};
use crate::base::fold;

/// The switches of `POST /__sim/mode`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Mode {
    /// Members show only the five fields of the guide's examples: no `status`, no `workspaceId`.
    pub(super) brief_members: bool,
    /// Status of a successful invitation; the guide states none.
    pub(super) invite_status: u16,
    /// Inviting a member again: 409 and 400 refuse, 200 does nothing.
    pub(super) duplicate_status: u16,
    /// Status when no seat is left.
    pub(super) seat_status: u16,
    /// Which id somebody has who is invited again after their removal.
    pub(super) reinvited_id: ReinvitedId,
    /// Whether a key that is no admin's sees only its own workspace's admins and itself.
    pub(super) partial_list: bool,
    /// Whether SCIM calls people by other ids than REST.
    pub(super) own_scim_ids: bool,
    /// The switches of the SCIM server.
    pub(super) scim: scim::Mode,
}

impl Default for Mode {
    fn default() -> Self {
        Self {
            brief_members: false,
            invite_status: 200,
            duplicate_status: 409,
            seat_status: 403,
            reinvited_id: ReinvitedId::Same,
            partial_list: false,
            own_scim_ids: false,
            scim: scim::Mode::default(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ReinvitedId {
    Same,
    New,
}

/// A person's account; it outlives every membership.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) first_name: String,
    pub(super) last_name: String,
    /// What SCIM calls them; REST does not know it.
    pub(super) external_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Active,
    Invited,
    Deactivated,
}

#[derive(Debug, Clone)]
pub(super) struct Membership {
    pub(super) role: String,
    pub(super) status: Status,
}

#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) name: &'static str,
    /// By account id.
    pub(super) members: BTreeMap<String, Membership>,
}

/// A group of the workspace SCIM is set up for; REST does not know it.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) external_id: Option<String>,
    /// Account ids.
    pub(super) members: Vec<String>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) workspaces: BTreeMap<String, Workspace>,
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) groups: BTreeMap<String, Group>,
    /// Whether keys stand for people; not so when the app was seeded without any.
    pub(super) keys_have_owners: bool,
    pub(super) mode: Mode,
    pub(super) plan: Plan,
    pub(super) seats: Option<u64>,
    pub(super) emails_sent: u64,
    ids_by_email: BTreeMap<String, String>,
    minted: u64,
    minted_groups: u64,
}

impl State {
    pub(super) fn seeded(seed: Seed) -> Self {
        let workspaces = [("ws_001", "Acme Corp"), ("ws_002", "Acme Labs"), ("ws_900", "Somebody Else")]
            .map(|(id, name)| (id.to_owned(), Workspace { name, members: BTreeMap::new() }));
        let mut state = Self {
            workspaces: BTreeMap::from(workspaces),
            accounts: BTreeMap::new(),
            groups: BTreeMap::new(),
            keys_have_owners: seed.people == SeedPeople::Default,
            mode: Mode::default(),
            plan: Plan::default(),
            seats: None,
            emails_sent: 0,
            ids_by_email: BTreeMap::new(),
            minted: 0,
            minted_groups: 0,
        };
        state.add_group(Group { name: "Design".to_owned(), external_id: None, members: Vec::new() });
        if seed.people == SeedPeople::Default {
            for (email, role, workspaces) in [
                ("owner@example.com", "admin", &["ws_001", "ws_002"][..]),
                ("maria.santos@example.com", "member", &["ws_001", "ws_002"]),
                ("tom.fischer@example.com", "guest", &["ws_001"]),
                ("stranger@example.net", "admin", &["ws_900"]),
            ] {
                let id = state.account_for(&Person::from_email(email));
                for workspace in workspaces {
                    state.join(workspace, &id, role, Status::Active);
                }
            }
        }
        for person in seed.generated() {
            let id = state.account_for(&person);
            state.join("ws_001", &id, "member", Status::Active);
        }
        state
    }

    /// A new account with both names filled in, or the one of that address.
    pub(super) fn account_for(&mut self, person: &Person) -> String {
        if let Some(id) = self.id_of(&person.email) {
            return id;
        }
        self.open_account(&person.email, &person.first, &person.last)
    }

    /// A new account under a fresh id; it takes over the address when there is an older one.
    pub(super) fn open_account(&mut self, email: &str, first: &str, last: &str) -> String {
        self.minted += 1;
        let account = Account {
            id: format!("usr_{:06}", self.minted),
            email: email.to_owned(),
            first_name: first.to_owned(),
            last_name: last.to_owned(),
            external_id: None,
        };
        let id = account.id.clone();
        self.ids_by_email.insert(fold::key(email), id.clone());
        self.accounts.insert(id.clone(), account);
        id
    }

    /// Makes an account a member; nothing happens in an unknown workspace.
    pub(super) fn join(&mut self, workspace: &str, id: &str, role: &str, status: Status) {
        if let Some(workspace) = self.workspaces.get_mut(workspace) {
            workspace.members.insert(id.to_owned(), Membership { role: role.to_owned(), status });
        }
    }

    /// Takes an account out of a workspace, and with the one SCIM is set up for out of its groups; `None` when it was
    /// not a member.
    pub(super) fn leave(&mut self, workspace: &str, id: &str) -> Option<Membership> {
        let membership = self.workspaces.get_mut(workspace)?.members.remove(id)?;
        if workspace == WORKSPACE {
            self.groups.values_mut().for_each(|group| group.members.retain(|member| member != id));
        }
        Some(membership)
    }

    /// Whether one more member would exceed the seats of a workspace; who is deactivated has none.
    pub(super) fn is_full(&self, workspace: &str) -> bool {
        let members = self.workspaces.get(workspace).into_iter().flat_map(|one| one.members.values());
        let seated = || members.filter(|member| member.status != Status::Deactivated).count() as u64;
        self.seats.is_some_and(|limit| seated() >= limit)
    }

    /// Adds a group under a fresh id.
    pub(super) fn add_group(&mut self, group: Group) -> String {
        self.minted_groups += 1;
        let id = format!("grp_{:03}", self.minted_groups);
        self.groups.insert(id.clone(), group);
        id
    }

    pub(super) fn id_of(&self, email: &str) -> Option<String> {
        self.ids_by_email.get(&fold::key(email)).cloned()
    }

    /// Gives an account another address.
    pub(super) fn rename_email(&mut self, id: &str, email: &str) {
        if let Some(account) = self.accounts.get_mut(id) {
            self.ids_by_email.remove(&fold::key(&account.email));
            email.clone_into(&mut account.email);
            self.ids_by_email.insert(fold::key(email), id.to_owned());
        }
    }

    /// One member as the API shows them; `None` when the account is not a member.
    pub(super) fn member(&self, workspace: &str, id: &str) -> Option<Value> {
        let membership = self.workspaces.get(workspace)?.members.get(id)?;
        Some(shown(workspace, self.accounts.get(id)?, membership, self.mode.brief_members))
    }

    /// Every member of a workspace as the API shows them, in the order their accounts were made.
    pub(super) fn members(&self, workspace: &str) -> Vec<Value> {
        self.listing(workspace, self.mode.brief_members)
    }

    fn listing(&self, workspace: &str, brief: bool) -> Vec<Value> {
        let members = self.workspaces.get(workspace).map(|workspace| workspace.members.iter());
        members
            .into_iter()
            .flatten()
            .filter_map(|(id, membership)| Some(shown(workspace, self.accounts.get(id)?, membership, brief)))
            .collect()
    }

    /// Whoever is a member of a workspace; being deactivated opens none.
    pub(super) fn holders(&self) -> Vec<Holder> {
        let mut holders: BTreeMap<&str, Holder> = BTreeMap::new();
        for (workspace, id, membership) in self
            .workspaces
            .iter()
            .flat_map(|(name, one)| one.members.iter().map(move |(id, membership)| (name, id, membership)))
        {
            let Some(account) = self.accounts.get(id) else { continue };
            let holder = holders.entry(id).or_insert_with(|| Holder {
                id: id.clone(),
                email: account.email.clone(),
                name: format!("{} {}", account.first_name, account.last_name),
                ..Holder::default()
            });
            holder.access |= membership.status != Status::Deactivated;
            holder.groups.insert(workspace.clone());
        }
        for (group, id) in
            self.groups.iter().flat_map(|(group, held)| held.members.iter().map(move |id| (group, id)))
        {
            if let Some(holder) = holders.get_mut(id.as_str()) {
                holder.groups.insert(group.clone());
            }
        }
        holders.into_values().collect()
    }

    /// `{workspaces: {id: [member]}, accounts: [...], groups: [...], seats, plan, mode, emails_sent}`.
    pub(super) fn to_json(&self) -> Value {
        let workspaces: Map<String, Value> =
            self.workspaces.keys().map(|id| (id.clone(), Value::Array(self.listing(id, false)))).collect();
        let accounts =
            self.accounts.values().map(|account| json!({ "id": account.id, "email": account.email }));
        let groups = self
            .groups
            .iter()
            .map(|(id, group)| json!({ "id": id, "name": group.name, "members": group.members }));
        json!({
            "workspaces": workspaces,
            "accounts": accounts.collect::<Vec<_>>(),
            "groups": groups.collect::<Vec<_>>(),
            "seats": self.seats,
            "plan": self.plan,
            "mode": self.mode,
            "emails_sent": self.emails_sent,
        })
    }
}

fn shown(workspace: &str, account: &Account, membership: &Membership, brief: bool) -> Value {
    let mut member = Map::new();
    member.insert("id".into(), json!(account.id));
    member.insert("email".into(), json!(account.email));
    member.insert("firstName".into(), json!(account.first_name));
    member.insert("lastName".into(), json!(account.last_name));
    member.insert("role".into(), json!(membership.role));
    if !brief {
        member.insert("status".into(), json!(membership.status));
        member.insert("workspaceId".into(), json!(workspace));
    }
    Value::Object(member)
}
