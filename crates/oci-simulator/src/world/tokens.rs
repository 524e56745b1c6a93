//! Retry tokens: for a day, the same token with the same request refers to what the first request created (Oracle: "Retry
//! Tokens").

use super::api::{ApiError, ApiRequest};
use super::chance::{hash_bytes, mix};
use super::error;
use super::ids::Id;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// The resource to which a token is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Bound {
    /// Hash of the request that bound it: path, query and body.
    request: u64,
    made: Id,
    /// The work request that the first response named.
    #[serde(default)]
    work: Option<u32>,
}

/// The tokens that are remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tokens {
    #[serde(with = "super::pairs")]
    bound: BTreeMap<(String, Box<str>), Bound>,
    oldest_first: VecDeque<(Timestamp, String, Box<str>)>,
}

impl Tokens {
    /// The resource to which the request's token is already bound, if any, with the work request that the first response named.
    ///
    /// # Errors
    /// When the token was used with a different request before.
    pub fn bound_to(&self, request: &ApiRequest) -> Result<Option<(Id, Option<u32>)>, ApiError> {
        let Some(token) = token_of(request) else { return Ok(None) };
        let key = (request.operation.name().to_owned(), token.into());
        match self.bound.get(&key) {
            None => Ok(None),
            Some(bound) if bound.request == fingerprint(request) => Ok(Some((bound.made, bound.work))),
            Some(_) => Err(error::invalidated_token("The retry token was used with a different request.")),
        }
    }

    /// Binds the request's token, if it has one, to what the request created; returns whether it did. Only a request that took
    /// effect binds its token: a refused request may be repeated with the same token.
    pub fn bind(&mut self, request: &ApiRequest, made: Id, work: Option<u32>, expires: Timestamp) -> bool {
        let Some(token) = token_of(request) else { return false };
        let operation = request.operation.name().to_owned();
        let bound = Bound { request: fingerprint(request), made, work };
        self.bound.insert((operation.clone(), token.into()), bound);
        self.oldest_first.push_back((expires, operation, token.into()));
        true
    }

    /// Forgets the token that expires first.
    pub fn forget_oldest(&mut self) {
        if let Some((_, operation, token)) = self.oldest_first.pop_front() {
            self.bound.remove(&(operation, token));
        }
    }

    /// Checks that every remembered token will be forgotten.
    pub fn check(&self) -> Result<(), String> {
        let (bound, expiring) = (self.bound.len(), self.oldest_first.len());
        if bound == expiring {
            Ok(())
        } else {
            Err(format!("{bound} retry tokens are bound, {expiring} expire"))
        }
    }
}

fn fingerprint(request: &ApiRequest) -> u64 {
    let mut hash = request.body_hash;
    for (name, value) in request.path.iter().chain(&request.query) {
        hash = mix(hash ^ hash_bytes(name.as_bytes())) ^ hash_bytes(value.as_bytes());
    }
    hash
}

/// The request's retry token, if its operation takes one.
fn token_of(request: &ApiRequest) -> Option<&str> {
    request.retry_token.as_deref().filter(|_| request.operation.info().retry_token)
}
