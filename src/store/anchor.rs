//! How far the journal had come, kept outside of the database: an older number inside tells that a backup was restored.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Error, Result};

/// A file that holds the highest [`super::Store::epoch`] a departure was journaled under.
#[derive(Debug, Clone)]
pub struct Anchor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    file: File,
    epoch: i64,
}

impl Anchor {
    /// Opens the file, making it where there is none; a new one holds 0.
    ///
    /// # Errors
    /// [`Error::Refused`] for a file that is no anchor, [`Error::Unavailable`] where it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let unavailable =
            |error: std::io::Error| Error::Unavailable(format!("cannot open `{}`: {error}", path.display()));
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(unavailable)?;
        let mut text = String::new();
        (&mut file).take(64).read_to_string(&mut text).map_err(unavailable)?;
        let epoch = match text.trim() {
            "" => 0,
            number => number.parse().map_err(|_| {
                Error::Refused(format!(
                    "`{}` holds something else than a number: move it away, or name another file as `store.anchor`",
                    path.display()
                ))
            })?,
        };
        Ok(Self(Arc::new(Inner { path: path.to_owned(), held: Mutex::new(Held { file, epoch }) })))
    }

    /// The number it holds.
    pub fn epoch(&self) -> i64 {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner).epoch
    }

    /// Holds `epoch` from now on, through a power cut too; a lower one is nothing to do.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where the file cannot be written.
    pub async fn raise(&self, epoch: i64) -> Result<()> {
        if epoch <= self.epoch() { Ok(()) } else { self.write(epoch, false).await }
    }

    /// Holds `epoch` even where it is lower: somebody has looked and said that the database is right.
    ///
    /// # Errors
    /// As [`Anchor::raise`].
    pub async fn accept(&self, epoch: i64) -> Result<()> {
        self.write(epoch, true).await
    }

    async fn write(&self, epoch: i64, lower: bool) -> Result<()> {
        let anchor = Arc::clone(&self.0);
        let written = tokio::task::spawn_blocking(move || {
            let mut held = anchor.held.lock().unwrap_or_else(PoisonError::into_inner);
            // Whoever held the file meanwhile may have written a later one.
            if epoch <= held.epoch && !lower {
                return Ok(());
            }
            held.file.seek(SeekFrom::Start(0))?;
            // As wide whatever the number is: one write within one sector is there or is not.
            held.file.write_all(format!("{epoch:020}\n").as_bytes())?;
            held.file.sync_data()?;
            held.epoch = epoch;
            std::io::Result::Ok(())
        });
        let path = self.0.path.display();
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Error::Unavailable(format!("cannot write `{path}`: {error}"))),
            Err(error) => Err(Error::Unavailable(format!("cannot write `{path}`: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_anchor_holds_the_highest_number_and_keeps_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("anchor");
        let anchor = Anchor::open(&path).unwrap();
        assert_eq!(anchor.epoch(), 0);
        anchor.raise(12).await.unwrap();
        anchor.raise(7).await.unwrap();
        assert_eq!(anchor.epoch(), 12);
        assert_eq!(Anchor::open(&path).unwrap().epoch(), 12);
        anchor.accept(7).await.unwrap();
        assert_eq!(Anchor::open(&path).unwrap().epoch(), 7);
    }

    #[test]
    fn a_file_of_somebody_else_is_no_anchor() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("anchor");
        std::fs::write(&path, "not a number").unwrap();
        assert!(matches!(Anchor::open(&path), Err(Error::Refused(_))));
    }
}
