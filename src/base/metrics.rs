//! What is counted while the gateway runs. Labels come from closed sets: no metric names a person, a path or a token.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::names;

/// Connections that have a label of their own; those beyond are `other`.
const MOST_CONNECTIONS: usize = 1_000;

/// Upper bounds in seconds; the last ones are where callers stop waiting.
const SECONDS: [f64; 11] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    connection: String,
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    connection: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectionLabels {
    connection: String,
}

type Durations = Family<ConnectionLabels, Histogram, fn() -> Histogram>;

/// The counters of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    connections: Mutex<BTreeSet<String>>,
    requests: Family<OperationLabels, Counter>,
    request_seconds: Durations,
    app_operations: Family<OperationLabels, Counter>,
    upstream_calls: Family<OutcomeLabels, Counter>,
    upstream_seconds: Durations,
    webhook_deliveries: Family<OutcomeLabels, Counter>,
    brake: Family<OutcomeLabels, Counter>,
    traces_dropped: Counter,
}

/// One number that is measured when somebody looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub name: &'static str,
    pub help: &'static str,
    /// Label and value, each from a closed set.
    pub labels: Vec<(&'static str, String)>,
    pub value: f64,
}

impl Default for Metrics {
    fn default() -> Self {
        let durations = || Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> Histogram);
        let mut metrics = Self {
            registry: Registry::default(),
            connections: Mutex::default(),
            requests: Family::default(),
            request_seconds: durations(),
            app_operations: Family::default(),
            upstream_calls: Family::default(),
            upstream_seconds: durations(),
            webhook_deliveries: Family::default(),
            brake: Family::default(),
            traces_dropped: Counter::default(),
        };
        let registry = &mut metrics.registry;
        registry.register(
            names::REQUESTS,
            "Requests by connection, operation and outcome",
            metrics.requests.clone(),
        );
        registry.register(names::REQUEST_SECONDS, "How long requests took", metrics.request_seconds.clone());
        registry.register(
            names::APP_OPERATIONS,
            "Operations asked of apps by connection, operation and outcome",
            metrics.app_operations.clone(),
        );
        registry.register(
            names::UPSTREAM_CALLS,
            "HTTP calls to apps by connection and outcome",
            metrics.upstream_calls.clone(),
        );
        registry.register(
            names::UPSTREAM_SECONDS,
            "How long calls to apps took",
            metrics.upstream_seconds.clone(),
        );
        registry.register(
            names::WEBHOOK_DELIVERIES,
            "Attempts to deliver webhook events by connection and outcome",
            metrics.webhook_deliveries.clone(),
        );
        registry.register(
            names::BRAKE,
            "Deletions that were held back, and warnings of many removals, by connection and outcome",
            metrics.brake.clone(),
        );
        registry.register(
            names::TRACES_DROPPED,
            "Traces that were not kept, for want of room or of a disk",
            metrics.traces_dropped.clone(),
        );
        metrics
    }
}

impl Metrics {
    /// Counts a request; `connection` is empty where it was let into none.
    pub fn request(&self, connection: &str, operation: &'static str, outcome: &'static str, took: Duration) {
        let connection = self.label(connection);
        self.request_seconds
            .get_or_create(&ConnectionLabels { connection: connection.clone() })
            .observe(took.as_secs_f64());
        self.requests.get_or_create(&OperationLabels { connection, operation, outcome }).inc();
    }

    /// Counts an operation of the treaty.
    pub fn app_operation(&self, connection: &str, operation: &'static str, outcome: &'static str) {
        let connection = self.label(connection);
        self.app_operations.get_or_create(&OperationLabels { connection, operation, outcome }).inc();
    }

    /// Counts an HTTP exchange with an app; `status` is `None` where no answer came.
    pub fn upstream_call(&self, connection: &str, status: Option<u16>, took: Duration) {
        let connection = self.label(connection);
        let outcome = match status {
            None => "no_answer",
            Some(401 | 403) => "credentials",
            Some(429) => "rate_limited",
            Some(..400) => "answered",
            Some(..500) => "refused",
            Some(_) => "failed",
        };
        self.upstream_seconds
            .get_or_create(&ConnectionLabels { connection: connection.clone() })
            .observe(took.as_secs_f64());
        self.upstream_calls.get_or_create(&OutcomeLabels { connection, outcome }).inc();
    }

