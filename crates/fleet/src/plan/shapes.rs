//! Finds shapes that the region does not have before anything is launched: a launch would answer "not found or not
//! authorised", once for each instance.

use super::finding::Finding;
use super::spec::FleetSpec;
use oci_api::Operation;
use oci_api::models::Shape;
use oci_client::{Call, Client, Failure};
use std::collections::BTreeSet;

/// A finding for each shape that is not offered. What cannot be asked stands in nobody's way: whoever may launch need not be
/// allowed to list shapes.
pub(super) async fn unknown(client: &Client, fleet: &FleetSpec) -> Vec<Finding> {
    let wanted: BTreeSet<&str> = fleet
        .placements
        .iter()
        .map(|placement| placement.shape.as_str())
        .filter(|shape| !shape.is_empty())
        .collect();
    let only = match wanted.iter().copied().collect::<Vec<_>>().as_slice() {
        [] => return Vec::new(),
        // One page whatever the region has.
        [only] => Some(*only),
        _ => None,
    };
    let Ok(found) = list(client, &fleet.compartment, only).await else { return Vec::new() };
    if wanted.iter().all(|shape| found.contains(*shape)) {
        return Vec::new();
    }
    let all = match only {
        Some(_) => list(client, &fleet.compartment, None).await.unwrap_or_default(),
        None => found,
    };
    // An empty list says that nothing may be seen, not that there is nothing.
    let missing = wanted.into_iter().filter(|shape| !all.is_empty() && !all.contains(*shape));
    missing.map(|shape| finding(shape, &all)).collect()
}

async fn list(client: &Client, compartment: &str, only: Option<&str>) -> Result<BTreeSet<String>, Failure> {
    let call = Call::new(Operation::ListShapes).query("compartmentId", compartment).query_opt("shape", only);
    let rows: Vec<Shape> = client.all(call).await?;
    Ok(rows.into_iter().map(|row| row.shape).collect())
}

fn finding(shape: &str, all: &BTreeSet<String>) -> Finding {
    let message = match nearest(shape, all) {
        Some(near) => format!("`{shape}` is not offered in this region; did you mean `{near}`?"),
        None => format!(
            "`{shape}` is not offered in this region; `oci-insta-scale find shapes` lists the available shapes"
        ),
    };
    Finding { shape: Some(shape.to_owned()), ..Finding::new("shape", message) }
}

/// The shape that a misspelt one was probably meant to be: two slips at most, whatever the case.
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
