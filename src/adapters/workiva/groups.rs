//! The groups of a workspace, by REST alone and by both interfaces.

use async_trait::async_trait;

use super::accounts::Workiva;
use super::hybrid::Hybrid;
use crate::base::fold::key;
use crate::contract::{Account, Error, Group, Groups, Kind, Member, Outcome, Result};

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

    async fn add_members(&self, _: &str, _: &[Member]) -> Result<Outcome<()>> {
        Err(Error::one_by_one("add_members"))
    }

    async fn remove_members(&self, _: &str, _: &[Member]) -> Result<Outcome<()>> {
        Err(Error::one_by_one("remove_members"))
    }

    async fn create_group(&self, name: &str) -> Result<Outcome<Group>> {
        self.client.create_group(name).await.map(Outcome::Done)
    }

    async fn rename_group(&self, group: &str, name: &str) -> Result<Outcome<()>> {
        self.client.rename_group(group, name).await.map(Outcome::Done)
    }

    async fn delete_group(&self, group: &str) -> Result<Outcome<()>> {
        self.client.delete_group(group).await
    }
}

/// The group of `groups` that is `wanted` on the other side: the one of its id and name, else the only one of its name.
fn counterpart(operation: &'static str, groups: Vec<Group>, wanted: &Group) -> Result<Option<Group>> {
    let mut named: Vec<Group> =
        groups.into_iter().filter(|group| key(&group.name) == key(&wanted.name)).collect();
    if let Some(at) = named.iter().position(|group| group.id == wanted.id) {
        return Ok(Some(named.swap_remove(at)));
    }
    match named.len() {
        0 | 1 => Ok(named.pop()),
        _ => {
            let message = "several groups of the workspace have this name: none was picked";
            Err(Error::new(Kind::Ambiguous, operation, message))
        }
    }
}

/// Read, renamed and filled by REST; made and deleted by SCIM, which the guide describes.
#[async_trait]
impl Groups for Hybrid {
    async fn groups(&self) -> Result<Vec<Group>> {
        Groups::groups(&self.rest).await
    }

    async fn members(&self, group: &str) -> Result<Vec<String>> {
        self.rest.members(group).await
    }

    async fn add_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        self.rest.add_member(group, member).await
    }

    async fn remove_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        self.rest.remove_member(group, member).await
    }

    async fn add_members(&self, group: &str, members: &[Member]) -> Result<Outcome<()>> {
        self.rest.add_members(group, members).await
    }

    async fn remove_members(&self, group: &str, members: &[Member]) -> Result<Outcome<()>> {
        self.rest.remove_members(group, members).await
    }

    /// REST tells the id of what SCIM made, in one listing.
    async fn create_group(&self, name: &str) -> Result<Outcome<Group>> {
        let operation = "create_group";
        let unfinished = |why: &str| {
            let message = format!("SCIM created the group, and REST did not tell its id: {why}");
            Error::new(Kind::Unknown, operation, message)
        };
        let made = self.scim.create_group(name).await?.value().ok_or_else(|| unfinished("nothing came"))?;
        let listed = self.rest.client.groups().await.map_err(|error| unfinished(&error.message))?;
        let found = counterpart(operation, listed, &made)?;
        found.map(Outcome::Done).ok_or_else(|| unfinished("it does not show the group yet"))
    }

    async fn rename_group(&self, group: &str, name: &str) -> Result<Outcome<()>> {
        self.rest.rename_group(group, name).await
    }

    /// The group is looked up on both sides, since the two may call it by different ids.
    async fn delete_group(&self, group: &str) -> Result<Outcome<()>> {
        let operation = "delete_group";
        let listed = self.rest.client.groups().await?;
        let Some(known) = listed.iter().find(|other| other.id == group).cloned() else {
            return Ok(Outcome::Already(()));
        };
        let there = Groups::groups(&self.scim).await?;
        let Some(there) = counterpart(operation, there, &known)? else {
            return Err(Error::unsupported(
                operation,
                "SCIM does not show this group: delete it in Workiva's own pages",
            ));
        };
        if there.id != known.id {
            let alone = Group { id: String::new(), ..known };
            counterpart(operation, listed, &alone)?;
        }
        self.scim.delete_group(&there.id).await
    }
}
