//! In what a member differs from what the config would launch now. Pure.

use crate::plan::{EXPIRY_TAG, FleetSpec};
use crate::query::select::Machine;
use oci_api::models::{InstanceSourceDetails, LaunchInstanceDetails};
use serde::Serialize;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// What differs: `shape`, `ocpus`, `memory_gb`, `image`, `tag <key>`.
    pub what: String,
    /// What the member has; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
    /// What the config asks for.
    pub wanted: String,
}

/// In what a member differs from each placement of the config; empty when it is as one of them asks for. A member in another
/// place than the config names does not differ for that alone: where it is, is not what it is.
pub fn drift(machine: &Machine, fleet: &FleetSpec) -> Vec<Drift> {
    let mut least: Option<Vec<Drift>> = None;
    for placement in &fleet.placements {
        let launch = fleet.launch_at(placement);
        let found = differences(machine, &launch);
        if least.as_ref().is_none_or(|known| found.len() < known.len()) {
            least = Some(found);
        }
    }
    least.unwrap_or_default()
}

fn differences(machine: &Machine, launch: &LaunchInstanceDetails) -> Vec<Drift> {
    let mut found = Vec::new();
    let mut compare = |what: &str, is: Option<String>, wanted: Option<String>| {
        if let Some(wanted) = wanted.filter(|wanted| is.as_ref() != Some(wanted)) {
            found.push(Drift { what: what.to_owned(), is, wanted });
        }
    };
    compare("shape", Some(machine.shape.clone()), launch.shape.clone());
    let size = launch.shape_config.as_deref();
    let number = |number: Option<f64>| number.map(|number| number.to_string());
    compare("ocpus", number(machine.ocpus), number(size.and_then(|size| size.ocpus)));
    compare("memory_gb", number(machine.memory_gb), number(size.and_then(|size| size.memory_in_gbs)));
    let image = match launch.source_details.as_deref() {
        Some(InstanceSourceDetails::Image(image)) => image.image_id.clone(),
        _ => None,
    };
    compare("image", machine.image.clone(), image);
    for (key, value) in launch.freeform_tags.iter().flatten().filter(|(key, _)| *key != EXPIRY_TAG) {
        compare(&format!("tag {key}"), machine.tags.get(key).map(str::to_owned), Some(value.clone()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::Placement;
    use oci_api::models::LaunchInstanceShapeConfigDetails;

    fn fleet() -> FleetSpec {
        let placement = |shape: &str| Placement { shape: shape.to_owned(), ..Placement::default() };
        let template = LaunchInstanceDetails {
            shape_config: Some(Box::new(LaunchInstanceShapeConfigDetails {
                ocpus: Some(2.0),
                ..LaunchInstanceShapeConfigDetails::default()
            })),
            freeform_tags: Some([("team".to_owned(), "blue".to_owned())].into()),
            ..LaunchInstanceDetails::default()
        };
        let placements = vec![placement("VM.Standard.E5.Flex"), placement("VM.Standard.E4.Flex")];
        FleetSpec { placements, template, ..FleetSpec::default() }
    }

    fn machine(shape: &str, ocpus: f64, team: &str) -> Machine {
        Machine {
            shape: shape.to_owned(),
            ocpus: Some(ocpus),
            tags: [("team".to_owned(), team.to_owned())].into(),
            ..Machine::default()
        }
    }

    #[test]
    fn a_member_as_any_placement_asks_for_does_not_drift() {
        for shape in ["VM.Standard.E5.Flex", "VM.Standard.E4.Flex"] {
            assert_eq!(drift(&machine(shape, 2.0, "blue"), &fleet()), []);
        }
    }

    #[test]
    fn each_difference_is_told_with_both_values() {
        let told: Vec<String> = drift(&machine("VM.Standard.E4.Flex", 1.0, "red"), &fleet())
            .into_iter()
            .map(|drift| format!("{}: {:?} -> {}", drift.what, drift.is, drift.wanted))
            .collect();
        assert_eq!(told, ["ocpus: Some(\"1\") -> 2", "tag team: Some(\"red\") -> blue"]);
        let other = drift(&machine("VM.Standard3.Flex", 2.0, "blue"), &fleet());
        assert_eq!(other.first().map(|drift| drift.what.as_str()), Some("shape"));
    }
}
