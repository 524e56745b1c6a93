//! A simulated region for one launch: in this process, over loopback HTTP, with credentials of its own.
//!
//! What the user's config names exists in it under the same OCIDs.

use super::verbosity;
use crate::args::Global;
use crate::environment;
use crate::error::CommandError;
use crate::output::console::{self, Verbosity};
use crate::output::simulated;
use fleet::FleetSpec;
use oci_api::models::{InstanceSourceDetails, LaunchInstanceDetails};
use oci_client::Endpoints;
use oci_client::credentials::{ApiKey, PrivateKey, Signer};
use oci_simulator::scenario::Scenario;
use oci_simulator::server::{self, Options, Running};
use oci_simulator::world::{Caller, Known, ReservedConfig};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// A region that exists for one command.
pub struct SimulatedRegion {
    running: Running,
}

impl SimulatedRegion {
    /// Starts it, and shows what is worth knowing about it.
    pub async fn start(
        global: &Global,
        scenario: &str,
        speed: Option<f64>,
        fleet: &FleetSpec,
    ) -> Result<Self, CommandError> {
        let mut scenario = Scenario::load(scenario)?;
        scenario.world.region.clone_from(&fleet.region);
        let identity = (!fleet.tenancy.is_empty())
            .then(|| Caller { tenancy: fleet.tenancy.clone(), user: SIMULATED_USER.to_owned() });
        let options = Options {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            scenario,
            speed,
            seed: environment::seed(),
            known: known(fleet),
            identity,
            ..Options::default()
        };
        let running = server::start(options).await?;
        simulated::announce_temporary(
            running.label().unwrap_or_default(),
            verbosity(global) == Verbosity::Quiet,
        );
        for note in running.notes.iter().filter(|_| verbosity(global) > Verbosity::Quiet) {
            console::line(note);
        }
        Ok(Self { running })
    }

    /// Where it is.
    pub fn endpoints(&self) -> Result<Endpoints, CommandError> {
        Ok(Endpoints::at(&self.running.endpoint())?)
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

/// What a fleet names, in the order in which it must be registered.
pub fn known(fleet: &FleetSpec) -> Vec<Known> {
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
    let vnic = template.create_vnic_details.as_deref();
    let subnet = vnic.and_then(|vnic| vnic.subnet_id.clone());
    let public = vnic.and_then(|vnic| vnic.assign_public_ip) != Some(false);
    known.extend(subnet.map(|ocid| Known::Subnet { ocid, compartment: compartment.clone(), public }));
    match template.source_details.as_deref() {
        Some(InstanceSourceDetails::Image(image)) => {
            known.extend(image.image_id.clone().map(|ocid| Known::Image { ocid, arm: None }));
        }
        Some(InstanceSourceDetails::BootVolume(volume)) => {
            let domain = fleet.placements.first().map(|placement| placement.availability_domain.clone());
            known.push(Known::BootVolume {
                ocid: volume.boot_volume_id.clone(),
                compartment: compartment.clone(),
                availability_domain: domain.filter(|name| !name.is_empty()).unwrap_or_else(|| "1".to_owned()),
            });
        }
        _ => {}
    }
    known.extend(others(template).map(|ocid| Known::Other { ocid }));
    let mut reserved: Vec<&str> = Vec::new();
    for placement in &fleet.placements {
        let Some(id) = placement.capacity_reservation.as_deref().filter(|id| !id.is_empty()) else {
            continue;
        };
        if !reserved.contains(&id) {
            reserved.push(id);
            let size = template.shape_config.as_deref();
            known.push(Known::CapacityReservation {
                ocid: id.to_owned(),
                compartment: compartment.clone(),
                availability_domain: placement.availability_domain.clone(),
                configs: vec![ReservedConfig {
                    shape: placement.shape.clone(),
                    ocpus: size.and_then(|size| size.ocpus),
                    memory_in_gbs: size.and_then(|size| size.memory_in_gbs),
                    cluster_placement_group: template.cluster_placement_group_id.clone(),
                    count: fleet.count,
                }],
            });
        }
    }
    known
}

/// What a launch names that the region knows by its OCID only: security groups, keys, clusters.
fn others(template: &LaunchInstanceDetails) -> impl Iterator<Item = String> {
    let vnic = template.create_vnic_details.as_deref();
    let groups = vnic.and_then(|vnic| vnic.nsg_ids.clone()).unwrap_or_default();
    let key = match template.source_details.as_deref() {
        Some(InstanceSourceDetails::Image(image)) => image.kms_key_id.clone(),
        _ => None,
    };
    let single = [
        key,
        vnic.and_then(|vnic| vnic.vlan_id.clone()),
        template.dedicated_vm_host_id.clone(),
        template.compute_cluster_id.clone(),
        template.cluster_placement_group_id.clone(),
    ];
    single.into_iter().flatten().chain(groups).filter(|ocid| !ocid.is_empty())
}
