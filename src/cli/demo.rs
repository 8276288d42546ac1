//! `portcullis demo`: five simulated apps, a gateway in front of them, and what to try.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::config::Config;
use super::{Failure, Outcome, assemble, print, serve, sim, token};
use crate::adapters::{hive, honeycomb, simulator, tines, workiva};
use crate::base::secret::Token;
use crate::provision::Gateway;
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
    /// Where the store lives; without it a temporary folder that is removed at the end
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// One bearer token for every connection, instead of a new one for each
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Written once it serves: base URLs, tokens and simulators as JSON
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Whose needs win where identity providers disagree
    #[arg(long, value_enum, default_value_t = Idp::Generic)]
    idp: Idp,
    /// How old a listing of an app may be before a read asks the app again
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    freshness: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Idp {
    Generic,
    Okta,
    Entra,
}

/// Runs until SIGTERM or Ctrl-C.
pub async fn run(arguments: Arguments) -> Outcome {
    let listener = serve::bind(arguments.listen).await?;
    let sim_listener = serve::bind(arguments.sim_listen).await?;
    let address = |listener: &tokio::net::TcpListener| {
        listener.local_addr().map_err(|error| Failure::new(format!("the listener has no address: {error}")))
    };
    let (gateway_url, sim_url) =
        (format!("http://{}", address(&listener)?), format!("http://{}", address(&sim_listener)?));
    let folder = Folder::of(arguments.data_dir.as_deref())?;
    let config = config(&arguments, &folder.path, address(&listener)?, &sim_url)?;
    let lock = serve::lock(&config)?;
    let stop = CancellationToken::new();
    serve::until_signal(stop.clone())?;

    let simulators = sim::NAMES.iter().map(|app| Ok((*app, sim::simulator(app)?)));
    let simulators = simulator::side_by_side(simulators.collect::<Result<Vec<_>, Failure>>()?);
    let simulating = tokio::spawn(simulator::serve(sim_listener, simulators, stop.clone()));

    let gateway = assemble::gateway(&config).await?;
    let tokens = tokens(&gateway, arguments.token.as_deref()).await?;
    let ready = ready(&gateway_url, &sim_url, &tokens);
    print::line(&welcome(&gateway_url, &sim_url, &tokens))?;
    let announce = arguments.ready_file.clone();
    let serving = serve::gateway_until(listener, gateway, &config, DRAIN, stop.clone());
    if let Some(path) = &announce {
        // The socket listens already: a request that arrives now waits for the accept loop.
        sim::write_ready(path, &ready)?;
    }
    serving.await?;
    stop.cancel();
    drop(simulating.await);
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
        std::fs::create_dir_all(&path)
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

/// The demo's configuration, written as an administrator would write it and read by the same reader.
fn config(arguments: &Arguments, folder: &Path, listen: SocketAddr, sim: &str) -> Result<Config, Failure> {
    let idp = match arguments.idp {
        Idp::Generic => "generic",
        Idp::Okta => "okta",
        Idp::Entra => "entra",
    };
    let wire = "private = true\nper_second = 100000\nconcurrency = 64";
    let text = format!(
        r#"
listen = "{listen}"
[store]
url = "sqlite://{store}"
[connections.hive]
app = "hive"
idp = "{idp}"
freshness = "{freshness}"
[connections.hive.rest]
base_url = "{sim}/hive/api/v1"
api_key = {{ env = "HIVE_API_KEY" }}
{wire}
[connections.honeycomb]
app = "honeycomb"
idp = "{idp}"
freshness = "{freshness}"
[connections.honeycomb.rest]
base_url = "{sim}/honeycomb"
api_key = {{ env = "HONEYCOMB_API_KEY" }}
{wire}
[connections.tines]
app = "tines"
idp = "{idp}"
freshness = "{freshness}"
[connections.tines.rest]
base_url = "{sim}/tines/api/v1"
api_token = {{ env = "TINES_API_TOKEN" }}
{wire}
[connections.workiva]
app = "workiva"
idp = "{idp}"
freshness = "{freshness}"
[connections.workiva.rest]
base_url = "{sim}/workiva/platform/v1"
token_url = "{sim}/workiva/iam/v1/oauth2/token"
client_id = "{client}"
client_secret = {{ env = "WORKIVA_CLIENT_SECRET" }}
{wire}
[connections.hotjar]
app = "manual"
idp = "{idp}"
freshness = "{freshness}"
[connections.sandbox]
app = "sandbox"
idp = "{idp}"
freshness = "{freshness}"
"#,
        freshness = arguments.freshness,
        store = folder.join("portcullis.db").display(),
        client = workiva::sim::CLIENT_ID,
    );
    let secrets: BTreeMap<&str, &str> = [
        ("HIVE_API_KEY", hive::sim::ADMIN_KEY),
        ("HONEYCOMB_API_KEY", honeycomb::sim::CONFIG_KEY),
        ("TINES_API_TOKEN", tines::sim::ADMIN_TOKEN),
        ("WORKIVA_CLIENT_SECRET", workiva::sim::CLIENT_SECRET),
    ]
    .into();
    Config::parse(&text, folder, &|name| secrets.get(name).map(|secret| (*secret).to_owned())).map_err(
        |problems| {
            let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Failure::new(texts.join("\n"))
        },
    )
}

/// One token for each connection, kept in the store; `chosen` for all where it is given.
async fn tokens(gateway: &Arc<Gateway>, chosen: Option<&str>) -> Result<BTreeMap<String, String>, Failure> {
    let expires_at = gateway.shared().clock.now().plus(Duration::from_hours(24 * 365));
    let mut tokens = BTreeMap::new();
    for connection in gateway.connections() {
        let (token, text) = if let Some(text) = chosen {
            let token = Token::parse(text).ok_or_else(|| {
                Failure::new("the token has characters that do not fit into a header")
                    .hint("--token demo-token")
            })?;
            (token, text.to_owned())
        } else {
            let token = token::mint();
            let text = token.reveal();
            (token, text)
        };
        make_room(gateway, connection.name(), &token).await?;
        gateway
            .keep_token(connection.name(), &token, expires_at)
            .await
            .map_err(|refusal| Failure::new(refusal.error.detail))?;
        tokens.insert(connection.name().to_owned(), text);
    }
    Ok(tokens)
}

/// A data directory that is used again has the tokens of earlier runs; nobody knows them any longer.
async fn make_room(gateway: &Gateway, connection: &str, token: &Token) -> Outcome {
    let shared = gateway.shared();
    let failed = |error: crate::store::Error| Failure::new(error.to_string());
    let old = |row: &TokenRow| row.connection == connection && row.id != token.id && row.revoked_at.is_none();
    let writes =
        shared.store.tokens().await.map_err(failed)?.into_iter().filter(old).map(|row| Write::RevokeToken {
            connection: row.connection,
            id: row.id,
            at: shared.clock.now(),
        });
    shared.store.commit(writes.collect()).await.map_err(failed)
}

fn ready(gateway: &str, sim: &str, tokens: &BTreeMap<String, String>) -> Value {
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
        "admin_token": Value::Null,
        "connections": connections,
        "simulators": simulators,
    })
}

fn welcome(gateway: &str, sim: &str, tokens: &BTreeMap<String, String>) -> String {
    let mut text = format!("Portcullis is ready at {gateway}; five simulated apps stand behind it.\n\n");
    for (name, token) in tokens {
        let _infallible = writeln!(text, "  {name:<10} {gateway}/{name}/scim/v2\n             token {token}");
    }
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
Ctrl-C ends it."#
    );
    text
}
