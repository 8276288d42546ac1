//! `/scim/v2`: the members of one workspace, and its groups.

#[cfg(test)]
mod tests;

use super::keys::Key;
use super::state::{self, ReinvitedId, State, Status};
use super::{SCIM_TOKEN, WORKSPACE};
use crate::adapters::simulator::scim::{
    Directory, Group, GroupDraft, Offer, Place, Problem, User, UserDraft, Visit,
};
use crate::adapters::simulator::{Answer, Call};
use crate::base::fold;

pub(super) use crate::adapters::simulator::scim::{is_for, refused};

/// What the guide claims: no DELETE, no group by its id, no renaming.
static OFFER: Offer = Offer {
    token: SCIM_TOKEN,
    other_credential: "a personal API key",
    plan: "Enterprise Security Add-on",
    needs_sso: true,
    routes: &[
        ("GET", Place::Users),
        ("POST", Place::Users),
        ("GET", Place::User),
        ("PUT", Place::User),
        ("PATCH", Place::User),
        ("GET", Place::Groups),
        ("POST", Place::Groups),
        ("PATCH", Place::Group),
    ],
    group_rename: false,
    names_required: false,
    own_display_name: false,
};

/// Answers a request to the SCIM server.
pub(super) fn answer(state: &mut State, call: &Call) -> Answer {
    let visit = Visit {
        offer: &OFFER,
        call,
        mode: state.mode.scim,
        plan: state.plan,
        known_elsewhere: Key::of(call).is_some(),
    };
    visit.answer(state)
}

/// Begins the ids that are SCIM's own.
const OWN_ID: &str = "scim_";

impl State {
    /// What SCIM calls an account.
    fn scim_id(&self, id: &str) -> String {
        if self.mode.own_scim_ids { format!("{OWN_ID}{id}") } else { id.to_owned() }
    }

    /// The account SCIM calls so; nobody's id where SCIM calls nobody so.
    fn account_called<'a>(&self, id: &'a str) -> &'a str {
        if self.mode.own_scim_ids { id.strip_prefix(OWN_ID).unwrap_or_default() } else { id }
    }

    fn drafted(&self, draft: GroupDraft) -> state::Group {
        let members = draft.members.iter().map(|id| self.account_called(id).to_owned()).collect();
        state::Group { name: draft.display_name, external_id: draft.external_id, members }
    }

    fn member_status(&self, id: &str) -> Option<Status> {
        Some(self.workspaces.get(WORKSPACE)?.members.get(id)?.status)
    }

    fn set_member_status(&mut self, id: &str, status: Status) {
        let members = self.workspaces.get_mut(WORKSPACE).map(|workspace| &mut workspace.members);
        if let Some(member) = members.and_then(|members| members.get_mut(id)) {
            member.status = status;
        }
    }

    fn no_seat(&self) -> Problem {
        Problem::new(self.mode.seat_status, "Seat limit reached for this plan.")
    }
}

/// Who is invited counts as active: SCIM knows no third state.
impl Directory for State {
    fn user_ids(&self) -> Vec<String> {
        let members = self.workspaces.get(WORKSPACE).map(|one| one.members.keys());
        members.into_iter().flatten().map(|id| self.scim_id(id)).collect()
    }

    fn user(&self, id: &str) -> Option<User> {
        let account = self.accounts.get(self.account_called(id))?;
        let status = self.member_status(&account.id)?;
        Some(User {
            id: id.to_owned(),
            user_name: account.email.clone(),
            external_id: account.external_id.clone(),
            given_name: account.first_name.clone(),
            family_name: account.last_name.clone(),
            display_name: format!("{} {}", account.first_name, account.last_name).trim().to_owned(),
            active: status != Status::Deactivated,
            times: None,
        })
    }

    fn user_named(&self, user_name: &str) -> Option<String> {
        let known = self.id_of(user_name).filter(|id| self.member_status(id).is_some());
        known.map(|id| self.scim_id(&id))
    }

    /// They are a member at once, without an invitation; an account that is there already joins as it is.
    fn add_user(&mut self, draft: UserDraft) -> Result<String, Problem> {
        if draft.active && self.is_full(WORKSPACE) {
            return Err(self.no_seat());
        }
        let id = match (self.id_of(&draft.user_name), self.mode.reinvited_id) {
            (Some(id), ReinvitedId::Same) => id,
            _ => self.open_account(&draft.user_name, &draft.given_name, &draft.family_name),
        };
        let status = if draft.active { Status::Active } else { Status::Deactivated };
        self.join(WORKSPACE, &id, "member", status);
        if let Some(account) = self.accounts.get_mut(&id) {
            account.external_id = draft.external_id;
            if account.first_name.is_empty() {
                (account.first_name, account.last_name) = (draft.given_name, draft.family_name);
            }
        }
        Ok(self.scim_id(&id))
    }

    fn change_user(&mut self, id: &str, draft: UserDraft) -> Result<(), Problem> {
        let id = self.account_called(id);
        let before = self.accounts.get(id).map(|account| fold::key(&account.email));
        let moves = before.is_some_and(|before| before != fold::key(&draft.user_name));
        if moves && self.id_of(&draft.user_name).is_some() {
            return Err(Problem::taken("An account with this address already exists"));
        }
        match (self.member_status(id), draft.active) {
            (Some(Status::Deactivated), true) if self.is_full(WORKSPACE) => return Err(self.no_seat()),
            (Some(Status::Deactivated), true) => self.set_member_status(id, Status::Active),
            (_, false) => self.set_member_status(id, Status::Deactivated),
            (_, true) => {}
        }
        self.rename_email(id, &draft.user_name);
        if let Some(account) = self.accounts.get_mut(id) {
            account.external_id = draft.external_id;
            (account.first_name, account.last_name) = (draft.given_name, draft.family_name);
        }
        Ok(())
    }

    /// Takes the membership only: nothing of Hive deletes an account.
    fn remove_user(&mut self, id: &str) {
        let id = self.account_called(id);
        self.leave(WORKSPACE, id);
    }

    fn group_ids(&self) -> Vec<String> {
        self.groups.keys().cloned().collect()
    }

    fn group(&self, id: &str) -> Option<Group> {
        let group = self.groups.get(id)?;
        Some(Group {
            id: id.to_owned(),
            display_name: group.name.clone(),
            external_id: group.external_id.clone(),
            members: group.members.iter().map(|id| self.scim_id(id)).collect(),
        })
    }

    fn add_group(&mut self, draft: GroupDraft) -> String {
        let group = self.drafted(draft);
        State::add_group(self, group)
    }

    fn change_group(&mut self, id: &str, draft: GroupDraft) {
        let drafted = self.drafted(draft);
        if let Some(group) = self.groups.get_mut(id) {
            *group = drafted;
        }
    }

    fn remove_group(&mut self, id: &str) {
        self.groups.remove(id);
    }
}
