//! What a launch would send: an outline for people, the whole request for `--dry-run`.

use super::budget::describe_budget;
use super::published::{PublishedDocument, text_of};
use super::reserving::PlannedReservations;
use super::text::{amount, clean, count};
use super::{dry_run_report, network, pooled, reserving, want};
use crate::args::OutputFormat;
use crate::config::Settings;
use crate::names::{ResolvedName, resolved_names};
use crate::output::network::{PlannedCluster, PlannedNetwork};
use fleet::plan::{Across, SpreadDomain, WantedTotals, WhenImpossible};
use fleet::preflight::Preflight;
use fleet::price::{Budget, Cost, Per};
use fleet::{FleetSpec, Plan, Strategy};
use ledger::{CapacityType, Placement};
use oci_client::Endpoints;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;

/// The contents of a dry run. The run's id does not exist yet, so a placeholder represents it.
pub struct Preview<'a> {
    /// The config. Its fleet is the plan's.
    pub settings: &'a Settings,
    /// The plan; its availability domains have their full names if the service was asked.
    pub plan: &'a Plan,
    /// The cost limit, if there is one.
    pub budget: Option<&'a Budget>,
    /// The preflight result, if the service was asked.
    pub answer: Option<&'a Preflight>,
    /// Whether it launches into its own reservations, which are created first.
    pub reserve: bool,
}

/// What a launch would send.
#[derive(Debug, JsonSchema, Serialize)]
pub struct DryRunDocument<'a> {
    /// Always `true`.
    dry_run: bool,
    /// Instances to launch.
    requested: u32,
    /// The method of each request.
    method: &'static str,
    /// The address of each request.
    url: &'a str,
    /// The placements, in the order in which they are tried.
    placements: &'a [Placement],
    /// The display names; empty if a pool names its members.
    names: Vec<String>,
    /// The body of the first request, `LaunchInstanceDetails`. The others differ in `displayName` and in the tag
    /// `oci-insta-scale-slot`, and at later placements in the fields that `placements` has. If a pool launches the instances,
    /// `CreateInstanceConfigurationDetails`: the pools follow it.
    body: &'a Value,
    /// What the service answered; `null` with `--offline`.
    preflight: Option<&'a Preflight>,
    /// The price while the instances run, and of unused reservations.
    cost: Cost,
    /// The price if every instance has the dearest of its shapes; `null` if unknown.
    cost_at_most: Option<Per>,
    /// The date of the price list.
    prices_as_of: Option<&'a str>,
    /// The OCIDs that stand for the names of the config; absent without names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resolved_names: Vec<ResolvedName<'a>>,
    /// What the launch does if not all instances can be had.
    strategy: Strategy,
    /// The wanted totals; absent without `want` in the config.
    #[serde(skip_serializing_if = "Option::is_none")]
    want: Option<WantedTotals>,
    /// `--min`; absent without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<u32>,
    /// How the instances are spread; absent without `spread` in the config.
    #[serde(skip_serializing_if = "Option::is_none")]
    spread: Option<PlannedSpread>,
    /// The network of the fleet; absent if the config names a subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<PlannedNetwork<'a>>,
    /// The compute cluster of the fleet; absent if its engine needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    compute_cluster: Option<PlannedCluster>,
    /// With `--reserve`, what is reserved first.
    #[serde(skip_serializing_if = "Option::is_none")]
    reserve: Option<PlannedReservations>,
    /// With `--max-cost-per-hour`, what the fleet costs at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_per_hour: Option<f64>,
    /// `--max-cost-per-hour`; absent without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_cost_per_hour: Option<f64>,
    /// The currency of both.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
}

impl PublishedDocument for DryRunDocument<'_> {
    const NAME: &'static str = "launch-dry-run";
    const COMMANDS: &'static [&'static str] = &["launch", "hunt"];
}

