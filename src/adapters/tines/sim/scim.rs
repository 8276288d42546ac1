//! `/scim/v2`: the tenant's users, and its teams as groups.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::state::{Invitation, State, Team, User as Person};
use super::{ADMIN_TOKEN, MEMBER_TOKEN, SCIM_TOKEN};
use crate::adapters::simulator::scim::{
    Directory, Group, GroupDraft, Offer, Place, Problem, User, UserDraft, Visit,
};
use crate::adapters::simulator::{Answer, Call};
use crate::base::clock::Timestamp;

pub(super) use crate::adapters::simulator::scim::{is_for, refused};

/// What the guide claims: no group by its id, no PUT of groups, PATCH of a group for its members only.
static OFFER: Offer = Offer {
    token: SCIM_TOKEN,
    other_credential: "a REST API token",
    plan: "Enterprise plan",
    needs_sso: true,
    routes: &[
        ("GET", Place::Users),
        ("POST", Place::Users),
        ("GET", Place::User),
        ("PUT", Place::User),
        ("PATCH", Place::User),
        ("DELETE", Place::User),
        ("GET", Place::Groups),
        ("POST", Place::Groups),
        ("PATCH", Place::Group),
        ("DELETE", Place::Group),
    ],
    group_rename: false,
    names_required: true,
    own_display_name: false,
};

/// What ids of people begin with that are not those of REST.
const OWN: &str = "scim-";

/// Answers a request to the SCIM server.
pub(super) fn answer(state: &mut State, call: &Call, now: Timestamp) -> Answer {
    let visit = Visit {
        offer: &OFFER,
        call,
        mode: state.mode.scim,
        plan: state.plan,
        known_elsewhere: call.bearer().is_some_and(|token| [ADMIN_TOKEN, MEMBER_TOKEN].contains(&token)),
    };
    visit.answer(&mut Tenant { state, now })
}

/// The tenant at the moment of a request.
struct Tenant<'a> {
    state: &'a mut State,
    now: Timestamp,
}

impl Tenant<'_> {
    fn person(&self, id: &str) -> Option<&Person> {
        self.state.users.get(&self.number_of(id)?)
    }

    /// A person's id in SCIM.
    fn id_of(&self, number: u64) -> String {
        if self.state.mode.own_scim_ids { format!("{OWN}{number:08}") } else { number.to_string() }
    }

    fn number_of(&self, id: &str) -> Option<u64> {
        if !self.state.mode.own_scim_ids {
            return number(id);
        }
        let number = id.strip_prefix(OWN)?.parse().ok()?;
        (self.id_of(number) == id).then_some(number)
    }

    fn require_seat(&self) -> Result<(), Problem> {
        if self.state.is_full() {
            return Err(Problem::new(self.state.mode.seat_status, "Seat limit reached"));
        }
        Ok(())
    }

    /// Makes exactly `members` the people of a team.
    fn set_members(&mut self, team: u64, members: &[String]) {
        let members: BTreeSet<u64> = members.iter().filter_map(|id| self.number_of(id)).collect();
        for (id, user) in &mut self.state.users {
            let changes =
                if members.contains(id) { user.team_ids.insert(team) } else { user.team_ids.remove(&team) };
            if changes {
                user.updated_at = self.now;
            }
        }
    }
}

impl Directory for Tenant<'_> {
    fn user_ids(&self) -> Vec<String> {
        self.state.users.keys().map(|id| self.id_of(*id)).collect()
    }

    fn user(&self, id: &str) -> Option<User> {
        let person = self.person(id)?;
        Some(User {
            id: self.id_of(person.id),
            user_name: person.email.clone(),
            external_id: person.external_id.clone(),
            given_name: person.first_name.clone(),
            family_name: person.last_name.clone(),
            display_name: format!("{} {}", person.first_name, person.last_name).trim().to_owned(),
            active: person.active,
            times: Some((person.created_at, person.updated_at)),
        })
    }

    fn user_named(&self, user_name: &str) -> Option<String> {
        self.state.id_of(user_name).map(|id| self.id_of(id))
    }

    /// They are a member without a team; they sign in by single sign-on, so no mail is sent.
    fn add_user(&mut self, draft: UserDraft) -> Result<String, Problem> {
        if draft.active {
            self.require_seat()?;
        }
        let id = self.state.mint();
        self.state.insert(Person {
            id,
            email: draft.user_name,
            first_name: draft.given_name,
            last_name: draft.family_name,
            role: "member".to_owned(),
            active: draft.active,
            team_ids: BTreeSet::new(),
            created_at: self.now,
            updated_at: self.now,
            invitation: Invitation::Accepted,
            external_id: draft.external_id,
        });
        Ok(self.id_of(id))
    }

    fn change_user(&mut self, id: &str, draft: UserDraft) -> Result<(), Problem> {
        if draft.active && self.person(id).is_some_and(|person| !person.active) {
            self.require_seat()?;
        }
        let Some(id) = self.number_of(id) else { return Ok(()) };
        self.state.rename_email(id, &draft.user_name);
        if let Some(person) = self.state.users.get_mut(&id) {
            person.external_id = draft.external_id;
            (person.first_name, person.last_name) = (draft.given_name, draft.family_name);
            person.active = draft.active;
            person.updated_at = self.now;
        }
        Ok(())
    }

    fn remove_user(&mut self, id: &str) {
        drop(self.number_of(id).and_then(|id| self.state.remove(id)));
    }

    fn group_ids(&self) -> Vec<String> {
        self.state.teams.keys().map(u64::to_string).collect()
    }

    fn group(&self, id: &str) -> Option<Group> {
        let id = number(id)?;
        let team = self.state.teams.get(&id)?;
        let members = self.state.users.values().filter(|user| user.team_ids.contains(&id));
        Some(Group {
            id: id.to_string(),
            display_name: team.name.clone(),
            external_id: team.external_id.clone(),
            members: members.map(|user| self.id_of(user.id)).collect(),
        })
    }

    fn add_group(&mut self, draft: GroupDraft) -> String {
        let team = Team { name: draft.display_name, external_id: draft.external_id };
        let id = self.state.add_team(team);
        self.set_members(id, &draft.members);
        id.to_string()
    }

    fn change_group(&mut self, id: &str, draft: GroupDraft) {
        let Some(id) = number(id) else { return };
        if let Some(team) = self.state.teams.get_mut(&id) {
            (team.name, team.external_id) = (draft.display_name, draft.external_id);
            self.set_members(id, &draft.members);
        }
    }

    fn remove_group(&mut self, id: &str) {
        let Some(id) = number(id) else { return };
        self.state.teams.remove(&id);
        self.set_members(id, &[]);
    }
}

/// An id as the app writes it: digits, and no other spelling of the same number.
fn number(id: &str) -> Option<u64> {
    id.parse::<u64>().ok().filter(|number| number.to_string() == id)
}
