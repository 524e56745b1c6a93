//! Verifies the signature of one request.

use super::{Authorization, Keys, PublicKey, Refusal};
use crate::world::Caller;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST};
use http::{HeaderMap, Method, Uri};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use std::sync::Arc;

/// The maximum difference between a request's date and the region's clock (Oracle: "API Errors", NotAuthenticated: five
/// minutes).
const SKEW_SECONDS_MAX: i64 = 300;

/// The parts of a request that are verified.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Presented<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// Returns the caller if the signature is valid. `now` is the time of the region's clock.
pub(in crate::server) fn verify(
    request: Presented<'_>,
    keys: &Keys,
    now: Timestamp,
) -> Result<Caller, Refusal> {
    let caller = verify_by(request, now, true, |id| keys.find(id, now))?;
    // An instance that acts for a user signs the user's token too; unsigned, it has no effect.
    // Most requests do not have the header, and need not be read twice.
    let has = request.headers.contains_key(ON_BEHALF_OF);
    if !has || !authorization(request.headers)?.signs(ON_BEHALF_OF) {
        return Ok(caller);
    }
    let token = value(request.headers, ON_BEHALF_OF)?;
    keys.owner(&token, now).ok_or_else(|| Refusal::UnknownKey(ON_BEHALF_OF.to_owned()))
}

/// The header with the token of the user for whom an instance acts.
const ON_BEHALF_OF: &str = "opc-obo-token";

/// Returns the owner of the key that `find` returns for the id in the request, if the key made the signature. `with_host` is
/// whether the host must be signed.
pub(in crate::server) fn verify_by(
    request: Presented<'_>,
    now: Timestamp,
    with_host: bool,
    find: impl FnOnce(&str) -> Option<Arc<(Caller, PublicKey)>>,
) -> Result<Caller, Refusal> {
    let authorization = authorization(request.headers)?;
    let known = find(&authorization.key_id).ok_or_else(|| {
        // A token is a secret.
        let is_token = authorization.key_id.starts_with("ST$");
        let shown =
            if is_token { "ST$…".to_owned() } else { authorization.key_id.chars().take(200).collect() };
        Refusal::UnknownKey(shown)
    })?;
    check_signed_set(request.method, &authorization, with_host)?;
    check_date(request.headers, &authorization, now)?;
    if has_signed_body(request.method) {
        check_body(request)?;
    }
    let message = signing_string(request, &authorization)?;
    let signature = STANDARD.decode(&authorization.signature).map_err(|_| Refusal::Signature)?;
    let (caller, key) = &*known;
    if key.verifies(message.as_bytes(), &signature) { Ok(caller.clone()) } else { Err(Refusal::Signature) }
}

fn authorization(headers: &HeaderMap) -> Result<Authorization, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.count()) {
        (None, _) => Err(Refusal::Headers(0)),
        (Some(value), 0) => {
            let text = value.to_str().map_err(|_| super::AuthorizationError::Parameter)?;
            Ok(Authorization::parse(text)?)
        }
        (Some(_), more) => Err(Refusal::Headers(more + 1)),
    }
}

fn has_signed_body(method: &Method) -> bool {
    // The method is signed in lower case, so its case affects neither the signature nor the signed body.
    ["POST", "PUT", "PATCH"].iter().any(|known| method.as_str().eq_ignore_ascii_case(known))
}

/// Checks that every required header is signed.
fn check_signed_set(method: &Method, authorization: &Authorization, with_host: bool) -> Result<(), Refusal> {
    if !authorization.signs("date") && !authorization.signs("x-date") {
        return Err(Refusal::NotSigned("date"));
    }
    let always = if with_host { ["(request-target)", "host"].as_slice() } else { &["(request-target)"] };
    let with_body = ["content-length", "content-type", "x-content-sha256"].as_slice();
    let with_body = if has_signed_body(method) { with_body } else { &[] };
    match always.iter().chain(with_body).find(|name| !authorization.signs(name)) {
        Some(name) => Err(Refusal::NotSigned(name)),
        None => Ok(()),
    }
}

fn check_date(headers: &HeaderMap, authorization: &Authorization, now: Timestamp) -> Result<(), Refusal> {
    // A browser cannot set `date`; a signed `x-date` replaces it.
    let name = if authorization.signs("x-date") { "x-date" } else { "date" };
    let text = value(headers, name)?;
    let date = DateTimeParser::new().parse_timestamp(&text).map_err(|_| Refusal::Date(text))?;
    let skew = date.duration_since(now).as_secs();
    if skew.abs() > SKEW_SECONDS_MAX { Err(Refusal::Skew { sent: date, now }) } else { Ok(()) }
}

fn check_body(request: Presented<'_>) -> Result<(), Refusal> {
    let length = value(request.headers, CONTENT_LENGTH.as_str())?;
    if length.parse() != Ok(request.body.len()) {
        return Err(Refusal::Body("content-length"));
    }
    let hash = STANDARD.encode(digest(&SHA256, request.body));
    if value(request.headers, "x-content-sha256")? == hash {
        Ok(())
    } else {
        Err(Refusal::Body("x-content-sha256"))
    }
}

/// The text that was signed: one line per name, in the order of the names.
fn signing_string(request: Presented<'_>, authorization: &Authorization) -> Result<String, Refusal> {
    let mut text = String::with_capacity(512);
    for name in &authorization.headers {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(name);
        text.push_str(": ");
        match name.as_str() {
            "(request-target)" => {
                text.push_str(&request.method.as_str().to_ascii_lowercase());
                text.push(' ');
                text.push_str(request.uri.path_and_query().map_or("/", |target| target.as_str()));
            }
            // An in-process request may carry its host only in the URI.
            "host" if !request.headers.contains_key(HOST) => match request.uri.authority() {
                Some(authority) => text.push_str(authority.as_str()),
                None => return Err(Refusal::NotSent("host".into())),
            },
            name => text.push_str(&value(request.headers, name)?),
        }
    }
    Ok(text)
}

/// The value of a header; several values are joined as the scheme requires.
fn value(headers: &HeaderMap, name: &str) -> Result<String, Refusal> {
    let mut joined: Option<String> = None;
    for value in headers.get_all(name) {
        let value = value.to_str().map_err(|_| Refusal::NotSent(name.to_owned()))?.trim();
        match &mut joined {
            None => joined = Some(value.to_owned()),
            Some(text) => {
                text.push_str(", ");
                text.push_str(value);
            }
        }
    }
    joined.ok_or_else(|| Refusal::NotSent(name.to_owned()))
}
