//! What each operation needs, from Oracle's tables "Permissions Required for Each API Operation" and "Details for Verb + Resource-Type
//! Combinations" of "Details for the Core Services" (of November 2024), and "Details for IAM with Identity Domains": the verb that includes
//! the permission. What they do not have is likely or invented: requests for limit increases, shapes of an image and attachments of
//! boot volumes.

use super::network::of_network;
use crate::iam::{EVERYTHING, Verb};
use oci_api::Operation as Op;

/// Operations that anybody may call. A search shows what the caller may inspect.
const FREE: [Op; 6] = [
    Op::ListRegions,
    Op::SearchResources,
    Op::ListResourceTypes,
    Op::GetResourceType,
    Op::ListVirtualNetworkServices,
    Op::GetService,
];

/// What an operation on a resource of its own needs; `None` if anybody may call it.
pub(super) fn needed(operation: Op) -> Option<(Verb, &'static str)> {
    // Kinds of which the region has no resources: their own types would be names without a meaning.
    let other = || (Verb::Inspect, EVERYTHING);
    (!FREE.contains(&operation)).then(|| {
        of_compute(operation)
            .or_else(|| of_network(operation))
            .or_else(|| of_the_rest(operation))
            .unwrap_or_else(other)
    })
}

fn of_compute(operation: Op) -> Option<(Verb, &'static str)> {
    use Verb::{Inspect, Manage, Read, Use};
    Some(match operation {
        Op::GetInstance | Op::ListInstances => (Read, "instances"),
        Op::ListShapes => (Inspect, "instances"),
        Op::UpdateInstance | Op::InstanceAction | Op::AttachVnic | Op::DetachVnic => (Use, "instances"),
        Op::LaunchInstance | Op::TerminateInstance => (Manage, "instances"),
        Op::ListImages
        | Op::GetImage
        | Op::ListImageShapeCompatibilityEntries
        | Op::GetImageShapeCompatibilityEntry => (Inspect, "instance-images"),
        Op::CreateImage | Op::UpdateImage | Op::DeleteImage => (Manage, "instance-images"),
        Op::ListConsoleHistories => (Inspect, "console-histories"),
        Op::GetConsoleHistory | Op::GetConsoleHistoryContent => (Read, "console-histories"),
        Op::CaptureConsoleHistory | Op::DeleteConsoleHistory => (Manage, "console-histories"),
        Op::ListVnicAttachments | Op::GetVnicAttachment => (Inspect, "vnic-attachments"),
        Op::ListVolumeAttachments
        | Op::GetVolumeAttachment
        | Op::ListBootVolumeAttachments
        | Op::GetBootVolumeAttachment => (Inspect, "volume-attachments"),
        Op::ListVolumes | Op::GetVolume | Op::ListBootVolumes | Op::GetBootVolume => (Inspect, "volumes"),
        Op::UpdateVolume | Op::UpdateBootVolume => (Use, "volumes"),
        Op::CreateVolume | Op::DeleteVolume | Op::CreateBootVolume | Op::DeleteBootVolume => {
            (Manage, "volumes")
        }
        Op::ListVolumeBackups | Op::GetVolumeBackup => (Inspect, "volume-backups"),
        Op::UpdateVolumeBackup => (Use, "volume-backups"),
        Op::CreateVolumeBackup | Op::DeleteVolumeBackup => (Manage, "volume-backups"),
        Op::ListBootVolumeBackups | Op::GetBootVolumeBackup => (Inspect, "boot-volume-backups"),
        Op::UpdateBootVolumeBackup => (Use, "boot-volume-backups"),
        Op::CreateBootVolumeBackup | Op::DeleteBootVolumeBackup => (Manage, "boot-volume-backups"),
        Op::ListVolumeGroups | Op::GetVolumeGroup => (Inspect, "volume-groups"),
        Op::CreateVolumeGroup | Op::UpdateVolumeGroup | Op::DeleteVolumeGroup => (Manage, "volume-groups"),
        Op::AttachVolume | Op::DetachVolume => (Manage, "volume-attachments"),
        Op::ListComputeCapacityReservations | Op::ListComputeCapacityReservationInstanceShapes => {
            (Inspect, "compute-capacity-reservations")
        }
        Op::GetComputeCapacityReservation | Op::ListComputeCapacityReservationInstances => {
            (Read, "compute-capacity-reservations")
        }
        Op::UpdateComputeCapacityReservation => (Use, "compute-capacity-reservations"),
        Op::CreateComputeCapacityReservation
        | Op::DeleteComputeCapacityReservation
        | Op::ChangeComputeCapacityReservationCompartment => (Manage, "compute-capacity-reservations"),
        Op::CreateComputeCapacityReport => (Manage, "compute-capacity-reports"),
        Op::ListDedicatedVmHosts => (Inspect, "dedicated-vm-hosts"),
        Op::GetDedicatedVmHost => (Read, "dedicated-vm-hosts"),
        _ => return of_management(operation),
    })
}

