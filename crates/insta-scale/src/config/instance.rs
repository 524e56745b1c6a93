//! Reads `instance_settings:` into the fleet to launch.
//!
//! It must not know about credentials, flags, or how a launch is sent.

use super::alternatives::{self, FirstChoice};
use super::body::Body;
use super::context::{Context, GROUP};
use super::finding::{Finding, Findings, Place};
use super::keys;
use super::metadata;
use super::naming::{self, Names};
use super::options;
use super::placement::{self, Domains};
use super::section::{At, Section};
use super::size::Sized;
use super::yaml::{Node, Value};
use super::{engine, network, own_network, single, size, source, spread, tags, want};
use fleet::Engine;
use fleet::plan::network::OwnNetwork;
use fleet::plan::{Spread, Strategy, WantedTotals};
use ledger::Placement;

/// The maximum number of instances of one run. A tenancy's limits are far below it; a typing error may not be.
pub const MAX_COUNT: u32 = 1_000_000;

/// The content of the group.
#[derive(Debug, Default)]
pub struct Instances {
    /// Instances are named `<prefix>-1 …`.
    pub names: Names,
    /// The number of instances, if the file states it; with wanted totals, the maximum.
    pub count: Option<u32>,
    /// The totals to reach in place of a number of instances.
    pub want: Option<At<WantedTotals>>,
    /// The placements, best first: those of the first choice, then those of the alternatives.
    pub placements: Vec<Placement>,
    /// Where the file asks for the cheapest choice first.
    pub cheapest: Option<Place>,
    /// What to do if fewer instances can be obtained.
    pub strategy: Option<At<Strategy>>,
    /// What of OCI launches the instances.
    pub engine: Engine,
    /// How members are spread over domains.
    pub spread: Option<Spread>,
    /// The network that a launch makes.
    pub network: Option<At<OwnNetwork>>,
    /// The fields of every launch.
    pub body: Body,
}

/// Reads the group. Missing keys are added to `missing`.
pub fn read_instances(node: &Node, context: &Context<'_>, missing: &mut Vec<String>) -> Instances {
    let Some(section) = Section::of(node, GROUP, keys::INSTANCE, context.findings) else {
        return Instances::default();
    };
    let mut out = Instances::default();
    let mut need = |found: bool, key: &str| {
        if !found && section.node(key).is_none_or(is_blank) && !section.is_misspelt(key) {
            missing.push(format!("{GROUP}{key}"));
        }
    };
    let count = section.whole("count");
    out.names = naming::read_names(&section, context.findings);
    let own = count.as_ref().map(|count| count.value as u32);
    out.want = want::read_want(&section, context);
    let most = out.want.as_ref().map(|want| want.value.max_instances);
    out.count = most.or(context.count).or(own).or_else(|| out.names.listed());
    let says = |key: &&str| section.node(key).is_some_and(|node| !is_blank(node));
    let named = ["display_name_prefix", "name_pattern", "names"].iter().any(says);
    need(named, "display_name_prefix");
    need(out.count.is_some() || section.key_place("want").is_some(), "count");
    naming::check_names(&section, &out.names, out.count, context.findings);
    let shape = section.text("shape");
    need(shape.is_some(), "shape");
    source::read_source(&section, context, &mut out.body, &mut need);
    network::read_network(&section, context, &mut out.body, &mut need);
    out.network = own_network::read_own_network(&section, context.findings);
    let sized = size::read_size(&section, shape.as_ref(), context.findings, &mut out.body);
    metadata::read_metadata(&section, context.folders, context.findings, &mut out.body);
    tags::read_tags(&section, context.findings, &mut out.body);
    options::read_options(&section, context, &mut out.body);
    let placed = placement::read_placements(
        &section,
        shape.as_ref().map(|shape| shape.value),
        context,
        &mut out.placements,
    );
    need(placed, "availability_domain");
    out.spread = spread::read_spread(&section, context.findings);
    if let Some(details) = section.node("launch_details") {
        pass_through(&section, details, &mut out, context.findings);
    }
    source::complete_source(&mut out.body);
    single::check_single_use(&out.body, out.count, context.findings);
    network::check_network(&out.body, context.findings);
    if let Some(network) = &out.network {
        own_network::check_own_network(network, out.count, &out.body, context);
    }
    metadata::check_raw(&out.body, context.findings);
    check_combinations(&section, &sized, &out, context.findings);
    read_choices(&section, shape.as_ref().map(|shape| shape.value), context, &mut out);
    section.refuse_blank(&["availability_domain", "fault_domain", "compute_cluster_id", "recovery_action"]);
    out.engine = engine::read_engine(&section);
    engine::check_engine(&section, out.engine, (&out.placements, &out.body), context.findings);
    metadata::check_size(&out.body, node.place, context.findings);
    out.body.check(&["availabilityDomain", "compartmentId"], context.findings);
    out
}

