//! How many sockets are open, in all and per address.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::peer::Peer;

type Taken = Arc<Mutex<BTreeMap<IpAddr, usize>>>;

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    per_address: usize,
    taken: Taken,
}

/// One taken place; free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    network: IpAddr,
    taken: Taken,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(sockets: usize, per_address: usize) -> Self {
        let free = Arc::new(Semaphore::new(sockets.min(Semaphore::MAX_PERMITS)));
        Self { free, per_address, taken: Arc::default() }
    }

    /// Waits for a free place, then for a connection. `None`: its address had all the places it may have, and the
    /// connection is closed.
    pub(super) async fn accept(
        &self,
        listener: &TcpListener,
    ) -> io::Result<Option<(TcpStream, SocketAddr, Place)>> {
        let permit = Arc::clone(&self.free).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, address) = listener.accept().await?;
        let place = self.take(Peer(address.ip()).network(), permit);
        Ok(place.map(|place| (stream, address, place)))
    }

    fn take(&self, network: IpAddr, permit: OwnedSemaphorePermit) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(network).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(Place { network, taken: Arc::clone(&self.taken), _permit: permit })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.network);
            }
        }
    }
}
