//! The user's tags, within OCI's limits (Oracle: "Managing Tags and Tag Namespaces").
//!
//! It must not know which tags a run adds, only how many.

use super::body::Body;
use super::finding::{Finding, Findings};
use super::section::{Section, to_json};
use super::yaml::Value;
use fleet::plan::{FLEET_TAG, MAX_FREEFORM_TAGS, RUN_TAG, SLOT_TAG, TAGS_OF_A_RUN};

/// The maximum length of a tag's key and of its value, in characters.
const MAX_KEY: usize = 100;
const MAX_VALUE: usize = 256;

/// Reads `freeform_tags` and `defined_tags`.
pub fn read_tags(section: &Section<'_>, findings: &Findings, body: &mut Body) {
    let freeform = section.table("freeform_tags");
    let room = MAX_FREEFORM_TAGS - TAGS_OF_A_RUN;
    if let Some((entry, _)) = freeform.get(room) {
        findings.mistake(
            Finding::at(
                entry.place,
                format!("freeform_tags has {} tags; the limit is {room}", freeform.len()),
            )
            .help(format!(
                "OCI allows {MAX_FREEFORM_TAGS} tags, and {TAGS_OF_A_RUN} of them are set by this program"
            )),
        );
    }
    for (entry, value) in freeform {
        let key = &entry.key;
        if [RUN_TAG, SLOT_TAG, FLEET_TAG].contains(&key.as_str()) {
            findings.mistake(
                Finding::at(entry.place, format!("the tag {key} is reserved: this program sets it"))
                    .help("remove it; the run sets it on each instance"),
            );
        }
        let bad = key.chars().find(|c| *c == '.' || c.is_whitespace() || c.is_control());
        if let Some(bad) = bad {
            findings.mistake(
                Finding::at(entry.place, format!("the tag key {key:?} contains {bad:?}, which OCI rejects"))
                    .help("use letters, digits, `-`, `_`, `/`, `+` and `:`"),
            );
        }
        if key.is_empty() || key.chars().count() > MAX_KEY {
            findings.mistake(Finding::at(entry.place, format!("a tag key has 1 to {MAX_KEY} characters")));
        }
        if value.chars().count() > MAX_VALUE {
            let count = value.chars().count();
            let message = format!("the value of tag {key} has {count} characters; the limit is {MAX_VALUE}");
            findings.mistake(Finding::at(entry.value.place, message));
        }
        body.set_entry(
            "freeformTags",
            key,
            value,
            &format!("instance_settings.freeform_tags.{key}"),
            entry.place,
        );
    }
    for entry in section.free_keys("defined_tags") {
        let key = format!("instance_settings.defined_tags.{}", entry.key);
        if matches!(entry.value.value, Value::Map(_)) {
            body.set_entry("definedTags", &entry.key, to_json(&entry.value), &key, entry.place);
        } else {
            section.wrong(
                &format!("defined_tags.{}", entry.key),
                &entry.value,
                "a group of tags",
                Some("a defined tag has a namespace, a key and a value: `Operations: {CostCenter: \"42\"}`"),
            );
        }
    }
}
