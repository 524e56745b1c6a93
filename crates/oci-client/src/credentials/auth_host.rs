//! Requests to OCI's auth host, which issues and renews tokens. It must not know what the tokens are for.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use oci_api::ErrorBody;
use serde::Deserialize;

use super::renewing::within;
use super::token::Token;
use super::{CredentialsError, PrivateKey};
use crate::clock::Clock;
use crate::endpoint::Base;
use crate::signing::{BodyHeaders, CONTENT_TYPE, ToSign, http_date};
use crate::text::plain;
use crate::transport::Transport;
use crate::tuning::AUTH_ATTEMPT;

/// What signing in needs besides the credentials: the network, the time, and chance.
#[derive(Clone)]
pub struct Network {
    /// Sends the requests.
    pub transport: Arc<dyn Transport>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// The seed for jitter.
    pub seed: u64,
    /// The auth host, if it is not that of the region.
    pub auth: Option<Base>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("auth", &self.auth).finish_non_exhaustive()
    }
}

/// A response of the auth host: its status and body.
pub(super) struct Told {
    pub status: u16,
    pub body: Bytes,
}

/// Who signs a request to the auth host.
pub(super) struct SignedBy<'a> {
    pub key_id: &'a str,
    pub key: &'a PrivateKey,
    /// Whether the host is signed, as in every request except for the exchange of a certificate.
    pub host: bool,
}

#[derive(Deserialize)]
struct Issued {
    token: String,
}

impl Network {
    /// Sends a signed POST with JSON. The error means that there was no response, so a later attempt may succeed.
    pub(super) async fn post(
        &self,
        base: &Base,
        path: &str,
        body: Vec<u8>,
        by: SignedBy<'_>,
    ) -> Result<Told, CredentialsError> {
        let target = format!("{}{path}", base.prefix);
        let body_headers = BodyHeaders::of(&body);
        let date = http_date(self.clock.now());
        let to_sign = ToSign {
            method: "POST",
            target: &target,
            host: by.host.then_some(&*base.authority),
            date: &date,
            body: Some(&body_headers),
            on_behalf_of: None,
        };
        let signature = by.key.sign(to_sign.text().as_bytes())?;
        let mut headers = HeaderMap::new();
        let mut put = |name: HeaderName, value: &str| match HeaderValue::from_str(value) {
            Ok(mut value) => {
                value.set_sensitive(name == header::AUTHORIZATION);
                headers.insert(name, value);
                Ok(())
            }
            Err(_) => Err(CredentialsError::SigningFailed),
        };
        put(header::AUTHORIZATION, &to_sign.authorization(by.key_id, &signature))?;
        put(header::HOST, &base.authority)?;
        put(header::DATE, &date)?;
        put(header::ACCEPT, "application/json")?;
        put(header::CONTENT_TYPE, CONTENT_TYPE)?;
        put(header::CONTENT_LENGTH, &body_headers.length)?;
        put(HeaderName::from_static("x-content-sha256"), &body_headers.sha256)?;
        let uri = http::Uri::builder()
            .scheme(base.scheme.clone())
            .authority(base.authority.as_str())
            .path_and_query(target.as_str())
            .build()
            .map_err(|error| lasting(format!("{base} is no address of an auth host: {error}")))?;
        let mut request = http::Request::new(Bytes::from(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        self.send(&format!("{base}{path}"), request).await
    }

    /// Sends a request. The error means that there was no response.
    pub(super) async fn send(
        &self,
        what: &str,
        request: http::Request<Bytes>,
    ) -> Result<Told, CredentialsError> {
        let send = async {
            let answer =
                self.transport.send(request).await.map_err(|error| CredentialsError::SignInFailed {
                    text: format!("cannot reach {what}: {}", error.text),
                    temporary: !error.lasts,
                })?;
            Ok(Told { status: answer.status().as_u16(), body: answer.into_body() })
        };
        within(AUTH_ATTEMPT, what, send).await
    }
}

impl Told {
    /// The token of a successful response.
    pub fn token(&self, what: &str) -> Result<Token, CredentialsError> {
        let failed = |why: &str, temporary| CredentialsError::SignInFailed {
            text: format!("{what} responded {}, but not with a token ({why})", self.status),
            temporary,
        };
        if !(200..300).contains(&self.status) {
            return Err(self.refusal(what));
        }
        let issued: Issued = serde_json::from_slice(&self.body)
            .map_err(|_| failed("the response is not JSON of OCI", true))?;
        Token::parse(&issued.token).map_err(|why| failed(why, true))
    }

    /// The error of a refusal.
    pub fn refusal(&self, what: &str) -> CredentialsError {
        let said = serde_json::from_slice::<ErrorBody>(&self.body).ok();
        let said = said.map_or_else(
            || "without an error of OCI".to_owned(),
            |body| format!("{}: {}", plain(&body.code, 80), plain(&body.message, 300)),
        );
        CredentialsError::SignInFailed {
            text: format!("{what} responded {} ({said})", self.status),
            temporary: self.is_temporary(),
        }
    }

    /// Whether another attempt may succeed.
    pub fn is_temporary(&self) -> bool {
        matches!(self.status, 408 | 429 | 500..)
    }
}

/// The error of something that another attempt does not cure.
pub(super) fn lasting(text: String) -> CredentialsError {
    CredentialsError::SignInFailed { text, temporary: false }
}
