//! One serving process per data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::store::{Error, Result};

const FILE: &str = "portcullis.lock";

/// Proof that this process is the only one that serves from a data directory; given up when dropped, and by the
/// operating system when the process dies.
#[derive(Debug)]
pub struct DirectoryLock {
    _held: File,
}

/// Takes the data directory for this process, which is about to serve from it.
///
/// Command-line tools read and write beside a serving process and do not call this. Fails with [`Error::Refused`]
/// when another process has it, with [`Error::Unavailable`] when the lock file cannot be made.
pub fn lock(data_dir: &Path) -> Result<DirectoryLock> {
    let path = data_dir.join(FILE);
    let unavailable =
        |error: std::io::Error| Error::Unavailable(format!("cannot lock `{}`: {error}", path.display()));
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(unavailable)?;
    match file.try_lock() {
        Ok(()) => Ok(DirectoryLock { _held: file }),
        Err(TryLockError::WouldBlock) => Err(Error::Refused(format!(
            "`{}` is held by another running portcullis: stop that one, or give this one a data directory of its own",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(unavailable(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_serving_process_is_refused_with_the_path_and_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let _first = lock(directory.path()).unwrap();
        let Err(Error::Refused(text)) = lock(directory.path()) else { panic!("not refused") };
        assert!(text.contains(directory.path().join("portcullis.lock").to_str().unwrap()), "{text}");
        assert!(text.contains("stop that one"), "{text}");
    }

    #[test]
    fn a_lock_that_was_let_go_can_be_taken_again() {
        let directory = tempfile::tempdir().unwrap();
        drop(lock(directory.path()).unwrap());
        lock(directory.path()).unwrap();
    }

    #[test]
    fn a_directory_that_is_not_there_is_unavailable() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("missing");
        assert!(matches!(lock(&missing), Err(Error::Unavailable(_))));
    }
}
