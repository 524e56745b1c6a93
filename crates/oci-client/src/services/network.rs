//! Subnets, VCNs, VNICs and addresses.

use futures_util::Stream;
use oci_api::Operation;
use oci_api::models::{NetworkSecurityGroup, PrivateIp, PublicIp, Subnet, Vcn, Vnic};

use crate::{Answered, Call, Client, Failure};

/// Which public addresses to list.
#[derive(Clone, Debug)]
pub enum PublicIpScope {
    /// Ephemeral addresses of one availability domain, which instances receive at launch.
    AvailabilityDomain(String),
    /// Reserved addresses of the region.
    Region,
}

impl Client {
    /// One subnet.
    pub async fn get_subnet(&self, subnet_id: &str) -> Result<Answered<Subnet>, Failure> {
        self.call(Call::new(Operation::GetSubnet).path(subnet_id)).await
    }

    /// The subnets of a compartment, or of one VCN in it.
    pub async fn list_subnets(
        &self,
        compartment_id: &str,
        vcn_id: Option<&str>,
    ) -> Result<Vec<Subnet>, Failure> {
        let call = Call::new(Operation::ListSubnets)
            .query("compartmentId", compartment_id)
            .query_opt("vcnId", vcn_id);
        self.all(call).await
    }

    /// The network security groups of a compartment.
    pub async fn list_network_security_groups(
        &self,
        compartment_id: &str,
    ) -> Result<Vec<NetworkSecurityGroup>, Failure> {
        self.all(Call::new(Operation::ListNetworkSecurityGroups).query("compartmentId", compartment_id)).await
    }

    /// One virtual cloud network.
    pub async fn get_vcn(&self, vcn_id: &str) -> Result<Answered<Vcn>, Failure> {
        self.call(Call::new(Operation::GetVcn).path(vcn_id)).await
    }

    /// The virtual cloud networks of a compartment.
    pub async fn list_vcns(&self, compartment_id: &str) -> Result<Vec<Vcn>, Failure> {
        self.all(Call::new(Operation::ListVcns).query("compartmentId", compartment_id)).await
    }

    /// One VNIC.
    pub async fn get_vnic(&self, vnic_id: &str) -> Result<Answered<Vnic>, Failure> {
        self.call(Call::new(Operation::GetVnic).path(vnic_id)).await
    }

    /// The private addresses of a subnet, or of one VNIC.
    pub async fn list_private_ips(
        &self,
        subnet_id: Option<&str>,
        vnic_id: Option<&str>,
    ) -> Result<Vec<PrivateIp>, Failure> {
        let call = Call::new(Operation::ListPrivateIps)
            .query_opt("subnetId", subnet_id)
            .query_opt("vnicId", vnic_id);
        self.all(call).await
    }

    /// The private addresses of a subnet, page by page.
    pub fn private_ip_pages(
        &self,
        subnet_id: &str,
    ) -> impl Stream<Item = Result<Answered<Vec<PrivateIp>>, Failure>> + Send + use<> {
        self.pages(Call::new(Operation::ListPrivateIps).query("subnetId", subnet_id))
    }

    /// Public addresses. Their `assignedEntityId` is the private address to which they map.
    pub async fn list_public_ips(
        &self,
        compartment_id: &str,
        scope: &PublicIpScope,
    ) -> Result<Vec<PublicIp>, Failure> {
        self.all(public_ips(compartment_id, scope)).await
    }

    /// Like [`Self::list_public_ips`], page by page.
    pub fn public_ip_pages(
        &self,
        compartment_id: &str,
        scope: &PublicIpScope,
    ) -> impl Stream<Item = Result<Answered<Vec<PublicIp>>, Failure>> + Send + use<> {
        self.pages(public_ips(compartment_id, scope))
    }
}

fn public_ips(compartment_id: &str, scope: &PublicIpScope) -> Call {
    let call = Call::new(Operation::ListPublicIps).query("compartmentId", compartment_id);
    match scope {
        PublicIpScope::AvailabilityDomain(domain) => call
            .query("scope", "AVAILABILITY_DOMAIN")
            .query("availabilityDomain", domain)
            .query("lifetime", "EPHEMERAL"),
        PublicIpScope::Region => call.query("scope", "REGION"),
    }
}
