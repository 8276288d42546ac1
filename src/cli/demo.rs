//! `portcullis demo`: five simulated apps, a gateway in front of them, and what to try.

mod settings;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Failure, Outcome, assemble, files, print, serve, sim, token};
use crate::adapters::simulator;
use crate::base::secret::Token;
use crate::provision::{ADMIN, Gateway};
use crate::store::{TokenRow, Write};

/// How long requests under way may take after the signal.
const DRAIN: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub struct Arguments {
    /// Address and port of the gateway; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address and port of the simulators; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8090")]
    sim_listen: SocketAddr,
    /// Where store, configuration and secrets are; without it a temporary folder that is removed at the end
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// One bearer token for every connection, instead of a new one for each
    #[arg(long, value_name = "TOKEN", value_parser = header_text)]
    token: Option<String>,
    /// Written once it serves: base URLs, tokens, simulators and the configuration's path as JSON
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Whose needs win where identity providers disagree
    #[arg(long, value_enum, default_value_t = settings::Idp::Generic)]
    idp: settings::Idp,
    /// How old a listing of an app may be before a read asks the app again
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    freshness: String,
}

/// A token that fits into a header.
fn header_text(text: &str) -> Result<String, &'static str> {
    Token::parse(text).map(|_| text.to_owned()).ok_or("use letters, digits and signs, without a space")
}

/// Runs until SIGTERM or Ctrl-C.
pub async fn run(arguments: Arguments) -> Outcome {
    let folder = Folder::of(arguments.data_dir.as_deref())?;
    let lock = serve::lock(&folder.path)?;
    let listener = serve::bind(arguments.listen).await?;
    let sim_listener = serve::bind(arguments.sim_listen).await?;
    let address = serve::address(&listener)?;
    let gateway_url = format!("http://{address}");
    let sim_url = format!("http://{}", serve::address(&sim_listener)?);
    let file = settings::write(
        &folder.path,
        &settings::text(address, &sim_url, arguments.idp, &arguments.freshness),
    )?;
    let config = assemble::load(&file)?;
    let stop = CancellationToken::new();
    serve::until_signal(stop.clone())?;

    let simulators = sim::NAMES.iter().map(|app| Ok((*app, sim::simulator(app)?)));
    let simulators = simulator::side_by_side(simulators.collect::<Result<Vec<_>, Failure>>()?);
    // They outlive the gateway's last request, and nothing waits for them.
    let simulating = tokio::spawn(simulator::serve(sim_listener, simulators, CancellationToken::new()));

    let gateway = assemble::gateway(&config).await?;
    let tokens = tokens(&gateway, arguments.token.as_deref()).await?;
    let admin_token = admin_token(&gateway).await?;
    let ready = ready(&gateway_url, &sim_url, &tokens, &admin_token, &file);
    print::line(&welcome(&gateway_url, &sim_url, &tokens, &admin_token, &file))?;
    let serving = serve::gateway_until(listener, gateway, &config, None, DRAIN, stop);
    if let Some(path) = &arguments.ready_file {
        // The socket listens already: a request that arrives now waits for the accept loop.
        sim::write_ready(path, &ready)?;
    }
    serving.await?;
    simulating.abort();
    drop(lock);
    Ok(())
}

/// The data directory, and whether it goes when we go.
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    fn of(given: Option<&Path>) -> Result<Self, Failure> {
        let (path, temporary) = match given {
            Some(path) => (path.to_owned(), false),
            None => {
                (std::env::temp_dir().join(format!("portcullis-demo-{:016x}", rand::random::<u64>())), true)
            }
        };
        files::folder(&path)
            .map_err(|error| Failure::new(format!("`{}` cannot be made: {error}", path.display())))?;
        Ok(Self { path, temporary })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%error, "the temporary folder could not be removed");
        }
    }
}

