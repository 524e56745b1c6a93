//! What the user wants: the kinds of instances and their number. It is the result of reading config.yaml.

use super::engine::Engine;
use super::naming::{NamePattern, Naming, Values};
use super::network::{NetworkPlan, OwnNetwork};
use super::region::{RegionSpec, set_image, set_subnet};
use super::spread::Spread;
use super::want::WantedTotals;
use super::{MAX_FREEFORM_TAGS, Origin, TAGS_OF_A_RUN};
use ledger::{CapacityType, Placement, PlacementSize, SlotNumber};
use oci_api::models::{
    InstanceSourceDetails, LaunchInstanceDetails, LaunchInstanceShapeConfigDetails,
    PreemptibleInstanceConfigDetails, PreemptionAction, TerminatePreemptionAction,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The instances that one config describes. It contains no secrets, so that a run can store it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FleetSpec {
    /// The region's name: `us-phoenix-1`.
    pub region: String,
    /// The tenancy, the root compartment.
    pub tenancy: String,
    /// The compartment in which the instances are created.
    pub compartment: String,
    /// The name of the fleet, which its instances carry in a tag; empty in plans from before fleets had names.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The prefix of the names. Instances are named `<prefix>-1 … <prefix>-N` unless `naming` says otherwise.
    pub name_prefix: String,
    /// How instances are named, if not by the prefix and a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub naming: Option<Naming>,
    /// The host name of each instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<NamePattern>,
    /// What of OCI launches the instances and holds them together.
    #[serde(default, skip_serializing_if = "Engine::is_default")]
    pub engine: Engine,
    /// The number of instances; with wanted totals, the number of the first choice that reaches them.
    pub count: u32,
    /// The totals to reach in place of a number of instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub want: Option<WantedTotals>,
    /// The number of the first name; above 1 if an existing fleet is extended.
    #[serde(default = "one")]
    pub first_number: u32,
    /// The number of each slot's name, if they do not simply follow `first_number`: a growing fleet uses the lowest free
    /// numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<u32>,
    /// The placements, best first. Availability domains are as the user wrote them (including `AD-1`) until the plan resolves
    /// them.
    pub placements: Vec<Placement>,
    /// Further regions that placements are in, in the order of the config.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<RegionSpec>,
    /// How members are spread over domains; without it, every slot starts with the first placement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
    /// The images of a resolved plan that are Windows, whose licence OCI charges unless the launch brings one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows_images: Vec<String>,
    /// For each slot of a resolved plan with a spread, the index of its first placement, which is the first one of its domain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub homes: Vec<u32>,
    /// The network that a launch makes for the fleet, if the config names no subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<OwnNetwork>,
    /// The body of every launch, without the parts that a slot and a placement decide: display name, availability domain, fault
    /// domain, shape, reservation and the run's tags. A placement may also have its own size, image, subnet and capacity type,
    /// which override those of the template. Only [`FleetSpec::launch_at`] combines the two.
    pub template: LaunchInstanceDetails,
}

impl FleetSpec {
    /// The number of a slot's name.
    pub fn number(&self, slot: SlotNumber) -> u64 {
        let index = slot.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        let given = index.and_then(|index| self.numbers.get(index));
        given.map_or_else(|| u64::from(self.first_number) + u64::from(slot) - 1, |number| u64::from(*number))
    }

    /// The maximum number of instances of a launch, and therefore of its slots.
    pub fn slots(&self) -> u32 {
        self.want.map_or(self.count, |want| want.max_instances.max(self.count))
    }

    /// The numbers of all names that a launch may use.
    pub fn all_numbers(&self) -> impl Iterator<Item = u64> {
        (1..=self.slots()).map(|slot| self.number(slot))
    }

    /// The name of the fleet that the instances carry in a tag; `None` if the tags leave no space for it, and in plans from
    /// before fleets had names.
    pub fn tagged_name(&self) -> Option<&str> {
        let own = self.template.freeform_tags.as_ref().map_or(0, BTreeMap::len);
        let fits = own + TAGS_OF_A_RUN < MAX_FREEFORM_TAGS;
        Some(self.name.as_str()).filter(|name| !name.is_empty() && fits)
    }

    /// The display name with this number, in an availability domain.
    pub fn name(&self, number: u64, domain: &str) -> String {
        let named = self.naming.as_ref().and_then(|naming| naming.name(number, &self.name_prefix, domain));
        named.unwrap_or_else(|| format!("{}-{number}", self.name_prefix))
    }

    /// The host name with this number in an availability domain; `None` if the fleet sets none.
    pub fn host_name(&self, number: u64, domain: &str) -> Option<String> {
        let name = self.name(number, domain);
        let values = Values { number, prefix: &self.name_prefix, domain, name: &name };
        self.hostname.as_ref().map(|pattern| pattern.fill(&values))
    }
}

fn one() -> u32 {
    1
}

impl FleetSpec {
    /// The body of a launch at a placement, without the parts of a slot: its name and its tags.
    ///
    /// Use this rather than the template to find out what is launched at a placement: its price, its size, whether a
    /// reservation fits.
    pub fn launch_at(&self, placement: &Placement) -> LaunchInstanceDetails {
        let mut launch = self.template.clone();
        launch.compartment_id.clone_from(&self.compartment);
        if let Some(region) = self.further_region(placement) {
            region.adapt(&mut launch);
        }
        launch.availability_domain.clone_from(&placement.availability_domain);
        launch.shape = Some(placement.shape.clone());
        if placement.fault_domain.is_some() {
            launch.fault_domain.clone_from(&placement.fault_domain);
        }
        if placement.capacity_reservation.is_some() {
            launch.capacity_reservation_id.clone_from(&placement.capacity_reservation);
        }
        if let Some(size) = &placement.size {
            // A shape with a fixed size accepts none.
            launch.shape_config = (*size != PlacementSize::default()).then(|| Box::new(shape_config(size)));
        }
        if let Some(image) = &placement.image {
            set_image(&mut launch, image);
        }
        if let Some(subnet) = &placement.subnet {
            set_subnet(&mut launch, subnet);
        }
        match placement.capacity_type {
            None => {}
            Some(CapacityType::OnDemand) => launch.preemptible_instance_config = None,
            Some(CapacityType::Preemptible) => {
                let config = || Box::new(terminated_when_reclaimed());
                launch.preemptible_instance_config.get_or_insert_with(config);
            }
        }
        launch
    }

    /// The image launched at a placement; `None` if a boot volume is launched.
    pub fn image_at(&self, placement: &Placement) -> Option<String> {
        let launch = self.launch_at(placement);
        match launch.source_details.as_deref() {
            Some(InstanceSourceDetails::Image(source)) => source.image_id.clone(),
            _ => launch.image_id,
        }
    }

    /// The subnet used at a placement.
    pub fn subnet_at(&self, placement: &Placement) -> Option<String> {
        let launch = self.launch_at(placement);
        launch.create_vnic_details.and_then(|vnic| vnic.subnet_id).or(launch.subnet_id)
    }

    /// The network of the fleet; `None` if its config asks for none.
    pub fn network_plan(&self, origin: Option<&Origin>) -> Option<NetworkPlan> {
        Some(NetworkPlan {
            fleet: self.name.clone(),
            region: self.region.clone(),
            compartment: self.compartment.clone(),
            network: Some(self.network.clone()?),
            cluster: None,
            defined_tags: self.template.defined_tags.clone(),
            origin: origin.cloned(),
        })
    }

    /// Whether its network is still to be made, because a launch lacks a subnet.
    pub fn needs_network(&self) -> Option<&OwnNetwork> {
        let network = self.network.as_ref()?;
        self.subnet_at(&Placement::default()).is_none().then_some(network)
    }

    /// Puts the fleet into a subnet, in the region of the config.
    pub fn enter_subnet(&mut self, subnet: &str) {
        self.template.subnet_id = None;
        self.template.create_vnic_details.get_or_insert_default().subnet_id = Some(subnet.to_owned());
    }

    /// How capacity is bought at a placement.
    pub fn capacity_type_at(&self, placement: &Placement) -> CapacityType {
        placement.capacity_type.unwrap_or_else(|| {
            let preemptible = self.template.preemptible_instance_config.is_some();
            if preemptible { CapacityType::Preemptible } else { CapacityType::OnDemand }
        })
    }

    /// The placement that every slot tries first, which represents the fleet if only one can be shown.
    pub fn first_placement(&self) -> Option<&Placement> {
        self.placements.first()
    }

    /// One placement for each kind of instance that the fleet may launch, in order. Placements that differ only in their
    /// location count once.
    pub fn kinds(&self) -> Vec<&Placement> {
        let mut kinds: Vec<&Placement> = Vec::new();
        for placement in &self.placements {
            if !kinds.iter().any(|kind| is_same_kind(kind, placement)) {
                kinds.push(placement);
            }
        }
        kinds
    }
}

/// Groups the placements by a common key, keeping the order of both.
pub(crate) fn grouped<K: PartialEq>(
    placements: &[Placement],
    key: impl Fn(&Placement) -> K,
) -> Vec<(K, Vec<Placement>)> {
    let mut groups: Vec<(K, Vec<Placement>)> = Vec::new();
    for placement in placements {
        let own = key(placement);
        match groups.iter_mut().find(|(known, _)| *known == own) {
            Some((_, members)) => members.push(placement.clone()),
            None => groups.push((own, vec![placement.clone()])),
        }
    }
    groups
}

/// Whether two placements launch the same kind of instance, wherever that is. One image has another OCID in each region.
pub fn is_same_kind(one: &Placement, other: &Placement) -> bool {
    let same_region = one.region == other.region;
    let anywhere = |placement: &Placement| Placement {
        region: None,
        image: placement.image.clone().filter(|_| same_region),
        availability_domain: String::new(),
        fault_domain: None,
        capacity_reservation: None,
        subnet: None,
        ..placement.clone()
    };
    anywhere(one) == anywhere(other)
}

fn shape_config(size: &PlacementSize) -> LaunchInstanceShapeConfigDetails {
    LaunchInstanceShapeConfigDetails {
        ocpus: size.ocpus.map(|amount| amount.0),
        memory_in_gbs: size.memory_gb.map(|amount| amount.0),
        baseline_ocpu_utilization: size.baseline.as_deref().map(Into::into),
        ..LaunchInstanceShapeConfigDetails::default()
    }
}

/// The only thing that the service does with an instance that it takes back (OpenAPI of the Core Services).
fn terminated_when_reclaimed() -> PreemptibleInstanceConfigDetails {
    PreemptibleInstanceConfigDetails {
        preemption_action: Some(Box::new(PreemptionAction::Terminate(TerminatePreemptionAction::default()))),
        ..PreemptibleInstanceConfigDetails::default()
    }
}
