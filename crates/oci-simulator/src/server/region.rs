//! A handle to the simulated region: the world behind a lock, and the checks between it and its callers.

use super::auth::{Keys, PublicKey};
use super::clock::SimClock;
use super::faults::Faults;
use super::kept::Snapshots;
use super::sign_in::desk::Desk;
use super::stats::{Counters, Stats};
use super::throttle::Throttle;
use crate::scenario::{FaultRule, Latency, Scenario, Signatures, UnknownFields};
use crate::world::chance::{Chance, mix};
use crate::world::{Caller, Event, Known, World};
use http::HeaderValue;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

/// A simulated region. Cloning is cheap, and all clones are the same region.
#[derive(Clone)]
pub struct Region {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub clock: Arc<dyn SimClock>,
    pub signatures: Signatures,
    pub unknown_fields: UnknownFields,
    pub latency: Latency,
    pub keys: Keys,
    /// Signs in callers without an API key.
    pub desk: Desk,
    /// The caller when signatures are not checked and the request names nobody.
    pub anonymous: Mutex<Caller>,
    pub counters: Counters,
    /// The label that every response carries, so that nobody takes the region for a real one.
    pub label: OnceLock<HeaderValue>,
    /// How many times simulated time was advanced explicitly.
    advanced: AtomicU64,
    world: Mutex<World>,
    snapshots: Mutex<Snapshots>,
    gate: Mutex<Gate>,
    /// The regions of the tenancy, its home region first; empty if there is only one.
    tenancy: Mutex<Vec<Weak<Inner>>>,
}

/// The state that decides about a request before the world does.
pub(super) struct Gate {
    pub throttle: Throttle,
    pub faults: Faults,
    pub latency_chance: Chance,
    pub id_chance: Chance,
}

impl Region {
    /// A fresh region whose time starts at the clock's time.
    pub fn new(scenario: &Scenario, seed: u64, clock: Arc<dyn SimClock>) -> Self {
        let world = World::new(scenario.world.clone(), seed, clock.now());
        Self::with_world(world, scenario, seed, clock)
    }

    /// All regions of a scenario's tenancy, the home region first, with one clock. Their histories do not depend on each other.
    pub fn all(scenario: &Scenario, seed: u64, clock: &Arc<dyn SimClock>) -> Vec<Self> {
        let mut all = vec![Self::new(scenario, seed, Arc::clone(clock))];
        all.extend(
            (1..)
                .zip(scenario.further())
                .map(|(at, further)| Self::new(&further, further_seed(seed, at), Arc::clone(clock))),
        );
        Self::make_one_tenancy(&all);
        all
    }

    /// Gives the regions the tenancy, the users and the compartments of the first one.
    pub(super) fn make_one_tenancy(all: &[Self]) {
        let [home, further @ ..] = all else { return };
        if further.is_empty() {
            return;
        }
        let names: Vec<String> = all.iter().map(|region| region.world().settings().region.clone()).collect();
        home.world().subscribe(&names);
        for region in all {
            let mut tenancy = region.inner.tenancy.lock().unwrap_or_else(PoisonError::into_inner);
            *tenancy = all.iter().map(|region| Arc::downgrade(&region.inner)).collect();
        }
        for region in further {
            region.inner.desk.share(&home.inner.desk);
            let of_home = home.world();
            let mut world = region.world();
            world.join_tenancy(&of_home);
            world.subscribe(&names);
        }
    }

    fn tenancy(&self) -> Vec<Self> {
        let tenancy = self.inner.tenancy.lock().unwrap_or_else(PoisonError::into_inner);
        tenancy.iter().filter_map(Weak::upgrade).map(|inner| Self { inner }).collect()
    }

    /// The home region of the tenancy.
    pub(super) fn home(&self) -> Self {
        self.tenancy().into_iter().next().unwrap_or_else(|| self.clone())
    }

    /// The regions of the tenancy other than its home region.
    pub(super) fn further(&self) -> Vec<Self> {
        self.tenancy().into_iter().skip(1).collect()
    }