/// How the instances of a launch are spread.
#[derive(Debug, JsonSchema, Serialize)]
struct PlannedSpread {
    /// The kind of domain.
    across: Across,
    /// The greatest difference between two domains.
    max_skew: u32,
    /// What happens if it cannot be kept.
    when_impossible: WhenImpossible,
    /// The domains.
    domains: Vec<PlannedDomain>,
}

/// A domain, and how many instances it gets.
#[derive(Debug, JsonSchema, Serialize)]
struct PlannedDomain {
    /// The domain.
    domain: SpreadDomain,
    /// Instances.
    instances: u32,
}

impl PlannedDomain {
    fn of((domain, instances): (SpreadDomain, u32)) -> Self {
        Self { domain, instances }
    }
}

impl Preview<'_> {
    /// The text for stdout.
    pub fn text(&self, endpoints: &Endpoints, output: OutputFormat) -> String {
        let (url, body) = pooled::first_request(self.plan, endpoints);
        match output {
            OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => self.people(&url, &body),
            OutputFormat::Json | OutputFormat::Jsonl => text_of(&self.document(&url, &body), output),
        }
    }

    fn document<'b>(&'b self, url: &'b str, body: &'b Value) -> DryRunDocument<'b> {
        let Self { settings, plan, budget, answer, reserve } = self;
        let spread = plan.fleet.spread.map(|spread| PlannedSpread {
            across: spread.across,
            max_skew: spread.max_skew,
            when_impossible: spread.when_impossible,
            domains: plan.fleet.slots_by_domain().into_iter().map(PlannedDomain::of).collect(),
        });
        DryRunDocument {
            dry_run: true,
            requested: plan.fleet.count,
            method: "POST",
            url,
            placements: &plan.fleet.placements,
            // OCI names the members of a pool.
            names: plan
                .slots()
                .filter(|_| !plan.fleet.engine.is_pooled())
                .map(|slot| plan.name(slot))
                .collect(),
            body,
            preflight: *answer,
            cost: dry_run_report::fleet_cost(settings, *answer),
            cost_at_most: fleet::price::at_most(&plan.fleet, plan.fleet.count, &settings.prices).total,
            prices_as_of: settings.prices.as_of(),
            resolved_names: resolved_names(&settings.resolved),
            strategy: plan.strategy,
            want: plan.fleet.want,
            min: plan.min,
            spread,
            network: network::planned(&plan.fleet),
            compute_cluster: network::planned_cluster(&plan.fleet),
            reserve: reserve.then(|| reserving::document(settings, *answer)),
            cost_per_hour: budget.map(|budget| budget.hour),
            max_cost_per_hour: budget.map(|budget| budget.limit),
            currency: budget.map(|budget| budget.cost.currency.as_str()),
        }
    }

    fn people(&self, url: &str, body: &Value) -> String {
        let Self { settings, plan, budget, .. } = self;
        let mut out = String::new();
        // Writing to a String cannot fail, so the results are ignored.
        let _ = writeln!(out, "DRY RUN of {}: nothing will be launched\n", settings.file);
        let _ = writeln!(out, "{}", plan_outline(plan));
        if let Some(budget) = budget {
            let _ = writeln!(out, "{}\n", describe_budget(budget));
        }
        let pretty = serde_json::to_string_pretty(body).unwrap_or_default();
        if plan.fleet.engine.is_pooled() {
            let _ =
                writeln!(out, "The launch makes an instance configuration: POST {url}\nwith:\n{pretty}\n");
            let _ = writeln!(out, "{}", pooled::later_requests(plan));
            return out;
        }
        let _ = writeln!(out, "Each launch is POST {url}");
        let _ = writeln!(out, "with, for {}:\n{pretty}\n", clean(&plan.name(1)));
        let _ = writeln!(out, "{}", others(plan));
        let named = plan.fleet.placements.iter().all(|placement| placement.availability_domain.contains(':'));
        if !named {
            let _ = writeln!(out, "The launch looks up the full names of the availability domains.");
        }
        let _ = writeln!(
            out,
            "The tag {} will contain the id of the run, and {} the slot.",
            fleet::plan::RUN_TAG,
            fleet::plan::SLOT_TAG
        );
        out
    }
}

