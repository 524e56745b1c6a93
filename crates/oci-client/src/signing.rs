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
    /// The `host` header exactly as sent.
    pub host: &'a str,
    /// The `date` header exactly as sent.
    pub date: &'a str,
    /// The body, for methods that have one (it may be empty); `None` for all other methods.
    pub body: Option<&'a BodyHeaders>,
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

const WITHOUT_BODY: &str = "date (request-target) host";
const WITH_BODY: &str = "date (request-target) host content-length content-type x-content-sha256";

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
        let mut text =
            format!("date: {}\n(request-target): {method} {}\nhost: {}", self.date, self.target, self.host);
        if let Some(body) = self.body {
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "\ncontent-length: {}\ncontent-type: {CONTENT_TYPE}\nx-content-sha256: {}",
                body.length, body.sha256
            );
        }
        text
    }

    /// The `authorization` header for a signature of [`Self::text`].
    pub fn authorization(&self, key_id: &str, signature: &[u8]) -> String {
        let headers = if self.body.is_some() { WITH_BODY } else { WITHOUT_BODY };
        let signature = STANDARD.encode(signature);
        format!(
            "Signature algorithm=\"rsa-sha256\",headers=\"{headers}\",keyId=\"{key_id}\",signature=\"{signature}\",version=\"1\""
        )
    }
}

/// A time in the form of the `date` header (RFC 9110), in GMT.
pub fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
