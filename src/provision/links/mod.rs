//! Links between resources and accounts, as an operator sees them, sets them and takes them back.

mod adopt;
mod survey;
mod unlink;

use super::Result;
use super::connection::Connection;
use super::standing::Person;
use crate::base::clock::Timestamp;
use crate::store::Kind;

/// One row of an operator's file: whose an account is. At least one of the names of the account is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkRow {
    /// Counted from 1 with the header.
    pub line: u64,
    pub external_id: Option<String>,
    pub user_name: Option<String>,
    pub email: Option<String>,
    /// The app's own id, which goes before all other names.
    pub account: Option<String>,
}

/// How an account and its resource stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkState {
    /// A caller manages it, or an operator has linked it.
    Linked,
    /// It was in the app before any caller asked for it, and nobody has linked it.
    Adoptable,
    /// The same, and a row of the file says whose it is.
    Matched,
    /// Nobody can tell which account is meant, or whose it is.
    Ambiguous,
    /// The policy protects it: it is linked to nobody.
    Protected,
    /// Something stands in the way; the note says what.
    Conflict,
    /// The app does not list it.
    Missing,
}

impl LinkState {
    /// The state as it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linked => "linked",
            Self::Adoptable => "adoptable",
            Self::Matched => "matched",
            Self::Ambiguous => "ambiguous",
            Self::Protected => "protected",
            Self::Conflict => "conflict",
            Self::Missing => "missing",
        }
    }
}

/// An account with its resource, or a row of a file that has no account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub state: LinkState,
    /// The line of the file that names it.
    pub line: Option<u64>,
    pub account: Option<String>,
    pub email: Option<String>,
    /// As it stands, or as it would be linked.
    pub user_name: Option<String>,
    pub external_id: Option<String>,
    /// The SCIM id.
    pub resource: Option<String>,
    /// When the gateway first saw or made it.
    pub first_seen: Option<Timestamp>,
    /// Why, without personal data.
    pub note: Option<&'static str>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adoption {
    /// Each [`LinkState::Matched`] account is linked; the others were so already.
    Done(Vec<Link>),
    /// Nothing was written: a row is neither [`LinkState::Matched`] nor [`LinkState::Linked`].
    Refused(Vec<Link>),
}

/// What became of resources to be unlinked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unlinking {
    /// So many were unlinked; the others were so already.
    Done(usize),
    /// Nothing was written: these cannot be unlinked, and why.
    Refused(Vec<(String, &'static str)>),
}

impl Connection {
    /// Every resource of a person with its account, from the store alone.
    pub async fn links(&self) -> Result<Vec<Link>> {
        let records = self.store().scan(self.name(), Kind::User, 0, i64::MAX.unsigned_abs()).await?;
        Ok(records.into_iter().map(|record| of(&Person::read(record))).collect())
    }
}

/// The link of a person as it stands.
fn of(person: &Person) -> Link {
    let text = |attribute: &str| Some(person.desired.get(attribute)?.as_str()?.to_owned());
    let (state, note) = match (person.standing.adopted, &person.record.account) {
        (false, Some(_)) => (LinkState::Linked, None),
        (true, Some(_)) => (LinkState::Adoptable, None),
        (_, None) => (LinkState::Missing, Some("it has no account at present")),
    };
    let told = person.observed.as_ref().and_then(|account| account.email.clone());
    Link {
        state,
        line: None,
        account: person.record.account.clone(),
        email: told.or_else(|| super::mapping::address(&person.desired)),
        user_name: text("userName"),
        external_id: text("externalId"),
        resource: Some(person.record.id.clone()),
        first_seen: Some(person.record.created_at),
        note,
    }
}
