//! How questions are answered from memory.

use std::collections::BTreeMap;

use super::content::Content;
use crate::base::clock::Timestamp;
use crate::store::{
    Event, Intent, Intents, Key, Kind, Lifecycle, Record, Reference, Roster, Task, TaskState, TokenRow,
    Total, Watched,
};

impl Content {
    /// All records of a kind in id order, deleted ones too.
    pub(super) fn of(&self, connection: &str, kind: Kind) -> impl Iterator<Item = &Record> {
        let first = (connection.to_owned(), kind, String::new());
        self.records.range(first..).map(|(_, record)| record).take_while(move |record| {
            // The range is sorted, so what differs once differs for good.
            record.kind == kind && record.connection == connection
        })
    }

    /// The live ones, with their groups.
    pub(super) fn live(&self, connection: &str, kind: Kind) -> impl Iterator<Item = Record> {
        let live = self.of(connection, kind).filter(|record| record.lifecycle == Lifecycle::Live);
        live.map(|record| self.with_groups(record))
    }

    pub(super) fn record(&self, connection: &str, kind: Kind, id: &str) -> Option<Record> {
        let found = self.records.get(&(connection.to_owned(), kind, id.to_owned()));
        let live = found.filter(|record| record.lifecycle == Lifecycle::Live);
        live.map(|record| self.with_groups(record))
    }

    fn with_groups(&self, record: &Record) -> Record {
        let of_member = self
            .members
            .iter()
            .filter(|(connection, _, member)| *connection == record.connection && *member == record.id);
        let groups = of_member.filter_map(|(connection, group, _)| {
            let group = self.records.get(&(connection.clone(), Kind::Group, group.clone()))?;
            (group.lifecycle == Lifecycle::Live).then(|| reference(group))
        });
        Record { groups: groups.collect(), ..record.clone() }
    }

    pub(super) fn find(&self, connection: &str, kind: Kind, key: &Key) -> Vec<Record> {
        if matches!(key, Key::Account(_) | Key::Deleted(_)) {
            let found = self.of(connection, kind).filter(|record| self.has_key(record, key));
            return found.map(|record| self.with_groups(record)).collect();
        }
        self.live(connection, kind).filter(|record| self.has_key(record, key)).collect()
    }

    fn has_key(&self, record: &Record, key: &Key) -> bool {
        let named = |name: &Option<String>, wanted: &str| name.as_deref() == Some(wanted);
        let begins =
            |name: &Option<String>, prefix: &str| name.as_ref().is_some_and(|name| name.starts_with(prefix));
        let is_in = |group: &str, member: &str| {
            self.members.contains(&(record.connection.clone(), group.to_owned(), member.to_owned()))
        };
        match key {
            Key::Id(id) => record.id == *id,
            Key::Deleted(id) => record.id == *id && record.lifecycle == Lifecycle::Deleted,
            Key::Account(account) => named(&record.account, account),
            Key::Name(name) => record.name_key == *name,
            Key::ExternalId(id) => named(&record.external_id, id),
            Key::Email(email) => record.email_keys.contains(email),
            Key::Display(name) => named(&record.display_key, name) || named(&record.told_key, name),
            Key::Member(member) => is_in(&record.id, member),
            Key::Group(group) => is_in(group, &record.id),
            Key::NamePrefix(prefix) => record.name_key.starts_with(prefix),
            Key::DisplayPrefix(prefix) => {
                begins(&record.display_key, prefix) || begins(&record.told_key, prefix)
            }
            Key::Active(active) => record.active == Some(*active),
            Key::Modified { from, to } => (*from..=*to).contains(&record.modified_at),
        }
    }

    pub(super) fn members(&self, connection: &str, group: &str) -> Vec<Reference> {
        let rows = self.members.iter().filter(|row| row.0 == connection && row.1 == group);
        let live = rows.filter_map(|(connection, _, member)| {
            let found = |kind| self.records.get(&(connection.clone(), kind, member.clone()));
            let record = found(Kind::User).or_else(|| found(Kind::Group))?;
            (record.lifecycle == Lifecycle::Live).then(|| reference(record))
        });
        live.collect()
    }

    pub(super) fn roster(&self, connection: &str, kind: Kind) -> Option<Roster> {
        self.rosters.get(&(connection.to_owned(), kind)).cloned()
    }

    pub(super) fn note(&self, connection: &str, name: &str) -> Option<String> {
        self.notes.get(&(connection.to_owned(), name.to_owned())).cloned()
    }

    pub(super) fn epoch(&self) -> i64 {
        i64::try_from(self.intents.len()).unwrap_or(i64::MAX)
    }

