//! The ledger's evidence about runs: which instances, volumes and reservations belong to them, and how they ended.
//!
//! Only readable records count. A run with unreadable records proves nothing about its resources, because a lost record may be
//! the one by which an instance became the run's own.

use super::Scope;
use crate::action::{ActionPlan, Verb};
use crate::tuning::LISTS_CATCH_UP;
use jiff::Timestamp;
use ledger::{
    Event, LedgerError, Outcome, Phase, Records, RunHead, RunId, RunKind, RunState, SlotNumber, Store,
};
use std::collections::{BTreeMap, BTreeSet};

/// The evidence in the ledger.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The launch runs in this ledger.
    pub(super) launches: BTreeMap<RunId, Launch>,
    /// Every instance that a launch created, however it ended, by its OCID.
    pub(super) instances: BTreeMap<String, MadeInstance>,
    /// Instances whose termination by this tool was accepted.
    terminated: BTreeSet<String>,
    /// The intended fate of an instance's volumes in a termination that took effect, by the OCID of the instance.
    effective: BTreeMap<String, Fate>,
    /// The same for terminations whose effect is unknown. They prove nothing: the service may not have received the request, or
    /// somebody else may have terminated the instance a moment earlier and kept its volumes.
    announced: BTreeMap<String, Fate>,
    /// Volumes that a termination kept on purpose: OCID → instance.
    pub(super) kept: BTreeMap<String, String>,
    /// Instances on which a process is acting right now, with its run.
    pub(super) busy: BTreeMap<String, RunId>,
    /// Runs that a process holds although the ledger has no record of them.
    pub(super) held_elsewhere: BTreeSet<RunId>,
    /// Runs whose first record cannot be read, so that their actions are unknown.
    pub(super) nameless: BTreeSet<RunId>,
    /// Whether this ledger has made a network.
    pub(super) made_networks: bool,
    /// Whether a run of this ledger has made a compute cluster, or may have.
    pub(super) made_clusters: bool,
    /// Whether this ledger has made pools or configurations.
    pub(super) made_parts: bool,
    /// The number of each run's last record when it was read.
    pub(super) read_to: BTreeMap<RunId, u64>,
    /// Whether records of a termination are lost, which may have said that a volume is kept on purpose.
    terminations_lost: bool,
}

/// An instance that a launch created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MadeInstance {
    /// The launch.
    pub(super) run: RunId,
    /// When it was created.
    pub(super) at: Timestamp,
}

/// Whether a termination should delete the volumes of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fate {
    boot: bool,
    data: bool,
}

impl Fate {
    /// Combines two terminations of one instance: a volume is kept if either says so.
    fn and(self, other: Self) -> Self {
        Self { boot: self.boot && other.boot, data: self.data && other.data }
    }
}

/// One launch run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Launch {
    /// Whether another process is working on it, or it can be resumed.
    pub(super) unfinished: bool,
    /// Whether another process is working on it.
    pub(super) held: bool,
    /// The number of its unreadable records.
    pub(super) unreadable: usize,
    /// Whether the run was to be rolled back.
    pub(super) rolled_back: bool,
    /// Instances whose termination by the rollback took effect, which was to delete their volumes too.
    deleted: BTreeSet<String>,
    /// Its slots.
    pub(super) slots: BTreeMap<SlotNumber, SlotEvidence>,
    /// Every reservation that a record says it held.
    pub(super) reservations: BTreeSet<String>,
    /// When its last record was written.
    last_at: Option<Timestamp>,
    /// Whether slots lack an instance, so that `resume` would launch again and into these reservations.
    has_open_slots: bool,
    /// The fleet that it launches.
    pub(super) fleet: String,
}

/// The evidence about one slot.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SlotEvidence {
    /// The instance of the slot.
    pub(super) has: Option<String>,
    /// Whether that instance was seen running.
    pub(super) running: bool,
    /// Whether the result of a launch for it is unknown.
    pub(super) in_doubt: bool,
    /// Instances whose launch failed or was rolled back.
    pub(super) gone: BTreeSet<String>,
}

/// Reads the ledger.
///
/// # Errors
/// When the ledger cannot be read, because it is then unknown what belongs to this tool.
pub async fn gather(store: &dyn Store) -> Result<Evidence, LedgerError> {
    let mut evidence = Evidence::default();
    for head in store.runs().await? {
        let records = store.records(head.run).await?;
        evidence.take_in(&head, &records);
    }
    let strays = store.strays().await?;
    evidence.held_elsewhere.extend(strays.into_iter().filter(|stray| stray.held).map(|stray| stray.run));
    Ok(evidence)
}

