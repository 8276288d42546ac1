//! The certificates that apps show, and the process that trusts those who made the good one.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Where the certificates are. The key of the authority is kept by nobody.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls/app");

/// The variable that names whom a process trusts in place of the machine's own authorities.
pub const TRUSTS: &str = "SSL_CERT_FILE";

/// The authority of the good certificate, and of those that are good but for one thing.
pub fn authority() -> String {
    format!("{FOLDER}/authority.pem")
}

/// Accepts with the certificate of this name.
pub fn acceptor(certificate: &str) -> TlsAcceptor {
    let chain = CertificateDer::from_pem_file(format!("{FOLDER}/{certificate}.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(format!("{FOLDER}/key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Answers the handshake as a server does that ends at TLS 1.1: alert `protocol_version`, fatal (RFC 4346 §7.2).
pub async fn refuse_as_1_1(stream: &mut TcpStream) -> io::Result<()> {
    let mut hello = [0; 5];
    stream.read_exact(&mut hello).await?;
    let mut rest = vec![0; usize::from(u16::from_be_bytes([hello[3], hello[4]]))];
    stream.read_exact(&mut rest).await?;
    stream.write_all(&[21, 3, 2, 0, 2, 2, 70]).await?;
    stream.shutdown().await
}
