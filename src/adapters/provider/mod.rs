//! The client of another server that speaks SCIM 2.0, which RFC 7643 calls a service provider.
//!
//! An app whose interface is SCIM describes the other side in a [`Profile`] and has an adapter: [`Provider`] is a whole
//! [`Adapter`] with [`Groups`]. An app that has more than SCIM keeps one and asks it for what SCIM does best. Reading is
//! tolerant, writing is strict, and nothing is believed that the answer does not bear out.

mod profile;
pub mod settings;

pub use profile::{GroupProfile, Login, MemberForm, Offer, Profile, RoleAttribute, Write};

use async_trait::async_trait;

use crate::contract::{
    Account, Adapter, By, Capabilities, Change, Dialect, Draft, Error, Group, Groups, Member, Mode, Outcome,
    Page, Result, Standing,
};
use crate::upstream::{self, Upstream};

/// One service provider, as an adapter.
#[derive(Debug)]
pub struct Provider {
    profile: Profile,
    capabilities: Capabilities,
    upstream: Upstream,
}

impl Provider {
    /// Makes the client of a provider; fails with one line for the operator when the address or the credential cannot
    /// be used. No call is made.
    pub fn new(
        profile: Profile,
        mode: Mode,
        dialect: Dialect,
        settings: upstream::Settings,
    ) -> std::result::Result<Self, String> {
        let capabilities = profile.capabilities(mode, dialect);
        Ok(Self { profile, capabilities, upstream: Upstream::new(settings)? })
    }
}

fn nothing<T>(o: &'static str) -> Result<T> {
    Err(Error::unsupported(o, "not yet"))
}

#[async_trait]
impl Adapter for Provider {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn check(&self) -> Result<Standing> {
        nothing("check")
    }

    async fn account(&self, _: By<'_>) -> Result<Option<Account>> {
        nothing("account")
    }

    async fn accounts(&self, _: Option<&str>) -> Result<Page<Account>> {
        nothing("accounts")
    }

    async fn create_account(&self, _: &Draft) -> Result<Outcome<Account>> {
        nothing("create_account")
    }

    async fn update_account(&self, _: &Account, _: &Change) -> Result<Outcome<Account>> {
        nothing("update_account")
    }

    async fn deactivate(&self, _: &Account) -> Result<Outcome<()>> {
        nothing("deactivate")
    }

    async fn reactivate(&self, _: &Account) -> Result<Outcome<Account>> {
        nothing("reactivate")
    }

    async fn delete_account(&self, _: &Account) -> Result<Outcome<()>> {
        nothing("delete_account")
    }

    fn groups(&self) -> Option<&dyn Groups> {
        self.profile.groups.map(|_| self as &dyn Groups)
    }
}

#[async_trait]
impl Groups for Provider {
    async fn groups(&self) -> Result<Vec<Group>> {
        let _ = &self.upstream;
        nothing("groups")
    }

    async fn members(&self, _: &str) -> Result<Vec<String>> {
        nothing("members")
    }

    async fn add_member(&self, _: &str, _: &Member) -> Result<Outcome<Option<Account>>> {
        nothing("add_member")
    }

    async fn remove_member(&self, _: &str, _: &Member) -> Result<Outcome<Option<Account>>> {
        nothing("remove_member")
    }

    async fn create_group(&self, _: &str) -> Result<Outcome<Group>> {
        nothing("create_group")
    }

    async fn rename_group(&self, _: &str, _: &str) -> Result<Outcome<()>> {
        nothing("rename_group")
    }

    async fn delete_group(&self, _: &str) -> Result<Outcome<()>> {
        nothing("delete_group")
    }
}
