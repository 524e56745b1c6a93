//! One attempt of one call: signs and sends the request, then reads or classifies the response. It must not retry.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use oci_api::{Method, Operation};

use crate::call::Call;
use crate::classify::{self, Effect};
use crate::credentials::{CredentialsError, Signer};
use crate::endpoint::Base;
use crate::error_body::error_body;
use crate::failure::{Failure, FailureClass, GaveUp, UNREADABLE};
use crate::observer::{Observer, Outcome, Tried};
use crate::retry::retry_after;
use crate::shared::Shared;
use crate::signing::{BodyHeaders, CONTENT_TYPE, ON_BEHALF_OF, ToSign, http_date};
use crate::text::plain;
use crate::transport::{CONNECTION_REFUSED, Reached, TransportError};

/// A successful response.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered<T> {
    /// The body.
    pub value: T,
    /// `etag`, the value for `if-match`.
    pub etag: Option<String>,
    /// `opc-work-request-id`, with which an asynchronous change can be followed.
    pub work_request_id: Option<String>,
    /// `opc-request-id`.
    pub request_id: Option<String>,
    /// `opc-next-page`: present if more pages follow.
    pub next_page: Option<String>,
}

impl<T> Answered<T> {
    /// The same response with another form of its body.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Answered<U> {
        let Self { value, etag, work_request_id, request_id, next_page } = self;
        Answered { value: change(value), etag, work_request_id, request_id, next_page }
    }
}

/// The parts of a request that are the same for every attempt of a call.
pub(crate) struct Prepared<'a> {
    call: &'a Call,
    effect: Effect,
    host: String,
    target: String,
    uri: http::Uri,
    headers: HeaderMap,
    body: Bytes,
    body_headers: Option<BodyHeaders>,
    limit: Duration,
}

/// A response whose body is not decoded yet.
pub(crate) struct Raw {
    pub status: u16,
    headers: HeaderMap,
    body: Bytes,
}

/// Why one attempt failed.
pub(crate) struct TryError {
    pub class: FailureClass,
    pub status: Option<u16>,
    pub retry_after: Option<Duration>,
    pub code: String,
    pub message: String,
    /// Whether another attempt would fail in the same way, whatever the class.
    pub lasts: bool,
    /// The id of the key that signed the refused request.
    pub signed_by: Option<Arc<str>>,
    opc_request_id: Option<String>,
    clock_ahead_s: Option<i32>,
}

