//! The page under `/_sim/`, for people: hosts, instances, requests, and faults that a click switches.

use super::region::Region;
use crate::world::HostEntry;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Response};
use serde::Serialize;
use std::collections::BTreeMap;

/// The page loads its own files and nothing else, and no other page can contain it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of the page.
pub(super) fn file(path: &str) -> Option<Response<Bytes>> {
    let (kind, text) = match path {
        "/_sim" | "/_sim/" => ("text/html; charset=utf-8", include_str!("page.html")),
        "/_sim/page.css" => ("text/css; charset=utf-8", include_str!("page.css")),
        "/_sim/page.js" => ("text/javascript; charset=utf-8", include_str!("page.js")),
        _ => return None,
    };
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    let fixed = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    response.headers_mut().extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    Some(response)
}

/// The response to `GET /_sim/world`.
#[derive(Debug, Serialize)]
pub(super) struct Overview {
    /// Hosts by availability domain and family.
    hosts: Vec<HostEntry>,
    /// Instances by availability domain, shape and state.
    instances: Vec<CountedInstances>,
}

#[derive(Debug, Serialize)]
struct CountedInstances {
    availability_domain: String,
    shape: &'static str,
    state: &'static str,
    count: u64,
}

/// What exists in the region.
pub(super) fn overview(region: &Region) -> Overview {
    let world = region.world();
    let mut counts: BTreeMap<(String, &'static str, &'static str), u64> = BTreeMap::new();
    for entry in world.instances() {
        *counts.entry((entry.availability_domain, entry.shape, entry.state.as_str())).or_default() += 1;
    }
    let instances = counts.into_iter().map(|((availability_domain, shape, state), count)| CountedInstances {
        availability_domain,
        shape,
        state,
        count,
    });
    Overview { hosts: world.hosts(), instances: instances.collect() }
}
