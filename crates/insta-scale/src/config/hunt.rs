//! Reads `hunt:`: how a hunt asks for capacity.

use super::finding::{Finding, Findings};
use super::keys;
use super::section::Section;
use super::yaml::Node;
use crate::args::parse_duration;
use fleet::plan::LEAST_HUNT_FLOOR;
use std::time::Duration;

/// Reads the floor. An unreadable floor is a finding, because it must not become no floor.
pub fn read_floor(node: &Node, findings: &Findings) -> Option<Duration> {
    let group = Section::of(node, "hunt.", keys::HUNT, findings)?;
    if let Some(place) = group.key_place("floor").filter(|_| group.node("floor").is_none()) {
        findings.mistake(
            Finding::at(place, "hunt.floor is empty".to_owned())
                .help("write `60s`, or remove the key for 60s"),
        );
        return None;
    }
    let given = group.text_or_empty("floor")?;
    match parse_duration(given.value) {
        Ok(floor) if floor >= LEAST_HUNT_FLOOR => Some(floor),
        Ok(_) => {
            findings.mistake(
                Finding::at(
                    given.place,
                    format!("hunt.floor is {}, but at least 10s is required", given.value),
                )
                .help("use 60s, or down to 10s in a paid tenancy"),
            );
            None
        }
        Err(error) => {
            findings.mistake(
                Finding::at(given.place, format!("hunt.floor: {error}"))
                    .help("write a time with its unit, such as `60s`, or remove the key for 60s"),
            );
            None
        }
    }
}
