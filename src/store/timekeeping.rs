//! What a process knows of how the machine's clock was set, in a file for the next one.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::clock::read_machine;
use crate::base::steady::{Machine, Reading, Steady};

/// The clocks of this machine, and the file beside the database that tells of them.
#[derive(Debug)]
pub struct Timekeeping {
    file: PathBuf,
    /// Which start of the machine this is; `None` where it does not say, and nothing is kept.
    boot: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    boot: String,
    clock: Steady,
}

impl Timekeeping {
    /// Keeps what is known in `file`, which need not be there.
    #[must_use]
    pub fn new(file: PathBuf) -> Self {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        Self { file, boot: boot.map(|text| text.trim().to_owned()).filter(|boot| !boot.is_empty()) }
    }
}

impl Machine for Timekeeping {
    fn read(&self) -> Reading {
        read_machine()
    }

    fn kept(&self) -> Option<Steady> {
        let kept: Kept = serde_json::from_slice(&std::fs::read(&self.file).ok()?).ok()?;
        (Some(kept.boot) == self.boot).then_some(kept.clock)
    }

    fn keep(&self, clock: &Steady) {
        let Some(boot) = self.boot.clone() else { return };
        if let Err(error) = write(&self.file, &Kept { boot, clock: clock.clone() }) {
            tracing::warn!(file = %self.file.display(), %error, "how the clock was set cannot be kept");
        }
    }
}

/// Whole or not at all. It need not outlive a power cut: it says nothing of another start of the machine.
fn write(file: &Path, kept: &Kept) -> std::io::Result<()> {
    let new = file.with_added_extension("new");
    std::fs::write(&new, serde_json::to_vec(kept)?)?;
    std::fs::rename(new, file)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::clock::Clock;
    use crate::base::steady::SteadyClock;

    #[test]
    fn a_clock_goes_on_from_the_file_of_this_start_of_the_machine_and_of_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("portcullis.clock");
        let clock = || SteadyClock::new(Timekeeping::new(file.clone()));
        let first = clock();
        let began = first.now();
        first.go_on_from(began.plus(Duration::from_hours(1)));
        let second = clock();
        assert!(second.now() >= began.plus(Duration::from_hours(1)));
        assert!(second.elapsed(began) < Duration::from_mins(1), "an hour was put on it, and did not pass");
        let mut text = std::fs::read_to_string(&file).unwrap();
        text = text.replacen("\"boot\":\"", "\"boot\":\"0", 1);
        for other in [text.as_str(), "", "{"] {
            std::fs::write(&file, other).unwrap();
            assert!(clock().now() < began.plus(Duration::from_mins(1)), "{other}");
        }
    }
}
