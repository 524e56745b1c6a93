//! Boot volumes and data volumes.

use oci_api::Operation;
use oci_api::models::{BootVolume, Volume};

use crate::{Answered, Call, Client, Failure};

impl Client {
    /// One boot volume.
    pub async fn get_boot_volume(&self, boot_volume_id: &str) -> Result<Answered<BootVolume>, Failure> {
        self.call(Call::new(Operation::GetBootVolume).path(boot_volume_id)).await
    }

    /// The boot volumes of a compartment in one availability domain, attached or not.
    pub async fn list_boot_volumes(
        &self,
        compartment_id: &str,
        availability_domain: &str,
    ) -> Result<Vec<BootVolume>, Failure> {
        let call = Call::new(Operation::ListBootVolumes)
            .query("availabilityDomain", availability_domain)
            .query("compartmentId", compartment_id);
        self.all(call).await
    }

    /// Deletes a boot volume with everything on it.
    pub async fn delete_boot_volume(
        &self,
        boot_volume_id: &str,
        if_match: Option<&str>,
    ) -> Result<Answered<()>, Failure> {
        self.call_empty(Call::new(Operation::DeleteBootVolume).path(boot_volume_id).if_match(if_match)).await
    }

    /// One data volume.
    pub async fn get_volume(&self, volume_id: &str) -> Result<Answered<Volume>, Failure> {
        self.call(Call::new(Operation::GetVolume).path(volume_id)).await
    }

    /// The data volumes of a compartment, attached or not.
    pub async fn list_volumes(
        &self,
        compartment_id: &str,
        availability_domain: Option<&str>,
    ) -> Result<Vec<Volume>, Failure> {
        let call = Call::new(Operation::ListVolumes)
            .query_opt("availabilityDomain", availability_domain)
            .query("compartmentId", compartment_id);
        self.all(call).await
    }

    /// Deletes a data volume with everything on it.
    pub async fn delete_volume(
        &self,
        volume_id: &str,
        if_match: Option<&str>,
    ) -> Result<Answered<()>, Failure> {
        self.call_empty(Call::new(Operation::DeleteVolume).path(volume_id).if_match(if_match)).await
    }
}
