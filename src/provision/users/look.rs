//! Looking at the app before a change, where what is known is too old or in doubt.

use std::time::Duration;

use super::super::connection::Connection;
use super::super::plan::{self, Access};
use super::super::standing::Person;
use super::super::{Result, mapping};
use super::create::SETTLE;
use crate::contract::{self, Account, By, Deactivate, Reactivate, State};
use crate::store::{Key, Kind, Lifecycle};

impl Connection {
    /// Looks at the account again where what is known is too old to plan on, where a step that may give access was
    /// never answered or the last change failed, and `always` where the caller has a reason of its own.
    ///
    /// Somebody without an account is looked for by address: an invitation by hand gives another id. Answers what the
    /// look failed with: then nobody knows how the account stands.
    pub(in crate::provision) async fn look_again(
        &self,
        person: &mut Person,
        always: bool,
    ) -> Result<Option<contract::Error>> {
        if self.capabilities().deactivate == Deactivate::Task {
            return Ok(None);
        }
        // That a listing lacks somebody says less than a look: its pages may have moved while they were read.
        let listed = if person.standing.gone_at.is_none() { self.listed_at(Kind::User).await? } else { None };
        let fresh = self.is_fresh(person.record.observed_at.max(listed));
        if fresh && !always && !person.standing.is_in_doubt() {
            return Ok(None);
        }
        let login = login(person);
        let mut told = match (&person.record.account, &login) {
            (Some(id), _) => self.adapter().account(By::Id(id)).await,
            (None, Some(login)) => self.look_for_gone(person, login).await,
            (None, None) => return Ok(None),
        };
        let hidden = person.may_be_hidden(self.capabilities());
        let not_shown = matches!(told, Ok(None)) && person.record.account.is_some();
        // Another account may have taken its place: by hand, or by a step that was never answered.
        if not_shown && (!hidden || person.standing.unsettled_at.is_some()) {
            if let Some(login) = &login {
                told = self.look_up(login).await;
            }
            if !hidden && told.is_ok() || matches!(told, Ok(Some(_))) {
                self.mark_gone(person);
            }
        }
        let shown = matches!(told, Ok(Some(_)));
        match told {
            Ok(Some(told)) => {
                if person.record.account.is_some() || !self.is_anothers(&told.id, person).await? {
                    let mut account = person.observed.clone().unwrap_or_default();
                    if person.record.account.is_none() {
                        account.state = None;
                    }
                    account.merge(told);
                    person.standing.gone_at = None;
                    self.observe(person, account);
                }
            }
            Ok(None) => person.record.observed_at = Some(self.now()),
            Err(error) => return Ok(Some(error)),
        }
        person.standing.unverified = false;
        let open = plan::access(person, self.capabilities()) == Access::Open;
        let settled = person.standing.unsettled_at.is_some() && self.unsettled_for(person).is_none();
        if settled && !(open && shown) && !self.capabilities().accounts.shows_invited {
            self.say_that_an_invitation_may_be_open(person).await;
        }
        // A lost create is never sent again before this, so that the account is the one that may have come; of
        // reactivations there may be several on the way. One that is only remembered says nothing.
        let came = open && shown && self.capabilities().reactivate != Reactivate::Native;
        if settled || came {
            person.standing.unsettled_at = None;
        }
        Ok(None)
    }

    /// [`Connection::look_again`] in any case; what it found is kept at once. The caller has the turn.
    pub(in crate::provision) async fn look_and_keep(
        &self,
        person: &mut Person,
    ) -> Result<Option<contract::Error>> {
        let expected = Some(person.record.version);
        let doubt = self.look_again(person, true).await?;
        let places = self.place_writes(person).await?;
        self.keep(person, expected, places).await?;
        Ok(doubt)
    }

    /// Somebody without an account: the one they had is asked for by its id, where it only seems to be gone.
    async fn look_for_gone(&self, person: &Person, login: &str) -> contract::Result<Option<Account>> {
        let known = person.observed.as_ref().filter(|_| person.standing.gone_at.is_some());
        if let Some(known) = known.filter(|known| !known.id.is_empty())
            && let Some(found) = self.adapter().account(By::Id(&known.id)).await?
        {
            return Ok(Some(found));
        }
        self.look_up(login).await
    }

    /// For how long a step that gives access and was never answered may still take effect; `None` where there is none.
    pub(in crate::provision) fn unsettled_for(&self, person: &Person) -> Option<Duration> {
        let ago = self.shared.clock.elapsed(person.standing.unsettled_at?);
        SETTLE.checked_sub(ago).filter(|left| !left.is_zero())
    }

    async fn is_anothers(&self, account: &str, person: &Person) -> Result<bool> {
        let known = self.store().find(self.name(), Kind::User, &Key::Account(account.to_owned())).await?;
        Ok(known.iter().any(|record| record.lifecycle == Lifecycle::Live && record.id != person.record.id))
    }

    /// The account vanished without our doing: no access, and what it was is remembered. Until it was looked for by its
    /// address, too, it only seems to be gone: whoever changes the person looks.
    pub(in crate::provision) fn mark_gone(&self, person: &mut Person) {
        person.record.account = None;
        person.record.observed_at = None;
        person.expire_invitation();
        person.standing.active = false;
        person.standing.unconfirmed_at = None;
        person.standing.gone_at = Some(self.now());
        if let Some(observed) = &mut person.observed {
            observed.state = Some(State::Inactive);
        }
    }
}

/// Something that gives access was sent, was never answered, and may take effect by itself for so long.
pub(in crate::provision) fn may_come_yet(left: Duration) -> contract::Error {
    contract::Error::new(
        contract::Kind::Unknown,
        "account",
        "an activation or an invitation that was never answered may still come",
    )
    .after(Some(left))
}

/// What the app knows the person by, if it knows the person.
fn login(person: &Person) -> Option<String> {
    let told = person.observed.as_ref().and_then(|account| account.email.clone());
    told.or_else(|| mapping::address(&person.desired))
        .or_else(|| person.desired.get("userName").and_then(serde_json::Value::as_str).map(str::to_owned))
}
