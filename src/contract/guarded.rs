//! The guard before every adapter: what the capabilities do not offer is refused before any call leaves.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Account, Adapter, By, Capabilities, Change, Create, Deactivate, Delete, Draft, Error, Group, Groups,
    Member, Outcome, Page, Reactivate, Result, Standing,
};

/// An adapter whose undeclared operations answer [`super::Kind::Unsupported`].
#[derive(Debug, Clone)]
pub struct Guarded(Arc<dyn Adapter>);

impl Guarded {
    /// Puts the guard before `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Adapter>) -> Self {
        Self(inner)
    }

    fn allow(&self, offered: bool, operation: &'static str) -> Result<()> {
        if offered {
            return Ok(());
        }
        let capabilities = self.0.capabilities();
        Err(Error::unsupported(
            operation,
            format!("{} cannot do this through a `{:?}` connection", capabilities.app, capabilities.mode),
        ))
    }

    fn inner_groups(&self, offered: bool, operation: &'static str) -> Result<&dyn Groups> {
        self.allow(offered, operation)?;
        self.0.groups().ok_or_else(|| Error::unsupported(operation, "the app has no groups"))
    }
}

#[async_trait]
impl Adapter for Guarded {
    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    async fn check(&self) -> Result<Standing> {
        self.0.check().await
    }

    async fn account(&self, by: By<'_>) -> Result<Option<Account>> {
        self.0.account(by).await
    }

    async fn accounts(&self, cursor: Option<&str>) -> Result<Page<Account>> {
        self.allow(self.capabilities().list, "accounts")?;
        self.0.accounts(cursor).await
    }

    async fn create_account(&self, draft: &Draft) -> Result<Outcome<Account>> {
        self.allow(self.capabilities().create != Create::No, "create_account")?;
        self.0.create_account(draft).await
    }

    async fn update_account(&self, current: &Account, change: &Change) -> Result<Outcome<Account>> {
        if change.is_empty() {
            return Ok(Outcome::Already(current.clone()));
        }
        self.0.update_account(current, change).await
    }

    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>> {
        self.allow(self.capabilities().deactivate != Deactivate::No, "deactivate")?;
        self.0.deactivate(account).await
    }

    async fn reactivate(&self, account: &Account) -> Result<Outcome<Account>> {
        let offered = matches!(self.capabilities().reactivate, Reactivate::Native | Reactivate::Task);
        self.allow(offered, "reactivate")?;
        self.0.reactivate(account).await
    }

    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>> {
        let offered = matches!(self.capabilities().delete, Delete::Permanent | Delete::Task);
        self.allow(offered, "delete_account")?;
        self.0.delete_account(account).await
    }

    fn groups(&self) -> Option<&dyn Groups> {
        self.0.groups().map(|_| self as &dyn Groups)
    }
}

#[async_trait]
impl Groups for Guarded {
    async fn groups(&self) -> Result<Vec<Group>> {
        self.inner_groups(self.capabilities().groups.list, "groups")?.groups().await
    }

    async fn members(&self, group: &str) -> Result<Vec<String>> {
        self.inner_groups(self.capabilities().groups.list, "members")?.members(group).await
    }

    async fn add_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        let offered = self.capabilities().groups.add_member;
        self.inner_groups(offered, "add_member")?.add_member(group, member).await
    }

    async fn remove_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        let offered = self.capabilities().groups.remove_member;
        self.inner_groups(offered, "remove_member")?.remove_member(group, member).await
    }

    async fn create_group(&self, name: &str) -> Result<Outcome<Group>> {
        self.inner_groups(self.capabilities().groups.create, "create_group")?.create_group(name).await
    }

    async fn rename_group(&self, group: &str, name: &str) -> Result<Outcome<()>> {
        self.inner_groups(self.capabilities().groups.rename, "rename_group")?.rename_group(group, name).await
    }

    async fn delete_group(&self, group: &str) -> Result<Outcome<()>> {
        self.inner_groups(self.capabilities().groups.delete, "delete_group")?.delete_group(group).await
    }
}