/// The same of configurations, pools and clusters.
fn of_management(operation: Op) -> Option<(Verb, &'static str)> {
    use Verb::{Inspect, Manage, Read, Use};
    Some(match operation {
        Op::ListInstanceConfigurations => (Inspect, "instance-configurations"),
        Op::GetInstanceConfiguration => (Read, "instance-configurations"),
        Op::UpdateInstanceConfiguration => (Use, "instance-configurations"),
        Op::LaunchInstanceConfiguration
        | Op::ChangeInstanceConfigurationCompartment
        | Op::CreateInstanceConfiguration
        | Op::DeleteInstanceConfiguration => (Manage, "instance-configurations"),
        Op::ListInstancePools => (Inspect, "instance-pools"),
        Op::GetInstancePool | Op::ListInstancePoolInstances | Op::GetInstancePoolInstance => {
            (Read, "instance-pools")
        }
        Op::StartInstancePool
        | Op::StopInstancePool
        | Op::SoftstopInstancePool
        | Op::ResetInstancePool
        | Op::SoftresetInstancePool => (Use, "instance-pools"),
        Op::UpdateInstancePool
        | Op::ChangeInstancePoolCompartment
        | Op::CreateInstancePool
        | Op::TerminateInstancePool
        | Op::AttachInstancePoolInstance
        | Op::DetachInstancePoolInstance => (Manage, "instance-pools"),
        Op::ListComputeClusters => (Inspect, "compute-clusters"),
        Op::GetComputeCluster => (Read, "compute-clusters"),
        Op::UpdateComputeCluster => (Use, "compute-clusters"),
        Op::CreateComputeCluster | Op::DeleteComputeCluster | Op::ChangeComputeClusterCompartment => {
            (Manage, "compute-clusters")
        }
        Op::ListClusterNetworks => (Inspect, "cluster-networks"),
        Op::GetClusterNetwork | Op::ListClusterNetworkInstances => (Read, "cluster-networks"),
        Op::CreateClusterNetwork
        | Op::UpdateClusterNetwork
        | Op::TerminateClusterNetwork
        | Op::ChangeClusterNetworkCompartment => (Manage, "cluster-networks"),
        _ => return None,
    })
}

fn of_the_rest(operation: Op) -> Option<(Verb, &'static str)> {
    use Verb::{Inspect, Manage, Read, Use};
    Some(match operation {
        Op::ListAvailabilityDomains | Op::ListFaultDomains | Op::ListCompartments | Op::GetCompartment => {
            (Inspect, "compartments")
        }
        Op::GetTenancy | Op::ListRegionSubscriptions => (Inspect, "tenancies"),
        Op::CreateCompartment | Op::UpdateCompartment | Op::DeleteCompartment => (Manage, "compartments"),
        Op::ListUsers | Op::GetUser => (Inspect, "users"),
        Op::CreateUser | Op::UpdateUser | Op::DeleteUser => (Manage, "users"),
        Op::ListGroups | Op::GetGroup | Op::ListUserGroupMemberships | Op::GetUserGroupMembership => {
            (Inspect, "groups")
        }
        Op::CreateGroup | Op::UpdateGroup | Op::DeleteGroup => (Manage, "groups"),
        Op::AddUserToGroup | Op::RemoveUserFromGroup => (Use, "groups"),
        Op::ListDynamicGroups | Op::GetDynamicGroup => (Inspect, "dynamic-groups"),
        Op::CreateDynamicGroup | Op::UpdateDynamicGroup | Op::DeleteDynamicGroup => {
            (Manage, "dynamic-groups")
        }
        Op::ListPolicies | Op::GetPolicy => (Inspect, "policies"),
        Op::CreatePolicy | Op::UpdatePolicy | Op::DeletePolicy => (Manage, "policies"),
        Op::ListTagNamespaces
        | Op::GetTagNamespace
        | Op::ListTags
        | Op::GetTag
        | Op::ListCostTrackingTags => (Inspect, "tag-namespaces"),
        Op::CreateTag | Op::UpdateTag => (Use, "tag-namespaces"),
        Op::CreateTagNamespace | Op::UpdateTagNamespace | Op::DeleteTagNamespace | Op::DeleteTag => {
            (Manage, "tag-namespaces")
        }
        Op::ListTagDefaults | Op::GetTagDefault => (Inspect, "tag-defaults"),
        Op::CreateTagDefault | Op::UpdateTagDefault | Op::DeleteTagDefault => (Manage, "tag-defaults"),
        Op::GetNamespace => (Read, "objectstorage-namespaces"),
        Op::ListQuotas => (Inspect, "quotas"),
        Op::ListWorkRequests => (Inspect, "work-requests"),
        Op::GetResourceAvailability | Op::ListLimitValues | Op::ListServices | Op::ListLimitDefinitions => {
            (Read, "resource-availability")
        }
        Op::ListLimitsIncreaseRequests | Op::GetLimitsIncreaseRequest => (Read, "limits-increase-requests"),
        Op::CreateLimitsIncreaseRequest
        | Op::PatchLimitsIncreaseRequest
        | Op::UpdateLimitsIncreaseRequest
        | Op::CancelLimitsIncreaseRequest
        | Op::DeleteLimitsIncreaseRequest => (Manage, "limits-increase-requests"),
        _ => return None,
    })
}

