//! The network that a launch makes for its fleet if the config asks for it: its parts, and the request for each. A compute cluster,
//! which is the RDMA network of a fleet, is made as a network of one part. Pure.
//!
//! It contains only what somebody asked for: no rule lets anybody in unless the config names the block, and the security list that the
//! service gives every network, which lets everybody in over SSH, is not used.

use super::{FLEET_TAG, Origin, RUN_TAG};
use ipnet::Ipv4Net;
use ledger::{RunId, SlotNumber};
use oci_api::models::{
    CreateComputeClusterDetails, CreateInternetGatewayDetails, CreateNatGatewayDetails,
    CreateRouteTableDetails, CreateSecurityListDetails, CreateSubnetDetails, CreateVcnDetails,
    EgressSecurityRule, EgressSecurityRuleDestinationType, IngressSecurityRule,
    IngressSecurityRuleSourceType, PortRange, RouteRule, RouteRuleDestinationType, TcpOptions,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The freeform tag that says which part of its network a resource is: `vcn`, `subnet`.
pub const NETWORK_TAG: &str = "oci-insta-scale-network";
/// The block of a network if the config names none.
pub const USUAL_BLOCK: &str = "10.0.0.0/16";
/// The addresses of a block that the service reserves (Oracle: "VCNs and Subnets").
const RESERVED_ADDRESSES: u64 = 3;
/// The port of SSH.
const SSH: i64 = 22;
/// TCP, by its number (Oracle: IngressSecurityRule).
const TCP: &str = "6";
const EVERYWHERE: &str = "0.0.0.0/0";
/// The maximum length of a label in the DNS (Oracle: CreateVcnDetails).
const LABEL_MAX: usize = 15;
/// How much of a long name of a fleet the display names of the parts have.
const NAME_MAX: usize = 200;

/// A network that a launch makes for its fleet.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct OwnNetwork {
    /// The block of the network and of its only subnet.
    #[schemars(with = "String")]
    pub block: Ipv4Net,
    /// Whether its instances can have public addresses. Otherwise they reach the Internet through a NAT gateway, and nothing reaches
    /// them from there.
    pub public: bool,
    /// The blocks from which SSH is allowed; nothing else is.
    #[schemars(with = "Vec<String>")]
    pub ssh_from: Vec<Ipv4Net>,
}

/// A compute cluster of a fleet.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct OwnCluster {
    /// Its availability domain, which all its instances share.
    pub availability_domain: String,
}

impl OwnCluster {
    /// What it is, in words.
    pub fn describe(&self) -> String {
        format!("compute cluster in {}", self.availability_domain)
    }
}

/// A part of such a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum PartKind {
    Vcn,
    InternetGateway,
    NatGateway,
    RouteTable,
    SecurityList,
    Subnet,
    ComputeCluster,
}

/// The parts of a network by their kinds: the OCIDs of those that exist.
pub type PartIds = BTreeMap<PartKind, String>;

/// The request that makes a part.
#[derive(Clone, Debug)]
pub(crate) enum NewPart {
    Vcn(CreateVcnDetails),
    InternetGateway(CreateInternetGatewayDetails),
    NatGateway(CreateNatGatewayDetails),
    RouteTable(CreateRouteTableDetails),
    SecurityList(CreateSecurityListDetails),
    Subnet(CreateSubnetDetails),
    ComputeCluster(CreateComputeClusterDetails),
}

impl PartKind {
    /// Its name in records and tags.
    pub fn key(self) -> &'static str {
        match self {
            Self::Vcn => "vcn",
            Self::InternetGateway => "internet_gateway",
            Self::NatGateway => "nat_gateway",
            Self::RouteTable => "route_table",
            Self::SecurityList => "security_list",
            Self::Subnet => "subnet",
            Self::ComputeCluster => "compute_cluster",
        }
    }

    /// Its name for people.
    pub fn what(self) -> &'static str {
        match self {
            Self::Vcn => "VCN",
            Self::InternetGateway => "internet gateway",
            Self::NatGateway => "NAT gateway",
            Self::RouteTable => "route table",
            Self::SecurityList => "security list",
            Self::Subnet => "subnet",
            Self::ComputeCluster => "compute cluster",
        }
    }
}

