//! The notes of a cleanup about what it leaves alone, and why. Each reason is stated once, however many resources it concerns.

use super::Scope;
use super::evidence::{Evidence, WantedFor};
use crate::query::select::Machine;
use crate::tuning::LISTS_CATCH_UP;
use ledger::RunId;
use std::collections::{BTreeMap, BTreeSet};

/// The maximum number of instances named in one note; the rest are counted.
const NAMED: usize = 3;

/// The notes of one cleanup.
#[derive(Default)]
pub(super) struct Notes {
    /// Runs on which a process is working.
    pub(super) held: BTreeSet<RunId>,
    /// Runs with lost records, and the number of these records.
    damaged: BTreeMap<RunId, usize>,
    unfinished: BTreeSet<RunId>,
    strangers: BTreeSet<RunId>,
    unproven: BTreeMap<RunId, Vec<String>>,
    /// Members of pools without a record.
    members: BTreeMap<RunId, Vec<String>>,
    unproven_volumes: usize,
    kept_volumes: usize,
    /// Unused reservations created on their own, and the total of their known prices per hour.
    made: (usize, f64),
    currency: String,
    others: Vec<String>,
}

impl Notes {
    pub(super) fn say(&mut self, note: String) {
        self.others.push(note);
    }

    /// Runs with unreadable records, whether or not any of their resources still exist.
    pub(super) fn damaged_runs(&mut self, evidence: &Evidence, scope: &Scope) {
        let meant = |run: &RunId| scope.run.is_none_or(|only| only == *run);
        let launches = evidence.launches.iter().filter(|(run, launch)| launch.unreadable > 0 && meant(run));
        self.damaged.extend(launches.map(|(run, launch)| (*run, launch.unreadable)));
        self.damaged.extend(evidence.nameless.iter().filter(|run| meant(run)).map(|run| (*run, 0)));
    }

    /// The run of an instance cannot be judged.
    pub(super) fn run_of_instance(&mut self, evidence: &Evidence, run: RunId) {
        match evidence.launches.get(&run) {
            Some(launch) if launch.held => _ = self.held.insert(run),
            Some(launch) if launch.unreadable > 0 => _ = self.damaged.insert(run, launch.unreadable),
            Some(_) => _ = self.unfinished.insert(run),
            None if evidence.nameless.contains(&run) => _ = self.damaged.insert(run, 0),
            None => _ = self.strangers.insert(run),
        }
    }

    /// The run of a reservation cannot be judged.
    pub(super) fn reservation_of(&mut self, evidence: &Evidence, run: RunId, ocid: &str) {
        if evidence.launches.contains_key(&run) || evidence.nameless.contains(&run) {
            self.run_of_instance(evidence, run);
            return;
        }
        self.say(format!(
            "reservation {ocid} left alone: this ledger does not know run {run}, which created it; to delete it: \
                 oci-insta-scale reservation delete {ocid}"
        ));
    }

    /// The records do not prove that the reservation is no longer needed.
    pub(super) fn wanted_reservation(&mut self, run: RunId, ocid: &str, want: WantedFor) {
        let why = match want {
            WantedFor::Unrecorded => {
                format!("the ledger of this machine does not say that run {run} created it")
            }
            WantedFor::OpenSlots => {
                format!("run {run} has slots without an instance and can be resumed to launch into it")
            }
            WantedFor::JustLaunched => {
                let minutes = LISTS_CATCH_UP.as_mins();
                format!(
                    "run {run} was active in the last {minutes} minutes, and its use may not be counted yet"
                )
            }
        };
        self.say(format!(
            "reservation {ocid} left alone: {why}; to delete it: oci-insta-scale cleanup --run {run}"
        ));
    }

    /// Neither a record nor another instance proves that this one is a leftover.
    pub(super) fn unproven(&mut self, run: RunId, machine: &Machine) {
        self.unproven.entry(run).or_default().push(name(machine));
    }

    /// A pool has launched this one, and nothing proves that the fleet does not want it.
    pub(super) fn member(&mut self, run: RunId, machine: &Machine) {
        self.members.entry(run).or_default().push(name(machine));
    }

