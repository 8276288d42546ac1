//! `portcullis audit`: whether the audit is whole, and what stands in it.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use csv::WriterBuilder;
use serde_json::{Value, json};

use super::links::marked;
use super::moment::{Moment, moment};
use super::{ConfigFile, Failure, Outcome, assemble, chronicle, print};
use crate::base::clock::Timestamp;
use crate::base::hex;
use crate::provision::{AuditEntry, AuditLink, Gateway, HeadsFile, Verified};

/// Links read at a time.
const STRIDE: u64 = 5_000;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check that nothing in the audit was changed, left out, moved or cut off
    ///
    /// Follows each chain from its beginning and compares it with the heads that were signed. Keep a copy of
    /// audit-heads.jsonl, or of the log, on another machine: against it also shows what whoever owns this one cut off.
    /// Exits with 1 and the first bad entry when something is wrong.
    Verify(Verify),
    /// Write the audit to standard output, oldest first, one connection after another
    ///
    /// It holds ids, operations, calls and outcomes, and no personal data.
    Export(Export),
}

#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    file: ConfigFile,
    /// Only the chain of this connection, which need not be configured any more
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// The signed heads to compare with; without it those beside the store
    #[arg(long, value_name = "FILE")]
    heads: Option<PathBuf>,
    /// Print a JSON object: whole, public_key, chains, heads
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    file: ConfigFile,
    /// Only the chain of this connection, which need not be configured any more
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// Written then or later: a moment, or how long ago (2h, 30d)
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Moment>,
    /// One JSON object a line, with the digests; this is the default
    #[arg(long, conflicts_with = "csv")]
    jsonl: bool,
    /// Columns, for a spreadsheet
    #[arg(long)]
    csv: bool,
}

/// Carries out the command.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Verify(arguments) => verify(&arguments).await,
        Command::Export(arguments) => export(&arguments).await,
    }
}

async fn verify(arguments: &Verify) -> Outcome {
    let config = assemble::load(&arguments.file.config)?;
    let public = chronicle::key(&config)?.map(|key| key.public());
    let path = arguments.heads.clone().unwrap_or_else(|| chronicle::heads_path(&config));
    // Before the chains: what is signed now stands in them when they are read.
    let heads = match std::fs::read_to_string(&path) {
        Ok(text) => Some(HeadsFile::read(&text, public.as_deref().unwrap_or_default())),
        Err(error) if arguments.heads.is_none() && error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(Failure::new(format!("`{}` cannot be read: {error}", path.display()))),
    };
    let gateway = assemble::gateway(&config).await?;
    let nothing = HeadsFile::default();
    let chains =
        gateway.verify_audit(arguments.connection.as_deref(), heads.as_ref().unwrap_or(&nothing)).await?;
    gateway.close().await;
    let wrong = heads.as_ref().map_or(&[][..], |heads| heads.wrong.as_slice());
    let bad = chains.iter().filter(|chain| chain.finding.is_some()).count() + wrong.len();
    if arguments.json {
        let told = json!({
            "whole": bad == 0,
            "public_key": public,
            "chains": chains.iter().map(told).collect::<Vec<_>>(),
            "heads": heads.as_ref().map(|heads| json!({
                "file": path,
                "lines": heads.lines.len() + heads.wrong.len(),
                "wrong": heads.wrong.iter().map(|(line, why)| json!({ "line": line, "why": why })).collect::<Vec<_>>(),
            })),
        });
        print::line(&told.to_string())?;
    } else {
        for chain in &chains {
            print::line(&line(chain))?;
        }
        for (line, why) in wrong {
            print::line(&format!("{} line {line}: {why}", path.display()))?;
        }
        match (&public, &heads) {
            (Some(public), Some(_)) => print::line(&format!("public key: {public}"))?,
            _ => print::line("no heads are signed yet: entries cut off at the end would not show")?,
        }
    }
    if bad == 0 { Ok(()) } else { Err(Failure::new("the audit is not whole")) }
}

