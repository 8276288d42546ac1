//! The treaty, kept by people: every change is an instruction, and nothing is ever called.

use async_trait::async_trait;

use super::roster::role_group;
use super::settings::Manual;
use crate::adapters::settings::Template;
use crate::base::fold;
use crate::contract::{
    Account, Adapter, By, Capabilities, Change, Draft, Error, Group, Groups, Kind, Member, Outcome, Page,
    Request, Result, Standing, State,
};

/// The one role that no task may touch: it is handed over in the app, by its holder.
const OWNER: &str = "Account Owner";

/// Whom a task is about, as far as it is known; empty where it is not.
#[derive(Debug, Clone, Copy)]
struct Whom<'a> {
    email: &'a str,
    name: Option<&'a str>,
    /// The role to give, or at a removal the one that is held.
    role: &'a str,
}

impl<'a> Whom<'a> {
    fn of(account: &'a Account, role: &'a str) -> Self {
        let email = account.email.as_deref().unwrap_or(&account.id);
        Self { email, name: account.display_name.as_deref(), role }
    }

    fn member(member: &'a Member, role: &'a str) -> Self {
        Self { email: member.email.as_deref().unwrap_or(&member.account), name: None, role }
    }
}

/// A connection whose changes wait for a person.
#[derive(Debug)]
pub(super) struct Tasks {
    settings: Manual,
    capabilities: Capabilities,
}

impl Tasks {
    pub(super) fn new(settings: Manual, capabilities: Capabilities) -> Self {
        Self { settings, capabilities }
    }

    fn role(&self, wanted: &[String], operation: &'static str) -> Result<&str> {
        match wanted {
            [] => Ok(self.least_role()),
            [one] => self
                .settings
                .roles
                .iter()
                .find(|role| fold::key(role) == fold::key(one))
                .map(String::as_str)
                .ok_or_else(|| {
                    let known = self.settings.roles.join("`, `");
                    let message = format!("role `{one}`: {} has `{known}`", self.settings.app_name);
                    Error::new(Kind::Invalid, operation, message)
                }),
            _ => {
                let message =
                    format!("{} roles: in {} an account has one", wanted.len(), self.settings.app_name);
                Err(Error::new(Kind::Invalid, operation, message))
            }
        }
    }

    fn role_of_group(&self, group: &str, operation: &'static str) -> Result<&str> {
        self.settings.roles.iter().find(|role| role_group(role) == group).map(String::as_str).ok_or_else(
            || {
                let message = format!("{} has no role group `{group}`", self.settings.app_name);
                Error::new(Kind::NotFound, operation, message)
            },
        )
    }

    fn least_role(&self) -> &str {
        self.settings.roles.first().map_or("", String::as_str)
    }

    fn spare_the_owner(&self, account: &Account, operation: &'static str) -> Result<()> {
        if has_role(account, OWNER) {
            let message =
                format!("this is the `{OWNER}` in {}: transfer ownership first", self.settings.app_name);
            return Err(Error::new(Kind::Invalid, operation, message));
        }
        Ok(())
    }

    /// The operator's own words where there are some, else what is usual.
    fn waiting<T>(&self, own: Option<&Template>, whom: Whom<'_>, usual: &str) -> Outcome<T> {
        let Manual { app_name, members_page, .. } = &self.settings;
        let instruction = own.map_or_else(
            || format!("{usual} ({app_name}: {members_page})"),
            |template| {
                template.fill(|place| match place {
                    "email" => whom.email,
                    "name" => whom.name.unwrap_or(whom.email),
                    "role" => whom.role,
                    "app" => app_name,
                    "page" => members_page,
                    _ => "",
                })
            },
        );
        let Manual { assignee, link, .. } = &self.settings;
        Outcome::Waiting(Request { instruction, owner: assignee.clone(), link: link.clone() })
    }

    fn invitation<T>(&self, whom: Whom<'_>) -> Outcome<T> {
        self.waiting(self.settings.invite.as_ref(), whom, &format!("invite the person as `{}`", whom.role))
    }

    fn removal<T>(&self, account: &Account) -> Outcome<T> {
        let held = account.roles.iter().flatten().next().map_or("", |role| role.value.as_str());
        let usual = "remove the person, and end their single sign-on assignment";
        self.waiting(self.settings.remove.as_ref(), Whom::of(account, held), usual)
    }

    fn other_role<T>(&self, whom: Whom<'_>, usual: &str) -> Outcome<T> {
        self.waiting(self.settings.change_role.as_ref(), whom, usual)
    }

    fn unlisted(&self, operation: &'static str) -> Error {
        let message = format!(
            "{} has no interface that tells its members: they come from the imported roster",
            self.settings.app_name
        );
        Error::unsupported(operation, message)
    }

