//! Limit increase requests.

use oci_api::Operation;
use oci_api::models::{
    CreateLimitsIncreaseRequestDetails, LimitsIncreaseRequest, LimitsIncreaseRequestSummary,
    PatchInsertInstruction, PatchInstruction, PatchLimitsIncreaseRequestDetails,
};
use serde_json::json;

use crate::{Answered, Call, Client, Failure};

impl Client {
    /// Files a limit increase request. For 24 hours, the same token with the same details refers to the same request.
    pub async fn create_limits_increase_request(
        &self,
        details: &CreateLimitsIncreaseRequestDetails,
        retry_token: &str,
    ) -> Result<Answered<LimitsIncreaseRequest>, Failure> {
        let call = Call::new(Operation::CreateLimitsIncreaseRequest).retry_token(retry_token).json(details);
        self.call(call).await
    }

    /// One limit increase request, with its items and comments.
    pub async fn get_limits_increase_request(
        &self,
        id: &str,
    ) -> Result<Answered<LimitsIncreaseRequest>, Failure> {
        self.call(Call::new(Operation::GetLimitsIncreaseRequest).path(id)).await
    }

    /// The limit increase requests of a compartment, newest first. Requests are usually kept in the root compartment.
    pub async fn list_limits_increase_requests(
        &self,
        compartment_id: &str,
    ) -> Result<Vec<LimitsIncreaseRequestSummary>, Failure> {
        let call = Call::new(Operation::ListLimitsIncreaseRequests)
            .query("compartmentId", compartment_id)
            .query("sortBy", "timeCreated")
            .query("sortOrder", "DESC");
        self.all(call).await
    }

    /// Adds a comment to an open request, for example to answer a question of Oracle.
    pub async fn comment_on_limits_increase_request(
        &self,
        id: &str,
        text: &str,
    ) -> Result<Answered<LimitsIncreaseRequest>, Failure> {
        let insert = PatchInsertInstruction {
            selection: "customerComments".to_owned(),
            value: json!({ "message": text }),
        };
        let details =
            PatchLimitsIncreaseRequestDetails { items: Some(vec![PatchInstruction::Insert(insert)]) };
        self.call(Call::new(Operation::PatchLimitsIncreaseRequest).path(id).json(&details)).await
    }

    /// Cancels an open request.
    pub async fn cancel_limits_increase_request(
        &self,
        id: &str,
        retry_token: &str,
    ) -> Result<Answered<LimitsIncreaseRequest>, Failure> {
        self.call(Call::new(Operation::CancelLimitsIncreaseRequest).path(id).retry_token(retry_token)).await
    }
}
