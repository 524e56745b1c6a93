//! Finds shapes that the region lacks, and sizes that they do not accept, before anything is launched: otherwise every single
//! launch would be refused.

use super::finding::Finding;
use super::spec::FleetSpec;
use crate::price::{Size, describe};
use oci_api::Operation;
use oci_api::models::Shape;
use oci_client::{Call, Client, Failure};
use std::collections::BTreeSet;

/// A finding for each shape that is not offered, and for each size that its shape does not accept. A check that is not allowed
/// blocks nothing, because a user who may launch need not be allowed to list shapes.
pub(super) async fn impossible(client: &Client, fleet: &FleetSpec) -> Vec<Finding> {
    let wanted: BTreeSet<&str> = fleet
        .placements
        .iter()
        .map(|placement| placement.shape.as_str())
        .filter(|shape| !shape.is_empty())
        .collect();
    let only = match wanted.iter().copied().collect::<Vec<_>>().as_slice() {
        [] => return Vec::new(),
        // A single page suffices, whatever the region contains.
        [only] => Some(*only),
        _ => None,
    };
    let Ok(found) = list(client, &fleet.compartment, only).await else { return Vec::new() };
    let misfits = misfits(fleet, &found);
    if wanted.iter().all(|shape| has(&found, shape)) {
        return misfits;
    }
    let all = match only {
        Some(_) => list(client, &fleet.compartment, None).await.unwrap_or_default(),
        None => found,
    };
    let all: BTreeSet<String> = all.into_iter().map(|row| row.shape).collect();
    // An empty list means that nothing may be seen, not that nothing exists.
    let missing = wanted.into_iter().filter(|shape| !all.is_empty() && !all.contains(*shape));
    let region = fleet.first_placement().and_then(|placement| placement.region.as_deref());
    missing.map(|shape| finding(shape, &all, region)).chain(misfits).collect()
}

fn has(rows: &[Shape], shape: &str) -> bool {
    rows.iter().any(|row| row.shape == shape)
}

async fn list(client: &Client, compartment: &str, only: Option<&str>) -> Result<Vec<Shape>, Failure> {
    let call = Call::new(Operation::ListShapes).query("compartmentId", compartment).query_opt("shape", only);
    client.all(call).await
}

/// The kinds of a fleet whose shape does not accept their size. The service lists a shape several times if its limits differ
/// between availability domains; a size that fits one of them may be available there.
fn misfits(fleet: &FleetSpec, rows: &[Shape]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for kind in fleet.kinds() {
        let size = fleet.size_at(kind);
        let reasons: Vec<Option<String>> =
            rows.iter().filter(|row| row.shape == kind.shape).map(|row| misfit(row, size)).collect();
        if reasons.iter().any(Option::is_none) {
            continue;
        }
        let Some(reason) = reasons.into_iter().flatten().next() else { continue };
        let message = format!("{} is no size of this shape: {reason}", describe(&kind.shape, size));
        let found = Finding { shape: Some(kind.shape.clone()), ..Finding::new("shape_config", message) };
        if !findings.contains(&found) {
            findings.push(found);
        }
    }
    for row in rows.iter().filter(|row| wanted_without_rdma(fleet, row)) {
        let message = format!("{} has no RDMA, which `engine: {}` needs", row.shape, fleet.engine.key());
        let found = Finding { shape: Some(row.shape.clone()), ..Finding::new("shape", message) };
        if !findings.contains(&found) {
            findings.push(found);
        }
    }
    findings
}

/// Whether the engine of a fleet needs RDMA, and this shape of the fleet has none. The list of shapes that have it grows, so the
/// service is asked (Oracle: Shape, `rdmaPorts`).
pub(crate) fn wanted_without_rdma(fleet: &FleetSpec, row: &Shape) -> bool {
    fleet.engine.needs_rdma()
        && row.rdma_ports.is_some_and(|ports| ports == 0)
        && fleet.placements.iter().any(|placement| placement.shape == row.shape)
}

/// Why a shape does not accept a size, as far as the service states its limits.
pub(crate) fn misfit(row: &Shape, size: Size) -> Option<String> {
    let outside = |is: f64, least: Option<f64>, most: Option<f64>| {
        least.is_some_and(|least| is < least) || most.is_some_and(|most| is > most)
    };
    let range = |least: Option<f64>, most: Option<f64>| match (least, most) {
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("{least} or more"),
        (None, Some(most)) => format!("up to {most}"),
        (None, None) => "any number of".to_owned(),
    };
    if let (Some(ocpus), Some(bounds)) = (size.ocpus, row.ocpu_options.as_deref())
        && outside(ocpus, bounds.min, bounds.max)
    {
        return Some(format!("it has {} OCPUs", range(bounds.min, bounds.max)));
    }
    let (memory, bounds) = (size.memory_gb?, row.memory_options.as_deref()?);
    let each = |per_ocpu: Option<f64>| per_ocpu.zip(size.ocpus).map(|(gb, ocpus)| gb * ocpus);
    let least = bounds.min_in_gbs.into_iter().chain(each(bounds.min_per_ocpu_in_gbs)).reduce(f64::max);
    let most = bounds.max_in_gbs.into_iter().chain(each(bounds.max_per_ocpu_in_gbs)).reduce(f64::min);
    let with = size.ocpus.map_or_else(String::new, |ocpus| format!(" with {ocpus} OCPUs"));
    outside(memory, least, most).then(|| format!("it has {} GB{with}", range(least, most)))
}

fn finding(shape: &str, all: &BTreeSet<String>, region: Option<&str>) -> Finding {
    let place = region.unwrap_or("this region");
    let message = match (nearest(shape, all), region) {
        (Some(near), _) => format!("`{shape}` is not offered in {place}; did you mean `{near}`?"),
        (None, None) => format!(
            "`{shape}` is not offered in {place}; `oci-insta-scale find shapes` lists the available shapes"
        ),
        (None, Some(_)) => {
            format!("`{shape}` is not offered in {place}; list the shapes to try there under its `shapes`")
        }
    };
    let (shape, region) = (Some(shape.to_owned()), region.map(str::to_owned));
    Finding { shape, region, ..Finding::new("shape", message) }
}

/// The shape that was probably meant by a misspelt one: at most two typing errors, ignoring case.
fn nearest<'a>(shape: &str, all: &'a BTreeSet<String>) -> Option<&'a str> {
    let lower = shape.to_ascii_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&lower, &name.to_ascii_lowercase());
    let scored = all.iter().map(|name| (distance(name), name.as_str()));
    scored.min().filter(|(distance, _)| *distance <= 2).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_shape_finds_the_one_that_was_meant() {
        let all: BTreeSet<String> =
            ["VM.Standard.E4.Flex", "VM.Standard.E5.Flex", "VM.Standard2.1", "BM.GPU4.8"]
                .map(str::to_owned)
                .into();
        let near = |shape| nearest(shape, &all).unwrap_or("-");
        assert_eq!(near("VM.Standard.E4.Flx"), "VM.Standard.E4.Flex");
        assert_eq!(near("vm.standard.e5.flex"), "VM.Standard.E5.Flex");
        assert_eq!(near("VM.Standrad2.1"), "VM.Standard2.1");
        assert_eq!(near("t3.micro"), "-");
    }
}
