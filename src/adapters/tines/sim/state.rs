//! One tenant: its users, its teams and its switches.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::adapters::simulator::{Holder, Person, Plan, Seed, SeedPeople, scim, whole_seconds};
use crate::base::clock::Timestamp;
use crate::base::fold;

/// The switches of `POST /__sim/mode`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct Mode {
    /// What `per_page` above 500 does.
    pub(super) per_page_over: PerPageOver,
    /// Lists show only the four fields of the guide's list example.
    pub(super) brief_list: bool,
    /// Status of a created user or membership; the guide states none.
    pub(super) created_status: u16,
    /// Status of an address that is taken.
    pub(super) duplicate_status: u16,
    /// Status when no seat is left.
    pub(super) seat_status: u16,
    /// 404 as `{"errors":[…]}` instead of `{"error":"Not found"}`.
    pub(super) not_found_as_array: bool,
    /// PUT answers `{id, email, role}` only, as the guide's example does.
    pub(super) partial_echo: bool,
    /// What a PUT does with `active`.
    pub(super) active_update: ActiveUpdate,
    /// The roles a user may have.
    pub(super) roles: Vec<String>,
    /// Status of adding somebody the tenant does not have.
    pub(super) unknown_member_status: u16,
    /// Status of adding somebody who is in the team: 200 does nothing, 422 refuses.
    pub(super) already_member_status: u16,
    /// Whether removing a team's last member is answered 422.
    pub(super) last_member_guard: bool,
    /// Whether SCIM has ids of its own for people; otherwise they are those of REST.
    pub(super) own_scim_ids: bool,
    /// The switches of the SCIM server.
    pub(super) scim: scim::Mode,
}

impl Default for Mode {
    fn default() -> Self {
        Self {
            per_page_over: PerPageOver::Clamped,
            brief_list: false,
            created_status: 201,
            duplicate_status: 422,
            seat_status: 403,
            not_found_as_array: false,
            partial_echo: false,
            active_update: ActiveUpdate::Honoured,
            roles: vec!["admin".into(), "member".into()],
            unknown_member_status: 404,
            already_member_status: 200,
            last_member_guard: false,
            own_scim_ids: false,
            scim: scim::Mode::default(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PerPageOver {
    Clamped,
    Rejected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ActiveUpdate {
    Honoured,
    /// 200, and nothing happens.
    Ignored,
    Rejected,
}

/// What became of the mail that every new user is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Invitation {
    Pending,
    Accepted,
    Expired,
}

#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) email: String,
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) role: String,
    pub(super) active: bool,
    pub(super) team_ids: BTreeSet<u64>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) invitation: Invitation,
    /// What SCIM calls them; REST does not know it.
    pub(super) external_id: Option<String>,
}

/// A team, which SCIM shows as a group.
#[derive(Debug, Clone)]
pub(super) struct Team {
    pub(super) name: String,
    /// What SCIM calls it; REST does not know it.
    pub(super) external_id: Option<String>,
}

impl User {
    /// The user object with all nine fields of the guide's table.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "email": self.email,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "role": self.role,
            "team_ids": self.team_ids,
            "active": self.active,
            "created_at": whole_seconds(self.created_at),
            "updated_at": whole_seconds(self.updated_at),
        })
    }
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) users: BTreeMap<u64, User>,
    pub(super) teams: BTreeMap<u64, Team>,
    /// Whose token the admin token is; `None` when the tenant was seeded without people.
    pub(super) token_owner: Option<u64>,
    pub(super) mode: Mode,
    pub(super) plan: Plan,
    pub(super) seats: Option<u64>,
    pub(super) emails_sent: u64,
    ids_by_email: BTreeMap<String, u64>,
    minted: u64,
    minted_teams: u64,
}

