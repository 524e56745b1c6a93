//! The simulated region as one handle: the world behind a lock, and what stands between it and its callers.

use super::auth::{Keys, PublicKey};
use super::clock::SimClock;
use super::exchange;
use super::faults::Faults;
use super::reply::{ConnectionReset, Ending, Reply};
use super::stats::{Counters, Stats};
use super::throttle::Throttle;
use crate::scenario::{FaultRule, Latency, Scenario, Signatures};
use crate::world::chance::Chance;
use crate::world::{Caller, Event, Known, World};
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A simulated region. Cheap to clone: all clones are the same region.
#[derive(Clone)]
pub struct Region {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub clock: Arc<dyn SimClock>,
    pub signatures: Signatures,
    pub latency: Latency,
    pub keys: Keys,
    /// Who asks when signatures are not checked and the request does not say.
    pub anonymous: Mutex<Caller>,
    pub counters: Counters,
    /// How often time was moved forward.
    advanced: AtomicU64,
    world: Mutex<World>,
    gate: Mutex<Gate>,
}

/// What decides about a request before the world does.
pub(super) struct Gate {
    pub throttle: Throttle,
    pub faults: Faults,
    pub latency_chance: Chance,
    pub id_chance: Chance,
}

/// What a caller inside the process gets in place of an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// The connection was cut before anything of the answer arrived.
    #[error("the connection was closed before an answer came")]
    BeforeAnswer,
    /// The connection was cut in the middle of the body.
    #[error("the connection was closed after {} bytes of the answer", received.len())]
    InBody {
        /// The status that had arrived.
        status: u16,
        /// The bytes that had arrived.
        received: Bytes,
    },
}

impl Region {
    /// A region in which nothing has happened yet. Its time starts where the clock is.
    pub fn new(scenario: &Scenario, seed: u64, clock: Arc<dyn SimClock>) -> Self {
        let world = World::new(scenario.world.clone(), seed, clock.now());
        Self::with_world(world, scenario, seed, clock)
    }

    /// A region whose world was saved.
    pub fn with_world(world: World, scenario: &Scenario, seed: u64, clock: Arc<dyn SimClock>) -> Self {
        let gate = Gate {
            throttle: Throttle::new(&scenario.throttle),
            faults: Faults::new(seed, &scenario.faults),
            latency_chance: Chance::new(seed, "latency"),
            id_chance: Chance::new(seed, "request id"),
        };
        let inner = Inner {
            clock,
            signatures: scenario.signatures,
            latency: scenario.latency,
            keys: Keys::default(),
            anonymous: Mutex::default(),
            counters: Counters::default(),
            advanced: AtomicU64::new(0),
            world: Mutex::new(world),
            gate: Mutex::new(gate),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Makes a resource exist under an OCID that someone else chose.
    pub fn register(&self, known: &Known) -> Result<(), String> {
        self.world().register(known)
    }

    /// Makes an API key known; requests name it as `tenancy/user/fingerprint`.
    pub fn add_key(&self, caller: Caller, key: PublicKey) {
        self.inner.keys.add(caller, key);
    }

    /// Makes a session token known; requests name it as `ST$token` and are signed with this key.
    pub fn add_session_token(&self, token: &str, caller: Caller, key: PublicKey) {
        self.inner.keys.add_as(format!("ST${token}"), caller, key);
    }

    /// Says who asks when signatures are not checked and a request names no key.
    pub fn set_anonymous_caller(&self, caller: Caller) {
        *self.inner.anonymous.lock().unwrap_or_else(PoisonError::into_inner) = caller;
    }

    /// The region as an axum router: usable in this process without sockets, tasks or real time.
    ///
    /// An answer that must not arrive carries the extension [`ConnectionReset`], and its body gives an error.
    pub fn router(&self) -> Router {
        super::router::router(self.clone())
    }

    /// Answers one request in this process, cut connections included.
    pub async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Dropped> {
        let (parts, body) = request.into_parts();
        let Reply { response, ending } = exchange::answer(self, &parts, body).await;
        match ending {
            Ending::Whole => Ok(response),
            Ending::Reset => Err(Dropped::BeforeAnswer),
            Ending::CutAfter(bytes) => Err(Dropped::InBody {
                status: response.status().as_u16(),
                received: response.body().slice(..bytes.min(response.body().len())),
            }),
        }
    }

    /// Counts of requests and instances.
    pub fn stats(&self) -> Stats {
        let mut stats = self.inner.counters.stats();
        let world = self.world();
        stats.simulated_time = world.now().to_string();
        stats.instances = world
            .instance_counts()
            .into_iter()
            .map(|(state, count)| (state.as_str().to_owned(), count as u64))
            .collect();
        stats
    }

    /// The world's events from this number on, at most so many.
    pub fn events(&self, since: u64, most: usize) -> Vec<Event> {
        self.world().events(since).take(most).collect()
    }

    /// Moves simulated time forward.
    pub fn advance(&self, by: Duration) {
        self.inner.clock.advance(by);
        self.inner.advanced.fetch_add(1, Ordering::Relaxed);
        drop(self.world());
    }

    /// Changes with everything that a saved world should have: requests, events, and leaps of time, but not with time
    /// that merely goes by.
    pub(super) fn changes(&self) -> (u64, u64, u64) {
        let requests = self.inner.counters.stats().requests;
        (requests, self.world().event_count(), self.inner.advanced.load(Ordering::Relaxed))
    }

    /// Puts fault rules in place of all others.
    pub fn replace_faults(&self, rules: &[FaultRule]) {
        let now = self.seconds();
        self.gate().faults.replace(rules, now);
    }

    /// Adds fault rules.
    pub fn add_faults(&self, rules: &[FaultRule]) {
        let now = self.seconds();
        self.gate().faults.add(rules, now);
    }

    /// The fault rules in force.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.gate().faults.rules()
    }

    /// The world, brought up to the clock's time, while nobody else can touch it. Do not wait while holding it.
    pub fn world(&self) -> MutexGuard<'_, World> {
        // A panic in the world, which would be a bug of ours, must not take the whole server down with it.
        let mut world = self.inner.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance_to(self.inner.clock.now());
        world
    }

    pub(super) fn gate(&self) -> MutexGuard<'_, Gate> {
        self.inner.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seconds since the region began, in the caller's time.
    pub(super) fn seconds(&self) -> f64 {
        self.inner.clock.elapsed().as_secs_f64()
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Region").field("signatures", &self.inner.signatures).finish_non_exhaustive()
    }
}

/// An answer as axum sends it.
pub(super) fn into_axum(reply: Reply) -> Response<Body> {
    let Reply { response, ending } = reply;
    match ending {
        Ending::Whole => response.map(Body::from),
        Ending::Reset => {
            let mut response = response.map(|_| Body::new(super::cut::CutBody::new(Bytes::new())));
            response.extensions_mut().insert(ConnectionReset);
            response
        }
        Ending::CutAfter(bytes) => {
            let whole = response.body().len();
            let mut response =
                response.map(|body| Body::new(super::cut::CutBody::new(body.slice(..bytes.min(body.len())))));
            response.headers_mut().insert(http::header::CONTENT_LENGTH, whole.into());
            response
        }
    }
}
