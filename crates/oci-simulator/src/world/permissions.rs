//! Which permissions a request needs, and in which compartments (Oracle: "Details for the Core Services", "Details for IAM").
//!
//! A launch needs those of everything that it names. What other requests need depends on their operation alone.

use super::api::{ApiAnswer, ApiRequest};
use super::identity::{compartment_ocid, user_name};
use super::ids::{Id, Kind};
use super::state::World;
use crate::iam::{Access, Actor, EVERYTHING, Location, Requirement, Verb};
use oci_api::Operation as Op;
use serde_json::Value;

/// One permission that a request needs.
struct Permission {
    verb: Verb,
    resource: &'static str,
    /// The compartment; `None` if that of any statement will do, because the resource belongs to Oracle.
    compartment: Option<u32>,
}

/// Operations that anybody may call. A search shows what the caller may inspect.
const FREE: [Op; 4] = [Op::ListRegions, Op::SearchResources, Op::ListResourceTypes, Op::GetResourceType];

/// What an operation on a resource of its own needs; `None` if anybody may call it.
fn needed(operation: Op) -> Option<(Verb, &'static str)> {
    // Kinds of which the region has no resources: their own types would be names without a meaning.
    let other = || (Verb::Inspect, EVERYTHING);
    (!FREE.contains(&operation))
        .then(|| of_compute(operation).or_else(|| of_the_rest(operation)).unwrap_or_else(other))
}

fn of_compute(operation: Op) -> Option<(Verb, &'static str)> {
    use Verb::{Inspect, Manage, Read, Use};
    Some(match operation {
        Op::GetInstance | Op::ListInstances => (Read, "instances"),
        Op::ListShapes => (Inspect, "instances"),
        Op::UpdateInstance | Op::InstanceAction => (Use, "instances"),
        Op::LaunchInstance | Op::TerminateInstance => (Manage, "instances"),
        Op::ListImages
        | Op::GetImage
        | Op::ListImageShapeCompatibilityEntries
        | Op::GetImageShapeCompatibilityEntry => (Read, "instance-images"),
        Op::ListVnicAttachments | Op::GetVnicAttachment => (Read, "vnic-attachments"),
        Op::ListVolumeAttachments
        | Op::GetVolumeAttachment
        | Op::ListBootVolumeAttachments
        | Op::GetBootVolumeAttachment => (Inspect, "volume-attachments"),
        Op::ListVolumes | Op::GetVolume | Op::ListBootVolumes | Op::GetBootVolume => (Inspect, "volumes"),
        Op::DeleteVolume | Op::DeleteBootVolume => (Manage, "volumes"),
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
        Op::ListInstanceConfigurations => (Inspect, "instance-configurations"),
        Op::GetInstanceConfiguration => (Read, "instance-configurations"),
        Op::LaunchInstanceConfiguration => (Use, "instance-configurations"),
        Op::CreateInstanceConfiguration | Op::DeleteInstanceConfiguration => {
            (Manage, "instance-configurations")
        }
        Op::ListInstancePools => (Inspect, "instance-pools"),
        Op::GetInstancePool | Op::ListInstancePoolInstances => (Read, "instance-pools"),
        Op::UpdateInstancePool
        | Op::StartInstancePool
        | Op::StopInstancePool
        | Op::SoftstopInstancePool
        | Op::ResetInstancePool => (Use, "instance-pools"),
        Op::CreateInstancePool
        | Op::TerminateInstancePool
        | Op::AttachInstancePoolInstance
        | Op::DetachInstancePoolInstance => (Manage, "instance-pools"),
        Op::ListComputeClusters => (Inspect, "compute-clusters"),
        Op::GetComputeCluster => (Read, "compute-clusters"),
        Op::ListDedicatedVmHosts => (Inspect, "dedicated-vm-hosts"),
        Op::GetDedicatedVmHost => (Read, "dedicated-vm-hosts"),
        _ => return None,
    })
}

