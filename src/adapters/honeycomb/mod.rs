//! Honeycomb (honeycomb.io): the members of one team, through the REST API of the published guide.

mod client;
mod error;
mod roles;
mod settings;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(test)]
#[cfg(feature = "sim")]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;

use crate::adapters::{App, Blueprint, answer};
use crate::contract::{
    Account, Accounts, Adapter, By, Capabilities, Change, Create, Deactivate, Delete, Dialect, Draft, Error,
    Fulfilment, Group, GroupCapabilities, Groups, Held, Kind, Member, Membership, Mode, Outcome, Page,
    Reactivate, Residual, Result, Roles, Standing, State,
};

use client::Client;
use settings::Settings;

/// Honeycomb.
pub static APP: App =
    App { name: "honeycomb", modes: &[(Mode::Rest, Dialect::Guide)], fields: settings::FIELDS, build };

/// Makes the adapter of one connection; fails with one line for the operator.
fn build(blueprint: &Blueprint<'_>) -> std::result::Result<Arc<dyn Adapter>, String> {
    let settings = Settings::read(blueprint)?;
    let client = Client::new(&settings, blueprint.wire.clone())?;
    Ok(Arc::new(Honeycomb { client, capabilities: capabilities(settings.default_role), settings }))
}

/// What the guide lets a team's Configuration key do.
fn capabilities(default_role: &'static str) -> Capabilities {
    Capabilities {
        app: "honeycomb",
        mode: Mode::Rest,
        dialect: Dialect::Guide,
        accounts: Accounts {
            email: Held::ReadOnly,
            display_name: Held::ReadOnly,
            roles: Held::Yes,
            email_required: true,
            email_unique: true,
            ..Accounts::default()
        },
        list: true,
        create: Create::Invite,
        deactivate: Deactivate::ByRemoval,
        reactivate: Reactivate::ByInvitation,
        delete: Delete::Permanent,
        roles: Roles::Fixed(roles::ROLES),
        default_role: Some(default_role),
        admin_role: Some("admin"),
        groups: GroupCapabilities {
            noun: "roles",
            list: true,
            add_member: true,
            remove_member: true,
            membership: Membership::OnAccount,
            are_roles: true,
            floor: Some(roles::FLOOR),
            ..GroupCapabilities::default()
        },
        residual: &[Residual {
            key: "api-keys",
            instruction: "revoke or rotate the API keys this person created, under Team Settings > API Keys",
            link: "https://ui.honeycomb.io",
        }],
        fulfilment: Fulfilment::Emulated,
        ..Capabilities::default()
    }
}

/// One team.
#[derive(Debug)]
struct Honeycomb {
    client: Client,
    settings: Settings,
    capabilities: Capabilities,
}

impl Honeycomb {
    async fn listed(&self, operation: &'static str) -> Result<Vec<Account>> {
        let members = self.client.list(operation).await?;
        Ok(members.into_iter().map(client::Membership::into_listed).collect())
    }
}

#[async_trait]
impl Adapter for Honeycomb {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// One listing; where the key is refused, `GET /1/auth` once more to tell what kind of key it is.
    async fn check(&self) -> Result<Standing> {
        match self.client.list("check").await {
            Ok(members) => Ok(Standing {
                summary: format!("reached, {} members visible", members.len()),
                warnings: Vec::new(),
            }),
            Err(refused) if matches!(refused.kind, Kind::Credentials | Kind::Forbidden) => {
                Err(error::of_key_kind(refused, self.client.key_kind().await.as_deref()))
            }
            Err(error) => Err(error),
        }
    }

    /// One listing: Honeycomb has no call for one member.
    async fn account(&self, by: By<'_>) -> Result<Option<Account>> {
        let members = self.listed("account").await?;
        Ok(match by {
            By::Id(id) => members.into_iter().find(|account| account.id == id),
            By::Email(email) => answer::with_address("account", members, email)?,
        })
    }

    /// The whole team in one page.
    async fn accounts(&self, _cursor: Option<&str>) -> Result<Page<Account>> {
        Ok(Page { items: self.listed("accounts").await?, next: None })
    }

    /// Invites: one call, which always names a role.
    async fn create_account(&self, draft: &Draft) -> Result<Outcome<Account>> {
        let operation = "create_account";
        if !draft.active {
            return Err(Error::unsupported(operation, "Honeycomb cannot invite somebody without access"));
        }
        let address = draft.email.as_deref().unwrap_or(&draft.user_name);
        if !address.contains('@') {
            return Err(Error::new(Kind::Invalid, operation, "Honeycomb invites by e-mail address only"));
        }
        let role = roles::one(&draft.roles, self.settings.default_role, operation)?;
        let invited = self.client.invite(address, role, operation).await?.into_account();
        Ok(Outcome::Invited(Account { state: Some(State::Invited), ..invited }))
    }

