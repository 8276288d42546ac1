//! `portcullis trace`: what was asked, what was planned, which calls were made, how it was answered.

use clap::Args;
use serde_json::{Value, json};

use super::moment::{Moment, moment};
use super::{ConfigFile, Outcome, assemble, print};
use crate::provision::{Trace, Traces};

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Only this request, by its X-Request-Id, with what was gone on with afterwards
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// Only what is about this person or group, by SCIM id
    #[arg(long, value_name = "ID")]
    person: Option<String>,
    /// Only this connection
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// Begun then or later: a moment, or how long ago (2h, 30d)
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Moment>,
    /// Begun before: a moment, or how long ago
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Moment>,
    /// Traces at the most, the newest ones
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    limit: u64,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

/// Shows traces, newest first.
pub async fn run(arguments: &Arguments) -> Outcome {
    let gateway = assemble::open(&arguments.file).await?;
    if let Some(name) = &arguments.connection {
        assemble::connection(&gateway, name)?;
    }
    let now = gateway.shared().clock.now();
    let which = Traces {
        request_id: arguments.request.clone(),
        subject: arguments.person.clone(),
        connection: arguments.connection.clone(),
        since: arguments.since.map(|moment| moment.from(now)),
        until: arguments.until.map(|moment| moment.from(now)),
        before: None,
        limit: arguments.limit,
    };
    let traces = gateway.traces(&which).await?;
    gateway.close().await;
    if arguments.json {
        let told: Vec<Value> = traces.iter().map(Trace::told).collect();
        return print::line(&json!(told).to_string());
    }
    traces.iter().try_for_each(|trace| print::line(&lines(trace)))
}

/// A trace as people read it: one line, and one more for the plan and for each call.
fn lines(trace: &Trace) -> String {
    let ended = match (trace.status, trace.outcome.as_deref()) {
        (Some(status), _) => status.to_string(),
        (None, Some(outcome)) => outcome.to_owned(),
        (None, None) if trace.origin == "request" => "not waited for".to_owned(),
        (None, None) => trace.origin.replace('_', " "),
    };
    let asked =
        [trace.method.as_str(), trace.operation.as_str(), trace.resource.as_deref().unwrap_or_default()];
    let asked: Vec<&str> = asked.into_iter().filter(|word| !word.is_empty()).collect();
    let mut lines = vec![format!(
        "{}  {}  {}  {ended}  {} ms  {}",
        trace.at,
        trace.connection,
        asked.join(" "),
        trace.duration_ms,
        trace.request_id
    )];
    if !trace.plan.is_empty() {
        lines.push(format!("  plan: {}", trace.plan.join(", ")));
    }
    for call in &trace.calls {
        let status = call.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        let again = if call.attempt > 1 { format!("  attempt {}", call.attempt) } else { String::new() };
        lines.push(format!(
            "  {}  {} {}  {status}  {} ms{again}",
            call.at, call.method, call.path, call.duration_ms
        ));
    }
    if trace.calls_left_out > 0 {
        lines.push(format!("  and {} more", trace.calls_left_out));
    }
    lines.join("\n")
}
