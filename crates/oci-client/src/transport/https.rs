//! The network transport: reqwest with rustls.
//!
//! TLS certificates are always verified; nothing can turn that off. Proxies and trusted certificates come from the
//! [`Surroundings`], except for plain http, which only ever goes to this machine. reqwest's own retries and redirects are off.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::causes::{causes, chain};
use super::{CONNECTION_REFUSED, Surroundings, Transport, TransportError};
use crate::tuning::{CONNECT_LIMIT, IDLE_LIMIT, READ_LIMIT};

/// Limits on one request.
#[derive(Clone, Copy, Debug)]
pub struct HttpsLimits {
    /// The limit for connecting, including TLS.
    pub connect: Duration,
    /// The limit for the pause between two chunks of a response. (The client limits the whole attempt.)
    pub read: Duration,
    /// The maximum size of a response body, in bytes.
    pub body: usize,
}

impl Default for HttpsLimits {
    /// 10 s to connect and 60 s to read, as in the official SDKs, and 16 MiB.
    fn default() -> Self {
        Self { connect: CONNECT_LIMIT, read: READ_LIMIT, body: 16 << 20 }
    }
}

/// Sends requests over HTTPS, and over plain HTTP, which [`crate::Endpoints`] allows only to this machine.
#[derive(Clone, Debug)]
pub struct Https {
    /// The client for https. Creating it reads the system's certificates, which takes milliseconds, so it is created on first
    /// use.
    tls: Arc<OnceLock<reqwest::Client>>,
    /// The client for plain http to this machine, without proxy or certificates.
    plain: reqwest::Client,
    limits: HttpsLimits,
    surroundings: Surroundings,
}

impl Https {
    /// A transport with the default limits that ignores the environment's proxies and certificates.
    pub fn new() -> Result<Self, TransportError> {
        Self::with(HttpsLimits::default())
    }

    /// A transport with other limits.
    pub fn with(limits: HttpsLimits) -> Result<Self, TransportError> {
        let plain = builder(limits).no_proxy().tls_certs_only([]).build();
        let plain = plain.map_err(|error| TransportError::lasting("TlsSetup", chain(&error)))?;
        Ok(Self { tls: Arc::default(), plain, limits, surroundings: Surroundings::default() })
    }

    /// The same transport with the proxies and certificates of these surroundings.
    #[must_use]
    pub fn in_surroundings(self, surroundings: Surroundings) -> Self {
        Self { surroundings, tls: Arc::default(), ..self }
    }

    /// The client for a scheme. Two concurrent attempts may both create one; the first is kept.
    fn client(&self, scheme: &str) -> Result<&reqwest::Client, TransportError> {
        if scheme == "http" {
            return Ok(&self.plain);
        }
        if let Some(client) = self.tls.get() {
            return Ok(client);
        }
        let mut client = builder(self.limits);
        if let Some(proxy) = &self.surroundings.proxy {
            client = client.proxy(proxy.clone());
        } else if self.surroundings.is_direct {
            client = client.no_proxy();
        }
        let wrong = |error: reqwest::Error| {
            TransportError::lasting("TlsSetup", format!("{}; trusted are {}", chain(&error), self.trusted()))
        };
        if let Some(bundle) = &self.surroundings.bundle {
            client = client.tls_certs_only(bundle.certificates().map_err(wrong)?);
        }
        let client = client.build().map_err(wrong)?;
        Ok(self.tls.get_or_init(|| client))
    }

