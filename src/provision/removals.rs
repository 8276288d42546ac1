//! Removals from groups that are under way, and what a newer change of the group leaves of them.

use std::collections::BTreeSet;

use super::Result;
use super::connection::Connection;
use super::members::Difference;
use crate::base::context;
use crate::store::{Intent, IntentState, Intents, Kind, Record};

/// What the journal has open for the members of one group.
pub(super) struct OpenRemovals {
    /// 0 where there are none.
    generation: i64,
    pub leaving: BTreeSet<String>,
    /// The entry that names them.
    entry: Option<Intent>,
}

impl OpenRemovals {
    /// Who is on the way out, and neither taken out nor let in by this change.
    fn beside(&self, difference: &Difference) -> Vec<String> {
        let Difference { removed, added, .. } = difference;
        let spoken_of = |id: &&String| removed.contains(*id) || added.contains(*id);
        self.leaving.iter().filter(|id| !spoken_of(id)).cloned().collect()
    }
}

impl Connection {
    /// Removals still under way.
    pub(super) async fn open_removals(&self, group: &str) -> Result<OpenRemovals> {
        let which = Intents::Open { connection: self.name().to_owned(), resource: group.to_owned() };
        let open = self.store().intents(&which).await?;
        let generation = open.iter().map(|intent| intent.generation).max().unwrap_or(0);
        let named = |intent: &Intent| serde_json::from_str::<Vec<String>>(&intent.plan).ok();
        let mut removals: Vec<Intent> =
            open.into_iter().filter(|intent| intent.sticky && named(intent).is_some()).collect();
        removals.sort_by_key(|intent| intent.generation);
        let leaving = removals.iter().filter_map(named).flatten().collect();
        Ok(OpenRemovals { generation, leaving, entry: removals.pop() })
    }

    /// The entry of a change. It takes the place of the one that is open, so that it names those as well.
    pub(super) fn members_intent(
        &self,
        group: &Record,
        open: &OpenRemovals,
        difference: &Difference,
    ) -> Intent {
        let now = self.now();
        let mut named = difference.removed.clone();
        named.extend(open.beside(difference));
        let goes_on = named.iter().any(|id| open.leaving.contains(id));
        Intent {
            id: self.shared.ids.next(),
            connection: self.name().to_owned(),
            kind: Kind::Group,
            resource: group.id.clone(),
            operation: "members".to_owned(),
            name_key: String::new(),
            generation: open.generation + 1,
            sticky: !named.is_empty(),
            plan: serde_json::to_string(&named).unwrap_or_default(),
            state: IntentState::Attempting,
            attempts: 1,
            strikes: 0,
            next_attempt_at: now.plus(self.attempt_time()),
            request_id: context::current().map(|context| context.request_id).unwrap_or_default(),
            // Who was asked for before has been waiting since then.
            created_at: open.entry.as_ref().filter(|_| goes_on).map_or(now, |entry| entry.created_at),
            updated_at: now,
            outcome: None,
            fence: None,
        }
    }

    /// Those whom a change leaves alone go on as they did: they hold up nobody else. `None` where there are none.
    pub(super) fn rest_beside(
        &self,
        open: &OpenRemovals,
        intent: &Intent,
        difference: &Difference,
    ) -> Option<Intent> {
        let rest = open.beside(difference);
        let entry = open.entry.clone().filter(|_| !rest.is_empty())?;
        Some(Intent {
            // This change makes no attempt at it.
            state: IntentState::Journaled,
            attempts: 0,
            fence: None,
            ..self.naming(&rest, intent.generation + 1, entry)
        })
    }

    /// What is left of an intent once these are out: another attempt does no more than that.
    pub(super) fn rest_of(&self, intent: Intent, out: &BTreeSet<String>) -> Intent {
        let Ok(mut named) = serde_json::from_str::<Vec<String>>(&intent.plan) else { return intent };
        named.retain(|id| !out.contains(id));
        self.naming(&named, intent.generation + 1, intent)
    }

    /// The same entry anew, about these.
    fn naming(&self, named: &[String], generation: i64, entry: Intent) -> Intent {
        let plan = serde_json::to_string(named).unwrap_or_else(|_| entry.plan.clone());
        Intent { id: self.shared.ids.next(), generation, plan, ..entry }
    }
}
