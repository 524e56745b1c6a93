//! The span of one request, by OpenTelemetry's conventions for clients of HTTP.

use super::fields::{number, text};
use super::fold::{Fold, OpenSpan};
use oci_client::{Outcome, Tried};
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;

impl Fold {
    /// Applies a request that has ended.
    pub(super) fn request(&mut self, tried: &Tried<'_>, out: &mut Vec<SpanData>) {
        let (trace, parent) = self.parent(tried.retry_token, tried.path, tried.began);
        let id = self.next_request();
        let mut span = OpenSpan::begin(trace, id, parent, tried.operation.name(), tried.began);
        let (host, port) = match tried.host.rsplit_once(':') {
            Some((host, port)) => (host, port.parse::<u16>().ok()),
            None => (tried.host, None),
        };
        span.attributes.extend([
            text("http.request.method", tried.operation.info().method.as_str()),
            text("server.address", host),
            text("url.path", tried.path),
        ]);
        span.attributes.extend(port.map(|port| number("server.port", port)));
        span.attributes.extend(tried.status.map(|status| number("http.response.status_code", status)));
        span.attributes
            .extend(tried.request_id.map(|request| text("oci_insta_scale.opc_request_id", request)));
        if tried.attempt > 1 {
            span.attributes.push(number("http.request.resend_count", tried.attempt - 1));
        }
        let error = match tried.outcome {
            Outcome::Ok => None,
            Outcome::Throttled => Some("throttled"),
            Outcome::Failed(class) => Some(class.name()),
        };
        span.attributes.extend(error.map(|class| text("error.type", class)));
        let status = error.map_or(Status::Unset, Status::error);
        out.push(SpanData { span_kind: SpanKind::Client, ..span.end(tried.ended, status, &self.scope) });
    }
}
