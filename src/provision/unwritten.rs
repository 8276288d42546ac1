//! Who was taken out while the store took nothing: remembered here, shown as out, and written down once it takes
//! something again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::connection::Connection;
use super::users::{Aim, Under};
use super::{Result, refuse};
use crate::base::lane::Lane;

/// The people of one connection whose end of access was read back from the app and is not in their records.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    people: Mutex<BTreeMap<String, Departure>>,
    /// Whether somebody writes them down right now.
    writing: AtomicBool,
}

/// What a request without a journal brought somebody to.
#[derive(Debug, Clone)]
struct Departure {
    generation: i64,
    aim: Aim,
}

impl Unwritten {
    fn people(&self) -> MutexGuard<'_, BTreeMap<String, Departure>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The person with this SCIM id is out, by a request of this generation, and the record does not say so.
    pub(super) fn remember(&self, id: &str, generation: i64, aim: Aim) {
        self.people().insert(id.to_owned(), Departure { generation, aim });
    }

    /// The record says what stands again. Nothing to do where it did before.
    pub(super) fn forget(&self, id: &str) {
        self.people().remove(id);
    }

    /// Whether the record of this person is not to be believed.
    pub(super) fn holds(&self, id: &str) -> bool {
        self.people().contains_key(id)
    }

    fn all(&self) -> Vec<(String, Departure)> {
        self.people().iter().map(|(id, departure)| (id.clone(), departure.clone())).collect()
    }
}

/// Gives the place back of whoever writes.
struct Writing(Arc<Connection>);

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.unwritten.writing.store(false, Ordering::SeqCst);
    }
}

impl Connection {
    /// Begins to write down who is remembered as out, in a task of its own. Nothing to do where nobody is, where that
    /// is under way, and while the audit waits for the disk too.
    pub(super) fn write_departures(self: &Arc<Self>) {
        let departures = self.unwritten.all();
        if departures.is_empty()
            || self.store().is_behind()
            || self.unwritten.writing.swap(true, Ordering::SeqCst)
        {
            return;
        }
        let (this, writing) = (Arc::clone(self), Writing(Arc::clone(self)));
        self.shared.tracker.spawn(async move {
            for (id, departure) in departures {
                if let Err(refusal) = this.write_departure(&id, departure).await {
                    let reason = refusal.error.detail;
                    tracing::warn!(
                        connection = this.name(),
                        reason,
                        "a departure cannot be written down yet"
                    );
                }
            }
            drop(writing);
        });
    }

    /// Brings the record to what the app was read back as; a newer request has overruled it if there was one.
    async fn write_departure(self: &Arc<Self>, id: &str, departure: Departure) -> Result<()> {
        let (this, id) = (Arc::clone(self), id.to_owned());
        let work = async move {
            let _turn = this.turn(&id).await?;
            if !this.unwritten.holds(&id) {
                return Ok(());
            }
            let mut person = match this.person(&id).await {
                Ok(person) => person,
                Err(refusal) if refusal.error.status != 404 => return Err(refusal),
                Err(_) => {
                    this.unwritten.forget(&id);
                    return Ok(());
                }
            };
            let open = this.work_left_open(&mut person).await?.map_or(0, |(generation, _)| generation);
            if open == departure.generation {
                // It was journaled before the disk took nothing more, and the journal goes on with it.
                return Ok(());
            }
            // Another replica counts from the record as well: the same generation is a request it has carried out since.
            if person.record.generation >= departure.generation {
                this.unwritten.forget(&id);
                return Ok(());
            }
            if let Some(error) = this.look_again(&mut person, true).await? {
                return Err(refuse::not_applied(&error, this.policy.idp));
            }
            this.reach(person, None, Under::New(open), departure.aim).await?;
            tracing::info!(connection = this.name(), resource = id, "a departure is written down");
            Ok(())
        };
        self.carry(Lane::Leave, work).await
    }
}
