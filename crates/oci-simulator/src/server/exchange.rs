//! The stages of one request: size, caller, operation, throttle, faults, parameters, world.

use super::auth::{Authorization, MISSING, Presented, verify};
use super::faults::Met;
use super::region::Region;
use super::reply::{self, Ending, REQUEST_ID, Reply};
use super::route::{self, Route};
use super::stats::Outcome;
use super::{body, odd, parameters, sign_in};
use crate::scenario::{FaultKind, OperationClass, Signatures};
use crate::world::chance::hash_bytes;
use crate::world::{ApiError, ApiRequest, Caller};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The maximum size of a request's line and headers in bytes (invented: Oracle publishes no limit).
pub(super) const HEADER_BYTES_MAX: usize = 10_000;
/// The maximum size of a request's body in bytes (invented).
pub(super) const BODY_BYTES_MAX: usize = 2_000_000;
/// The maximum clock skew that the signature check accepts.
const SKEW_MAX: SignedDuration = SignedDuration::from_mins(5);

/// A connection that was cut, as an in-process caller sees it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// The connection was cut before any part of the response arrived.
    #[error("the connection was closed before an answer came")]
    BeforeAnswer,
    /// The connection was cut in the middle of the body.
    #[error("the connection was closed after {} bytes of the answer", received.len())]
    InBody {
        /// The status that had arrived.
        status: u16,
        /// The bytes that had arrived.
        received: Bytes,
    },
}

impl Region {
    /// Responds to one request in this process.
    ///
    /// # Errors
    /// When a fault cuts the connection.
    pub async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Dropped> {
        let (parts, body) = request.into_parts();
        let Reply { response, ending } = answer(self, &parts, body).await;
        match ending {
            Ending::Whole => Ok(response),
            Ending::Reset => Err(Dropped::BeforeAnswer),
            Ending::CutAfter(bytes) => Err(Dropped::InBody {
                status: response.status().as_u16(),
                received: response.body().slice(..bytes.min(response.body().len())),
            }),
        }
    }
}

/// Responds to one request of the API.
pub(super) async fn answer(region: &Region, parts: &Parts, body: Bytes) -> Reply {
    let _in_flight = region.inner.counters.begin();
    if sign_in::is_for(parts.uri.path()) {
        let counted = CountOnDrop { region, name: "SignIn", outcome: Outcome::Dropped(0) };
        let mut reply = sign_in::answer(region, parts, &body).await;
        identify(region, &parts.headers, &mut reply.response);
        let status = reply.response.status().as_u16();
        counted.done(match reply.ending {
            Ending::Whole => Outcome::Answered(status),
            Ending::Reset | Ending::CutAfter(_) => Outcome::Dropped(status),
        });
        return reply;
    }
    let route = route::find(parts.method.as_str(), parts.uri.path());
    let name = route.as_ref().map_or("unknown", |route| route.operation.name());
    if route.is_err() {
        region.inner.counters.count_unknown(parts.method.as_str(), parts.uri.path());
    }
    // Counts as dropped until there is a response, because a caller that leaves drops this future.
    let counted = CountOnDrop { region, name, outcome: Outcome::Dropped(0) };
    let skew = clock_skew(region, route.as_ref().ok());
    let mut reply = match admit(region, parts, &body, route, skew) {
        Ok(admitted) => serve(region, parts, &body, admitted).await,
        Err(refused) => (*refused).into(),
    };
    if !skew.is_zero() {
        reply::date(&mut reply.response, later(region.inner.clock.wall(), skew));
    }
    identify(region, &parts.headers, &mut reply.response);
    let status = reply.response.status().as_u16();
    counted.done(match reply.ending {
        Ending::Whole => Outcome::Answered(status),
        Ending::Reset | Ending::CutAfter(_) => Outcome::Dropped(status),
    });
    reply
}