fn line(chain: &Verified) -> String {
    let Verified { connection, good, signed, finding } = chain;
    match finding {
        Some(found) => format!("{connection}: entry {} {}", found.seq, found.what.as_str()),
        None => format!("{connection}: {good} entries, whole, signed up to {signed}"),
    }
}

fn told(chain: &Verified) -> Value {
    let finding = chain
        .finding
        .as_ref()
        .map(|found| json!({ "seq": found.seq, "what": found.what.word(), "text": found.what.as_str() }));
    json!({
        "connection": chain.connection,
        "entries": chain.good,
        "signed": chain.signed,
        "finding": finding,
    })
}

async fn export(arguments: &Export) -> Outcome {
    let gateway = assemble::open(&arguments.file).await?;
    let since = arguments.since.map(|moment| moment.from(gateway.shared().clock.now()));
    let mut chains = gateway.audit_chains().await?;
    if let Some(only) = &arguments.connection {
        if !chains.contains(only) && gateway.connection(only).is_none() {
            let hint = format!("there are chains of {}", chains.join(", "));
            return Err(Failure::new(format!("there is no audit of `{only}`")).hint(hint));
        }
        chains.retain(|name| name == only);
    }
    if arguments.csv {
        print::line(&cells(&HEADINGS.map(str::to_owned))?)?;
    }
    for connection in chains {
        export_chain(&gateway, &connection, since, arguments.csv).await?;
    }
    gateway.close().await;
    Ok(())
}

async fn export_chain(
    gateway: &Arc<Gateway>,
    connection: &str,
    since: Option<Timestamp>,
    csv: bool,
) -> Outcome {
    let mut after = 0;
    loop {
        let links = gateway.audit_links(connection, after, STRIDE).await?;
        let Some(last) = links.last() else { return Ok(()) };
        after = last.seq;
        for link in links.iter().filter(|link| since.is_none_or(|since| link.at >= since)) {
            print::line(&if csv { cells(&row(connection, link)?)? } else { object(connection, link) })?;
        }
    }
}

/// A link with its digests; the text of the entry is the one that was hashed.
fn object(connection: &str, link: &AuditLink) -> String {
    let name = Value::from(connection);
    let (previous, hash) = (hex::encode(&link.previous), hex::encode(&link.hash));
    format!(
        "{{\"connection\":{name},\"seq\":{},\"previous\":\"{previous}\",\"hash\":\"{hash}\",\"entry\":{}}}",
        link.seq, link.entry
    )
}

const HEADINGS: [&str; 14] = [
    "connection",
    "seq",
    "at",
    "phase",
    "intent",
    "request_id",
    "kind",
    "resource",
    "operation",
    "generation",
    "attempt",
    "outcome",
    "bypassed",
    "calls",
];

fn row(connection: &str, link: &AuditLink) -> Result<[String; 14], Failure> {
    let unreadable = |_| {
        Failure::new(format!("entry {} of {connection} cannot be read", link.seq))
            .hint("portcullis audit verify")
    };
    let entry: AuditEntry = serde_json::from_str(&link.entry).map_err(unreadable)?;
    let call = |call: &crate::provision::AuditCall| {
        let status = call.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        format!("{} {} {status}", call.method, call.path)
    };
    Ok([
        entry.connection,
        link.seq.to_string(),
        entry.at.to_string(),
        entry.phase.as_str().to_owned(),
        entry.intent,
        entry.request_id,
        entry.kind,
        entry.resource,
        entry.operation,
        entry.generation.to_string(),
        entry.attempt.to_string(),
        entry.outcome,
        entry.bypassed.to_string(),
        entry.calls.iter().map(call).collect::<Vec<_>>().join("; "),
    ])
}

/// One line of CSV that no spreadsheet takes for formulas.
fn cells(row: &[String]) -> Result<String, Failure> {
    let failed = |error: String| Failure::new(format!("a line could not be written: {error}"));
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(row.iter().map(|cell| marked(cell))).map_err(|error| failed(error.to_string()))?;
    let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}