    pub(super) fn intents(&self, which: &Intents) -> Vec<Intent> {
        use crate::store::IntentState::Ambiguous;
        let all = self.intents.values().filter(|intent| match which {
            Intents::Due { connection, sticky, at, .. } => {
                let resolvable = intent.sticky || intent.state == Ambiguous;
                intent.state.is_open()
                    && resolvable
                    && (&intent.connection, intent.sticky) == (connection, *sticky)
                    && intent.next_attempt_at <= *at
            }
            Intents::OpenCreates { connection, kind, name_key } => {
                let is_named = intent.name_key == *name_key || intent.name_key.is_empty();
                let is_theirs = intent.connection == *connection && intent.kind == *kind && is_named;
                intent.state.is_open() && is_theirs && intent.operation == "create"
            }
            Intents::OpenOne(id) => intent.state.is_open() && intent.id == *id,
            Intents::AllOpen(connection) => {
                intent.state.is_open() && connection.as_ref().is_none_or(|name| *name == intent.connection)
            }
            Intents::Open { connection, resource } => {
                intent.state.is_open() && intent.connection == *connection && intent.resource == *resource
            }
            Intents::Latest { connection, resource } => {
                intent.connection == *connection && intent.resource == *resource
            }
        });
        let mut found: Vec<Intent> = all.cloned().collect();
        match which {
            Intents::Due { .. } => {
                found.sort_by(|one, other| {
                    (one.next_attempt_at, &one.id).cmp(&(other.next_attempt_at, &other.id))
                });
            }
            Intents::AllOpen(_) | Intents::OpenCreates { .. } | Intents::OpenOne(_) => {
                found.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
            }
            Intents::Open { .. } | Intents::Latest { .. } => {
                found.sort_by(|one, other| (other.generation, &other.id).cmp(&(one.generation, &one.id)));
            }
        }
        match which {
            Intents::Latest { .. } => found.truncate(1),
            Intents::Due { limit, .. } => found.truncate(usize::try_from(*limit).unwrap_or(usize::MAX)),
            _ => {}
        }
        found
    }

    pub(super) fn tasks(&self, connection: Option<&str>, open_only: bool) -> Vec<Task> {
        let asked = |task: &&Task| {
            connection.is_none_or(|name| name == task.connection)
                && (!open_only || task.state == TaskState::Open)
        };
        let mut found: Vec<Task> = self.tasks.values().filter(asked).cloned().collect();
        found.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        found
    }

    pub(super) fn events(&self, connection: &str, at: Timestamp, limit: usize) -> Vec<Event> {
        let due = self.events.iter().filter_map(|(id, event)| {
            let task = self.tasks.get(&event.task).filter(|task| task.connection == connection)?;
            event.next_attempt_at.filter(|next| *next <= at)?;
            let (happened, attempts) = (event.happened, event.attempts);
            Some(Event { id: id.clone(), happened, at: event.at, attempts, task: task.clone() })
        });
        let mut due: Vec<Event> = due.collect();
        due.sort_by(|one, other| {
            let key = |event: &Event| (event.at, event.task.id.clone());
            key(one).cmp(&key(other)).then_with(|| other.happened.word().cmp(one.happened.word()))
        });
        due.truncate(limit);
        due
    }

    pub(super) fn totals(&self) -> Vec<Total> {
        let mut totals: BTreeMap<(Watched, String, String), (u64, Timestamp)> = BTreeMap::new();
        let mut add = |of: Watched, connection: &str, kind: &str, since: Timestamp| {
            let key = (of, connection.to_owned(), kind.to_owned());
            let (count, oldest) = totals.entry(key).or_insert((0, since));
            *count += 1;
            *oldest = since.min(*oldest);
        };
        for intent in self.intents.values().filter(|intent| intent.state.is_open()) {
            add(Watched::OpenIntents, &intent.connection, "", intent.created_at);
        }
        for task in self.tasks.values().filter(|task| task.state == TaskState::Open) {
            add(Watched::OpenTasks, &task.connection, &task.kind, task.created_at);
        }
        for event in self.events.values() {
            let Some(task) = self.tasks.get(&event.task) else { continue };
            let waits = event.next_attempt_at.is_some();
            let of = if waits { Watched::WaitingEvents } else { Watched::AbandonedEvents };
            add(of, &task.connection, "", event.at);
        }
        let counted = totals.into_iter().map(|((of, connection, kind), (count, since))| Total {
            of,
            connection,
            kind,
            count,
            since,
        });
        let listed = self.rosters.values().map(|roster| Total {
            of: Watched::Listing,
            connection: roster.connection.clone(),
            kind: roster.kind.word().to_owned(),
            count: u64::try_from(roster.total).unwrap_or(0),
            since: roster.completed_at,
        });
        let mut totals: Vec<Total> = counted.chain(listed).collect();
        totals.sort();
        totals
    }

    pub(super) fn tokens(&self) -> Vec<TokenRow> {
        let mut rows: Vec<TokenRow> = self.tokens.values().cloned().collect();
        rows.sort_by(|one, other| {
            let key = |row: &TokenRow| (row.created_at, row.id.clone(), row.connection.clone());
            key(one).cmp(&key(other))
        });
        rows
    }
}

fn reference(record: &Record) -> Reference {
    Reference { id: record.id.clone(), label: record.label.clone(), kind: record.kind }
}
