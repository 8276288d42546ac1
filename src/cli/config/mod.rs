//! The configuration file: read whole, checked whole, every problem named with its line and what to write instead.

mod app;
mod reader;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::adapters::App;
use crate::adapters::settings::Settings;
use crate::base::fold::key;
use crate::contract::{Dialect, Mode};
use crate::provision::{DeletePolicy, Idp, Policy, ReadOnly};
use reader::{Block, Reader};

/// Names that stand beside the connections in the path.
const RESERVED: [&str; 8] = ["admin", "console", "healthz", "metrics", "oauth2", "readyz", "scim", "__sim"];

/// One thing that is wrong, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// From 1; `None` where the whole file is meant.
    pub line: Option<usize>,
    pub text: String,
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        write!(f, "{}\n  hint: {}", self.text, self.remedy)
    }
}

/// A checked configuration.
#[derive(Debug)]
pub struct Config {
    pub listen: SocketAddr,
    /// The address callers know, without a slash at the end.
    pub public_url: String,
    pub behind_proxy: bool,
    pub tls: Option<TlsFiles>,
    /// The SQLite file.
    pub store: PathBuf,
    pub connections: Vec<Connection>,
}

/// Where certificate and key are, as PEM.
#[derive(Debug)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// One checked connection.
#[derive(Debug)]
pub struct Connection {
    pub name: String,
    pub app: &'static App,
    pub mode: Mode,
    pub dialect: Dialect,
    pub policy: Policy,
    pub settings: Settings,
    pub wire: Wire,
}

/// The limits of a connection's wire, as configured.
#[derive(Debug, Clone)]
pub struct Wire {
    pub private: bool,
    pub per_second: Option<u32>,
    pub concurrency: usize,
    pub timeout: Duration,
}

impl Default for Wire {
    fn default() -> Self {
        Self { private: false, per_second: Some(50), concurrency: 16, timeout: Duration::from_secs(10) }
    }
}

impl Config {
    /// Reads and checks a file; `environment` answers the variables that secrets name.
    pub fn load(path: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, Vec<Problem>> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            vec![Problem {
                line: None,
                text: format!("`{}` cannot be read: {error}", path.display()),
                remedy: "name a file with --config that this user may read".to_owned(),
            }]
        })?;
        Self::parse(&text, path.parent().unwrap_or(Path::new(".")), environment)
    }

    /// Checks a text; file names in it are relative to `folder`.
    pub fn parse(
        text: &str,
        folder: &Path,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<Problem>> {
        let reader = Reader::new(text, folder, environment);
        let Some(root) = reader.root() else { return Err(reader.problems()) };
        let listen = root.text("listen").unwrap_or("127.0.0.1:8080");
        let listen = listen.parse().unwrap_or_else(|_| {
            root.problem(
                "listen",
                format!("found `{listen}`, expected an address and a port"),
                "write listen = \"0.0.0.0:8443\"",
            );
            SocketAddr::from(([127, 0, 0, 1], 8080))
        });
        let behind_proxy = root.flag("behind_proxy");
        let tls = root.block("tls").and_then(|block| {
            let files = (block.required_text("certificate"), block.required_text("key"));
            block.finish();
            match files {
                (Some(certificate), Some(key)) => {
                    Some(TlsFiles { certificate: folder.join(certificate), key: folder.join(key) })
                }
                _ => None,
            }
        });
        if tls.is_none() && !behind_proxy && !listen.ip().is_loopback() && !root.has("tls") {
            root.problem(
                "listen",
                format!("plain http would be served on `{listen}`, which others can reach"),
                "add [tls] with certificate and key, or behind_proxy = true where a proxy ends TLS, or listen on 127.0.0.1",
            );
        }
        let public_url = public_url(&root, listen, tls.is_some());
        let store = store(&root, folder);
        let connections = connections(&root);
        root.finish();
        let problems = reader.problems();
        if problems.is_empty() {
            Ok(Self { listen, public_url, behind_proxy, tls, store, connections })
        } else {
            Err(problems)
        }
    }

    /// The folder of the store, which also holds its lock.
    pub fn data_dir(&self) -> &Path {
        self.store.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }
}

