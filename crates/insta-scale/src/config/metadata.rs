//! The instance metadata: SSH keys, user data and the user's own entries, and its size according to OCI.
//!
//! It must not know more about positions in the file than where to report a finding.

use super::body::Body;
pub use super::files::{Folders, METADATA_MAX_BYTES as MAX_BYTES};
use super::finding::{Finding, Findings, Place};
use super::section::Section;
use super::{ssh_keys, user_data};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// From this size on, a note states the remaining space.
const NEARLY: usize = MAX_BYTES / 10 * 9;

const SSH_KEYS: &str = "ssh_authorized_keys";
const USER_DATA: &str = "user_data";

/// Reads the three sources of metadata into the body.
pub fn read_metadata(section: &Section<'_>, folders: Folders<'_>, findings: &Findings, body: &mut Body) {
    if let Some((keys, place)) = ssh_keys::read_ssh_keys(section, folders, findings) {
        body.set_entry("metadata", SSH_KEYS, keys, "instance_settings.ssh_authorized_keys", place);
    }
    if let Some(text) = section.text(USER_DATA)
        && let Some(data) = user_data::read_user_data(&text, folders, findings)
    {
        body.set_entry("metadata", USER_DATA, data, "instance_settings.user_data", text.place);
    }
    for (entry, value) in section.table("metadata") {
        let key = entry.key.as_str();
        if [SSH_KEYS, USER_DATA].contains(&key) && section.node(key).is_some() {
            findings.mistake(
                Finding::at(entry.place, format!("metadata.{key} is also set by instance_settings.{key}"))
                    .help("keep one of the two"),
            );
        } else {
            let name = format!("instance_settings.metadata.{key}");
            body.set_entry("metadata", key, value, &name, entry.place);
        }
    }
}

/// Checks metadata in the form of the API, under `metadata:` or `launch_details:`, where nothing is encoded or read from a
/// file.
pub fn check_raw(body: &Body, findings: &Findings) {
    let raw = |name: &str| {
        let (place, key) = body.origin_of(&format!("metadata.{name}"))?;
        let value = body.json().get("metadata")?.get(name)?.as_str()?;
        (key != format!("instance_settings.{name}")).then_some((place, key, value))
    };
    if let Some((place, key, keys)) = raw(SSH_KEYS)
        && let Err((what, help)) = ssh_keys::check_ssh_keys(keys)
    {
        findings.mistake(Finding::at(place, format!("{key}: {what}")).help(help));
    }
    if let Some((place, key, data)) = raw(USER_DATA)
        && STANDARD.decode(data).is_err()
    {
        findings.mistake(
            Finding::at(place, format!("{key} must be base64, as in the API"))
                .help("use `user_data:` under instance_settings, which accepts plain text and files"),
        );
    }
}

/// Refuses metadata that is too large, and warns if it is nearly so.
pub fn check_size(body: &Body, group: Place, findings: &Findings) {
    let size = size(body.json());
    if size <= NEARLY {
        return;
    }
    let names = [USER_DATA, SSH_KEYS];
    let place = names.iter().find_map(|name| body.place_of(&format!("metadata.{name}"))).unwrap_or(group);
    let data = body.json().get("metadata").and_then(|metadata| metadata.get(USER_DATA)?.as_str());
    let of_it = data.map_or_else(String::new, |data| {
        format!("; user data is {} of them, {} before base64", data.len(), data.len() / 4 * 3)
    });
    let is_zipped = data.is_some_and(|data| data.starts_with("H4sI"));
    let help = if data.is_some() && !is_zipped {
        "compress it, since cloud-init accepts gzip: `gzip -9 -k cloud-init.yaml`, then `user_data: \"@cloud-init.yaml.gz\"`"
    } else {
        "names and values count, user data as base64: shorten it, or let it download the rest"
    };
    if size > MAX_BYTES {
        let message = format!("the metadata has {size} bytes; the limit of OCI is {MAX_BYTES}{of_it}");
        findings.mistake(Finding::at(place, message).help(help));
    } else {
        let message = format!("the metadata has {size} bytes of the {MAX_BYTES} that OCI accepts{of_it}");
        findings.note(Finding::at(place, message).help(help));
    }
}

/// The size of metadata as the service counts it.
fn size(body: &Map<String, Value>) -> usize {
    let tables = ["metadata", "extendedMetadata"].into_iter().filter_map(|name| body.get(name)?.as_object());
    tables
        .flatten()
        .map(|(name, value)| name.len() + value.as_str().map_or_else(|| value.to_string().len(), str::len))
        .sum()
}
