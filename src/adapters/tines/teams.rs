//! The teams of a tenant, shown as groups.

use async_trait::async_trait;

use super::accounts::Tines;
use crate::contract::{Account, Error, Group, Groups, Kind, Member, Outcome, Result};

impl Tines {
    /// The teams an account is in, asked for where the listing left them out; `None` where the account is gone by now.
    async fn teams_of(&self, account: Account) -> Result<Option<Vec<String>>> {
        if account.groups.is_some() {
            return Ok(account.groups);
        }
        let Some(account) = self.client.user("members", &account.id).await? else { return Ok(None) };
        account.groups.map(Some).ok_or_else(|| {
            let message =
                "Tines does not tell the teams of an account (`team_ids`): members cannot be listed";
            Error::unsupported("members", message)
        })
    }
}

fn fixed_teams(operation: &'static str) -> Error {
    Error::unsupported(operation, "Tines creates, renames and deletes teams in its own pages only")
}

#[async_trait]
impl Groups for Tines {
    async fn groups(&self) -> Result<Vec<Group>> {
        self.client.teams().await
    }

    /// The listing of users turned round; where it leaves out `team_ids`, one more call for each user.
    async fn members(&self, group: &str) -> Result<Vec<String>> {
        let mut members = Vec::new();
        for account in self.everybody("members").await? {
            let id = account.id.clone();
            let teams = self.teams_of(account).await?.unwrap_or_default();
            if teams.iter().any(|team| team == group) {
                members.push(id);
            }
        }
        Ok(members)
    }

    async fn add_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        let user: u64 = member.account.parse().map_err(|_| {
            let message = format!("account `{}`: a Tines user id is a number", member.account);
            Error::new(Kind::Invalid, "add_member", message)
        })?;
        Ok(self.client.join_team(group, user).await?.map(|()| None))
    }

    async fn remove_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        Ok(self.client.leave_team("remove_member", group, &member.account).await?.map(|()| None))
    }

    async fn add_members(&self, _: &str, _: &[Member]) -> Result<Outcome<()>> {
        Err(Error::one_by_one("add_members"))
    }

    async fn remove_members(&self, _: &str, _: &[Member]) -> Result<Outcome<()>> {
        Err(Error::one_by_one("remove_members"))
    }

    async fn create_group(&self, _name: &str) -> Result<Outcome<Group>> {
        Err(fixed_teams("create_group"))
    }

    async fn rename_group(&self, _group: &str, _name: &str) -> Result<Outcome<()>> {
        Err(fixed_teams("rename_group"))
    }

    async fn delete_group(&self, _group: &str) -> Result<Outcome<()>> {
        Err(fixed_teams("delete_group"))
    }
}