/// The fields of a launch that a placement may set.
const PLACED: &[&str] = &[
    "availabilityDomain",
    "faultDomain",
    "capacityReservationId",
    "shape",
    "shapeConfig",
    "imageId",
    "sourceDetails",
    "subnetId",
    "createVnicDetails",
    "preemptibleInstanceConfig",
];

/// The differences of the requests that are not shown.
fn others(plan: &Plan) -> String {
    let mut fields = Vec::new();
    if plan.fleet.count > 1 {
        fields.push("displayName".to_owned());
        fields.push(format!("the tag {}", fleet::plan::SLOT_TAG));
    }
    let launches = plan.fleet.placements.iter().map(|placement| plan.fleet.launch_at(placement));
    // Numbers and strings only, so serialisation cannot fail.
    let bodies: Vec<Value> =
        launches.map(|launch| serde_json::to_value(launch).unwrap_or_default()).collect();
    let differs = |field: &str| {
        // An unnamed domain represents all domains.
        let open = field == "availabilityDomain" && bodies.iter().any(|body| body[field] == "");
        open || bodies.iter().any(|body| body[field] != bodies[0][field])
    };
    let later: Vec<&str> = PLACED.iter().copied().filter(|field| differs(field)).collect();
    if !later.is_empty() {
        fields.push(if plan.fleet.spread.is_some() {
            format!("{}, by their domain", later.join(", "))
        } else {
            format!("{} if the first placement has no capacity", later.join(", "))
        });
    }
    if fields.is_empty() {
        return "It is the only request.".to_owned();
    }
    format!("The other requests differ in: {}.", fields.join("; "))
}

/// The names in a plan: `web-1 … web-12`.
fn names(plan: &Plan) -> String {
    let last = plan.name(plan.fleet.count);
    if plan.fleet.engine.is_pooled() {
        format!("named {}-… by OCI, launched by {}", clean(&plan.fleet.name_prefix), plan.fleet.engine.key())
    } else if plan.fleet.count == 1 {
        clean(&last)
    } else {
        format!("{} … {}", clean(&plan.name(1)), clean(&last))
    }
}

/// The kinds that an instance may become, in order: `VM.Standard.E4.Flex, 1 OCPU, 6 GB`.
fn shape_rows(fleet: &FleetSpec) -> Vec<(&'static str, String)> {
    let kinds = fleet.kinds().into_iter().enumerate();
    let mut rows: Vec<(&str, String)> =
        kinds.map(|(at, kind)| (if at == 0 { "shape" } else { "  or" }, shape_at(fleet, kind))).collect();
    if rows.is_empty() {
        rows.push(("shape", String::new()));
    }
    rows
}

fn shape_at(fleet: &FleetSpec, placement: &Placement) -> String {
    let size = fleet.size_at(placement);
    let ocpus = size.ocpus.map_or_else(String::new, |ocpus| format!(", {}", amount(ocpus, "OCPU")));
    let memory = size.memory_gb.map_or_else(String::new, |memory| format!(", {memory} GB"));
    let preemptible = match placement.capacity_type {
        Some(CapacityType::Preemptible) => ", preemptible",
        Some(CapacityType::OnDemand) => ", on demand",
        None => "",
    };
    format!("{}{ocpus}{memory}{preemptible}", clean(&placement.shape))
}

/// The instances to create, as labels and texts, for a question that states the location itself.
pub fn plan_rows(plan: &Plan) -> Vec<(&'static str, String)> {
    let fleet = &plan.fleet;
    let mut rows = vec![("launch", format!("{}: {}", count(fleet.count, "instance"), names(plan)))];
    rows.extend(want_row(fleet));
    rows.extend(shape_rows(fleet));
    rows.extend(placement_rows(fleet));
    rows.extend(network::row(fleet));
    rows.extend(network::cluster_row(fleet));
    rows
}

