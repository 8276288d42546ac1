//! Logs: structured lines on standard error.

use tracing_subscriber::EnvFilter;

/// Starts logging; `PORTCULLIS_LOG` chooses what is written (`info`, `debug`, `portcullis::upstream=debug` …).
pub fn start() {
    let filter = EnvFilter::try_from_env("PORTCULLIS_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}