impl OwnNetwork {
    /// Its parts, in the order in which they are made. They are deleted in the reverse order.
    pub fn parts(&self) -> [PartKind; 5] {
        let gateway = if self.public { PartKind::InternetGateway } else { PartKind::NatGateway };
        [PartKind::Vcn, gateway, PartKind::RouteTable, PartKind::SecurityList, PartKind::Subnet]
    }

    /// How many instances have room in it.
    pub fn room(&self) -> u64 {
        (1_u64 << (32 - u32::from(self.block.prefix_len()))).saturating_sub(RESERVED_ADDRESSES)
    }

    /// What it is, in words: `public VCN and subnet 10.0.0.0/16 with an internet gateway; SSH from 203.0.113.7/32 only`.
    pub fn describe(&self) -> String {
        let (kind, gateway) =
            if self.public { ("public", "an internet gateway") } else { ("private", "a NAT gateway") };
        let ssh: Vec<String> = self.ssh_from.iter().map(ToString::to_string).collect();
        let ssh = match ssh.as_slice() {
            [] => "nothing can connect to it".to_owned(),
            blocks => format!("SSH from {} only", blocks.join(", ")),
        };
        format!("VCN with a {kind} subnet {} and {gateway}; {ssh}", self.block)
    }
}

/// The network of a fleet, as the first record of its run stores it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkPlan {
    /// The name of the fleet, which every part carries in a tag.
    pub fleet: String,
    /// The region.
    pub region: String,
    /// The compartment.
    pub compartment: String,
    /// What is made; `None` if it is a compute cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<OwnNetwork>,
    /// The compute cluster that is made, which has a run of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<OwnCluster>,
    /// The defined tags of the fleet, which a tenancy may require of every resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defined_tags: Option<BTreeMap<String, BTreeMap<String, Value>>>,
    /// Where the command that started the run found its credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

impl NetworkPlan {
    /// Whether both are the network of one fleet, or both its compute cluster.
    pub fn is_of_same_fleet(&self, other: &Self) -> bool {
        (&self.fleet, &self.region, &self.compartment) == (&other.fleet, &other.region, &other.compartment)
            && self.cluster.is_some() == other.cluster.is_some()
    }

    /// Its parts, in the order in which they are made.
    pub fn parts(&self) -> Vec<PartKind> {
        let network = self.network.as_ref().map(|network| network.parts().to_vec());
        let cluster = self.cluster.as_ref().map(|_| PartKind::ComputeCluster);
        network.unwrap_or_default().into_iter().chain(cluster).collect()
    }

