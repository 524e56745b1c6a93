//! The JSON document of a run, described in docs/output.md. Programs read it, so its fields stay.

use super::again::advice;
use super::ending::Ending;
use super::published::PublishedDocument;
use super::simulated;
use crate::hints::{self, Aid};
use fleet::launch::{EngineSummary, RatchetSummary, SpendingSummary, WantSummary};
use fleet::plan::WantedTotals;
use fleet::price::{StillCosts, rounded};
use fleet::{GivenUp, InstanceSummary, ObtainedKind, RunSummary, Strategy, TargetSummary};
use jiff::Timestamp;
use ledger::{CapacityType, ErrorRecord, RequestCount, RunId};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;

/// Version of the document. A new field does not change it; a changed or removed one does.
pub const SCHEMA_VERSION: u32 = 1;

/// A launch, a hunt or their resume, when it has ended.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Document<'a> {
    schema_version: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    simulated: bool,
    /// The run, a UUIDv7; the instances carry it in the tag `oci-insta-scale-run`.
    run_id: RunId,
    /// Instances requested; with `want`, those that exist and those that are still needed, as the first choice.
    requested: u32,
    /// Instances that exist.
    launched: u32,
    /// Instances that were seen RUNNING.
    running: u32,
    /// Slots whose last attempt failed; slots that were never tried are in none of these numbers.
    failed: u32,
    /// OCIDs of instances that were rolled back with their boot volumes because fewer than `--min` were reached.
    given_back: &'a [String],
    /// What a ratchet reserved, and its cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratchet: Option<&'a RatchetSummary>,
    /// What the instances of a hunt have cost, if that is bounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    spending: Option<&'a SpendingSummary>,
    /// What the engine of the run has made; absent with `engine: instances`.
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<&'a EngineSummary>,
    /// The obtained kinds of instances; several if the config has alternatives.
    obtained: &'a [ObtainedKind],
    /// The wanted totals, and what the instances amount to.
    #[serde(skip_serializing_if = "Option::is_none")]
    want: Option<Want>,
    /// What the launch does if not all instances can be had.
    strategy: Strategy,
    /// Warnings that did not stop the run.
    warnings: &'a [String],
    /// Seconds since the run started or was last resumed.
    elapsed_s: f64,
    /// Requests by operation.
    requests: &'a BTreeMap<String, RequestCount>,
    /// The price of the existing instances while they run, including boot volumes; `null` if a price is unknown.
    price_per_hour: Option<f64>,
    /// The same for 720 hours.
    price_per_30_days: Option<f64>,
    /// The currency of the prices.
    currency: Option<&'a str>,
    /// The expiry of the fleet (`--ttl`).
    expires: Option<Timestamp>,
    /// How each placement responded, in the order of first tries.
    targets: Vec<Target<'a>>,
    /// One entry per slot, in order.
    #[schemars(with = "Vec<Instance<'a>>")]
    instances: SlotEntries<'a>,
    /// After `launch --reserve` and a resume of such a run: unused resources that continue to cost money.
    #[serde(skip_serializing_if = "Option::is_none")]
    still_costs: Option<&'a [StillCosts]>,
}

/// The entries of the slots, each made when it is written.
#[derive(Debug)]
struct SlotEntries<'a> {
    rows: &'a [InstanceSummary],
    ending: &'a Ending,
    aid: Aid,
}

impl Serialize for SlotEntries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows.iter().map(|row| Instance::of(row, self.ending, self.aid)))
    }
}

/// The document as the last of the JSON lines.
#[derive(Serialize)]
struct LastLine<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    document: &'a Document<'a>,
}

/// Wanted totals.
#[derive(Debug, JsonSchema, Serialize)]
struct Want {
    /// The totals that were asked for.
    asked: WantedTotals,
    /// What the instances amount to.
    obtained: Obtained,
    /// Whether the totals are reached.
    reached: bool,
}

/// What all instances amount to.
#[derive(Debug, JsonSchema, Serialize)]
struct Obtained {
    /// OCPUs.
    ocpus: f64,
    /// Memory in GB.
    memory_gb: f64,
}