/// The wanted totals, for which the number of instances is that of the first choice.
fn want_row(fleet: &FleetSpec) -> Option<(&'static str, String)> {
    let want = fleet.want.as_ref()?;
    let most = count(want.max_instances, "instance");
    Some(("want", format!("{}, as the first choice; at most {most}", want::asked(want))))
}

/// The placements in the order in which they are tried, or the number of instances in each domain of a spread.
fn placement_rows(fleet: &FleetSpec) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(spread) = &fleet.spread {
        let otherwise = if spread.refuses() { "refused" } else { "as even as possible" };
        rows.push((
            "spread",
            format!("across {}, max skew {}, or {otherwise}", spread.across.plural(), spread.max_skew),
        ));
    }
    let domains = fleet.slots_by_domain();
    if domains.is_empty() {
        let next = if fleet.spread.is_some() { "  and" } else { "  then" };
        rows.extend(
            fleet.placements.iter().enumerate().map(|(at, placement)| {
                (if at == 0 { "placement" } else { next }, describe(fleet, placement))
            }),
        );
    }
    let used = domains.iter().filter(|(_, slots)| *slots > 0).enumerate();
    rows.extend(used.map(|(at, (domain, slots))| {
        let text = format!("{} in {}", count(*slots, "instance"), clean(&domain.to_string()));
        (if at == 0 { "placement" } else { "  and" }, text)
    }));
    rows
}

/// The instances to create, in a few lines.
pub fn plan_outline(plan: &Plan) -> String {
    let FleetSpec { region, compartment, count: wanted, .. } = &plan.fleet;
    let mut out = String::new();
    let _ = writeln!(out, "  {}: {}", count(*wanted, "instance"), names(plan));
    if let Some((label, text)) = want_row(&plan.fleet) {
        let _ = writeln!(out, "  {label:<12} {text}");
    }
    if let Some(min) = plan.min {
        let _ = writeln!(out, "  at least     {min}, otherwise everything is rolled back");
    }
    for (label, text) in shape_rows(&plan.fleet) {
        let _ = writeln!(out, "  {label:<12} {text}");
    }
    let _ = writeln!(out, "  region       {}", clean(region));
    for further in &plan.fleet.regions {
        let _ = writeln!(out, "    then       {}", clean(&further.region));
    }
    let _ = writeln!(out, "  compartment  {}", clean(compartment));
    for further in plan.fleet.regions.iter().filter(|further| further.compartment != *compartment) {
        let _ = writeln!(out, "               {} in {}", clean(&further.compartment), clean(&further.region));
    }
    let made = network::row(&plan.fleet).into_iter().chain(network::cluster_row(&plan.fleet));
    for (label, text) in placement_rows(&plan.fleet).into_iter().chain(made) {
        let _ = writeln!(out, "  {label:<12} {text}");
    }
    out
}

fn describe(fleet: &FleetSpec, placement: &Placement) -> String {
    let mut text = match (placement.availability_domain.as_str(), &placement.region) {
        ("", None) => "every availability domain of the region, in order, until one has capacity".to_owned(),
        ("", Some(region)) => {
            format!("every availability domain of {}, in order, until one has capacity", clean(region))
        }
        (name, None) => clean(name),
        (name, Some(region)) => format!("{} in {}", clean(name), clean(region)),
    };
    if let Some(fault) = &placement.fault_domain {
        let _ = write!(text, ", {}", clean(fault));
    }
    if fleet.kinds().len() > 1 {
        let _ = write!(text, ", {}", shape_at(fleet, placement));
        if let Some(image) = &placement.image {
            let _ = write!(text, ", image {}", clean(image));
        }
    }
    match placement.capacity_reservation.as_deref() {
        None => {}
        Some("") => text.push_str(", outside any reservation, even the default one"),
        Some(id) => {
            let _ = write!(text, ", reservation {}", clean(id));
        }
    }
    text
}