impl Launch {
    fn of(state: &RunState, held: bool, unreadable: usize) -> Self {
        let unfinished = held || state.outcome.is_none_or(Outcome::is_unfinished);
        let slots = state.slots.iter().map(|(number, slot)| {
            let slot = SlotEvidence {
                has: slot.ocid.clone(),
                running: slot.phase == Phase::Running,
                in_doubt: slot.unsettled.is_some(),
                gone: slot.gone.iter().cloned().collect(),
            };
            (*number, slot)
        });
        let rolled_back = state.giving_back.is_some() || state.outcome == Some(Outcome::GivenBack);
        let filled = state.slots.values().filter(|slot| slot.ocid.is_some()).count();
        Self {
            unfinished,
            held,
            unreadable,
            rolled_back,
            deleted: BTreeSet::new(),
            slots: slots.collect(),
            reservations: BTreeSet::new(),
            last_at: state.last_at,
            fleet: state.plan["fleet"]["name"].as_str().unwrap_or_default().to_owned(),
            has_open_slots: filled < state.requested as usize && state.outcome != Some(Outcome::Stopped),
        }
    }
}

/// Why a reservation may still be needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WantedFor {
    /// No record of this machine names it.
    Unrecorded,
    /// Slots of its run lack an instance.
    OpenSlots,
    /// Its run has launched recently, and the count of used instances lags.
    JustLaunched,
}

impl Evidence {
    fn take_in(&mut self, head: &RunHead, found: &Records) {
        let records = &found.records;
        let state = RunState::fold(head.run, records);
        self.read_to.insert(head.run, state.last_seq);
        match state.kind {
            Some(RunKind::Launch) => {
                let mut launch = Launch::of(&state, head.held, found.unreadable.len());
                for record in records {
                    match &record.event {
                        Event::Launched { ocid, .. } => {
                            self.instances
                                .insert(ocid.clone(), MadeInstance { run: head.run, at: record.at });
                        }
                        Event::GivenBack { ocid, work_request: Some(_), .. } => {
                            launch.deleted.insert(ocid.clone());
                        }
                        Event::Engine { .. } => self.made_parts = true,
                        Event::ReservationHeld { ocid, .. } => _ = launch.reservations.insert(ocid.clone()),
                        _ => {}
                    }
                }
                self.launches.insert(head.run, launch);
            }
            Some(RunKind::Network) => {
                let is_cluster = state.plan.get("cluster").is_some_and(|cluster| !cluster.is_null());
                self.made_clusters |= is_cluster;
                self.made_networks |= !is_cluster;
                if head.held {
                    self.held_elsewhere.insert(head.run);
                }
            }
            Some(RunKind::Cleanup | RunKind::Scale) => {}
            Some(_) => self.take_in_actions(head, found, &state),
            None => {
                self.nameless.insert(head.run);
                self.terminations_lost = true;
            }
        }
    }

    /// Evaluates a start, stop, reboot or termination.
    fn take_in_actions(&mut self, head: &RunHead, found: &Records, state: &RunState) {
        let terminates = state.kind == Some(RunKind::Terminate);
        let Ok(plan) = serde_json::from_value::<ActionPlan>(state.plan.clone()) else {
            self.terminations_lost |= terminates;
            return;
        };
        self.terminations_lost |= terminates && !found.unreadable.is_empty();
        if head.held {
            self.busy.extend(plan.instances.iter().map(|instance| (instance.ocid.clone(), head.run)));
        }
        if plan.options.verb != Verb::Terminate {
            return;
        }
        let volumes = Fate { boot: !plan.options.keep_boot_volumes, data: !plan.options.keep_data_volumes };
        for slot in state.slots.values() {
            let accepted = match slot.phase {
                Phase::ActionAccepted | Phase::ActionDone => true,
                Phase::ActionIntended => false,
                _ => continue,
            };
            // An instance that was already terminating was only waited for, so somebody else decided about its volumes.
            let sent = slot.attempts > 0 && !slot.skipped;
            let Some(ocid) = slot.ocid.clone().filter(|_| sent) else { continue };
            if accepted {
                self.terminated.insert(ocid.clone());
            }
            // Only the termination that takes effect has a work request.
            let took_effect = accepted && slot.work_request.is_some();
            let book = if took_effect { &mut self.effective } else { &mut self.announced };
            book.entry(ocid).and_modify(|fate| *fate = fate.and(volumes)).or_insert(volumes);
        }
        self.kept.extend(plan.kept_volumes.into_iter().map(|kept| (kept.volume, kept.instance)));
    }

