//! The treaty between the gateway and an app: what an app can do, how it answers, how it fails.
//!
//! An adapter implements [`Adapter`] and declares [`Capabilities`]; nothing above this floor knows a vendor, nothing
//! below it knows SCIM.

mod account;
mod breaker;
mod capabilities;
mod error;
mod guarded;
mod observed;
mod outcome;
mod spared;
mod withheld;

pub use account::{Account, Change, Draft, Group, Member, Page, Role, State};
pub use breaker::Condition;
pub use capabilities::{
    Accounts, Capabilities, Create, Deactivate, Delete, Dialect, Fulfilment, GroupCapabilities, Held,
    Membership, Mode, Reactivate, Residual, Roles,
};
pub use error::{Error, Fault, Kind, Result, Retry};
pub use guarded::Guarded;
pub use observed::Observed;
pub use outcome::{Outcome, Request};
pub use spared::{Seen, Spared};
pub use withheld::{Gate, Withheld};

use std::fmt::Debug;

use async_trait::async_trait;

/// How an account is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By<'a> {
    /// The app's own id.
    Id(&'a str),
    /// An e-mail address, or the login name in an app that has no addresses; compared in any case.
    Email(&'a str),
}

/// What [`Adapter::check`] found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// One line a person reads: `reached, 12 accounts visible`.
    pub summary: String,
    /// What to look into though the check passed: an unmanaged workspace, a key that is about to end.
    pub warnings: Vec<String>,
}

/// One configured app, spoken to in its own tongue.
///
/// Every method may be called twice: the second call finds its work done and answers [`Outcome::Already`]. No method
/// sends a create twice; an answer that was lost is [`Kind::Unknown`], and the caller looks before it does anything.
///
/// No method has a body here: a decorator that forgot to pass one on would not compile.
#[async_trait]
pub trait Adapter: Debug + Send + Sync {
    /// What the app can do through this connection; the same value for the life of the adapter.
    fn capabilities(&self) -> &Capabilities;

    /// Proves the credentials with the cheapest read the adapter needs anyway.
    ///
    /// Fails with [`Kind::Credentials`] when the app does not know them; the text names the likely mix-up.
    async fn check(&self) -> Result<Standing>;

    /// The account as the app has it now, or `None` where the app says it has none.
    ///
    /// `None` only ever comes from a well-formed, complete answer. Several accounts of one address are
    /// [`Kind::Ambiguous`]: none of them is picked.
    async fn account(&self, by: By<'_>) -> Result<Option<Account>>;

    /// One page of all accounts in the app's own order; `cursor` is what the page before gave, `None` for the first.
    ///
    /// A listing counts only when every page of it was read.
    async fn accounts(&self, cursor: Option<&str>) -> Result<Page<Account>>;

    /// Creates or invites an account.
    ///
    /// [`Kind::Conflict`] when the address is taken; [`Kind::Unknown`] when the request left and no answer came.
    async fn create_account(&self, draft: &Draft) -> Result<Outcome<Account>>;

    /// Changes only what `change` names and answers what the app then said, which may be a part of the account.
    ///
    /// An empty change is [`Outcome::Already`] and makes no call. `current` is the account as last observed.
    async fn update_account(&self, current: &Account, change: &Change) -> Result<Outcome<Account>>;

    /// Takes the account's access away by the best reversible means the app has.
    ///
    /// An account that is not there is [`Outcome::Already`]. The caller reads back; an adapter does not claim.
    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>>;

    /// Gives a deactivated account its access back, on apps that keep it ([`Reactivate::Native`]).
    async fn reactivate(&self, account: &Account) -> Result<Outcome<Account>>;

    /// Removes the account for good, where [`Capabilities::delete`] says so. Not there is [`Outcome::Already`].
    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>>;

    /// The app's groups, where it has any.
    fn groups(&self) -> Option<&dyn Groups>;
}

/// What an app calls workspaces, teams, groups or roles, shown as SCIM groups.
#[async_trait]
pub trait Groups: Send + Sync {
    /// All groups. `members` is filled in where the app tells it in the same answer.
    async fn groups(&self) -> Result<Vec<Group>>;

    /// The account ids in one group.
    async fn members(&self, group: &str) -> Result<Vec<String>>;

    /// Puts an account into a group; being in it is [`Outcome::Already`].
    ///
    /// Answers the account where the app says how it stands afterwards.
    async fn add_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>>;

    /// Takes an account out of a group; not being in it is [`Outcome::Already`].
    async fn remove_member(&self, group: &str, member: &Member) -> Result<Outcome<Option<Account>>>;

    /// Puts several accounts into a group by one call, no more than [`GroupCapabilities::members_at_once`]: all of them or
    /// none. Those who are in it stay in it.
    ///
    /// An app that takes them one by one answers [`Error::one_by_one`]; it is not asked.
    async fn add_members(&self, group: &str, members: &[Member]) -> Result<Outcome<()>>;

    /// Takes several accounts out of a group by one call: all of them or none. Those who are out of it stay out.
    ///
    /// An app that takes them one by one answers [`Error::one_by_one`]; it is not asked.
    async fn remove_members(&self, group: &str, members: &[Member]) -> Result<Outcome<()>>;

    /// Creates an empty group.
    async fn create_group(&self, name: &str) -> Result<Outcome<Group>>;

    /// Gives a group another name.
    async fn rename_group(&self, group: &str, name: &str) -> Result<Outcome<()>>;

    /// Deletes a group; not there is [`Outcome::Already`].
    async fn delete_group(&self, group: &str) -> Result<Outcome<()>>;
}