    fn fixed_groups(&self, operation: &'static str) -> Error {
        let message = format!("the groups of {} are its roles, and those are fixed", self.settings.app_name);
        Error::unsupported(operation, message)
    }
}

fn has_role(account: &Account, role: &str) -> bool {
    let roles = account.roles.as_deref().unwrap_or_default();
    roles.iter().any(|held| fold::key(&held.value) == fold::key(role))
}

#[async_trait]
impl Adapter for Tasks {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn check(&self) -> Result<Standing> {
        let summary =
            format!("{} has no interface to reach: people carry the changes out", self.settings.app_name);
        Ok(Standing { summary, warnings: Vec::new() })
    }

    async fn account(&self, _by: By<'_>) -> Result<Option<Account>> {
        Err(self.unlisted("account"))
    }

    async fn accounts(&self, _cursor: Option<&str>) -> Result<Page<Account>> {
        Err(self.unlisted("accounts"))
    }

    async fn create_account(&self, draft: &Draft) -> Result<Outcome<Account>> {
        let Some(email) = &draft.email else {
            let message = format!("{} invites by e-mail address, and none is given", self.settings.app_name);
            return Err(Error::new(Kind::Invalid, "create_account", message));
        };
        let role = self.role(&draft.roles, "create_account")?;
        Ok(self.invitation(Whom { email, name: draft.display_name.as_deref(), role }))
    }

    async fn update_account(&self, current: &Account, change: &Change) -> Result<Outcome<Account>> {
        let Some(wanted) = &change.roles else { return Ok(Outcome::Already(current.clone())) };
        let role = self.role(wanted, "update_account")?;
        if has_role(current, role) {
            return Ok(Outcome::Already(current.clone()));
        }
        self.spare_the_owner(current, "update_account")?;
        Ok(self.other_role(Whom::of(current, role), &format!("change the person's role to `{role}`")))
    }

    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>> {
        if account.state == Some(State::Inactive) {
            return Ok(Outcome::Already(()));
        }
        self.spare_the_owner(account, "deactivate")?;
        Ok(self.removal(account))
    }

    /// The role is the one the account had, where the app still has it.
    async fn reactivate(&self, account: &Account) -> Result<Outcome<Account>> {
        if account.state == Some(State::Active) {
            return Ok(Outcome::Already(account.clone()));
        }
        let had = self.settings.roles.iter().find(|role| has_role(account, role));
        let role = had.map_or(self.least_role(), String::as_str);
        Ok(self.invitation(Whom::of(account, role)))
    }

    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>> {
        if account.state == Some(State::Inactive) {
            return Ok(Outcome::Already(()));
        }
        self.spare_the_owner(account, "delete_account")?;
        Ok(self.removal(account))
    }

    fn groups(&self) -> Option<&dyn Groups> {
        Some(self)
    }
}

#[async_trait]
impl Groups for Tasks {
    async fn groups(&self) -> Result<Vec<Group>> {
        let group = |role: &String| Group { id: role_group(role), name: role.clone(), members: None };
        Ok(self.settings.roles.iter().map(group).collect())
    }

    async fn members(&self, group: &str) -> Result<Vec<String>> {
        self.role_of_group(group, "members")?;
        Err(self.unlisted("members"))
    }

    async fn add_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        let role = self.role_of_group(group, "add_member")?;
        let usual = format!("change the person's role to `{role}`");
        Ok(self.other_role(Whom::member(member, role), &usual))
    }

    /// Leaving a role means taking the least one; leaving the least one leaves nothing but a decision.
    async fn remove_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        let role = self.role_of_group(group, "remove_member")?;
        let least = self.least_role();
        let whom = Whom::member(member, least);
        Ok(if role == least {
            // The operator's words name a role to give, and here there is none.
            self.waiting(None, whom, &format!("give the person another role than `{role}`, or remove them"))
        } else {
            self.other_role(whom, &format!("change the person's role from `{role}` to `{least}`"))
        })
    }

    async fn add_members(&self, _: &str, _: &[Member]) -> Result<Outcome<()>> {
        Err(Error::one_by_one("add_members"))
    }

    async fn remove_members(&self, _: &str, _: &[Member]) -> Result<Outcome<()>> {
        Err(Error::one_by_one("remove_members"))
    }

    async fn create_group(&self, _name: &str) -> Result<Outcome<Group>> {
        Err(self.fixed_groups("create_group"))
    }

    async fn rename_group(&self, _group: &str, _name: &str) -> Result<Outcome<()>> {
        Err(self.fixed_groups("rename_group"))
    }

    async fn delete_group(&self, _group: &str) -> Result<Outcome<()>> {
        Err(self.fixed_groups("delete_group"))
    }
}
