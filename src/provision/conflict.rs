//! What one person's change may not do to the others: take their name, their account, the last administrator.

use super::Result;
use super::connection::Connection;
use super::mapping;
use super::plan::{self, Access, Step};
use super::refuse;
use super::standing::Person;
use crate::base::fold::key;
use crate::contract::By;
use crate::scim::error::ScimError;
use crate::store::{Key, Kind};

impl Connection {
    /// An account the app has already and no caller asked for is not silently taken over.
    pub(super) async fn refuse_duplicate(&self, wanted: &mapping::Wanted, name_key: &str) -> Result<()> {
        let accounts = &self.capabilities().accounts;
        if accounts.by_email
            && let Some(email) = &wanted.email
        {
            let found = self.adapter().account(By::Email(email)).await;
            if let Some(account) = found.map_err(|error| refuse::not_applied(&error, self.policy.idp))? {
                self.adopt_unless_deleted(account).await?;
            }
        } else {
            self.ensure_listed(Kind::User).await?;
        }
        let store = self.store();
        let by_name = store.find(self.name(), Kind::User, &Key::Name(name_key.to_owned())).await?;
        let by_email = match &wanted.email {
            Some(email) if accounts.email_unique => {
                store.find(self.name(), Kind::User, &Key::Email(key(email))).await?
            }
            _ => Vec::new(),
        };
        if by_name.is_empty() && by_email.is_empty() {
            return Ok(());
        }
        Err(ScimError::uniqueness(
            "`userName` or the address is taken by another person of this connection; look it up with a filter and update that one",
        )
        .into())
    }

    /// A person is not renamed to what somebody else is called; a person's own name is no conflict.
    pub(super) async fn refuse_taken_name(&self, person: &Person, user_name: &str) -> Result<()> {
        let name_key = key(user_name);
        if name_key == person.record.name_key {
            return Ok(());
        }
        let others = self.store().find(self.name(), Kind::User, &Key::Name(name_key)).await?;
        if others.iter().any(|other| other.id != person.record.id) {
            return Err(
                ScimError::uniqueness("`userName` is taken by another person of this connection").into()
            );
        }
        Ok(())
    }

    /// Refuses to take the administrator role from its last holder: the app would lock everybody out.
    pub(super) async fn refuse_last_admin(&self, person: &Person, steps: &[Step]) -> Result<()> {
        let observed = person.observed.clone().unwrap_or_default();
        let Some(admin) = plan::lost_roles(steps, &observed, self.capabilities()) else { return Ok(()) };
        let everybody = self.store().scan(self.name(), Kind::User, 0, u64::from(u32::MAX)).await?;
        let another =
            everybody.into_iter().filter(|record| record.id != person.record.id).map(Person::read).any(
                |other| {
                    plan::access(&other, self.capabilities()) == Access::Open
                        && other
                            .observed
                            .iter()
                            .flat_map(|account| account.roles.iter().flatten())
                            .any(|role| role.value == admin)
                },
            );
        if another {
            return Ok(());
        }
        Err(ScimError::new(
            409,
            format!("this is the last account with the role `{admin}`; give it to another account first"),
        )
        .into())
    }
}
