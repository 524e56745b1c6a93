//! Reads the name of the fleet, which its instances carry in a tag.

use super::finding::{Finding, Findings};
use super::section::Section;

/// The maximum length of a tag value (Oracle: "Managing Tags and Tag Namespaces").
const MAX_VALUE: usize = 256;

/// Reads `fleet`; if it is omitted, the name is the prefix of the instance names.
pub fn read(top: &Section<'_>, prefix: &str, findings: &Findings) -> String {
    let Some(place) = top.key_place("fleet") else { return prefix.chars().take(MAX_VALUE).collect() };
    // An unset variable must not select another fleet.
    let name = match (top.text_or_empty("fleet"), top.node("fleet")) {
        (Some(given), _) => given.value.trim(),
        (None, None) => "",
        // Not a text, which has already been reported.
        (None, Some(_)) => return String::new(),
    };
    let wrong = |what: String| {
        findings.mistake(Finding::at(place, what).help(
            "a fleet is named like its instances, `fleet: web`; left out, it is named by display_name_prefix",
        ));
    };
    let length = name.chars().count();
    if name.is_empty() {
        wrong("fleet is blank".to_owned());
    } else if length > MAX_VALUE {
        wrong(format!("fleet has {length} characters, and the value of a tag has at most {MAX_VALUE}"));
    } else if name.chars().any(char::is_control) {
        wrong("fleet holds a control character".to_owned());
    }
    name.to_owned()
}
