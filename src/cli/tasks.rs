//! `portcullis tasks`: what waits for a person.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{ConfigFile, Failure, Outcome, assemble, print};
use crate::store::Task;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what waits for a person, oldest first
    ///
    /// Everything on an app without an interface, and what a deactivation leaves behind on the others. Removals are
    /// urgent: the person still has access.
    List(List),
    /// Say that a task is done; the resource shows it at once
    ///
    /// An invitation is then accepted, a leaver inactive, and what was left behind no longer there.
    Complete(Complete),
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    file: ConfigFile,
    /// Only tasks of this connection
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// Closed ones too
    #[arg(long)]
    all: bool,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Complete {
    #[command(flatten)]
    file: ConfigFile,
    /// The task's id, as `tasks list` shows it
    #[arg(value_name = "ID")]
    id: String,
    /// Who did it; kept with the task
    #[arg(long, value_name = "NAME", default_value = "operator")]
    by: String,
    /// What shows that it is done
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Print the closed task as JSON
    #[arg(long)]
    json: bool,
}

/// Carries out the command.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::List(arguments) => list(&arguments).await,
        Command::Complete(arguments) => complete(&arguments).await,
    }
}

async fn list(arguments: &List) -> Outcome {
    let gateway = assemble::open(&arguments.file).await?;
    if let Some(name) = &arguments.connection {
        assemble::connection(&gateway, name)?;
    }
    let store = &gateway.shared().store;
    let tasks = store.tasks(arguments.connection.as_deref(), !arguments.all).await?;
    store.close().await;
    if arguments.json {
        return print::line(&json!(tasks.iter().map(shown).collect::<Vec<_>>()).to_string());
    }
    let cells = |task: &Task| {
        let urgency = if task.urgent { "urgent" } else { "" };
        vec![
            task.id.clone(),
            task.connection.clone(),
            task.kind.clone(),
            urgency.to_owned(),
            task.created_at.to_string(),
            format!("{}: {}", task.person, task.instruction),
        ]
    };
    let rows: Vec<Vec<String>> = tasks.iter().map(cells).collect();
    print::table(&["ID", "CONNECTION", "KIND", "", "SINCE", "WHAT TO DO"], &rows)
}

async fn complete(arguments: &Complete) -> Outcome {
    let gateway = assemble::open(&arguments.file).await?;
    let open = gateway.shared().store.tasks(None, true).await?;
    let missing = || {
        Failure::new(format!("there is no open task `{}`", arguments.id))
            .hint(format!("portcullis tasks list --config {}", arguments.file.config.display()))
    };
    let task = open.into_iter().find(|task| task.id == arguments.id).ok_or_else(missing)?;
    let connection = gateway.connection(&task.connection).ok_or_else(missing)?;
    let done = connection.complete_task(&task.id, &arguments.by, arguments.note.clone()).await?;
    gateway.shared().store.close().await;
    if arguments.json {
        return print::line(&shown(&done).to_string());
    }
    print::line(&format!("task {} is done", done.id))
}

fn shown(task: &Task) -> serde_json::Value {
    json!({
        "id": task.id,
        "connection": task.connection,
        "resource": task.resource,
        "kind": task.kind,
        "instruction": task.instruction,
        "person": task.person,
        "urgent": task.urgent,
        "state": task.state,
        "created_at": task.created_at.to_string(),
        "closed_at": task.closed_at.map(|at| at.to_string()),
        "closed_by": task.closed_by,
        "note": task.note,
    })
}
