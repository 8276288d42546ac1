//! Accounts that were in the app before any caller asked for them: which requests may take one over.

use std::collections::BTreeMap;

use super::Result;
use super::connection::Connection;
use super::mapping;
use super::plan;
use super::policy::AdoptExisting;
use super::standing::Person;
use super::users::wants_access;
use crate::base::fold::key;
use crate::contract::Membership;
use crate::scim::error::{ScimError, ScimType};
use crate::store::{self, Key, Kind, Lifecycle, Write};

/// What `adopt_existing = "explicit"` tells a caller, without the person.
const OPERATORS: &str = "no request changes an account that was in the app before (`adopt_existing = \"explicit\"`): an operator links it with `portcullis links adopt`";

impl Connection {
    /// Refuses a change of an account nobody has linked, where the policy leaves that to an operator; a protected one
    /// is taken over by no request. No call is made.
    ///
    /// # Errors
    /// 403 for both.
    pub(super) fn refuse_take_over(&self, person: &Person) -> Result<()> {
        if !person.standing.adopted {
            return Ok(());
        }
        if plan::is_protected(person, &self.policy) {
            let detail = "this account is protected by the connection's policy, and no request takes it over";
            return Err(ScimError::new(403, detail).into());
        }
        match self.policy.adopt_existing {
            AdoptExisting::Explicit => Err(ScimError::new(403, OPERATORS).into()),
            AdoptExisting::Lookup | AdoptExisting::Match => Ok(()),
        }
    }

    /// Refuses members to be put in or taken out that nobody has linked, where the policy leaves them to an operator.
    ///
    /// # Errors
    /// 403, before any call.
    pub(super) fn refuse_unmanaged_members(
        &self,
        ids: &[String],
        people: &BTreeMap<String, Person>,
    ) -> Result<()> {
        if self.policy.adopt_existing != AdoptExisting::Explicit {
            return Ok(());
        }
        ids.iter().filter_map(|id| people.get(id)).try_for_each(|person| self.refuse_take_over(person))
    }

    /// Whether a create with the address `email` takes over this account, the only one that stands in its way.
    ///
    /// Names that are alike only after folding (`ß` and `ss`, full-width letters) are a conflict and no match: two
    /// mailboxes may be spelled so.
    pub(super) fn is_taken_over_by_create(&self, person: &Person, email: Option<&str>) -> bool {
        let told = person.observed.as_ref().and_then(|account| account.email.as_deref());
        self.policy.adopt_existing == AdoptExisting::Match
            && person.standing.adopted
            && !plan::is_protected(person, &self.policy)
            && told.zip(email).is_some_and(|(told, asked)| is_same_spelling(told, asked))
    }

    /// The 409 of a create whose name or address this person has.
    pub(super) fn duplicate(&self, person: &Person) -> ScimError {
        if !person.standing.adopted {
            return ScimError::uniqueness(
                "`userName` or the address is taken by another person of this connection; look it up with a filter and update that one",
            );
        }
        if plan::is_protected(person, &self.policy) {
            return ScimError::uniqueness(
                "the app has an account with this name or address that is protected by the connection's policy: no request takes it over",
            );
        }
        match self.policy.adopt_existing {
            AdoptExisting::Explicit => ScimError::uniqueness(format!(
                "the app has an account with this name or address; {OPERATORS}"
            )),
            AdoptExisting::Lookup | AdoptExisting::Match => ScimError::uniqueness(
                "the app has an account with this name or address; look it up with a filter and update that one",
            ),
        }
    }

    /// Whoever comes back to a disabled account is in the groups it was in: nobody took it out of them.
    pub(in crate::provision) async fn groups_kept(&self, account: &str, member: &str) -> Option<Write> {
        if self.capabilities().groups.membership != Membership::OnGroup {
            return None;
        }
        let key = Key::Account(account.to_owned());
        let known = self.store().find(self.name(), Kind::User, &key).await.ok()?;
        let kept = known
            .into_iter()
            .filter(|record| record.lifecycle == Lifecycle::Deleted)
            .max_by_key(|record| record.modified_at)
            .map(|record| Person::read(record).standing.kept_groups)?;
        let stand = self.store().records(self.name(), Kind::Group, &kept).await.ok()?;
        let memberships: Vec<store::Membership> = stand
            .into_iter()
            .map(|group| store::Membership { group: group.id, member: member.to_owned() })
            .collect();
        let connection = self.name().to_owned();
        (!memberships.is_empty()).then_some(Write::AddMembers { connection, memberships })
    }
}

/// Refuses another address in the request that takes an account over: who can say what an account's address is
/// could otherwise make somebody else's account their own. A leaver is not held up.
///
/// # Errors
/// 400 `mutability`.
pub(super) fn refuse_other_address(person: &Person, desired: &serde_json::Value) -> Result<()> {
    let told = person.observed.as_ref().and_then(|account| account.email.as_deref());
    let (Some(told), Some(asked)) = (told, mapping::address(desired)) else { return Ok(()) };
    if !person.standing.adopted || !wants_access(desired) || key(told) == key(&asked) {
        return Ok(());
    }
    Err(ScimError::bad(
        ScimType::Mutability,
        "the request that takes an existing account over cannot change its e-mail address: send the one that stands first",
    )
    .into())
}

/// Whether two addresses differ in case only, letter by letter.
fn is_same_spelling(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim(), other.trim());
    let same = |(one, other): (char, char)| {
        // The Kelvin sign is a letter beyond ASCII whose small form is `k`.
        one.is_ascii() == other.is_ascii() && one.to_lowercase().eq(other.to_lowercase())
    };
    one.chars().count() == other.chars().count() && one.chars().zip(other.chars()).all(same)
}

#[cfg(test)]
mod tests {
    use super::is_same_spelling;

    #[test]
    fn spellings_that_differ_in_case_only_are_the_same() {
        assert!(is_same_spelling("Anna@Corp.Example", " anna@corp.example"));
        assert!(is_same_spelling("JÜRGEN@bücher.example", "jürgen@BÜCHER.example"));
    }

    #[test]
    fn look_alikes_are_not() {
        for look_alike in ["strasse@x", "ｓtraße@x", "stra\u{df}e@x.y", "straße"] {
            assert!(!is_same_spelling("straße@x", look_alike), "{look_alike}");
        }
        assert!(!is_same_spelling("kim@x", "\u{212a}im@x"));
        assert!(!is_same_spelling("mike@x", "m\u{131}ke@x"));
    }
}