/// Completes the refusal of a request whose body was not read whole: counts it and adds a request id.
pub(super) fn refuse(region: &Region, parts: &Parts, mut refused: Response<Bytes>) -> Response<Bytes> {
    let _in_flight = region.inner.counters.begin();
    let route = route::find(parts.method.as_str(), parts.uri.path());
    let name = route.as_ref().map_or("unknown", |route| route.operation.name());
    region.inner.counters.count(name, Outcome::Answered(refused.status().as_u16()));
    identify(region, &parts.headers, &mut refused);
    refused
}

struct CountOnDrop<'a> {
    region: &'a Region,
    name: &'static str,
    outcome: Outcome,
}

impl CountOnDrop<'_> {
    fn done(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for CountOnDrop<'_> {
    fn drop(&mut self) {
        self.region.inner.counters.count(self.name, self.outcome);
    }
}

/// An admitted request: its caller, its operation, and the faults that hit it.
struct Admitted {
    caller: Caller,
    route: Route,
    met: Met,
}

fn admit(
    region: &Region,
    parts: &Parts,
    body: &Bytes,
    route: Result<Route, ApiError>,
    skew: SignedDuration,
) -> Result<Admitted, Box<Response<Bytes>>> {
    if let Some(refused) = too_large(parts, body.len()) {
        return Err(Box::new(refused));
    }
    // Seen on a live tenancy: 400 without a body, before any other check.
    if parts.headers.get_all(CONTENT_TYPE).iter().nth(1).is_some() {
        return Err(Box::new(reply::empty(400)));
    }
    let caller = authenticate(region, parts, body, skew)?;
    let route = route.map_err(|error| reply::from_error(&error))?;
    let now = region.seconds();
    let mut gate = region.gate();
    if let Err(throttled) = gate.throttle.admit(&caller, OperationClass::of(route.operation), now) {
        let retry_after = gate.throttle.retry_after_seconds();
        return Err(Box::new(reply::too_many_requests(throttled.message(), retry_after)));
    }
    let mut met = gate.faults.meet(route.operation, now);
    let latency = region.inner.latency;
    let latency_ms = gate.latency_chance.between(latency.min_ms, latency.max_ms);
    met.delay += Duration::try_from_secs_f64(latency_ms / 1000.0).unwrap_or_default();
    Ok(Admitted { caller, route, met })
}

/// The refusal of a request that exceeds the size limits.
pub(super) fn too_large(parts: &Parts, body_bytes: usize) -> Option<Response<Bytes>> {
    let headers: usize =
        parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let line = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if headers + line > HEADER_BYTES_MAX {
        let message = format!("The request's line and headers are larger than {HEADER_BYTES_MAX} bytes.");
        return Some(reply::error_response(431, "RequestHeaderFieldsTooLarge", &message));
    }
    (body_bytes > BODY_BYTES_MAX).then(|| {
        let message = format!("The request's body is larger than {BODY_BYTES_MAX} bytes.");
        reply::error_response(413, "PayloadTooLarge", &message)
    })
}

/// By how much a fault moves the region's clock for a request.
fn clock_skew(region: &Region, route: Option<&Route>) -> SignedDuration {
    let now = region.seconds();
    let seconds = region.gate().faults.clock_skew(route.map(|route| route.operation), now);
    SignedDuration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(time)
}

fn authenticate(
    region: &Region,
    parts: &Parts,
    body: &Bytes,
    skew: SignedDuration,
) -> Result<Caller, Box<Response<Bytes>>> {
    let refused = |message: &str| Box::new(reply::error_response(401, "NotAuthenticated", message));
    if region.inner.signatures == Signatures::Unchecked {
        if skew.abs() > SKEW_MAX {
            return Err(refused(MISSING));
        }
        return Ok(claimed_caller(&parts.headers).unwrap_or_else(|| {
            region.inner.anonymous.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
        }));
    }
    let now = later(region.inner.clock.wall(), skew);
    let request = Presented { method: &parts.method, uri: &parts.uri, headers: &parts.headers, body };
    verify(request, &region.keys(), now).map_err(|refusal| {
        tracing::debug!(%refusal, path = parts.uri.path(), "not authenticated");
        refused(&refusal.message())
    })
}

