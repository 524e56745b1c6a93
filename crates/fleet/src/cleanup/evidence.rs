//! What the ledger knows of our runs: which instances, volumes and reservations are theirs, and how they ended.

use super::Scope;
use crate::lifecycle::ActionPlan;
use jiff::Timestamp;
use ledger::{Event, LedgerError, Outcome, Phase, RunId, RunKind, RunState, Store};
use std::collections::{BTreeMap, BTreeSet};

/// What the ledger knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Launch runs that are known here.
    pub(super) launches: BTreeMap<RunId, Launch>,
    /// Every instance that one of our launches made, however it ended, by its OCID.
    pub(super) instances: BTreeMap<String, Made>,
    /// Reservations that a launch made and did not give back: OCID → run.
    pub(super) reservations: BTreeMap<String, RunId>,
    /// Volumes that a termination left on purpose: OCID → instance.
    pub(super) kept: BTreeMap<String, String>,
}

/// An instance that a launch of ours made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Made {
    /// The launch.
    pub(super) run: RunId,
    /// When it was made.
    pub(super) at: Timestamp,
}

/// One launch run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Launch {
    /// Whether another process is at work on it, or it can be gone on with.
    pub(super) unfinished: bool,
    /// Whether another process is at work on it.
    pub(super) held: bool,
    /// Whether everything of it was to be given back.
    pub(super) given_back: bool,
    /// The instances that it counts as its own and well.
    pub(super) good: BTreeSet<String>,
}

/// Reads the ledger.
///
/// # Errors
/// When it cannot be read: what is ours is not known then.
pub async fn gather(store: &dyn Store) -> Result<Evidence, LedgerError> {
    let mut evidence = Evidence::default();
    for head in store.runs().await? {
        let records = store.records(head.run).await?.records;
        match head.kind {
            Some(RunKind::Launch) => {
                for record in &records {
                    if let Event::Launched { ocid, .. } = &record.event {
                        evidence.instances.insert(ocid.clone(), Made { run: head.run, at: record.at });
                    }
                }
                let state = RunState::fold(head.run, &records);
                for ocid in state.reservations.keys() {
                    evidence.reservations.insert(ocid.clone(), head.run);
                }
                evidence.launches.insert(head.run, Launch::of(&state, head.held));
            }
            Some(RunKind::Terminate) => {
                let state = RunState::fold(head.run, records.first());
                if let Ok(plan) = serde_json::from_value::<ActionPlan>(state.plan) {
                    evidence
                        .kept
                        .extend(plan.kept_volumes.into_iter().map(|kept| (kept.volume, kept.instance)));
                }
            }
            _ => {}
        }
    }
    Ok(evidence)
}

impl Launch {
    fn of(state: &RunState, held: bool) -> Self {
        let unfinished = held || state.outcome.is_none_or(Outcome::is_unfinished);
        let good = state
            .slots
            .values()
            .filter(|slot| matches!(slot.phase, Phase::Running | Phase::Launched))
            .filter_map(|slot| slot.ocid.clone());
        Self { unfinished, held, given_back: state.outcome == Some(Outcome::GivenBack), good: good.collect() }
    }
}

impl Evidence {
    /// Whether a run is in scope and nobody is at work on it. An unfinished run is meant only by its name.
    pub(super) fn is_meant(&self, run: RunId, scope: &Scope) -> bool {
        if scope.run.is_some_and(|only| only != run) {
            return false;
        }
        match self.launches.get(&run) {
            Some(launch) if launch.held => false,
            Some(launch) => !launch.unfinished || scope.run == Some(run),
            None => scope.run == Some(run),
        }
    }
}
