//! The pages about the simulation, under `/_sim`. They need no signatures, and only this machine can use them unless the
//! options say otherwise.

use super::auth::PublicKey;
use super::metrics::metrics_text;
use super::page;
use super::peer::{Peer, RemoteAdmin};
use super::region::Region;
use super::reply::error_response;
use super::route::decode;
use super::snapshots::{self, Refused};
use crate::exposition;
use crate::iam::Policies;
use crate::scenario::FaultRule;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, Method, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;

/// The maximum number of events per response.
const EVENTS_MAX: usize = 10_000;

/// Whether a path is one of these pages.
pub(super) fn is_for(path: &str) -> bool {
    path == "/_sim" || path.starts_with("/_sim/")
}

/// Serves one of these pages.
pub(super) fn answer(region: &Region, parts: &Parts, body: &Bytes) -> Response<Bytes> {
    let is_remote = parts.extensions.get::<Peer>().is_some_and(|peer| !peer.0.ip().is_loopback());
    if is_remote && parts.extensions.get::<RemoteAdmin>().is_none() {
        return error_response(403, "NotAllowed", "The pages under /_sim are for this machine only.");
    }
    // A page of another site that is open in a browser on this machine must not control the region.
    if !is_from_own_page(parts) {
        return error_response(
            403,
            "NotAllowed",
            "The pages under /_sim are not for web pages of other sites.",
        );
    }
    // A site whose name resolves to this machine must not do so either (DNS rebinding).
    if parts.extensions.get::<RemoteAdmin>().is_none() && !is_for_this_machine(parts) {
        return error_response(
            403,
            "NotAllowed",
            "The pages under /_sim answer to localhost and 127.0.0.1 only.",
        );
    }
    if parts.method == Method::GET
        && let Some(file) = page::file(parts.uri.path())
    {
        return file;
    }
    match (parts.uri.path(), parts.method.as_str()) {
        ("/_sim/world", "GET") => json(&page::overview(region)),
        ("/_sim/stats", "GET") => json(&region.stats()),
        ("/_sim/events", "GET") => events(region, parts.uri.query()),
        ("/_sim/metrics", "GET") => text(exposition::CONTENT_TYPE, metrics_text(region)),
        ("/_sim/faults", "GET") => json(&region.faults()),
        ("/_sim/advance", "POST") => advance(region, body),
        ("/_sim/faults", "POST") => faults(region, body),
        ("/_sim/policies", "GET") => json(&region.policies()),
        ("/_sim/policies", "POST") => policies(region, body),
        ("/_sim/policies", "DELETE") => set_policies(region, None),
        ("/_sim/resource_token", "POST") => resource_token(region, body),
        ("/_sim/snapshots", "GET") => json(&region.list_snapshots()),
        ("/_sim/snapshots", "POST") => snapshot(region, body, Region::keep),
        ("/_sim/restore", "POST") => snapshot(region, body, Region::restore),
        ("/_sim/reset", "POST") => done(region, snapshots::START, region.restore(snapshots::START)),
        (
            "/_sim"
            | "/_sim/"
            | "/_sim/world"
            | "/_sim/stats"
            | "/_sim/events"
            | "/_sim/metrics"
            | "/_sim/advance"
            | "/_sim/faults"
            | "/_sim/policies"
            | "/_sim/resource_token"
            | "/_sim/snapshots"
            | "/_sim/restore"
            | "/_sim/reset",
            _,
        ) => error_response(
            405,
            "MethodNotAllowed",
            "GET /_sim/, world, stats, events, metrics, faults, policies, snapshots; POST advance, faults, policies, resource_token, snapshots, restore, reset; DELETE policies.",
        ),
        _ => error_response(
            404,
            "NotFound",
            "There are: GET /_sim/ (a page), GET /_sim/world, GET /_sim/stats, GET /_sim/events?since=N, GET /_sim/metrics, POST /_sim/advance, GET and POST \
             /_sim/faults, GET, POST and DELETE /_sim/policies, POST /_sim/resource_token, GET and POST /_sim/snapshots, POST /_sim/restore, POST /_sim/reset.",
        ),
    }
}

/// The host that the request is addressed to. An in-process request may have none.
fn host(parts: &Parts) -> Option<&str> {
    match parts.headers.get(HOST) {
        Some(host) => Some(host.to_str().unwrap_or("?")),
        None => parts.uri.authority().map(Authority::as_str),
    }
}

/// Whether the request comes from the region's own page, or from a program, which sends no origin.
fn is_from_own_page(parts: &Parts) -> bool {
    let Some(origin) = parts.headers.get(ORIGIN) else { return true };
    let origin = origin.to_str().unwrap_or_default();
    let from = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    from.zip(host(parts)).is_some_and(|(from, host)| from.eq_ignore_ascii_case(host))
}

