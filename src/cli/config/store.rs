//! Where the memory is: the block `store`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use url::{Host, Url};

use super::reader::Block;
use crate::base::secret::{ExposeSecret, SecretString};
use crate::store::postgres;

/// Keys that only a database for several replicas has.
const SHARED_ONLY: [&str; 5] = ["connections", "connect_timeout", "statement_timeout", "lease", "folder"];

const EXAMPLES: &str = "write url = \"sqlite:///var/lib/portcullis/portcullis.db\" or url = \"postgres://portcullis@db.internal/portcullis\"";

/// Where the memory is.
#[derive(Debug, Clone)]
pub enum Memory {
    /// A SQLite file, for one process.
    File(PathBuf),
    /// A Postgres database, for several; and the folder for what each keeps for itself.
    Shared { settings: postgres::Settings, folder: PathBuf },
}

impl Memory {
    /// The folder of the SQLite file, or the one a replica keeps its own files in.
    pub fn folder(&self) -> &Path {
        let folder = match self {
            Self::File(file) => file.parent(),
            Self::Shared { folder, .. } => Some(folder.as_path()),
        };
        folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }
}

/// Reads `store`: where the memory is, a file beside the configuration where nothing is said, and where the anchor is
/// where that is said.
pub fn read(root: &Block<'_>, folder: &Path) -> (Memory, Option<PathBuf>) {
    let fallback = Memory::File(folder.join("portcullis.db"));
    let Some(block) = root.block("store") else { return (fallback, None) };
    if !block.has("url") {
        block.problem("url", "is missing", EXAMPLES);
    }
    let written = block.word("url");
    let url = match written {
        Some(text) => Some(SecretString::from(text)),
        None => block.secret("url", "address of the database"),
    };
    if url.is_none() {
        // Which settings it has is told by the address.
        for name in SHARED_ONLY {
            block.has(name);
        }
    }
    let memory = url.and_then(|url| match scheme(url.expose_secret()) {
        "sqlite" => file(&block, url.expose_secret(), folder),
        "postgres" | "postgresql" => shared(&block, url, written.is_some(), folder),
        other => {
            let text = format!("found `{other}`, expected a sqlite:// or postgres:// address");
            block.problem("url", if written.is_some() { text } else { WRONG_SECRET.to_owned() }, EXAMPLES);
            None
        }
    });
    let memory = memory.unwrap_or(fallback);
    let anchor = anchor(&block, folder, &memory);
    block.finish();
    (memory, anchor)
}

/// The file beside the database that tells an older one when it is put back.
fn anchor(block: &Block<'_>, folder: &Path, memory: &Memory) -> Option<PathBuf> {
    let text = block.text("anchor")?;
    let path = folder.join(text);
    let is_database = matches!(memory, Memory::File(file) if *file == path);
    if text.is_empty() || path.is_dir() || is_database {
        let found = if is_database { "the database itself" } else { "no file name" };
        let remedy = "write anchor = \"/var/lib/portcullis-anchor/portcullis.anchor\", outside of what is restored with the database";
        block.problem("anchor", format!("found {found}, expected a file of its own"), remedy);
        return None;
    }
    Some(path)
}

/// What is said of an address that was kept elsewhere: nothing of what it is.
const WRONG_SECRET: &str = "the address of the database is no sqlite:// or postgres:// address";

fn scheme(url: &str) -> &str {
    url.split(':').next().unwrap_or_default()
}

fn file(block: &Block<'_>, url: &str, folder: &Path) -> Option<Memory> {
    for name in SHARED_ONLY.into_iter().filter(|name| block.has(name)) {
        block.problem(name, "SQLite has no such setting", "remove the key");
    }
    let path = url.strip_prefix("sqlite://").filter(|path| !path.is_empty());
    if path.is_none() {
        block.problem("url", "found `sqlite`, expected a sqlite:// address", EXAMPLES);
    }
    path.map(|path| Memory::File(folder.join(path)))
}

fn shared(block: &Block<'_>, url: SecretString, written: bool, beside: &Path) -> Option<Memory> {
    let before = block.problem_count();
    match Url::parse(url.expose_secret()) {
        Err(error) => {
            let text = format!("the address of the database cannot be read: {error}");
            block.problem("url", text, EXAMPLES);
        }
        Ok(address) => check(block, &address, written),
    }
    let mut settings = postgres::Settings::new(url);
    if let Some(connections) = block.count("connections", 2, 1_000) {
        settings.connections = u32::try_from(connections).unwrap_or(settings.connections);
    }
    if let Some(time) = block.duration("connect_timeout", 1) {
        settings.connect_timeout = time;
    }
    if let Some(time) = block.duration("statement_timeout", 1) {
        settings.statement_timeout = time;
    }
    if let Some(time) = block.duration("lease", 2) {
        settings.lease = time;
    }
    let folder = beside.join(block.text("folder").unwrap_or_default());
    (block.problem_count() == before).then_some(Memory::Shared { settings, folder })
}

/// Notes what an address must not say, and what it must.
fn check(block: &Block<'_>, address: &Url, written: bool) {
    let query = |name: &str| address.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value);
    if written && (address.password().is_some() || query("password").is_some()) {
        let text = "found a password written into the file, expected where the address is kept";
        block.problem("url", text, block.secret_remedy("url"));
    }
    if address.path().trim_matches('/').is_empty() && query("dbname").is_none() {
        let text = "the address names no database";
        block.problem(
            "url",
            text,
            "end it with the name, as in postgres://portcullis@db.internal/portcullis",
        );
    }
    let here = match address.host() {
        None => true,
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        // The address parser knows no names of this scheme as numbers.
        Some(Host::Domain(name)) => {
            name == "localhost"
                || name.starts_with("%2F")
                || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
    };
    if !here && query("sslmode").is_none() {
        let text = "the address does not say whether the way to the database is encrypted";
        let remedy = "append ?sslmode=verify-full, or ?sslmode=disable where the network is yours alone";
        block.problem("url", text, remedy);
    }
}
