//! The report of `plan`: verdicts, findings, sizes and prices, for people and for programs.

use super::capacity_history::SubjectMemory;
use super::document::SCHEMA_VERSION;
use super::listing::{Sum, write_price};
use super::network::{PlannedCluster, PlannedNetwork};
use super::published::PublishedDocument;
use super::reserving::PlannedReservations;
use super::simulated;
use super::text::{amount, clean, count, thousands};
use crate::config::Settings;
use crate::names::{ResolvedName, resolved_names};
use fleet::Plan;
use fleet::plan::{WantedTotals, is_same_kind};
use fleet::preflight::{Finding, KindVerdict, Level, Preflight, ShapeFacts};
use fleet::price::{self, Cost, Line, Per, Size};
use ledger::{CapacityType, Placement};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// The known facts about the fleet's first shape.
fn first_shape(settings: &Settings, preflight: Option<&Preflight>) -> ShapeFacts {
    let known = preflight.and_then(|preflight| preflight.shapes.first()).cloned();
    known.unwrap_or_else(|| {
        let first = settings.fleet.first_placement();
        let shape = first.map(|placement| placement.shape.clone()).unwrap_or_default();
        let billed_when_stopped = price::bills_when_stopped(&shape);
        ShapeFacts { shape, billed_when_stopped, ..ShapeFacts::default() }
    })
}

/// The size of each instance: from the config, otherwise from the shape.
fn each(settings: &Settings, preflight: Option<&Preflight>) -> Size {
    let anywhere = Placement::default();
    let first = settings.fleet.first_placement().unwrap_or(&anywhere);
    first_shape(settings, preflight).size_of(settings.fleet.size_at(first))
}

/// The price of a fleet: its instances, and the unused part of reservations.
pub fn fleet_cost(settings: &Settings, preflight: Option<&Preflight>) -> Cost {
    let fleet = &settings.fleet;
    let prices = &settings.prices;
    let size = each(settings, preflight);
    let cost = price::of_fleet(fleet, fleet.count, prices, size);
    let reservations = preflight.map(|preflight| preflight.reservations.as_slice()).unwrap_or_default();
    let shape = first_shape(settings, preflight).shape;
    let mut missing = fleet.count;
    let lines = reservations.iter().map(|reservation| {
        let drawn = reservation.free.min(missing);
        missing -= drawn;
        let used = price::of_reservation(&shape, size, drawn, prices).total;
        let left = match (reservation.unused_per_hour, used) {
            (Some(unused), Some(used)) => Some(price::rounded((unused - used.hour).max(0.0))),
            // If no launch uses the reservation, its price is independent of the others.
            (unused, None) if drawn == 0 => unused,
            _ => None,
        };
        let name = clean(&reservation.name);
        Line { what: format!("unused capacity of reservation {name}"), price: left.map(Per::of) }
    });
    let lines: Vec<Line> = cost.lines.iter().cloned().chain(lines).collect();
    Cost::new(prices, lines, cost.notes)
}

/// The source of the prices.
fn source(settings: &Settings) -> String {
    let prices = &settings.prices;
    let own = |shape: &str| prices.shapes.contains_key(shape);
    let placements = &settings.fleet.placements;
    let volumes = prices.boot_volume_gb_month.is_some();
    let all = !placements.is_empty() && placements.iter().all(|place| own(&place.shape)) && volumes;
    let Some(as_of) = prices.as_of().filter(|_| !all) else { return "the prices of the config".to_owned() };
    let list = format!("the price list of {as_of}");
    if volumes || placements.iter().any(|place| own(&place.shape)) {
        format!("the prices of the config and {list}")
    } else {
        list
    }
}

/// What a launch would create, whether it can be had, and its price.
#[derive(Debug, JsonSchema, Serialize)]
pub struct PlanDocument<'a> {
    schema_version: u32,
    /// Instances to launch.
    requested: u32,
    /// The display name of the first one; absent if OCI names them, as the members of a pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<String>,
    /// The display name of the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<String>,
    /// The OCPUs of all of them; `null` if unknown.
    ocpus: Option<f64>,
    /// The memory of all of them in GB; `null` if unknown.
    memory_gb: Option<f64>,
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
    /// The wanted totals; absent without `want` in the config.
    #[serde(skip_serializing_if = "Option::is_none")]
    want: Option<WantedTotals>,
    /// The network of the fleet; absent if the config names a subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<PlannedNetwork<'a>>,
    /// The compute cluster of the fleet; absent if its engine needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    compute_cluster: Option<PlannedCluster>,
    /// With `--reserve`, what is reserved first.
    #[serde(skip_serializing_if = "Option::is_none")]
    reserve: Option<PlannedReservations>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    simulated: bool,
    /// How the targets of the plan responded to earlier launches; absent if nothing is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub memory: Vec<SubjectMemory<'a>>,
}

