//! What the gateway remembers of a person beside what was asked for and what the app told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::invitations::Invited;
use super::users::wants_access;
use crate::base::clock::Timestamp;
use crate::base::fold::key;
use crate::contract::{Account, Capabilities, Draft, State};
use crate::store::Record;

/// Where an invitation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Invitation {
    #[default]
    None,
    Pending,
    Accepted,
    /// Nobody accepted it, and it is gone, or so old that it is not counted on.
    Expired,
}

impl Invitation {
    /// As the gateway extension shows it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Expired => "expired",
        }
    }
}

/// The memory beside a [`Record`], kept in its `standing` column.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// `active` as callers are shown it; true only while the person may have access.
    pub active: bool,
    /// The account was in the app before any caller asked for it; what is shown follows the app.
    pub adopted: bool,
    pub invitation: Invitation,
    /// What is remembered of the invitation.
    pub invited: Invited,
    /// What a reactivation restores.
    pub remembered: Option<Draft>,
    /// When the account was found to be gone from the app without our doing.
    pub gone_at: Option<Timestamp>,
    /// What may still give access (see [`crate::contract::Residual`]).
    pub residual: Vec<String>,
    /// The open tasks people have to do, at most one of a kind.
    pub waiting: Vec<Waiting>,
    /// When a step that may give access left without an answer: until it has settled, or shows, nobody can tell.
    pub unsettled_at: Option<Timestamp>,
    /// A change of the account failed, and what it did all the same is not known before the app was looked at.
    pub unverified: bool,
    /// When an account that gives no access was to be removed for good, where the app did not answer that.
    pub removal_unanswered_at: Option<Timestamp>,
    /// When access was to be taken away, until that is confirmed.
    pub unconfirmed_at: Option<Timestamp>,
    /// When the account was created for a caller who has not been told yet, as far as we know.
    pub unacknowledged_at: Option<Timestamp>,
    /// A caller had deleted the person, and the app gave the account access again.
    pub returned: bool,
    /// The groups callers put the person into, and those they took the person out of (`false`), by their ids.
    pub asked_groups: BTreeMap<String, bool>,
    /// Of whoever was deleted here and only disabled in the app: the groups the account stays in there, by their ids.
    pub kept_groups: Vec<String>,
}

/// Work that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub ticket: String,
    pub about: About,
    pub instruction: String,
}

impl Standing {
    /// Whether nobody can tell how the account stands before the app was looked at.
    pub fn is_in_doubt(&self) -> bool {
        self.unsettled_at.is_some() || self.unverified
    }

    /// The open task of the same kind as `about`.
    pub fn waits_for(&self, about: &About) -> Option<&Waiting> {
        self.waiting.iter().find(|waiting| waiting.about.kind() == about.kind())
    }
}

/// What a person was asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    Invite,
    Remove,
    Role(String),
}

impl About {
    /// The task's kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Invite => "invite",
            Self::Remove => "remove",
            Self::Role(_) => "change_role",
        }
    }
}

/// A record with its JSON columns read.
#[derive(Debug, Clone)]
pub struct Person {
    pub record: Record,
    pub desired: serde_json::Value,
    pub observed: Option<Account>,
    pub standing: Standing,
}

impl Person {
    /// Reads the columns; what cannot be read counts as empty, so that one odd row never fails a page.
    pub fn read(record: Record) -> Self {
        Self {
            desired: serde_json::from_str(&record.desired).unwrap_or_else(|_| serde_json::json!({})),
            observed: record.observed.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            standing: serde_json::from_str(&record.standing).unwrap_or_default(),
            record,
        }
    }

    /// A caller has asked for the person; tells whether access that the app gave again by itself becomes theirs with that.
    pub fn belongs_to_a_caller(&mut self) -> bool {
        let returned = std::mem::take(&mut self.standing.returned);
        std::mem::take(&mut self.standing.adopted) && returned
    }

    /// Whether a listing or a single answer lacked the account, and nobody has looked for it since.
    pub fn seems_gone(&self) -> bool {
        let Record { account, observed_at, .. } = &self.record;
        account.is_none() && observed_at.is_none() && self.standing.gone_at.is_some()
    }

    /// Whether the last request that was carried out left the person with access.
    pub fn was_wanted(&self) -> bool {
        serde_json::from_str(&self.record.desired).is_ok_and(|desired| wants_access(&desired))
    }

    /// Whether anything but the times of looking differs from the record that was read.
    pub fn differs_from_record(&self) -> bool {
        let stood = Self::read(self.record.clone());
        (&stood.desired, &stood.observed, &stood.standing) != (&self.desired, &self.observed, &self.standing)
    }

    /// Whether the account may be there and not be shown: an invitation that nobody accepted yet, in many apps.
    pub fn may_be_hidden(&self, capabilities: &Capabilities) -> bool {
        self.observed.as_ref().is_some_and(|account| may_be_hidden(account, capabilities))
    }

    /// How the person is named to the operator who has to act.
    pub fn mention(&self) -> String {
        super::mapping::address(&self.desired).unwrap_or_else(|| self.record.label.clone())
    }

    /// The account as last observed, under the id it is linked by.
    pub fn account(&self) -> Account {
        let mut account = self.observed.clone().unwrap_or_default();
        if let Some(id) = &self.record.account {
            account.id.clone_from(id);
        }
        account
    }

    /// The record with its JSON columns written, and with the columns that are searched instead of them.
    pub fn into_record(mut self) -> Record {
        self.record.active = Some(self.standing.active);
        let told = self.observed.as_ref().and_then(|account| account.display_name.as_deref());
        self.record.told_key = told.map(key);
        self.record.desired = self.desired.to_string();
        self.record.observed = self.observed.as_ref().and_then(|account| serde_json::to_string(account).ok());
        self.record.standing = serde_json::to_string(&self.standing).unwrap_or_default();
        self.record
    }
}
/// Whether an account as last seen may be there and not be shown.
pub fn may_be_hidden(account: &Account, capabilities: &Capabilities) -> bool {
    account.state() == State::Invited && !capabilities.accounts.shows_invited
}
