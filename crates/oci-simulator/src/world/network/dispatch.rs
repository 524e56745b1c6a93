//! Dispatches the operations of networks to their methods.

use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::ids::{Id, Kind};
use crate::world::state::World;
use oci_api::Operation;

impl World {
    /// Operations that create part of a network, whose retry token is bound to it; `None` for all others.
    pub(in crate::world) fn dispatch_bound_network(
        &mut self,
        request: &ApiRequest,
    ) -> Option<Result<(ApiAnswer, Option<Id>), ApiError>> {
        Some(match request.operation {
            Operation::CreateVcn => self.create_vcn(request),
            Operation::CreateSubnet => self.create_subnet(request),
            Operation::CreateInternetGateway => self.create_part(Kind::InternetGateway, request),
            Operation::CreateNatGateway => self.create_part(Kind::NatGateway, request),
            Operation::CreateServiceGateway => self.create_part(Kind::ServiceGateway, request),
            Operation::CreateRouteTable => self.create_part(Kind::RouteTable, request),
            Operation::CreateSecurityList => self.create_part(Kind::SecurityList, request),
            Operation::CreateDhcpOptions => self.create_part(Kind::DhcpOptions, request),
            Operation::CreateNetworkSecurityGroup => self.create_part(Kind::NetworkSecurityGroup, request),
            Operation::AttachVnic => self.attach_vnic(request),
            Operation::CreatePrivateIp => self.create_private_ip(request),
            Operation::BulkCreatePrivateIps => self.bulk_create_private_ips(request),
            Operation::CreatePublicIp => self.create_public_ip(request),
            Operation::CreateIpv6 => self.create_ipv6(request),
            _ => return None,
        })
    }

    /// Dispatches the operations of networks, and passes all others on.
    pub(in crate::world) fn dispatch_network(&mut self, request: &ApiRequest) -> ApiResult {
        match request.operation {
            Operation::GetVcn => self.get_vcn(request),
            Operation::ListVcns => self.list_vcns(request),
            Operation::UpdateVcn => self.update_vcn(request),
            Operation::AddVcnCidr => self.add_vcn_block(request),
            Operation::RemoveVcnCidr => self.remove_vcn_block(request),
            Operation::DeleteVcn => self.delete_vcn(request),
            Operation::GetSubnet => self.get_subnet(request),
            Operation::ListSubnets => self.list_subnets(request),
            Operation::UpdateSubnet => self.update_subnet(request),
            Operation::DeleteSubnet => self.delete_subnet(request),
            Operation::GetVnic => self.get_vnic(request),
            Operation::UpdateVnic => self.update_vnic(request),
            Operation::DetachVnic => self.detach_vnic(request),
            Operation::ListVirtualNetworkServices => self.list_network_services(request),
            Operation::GetService => self.get_network_service(request),
            Operation::ListNetworkSecurityGroups => self.list_security_groups(request),
            Operation::GetNetworkSecurityGroup => self.get_security_group(request),
            Operation::UpdateNetworkSecurityGroup => self.update_group(request),
            Operation::DeleteNetworkSecurityGroup => self.delete_group(request),
            Operation::ListNetworkSecurityGroupSecurityRules => self.list_group_rules(request),
            Operation::AddNetworkSecurityGroupSecurityRules => self.add_group_rules(request),
            Operation::UpdateNetworkSecurityGroupSecurityRules => self.update_group_rules(request),
            Operation::RemoveNetworkSecurityGroupSecurityRules => self.remove_group_rules(request),
            Operation::ListNetworkSecurityGroupVnics => self.list_group_vnics(request),
            _ => self.dispatch_parts(request),
        }
    }

    fn dispatch_parts(&mut self, request: &ApiRequest) -> ApiResult {
        match request.operation {
            Operation::GetInternetGateway => self.get_part(Kind::InternetGateway, request, "igId"),
            Operation::ListInternetGateways => self.list_parts(Kind::InternetGateway, request),
            Operation::UpdateInternetGateway => self.update_part(Kind::InternetGateway, request, "igId"),
            Operation::DeleteInternetGateway => self.delete_part(Kind::InternetGateway, request, "igId"),
            Operation::GetNatGateway => self.get_part(Kind::NatGateway, request, "natGatewayId"),
            Operation::ListNatGateways => self.list_parts(Kind::NatGateway, request),
            Operation::UpdateNatGateway => self.update_part(Kind::NatGateway, request, "natGatewayId"),
            Operation::DeleteNatGateway => self.delete_part(Kind::NatGateway, request, "natGatewayId"),
            Operation::GetServiceGateway => self.get_part(Kind::ServiceGateway, request, "serviceGatewayId"),
            Operation::ListServiceGateways => self.list_parts(Kind::ServiceGateway, request),
            Operation::UpdateServiceGateway => {
                self.update_part(Kind::ServiceGateway, request, "serviceGatewayId")
            }
            Operation::DeleteServiceGateway => {
                self.delete_part(Kind::ServiceGateway, request, "serviceGatewayId")
            }
            Operation::GetRouteTable => self.get_part(Kind::RouteTable, request, "rtId"),
            Operation::ListRouteTables => self.list_parts(Kind::RouteTable, request),
            Operation::UpdateRouteTable => self.update_part(Kind::RouteTable, request, "rtId"),
            Operation::DeleteRouteTable => self.delete_part(Kind::RouteTable, request, "rtId"),
            Operation::GetSecurityList => self.get_part(Kind::SecurityList, request, "securityListId"),
            Operation::ListSecurityLists => self.list_parts(Kind::SecurityList, request),
            Operation::UpdateSecurityList => self.update_part(Kind::SecurityList, request, "securityListId"),
            Operation::DeleteSecurityList => self.delete_part(Kind::SecurityList, request, "securityListId"),
            Operation::GetDhcpOptions => self.get_part(Kind::DhcpOptions, request, "dhcpId"),
            Operation::ListDhcpOptions => self.list_parts(Kind::DhcpOptions, request),
            Operation::UpdateDhcpOptions => self.update_part(Kind::DhcpOptions, request, "dhcpId"),
            Operation::DeleteDhcpOptions => self.delete_part(Kind::DhcpOptions, request, "dhcpId"),
            _ => self.dispatch_addresses(request),
        }
    }

    fn dispatch_addresses(&mut self, request: &ApiRequest) -> ApiResult {
        match request.operation {
            Operation::ListPrivateIps => self.list_private_ips(request),
            Operation::GetPrivateIp => self.get_private_ip(request),
            Operation::UpdatePrivateIp => self.update_private_ip(request),
            Operation::DeletePrivateIp => self.delete_private_ip(request),
            Operation::ListPublicIps => self.list_public_ips(request),
            Operation::GetPublicIp => self.get_public_ip(request),
            Operation::GetPublicIpByIpAddress => self.find_public_ip(request),
            Operation::GetPublicIpByPrivateIpId => self.find_public_ip_of_private(request),
            Operation::UpdatePublicIp => self.update_public_ip(request),
            Operation::DeletePublicIp => self.delete_public_ip(request),
            Operation::ListIpv6s => self.list_ipv6s(request),
            Operation::GetIpv6 => self.get_ipv6(request),
            Operation::UpdateIpv6 => self.update_ipv6(request),
            Operation::DeleteIpv6 => self.delete_ipv6(request),
            _ => self.dispatch_identity(request),
        }
    }
}