impl PublishedDocument for PlanDocument<'_> {
    const NAME: &'static str = "plan";
    const COMMANDS: &'static [&'static str] = &["plan"];
}

impl<'a> PlanDocument<'a> {
    /// The complete report. `reserve` is for a launch that reserves its own capacity.
    pub fn of(settings: &'a Settings, preflight: Option<&'a Preflight>, reserve: bool) -> Self {
        let plan = Plan { fleet: settings.fleet.clone(), ..Plan::default() };
        let (ocpus, memory_gb) = totals(settings, preflight);
        let named = !settings.fleet.engine.is_pooled();
        Self {
            schema_version: SCHEMA_VERSION,
            requested: settings.fleet.count,
            first_name: named.then(|| plan.name(1)),
            last_name: named.then(|| plan.name(settings.fleet.count)),
            ocpus,
            memory_gb,
            preflight,
            cost: fleet_cost(settings, preflight),
            cost_at_most: price::at_most(&settings.fleet, settings.fleet.count, &settings.prices).total,
            prices_as_of: settings.prices.as_of(),
            resolved_names: resolved_names(&settings.resolved),
            want: settings.fleet.want,
            network: super::network::planned(&settings.fleet),
            compute_cluster: super::network::planned_cluster(&settings.fleet),
            reserve: reserve.then(|| super::reserving::document(settings, preflight)),
            simulated: simulated::is(),
            memory: Vec::new(),
        }
    }
}

/// The OCPUs and GB of the whole fleet, if its size is known.
fn totals(settings: &Settings, preflight: Option<&Preflight>) -> (Option<f64>, Option<f64>) {
    let size = each(settings, preflight);
    let all = |each: f64| each * f64::from(settings.fleet.count);
    (size.ocpus.map(all), size.memory_gb.map(all))
}

/// The total size and the tags, in a few lines below the outline of a plan.
pub fn size_text(settings: &Settings, preflight: Option<&Preflight>) -> String {
    let mut out = String::new();
    let (ocpus, memory) = totals(settings, preflight);
    let all: Vec<String> =
        [ocpus.map(|ocpus| amount(ocpus, "OCPU")), memory.map(|gb| format!("{gb} GB of memory"))]
            .into_iter()
            .flatten()
            .collect();
    if !all.is_empty() {
        let _ = writeln!(out, "  in all       {}", all.join(", "));
    }
    let tags = settings.fleet.template.freeform_tags.iter().flatten();
    let mut tags: Vec<String> = tags.map(|(key, value)| format!("{}={}", clean(key), clean(value))).collect();
    if let Some(name) = settings.fleet.tagged_name() {
        tags.push(format!("{}={}", fleet::plan::FLEET_TAG, clean(name)));
    }
    tags.push(format!("{}=<run>", fleet::plan::RUN_TAG));
    tags.push(format!("{}=<slot>", fleet::plan::SLOT_TAG));
    let _ = writeln!(out, "  tags         {}", tags.join(", "));
    out
}

/// The verdicts.
pub fn verdicts_text(preflight: &Preflight) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, so the results are ignored.
    match preflight.authenticated {
        Some(true) => out.push_str("credentials: accepted\n"),
        Some(false) => out.push_str("credentials: REFUSED\n"),
        None => {}
    }
    for (label, name) in [("image", &preflight.image), ("subnet", &preflight.subnet)] {
        if let Some(name) = name {
            let _ = writeln!(out, "{label}: {name}");
        }
    }
    for verdict in &preflight.verdicts {
        let place = &verdict.placement;
        let mut label = clean(&place.availability_domain);
        let kind = preflight.kinds.iter().find(|kind| is_same_kind(&kind.placement, place));
        if let Some(kind) = kind.filter(|_| preflight.kinds.len() > 1) {
            let _ = write!(label, ", {}", describe_kind(kind));
        }
        if let Some(fault) = &place.fault_domain {
            let _ = write!(label, ", {}", clean(fault));
        }
        let _ = writeln!(out, "{label}: {}", clean(&verdict.text()));
    }
    out.push_str(&kinds_text(preflight));
    if preflight.verdicts.len() > 1 {
        let _ = writeln!(out, "in all: {} of {}", preflight.possible, preflight.wanted);
    }
    out
}

/// `VM.Standard.E4.Flex, 1 OCPU, 6 GB, preemptible`.
fn describe_kind(kind: &KindVerdict) -> String {
    let size = Size { ocpus: kind.ocpus, memory_gb: kind.memory_gb };
    let preemptible = if kind.capacity_type == CapacityType::Preemptible { ", preemptible" } else { "" };
    format!("{}{preemptible}", clean(&price::describe(&kind.shape, size)))
}

