//! `portcullis links`: whose the accounts are that the app had before the gateway came.

mod report;
mod sheet;

pub use sheet::marked;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{ConfigFile, Failure, Outcome, assemble, files, print};
use crate::provision::{Adoption, Link, LinkRow, LinkState, Unlinking};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the resources of a connection and the accounts they are linked to
    ///
    /// Answers from the store; no app is asked. An account that was in the app before, and that nobody has linked, is
    /// adoptable.
    List(List),
    /// List the app and say of each account how it stands, and what a file would change
    ///
    /// Changes nothing. States: linked, adoptable (nobody has linked it), matched (a row of the file says whose it is),
    /// ambiguous, protected, conflict, missing. What --output writes can be edited and given back with --csv.
    Preview(Preview),
    /// Link accounts as a CSV file says: columns externalId, userName, email, account
    ///
    /// Does what a preview of the same file shows: each matched account gets the externalId and userName of its row. A
    /// file with anything wrong is refused whole, and each wrong line is named. The app is read and not changed. A
    /// second run finds nothing to do.
    Adopt(Adopt),
    /// Take links back: the resource stays and shows the account as the app tells it
    ///
    /// What the identity provider wrote is forgotten, the SCIM id is kept, the app is not asked. Refused, all of it,
    /// while a request or a removal about one of them is under way.
    Unlink(Unlink),
}

/// Which connection, and how to print.
#[derive(Debug, Args)]
pub struct Common {
    #[command(flatten)]
    file: ConfigFile,
    /// The connection whose accounts they are
    #[arg(long, value_name = "NAME")]
    connection: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    common: Common,
    /// Only accounts that nobody has linked
    #[arg(long)]
    unlinked: bool,
}

#[derive(Debug, Args)]
pub struct Preview {
    #[command(flatten)]
    common: Common,
    /// Whose the accounts are, as for `links adopt`; - reads standard input
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write the result to a CSV file that only its owner may read
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Adopt {
    #[command(flatten)]
    common: Common,
    /// Whose the accounts are: externalId, userName, and email or account; - reads standard input
    #[arg(long, value_name = "FILE")]
    csv: PathBuf,
    /// Write the result to a CSV file that only its owner may read
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Unlink {
    #[command(flatten)]
    common: Common,
    /// SCIM ids, as `links list` shows them
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

/// Carries out the command.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::List(arguments) => list(&arguments).await,
        Command::Preview(arguments) => preview(&arguments).await,
        Command::Adopt(arguments) => adopt(&arguments).await,
        Command::Unlink(arguments) => unlink(&arguments).await,
    }
}

async fn list(arguments: &List) -> Outcome {
    let gateway = assemble::open(&arguments.common.file).await?;
    let mut links = assemble::connection(&gateway, &arguments.common.connection)?.links().await?;
    gateway.close().await;
    links.retain(|link| !arguments.unlinked || link.state == LinkState::Adoptable);
    shown(&links, arguments.common.json)
}

async fn preview(arguments: &Preview) -> Outcome {
    let gateway = assemble::open(&arguments.common.file).await?;
    let connection = assemble::connection(&gateway, &arguments.common.connection)?;
    let rows = arguments.csv.as_deref().map(rows).transpose()?.unwrap_or_default();
    let links = connection.preview_links(&rows).await?;
    gateway.close().await;
    write(arguments.output.as_deref(), &links)?;
    shown(&links, arguments.common.json)
}

async fn adopt(arguments: &Adopt) -> Outcome {
    let gateway = assemble::open(&arguments.common.file).await?;
    let connection = assemble::connection(&gateway, &arguments.common.connection)?;
    let rows = rows(&arguments.csv)?;
    let ended = connection.adopt_links(&rows).await?;
    gateway.close().await;
    let links = match ended {
        Adoption::Done(links) => links,
        Adoption::Refused(links) => return Err(refused(&arguments.csv, &links, &arguments.common)),
    };
    write(arguments.output.as_deref(), &links)?;
    let of_file =
        |state: LinkState| links.iter().filter(|link| link.line.is_some() && link.state == state).count();
    let (adopted, already) = (of_file(LinkState::Matched), of_file(LinkState::Linked));
    if arguments.common.json {
        return print::line(&json!({ "adopted": adopted, "already_linked": already }).to_string());
    }
    print::line(&format!("adopted: {adopted}, linked already: {already}"))
}

async fn unlink(arguments: &Unlink) -> Outcome {
    let gateway = assemble::open(&arguments.common.file).await?;
    let connection = assemble::connection(&gateway, &arguments.common.connection)?;
    let ended = connection.unlink(&arguments.ids).await?;
    gateway.close().await;
    match ended {
        Unlinking::Done(unlinked) if arguments.common.json => {
            print::line(&json!({ "unlinked": unlinked }).to_string())
        }
        Unlinking::Done(unlinked) => print::line(&format!("unlinked: {unlinked}")),
        Unlinking::Refused(reasons) => {
            let lines: Vec<String> = reasons.iter().map(|(id, reason)| format!("{id}: {reason}")).collect();
            Err(Failure::new(format!("nothing was unlinked\n{}", lines.join("\n"))))
        }
    }
}

/// The rows of a file, or everything that is wrong with it.
fn rows(csv: &Path) -> Result<Vec<LinkRow>, Failure> {
    let bytes = files::read(csv)
        .map_err(|error| Failure::new(format!("`{}` cannot be read: {error}", csv.display())))?;
    sheet::parse(&bytes).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::new(format!("`{}` cannot be used\n{}", csv.display(), lines.join("\n")))
    })
}

/// The failure that names each line that cannot be carried out.
fn refused(csv: &Path, found: &[Link], common: &Common) -> Failure {
    let mut wrong: Vec<(u64, String)> = found
        .iter()
        .filter(|link| !matches!(link.state, LinkState::Linked | LinkState::Matched))
        .filter_map(|link| {
            let (line, note) = (link.line?, link.note.unwrap_or_default());
            Some((line, format!("line {line}: {}: {note}", link.state.as_str())))
        })
        .collect();
    wrong.sort();
    let wrong: Vec<String> = wrong.into_iter().map(|(_, text)| text).collect();
    Failure::new(format!("nothing of `{}` was adopted\n{}", csv.display(), wrong.join("\n"))).hint(format!(
        "portcullis links preview --config {} --connection {} --csv {}",
        common.file.config.display(),
        common.connection,
        csv.display()
    ))
}

fn write(output: Option<&Path>, links: &[Link]) -> Outcome {
    let Some(path) = output else { return Ok(()) };
    let told = |error: String| Failure::new(format!("`{}` cannot be written: {error}", path.display()));
    let text = sheet::text(links).map_err(|error| told(error.to_string()))?;
    files::write(path, &text).map_err(|error| told(error.to_string()))
}

fn shown(links: &[Link], as_json: bool) -> Outcome {
    if as_json {
        return print::line(&report::json(links).to_string());
    }
    print::table(&report::HEADINGS, &report::rows(links))?;
    print::line(&report::summary(links))
}
