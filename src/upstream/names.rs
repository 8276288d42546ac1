//! Who says which addresses the name of a host stands for.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;

/// Looks names up, each time one is dialled.
#[async_trait]
pub trait Names: Debug + Send + Sync {
    /// The addresses of `host`; their ports are 0.
    ///
    /// Fails where there is no such name, and where nobody can tell.
    async fn addresses(&self, host: &str) -> io::Result<Vec<SocketAddr>>;
}

/// The names as the machine looks them up.
#[must_use]
pub fn system_names() -> Arc<dyn Names> {
    Arc::new(System)
}

#[derive(Debug)]
struct System;

#[async_trait]
impl Names for System {
    async fn addresses(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.collect())
    }
}
