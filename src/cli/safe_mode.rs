//! `portcullis safe-mode`: after an older database was put back, look at what differs and let things go on.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{ConfigFile, Failure, Outcome, assemble, print};
use crate::provision::{Gateway, Review, Reviewed, SafeMode};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say whether the gateway is in safe mode, since when and why
    Status(Told),
    /// Give nobody access from now on; access is taken away as before
    Enter(Enter),
    /// List every app now and show who lost access since the database was saved
    ///
    /// Changes nothing. Exits with 1 when an app could not be listed.
    Review(Told),
    /// End safe mode after a review: whoever lost access in the app stays without it
    Leave(Leave),
}

#[derive(Debug, Args)]
pub struct Told {
    #[command(flatten)]
    file: ConfigFile,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Enter {
    #[command(flatten)]
    file: ConfigFile,
    /// Why; shown by `status`
    #[arg(long, value_name = "TEXT", default_value = "an operator asked for it")]
    reason: String,
}

#[derive(Debug, Args)]
pub struct Leave {
    #[command(flatten)]
    file: ConfigFile,
    /// A connection that cannot be compared and may go on all the same; repeat for several
    #[arg(long, value_name = "NAME")]
    unseen: Vec<String>,
}

/// Carries out the command.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Status(told) => status(&told).await,
        Command::Enter(arguments) => {
            let gateway = assemble::open(&arguments.file).await?;
            gateway.enter_safe_mode(&arguments.reason).await?;
            gateway.shared().store.close().await;
            print::line("safe mode: nobody gets access; running gateways know within 5 seconds")
        }
        Command::Review(told) => review(&told).await,
        Command::Leave(arguments) => leave(&arguments).await,
    }
}

async fn status(told: &Told) -> Outcome {
    let gateway = assemble::open(&told.file).await?;
    let mode = gateway.safe_mode().await?;
    gateway.shared().store.close().await;
    if told.json {
        return print::line(&shown(mode.as_ref()).to_string());
    }
    match mode {
        None => print::line("not in safe mode"),
        Some(SafeMode { since, reason }) => print::line(&format!("in safe mode since {since}: {reason}")),
    }
}

async fn review(told: &Told) -> Outcome {
    let gateway = assemble::open(&told.file).await?;
    let Some(mode) = gateway.safe_mode().await? else {
        return Err(Failure::new("the gateway is not in safe mode"));
    };
    let mut unseen = Vec::new();
    for connection in gateway.connections().filter(|connection| connection.can_drift()) {
        if let Err(refusal) = connection.look_for_drift(false).await {
            unseen.push(format!("{}: {}", connection.name(), refusal.error.detail));
        }
    }
    let reviews = gateway.review(&mode).await?;
    close(&gateway).await;
    if told.json {
        print::line(&json!(reviews.iter().map(reviewed).collect::<Vec<_>>()).to_string())?;
    } else {
        for Review { connection, state } in &reviews {
            match state {
                Reviewed::Nothing => print::line(&format!("{connection}: keeps nothing that could differ"))?,
                Reviewed::Not(reason) => {
                    let reason = reason.as_deref().unwrap_or("not listed");
                    print::line(&format!("{connection}: not compared ({reason})"))?;
                }
                Reviewed::Compared(gone) => {
                    print::line(&format!("{connection}: compared, {} without access", gone.len()))?;
                    for (id, person) in gone {
                        print::line(&format!("  {id}  {person}"))?;
                    }
                }
            }
        }
    }
    let not = |review: &&Review| matches!(review.state, Reviewed::Not(_));
    unseen.extend(reviews.iter().filter(not).map(|review| review.connection.clone()));
    if unseen.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("no listing that counts: {}", unseen.join(", ")))
        .hint("mend the app's connection, or leave with --unseen NAME"))
}

async fn leave(arguments: &Leave) -> Outcome {
    let gateway = assemble::open(&arguments.file).await?;
    for name in &arguments.unseen {
        assemble::connection(&gateway, name)?;
    }
    let left = gateway.leave_safe_mode(&arguments.unseen).await.map_err(|refusal| {
        let hint = format!("portcullis safe-mode review --config {}", arguments.file.config.display());
        Failure::from(refusal).hint(hint)
    })?;
    close(&gateway).await;
    print::line(&format!(
        "safe mode is ended; {left} people count as having left; running gateways know within 5 seconds"
    ))
}

async fn close(gateway: &Gateway) {
    gateway.shared().tracker.close();
    gateway.shared().tracker.wait().await;
    gateway.shared().store.close().await;
}

fn shown(mode: Option<&SafeMode>) -> Value {
    match mode {
        None => json!({ "safe_mode": false }),
        Some(SafeMode { since, reason }) => {
            json!({ "safe_mode": true, "since": since.to_string(), "reason": reason })
        }
    }
}

fn reviewed(review: &Review) -> Value {
    let (state, reason, gone) = match &review.state {
        Reviewed::Nothing => ("nothing", None, None),
        Reviewed::Not(reason) => ("not_compared", reason.clone(), None),
        Reviewed::Compared(gone) => ("compared", None, Some(gone)),
    };
    let gone = gone.map(|gone| {
        gone.iter().map(|(id, person)| json!({ "id": id, "person": person })).collect::<Vec<_>>()
    });
    json!({ "connection": review.connection, "state": state, "reason": reason, "without_access": gone })
}
