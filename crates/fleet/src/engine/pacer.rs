//! Sends requests of each class when their turn comes. It knows tokio's time and nothing about the requests.
//!
//! OCI publishes no rate limits. They apply per user and per tenancy, and are far lower for launches than for reads. So each
//! class has a controller that finds its rate at run time ([`crate::pace`]), and a queue of requests that must wait. A refused
//! request returns to its previous queue position.

use crate::pace::{Controller, Next, QueuePosition, RateChange, Settings, Snapshot, Ticket, WaitQueue};
use oci_client::{Failure, FailureClass};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// Classes of requests that the service limits separately.
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

/// Permission for one request. If it is dropped without a result, the request counts as lost.
#[derive(Debug)]
#[must_use = "tell the pacer what became of the request"]
pub struct Permit<'a> {
    lane: &'a Lane,
    position: QueuePosition,
    ticket: Ticket,
    settled: AtomicBool,
}

impl Permit<'_> {
    /// The queue position of the request, to which it may return.
    pub fn position(&self) -> QueuePosition {
        self.position
    }

    /// Returns whether its result is reported for the first time.
    fn settle(&self) -> bool {
        !self.settled.swap(true, Ordering::Relaxed)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.settle() {
            let now = self.lane.now();
            self.lane.update(|controller| controller.on_lost(self.ticket, now));
        }
    }
}

/// A notable change of the rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PaceChange {
    /// The class.
    pub class: Class,
    /// Requests per second; 0 while the service refuses everything.
    pub rate: f64,
    /// The reason: `throttled`, `probe`, `penalty` or `recovered`.
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
    /// A pacer whose launches never exceed `rate` per second, if given. The launcher limits the number of launches in flight.
    pub fn new(rate: Option<f64>, seed: u64) -> Self {
        let launch = Settings { rate_cap: rate, concurrency_cap: u32::MAX, ..Settings::launch() };
        Self {
            launch: Lane::new(Class::Launch, launch, seed),
            write: Lane::new(Class::Write, Settings::write(), seed.wrapping_add(1)),
            read: Lane::new(Class::Read, Settings::read(), seed.wrapping_add(2)),
        }
    }

    /// Waits until a request of this class may be sent, after earlier ones. Dropping the future costs nothing.
    pub async fn admit(&self, class: Class) -> Permit<'_> {
        let lane = self.lane(class);
        let position = lane.lock().queue.position();
        lane.wait(position).await
    }

    /// Makes a request of this class when its turn comes, and learns from the result.
    pub async fn call<T>(
        &self,
        class: Class,
        request: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let permit = self.admit(class).await;
        let answer = request.await;
        self.on_answer(&permit, answer.as_ref().err());
        answer
    }

    /// Waits again for a request that was refused, at its previous queue position.
    pub async fn readmit(&self, class: Class, position: QueuePosition) -> Permit<'_> {
        self.lane(class).wait(position).await
    }

    /// Reports the result of the request. A failure with a response has passed the throttle, unless it is of that class.
    pub fn on_answer(&self, permit: &Permit<'_>, failure: Option<&Failure>) -> Option<PaceChange> {
        if !permit.settle() {
            return None;
        }
        let now = permit.lane.now();
        let ticket = permit.ticket;
        permit.lane.update(|controller| match failure {
            Some(failure) if failure.class == FailureClass::Throttled => {
                controller.on_throttled(ticket, now, failure.retry_after);
            }
            Some(failure) if failure.status.is_none() => controller.on_lost(ticket, now),
            _ => controller.on_success(ticket, now),
        })
    }

    /// Says how many requests of a class have yet to be answered, sent or not, so that the last ones need not wait.
    pub fn note_outstanding(&self, class: Class, outstanding: usize) {
        self.lane(class).lock().controller.note_outstanding(outstanding as u64);
    }

    /// The current rate of a class per second; 0 while the service refuses everything.
    pub fn rate(&self, class: Class) -> f64 {
        self.snapshot(class).rate
    }

    /// What is known about a class, for display.
    pub fn snapshot(&self, class: Class) -> Snapshot {
        self.lane(class).lock().controller.snapshot()
    }

    fn lane(&self, class: Class) -> &Lane {
        match class {
            Class::Launch => &self.launch,
            Class::Write => &self.write,
            Class::Read => &self.read,
        }
    }
}

/// One class: its controller and its wait queue.
#[derive(Debug)]
struct Lane {
    class: Class,
    origin: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    controller: Controller,
    queue: WaitQueue<Arc<Notify>>,
}

impl Lane {
    fn new(class: Class, settings: Settings, seed: u64) -> Self {
        let state = State { controller: Controller::new(settings, seed), queue: WaitQueue::default() };
        Self { class, origin: Instant::now(), state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// The first in the queue watches the time; all others sleep until they are first.
    async fn wait(&self, position: QueuePosition) -> Permit<'_> {
        let called = Arc::new(Notify::new());
        self.lock().queue.join(position, called.clone());
        // The previously first request must not go before one that returned to an earlier position.
        let guard = QueueGuard { lane: self, position };
        loop {
            let next = {
                let mut state = self.lock();
                let first = state.queue.first().is_some_and(|(first, _)| first == position);
                first.then(|| state.controller.next(self.now()))
            };
            match next {
                Some(Next::Now(ticket)) => {
                    drop(guard);
                    return Permit { lane: self, position, ticket, settled: AtomicBool::new(false) };
                }
                Some(Next::At(then)) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(self.origin + then) => {}
                        () = called.notified() => {}
                    }
                }
                Some(Next::WhenOneReturns) | None => called.notified().await,
            }
        }
    }

    /// Updates the controller, and wakes the first in the queue.
    fn update(&self, tell: impl FnOnce(&mut Controller)) -> Option<PaceChange> {
        let mut state = self.lock();
        tell(&mut state.controller);
        state.call_first();
        let RateChange { rate, reason } = state.controller.take_change()?;
        // Three digits suffice for people and for the ledger.
        Some(PaceChange {
            class: self.class,
            rate: (rate * 1000.0).round() / 1000.0,
            reason: reason.as_str(),
        })
    }
}