impl State {
    pub(super) fn seeded(seed: Seed, now: Timestamp) -> Self {
        let teams = [(5, "Security Ops"), (6, "IT")];
        let team = |name: &str| Team { name: name.to_owned(), external_id: None };
        let mut state = Self {
            users: BTreeMap::new(),
            teams: teams.into_iter().map(|(id, name)| (id, team(name))).collect(),
            token_owner: None,
            mode: Mode::default(),
            plan: Plan::default(),
            seats: None,
            emails_sent: 0,
            ids_by_email: BTreeMap::new(),
            minted: 0,
            minted_teams: 6,
        };
        if seed.people == SeedPeople::Default {
            for (email, role, teams) in [
                ("owner@example.com", "admin", &[5, 6][..]),
                ("maria.santos@example.com", "member", &[5]),
                ("tom.fischer@example.com", "member", &[]),
            ] {
                let id = state.join(&Person::from_email(email), role, now);
                if let Some(user) = state.users.get_mut(&id) {
                    user.team_ids.extend(teams);
                }
            }
            state.token_owner = Some(1);
        }
        for person in seed.generated() {
            state.join(&person, "member", now);
        }
        state
    }

    /// A fresh user id; none is ever given twice.
    pub(super) fn mint(&mut self) -> u64 {
        self.minted += 1;
        self.minted
    }

    /// Adds a team under a fresh id.
    pub(super) fn add_team(&mut self, team: Team) -> u64 {
        self.minted_teams += 1;
        self.teams.insert(self.minted_teams, team);
        self.minted_teams
    }

    /// Adds somebody who has accepted already and answers their id.
    pub(super) fn join(&mut self, person: &Person, role: &str, now: Timestamp) -> u64 {
        let id = self.mint();
        self.insert(User {
            id,
            email: person.email.clone(),
            first_name: person.first.clone(),
            last_name: person.last.clone(),
            role: role.to_owned(),
            active: true,
            team_ids: BTreeSet::new(),
            created_at: now,
            updated_at: now,
            invitation: Invitation::Accepted,
            external_id: None,
        });
        id
    }

    pub(super) fn insert(&mut self, user: User) {
        self.ids_by_email.insert(fold::key(&user.email), user.id);
        self.users.insert(user.id, user);
    }

    pub(super) fn id_of(&self, email: &str) -> Option<u64> {
        self.ids_by_email.get(&fold::key(email)).copied()
    }

    pub(super) fn by_email_mut(&mut self, email: &str) -> Option<&mut User> {
        self.users.get_mut(&self.id_of(email)?)
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<User> {
        let user = self.users.remove(&id)?;
        self.ids_by_email.remove(&fold::key(&user.email));
        Some(user)
    }

    /// Gives a user another address; the caller has seen to it that nobody else has it.
    pub(super) fn rename_email(&mut self, id: u64, email: &str) {
        if let Some(mut user) = self.remove(id) {
            email.clone_into(&mut user.email);
            self.insert(user);
        }
    }

    /// Whether one more active user would exceed the seats.
    pub(super) fn is_full(&self) -> bool {
        let active = || self.users.values().filter(|user| user.active).count() as u64;
        self.seats.is_some_and(|limit| active() >= limit)
    }

    /// Every user with the teams they are in.
    pub(super) fn holders(&self) -> Vec<Holder> {
        self.users
            .values()
            .map(|user| Holder {
                id: user.id.to_string(),
                email: user.email.clone(),
                name: format!("{} {}", user.first_name, user.last_name),
                access: user.active,
                groups: user.team_ids.iter().map(u64::to_string).collect(),
            })
            .collect()
    }

    /// `{users: [...], teams: [...], seats, plan, mode, emails_sent}`.
    pub(super) fn to_json(&self) -> Value {
        let users = self.users.values().map(|user| {
            let mut value = user.to_json();
            if let Some(object) = value.as_object_mut() {
                object.insert("invitation".into(), json!(user.invitation));
            }
            value
        });
        let teams = self.teams.iter().map(|(id, team)| json!({ "id": id, "name": team.name }));
        json!({
            "users": users.collect::<Vec<_>>(),
            "teams": teams.collect::<Vec<_>>(),
            "seats": self.seats,
            "plan": self.plan,
            "mode": self.mode,
            "emails_sent": self.emails_sent,
        })
    }
}