fn public_url(root: &Block<'_>, listen: SocketAddr, tls: bool) -> String {
    let fallback = format!("{}://{listen}", if tls { "https" } else { "http" });
    let url = root.text("public_url").unwrap_or(&fallback).trim_end_matches('/').to_owned();
    let parsed =
        url::Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if parsed.is_none() {
        root.problem(
            "public_url",
            format!("found `{url}`, expected an http or https address"),
            "write public_url = \"https://scim.example.com\"",
        );
    }
    url
}

fn store(root: &Block<'_>, folder: &Path) -> PathBuf {
    let fallback = folder.join("portcullis.db");
    let Some(block) = root.block("store") else { return fallback };
    let url = block.required_text("url");
    block.finish();
    match url {
        None => fallback,
        Some(url) => match url.strip_prefix("sqlite://") {
            Some(path) if !path.is_empty() => folder.join(path),
            _ => {
                block.problem(
                    "url",
                    format!(
                        "found `{}`, expected a sqlite:// address",
                        url.split(':').next().unwrap_or_default()
                    ),
                    "write url = \"sqlite:///var/lib/portcullis/portcullis.db\"",
                );
                fallback
            }
        },
    }
}

fn connections(root: &Block<'_>) -> Vec<Connection> {
    let Some(all) = root.block("connections") else {
        root.problem(
            "connections",
            "there are no connections",
            "add a block like [connections.hive] with app = \"hive\"",
        );
        return Vec::new();
    };
    let names = all.names();
    let connections = names.iter().filter_map(|name| connection(&all, name)).collect();
    all.finish();
    connections
}

fn connection(all: &Block<'_>, name: &str) -> Option<Connection> {
    let block = all.block(name)?;
    let good = name.len() <= 63
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !good || RESERVED.contains(&name) {
        all.problem(
            name,
            format!("`{name}` cannot be the name of a connection"),
            "use lower-case letters, digits and hyphens, beginning with a letter, and none of the reserved words (admin, console, healthz, metrics, oauth2, readyz, scim)",
        );
    }
    let app = app::app(&block);
    let mode = block.choice(
        "mode",
        &[("rest", Mode::Rest), ("scim", Mode::Scim), ("hybrid", Mode::Hybrid), ("manual", Mode::Manual)],
    );
    let dialect = block
        .choice("dialect", &[("guide", Dialect::Guide), ("vendor", Dialect::Vendor)])
        .unwrap_or_default();
    let idp = block
        .choice("idp", &[("generic", Idp::Generic), ("okta", Idp::Okta), ("entra", Idp::Entra)])
        .unwrap_or_default();
    let mut policy = policy(&block);
    policy.idp = idp;
    if let Some(freshness) = block.duration("freshness") {
        policy.freshness = freshness;
    }
    let resolved = app.and_then(|app| {
        let mode = mode.unwrap_or(app.modes.first().map_or(Mode::Rest, |(mode, _)| *mode));
        app::settings(&block, app, mode, dialect).map(|(settings, wire)| (app, mode, settings, wire))
    });
    if app.is_some() {
        block.finish();
    }
    let (app, mode, settings, wire) = resolved?;
    Some(Connection { name: name.to_owned(), app, mode, dialect, policy, settings, wire })
}

fn policy(block: &Block<'_>) -> Policy {
    let mut policy = Policy::default();
    if let Some(block) = block.block("policy") {
        let readonly =
            [("shadow", ReadOnly::Shadow), ("ignore", ReadOnly::Ignore), ("reject", ReadOnly::Reject)];
        policy.readonly = block.choice("readonly", &readonly).unwrap_or_default();
        let delete = [
            ("deactivate", DeletePolicy::Deactivate),
            ("hard", DeletePolicy::Hard),
            ("reject", DeletePolicy::Reject),
        ];
        policy.delete = block.choice("delete", &delete).unwrap_or_default();
        let bulk = block.flag("bulk");
        policy.bulk = bulk || !block.has("bulk");
        policy.protected =
            block.texts("protected").unwrap_or_default().iter().map(|address| key(address)).collect();
        block.finish();
    }
    if let Some(block) = block.block("roles") {
        policy.default_role = block.text("default").map(str::to_owned);
        if let Some(groups) = block.block("groups") {
            let named: BTreeMap<String, String> = groups
                .names()
                .into_iter()
                .filter_map(|name| Some((key(&name), groups.text(&name)?.to_owned())))
                .collect();
            policy.role_groups = named;
            groups.finish();
        }
        block.finish();
    }
    policy
}
