//! A server must prove who it is, whatever it is called and wherever it runs.

use std::sync::Arc;

use oci_client::transport::Https;
use oci_client::{Client, Endpoints, FailureClass, RetryPolicy};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::credentials::data;
use crate::fake::launch;

#[tokio::test]
async fn an_untrusted_certificate_stops_before_sending() {
    let certificate = CertificateDer::from_pem_file(data("self-signed.pem")).unwrap();
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
            let _ = stream.read_to_end(&mut received).await;
        }
        received
    });
    let endpoints = Endpoints::at(&format!("https://localhost:{port}")).unwrap();
    let client =
        Client::builder(endpoints, Arc::new(Https::new().unwrap())).retry(RetryPolicy::never()).build();
    let failure = launch(&client, "t").await.unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (FailureClass::Network, "ConnectFailed"));
    assert!(failure.message.contains("certificate"), "{failure}");
    assert!(server.await.unwrap().is_empty(), "no byte of a request left");
}