/// A slot and its instance.
#[derive(Debug, JsonSchema, Serialize)]
struct Instance<'a> {
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
    /// What the instance is, or was last tried.
    shape: Option<&'a str>,
    /// The requested size; `null` if neither the config nor the placement sets one.
    ocpus: Option<f64>,
    /// The requested size; `null` if neither the config nor the placement sets one.
    memory_gb: Option<f64>,
    /// How its capacity is bought.
    capacity_type: Option<CapacityType>,
    /// Placements tried.
    attempts: u32,
    /// It has no instance, and its hunt continues: `error` is then the last response rather than a failure. Absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    waiting: bool,
    /// When it was launched.
    launched_at: Option<Timestamp>,
    /// When it was seen RUNNING.
    running_at: Option<Timestamp>,
    /// Seconds between the two.
    ready_in_s: Option<f64>,
    /// The private address of its first VNIC.
    #[schemars(with = "Option<String>")]
    private_ip: Option<IpAddr>,
    /// The public address of that VNIC.
    #[schemars(with = "Option<String>")]
    public_ip: Option<IpAddr>,
    /// Seconds from the first request to the launch, or until the slot was given up.
    waited_s: Option<f64>,
    /// When and why a slot without an instance was given up.
    given_up: Option<&'a GivenUp>,
    /// The last failure.
    error: Option<DocumentError<'a>>,
}

/// The responses of one target.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Target<'a> {
    #[serde(flatten)]
    row: &'a TargetSummary,
    /// The last failure.
    error: Option<DocumentError<'a>>,
}

/// A failure, and what to do about it.
#[derive(Debug, JsonSchema, Serialize)]
pub struct DocumentError<'a> {
    /// The kind of failure. Accept unknown kinds: new ones may be added.
    class: &'a str,
    /// The code, from OCI.
    code: &'a str,
    /// The text, from OCI.
    message: &'a str,
    /// The id of the request, for a support request.
    opc_request_id: Option<&'a str>,
    /// What to do.
    hint: String,
}

impl PublishedDocument for Document<'_> {
    const NAME: &'static str = "launch";
    const COMMANDS: &'static [&'static str] = &["launch", "hunt", "resume", "show"];
}

impl<'a> Document<'a> {
    /// The document of a run, with the facts from its end.
    pub fn of(summary: &'a RunSummary, ending: &'a Ending) -> Self {
        let price = ending.hour.filter(|_| ending.asked);
        let aid = Aid::of(summary, !simulated::ends_with_launch() && hints::can_resume(summary.outcome));
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
            engine: summary.engine.as_deref(),
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
            targets: summary.targets.iter().map(|row| Target::of(row, aid)).collect(),
            instances: SlotEntries { rows: &summary.instances, ending, aid },
            still_costs: summary.still_costs.as_deref(),
        }
    }

    /// Writes the document with a trailing line break.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self)?;
        out.write_all(b"\n")
    }

    /// Writes the document as the last of the JSON lines: `{"type":"summary",…}`.
    pub fn write_line(&self, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, &LastLine { r#type: "summary", document: self })?;
        out.write_all(b"\n")
    }
}

impl<'a> Instance<'a> {
    fn of(row: &'a InstanceSummary, ending: &'a Ending, aid: Aid) -> Self {
        let addresses = ending.addresses.get(&row.slot);
        Self {
            slot: row.slot,
            name: &row.name,
            ocid: row.ocid.as_deref(),
            state: row.state.as_deref(),
            region: row.region.as_deref(),
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
            private_ip: addresses.and_then(|found| found.private),
            public_ip: addresses.and_then(|found| found.public),
            waited_s: row.waited_s,
            given_up: row.given_up.as_deref(),
            error: row.error.as_ref().map(|error| DocumentError::of(error, aid)),
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
    /// A target.
    pub fn of(row: &'a TargetSummary, aid: Aid) -> Self {
        Self { row, error: row.error.as_ref().map(|error| DocumentError::of(error, aid)) }
    }
}

impl<'a> DocumentError<'a> {
    /// A failure with its hint.
    pub fn of(error: &'a ErrorRecord, aid: Aid) -> Self {
        Self {
            class: error.class.as_str(),
            code: &error.code,
            message: &error.message,
            opc_request_id: error.opc_request_id.as_deref(),
            hint: advice(hints::hint_after(error, aid)),
        }
    }
}
