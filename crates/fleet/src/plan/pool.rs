//! The instance configuration and the pools of a fleet with `engine: instance-pool`: pure functions of the plan, so that the same
//! retry token always comes with the same body.

use super::{EXPIRY_TAG, Engine, FLEET_TAG, FleetSpec, Plan, RUN_TAG};
use ledger::stored::hash;
use ledger::{Placement, RunId};
use oci_api::models::{
    ClusterNetworkPlacementConfigurationDetails, CreateClusterNetworkDetails,
    CreateClusterNetworkInstancePoolDetails, CreateInstancePoolDetails,
    CreateInstancePoolPlacementConfigurationDetails,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The freeform tag of a configuration, a pool and its members: the engine and a checksum of what is launched.
pub const ENGINE_TAG: &str = "oci-insta-scale-engine";
/// The maximum number of members of a pool (Oracle: "Instance pools").
pub const MAX_POOL: u32 = 500;
/// What a pool replaces by the number of a member.
const COUNT: &str = "${launchCount}";
/// The fields of a launch that an instance configuration has too (OCI Python SDK,
/// `InstanceConfigurationLaunchInstanceDetails`).
const CONFIGURABLE: [&str; 23] = [
    "agentConfig",
    "availabilityConfig",
    "clusterPlacementGroupId",
    "compartmentId",
    "createVnicDetails",
    "definedTags",
    "extendedMetadata",
    "freeformTags",
    "instanceOptions",
    "ipxeScript",
    "isAIEnterpriseEnabled",
    "isPvEncryptionInTransitEnabled",
    "launchMode",
    "launchOptions",
    "licensingConfigs",
    "metadata",
    "placementConstraintDetails",
    "platformConfig",
    "preferredMaintenanceAction",
    "securityAttributes",
    "shape",
    "shapeConfig",
    "sourceDetails",
];
/// The fields of a launch that the placement of a pool decides.
const PLACED: [&str; 3] = ["availabilityDomain", "faultDomain", "capacityReservationId"];

/// The fields of a launch that no instance configuration has.
pub fn not_configurable(launch: &Map<String, Value>) -> impl Iterator<Item = &str> {
    launch.keys().map(String::as_str).filter(|key| !CONFIGURABLE.contains(key) && !PLACED.contains(key))
}

/// Whether a pool with this value of [`ENGINE_TAG`] is that of a cluster network.
pub fn is_of_network(mark: &str) -> bool {
    mark.starts_with(Engine::ClusterNetwork.key())
}

/// Whether an instance with this value of [`ENGINE_TAG`] was launched as the member of a pool.
pub fn is_of_pool(mark: &str) -> bool {
    [Engine::InstancePool, Engine::ClusterNetwork].iter().any(|engine| mark.starts_with(engine.key()))
}

impl FleetSpec {
    /// What each member is launched with, without the tags that name engine and run.
    fn member(&self) -> Map<String, Value> {
        let placement = self.placements.first().cloned().unwrap_or_default();
        let launch = serde_json::to_value(self.launch_at(&placement)).unwrap_or_default();
        let Value::Object(mut launch) = launch else { return Map::new() };
        launch.retain(|key, value| CONFIGURABLE.contains(&key.as_str()) && !value.is_null());
        launch
    }

    /// The value of [`ENGINE_TAG`]: pools with the same one launch the same members.
    pub fn pool_mark(&self) -> String {
        let mut launch = self.member();
        if let Some(Value::Object(tags)) = launch.get_mut("freeformTags") {
            tags.remove(EXPIRY_TAG);
        }
        let places = serde_json::to_value(self.pool_placements()).unwrap_or_default();
        format!("{} {:016x}", self.engine.key(), hash(json!([launch, places]).to_string().bytes()))
    }

    /// Each availability domain of the plan with its fault domains, if it names some.
    fn pool_placements(&self) -> Vec<CreateInstancePoolPlacementConfigurationDetails> {
        let mut placed: Vec<CreateInstancePoolPlacementConfigurationDetails> = Vec::new();
        for placement in &self.placements {
            let vnic = self.launch_at(placement).create_vnic_details.unwrap_or_default();
            let at = placed
                .iter()
                .position(|known| known.availability_domain == placement.availability_domain)
                .unwrap_or_else(|| {
                    placed.push(CreateInstancePoolPlacementConfigurationDetails {
                        availability_domain: placement.availability_domain.clone(),
                        primary_subnet_id: vnic.subnet_id,
                        ..CreateInstancePoolPlacementConfigurationDetails::default()
                    });
                    placed.len() - 1
                });
            if let (Some(domain), Some(known)) = (&placement.fault_domain, placed.get_mut(at)) {
                known.fault_domains.get_or_insert_default().push(domain.clone());
            }
        }
        placed
    }

    /// The placement of a member in this availability domain, as the plan has it.
    pub(crate) fn pool_placement(&self, domain: &str, fault_domain: Option<String>) -> Placement {
        let planned = self.placements.iter().find(|placement| placement.availability_domain == domain);
        let planned = planned.or_else(|| self.placements.first()).cloned().unwrap_or_default();
        Placement { availability_domain: domain.to_owned(), fault_domain, ..planned }
    }

    fn engine_tags(&self, tags: &mut BTreeMap<String, String>) {
        if let Some(name) = self.tagged_name() {
            tags.insert(FLEET_TAG.to_owned(), name.to_owned());
        }
        tags.insert(ENGINE_TAG.to_owned(), self.pool_mark());
    }
}

impl Plan {
    /// The display name of a pool of a run.
    pub(crate) fn pool_name(&self, run: RunId, number: u32) -> String {
        format!("{}-{}-p{number}", self.fleet.name_prefix, short(run))
    }

    /// The display name of the configuration of a run.
    pub(crate) fn configuration_name(&self, run: RunId) -> String {
        format!("{}-{}", self.fleet.name_prefix, short(run))
    }

    /// The body of the creation of an instance configuration.
    pub fn configuration_request(&self, run: RunId) -> Value {
        let mut tags = BTreeMap::new();
        self.fleet.engine_tags(&mut tags);
        let mut launch = self.fleet.member();
        // A tag of the configuration wins over the same one of the pool, which names the run that asked for the member.
        let on_member = launch.entry("freeformTags").or_insert_with(|| json!({}));
        for (key, value) in &tags {
            on_member[key] = value.clone().into();
        }
        tags.insert(RUN_TAG.to_owned(), run.to_string());
        json!({
            "source": "NONE",
            "compartmentId": self.fleet.compartment,
            "displayName": self.configuration_name(run),
            "freeformTags": tags,
            "instanceDetails": {"instanceType": "compute", "launchDetails": launch},
        })
    }

    /// The body of the creation of a pool.
    pub(crate) fn pool_request(
        &self,
        run: RunId,
        number: u32,
        size: u32,
        configuration: &str,
    ) -> CreateInstancePoolDetails {
        let prefix = &self.fleet.name_prefix;
        let first = self.fleet.engine_tags_of(run);
        // Each pool counts its members from the beginning.
        let names = format!("{prefix}-{}-{number}-{COUNT}", short(run));
        CreateInstancePoolDetails {
            compartment_id: self.fleet.compartment.clone(),
            display_name: Some(self.pool_name(run, number)),
            freeform_tags: Some(first),
            instance_configuration_id: configuration.to_owned(),
            placement_configurations: self.fleet.pool_placements(),
            size: size.into(),
            instance_display_name_formatter: Some(names),
            ..CreateInstancePoolDetails::default()
        }
    }
}

impl Plan {
    /// The body of the creation of a cluster network with one pool.
    pub(crate) fn cluster_network_request(
        &self,
        run: RunId,
        size: u32,
        configuration: &str,
    ) -> CreateClusterNetworkDetails {
        let tags = self.fleet.engine_tags_of(run);
        let placed = self.fleet.pool_placements().into_iter().next().unwrap_or_default();
        CreateClusterNetworkDetails {
            compartment_id: self.fleet.compartment.clone(),
            display_name: Some(self.pool_name(run, 1)),
            freeform_tags: Some(tags.clone()),
            instance_pools: vec![CreateClusterNetworkInstancePoolDetails {
                display_name: Some(self.pool_name(run, 1)),
                freeform_tags: Some(tags),
                instance_configuration_id: configuration.to_owned(),
                size: size.into(),
                ..CreateClusterNetworkInstancePoolDetails::default()
            }],
            placement_configuration: Some(Box::new(ClusterNetworkPlacementConfigurationDetails {
                availability_domain: placed.availability_domain,
                primary_subnet_id: placed.primary_subnet_id,
                ..ClusterNetworkPlacementConfigurationDetails::default()
            })),
            ..CreateClusterNetworkDetails::default()
        }
    }
}

impl FleetSpec {
    /// The tags of a pool from which this run launches.
    pub(crate) fn engine_tags_of(&self, run: RunId) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::from([(RUN_TAG.to_owned(), run.to_string())]);
        self.engine_tags(&mut tags);
        tags
    }
}

