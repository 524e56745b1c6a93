//! Sends a launch. The only place that knows which request that is.

use crate::engine::cloud::{self, Made};
use crate::plan::Backend;
use oci_api::models::LaunchInstanceDetails;
use oci_client::{Answered, Client, Failure};

impl Backend {
    /// Sends one try of a slot's launch. What follows a failure is decided by the caller.
    pub(crate) async fn launch(
        self,
        client: &Client,
        details: &LaunchInstanceDetails,
        token: &str,
    ) -> Result<Answered<Made>, Failure> {
        match self {
            Self::Instances => cloud::launch(client, details, token).await,
        }
    }
}
