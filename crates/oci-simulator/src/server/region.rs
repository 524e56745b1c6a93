//! The simulated region as one handle: the world behind a lock, and the checks between it and its callers.

use super::auth::{Keys, PublicKey};
use super::clock::SimClock;
use super::faults::Faults;
use super::stats::{Counters, Stats};
use super::throttle::Throttle;
use crate::scenario::{FaultRule, Latency, Scenario, Signatures};
use crate::world::chance::Chance;
use crate::world::{Caller, Event, Known, World};
use http::HeaderValue;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
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
    /// The caller when signatures are not checked and the request names none.
    pub anonymous: Mutex<Caller>,
    pub counters: Counters,
    /// What every answer says about the region, so that nobody takes it for a real one.
    pub label: OnceLock<HeaderValue>,
    /// How many times simulated time was moved forward.
    advanced: AtomicU64,
    world: Mutex<World>,
    gate: Mutex<Gate>,
}

/// The state that decides about a request before the world does.
pub(super) struct Gate {
    pub throttle: Throttle,
    pub faults: Faults,
    pub latency_chance: Chance,
    pub id_chance: Chance,
}

impl Region {
    /// A region in which nothing has happened yet. Its time starts where the clock is.
    pub fn new(scenario: &Scenario, seed: u64, clock: Arc<dyn SimClock>) -> Self {
        let world = World::new(scenario.world.clone(), seed, clock.now());
        Self::with_world(world, scenario, seed, clock)
    }

    /// A region with a world that was saved.
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
            label: OnceLock::new(),
            advanced: AtomicU64::new(0),
            world: Mutex::new(world),
            gate: Mutex::new(gate),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Makes a resource exist under an OCID that somebody else chose.
    ///
    /// # Errors
    /// As [`World::register`].
    pub fn register(&self, known: &Known) -> Result<(), String> {
        self.world().register(known)
    }

    /// Has every answer name the scenario and the speed, in the header [`oci_api::SIMULATED_REGION`].
    pub(super) fn label(&self, scenario: &str, speed: f64) {
        // A file may be named in any way; a header takes visible ASCII only.
        let name: String =
            scenario.chars().map(|c| if c.is_ascii_graphic() && c != ';' { c } else { '_' }).collect();
        if let Ok(label) = HeaderValue::try_from(format!("{name}; speed={speed}")) {
            // The first label stays: a region is started once.
            let _ = self.inner.label.set(label);
        }
    }

    /// Makes an API key known; requests name it as `tenancy/user/fingerprint`.
    pub fn add_key(&self, caller: Caller, key: PublicKey) {
        self.inner.keys.add(caller, key);
    }

    /// Makes a session token known; requests name it as `ST$token` and are signed with this key.
    pub fn add_session_token(&self, token: &str, caller: Caller, key: PublicKey) {
        self.inner.keys.add_as(format!("ST${token}"), caller, key);
    }

    /// Sets the caller of requests that name no key, for regions that do not check signatures.
    pub fn set_anonymous_caller(&self, caller: Caller) {
        *self.inner.anonymous.lock().unwrap_or_else(PoisonError::into_inner) = caller;
    }

    /// Counts of requests and of instances.
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

    /// The events from this number on, oldest first, at most `most` of them.
    pub fn events(&self, since: u64, most: usize) -> Vec<Event> {
        self.world().events(since).take(most).collect()
    }

    /// Moves simulated time forward.
    pub fn advance(&self, by: Duration) {
        self.inner.clock.advance(by);
        self.inner.advanced.fetch_add(1, Ordering::Relaxed);
        drop(self.world());
    }

    /// A value that changes with everything worth saving: requests, events and leaps of time, but not with time that
    /// merely passes.
    pub(super) fn changes(&self) -> (u64, u64, u64) {
        let requests = self.inner.counters.stats().requests;
        (requests, self.world().event_count(), self.inner.advanced.load(Ordering::Relaxed))
    }

    /// Replaces all fault rules by these, whose times count from now.
    pub fn replace_faults(&self, rules: &[FaultRule]) {
        let now = self.seconds();
        self.gate().faults.replace(rules, now);
    }

    /// Adds fault rules, whose times count from now.
    pub fn add_faults(&self, rules: &[FaultRule]) {
        let now = self.seconds();
        self.gate().faults.add(rules, now);
    }

    /// The fault rules in force.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.gate().faults.rules()
    }

    /// Locks the world and advances it to the time of the clock. Do not wait for anything while you hold it.
    pub fn world(&self) -> MutexGuard<'_, World> {
        // A panic in the world would be a bug, and must not take the whole server down.
        let mut world = self.inner.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance_to(self.inner.clock.now());
        world
    }

    pub(super) fn gate(&self) -> MutexGuard<'_, Gate> {
        self.inner.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seconds since the region began, in real time (the caller's).
    pub(super) fn seconds(&self) -> f64 {
        self.inner.clock.elapsed().as_secs_f64()
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Region").field("signatures", &self.inner.signatures).finish_non_exhaustive()
    }
}
