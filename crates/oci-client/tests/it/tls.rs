//! A server must prove its identity, whatever its name and wherever it runs.

use std::sync::Arc;

use oci_client::transport::{Https, Surroundings};
use oci_client::{Client, Endpoints, FailureClass};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::credentials::data;
use crate::fake::launch;

/// A server with an untrusted certificate: returns its port, and everything that it received by its end.
async fn serve(certificate: &str) -> (u16, tokio::task::JoinHandle<Vec<u8>>) {
    let certificate = CertificateDer::from_pem_file(data(certificate)).unwrap();
    let key = PrivateKeyDer::from_pem_file(data("test-key.pem")).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut received = Vec::new();
        if let Ok(mut stream) = acceptor.accept(socket).await {
            let mut piece = [0; 4096];
            if let Ok(count) = stream.read(&mut piece).await {
                received.extend_from_slice(&piece[..count]);
            }
        }
        received
    });
    (port, server)
}

fn client(port: u16, https: Https) -> Client {
    let endpoints = Endpoints::at(&format!("https://localhost:{port}")).unwrap();
    Client::builder(endpoints, Arc::new(https)).build()
}

#[tokio::test]
async fn an_untrusted_certificate_stops_before_sending() {
    let (port, server) = serve("self-signed.pem").await;
    let failure = launch(&client(port, Https::new().unwrap()), "t").await.unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (FailureClass::Blocked, "CertificateNotTrusted"));
    assert!(failure.message.contains("the certificates of this system"), "{failure}");
    assert!(server.await.unwrap().is_empty(), "no byte of a request left");
}

#[tokio::test]
async fn an_untrusted_certificate_is_not_tried_again() {
    let (port, _server) = serve("self-signed.pem").await;
    let failure = client(port, Https::new().unwrap()).get_instance("i").await.unwrap_err();
    assert_eq!((failure.class, failure.attempts), (FailureClass::Blocked, 1), "{failure}");
}

#[tokio::test]
async fn a_bundle_of_the_environment_is_trusted() {
    let (port, server) = serve("self-signed-leaf.pem").await;
    let bundle = data("self-signed-leaf.pem").display().to_string();
    let env = |name: &str| (name == "REQUESTS_CA_BUNDLE").then(|| bundle.clone());
    let https = Https::new().unwrap().in_surroundings(Surroundings::read(&env).unwrap());
    let asking = tokio::spawn(async move { client(port, https).get_instance("i").await });
    let received = tokio::time::timeout(std::time::Duration::from_secs(20), server).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&received).contains("instances/i"), "the request arrived");
    asking.abort();
}