    /// Whether a launch can be judged: its records are complete, it is in scope, and no process is working on it. An unfinished
    /// run is in scope only by its id.
    pub(super) fn is_meant(&self, run: RunId, scope: &Scope) -> bool {
        if scope.run.is_some_and(|only| only != run) {
            return false;
        }
        self.launches.get(&run).is_some_and(|launch| {
            !launch.held && launch.unreadable == 0 && (!launch.unfinished || scope.run == Some(run))
        })
    }

    /// Why a reservation of the run may still be needed. `None` only if the records prove the contrary: they name it, and the
    /// run was rolled back or has all its instances. A user who names the run does not want to resume it, but instances that it
    /// launched recently use the reservation nevertheless.
    pub(super) fn wanted_by(&self, run: RunId, ocid: &str, scope: &Scope) -> Option<WantedFor> {
        let named = scope.run == Some(run);
        let launch = self.launches.get(&run).filter(|launch| launch.reservations.contains(ocid));
        match launch {
            // It was created after this copy of the ledger, or on another machine.
            None => (!named).then_some(WantedFor::Unrecorded),
            Some(launch) if launch.rolled_back => None,
            // It may have been resumed elsewhere.
            Some(launch) if launch.has_open_slots && !named => Some(WantedFor::OpenSlots),
            Some(launch) => {
                let settled =
                    launch.last_at.is_none_or(|last| scope.now.duration_since(last) >= LISTS_CATCH_UP);
                (!settled).then_some(WantedFor::JustLaunched)
            }
        }
    }

    /// A launch of a fleet that is not finished, and needs the fleet's network.
    pub(super) fn unfinished_launch_of(&self, fleet: &str) -> Option<RunId> {
        let mut launches = self.launches.iter();
        launches.find(|(_, launch)| launch.unfinished && launch.fleet == fleet).map(|(run, _)| *run)
    }

    /// Whether a process is working on a run, or on this instance of it.
    pub(super) fn holds(&self, run: RunId, ocid: &str) -> bool {
        self.launches.get(&run).is_some_and(|launch| launch.held)
            || self.held_elsewhere.contains(&run)
            || self.busy.contains_key(ocid)
    }

    /// The launch that created an instance, if its records are complete, so that a cleanup can judge its leftovers.
    pub(crate) fn launched_by(&self, ocid: &str) -> Option<RunId> {
        let run = self.instances.get(ocid)?.run;
        self.launches.get(&run).is_some_and(|launch| launch.unreadable == 0).then_some(run)
    }

    /// Whether a record says that an instance's launch failed, that it was rolled back, or that this tool terminated it.
    pub(super) fn is_over(&self, ocid: &str) -> bool {
        self.terminated.contains(ocid) || self.is_gone(ocid)
    }

    /// Whether a record says that a volume should be deleted with its instance: by a termination or a rollback of this tool that
    /// took effect. A rollback that was only begun proves nothing, because somebody else may have terminated the instance before
    /// it and kept its volumes. The end of an instance alone does not show that either.
    pub(super) fn volume_was_to_go(&self, ocid: &str, boot: bool) -> bool {
        let announced = self.announced.get(ocid);
        let fate = self.effective.get(ocid).map(|fate| announced.map_or(*fate, |other| fate.and(*other)));
        match fate {
            Some(fate) if boot => fate.boot,
            Some(fate) => fate.data,
            None => !self.terminations_lost && self.rollback_deleted(ocid),
        }
    }

    fn rollback_deleted(&self, ocid: &str) -> bool {
        let Some(made) = self.instances.get(ocid) else { return false };
        self.launches.get(&made.run).is_some_and(|launch| launch.deleted.contains(ocid))
    }

    fn is_gone(&self, ocid: &str) -> bool {
        let Some(made) = self.instances.get(ocid) else { return false };
        self.launches
            .get(&made.run)
            .is_some_and(|launch| launch.slots.values().any(|slot| slot.gone.contains(ocid)))
    }
}