/// Whether the request is addressed to a name of the loopback interface.
fn is_for_this_machine(parts: &Parts) -> bool {
    let Ok(host) = host(parts).unwrap_or("localhost").parse::<Authority>() else { return false };
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Events as JSON lines, oldest first, starting with the number `since`.
fn events(region: &Region, query: Option<&str>) -> Response<Bytes> {
    let mut since = 0;
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let value = pair.strip_prefix("since=").and_then(|value| decode(value, true)?.parse().ok());
        match value {
            Some(value) => since = value,
            None => return invalid("the query can only be since=N, N being the number of the first event"),
        }
    }
    let mut lines = Vec::new();
    for event in region.events(since, EVENTS_MAX) {
        // An event consists of strings and numbers, which can always be serialised.
        if serde_json::to_writer(&mut lines, &event).is_ok() {
            lines.push(b'\n');
        }
    }
    text("application/x-ndjson", lines)
}

fn text(content_type: &'static str, text: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(text.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: f64,
}

fn advance(region: &Region, body: &Bytes) -> Response<Bytes> {
    let wanted: Advance = match object(body) {
        Ok(wanted) => wanted,
        Err(error) => return invalid(&format!("the body must be {{\"seconds\": N}}: {error}")),
    };
    // At most a year: more is a mistake, and the world would have to simulate all of it now.
    match Duration::try_from_secs_f64(wanted.seconds) {
        Ok(by) if wanted.seconds <= 31_622_400.0 => {
            region.advance(by);
            json(&serde_json::json!({ "simulated_time": region.world().now().to_string() }))
        }
        _ => invalid("seconds must be between 0 and 31622400 (a year)"),
    }
}

/// `{"replace": [rules], "add": [rules]}`, the rules as in a scenario file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Rules {
    replace: Option<Vec<FaultRule>>,
    add: Vec<FaultRule>,
}

fn faults(region: &Region, body: &Bytes) -> Response<Bytes> {
    let rules: Rules = match object(body) {
        Ok(rules) => rules,
        Err(error) => {
            return invalid(&format!("the body must be {{\"replace\": [rules], \"add\": [rules]}}: {error}"));
        }
    };
    let all = rules.replace.iter().flatten().chain(&rules.add);
    for (at, rule) in all.enumerate() {
        if let Err(problem) = rule.check() {
            return invalid(&format!("rule {at}: {problem}"));
        }
    }
    if let Some(replace) = &rules.replace {
        region.replace_faults(replace);
    }
    region.add_faults(&rules.add);
    json(&region.faults())
}

/// Replaces all groups and policies by those of the body.
fn policies(region: &Region, body: &Bytes) -> Response<Bytes> {
    match object::<Policies>(body) {
        Ok(policies) => set_policies(region, Some(&policies)),
        Err(error) => invalid(&format!(
            "the body must be {{\"groups\": [groups], \"dynamic_groups\": [groups], \"statements\": [texts]}}: {error}"
        )),
    }
}

fn set_policies(region: &Region, policies: Option<&Policies>) -> Response<Bytes> {
    match region.set_policies(policies) {
        Ok(()) => json(&region.policies()),
        Err(problem) => invalid(&problem),
    }
}

/// The resource to which a token is issued.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenOwner {
    #[serde(rename = "type")]
    kind: String,
    public_key: String,
    compartment_id: Option<String>,
}

/// Issues the token of a function or another resource, as its platform would.
fn resource_token(region: &Region, body: &Bytes) -> Response<Bytes> {
    let owner: TokenOwner = match object(body) {
        Ok(owner) => owner,
        Err(error) => {
            return invalid(&format!("the body must be {{\"type\": TEXT, \"public_key\": PEM}}: {error}"));
        }
    };
    let key = match PublicKey::from_pem(&owner.public_key) {
        Ok(key) => key,
        Err(error) => return invalid(&format!("public_key: {error}")),
    };
    match region.resource_token(&owner.kind, owner.compartment_id, key) {
        Ok((token, id)) => json(&serde_json::json!({ "token": token, "id": id })),
        Err(problem) => invalid(&problem),
    }
}

/// The name of a snapshot.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SnapshotName {
    name: String,
}

fn snapshot(
    region: &Region,
    body: &Bytes,
    change: impl FnOnce(&Region, &str) -> Result<(), Refused>,
) -> Response<Bytes> {
    match object::<SnapshotName>(body) {
        Ok(SnapshotName { name }) => done(region, &name, change(region, &name)),
        Err(error) => invalid(&format!("the body must be {{\"name\": TEXT}}: {error}")),
    }
}

/// The snapshot that was made or restored, and the time in the region.
fn done(region: &Region, name: &str, done: Result<(), Refused>) -> Response<Bytes> {
    match done {
        Ok(()) => {
            let time = region.world().now().to_string();
            json(&serde_json::json!({ "snapshot": name, "simulated_time": time }))
        }
        Err((status, problem)) => {
            let code = match status {
                404 => "NotFound",
                409 => "Conflict",
                _ => "InvalidParameter",
            };
            error_response(status, code, &problem)
        }
    }
}

/// Parses an object. The library alone would also accept an array of the fields.
fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err("it is an array".to_owned());
    }
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn json(value: &impl Serialize) -> Response<Bytes> {
    match serde_json::to_vec_pretty(value) {
        Ok(mut body) => {
            body.push(b'\n');
            text("application/json", body)
        }
        Err(error) => error_response(500, "InternalError", &error.to_string()),
    }
}

fn invalid(message: &str) -> Response<Bytes> {
    error_response(400, "InvalidParameter", message)
}
