//! Instances, shapes and images.

use futures_util::Stream;
use oci_api::Operation;
use oci_api::models::{
    BootVolumeAttachment, ComputeCluster, ComputeClusterSummary, CreateComputeClusterDetails,
    DedicatedVmHostSummary, Image, Instance, LaunchInstanceDetails, Shape, UpdateInstanceDetails,
    VnicAttachment, VolumeAttachment,
};

use crate::{Answered, Call, Client, Failure};

/// Which instances to list. Fields that are `None` do not filter.
#[derive(Clone, Debug, Default)]
pub struct InstanceFilter {
    /// OCID of the compartment. Compartments below it are not searched.
    pub compartment_id: String,
    /// Only in this availability domain.
    pub availability_domain: Option<String>,
    /// Only in this capacity reservation.
    pub capacity_reservation_id: Option<String>,
    /// Only those with exactly this name: the service does not support patterns.
    pub display_name: Option<String>,
    /// Only those in this state.
    pub lifecycle_state: Option<String>,
}

impl InstanceFilter {
    /// All instances of a compartment.
    pub fn in_compartment(compartment_id: impl Into<String>) -> Self {
        Self { compartment_id: compartment_id.into(), ..Self::default() }
    }

    fn call(&self) -> Call {
        Call::new(Operation::ListInstances)
            .query("compartmentId", &self.compartment_id)
            .query_opt("availabilityDomain", self.availability_domain.as_deref())
            .query_opt("capacityReservationId", self.capacity_reservation_id.as_deref())
            .query_opt("displayName", self.display_name.as_deref())
            .query_opt("lifecycleState", self.lifecycle_state.as_deref())
    }
}

/// Which images to list.
#[derive(Clone, Debug, Default)]
pub struct ImageFilter {
    /// OCID of the compartment. Every compartment lists the platform images.
    pub compartment_id: String,
    /// Only of this operating system: `Oracle Linux`.
    pub operating_system: Option<String>,
    /// Only of this version.
    pub operating_system_version: Option<String>,
    /// Only those that this shape can boot.
    pub shape: Option<String>,
}

/// The actions on an instance (Oracle: InstanceAction).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InstanceAction {
    /// Powers on.
    Start,
    /// Powers off at once.
    Stop,
    /// Asks the system to shut down; powers off after 15 minutes.
    SoftStop,
    /// Powers off and on.
    Reset,
    /// Asks the system to reboot; resets after 15 minutes.
    SoftReset,
    /// Sends a diagnostic interrupt.
    SendDiagnosticInterrupt,
    /// Reboots a virtual machine after rebuilding its host side.
    DiagnosticReboot,
    /// Moves to another host and reboots.
    RebootMigrate,
}

impl InstanceAction {
    /// The name on the wire: `SOFTSTOP`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "START",
            Self::Stop => "STOP",
            Self::SoftStop => "SOFTSTOP",
            Self::Reset => "RESET",
            Self::SoftReset => "SOFTRESET",
            Self::SendDiagnosticInterrupt => "SENDDIAGNOSTICINTERRUPT",
            Self::DiagnosticReboot => "DIAGNOSTICREBOOT",
            Self::RebootMigrate => "REBOOTMIGRATE",
        }
    }
}

impl Client {
    /// Launches an instance. For 24 hours, the same token with the same details refers to the same instance. The call is
    /// attempted once unless the client has its own policy, because a caller that counts instances must see every attempt.
    pub async fn launch_instance(
        &self,
        details: &LaunchInstanceDetails,
        retry_token: &str,
    ) -> Result<Answered<Instance>, Failure> {
        self.call(Call::new(Operation::LaunchInstance).retry_token(retry_token).json(details)).await
    }

    /// Reads one instance.
    pub async fn get_instance(&self, instance_id: &str) -> Result<Answered<Instance>, Failure> {
        self.call(Call::new(Operation::GetInstance).path(instance_id)).await
    }

    /// The dedicated hosts of a compartment.
    pub async fn list_dedicated_vm_hosts(
        &self,
        compartment_id: &str,
    ) -> Result<Vec<DedicatedVmHostSummary>, Failure> {
        self.all(Call::new(Operation::ListDedicatedVmHosts).query("compartmentId", compartment_id)).await
    }

    /// The compute clusters of a compartment.
    pub async fn list_compute_clusters(
        &self,
        compartment_id: &str,
    ) -> Result<Vec<ComputeClusterSummary>, Failure> {
        self.all(Call::new(Operation::ListComputeClusters).query("compartmentId", compartment_id)).await
    }

    /// Makes a compute cluster.
    pub async fn create_compute_cluster(
        &self,
        details: &CreateComputeClusterDetails,
        retry_token: &str,
    ) -> Result<Answered<ComputeCluster>, Failure> {
        self.call(Call::new(Operation::CreateComputeCluster).retry_token(retry_token).json(details)).await
    }

    /// A compute cluster; a deleted one is shown as DELETED for a while.
    pub async fn get_compute_cluster(
        &self,
        compute_cluster_id: &str,
    ) -> Result<Answered<ComputeCluster>, Failure> {
        self.call(Call::new(Operation::GetComputeCluster).path(compute_cluster_id)).await
    }

    /// Deletes a compute cluster, which must have no instance.
    pub async fn delete_compute_cluster(&self, compute_cluster_id: &str) -> Result<Answered<()>, Failure> {
        self.call_empty(Call::new(Operation::DeleteComputeCluster).path(compute_cluster_id)).await
    }

