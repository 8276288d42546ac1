//! Reads back what an app has not said, or has to be seen to have done.

use std::time::Duration;

use super::connection::Connection;
use super::standing::may_be_hidden;
use crate::base::context;
use crate::contract::{
    Account, By, Capabilities, Change, Error, Held, Kind, Outcome, Request, Result, State,
};

/// The pauses before an app is asked again whether a change shows: it is asked after 0, 1, 3 and 10 seconds.
pub(super) const PAUSES: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(7)];

impl Connection {
    /// Sees an end of access through that the app was asked for: `None` once it was read back, and what a person is to
    /// do where the app left it to one.
    ///
    /// # Errors
    /// As [`Connection::unless_gone`] and [`Connection::confirm_inactive`].
    pub(super) async fn seen_out(
        &self,
        account: &Account,
        answered: Result<Outcome<()>>,
    ) -> Result<Option<Request>> {
        match answered {
            Ok(Outcome::Waiting(request)) => return Ok(Some(request)),
            Ok(Outcome::Done(()) | Outcome::Invited(())) => self.confirm_inactive(account, true).await?,
            Ok(Outcome::Already(())) => self.confirm_inactive(account, false).await?,
            Err(error) => self.unless_gone(account, error).await?,
        }
        Ok(None)
    }

    /// An error that may hide a success is resolved by reading back; every other one stands, and so does one about
    /// an account that need not be shown.
    async fn unless_gone(&self, account: &Account, error: Error) -> Result<()> {
        match error.kind {
            Kind::Unknown if may_be_hidden(account, self.capabilities()) => Err(error),
            Kind::Unknown | Kind::NotFound => self.confirm_inactive(account, false).await.map_err(|_| error),
            // The app did something and said what nobody can read: one look tells whether it was this.
            Kind::Unexpected if self.is_inactive(account).await => Ok(()),
            Kind::Conflict
            | Kind::Invalid
            | Kind::Ambiguous
            | Kind::Unsupported
            | Kind::Credentials
            | Kind::Forbidden
            | Kind::NoSeats
            | Kind::RateLimited
            | Kind::Unavailable
            | Kind::Unexpected => Err(error),
        }
    }

    /// Reads back until the app says the person has no access.
    ///
    /// Where nothing but a 404 was ever `heard` of the app, the account is looked for by its address too: a wrong path or
    /// a gateway that lost its route says 404 of everybody, and cannot answer that.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] when the app goes on saying that the account works, and whatever the reads fail with.
    async fn confirm_inactive(&self, account: &Account, heard: bool) -> Result<()> {
        for pause in PAUSES {
            if pause >= context::remaining(Duration::from_secs(25)) {
                break;
            }
            tokio::time::sleep(pause).await;
            let still = self.adapter().account(By::Id(&account.id)).await?;
            let is_out = has_no_access(still.as_ref());
            if is_out && (heard || still.is_some() || self.is_unknown_by_address(account).await?) {
                return Ok(());
            }
        }
        Err(Error::new(
            Kind::Unavailable,
            "deactivate",
            format!(
                "{} took the deactivation and still shows the account as active",
                self.capabilities().app
            ),
        ))
    }

    /// Whether nobody with the account's address has access; so of an account whose address nobody knows.
    async fn is_unknown_by_address(&self, account: &Account) -> Result<bool> {
        let Some(address) = &account.email else { return Ok(true) };
        Ok(has_no_access(self.look_up(address).await?.as_ref()))
    }

    /// Whether the app says so now; not where it cannot be asked, or need not show the account.
    async fn is_inactive(&self, account: &Account) -> bool {
        let told = self.adapter().account(By::Id(&account.id)).await;
        !may_be_hidden(account, self.capabilities()) && told.is_ok_and(|told| has_no_access(told.as_ref()))
    }

    /// What the app said after `change`; where it said nothing it is asked until it shows the change.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] where it does not show it, and whatever the reading fails with.
    pub(super) async fn told_or_read(
        &self,
        told: Account,
        change: &Change,
        operation: &'static str,
    ) -> Result<Account> {
        let said_nothing = told == Account { id: told.id.clone(), ..Account::default() };
        if !said_nothing || may_be_hidden(&told, self.capabilities()) {
            return Ok(told);
        }
        for pause in PAUSES {
            if pause >= context::remaining(Duration::from_secs(25)) {
                break;
            }
            tokio::time::sleep(pause).await;
            let read = self.adapter().account(By::Id(&told.id)).await?;
            if let Some(read) = read.filter(|read| shows(read, change, self.capabilities())) {
                return Ok(read);
            }
        }
        let app = self.capabilities().app;
        Err(Error::new(Kind::Unavailable, operation, format!("{app} took a change and does not show it")))
    }
}

/// Whether an account that was read, or is not there, gives no access.
fn has_no_access(account: Option<&Account>) -> bool {
    account.is_none_or(|account| account.state == Some(State::Inactive))
}

/// Whether an account shows what a change of it asked for, as far as the app holds that.
fn shows(account: &Account, change: &Change, capabilities: &Capabilities) -> bool {
    let held = &capabilities.accounts;
    let is = |want: &Option<String>, have: &Option<String>, how: Held| {
        want.is_none() || how != Held::Yes || want == have
    };
    let has =
        |role: &String| account.roles.iter().flatten().any(|held| held.value.eq_ignore_ascii_case(role));
    is(&change.given_name, &account.given_name, held.given_name)
        && is(&change.family_name, &account.family_name, held.family_name)
        && is(&change.display_name, &account.display_name, held.display_name)
        && (held.roles != Held::Yes || change.roles.iter().flatten().all(has))
        && change
            .email
            .as_ref()
            .is_none_or(|email| account.email.as_ref().is_some_and(|held| held.eq_ignore_ascii_case(email)))
}
