//! The resources that a launch names by OCID, apart from compartment, image, subnet and reservation: one row per kind. The
//! config reads its keys from this table, `plan` checks the resources that can be read, `policy` lists the permissions, and a
//! simulated region learns which resources must exist. Pure.

use oci_api::Operation;
use oci_api::models::LaunchInstanceDetails;
use serde_json::Value;
use std::collections::BTreeSet;

/// A kind of resource that a launch names by its OCID.
#[derive(Debug)]
pub struct ResourceKind {
    /// Its name: `dedicated host`.
    pub what: &'static str,
    /// The field of the launch body that names it. In a list, every item is searched.
    pub path: &'static str,
    /// The type in its OCID: `dedicatedvmhost`.
    pub ocid_type: &'static str,
    /// The key of `instance_settings:` that only sets the field.
    pub key: Option<&'static str>,
    /// The verb and resource type of the required permission.
    pub needs: (&'static str, &'static str),
    /// What the permission is for, if a policy has to grant it.
    pub why: Option<&'static str>,
    /// Whether it is in the compartment of the network.
    pub in_network: bool,
    /// The operation that reads it, if its service is one of those that are called.
    pub read: Option<Operation>,
    /// The states in which a launch may use it; empty if any state is allowed.
    pub good: &'static [&'static str],
    /// Whether a simulated region has to be told its OCID and needs to know nothing else.
    pub told_to_region: bool,
}

const NAMED: ResourceKind = ResourceKind {
    what: "",
    path: "",
    ocid_type: "",
    key: None,
    needs: ("use", ""),
    why: None,
    in_network: false,
    read: None,
    good: &[],
    told_to_region: true,
};

/// The network security groups of a launch.
pub const SECURITY_GROUP: ResourceKind = ResourceKind {
    what: "network security group",
    path: "createVnicDetails.nsgIds",
    ocid_type: "networksecuritygroup",
    needs: ("use", "network-security-groups"),
    why: Some("put instances into the network security groups"),
    in_network: true,
    read: Some(Operation::GetNetworkSecurityGroup),
    good: &["AVAILABLE"],
    ..NAMED
};
/// The key that boot volumes are encrypted with.
pub const ENCRYPTION_KEY: ResourceKind = ResourceKind {
    what: "encryption key",
    path: "sourceDetails.kmsKeyId",
    ocid_type: "key",
    needs: ("use", "key-delegate"),
    why: Some("encrypt boot volumes with the key"),
    ..NAMED
};
/// A boot volume to start from.
pub const BOOT_VOLUME: ResourceKind = ResourceKind {
    what: "boot volume",
    path: "sourceDetails.bootVolumeId",
    ocid_type: "bootvolume",
    needs: ("use", "volumes"),
    read: Some(Operation::GetBootVolume),
    good: &["AVAILABLE"],
    told_to_region: false,
    ..NAMED
};
/// A data volume to attach.
pub const VOLUME: ResourceKind = ResourceKind {
    what: "volume",
    path: "launchVolumeAttachments.volumeId",
    ocid_type: "volume",
    needs: ("use", "volumes"),
    read: Some(Operation::GetVolume),
    good: &["AVAILABLE"],
    told_to_region: false,
    ..NAMED
};

