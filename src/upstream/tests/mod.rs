//! The client against a server of canned bytes on a real socket.

mod sending;
pub(super) mod server;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use super::retry::Pace;
use super::*;
use crate::base::clock::{ManualClock, Timestamp};

/// 2023-11-14T22:13:20Z
const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

fn wire() -> Wire {
    Wire {
        private: true,
        per_second: None,
        concurrency: 100,
        attempt: Duration::from_secs(5),
        total: Duration::from_secs(20),
        body_limit: 1_024,
        names: system_names(),
        clock: Arc::new(ManualClock::starting_at(NOW)),
    }
}

/// A client that does not dawdle between attempts.
fn client(base_url: &str, credential: Credential, wire: Wire) -> Upstream {
    let mut upstream = Upstream::new(Settings { base_url: base_url.to_owned(), credential, wire }).unwrap();
    upstream.pace = Pace { base: Duration::from_millis(1), cap: Duration::from_millis(4) };
    upstream
}

fn open(base_url: &str) -> Upstream {
    client(base_url, Credential::None, wire())
}
