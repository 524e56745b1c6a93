//! The services of sign-in: which request goes where, and the renewal of session tokens.

use super::super::auth::{Keys, Presented, PublicKey, verify};
use super::super::faults::Met;
use super::super::odd;
use super::super::region::Region;
use super::super::reply::Reply;
use super::certificates::Leaf;
use super::replies::{invalid, not_verified, refused, token_response};
use super::tokens::Claims;
use super::{exchange, metadata};
use crate::scenario::FaultKind;
use crate::world::{Caller, short_region};
use bytes::Bytes;
use http::Response;
use http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::sync::Arc;

/// The instance that the metadata service describes.
pub(in crate::server) struct Principal {
    pub caller: Caller,
    pub compartment: String,
}

/// Whether a path belongs to one of these services.
pub(in crate::server) fn is_for(path: &str) -> bool {
    is_metadata(path) || AUTH.contains(&path)
}

fn is_metadata(path: &str) -> bool {
    path.starts_with("/opc/")
}

const REFRESH: &str = "/v1/authentication/refresh";
const GENERATE: &str = "/v1/token/upst/actions/GenerateUpst";
const EXCHANGE: &str = "/v1/x509";
const WORKLOAD: &str = "/resourcePrincipalSessionTokens";
const AUTH: [&str; 4] = [REFRESH, GENERATE, EXCHANGE, WORKLOAD];

/// Responds to a request for one of these services.
pub(in crate::server) async fn answer(region: &Region, parts: &Parts, body: &Bytes) -> Reply {
    let now = region.seconds();
    let (met, skew) = {
        let mut state = region.inner.desk.state();
        let faults =
            if is_metadata(parts.uri.path()) { &mut state.metadata_faults } else { &mut state.auth_faults };
        faults.meet_any(now)
    };
    let Met { delay, fault } = met;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    match &fault {
        Some(FaultKind::Hang) => std::future::pending::<()>().await,
        Some(FaultKind::ResetBefore) => return odd::reset(),
        Some(FaultKind::ExpiredCredentials) => return refused().into(),
        Some(fault @ FaultKind::Answer { after_effect: false, .. }) => return odd::answer(fault).into(),
        _ => {}
    }
    let wall = region.inner.clock.wall();
    let skew = SignedDuration::try_from_secs_f64(skew).unwrap_or_default();
    let wall = wall.checked_add(skew).unwrap_or(wall);
    let response = match parts.uri.path() {
        path if is_metadata(path) => metadata::answer(region, parts),
        REFRESH => refresh(region, parts, body, wall),
        GENERATE => generate(region, parts, body, wall),
        WORKLOAD => exchange::workload(region, parts, body, wall),
        _ => exchange::certificate(region, parts, body, wall),
    };
    match &fault {
        Some(fault) if response.status().is_success() => odd::after(fault, response, None),
        _ => response.into(),
    }
}

/// Renews a session token that still lives.
fn refresh(region: &Region, parts: &Parts, body: &Bytes, now: Timestamp) -> Response<Bytes> {
    let presented = Presented { method: &parts.method, uri: &parts.uri, headers: &parts.headers, body };
    let keys = region.keys();
    if let Err(refusal) = verify(presented, &keys, now) {
        return not_verified(&refusal);
    }
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(body) else {
        return invalid("The body is not JSON.");
    };
    let Some(current) = body["currentToken"].as_str() else { return invalid("currentToken is missing.") };
    let named = parts.headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    // The token signs its own renewal.
    let is_own = named.is_some_and(|named| named.contains(&format!("keyId=\"ST${current}\"")));
    let tokens = region.inner.desk.tokens();
    let Some(issued) = tokens.find(current, now).filter(|_| is_own) else { return refused() };
    let settings = &region.inner.desk.settings;
    if now.duration_since(issued.since).as_secs() >= settings.session_seconds {
        return refused();
    }
    let key = match body["newPublicKey"].as_str().map(PublicKey::from_pem) {
        Some(Err(error)) => return invalid(&format!("newPublicKey: {error}")),
        Some(Ok(key)) => key,
        None => issued.key,
    };
    let life = settings.session_token_life_seconds;
    token_response(&region.session_token(&issued.caller, key, life, issued.since, now))
}

/// Issues a session token to the owner of an API key.
fn generate(region: &Region, parts: &Parts, body: &Bytes, now: Timestamp) -> Response<Bytes> {
    let presented = Presented { method: &parts.method, uri: &parts.uri, headers: &parts.headers, body };
    let caller = match verify(presented, &region.keys(), now) {
        Ok(caller) => caller,
        Err(refusal) => return not_verified(&refusal),
    };
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(body) else {
        return invalid("The body is not JSON.");
    };
    let key = match body["publicKey"].as_str().map(PublicKey::from_pem) {
        Some(Ok(key)) => key,
        Some(Err(error)) => return invalid(&format!("publicKey: {error}")),
        None => return invalid("publicKey is missing."),
    };
    let minutes = body["sessionExpirationInMinutes"].as_i64().unwrap_or(60);
    if !(5..=60).contains(&minutes) {
        return invalid("sessionExpirationInMinutes must be between 5 and 60.");
    }
    token_response(&region.session_token(&caller, key, minutes * 60, now, now))
}

