//! Settings that only one instance can have: an address, a host name, a boot volume.

use super::body::Body;
use super::finding::{Finding, Findings};
use super::source;

const BY_SUBNET: &str = "remove it: the subnet provides addresses and host names";

/// Paths on the wire, and the remedy if several instances are wanted.
const SINGLE: &[(&str, &str)] = &[
    ("createVnicDetails.hostnameLabel", BY_SUBNET),
    ("createVnicDetails.privateIp", BY_SUBNET),
    ("createVnicDetails.privateIpId", BY_SUBNET),
    ("hostnameLabel", BY_SUBNET),
    (
        source::VOLUME,
        "a boot volume can start only one instance: set `count: 1`, or create a custom image from it and set image_id",
    ),
];

/// Refuses single-use settings for several instances.
pub fn check_single_use(body: &Body, count: Option<u32>, findings: &Findings) {
    let Some(count @ 2..) = count else { return };
    for (path, help) in SINGLE {
        if let Some((place, key)) = body.origin_of(path) {
            let message = format!("{key} applies to one instance, but count is {count}");
            findings.mistake(Finding::at(place, message).help(*help));
        }
    }
    // A volume can be attached to one instance only, unless the launch creates it.
    let volumes = body.json().get("launchVolumeAttachments").and_then(serde_json::Value::as_array);
    for at in 0..volumes.map_or(0, Vec::len) {
        if let Some((place, key)) = body.origin_of(&format!("launchVolumeAttachments[{at}].volumeId")) {
            let message = format!("{key} applies to one instance, but count is {count}");
            let help = "let each launch create its own volume: use `launchCreateVolumeDetails` instead of `volumeId`";
            findings.mistake(Finding::at(place, message).help(help));
        }
    }
}
