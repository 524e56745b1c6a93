//! The region of a history, and the fleet launched in it.

use crate::setup::Setup;
use fleet::{Plan, plan::Reserve};
use ledger::{CapacityType, Placement};
use oci_api::models::{LaunchAttachVolumeDetails, LaunchInstanceDetails};
use oci_simulator::server::Region;
use std::sync::Arc;
use testkit::{RegionClock, World};

pub const SHAPE: &str = "VM.Standard.E5.Flex";
/// The shape of the alternative.
pub const OTHER_SHAPE: &str = "VM.Standard.E4.Flex";

/// The region, and a matching clock.
pub fn open(setup: &Setup) -> (Region, Arc<RegionClock>) {
    let World { region, clock, .. } = World::open(setup.scenario.clone(), setup.seed);
    (region, clock)
}

/// The fleet of a history.
pub fn plan(setup: &Setup, region: &Region) -> Plan {
    let defaults = region.world().defaults();
    let mut fleet = testkit::fleet(&defaults, SHAPE, setup.count, &setup.domains);
    fleet.template = LaunchInstanceDetails {
        launch_volume_attachments: setup.volumes.then(data_volume),
        ..testkit::template(&defaults, f64::from(setup.ocpus))
    };
    if let Some(wanting) = &setup.wanting {
        return wanting.plan(&fleet, setup.min);
    }
    let first = fleet.placements.clone();
    if setup.other_shape {
        let other = |place: &Placement| Placement { shape: OTHER_SHAPE.to_owned(), ..place.clone() };
        fleet.placements.extend(first.iter().map(other));
    }
    // Preemptible instances cannot be reserved.
    if setup.preemptible && !setup.reserve {
        let preemptible = Some(CapacityType::Preemptible);
        let cheaper = |place: &Placement| Placement { capacity_type: preemptible, ..place.clone() };
        fleet.placements.extend(first.iter().map(cheaper));
    }
    let reserve = setup.reserve.then(|| Reserve { release: true, ..Reserve::default() });
    Plan { min: setup.min, reserve, ..Plan::offline(fleet).unwrap() }
}

/// One data volume, created with the instance. The service keeps such volumes unless a termination says otherwise.
fn data_volume() -> Vec<LaunchAttachVolumeDetails> {
    let volume = serde_json::json!({
        "type": "paravirtualized",
        "launchCreateVolumeDetails": {"volumeCreationType": "ATTRIBUTES", "sizeInGBs": 50},
    });
    vec![serde_json::from_value(volume).unwrap()]
}