/// Every kind, in the order in which they are checked and reported.
pub const ALL: &[ResourceKind] = &[
    SECURITY_GROUP,
    ENCRYPTION_KEY,
    ResourceKind {
        what: "VLAN",
        path: "createVnicDetails.vlanId",
        ocid_type: "vlan",
        needs: ("use", "vlans"),
        in_network: true,
        ..NAMED
    },
    ResourceKind {
        what: "dedicated host",
        path: "dedicatedVmHostId",
        ocid_type: "dedicatedvmhost",
        key: Some("dedicated_vm_host_id"),
        needs: ("use", "dedicated-vm-hosts"),
        why: Some("put instances on the dedicated host"),
        read: Some(Operation::GetDedicatedVmHost),
        good: &["ACTIVE", "UPDATING"],
        ..NAMED
    },
    ResourceKind {
        what: "compute cluster",
        path: "computeClusterId",
        ocid_type: "computecluster",
        key: Some("compute_cluster_id"),
        needs: ("use", "compute-clusters"),
        why: Some("put instances into the compute cluster"),
        read: Some(Operation::GetComputeCluster),
        good: &["ACTIVE"],
        ..NAMED
    },
    ResourceKind {
        what: "cluster placement group",
        path: "clusterPlacementGroupId",
        ocid_type: "clusterplacementgroup",
        key: Some("cluster_placement_group_id"),
        needs: ("use", "cluster-placement-groups"),
        why: Some("put instances into the cluster placement group"),
        ..NAMED
    },
    BOOT_VOLUME,
    ResourceKind {
        what: "instance configuration",
        path: "instanceConfigurationId",
        ocid_type: "instanceconfiguration",
        needs: ("manage", "instance-configurations"),
        read: Some(Operation::GetInstanceConfiguration),
        told_to_region: false,
        ..NAMED
    },
    VOLUME,
];

impl ResourceKind {
    /// The OCIDs of this kind in the body of a launch.
    fn in_body(&self, body: &Value) -> Vec<String> {
        let mut values = vec![body];
        for field in self.path.split('.') {
            values = values.into_iter().flat_map(each).filter_map(|value| value.get(field)).collect();
        }
        let texts = values.into_iter().flat_map(each).filter_map(Value::as_str);
        texts.filter(|ocid| !ocid.is_empty()).map(str::to_owned).collect()
    }

    /// Whether a launch names one.
    pub fn is_in(&self, launch: &LaunchInstanceDetails) -> bool {
        !self.in_body(&body(launch)).is_empty()
    }
}

/// The items of a list, or the value itself.
fn each(value: &Value) -> std::slice::Iter<'_, Value> {
    match value {
        Value::Array(items) => items.iter(),
        single => std::slice::from_ref(single).iter(),
    }
}

/// Numbers and strings only, so serialisation cannot fail.
fn body(launch: &LaunchInstanceDetails) -> Value {
    serde_json::to_value(launch).unwrap_or_default()
}

/// The resources that a launch names, each OCID once, in the order of [`ALL`].
pub fn of_launch(launch: &LaunchInstanceDetails) -> Vec<(&'static ResourceKind, String)> {
    let body = body(launch);
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for named in ALL {
        let ocids = named.in_body(&body).into_iter();
        found.extend(ocids.filter(|ocid| seen.insert((named.what, ocid.clone()))).map(|ocid| (named, ocid)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_ocid_is_found_in_a_launch_body() {
        let launch = serde_json::json!({
            "availabilityDomain": "", "compartmentId": "",
            "createVnicDetails": {"nsgIds": ["g1", "g2", "g1"], "vlanId": "vlan"},
            "sourceDetails": {"sourceType": "image", "imageId": "image", "kmsKeyId": "key"},
            "dedicatedVmHostId": "host", "computeClusterId": "cluster", "clusterPlacementGroupId": "",
            "launchVolumeAttachments": [
                {"type": "paravirtualized", "volumeId": "v1"}, {"type": "iscsi"}, {"type": "iscsi", "volumeId": "v2"},
            ],
        });
        let launch = serde_json::from_value(launch).unwrap();
        let found: Vec<(&str, String)> =
            of_launch(&launch).into_iter().map(|(named, ocid)| (named.what, ocid)).collect();
        let found: Vec<String> = found.into_iter().map(|(what, ocid)| format!("{what} {ocid}")).collect();
        assert_eq!(
            found,
            [
                "network security group g1",
                "network security group g2",
                "encryption key key",
                "VLAN vlan",
                "dedicated host host",
                "compute cluster cluster",
                "volume v1",
                "volume v2",
            ]
        );
        assert!(SECURITY_GROUP.is_in(&launch) && !BOOT_VOLUME.is_in(&launch));
    }
}
