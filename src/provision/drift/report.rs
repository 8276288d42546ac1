//! What a run found, as it is kept and shown.

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;

/// One way in which the app differs from what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Somebody who was deactivated has access again.
    Reactivated,
    /// Somebody who was deleted has access again.
    Returned,
    /// The account is gone.
    Removed,
    /// The account is disabled.
    Deactivated,
    /// An account that no caller asked for, made after the first run.
    Added,
    /// Another role than was asked for.
    RoleChanged,
    /// Another name or address than was asked for.
    Renamed,
    /// Not in a group that a caller put the person into.
    MembershipRemoved,
    /// In a group that a caller took the person out of.
    MembershipAdded,
    /// A group under another name than a caller gave it.
    GroupRenamed,
}

impl What {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Reactivated,
        Self::Returned,
        Self::Removed,
        Self::Deactivated,
        Self::Added,
        Self::RoleChanged,
        Self::Renamed,
        Self::MembershipRemoved,
        Self::MembershipAdded,
        Self::GroupRenamed,
    ];

    /// The word it is kept and shown under.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reactivated => "reactivated",
            Self::Returned => "returned",
            Self::Removed => "removed",
            Self::Deactivated => "deactivated",
            Self::Added => "added",
            Self::RoleChanged => "role_changed",
            Self::Renamed => "renamed",
            Self::MembershipRemoved => "membership_removed",
            Self::MembershipAdded => "membership_added",
            Self::GroupRenamed => "group_renamed",
        }
    }

    /// Whether somebody has access who must not.
    #[must_use]
    pub fn is_urgent(self) -> bool {
        matches!(self, Self::Reactivated | Self::Returned)
    }
}

/// What became of a finding in the run that found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Left as it is.
    #[default]
    Reported,
    Corrected,
    /// The app did not confirm the correction; the gateway goes on.
    UnderWay,
    /// A guard or the app refused the correction.
    Refused,
}

impl Ended {
    /// The word it is kept and shown under.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Corrected => "corrected",
            Self::UnderWay => "under_way",
            Self::Refused => "refused",
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub what: What,
    /// The SCIM id of the person, or of the group that is itself another.
    pub resource: String,
    /// The SCIM id of the group, where it is about one.
    pub group: Option<String>,
    /// The person, as the operator knows them. Never logged.
    pub person: String,
    /// What was found before what was expected. Never logged: it may name a person.
    pub detail: String,
    /// The run that found it first.
    pub since: Timestamp,
    /// Whether the gateway could put it back.
    pub correctable: bool,
    /// It comes from an invitation that was withdrawn: it is taken back under every policy.
    pub late: bool,
    pub ended: Ended,
    /// Why it was not corrected.
    pub note: Option<String>,
}

impl Finding {
    /// What is the same finding in two runs.
    #[must_use]
    pub fn key(&self) -> String {
        let what = self.what.as_str();
        match &self.group {
            Some(group) => format!("drift:{what}:{}:{group}", self.resource),
            None => format!("drift:{what}:{}", self.resource),
        }
    }

    /// Whether it stands after the run.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.ended != Ended::Corrected
    }
}

/// Whether the listing of a run counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "reason")]
pub enum Listing {
    #[default]
    Complete,
    /// The app could not be listed.
    Failed(String),
    /// It came, and lacks so much that it is not believed.
    Doubtful(String),
}

impl Listing {
    /// The word it is shown under.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Failed(_) => "failed",
            Self::Doubtful(_) => "doubtful",
        }
    }

    /// Why it did not count.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Complete => None,
            Self::Failed(reason) | Self::Doubtful(reason) => Some(reason),
        }
    }
}

/// What one run came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    pub began_at: Timestamp,
    pub ended_at: Timestamp,
    pub listing: Listing,
    /// Accounts in the last listing that counted.
    pub accounts: usize,
    /// Accounts no caller asked for that were there before the first run.
    pub unmanaged: usize,
    /// When the first run began: what no caller asked for and came later is a finding.
    pub baseline_at: Option<Timestamp>,
    /// What was promised, cannot be carried out, and waits for a person.
    pub given_up: usize,
    /// Corrections the policy asked for.
    pub due: usize,
    /// More corrections were due than one run may make, so none was made.
    pub braked: bool,
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many findings there are of a kind, corrected ones too.
    #[must_use]
    pub fn count(&self, what: What) -> usize {
        self.findings.iter().filter(|finding| finding.what == what).count()
    }

    /// How many of a kind were not corrected.
    #[must_use]
    pub fn standing(&self, what: What) -> usize {
        self.findings.iter().filter(|finding| finding.what == what && finding.stands()).count()
    }

    /// How many were corrected.
    #[must_use]
    pub fn corrected(&self) -> usize {
        self.findings.iter().filter(|finding| !finding.stands()).count()
    }

    /// Logs the counts, and nothing that names anybody.
    pub(super) fn log(&self, connection: &str) {
        let counts: Vec<String> = What::ALL
            .into_iter()
            .map(|what| (what, self.count(what)))
            .filter(|(_, count)| *count > 0)
            .map(|(what, count)| format!("{}={count}", what.as_str()))
            .collect();
        let (found, corrected) = (counts.join(" "), self.corrected());
        match &self.listing {
            Listing::Complete if self.braked => tracing::error!(
                connection,
                accounts = self.accounts,
                found,
                "more drift was found than one run may correct; nothing was corrected"
            ),
            Listing::Complete if found.is_empty() => {
                tracing::info!(connection, accounts = self.accounts, "no drift was found");
            }
            Listing::Complete => {
                tracing::warn!(connection, accounts = self.accounts, found, corrected, "drift was found");
            }
            Listing::Failed(reason) => {
                tracing::warn!(connection, reason, "drift was not looked for: the app could not be listed");
            }
            Listing::Doubtful(reason) => {
                tracing::error!(connection, reason, "drift was not looked for: the listing is not believed");
            }
        }
    }
}
