//! A connection that is lost in the moment of a commit.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::store::audit::{Entry, Phase};

const CUTS_NOTHING: u8 = 0;
const CUTS_BEFORE: u8 = 1;
const CUTS_AFTER: u8 = 2;

/// What stands between the store and its server; it cuts the connection of the next commit, once.
#[derive(Debug)]
struct Wire {
    address: SocketAddr,
    cut: Arc<AtomicU8>,
}

impl Wire {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cut = Arc::new(AtomicU8::new(CUTS_NOTHING));
        let ordered = Arc::clone(&cut);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let upstream = TcpStream::connect(server).await.unwrap();
                tokio::spawn(carry(client, upstream, Arc::clone(&ordered)));
            }
        });
        Self { address, cut }
    }

    /// The next commit does not reach the server, or its answer does not come back.
    fn cuts(&self, when: u8) {
        self.cut.store(when, Ordering::SeqCst);
    }

    fn has_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst) == CUTS_NOTHING
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, cut: Arc<AtomicU8>) {
    let (mut asked, mut told) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                let commits = asked[..length].windows(6).any(|word| word == b"COMMIT");
                let when = if commits { cut.swap(CUTS_NOTHING, Ordering::SeqCst) } else { CUTS_NOTHING };
                if when == CUTS_BEFORE {
                    return;
                }
                server.write_all(&asked[..length]).await.unwrap();
                if when == CUTS_AFTER {
                    assert!(server.read(&mut told).await.unwrap() > 0, "the server has answered");
                    return;
                }
            }
            read = server.read(&mut told) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&told[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn entry(intent: &str) -> Entry {
    Entry {
        connection: "hive".to_owned(),
        at: Timestamp(1),
        phase: Phase::After,
        intent: intent.to_owned(),
        request_id: "r".to_owned(),
        kind: "user".to_owned(),
        resource: intent.to_owned(),
        operation: "deactivate".to_owned(),
        generation: 1,
        attempt: 1,
        outcome: "confirmed".to_owned(),
        bypassed: false,
        calls: Vec::new(),
    }
}

/// A store behind a wire, on a database of its own.
async fn wired(server: &Server) -> (Arc<dyn Store>, Wire) {
    let url = server.database();
    let address = url.split('@').nth(1).unwrap().split('/').next().unwrap();
    let wire = Wire::to(address.parse().unwrap()).await;
    let url = url.replace(address, &wire.address.to_string());
    (super::super::open(&settings(&url)).await.unwrap(), wire)
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_made_once_and_known_to_be() {
    let server = server();
    let (store, wire) = wired(&server).await;
    for (name, when) in [("anna", CUTS_BEFORE), ("bo", CUTS_AFTER)] {
        wire.cuts(when);
        let writes = vec![user(name, name), Write::Audit(Box::new(entry(name)))];
        store.commit(writes).await.unwrap();
        assert!(wire.has_cut(), "{name}");
        assert!(store.record("hive", Kind::User, name).await.unwrap().is_some(), "{name}");
    }
    let links = store.links("hive", 0, 10).await.unwrap();
    let intents: Vec<&str> = links.iter().map(|link| link.intent.as_str()).collect();
    assert_eq!(intents, ["anna", "bo"], "each entry stands in the chain once");
    store.close().await;
}

#[tokio::test]
async fn a_commit_nothing_tells_of_is_said_to_be_in_doubt() {
    let server = server();
    let (store, wire) = wired(&server).await;
    wire.cuts(CUTS_AFTER);
    let told = store.commit(vec![user("anna", "anna")]).await;
    assert!(matches!(told, Err(Error::Unavailable(_))), "{told:?}");
    assert!(store.record("hive", Kind::User, "anna").await.unwrap().is_some());
    store.close().await;
}
