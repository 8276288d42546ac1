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
    // What a panic says may hold what somebody sent: only its place is written.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic: this is a defect");
    }));
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::start;

    const CANARY: &str = "canary@example.com";

    #[test]
    #[ignore = "changes the whole process; the other test runs it in one of its own"]
    fn panics() {
        start();
        assert!(std::panic::catch_unwind(|| panic!("{CANARY}")).is_err());
    }

    #[test]
    fn a_panic_is_logged_with_its_place_and_without_its_words() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture", "cli::telemetry::tests::panics"])
            .output()
            .unwrap();
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{stdout}");
        assert!(!stdout.contains(CANARY) && !stderr.contains(CANARY), "{stdout}{stderr}");
        let line: serde_json::Value =
            stderr.lines().find_map(|line| serde_json::from_str(line).ok()).unwrap();
        assert_eq!(line["level"], "ERROR");
        assert!(line["place"].as_str().unwrap().starts_with("src/cli/telemetry.rs:"), "{line}");
    }
}