    /// Counts an attempt to deliver an event.
    pub fn webhook_delivery(&self, connection: &str, outcome: &'static str) {
        let connection = self.label(connection);
        self.webhook_deliveries.get_or_create(&OutcomeLabels { connection, outcome }).inc();
    }

    /// Counts what the brake did.
    pub fn brake(&self, connection: &str, outcome: &'static str) {
        let connection = self.label(connection);
        self.brake.get_or_create(&OutcomeLabels { connection, outcome }).inc();
    }

    /// Counts a trace that was not kept.
    pub fn trace_dropped(&self) {
        self.traces_dropped.inc();
    }

    /// Everything in the OpenMetrics text form; samples of one name must stand together.
    #[must_use]
    pub fn text(&self, samples: &[Sample]) -> String {
        let mut measured = Registry::default();
        for group in samples.chunk_by(|one, other| one.name == other.name) {
            if let [Sample { name, help, labels, value }] = group
                && labels.is_empty()
            {
                let only = Gauge::<f64, AtomicU64>::default();
                only.set(*value);
                measured.register(*name, *help, only);
                continue;
            }
            let family = Family::<Vec<(&'static str, String)>, Gauge<f64, AtomicU64>>::default();
            for sample in group {
                family.get_or_create(&sample.labels).set(sample.value);
            }
            if let Some(first) = group.first() {
                measured.register(first.name, first.help, family);
            }
        }
        let mut text = String::new();
        let written = encode_registry(&mut text, &self.registry)
            .and_then(|()| encode_registry(&mut text, &measured))
            .and_then(|()| encode_eof(&mut text));
        if written.is_err() {
            text.clear();
        }
        text
    }

    fn label(&self, connection: &str) -> String {
        let mut known = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(connection) {
            if known.len() >= MOST_CONNECTIONS {
                return "other".to_owned();
            }
            known.insert(connection.to_owned());
        }
        connection.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told_with_its_labels_and_an_end() {
        let metrics = Metrics::default();
        metrics.request("hive", "users.patch", "answered", Duration::from_millis(30));
        metrics.request("hive", "users.patch", "answered", Duration::from_millis(300));
        metrics.app_operation("hive", "deactivate", "done");
        metrics.upstream_call("hive", Some(200), Duration::from_millis(20));
        metrics.upstream_call("hive", None, Duration::from_secs(10));
        let open = Sample {
            name: names::OPEN_TASKS,
            help: "What waits for a person",
            labels: vec![("connection", "hive".to_owned()), ("kind", "remove".to_owned())],
            value: 3.0,
        };
        let text = metrics.text(&[open]);
        for line in [
            "portcullis_requests_total{connection=\"hive\",operation=\"users.patch\",outcome=\"answered\"} 2",
            "portcullis_request_duration_seconds_count{connection=\"hive\"} 2",
            "portcullis_request_duration_seconds_bucket{le=\"0.1\",connection=\"hive\"} 1",
            "portcullis_app_operations_total{connection=\"hive\",operation=\"deactivate\",outcome=\"done\"} 1",
            "portcullis_upstream_calls_total{connection=\"hive\",outcome=\"answered\"} 1",
            "portcullis_upstream_calls_total{connection=\"hive\",outcome=\"no_answer\"} 1",
            "portcullis_open_tasks{connection=\"hive\",kind=\"remove\"} 3.0",
        ] {
            assert!(text.lines().any(|found| found == line), "`{line}` in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn a_thousand_connections_have_labels_and_the_rest_share_one() {
        let metrics = Metrics::default();
        for number in 0..1_200 {
            metrics.app_operation(&format!("c{number}"), "accounts", "ok");
        }
        let text = metrics.text(&[]);
        assert_eq!(
            text.lines().filter(|line| line.starts_with("portcullis_app_operations_total")).count(),
            1_001
        );
        assert!(text.contains("{connection=\"other\",operation=\"accounts\",outcome=\"ok\"} 200\n"));
    }
}
