//! A transport to a server in the same process: any tower service over HTTP types, such as an axum router.
//!
//! It uses no sockets and therefore works in virtual time.

use std::fmt::Display;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use tower::{Service, ServiceExt as _};

use super::{Transport, TransportError};

/// Sends requests to a service in this process. Each request clones the service, so a clone must be cheap.
#[derive(Clone, Debug)]
pub struct InProcess<S> {
    service: S,
}

impl<S> InProcess<S> {
    /// A transport to `service`, which must accept `http::Request<Full<Bytes>>`, as an axum router does.
    pub fn new(service: S) -> Self {
        Self { service }
    }
}

impl<S, R> Transport for InProcess<S>
where
    S: Service<http::Request<Full<Bytes>>, Response = http::Response<R>> + Clone + Send + Sync,
    S::Error: Display + Send,
    S::Future: Send,
    R: http_body::Body<Data = Bytes> + Send,
    R::Error: Display + Send,
{
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        let service = self.service.clone();
        async move {
            let answer = service
                .oneshot(request.map(Full::new))
                .await
                .map_err(|error| TransportError::may_have_arrived("ConnectionLost", error.to_string()))?;
            let (head, body) = answer.into_parts();
            let body = body
                .collect()
                .await
                .map_err(|error| TransportError::may_have_arrived("TruncatedAnswer", error.to_string()))?;
            Ok(http::Response::from_parts(head, body.to_bytes()))
        }
        .boxed()
    }
}
