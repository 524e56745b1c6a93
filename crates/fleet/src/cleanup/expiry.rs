//! The expiry of a fleet. It is a tag, so that this program can act on it from any machine.

use crate::plan::EXPIRY_TAG;
use crate::query::select::Machine;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use oci_api::models::UpdateInstanceDetails;
use oci_client::{Client, Failure, FailureClass, RetryPolicy};
use tokio_util::sync::CancellationToken;

/// The maximum number of instances changed at the same time.
const AT_ONCE: usize = 8;
/// How often an instance that others keep changing is read again.
const READS: u32 = 3;

/// The tag's value for a time.
pub fn expiry_value(until: Timestamp) -> String {
    format!("{until:.0}")
}

/// When an instance expires; `None` if it has no such tag, or one that is not a time.
pub fn expiry(machine: &Machine) -> Option<Timestamp> {
    machine.tags.get(EXPIRY_TAG)?.parse().ok()
}

/// Sets another expiry. The service replaces all free-form tags at once, so each instance is read first and changed only if
/// nothing else changed it meanwhile. When `stop` is cancelled, no further instance is changed: `None`.
pub async fn extend(
    client: &Client,
    machines: &[Machine],
    until: Timestamp,
    stop: &CancellationToken,
) -> Vec<(String, Option<Result<(), Failure>>)> {
    tag(client, machines, EXPIRY_TAG, &expiry_value(until), stop).await
}

/// Sets a free-form tag in the same way.
pub async fn tag(
    client: &Client,
    machines: &[Machine],
    key: &str,
    value: &str,
    stop: &CancellationToken,
) -> Vec<(String, Option<Result<(), Failure>>)> {
    let client = &client.with_retry(RetryPolicy::standard());
    stream::iter(machines.iter().map(|machine| machine.ocid.clone()))
        .map(|ocid| async move {
            if stop.is_cancelled() {
                return (ocid, None);
            }
            let result = tag_one(client, &ocid, key, value).await;
            (ocid, Some(result))
        })
        .buffered(AT_ONCE)
        .collect()
        .await
}

async fn tag_one(client: &Client, ocid: &str, key: &str, value: &str) -> Result<(), Failure> {
    let mut reads = 0;
    loop {
        reads += 1;
        let read = client.get_instance(ocid).await?;
        let mut tags = read.value.freeform_tags.unwrap_or_default();
        tags.insert(key.to_owned(), value.to_owned());
        let details = UpdateInstanceDetails { freeform_tags: Some(tags), ..UpdateInstanceDetails::default() };
        match client.update_instance(ocid, &details, read.etag.as_deref()).await {
            Err(failure) if failure.class == FailureClass::StaleEtag && reads < READS => {}
            other => return other.map(drop),
        }
    }
}
