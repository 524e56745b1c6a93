//! What a network consists of beside its subnets: gateways, route tables, security lists, DHCP options, security groups.

use crate::world::automatic_tags::Spaces;
use crate::world::ids::{Id, Kind};
use jiff::{SignedDuration, Timestamp};
use oci_api::models::{DhcpOption, EgressSecurityRule, IngressSecurityRule, RouteRule, SecurityRule};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How long a resource of a network is PROVISIONING, and then TERMINATING (Oracle's documentation says "briefly").
pub(super) const SETTLING: SignedDuration = SignedDuration::from_secs(1);

/// The state of a resource of a network that lists still show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::world) enum Phase {
    Provisioning,
    Available,
    Terminating,
}

impl Phase {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Available => "AVAILABLE",
            Self::Terminating => "TERMINATING",
        }
    }
}

/// What every resource of a network has that somebody made or changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::world) struct Common {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub defined_tags: Spaces,
    /// Whether somebody made it, so that it was PROVISIONING at first.
    #[serde(default)]
    pub made: bool,
    pub version: u32,
    /// When somebody deleted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Timestamp>,
}

impl Common {
    /// The state at a time; `None` once it is gone, when requests no longer find it (Oracle: "Deleting a VCN").
    pub fn phase(&self, created: Timestamp, now: Timestamp) -> Option<Phase> {
        match self.deleted {
            Some(deleted) if now >= deleted + SETTLING => None,
            Some(_) => Some(Phase::Terminating),
            None if self.made && now < created + SETTLING => Some(Phase::Provisioning),
            None => Some(Phase::Available),
        }
    }

    /// Whether it can still be used.
    pub fn lives(&self) -> bool {
        self.deleted.is_none()
    }
}

/// The state of something with or without a [`Common`].
pub(super) fn phase_of(common: Option<&Common>, created: Timestamp, now: Timestamp) -> Option<Phase> {
    common.map_or(Some(Phase::Available), |common| common.phase(created, now))
}

/// One part of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::world) struct Part {
    pub compartment: u32,
    pub vcn: u32,
    pub name: String,
    pub created: Timestamp,
    pub common: Common,
    pub content: Content,
}

/// What a part of its kind has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::world) enum Content {
    InternetGateway { enabled: bool, route_table: Option<u32> },
    NatGateway { blocked: bool, route_table: Option<u32> },
    ServiceGateway { blocked: bool, services: BTreeSet<u8>, route_table: Option<u32> },
    RouteTable { rules: Vec<RouteRule> },
    SecurityList { ingress: Vec<IngressSecurityRule>, egress: Vec<EgressSecurityRule> },
    DhcpOptions { options: Vec<DhcpOption>, domain: Option<String> },
    SecurityGroup { rules: Vec<SecurityRule>, made_rules: u32 },
}

impl Content {
    /// The route table that its traffic takes, of a gateway that names one.
    pub fn route_table(&self) -> Option<u32> {
        match self {
            Self::InternetGateway { route_table, .. }
            | Self::NatGateway { route_table, .. }
            | Self::ServiceGateway { route_table, .. } => *route_table,
            _ => None,
        }
    }
}

/// Numbers of parts that somebody made. Smaller ones belong to the defaults of the network with the same number.
pub(in crate::world) const MADE: u32 = 1 << 31;

/// What the service calls a kind in names and messages.
pub(in crate::world) fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::InternetGateway => "InternetGateway",
        Kind::NatGateway => "NatGateway",
        Kind::ServiceGateway => "ServiceGateway",
        Kind::RouteTable => "RouteTable",
        Kind::SecurityList => "SecurityList",
        Kind::DhcpOptions => "DhcpOptions",
        Kind::NetworkSecurityGroup => "NetworkSecurityGroup",
        Kind::Subnet => "Subnet",
        Kind::Vnic => "VNIC",
        Kind::PrivateIp => "PrivateIp",
        Kind::Ipv6 => "Ipv6",
        _ => "Vcn",
    }
}

/// How many a network can have of a kind (Oracle: "Service Limits", Networking).
pub(super) fn most_of(kind: Kind) -> usize {
    match kind {
        Kind::InternetGateway | Kind::NatGateway | Kind::ServiceGateway => 1,
        Kind::NetworkSecurityGroup => 1000,
        _ => 300,
    }
}

/// What the service calls a kind when a network has too many of it ("Service gateway": terraform-oci-vcn#28; the others are
/// modelled on it).
pub(super) fn described(kind: Kind) -> &'static str {
    match kind {
        Kind::InternetGateway => "Internet gateway",
        Kind::NatGateway => "NAT gateway",
        Kind::ServiceGateway => "Service gateway",
        Kind::NetworkSecurityGroup => "Network security group",
        Kind::RouteTable => "Route table",
        Kind::SecurityList => "Security list",
        _ => "DHCP options",
    }
}

/// The kinds that every network has one of from its beginning.
pub(super) const DEFAULTS: [Kind; 3] = [Kind::RouteTable, Kind::SecurityList, Kind::DhcpOptions];

/// Whether this is one that the network was made with.
pub(super) fn is_default(Id(kind, number): Id) -> bool {
    DEFAULTS.contains(&kind) && number < MADE
}