impl State {
    fn call_first(&self) {
        if let Some((_, first)) = self.queue.first() {
            first.notify_one();
        }
    }
}

/// A queue position, which is left on drop.
struct QueueGuard<'a> {
    lane: &'a Lane,
    position: QueuePosition,
}

impl Drop for QueueGuard<'_> {
    fn drop(&mut self) {
        let mut state = self.lane.lock();
        state.queue.leave(self.position);
        state.call_first();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttled(retry_after: Option<Duration>) -> Failure {
        Failure {
            class: FailureClass::Throttled,
            operation: oci_api::Operation::LaunchInstance,
            status: Some(429),
            code: "TooManyRequests".to_owned(),
            message: "Too many requests for the user".to_owned(),
            opc_request_id: None,
            attempts: 1,
            retry_after,
            elapsed_ms: 50,
            gave_up: oci_client::GaveUp::NotRetried,
            in_doubt: false,
            clock_ahead_s: None,
        }
    }

    async fn admitted_in(pacer: &Pacer, span: Duration) -> u32 {
        let end = Instant::now() + span;
        let mut count = 0;
        while let Ok(permit) = tokio::time::timeout_at(end, pacer.admit(Class::Launch)).await {
            pacer.on_answer(&permit, None);
            count += 1;
        }
        count
    }

    #[tokio::test(start_paused = true)]
    async fn the_cap_is_never_exceeded() {
        let pacer = Pacer::new(Some(2.0), 1);
        let count = admitted_in(&pacer, Duration::from_mins(1)).await;
        assert!((116..=122).contains(&count), "{count} in 60 s at 2/s");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_leaves_while_the_service_asks_to_wait() {
        let pacer = Pacer::new(None, 1);
        let permit = pacer.admit(Class::Launch).await;
        pacer.on_answer(&permit, Some(&throttled(Some(Duration::from_secs(30)))));
        assert_eq!(admitted_in(&pacer, Duration::from_secs(30)).await, 0);
        assert!(admitted_in(&pacer, Duration::from_secs(4)).await > 0);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_was_refused_goes_before_those_who_wait() {
        let pacer = Pacer::new(Some(1.0), 1);
        let refused = pacer.admit(Class::Launch).await;
        let order = Mutex::new(Vec::new());
        let others = async {
            let first = pacer.admit(Class::Launch).await;
            order.lock().unwrap().push("who came later");
            pacer.on_answer(&first, None);
        };
        let again = async {
            tokio::task::yield_now().await;
            pacer.on_answer(&refused, Some(&throttled(None)));
            let permit = pacer.readmit(Class::Launch, refused.position()).await;
            order.lock().unwrap().push("who was refused");
            pacer.on_answer(&permit, None);
        };
        tokio::join!(others, again);
        assert_eq!(*order.lock().unwrap(), ["who was refused", "who came later"]);
    }

    #[tokio::test(start_paused = true)]
    async fn giving_up_the_wait_leaves_the_line_to_the_next() {
        let pacer = Pacer::new(Some(1.0), 1);
        let permit = pacer.admit(Class::Launch).await;
        pacer.on_answer(&permit, None);
        let hasty = tokio::time::timeout(Duration::from_millis(10), pacer.admit(Class::Launch));
        let patient = tokio::time::timeout(Duration::from_secs(5), pacer.admit(Class::Launch));
        let (hasty, patient) = tokio::join!(hasty, patient);
        assert!(hasty.is_err() && patient.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_whose_outcome_nobody_told_does_not_block_the_rest() {
        let pacer = Pacer::new(None, 1);
        for _ in 0..200 {
            let permit = tokio::time::timeout(Duration::from_mins(1), pacer.admit(Class::Read)).await;
            drop(permit.expect("reads go on"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_run_is_told_when_the_rate_falls() {
        let pacer = Pacer::new(None, 1);
        let permit = pacer.admit(Class::Launch).await;
        let before = pacer.rate(Class::Launch);
        let told = pacer.on_answer(&permit, Some(&throttled(None))).expect("a change");
        assert_eq!((told.class, told.reason), (Class::Launch, "throttled"));
        assert!(told.rate < before, "{told:?}, {before} before");
        assert_eq!(pacer.on_answer(&permit, None), None, "an outcome is told once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_launch_does_not_slow_reads_down() {
        let pacer = Pacer::new(None, 1);
        let permit = pacer.admit(Class::Launch).await;
        pacer.on_answer(&permit, Some(&throttled(Some(Duration::from_mins(10)))));
        let read = tokio::time::timeout(Duration::from_millis(1), pacer.admit(Class::Read)).await;
        assert!(read.is_ok());
    }
}
