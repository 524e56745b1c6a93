//! The region of a history, and the fleet that is launched there.

use crate::setup::Setup;
use fleet::{FleetSpec, Plan, plan::Reserve};
use jiff::Timestamp;
use ledger::Placement;
use oci_api::models::{
    CreateVnicDetails, InstanceSourceDetails, InstanceSourceViaImageDetails, LaunchAttachVolumeDetails,
    LaunchInstanceDetails, LaunchInstanceShapeConfigDetails,
};
use oci_client::Clock;
use oci_simulator::{
    server::{Region, ScaledClock, SimClock},
    world::Caller,
};
use std::sync::Arc;

pub const SHAPE: &str = "VM.Standard.E5.Flex";

/// The wall clock of all processes: the region's.
#[derive(Debug)]
pub struct RegionClock(Arc<ScaledClock>);

impl Clock for RegionClock {
    fn now(&self) -> Timestamp {
        self.0.wall()
    }
}

/// The region, and a clock that agrees with it.
pub fn open(setup: &Setup) -> (Region, Arc<RegionClock>) {
    let start: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let clock = Arc::new(ScaledClock::in_process(start));
    let region = Region::new(&setup.scenario, setup.seed, Arc::clone(&clock) as Arc<dyn SimClock>);
    let defaults = region.world().defaults();
    region.set_anonymous_caller(Caller { tenancy: defaults.tenancy, user: defaults.user });
    (region, Arc::new(RegionClock(clock)))
}

/// The fleet of a history.
pub fn plan(setup: &Setup, region: &Region) -> Plan {
    let defaults = region.world().defaults();
    let placement = |number: &usize| Placement {
        availability_domain: defaults.availability_domains[number - 1].clone(),
        shape: SHAPE.to_owned(),
        ..Placement::default()
    };
    let ocpus = f64::from(setup.ocpus);
    let template = LaunchInstanceDetails {
        create_vnic_details: Some(Box::new(CreateVnicDetails {
            subnet_id: Some(defaults.public_subnet.clone()),
            ..CreateVnicDetails::default()
        })),
        shape_config: Some(Box::new(LaunchInstanceShapeConfigDetails {
            ocpus: Some(ocpus),
            memory_in_gbs: Some(ocpus * 6.0),
            ..LaunchInstanceShapeConfigDetails::default()
        })),
        source_details: Some(Box::new(InstanceSourceDetails::Image(InstanceSourceViaImageDetails {
            image_id: Some(defaults.image.clone()),
            ..InstanceSourceViaImageDetails::default()
        }))),
        launch_volume_attachments: setup.volumes.then(data_volume),
        ..LaunchInstanceDetails::default()
    };
    let fleet = FleetSpec {
        region: "us-phoenix-1".to_owned(),
        tenancy: defaults.tenancy.clone(),
        compartment: defaults.compartment.clone(),
        naming: None,
        hostname: None,
        name_prefix: "web".to_owned(),
        count: setup.count,
        first_number: 1,
        numbers: Vec::new(),
        spread: None,
        homes: Vec::new(),
        name: "web".to_owned(),
        placements: setup.domains.iter().map(placement).collect(),
        template,
    };
    let reserve = setup.reserve.then(|| Reserve { release: true, ..Reserve::default() });
    Plan { min: setup.min, reserve, ..Plan::offline(fleet).unwrap() }
}

/// One data volume, made with the instance. The service keeps such volumes unless a termination says otherwise.
fn data_volume() -> Vec<LaunchAttachVolumeDetails> {
    let volume = serde_json::json!({
        "type": "paravirtualized",
        "launchCreateVolumeDetails": {"volumeCreationType": "ATTRIBUTES", "sizeInGBs": 50},
    });
    vec![serde_json::from_value(volume).unwrap()]
}
