//! The guard before every adapter: what the capabilities do not offer is refused before any call leaves.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Account, Accounts, Adapter, By, Capabilities, Change, Create, Deactivate, Delete, Draft, Error, Group,
    Groups, Held, Member, Outcome, Page, Reactivate, Result, Standing,
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
            format!("`{}` cannot do this in the mode `{:?}`", capabilities.app, capabilities.mode)
                .to_lowercase(),
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
        let Capabilities { create, accounts, .. } = self.capabilities();
        self.allow(*create != Create::No && (draft.active || accounts.create_inactive), "create_account")?;
        self.0.create_account(draft).await
    }

    async fn update_account(&self, current: &Account, change: &Change) -> Result<Outcome<Account>> {
        if change.is_empty() {
            return Ok(Outcome::Already(current.clone()));
        }
        self.allow(holds(&self.capabilities().accounts, change), "update_account")?;
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

/// Whether everything `change` names can be changed.
fn holds(held: &Accounts, change: &Change) -> bool {
    let Change { user_name, external_id, email, given_name, family_name, display_name, roles } = change;
    let named = [
        (user_name.is_some(), if held.everything { Held::Yes } else { held.user_name }),
        (external_id.is_some(), held.external_id),
        (email.is_some(), held.email),
        (given_name.is_some(), held.given_name),
        (family_name.is_some(), held.family_name),
        (display_name.is_some(), held.display_name),
        (roles.is_some(), held.roles),
    ];
    named.into_iter().all(|(named, held)| !named || matches!(held, Held::Yes | Held::Tried))
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

    async fn add_members(&self, group: &str, members: &[Member]) -> Result<Outcome<()>> {
        let told = self.capabilities().groups;
        let offered = told.add_member && members.len() <= told.members_at_once;
        self.inner_groups(offered, "add_members")?.add_members(group, members).await
    }

    async fn remove_members(&self, group: &str, members: &[Member]) -> Result<Outcome<()>> {
        let told = self.capabilities().groups;
        let offered = told.remove_member && members.len() <= told.members_at_once;
        self.inner_groups(offered, "remove_members")?.remove_members(group, members).await
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Kind;

    /// An app that can do nothing; asking it anyway is found.
    #[derive(Debug)]
    struct Nothing(Capabilities);

    #[async_trait]
    impl Adapter for Nothing {
        fn capabilities(&self) -> &Capabilities {
            &self.0
        }

        async fn check(&self) -> Result<Standing> {
            unreachable!()
        }

        async fn account(&self, _: By<'_>) -> Result<Option<Account>> {
            unreachable!()
        }

        async fn accounts(&self, _: Option<&str>) -> Result<Page<Account>> {
            unreachable!()
        }

        async fn create_account(&self, _: &Draft) -> Result<Outcome<Account>> {
            unreachable!()
        }

        async fn update_account(&self, _: &Account, _: &Change) -> Result<Outcome<Account>> {
            unreachable!()
        }

        async fn deactivate(&self, _: &Account) -> Result<Outcome<()>> {
            unreachable!()
        }

        async fn reactivate(&self, _: &Account) -> Result<Outcome<Account>> {
            unreachable!()
        }

        async fn delete_account(&self, _: &Account) -> Result<Outcome<()>> {
            unreachable!()
        }

        fn groups(&self) -> Option<&dyn Groups> {
            None
        }
    }

    #[tokio::test]
    async fn what_is_not_declared_is_refused_without_asking() {
        fn is_refused<T: std::fmt::Debug>(answered: Result<T>) {
            assert_eq!(answered.unwrap_err().kind, Kind::Unsupported);
        }
        let guarded = Guarded::new(Arc::new(Nothing(Capabilities::default())));
        let account = Account::default();
        is_refused(guarded.accounts(None).await);
        is_refused(guarded.create_account(&Draft { active: true, ..Draft::default() }).await);
        let change = Change { email: Some("anna@example.com".into()), ..Change::default() };
        is_refused(guarded.update_account(&account, &change).await);
        is_refused(guarded.deactivate(&account).await);
        is_refused(guarded.reactivate(&account).await);
        is_refused(guarded.delete_account(&account).await);
        is_refused(Groups::groups(&guarded).await);
        is_refused(guarded.create_group("Audit").await);
        assert!(Adapter::groups(&guarded).is_none());
    }
}
