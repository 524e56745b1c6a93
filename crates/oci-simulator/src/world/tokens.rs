//! Retry tokens: for a day, the same token with the same request refers to what the first request created (Oracle: "Retry
//! Tokens").

use super::api::{ApiError, ApiRequest};
use super::chance::{hash_bytes, mix};
use super::error;
use super::ids::Id;
use jiff::Timestamp;
use oci_api::Operation;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

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

/// The operation that took a token, and the token, whose text both collections share.
type Key = (Operation, Arc<str>);

/// The tokens that are remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Saved")]
pub(super) struct Tokens {
    bound: BTreeMap<Key, Bound>,
    /// By the time when they are forgotten.
    oldest_first: VecDeque<(Timestamp, Key)>,
    /// When the next task that forgets tokens is due. There is one for all of them.
    due: Option<Timestamp>,
}

/// The form in a saved region.
#[derive(Deserialize)]
struct Saved {
    bound: Vec<((String, Box<str>), Bound)>,
    oldest_first: Vec<(Timestamp, String, Box<str>)>,
    /// Absent where each token has a task of its own, as up to version 0.2.
    #[serde(default)]
    due: Option<Timestamp>,
}

impl From<Saved> for Tokens {
    fn from(saved: Saved) -> Self {
        let key = |operation: &str, token: Box<str>| Some((Operation::by_name(operation)?, Arc::from(token)));
        let bound = saved.bound.into_iter();
        let bound: BTreeMap<Key, Bound> =
            bound.filter_map(|((operation, token), bound)| Some((key(&operation, token)?, bound))).collect();
        let oldest_first = saved.oldest_first.into_iter().filter_map(|(expires, operation, token)| {
            let (key, _) = bound.get_key_value(&key(&operation, token)?)?;
            Some((expires, key.clone()))
        });
        Self { oldest_first: oldest_first.collect(), due: saved.due, bound }
    }
}

impl Serialize for Tokens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Borrowed<'a> {
            bound: Vec<((&'a str, &'a str), &'a Bound)>,
            oldest_first: Vec<(Timestamp, &'a str, &'a str)>,
            #[serde(skip_serializing_if = "Option::is_none")]
            due: Option<Timestamp>,
        }
        let bound =
            self.bound.iter().map(|((operation, token), bound)| ((operation.name(), &**token), bound));
        // By the operation's name, which does not depend on how many operations this build knows.
        let mut bound: Vec<_> = bound.collect();
        bound.sort_unstable_by_key(|(key, _)| *key);
        let oldest_first = self.oldest_first.iter();
        let oldest_first =
            oldest_first.map(|(expires, (operation, token))| (*expires, operation.name(), &**token));
        Borrowed { bound, oldest_first: oldest_first.collect(), due: self.due }.serialize(serializer)
    }
}

impl Tokens {
    /// The resource to which the request's token is already bound, if any, with the work request that the first response named.
    ///
    /// # Errors
    /// When the token was used with a different request before.
    pub fn bound_to(&self, request: &ApiRequest) -> Result<Option<(Id, Option<u32>)>, ApiError> {
        let Some(token) = token_of(request) else { return Ok(None) };
        match self.bound.get(&(request.operation, token.into())) {
            None => Ok(None),
            Some(bound) if bound.request == fingerprint(request) => Ok(Some((bound.made, bound.work))),
            Some(_) => Err(error::invalidated_token("The retry token was used with a different request.")),
        }
    }

    /// Binds the request's token, if it has one, to what the request created. Only a request that took effect binds its token:
    /// a refused request may be repeated with the same token. Returns when to call [`Self::forget_due`], if that is not
    /// scheduled yet.
    pub fn bind(
        &mut self,
        request: &ApiRequest,
        made: Id,
        work: Option<u32>,
        expires: Timestamp,
    ) -> Option<Timestamp> {
        let key: Key = (request.operation, token_of(request)?.into());
        self.bound.insert(key.clone(), Bound { request: fingerprint(request), made, work });
        let at = self.oldest_first.partition_point(|(other, _)| *other <= expires);
        self.oldest_first.insert(at, (expires, key));
        if self.due.is_some_and(|due| due <= expires) {
            return None;
        }
        self.due = Some(expires);
        self.due
    }

    /// Forgets the tokens that have expired. Returns when to call it again.
    pub fn forget_due(&mut self, now: Timestamp) -> Option<Timestamp> {
        while let Some((_, key)) = self.oldest_first.pop_front_if(|(expires, _)| *expires <= now) {
            self.bound.remove(&key);
        }
        if self.due.is_some_and(|due| due > now) {
            return None;
        }
        self.due = self.oldest_first.front().map(|(expires, _)| *expires);
        self.due
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
