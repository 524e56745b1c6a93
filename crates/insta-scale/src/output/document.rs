//! The JSON document of a run, described in docs/output.md. Programs read it, so its fields stay.

use super::again::advice;
use super::ending::Ending;
use super::simulated;
use crate::args::OutputFormat;
use crate::hints;
use fleet::launch::{RatchetSummary, SpendingSummary, WantSummary};
use fleet::plan::WantedTotals;
use fleet::price::{StillCosts, rounded};
use fleet::{GivenUp, InstanceSummary, ObtainedKind, RunSummary, Strategy, TargetSummary};
use jiff::Timestamp;
use ledger::{CapacityType, ErrorRecord, RequestCount, RunId};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Version of the document. A new field does not change it; a changed or removed one does.
pub const SCHEMA_VERSION: u32 = 1;

/// A document for programs, marked if the region is simulated; `None` for people.
pub fn document_text(document: Value, format: OutputFormat) -> Option<String> {
    let document = simulated::mark(document);
    match format {
        // Strings, numbers and times only, so serialisation cannot fail.
        OutputFormat::Json => Some(serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"),
        OutputFormat::Jsonl => Some(document.to_string() + "\n"),
        OutputFormat::Table | OutputFormat::Csv | OutputFormat::Wide => None,
    }
}

/// A run as one JSON document.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    schema_version: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    simulated: bool,
    run_id: RunId,
    requested: u32,
    launched: u32,
    running: u32,
    failed: u32,
    given_back: &'a [String],
    /// What a ratchet reserved, and its cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratchet: Option<&'a RatchetSummary>,
    /// What the instances of a hunt have cost, if that is bounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    spending: Option<&'a SpendingSummary>,
    /// The obtained kinds of instances; several if the config has alternatives.
    obtained: &'a [ObtainedKind],
    /// The wanted totals, and what the instances amount to.
    #[serde(skip_serializing_if = "Option::is_none")]
    want: Option<Want>,
    strategy: Strategy,
    warnings: &'a [String],
    elapsed_s: f64,
    requests: &'a BTreeMap<String, RequestCount>,
    price_per_hour: Option<f64>,
    price_per_30_days: Option<f64>,
    currency: Option<&'a str>,
    expires: Option<Timestamp>,
    targets: Vec<Target<'a>>,
    instances: Vec<Instance<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    still_costs: Option<&'a [StillCosts]>,
}

/// Wanted totals.
#[derive(Debug, Serialize)]
struct Want {
    asked: WantedTotals,
    obtained: Obtained,
    reached: bool,
}

/// What all instances amount to.
#[derive(Debug, Serialize)]
struct Obtained {
    ocpus: f64,
    memory_gb: f64,
}

#[derive(Debug, Serialize)]
struct Instance<'a> {
    slot: u32,
    name: &'a str,
    ocid: Option<&'a str>,
    state: Option<&'a str>,
    availability_domain: Option<&'a str>,
    fault_domain: Option<&'a str>,
    shape: Option<&'a str>,
    ocpus: Option<f64>,
    memory_gb: Option<f64>,
    capacity_type: Option<CapacityType>,
    attempts: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    waiting: bool,
    launched_at: Option<Timestamp>,
    running_at: Option<Timestamp>,
    ready_in_s: Option<f64>,
    private_ip: Option<&'a str>,
    public_ip: Option<&'a str>,
    waited_s: Option<f64>,
    given_up: Option<&'a GivenUp>,
    error: Option<Error<'a>>,
}

/// The responses of one target.
#[derive(Debug, Serialize)]
struct Target<'a> {
    #[serde(flatten)]
    row: &'a TargetSummary,
    error: Option<Error<'a>>,
}

#[derive(Debug, Serialize)]
struct Error<'a> {
    class: &'a str,
    code: &'a str,
    message: &'a str,
    opc_request_id: Option<&'a str>,
    hint: String,
}