    /// Sets the role, which is all that can be changed. A role the account has already makes no call; no role at all
    /// is the lowest one.
    async fn update_account(&self, current: &Account, change: &Change) -> Result<Outcome<Account>> {
        let operation = "update_account";
        if change.is_empty() {
            return Ok(Outcome::Already(current.clone()));
        }
        let (Some(asked), true) =
            (&change.roles, *change == Change { roles: change.roles.clone(), ..Change::default() })
        else {
            return Err(Error::unsupported(
                operation,
                "Honeycomb lets nothing but the role of a member be changed",
            ));
        };
        let role = roles::one(asked, roles::LOWEST, operation)?;
        if current.roles.as_ref().is_some_and(|has| matches!(has.as_slice(), [only] if only.value == role)) {
            return Ok(Outcome::Already(current.clone()));
        }
        let told = self.client.set_role(&current.id, role, operation).await?;
        Ok(Outcome::Done(told.into_account()))
    }

    /// Removes the member at once; Honeycomb keeps nothing of them.
    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>> {
        self.client.remove(&account.id, "deactivate").await
    }

    /// Not offered: a removed member is invited again, under a new id.
    async fn reactivate(&self, _account: &Account) -> Result<Outcome<Account>> {
        Err(Error::unsupported("reactivate", "Honeycomb forgets who was removed; invite the person again"))
    }

    /// The same as [`Adapter::deactivate`]: there is nothing more to remove.
    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>> {
        self.client.remove(&account.id, "delete_account").await
    }

    fn groups(&self) -> Option<&dyn Groups> {
        Some(self)
    }
}

#[async_trait]
impl Groups for Honeycomb {
    /// The two roles; makes no call.
    async fn groups(&self) -> Result<Vec<Group>> {
        Ok(roles::groups(&self.settings.group_prefix))
    }

    /// One listing.
    async fn members(&self, group: &str) -> Result<Vec<String>> {
        let role = roles::of_group(group, "members")?;
        let members = self.client.list("members").await?;
        Ok(members
            .into_iter()
            .filter(|member| member.role.as_deref() == Some(role))
            .map(|member| member.id)
            .collect())
    }

    /// Sets the role. Honeycomb does not say whether it was so already, and reading that first would cost a call, so
    /// this is always [`Outcome::Done`].
    async fn add_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        let role = roles::of_group(group, "add_member")?;
        let told = self.client.set_role(&member.account, role, "add_member").await?;
        Ok(Outcome::Done(Some(told.into_account())))
    }

    /// Demotes whoever leaves `admin`; nobody can be taken out of `member`, which is refused before any call.
    ///
    /// An account that is not in the team is [`Outcome::Already`].
    async fn remove_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        let operation = "remove_member";
        if roles::of_group(group, operation)? == roles::LOWEST {
            return Err(Error::unsupported(
                operation,
                "a member cannot be taken out of `member`: every Honeycomb member has that role at least; \
                 deactivate the account instead",
            ));
        }
        match self.client.set_role(&member.account, roles::LOWEST, operation).await {
            Ok(told) => Ok(Outcome::Done(Some(told.into_account()))),
            Err(error) if error.kind == Kind::NotFound => Ok(Outcome::Already(None)),
            Err(error) => Err(error),
        }
    }

    async fn add_members(&self, _: &str, _: &[Member]) -> Result<Outcome<()>> {
        Err(Error::one_by_one("add_members"))
    }

    async fn remove_members(&self, _: &str, _: &[Member]) -> Result<Outcome<()>> {
        Err(Error::one_by_one("remove_members"))
    }

    async fn create_group(&self, _name: &str) -> Result<Outcome<Group>> {
        Err(no_groups("create_group"))
    }

    async fn rename_group(&self, _group: &str, _name: &str) -> Result<Outcome<()>> {
        Err(no_groups("rename_group"))
    }

    async fn delete_group(&self, _group: &str) -> Result<Outcome<()>> {
        Err(no_groups("delete_group"))
    }
}

fn no_groups(operation: &'static str) -> Error {
    Error::unsupported(operation, "Honeycomb has no groups, only the roles `admin` and `member`")
}
