//! Where something that is started is to listen.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// A loopback address nobody listens at, below the ports that outgoing connections take: nobody takes it before
/// it is listened at, or while who listened is down.
pub fn free_address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 8_000).unwrap_or(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + start.wrapping_add(step.wrapping_mul(7)) % 12_000;
        let address = format!("127.0.0.1:{port}");
        if TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}