    /// No record says that a volume should be deleted with its instance.
    pub(super) fn unproven_volume(&mut self) {
        self.unproven_volumes += 1;
    }

    pub(super) fn kept_volume(&mut self) {
        self.kept_volumes += 1;
    }

    /// An unused reservation that was created on its own, which somebody may rely on.
    pub(super) fn made_reservations(&mut self, hour: Option<f64>, currency: &str) {
        self.made = (self.made.0 + 1, self.made.1 + hour.unwrap_or_default());
        currency.clone_into(&mut self.currency);
    }

    pub(super) fn into_text(self, scope: &Scope) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.held.is_empty() {
            let it = if self.held.len() == 1 { "it" } else { "them" };
            notes.push(format!("{} left alone: a process is working on {it}", list(&self.held)));
        }
        for (run, lost) in &self.damaged {
            notes.push(match lost {
                0 => format!(
                    "run {run} left alone: its first record cannot be read; rebuild it from its instances: \
                     oci-insta-scale resume --from-cloud {run}"
                ),
                lost => format!(
                    "run {run} left alone: {lost} of its records cannot be read, so nothing proves what is left over; \
                         to terminate its instances: oci-insta-scale instances terminate --run {run}"
                ),
            });
        }
        if !self.strangers.is_empty() {
            let it = if self.strangers.len() == 1 { "it" } else { "them" };
            notes.push(format!("{} left alone: this ledger does not know {it}", list(&self.strangers)));
        }
        if scope.run.is_none() && !self.unfinished.is_empty() {
            let them = list(&self.unfinished);
            notes.push(format!("{them} left alone: unfinished; resume it, or name it with --run"));
        }
        notes.extend(self.unproven.iter().map(|(run, names)| unproven(*run, names)));
        notes.extend(self.members.iter().map(|(run, names)| members(*run, names)));
        if self.unproven_volumes > 0 {
            notes.push(format!(
                "{} left alone: their instances are gone, but no record says that the volumes were to be deleted too; \
                     --kept-volumes includes them",
                volumes(self.unproven_volumes)
            ));
        }
        if self.kept_volumes > 0 {
            notes.push(format!(
                "{} left alone: a termination kept them on purpose; --kept-volumes includes them",
                volumes(self.kept_volumes)
            ));
        }
        if let (made @ 1.., hour) = self.made {
            let reservations =
                if made == 1 { "1 reservation".to_owned() } else { format!("{made} reservations") };
            notes.push(format!(
                "{reservations} created by `reservation create` left alone: unused, {hour:.4} {} per hour; \
                     --unused-reservations includes them",
                self.currency
            ));
        }
        notes.extend(self.others);
        notes
    }
}

fn members(run: RunId, names: &[String]) -> String {
    format!(
        "{} of run {run} left alone: an instance pool of the fleet launched {}, as it does for members that have ended; \
             `status` shows the fleet, `scale` changes its size",
        some_of(names),
        if names.len() == 1 { "it" } else { "them" }
    )
}

/// The first of these names, and how many more there are.
fn some_of(names: &[String]) -> String {
    let shown = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match names.len() - names.len().min(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    shown + &more
}

fn unproven(run: RunId, names: &[String]) -> String {
    format!(
        "{} of run {run} left alone: this ledger has no record of {}, so it may be older than the run; to \
             terminate: oci-insta-scale instances terminate OCID",
        some_of(names),
        if names.len() == 1 { "it" } else { "them" }
    )
}

fn volumes(count: usize) -> String {
    if count == 1 { "1 volume".to_owned() } else { format!("{count} volumes") }
}

/// Names an instance for a note.
fn name(machine: &Machine) -> String {
    format!("{} ({})", machine.label(), machine.ocid)
}

/// The runs of a note: `run A` or `runs A, B`.
fn list<'a>(runs: impl IntoIterator<Item = &'a RunId>) -> String {
    let names: Vec<String> = runs.into_iter().map(ToString::to_string).collect();
    format!("{} {}", if names.len() == 1 { "run" } else { "runs" }, names.join(", "))
}