/// The caller that a request claims to have, used when signatures are not checked.
fn claimed_caller(headers: &HeaderMap) -> Option<Caller> {
    let authorization = Authorization::parse(headers.get(AUTHORIZATION)?.to_str().ok()?).ok()?;
    let mut parts = authorization.key_id.split('/');
    let (tenancy, user) = (parts.next()?, parts.next()?);
    Some(Caller { tenancy: tenancy.to_owned(), user: user.to_owned() })
}

async fn serve(region: &Region, parts: &Parts, body: &Bytes, admitted: Admitted) -> Reply {
    let Admitted { caller, mut route, met } = admitted;
    if !met.delay.is_zero() {
        tokio::time::sleep(met.delay).await;
    }
    match &met.fault {
        Some(FaultKind::Hang) => std::future::pending::<()>().await,
        Some(FaultKind::ResetBefore) => return odd::reset(),
        Some(FaultKind::ExpiredCredentials) => {
            return reply::error_response(401, "NotAuthenticated", MISSING).into();
        }
        Some(fault @ FaultKind::Answer { after_effect: false, .. }) => return odd::answer(fault).into(),
        _ => {}
    }
    let request = match checked(region, parts, body, caller, &mut route) {
        Ok(request) => request,
        Err(error) => return reply::from_error(&error).into(),
    };
    let page = request.query.get("page").cloned();
    let result = region.handle_allowed(&request);
    let answered = result.is_ok();
    let response = match result {
        Ok(answer) => reply::from_answer(answer),
        Err(error) => reply::from_error(&error),
    };
    match &met.fault {
        // A refused request had no effect that a fault could hide.
        Some(fault) if answered => odd::after(fault, response, page.as_deref()),
        _ => response.into(),
    }
}

/// Converts the request to the world's form if its parameters and body are valid.
fn checked(
    region: &Region,
    parts: &Parts,
    bytes: &Bytes,
    caller: Caller,
    route: &mut Route,
) -> Result<ApiRequest, ApiError> {
    let info = route.operation.info();
    parameters::path(info, &route.path)?;
    let mut query = parameters::query(info, parts.uri.query())?;
    odd::undo_duplicate(&mut query);
    let body::Body { value: body, ignored } = body::parse(info, bytes, region.inner.unknown_fields)?;
    for path in &ignored {
        region.inner.counters.count_unknown_field(info.name, path);
    }
    Ok(ApiRequest {
        path: std::mem::take(&mut route.path),
        query,
        retry_token: parameters::header(info, &parts.headers, "opc-retry-token")?,
        if_match: parameters::header(info, &parts.headers, "if-match")?,
        body_hash: if bytes.is_empty() { 0 } else { hash_bytes(bytes) },
        body,
        ..ApiRequest::new(route.operation, caller)
    })
}

/// Adds the region's label and an `opc-request-id` to the response: the caller's own id, or one from the seed.
fn identify(region: &Region, headers: &HeaderMap, response: &mut Response<Bytes>) {
    let theirs = headers.get(REQUEST_ID).filter(|id| {
        let id = id.as_bytes();
        (1..=128).contains(&id.len())
            && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(byte))
    });
    let id = theirs.cloned().or_else(|| {
        let mut gate = region.gate();
        let (high, low) = (gate.id_chance.next(), gate.id_chance.next());
        HeaderValue::try_from(format!("{high:016X}{low:016X}")).ok()
    });
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    if let Some(label) = region.inner.label.get() {
        response.headers_mut().insert(oci_api::SIMULATED_REGION, label.clone());
        if let Ok(now) = HeaderValue::try_from(region.inner.clock.now().to_string()) {
            response.headers_mut().insert(oci_api::SIMULATED_TIME, now);
        }
    }
}
