use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use portcullis::http::server::{ServerSettings, Timers, Tls};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use crate::stage::{Listening, open_for, rest};

const CERTIFICATE: &[u8] = include_bytes!("../fixtures/tls/certificate.pem");
const KEY: &[u8] = include_bytes!("../fixtures/tls/key.pem");

async fn listening() -> Listening {
    let timers = Timers { handshake: Duration::from_millis(300), ..Timers::default() };
    let tls = Some(Tls::from_pem(CERTIFICATE, KEY).unwrap());
    let settings = ServerSettings { timers, tls, ..ServerSettings::default() };
    Listening::start(Router::new().fallback(|| async { "hello" }), settings).await
}

fn connector(version: &'static SupportedProtocolVersion) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CERTIFICATE).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn a_request_is_answered_over_either_version_of_tls() {
    let listening = listening().await;
    for version in [&TLS12, &TLS13] {
        let name = ServerName::try_from("localhost").unwrap();
        let mut socket = connector(version).connect(name, listening.connect().await).await.unwrap();
        socket.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
        assert!(rest(&mut socket).await.ends_with("hello"), "{version:?}");
    }
}

#[tokio::test]
async fn half_a_handshake_is_closed_when_it_is_due() {
    let listening = listening().await;
    let mut socket = listening.connect().await;
    socket.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
    let open = open_for(&mut socket).await;
    assert!((Duration::from_millis(280)..Duration::from_secs(2)).contains(&open), "{open:?}");
}

#[tokio::test]
async fn plain_http_is_not_answered_on_a_tls_socket() {
    let answer = listening().await.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(!answer.contains("HTTP/1.1"), "{answer}");
}