/// One token for each connection, kept in the store; `chosen` for all where it is given.
async fn tokens(gateway: &Arc<Gateway>, chosen: Option<&str>) -> Result<BTreeMap<String, String>, Failure> {
    let expires_at = gateway.shared().clock.now().plus(Duration::from_hours(24 * 365));
    let mut tokens = BTreeMap::new();
    for connection in gateway.connections() {
        let token = chosen.and_then(Token::parse).unwrap_or_else(token::mint);
        let text = chosen.map_or_else(|| token.reveal(), str::to_owned);
        make_room(gateway, connection.name(), &token).await?;
        gateway.keep_token(connection.name(), &token, expires_at).await?;
        tokens.insert(connection.name().to_owned(), text);
    }
    Ok(tokens)
}

/// A new token of the admin door, whichever was chosen for the connections: it opens more than one of theirs.
async fn admin_token(gateway: &Arc<Gateway>) -> Result<String, Failure> {
    let token = token::mint();
    let expires_at = gateway.shared().clock.now().plus(Duration::from_hours(24 * 365));
    make_room(gateway, ADMIN, &token).await?;
    gateway.keep_token(ADMIN, &token, expires_at).await?;
    Ok(token.reveal())
}

/// A data directory that is used again has the tokens of earlier runs; nobody knows them any longer.
async fn make_room(gateway: &Gateway, connection: &str, token: &Token) -> Outcome {
    let shared = gateway.shared();
    let old = |row: &TokenRow| row.connection == connection && row.id != token.id && row.revoked_at.is_none();
    let writes = shared.store.tokens().await?.into_iter().filter(old).map(|row| Write::RevokeToken {
        connection: row.connection,
        id: row.id,
        at: shared.clock.now(),
    });
    Ok(shared.store.commit(writes.collect()).await?)
}

fn ready(
    gateway: &str,
    sim: &str,
    tokens: &BTreeMap<String, String>,
    admin_token: &str,
    file: &Path,
) -> Value {
    let connections: serde_json::Map<String, Value> = tokens
        .iter()
        .map(|(name, token)| {
            (name.clone(), json!({ "base_url": format!("{gateway}/{name}/scim/v2"), "token": token }))
        })
        .collect();
    let simulators: serde_json::Map<String, Value> =
        sim::NAMES.iter().map(|name| ((*name).to_owned(), json!(format!("{sim}/{name}")))).collect();
    json!({
        "gateway": gateway,
        "admin_token": admin_token,
        "config": file,
        "connections": connections,
        "simulators": simulators,
    })
}

fn welcome(
    gateway: &str,
    sim: &str,
    tokens: &BTreeMap<String, String>,
    admin_token: &str,
    file: &Path,
) -> String {
    let mut text = format!("Portcullis is ready at {gateway}; five simulated apps stand behind it.\n\n");
    for (name, token) in tokens {
        let _infallible = writeln!(text, "  {name:<10} {gateway}/{name}/scim/v2\n             token {token}");
    }
    let _infallible = writeln!(text, "\n  admin      {gateway}/admin/v1\n             token {admin_token}");
    let token = tokens.get("honeycomb").map_or("", String::as_str);
    let users = format!("{gateway}/honeycomb/scim/v2/Users");
    let _infallible = write!(
        text,
        r#"
Try a joiner, a look-up and a leaver (Honeycomb has no SCIM and no disabled state of its own):

  curl -s {users} -H 'Authorization: Bearer {token}' -d '{{"userName":"ada@example.com","name":{{"givenName":"Ada","familyName":"Lovelace"}}}}'
  curl -sG {users} -H 'Authorization: Bearer {token}' --data-urlencode 'filter=userName eq "ada@example.com"'
  curl -s -X PATCH {users}/ID -H 'Authorization: Bearer {token}' -d '{{"Operations":[{{"op":"replace","path":"active","value":false}}]}}'

What reached the app: curl -s {sim}/honeycomb/__sim/journal
What waits for a person (Hotjar, and what is left behind elsewhere):

  portcullis tasks list --config {file}

The other commands work beside it with the same file. Ctrl-C ends it."#,
        file = file.display()
    );
    text
}
