//! Whatever a server answers, with whatever status, a call ends in a model or in a failure that can be shown on one line.

#![no_main]

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use libfuzzer_sys::fuzz_target;
use oci_api::models::LaunchInstanceDetails;
use oci_client::transport::{Transport, TransportError};
use oci_client::{Client, Endpoints, Failure, FailureClass, RetryPolicy};
use std::sync::Arc;

/// Answers every request in the same way.
struct Always(u16, Bytes);

impl Transport for Always {
    fn send(&self, _: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        let response = Response::builder().status(self.0).body(self.1.clone()).unwrap();
        Box::pin(std::future::ready(Ok(response)))
    }
}

fn check(failure: &Failure) {
    let text = failure.to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
    assert!(text.chars().count() < 2_000, "{text}");
    assert_eq!(FailureClass::by_name(failure.class.name()), Some(failure.class));
}

fuzz_target!(|input: (u16, &[u8])| {
    let status = 200 + input.0 % 400;
    let transport = Always(status, Bytes::copy_from_slice(input.1));
    let client = Client::builder(Endpoints::for_region("us-phoenix-1").unwrap(), Arc::new(transport))
        .retry(RetryPolicy::never())
        .build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        if let Err(failure) = client.launch_instance(&LaunchInstanceDetails::default(), "token").await {
            check(&failure);
        }
        if let Err(failure) = client.get_instance("ocid1.instance.oc1.phx.example").await {
            check(&failure);
        }
    });
});
