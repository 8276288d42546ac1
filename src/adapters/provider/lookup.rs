//! Finding one user by login or address: by filter where that can be believed, else in the whole listing.

use super::learnt::{Trust, Trusted};
use super::profile::{Login, Offer};
use super::told::Resource;
use super::wire::quoted;
use super::{Provider, told, user};
use crate::base::fold::key;
use crate::contract::{Error, Kind, Result};

const OPERATION: &str = "account";

/// What a filter is asked for.
#[derive(Debug, Clone, Copy)]
enum By {
    Login,
    Address,
}

impl By {
    fn attribute(self) -> &'static str {
        match self {
            Self::Login => "userName",
            Self::Address => "emails.value",
        }
    }

    fn of(self, user: &Resource) -> Option<String> {
        match self {
            Self::Login => told::text_of(user, "userName"),
            Self::Address => told::values(user, "emails").into_iter().find_map(told::value_of),
        }
    }
}

/// What a filter said.
enum Said {
    /// Somebody who was asked for.
    Found(Box<Resource>),
    Nobody,
    /// It was refused, or answered people who were not asked for.
    Nothing,
}

impl Provider {
    /// The user that goes by `login`, in any case; the one whose `userName` it is before one whose address it is;
    /// [`Kind::Ambiguous`] where several do.
    ///
    /// A filter that finds nobody is believed once it has found somebody who was known to be there; until then the
    /// listing decides.
    pub(super) async fn find(&self, login: &str) -> Result<Option<Resource>> {
        let by_address = self.profile.login == Login::Name && login.contains('@');
        let asked = if by_address { &[By::Login, By::Address][..] } else { &[By::Login][..] };
        for by in asked {
            match self.ask(*by, login).await? {
                Said::Found(user) => return Ok(Some(*user)),
                Said::Nobody if self.trust(*by).get() == Trusted::Works => {}
                Said::Nobody | Said::Nothing => return self.find_in_listing(*by, login).await,
            }
        }
        Ok(None)
    }

    async fn find_in_listing(&self, by: By, login: &str) -> Result<Option<Resource>> {
        let users = self.everything("/Users", OPERATION).await?;
        let is_login = |user: &&Resource| By::Login.of(user).is_some_and(|name| key(&name) == key(login));
        let found = match self.only(users.iter().filter(is_login))? {
            Some(user) => Some(user),
            None => self.only(users.iter().filter(|user| user::goes_by(user, login)))?,
        };
        match found {
            // The filter did not find who is there.
            Some(user) if by.of(user).is_some_and(|name| key(&name) == key(login)) => {
                self.trust(by).set(Trusted::Useless);
            }
            _ => self.test(by, &users).await,
        }
        Ok(found.cloned())
    }

    /// Tries the filter on somebody who is there.
    async fn test(&self, by: By, users: &[Resource]) {
        if self.trust(by).get() != Trusted::Untested {
            return;
        }
        let Some((user, name)) = users.iter().find_map(|user| Some((user, by.of(user)?))) else { return };
        let id = told::text_of(user, "id");
        match self.ask(by, &name).await {
            Ok(Said::Found(found)) if told::text_of(&found, "id") == id => self.trust(by).set(Trusted::Works),
            Ok(Said::Found(_) | Said::Nobody | Said::Nothing) => self.trust(by).set(Trusted::Useless),
            // What could not be tested now is tested the next time.
            Err(_) => {}
        }
    }

    async fn ask(&self, by: By, login: &str) -> Result<Said> {
        let trust = self.trust(by);
        if trust.get() == Trusted::Untested && !self.may_filter().await {
            trust.set(Trusted::Useless);
        }
        if trust.get() == Trusted::Useless {
            return Ok(Said::Nothing);
        }
        let filter = format!("{} eq {}", by.attribute(), quoted(login));
        let users = match self.filtered(OPERATION, filter).await {
            Ok(users) => users,
            Err(refused) if refused.is_about_form() || refused.error.kind == Kind::Forbidden => {
                trust.set(Trusted::Useless);
                return Ok(Said::Nothing);
            }
            Err(refused) => return Err(refused.into()),
        };
        if !users.iter().all(|user| user::goes_by(user, login)) {
            trust.set(Trusted::Useless);
            return Ok(Said::Nothing);
        }
        Ok(self.only(users.into_iter())?.map_or(Said::Nobody, |user| Said::Found(Box::new(user))))
    }

    /// The one user there is; [`Kind::Ambiguous`] where there are several.
    fn only<T>(&self, mut users: impl Iterator<Item = T>) -> Result<Option<T>> {
        let first = users.next();
        if users.next().is_none() {
            return Ok(first);
        }
        let message = format!("several users of `{}` go by this login or address", self.profile.app);
        Err(Error::new(Kind::Ambiguous, OPERATION, message))
    }

    async fn may_filter(&self) -> bool {
        match self.profile.filter {
            Offer::No => false,
            Offer::Yes => true,
            Offer::Try => self.learnt.config(&self.client, OPERATION).await.filter != Some(false),
        }
    }

    fn trust(&self, by: By) -> &Trust {
        match by {
            By::Login => &self.learnt.login_filter,
            By::Address => &self.learnt.address_filter,
        }
    }
}
