//! The names under which the gateway is watched. Each is documented in `docs/operating.md`.

/// Requests answered, by connection, operation and outcome.
pub const REQUESTS: &str = "portcullis_requests";
/// How long they took.
pub const REQUEST_SECONDS: &str = "portcullis_request_duration_seconds";
/// Operations asked of an app, by connection, operation and outcome.
pub const APP_OPERATIONS: &str = "portcullis_app_operations";
/// HTTP calls to an app, by connection and outcome; one operation may take several.
pub const UPSTREAM_CALLS: &str = "portcullis_upstream_calls";
/// How long they took.
pub const UPSTREAM_SECONDS: &str = "portcullis_upstream_call_duration_seconds";
/// Webhook deliveries, by connection and outcome.
pub const WEBHOOK_DELIVERIES: &str = "portcullis_webhook_deliveries";
/// What the brake on removals did: `held` a deletion, told of `many`.
pub const BRAKE: &str = "portcullis_brake";
/// Traces that were not kept.
pub const TRACES_DROPPED: &str = "portcullis_traces_dropped";
/// What was promised and is not done.
pub const OPEN_INTENTS: &str = "portcullis_open_intents";
/// Since when.
pub const OPEN_INTENT_AGE: &str = "portcullis_oldest_open_intent_age_seconds";
/// Removals that the app has not confirmed for a quarter of an hour.
pub const LATE_REMOVALS: &str = "portcullis_late_removals";
/// Whether an app is left alone: it fails, or does not accept the credential.
pub const HELD_BACK: &str = "portcullis_app_held_back";
/// What waits for a person, by kind.
pub const OPEN_TASKS: &str = "portcullis_open_tasks";
/// Since when.
pub const OPEN_TASK_AGE: &str = "portcullis_oldest_open_task_age_seconds";
/// Access that outlives a deactivation and that nobody has removed yet.
pub const RESIDUAL_ACCESS: &str = "portcullis_residual_access";
/// How old the last complete listing of an app is, by kind.
pub const LISTING_AGE: &str = "portcullis_listing_age_seconds";
/// What the last look for drift found and did not correct, by kind.
pub const DRIFT: &str = "portcullis_drift_findings";
/// Webhook events that are still to be delivered.
pub const WEBHOOK_WAITING: &str = "portcullis_webhook_events_waiting";
/// Webhook events that were given up.
pub const WEBHOOK_ABANDONED: &str = "portcullis_webhook_events_abandoned";
/// Whether the store answers.
pub const STORE_UP: &str = "portcullis_store_up";
