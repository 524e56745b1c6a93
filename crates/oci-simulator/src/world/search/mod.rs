//! The Search service: finds resources of every compartment with the structured query language (Oracle: "Search Language
//! Syntax").
//!
//! `tokens` and `query` parse, `matching` decides whether a resource matches, `api` reads the rows and builds pages.

mod api;
mod clusters;
mod matching;
mod networks;
mod query;
mod tokens;

use super::ids::Kind;

/// A type of resource that a query can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Indexed {
    Instance,
    Image,
    BootVolume,
    Volume,
    Vcn,
    Subnet,
    InstanceConfiguration,
    InstancePool,
    ClusterNetwork,
    ComputeCluster,
    CapacityReservation,
    Compartment,
    User,
    /// A part of a network.
    Part(Kind),
    /// A type of which the region has no resources, by its place in [`WITHOUT_RESOURCES`].
    Without(u8),
}

/// The types of which the region has resources, with the names that results show.
const WITH_RESOURCES: [(Indexed, &str); 20] = [
    (Indexed::Instance, "Instance"),
    (Indexed::Image, "Image"),
    (Indexed::BootVolume, "BootVolume"),
    (Indexed::Volume, "Volume"),
    (Indexed::Vcn, "Vcn"),
    (Indexed::Subnet, "Subnet"),
    (Indexed::InstanceConfiguration, "InstanceConfiguration"),
    (Indexed::InstancePool, "InstancePool"),
    (Indexed::ClusterNetwork, "ClusterNetwork"),
    (Indexed::ComputeCluster, "ComputeCluster"),
    (Indexed::CapacityReservation, "ComputeCapacityReservation"),
    (Indexed::Compartment, "Compartment"),
    (Indexed::User, "User"),
    (Indexed::Part(Kind::InternetGateway), "InternetGateway"),
    (Indexed::Part(Kind::NatGateway), "NatGateway"),
    (Indexed::Part(Kind::ServiceGateway), "ServiceGateway"),
    (Indexed::Part(Kind::RouteTable), "RouteTable"),
    (Indexed::Part(Kind::SecurityList), "SecurityList"),
    (Indexed::Part(Kind::DhcpOptions), "DHCPOptions"),
    (Indexed::Part(Kind::NetworkSecurityGroup), "NetworkSecurityGroup"),
];

/// Types of the real service of which the region never has a resource: a query for them is understood and finds nothing.
const WITHOUT_RESOURCES: [&str; 34] = [
    "Alarm",
    "AutonomousDatabase",
    "BootVolumeBackup",
    "Bucket",
    "CaptureFilter",
    "ClustersCluster",
    "ConsoleHistory",
    "Cpe",
    "CrossConnect",
    "DbSystem",
    "Drg",
    "DynamicResourceGroup",
    "FileSystem",
    "FunctionsApplication",
    "FunctionsFunction",
    "Group",
    "IpSecConnection",
    "Key",
    "LoadBalancer",
    "LocalPeeringGateway",
    "LogGroup",
    "MountTarget",
    "NetworkLoadBalancer",
    "OnsSubscription",
    "OnsTopic",
    "Policy",
    "RemotePeeringConnection",
    "Stream",
    "TagDefault",
    "TagNamespace",
    "Vault",
    "VirtualCircuit",
    "VolumeBackup",
    "VolumeGroup",
];

impl Indexed {
    /// Every type, in the order of their names in queries.
    fn all() -> impl Iterator<Item = (Self, &'static str)> {
        let without = WITHOUT_RESOURCES.iter().zip(0..).map(|(name, at)| (Self::Without(at), *name));
        WITH_RESOURCES.into_iter().chain(without)
    }

    /// The type with this name, ignoring case.
    fn find(name: &str) -> Option<Self> {
        Self::all().find(|(_, own)| own.eq_ignore_ascii_case(name)).map(|(indexed, _)| indexed)
    }

    /// The name that results show.
    fn name(self) -> &'static str {
        Self::all().find(|(indexed, _)| *indexed == self).map_or("", |(_, name)| name)
    }
}
