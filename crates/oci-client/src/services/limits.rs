//! Service limits and their availability.

use oci_api::Operation;
use oci_api::models::{LimitDefinitionSummary, LimitValueSummary, ResourceAvailability, ServiceSummary};

use crate::{Answered, Call, Client, Failure};

impl Client {
    /// How much of a limit is used and available. The availability domain is required for limits of that scope and forbidden
    /// for others. For a limit without availability, the service returns 404 or an object without numbers.
    pub async fn get_resource_availability(
        &self,
        compartment_id: &str,
        service: &str,
        limit: &str,
        availability_domain: Option<&str>,
    ) -> Result<Answered<ResourceAvailability>, Failure> {
        let call = Call::new(Operation::GetResourceAvailability)
            .path(service)
            .path(limit)
            .query("compartmentId", compartment_id)
            .query_opt("availabilityDomain", availability_domain);
        self.call(call).await
    }

    /// The values of a service's limits; of one limit, if it is named.
    pub async fn list_limit_values(
        &self,
        tenancy_id: &str,
        service: &str,
        name: Option<&str>,
    ) -> Result<Vec<LimitValueSummary>, Failure> {
        let call = Call::new(Operation::ListLimitValues)
            .query("compartmentId", tenancy_id)
            .query("serviceName", service)
            .query_opt("name", name);
        self.all(call).await
    }

    /// The definitions of limits, with their scopes.
    pub async fn list_limit_definitions(
        &self,
        tenancy_id: &str,
        service: Option<&str>,
    ) -> Result<Vec<LimitDefinitionSummary>, Failure> {
        let call = Call::new(Operation::ListLimitDefinitions)
            .query("compartmentId", tenancy_id)
            .query_opt("serviceName", service);
        self.all(call).await
    }

    /// The services that have limits.
    pub async fn list_services(&self, tenancy_id: &str) -> Result<Vec<ServiceSummary>, Failure> {
        self.all(Call::new(Operation::ListServices).query("compartmentId", tenancy_id)).await
    }
}