/// A token of a resource such as a function.
pub(in crate::server) fn token_of_resource(
    region: &Region,
    caller: &Caller,
    kind: &str,
    compartment: &str,
    key: PublicKey,
) -> String {
    let now = region.inner.clock.wall();
    let claims = Claims {
        caller,
        life_seconds: region.inner.desk.settings.token_life_seconds,
        since: now,
        more: json!({
            "ptype": "resource",
            "ttype": "res_sp",
            "res_id": caller.user,
            "res_type": kind,
            "res_tenant": caller.tenancy,
            "res_compartment": compartment,
        }),
    };
    region.inner.desk.tokens().issue(&claims, key, now)
}

impl Region {
    /// Issues a session token, as if its owner had just logged in with a browser.
    pub fn log_in(&self, caller: &Caller, key: PublicKey) -> String {
        let now = self.inner.clock.wall();
        self.session_token(caller, key, self.inner.desk.settings.session_token_life_seconds, now, now)
    }

    /// Accepts a session token that somebody else issued, and renews it.
    pub fn accept_token(&self, token: &str, caller: Caller, key: PublicKey, expires: Timestamp) {
        self.inner.desk.tokens().accept(token, caller, key, self.inner.clock.wall(), expires);
    }

    /// Signs tokens and certificates with this private key in PEM form.
    pub(in crate::server) fn sign_with(&self, pem: &str) {
        self.inner.desk.tokens().sign_with(pem);
    }

    fn session_token(
        &self,
        caller: &Caller,
        key: PublicKey,
        life_seconds: i64,
        since: Timestamp,
        now: Timestamp,
    ) -> String {
        let claims = Claims { caller, life_seconds, since, more: json!({"ttype": "login", "ptype": "user"}) };
        self.inner.desk.tokens().issue(&claims, key, now)
    }

    /// How many tokens the region has issued.
    pub fn tokens_issued(&self) -> u64 {
        self.inner.desk.tokens().issued()
    }

    /// Makes all tokens that were issued until now stop working.
    pub fn revoke_tokens(&self) {
        self.inner.desk.tokens().revoke_until(self.inner.clock.wall());
    }

    /// The keys and tokens that the region accepts. IssuedTokens whose time to be revoked has come are revoked first.
    pub(in crate::server) fn keys(&self) -> Keys {
        let tokens = self.inner.desk.tokens();
        let seconds = self.seconds();
        let wall = self.inner.clock.wall();
        for at in self.inner.desk.settings.revoke_at_seconds.iter().filter(|at| **at <= seconds) {
            let ago = SignedDuration::try_from_secs_f64(seconds - at).unwrap_or_default();
            tokens.revoke_until(wall.checked_sub(ago).unwrap_or(wall));
        }
        self.inner.keys.with(tokens)
    }

    /// The instance whose certificate the metadata service has.
    pub(in crate::server) fn principal(&self) -> Principal {
        let world = self.world();
        let (tenancy, compartment) = (world.defaults().tenancy, world.network_compartment());
        let region = short_region(&world.settings().region).to_owned();
        drop(world);
        let user = format!("ocid1.instance.oc1.{region}.simulatedprincipal");
        Principal { caller: Caller { tenancy, user }, compartment }
    }

    /// The certificate that the metadata service has now.
    pub(super) fn leaf(&self) -> Option<Arc<Leaf>> {
        let every = self.inner.desk.settings.certificate_rotates_every_seconds;
        let number = every.map_or(0, |every| (self.seconds() / every) as u64);
        let principal = self.principal();
        let authority = self.inner.desk.tokens().authority();
        let mut state = self.inner.desk.state();
        if let Some((_, leaf)) = state.leaves.iter().find(|(known, _)| *known == number) {
            return Some(Arc::clone(leaf));
        }
        let units = [
            "opc-certtype:instance".to_owned(),
            format!("opc-compartment:{}", principal.compartment),
            format!("opc-instance:{}", principal.caller.user),
            format!("opc-tenant:{}", principal.caller.tenancy),
        ];
        let leaf = Arc::new(Leaf::issue(&authority, &units, self.inner.clock.wall(), number)?);
        state.leaves.push((number, Arc::clone(&leaf)));
        Some(leaf)
    }

    /// The certificates that were issued so far.
    pub(super) fn leaves(&self) -> Vec<Arc<Leaf>> {
        self.inner.desk.state().leaves.iter().map(|(_, leaf)| Arc::clone(leaf)).collect()
    }
}
