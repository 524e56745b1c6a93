//! Which permissions the operations of networks need (Oracle: "Details for the Core Services"). Attaching what a network is made of
//! to each other, such as a route table to a subnet, needs more in the service; the region does not look at that.

use crate::iam::Verb;
use oci_api::Operation as Op;

/// What an operation on a resource of a network needs.
pub(super) fn of_network(operation: Op) -> Option<(Verb, &'static str)> {
    use Verb::{Inspect, Manage, Read, Use};
    Some(match operation {
        Op::ListSubnets | Op::GetSubnet => (Inspect, "subnets"),
        Op::CreateSubnet | Op::UpdateSubnet | Op::DeleteSubnet => (Manage, "subnets"),
        Op::ListVcns | Op::GetVcn => (Inspect, "vcns"),
        Op::CreateVcn | Op::UpdateVcn | Op::AddVcnCidr | Op::RemoveVcnCidr | Op::DeleteVcn => {
            (Manage, "vcns")
        }
        Op::ListInternetGateways | Op::GetInternetGateway => (Inspect, "internet-gateways"),
        Op::CreateInternetGateway | Op::UpdateInternetGateway | Op::DeleteInternetGateway => {
            (Manage, "internet-gateways")
        }
        Op::ListNatGateways | Op::GetNatGateway => (Read, "nat-gateways"),
        Op::CreateNatGateway | Op::UpdateNatGateway | Op::DeleteNatGateway => (Manage, "nat-gateways"),
        Op::ListServiceGateways | Op::GetServiceGateway => (Inspect, "service-gateways"),
        Op::CreateServiceGateway | Op::UpdateServiceGateway | Op::DeleteServiceGateway => {
            (Manage, "service-gateways")
        }
        Op::ListRouteTables | Op::GetRouteTable => (Inspect, "route-tables"),
        Op::CreateRouteTable | Op::UpdateRouteTable | Op::DeleteRouteTable => (Manage, "route-tables"),
        Op::ListSecurityLists | Op::GetSecurityList => (Inspect, "security-lists"),
        Op::CreateSecurityList | Op::UpdateSecurityList | Op::DeleteSecurityList => {
            (Manage, "security-lists")
        }
        Op::ListDhcpOptions | Op::GetDhcpOptions => (Inspect, "dhcp-options"),
        Op::CreateDhcpOptions | Op::UpdateDhcpOptions | Op::DeleteDhcpOptions => (Manage, "dhcp-options"),
        Op::ListNetworkSecurityGroups
        | Op::GetNetworkSecurityGroup
        | Op::ListNetworkSecurityGroupSecurityRules => (Read, "network-security-groups"),
        Op::ListNetworkSecurityGroupVnics => (Use, "network-security-groups"),
        Op::CreateNetworkSecurityGroup
        | Op::UpdateNetworkSecurityGroup
        | Op::DeleteNetworkSecurityGroup
        | Op::AddNetworkSecurityGroupSecurityRules
        | Op::UpdateNetworkSecurityGroupSecurityRules
        | Op::RemoveNetworkSecurityGroupSecurityRules => (Manage, "network-security-groups"),
        Op::ListVlans => (Inspect, "vlans"),
        Op::GetVnic => (Inspect, "vnics"),
        Op::UpdateVnic => (Use, "vnics"),
        Op::ListPrivateIps | Op::GetPrivateIp => (Inspect, "private-ips"),
        Op::CreatePrivateIp | Op::BulkCreatePrivateIps | Op::UpdatePrivateIp | Op::DeletePrivateIp => {
            (Use, "private-ips")
        }
        Op::ListPublicIps | Op::GetPublicIp | Op::GetPublicIpByIpAddress | Op::GetPublicIpByPrivateIpId => {
            (Read, "public-ips")
        }
        Op::CreatePublicIp | Op::UpdatePublicIp | Op::DeletePublicIp => (Manage, "public-ips"),
        Op::ListIpv6s | Op::GetIpv6 => (Inspect, "ipv6s"),
        Op::CreateIpv6 | Op::UpdateIpv6 | Op::DeleteIpv6 => (Manage, "ipv6s"),
        _ => return None,
    })
}