/// The last digits of the id of a run, which differ between runs of the same moment.
fn short(run: RunId) -> String {
    let digits = run.0.simple().to_string();
    digits[digits.len() - 6..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let at = |domain: &str, fault: Option<&str>| Placement {
            availability_domain: domain.to_owned(),
            fault_domain: fault.map(str::to_owned),
            shape: "VM.Standard.E5.Flex".to_owned(),
            ..Placement::default()
        };
        let fleet = FleetSpec {
            name: "web".to_owned(),
            name_prefix: "web".to_owned(),
            compartment: "ocid1.compartment".to_owned(),
            placements: vec![at("AD-1", Some("FD-1")), at("AD-1", Some("FD-2")), at("AD-2", None)],
            ..FleetSpec::default()
        };
        Plan { fleet, ..Plan::default() }
    }

    #[test]
    fn a_pool_has_a_placement_per_domain() {
        let placed = plan().fleet.pool_placements();
        let names: Vec<_> =
            placed.iter().map(|one| (one.availability_domain.as_str(), one.fault_domains.clone())).collect();
        let two = Some(vec!["FD-1".to_owned(), "FD-2".to_owned()]);
        assert_eq!(names, [("AD-1", two), ("AD-2", None)]);
    }

    #[test]
    fn the_mark_follows_what_is_launched() {
        let mut plan = plan();
        plan.fleet.engine = Engine::InstancePool;
        let mark = plan.fleet.pool_mark();
        assert!(mark.starts_with("instance-pool ") && mark.len() <= 256, "{mark}");
        let mut other = plan.clone();
        other.fleet.count = 9;
        assert_eq!(other.fleet.pool_mark(), mark, "the size is not launched");
        other.fleet.template.metadata = Some(BTreeMap::from([("a".to_owned(), "b".into())]));
        assert_ne!(other.fleet.pool_mark(), mark);
    }

    #[test]
    fn only_the_pool_names_the_run() {
        let run = RunId(uuid::Uuid::nil());
        let made = plan().configuration_request(run);
        let launch = &made["instanceDetails"]["launchDetails"];
        assert_eq!(launch["freeformTags"][FLEET_TAG], "web");
        assert_eq!(launch["freeformTags"].get(RUN_TAG), None);
        assert_eq!(launch.get("availabilityDomain"), None);
        let pool = plan().pool_request(run, 2, 7, "ocid1.configuration");
        assert!(pool.freeform_tags.unwrap().contains_key(RUN_TAG));
        assert_eq!(pool.instance_display_name_formatter.as_deref(), Some("web-000000-2-${launchCount}"));
    }
}
