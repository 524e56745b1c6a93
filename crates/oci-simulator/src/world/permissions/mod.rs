//! Which permissions a request needs, and in which compartments. A launch needs those of everything that it names.

mod network;
mod table;

use super::api::{ApiAnswer, ApiRequest};
use super::identity::compartment_ocid;
use super::ids::{Id, Kind};
use super::network::MADE;
use super::state::World;
use super::work_requests::ResourceAction;
use crate::iam::{Access, Actor, EVERYTHING, Location, Requirement, Verb};
use oci_api::Operation as Op;
use serde_json::Value;
use table::{NAMED, besides, needed};

/// One permission that a request needs.
struct Permission {
    verb: Verb,
    resource: &'static str,
    /// The compartment; `None` if that of any statement will do, because the resource belongs to Oracle.
    compartment: Option<u32>,
}

/// The fields of a body that say what a request is about.
const ABOUT: [&str; 7] =
    ["compartmentId", "instanceId", "vnicId", "subnetId", "privateIpId", "volumeId", "bootVolumeId"];

/// Whether only public addresses are listed that come and go with their instance.
fn asks_for_ephemeral(request: &ApiRequest) -> bool {
    let is = |name: &str, wanted: &str| {
        request.in_query(name).is_some_and(|value| value.eq_ignore_ascii_case(wanted))
    };
    is("lifetime", "EPHEMERAL") || is("scope", "AVAILABILITY_DOMAIN")
}

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
                "InternetGateway" => "internet-gateways",
                "NatGateway" => "nat-gateways",
                "ServiceGateway" => "service-gateways",
                "RouteTable" => "route-tables",
                "SecurityList" => "security-lists",
                "DHCPOptions" => "dhcp-options",
                "NetworkSecurityGroup" => "network-security-groups",
                "InstanceConfiguration" => "instance-configurations",
                "InstancePool" => "instance-pools",
                "ClusterNetwork" => "cluster-networks",
                "ComputeCluster" => "compute-clusters",
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
        self.ids.number(Kind::User, ocid).map(|user| self.name_of(user))
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

    pub(in crate::world) fn place_of(&self, location: &Location) -> Option<u32> {
        match location {
            Location::Tenancy => Some(0),
            Location::Id(ocid) => self.compartment(ocid).ok(),
            Location::Path(path) => self.below(0, path),
        }
    }

    /// Whether a compartment is the place of a statement or below it.
    fn covers(&self, location: &Location, compartment: u32) -> bool {
        self.place_of(location).is_some_and(|place| self.is_below(compartment, place))
    }

    fn permissions(&self, request: &ApiRequest) -> Vec<Permission> {
        let (verb, resource) = match request.operation {
            Op::GetWorkRequest | Op::ListWorkRequestErrors | Op::ListWorkRequestLogs => self.of_work(request),
            // Ephemeral addresses belong to private ones.
            Op::ListPublicIps if asks_for_ephemeral(request) => (Verb::Inspect, "private-ips"),
            operation => match needed(operation) {
                Some(needed) => needed,
                None => return Vec::new(),
            },
        };
        // Images of Oracle belong to no compartment, and whoever may read any may read them.
        let is_of_image = request.path.contains_key("imageId");
        let compartment = (!is_of_image).then(|| self.asked_about(request));
        let mut all = vec![Permission { verb, resource, compartment }];
        let besides = besides(request.operation).iter();
        all.extend(besides.map(|&(verb, resource)| Permission {
            verb,
            resource,
            compartment: compartment.filter(|_| resource != "instance-images"),
        }));
        for network in self.networks_of(request) {
            for resource in ["subnets", "vnics"] {
                all.push(Permission { verb: Verb::Use, resource, compartment: Some(network) });
            }
        }
        if let (Op::LaunchInstance, Some(body)) = (request.operation, &request.body) {
            all.extend(self.of_launch(body));
        }
        all
    }

    /// The compartments of the networks out of which a request takes cards, or into which it puts them. Those of a launch are in its body.
    fn networks_of(&self, request: &ApiRequest) -> Vec<u32> {
        let of = |subnet: u32| self.network.subnets.get(subnet as usize).map(|row| row.compartment);
        let subnets: Vec<u32> = match request.operation {
            Op::TerminateInstance => {
                let number = self.ids.number(Kind::Instance, request.in_path("instanceId"));
                number
                    .and_then(|number| self.instances.get(number))
                    .map(|row| row.subnet)
                    .into_iter()
                    .collect()
            }
            Op::TerminateInstancePool => {
                let number = self.ids.number(Kind::InstancePool, request.in_path("instancePoolId"));
                let pool = number.and_then(|number| self.pools.get(&number));
                pool.iter().flat_map(|pool| &pool.placements).filter_map(|place| place.subnet).collect()
            }
            Op::TerminateClusterNetwork => {
                let found = self.cluster_network(request.in_path("clusterNetworkId")).ok();
                let pool = found.and_then(|(_, row, _)| self.pools.get(&row.pool));
                pool.iter().flat_map(|pool| &pool.placements).filter_map(|place| place.subnet).collect()
            }
            Op::CreateClusterNetwork => {
                let place = request.body.as_ref().map(|body| &body["placementConfiguration"]);
                place.and_then(|place| self.subnet_of_place(place)).into_iter().collect()
            }
            Op::CreateInstancePool => {
                let places =
                    request.body.as_ref().and_then(|body| body["placementConfigurations"].as_array());
                places.into_iter().flatten().filter_map(|place| self.subnet_of_place(place)).collect()
            }
            _ => Vec::new(),
        };
        let mut compartments: Vec<u32> = subnets.into_iter().filter_map(of).collect();
        compartments.sort_unstable();
        compartments.dedup();
        compartments
    }

    /// The subnet of a placement in the body of a pool or a cluster network.
    fn subnet_of_place(&self, place: &Value) -> Option<u32> {
        let subnet = &place["primarySubnetId"];
        let ocid = subnet.as_str().or_else(|| place["primaryVnicSubnets"]["subnetId"].as_str())?;
        self.ids.number(Kind::Subnet, ocid)
    }

    /// What the operation behind a work request needed, which its readers need as well.
    fn of_work(&self, request: &ApiRequest) -> (Verb, &'static str) {
        let number = self.ids.number(Kind::WorkRequest, request.in_path("workRequestId"));
        let row = number.and_then(|number| self.work_requests.get(number as usize));
        let Some(row) = row else { return (Verb::Inspect, "work-requests") };
        let resource = match row.resource.0 {
            Kind::CapacityReservation => "compute-capacity-reservations",
            Kind::InstancePool => "instance-pools",
            Kind::ClusterNetwork => "cluster-networks",
            _ => "instances",
        };
        let verb = if row.action == ResourceAction::Update { Verb::Use } else { Verb::Manage };
        (verb, resource)
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
            let body = request.body.as_ref()?;
            let mut named = ABOUT.iter().filter_map(|name| body.get(name)?.as_str());
            named.find_map(|ocid| self.compartment_of(ocid))
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
            Kind::InternetGateway
            | Kind::NatGateway
            | Kind::ServiceGateway
            | Kind::RouteTable
            | Kind::SecurityList
            | Kind::DhcpOptions
            | Kind::NetworkSecurityGroup => Some(self.network.part(Id(kind, number))?.compartment),
            Kind::PrivateIp | Kind::PublicIp | Kind::Ipv6 if number >= MADE => {
                self.network.addresses.compartment_of(kind, number)
            }
            Kind::Vnic | Kind::VnicAttachment if number >= MADE => {
                let instance = self.network.addresses.instance_of(number)?;
                Some(self.instances.get(instance)?.compartment)
            }
            // These have the number of their instance.
            Kind::Instance
            | Kind::Vnic
            | Kind::VnicAttachment
            | Kind::PrivateIp
            | Kind::PublicIp
            | Kind::BootVolumeAttachment => Some(self.instances.get(number)?.compartment),
            Kind::BootVolume => Some(self.volumes.boots.get(at)?.compartment),
            Kind::Volume => Some(self.volumes.data.get(at)?.compartment),
            Kind::User
            | Kind::Group
            | Kind::DynamicGroup
            | Kind::Policy
            | Kind::GroupMembership
            | Kind::TagNamespace
            | Kind::TagDefinition
            | Kind::TagDefault => Some(self.identity.iam.rows.get(&Id(kind, number))?.compartment),
            Kind::VolumeBackup | Kind::BootVolumeBackup => Some(self.volumes.backups.get(at)?.compartment),
            Kind::VolumeGroup => Some(self.volumes.groups.get(at)?.compartment),
            Kind::VolumeAttachment => {
                Some(self.instances.get(self.volumes.attachments.get(at)?.instance)?.compartment)
            }
            Kind::CapacityReservation => Some(self.reservations.get(&number)?.compartment),
            Kind::InstanceConfiguration => Some(self.configurations.get(&number)?.compartment),
            Kind::InstancePool => Some(self.pools.get(&number)?.compartment),
            Kind::ComputeCluster => Some(self.clusters.compute.get(at)?.compartment),
            Kind::ClusterNetwork => Some(self.clusters.networks.get(at)?.compartment),
            Kind::ConsoleHistory => Some(self.instances.get(self.consoles.get(at)?.instance)?.compartment),
            Kind::WorkRequest => Some(self.work_requests.get(at)?.compartment),
            _ => None,
        }
    }
}
