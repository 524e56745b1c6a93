//! The metadata service of an instance, version 2.

use super::super::auth::encode_pem;
use super::super::region::Region;
use super::super::reply;
use super::certificates::intermediate;
use bytes::Bytes;
use http::Response;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use serde_json::json;

/// Responds with a document.
pub(super) fn answer(region: &Region, parts: &Parts) -> Response<Bytes> {
    // The service refuses requests without it, as a guard against requests that a web server was tricked into.
    if parts.headers.get(AUTHORIZATION).is_none_or(|value| value != "Bearer Oracle") {
        return reply::empty(401);
    }
    match document(region, parts.uri.path().trim_end_matches('/')) {
        Some(text) if parts.method == http::Method::GET => {
            let mut response = Response::new(text.into());
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            response
        }
        Some(_) => reply::empty(405),
        None => reply::empty(404),
    }
}

fn document(region: &Region, path: &str) -> Option<String> {
    let name = region.world().settings().region.clone();
    let known = oci_api::Region::find(&name);
    Some(match path.strip_prefix("/opc/v2")? {
        "/instance/region" | "/instance/canonicalRegionName" => name,
        "/instance/id" => region.principal().caller.user,
        "/instance/compartmentId" => region.principal().compartment,
        "/instance/tenantId" => region.principal().caller.tenancy,
        "/instance/regionInfo" => json!({
            "realmKey": "oc1",
            "realmDomainComponent": known.map_or("oraclecloud.com", |known| known.domain),
            "regionKey": known.map_or("", |known| known.key).to_uppercase(),
            "regionIdentifier": name,
        })
        .to_string(),
        "/identity/cert.pem" => encode_pem("CERTIFICATE", &region.leaf()?.der),
        "/identity/key.pem" => region.leaf()?.key_pem.clone(),
        "/identity/intermediate.pem" => {
            intermediate(&region.inner.desk.tokens().authority(), region.inner.clock.wall())?
        }
        _ => return None,
    })
}