/// One row per kind of instance if there are several: how many can be obtained, and the price.
fn kinds_text(preflight: &Preflight) -> String {
    let mut out = String::new();
    if preflight.kinds.len() < 2 {
        return out;
    }
    let names: Vec<String> = preflight.kinds.iter().map(describe_kind).collect();
    let width = names.iter().map(String::len).max().unwrap_or_default();
    let _ = writeln!(out, "\n  CHOICE  {:<width$}  POSSIBLE  PRICE PER HOUR", "INSTANCE");
    for (at, (kind, name)) in preflight.kinds.iter().zip(&names).enumerate() {
        let price = kind.price_per_hour.map_or_else(|| "unknown".to_owned(), |hour| thousands(hour, 4));
        let _ = writeln!(out, "  {:<6}  {name:<width$}  {:<8}  {price}", at + 1, kind.possible);
    }
    out.push('\n');
    out
}

/// The findings, each after an empty line.
pub fn findings_text(preflight: &Preflight) -> String {
    let mut out = String::new();
    for finding in &preflight.findings {
        out.push('\n');
        out.push_str(&finding_text(finding));
    }
    out
}

/// One finding, as several lines.
pub fn finding_text(finding: &Finding) -> String {
    let word = match finding.level {
        Level::Stop => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    };
    let id = finding.opc_request_id.as_ref().map_or_else(String::new, |id| format!(" (opc-request-id {id})"));
    let mut out = format!("{word}: {}: {}{id}\n", clean(&finding.about), clean(&finding.message));
    if let Some(remedy) = &finding.remedy {
        let _ = writeln!(out, "  {}", clean(remedy));
    }
    out
}

/// The bill.
pub fn money_text(settings: &Settings, preflight: Option<&Preflight>) -> String {
    let cost = fleet_cost(settings, preflight);
    let currency = clean(&cost.currency);
    let mut out = format!("cost in {currency} while the instances run, based on {}:\n", source(settings));
    for row in &cost.lines {
        write_price(&mut out, &row.what, row.price);
    }
    if cost.lines.len() > 1 {
        write_price(&mut out, "in all", cost.total);
    }
    for note in &cost.notes {
        let _ = writeln!(out, "  {}", clean(note));
    }
    if settings.fleet.kinds().len() > 1 {
        let most = price::at_most(&settings.fleet, settings.fleet.count, &settings.prices);
        if settings.fleet.want.is_some() {
            for line in most.lines.iter().filter(|_| most.lines.len() > 1) {
                write_price(&mut out, &clean(&line.what), line.price);
            }
            write_price(&mut out, "at most, whatever the choices obtained", most.total);
        } else {
            let dearest = most.lines.first().map(|line| clean(&line.what)).unwrap_or_default();
            write_price(&mut out, &format!("at most ({dearest})"), most.total);
        }
    }
    let fallback = || vec![first_shape(settings, None)];
    for shape in preflight.map_or_else(fallback, |preflight| preflight.shapes.clone()) {
        let _ = writeln!(out, "  {}", stopped(&shape));
    }
    for reservation in preflight.iter().flat_map(|preflight| &preflight.reservations) {
        let _ = writeln!(
            out,
            "  unused capacity of reservation {} costs now, before the launch: {} ({} % of the on-demand price)",
            clean(&reservation.name),
            Sum::of([reservation.unused_per_hour]).text(&currency),
            price::UNUSED_RESERVATION * 100.0
        );
    }
    let _ = writeln!(
        out,
        "  30 days are {} hours; a month of storage is {} hours, as Oracle's cost estimator counts it",
        price::HOURS_IN_30_DAYS,
        price::HOURS_IN_A_STORAGE_MONTH
    );
    out
}

fn stopped(facts: &ShapeFacts) -> String {
    let shape = clean(&facts.shape);
    match facts.billed_when_stopped {
        Some(true) => format!("a stopped {shape} costs as much as a running one"),
        Some(false) => format!("a stopped {shape} costs its boot volume only"),
        None => format!("it is unknown whether a stopped {shape} is charged"),
    }
}

/// The last line: whether a launch would succeed.
pub fn preflight_advice(preflight: &Preflight) -> String {
    if let Some(unasked) = &preflight.unasked {
        format!("OCI could not be queried ({}): {}", unasked.class, clean(&unasked.message))
    } else if preflight.authenticated == Some(false) {
        "nothing can be launched: OCI rejected the login".to_owned()
    } else if preflight.is_hopeless() {
        "every launch would fail".to_owned()
    } else if preflight.is_enough() {
        format!("as far as is known, {} can be launched", count(preflight.wanted, "instance"))
    } else {
        format!("{} of {} can be launched now", preflight.possible, count(preflight.wanted, "instance"))
    }
}
