//! The few calls that a run makes, with the parameters that it wants. Decides nothing.

use ledger::CapacityType;
use oci_api::{
    Operation,
    models::{
        AvailabilityDomain, Instance, InstanceLifecycleState, InstanceSourceDetails, LaunchInstanceDetails,
        WorkRequestError, WorkRequestSummary,
    },
};
use oci_client::{Answered, Call, Client, Failure, RetryPolicy};
use serde::{Deserialize, de::IgnoredAny};
use std::time::Duration;

/// What a run needs of an instance that it made. An answer tells ten times as much, which is not even decoded.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Made {
    pub id: Option<String>,
    pub display_name: Option<String>,
    pub lifecycle_state: InstanceLifecycleState,
    pub availability_domain: Option<String>,
    pub fault_domain: Option<String>,
    pub shape: Option<String>,
    pub capacity_reservation_id: Option<String>,
    pub shape_config: Option<MadeSize>,
    pub preemptible_instance_config: Option<IgnoredAny>,
    pub freeform_tags: Option<OwnTags>,
}

/// The size of an instance.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MadeSize {
    pub ocpus: Option<f64>,
    #[serde(rename = "memoryInGBs")]
    pub memory_in_gbs: Option<f64>,
}

impl Made {
    /// How its capacity is bought.
    pub fn capacity_type(&self) -> CapacityType {
        if self.preemptible_instance_config.is_some() {
            CapacityType::Preemptible
        } else {
            CapacityType::OnDemand
        }
    }
}

/// The tags by which a run knows its own instances.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OwnTags {
    /// [`crate::plan::RUN_TAG`].
    #[serde(rename = "oci-insta-scale-run")]
    pub run: Option<String>,
    /// [`crate::plan::SLOT_TAG`].
    #[serde(rename = "oci-insta-scale-slot")]
    pub slot: Option<String>,
}

impl From<Instance> for Made {
    fn from(instance: Instance) -> Self {
        Self {
            id: Some(instance.id),
            display_name: instance.display_name,
            lifecycle_state: instance.lifecycle_state,
            availability_domain: Some(instance.availability_domain),
            fault_domain: instance.fault_domain,
            shape: Some(instance.shape),
            capacity_reservation_id: instance.capacity_reservation_id,
            shape_config: instance
                .shape_config
                .map(|size| MadeSize { ocpus: size.ocpus, memory_in_gbs: size.memory_in_gbs }),
            preemptible_instance_config: instance.preemptible_instance_config.map(|_| IgnoredAny),
            // Found by its tags.
            freeform_tags: None,
        }
    }
}

/// Polls come again by themselves: one that fails must not hold up the next.
const POLL: RetryPolicy = RetryPolicy {
    max_attempts: 3,
    base: Duration::from_secs(1),
    cap: Duration::from_secs(5),
    max_elapsed: Duration::from_secs(30),
};

/// One try of a launch: what follows a failure is decided here in `fleet`, with an event for each try.
pub(crate) async fn launch(
    client: &Client,
    details: &LaunchInstanceDetails,
    token: &str,
) -> Result<Answered<Made>, Failure> {
    let call =
        Call::new(Operation::LaunchInstance).retry_token(token).json(details).retry(RetryPolicy::never());
    client.call(call).await
}

pub(crate) async fn get(client: &Client, ocid: &str) -> Result<Instance, Failure> {
    Ok(client.call(Call::new(Operation::GetInstance).path(ocid).retry(POLL)).await?.value)
}

/// A look at the newest instances of a compartment: the next look comes soon.
pub(crate) fn poll(compartment: &str) -> Call {
    list(compartment).retry(POLL)
}

/// The volumes that outlive a termination. Both are sent in any case, since the service's defaults differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeepVolumes {
    /// The boot volume.
    pub boot: bool,
    /// Data volumes that the launch made.
    pub data: bool,
}

impl KeepVolumes {
    /// A rollback deletes what the launch made. A boot volume that was there before the launch is somebody's data, and
    /// stays.
    pub fn after_rollback(launch: &LaunchInstanceDetails) -> Self {
        let boot = matches!(launch.source_details.as_deref(), Some(InstanceSourceDetails::BootVolume(_)));
        Self { boot, data: false }
    }
}

/// Terminates an instance. To be repeated without harm. Returns the OCID of the work request; there is none if the instance
/// was being terminated already, and then what this request says of the volumes has no effect.
pub(crate) async fn terminate(
    client: &Client,
    ocid: &str,
    keep: KeepVolumes,
) -> Result<Option<String>, Failure> {
    let answered = client.terminate_instance(ocid, keep.boot, keep.data, None).await?;
    Ok(answered.work_request_id)
}

/// The newest instances of a compartment first, so that a run finds its own on the first pages.
pub(crate) fn list(compartment: &str) -> Call {
    Call::new(Operation::ListInstances)
        .query("compartmentId", compartment)
        .query("sortBy", "TIMECREATED")
        .query("sortOrder", "DESC")
}

/// The instances with exactly this display name, dead ones too.
pub(crate) async fn named(client: &Client, compartment: &str, name: &str) -> Result<Vec<Instance>, Failure> {
    let call =
        Call::new(Operation::ListInstances).query("compartmentId", compartment).query("displayName", name);
    client.all(call).await
}

pub(crate) async fn availability_domains(
    client: &Client,
    compartment: &str,
) -> Result<Vec<AvailabilityDomain>, Failure> {
    client.all(Call::new(Operation::ListAvailabilityDomains).query("compartmentId", compartment)).await
}

/// The errors of a work request; empty when it tells none.
pub(crate) async fn work_request_errors(
    client: &Client,
    work_request: &str,
) -> Result<Vec<WorkRequestError>, Failure> {
    client.all(Call::new(Operation::ListWorkRequestErrors).path(work_request)).await
}

/// The work requests about a resource, for an instance whose own is not known.
pub(crate) async fn work_requests(
    client: &Client,
    compartment: &str,
    ocid: &str,
) -> Result<Vec<WorkRequestSummary>, Failure> {
    let call =
        Call::new(Operation::ListWorkRequests).query("compartmentId", compartment).query("resourceId", ocid);
    client.all(call).await
}
