//! `portcullis approvals`: deletions for good that the brake held back.

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;

use super::tasks::{age, open_for, shown};
use super::{ConfigFile, Failure, Outcome, assemble, print};
use crate::provision::{Completion, Connection, Gateway};
use crate::store::Task;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the deletions that wait for a person's word, oldest first
    ///
    /// Each account is deactivated already: nobody has access who must not.
    List(List),
    /// Approve a deletion: the account is removed from the app for good
    ///
    /// The gateway that serves carries it out within seconds, and goes on until it is done.
    Approve(Decision),
    /// Reject a deletion: the account stays in the app, deactivated
    Reject(Decision),
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    file: ConfigFile,
    /// Only deletions of this connection
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Decision {
    #[command(flatten)]
    file: ConfigFile,
    /// The deletion's id, as `approvals list` shows it
    #[arg(value_name = "ID")]
    id: String,
    /// Who decides; kept with the decision
    #[arg(long, value_name = "NAME", default_value = "operator")]
    by: String,
    /// Anything to remember
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Print the decision as JSON
    #[arg(long)]
    json: bool,
}

/// Carries out the command.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::List(arguments) => list(&arguments).await,
        Command::Approve(arguments) => decide(&arguments, true).await,
        Command::Reject(arguments) => decide(&arguments, false).await,
    }
}

async fn list(arguments: &List) -> Outcome {
    let gateway = assemble::open(&arguments.file).await?;
    if let Some(name) = &arguments.connection {
        assemble::connection(&gateway, name)?;
    }
    let mut waiting = Vec::new();
    for connection in gateway.connections() {
        if arguments.connection.as_deref().is_none_or(|name| name == connection.name()) {
            waiting.extend(connection.approvals().await?);
        }
    }
    gateway.shared().store.close().await;
    let now = gateway.shared().clock.now();
    if arguments.json {
        return print::line(
            &json!(waiting.iter().map(|task| shown(task, now)).collect::<Vec<_>>()).to_string(),
        );
    }
    let cells = |task: &Task| {
        vec![task.id.clone(), task.connection.clone(), age(open_for(task, now)), task.person.clone()]
    };
    let rows: Vec<Vec<String>> = waiting.iter().map(cells).collect();
    print::table(&["ID", "CONNECTION", "AGE", "PERSON"], &rows)
}

async fn decide(arguments: &Decision, approve: bool) -> Outcome {
    let gateway = assemble::open(&arguments.file).await?;
    let connection = of_deletion(&gateway, arguments).await?;
    let word = Completion { by: arguments.by.clone(), note: arguments.note.clone(), evidence: None };
    let decided = if approve {
        connection.approve(&arguments.id, word).await
    } else {
        connection.reject(&arguments.id, word).await
    };
    gateway.shared().store.close().await;
    let decided = decided?;
    if arguments.json {
        return print::line(&shown(&decided, gateway.shared().clock.now()).to_string());
    }
    let ends = if approve {
        "approved: the account will be deleted"
    } else {
        "rejected: the account stays deactivated"
    };
    print::line(&format!("deletion {} is {ends}", decided.id))
}

/// The connection whose deletion it is.
async fn of_deletion(gateway: &Gateway, arguments: &Decision) -> Result<Arc<Connection>, Failure> {
    for connection in gateway.connections() {
        if connection.approvals().await?.iter().any(|task| task.id == arguments.id) {
            return Ok(Arc::clone(connection));
        }
    }
    Err(Failure::new(format!("no deletion waits for approval under `{}`", arguments.id))
        .hint(format!("portcullis approvals list --config {}", arguments.file.config.display())))
}
