//! `portcullis doctor`: is each app reachable, and does it know the credential?

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::{ConfigFile, Failure, Outcome, assemble, print};
use crate::base::context::Context;
use crate::contract::{Fulfilment, Standing};
use crate::provision::Connection;

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

/// Checks every connection with the cheapest read; fails when one of them cannot work.
pub async fn run(arguments: &Arguments) -> Outcome {
    let gateway = assemble::open(&arguments.file).await?;
    let mut reports = Vec::new();
    for connection in gateway.connections() {
        let context = Context::new(format!("doctor-{}", connection.name()), Duration::from_secs(25));
        let outcome = context.scope(connection.adapter().check()).await;
        let urgent = connection.tasks(true).await?.into_iter().filter(|task| task.urgent).count();
        let outcome = outcome.map(|standing| with_hints(&connection, standing, urgent));
        reports.push((connection.name().to_owned(), outcome));
    }
    gateway.close().await;
    let broken = reports.iter().filter(|(_, outcome)| outcome.is_err()).count();
    if arguments.json {
        let shown: Vec<_> = reports
            .iter()
            .map(|(name, outcome)| match outcome {
                Ok(standing) => json!({ "connection": name, "ok": true, "summary": standing.summary, "warnings": standing.warnings }),
                Err(error) => json!({ "connection": name, "ok": false, "problem": error.message }),
            })
            .collect();
        print::line(&json!(shown).to_string())?;
    } else {
        for (name, outcome) in &reports {
            match outcome {
                Ok(standing) => {
                    print::line(&format!("{name}: ok: {}", standing.summary))?;
                    standing
                        .warnings
                        .iter()
                        .try_for_each(|warning| print::line(&format!("{name}: note: {warning}")))?;
                }
                Err(error) => print::line(&format!("{name}: broken: {}", error.message))?,
            }
        }
    }
    if broken > 0 {
        return Err(Failure::new(format!("{broken} of {} connections cannot work", reports.len())));
    }
    Ok(())
}

/// What an administrator should know though nothing is broken.
fn with_hints(connection: &Connection, mut standing: Standing, urgent: usize) -> Standing {
    if urgent > 0 {
        standing.warnings.push(format!("{urgent} urgent tasks are open: see `portcullis tasks list`"));
    }
    let capabilities = connection.capabilities();
    if capabilities.fulfilment != Fulfilment::Manual {
        for residual in capabilities.residual {
            standing.warnings.push(format!(
                "a deactivation leaves `{}` behind; a task is opened: {}",
                residual.key, residual.instruction
            ));
        }
    }
    standing
}
