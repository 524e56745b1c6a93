//! The differences between a member and what the config would launch now. Pure.

use crate::plan::{EXPIRY_TAG, FleetSpec};
use crate::query::select::Machine;
use ledger::{CapacityType, Placement};
use oci_api::models::InstanceSourceDetails;
use schemars::JsonSchema;
use serde::Serialize;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Drift {
    /// The property that differs: `shape`, `ocpus`, `memory_gb`, `image`, `tag <key>`.
    pub what: String,
    /// The member's value; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
    /// The config's value.
    pub wanted: String,
}

/// The differences between a member and the placements of its region; empty if it matches one of them. Images and shapes may
/// differ between regions; the location of a member is not a difference.
pub fn drift(machine: &Machine, fleet: &FleetSpec) -> Vec<Drift> {
    let mut least: Option<Vec<Drift>> = None;
    for placement in fleet.placements_beside(machine.region.as_deref()) {
        let found = differences(machine, fleet, placement);
        if least.as_ref().is_none_or(|known| found.len() < known.len()) {
            least = Some(found);
        }
    }
    least.unwrap_or_default()
}

/// The placement of the config that a member matches; `None` for one that drifted.
pub fn kind_of<'a>(machine: &Machine, fleet: &'a FleetSpec) -> Option<&'a Placement> {
    let alike = |placement: &&Placement| differences(machine, fleet, placement).is_empty();
    let bought = |placement: &&Placement| {
        (fleet.capacity_type_at(placement) == CapacityType::Preemptible) == machine.preemptible
    };
    let found: Vec<&Placement> = fleet.placements_beside(machine.region.as_deref()).filter(alike).collect();
    found.iter().copied().find(bought).or(found.first().copied())
}

impl Drift {
    /// Whether the difference concerns the machine itself: its shape, size or image. Tags are only labels.
    pub fn is_of_the_machine(&self) -> bool {
        matches!(self.what.as_str(), "shape" | "ocpus" | "memory_gb" | "image")
    }
}

/// Existing members that differ from new ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MixedFleet {
    /// The number of members that differ.
    pub members: usize,
    /// Each difference with both values and the number of members that have it, the most frequent first.
    pub differences: Vec<(Drift, usize)>,
}

/// The members that differ from new ones; `None` if there are none.
pub fn mixed<'a>(machines: impl IntoIterator<Item = &'a Machine>, fleet: &FleetSpec) -> Option<MixedFleet> {
    let mut mixed = MixedFleet::default();
    for machine in machines {
        let found: Vec<Drift> = drift(machine, fleet).into_iter().filter(Drift::is_of_the_machine).collect();
        mixed.members += usize::from(!found.is_empty());
        for drift in found {
            match mixed.differences.iter_mut().find(|(known, _)| *known == drift) {
                Some((_, count)) => *count += 1,
                None => mixed.differences.push((drift, 1)),
            }
        }
    }
    mixed.differences.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    (mixed.members > 0).then_some(mixed)
}

fn differences(machine: &Machine, fleet: &FleetSpec, placement: &Placement) -> Vec<Drift> {
    let launch = fleet.launch_at(placement);
    let mut found = Vec::new();
    let mut compare = |what: &str, is: Option<String>, wanted: Option<String>| {
        if let Some(wanted) = wanted.filter(|wanted| is.as_ref() != Some(wanted)) {
            found.push(Drift { what: what.to_owned(), is, wanted });
        }
    };
    compare("shape", Some(machine.shape.to_string()), launch.shape.clone());
    let size = launch.shape_config.as_deref();
    let number = |number: Option<f64>| number.map(|number| number.to_string());
    compare("ocpus", number(machine.ocpus), number(size.and_then(|size| size.ocpus)));
    compare("memory_gb", number(machine.memory_gb), number(size.and_then(|size| size.memory_in_gbs)));
    let image = match launch.source_details.as_deref() {
        Some(InstanceSourceDetails::Image(image)) if !fleet.has_open_image(placement) => {
            image.image_id.clone()
        }
        _ => None,
    };
    compare("image", machine.image.as_deref().map(str::to_owned), image);
    for (key, value) in launch.freeform_tags.iter().flatten().filter(|(key, _)| *key != EXPIRY_TAG) {
        compare(&format!("tag {key}"), machine.tags.get(key).map(str::to_owned), Some(value.clone()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::RegionSpec;
    use oci_api::models::{LaunchInstanceDetails, LaunchInstanceShapeConfigDetails};

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
            shape: shape.into(),
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
    fn a_choice_of_another_region_is_no_excuse() {
        let mut fleet = fleet();
        let there = Some("us-ashburn-1".to_owned());
        let region = RegionSpec { region: "us-ashburn-1".to_owned(), ..RegionSpec::default() };
        fleet.regions.push(region);
        let shape = "VM.Standard3.Flex".to_owned();
        fleet.placements.push(Placement { region: there.clone(), shape, ..Placement::default() });
        let drifts = |shape, region: Option<&str>| {
            let machine = Machine { region: region.map(Into::into), ..machine(shape, 2.0, "blue") };
            let found = [!drift(&machine, &fleet).is_empty(), kind_of(&machine, &fleet).is_none()];
            assert_eq!(found[0], found[1], "{machine:?}");
            found[0]
        };
        assert!(!drifts("VM.Standard3.Flex", there.as_deref()));
        assert!(drifts("VM.Standard3.Flex", Some("us-phoenix-1")) && drifts("VM.Standard3.Flex", None));
        assert!(!drifts("VM.Standard.E5.Flex", Some("us-phoenix-1")));
        assert!(drifts("VM.Standard.E5.Flex", there.as_deref()));
    }

    #[test]
    fn a_member_is_priced_as_the_choice_that_it_is() {
        let mut fleet = fleet();
        let dry = Placement { capacity_type: Some(CapacityType::Preemptible), ..fleet.placements[1].clone() };
        fleet.placements.push(dry);
        let is = |machine: &Machine| {
            fleet.placements.iter().position(|place| Some(place) == kind_of(machine, &fleet))
        };
        let e4 = machine("VM.Standard.E4.Flex", 2.0, "blue");
        assert_eq!(is(&e4), Some(1));
        assert_eq!(is(&Machine { preemptible: true, ..e4.clone() }), Some(2));
        assert_eq!(is(&Machine { ocpus: Some(1.0), ..e4 }), None);
    }

    #[test]
    fn only_other_machines_make_a_mixed_fleet() {
        let other = |ocpus, team| machine("VM.Standard.E4.Flex", ocpus, team);
        assert_eq!(mixed(&[other(2.0, "blue"), other(2.0, "red")], &fleet()), None);
        let found = mixed(&[other(1.0, "red"), other(4.0, "blue"), other(1.0, "blue")], &fleet()).unwrap();
        let told: Vec<String> = found
            .differences
            .iter()
            .map(|(drift, count)| format!("{} {:?} {count}", drift.what, drift.is))
            .collect();
        assert_eq!(found.members, 3);
        assert_eq!(told, ["ocpus Some(\"1\") 2", "ocpus Some(\"4\") 1"]);
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
