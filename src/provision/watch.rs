//! What those who watch the gateway are told: what is open and since when, beside what was counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::connection::Connection;
use super::drift::What;
use super::gateway::Gateway;
use crate::base::clock::Timestamp;
use crate::base::metrics::Sample;
use crate::base::names;
use crate::contract::Condition;
use crate::store::{Total, Watched};

/// A measure, and what it tells.
type Measure = (&'static str, &'static str);

const OPEN_INTENTS: Measure = (names::OPEN_INTENTS, "What was promised and is not done yet");
const OPEN_INTENT_AGE: Measure =
    (names::OPEN_INTENT_AGE, "Age of the oldest open promise, 0 where there is none");
const LATE_REMOVALS: Measure =
    (names::LATE_REMOVALS, "Removals the app has not confirmed for a quarter of an hour");
const HELD_BACK: Measure =
    (names::HELD_BACK, "Whether an app is left alone, because it fails or does not accept the credential");
const OPEN_TASKS: Measure = (names::OPEN_TASKS, "What waits for a person, by kind");
const OPEN_TASK_AGE: Measure = (names::OPEN_TASK_AGE, "Age of the oldest open task, by kind");
const RESIDUAL_ACCESS: Measure =
    (names::RESIDUAL_ACCESS, "Access left behind that nobody has taken away yet");
const LISTING_AGE: Measure = (names::LISTING_AGE, "Age of the last complete listing or roster, by kind");
const DRIFT: Measure = (names::DRIFT, "What the last look for drift found and did not correct, by kind");
const WEBHOOK_WAITING: Measure = (names::WEBHOOK_WAITING, "Webhook events that are still to be delivered");
const WEBHOOK_ABANDONED: Measure = (names::WEBHOOK_ABANDONED, "Webhook events that were given up");
const STORE_UP: Measure = (names::STORE_UP, "Whether the store answers");

impl Gateway {
    /// Everything there is to watch, in the OpenMetrics text form. While the store does not answer only what this
    /// process counted is told.
    pub async fn metrics(&self) -> String {
        let shared = self.shared();
        let (totals, up) = match shared.store.totals().await {
            Ok(totals) => (totals, 1.0),
            Err(error) => {
                tracing::warn!(%error, "the totals could not be read");
                (Vec::new(), 0.0)
            }
        };
        let mut samples = vec![Sample { name: STORE_UP.0, help: STORE_UP.1, labels: Vec::new(), value: up }];
        if up > 0.0 {
            let connections: Vec<_> = self.connections().collect();
            let names: Vec<&str> = connections.iter().map(|connection| connection.name()).collect();
            samples.extend(measured(&totals, &names, shared.clock.now()));
            samples.extend(self.drifted().await);
        }
        samples.extend(self.held_back());
        samples.extend(self.late());
        shared.metrics.text(&samples)
    }
}

impl Gateway {
    /// Which apps are left alone, and why.
    fn held_back(&self) -> Vec<Sample> {
        let sample = |connection: &str, kind: &str, held: bool| Sample {
            name: HELD_BACK.0,
            help: HELD_BACK.1,
            labels: vec![("connection", connection.to_owned()), ("kind", kind.to_owned())],
            value: f64::from(u8::from(held)),
        };
        let of = |connection: Arc<Connection>| {
            let (name, condition) = (connection.name(), connection.seen().condition);
            [
                sample(name, "credential", condition == Condition::LockedOut),
                sample(name, "failing", condition == Condition::Failing),
            ]
        };
        self.connections().flat_map(of).collect()
    }

    /// How many removals have been waiting for too long.
    fn late(&self) -> Vec<Sample> {
        let sample = |connection: Arc<Connection>| Sample {
            name: LATE_REMOVALS.0,
            help: LATE_REMOVALS.1,
            labels: vec![("connection", connection.name().to_owned())],
            value: f64::from(connection.upkeep.late()),
        };
        self.connections().map(sample).collect()
    }

    /// What the last look for drift left, for connections that were looked at.
    async fn drifted(&self) -> Vec<Sample> {
        let mut samples = Vec::new();
        for connection in self.connections().filter(|connection| connection.can_drift()) {
            let Ok(Some(report)) = connection.drift_report().await else { continue };
            for what in What::ALL {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "nobody has so many that a float miscounts them"
                )]
                let value = report.standing(what) as f64;
                let labels =
                    vec![("connection", connection.name().to_owned()), ("kind", what.as_str().to_owned())];
                samples.push(Sample { name: DRIFT.0, help: DRIFT.1, labels, value });
            }
        }
        samples
    }
}

/// The totals as samples; those of a connection that is not configured any more are told too, since they are open.
fn measured(totals: &[Total], connections: &[&str], now: Timestamp) -> Vec<Sample> {
    let mut found: BTreeMap<(&'static str, String, String), (&'static str, f64)> = BTreeMap::new();
    let mut set = |measure: Measure, connection: &str, kind: &str, value: f64| {
        found.insert((measure.0, connection.to_owned(), kind.to_owned()), (measure.1, value));
    };
    for connection in connections {
        for measure in [OPEN_INTENTS, OPEN_INTENT_AGE, RESIDUAL_ACCESS, WEBHOOK_WAITING, WEBHOOK_ABANDONED] {
            set(measure, connection, "", 0.0);
        }
    }
    for Total { of, connection, kind, count, since } in totals {
        #[expect(clippy::cast_precision_loss, reason = "nobody has so many that a float miscounts them")]
        let count = *count as f64;
        let age = now.since(*since).as_secs_f64();
        match of {
            Watched::OpenIntents => {
                set(OPEN_INTENTS, connection, "", count);
                set(OPEN_INTENT_AGE, connection, "", age);
            }
            Watched::OpenTasks => {
                set(OPEN_TASKS, connection, kind, count);
                set(OPEN_TASK_AGE, connection, kind, age);
                if kind == "residual_access" {
                    set(RESIDUAL_ACCESS, connection, "", count);
                }
            }
            Watched::WaitingEvents => set(WEBHOOK_WAITING, connection, "", count),
            Watched::AbandonedEvents => set(WEBHOOK_ABANDONED, connection, "", count),
            Watched::Listing => set(LISTING_AGE, connection, kind, age),
        }
    }
    let labels = |connection: String, kind: String| {
        let kind = Some(("kind", kind)).filter(|(_, kind)| !kind.is_empty());
        [("connection", connection)].into_iter().chain(kind).collect()
    };
    found
        .into_iter()
        .map(|((name, connection, kind), (help, value))| Sample {
            name,
            help,
            labels: labels(connection, kind),
            value,
        })
        .collect()
}
