//! The fuse before every adapter: an app that fails, or locks the gateway out, is left alone until it works again.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::breaker::{Admission, Breaker, Heard};
use super::{
    Account, Adapter, By, Capabilities, Change, Condition, Draft, Error, Group, Groups, Kind, Member,
    Outcome, Page, Result, Standing,
};
use crate::base::lane;

/// An adapter that is not asked while its app fails, save for what it takes to see that it works again.
///
/// While it fails, operations end as [`Kind::Unavailable`], and as [`Kind::Credentials`] while it does not accept the
/// credential; nothing was sent. Those of the first lane try it every four seconds, one of the others every thirty.
#[derive(Debug)]
pub struct Spared {
    inner: Arc<dyn Adapter>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    breaker: Breaker,
    seen: Seen,
    /// What the app said when it refused the credential.
    refusal: String,
}

/// How an app is, and what became of it since the adapter was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    pub condition: Condition,
    /// It has answered as an app that works.
    pub has_worked: bool,
    /// How often it came to work again.
    pub recoveries: u64,
}

impl Spared {
    /// Puts the fuse before `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Adapter>) -> Self {
        Self { inner, state: Mutex::default() }
    }

    /// How the app is.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.state().seen
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask<T>(&self, operation: &'static str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let lane = lane::current();
        let admission = {
            let mut state = self.state();
            let admission = state.breaker.admit(lane, Instant::now());
            if let Admission::Waits(wait) = admission {
                return Err(self.left_alone(operation, &state, wait));
            }
            admission
        };
        let result = work.await;
        let heard = result.as_ref().map_or_else(|error| heard(error.kind), |_| Heard::Works);
        let mut state = self.state();
        state.seen.has_worked |= heard == Heard::Works;
        if let (Heard::Refuses, Err(error)) = (heard, &result) {
            state.refusal.clone_from(&error.message);
        }
        if let Some(condition) = state.breaker.heard(admission, heard, Instant::now()) {
            state.seen.condition = condition;
            state.seen.recoveries += u64::from(condition == Condition::Well);
        }
        drop(state);
        result
    }

    /// The answer in place of a call that is not made.
    fn left_alone(&self, operation: &'static str, state: &State, wait: Duration) -> Error {
        let app = self.inner.capabilities().app;
        match state.breaker.condition() {
            Condition::LockedOut => {
                let message = format!("{}; the connection is paused until this is mended", state.refusal);
                Error::new(Kind::Credentials, operation, message)
            }
            Condition::Failing | Condition::Well => {
                let message = format!("{app} fails and is left alone until it works again");
                Error::new(Kind::Unavailable, operation, message).after(Some(wait))
            }
        }
    }

    fn inner_groups(&self, operation: &'static str) -> Result<&dyn Groups> {
        self.inner.groups().ok_or_else(|| Error::unsupported(operation, "the app has no groups"))
    }
}

/// What a failure says about the app. A request that it refuses speaks for it.
fn heard(kind: Kind) -> Heard {
    match kind {
        Kind::Unavailable | Kind::Unknown => Heard::Fails,
        Kind::Credentials => Heard::Refuses,
        Kind::NotFound
        | Kind::Conflict
        | Kind::Ambiguous
        | Kind::Invalid
        | Kind::Forbidden
        | Kind::NoSeats => Heard::Works,
        Kind::Unsupported | Kind::RateLimited | Kind::Unexpected => Heard::Nothing,
    }
}

#[async_trait]
impl Adapter for Spared {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn check(&self) -> Result<Standing> {
        self.ask("check", self.inner.check()).await
    }

    async fn account(&self, by: By<'_>) -> Result<Option<Account>> {
        self.ask("account", self.inner.account(by)).await
    }

    async fn accounts(&self, cursor: Option<&str>) -> Result<Page<Account>> {
        self.ask("accounts", self.inner.accounts(cursor)).await
    }

    async fn create_account(&self, draft: &Draft) -> Result<Outcome<Account>> {
        self.ask("create_account", self.inner.create_account(draft)).await
    }

    async fn update_account(&self, current: &Account, change: &Change) -> Result<Outcome<Account>> {
        self.ask("update_account", self.inner.update_account(current, change)).await
    }

    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>> {
        self.ask("deactivate", self.inner.deactivate(account)).await
    }

    async fn reactivate(&self, account: &Account) -> Result<Outcome<Account>> {
        self.ask("reactivate", self.inner.reactivate(account)).await
    }

    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>> {
        self.ask("delete_account", self.inner.delete_account(account)).await
    }

    fn groups(&self) -> Option<&dyn Groups> {
        self.inner.groups().map(|_| self as &dyn Groups)
    }
}

#[async_trait]
impl Groups for Spared {
    async fn groups(&self) -> Result<Vec<Group>> {
        self.ask("groups", self.inner_groups("groups")?.groups()).await
    }

    async fn members(&self, group: &str) -> Result<Vec<String>> {
        self.ask("members", self.inner_groups("members")?.members(group)).await
    }

    async fn add_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        self.ask("add_member", self.inner_groups("add_member")?.add_member(group, member)).await
    }

    async fn remove_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        self.ask("remove_member", self.inner_groups("remove_member")?.remove_member(group, member)).await
    }

    async fn add_members(&self, group: &str, members: &[Member]) -> Result<Outcome<()>> {
        self.ask("add_members", self.inner_groups("add_members")?.add_members(group, members)).await
    }

    async fn remove_members(&self, group: &str, members: &[Member]) -> Result<Outcome<()>> {
        self.ask("remove_members", self.inner_groups("remove_members")?.remove_members(group, members)).await
    }

    async fn create_group(&self, name: &str) -> Result<Outcome<Group>> {
        self.ask("create_group", self.inner_groups("create_group")?.create_group(name)).await
    }

    async fn rename_group(&self, group: &str, name: &str) -> Result<Outcome<()>> {
        self.ask("rename_group", self.inner_groups("rename_group")?.rename_group(group, name)).await
    }

    async fn delete_group(&self, group: &str) -> Result<Outcome<()>> {
        self.ask("delete_group", self.inner_groups("delete_group")?.delete_group(group)).await
    }
}
