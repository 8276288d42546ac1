//! `portcullis tasks`: what waits for a person.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{ConfigFile, Failure, Outcome, assemble, print};
use crate::base::clock::Timestamp;
use crate::provision::Completion;
use crate::store::Task;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what waits for a person, oldest first
    ///
    /// Everything on an app without an interface, and what a deactivation leaves behind on the others. Removals are
    /// urgent: the person still has access. Owner and link come from the configuration and the app.
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
    /// What shows that it is done: the address of a ticket or a picture, or a text
    #[arg(long, value_name = "URL-OR-TEXT")]
    evidence: Option<String>,
    /// Anything else to remember
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
    let now = gateway.shared().clock.now();
    if arguments.json {
        return print::line(
            &json!(tasks.iter().map(|task| shown(task, now)).collect::<Vec<_>>()).to_string(),
        );
    }
    let cells = |task: &Task| {
        let urgency = if task.urgent { "urgent" } else { "" };
        vec![
            task.id.clone(),
            task.connection.clone(),
            task.kind.clone(),
            urgency.to_owned(),
            age(open_for(task, now)),
            task.owner.clone().unwrap_or_else(|| "-".to_owned()),
            task.link.clone().unwrap_or_else(|| "-".to_owned()),
            format!("{}: {}", task.person, task.instruction),
        ]
    };
    let rows: Vec<Vec<String>> = tasks.iter().map(cells).collect();
    print::table(&["ID", "CONNECTION", "KIND", "", "AGE", "OWNER", "LINK", "WHAT TO DO"], &rows)
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
    let completion = Completion {
        by: arguments.by.clone(),
        note: arguments.note.clone(),
        evidence: arguments.evidence.clone(),
    };
    let done = connection.complete_task(&task.id, completion).await?;
    gateway.close().await;
    if arguments.json {
        return print::line(&shown(&done, gateway.shared().clock.now()).to_string());
    }
    print::line(&format!("task {} is done", done.id))
}

/// How long a task has been open, or was.
pub(super) fn open_for(task: &Task, now: Timestamp) -> Duration {
    task.closed_at.unwrap_or(now).since(task.created_at)
}

/// A duration in its largest whole unit: `3d`, `5h`, `12m`, `40s`.
pub(super) fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 86_400, seconds / 3_600, seconds / 60) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, _) => format!("{hours}h"),
        (days, ..) => format!("{days}d"),
    }
}

pub(super) fn shown(task: &Task, now: Timestamp) -> serde_json::Value {
    let mut told = task.told();
    told["age_seconds"] = json!(open_for(task, now).as_secs());
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        for (seconds, told) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3_599, "59m"),
            (7_200, "2h"),
            (86_399, "23h"),
            (259_200, "3d"),
        ] {
            assert_eq!(age(Duration::from_secs(seconds)), told);
        }
    }
}
