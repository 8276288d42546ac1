//! Workspaces as groups: joining one is being invited into it, leaving it is being removed from it.

use async_trait::async_trait;

use crate::contract::{Account, Error, Group, Groups, Kind, Member, Outcome, Result, State};

use super::Hive;
use super::account::one_role;

impl Hive {
    /// The workspace's id as managed; fails with [`Kind::NotFound`] for any other, before a call is made for it.
    async fn managed_one(&self, group: &str, operation: &'static str) -> Result<&str> {
        let managed = self.workspaces.managed(&self.client, operation).await?;
        managed.iter().map(String::as_str).find(|id| *id == group).ok_or_else(|| {
            Error::new(
                Kind::NotFound,
                operation,
                format!("this connection manages no Hive workspace `{group}`"),
            )
        })
    }
}

#[async_trait]
impl Groups for Hive {
    /// One `GET /workspaces`; the members are told with the accounts.
    async fn groups(&self) -> Result<Vec<Group>> {
        self.workspaces.groups(&self.client, "groups").await
    }

    /// One listing of that workspace.
    async fn members(&self, group: &str) -> Result<Vec<String>> {
        let workspace = self.managed_one(group, "members").await?;
        let members = self.client.members(workspace, "members").await?;
        let inside = members.into_iter().filter(|member| member.state() != Some(State::Inactive));
        Ok(inside.map(|member| self.account_called(workspace, member.id)).collect())
    }

    /// Invites into the workspace by address; being a member of it already is [`Outcome::Already`].
    ///
    /// The state in the answer is of this workspace alone, so it is told only where no other is managed.
    async fn add_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        let operation = "add_member";
        let address = member.email.as_deref().filter(|address| address.contains('@')).ok_or_else(|| {
            Error::new(Kind::Invalid, operation, "Hive invites into a workspace by e-mail address only")
        })?;
        let role = one_role(member.role.as_slice(), self.default_role, operation)?;
        let workspace = self.managed_one(group, operation).await?;
        let told = match self.client.invite(workspace, address, role, operation).await {
            Ok(told) => told,
            Err(error) if error.kind == Kind::Conflict => return Ok(Outcome::Already(None)),
            Err(error) => return Err(error),
        };
        let mut account = told.into_account();
        let joined = account.state == Some(State::Active);
        if self.workspaces.managed(&self.client, operation).await?.len() > 1 {
            account.state = None;
        }
        Ok(if joined { Outcome::Done(Some(account)) } else { Outcome::Invited(Some(account)) })
    }

    /// Removes from that workspace alone; not being a member of it is [`Outcome::Already`].
    async fn remove_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        let operation = "remove_member";
        let workspace = self.managed_one(group, operation).await?;
        let mut removed = false;
        for id in self.ids_in(workspace, &member.account) {
            removed |= self.client.remove(workspace, &id, operation).await?;
        }
        Ok(if removed { Outcome::Done(None) } else { Outcome::Already(None) })
    }

    async fn add_members(&self, _: &str, _: &[Member]) -> Result<Outcome<()>> {
        Err(Error::one_by_one("add_members"))
    }

    async fn remove_members(&self, _: &str, _: &[Member]) -> Result<Outcome<()>> {
        Err(Error::one_by_one("remove_members"))
    }

    async fn create_group(&self, _name: &str) -> Result<Outcome<Group>> {
        Err(fixed("create_group"))
    }

    async fn rename_group(&self, _group: &str, _name: &str) -> Result<Outcome<()>> {
        Err(fixed("rename_group"))
    }

    async fn delete_group(&self, _group: &str) -> Result<Outcome<()>> {
        Err(fixed("delete_group"))
    }
}

fn fixed(operation: &'static str) -> Error {
    Error::unsupported(operation, "Hive's REST API creates, renames and deletes no workspaces")
}
