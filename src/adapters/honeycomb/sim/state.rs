//! Teams, their members and their keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::adapters::simulator::{Holder, Person, Plan, Seed, SeedPeople, whole_seconds};
use crate::base::clock::Timestamp;
use crate::base::fold;

/// The switches of `POST /__sim/mode`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Mode {
    /// Whether an invited person is listed before they accept, then without a `name`.
    pub(super) pending_in_list: bool,
    /// Status of a successful invitation; the guide states none.
    pub(super) invite_status: u16,
    /// What a PUT does with an `email` in its body.
    pub(super) put_email: PutEmail,
    /// What a second invitation does while the first is pending.
    pub(super) pending_duplicate: PendingDuplicate,
    /// Whether demoting or removing the last admin is answered 409.
    pub(super) last_admin_guard: bool,
    /// Status for a key that exists but may not manage members: 401 in the guide, 403 at the vendor.
    pub(super) wrong_key_status: u16,
    /// `false`: `/1/team_memberships` is 404, as the vendor's public documentation has it.
    pub(super) membership_api: bool,
    /// Domains whose addresses may be invited; empty allows all.
    pub(super) allowed_domains: Vec<String>,
}

impl Default for Mode {
    fn default() -> Self {
        Self {
            pending_in_list: false,
            invite_status: 201,
            put_email: PutEmail::Ignored,
            pending_duplicate: PendingDuplicate::Conflict,
            last_admin_guard: false,
            wrong_key_status: 401,
            membership_api: true,
            allowed_domains: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PutEmail {
    Ignored,
    Rejected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PendingDuplicate {
    Conflict,
    /// The mail goes out again and the same membership is answered.
    Resent,
}

#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) id: String,
    pub(super) email: String,
    /// Set by the person; `None` until they have accepted.
    pub(super) name: Option<String>,
    pub(super) role: String,
    pub(super) created_at: Timestamp,
    pub(super) pending: bool,
}

/// A key of version 2's key management.
#[derive(Debug, Clone)]
pub(super) struct ManagedKey {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) key_type: &'static str,
    pub(super) disabled: bool,
    pub(super) creator_id: String,
}

#[derive(Debug, Default)]
pub(super) struct Team {
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    pub(super) members: BTreeMap<String, Member>,
    pub(super) keys: BTreeMap<String, ManagedKey>,
    ids_by_email: BTreeMap<String, String>,
}

impl Team {
    fn named(slug: &'static str, name: &'static str) -> Self {
        Self { slug, name, ..Self::default() }
    }

    pub(super) fn by_email(&self, email: &str) -> Option<&Member> {
        self.members.get(self.ids_by_email.get(&fold::key(email))?)
    }

    pub(super) fn by_email_mut(&mut self, email: &str) -> Option<&mut Member> {
        self.members.get_mut(self.ids_by_email.get(&fold::key(email))?)
    }

    pub(super) fn insert(&mut self, member: Member) {
        self.ids_by_email.insert(fold::key(&member.email), member.id.clone());
        self.members.insert(member.id.clone(), member);
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Member> {
        let member = self.members.remove(id)?;
        self.ids_by_email.remove(&fold::key(&member.email));
        Some(member)
    }

    /// Whether `id` is the only admin who has accepted.
    pub(super) fn is_last_admin(&self, id: &str) -> bool {
        let mut admins = self.members.values().filter(|member| member.role == "admin" && !member.pending);
        admins.next().is_some_and(|first| first.id == id) && admins.next().is_none()
    }
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) teams: BTreeMap<String, Team>,
    pub(super) mode: Mode,
    pub(super) plan: Plan,
    pub(super) seats: Option<u64>,
    pub(super) emails_sent: u64,
    minted: u64,
}

impl State {
    pub(super) fn seeded(seed: Seed, now: Timestamp) -> Self {
        let mut state = Self {
            teams: BTreeMap::from([
                ("acme".to_owned(), Team::named("acme", "Acme")),
                ("globex".to_owned(), Team::named("globex", "Globex")),
            ]),
            mode: Mode::default(),
            plan: Plan { scim: false, sso: true },
            seats: None,
            emails_sent: 0,
            minted: 0,
        };
        if seed.people == SeedPeople::Default {
            for (email, role) in [
                ("owner@example.com", "admin"),
                ("maria.santos@example.com", "member"),
                ("tom.fischer@example.com", "member"),
            ] {
                state.join("acme", &Person::from_email(email), role, now);
            }
            state.join("globex", &Person::from_email("owner@globex.example"), "admin", now);
            state.add_key("acme", "ci-ingest", "ingest", "hcxus_000001");
            state.add_key("acme", "maria-laptop", "configuration", "hcxus_000002");
        }
        for person in seed.generated() {
            state.join("acme", &person, "member", now);
        }
        state
    }

    /// A fresh membership id; none is ever given twice.
    pub(super) fn mint(&mut self) -> String {
        self.minted += 1;
        format!("mbr{:06}", self.minted)
    }

    /// Adds somebody who has accepted already.
    pub(super) fn join(&mut self, team: &str, person: &Person, role: &str, now: Timestamp) {
        let id = self.mint();
        if let Some(team) = self.teams.get_mut(team) {
            team.insert(Member {
                id,
                email: person.email.clone(),
                name: Some(person.full_name()),
                role: role.to_owned(),
                created_at: now,
                pending: false,
            });
        }
    }

    fn add_key(&mut self, team: &str, name: &str, key_type: &'static str, creator: &str) {
        if let Some(team) = self.teams.get_mut(team) {
            let prefix = if key_type == "ingest" { "hcxik" } else { "hcxlk" };
            let id = format!("{prefix}_{:06}", team.keys.len() + 1);
            let (name, creator_id) = (name.to_owned(), creator.to_owned());
            team.keys.insert(id.clone(), ManagedKey { id, name, key_type, disabled: false, creator_id });
        }
    }

    /// Every member of every team; an invitation can be accepted at any moment. The role is the group.
    pub(super) fn holders(&self) -> Vec<Holder> {
        let members = self.teams.values().flat_map(|team| team.members.values());
        members
            .map(|member| Holder {
                id: member.id.clone(),
                email: member.email.clone(),
                name: member.name.clone().unwrap_or_default(),
                access: true,
                groups: [member.role.clone()].into(),
            })
            .collect()
    }

    /// `{teams: {slug: {members: [...], keys: [...]}}, seats, plan, mode, emails_sent}`.
    pub(super) fn to_json(&self) -> Value {
        let teams: serde_json::Map<String, Value> = self
            .teams
            .iter()
            .map(|(slug, team)| {
                let members: Vec<Value> = team.members.values().map(whole_member).collect();
                let keys: Vec<Value> = team
                    .keys
                    .values()
                    .map(|key| json!({ "id": key.id, "name": key.name, "disabled": key.disabled }))
                    .collect();
                (slug.clone(), json!({ "members": members, "keys": keys }))
            })
            .collect();
        json!({
            "teams": teams,
            "seats": self.seats,
            "plan": self.plan,
            "mode": self.mode,
            "emails_sent": self.emails_sent,
        })
    }
}

fn whole_member(member: &Member) -> Value {
    json!({
        "id": member.id,
        "email": member.email,
        "name": member.name,
        "role": member.role,
        "created_at": whole_seconds(member.created_at),
        "pending": member.pending,
    })
}
