//! Accepts TLS connections. The name that a client asks for decides which region it reaches.

use super::Credentials;
use super::names::ServiceHosts;
use crate::server::error::StartError;
use crate::server::region::Region;
use crate::server::serve::{Guarded, serve_guarded};
use crate::server::served::Listening;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A socket that serves all regions under TLS.
#[derive(Debug)]
pub(in crate::server) struct TlsServed {
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl TlsServed {
    /// Stops listening, and waits up to five seconds for open requests.
    pub async fn shutdown(self) {
        // Fails only if the server has already ended.
        let _ = self.stop.send(());
        let _ = self.server.await;
    }
}

/// Serves the regions, the first of which also answers clients that name no host.
pub(in crate::server) fn start(
    bound: Listening,
    regions: Vec<(ServiceHosts, Region)>,
    credentials: &Credentials,
) -> Result<TlsServed, StartError> {
    let acceptor = acceptor(&regions, credentials).map_err(|error| StartError::Broken(error.to_string()))?;
    let (stop, stopped) = oneshot::channel();
    let guard = Guard { acceptor, regions: Arc::new(regions) };
    let server = tokio::spawn(async move {
        serve_guarded(bound.listener, guard, async { drop(stopped.await) }).await;
    });
    Ok(TlsServed { stop, server })
}

fn acceptor(
    regions: &[(ServiceHosts, Region)],
    credentials: &Credentials,
) -> Result<TlsAcceptor, rustls::Error> {
    let unreadable = |error: rustls::pki_types::pem::Error| rustls::Error::General(error.to_string());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let certificate =
        CertificateDer::from_pem_slice(credentials.certificate.as_bytes()).map_err(unreadable)?;
    let key = PrivateKeyDer::from_pem_slice(credentials.key.as_bytes()).map_err(unreadable)?;
    let key = CertifiedKey::from_der(vec![certificate], key, &provider)?;
    let places = regions.iter().map(|(place, _)| place.clone()).collect();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(OnlyOwnNames { places, key: Arc::new(key) }));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Refuses the handshake of a client that wants another host: answering it would hide that its requests go astray.
#[derive(Debug)]
struct OnlyOwnNames {
    places: Vec<ServiceHosts>,
    key: Arc<CertifiedKey>,
}

impl ResolvesServerCert for OnlyOwnNames {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let own = match hello.server_name() {
            None => true,
            Some(name) => {
                name.eq_ignore_ascii_case("localhost") || self.places.iter().any(|place| place.has(name))
            }
        };
        own.then(|| Arc::clone(&self.key))
    }
}

#[derive(Clone)]
struct Guard {
    acceptor: TlsAcceptor,
    regions: Arc<Vec<(ServiceHosts, Region)>>,
}

impl Guarded for Guard {
    type Stream = TlsStream<TcpStream>;

    async fn accept(&self, stream: TcpStream) -> Option<(Self::Stream, Region, bool)> {
        let stream = self.acceptor.accept(stream).await.inspect_err(|error| {
            tracing::debug!(%error, "a TLS handshake failed");
        });
        let stream = stream.ok()?;
        let connection = stream.get_ref().1;
        let is_http2 = connection.alpn_protocol() == Some(b"h2");
        let name = connection.server_name().unwrap_or_default();
        let named = self.regions.iter().find(|(place, _)| place.has(name));
        let (_, region) = named.or_else(|| self.regions.first())?;
        let region = region.clone();
        Some((stream, region, is_http2))
    }
}