    /// Describes whose certificates are trusted, for people.
    fn trusted(&self) -> String {
        match &self.surroundings.bundle {
            Some(bundle) => format!("the certificates of {}", bundle.source),
            None => "the certificates of this system".to_owned(),
        }
    }

    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let mut request = reqwest::Request::try_from(request)
            .map_err(|error| TransportError::lasting("BadUrl", chain(&error)))?;
        // hyper derives the header from the URL, in the form that the HTTP version requires.
        request.headers_mut().remove(http::header::HOST);
        let client = self.client(request.url().scheme())?;
        let mut answer = client.execute(request).await.map_err(|error| self.not_answered(&error))?;
        let mut head = http::Response::new(());
        *head.status_mut() = answer.status();
        *head.headers_mut() = std::mem::take(answer.headers_mut());
        let body = self.read(answer).await?;
        Ok(head.map(|()| body))
    }

    /// Reads the body. A body in a single chunk, the usual case, is not copied.
    async fn read(&self, mut answer: reqwest::Response) -> Result<Bytes, TransportError> {
        let too_long = || {
            let text = format!("the response is longer than {} bytes", self.limits.body);
            TransportError { lasts: true, ..TransportError::may_have_arrived("AnswerTooLong", text) }
        };
        if answer.content_length().is_some_and(|length| length > self.limits.body as u64) {
            return Err(too_long());
        }
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| broke_off(&error))? {
            if first.len() + all.len() + piece.len() > self.limits.body {
                return Err(too_long());
            }
            if first.is_empty() && all.is_empty() {
                first = piece;
            } else {
                all.extend_from_slice(&std::mem::take(&mut first));
                all.extend_from_slice(&piece);
            }
        }
        Ok(if all.is_empty() { first } else { all.freeze() })
    }

    /// The error of a request that failed before the head of the response arrived.
    fn not_answered(&self, error: &reqwest::Error) -> TransportError {
        let text = chain(error);
        if error.is_dns() {
            TransportError::not_sent("NameNotFound", text)
        } else if let Some((code, what)) = tls_refusal(error) {
            TransportError::lasting(code, format!("{what} ({text}); trusted are {}", self.trusted()))
        } else if text.contains(PROXY_WANTS_PASSWORD) {
            TransportError::lasting("ProxyAuthenticationRequired", text)
        } else if error.is_connect() {
            let code = if error.is_timeout() {
                "ConnectTimeout"
            } else if is_refused(error) {
                CONNECTION_REFUSED
            } else {
                "ConnectFailed"
            };
            TransportError::not_sent(code, text)
        } else if error.is_builder() {
            TransportError::lasting("BadUrl", text)
        } else if error.is_timeout() {
            TransportError::may_have_arrived("Timeout", text)
        } else {
            TransportError::may_have_arrived("ConnectionLost", text)
        }
    }
}

/// The text of hyper-util's tunnel when a proxy returns 407: the error has no type of its own.
const PROXY_WANTS_PASSWORD: &str = "proxy authorization required";

impl Transport for Https {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        self.exchange(request).boxed()
    }

    fn trusting(&self, pem: &Path) -> Result<Option<Arc<dyn Transport>>, String> {
        let surroundings = Surroundings::trusting(pem)?;
        Ok(Some(Arc::new(self.clone().in_surroundings(surroundings))))
    }
}

fn builder(limits: HttpsLimits) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .retry(reqwest::retry::never())
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(limits.connect)
        .read_timeout(limits.read)
        .pool_idle_timeout(IDLE_LIMIT)
}

/// Why the handshake would fail again: our code and a description. `None` if the failure may have been temporary.
fn tls_refusal(error: &reqwest::Error) -> Option<(&'static str, &'static str)> {
    use rustls::{CertificateError as Bad, Error as Tls};
    let tls = causes(error).find_map(|cause| {
        let mut cause = cause;
        // `source` of an io::Error skips the error that it wraps, and io errors can be nested.
        while let Some(inner) = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            cause = inner;
        }
        cause.downcast_ref::<Tls>()
    })?;
    match tls {
        Tls::InvalidCertificate(
            Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. },
        ) => Some(("CertificateExpired", "the server's certificate is not valid at this time")),
        Tls::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            Some(("CertificateForAnotherName", "the server's certificate is for another name"))
        }
        Tls::InvalidCertificate(_) | Tls::NoCertificatesPresented => {
            Some(("CertificateNotTrusted", "the server's certificate is not trusted"))
        }
        Tls::InvalidMessage(_) => Some(("NotTls", "the server does not speak TLS")),
        Tls::PeerIncompatible(_) => Some(("TlsIncompatible", "the server supports no secure version of TLS")),
        _ => None,
    }
}

/// The error of a response body that broke off.
fn broke_off(error: &reqwest::Error) -> TransportError {
    let code = if error.is_timeout() { "Timeout" } else { "TruncatedAnswer" };
    TransportError::may_have_arrived(code, chain(error))
}

/// Whether the connection was refused because nothing listens on the port.
fn is_refused(error: &(dyn std::error::Error + 'static)) -> bool {
    causes(error).any(|cause| {
        let system = cause.downcast_ref::<std::io::Error>();
        system.is_some_and(|system| system.kind() == std::io::ErrorKind::ConnectionRefused)
    })
}
