//! Reads `engine:`, what of OCI launches the instances, and refuses what the engine cannot do.

use super::body::Body;
use super::context::GROUP;
use super::finding::{Finding, Findings, Place};
use super::pooled;
use super::section::Section;
use fleet::{Engine, FleetSpec};
use ledger::{CapacityType, Placement};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// The values of `engine`.
pub const ENGINES: [(&str, Engine); 4] = [
    ("instances", Engine::Instances),
    ("compute-cluster", Engine::ComputeCluster),
    ("instance-pool", Engine::InstancePool),
    ("cluster-network", Engine::ClusterNetwork),
];

/// The plug-ins of the agent without which the instances of a cluster have no RDMA (Oracle: "Compute Clusters").
const PLUGINS: [&str; 2] = ["Compute HPC RDMA Auto-Configuration", "Compute HPC RDMA Authentication"];

/// Reads the engine.
pub fn read_engine(section: &Section<'_>) -> Engine {
    section.choice("engine", &ENGINES).unwrap_or_default()
}

/// Reports settings of the group that the engine cannot launch.
pub fn check_engine(
    section: &Section<'_>,
    engine: Engine,
    (placements, body): (&[Placement], &Body),
    findings: &Findings,
) {
    let Some(place) = section.key_place("engine") else { return };
    match engine {
        Engine::Instances => {}
        Engine::ComputeCluster => check_cluster(place, section, (placements, body), findings),
        Engine::InstancePool => pooled::check_pool(engine, section, body, findings),
        Engine::ClusterNetwork => {
            pooled::check_pool(engine, section, body, findings);
            pooled::check_network(section, findings);
        }
    }
}

fn check_cluster(
    place: Place,
    section: &Section<'_>,
    (placements, body): (&[Placement], &Body),
    findings: &Findings,
) {
    let refuse = |place: Place, message: String, help: &str| {
        findings.mistake(Finding::at(place, message).help(help));
    };
    let domains: BTreeSet<&str> =
        placements.iter().map(|placement| placement.availability_domain.as_str()).collect();
    let domain = section.key_place("availability_domain").unwrap_or(place);
    if domains.len() > 1 {
        let message =
            format!("a compute cluster is in one availability domain, but {} are tried", domains.len());
        refuse(domain, message, "write the one that has the shape, or remove `engine`");
    } else if domains.contains("") {
        let message = "a compute cluster is in one availability domain, but the config names none".to_owned();
        refuse(domain, message, "write `availability_domain: AD-1`, or that of the shape");
    }
    let shapes: BTreeSet<&str> = placements.iter().map(|placement| placement.shape.as_str()).collect();
    for shape in shapes.into_iter().filter(|shape| shape.starts_with("VM.")) {
        refuse(
            section.key_place("shape").unwrap_or(place),
            format!("{shape} has no RDMA, which a compute cluster needs"),
            "choose a bare-metal shape with RDMA ports, such as BM.Optimized3.36, or remove `engine`",
        );
    }
    let preemptible = body.json().get("preemptibleInstanceConfig").is_some_and(|config| !config.is_null())
        || placements.iter().any(|placement| placement.capacity_type == Some(CapacityType::Preemptible));
    if preemptible {
        let message = "shapes with RDMA cannot be preemptible".to_owned();
        refuse(section.key_place("capacity_type").unwrap_or(place), message, "remove one of the two");
    }
    if let Some((place, key)) = body.origin_of("computeClusterId") {
        let message = format!("{key} names a compute cluster, but {GROUP}engine makes one");
        refuse(place, message, "remove one of the two");
    }
    let has_plugins = |name: &&str| {
        let plugins = body.json().get("agentConfig").and_then(|agent| agent.get("pluginsConfig"));
        plugins.and_then(Json::as_array).into_iter().flatten().any(|plugin| {
            plugin.get("name").and_then(Json::as_str) == Some(name)
                && plugin.get("desiredState").and_then(Json::as_str) == Some("ENABLED")
        })
    };
    let lacking: Vec<&str> = PLUGINS.iter().filter(|name| !has_plugins(name)).copied().collect();
    if !lacking.is_empty() {
        findings.note(
            Finding::at(place, format!("without the plug-ins {} the instances have no RDMA", lacking.join(" and ")))
                .help("enable them under `launch_details: {agentConfig: {pluginsConfig: […]}}`: docs/engines.md has the lines"),
        );
    }
}

/// Reports what only the whole file shows: an engine whose parts are found by the name of the fleet, and further regions.
pub fn check_fleet(top: &Section<'_>, fleet: &FleetSpec, findings: &Findings) {
    if fleet.engine.is_pooled() {
        pooled::check_regions(top, fleet.engine, findings);
    }
    let engine = top.node("instance_settings").and_then(|settings| settings.child("engine"));
    let Some(place) = engine.map(|node| node.place).filter(|_| fleet.engine == Engine::ComputeCluster) else {
        return;
    };
    if fleet.name.is_empty() {
        let message = "the compute cluster is found again by the name of the fleet, but the fleet has none";
        findings.mistake(Finding::at(place, message).help("write it at the top level: `fleet: web`"));
    }
    if !fleet.regions.is_empty() {
        let message = "a compute cluster is in one region, but the config has `regions`";
        findings.mistake(Finding::at(place, message).help("remove one of the two"));
    }
}
