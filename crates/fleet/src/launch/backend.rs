//! Sends a launch. Only this module knows which request that is.

use crate::engine::cloud::{self, Made};
use crate::plan::Backend;
use oci_api::models::LaunchInstanceDetails;
use oci_client::{Answered, Client, Failure};

impl Backend {
    /// Sends one request of a slot's launch. The caller decides what follows a failure.
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