    /// A region with a saved world.
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
            unknown_fields: scenario.unknown_fields,
            latency: scenario.latency,
            keys: Keys::default(),
            desk: Desk::new(&scenario.sign_in, seed),
            anonymous: Mutex::default(),
            counters: Counters::default(),
            label: OnceLock::new(),
            advanced: AtomicU64::new(0),
            world: Mutex::new(world),
            snapshots: Mutex::default(),
            gate: Mutex::new(gate),
            tenancy: Mutex::default(),
        };
        let region = Self { inner: Arc::new(inner) };
        region.world().give_policies(scenario.policies.as_ref(), true);
        let access = region.world().access().map(Arc::new);
        region.inner.desk.policies().replace(access);
        region
    }

    /// Registers a resource under an OCID that the caller chose.
    ///
    /// # Errors
    /// As for [`World::register`].
    pub fn register(&self, known: &Known) -> Result<(), String> {
        self.world().register(known)
    }

    /// Makes every response name the scenario and the speed in the header [`oci_api::SIMULATED_REGION`].
    pub(super) fn label(&self, scenario: &str, speed: f64) {
        // A file name can contain any character, but a header only visible ASCII.
        let name: String =
            scenario.chars().map(|c| if c.is_ascii_graphic() && c != ';' { c } else { '_' }).collect();
        if let Ok(label) = HeaderValue::try_from(format!("{name}; speed={speed}")) {
            // The first label stays, because a region is started once.
            let _ = self.inner.label.set(label);
        }
    }

    /// Registers an API key; requests name it as `tenancy/user/fingerprint`.
    pub fn add_key(&self, caller: Caller, key: PublicKey) {
        self.inner.keys.add(caller, key);
    }

    /// Registers a session token; requests name it as `ST$token` and are signed with this key.
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

    /// At most `most` events starting with this number, oldest first.
    pub fn events(&self, since: u64, most: usize) -> Vec<Event> {
        self.world().events(since).take(most).collect()
    }

    /// Advances simulated time.
    pub fn advance(&self, by: Duration) {
        self.inner.clock.advance(by);
        self.inner.advanced.fetch_add(1, Ordering::Relaxed);
        drop(self.world());
    }

    /// A value that changes with everything worth saving: requests, events and explicit advances, but not with time that merely
    /// passes.
    pub(super) fn changes(&self) -> (u64, u64, u64) {
        let requests = self.inner.counters.stats().requests;
        (requests, self.world().event_count(), self.inner.advanced.load(Ordering::Relaxed))
    }

    /// Replaces all fault rules by these, whose times start now.
    pub fn replace_faults(&self, rules: &[FaultRule]) {
        let now = self.seconds();
        self.gate().faults.replace(rules, now);
    }

    /// Adds fault rules, whose times start now.
    pub fn add_faults(&self, rules: &[FaultRule]) {
        let now = self.seconds();
        self.gate().faults.add(rules, now);
    }

    /// The fault rules in force.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.gate().faults.rules()
    }

    /// Locks the world and advances it to the clock's time. Do not wait for anything while you hold the lock.
    pub fn world(&self) -> MutexGuard<'_, World> {
        // A panic in the world is a bug, but must not stop the whole server.
        let mut world = self.inner.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance_to(self.inner.clock.now());
        world
    }

    /// Puts another world in place, whose time is then that of the clock.
    pub(super) fn replace_world(&self, other: World, now: jiff::Timestamp) {
        let mut world = self.inner.world.lock().unwrap_or_else(PoisonError::into_inner);
        self.inner.clock.set(now);
        *world = other;
        self.inner.advanced.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn snapshots(&self) -> MutexGuard<'_, Snapshots> {
        self.inner.snapshots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn gate(&self) -> MutexGuard<'_, Gate> {
        self.inner.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seconds since the region began, in real time (the caller's).
    pub(super) fn seconds(&self) -> f64 {
        self.inner.clock.elapsed().as_secs_f64()
    }
}

/// The seed of a further region: another one for each, so that no OCID exists in two regions.
pub(super) fn further_seed(seed: u64, at: u64) -> u64 {
    mix(seed ^ mix(at))
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Region").field("signatures", &self.inner.signatures).finish_non_exhaustive()
    }
}
