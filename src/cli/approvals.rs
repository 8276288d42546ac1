//! `portcullis approvals`: deletions for good that the brake held back.

use clap::{Args, Subcommand};
use serde_json::json;

use super::tasks::{age, open_for, shown};
use super::{ConfigFile, Failure, Outcome, assemble, print};
use crate::provision::Completion;
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
    let waiting = gateway.approvals(arguments.connection.as_deref()).await?;
    gateway.close().await;
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
    let word = Completion { by: arguments.by.clone(), note: arguments.note.clone(), evidence: None };
    let decided = gateway.decide(&arguments.id, approve, word).await;
    gateway.close().await;
    let decided = decided.map_err(|refusal| {
        let missing = refusal.error.status == 404;
        let failure = Failure::from(refusal);
        let list = format!("portcullis approvals list --config {}", arguments.file.config.display());
        if missing { failure.hint(list) } else { failure }
    })?;
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
