//! The region as an axum router: reads bodies within limits, and separates the API from the pages about the simulation.

use super::admin;
use super::exchange::{self, BODY_BYTES_MAX};
use super::region::Region;
use super::reply;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT};
use http::request::Parts;
use http::{HeaderValue, Response};
use http_body_util::BodyExt;
use std::time::Duration;

/// How long a body may take to arrive.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// How many bytes of an oversized body are read and discarded, so that its sender can read the refusal.
const DISCARD_BYTES_MAX: usize = 64_000_000;

impl Region {
    /// The region as an axum router, usable in this process without sockets, tasks or real time.
    ///
    /// A response that must not arrive carries the extension [`ConnectionReset`](super::ConnectionReset), and its body fails at
    /// once.
    pub fn router(&self) -> Router {
        Router::new().fallback(handle).with_state(self.clone())
    }
}

async fn handle(State(region): State<Region>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = match read(&parts, body).await {
        Ok(body) => body,
        Err(refused) => {
            let of_api = !admin::is_for(parts.uri.path());
            let mut refused = if of_api { exchange::refuse(&region, &parts, refused) } else { refused };
            refused.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return refused.map(Body::from);
        }
    };
    if admin::is_for(parts.uri.path()) {
        return admin::answer(&region, &parts, &body).map(Body::from);
    }
    exchange::answer(&region, &parts, body).await.into_axum()
}

/// Reads the whole body, or refuses one that is too large or too slow.
async fn read(parts: &Parts, mut body: Body) -> Result<Bytes, Response<Bytes>> {
    let announced = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if let Some(refused) = exchange::too_large(parts, announced.unwrap_or(0)) {
        // A caller that waits for `100 Continue` has not sent anything yet.
        if !parts.headers.contains_key(EXPECT) {
            discard(&mut body, 0).await;
        }
        return Err(refused);
    }
    let mut bytes = BytesMut::new();
    let all = async {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                return Err(reply::error_response(
                    400,
                    "CannotParseRequest",
                    "The body did not arrive whole.",
                ));
            };
            bytes.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
            if let Some(refused) = exchange::too_large(parts, bytes.len()) {
                discard(&mut body, bytes.len()).await;
                return Err(refused);
            }
        }
        Ok(())
    };
    match tokio::time::timeout(BODY_TIME_MAX, all).await {
        Ok(Ok(())) => Ok(bytes.freeze()),
        Ok(Err(refused)) => Err(refused),
        Err(_) => Err(reply::error_response(408, "RequestTimeout", "The body took too long to arrive.")),
    }
}

/// Reads and discards the rest of a body, within limits on bytes and time.
async fn discard(body: &mut Body, mut seen: usize) {
    let rest = async {
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > BODY_BYTES_MAX + DISCARD_BYTES_MAX {
                break;
            }
        }
    };
    // A slower caller misses the refusal.
    let _ = tokio::time::timeout(Duration::from_secs(5), rest).await;
}
