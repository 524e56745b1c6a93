//! The parts of a network: made, listed by network, and deleted. The service refuses to delete what another part still uses.

use oci_api::Operation;
use oci_api::models::{
    CreateInternetGatewayDetails, CreateNatGatewayDetails, CreateRouteTableDetails,
    CreateSecurityListDetails, CreateSubnetDetails, CreateVcnDetails, DhcpOptions, InternetGateway,
    NatGateway, RouteTable, SecurityList, ServiceGateway, Subnet, Vcn,
};

use crate::{Answered, Call, Client, Failure};

/// Makes a part.
impl Client {
    /// Makes a virtual cloud network.
    pub async fn create_vcn(
        &self,
        details: &CreateVcnDetails,
        retry_token: &str,
    ) -> Result<Answered<Vcn>, Failure> {
        self.call(Call::new(Operation::CreateVcn).retry_token(retry_token).json(details)).await
    }

    /// Makes a subnet.
    pub async fn create_subnet(
        &self,
        details: &CreateSubnetDetails,
        retry_token: &str,
    ) -> Result<Answered<Subnet>, Failure> {
        self.call(Call::new(Operation::CreateSubnet).retry_token(retry_token).json(details)).await
    }

    /// Makes an internet gateway.
    pub async fn create_internet_gateway(
        &self,
        details: &CreateInternetGatewayDetails,
        retry_token: &str,
    ) -> Result<Answered<InternetGateway>, Failure> {
        self.call(Call::new(Operation::CreateInternetGateway).retry_token(retry_token).json(details)).await
    }

    /// Makes a NAT gateway.
    pub async fn create_nat_gateway(
        &self,
        details: &CreateNatGatewayDetails,
        retry_token: &str,
    ) -> Result<Answered<NatGateway>, Failure> {
        self.call(Call::new(Operation::CreateNatGateway).retry_token(retry_token).json(details)).await
    }

    /// Makes a route table.
    pub async fn create_route_table(
        &self,
        details: &CreateRouteTableDetails,
        retry_token: &str,
    ) -> Result<Answered<RouteTable>, Failure> {
        self.call(Call::new(Operation::CreateRouteTable).retry_token(retry_token).json(details)).await
    }

    /// Makes a security list.
    pub async fn create_security_list(
        &self,
        details: &CreateSecurityListDetails,
        retry_token: &str,
    ) -> Result<Answered<SecurityList>, Failure> {
        self.call(Call::new(Operation::CreateSecurityList).retry_token(retry_token).json(details)).await
    }
}

/// Reads a part.
impl Client {
    /// One internet gateway.
    pub async fn get_internet_gateway(&self, gateway_id: &str) -> Result<Answered<InternetGateway>, Failure> {
        self.call(Call::new(Operation::GetInternetGateway).path(gateway_id)).await
    }

    /// One NAT gateway.
    pub async fn get_nat_gateway(&self, gateway_id: &str) -> Result<Answered<NatGateway>, Failure> {
        self.call(Call::new(Operation::GetNatGateway).path(gateway_id)).await
    }

    /// One route table.
    pub async fn get_route_table(&self, table_id: &str) -> Result<Answered<RouteTable>, Failure> {
        self.call(Call::new(Operation::GetRouteTable).path(table_id)).await
    }

    /// One security list.
    pub async fn get_security_list(&self, list_id: &str) -> Result<Answered<SecurityList>, Failure> {
        self.call(Call::new(Operation::GetSecurityList).path(list_id)).await
    }

    /// The internet gateways of a network that are in a compartment.
    pub async fn list_internet_gateways(
        &self,
        compartment_id: &str,
        vcn_id: &str,
    ) -> Result<Vec<InternetGateway>, Failure> {
        self.all(of_network(Operation::ListInternetGateways, compartment_id, vcn_id)).await
    }

    /// The NAT gateways of a network that are in a compartment.
    pub async fn list_nat_gateways(
        &self,
        compartment_id: &str,
        vcn_id: &str,
    ) -> Result<Vec<NatGateway>, Failure> {
        self.all(of_network(Operation::ListNatGateways, compartment_id, vcn_id)).await
    }

    /// The route tables of a network that are in a compartment.
    pub async fn list_route_tables(
        &self,
        compartment_id: &str,
        vcn_id: &str,
    ) -> Result<Vec<RouteTable>, Failure> {
        self.all(of_network(Operation::ListRouteTables, compartment_id, vcn_id)).await
    }

    /// The security lists of a network that are in a compartment.
    pub async fn list_security_lists(
        &self,
        compartment_id: &str,
        vcn_id: &str,
    ) -> Result<Vec<SecurityList>, Failure> {
        self.all(of_network(Operation::ListSecurityLists, compartment_id, vcn_id)).await
    }

    /// The service gateways of a network that are in a compartment.
    pub async fn list_service_gateways(
        &self,
        compartment_id: &str,
        vcn_id: &str,
    ) -> Result<Vec<ServiceGateway>, Failure> {
        self.all(of_network(Operation::ListServiceGateways, compartment_id, vcn_id)).await
    }

    /// The sets of DHCP options of a network that are in a compartment.
    pub async fn list_dhcp_options(
        &self,
        compartment_id: &str,
        vcn_id: &str,
    ) -> Result<Vec<DhcpOptions>, Failure> {
        self.all(of_network(Operation::ListDhcpOptions, compartment_id, vcn_id)).await
    }
}

/// Deletes a part.
impl Client {
    /// Deletes a virtual cloud network, which must have no parts but its defaults.
    pub async fn delete_vcn(&self, vcn_id: &str) -> Result<Answered<()>, Failure> {
        self.call_empty(Call::new(Operation::DeleteVcn).path(vcn_id)).await
    }

    /// Deletes a subnet, which must have no VNIC.
    pub async fn delete_subnet(&self, subnet_id: &str) -> Result<Answered<()>, Failure> {
        self.call_empty(Call::new(Operation::DeleteSubnet).path(subnet_id)).await
    }

    /// Deletes an internet gateway.
    pub async fn delete_internet_gateway(&self, gateway_id: &str) -> Result<Answered<()>, Failure> {
        self.call_empty(Call::new(Operation::DeleteInternetGateway).path(gateway_id)).await
    }

    /// Deletes a NAT gateway.
    pub async fn delete_nat_gateway(&self, gateway_id: &str) -> Result<Answered<()>, Failure> {
        self.call_empty(Call::new(Operation::DeleteNatGateway).path(gateway_id)).await
    }

    /// Deletes a route table.
    pub async fn delete_route_table(&self, table_id: &str) -> Result<Answered<()>, Failure> {
        self.call_empty(Call::new(Operation::DeleteRouteTable).path(table_id)).await
    }

    /// Deletes a security list.
    pub async fn delete_security_list(&self, list_id: &str) -> Result<Answered<()>, Failure> {
        self.call_empty(Call::new(Operation::DeleteSecurityList).path(list_id)).await
    }
}

fn of_network(operation: Operation, compartment_id: &str, vcn_id: &str) -> Call {
    Call::new(operation).query("compartmentId", compartment_id).query("vcnId", vcn_id)
}