fn of_the_rest(operation: Op) -> Option<(Verb, &'static str)> {
    use Verb::{Inspect, Manage, Read};
    Some(match operation {
        Op::ListSubnets | Op::GetSubnet => (Inspect, "subnets"),
        Op::ListVcns | Op::GetVcn => (Inspect, "vcns"),
        Op::GetVnic => (Inspect, "vnics"),
        Op::ListPrivateIps => (Inspect, "private-ips"),
        Op::ListPublicIps => (Read, "public-ips"),
        Op::ListNetworkSecurityGroups => (Inspect, "network-security-groups"),
        Op::GetNetworkSecurityGroup => (Read, "network-security-groups"),
        Op::ListAvailabilityDomains
        | Op::ListFaultDomains
        | Op::ListCompartments
        | Op::GetCompartment
        // The tenancy is the root compartment.
        | Op::GetTenancy => (Inspect, "compartments"),
        Op::ListRegionSubscriptions => (Inspect, "tenancies"),
        Op::ListUsers | Op::GetUser => (Inspect, "users"),
        Op::ListGroups => (Inspect, "groups"),
        Op::ListDynamicGroups => (Inspect, "dynamic-groups"),
        Op::ListPolicies => (Inspect, "policies"),
        Op::ListTagNamespaces | Op::ListCostTrackingTags => (Inspect, "tag-namespaces"),
        Op::ListTagDefaults => (Inspect, "tag-defaults"),
        Op::ListQuotas => (Inspect, "quotas"),
        Op::GetWorkRequest | Op::ListWorkRequests | Op::ListWorkRequestErrors | Op::ListWorkRequestLogs => {
            (Read, "work-requests")
        }
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

/// Fields of a launch that name a resource, with what the launch needs of it.
const NAMED: [(&str, Verb, &str); 5] = [
    ("/capacityReservationId", Verb::Use, "compute-capacity-reservations"),
    ("/dedicatedVmHostId", Verb::Use, "dedicated-vm-hosts"),
    ("/computeClusterId", Verb::Use, "compute-clusters"),
    ("/clusterPlacementGroupId", Verb::Use, "cluster-placement-groups"),
    ("/sourceDetails/kmsKeyId", Verb::Use, "key-delegate"),
];

impl World {
    /// Whether the policies allow a request.
    pub(crate) fn is_allowed(&self, access: &Access, actor: &Actor, request: &ApiRequest) -> bool {
        let of_itself = request.operation == Op::GetUser && request.in_path("userId") == actor.id;
        of_itself
            || self
                .permissions(request)
                .iter()
                .all(|permission| self.may(access, actor, request.operation, permission))
    }

    /// A result of a search without the resources that the policies do not show to the actor. Pages may get shorter, as those
    /// of the service do.
    pub(crate) fn without_hidden(&self, access: &Access, actor: &Actor, mut found: ApiAnswer) -> ApiAnswer {
        let mut body = found.json();
        let Some(items) = body.get_mut("items").and_then(Value::as_array_mut) else { return found };
        items.retain(|item| {
            let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
            let resource = match text("resourceType") {
                "Instance" => "instances",
                "Image" => "instance-images",
                "BootVolume" | "Volume" => "volumes",
                "Vcn" => "vcns",
                "Subnet" => "subnets",
                "InstanceConfiguration" => "instance-configurations",
                "InstancePool" => "instance-pools",
                "ComputeCapacityReservation" => "compute-capacity-reservations",
                "Compartment" => "compartments",
                "User" => "users",
                _ => EVERYTHING,
            };
            let compartment = Some(self.compartment_of(text("compartmentId")).unwrap_or(0));
            let permission = Permission { verb: Verb::Inspect, resource, compartment };
            self.may(access, actor, Op::SearchResources, &permission)
        });
        found.body = Some(body.to_string().into());
        found
    }

    /// The name of the user with this OCID.
    pub(crate) fn name_of_user(&self, ocid: &str) -> Option<String> {
        self.ids.number(Kind::User, ocid).map(user_name)
    }

    fn may(&self, access: &Access, actor: &Actor, operation: Op, permission: &Permission) -> bool {
        let compartment = compartment_ocid(&self.ids, permission.compartment.unwrap_or(0));
        let region = oci_api::Region::find(&self.settings.region).map_or("", |region| region.key);
        let wanted = Requirement {
            verb: permission.verb,
            resource: permission.resource,
            operation: operation.name(),
            region,
            compartment: &compartment,
        };
        access.allows(actor, &wanted, |location| {
            permission.compartment.is_none_or(|compartment| self.covers(location, compartment))
        })
    }

    /// The first place in the policies that does not exist.
    pub(crate) fn unknown_place(&self, access: &Access) -> Option<String> {
        access.locations().find(|location| self.place_of(location).is_none()).map(|location| match location {
            Location::Tenancy => String::new(),
            Location::Id(id) => id.clone(),
            Location::Path(path) => path.join(":"),
        })
    }

    fn place_of(&self, location: &Location) -> Option<u32> {
        match location {
            Location::Tenancy => Some(0),
            Location::Id(ocid) => self.identity.find_compartment(&self.ids, ocid),
            Location::Path(path) => path.iter().try_fold(0, |parent, name| {
                let mut all = self.identity.compartments.iter().enumerate().skip(1);
                let found =
                    all.find(|(_, row)| row.parent == parent && row.name.eq_ignore_ascii_case(name))?;
                u32::try_from(found.0).ok()
            }),
        }
    }

    /// Whether a compartment is the place of a statement or below it.
    fn covers(&self, location: &Location, compartment: u32) -> bool {
        let Some(place) = self.place_of(location) else { return false };
        let mut at = compartment;
        while at != place && at != 0 {
            at = self.identity.compartments.get(at as usize).map_or(0, |row| row.parent);
        }
        at == place
    }

    fn permissions(&self, request: &ApiRequest) -> Vec<Permission> {
        let Some((verb, resource)) = needed(request.operation) else { return Vec::new() };
        // Images of Oracle belong to no compartment, and whoever may read any may read them.
        let is_of_image = request.path.contains_key("imageId");
        let compartment = (!is_of_image).then(|| self.asked_about(request));
        let mut all = vec![Permission { verb, resource, compartment }];
        match (request.operation, &request.body) {
            (Op::LaunchInstance, Some(body)) => all.extend(self.of_launch(body)),
            // Beside the configuration itself; what the configuration names is not looked at.
            (Op::LaunchInstanceConfiguration, _) => {
                all.push(Permission { verb: Verb::Manage, resource: "instances", compartment });
            }
            _ => {}
        }
        all
    }

    /// What a launch needs in addition to the instance itself.
    fn of_launch(&self, body: &Value) -> Vec<Permission> {
        let text = |path: &str| body.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
        let own = text("/compartmentId").and_then(|ocid| self.compartment_of(ocid)).unwrap_or(0);
        let subnet = text("/createVnicDetails/subnetId").or_else(|| text("/subnetId"));
        let network = subnet.and_then(|ocid| self.compartment_of(ocid)).unwrap_or(own);
        let mut all = Vec::new();
        let mut add = |verb, resource, compartment| {
            all.push(Permission { verb, resource, compartment: Some(compartment) });
        };
        add(Verb::Use, "subnets", network);
        add(Verb::Use, "vnics", network);
        if body
            .pointer("/createVnicDetails/nsgIds")
            .and_then(Value::as_array)
            .is_some_and(|ids| !ids.is_empty())
        {
            add(Verb::Use, "network-security-groups", network);
        }
        for (path, verb, resource) in NAMED {
            if let Some(ocid) = text(path) {
                add(verb, resource, self.compartment_of(ocid).unwrap_or(own));
            }
        }
        let has = |path: &str| match body.pointer(path) {
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(fields)) => !fields.is_empty(),
            _ => false,
        };
        if has("/launchVolumeAttachments") {
            add(Verb::Manage, "volumes", own);
            add(Verb::Manage, "volume-attachments", own);
        }
        if has("/definedTags") {
            add(Verb::Use, "tag-namespaces", 0);
        }
        if text("/sourceDetails/imageId").is_some() {
            all.push(Permission { verb: Verb::Read, resource: "instance-images", compartment: None });
        }
        all
    }

    /// The compartment that a request is about: that of the resource in its path, of the parameters, or of its body. The
    /// tenancy if it names none that exists.
    fn asked_about(&self, request: &ApiRequest) -> u32 {
        let in_path = request.path.values().find_map(|ocid| self.compartment_of(ocid));
        let in_query = || {
            let own = request.in_query("compartmentId").and_then(|ocid| self.compartment_of(ocid));
            own.or_else(|| request.query.values().find_map(|ocid| self.compartment_of(ocid)))
        };
        let in_body = || {
            request.body.as_ref()?.get("compartmentId")?.as_str().and_then(|ocid| self.compartment_of(ocid))
        };
        in_path.or_else(in_query).or_else(in_body).unwrap_or(0)
    }

    /// The compartment of a resource.
    fn compartment_of(&self, ocid: &str) -> Option<u32> {
        if self.others_known.contains(ocid) {
            return Some(self.others_are_in());
        }
        let Id(kind, number) = self.ids.find(ocid)?;
        let at = number as usize;
        match kind {
            Kind::Tenancy => Some(0),
            Kind::Compartment => (at < self.identity.compartments.len()).then_some(number),
            Kind::Vcn => Some(self.network.vcns.get(at)?.compartment),
            Kind::Subnet => Some(self.network.subnets.get(at)?.compartment),
            // These have the number of their instance.
            Kind::Instance
            | Kind::Vnic
            | Kind::VnicAttachment
            | Kind::PrivateIp
            | Kind::PublicIp
            | Kind::BootVolumeAttachment => Some(self.instances.get(number)?.compartment),
            Kind::BootVolume => Some(self.volumes.boots.get(at)?.compartment),
            Kind::Volume => Some(self.volumes.data.get(at)?.compartment),
            Kind::VolumeAttachment => {
                Some(self.instances.get(self.volumes.attachments.get(at)?.instance)?.compartment)
            }
            Kind::CapacityReservation => Some(self.reservations.get(&number)?.compartment),
            Kind::InstanceConfiguration => Some(self.configurations.get(&number)?.compartment),
            Kind::InstancePool => Some(self.pools.get(&number)?.compartment),
            Kind::WorkRequest => Some(self.work_requests.get(at)?.compartment),
            _ => None,
        }
    }
}
