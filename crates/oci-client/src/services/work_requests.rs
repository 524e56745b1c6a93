//! Work requests, which track asynchronous changes and are the only source for the reason of a failure.

use oci_api::Operation;
use oci_api::models::{WorkRequest, WorkRequestError, WorkRequestLogEntry, WorkRequestSummary};

use crate::{Answered, Call, Client, Failure};

impl Client {
    /// One work request.
    pub async fn get_work_request(&self, work_request_id: &str) -> Result<Answered<WorkRequest>, Failure> {
        self.call(Call::new(Operation::GetWorkRequest).path(work_request_id)).await
    }

    /// The work requests of a compartment, or those about one resource.
    pub async fn list_work_requests(
        &self,
        compartment_id: &str,
        resource_id: Option<&str>,
    ) -> Result<Vec<WorkRequestSummary>, Failure> {
        let call = Call::new(Operation::ListWorkRequests)
            .query("compartmentId", compartment_id)
            .query_opt("resourceId", resource_id);
        self.all(call).await
    }

    /// The errors of a work request: why it failed. The list may be empty even if it failed.
    pub async fn list_work_request_errors(
        &self,
        work_request_id: &str,
    ) -> Result<Vec<WorkRequestError>, Failure> {
        self.all(Call::new(Operation::ListWorkRequestErrors).path(work_request_id)).await
    }

    /// The log of a work request.
    pub async fn list_work_request_logs(
        &self,
        work_request_id: &str,
    ) -> Result<Vec<WorkRequestLogEntry>, Failure> {
        self.all(Call::new(Operation::ListWorkRequestLogs).path(work_request_id)).await
    }
}
