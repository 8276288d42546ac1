//! `/scim/v2`: the users and groups of one workspace; its roles are a matter of REST.

#[cfg(test)]
mod tests;

use super::SCIM_TOKEN;
use super::state::{State, User as Person, Workspace};
use crate::adapters::simulator::scim::{
    Directory, Group, GroupDraft, Offer, Place, Problem, User, UserDraft, Visit,
};
use crate::adapters::simulator::{Answer, Call};
use crate::base::clock::Timestamp;

pub(super) use crate::adapters::simulator::scim::{is_for, refused};

/// What ids of its own begin with.
const OWN: &str = "scim_";
/// The workspace the token was made in.
const WORKSPACE: &str = "ws_1";

/// What the guide claims: no group by its id and no PUT of groups; single sign-on is not asked for.
static OFFER: Offer = Offer {
    token: SCIM_TOKEN,
    other_credential: "an OAuth access token",
    plan: "Enterprise plan",
    needs_sso: false,
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
    group_rename: true,
    names_required: true,
    own_display_name: true,
};

/// Answers a request to the SCIM server.
pub(super) fn answer(state: &mut State, call: &Call, now: Timestamp) -> Answer {
    let visit = Visit {
        offer: &OFFER,
        call,
        mode: state.mode.scim,
        plan: state.plan,
        known_elsewhere: call.bearer().is_some_and(|token| state.tokens.contains_key(token)),
    };
    visit.answer(&mut Tenant { state, now })
}

/// The workspace at the moment of a request.
struct Tenant<'a> {
    state: &'a mut State,
    now: Timestamp,
}

impl Tenant<'_> {
    fn workspace(&self) -> Option<&Workspace> {
        self.state.workspaces.get(WORKSPACE)
    }

    fn workspace_mut(&mut self) -> Option<&mut Workspace> {
        self.state.workspaces.get_mut(WORKSPACE)
    }

    /// How SCIM calls who or what has this id in REST.
    fn called(&self, id: &str) -> String {
        if self.state.mode.own_scim_ids { format!("{OWN}{id}") } else { id.to_owned() }
    }

    /// The id in REST of what SCIM calls so; one that nothing has where it is none of SCIM's.
    fn meant<'b>(&self, id: &'b str) -> &'b str {
        if self.state.mode.own_scim_ids { id.strip_prefix(OWN).unwrap_or_default() } else { id }
    }

    fn require_seat(&self) -> Result<(), Problem> {
        let active = self.workspace().map(Workspace::active_users).unwrap_or_default();
        if self.state.seats.is_some_and(|limit| active >= limit) {
            return Err(Problem::new(403, "License limit reached"));
        }
        Ok(())
    }
}

impl Directory for Tenant<'_> {
    fn user_ids(&self) -> Vec<String> {
        let Some(workspace) = self.workspace() else { return Vec::new() };
        workspace.users.keys().map(|id| self.called(id)).collect()
    }

    fn user(&self, id: &str) -> Option<User> {
        let person = self.workspace()?.users.get(self.meant(id))?;
        Some(User {
            id: self.called(&person.id),
            user_name: person.email.clone(),
            external_id: person.external_id.clone(),
            given_name: person.first_name.clone(),
            family_name: person.last_name.clone(),
            display_name: person.display_name.clone(),
            active: person.active,
            times: Some((person.created_at, person.updated_at)),
        })
    }

    fn user_named(&self, user_name: &str) -> Option<String> {
        self.workspace()?.id_of(user_name).map(|id| self.called(&id))
    }

    /// They have no role: those are given by REST.
    fn add_user(&mut self, draft: UserDraft) -> Result<String, Problem> {
        if draft.active {
            self.require_seat()?;
        }
        let (id, now) = (self.state.mint_user(), self.now);
        if let Some(workspace) = self.workspace_mut() {
            workspace.insert(Person {
                id: id.clone(),
                email: draft.user_name,
                display_name: draft
                    .display_name
                    .unwrap_or_else(|| format!("{} {}", draft.given_name, draft.family_name)),
                first_name: draft.given_name,
                last_name: draft.family_name,
                active: draft.active,
                roles: Vec::new(),
                created_at: now,
                updated_at: now,
                workspace_id: WORKSPACE,
                external_id: draft.external_id,
            });
        }
        Ok(self.called(&id))
    }

    fn change_user(&mut self, id: &str, draft: UserDraft) -> Result<(), Problem> {
        if draft.active && self.user(id).is_some_and(|user| !user.active) {
            self.require_seat()?;
        }
        let (id, now) = (self.meant(id), self.now);
        let Some(workspace) = self.workspace_mut() else { return Ok(()) };
        workspace.rename_email(id, &draft.user_name);
        if let Some(person) = workspace.users.get_mut(id) {
            person.external_id = draft.external_id;
            person.display_name =
                draft.display_name.unwrap_or_else(|| format!("{} {}", draft.given_name, draft.family_name));
            (person.first_name, person.last_name) = (draft.given_name, draft.family_name);
            person.active = draft.active;
            person.updated_at = now;
        }
        Ok(())
    }

    fn remove_user(&mut self, id: &str) {
        let id = self.meant(id);
        drop(self.workspace_mut().and_then(|workspace| workspace.remove(id)));
    }

    fn group_ids(&self) -> Vec<String> {
        let Some(workspace) = self.workspace() else { return Vec::new() };
        workspace.groups.keys().map(|id| self.called(id)).collect()
    }

    fn group(&self, id: &str) -> Option<Group> {
        let group = self.workspace()?.groups.get(self.meant(id))?;
        Some(Group {
            id: self.called(&group.id),
            display_name: group.name.clone(),
            external_id: group.external_id.clone(),
            members: group.members.iter().map(|id| self.called(id)).collect(),
        })
    }

    fn add_group(&mut self, draft: GroupDraft) -> String {
        let id = self.state.add_group(WORKSPACE, &draft.display_name).id;
        let id = self.called(&id);
        self.change_group(&id, draft);
        id
    }

    fn change_group(&mut self, id: &str, draft: GroupDraft) {
        let id = self.meant(id);
        let members = draft.members.iter().map(|id| self.meant(id).to_owned()).collect();
        if let Some(group) = self.workspace_mut().and_then(|workspace| workspace.groups.get_mut(id)) {
            (group.name, group.external_id) = (draft.display_name, draft.external_id);
            group.members = members;
        }
    }

    fn remove_group(&mut self, id: &str) {
        let id = self.meant(id);
        drop(self.workspace_mut().and_then(|workspace| workspace.groups.remove(id)));
    }
}
