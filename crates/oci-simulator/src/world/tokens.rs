//! Retry tokens: for a day, the same token with the same request stands for what the first one made.

use super::World;
use super::api::{ApiError, ApiRequest};
use super::chance::{hash_bytes, mix};
use super::error;
use super::ids::{Id, Kind};
use super::schedule::Task;
use super::time::seconds;
use jiff::Timestamp;
use oci_api::Operation;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// What a token is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Bound {
    /// Hash of the request that bound it: path, query and body.
    request: u64,
    made: Id,
    /// The work request that the first answer named.
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
    /// Every token that is remembered will be forgotten.
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

fn takes_token(operation: Operation) -> bool {
    operation.info().retry_token
}

impl World {
    /// What the request's token stands for already, if anything, with the work request of the first answer.
    pub(super) fn bound_to(&self, request: &ApiRequest) -> Result<Option<(Id, Option<u32>)>, ApiError> {
        let Some(token) = request.retry_token.as_deref().filter(|_| takes_token(request.operation)) else {
            return Ok(None);
        };
        let key = (request.operation.name().to_owned(), token.into());
        match self.tokens.bound.get(&key) {
            None => Ok(None),
            Some(bound) if bound.request == fingerprint(request) => Ok(Some((bound.made, bound.work))),
            Some(_) => Err(error::invalidated_token("The retry token was used with a different request.")),
        }
    }

    /// Binds the request's token to what the request made. Only a request that took effect does so, thus one that was
    /// refused may be sent again with the same token.
    pub(super) fn bind(&mut self, request: &ApiRequest, made: Id, work: Option<&str>) {
        let Some(token) = request.retry_token.as_deref().filter(|_| takes_token(request.operation)) else {
            return;
        };
        let operation = request.operation.name().to_owned();
        let expires = self.now + seconds(self.settings.retry_token_hours * 3600.0);
        let work = work.and_then(|ocid| self.ids.number(Kind::WorkRequest, ocid));
        let bound = Bound { request: fingerprint(request), made, work };
        self.tokens.bound.insert((operation.clone(), token.into()), bound);
        self.tokens.oldest_first.push_back((expires, operation, token.into()));
        self.schedule.at(expires, Task::ForgetToken);
    }

    pub(super) fn forget_oldest_token(&mut self) {
        if let Some((_, operation, token)) = self.tokens.oldest_first.pop_front() {
            self.tokens.bound.remove(&(operation, token));
        }
    }
}
