//! Which shapes exist, where, and for which images.

use oci_api::Operation;
use oci_api::models::Shape;
use oci_client::{Call, Client, Failure};

use super::{Finding, Level, ShapeFacts};
use crate::plan::{FleetSpec, grouped, misfit, wanted_without_rdma};
use crate::price::describe;
use ledger::Placement;
use std::collections::BTreeSet;

/// The shapes of the region or of one availability domain; if an image is given, only those that fit it. Only named shapes are
/// requested, so that one page suffices.
pub(super) async fn ask(
    client: &Client,
    compartment: &str,
    availability_domain: Option<&str>,
    image: Option<&str>,
    wanted: &[String],
) -> Result<Vec<Shape>, Failure> {
    let call = Call::new(Operation::ListShapes)
        .query("compartmentId", compartment)
        .query_opt("availabilityDomain", availability_domain)
        .query_opt("imageId", image);
    let call = match wanted {
        [only] => call.query("shape", only),
        _ => call,
    };
    let mut rows: Vec<Shape> = client.all(call).await?;
    rows.retain(|row| wanted.contains(&row.shape));
    Ok(rows)
}

/// The names of all shapes of the region.
pub(super) async fn names(client: &Client, compartment: &str) -> Result<Vec<String>, Failure> {
    let call = Call::new(Operation::ListShapes).query("compartmentId", compartment);
    let rows: Vec<Shape> = client.all(call).await?;
    let mut names: Vec<String> = rows.into_iter().map(|row| row.shape).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// The shapes that do not support the baseline requested for them.
pub(super) fn wrong_baselines(fleet: &FleetSpec, placements: &[Placement], rows: &[Shape]) -> Vec<Finding> {
    let shapes: BTreeSet<&str> = placements.iter().map(|placement| placement.shape.as_str()).collect();
    // If another shape is a fallback, not every launch fails.
    let level = if shapes.len() > 1 { Level::Warning } else { Level::Stop };
    let mut findings: Vec<Finding> = Vec::new();
    for placement in placements {
        let asked =
            fleet.launch_at(placement).shape_config.and_then(|config| config.baseline_ocpu_utilization);
        let row = rows.iter().find(|row| row.shape == placement.shape);
        let (Some(asked), Some(row)) = (asked, row) else { continue };
        let finding = wrong_baseline(asked.as_str(), row, level);
        findings.extend(finding.filter(|finding| !findings.contains(finding)));
    }
    findings
}

/// The kinds whose shape does not accept their size, or lacks what the engine needs.
pub(super) fn unfit(fleet: &FleetSpec, placements: &[Placement], rows: &[Shape]) -> Vec<Finding> {
    let mut findings = wrong_sizes(fleet, placements, rows);
    findings.extend(without_rdma(fleet, placements, rows));
    findings
}

fn wrong_sizes(fleet: &FleetSpec, placements: &[Placement], rows: &[Shape]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let sized = |placement: &Placement| (placement.shape.clone(), placement.size.clone());
    for (_, places) in grouped(placements, sized) {
        let Some(place) = places.first() else { continue };
        let size = fleet.size_at(place);
        let row = rows.iter().find(|row| row.shape == place.shape);
        let Some(reason) = row.and_then(|row| misfit(row, size)) else { continue };
        let message = format!("{} is no size of this shape: {reason}", describe(&place.shape, size));
        let finding = Finding::new(Level::Stop, &place.shape, message).remedy("change its `shape_config`");
        findings.push(finding.about_some(&places, placements));
    }
    findings
}

/// The shapes without RDMA, of a fleet whose engine needs it.
fn without_rdma(fleet: &FleetSpec, placements: &[Placement], rows: &[Shape]) -> Vec<Finding> {
    let without = rows.iter().filter(|row| wanted_without_rdma(fleet, row));
    let found = without.map(|row| {
        let message = format!("{} has no RDMA, which `engine: {}` needs", row.shape, fleet.engine.key());
        let places: Vec<Placement> =
            placements.iter().filter(|placement| placement.shape == row.shape).cloned().collect();
        Finding::new(Level::Stop, &row.shape, message)
            .remedy("choose a shape with RDMA ports, such as BM.Optimized3.36, or remove `engine`")
            .about_some(&places, placements)
    });
    found.collect()
}

fn wrong_baseline(asked: &str, row: &Shape, level: Level) -> Option<Finding> {
    let offered: Vec<&str> = row
        .baseline_ocpu_utilizations
        .iter()
        .flatten()
        .map(oci_api::models::ShapeBaselineOcpuUtilizations::as_str)
        .collect();
    if asked == "BASELINE_1_1" || offered.contains(&asked) {
        return None;
    }
    let what = if offered.is_empty() {
        "its instances are not burstable".to_owned()
    } else {
        format!("it has {}", offered.join(", "))
    };
    let message = format!("{} does not support {asked}: {what}", row.shape);
    Some(
        Finding::new(level, &row.shape, message)
            .remedy("remove `baseline_ocpu_utilization`, or choose a burstable shape")
            .fatal(),
    )
}

/// The facts about a shape.
pub(super) fn facts(shape: &str, row: Option<&Shape>) -> ShapeFacts {
    ShapeFacts {
        shape: shape.to_owned(),
        ocpus: row.and_then(|row| row.ocpus),
        memory_gb: row.and_then(|row| row.memory_in_gbs),
        memory_gb_per_ocpu: row.and_then(|row| row.memory_options.as_ref()?.default_per_ocpu_in_gbs),
        billed_when_stopped: row
            .and_then(|row| row.is_billed_for_stopped_instance)
            .or_else(|| crate::price::bills_when_stopped(shape)),
    }
}
