//! The transport over the network: reqwest with rustls.
//!
//! TLS certificates are always verified; there is no way to turn that off. Proxies are taken from the environment
//! (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`) except for plain http, which only ever goes to this machine. reqwest's own retries
//! and redirects are off.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::{CONNECTION_REFUSED, Transport, TransportError};

/// Limits on one request.
#[derive(Clone, Copy, Debug)]
pub struct HttpsLimits {
    /// The limit for connecting, including TLS.
    pub connect: Duration,
    /// The limit for the pause between two pieces of an answer. (The client limits the whole try.)
    pub read: Duration,
    /// The longest body that is read, in bytes.
    pub body: usize,
}

impl Default for HttpsLimits {
    /// 10 s and 60 s, as in the official SDKs, and 16 MiB.
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), read: Duration::from_mins(1), body: 16 << 20 }
    }
}

/// Sends requests over HTTPS (and plain HTTP, which [`crate::Endpoints`] only lets through to this machine).
#[derive(Clone, Debug)]
pub struct Https {
    /// The client for https. Creating it reads the certificates of the system, which takes milliseconds.
    tls: Arc<OnceLock<reqwest::Client>>,
    /// The client for plain http to this machine, without proxy and certificates.
    plain: reqwest::Client,
    limits: HttpsLimits,
}

impl Https {
    /// A transport with the default limits.
    pub fn new() -> Result<Self, TransportError> {
        Self::with(HttpsLimits::default())
    }

    /// A transport with other limits.
    pub fn with(limits: HttpsLimits) -> Result<Self, TransportError> {
        let plain = builder(limits).no_proxy().tls_certs_only([]).build();
        let plain = plain.map_err(|error| TransportError::not_sent("TlsSetup", chain(&error)))?;
        Ok(Self { tls: Arc::default(), plain, limits })
    }

    /// The client for a scheme. Two concurrent tries may both create one; the first is kept.
    fn client(&self, scheme: &str) -> Result<&reqwest::Client, TransportError> {
        if scheme == "http" {
            return Ok(&self.plain);
        }
        if let Some(client) = self.tls.get() {
            return Ok(client);
        }
        let client = builder(self.limits).build();
        let client = client.map_err(|error| TransportError::not_sent("TlsSetup", chain(&error)))?;
        Ok(self.tls.get_or_init(|| client))
    }

    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let mut request = reqwest::Request::try_from(request)
            .map_err(|error| TransportError::not_sent("BadUrl", chain(&error)))?;
        // hyper writes it from the URL, in the form of the HTTP version.
        request.headers_mut().remove(http::header::HOST);
        let client = self.client(request.url().scheme())?;
        let mut answer = client.execute(request).await.map_err(|error| not_answered(&error))?;
        let mut head = http::Response::new(());
        *head.status_mut() = answer.status();
        *head.headers_mut() = std::mem::take(answer.headers_mut());
        let body = self.read(answer).await?;
        Ok(head.map(|()| body))
    }

    /// Reads the body. A single piece, the usual case, is not copied.
    async fn read(&self, mut answer: reqwest::Response) -> Result<Bytes, TransportError> {
        let too_long = || {
            let text = format!("the answer is longer than {} bytes", self.limits.body);
            TransportError::may_have_arrived("AnswerTooLong", text)
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
}

impl Transport for Https {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        self.exchange(request).boxed()
    }
}

fn builder(limits: HttpsLimits) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .retry(reqwest::retry::never())
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(limits.connect)
        .read_timeout(limits.read)
        .pool_idle_timeout(Duration::from_secs(50))
}

/// An error while sending, or before the head of the answer arrived.
fn not_answered(error: &reqwest::Error) -> TransportError {
    let text = chain(error);
    if error.is_dns() {
        TransportError::not_sent("NameNotFound", text)
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
        TransportError::not_sent("BadUrl", text)
    } else if error.is_timeout() {
        TransportError::may_have_arrived("Timeout", text)
    } else {
        TransportError::may_have_arrived("ConnectionLost", text)
    }
}

/// An error while the body of the answer was read.
fn broke_off(error: &reqwest::Error) -> TransportError {
    let code = if error.is_timeout() { "Timeout" } else { "TruncatedAnswer" };
    TransportError::may_have_arrived(code, chain(error))
}

/// Whether the connection was refused, since nobody listens on the port.
fn is_refused(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(inner) = cause {
        let system = inner.downcast_ref::<std::io::Error>();
        if system.is_some_and(|system| system.kind() == std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        cause = inner.source();
    }
    false
}

/// The cause of an error. Its outer layers say only that sending failed, where, and in which library; whoever shows the
/// error says where. (URLs hold OCIDs at most, so the text may be shown.)
fn chain(error: &dyn std::error::Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(inner) = cause {
        texts.push(inner.to_string());
        cause = inner.source();
    }
    let layer =
        |text: &String| text.starts_with("client error (") || text.starts_with("error sending request");
    let told: Vec<&String> = texts.iter().filter(|text| !layer(text)).collect();
    let mut out = String::new();
    for text in told {
        if !out.ends_with(text.as_str()) {
            out.push_str(if out.is_empty() { "" } else { ": " });
            out.push_str(text);
        }
    }
    // There is no other cause: the layers are better than nothing.
    if out.is_empty() { texts.join(": ") } else { out }
}
