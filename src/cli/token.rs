//! `portcullis token`: bearer tokens of connections and of the admin door, shown once.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{ConfigFile, Failure, Outcome, assemble, print};
use crate::base::secret::Token;
use crate::provision::{ADMIN, Gateway};
use crate::store::{TokenRow, Write};

const DAY: Duration = Duration::from_hours(24);

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a token for a connection, or for the admin door, and show it, once
    ///
    /// Two tokens of each can be live at a time, so that one can be changed for the other without a gap. A
    /// running gateway knows the new token within ten seconds.
    Create(Create),
    /// List the tokens of a connection, of the admin door, or all: id, state and when they end
    ///
    /// The tokens themselves are not kept, only digests of them.
    List(List),
    /// End a token; a running gateway refuses it within ten seconds
    ///
    /// To change one without a gap: create the second, put it into the identity provider, revoke the first.
    Revoke(Revoke),
}

/// What a token opens.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Door {
    /// The connection the token opens
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// The token opens the admin door, /admin/v1, and no connection
    #[arg(long)]
    admin: bool,
}

impl Door {
    /// The name its tokens are kept under; says which connections there are where there is none of the name.
    fn name<'a>(&'a self, gateway: &Gateway) -> Result<&'a str, Failure> {
        match &self.connection {
            Some(name) => assemble::connection(gateway, name).map(|_| name.as_str()),
            None => Ok(ADMIN),
        }
    }

    /// As it is written on the command line.
    fn option(&self) -> String {
        self.connection.as_ref().map_or_else(|| "--admin".to_owned(), |name| format!("--connection {name}"))
    }
}

#[derive(Debug, Args)]
pub struct Create {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    door: Door,
    /// Days until it ends
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=365))]
    days: u32,
    /// Print a JSON object: id, token, expires_at
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    file: ConfigFile,
    /// Only tokens of this connection
    #[arg(long, value_name = "NAME", conflicts_with = "admin")]
    connection: Option<String>,
    /// Only tokens of the admin door
    #[arg(long)]
    admin: bool,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Revoke {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    door: Door,
    /// The token's id, as `token list` shows it
    #[arg(value_name = "ID")]
    id: String,
    /// Print a JSON object: id, revoked
    #[arg(long)]
    json: bool,
}

/// Carries out the command.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Create(arguments) => create(&arguments).await,
        Command::List(arguments) => list(&arguments).await,
        Command::Revoke(arguments) => revoke(&arguments).await,
    }
}

/// A token nobody can guess.
pub fn mint() -> Token {
    Token::from_random(rand::random(), rand::random())
}

async fn create(arguments: &Create) -> Outcome {
    let gateway = assemble::open(&arguments.file).await?;
    let token = mint();
    let expires_at = gateway.shared().clock.now().plus(DAY * arguments.days);
    let door = arguments.door.name(&gateway)?;
    let row = gateway.keep_token(door, &token, expires_at).await.map_err(|refusal| {
        Failure::from(refusal).hint(format!(
            "portcullis token list --config {} {}",
            arguments.file.config.display(),
            arguments.door.option()
        ))
    })?;
    gateway.close().await;
    if arguments.json {
        let shown =
            json!({ "id": row.id, "token": token.reveal(), "expires_at": row.expires_at.to_string() });
        return print::line(&shown.to_string());
    }
    print::line(&format!("token:   {}", token.reveal()))?;
    print::line(&format!("id:      {}", row.id))?;
    print::line(&format!("expires: {}", row.expires_at))?;
    print::line(if arguments.door.admin {
        "It is shown this once: give it to whoever administers the gateway, now."
    } else {
        "It is shown this once: paste it into the identity provider's token field now."
    })
}

async fn list(arguments: &List) -> Outcome {
    let gateway = assemble::open(&arguments.file).await?;
    if let Some(name) = &arguments.connection {
        assemble::connection(&gateway, name)?;
    }
    let rows = gateway.shared().store.tokens().await?;
    let now = gateway.shared().clock.now();
    gateway.close().await;
    let door = if arguments.admin { Some(ADMIN) } else { arguments.connection.as_deref() };
    let wanted = |row: &&TokenRow| door.is_none_or(|name| name == row.connection);
    let state = |row: &TokenRow| match (row.revoked_at, row.expires_at > now) {
        (Some(_), _) => "revoked",
        (None, false) => "expired",
        (None, true) => "live",
    };
    let rows: Vec<&TokenRow> = rows.iter().filter(wanted).collect();
    if arguments.json {
        let shown: Vec<_> = rows
            .iter()
            .map(|row| {
                json!({
                    "id": row.id,
                    "connection": row.connection,
                    "state": state(row),
                    "created_at": row.created_at.to_string(),
                    "expires_at": row.expires_at.to_string(),
                })
            })
            .collect();
        return print::line(&json!(shown).to_string());
    }
    let cells = |row: &&TokenRow| {
        vec![
            row.id.clone(),
            row.connection.clone(),
            state(row).to_owned(),
            row.created_at.to_string(),
            row.expires_at.to_string(),
        ]
    };
    print::table(
        &["ID", "CONNECTION", "STATE", "CREATED", "EXPIRES"],
        &rows.iter().map(cells).collect::<Vec<_>>(),
    )
}

async fn revoke(arguments: &Revoke) -> Outcome {
    let gateway = assemble::open(&arguments.file).await?;
    let door = arguments.door.name(&gateway)?;
    let store = &gateway.shared().store;
    let known = store.tokens().await?;
    if !known.iter().any(|row| row.connection == door && row.id == arguments.id) {
        return Err(Failure::new(format!("`{door}` has no token `{}`", arguments.id))
            .hint(format!("portcullis token list --config {}", arguments.file.config.display())));
    }
    let write = Write::RevokeToken {
        connection: door.to_owned(),
        id: arguments.id.clone(),
        at: gateway.shared().clock.now(),
    };
    store.commit(vec![write]).await?;
    store.close().await;
    if arguments.json {
        return print::line(&json!({ "id": arguments.id, "revoked": true }).to_string());
    }
    print::line(&format!("token {} opens nothing any longer", arguments.id))
}