/// The values of `prefer`, and whether each puts the cheapest choice first.
pub const PREFER: [(&str, bool); 2] = [("listed", false), ("cheapest", true)];
/// The values of `strategy`.
pub const STRATEGIES: [(&str, Strategy); 3] = [
    ("greedy", Strategy::Greedy),
    ("best_effort", Strategy::BestEffort),
    ("all_or_nothing", Strategy::AllOrNothing),
];

/// Reads the alternatives, their order, and what to do if there are too few instances.
fn read_choices(section: &Section<'_>, shape: Option<&str>, context: &Context<'_>, out: &mut Instances) {
    let domains = Domains::of(&out.placements);
    let first = FirstChoice { shape, body: &out.body, domains: &domains };
    alternatives::read_alternatives(section, &first, context, &mut out.placements);
    if let Some(cheapest) = section.choice("prefer", &PREFER) {
        out.cheapest = section.node("prefer").map(|node| node.place).filter(|_| cheapest);
        if section.key_place("alternatives").is_none() && !section.is_misspelt("alternatives") {
            let message = "prefer orders the alternatives, but there are none";
            context.findings.note(
                Finding::at(section.node("prefer").map_or_else(Place::default, |node| node.place), message)
                    .help("add `alternatives:`, or remove `prefer`"),
            );
        }
    }
    let place = section.node("strategy").map(|node| node.place);
    out.strategy =
        section.choice("strategy", &STRATEGIES).zip(place).map(|(value, place)| At { value, place });
}

fn is_blank(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if scalar.text.trim().is_empty())
}

/// Fields that a slot, a placement or the top level sets, with the key for each.
const DECIDED: &[(&str, &str)] = &[
    ("displayName", "display_name_prefix"),
    ("availabilityDomain", "availability_domain"),
    ("faultDomain", "fault_domain"),
    ("capacityReservationId", "capacity_reservation_id"),
    ("shape", "shape"),
    ("compartmentId", "compartment_id"),
    ("imageId", "image_id"),
    ("subnetId", "subnet_id"),
];

fn pass_through(section: &Section<'_>, details: &Node, out: &mut Instances, findings: &Findings) {
    let Value::Map(entries) = &details.value else {
        section.wrong("launch_details", details, "a group of fields of LaunchInstanceDetails", None);
        return;
    };
    let key = "instance_settings.launch_details";
    for entry in entries {
        if let Some((field, own)) = DECIDED.iter().find(|(field, _)| *field == entry.key) {
            findings.mistake(
                Finding::at(entry.place, format!("{key}.{field} is set by `{own}`"))
                    .help(format!("remove it here and use `{own}`")),
            );
        }
    }
    let mut rest = details.clone();
    if let Value::Map(entries) = &mut rest.value {
        entries.retain(|entry| DECIDED.iter().all(|(field, _)| *field != entry.key));
    }
    out.body.pass_through(&rest, key, findings);
}

fn check_combinations(section: &Section<'_>, sized: &Sized, out: &Instances, findings: &Findings) {
    let preemptible = out.body.json().contains_key("preemptibleInstanceConfig");
    let reserved = out
        .placements
        .iter()
        .any(|place| place.capacity_reservation.as_deref().is_some_and(|id| !id.is_empty()));
    let refuse = |wrong: bool, key: &str, message: &str| {
        if let Some(node) = section.node(key).filter(|_| wrong) {
            findings.mistake(
                Finding::at(node.place, message)
                    .help("OCI does not support this combination: remove one of the two"),
            );
        }
    };
    refuse(
        preemptible && reserved,
        "preemptible",
        "a preemptible instance cannot use a capacity reservation",
    );
    refuse(preemptible && sized.burstable, "preemptible", "a preemptible instance cannot be burstable");
    refuse(
        preemptible && sized.shape.starts_with("BM."),
        "preemptible",
        "a bare metal instance cannot be preemptible",
    );
    refuse(
        sized.burstable && reserved,
        "shape_config",
        "a burstable instance cannot use a capacity reservation",
    );
}
