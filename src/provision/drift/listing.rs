//! The listing of a run: read whole, or counted for nothing.

use std::collections::BTreeSet;

use super::super::Result;
use super::super::connection::Connection;
use super::super::refuse;
use super::super::roster::{Absorb, Missing, is_believable};
use super::super::standing::Person;
use super::report::{Listing, Report};
use crate::contract::Account;
use crate::store::Kind;

/// What came of listing the app.
pub(super) enum Judged {
    /// It counts; how many accounts there are.
    Counts(usize),
    Not(Listing),
}

impl Connection {
    /// Lists the app's people, however fresh what is known is, and takes them in if the listing is to be believed.
    pub(super) async fn list_for_drift(&self, last: &Report, believe: bool) -> Result<Judged> {
        let mut failed = self.listing_turn().await;
        let began = self.now();
        let (accounts, repeated) = match self.read_accounts().await {
            Ok(read) => read,
            Err(error) => {
                *failed = Some(self.now());
                let reason = refuse::not_applied(&error, self.policy.idp).error.detail;
                return Ok(Judged::Not(Listing::Failed(reason)));
            }
        };
        if repeated > 0 {
            let reason = format!("{repeated} accounts came twice: the pages moved while they were read");
            return Ok(Judged::Not(Listing::Doubtful(reason)));
        }
        let doubt = if believe { None } else { self.doubt(&accounts, last).await? };
        if let Some(reason) = doubt {
            return Ok(Judged::Not(Listing::Doubtful(reason)));
        }
        let missing = if believe { Missing::Believed } else { Missing::IfBelievable };
        self.absorb_accounts(&accounts, Absorb { began, missing }).await?;
        *failed = None;
        Ok(Judged::Counts(accounts.len()))
    }

    /// Why a listing is not to be believed.
    async fn doubt(&self, accounts: &[Account], last: &Report) -> Result<Option<String>> {
        if accounts.len() * 2 < last.accounts {
            return Ok(Some(format!(
                "found {} accounts, expected about {} as in the last listing",
                accounts.len(),
                last.accounts
            )));
        }
        let listed: BTreeSet<&str> = accounts.iter().map(|account| account.id.as_str()).collect();
        let known = self.store().scan(self.name(), Kind::User, 0, i64::MAX.unsigned_abs()).await?;
        let linked: Vec<Person> = known
            .into_iter()
            .map(Person::read)
            .filter(|person| person.record.account.is_some() && !person.may_be_hidden(self.capabilities()))
            .collect();
        let is_missing = |person: &&Person| {
            person.record.account.as_deref().is_none_or(|account| !listed.contains(account))
        };
        let missing = linked.iter().filter(is_missing).count();
        if is_believable(missing, linked.len()) {
            return Ok(None);
        }
        Ok(Some(format!("{missing} of {} known accounts are not in it", linked.len())))
    }
}
