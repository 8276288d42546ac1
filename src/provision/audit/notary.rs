//! Signs the heads of all chains: once a minute, after a thousand entries, and at the end.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::heads::{line, number_of};
use crate::base::signing::SigningKey;
use crate::provision::gateway::Gateway;
use crate::store::audit::Head;

/// How often the heads are looked at.
const ROUND: Duration = Duration::from_secs(1);

/// The longest that something new stays unsigned.
const EVERY: Duration = Duration::from_mins(1);

/// As many new entries are signed at once.
const MANY: i64 = 1_000;

/// Who signs, and where it is written down.
#[derive(Debug)]
pub struct Notary {
    key: SigningKey,
    path: PathBuf,
    written: Mutex<Written>,
}

#[derive(Debug)]
struct Written {
    file: File,
    number: u64,
    /// The last line.
    last: String,
    /// What it was signed for.
    heads: Vec<Head>,
    at: Option<Instant>,
}

impl Notary {
    /// Opens the file of signed heads, or makes it, readable by its owner only. Half a line at its end, as a power cut
    /// leaves it, is cut off.
    ///
    /// # Errors
    /// Where it cannot be read or written.
    pub fn open(path: &Path, key: SigningKey) -> std::io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
        text.truncate(whole);
        let last = String::from_utf8_lossy(&text).lines().last().unwrap_or_default().to_owned();
        let number = number_of(&last);
        let written = Written { file, number, last, heads: Vec::new(), at: None };
        Ok(Self { key, path: path.to_owned(), written: Mutex::new(written) })
    }

    /// Signs these heads where they are not those signed last, and where it is time; tells the line that was written.
    fn sign(&self, at: String, heads: Vec<Head>, now: bool) -> std::io::Result<Option<String>> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let places = |heads: &[Head]| heads.iter().map(|head| head.seq).sum::<i64>();
        let new = places(&heads) - places(&written.heads);
        let is_due = now || new >= MANY || written.at.is_none_or(|at| at.elapsed() >= EVERY);
        if heads == written.heads || !is_due {
            return Ok(None);
        }
        let number = written.number + 1;
        let Some(text) = line(&self.key, number, &written.last, at, &heads) else { return Ok(None) };
        written.file.write_all(format!("{text}\n").as_bytes())?;
        written.file.sync_data()?;
        (written.number, written.heads, written.at) = (number, heads, Some(Instant::now()));
        written.last.clone_from(&text);
        Ok(Some(text))
    }
}

impl Gateway {
    /// Signs the heads of all chains until `stop`. What is signed stands in the log as well, so that another machine can
    /// hold it.
    pub async fn keep_signing(self: Arc<Self>, notary: Arc<Notary>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ROUND) => {}
            }
            self.sign_heads(&notary, false).await;
        }
    }

    /// Signs the heads where it is time, or where they are not signed yet and it shall be `now`.
    pub async fn sign_heads(&self, notary: &Arc<Notary>, now: bool) {
        let heads = match self.heads().await {
            Ok(heads) => heads,
            Err(error) => return tracing::warn!(%error, "the heads of the audit could not be read"),
        };
        let (signing, at) = (Arc::clone(notary), self.shared().clock.now().to_string());
        let written = tokio::task::spawn_blocking(move || signing.sign(at, heads, now)).await;
        match written {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(signed))) => tracing::info!(signed, "the heads of the audit are signed"),
            Ok(Err(error)) => {
                tracing::error!(%error, file = %notary.path.display(), "signed heads could not be written");
            }
            Err(error) => tracing::error!(%error, "the heads of the audit could not be signed"),
        }
    }

    async fn heads(&self) -> crate::store::Result<Vec<Head>> {
        let store = &self.shared().store;
        let mut heads = Vec::new();
        for connection in store.chains().await? {
            heads.extend(store.head(&connection).await?);
        }
        Ok(heads)
    }
}
