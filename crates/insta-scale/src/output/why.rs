//! Explains by target why a launch has only the instances it has, for the summary and for `show --why`.
//!
//! Pure: a summary in, a text out.

use super::document::{DocumentError, Target};
use super::instances::list::{short_domain, short_ocid};
use super::listing::Listing;
use super::published::{PublishedDocument, text_of};
use super::simulated;
use super::summary::describe;
use super::text::{amount, clean, count, seconds};
use crate::args::OutputFormat;
use crate::hints::{self, Aid};
use crate::tuning::TARGETS_SHOWN;
use fleet::{GivenUp, InstanceSummary};
use fleet::{RunSummary, TargetSummary};
use ledger::{CapacityType, Outcome, RunId};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// How each target of a launch responded, and why slots have no instance: the explanatory parts of the run's document.
#[derive(Debug, JsonSchema, Serialize)]
pub struct WhyDocument<'a> {
    /// The run.
    run_id: RunId,
    /// How it ended; `null` while it has not.
    outcome: Option<Outcome>,
    /// Instances requested.
    requested: u32,
    /// Instances that exist.
    launched: u32,
    /// Instances that were seen RUNNING.
    running: u32,
    /// Slots whose last attempt failed.
    failed: u32,
    /// How each placement responded, in the order of first tries.
    targets: Vec<Target<'a>>,
    /// One entry per slot, in order.
    slots: Vec<SlotReason<'a>>,
}

impl PublishedDocument for WhyDocument<'_> {
    const NAME: &'static str = "show-why";
    const COMMANDS: &'static [&'static str] = &["show"];
}

/// What explains the state of a slot.
#[derive(Debug, JsonSchema, Serialize)]
struct SlotReason<'a> {
    /// Its number, from 1.
    slot: u32,
    /// The display name.
    name: &'a str,
    /// The OCID of the instance.
    ocid: Option<&'a str>,
    /// The last known state.
    state: Option<&'a str>,
    /// Where the instance is, or was last tried; absent if the run has one region.
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    /// Where the instance is, or was last tried.
    availability_domain: Option<&'a str>,
    /// Where the instance is, or was last tried.
    fault_domain: Option<&'a str>,
    /// Placements tried.
    attempts: u32,
    /// Seconds from the first request to the launch, or until the slot was given up.
    waited_s: Option<f64>,
    /// When and why a slot without an instance was given up.
    given_up: Option<&'a GivenUp>,
    /// The last failure.
    error: Option<DocumentError<'a>>,
}

impl<'a> SlotReason<'a> {
    fn of(row: &'a InstanceSummary, aid: Aid) -> Self {
        Self {
            slot: row.slot,
            name: &row.name,
            ocid: row.ocid.as_deref(),
            state: row.state.as_deref(),
            region: row.region.as_deref(),
            availability_domain: row.availability_domain.as_deref(),
            fault_domain: row.fault_domain.as_deref(),
            attempts: row.attempts,
            waited_s: row.waited_s,
            given_up: row.given_up.as_deref(),
            error: row.error.as_ref().map(|error| DocumentError::of(error, aid)),
        }
    }
}

/// `AD-1 FD-2 VM.Standard.E4.Flex, 1 OCPU, 6 GB, preemptible`.
fn label(target: &TargetSummary) -> String {
    let mut text = target.region.as_ref().map_or_else(String::new, |region| format!("{region} "));
    text.push_str(short_domain(&target.availability_domain));
    if let Some(domain) = &target.fault_domain {
        let _ = write!(text, " {}", domain.replace("FAULT-DOMAIN-", "FD-"));
    }
    let _ = write!(text, " {}", target.shape);
    if let Some(ocpus) = target.ocpus {
        let _ = write!(text, ", {}", amount(ocpus, "OCPU"));
    }
    if let Some(memory) = target.memory_gb {
        let _ = write!(text, ", {memory} GB");
    }
    if target.capacity_type == Some(CapacityType::Preemptible) {
        text.push_str(", preemptible");
    }
    if let Some(reservation) = &target.capacity_reservation {
        let _ = write!(text, ", reservation {}", short_ocid(reservation));
    }
    clean(&text)
}

/// A line for each target that refused, for the summary of a launch that lacks instances. Empty if none is missing.
pub fn lines(summary: &RunSummary) -> String {
    let refused: Vec<&TargetSummary> =
        summary.targets.iter().filter(|target| target.error.is_some()).collect();
    if refused.is_empty() || summary.failed == 0 && summary.returned.is_none() {
        return String::new();
    }
    let mut out = "  by target:\n".to_owned();
    // Writing to a String cannot fail, so the results are ignored.
    for target in refused.iter().take(TARGETS_SHOWN) {
        let waited = target.waited_s.map_or_else(String::new, |waited| format!(" in {}", seconds(waited)));
        let last = target.error.as_ref().map(describe).unwrap_or_default();
        let _ = writeln!(
            out,
            "    {}: {}{waited}, {} obtained; last: {last}",
            label(target),
            count(target.attempts, "attempt"),
            target.obtained
        );
    }
    if refused.len() > TARGETS_SHOWN {
        let _ = writeln!(out, "    … and {} more", refused.len() - TARGETS_SHOWN);
    }
    out
}

/// The output of `show --why`.
pub fn report(summary: &RunSummary, format: OutputFormat) -> String {
    if matches!(format, OutputFormat::Json | OutputFormat::Jsonl) {
        return text_of(&document(summary), format);
    }
    let titles = &["TARGET", "ATTEMPTS", "OBTAINED", "REFUSED", "WAITED", "GIVEN UP", "LAST ANSWER"];
    let mut listing = Listing::for_people("targets", titles);
    for target in &summary.targets {
        let given_up = target.given_up.as_ref();
        listing.push_cells(vec![
            label(target),
            target.attempts.to_string(),
            target.obtained.to_string(),
            target.refused.to_string(),
            target.waited_s.map_or_else(|| "-".to_owned(), seconds),
            given_up.map_or_else(|| "-".to_owned(), |end| format!("{:.0}: {}", end.at, end.why)),
            target.error.as_ref().map_or_else(|| "launched".to_owned(), describe),
        ]);
    }
    let totals = super::summary::totals(summary);
    format!("{}\nrun {}\n{totals}\n", listing.to_text(OutputFormat::Table), summary.run_id)
}

/// The explanatory parts of the run's document.
fn document(summary: &RunSummary) -> WhyDocument<'_> {
    let aid = Aid::of(summary, !simulated::ends_with_launch() && hints::can_resume(summary.outcome));
    WhyDocument {
        run_id: summary.run_id,
        outcome: summary.outcome,
        requested: summary.requested,
        launched: summary.launched,
        running: summary.running,
        failed: summary.failed,
        targets: summary.targets.iter().map(|row| Target::of(row, aid)).collect(),
        slots: summary.instances.iter().map(|row| SlotReason::of(row, aid)).collect(),
    }
}
