//! `portcullis roster`: the member list of an app that has no interface.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ConfigFile, Failure, Outcome, assemble, files, print};
use crate::adapters::manual::roster::{RosterRow, parse_roster};
use crate::contract::Fulfilment;

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
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
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
    let difference = connection.import_roster(accounts, arguments.dry_run, arguments.force).await?;
    gateway.shared().store.close().await;
    let verb = if arguments.dry_run { "would be taken in" } else { "taken in" };
    print::line(&format!(
        "{verb}: {} in the roster, {} new, {} missing",
        difference.rows, difference.new, difference.missing
    ))
}
