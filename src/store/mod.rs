//! Memory: links between resources and accounts, the journal, tokens, tasks. One trait, one conformance suite.

pub mod anchor;
pub mod audit;
mod chronicle;
#[cfg(test)]
pub mod conformance;
mod held;
#[cfg(any(test, feature = "sim"))]
pub mod hooked;
pub mod lease;
#[cfg(any(test, feature = "sim"))]
pub mod memory;
pub mod postgres;
mod prefix;
pub mod sqlite;
mod task;
pub mod timekeeping;
pub mod trace;
mod words;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use self::chronicle::Chronicle;
pub use self::lease::{Claim, Leases};
pub use self::task::{Task, TaskState};
use crate::base::clock::Timestamp;
use crate::base::secret::TokenHash;

/// The result of every storage operation.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the store said no.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another live record of this connection and kind has the name.
    #[error("the name is taken")]
    NameTaken,
    /// The record has changed since it was read.
    #[error("the record has changed since it was read")]
    Stale,
    /// Another replica has what the commit was made under; nothing of the commit was applied.
    #[error("another replica has taken this over")]
    Lost,
    /// The disk, the server or the file is not what it should be; nothing of the commit was applied.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The data directory belongs to another running instance, or the file is not ours.
    #[error("{0}")]
    Refused(String),
}

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    User,
    Group,
}

/// Whether callers can see a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    Live,
    /// Deleted by a caller: hidden, its name free again, kept so that a listing does not bring it back.
    Deleted,
}

/// A link: the SCIM resource on one side, the app's account or group on the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub connection: String,
    pub kind: Kind,
    /// The SCIM id; records are listed in its order, which is the order of creation.
    pub id: String,
    pub lifecycle: Lifecycle,
    /// The app's own id; `None` until there is one and again after it is gone.
    pub account: Option<String>,
    /// Folded `userName` or `displayName`; unique among the live records of a connection and kind.
    pub name_key: String,
    /// The name as references show it (`groups[].display`, `members[].display`).
    pub label: String,
    pub external_id: Option<String>,
    /// Folded addresses, each findable.
    pub email_keys: Vec<String>,
    /// Folded `displayName` as it was asked for.
    pub display_key: Option<String>,
    /// Folded display name as the app tells it, which may be the one that is shown.
    pub told_key: Option<String>,
    /// `active` as it is shown; `None` for what has no such attribute.
    pub active: Option<bool>,
    /// The resource as callers wrote it: JSON text without `id`, `meta`, `groups` and `members`.
    pub desired: String,
    /// The account as the app last told it: JSON text.
    pub observed: Option<String>,
    /// What the floor above remembers beside both: JSON text.
    pub standing: String,
    /// Goes up with every accepted change of what is desired.
    pub generation: i64,
    /// Goes up with every change a caller can see; the entity tag.
    pub version: i64,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    pub observed_at: Option<Timestamp>,
    /// Filled in by reads that ask for it, ignored by writes: the live groups this record is a member of.
    pub groups: Vec<Reference>,
}

/// A record as seen from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    pub id: String,
    pub label: String,
    pub kind: Kind,
}

/// An index to look a record up by; keys are folded by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    Id(String),
    /// As [`Key::Id`], of a deleted record.
    Deleted(String),
    /// The app's own id; finds deleted records too.
    Account(String),
    Name(String),
    ExternalId(String),
    Email(String),
    /// `displayName`, as it was asked for or as the app tells it: one of the two is shown.
    Display(String),
    /// Groups that have this member.
    Member(String),
    /// Members of this group.
    Group(String),
    /// Names that begin so; every name where it is empty.
    NamePrefix(String),
    /// As [`Key::Display`], for names that begin so.
    DisplayPrefix(String),
    Active(bool),
    /// Last changed between these moments, both included.
    Modified {
        from: Timestamp,
        to: Timestamp,
    },
}

/// What has been promised to a caller and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    pub id: String,
    pub connection: String,
    pub kind: Kind,
    /// The SCIM id.
    pub resource: String,
    /// `create`, `update`, `deactivate`, `delete`, `members` …
    pub operation: String,
    /// Of a create: the folded name of what it makes. Else empty.
    pub name_key: String,
    pub generation: i64,
    /// The plan: JSON text.
    pub plan: String,
    /// Carried out by us until it is done, whatever the caller does.
    pub sticky: bool,
    pub state: IntentState,
    /// Attempts begun.
    pub attempts: i64,
    /// What counts against it; [`Write::Strike`] alone adds to it.
    pub strikes: i64,
    /// When a sticky intent is tried next.
    pub next_attempt_at: Timestamp,
    pub request_id: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// How it ended, in one line without personal data.
    pub outcome: Option<String>,
    /// The lease it was journaled under; `None` where there is none to hold.
    pub fence: Option<i64>,
}

