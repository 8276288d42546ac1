//! What one person's change may not do to the others: take their name, their account, the last administrator.

use super::connection::Connection;
use super::mapping;
use super::plan::{self, Access};
use super::refuse;
use super::standing::Person;
use super::{Result, STRIDE};
use crate::base::fold::key;
use crate::scim::error::ScimError;
use crate::store::{Key, Kind};

impl Connection {
    /// An account the app has already and no caller asked for is not silently taken over: answers the one that the
    /// policy gives to a create with its address.
    ///
    /// # Errors
    /// 409 `uniqueness` where the name or the address is taken otherwise.
    pub(super) async fn refuse_duplicate(
        &self,
        wanted: &mapping::Wanted,
        name_key: &str,
    ) -> Result<Option<Person>> {
        let accounts = &self.capabilities().accounts;
        // What was listed a moment ago need not be asked for again: whoever came since is the app's own conflict.
        let listed = self.still_lists(Kind::User, self.listed_at(Kind::User).await?);
        if accounts.by_email
            && !listed
            && let Some(email) = &wanted.email
        {
            let found = self.look_up(email).await;
            if let Some(account) = found.map_err(|error| refuse::not_applied(&error, self.policy.idp))? {
                self.adopt_unless_deleted(account).await?;
            }
        } else {
            self.ensure_listed(Kind::User).await?;
        }
        let store = self.store();
        let mut found = store.find(self.name(), Kind::User, &Key::Name(name_key.to_owned())).await?;
        if let Some(email) = wanted.email.as_ref().filter(|_| accounts.email_unique) {
            let by_email = store.find(self.name(), Kind::User, &Key::Email(key(email))).await?;
            found.extend(by_email.into_iter().filter(|record| record.name_key != name_key));
        }
        let people: Vec<Person> = found.into_iter().map(Person::read).collect();
        match people.as_slice() {
            [] => Ok(None),
            [one] if self.is_taken_over_by_create(one, wanted.email.as_deref()) => Ok(Some(one.clone())),
            // Whoever a caller manages already is what it should look up.
            [first, ..] => {
                Err(self.duplicate(people.iter().find(|one| !one.standing.adopted).unwrap_or(first)).into())
            }
        }
    }

    /// A person is not renamed to what somebody else is called.
    pub(super) async fn refuse_taken_name(&self, person: &Person, user_name: &str) -> Result<()> {
        let others = self.store().find(self.name(), Kind::User, &Key::Name(key(user_name))).await?;
        if others.iter().any(|other| other.id != person.record.id) {
            return Err(
                ScimError::uniqueness("`userName` is taken by another person of this connection").into()
            );
        }
        Ok(())
    }

    /// Refuses to take the administrator role from its last holders: the app would lock everybody out.
    ///
    /// The caller holds the turn of the administrators, or asks only to refuse early.
    pub(super) async fn refuse_last_admin(&self, losing: &[&str]) -> Result<()> {
        let Some(admin) = self.capabilities().admin_role else { return Ok(()) };
        let mut offset = 0;
        loop {
            let records = self.store().scan(self.name(), Kind::User, offset, STRIDE).await?;
            let last = (records.len() as u64) < STRIDE;
            let another = records
                .into_iter()
                .filter(|record| !losing.contains(&record.id.as_str()))
                .map(Person::read)
                .any(|other| {
                    plan::access(&other, self.capabilities()) == Access::Open && plan::has_role(&other, admin)
                });
            if another {
                return Ok(());
            }
            if last {
                break;
            }
            offset += STRIDE;
        }
        Err(ScimError::new(
            409,
            format!("this is the last account with the role `{admin}`; give it to another account first"),
        )
        .into())
    }
}
