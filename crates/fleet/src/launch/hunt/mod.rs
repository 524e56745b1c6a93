//! What makes a launch a hunt: while no target yields, one launch at a time probes, never earlier than the floor of the
//! tenancy allows, and every failure that time may mend is waited out.
//!
//! A target that yields is launched at without a floor, within its budget. When none does, the target that was asked longest
//! ago is probed next, so that each is asked once in a cycle.

mod carry;
mod gate;
mod notes;
mod suspension;

pub use carry::{Begin, carry_on};
pub(crate) use suspension::sign_of_suspension;

use crate::plan::{FleetSpec, HuntTerms};
use jiff::Timestamp;
use ledger::capacity::{Answer, Subject};
use ledger::{ErrorClass, ErrorRecord, Event, Record};
use notes::HuntNotes;
use oci_client::FailureClass;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, Semaphore, SemaphorePermit},
    time::Instant,
};

/// How this process carries a hunt out.
#[derive(Clone, Debug, Default)]
pub struct Hunting {
    /// Whether to end after one probe, and what follows from it.
    pub once: bool,
    /// What is recorded as warnings when the run is taken up.
    pub told: Vec<String>,
    /// When this process may probe again, by the time that passes: the wall clock may jump.
    pub(crate) not_before: Arc<Mutex<Option<Instant>>>,
}

impl Hunting {
    /// A hunt that ends after one probe, or goes on; and what is recorded as warnings when it is taken up.
    pub fn new(once: bool, told: Vec<String>) -> Self {
        Self { once, told, ..Self::default() }
    }
}

/// The right to probe: only one launch of a process has it at a time.
pub(crate) type Turn<'a> = SemaphorePermit<'a>;

/// A hunt, while one process carries it out.
#[derive(Debug)]
pub(crate) struct Hunt {
    terms: HuntTerms,
    hunting: Hunting,
    prober: Semaphore,
    /// Tells those who wait for a probe that a target yields, or no longer does.
    changed: Notify,
    /// With `once`: nothing more is asked.
    over: AtomicBool,
    notes: Mutex<HuntNotes>,
}

impl Hunt {
    /// A hunt as its records leave it.
    pub fn new(terms: HuntTerms, hunting: Hunting, fleet: &FleetSpec, past: &[Record]) -> Arc<Self> {
        Arc::new(Self {
            terms,
            hunting,
            prober: Semaphore::new(1),
            changed: Notify::new(),
            over: AtomicBool::new(false),
            notes: Mutex::new(HuntNotes::of(fleet, past)),
        })
    }

    /// The least time between two probes.
    pub fn floor(&self) -> Duration {
        self.terms.floor()
    }

    /// With `once`: whether nothing more is asked.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Why nothing more is launched, once the time of the hunt has passed by the wall clock: this machine may have slept.
    pub fn time_is_over(&self, now: Timestamp) -> Option<ErrorRecord> {
        (self.terms.until <= now).then(|| ErrorRecord {
            class: ErrorClass::Deadline,
            code: "DeadlinePassed".to_owned(),
            message: format!("the hunt ended at {:.0} (--until)", self.terms.until),
            ..ErrorRecord::default()
        })
    }

    /// Why the hunt cannot succeed, if that is known.
    pub fn hopeless(&self) -> Option<ErrorRecord> {
        self.lock().hopeless.clone()
    }

    /// Ends the hunt for all slots.
    pub fn end_as_hopeless(&self, error: ErrorRecord) {
        self.lock().hopeless.get_or_insert(error);
    }

    /// The right to probe, if nobody has it.
    pub fn try_turn(&self) -> Option<Turn<'_>> {
        self.prober.try_acquire().ok()
    }

    /// Whether the target is launched at without a floor.
    pub fn is_yielding(&self, target: &Subject) -> bool {
        self.lock().yielding.contains(target)
    }

    /// The targets that yield.
    pub fn yielding(&self) -> Vec<Subject> {
        self.lock().yielding.iter().cloned().collect()
    }

    /// The number of the last probe of the target; 0 if this run has not probed it.
    pub fn probed(&self, target: &Subject) -> u64 {
        self.lock().probed.get(target).copied().unwrap_or_default()
    }

    /// What the records tell of a target.
    pub fn see(&self, target: &Subject, answer: &Answer) {
        let is_changed = {
            let mut notes = self.lock();
            let before = notes.yielding.len();
            notes.see(target, answer);
            notes.yielding.len() != before
        };
        if is_changed {
            self.changed.notify_waiters();
        }
    }

    /// A launch at the target was refused for lack of capacity, or by a limit or a quota.
    pub fn refused(&self, target: &Subject) {
        let mut notes = self.lock();
        notes.has_answer = true;
        notes.yielding.remove(target);
    }

    /// A failure that says nothing about capacity. After a few in a row, or a refused login, a target is only probed.
    pub fn trouble(&self, target: &Subject, class: FailureClass) {
        self.lock().trouble(target, class);
    }

    /// Whether any answer was about capacity: then the config works, and an odd answer is waited out.
    pub fn has_answer(&self) -> bool {
        self.lock().has_answer
    }

    /// A warning about a failure, for the first of its kind on a day.
    pub fn alert(&self, error: &ErrorRecord, now: Timestamp) -> Option<Event> {
        self.lock().is_new(error, now).then(|| Event::Warning {
            message: format!(
                "the hunt goes on after {} {}: {} (told once a day)",
                error.class, error.code, error.message
            ),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HuntNotes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