/// The states of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentState {
    /// Journaled; nothing has left the house.
    Journaled,
    /// Something may have left. After a crash this is ambiguous by definition.
    Attempting,
    /// Done, and read back where that is promised.
    Confirmed,
    /// Certainly not done; the caller was told.
    NotApplied,
    /// May have been done; to be resolved by looking.
    Ambiguous,
    /// A newer intent for the same resource took its place.
    Superseded,
    /// Given up; waits for a person.
    Dead,
}

impl IntentState {
    /// Whether work remains.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Journaled | Self::Attempting | Self::Ambiguous)
    }
}

/// What happened to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    Opened,
    /// Done or called off, as its state says.
    Closed,
}

/// Something a receiver is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `{task}-opened` or `{task}-closed`: the same at every attempt.
    pub id: String,
    pub happened: Happened,
    pub at: Timestamp,
    /// Attempts that failed.
    pub attempts: i64,
    /// As it is now; it may have been closed since it was opened.
    pub task: Task,
}

/// A number to watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watched {
    OpenIntents,
    /// One total for each kind of task.
    OpenTasks,
    /// Events that are still to be delivered.
    WaitingEvents,
    /// Events that nobody will try again.
    AbandonedEvents,
    /// The last complete listing, one total for each kind of record.
    Listing,
}

/// How many there are of something in one connection, and since when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Total {
    pub of: Watched,
    pub connection: String,
    /// The kind of the task or of the record; empty for all else.
    pub kind: String,
    pub count: u64,
    /// When the oldest was created; when the listing was completed.
    pub since: Timestamp,
}

/// A bearer token, as it is kept: never the token itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Public id.
    pub id: String,
    pub connection: String,
    pub hash: TokenHash,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// The last complete listing of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    pub connection: String,
    pub kind: Kind,
    pub completed_at: Timestamp,
    pub total: i64,
}

/// A membership to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    pub group: String,
    pub member: String,
}

/// One change. A commit applies all of its changes or none.
#[derive(Debug, Clone)]
pub enum Write {
    /// Inserts the record, or replaces the one with its id.
    ///
    /// `expected` is the version it was read at; `None` inserts and fails with [`Error::Stale`] if the id exists.
    Record { record: Box<Record>, expected: Option<i64> },
    /// Adds memberships; those that exist stay as they are.
    AddMembers { connection: String, memberships: Vec<Membership> },
    /// Removes memberships; those that do not exist are nothing to do.
    RemoveMembers { connection: String, memberships: Vec<Membership> },
    /// Empties a group.
    ClearMembers { connection: String, group: String },
    /// Takes a person out of every group, or a group out of existence.
    ClearMemberships { connection: String, member: String },
    /// Inserts an intent, and supersedes open intents of the same connection and resource with a lower generation; of a
    /// group only those of the same operation, for its members, its name and its end are not one another's.
    ///
    /// An id that was used before is a fault of ours and fails with [`Error::Unavailable`].
    Intent(Intent),
    /// Moves an intent on; an unknown one is nothing to do, and so is opening one that is confirmed, superseded or
    /// dead: what has ended so stays ended. An attempt that was counted stays counted, whoever knew of fewer.
    Settle {
        intent: String,
        state: IntentState,
        attempts: i64,
        next_attempt_at: Timestamp,
        at: Timestamp,
        outcome: Option<String>,
    },
    /// Makes the next attempt at an intent due; nothing to do where somebody has moved it on since it was `seen`.
    Hasten { intent: String, seen: Timestamp, at: Timestamp },
    /// Counts so many points against an intent; an unknown one is nothing to do.
    Strike { intent: String, points: i64 },
    /// Opens a task unless an open one of its connection has its dedupe key, and notes the event.
    Task(Task),
    /// Closes the open task with this dedupe key and notes the event; nothing to do if there is none.
    CloseTask {
        connection: String,
        dedupe: String,
        state: TaskState,
        at: Timestamp,
        by: String,
        note: Option<String>,
        evidence: Option<String>,
    },
    /// Forgets an event: it was delivered, or nobody wants it. An unknown one is nothing to do.
    DropEvent(String),
    /// Notes that an event could not be delivered; without a next attempt it is given up. An unknown one is nothing
    /// to do.
    PostponeEvent { event: String, attempts: i64, next_attempt_at: Option<Timestamp> },
    /// Records a token, replacing the one of its connection with its id.
    Token(TokenRow),
    /// Ends a token; an unknown or ended one is nothing to do.
    RevokeToken { connection: String, id: String, at: Timestamp },
    /// Records a complete listing in place of the last one.
    Roster(Roster),
    /// Keeps a text under a name, in place of the one before.
    Note { connection: String, name: String, text: String },
    /// Changes nothing, and fails with [`Error::Lost`] unless something is held under this fence; until the commit ends
    /// nobody else can claim it.
    Holding(i64),
    /// Appends an entry to the chain of its connection; its place and its digest are found within the commit.
    Audit(Box<audit::Entry>),
    /// Changes nothing, and tells that no caller waits: the commit may be put off for some milliseconds, to share in
    /// another one's.
    Unhurried,
    /// Keeps traces; one whose id is known is nothing to do.
    Traces(Vec<trace::Trace>),
    /// Forgets up to `limit` traces that were begun before `at`, the oldest first.
    ForgetTraces { at: Timestamp, limit: u64 },
}

