//! Decides when the next request of a kind may leave. Knows tokio's time and nothing of what the requests do.
//!
//! OCI publishes no rate limits; they are per user and per tenancy, and launches have far lower ones than reads. So each
//! class has a token bucket whose rate is found while running: it goes up with every success, halves on a refusal, and
//! a refusal of a request that left before the last cut changes nothing, since it tells of the same overload.

use oci_client::{Failure, FailureClass};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// Launches a second at the start. Users who send about one a second from free tenancies are refused often, and
/// paid ones seem to be allowed several: this is a guess that a single refusal corrects.
pub const DEFAULT_RATE: f64 = 5.0;
/// Other writes a second at the start.
const DEFAULT_WRITE_RATE: f64 = 5.0;
/// Reads a second at the start.
const DEFAULT_READ_RATE: f64 = 10.0;
/// No rate goes above this, a second, unless the caller asks for it.
const HIGHEST_RATE: f64 = 500.0;
/// No rate goes below this, a second: free tenancies have been seen to refuse for a minute or more.
const LOWEST_RATE: f64 = 1.0 / 30.0;
/// How many requests may leave at once after a pause.
const BURST: f64 = 5.0;
/// Added to the rate by each success before the first refusal: doubles it in about 3.5 s.
const PROBE_STEP: f64 = 0.2;
/// Added to the rate by a second's worth of successes after a refusal.
const STEP: f64 = 0.5;
/// A change of the rate is told when it is at least this factor.
const TOLD: f64 = 1.25;

/// Kinds of request that the service limits apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Launches.
    Launch,
    /// Other changes.
    Write,
    /// Reads.
    Read,
}

impl Class {
    /// Its name in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Write => "write",
            Self::Read => "read",
        }
    }
}

/// Leave for one request.
#[derive(Clone, Copy, Debug)]
#[must_use = "tell the pacer what became of the request"]
pub struct Permit {
    class: Class,
    at: Instant,
}

/// A rate that is worth telling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PaceChange {
    /// The class.
    pub class: Class,
    /// Requests a second.
    pub rate: f64,
    /// Why: `throttled` or `probe`.
    pub reason: &'static str,
}

/// Paces the requests of one process.
#[derive(Debug)]
pub struct Pacer {
    launch: Lane,
    write: Lane,
    read: Lane,
}

impl Pacer {
    /// A pacer whose launches never exceed `rate` a second, if given.
    pub fn new(rate: Option<f64>, seed: u64) -> Self {
        Self {
            launch: Lane::new(DEFAULT_RATE, rate.unwrap_or(HIGHEST_RATE), seed),
            write: Lane::new(DEFAULT_WRITE_RATE, HIGHEST_RATE, seed.wrapping_add(1)),
            read: Lane::new(DEFAULT_READ_RATE, HIGHEST_RATE, seed.wrapping_add(2)),
        }
    }

    /// Waits until a request of this class may leave. First come, first served; giving up the wait costs nothing.
    pub async fn admit(&self, class: Class) -> Permit {
        let lane = self.lane(class);
        let _head = lane.head.lock().await;
        loop {
            let changed = lane.changed.notified();
            let now = Instant::now();
            let Some(wait) = lane.lock().take(now) else {
                return Permit { class, at: now };
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = changed => {}
            }
        }
    }

    /// The request was refused for too many requests. `retry_after` is what the service asked for, if it did.
    pub fn on_throttled(&self, permit: &Permit, retry_after: Option<Duration>) -> Option<PaceChange> {
        let lane = self.lane(permit.class);
        let told = lane.lock().throttled(permit.at, Instant::now(), retry_after);
        lane.changed.notify_waiters();
        told.map(|rate| PaceChange { class: permit.class, rate, reason: "throttled" })
    }

    /// The request was not refused for too many requests, whatever else became of it.
    pub fn on_success(&self, permit: &Permit) -> Option<PaceChange> {
        let told = self.lane(permit.class).lock().succeeded();
        told.map(|rate| PaceChange { class: permit.class, rate, reason: "probe" })
    }

    /// What became of a read; its pace is not told, since no run waits long for one.
    pub fn on_read(&self, permit: &Permit, failure: Option<&Failure>) {
        match failure {
            Some(failure) if failure.class == FailureClass::Throttled => {
                self.on_throttled(permit, failure.retry_after);
            }
            _ => {
                self.on_success(permit);
            }
        }
    }

    /// The rate of a class now, a second.
    pub fn rate(&self, class: Class) -> f64 {
        self.lane(class).lock().rate
    }

    fn lane(&self, class: Class) -> &Lane {
        match class {
            Class::Launch => &self.launch,
            Class::Write => &self.write,
            Class::Read => &self.read,
        }
    }
}

/// One class: those who wait, in order, and the bucket that the first of them looks at.
#[derive(Debug)]
struct Lane {
    head: tokio::sync::Mutex<()>,
    changed: Notify,
    bucket: Mutex<Bucket>,
}

