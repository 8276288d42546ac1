//! The witness before every adapter: counts what was asked of the app and how it ended, and lets nothing be changed that
//! is not written down.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Account, Adapter, By, Capabilities, Change, Draft, Error, Fault, Group, Groups, Kind, Member, Outcome,
    Page, Result, Standing,
};
use crate::base::context::{self, Meter};

/// An adapter whose operations are counted, and whose HTTP calls are counted as its connection's.
///
/// What may change something at the app is asked of it only within an attempt that is written down
/// ([`context::may_change`]); without one it is refused and no call is made.
#[derive(Debug)]
pub struct Observed {
    inner: Arc<dyn Adapter>,
    meter: Meter,
}

impl Observed {
    /// Puts the witness before `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Adapter>, meter: Meter) -> Self {
        Self { inner, meter }
    }

    async fn read<T>(&self, operation: &'static str, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.witness(operation, |_| "read", work).await
    }

    async fn write<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<Outcome<T>>>,
    ) -> Result<Outcome<T>> {
        if context::held_for().is_some_and(|left| left.is_zero()) {
            let message = "another replica may have taken this over; nothing was sent";
            return Err(Error { fault: Fault::Gateway, ..Error::new(Kind::Unavailable, operation, message) });
        }
        let end = |outcome: &Outcome<T>| match outcome {
            Outcome::Done(_) => "done",
            Outcome::Already(_) => "already",
            Outcome::Invited(_) => "invited",
            Outcome::Waiting(_) => "waiting",
        };
        if !context::may_change() {
            tracing::error!(
                connection = self.meter.connection,
                operation,
                "a change that nobody wrote down before was not sent"
            );
            return Err(Error {
                fault: Fault::Gateway,
                ..Error::new(Kind::Unexpected, operation, "nothing was written down of this: it was not sent")
            });
        }
        self.witness(operation, end, context::changing(Some(operation), work)).await
    }

    async fn witness<T>(
        &self,
        operation: &'static str,
        end: impl Fn(&T) -> &'static str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let result = self.meter.clone().scope(work).await;
        let outcome = match &result {
            Ok(value) => end(value),
            Err(error) => failure(error.kind),
        };
        self.meter.metrics.app_operation(&self.meter.connection, operation, outcome);
        result
    }

    fn inner_groups(&self, operation: &'static str) -> Result<&dyn Groups> {
        self.inner.groups().ok_or_else(|| Error::unsupported(operation, "the app has no groups"))
    }
}

fn failure(kind: Kind) -> &'static str {
    match kind {
        Kind::NotFound => "not_found",
        Kind::Conflict => "conflict",
        Kind::Ambiguous => "ambiguous",
        Kind::Invalid => "invalid",
        Kind::Unsupported => "unsupported",
        Kind::Credentials => "credentials",
        Kind::Forbidden => "forbidden",
        Kind::NoSeats => "no_seats",
        Kind::RateLimited => "rate_limited",
        Kind::Unavailable => "unavailable",
        Kind::Unknown => "unknown",
        Kind::Unexpected => "unexpected",
    }
}

#[async_trait]
impl Adapter for Observed {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn check(&self) -> Result<Standing> {
        self.read("check", self.inner.check()).await
    }

    async fn account(&self, by: By<'_>) -> Result<Option<Account>> {
        self.read("account", self.inner.account(by)).await
    }

    async fn accounts(&self, cursor: Option<&str>) -> Result<Page<Account>> {
        self.read("accounts", self.inner.accounts(cursor)).await
    }

    async fn create_account(&self, draft: &Draft) -> Result<Outcome<Account>> {
        self.write("create_account", self.inner.create_account(draft)).await
    }

    async fn update_account(&self, current: &Account, change: &Change) -> Result<Outcome<Account>> {
        self.write("update_account", self.inner.update_account(current, change)).await
    }

    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>> {
        self.write("deactivate", self.inner.deactivate(account)).await
    }

    async fn reactivate(&self, account: &Account) -> Result<Outcome<Account>> {
        self.write("reactivate", self.inner.reactivate(account)).await
    }

    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>> {
        self.write("delete_account", self.inner.delete_account(account)).await
    }

    fn groups(&self) -> Option<&dyn Groups> {
        self.inner.groups().map(|_| self as &dyn Groups)
    }
}

#[async_trait]
impl Groups for Observed {
    async fn groups(&self) -> Result<Vec<Group>> {
        self.read("groups", self.inner_groups("groups")?.groups()).await
    }

    async fn members(&self, group: &str) -> Result<Vec<String>> {
        self.read("members", self.inner_groups("members")?.members(group)).await
    }

    async fn add_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        self.write("add_member", self.inner_groups("add_member")?.add_member(group, member)).await
    }

    async fn remove_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>> {
        self.write("remove_member", self.inner_groups("remove_member")?.remove_member(group, member)).await
    }

    async fn add_members(&self, group: &str, members: &[Member]) -> Result<Outcome<()>> {
        self.write("add_members", self.inner_groups("add_members")?.add_members(group, members)).await
    }

    async fn remove_members(&self, group: &str, members: &[Member]) -> Result<Outcome<()>> {
        self.write("remove_members", self.inner_groups("remove_members")?.remove_members(group, members))
            .await
    }

    async fn create_group(&self, name: &str) -> Result<Outcome<Group>> {
        self.write("create_group", self.inner_groups("create_group")?.create_group(name)).await
    }

    async fn rename_group(&self, group: &str, name: &str) -> Result<Outcome<()>> {
        self.write("rename_group", self.inner_groups("rename_group")?.rename_group(group, name)).await
    }

    async fn delete_group(&self, group: &str) -> Result<Outcome<()>> {
        self.write("delete_group", self.inner_groups("delete_group")?.delete_group(group)).await
    }
}
