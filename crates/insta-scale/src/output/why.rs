//! Explains by target why a launch has only the instances it has, for the summary and for `show --why`.
//!
//! Pure: a summary in, a text out.

use super::document::{Document, SCHEMA_VERSION};
use super::ending::Ending;
use super::instances::list::{short_domain, short_ocid};
use super::listing::Listing;
use super::simulated::mark;
use super::summary::describe;
use super::text::{amount, clean, count, seconds};
use crate::args::OutputFormat;
use crate::tuning::TARGETS_SHOWN;
use fleet::{RunSummary, TargetSummary};
use ledger::CapacityType;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// The fields of an instance that explain its state.
const SLOT_FIELDS: [&str; 10] = [
    "slot",
    "name",
    "ocid",
    "state",
    "availability_domain",
    "fault_domain",
    "attempts",
    "waited_s",
    "given_up",
    "error",
];

/// `AD-1 FD-2 VM.Standard.E4.Flex, 1 OCPU, 6 GB, preemptible`.
fn label(target: &TargetSummary) -> String {
    let mut text = short_domain(&target.availability_domain).to_owned();
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
        let document = mark(document(summary));
        let text = if format == OutputFormat::Json {
            serde_json::to_string_pretty(&document)
        } else {
            serde_json::to_string(&document)
        };
        // Strings, numbers and times only, so serialisation cannot fail.
        return text.unwrap_or_default() + "\n";
    }
    let titles = &["TARGET", "ATTEMPTS", "OBTAINED", "REFUSED", "WAITED", "GIVEN UP", "LAST ANSWER"];
    let mut listing = Listing::new("targets", titles);
    for target in &summary.targets {
        let given_up = target.given_up.as_ref();
        listing.push(
            vec![
                label(target),
                target.attempts.to_string(),
                target.obtained.to_string(),
                target.refused.to_string(),
                target.waited_s.map_or_else(|| "-".to_owned(), seconds),
                given_up.map_or_else(|| "-".to_owned(), |end| format!("{:.0}: {}", end.at, end.why)),
                target.error.as_ref().map_or_else(|| "launched".to_owned(), describe),
            ],
            Value::Null,
        );
    }
    let totals = super::summary::totals(summary);
    format!("{}\nrun {}\n{totals}\n", listing.to_text(OutputFormat::Table), summary.run_id)
}

/// The explanatory parts of the run's document.
fn document(summary: &RunSummary) -> Value {
    let ending = Ending::default();
    let whole = serde_json::to_value(Document::of(summary, &ending)).unwrap_or_default();
    let slot = |row: &Value| -> Map<String, Value> {
        SLOT_FIELDS.iter().map(|field| ((*field).to_owned(), row[*field].clone())).collect()
    };
    let slots: Vec<Map<String, Value>> =
        whole["instances"].as_array().map(|rows| rows.iter().map(slot).collect()).unwrap_or_default();
    json!({
        "schema_version": SCHEMA_VERSION,
        "run_id": summary.run_id,
        "outcome": summary.outcome,
        "requested": summary.requested,
        "launched": summary.launched,
        "running": summary.running,
        "failed": summary.failed,
        "targets": whole["targets"],
        "slots": slots,
    })
}