    /// The instances of a compute cluster.
    pub async fn list_compute_cluster_instances(
        &self,
        compartment_id: &str,
        compute_cluster_id: &str,
    ) -> Result<Vec<Instance>, Failure> {
        let call = Call::new(Operation::ListInstances).query("compartmentId", compartment_id);
        self.all(call.query("computeClusterId", compute_cluster_id)).await
    }

    /// All instances that match, including terminated ones, which the service keeps for 12 hours or more.
    pub async fn list_instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>, Failure> {
        self.all(filter.call()).await
    }

    /// Like [`Self::list_instances`], page by page.
    pub fn instance_pages(
        &self,
        filter: &InstanceFilter,
    ) -> impl Stream<Item = Result<Answered<Vec<Instance>>, Failure>> + Send + use<> {
        self.pages(filter.call())
    }

    /// Starts, stops or resets an instance.
    pub async fn instance_action(
        &self,
        instance_id: &str,
        action: InstanceAction,
        retry_token: Option<&str>,
        if_match: Option<&str>,
    ) -> Result<Answered<Instance>, Failure> {
        let call = Call::new(Operation::InstanceAction).path(instance_id).query("action", action.as_str());
        let call = match retry_token {
            Some(token) => call.retry_token(token),
            None => call,
        };
        self.call(call.if_match(if_match)).await
    }

    /// Terminates an instance. The service's defaults delete the boot volume and keep data volumes, so the call always states
    /// both.
    pub async fn terminate_instance(
        &self,
        instance_id: &str,
        preserve_boot_volume: bool,
        preserve_data_volumes: bool,
        if_match: Option<&str>,
    ) -> Result<Answered<()>, Failure> {
        let call = Call::new(Operation::TerminateInstance)
            .path(instance_id)
            .query("preserveBootVolume", preserve_boot_volume.to_string())
            .query("preserveDataVolumesCreatedAtLaunch", preserve_data_volumes.to_string());
        self.call_empty(call.if_match(if_match)).await
    }

    /// Changes an instance.
    pub async fn update_instance(
        &self,
        instance_id: &str,
        details: &UpdateInstanceDetails,
        if_match: Option<&str>,
    ) -> Result<Answered<Instance>, Failure> {
        self.call(Call::new(Operation::UpdateInstance).path(instance_id).if_match(if_match).json(details))
            .await
    }

    /// The shapes that an availability domain (or the region) offers; if an image is given, only the shapes that can boot it.
    pub async fn list_shapes(
        &self,
        compartment_id: &str,
        availability_domain: Option<&str>,
        image_id: Option<&str>,
    ) -> Result<Vec<Shape>, Failure> {
        let call = Call::new(Operation::ListShapes)
            .query("compartmentId", compartment_id)
            .query_opt("availabilityDomain", availability_domain)
            .query_opt("imageId", image_id);
        self.all(call).await
    }

    /// Reads one image.
    pub async fn get_image(&self, image_id: &str) -> Result<Answered<Image>, Failure> {
        self.call(Call::new(Operation::GetImage).path(image_id)).await
    }

    /// Lists images, newest first.
    pub async fn list_images(&self, filter: &ImageFilter) -> Result<Vec<Image>, Failure> {
        let call = Call::new(Operation::ListImages)
            .query("compartmentId", &filter.compartment_id)
            .query_opt("operatingSystem", filter.operating_system.as_deref())
            .query_opt("operatingSystemVersion", filter.operating_system_version.as_deref())
            .query_opt("shape", filter.shape.as_deref())
            .query("sortBy", "TIMECREATED")
            .query("sortOrder", "DESC");
        self.all(call).await
    }

    /// The attachments of VNICs to instances in a compartment, page by page, so that a hundred thousand rows need not be in
    /// memory at once.
    pub fn vnic_attachment_pages(
        &self,
        compartment_id: &str,
    ) -> impl Stream<Item = Result<Answered<Vec<VnicAttachment>>, Failure>> + Send + use<> {
        self.pages(attachments(Operation::ListVnicAttachments, compartment_id, None, None))
    }

    /// The attachments of VNICs to the instances of a compartment, or to one instance.
    pub async fn list_vnic_attachments(
        &self,
        compartment_id: &str,
        availability_domain: Option<&str>,
        instance_id: Option<&str>,
    ) -> Result<Vec<VnicAttachment>, Failure> {
        self.all(attachments(
            Operation::ListVnicAttachments,
            compartment_id,
            availability_domain,
            instance_id,
        ))
        .await
    }

    /// The attachments of boot volumes to instances in one availability domain.
    pub async fn list_boot_volume_attachments(
        &self,
        compartment_id: &str,
        availability_domain: &str,
        instance_id: Option<&str>,
    ) -> Result<Vec<BootVolumeAttachment>, Failure> {
        let domain = Some(availability_domain);
        self.all(attachments(Operation::ListBootVolumeAttachments, compartment_id, domain, instance_id)).await
    }

    /// The attachments of data volumes to instances.
    pub async fn list_volume_attachments(
        &self,
        compartment_id: &str,
        availability_domain: Option<&str>,
        instance_id: Option<&str>,
    ) -> Result<Vec<VolumeAttachment>, Failure> {
        self.all(attachments(
            Operation::ListVolumeAttachments,
            compartment_id,
            availability_domain,
            instance_id,
        ))
        .await
    }
}

fn attachments(
    operation: Operation,
    compartment_id: &str,
    availability_domain: Option<&str>,
    instance_id: Option<&str>,
) -> Call {
    Call::new(operation)
        .query("compartmentId", compartment_id)
        .query_opt("availabilityDomain", availability_domain)
        .query_opt("instanceId", instance_id)
}