impl<'a> Prepared<'a> {
    /// Prepares the parts that all attempts share. `limit` bounds the duration of one attempt.
    pub fn new(shared: &Shared, call: &'a Call, limit: Duration) -> Result<Self, Failure> {
        let wrong = |why: String| {
            Failure::unsent(
                call.operation,
                FailureClass::Invalid,
                "BadCall",
                format!("the request was not sent: {why}"),
            )
        };
        if let Some(why) = &call.wrong {
            return Err(wrong(why.clone()));
        }
        let info = call.operation.info();
        let Base { scheme, authority, prefix } = shared.endpoints.base(info.service);
        let target = format!("{prefix}{}", call.target().map_err(wrong)?);
        let uri = http::Uri::builder()
            .scheme(scheme)
            .authority(authority.as_str())
            .path_and_query(target.as_str())
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        let body_headers = match info.method {
            Method::Post | Method::Put | Method::Patch => {
                Some(BodyHeaders::of(call.body.as_deref().unwrap_or_default()))
            }
            Method::Get | Method::Delete => None,
        };
        let mut headers = HeaderMap::new();
        let mut set = |name: HeaderName, value: &str| match HeaderValue::from_str(value) {
            Ok(value) => {
                headers.insert(name, value);
                Ok(())
            }
            Err(_) => Err(wrong(format!("the header {name} cannot be {:?}", plain(value, 80)))),
        };
        set(header::HOST, &authority)?;
        set(header::ACCEPT, "application/json")?;
        set(header::USER_AGENT, &shared.user_agent)?;
        if let Some(body) = &body_headers {
            set(header::CONTENT_TYPE, CONTENT_TYPE)?;
            set(header::CONTENT_LENGTH, &body.length)?;
            set(HeaderName::from_static("x-content-sha256"), &body.sha256)?;
        }
        for (name, value) in &call.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| wrong(error.to_string()))?;
            set(name, value)?;
        }
        let body = call.body.clone().unwrap_or_default();
        let effect = classify::effect(call.operation);
        Ok(Self { call, effect, host: authority, target, uri, headers, body, body_headers, limit })
    }

    /// The operation.
    pub fn operation(&self) -> Operation {
        self.call.operation
    }

    /// An attempt and its result, as observers see it. `status` is that of the response, which the result may not keep.
    pub fn tried<'t, T>(
        &'t self,
        result: &'t Result<Answered<T>, TryError>,
        status: Option<u16>,
        attempt: u32,
        (began, ended): (Timestamp, Timestamp),
    ) -> Tried<'t> {
        let (outcome, request_id) = match result {
            Ok(answered) => (Outcome::Ok, &answered.request_id),
            Err(error) if error.class == FailureClass::Throttled => {
                (Outcome::Throttled, &error.opc_request_id)
            }
            Err(error) => (Outcome::Failed(error.class), &error.opc_request_id),
        };
        Tried {
            operation: self.operation(),
            host: &self.host,
            path: self.uri.path(),
            retry_token: self.call.token(),
            request_id: request_id.as_deref(),
            outcome,
            status,
            attempt,
            began,
            ended,
        }
    }

    /// Signs and sends the request, and waits for the response within the limit. `observer` is told when a simulated region
    /// responds.
    pub async fn send(&self, shared: &Shared, observer: Option<&dyn Observer>) -> Result<Raw, TryError> {
        if let Some(signer) = &shared.signer {
            signer.prepare().await.map_err(|error| self.not_signed(&error))?;
        }
        let (request, signed_by) = self.request(shared)?;
        let answer = tokio::time::timeout(self.limit, shared.transport.send(request))
            .await
            .unwrap_or_else(|_| {
                let limit = self.limit.as_secs_f64();
                Err(TransportError::may_have_arrived("Timeout", format!("no response within {limit} s")))
            })
            .map_err(|error| self.without_answer(&error))?;
        let (head, body) = answer.into_parts();
        let raw = Raw { status: head.status.as_u16(), headers: head.headers, body };
        if let (Some(observer), Some(region)) = (observer, raw.header(oci_api::SIMULATED_REGION)) {
            let now = raw.header(oci_api::SIMULATED_TIME).and_then(|now| now.parse().ok());
            observer.simulated(&plain(&region, 200), now);
        }
        if head.status.is_success() {
            Ok(raw)
        } else {
            Err(TryError { signed_by, ..self.refused(shared, &raw) })
        }
    }

    /// One request with a new date, request id and signature.
    fn request(&self, shared: &Shared) -> Result<(http::Request<Bytes>, Option<Arc<str>>), TryError> {
        let now = shared.clock.now();
        let date = http_date(now);
        let mut headers = self.headers.clone();
        let mut signed_by = None;
        if let Some(signer) = &shared.signer {
            signed_by = Some(self.sign(signer.as_ref(), &date, now, &mut headers)?);
        }
        let mut put = |name: HeaderName, value: String| {
            // Dates and hexadecimal digits are always valid in a header.
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        };
        put(header::DATE, date);
        put(HeaderName::from_static("opc-request-id"), shared.request_id());
        let mut request = http::Request::new(self.body.clone());
        *request.method_mut() = match self.operation().info().method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Patch => http::Method::PATCH,
            Method::Delete => http::Method::DELETE,
        };
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers;
        Ok((request, signed_by))
    }

    /// Adds the headers that sign the request, and returns the id of the key.
    fn sign(
        &self,
        signer: &dyn Signer,
        date: &str,
        now: jiff::Timestamp,
        headers: &mut HeaderMap,
    ) -> Result<Arc<str>, TryError> {
        let on_behalf_of = signer.on_behalf_of();
        let to_sign = ToSign {
            method: self.operation().info().method.as_str(),
            target: &self.target,
            host: Some(&self.host),
            date,
            body: self.body_headers.as_ref(),
            on_behalf_of: on_behalf_of.as_deref(),
        };
        let signature =
            signer.sign(to_sign.text().as_bytes(), now).map_err(|error| self.not_signed(&error))?;
        let mut put = |name: HeaderName, value: &str| match HeaderValue::try_from(value) {
            Ok(mut value) => {
                value.set_sensitive(true);
                headers.insert(name, value);
                Ok(())
            }
            Err(_) => Err(self.unsent("the key id contains a character that is not allowed in a header")),
        };
        put(header::AUTHORIZATION, &to_sign.authorization(&signature.key_id, &signature.bytes))?;
        if let Some(token) = &on_behalf_of {
            put(HeaderName::from_static(ON_BEHALF_OF), token)?;
        }
        Ok(signature.key_id)
    }

    /// The error when there is nothing to sign with. If another attempt to sign in may succeed, it counts as an unreachable
    /// service, and the call is tried again.
    fn not_signed(&self, error: &CredentialsError) -> TryError {
        let unsent = self.unsent(&error.to_string());
        if error.is_temporary() {
            TryError { class: FailureClass::Network, lasts: false, ..unsent }
        } else {
            unsent
        }
    }

    #[expect(clippy::unused_self, reason = "it stands beside the other errors of an attempt")]
    fn unsent(&self, why: &str) -> TryError {
        TryError {
            class: FailureClass::Authentication,
            status: None,
            retry_after: None,
            code: "NotSigned".to_owned(),
            message: format!("the request was not sent: {why}"),
            lasts: true,
            signed_by: None,
            opc_request_id: None,
            clock_ahead_s: None,
        }
    }

    /// Decodes the body of a successful response.
    pub fn answered(
        &self,
        raw: Raw,
        keep: &mut dyn FnMut(&Bytes) -> Result<(), String>,
    ) -> Result<Answered<()>, TryError> {
        match keep(&raw.body) {
            Ok(()) => Ok(raw.with(())),
            Err(why) => {
                let start = plain(&String::from_utf8_lossy(&raw.body[..raw.body.len().min(400)]), 100);
                Err(TryError {
                    class: classify::failed(self.effect),
                    status: Some(raw.status),
                    retry_after: None,
                    code: UNREADABLE.to_owned(),
                    message: format!("the response is not the expected JSON ({why}); it starts {start:?}"),
                    lasts: false,
                    signed_by: None,
                    opc_request_id: raw.header("opc-request-id"),
                    clock_ahead_s: None,
                })
            }
        }
    }

    fn without_answer(&self, error: &TransportError) -> TryError {
        TryError {
            class: match (error.reached, self.effect) {
                (Reached::NotSent, _) if error.lasts => FailureClass::Blocked,
                (Reached::NotSent, _) => FailureClass::Network,
                // A response that is too long for a read will be too long the next time as well.
                (Reached::MayHaveArrived, Effect::Read) if error.lasts => FailureClass::Invalid,
                (Reached::MayHaveArrived, effect) => classify::unanswered(effect),
            },
            status: None,
            retry_after: None,
            code: error.code.to_owned(),
            message: match error.reached {
                Reached::NotSent => format!("cannot reach {}: {}", self.host, error.text),
                Reached::MayHaveArrived if error.lasts => format!("from {}: {}", self.host, error.text),
                Reached::MayHaveArrived => format!("no answer of {}: {}", self.host, error.text),
            },
            lasts: error.lasts,
            signed_by: None,
            opc_request_id: None,
            clock_ahead_s: None,
        }
    }

    /// Turns an unsuccessful response into an error.
    fn refused(&self, shared: &Shared, raw: &Raw) -> TryError {
        let now = shared.clock.now();
        let body = error_body(raw.status, raw.header("location").as_deref(), &raw.body);
        let class = classify::classify(self.effect, raw.status, &body);
        let date = raw.header("date").filter(|_| class == FailureClass::Authentication);
        let mut message = match body.original_message {
            Some(original) if original != body.message => format!("{} ({original})", body.message),
            _ => body.message,
        };
        let signer = shared.signer.as_ref().filter(|_| class == FailureClass::Authentication);
        // The service does not say which user it refused, so the message adds it.
        if let Some(who) = signer.map(|signer| signer.describe()).filter(|who| !who.is_empty()) {
            message = format!("{message} ({who})");
        }
        let server_time = date.and_then(|date| jiff::fmt::rfc2822::parse(&date).ok());
        TryError {
            class,
            status: Some(raw.status),
            retry_after: raw.header("retry-after").and_then(|value| retry_after(&value, now)),
            clock_ahead_s: server_time
                .and_then(|time| i32::try_from(now.duration_since(time.timestamp()).as_secs()).ok()),
            message,
            lasts: false,
            code: body.code,
            signed_by: None,
            opc_request_id: raw.header("opc-request-id"),
        }
    }
}

impl Raw {
    /// The successful answer with its decoded body.
    fn with<T>(self, value: T) -> Answered<T> {
        Answered {
            value,
            etag: self.header("etag"),
            work_request_id: self.header("opc-work-request-id"),
            request_id: self.header("opc-request-id"),
            next_page: self.header("opc-next-page").filter(|token| !token.is_empty()),
        }
    }

    /// A header, if it is present and is text.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name)?.to_str().ok().map(str::to_owned)
    }
}

impl TryError {
    /// Whether the remote machine refused the connection because nothing listens on the port.
    pub(crate) fn is_refused_connection(&self) -> bool {
        self.code == CONNECTION_REFUSED
    }

    /// Turns the error of the last attempt into the failure of the call.
    pub(crate) fn into_failure(
        self,
        operation: Operation,
        attempts: u32,
        elapsed: Duration,
        gave_up: GaveUp,
        in_doubt: bool,
    ) -> Failure {
        Failure {
            class: self.class,
            operation,
            status: self.status,
            code: self.code,
            message: self.message,
            opc_request_id: self.opc_request_id,
            attempts,
            retry_after: self.retry_after,
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            gave_up,
            in_doubt,
            clock_ahead_s: self.clock_ahead_s,
        }
    }
}
