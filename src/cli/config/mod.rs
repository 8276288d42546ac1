//! The configuration file: read whole, checked whole, every problem named with its line and what to write instead.

mod app;
mod brake;
mod chronicle;
mod connection;
mod extensions;
mod reader;
mod store;
#[cfg(test)]
mod tests;
mod watch;
mod webhook;

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::base::secret::{ExposeSecret, Token, TokenHash};
use crate::http::server::Tls;
use reader::{Block, Reader};

pub use chronicle::Chronicle;
pub use connection::Connection;
pub use store::Memory;

/// A token that others could guess is none.
const SHORTEST_TOKEN: usize = 16;

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
    pub tls: Option<Tls>,
    /// What opens `/metrics` from other machines.
    pub metrics_token: Option<TokenHash>,
    pub chronicle: Chronicle,
    /// Where the memory is.
    pub store: Memory,
    /// The file that tells an older database when it is put back.
    pub anchor: PathBuf,
    pub connections: Vec<Connection>,
    /// The files it names and was read from, but for its own.
    pub files: BTreeSet<PathBuf>,
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
        let tls = root.block("tls").and_then(|block| tls(&block, folder));
        if !root.has("tls") && !behind_proxy && !listen.ip().is_loopback() {
            root.problem(
                "listen",
                format!("plain http would be served on `{listen}`, which others can reach"),
                "add [tls] with certificate and key, or behind_proxy = true where a proxy ends TLS, or listen on 127.0.0.1",
            );
        }
        let metrics_token = root.block("metrics").and_then(|block| metrics_token(&block));
        let chronicle = chronicle::read(&root);
        let public_url = public_url(&root, listen);
        let (store, anchor) = store::read(&root, folder);
        let anchor = anchor.unwrap_or_else(|| store.folder().join("portcullis.anchor"));
        let connections = connection::read(&root);
        root.finish();
        let problems = reader.problems();
        if problems.is_empty() {
            let files = reader.files();
            Ok(Self {
                listen,
                public_url,
                behind_proxy,
                tls,
                metrics_token,
                chronicle,
                store,
                anchor,
                connections,
                files,
            })
        } else {
            Err(problems)
        }
    }

    /// The folder of the SQLite file, or the one a replica keeps its own files in; it also holds its lock.
    pub fn data_dir(&self) -> &Path {
        self.store.folder()
    }
}

/// Reads the token of those who watch.
fn metrics_token(block: &Block<'_>) -> Option<TokenHash> {
    if !block.has("token") {
        block.problem("token", "is missing", block.secret_remedy("token"));
    }
    let secret = block.secret("token", "token");
    block.finish();
    let secret = secret?;
    let token =
        Token::parse(secret.expose_secret()).filter(|_| secret.expose_secret().len() >= SHORTEST_TOKEN);
    if token.is_none() {
        let text = format!("the token is not {SHORTEST_TOKEN} to 512 visible letters without a space");
        block.problem("token", text, "make one with: openssl rand -hex 32");
    }
    token.map(|token| token.hash())
}

/// Reads the certificate and its key.
fn tls(block: &Block<'_>, folder: &Path) -> Option<Tls> {
    let read = |name: &str| {
        let file = block.required_text(name)?;
        let text = format!("`{file}` cannot be read");
        std::fs::read(folder.join(file))
            .map_err(|error| {
                block.problem(name, format!("{text}: {error}"), "name a file this user may read");
            })
            .ok()
    };
    let (certificate, key) = (read("certificate"), read("key"));
    block.finish();
    Tls::from_pem(&certificate?, &key?)
        .map_err(|error| {
            let remedy = "name a PEM file with the chain, leaf first, and one with its key";
            block.problem("certificate", error.to_string(), remedy);
        })
        .ok()
}

fn public_url(root: &Block<'_>, listen: SocketAddr) -> String {
    let Some(text) = root.text("public_url") else {
        return format!("{}://{listen}", if root.has("tls") { "https" } else { "http" });
    };
    let is_good = |url: &url::Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    if !url::Url::parse(text).is_ok_and(|url| is_good(&url)) {
        root.problem(
            "public_url",
            format!("found `{text}`, expected an http or https address"),
            "write public_url = \"https://scim.example.com\"",
        );
    }
    text.trim_end_matches('/').to_owned()
}
