//! The groups of a workspace.

use async_trait::async_trait;

use super::accounts::Workiva;
use crate::contract::{Account, Error, Group, Groups, Member, Outcome, Result};

#[async_trait]
impl Groups for Workiva {
    async fn groups(&self) -> Result<Vec<Group>> {
        self.client.groups().await
    }

    async fn members(&self, group: &str) -> Result<Vec<String>> {
        self.client.members("members", group).await
    }

    async fn add_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        Ok(self.client.add_member(group, &member.account).await?.map(|()| None))
    }

    async fn remove_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        Ok(self.client.remove_member(group, &member.account).await?.map(|()| None))
    }

    async fn create_group(&self, name: &str) -> Result<Outcome<Group>> {
        self.client.create_group(name).await.map(Outcome::Done)
    }

    async fn rename_group(&self, group: &str, name: &str) -> Result<Outcome<()>> {
        self.client.rename_group(group, name).await.map(Outcome::Done)
    }

    async fn delete_group(&self, _group: &str) -> Result<Outcome<()>> {
        Err(Error::unsupported("delete_group", "Workiva deletes groups in its own pages only"))
    }
}
