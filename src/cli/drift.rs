//! `portcullis drift`: what was changed in the apps outside of the gateway.

use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{ConfigFile, Failure, Outcome, assemble, print};
use crate::provision::{Connection, Finding, Report, What};

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Only this connection
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// List the apps now, compare, and correct what the policy says
    #[arg(long)]
    now: bool,
    /// With --now: take the listing for true however many accounts it lacks
    #[arg(long, requires = "now", requires = "connection")]
    believe: bool,
    /// Print a JSON array, one report a connection
    #[arg(long)]
    json: bool,
}

/// Carries out the command.
pub async fn run(arguments: &Arguments) -> Outcome {
    let gateway = assemble::open(&arguments.file).await?;
    let connections: Vec<Arc<Connection>> = match &arguments.connection {
        Some(name) => vec![assemble::connection(&gateway, name)?],
        None => gateway.connections().filter(|connection| connection.can_drift()).collect(),
    };
    // Listing takes its time, and safe mode may begin meanwhile.
    let seen = CancellationToken::new();
    gateway.shared().tracker.spawn(Arc::clone(&gateway).keep_to_safe_mode(seen.clone()));
    let mut reports = Vec::new();
    for connection in connections {
        let report = if arguments.now {
            Some(connection.look_for_drift(arguments.believe).await?)
        } else {
            connection.drift_report().await?
        };
        reports.push((connection.name().to_owned(), report));
    }
    seen.cancel();
    gateway.shared().tracker.close();
    gateway.shared().tracker.wait().await;
    gateway.close().await;
    if arguments.json {
        let shown: Vec<Value> = reports.iter().map(|(name, report)| whole(name, report.as_ref())).collect();
        print::line(&json!(shown).to_string())?;
    } else {
        for (name, report) in &reports {
            summary(name, report.as_ref())?;
        }
        let row = |name: &str, finding: &Finding| {
            vec![
                name.to_owned(),
                finding.what.as_str().to_owned(),
                finding.ended.as_str().to_owned(),
                finding.since.to_string(),
                format!("{}: {}", finding.person, finding.detail),
            ]
        };
        let rows: Vec<Vec<String>> = reports
            .iter()
            .filter_map(|(name, report)| Some((name, report.as_ref()?)))
            .flat_map(|(name, report)| report.findings.iter().map(move |finding| row(name, finding)))
            .collect();
        if !rows.is_empty() {
            print::table(&["CONNECTION", "WHAT", "STATE", "SINCE", "WHO AND HOW"], &rows)?;
        }
    }
    let failed =
        |report: &Option<Report>| report.as_ref().is_some_and(|report| report.listing.reason().is_some());
    let names: Vec<&str> =
        reports.iter().filter(|(_, report)| failed(report)).map(|(name, _)| name.as_str()).collect();
    if arguments.now && !names.is_empty() {
        return Err(Failure::new(format!("no listing that counts: {}", names.join(", "))));
    }
    Ok(())
}

fn summary(name: &str, report: Option<&Report>) -> Outcome {
    let Some(report) = report else {
        return print::line(&format!("{name}: not looked at yet; --now looks"));
    };
    let brake = if report.braked { ", more than one run may correct: nothing was corrected" } else { "" };
    let counted = match report.listing.reason() {
        None => format!("{} accounts", report.accounts),
        Some(reason) => format!("{} ({reason}); what was found before stands", report.listing.as_str()),
    };
    print::line(&format!(
        "{name}: {}, {counted}, {} unmanaged, {} findings, {} corrected{brake}",
        report.ended_at,
        report.unmanaged,
        report.findings.len(),
        report.corrected()
    ))
}

fn whole(name: &str, report: Option<&Report>) -> Value {
    let Some(report) = report else { return json!({ "connection": name, "report": Value::Null }) };
    let counts: serde_json::Map<String, Value> =
        What::ALL.into_iter().map(|what| (what.as_str().to_owned(), json!(report.count(what)))).collect();
    let findings: Vec<Value> = report.findings.iter().map(shown).collect();
    json!({
        "connection": name,
        "report": {
            "began_at": report.began_at.to_string(),
            "ended_at": report.ended_at.to_string(),
            "listing": report.listing.as_str(),
            "reason": report.listing.reason(),
            "accounts": report.accounts,
            "unmanaged": report.unmanaged,
            "counts": counts,
            "corrected": report.corrected(),
            "due": report.due,
            "braked": report.braked,
            "findings": findings,
        },
    })
}

fn shown(finding: &Finding) -> Value {
    json!({
        "what": finding.what.as_str(),
        "state": finding.ended.as_str(),
        "resource": finding.resource,
        "group": finding.group,
        "person": finding.person,
        "detail": finding.detail,
        "since": finding.since.to_string(),
        "correctable": finding.correctable,
        "note": finding.note,
    })
}
