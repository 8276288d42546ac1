//! `portcullis roster`: the member list of an app that has no interface.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{ConfigFile, Failure, Outcome, assemble, files, print};
use crate::adapters::manual::roster::{RosterRow, parse_roster};
use crate::contract::Fulfilment;
use crate::provision::{Difference, Differs, PersonDifference};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take in a CSV export: columns email, name, role, status, last_seen
    ///
    /// Only email has to be there. A file with anything wrong is refused whole, and each wrong line is named. People
    /// who are missing from it are noted as gone; tasks it shows as done are closed. An import that would lose more
    /// than 30 % of the known people is refused without --force.
    Import(Import),
}

#[derive(Debug, Args)]
pub struct Import {
    #[command(flatten)]
    file: ConfigFile,
    /// The connection whose app the roster is of
    #[arg(long, value_name = "NAME")]
    connection: String,
    /// The CSV file; - reads standard input
    #[arg(value_name = "CSV")]
    csv: PathBuf,
    /// Only show what would change: + new, ~ changed, - missing, and the tasks that are done
    #[arg(long, visible_alias = "dry-run")]
    preview: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Import even if many people are missing
    #[arg(long)]
    force: bool,
}

/// Carries out the command.
pub async fn run(Command::Import(arguments): Command) -> Outcome {
    let gateway = assemble::open(&arguments.file).await?;
    let connection = assemble::connection(&gateway, &arguments.connection)?;
    if connection.capabilities().fulfilment != Fulfilment::Manual {
        return Err(Failure::new(format!(
            "`{}` has an interface that is asked; only apps without one need a roster",
            arguments.connection
        )));
    }
    let bytes = files::read(&arguments.csv)
        .map_err(|error| Failure::new(format!("`{}` cannot be read: {error}", arguments.csv.display())))?;
    let rows = parse_roster(&bytes).map_err(|errors| {
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::new(format!("`{}` cannot be imported\n{}", arguments.csv.display(), texts.join("\n")))
    })?;
    let accounts = rows.iter().map(RosterRow::account).collect();
    let difference = connection.import_roster(accounts, arguments.preview, arguments.force).await?;
    gateway.close().await;
    if arguments.json {
        return print::line(&shown(&difference, !arguments.preview).to_string());
    }
    if arguments.preview {
        difference.people.iter().try_for_each(|person| print::line(&told(person)))?;
        for task in &difference.done {
            print::line(&format!("done: {} {}: {}", task.kind, task.person, task.instruction))?;
        }
    }
    let verb = if arguments.preview { "would be taken in" } else { "taken in" };
    print::line(&format!(
        "{verb}: {} in the roster, {} new, {} missing",
        difference.rows, difference.new, difference.missing
    ))
}

/// One line for one person: `~ ada@example.com  role: Read Only -> Admin`.
fn told(person: &PersonDifference) -> String {
    match &person.how {
        Differs::Added => format!("+ {}", person.email),
        Differs::Missing => format!("- {}", person.email),
        Differs::Changed(changes) => {
            let or_nothing =
                |text: &String| if text.is_empty() { "(nothing)".to_owned() } else { text.clone() };
            let changes: Vec<String> = changes
                .iter()
                .map(|(what, was, is)| format!("{what}: {} -> {}", or_nothing(was), or_nothing(is)))
                .collect();
            format!("~ {}  {}", person.email, changes.join(", "))
        }
    }
}

fn shown(difference: &Difference, applied: bool) -> Value {
    let person = |person: &PersonDifference| match &person.how {
        Differs::Added => json!({ "email": person.email, "change": "added" }),
        Differs::Missing => json!({ "email": person.email, "change": "missing" }),
        Differs::Changed(changes) => {
            let fields: Vec<Value> = changes
                .iter()
                .map(|(what, was, is)| json!({ "field": what, "was": was, "is": is }))
                .collect();
            json!({ "email": person.email, "change": "changed", "fields": fields })
        }
    };
    json!({
        "applied": applied,
        "rows": difference.rows,
        "new": difference.new,
        "missing": difference.missing,
        "people": difference.people.iter().map(person).collect::<Vec<_>>(),
        "tasks_done": difference.done.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(),
    })
}