impl Lane {
    fn new(rate: f64, cap: f64, seed: u64) -> Self {
        let cap = cap.max(LOWEST_RATE);
        let rate = rate.min(cap);
        Self {
            head: tokio::sync::Mutex::new(()),
            changed: Notify::new(),
            bucket: Mutex::new(Bucket {
                rate,
                cap,
                // A cap is kept from the first second on: no burst above it.
                tokens: BURST.min(cap.max(1.0)),
                counted_at: None,
                not_before: None,
                last_cut: None,
                told: rate,
                rng: StdRng::seed_from_u64(seed),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Bucket {
    rate: f64,
    cap: f64,
    tokens: f64,
    counted_at: Option<Instant>,
    not_before: Option<Instant>,
    last_cut: Option<Instant>,
    told: f64,
    rng: StdRng,
}

impl Bucket {
    /// Takes a token, or says how long to wait before asking again (never zero: that would spin).
    fn take(&mut self, now: Instant) -> Option<Duration> {
        let since = self.counted_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let most = BURST.min(self.rate.max(1.0));
        self.tokens = (self.tokens + since.as_secs_f64() * self.rate).min(most.max(self.tokens));
        self.counted_at = Some(now);
        if let Some(at) = self.not_before.filter(|at| *at > now) {
            return Some((at - now).max(Duration::from_millis(1)));
        }
        if self.tokens >= 1.0 - 1e-9 {
            self.tokens -= 1.0;
            return None;
        }
        Some(Duration::from_secs_f64((1.0 - self.tokens) / self.rate).max(Duration::from_millis(1)))
    }

    fn throttled(&mut self, sent: Instant, now: Instant, asked: Option<Duration>) -> Option<f64> {
        let fresh = self.last_cut.is_none_or(|cut| sent >= cut);
        if fresh {
            self.rate = (self.rate / 2.0).max(LOWEST_RATE);
            self.last_cut = Some(now);
            self.tokens = 0.0;
        }
        // Processes that were refused together must not come back together.
        let pause = asked.unwrap_or(Duration::from_secs(1)).mul_f64(self.rng.random_range(1.0..1.5));
        if fresh || asked.is_some() {
            self.not_before = self.not_before.max(Some(now + pause));
        }
        self.tell()
    }

    fn succeeded(&mut self) -> Option<f64> {
        // A rate that is not used up proves nothing.
        if self.tokens < 1.0 {
            let step = if self.last_cut.is_none() { PROBE_STEP } else { STEP / self.rate.max(1.0) };
            self.rate = (self.rate + step).min(self.cap);
        }
        self.tell()
    }

    fn tell(&mut self) -> Option<f64> {
        let factor = self.rate / self.told;
        if (1.0 / TOLD..TOLD).contains(&factor) {
            return None;
        }
        self.told = self.rate;
        Some((self.rate * 1000.0).round() / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn admitted_in(pacer: &Pacer, span: Duration) -> u32 {
        let end = Instant::now() + span;
        let mut count = 0;
        while tokio::time::timeout_at(end, pacer.admit(Class::Launch)).await.is_ok() {
            count += 1;
        }
        count
    }

    #[tokio::test(start_paused = true)]
    async fn the_cap_is_never_exceeded() {
        let pacer = Pacer::new(Some(2.0), 1);
        let end = Instant::now() + Duration::from_secs(60);
        let mut count = 0;
        while let Ok(permit) = tokio::time::timeout_at(end, pacer.admit(Class::Launch)).await {
            pacer.on_success(&permit);
            count += 1;
        }
        assert!((118..=122).contains(&count), "{count} in 60 s at 2/s");
    }

    #[tokio::test(start_paused = true)]
    async fn success_raises_the_rate_and_a_refusal_halves_it_once() {
        let pacer = Pacer::new(None, 1);
        for _ in 0..50 {
            let permit = pacer.admit(Class::Launch).await;
            pacer.on_success(&permit);
        }
        let before = pacer.rate(Class::Launch);
        assert!(before > 2.0 * DEFAULT_RATE, "{before}");
        let permits = [pacer.admit(Class::Launch).await, pacer.admit(Class::Launch).await];
        let told: Vec<_> = permits.iter().filter_map(|permit| pacer.on_throttled(permit, None)).collect();
        assert_eq!(told.len(), 1, "the second refusal tells of the same overload");
        assert!((pacer.rate(Class::Launch) - before / 2.0).abs() < 0.001);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_leaves_while_the_service_asks_to_wait() {
        let pacer = Pacer::new(None, 1);
        let permit = pacer.admit(Class::Launch).await;
        pacer.on_throttled(&permit, Some(Duration::from_secs(30)));
        assert_eq!(admitted_in(&pacer, Duration::from_secs(30)).await, 0);
        assert!(admitted_in(&pacer, Duration::from_secs(30)).await > 0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_has_a_floor_so_that_a_run_always_goes_on() {
        let pacer = Pacer::new(None, 1);
        for _ in 0..40 {
            let permit = pacer.admit(Class::Launch).await;
            pacer.on_throttled(&permit, None);
        }
        assert!((pacer.rate(Class::Launch) - LOWEST_RATE).abs() < 1e-9);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_launch_does_not_slow_reads_down() {
        let pacer = Pacer::new(None, 1);
        let permit = pacer.admit(Class::Launch).await;
        pacer.on_throttled(&permit, Some(Duration::from_secs(600)));
        tokio::time::timeout(Duration::from_millis(1), pacer.admit(Class::Read)).await.unwrap();
    }
}
