//! Availability domains, fault domains, compartments, the tenancy and its regions.

use oci_api::Operation;
use oci_api::models::{AvailabilityDomain, Compartment, FaultDomain, RegionSubscription, Tenancy, User};

use crate::{Answered, Call, Client, Failure};

impl Client {
    /// The availability domains of the region, by their full names (`Uocm:PHX-AD-1`).
    pub async fn list_availability_domains(
        &self,
        compartment_id: &str,
    ) -> Result<Vec<AvailabilityDomain>, Failure> {
        self.all(Call::new(Operation::ListAvailabilityDomains).query("compartmentId", compartment_id)).await
    }

    /// The fault domains of one availability domain.
    pub async fn list_fault_domains(
        &self,
        compartment_id: &str,
        availability_domain: &str,
    ) -> Result<Vec<FaultDomain>, Failure> {
        let call = Call::new(Operation::ListFaultDomains)
            .query("compartmentId", compartment_id)
            .query("availabilityDomain", availability_domain);
        self.all(call).await
    }

    /// The compartments below one; all levels of it if `subtree`, which only the root compartment allows.
    pub async fn list_compartments(
        &self,
        compartment_id: &str,
        subtree: bool,
    ) -> Result<Vec<Compartment>, Failure> {
        let call = Call::new(Operation::ListCompartments)
            .query("compartmentId", compartment_id)
            .query_opt("compartmentIdInSubtree", subtree.then_some("true"))
            .query_opt("accessLevel", subtree.then_some("ACCESSIBLE"));
        self.all(call).await
    }

    /// One compartment.
    pub async fn get_compartment(&self, compartment_id: &str) -> Result<Answered<Compartment>, Failure> {
        self.call(Call::new(Operation::GetCompartment).path(compartment_id)).await
    }

    /// The tenancy.
    pub async fn get_tenancy(&self, tenancy_id: &str) -> Result<Answered<Tenancy>, Failure> {
        self.call(Call::new(Operation::GetTenancy).path(tenancy_id)).await
    }

    /// One user. Reading the caller's own user is the cheapest check of credentials.
    pub async fn get_user(&self, user_id: &str) -> Result<Answered<User>, Failure> {
        self.call(Call::new(Operation::GetUser).path(user_id)).await
    }

    /// The regions that the tenancy may use.
    pub async fn list_region_subscriptions(
        &self,
        tenancy_id: &str,
    ) -> Result<Vec<RegionSubscription>, Failure> {
        self.all(Call::new(Operation::ListRegionSubscriptions).path(tenancy_id)).await
    }
}
