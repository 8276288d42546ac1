//! The gate before every adapter: while it is shut access is taken away, and given to nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::{
    Account, Adapter, By, Capabilities, Change, Draft, Error, Group, Groups, Kind, Member, Outcome, Page,
    Result, Standing,
};

/// When to ask again what is held back: a person has to decide first.
const LATER: Duration = Duration::from_mins(5);

/// One gate for all connections of a gateway; open at first.
#[derive(Debug, Default)]
pub struct Gate(AtomicBool);

impl Gate {
    /// Holds back from now on whatever gives access, or lets it through again.
    pub fn shut(&self, shut: bool) {
        self.0.store(shut, Ordering::SeqCst);
    }

    /// Whether what gives access is held back.
    pub fn is_shut(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// An adapter that gives nobody access while its gate is shut: it answers [`Kind::Unavailable`] and makes no call.
///
/// Readings and removals pass. A change passes for nobody: it may give a higher role.
#[derive(Debug)]
pub struct Withheld {
    inner: Arc<dyn Adapter>,
    gate: Arc<Gate>,
}

impl Withheld {
    /// Puts `gate` before `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Adapter>, gate: Arc<Gate>) -> Self {
        Self { inner, gate }
    }

    fn pass(&self, operation: &'static str) -> Result<()> {
        if !self.gate.is_shut() {
            return Ok(());
        }
        let message = "the gateway is in safe mode: it takes access away and gives nobody any until an operator ends it \
                       with `portcullis safe-mode leave`";
        Err(Error::new(Kind::Unavailable, operation, message).after(Some(LATER)))
    }

    fn inner_groups(&self, operation: &'static str) -> Result<&dyn Groups> {
        self.inner.groups().ok_or_else(|| Error::unsupported(operation, "the app has no groups"))
    }
}

#[async_trait]
impl Adapter for Withheld {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn check(&self) -> Result<Standing> {
        self.inner.check().await
    }

    async fn account(&self, by: By<'_>) -> Result<Option<Account>> {
        self.inner.account(by).await
    }

    async fn accounts(&self, cursor: Option<&str>) -> Result<Page<Account>> {
        self.inner.accounts(cursor).await
    }

    async fn create_account(&self, draft: &Draft) -> Result<Outcome<Account>> {
        self.pass("create_account")?;
        self.inner.create_account(draft).await
    }

    async fn update_account(&self, current: &Account, change: &Change) -> Result<Outcome<Account>> {
        self.pass("update_account")?;
        self.inner.update_account(current, change).await
    }

    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>> {
        self.inner.deactivate(account).await
    }

    async fn reactivate(&self, account: &Account) -> Result<Outcome<Account>> {
        self.pass("reactivate")?;
        self.inner.reactivate(account).await
    }

    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>> {
        self.inner.delete_account(account).await
    }

    fn groups(&self) -> Option<&dyn Groups> {
        self.inner.groups().map(|_| self as &dyn Groups)
    }
}

#[async_trait]
impl Groups for Withheld {
    async fn groups(&self) -> Result<Vec<Group>> {
        self.inner_groups("groups")?.groups().await
    }

    async fn members(&self, group: &str) -> Result<Vec<String>> {
        self.inner_groups("members")?.members(group).await
    }

    async fn add_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        self.pass("add_member")?;
        self.inner_groups("add_member")?.add_member(group, member).await
    }

    async fn remove_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        self.inner_groups("remove_member")?.remove_member(group, member).await
    }

    async fn add_members(&self, group: &str, members: &[Member]) -> Result<Outcome<()>> {
        self.pass("add_members")?;
        self.inner_groups("add_members")?.add_members(group, members).await
    }

    async fn remove_members(&self, group: &str, members: &[Member]) -> Result<Outcome<()>> {
        self.inner_groups("remove_members")?.remove_members(group, members).await
    }

    async fn create_group(&self, name: &str) -> Result<Outcome<Group>> {
        self.pass("create_group")?;
        self.inner_groups("create_group")?.create_group(name).await
    }

    async fn rename_group(&self, group: &str, name: &str) -> Result<Outcome<()>> {
        self.pass("rename_group")?;
        self.inner_groups("rename_group")?.rename_group(group, name).await
    }

    async fn delete_group(&self, group: &str) -> Result<Outcome<()>> {
        self.inner_groups("delete_group")?.delete_group(group).await
    }
}
