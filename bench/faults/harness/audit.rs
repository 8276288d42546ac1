//! What the gateway remembers: its journal and its people, read through the store beside it.
//!
//! The one place that knows where the gateway's own history comes from.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use portcullis::base::secret::SecretString;
use portcullis::store::audit::Link;
use portcullis::store::{Intent, Intents, Kind, Record, Store, postgres, sqlite};
use serde_json::Value;

/// How long something that was never answered is looked for, and a little more.
pub const IN_DOUBT: Duration = Duration::from_secs(75);

/// Links read at once.
const LINKS: u64 = 10_000;

/// People read at once.
const STRIDE: u64 = 500;

/// What the gateway remembers of one connection.
#[derive(Debug, Default)]
pub struct Memory {
    /// Intents that are not done.
    pub open: Vec<Intent>,
    /// Live people by their folded name, with what stands beside the record.
    pub people: BTreeMap<String, (Record, Value)>,
    /// The newest intent of every person asked for, by id.
    pub latest: BTreeMap<String, Intent>,
}

impl Memory {
    /// Whether the person with this id may not be said to be out yet.
    pub fn is_in_doubt(&self, id: &str) -> bool {
        self.people.values().any(|(record, standing)| record.id == id && is_in_doubt(standing))
    }

    /// Whether somebody whom an intent is about may not be said to be out yet.
    pub fn waits_for_doubt(&self, intent: &Intent) -> bool {
        people_of(intent).iter().any(|id| self.is_in_doubt(id))
    }

    /// The open create of a person, where one may have been applied.
    pub fn create_in_doubt(&self, person: &str) -> Option<&Intent> {
        let name_of = |intent: &Intent| {
            let plan: Value = serde_json::from_str(&intent.plan).unwrap_or_default();
            plan["desired"]["userName"].as_str().unwrap_or_default().to_lowercase()
        };
        let of_person = |intent: &&Intent| {
            intent.kind == Kind::User
                && intent.operation == "create"
                && name_of(intent) == person.to_lowercase()
        };
        // One that was lost long ago may be watched beside it, until whoever was invited accepts.
        self.open.iter().filter(of_person).max_by_key(|intent| intent.created_at)
    }

    /// Whether the gateway knows that nobody may have been told of this person's account, and watches it.
    pub fn watches(&self, person: &str) -> bool {
        let watched = self.people.get(&person.to_lowercase()).is_some_and(|(_, standing)| {
            !standing["unacknowledged_at"].is_null() || standing["adopted"] == true
        });
        watched || self.create_in_doubt(person).is_some()
    }
}

/// Whom an intent is about: of a change of members everybody it takes out.
fn people_of(intent: &Intent) -> Vec<String> {
    serde_json::from_str(&intent.plan).unwrap_or_else(|_| vec![intent.resource.clone()])
}

/// Whether a step that gives access left a moment ago without an answer: until it has settled nobody can tell.
pub fn is_in_doubt(standing: &Value) -> bool {
    let young = |at: i64| Duration::from_micros(u64::try_from(super::now() - at).unwrap_or(0)) < IN_DOUBT;
    standing["unsettled_at"].as_i64().is_some_and(young)
}

/// Where the gateway's memory is.
#[derive(Debug, Clone)]
pub enum Database {
    File(PathBuf),
    /// The address of one on a server.
    Server(String),
}

/// The gateway's memory, opened beside it.
#[derive(Debug)]
pub struct Audit {
    runtime: tokio::runtime::Runtime,
    store: Arc<dyn Store>,
}

impl Audit {
    /// Opens the database of a gateway.
    pub fn open(database: &Database) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let opened = runtime.block_on(async {
            match database {
                Database::File(path) => sqlite::open(path).await,
                Database::Server(url) => {
                    postgres::open(&postgres::Settings::new(SecretString::from(url.clone()))).await
                }
            }
        });
        let store = opened.map_err(|error| error.to_string())?;
        Ok(Self { runtime, store })
    }

    /// Whether anything that was promised is not done yet, in any connection; what may not be said to be done because
    /// something that was never answered may still come is left out.
    pub fn owes(&self) -> Result<bool, String> {
        self.runtime.block_on(self.count_owed()).map(|owed| owed > 0).map_err(|error| error.to_string())
    }

    async fn count_owed(&self) -> portcullis::store::Result<usize> {
        let mut owed = 0;
        for intent in self.store.intents(&Intents::AllOpen(None)).await?.iter().filter(|one| one.sticky) {
            let about = self.store.records(&intent.connection, Kind::User, &people_of(intent)).await?;
            let standing = |record: &Record| serde_json::from_str(&record.standing).unwrap_or_default();
            owed += usize::from(!about.iter().any(|record| is_in_doubt(&standing(record))));
        }
        Ok(owed)
    }

    /// What is remembered of one connection; `ids` are the people whose newest intent is wanted.
    pub fn read(&self, connection: &str, ids: &[String]) -> Result<Memory, String> {
        self.runtime.block_on(self.gather(connection, ids)).map_err(|error| error.to_string())
    }

    /// The links of a chain after this one.
    pub fn links(&self, connection: &str, after: i64) -> Result<Vec<Link>, String> {
        let all = async {
            let (mut links, mut last) = (Vec::new(), after);
            loop {
                let page = self.store.links(connection, last, LINKS).await?;
                let Some(end) = page.last() else { return Ok(links) };
                last = end.seq;
                links.extend(page);
            }
        };
        self.runtime.block_on(all).map_err(|error: portcullis::store::Error| error.to_string())
    }

    async fn gather(&self, connection: &str, ids: &[String]) -> portcullis::store::Result<Memory> {
        let open = self.store.intents(&Intents::AllOpen(Some(connection.to_owned()))).await?;
        let mut memory = Memory { open, ..Memory::default() };
        let mut offset = 0;
        loop {
            let records = self.store.scan(connection, Kind::User, offset, STRIDE).await?;
            let last = (records.len() as u64) < STRIDE;
            for record in records {
                let standing = serde_json::from_str(&record.standing).unwrap_or_default();
                memory.people.insert(record.name_key.clone(), (record, standing));
            }
            if last {
                break;
            }
            offset += STRIDE;
        }
        for id in ids {
            let which = Intents::Latest { connection: connection.to_owned(), resource: id.clone() };
            if let Some(intent) = self.store.intents(&which).await?.into_iter().next() {
                memory.latest.insert(id.clone(), intent);
            }
        }
        Ok(memory)
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.runtime.block_on(self.store.close());
    }
}
