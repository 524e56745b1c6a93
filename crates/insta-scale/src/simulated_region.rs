//! A simulated region for one launch, in this process, over loopback HTTP, with its own credentials.
//!
//! The resources that the user's config names exist in it under the same OCIDs.

use crate::environment;
use crate::error::CommandError;
use crate::output::console;
use crate::output::simulated;
use crate::session::Session;
use fleet::reservation::Want;
use fleet::{FleetSpec, named};
use ledger::Placement;
use oci_api::models::InstanceSourceDetails;
use oci_client::Endpoints;
use oci_client::credentials::{ApiKey, PrivateKey, Signer};
use oci_simulator::scenario::Scenario;
use oci_simulator::server::{self, Options, Running};
use oci_simulator::world::{Caller, Known, ReservedConfig};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// A region that exists for one command.
pub struct SimulatedRegion {
    running: Running,
    speed: f64,
}

impl SimulatedRegion {
    /// Starts the region and shows notes about it.
    pub async fn start(
        session: &Session,
        scenario: &str,
        speed: Option<f64>,
        fleet: &FleetSpec,
    ) -> Result<Self, CommandError> {
        let further: Vec<String> = fleet.regions.iter().map(|region| region.region.clone()).collect();
        let scenario = Scenario::load(scenario)?.for_regions(&fleet.region, &further);
        let identity = (!fleet.tenancy.is_empty())
            .then(|| Caller { tenancy: fleet.tenancy.clone(), user: SIMULATED_USER.to_owned() });
        let ticks = speed.or(scenario.speed).unwrap_or(server::SPEED);
        let options = Options {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            scenario,
            speed,
            seed: environment::seed(),
            known: resources_named_by(&fleet.in_region(None)),
            known_elsewhere: resources_elsewhere(fleet),
            identity,
            ..Options::default()
        };
        let running = server::start(options).await?;
        simulated::announce_temporary(running.label().unwrap_or_default(), session.is_quiet());
        for note in running.notes.iter().filter(|_| !session.is_quiet()) {
            console::line(note);
        }
        Ok(Self { running, speed: ticks })
    }

    /// Its endpoints.
    pub fn endpoints(&self) -> Result<Endpoints, CommandError> {
        Ok(Endpoints::at(&self.running.endpoint())?)
    }

    /// The further regions of its tenancy: names and base URLs.
    pub fn further(&self) -> Vec<(String, String)> {
        self.running.further()
    }

    /// Simulated seconds per real second.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Its own user.
    pub fn signer(&self) -> Result<Arc<dyn Signer>, CommandError> {
        let identity = &self.running.identity;
        let name = "the simulated region's key";
        let key = PrivateKey::from_pem(identity.private_key_pem.as_bytes(), None, name)?;
        let Caller { tenancy, user } = &identity.caller;
        Ok(Arc::new(ApiKey::new(tenancy, user, &identity.fingerprint, key, name)?))
    }

    /// Stops it.
    pub async fn stop(self) -> Result<(), CommandError> {
        Ok(self.running.shutdown().await?)
    }
}

/// The user who signs in a tenancy that the config names.
const SIMULATED_USER: &str = "ocid1.user.oc1..rehearsal";

/// What a fleet names in its further regions, by their names.
pub fn resources_elsewhere(fleet: &FleetSpec) -> BTreeMap<String, Vec<Known>> {
    // Tags belong to the tenancy, which its home region has.
    let is_regional = |known: &Known| !matches!(known, Known::DefinedTag { .. });
    let named = |name: &str| {
        let all = resources_named_by(&fleet.in_region(Some(name)));
        all.into_iter().filter(is_regional).collect()
    };
    fleet.regions.iter().map(|region| (region.region.clone(), named(&region.region))).collect()
}

/// The resources that a fleet names, in the order in which they must be registered.
pub fn resources_named_by(fleet: &FleetSpec) -> Vec<Known> {
    let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let template = &fleet.template;
    let compartment = filled(&fleet.compartment);
    let mut known = Vec::new();
    known.extend(filled(&fleet.tenancy).map(|ocid| Known::Tenancy { ocid }));
    if fleet.compartment != fleet.tenancy {
        known.extend(compartment.clone().map(|ocid| Known::Compartment { ocid, parent: None }));
    }
    let domains = fleet.placements.iter().map(|placement| &placement.availability_domain);
    known.extend(
        domains
            .filter(|name| name.contains(':'))
            .map(|name| Known::AvailabilityDomain { name: name.clone() }),
    );
    known.extend(launched(fleet, compartment.as_ref()));
    if let Some(InstanceSourceDetails::BootVolume(volume)) = template.source_details.as_deref() {
        let domain = fleet.first_placement().map(|placement| placement.availability_domain.clone());
        known.push(Known::BootVolume {
            ocid: volume.boot_volume_id.clone(),
            compartment: compartment.clone(),
            availability_domain: domain.filter(|name| !name.is_empty()).unwrap_or_else(|| "1".to_owned()),
        });
    }
    let others = named::of_launch(template).into_iter().filter(|(named, _)| named.told_to_region);
    known.extend(others.map(|(_, ocid)| Known::Other { ocid }));
    let vnic = template.create_vnic_details.as_ref().and_then(|vnic| vnic.defined_tags.as_ref());
    let spaces = template.defined_tags.iter().chain(vnic).flatten();
    known.extend(spaces.flat_map(|(namespace, keys)| {
        keys.keys().map(|key| Known::DefinedTag { namespace: namespace.clone(), key: key.clone() })
    }));
    let mut reserved: Vec<&str> = Vec::new();
    for placement in &fleet.placements {
        let Some(id) = placement.capacity_reservation.as_deref().filter(|id| !id.is_empty()) else {
            continue;
        };
        if !reserved.contains(&id) {
            reserved.push(id);
            let want = Want::of_placement(fleet, placement, fleet.slots());
            known.push(Known::CapacityReservation {
                ocid: id.to_owned(),
                compartment: compartment.clone(),
                availability_domain: placement.availability_domain.clone(),
                configs: vec![ReservedConfig {
                    shape: want.shape,
                    ocpus: want.ocpus,
                    memory_in_gbs: want.memory_gb,
                    cluster_placement_group: want.cluster_placement_group,
                    count: want.count,
                }],
            });
        }
    }
    known
}

/// The subnets and images that the fleet's launches name at its placements, without duplicates.
fn launched(fleet: &FleetSpec, compartment: Option<&String>) -> Vec<Known> {
    let anywhere = [Placement::default()];
    let placements = if fleet.placements.is_empty() { &anywhere[..] } else { &fleet.placements };
    let mut known: Vec<Known> = Vec::new();
    for launch in placements.iter().map(|placement| fleet.launch_at(placement)) {
        let vnic = launch.create_vnic_details.as_deref();
        let public = vnic.and_then(|vnic| vnic.assign_public_ip) != Some(false);
        let subnet = vnic.and_then(|vnic| vnic.subnet_id.clone()).or(launch.subnet_id.clone());
        let subnet = subnet.map(|ocid| Known::Subnet { ocid, compartment: compartment.cloned(), public });
        let image = match launch.source_details.as_deref() {
            Some(InstanceSourceDetails::Image(image)) => image.image_id.clone(),
            _ => launch.image_id.clone(),
        };
        let image = image.map(|ocid| Known::Image { ocid, arm: None });
        for item in [subnet, image].into_iter().flatten() {
            if !known.contains(&item) {
                known.push(item);
            }
        }
    }
    known
}
