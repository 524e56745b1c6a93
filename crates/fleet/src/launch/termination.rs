//! Determines why an instance failed after its launch was accepted, which only the work request of the launch tells.

use super::context::Context;
use crate::engine::{cloud, failure::work_request_error, pacer::Class};
use crate::reservation::exhausted;
use ledger::{ErrorClass, ErrorRecord};
use oci_client::{Failure, FailureClass};

/// The class and text of the termination cause. An empty list of errors is normal, and a failed request is no reason to doubt
/// that the instance was terminated.
pub(crate) async fn cause(
    context: &Context<'_>,
    ocid: &str,
    work_request: Option<&str>,
) -> (FailureClass, ErrorRecord) {
    let told = match context.ask(told(context, ocid, work_request)).await {
        Ok(Ok(told)) => told,
        Ok(Err(failure)) => {
            tracing::warn!(%failure, ocid, "the reason why the instance ended could not be read");
            None
        }
        Err(_halted) => None,
    };
    if let Some((class, error)) = told {
        // A full reservation fails like a lack of hosts, at once or later, but has a different remedy.
        let placement = context.journal.state(|state| {
            let slot = state.slots.values().find(|slot| slot.ocid.as_deref() == Some(ocid));
            slot.and_then(|slot| slot.placement.clone())
        });
        return (class, exhausted(error, &placement.unwrap_or_default()));
    }
    let error = ErrorRecord {
        class: ErrorClass::Service,
        code: "InstanceTerminated".to_owned(),
        message: format!(
            "{ocid} was terminated before it reached RUNNING, and its work request gives no reason"
        ),
        ..ErrorRecord::default()
    };
    (FailureClass::Service, error)
}

async fn told(
    context: &Context<'_>,
    ocid: &str,
    work_request: Option<&str>,
) -> Result<Option<(FailureClass, ErrorRecord)>, Failure> {
    let client = &context.env.client;
    let mut requests: Vec<String> = work_request.into_iter().map(str::to_owned).collect();
    if requests.is_empty() {
        let question = cloud::work_requests(client, &context.plan.fleet.compartment, ocid);
        let found = context.pacer.call(Class::Read, question).await;
        requests.extend(found?.into_iter().map(|request| request.id));
    }
    for request in requests {
        let errors = context.pacer.call(Class::Read, cloud::work_request_errors(client, &request)).await;
        if let Some(first) = errors?.into_iter().next() {
            return Ok(Some(work_request_error(&first.code, &first.message)));
        }
    }
    Ok(None)
}
