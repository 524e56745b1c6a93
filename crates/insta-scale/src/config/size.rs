//! Reads `shape_config:`, the size of a flexible shape.
//!
//! Must not ask the service which shapes there are.

use super::body::Body;
use super::finding::{Finding, Findings};
use super::keys;
use super::section::{At, Section};
use super::shapes::{self, SizeError};

/// What other checks want to know about the shape.
#[derive(Default)]
pub struct Sized {
    /// The shape.
    pub shape: String,
    /// Whether a baseline below a full core is asked for.
    pub burstable: bool,
}

/// Reads the size.
pub fn read_size(
    section: &Section<'_>,
    shape: Option<&At<&str>>,
    findings: &Findings,
    body: &mut Body,
) -> Sized {
    let mut sized =
        Sized { shape: shape.map_or_else(String::new, |shape| shape.value.to_owned()), burstable: false };
    let config = section.node("shape_config");
    let flexible = shape.is_some_and(|shape| shapes::is_flexible(shape.value));
    let Some(config) = config else {
        if let Some(shape) = shape.filter(|_| flexible && !section.is_misspelt("shape_config")) {
            findings.mistake(
                Finding::at(
                    shape.place,
                    format!("{} is a flexible shape and needs a shape_config", shape.value),
                )
                .help("for 1 OCPU and 6 GB, add `shape_config: {ocpus: 1, memory_in_gbs: 6}`"),
            );
        }
        return sized;
    };
    let path = "instance_settings.shape_config.";
    let Some(group) = Section::of(config, path, keys::SHAPE, findings) else { return sized };
    let ocpus = read_ocpus(&group, &sized.shape, findings, body);
    let memory = group.number("memory_in_gbs");
    for (key, value, wire) in [("ocpus", &ocpus, "ocpus"), ("memory_in_gbs", &memory, "memoryInGBs")] {
        if let Some(At { value, place }) = value {
            body.set(&format!("shapeConfig.{wire}"), *value, &format!("{path}{key}"), *place);
        }
    }
    if let Some(baseline) = group.text("baseline_ocpu_utilization") {
        sized.burstable = baseline.value != "BASELINE_1_1";
        let key = format!("{path}baseline_ocpu_utilization");
        body.set("shapeConfig.baselineOcpuUtilization", baseline.value, &key, baseline.place);
    }
    if let Some(drives) = group.whole("nvmes", 1..=7) {
        body.set("shapeConfig.nvmes", drives.value, &format!("{path}nvmes"), drives.place);
    }
    let unsaid = ["ocpus", "vcpus"].iter().all(|key| group.node(key).is_none());
    if flexible && unsaid && !group.is_misspelt("ocpus") {
        findings.mistake(
            Finding::at(
                config.place,
                format!("{} is a flexible shape, but its shape_config has no ocpus", sized.shape),
            )
            .help("add `ocpus: 1`"),
        );
    }
    if let (Some(row), Some(ocpus)) = (shapes::find_shape(&sized.shape), &ocpus) {
        let memory_place = memory.as_ref().map_or(ocpus.place, |memory| memory.place);
        match row.check(ocpus.value, memory.as_ref().map(|memory| memory.value)) {
            Ok(()) => {}
            Err(SizeError::Ocpus(text)) => {
                findings.mistake(Finding::at(
                    ocpus.place,
                    format!("ocpus: {} is not a size: {text}", ocpus.value),
                ));
            }
            Err(SizeError::Memory(text)) => {
                let value = memory.as_ref().map_or(0.0, |memory| memory.value);
                findings.mistake(Finding::at(
                    memory_place,
                    format!("memory_in_gbs: {value} is out of range: {text}"),
                ));
            }
        }
    }
    sized
}

/// The OCPUs, which may be written as vCPUs: the same to the service, while limits, prices and reservations know OCPUs only.
fn read_ocpus(group: &Section<'_>, shape: &str, findings: &Findings, body: &mut Body) -> Option<At<f64>> {
    let ocpus = group.number("ocpus");
    let Some(vcpus) = group.whole("vcpus", 1..=4096) else { return ocpus };
    if group.node("ocpus").is_some() {
        let message = "ocpus and vcpus are both set, but mean the same thing";
        findings.mistake(Finding::at(vcpus.place, message).help("keep `ocpus`"));
        return ocpus;
    }
    let Some(each) = shapes::vcpus_per_ocpu(shape) else {
        // A shape that is newer than this program: the service knows how many make an OCPU.
        let key = "instance_settings.shape_config.vcpus";
        body.set("shapeConfig.vcpus", vcpus.value, key, vcpus.place);
        return None;
    };
    let noun = if each == 1 { "vCPU" } else { "vCPUs" };
    let an_ocpu = format!("an OCPU is {each} {noun} on {shape}");
    if vcpus.value % each != 0 {
        let message = format!("vcpus: {} is not a whole number of OCPUs: {an_ocpu}", vcpus.value);
        findings.mistake(
            Finding::at(vcpus.place, message).help(format!("set `ocpus: {}`", vcpus.value / each + 1)),
        );
        return None;
    }
    let ocpus = vcpus.value / each;
    let message = format!("{an_ocpu}: vcpus: {} means `ocpus: {ocpus}`", vcpus.value);
    findings.note(Finding::at(vcpus.place, message));
    Some(At { value: ocpus as f64, place: vcpus.place })
}
