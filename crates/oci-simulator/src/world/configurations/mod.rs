//! Instance configurations: templates of launches.

mod api;

use super::automatic_tags::Spaces;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// An instance configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ConfigurationRow {
    pub compartment: u32,
    pub name: String,
    pub tags: BTreeMap<String, String>,
    pub defined_tags: Spaces,
    pub created: Timestamp,
    /// Incremented by every change, on which the etag depends.
    #[serde(default, skip_serializing_if = "is_first")]
    pub version: u32,
    /// `instanceDetails`, in the form of the API.
    details: Value,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_first(version: &u32) -> bool {
    *version == 0
}

/// Fields of a template that LaunchInstanceDetails does not have.
const NOT_IN_LAUNCH: [&str; 2] = ["launchMode", "preferredMaintenanceAction"];

/// The launch in `instanceDetails`: the first one if there are several options.
fn launch_fields(details: &Value) -> Map<String, Value> {
    let first = details.get("options").and_then(|options| options.get(0)).unwrap_or(details);
    let mut fields = first.get("launchDetails").and_then(Value::as_object).cloned().unwrap_or_default();
    for name in NOT_IN_LAUNCH {
        fields.remove(name);
    }
    fields
}

/// Converts a block volume of a configuration to a volume attachment of a launch.
fn volume_at_launch(volume: &Value) -> Value {
    let mut attach = volume.get("attachDetails").and_then(Value::as_object).cloned().unwrap_or_default();
    attach.entry("type").or_insert_with(|| "paravirtualized".into());
    if let Some(ocid) = volume.get("volumeId") {
        attach.insert("volumeId".into(), ocid.clone());
    }
    if let Some(create) = volume.get("createDetails").and_then(Value::as_object) {
        let mut create = create.clone();
        create.insert("volumeCreationType".into(), "ATTRIBUTES".into());
        create.entry("sizeInGBs").or_insert_with(|| 50.into());
        attach.insert("launchCreateVolumeDetails".into(), create.into());
    }
    attach.into()
}