    /// What it is, in one word or two.
    pub fn what(&self) -> &'static str {
        if self.cluster.is_some() { "compute cluster" } else { "network" }
    }

    /// What it is, in words.
    pub fn describe(&self) -> String {
        let cluster = self.cluster.as_ref().map(OwnCluster::describe);
        self.network.as_ref().map(OwnNetwork::describe).or(cluster).unwrap_or_default()
    }

    /// The kind of a slot.
    pub fn part(&self, slot: SlotNumber) -> Option<PartKind> {
        let index = usize::try_from(slot.checked_sub(1)?).ok()?;
        self.parts().get(index).copied()
    }

    /// The display name of a part.
    pub fn name(&self, kind: PartKind) -> String {
        let fleet: String = self.fleet.chars().take(NAME_MAX).collect();
        format!("{fleet} {}", kind.what())
    }

    /// The tags of a part.
    fn tags(&self, run: RunId, kind: PartKind) -> BTreeMap<String, String> {
        BTreeMap::from([
            (RUN_TAG.to_owned(), run.to_string()),
            (FLEET_TAG.to_owned(), self.fleet.clone()),
            (NETWORK_TAG.to_owned(), kind.key().to_owned()),
        ])
    }

    /// The label of the network in the DNS, so that instances can have host names.
    fn dns_label(&self) -> String {
        let mut label: String = self.fleet.chars().filter(char::is_ascii_alphanumeric).collect();
        if !label.starts_with(|first: char| first.is_ascii_alphabetic()) {
            label.insert_str(0, "fleet");
        }
        label.truncate(LABEL_MAX);
        label.to_ascii_lowercase()
    }

    /// The request for a part; `made` has the parts before it. The same arguments produce the same body, because the service refuses
    /// a retry token with another one.
    pub(crate) fn request(&self, run: RunId, kind: PartKind, made: &PartIds) -> NewPart {
        let compartment_id = self.compartment.clone();
        let display_name = Some(self.name(kind));
        let freeform_tags = Some(self.tags(run, kind));
        let defined_tags = self.defined_tags.clone();
        let id = |kind: PartKind| made.get(&kind).cloned().unwrap_or_default();
        let vcn_id = id(PartKind::Vcn);
        match kind {
            PartKind::Vcn => NewPart::Vcn(CreateVcnDetails {
                compartment_id,
                display_name,
                freeform_tags,
                defined_tags,
                cidr_blocks: self.block().map(|block| vec![block]),
                dns_label: Some(self.dns_label()),
                ..CreateVcnDetails::default()
            }),
            PartKind::InternetGateway => NewPart::InternetGateway(CreateInternetGatewayDetails {
                compartment_id,
                display_name,
                freeform_tags,
                defined_tags,
                vcn_id,
                is_enabled: true,
                ..CreateInternetGatewayDetails::default()
            }),
            PartKind::NatGateway => NewPart::NatGateway(CreateNatGatewayDetails {
                compartment_id,
                display_name,
                freeform_tags,
                defined_tags,
                vcn_id,
                ..CreateNatGatewayDetails::default()
            }),
            PartKind::RouteTable => NewPart::RouteTable(CreateRouteTableDetails {
                compartment_id,
                display_name,
                freeform_tags,
                defined_tags,
                vcn_id,
                route_rules: vec![RouteRule {
                    destination: Some(EVERYWHERE.to_owned()),
                    destination_type: Some(RouteRuleDestinationType::CidrBlock),
                    network_entity_id: id(self.parts()[1]),
                    ..RouteRule::default()
                }],
            }),
            PartKind::SecurityList => NewPart::SecurityList(CreateSecurityListDetails {
                compartment_id,
                display_name,
                freeform_tags,
                defined_tags,
                vcn_id,
                egress_security_rules: vec![EgressSecurityRule {
                    destination: EVERYWHERE.to_owned(),
                    destination_type: Some(EgressSecurityRuleDestinationType::CidrBlock),
                    protocol: "all".to_owned(),
                    ..EgressSecurityRule::default()
                }],
                ingress_security_rules: self.ingress(),
            }),
            PartKind::Subnet => NewPart::Subnet(CreateSubnetDetails {
                compartment_id,
                display_name,
                freeform_tags,
                defined_tags,
                vcn_id,
                cidr_block: self.block(),
                dns_label: Some("nodes".to_owned()),
                prohibit_public_ip_on_vnic: self.network.as_ref().map(|network| !network.public),
                route_table_id: Some(id(PartKind::RouteTable)),
                security_list_ids: Some(vec![id(PartKind::SecurityList)]),
                ..CreateSubnetDetails::default()
            }),
            PartKind::ComputeCluster => self.cluster_request(run),
        }
    }
    fn block(&self) -> Option<String> {
        self.network.as_ref().map(|network| network.block.to_string())
    }

    fn ingress(&self) -> Vec<IngressSecurityRule> {
        let sources = self.network.iter().flat_map(|network| network.ssh_from.iter().copied());
        sources.map(ssh_rule).collect()
    }

    fn cluster_request(&self, run: RunId) -> NewPart {
        let own = self.cluster.as_ref();
        NewPart::ComputeCluster(CreateComputeClusterDetails {
            availability_domain: own.map(|own| own.availability_domain.clone()).unwrap_or_default(),
            compartment_id: self.compartment.clone(),
            display_name: Some(self.name(PartKind::ComputeCluster)),
            freeform_tags: Some(self.tags(run, PartKind::ComputeCluster)),
            defined_tags: self.defined_tags.clone(),
            ..CreateComputeClusterDetails::default()
        })
    }
}

