//! The demo's configuration, written as an administrator would write it, so that every command works beside the demo.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::adapters::{hive, honeycomb, tines, workiva};
use crate::cli::{Failure, files};

/// The first line, by which a file of ours is told from one that somebody wrote.
const MARK: &str = "# Written by `portcullis demo`, and anew at each start.";

/// The credentials the simulators know, by the file each is kept in.
const SECRETS: [(&str, &str); 4] = [
    ("hive_api_key", hive::sim::ADMIN_KEY),
    ("honeycomb_api_key", honeycomb::sim::CONFIG_KEY),
    ("tines_api_token", tines::sim::ADMIN_TOKEN),
    ("workiva_client_secret", workiva::sim::CLIENT_SECRET),
];

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Idp {
    Generic,
    Okta,
    Entra,
}

/// The configuration of a gateway at `listen` and of simulators below `sim`.
pub fn text(listen: SocketAddr, sim: &str, idp: Idp, freshness: &str) -> String {
    let idp = match idp {
        Idp::Generic => "generic",
        Idp::Okta => "okta",
        Idp::Entra => "entra",
    };
    let wire = "private = true\nper_second = 100000\nconcurrency = 64";
    format!(
        r#"{MARK}
listen = "{listen}"

[connections.hive]
app = "hive"
idp = "{idp}"
freshness = "{freshness}"

[connections.hive.rest]
base_url = "{sim}/hive/api/v1"
api_key = {{ file = "secrets/hive_api_key" }}
{wire}

[connections.honeycomb]
app = "honeycomb"
idp = "{idp}"
freshness = "{freshness}"

[connections.honeycomb.rest]
base_url = "{sim}/honeycomb"
api_key = {{ file = "secrets/honeycomb_api_key" }}
{wire}

[connections.tines]
app = "tines"
idp = "{idp}"
freshness = "{freshness}"

[connections.tines.rest]
base_url = "{sim}/tines/api/v1"
api_token = {{ file = "secrets/tines_api_token" }}
{wire}

[connections.workiva]
app = "workiva"
idp = "{idp}"
freshness = "{freshness}"

[connections.workiva.rest]
base_url = "{sim}/workiva/platform/v1"
token_url = "{sim}/workiva/iam/v1/oauth2/token"
client_id = "{client}"
client_secret = {{ file = "secrets/workiva_client_secret" }}
{wire}

[connections.hotjar]
app = "manual"
idp = "{idp}"
freshness = "{freshness}"

[connections.hotjar.manual]
assignee = "the Hotjar administrators"

[connections.sandbox]
app = "sandbox"
idp = "{idp}"
freshness = "{freshness}"
"#,
        client = workiva::sim::CLIENT_ID,
    )
}

/// Writes the configuration and its secrets into `folder`, readable by their owner only; answers where it is.
///
/// A configuration that somebody else wrote is left alone: that is a failure.
pub fn write(folder: &Path, text: &str) -> Result<PathBuf, Failure> {
    let file = folder.join("portcullis.toml");
    if fs::read(&file).is_ok_and(|found| !found.starts_with(MARK.as_bytes())) {
        return Err(Failure::new(format!("`{}` is not the demo's: it is left as it is", file.display()))
            .hint("give the demo a folder of its own with --data-dir"));
    }
    let secrets = folder.join("secrets");
    let written = files::folder(&secrets)
        .and_then(|()| {
            SECRETS.iter().try_for_each(|(name, secret)| files::write(&secrets.join(name), secret))
        })
        .and_then(|()| files::write(&file, text));
    written
        .map_err(|error| Failure::new(format!("`{}` cannot be written: {error}", file.display())))
        .map(|()| file)
}
