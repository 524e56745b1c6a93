//! What the engines cannot do whose instances OCI launches from a pool.
//!
//! It must not know how an engine launches.

use super::body::Body;
use super::finding::{Finding, Findings, Place};
use super::section::Section;
use fleet::Engine;
use fleet::plan::{MAX_FREEFORM_TAGS, MAX_POOL, not_configurable};

/// What a pool cannot do: the keys, and the reason.
const NO_POOL: &[(&[&str], &str)] = &[
    (&["name_pattern", "names"], "a pool names its members itself, by the prefix and a number"),
    (&["hostname"], "a pool has no host name for a certain member"),
    (&["spread"], "a pool spreads its members over the listed domains itself"),
    (
        &["capacity_reservation_id", "capacity_reservation", "capacity_reservations"],
        "a pool does not fall back to other capacity when a reservation is full",
    ),
    (&["alternatives", "prefer"], "all members of a pool are launched from one instance configuration"),
    (&["want"], "all members of a pool have one size, so a number of instances is wanted"),
    (&["dedicated_vm_host_id", "dedicated_vm_host"], "a pool places its members itself"),
    (&["compute_cluster_id", "compute_cluster"], "a pool places its members itself"),
    (&["boot_volume_id"], "a boot volume cannot be the source of an instance configuration"),
    (&["preemptible"], "a pool would replace each member that OCI reclaims"),
];
/// The tags that the engine adds to members: fleet, run and engine.
const TAGS: usize = 3;

/// Reports what a pool cannot launch.
pub fn check_pool(engine: Engine, section: &Section<'_>, body: &Body, findings: &Findings) {
    let engine = engine.key();
    let refuse = |place: Place, key: &str, why: &str| {
        findings.mistake(
            Finding::at(place, format!("{key} cannot be combined with `engine: {engine}`: {why}"))
                .help(format!("remove {key}, or use `engine: instances`")),
        );
    };
    for (keys, why) in NO_POOL {
        for key in *keys {
            if let Some(place) = section.key_place(key) {
                refuse(place, key, why);
            }
        }
    }
    for field in not_configurable(body.json()) {
        // Those with a key of their own are in the table above.
        let given = ["preemptibleInstanceConfig", "dedicatedVmHostId", "computeClusterId"];
        if let Some((place, key)) = body.origin_of(field).filter(|_| !given.contains(&field)) {
            refuse(place, key, "an instance configuration has no such field");
        }
    }
    let tags = body.json().get("freeformTags").and_then(serde_json::Value::as_object);
    if let Some(place) = section.key_place("freeform_tags")
        && tags.map_or(0, serde_json::Map::len) + TAGS > MAX_FREEFORM_TAGS
    {
        let message =
            format!("`engine: {engine}` adds {TAGS} freeform tags, and OCI allows {MAX_FREEFORM_TAGS}");
        findings
            .mistake(Finding::at(place, message).help(format!("list at most {}", MAX_FREEFORM_TAGS - TAGS)));
    }
}

/// Refuses what the one pool of a cluster network cannot do. Whether a shape has RDMA is for OCI to say: its list grows.
pub fn check_network(section: &Section<'_>, findings: &Findings) {
    let engine = Engine::ClusterNetwork.key();
    let help = "list one, or use `engine: instance-pool`";
    if section.texts("availability_domain").len() != 1 {
        let place = section.key_place("availability_domain").or_else(|| section.key_place("engine"));
        let message =
            format!("`engine: {engine}` needs one availability_domain: OCI places its members together");
        if let Some(place) = place {
            findings.mistake(Finding::at(place, message).help(help));
        }
    }
    if let Some(place) = section.key_place("fault_domain") {
        let message = format!(
            "fault_domain cannot be combined with `engine: {engine}`: OCI places the members together"
        );
        findings.mistake(Finding::at(place, message).help("remove fault_domain"));
    }
    if let Some(shape) = section.text("shape").filter(|shape| !shape.value.trim().starts_with("BM.")) {
        let message =
            format!("`engine: {engine}` needs a bare-metal shape with RDMA, and {} is none", shape.value);
        findings.mistake(Finding::at(shape.place, message).help("`find shapes` lists shapes"));
    }
    if let Some(count) = section.whole("count").filter(|count| count.value > i64::from(MAX_POOL)) {
        let message = format!("`engine: {engine}` has one pool, which has at most {MAX_POOL} instances");
        findings.mistake(Finding::at(count.place, message).help("lower count, or use several configs"));
    }
}

/// Refuses further regions for an engine that is in one.
pub fn check_regions(top: &Section<'_>, engine: Engine, findings: &Findings) {
    if let Some(place) = top.key_place("regions") {
        let message =
            format!("regions cannot be combined with `engine: {}`, which works in one region", engine.key());
        findings.mistake(
            Finding::at(place, message).help("use a config for each region, or `engine: instances`"),
        );
    }
}