impl<'a> Document<'a> {
    /// The document of a run, with the facts from its end.
    pub fn of(summary: &'a RunSummary, ending: &'a Ending) -> Self {
        let price = ending.hour.filter(|_| ending.asked);
        let resumable = !simulated::ends_with_launch() && hints::can_resume(summary.outcome);
        Self {
            schema_version: SCHEMA_VERSION,
            simulated: simulated::is(),
            run_id: summary.run_id,
            requested: summary.requested,
            launched: summary.launched,
            running: summary.running,
            failed: summary.failed,
            given_back: summary.returned.as_deref().map_or(&[], |returned| &returned.instances),
            ratchet: summary.ratchet.as_deref(),
            spending: summary.spending.as_deref(),
            obtained: &summary.obtained,
            want: summary.want.map(Want::of),
            strategy: summary.strategy,
            warnings: &summary.warnings,
            elapsed_s: summary.elapsed_s,
            requests: &summary.requests,
            price_per_hour: price.map(|price| rounded(price.hour)),
            price_per_30_days: price.map(|price| rounded(price.days_30)),
            currency: price.map(|_| ending.currency.as_str()),
            expires: ending.expires,
            targets: summary.targets.iter().map(|row| Target::of(row, resumable)).collect(),
            instances: summary.instances.iter().map(|row| Instance::of(row, ending, resumable)).collect(),
            still_costs: summary.still_costs.as_deref(),
        }
    }

    /// The document as text with a trailing line break.
    pub fn to_text(&self) -> String {
        // Numbers, strings and times only, so serialisation cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The document as the last of the JSON lines: `{"type":"summary",…}`.
    pub fn to_line(&self) -> String {
        last_line(serde_json::to_value(self).unwrap_or_default())
    }
}

/// A document as the last of the JSON lines: `{"type":"summary",…}`.
pub fn last_line(document: serde_json::Value) -> String {
    let mut line = serde_json::json!({"type": "summary"});
    if let (Some(line), serde_json::Value::Object(fields)) = (line.as_object_mut(), document) {
        line.extend(fields);
    }
    line.to_string() + "\n"
}

impl<'a> Instance<'a> {
    fn of(row: &'a InstanceSummary, ending: &'a Ending, resumable: bool) -> Self {
        let addresses = ending.addresses.get(&row.slot);
        Self {
            slot: row.slot,
            name: &row.name,
            ocid: row.ocid.as_deref(),
            state: row.state.as_deref(),
            availability_domain: row.availability_domain.as_deref(),
            fault_domain: row.fault_domain.as_deref(),
            shape: row.shape.as_deref(),
            ocpus: row.ocpus,
            memory_gb: row.memory_gb,
            capacity_type: row.capacity_type,
            attempts: row.attempts,
            waiting: row.waiting,
            launched_at: row.launched_at,
            running_at: row.running_at,
            ready_in_s: row.ready_in_s,
            private_ip: addresses.and_then(|found| found.private.as_deref()),
            public_ip: addresses.and_then(|found| found.public.as_deref()),
            waited_s: row.waited_s,
            given_up: row.given_up.as_ref(),
            error: row.error.as_ref().map(|error| Error::of(error, resumable)),
        }
    }
}

impl Want {
    fn of(want: WantSummary) -> Self {
        let obtained = Obtained { ocpus: want.ocpus, memory_gb: want.memory_gb };
        Self { asked: want.asked, obtained, reached: want.reached }
    }
}

impl<'a> Target<'a> {
    fn of(row: &'a TargetSummary, resumable: bool) -> Self {
        Self { row, error: row.error.as_ref().map(|error| Error::of(error, resumable)) }
    }
}

impl<'a> Error<'a> {
    fn of(error: &'a ErrorRecord, resumable: bool) -> Self {
        Self {
            class: error.class.as_str(),
            code: &error.code,
            message: &error.message,
            opc_request_id: error.opc_request_id.as_deref(),
            hint: advice(hints::hint_after(error, resumable)),
        }
    }
}
