//! The exchange of a certificate, or of a pod's service account, for a token.

use super::super::auth::{Presented, PublicKey, verify_by};
use super::super::region::Region;
use super::super::reply;
use super::replies::{invalid, not_verified, refused, token_response};
use super::tokens::Claims;
use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Response;
use http::header::AUTHORIZATION;
use http::request::Parts;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;

/// Exchanges the certificate of an instance. The key of the certificate signs; the host need not be signed.
pub(super) fn certificate(region: &Region, parts: &Parts, body: &Bytes, now: Timestamp) -> Response<Bytes> {
    if parts.method != http::Method::POST {
        return reply::empty(405);
    }
    let Ok(details) = serde_json::from_slice::<Value>(body) else { return invalid("The body is not JSON.") };
    let (Some(certificate), Some(public)) = (details["certificate"].as_str(), details["publicKey"].as_str())
    else {
        return invalid("certificate and publicKey are required.");
    };
    let Ok(der) = STANDARD.decode(bare(certificate)) else { return invalid("certificate is not base64.") };
    let Some(leaf) = region.leaves().into_iter().find(|leaf| leaf.der == der) else { return refused() };
    let principal = region.principal();
    let presented = Presented { method: &parts.method, uri: &parts.uri, headers: &parts.headers, body };
    let find = |id: &str| {
        let names = fingerprints(id, &principal.caller.tenancy, &leaf.der)?;
        names.then(|| Arc::new((principal.caller.clone(), leaf.public.clone())))
    };
    if let Err(refusal) = verify_by(presented, now, false, find) {
        return not_verified(&refusal);
    }
    let Ok(session) =
        STANDARD.decode(bare(public)).map_err(drop).and_then(|der| PublicKey::from_der(&der).map_err(drop))
    else {
        return invalid("publicKey is not an RSA key.");
    };
    let claims = Claims {
        caller: &principal.caller,
        life_seconds: region.inner.desk.settings.token_life_seconds,
        since: now,
        more: json!({
            "opc-certtype": "instance",
            "opc-instance": principal.caller.user,
            "opc-compartment": principal.compartment,
            "opc-tenant": principal.caller.tenancy,
            "ptype": "instance",
            "ttype": "x509",
        }),
    };
    token_response(&region.inner.desk.tokens().issue(&claims, session, now))
}

/// Whether a key id names the certificate: `<tenancy>/fed-x509/<SHA-1>` or `<tenancy>/fed-x509-sha256/<SHA-256>`, in hexadecimal
/// digits of either case, with or without colons.
fn fingerprints(id: &str, tenancy: &str, der: &[u8]) -> Option<bool> {
    let rest = id.strip_prefix(tenancy)?.strip_prefix('/')?;
    let (kind, given) = rest.split_once('/')?;
    let algorithm: &Algorithm = match kind {
        "fed-x509" => &SHA1_FOR_LEGACY_USE_ONLY,
        "fed-x509-sha256" => &SHA256,
        _ => return None,
    };
    let actual: Vec<String> =
        digest(algorithm, der).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(given.replace(':', "").to_ascii_lowercase() == actual.concat())
}

/// Exchanges the token of a service account, any of which is accepted. The response is base64 of JSON.
pub(super) fn workload(region: &Region, parts: &Parts, body: &Bytes, now: Timestamp) -> Response<Bytes> {
    let bearer = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if bearer.and_then(|value| value.strip_prefix("Bearer ")).is_none_or(str::is_empty) {
        return refused();
    }
    let details = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let key = details["podKey"].as_str().and_then(|key| STANDARD.decode(key).ok());
    let Some(key) = key.and_then(|der| PublicKey::from_der(&der).ok()) else {
        return invalid("podKey is not an RSA key.");
    };
    let caller = region.know_pod(bearer.unwrap_or_default());
    let claims = Claims {
        caller: &caller,
        life_seconds: region.inner.desk.settings.token_life_seconds,
        since: now,
        more: json!({"ptype": "workload", "ttype": "res_sp", "res_tenant": caller.tenancy}),
    };
    let token = region.inner.desk.tokens().issue(&claims, key, now);
    Response::new(STANDARD.encode(json!({"token": format!("ST${token}")}).to_string()).into())
}

/// The base64 of a PEM block with or without its BEGIN and END lines.
fn bare(text: &str) -> String {
    text.lines()
        .filter(|line| !line.starts_with("-----"))
        .collect::<String>()
        .split_ascii_whitespace()
        .collect()
}
