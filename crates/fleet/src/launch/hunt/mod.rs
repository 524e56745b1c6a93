//! Hunts. While no target provides instances, one launch at a time probes, never earlier than the tenancy's floor allows, and
//! every failure that may pass is waited out.
//!
//! Launches at a target that provides instances ignore the floor, but stay within its budget. When no target does, the target
//! that was probed longest ago is next, so that each is probed once per cycle.

mod carry;
mod gate;
mod hints;
mod money;
mod notes;
mod raised;
mod reports;
mod summary;
mod suspension;

pub use carry::{Begin, carry_on};
pub(crate) use money::{Announced, Money};
pub use summary::SpendingSummary;
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

/// How this process carries out a hunt.
#[derive(Clone, Debug, Default)]
pub struct Hunting {
    /// Whether to end after one probe and its consequences.
    pub once: bool,
    /// Warnings to record when the run is resumed.
    pub told: Vec<String>,
    /// When this process may probe again, by elapsed time because the wall clock may jump.
    pub(crate) not_before: Arc<Mutex<Option<Instant>>>,
    /// With `once`: when the floor allows the next probe, and whether this process has probed.
    held: Arc<Mutex<(Option<Timestamp>, bool)>>,
}

impl Hunting {
    /// A hunt that ends after one probe or continues, with warnings to record when it is resumed.
    pub fn new(once: bool, told: Vec<String>) -> Self {
        Self { once, told, ..Self::default() }
    }

    /// With `once`: when the floor allows the next probe, if it ended the hunt, and whether one was sent before.
    pub fn held(&self) -> Option<(Timestamp, bool)> {
        let (until, has_probed) = *self.held.lock().unwrap_or_else(PoisonError::into_inner);
        Some((until?, has_probed))
    }
}

/// The right to probe, which only one launch of a process has at a time.
pub(crate) type Turn<'a> = SemaphorePermit<'a>;

/// A hunt while one process carries it out.
#[derive(Debug)]
pub(crate) struct Hunt {
    terms: HuntTerms,
    hunting: Hunting,
    prober: Semaphore,
    /// Wakes launches that wait for a probe when a target starts or stops providing instances.
    changed: Notify,
    /// With `once`: no more requests are sent.
    over: AtomicBool,
    notes: Mutex<HuntNotes>,
}

impl Hunt {
    /// A hunt in the state of its records.
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

    /// The minimum time between two probes.
    pub fn floor(&self) -> Duration {
        self.terms.floor()
    }

    /// With `once`: whether no more requests are sent.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// When its time is over.
    pub fn until(&self) -> Timestamp {
        self.terms.until
    }

    /// Why nothing more is launched, once the hunt's time has passed by the wall clock; this machine may have slept.
    pub fn time_is_over(&self, now: Timestamp) -> Option<ErrorRecord> {
        (self.terms.until <= now).then(|| ErrorRecord {
            class: ErrorClass::Deadline,
            code: "DeadlinePassed".to_owned(),
            message: format!("the hunt ended at {:.0} (--until)", self.terms.until),
            ..ErrorRecord::default()
        })
    }

    /// Why the hunt cannot succeed, if known.
    pub fn hopeless(&self) -> Option<ErrorRecord> {
        self.lock().hopeless.clone()
    }

    /// Ends the hunt for all slots.
    pub fn end_as_hopeless(&self, error: ErrorRecord) {
        self.lock().hopeless.get_or_insert(error);
    }

    /// The right to probe, if it is free.
    pub fn try_turn(&self) -> Option<Turn<'_>> {
        self.prober.try_acquire().ok()
    }

    /// Whether launches at the target ignore the floor.
    pub fn is_yielding(&self, target: &Subject) -> bool {
        self.lock().is_yielding(target)
    }

    /// The targets that provide instances.
    pub fn yielding(&self) -> Vec<Subject> {
        let notes = self.lock();
        notes.yielding.iter().filter(|target| notes.is_yielding(target)).cloned().collect()
    }

    /// The number of the target's last probe; 0 if this run has not probed it.
    pub fn probed(&self, target: &Subject) -> u64 {
        self.lock().probed.get(target).copied().unwrap_or_default()
    }

    /// Applies a response of a target from the records.
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

    /// Records that the target refused a launch for lack of capacity, or by a limit or a quota.
    pub fn refused(&self, target: &Subject) {
        let mut notes = self.lock();
        notes.has_answer = true;
        notes.yielding.remove(target);
        let (probes, targets) = (notes.probes, notes.targets);
        notes.hints.contradicted(target, probes, targets, Instant::now());
    }

    /// The same for a refusal that is about to be recorded, which holds up launches there until it is.
    pub fn refusing(&self, target: &Subject, error: &ErrorRecord) {
        self.refused(target);
        self.lock().refusing(target, name_of(error));
    }

    /// The same for an instance that was terminated before it ran.
    pub fn dying(&self, target: &Subject, ocid: &str, error: &ErrorRecord) {
        if notes::is_about_capacity(&error.class) {
            self.lock().refusing(target, ocid);
        }
    }

    /// Follows the records of refusals.
    pub fn recorded(&self, event: &Event) {
        match event {
            Event::TryFailed { error, .. } => self.lock().recorded(name_of(error)),
            Event::InstanceDied { ocid, .. } => self.lock().recorded(ocid),
            _ => {}
        }
    }

    /// Records a failure that says nothing about capacity. After a few in a row, or a refused login, the target is only probed.
    pub fn trouble(&self, target: &Subject, class: FailureClass) {
        self.lock().trouble(target, class);
    }

    /// Whether any response was about capacity: then the config works, and an unusual response is waited out.
    pub fn has_answer(&self) -> bool {
        self.lock().has_answer
    }

    /// A warning about a failure, if it is the first of its kind on that day.
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

/// What a refusal has in its response and in its record.
fn name_of(error: &ErrorRecord) -> &str {
    error.opc_request_id.as_deref().unwrap_or_default()
}
