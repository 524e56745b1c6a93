//! Which shapes there are, where, and for which images.

use oci_api::Operation;
use oci_api::models::Shape;
use oci_client::{Call, Client, Failure};

use super::{Finding, Level, ShapeFacts};
use crate::plan::FleetSpec;

/// The shapes of the region, or of one availability domain: those that an image fits, if one is given. Named shapes
/// only, so that one page is enough.
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

/// The shapes that do not have the baseline that the fleet asks for.
pub(super) fn wrong_baselines(fleet: &FleetSpec, wanted: &[String], rows: &[Shape]) -> Vec<Finding> {
    let config = fleet.template.shape_config.as_deref();
    let Some(baseline) = config.and_then(|config| config.baseline_ocpu_utilization.as_ref()) else {
        return Vec::new();
    };
    let asked = baseline.as_str();
    if asked == "BASELINE_1_1" {
        return Vec::new();
    }
    let refuses = |row: &&Shape| {
        let offered = row.baseline_ocpu_utilizations.iter().flatten();
        wanted.contains(&row.shape) && !offered.into_iter().any(|offered| offered.as_str() == asked)
    };
    // With another shape to fall back to, not every launch fails.
    let level = if wanted.len() > 1 { Level::Warning } else { Level::Stop };
    rows.iter()
        .filter(refuses)
        .map(|row| {
            let offered = row.baseline_ocpu_utilizations.iter().flatten();
            let offered: Vec<&str> =
                offered.map(oci_api::models::ShapeBaselineOcpuUtilizations::as_str).collect();
            let what = if offered.is_empty() {
                "its instances are not burstable".to_owned()
            } else {
                format!("it has {}", offered.join(", "))
            };
            Finding::new(level, &row.shape, format!("{} does not come with {asked}: {what}", row.shape))
                .remedy("take `baseline_ocpu_utilization` out, or choose a burstable shape")
                .fatal()
        })
        .collect()
}

/// What is known of a shape.
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