fn ssh_rule(block: Ipv4Net) -> IngressSecurityRule {
    let port = PortRange { min: SSH, max: SSH, ..PortRange::default() };
    IngressSecurityRule {
        source: block.to_string(),
        source_type: Some(IngressSecurityRuleSourceType::CidrBlock),
        protocol: TCP.to_owned(),
        tcp_options: Some(Box::new(TcpOptions {
            destination_port_range: Some(Box::new(port)),
            ..TcpOptions::default()
        })),
        ..IngressSecurityRule::default()
    }
}

/// The blocks from which a rule lets SSH in.
pub(crate) fn ssh_sources(rules: &[IngressSecurityRule]) -> Vec<String> {
    let is_ssh = |rule: &&IngressSecurityRule| {
        let ports = rule.tcp_options.as_deref().and_then(|tcp| tcp.destination_port_range.as_deref());
        rule.protocol == "all"
            || rule.protocol == TCP && ports.is_none_or(|range| range.min <= SSH && SSH <= range.max)
    };
    rules.iter().filter(is_ssh).map(|rule| rule.source.clone()).collect()
}

/// The `opc-retry-token` of an attempt at a part of a network.
pub(crate) fn part_token(run: RunId, slot: SlotNumber, attempt: u32) -> String {
    format!("ois-{}-n{slot}-{attempt}", run.0.simple())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(fleet: &str, public: bool, ssh_from: &[&str]) -> NetworkPlan {
        NetworkPlan {
            fleet: fleet.to_owned(),
            region: "us-phoenix-1".to_owned(),
            compartment: "ocid1.compartment.oc1..c".to_owned(),
            network: Some(OwnNetwork {
                block: USUAL_BLOCK.parse().unwrap(),
                public,
                ssh_from: ssh_from.iter().map(|block| block.parse().unwrap()).collect(),
            }),
            cluster: None,
            defined_tags: None,
            origin: None,
        }
    }

    #[test]
    fn nobody_is_let_in_unless_the_config_says_so() {
        let run = RunId(uuid::Uuid::nil());
        for (blocks, rules) in
            [(&[][..], 0), (&["203.0.113.7/32"][..], 1), (&["10.0.0.0/8", "192.0.2.0/24"], 2)]
        {
            let request = plan("web", true, blocks).request(run, PartKind::SecurityList, &PartIds::new());
            let NewPart::SecurityList(list) = request else { panic!("{request:?}") };
            assert_eq!(list.ingress_security_rules.len(), rules);
            assert_eq!(ssh_sources(&list.ingress_security_rules), blocks);
            assert!(list.ingress_security_rules.iter().all(|rule| rule.protocol == TCP));
        }
    }

    #[test]
    fn a_private_network_has_no_internet_gateway() {
        let made = PartIds::from([(PartKind::NatGateway, "nat".to_owned())]);
        let private = plan("web", false, &[]);
        assert!(!private.parts().contains(&PartKind::InternetGateway));
        let run = RunId(uuid::Uuid::nil());
        let NewPart::RouteTable(table) = private.request(run, PartKind::RouteTable, &made) else { panic!() };
        assert_eq!(table.route_rules[0].network_entity_id, "nat");
        let NewPart::Subnet(subnet) = private.request(run, PartKind::Subnet, &made) else { panic!() };
        assert_eq!(subnet.prohibit_public_ip_on_vnic, Some(true));
    }

    #[test]
    fn a_label_is_one_that_the_dns_takes() {
        for (fleet, label) in [
            ("web", "web"),
            ("My-Long_Fleet.Name-2026", "mylongfleetname"),
            ("7x", "fleet7x"),
            ("äö", "fleet"),
        ] {
            assert_eq!(plan(fleet, true, &[]).dns_label(), label);
        }
    }

    #[test]
    fn a_block_has_room_for_all_but_three() {
        let mut network = plan("web", true, &[]).network.unwrap();
        assert_eq!(network.room(), 65_533);
        network.block = "10.0.0.0/30".parse().unwrap();
        assert_eq!(network.room(), 1);
    }
}