/// What an operation needs besides, in the compartment of its resource.
pub(super) fn besides(operation: Op) -> &'static [(Verb, &'static str)] {
    use Verb::{Inspect, Manage, Read, Use};
    match operation {
        Op::ListVnicAttachments | Op::GetVolumeAttachment | Op::GetBootVolumeAttachment => {
            &[(Inspect, "instances")]
        }
        Op::ListVolumeAttachments | Op::ListBootVolumeAttachments => {
            &[(Inspect, "volumes"), (Inspect, "instances")]
        }
        Op::AttachVnic
        | Op::DetachVnic
        | Op::CreatePrivateIp
        | Op::BulkCreatePrivateIps
        | Op::DeletePrivateIp
        | Op::CreateIpv6
        | Op::DeleteIpv6 => &[(Use, "vnics"), (Use, "subnets")],
        Op::UpdatePrivateIp | Op::UpdateIpv6 => &[(Use, "vnics")],
        Op::CreateVolumeBackup | Op::CreateBootVolumeBackup => &[(Use, "volumes")],
        Op::CreateVolumeGroup | Op::UpdateVolumeGroup => &[(Inspect, "volumes")],
        Op::AddUserToGroup | Op::RemoveUserFromGroup => &[(Use, "users")],
        Op::CreateTagDefault => &[(Use, "tag-namespaces")],
        Op::CaptureConsoleHistory => &[(Read, "instances")],
        Op::AttachVolume | Op::DetachVolume => &[(Use, "volumes"), (Use, "instances")],
        Op::CreateImage
        | Op::StartInstancePool
        | Op::StopInstancePool
        | Op::SoftstopInstancePool
        | Op::ResetInstancePool
        | Op::SoftresetInstancePool => &[(Use, "instances")],
        Op::CreateClusterNetwork => {
            &[(Manage, "instance-pools"), (Manage, "instances"), (Read, "instance-images")]
        }
        Op::UpdateClusterNetwork => &[(Manage, "instance-pools")],
        Op::TerminateClusterNetwork => &[
            (Manage, "instance-pools"),
            (Manage, "instances"),
            (Manage, "volume-attachments"),
            (Use, "volumes"),
        ],
        Op::CreateInstancePool => &[(Manage, "instances"), (Read, "instance-images")],
        Op::TerminateInstancePool => {
            &[(Manage, "instances"), (Manage, "volume-attachments"), (Use, "volumes")]
        }
        // Beside the configuration itself; what the configuration names is not looked at.
        Op::LaunchInstanceConfiguration => &[(Manage, "instances")],
        _ => &[],
    }
}

/// Fields of a launch that name a resource, with what the launch needs of it.
pub(super) const NAMED: [(&str, Verb, &str); 5] = [
    ("/capacityReservationId", Verb::Use, "compute-capacity-reservations"),
    ("/dedicatedVmHostId", Verb::Use, "dedicated-vm-hosts"),
    ("/computeClusterId", Verb::Use, "compute-clusters"),
    ("/clusterPlacementGroupId", Verb::Use, "cluster-placement-groups"),
    ("/sourceDetails/kmsKeyId", Verb::Use, "key-delegate"),
];
