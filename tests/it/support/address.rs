//! Where something that is started is to listen.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::net::TcpSocket;

/// A loopback address nobody listens at, below the ports that outgoing connections take: nobody takes it before
/// it is listened at, or while who listened is down.
///
/// It is tried without listening: a process that is started at that moment inherits the socket until it is another
/// program, and whoever then connects to what is to listen there would reach nobody.
pub fn free_address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 8_000).unwrap_or(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + start.wrapping_add(step.wrapping_mul(7)) % 12_000;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let is_free = TcpSocket::new_v4().and_then(|socket| {
            socket.set_reuseaddr(true)?;
            socket.bind(address)
        });
        if is_free.is_ok() {
            return address.to_string();
        }
    }
}