/// Which intents to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intents {
    /// Up to `limit` open ones of a connection that are due at or before this moment: sticky, or else ambiguous. What
    /// has been due the longest comes first.
    Due { connection: String, sticky: bool, at: Timestamp, limit: u64 },
    /// Open, of one resource, newest generation first.
    Open { connection: String, resource: String },
    /// All open ones of a connection, or of every connection; the first created comes first.
    AllOpen(Option<String>),
    /// The open creates of a name, and those whose name is not known; the first created comes first.
    OpenCreates { connection: String, kind: Kind, name_key: String },
    /// The one with this id, while it is open.
    OpenOne(String),
    /// The newest of one resource, open or not; for a trace.
    Latest { connection: String, resource: String },
}

/// Durable memory. When [`Store::commit`] returns, what it wrote survives a crash and a power cut.
#[async_trait]
pub trait Store: Chronicle + Leases {
    /// Applies all writes in one transaction, in order, or none of them.
    ///
    /// Fails with [`Error::NameTaken`] or [`Error::Stale`] when a record of the batch cannot be written, with
    /// [`Error::Unavailable`] when the disk or the server fails. An empty batch is nothing to do.
    async fn commit(&self, writes: Vec<Write>) -> Result<()>;

    /// The live record with this id.
    async fn record(&self, connection: &str, kind: Kind, id: &str) -> Result<Option<Record>>;

    /// The live records under a key, in id order ([`Key::Account`] finds deleted ones too).
    async fn find(&self, connection: &str, kind: Kind, key: &Key) -> Result<Vec<Record>>;

    /// The ids of what [`Store::find`] finds, in id order: for keys that many records share.
    async fn ids(&self, connection: &str, kind: Kind, key: &Key) -> Result<Vec<String>>;

    /// The live records with these ids, in id order; an id that nobody has is passed over.
    async fn records(&self, connection: &str, kind: Kind, ids: &[String]) -> Result<Vec<Record>>;

    /// Up to `limit` live records in id order, skipping `offset`.
    async fn scan(&self, connection: &str, kind: Kind, offset: u64, limit: u64) -> Result<Vec<Record>>;

    /// Up to `limit` live records in id order with an id after `after`; costs the same wherever that is.
    async fn scan_after(&self, connection: &str, kind: Kind, after: &str, limit: u64) -> Result<Vec<Record>>;

    /// How many live records there are.
    async fn count(&self, connection: &str, kind: Kind) -> Result<u64>;

    /// The members of a group, in id order. Members that are not live are left out.
    async fn members(&self, connection: &str, group: &str) -> Result<Vec<Reference>>;

    /// Which of `ids` [`Store::members`] would tell, in id order; no other member is read.
    async fn members_among(&self, connection: &str, group: &str, ids: &[String]) -> Result<Vec<String>>;

    /// The last complete listing, if there ever was one.
    async fn roster(&self, connection: &str, kind: Kind) -> Result<Option<Roster>>;

    /// The text kept under a name, if there ever was one.
    async fn note(&self, connection: &str, name: &str) -> Result<Option<String>>;

    /// Intents, as asked.
    async fn intents(&self, which: &Intents) -> Result<Vec<Intent>>;

    /// Tasks, oldest first: of one connection or all, open ones or all.
    async fn tasks(&self, connection: Option<&str>, open_only: bool) -> Result<Vec<Task>>;

    /// The open tasks of one kind, oldest first.
    async fn open_tasks(&self, connection: &str, kind: &str) -> Result<Vec<Task>>;

    /// Up to `limit` events of a connection that are due at or before `at`, oldest first.
    async fn events(&self, connection: &str, at: Timestamp, limit: u64) -> Result<Vec<Event>>;

    /// What there is to watch, in order; nothing is told of what there is none of.
    async fn totals(&self) -> Result<Vec<Total>>;

    /// How many intents were ever recorded, at the least: goes up with each, and never down. An older copy of the
    /// database tells a lower number.
    async fn epoch(&self) -> Result<i64>;

    /// All tokens that were ever made, oldest first.
    async fn tokens(&self) -> Result<Vec<TokenRow>>;

    /// Whether what is stored is whole; reads all of it.
    ///
    /// Fails with [`Error::Refused`] where it is damaged. Of a server it is asked what it found while it read.
    async fn check(&self) -> Result<()>;

    /// Waits for writes under way and closes; later calls fail with [`Error::Unavailable`].
    async fn close(&self);
}
