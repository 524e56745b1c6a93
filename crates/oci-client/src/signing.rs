//! The text to sign, and the headers that carry the signature. Pure: no keys, no clock, no sockets.
//!
//! Oracle: "Request Signatures" (an early draft of HTTP Signatures). The headers have the order of the official SDKs.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

/// The parts of a request that are signed.
#[derive(Clone, Copy, Debug)]
pub struct ToSign<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path and query exactly as sent.
    pub target: &'a str,
    /// The `host` header exactly as sent. `None` if it is not signed, as when a certificate is exchanged for a token.
    pub host: Option<&'a str>,
    /// The `date` header exactly as sent.
    pub date: &'a str,
    /// The body, for methods that have one (it may be empty); `None` for all other methods.
    pub body: Option<&'a BodyHeaders>,
    /// The header [`ON_BEHALF_OF`] exactly as sent, if an instance acts for a user.
    pub on_behalf_of: Option<&'a str>,
}

/// The signed headers of a body. They are computed once per call, since every attempt sends the same body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyHeaders {
    /// `content-length`.
    pub length: String,
    /// `x-content-sha256`, in base64.
    pub sha256: String,
}

/// `content-type` of every body.
pub const CONTENT_TYPE: &str = "application/json";

/// The header with the token of the user for whom an instance acts.
pub const ON_BEHALF_OF: &str = "opc-obo-token";

impl BodyHeaders {
    /// The headers of a body.
    pub fn of(body: &[u8]) -> Self {
        Self { length: body.len().to_string(), sha256: STANDARD.encode(digest(&SHA256, body)) }
    }
}

impl ToSign<'_> {
    /// The text to sign.
    pub fn text(&self) -> String {
        let method = self.method.to_ascii_lowercase();
        let mut text = format!("date: {}\n(request-target): {method} {}", self.date, self.target);
        let mut line = |name: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n{name}: {value}");
        };
        if let Some(host) = self.host {
            line("host", host);
        }
        if let Some(token) = self.on_behalf_of {
            line(ON_BEHALF_OF, token);
        }
        if let Some(body) = self.body {
            line("content-length", &body.length);
            line("content-type", CONTENT_TYPE);
            line("x-content-sha256", &body.sha256);
        }
        text
    }

    /// The `authorization` header for a signature of [`Self::text`].
    pub fn authorization(&self, key_id: &str, signature: &[u8]) -> String {
        let parts = [
            Some("date (request-target)"),
            self.host.map(|_| "host"),
            self.on_behalf_of.map(|_| ON_BEHALF_OF),
            self.body.map(|_| "content-length content-type x-content-sha256"),
        ];
        let headers: Vec<&str> = parts.into_iter().flatten().collect();
        let (headers, signature) = (headers.join(" "), STANDARD.encode(signature));
        format!(
            "Signature algorithm=\"rsa-sha256\",headers=\"{headers}\",keyId=\"{key_id}\",signature=\"{signature}\",version=\"1\""
        )
    }
}

/// A time in the form of the `date` header (RFC 9110), in GMT.
pub fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
