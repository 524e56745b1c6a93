//! Capacity reports of a hunt. While it waits for its next probe, it asks for one report, which may move a target to the front of the
//! queue. A report never adds to a wait, and what it says is only believed until a launch says otherwise.

use super::Hunt;
use crate::launch::context::{Context, Halted};
use crate::launch::target::target_of;
use crate::plan::FleetSpec;
use crate::query::preflight::report::{MAX_ENTRIES, Question, ask_for};
use crate::tuning::HUNT_DISTRUSTS;
use ledger::Placement;
use ledger::capacity::{Claim, Subject};
use oci_client::FailureClass;
use std::time::Duration;
use tokio::time::Instant;

impl Hunt {
    /// Whether a report shows capacity at the target, so that it is probed next.
    pub fn is_first(&self, target: &Subject) -> bool {
        let notes = self.lock();
        notes.hints.is_first(target, notes.probes)
    }
}

impl Context<'_> {
    /// Asks for a capacity report about some of the targets, in turn, and waits this long for it. Errors are ignored.
    pub(super) async fn look_at_report(&self, hunt: &Hunt, within: Duration) -> Result<(), Halted> {
        let fleet = &self.plan.fleet;
        let parts = parts(fleet);
        let now = Instant::now();
        let part = {
            let mut notes = hunt.lock();
            let hints = &mut notes.hints;
            if parts.is_empty() || hints.not_before.is_some_and(|then| now < then) {
                return Ok(());
            }
            if let Some(Claim::NotBefore(_)) = self.memory.claim_report(self.env.clock.now(), hunt.floor()) {
                return Ok(());
            }
            hints.not_before = Some(now + hunt.floor());
            hints.asked += 1;
            &parts[(hints.asked - 1) % parts.len()]
        };
        let Some(first) = part.first() else { return Ok(()) };
        let client = self.client_at(first);
        let tenancy = if fleet.tenancy.is_empty() { &fleet.compartment } else { &fleet.tenancy };
        let questions: Vec<Question<'_>> = part.iter().map(|placement| question(fleet, placement)).collect();
        let asking = ask_for(&client, tenancy, &first.availability_domain, &questions);
        let told = self.ask(tokio::time::timeout(within, asking)).await?;
        let mut notes = hunt.lock();
        match told {
            Ok(Ok(told)) => {
                for (placement, availability) in part.iter().zip(&told) {
                    notes.hints.learn(target_of(fleet, placement), availability, Instant::now());
                }
            }
            Ok(Err(failure)) => {
                tracing::debug!(%failure, "the hunt goes on without a capacity report");
                let is_lasting = matches!(failure.class, FailureClass::NotFound | FailureClass::Invalid);
                if is_lasting {
                    notes.hints.not_before = Some(now + HUNT_DISTRUSTS);
                }
            }
            // The probe does not wait for a slow report.
            Err(_) => {}
        }
        Ok(())
    }
}

/// The placements of a fleet, in the groups that one report can be about. Those in reservations need no free host.
fn parts(fleet: &FleetSpec) -> Vec<Vec<&Placement>> {
    let mut parts: Vec<Vec<&Placement>> = Vec::new();
    let template = fleet.template.capacity_reservation_id.as_deref();
    for placement in &fleet.placements {
        let reservation = placement.capacity_reservation.as_deref().or(template);
        if reservation.is_some_and(|ocid| !ocid.is_empty()) {
            continue;
        }
        let place = |of: &Placement| (of.region.clone(), of.availability_domain.clone());
        let group =
            parts.iter_mut().find(|part| part.len() < MAX_ENTRIES && place(part[0]) == place(placement));
        match group {
            Some(group) => group.push(placement),
            None => parts.push(vec![placement]),
        }
    }
    parts
}

fn question<'a>(fleet: &'a FleetSpec, placement: &'a Placement) -> Question<'a> {
    let fault_domain = placement.fault_domain.as_ref().or(fleet.template.fault_domain.as_ref());
    Question { shape: &placement.shape, size: fleet.size_at(placement), fault_domain }
}
