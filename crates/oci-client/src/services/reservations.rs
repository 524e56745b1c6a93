//! Capacity reservations and the capacity report.

use oci_api::Operation;
use oci_api::models::{
    CapacityReservationInstanceSummary, ComputeCapacityReport, ComputeCapacityReservation,
    ComputeCapacityReservationInstanceShapeSummary, ComputeCapacityReservationSummary,
    CreateComputeCapacityReportDetails, CreateComputeCapacityReservationDetails,
    UpdateComputeCapacityReservationDetails,
};

use crate::{Answered, Call, Client, Failure};

impl Client {
    /// Creates a reservation. It may hold less than requested, or nothing, without an error: read its counts once the work
    /// request has ended. It costs money as soon as it exists.
    pub async fn create_capacity_reservation(
        &self,
        details: &CreateComputeCapacityReservationDetails,
        retry_token: &str,
    ) -> Result<Answered<ComputeCapacityReservation>, Failure> {
        self.call(
            Call::new(Operation::CreateComputeCapacityReservation)
                .in_domain(&details.availability_domain)
                .retry_token(retry_token)
                .json(details),
        )
        .await
    }

    /// One reservation, with its configs and counts.
    pub async fn get_capacity_reservation(
        &self,
        reservation_id: &str,
    ) -> Result<Answered<ComputeCapacityReservation>, Failure> {
        self.call(Call::new(Operation::GetComputeCapacityReservation).path(reservation_id)).await
    }

    /// All reservations of a compartment, without their configs.
    pub async fn list_capacity_reservations(
        &self,
        compartment_id: &str,
        availability_domain: Option<&str>,
    ) -> Result<Vec<ComputeCapacityReservationSummary>, Failure> {
        let call = Call::new(Operation::ListComputeCapacityReservations)
            .query("compartmentId", compartment_id)
            .query_opt("availabilityDomain", availability_domain);
        self.all(call).await
    }

    /// Changes a reservation. The service deletes configs that are left out: always send all of them.
    pub async fn update_capacity_reservation(
        &self,
        reservation_id: &str,
        details: &UpdateComputeCapacityReservationDetails,
        if_match: Option<&str>,
    ) -> Result<Answered<()>, Failure> {
        let call = Call::new(Operation::UpdateComputeCapacityReservation).path(reservation_id);
        self.call_empty(call.if_match(if_match).json(details)).await
    }

    /// Deletes a reservation. The service refuses while instances use it.
    pub async fn delete_capacity_reservation(
        &self,
        reservation_id: &str,
        if_match: Option<&str>,
    ) -> Result<Answered<()>, Failure> {
        let call = Call::new(Operation::DeleteComputeCapacityReservation).path(reservation_id);
        self.call_empty(call.if_match(if_match)).await
    }

    /// The instances in a reservation.
    pub async fn list_capacity_reservation_instances(
        &self,
        reservation_id: &str,
        compartment_id: Option<&str>,
    ) -> Result<Vec<CapacityReservationInstanceSummary>, Failure> {
        let call = Call::new(Operation::ListComputeCapacityReservationInstances)
            .path(reservation_id)
            .query_opt("compartmentId", compartment_id);
        self.all(call).await
    }

    /// The shapes that can be reserved, and whether their size is flexible.
    pub async fn list_capacity_reservation_shapes(
        &self,
        compartment_id: &str,
        availability_domain: Option<&str>,
    ) -> Result<Vec<ComputeCapacityReservationInstanceShapeSummary>, Failure> {
        let call = Call::new(Operation::ListComputeCapacityReservationInstanceShapes)
            .query("compartmentId", compartment_id)
            .query_opt("availabilityDomain", availability_domain);
        self.all(call).await
    }

    /// How many instances would fit into one availability domain now. The report reserves nothing, and only the root
    /// compartment can request it.
    pub async fn create_capacity_report(
        &self,
        details: &CreateComputeCapacityReportDetails,
    ) -> Result<Answered<ComputeCapacityReport>, Failure> {
        let call = Call::new(Operation::CreateComputeCapacityReport);
        self.call(call.in_domain(&details.availability_domain).json(details)).await
    }
}
