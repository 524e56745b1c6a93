//! The few calls of a run, with their parameters. This module decides nothing.

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

/// The facts that a run needs about an instance that it created. A response contains ten times as much, which is not even
/// decoded.
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

/// The tags by which a run recognises its own instances.
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
            // It was found by its tags.
            freeform_tags: None,
        }
    }
}

/// Polls repeat anyway, so a failed one must not delay the next.
const POLL: RetryPolicy = RetryPolicy {
    max_attempts: 3,
    base: Duration::from_secs(1),
    cap: Duration::from_secs(5),
    max_elapsed: Duration::from_secs(30),
};

/// Sends a launch once. The caller decides what follows a failure, and records an event for each attempt.
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

/// Polls the newest instances of a compartment, without long retries because the next poll comes soon.
pub(crate) fn poll(compartment: &str) -> Call {
    list(compartment).retry(POLL)
}

/// The same, of those in one state.
pub(crate) fn poll_in(compartment: &str, state: &InstanceLifecycleState) -> Call {
    poll(compartment).query("lifecycleState", state.as_str())
}

/// The volumes that a termination keeps. Both fields are always sent, since the service's defaults differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeepVolumes {
    /// The boot volume.
    pub boot: bool,
    /// Data volumes that the launch created.
    pub data: bool,
}

impl KeepVolumes {
    /// A rollback deletes what the launch created. A boot volume that existed before the launch contains somebody's data and
    /// stays.
    pub fn after_rollback(launch: &LaunchInstanceDetails) -> Self {
        let boot = matches!(launch.source_details.as_deref(), Some(InstanceSourceDetails::BootVolume(_)));
        Self { boot, data: false }
    }
}

/// Terminates an instance; repeating it is harmless. Returns the OCID of the work request; there is none if the instance was
/// already terminating, and then this request does not affect the volumes.
pub(crate) async fn terminate(
    client: &Client,
    ocid: &str,
    keep: KeepVolumes,
) -> Result<Option<String>, Failure> {
    let answered = client.terminate_instance(ocid, keep.boot, keep.data, None).await?;
    Ok(answered.work_request_id)
}

/// Lists a compartment with the newest instances first, so that a run finds its own on the first pages.
pub(crate) fn list(compartment: &str) -> Call {
    Call::new(Operation::ListInstances)
        .query("compartmentId", compartment)
        .query("sortBy", "TIMECREATED")
        .query("sortOrder", "DESC")
}

/// The instances with exactly this display name, including terminated ones.
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

/// The errors of a work request; empty if it states none.
pub(crate) async fn work_request_errors(
    client: &Client,
    work_request: &str,
) -> Result<Vec<WorkRequestError>, Failure> {
    client.all(Call::new(Operation::ListWorkRequestErrors).path(work_request)).await
}

/// The work requests about a resource, for an instance whose own work request is unknown.
pub(crate) async fn work_requests(
    client: &Client,
    compartment: &str,
    ocid: &str,
) -> Result<Vec<WorkRequestSummary>, Failure> {
    let call =
        Call::new(Operation::ListWorkRequests).query("compartmentId", compartment).query("resourceId", ocid);
    client.all(call).await
}
