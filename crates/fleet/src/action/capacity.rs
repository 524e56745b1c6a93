//! Starts that found no capacity. They are repeated one at a time until there is capacity or the time for retries has passed.
//!
//! A stopped instance holds no capacity, so a start may find none (Oracle: "Resource Billing for Stopped Instances";
//! hitrov/oci-arm-host-capacity#41). Users report accounts that were suspended after asking more than once a minute
//! (hitrov/oci-arm-host-capacity#36, #66). The run therefore sends at most one start per minute for all of its instances, with
//! the targets taking turns. After a start succeeds, other instances of the same target follow.

use crate::query::select::Machine;
use crate::tuning::{PROBE_FLOOR, PROBE_JITTER};
use rand::{RngExt as _, rngs::StdRng};
use std::{collections::VecDeque, sync::Arc};
use tokio::time::Instant;

/// Instances that share capacity: of one shape and size, in one availability domain or one reservation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CapacityTarget {
    domain: Arc<str>,
    shape: Arc<str>,
    ocpus: Option<f64>,
    memory_gb: Option<f64>,
    baseline: Option<Arc<str>>,
    reservation: Option<Arc<str>>,
}

impl CapacityTarget {
    pub(super) fn of(machine: &Machine) -> Self {
        Self {
            domain: machine.availability_domain.clone(),
            shape: machine.shape.clone(),
            ocpus: machine.ocpus,
            memory_gb: machine.memory_gb,
            baseline: machine.baseline.clone(),
            reservation: machine.capacity_reservation.clone(),
        }
    }
}

/// The instances of one target that wait for capacity.
#[derive(Debug)]
struct CapacityLine {
    target: CapacityTarget,
    waiting: VecDeque<usize>,
    /// Whether starts were accepted here but failed later; then only a running instance proves that there is capacity.
    deceives: bool,
}

/// Instances that wait for capacity.
#[derive(Debug)]
pub(super) struct CapacityLines {
    /// The line whose turn is next comes first.
    lines: VecDeque<CapacityLine>,
    next_probe: Option<Instant>,
    rng: StdRng,
}

/// A sign that a target has capacity again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// A start was accepted.
    Accepted,
    /// An instance is running.
    Runs,
}

impl CapacityLines {
    pub(super) fn new(rng: StdRng) -> Self {
        Self { lines: VecDeque::new(), next_probe: None, rng }
    }

    /// The earliest time of the next probe, after one that has just returned.
    fn later(&mut self) -> Instant {
        Instant::now() + PROBE_FLOOR + PROBE_JITTER.mul_f64(self.rng.random_range(0.0..=1.0))
    }

    pub(super) fn join(&mut self, target: CapacityTarget, index: usize, deceived: bool) {
        self.next_probe = Some(self.later());
        if let Some(line) = self.lines.iter_mut().find(|line| line.target == target) {
            line.deceives |= deceived;
            return line.waiting.push_back(index);
        }
        self.lines.push_back(CapacityLine { target, waiting: VecDeque::from([index]), deceives: deceived });
    }

    /// When the next probe may be sent.
    pub(super) fn due(&self) -> Option<Instant> {
        self.next_probe.filter(|_| self.lines.iter().any(|line| !line.waiting.is_empty()))
    }

    /// The next probe. Lines take turns, and so do the instances of a line.
    pub(super) fn probe(&mut self) -> Option<usize> {
        for _ in 0..self.lines.len() {
            let mut line = self.lines.pop_front()?;
            let next = line.waiting.pop_front();
            self.lines.push_back(line);
            if next.is_some() {
                self.next_probe = Some(self.later());
                return next;
            }
        }
        None
    }

    /// The instances that follow a sign of capacity: one after each accepted start. Where accepted starts may fail later, two
    /// after each running instance.
    pub(super) fn follow(&mut self, target: &CapacityTarget, sign: Sign) -> Vec<usize> {
        let Some(line) = self.lines.iter_mut().find(|line| line.target == *target) else { return Vec::new() };
        match sign {
            Sign::Runs if line.deceives => line.waiting.drain(..line.waiting.len().min(2)).collect(),
            Sign::Accepted if !line.deceives => line.waiting.pop_front().into_iter().collect(),
            Sign::Runs | Sign::Accepted => Vec::new(),
        }
    }
}
