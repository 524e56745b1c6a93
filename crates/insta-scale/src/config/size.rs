//! Reads `shape_config:`, the size of a flexible shape.
//!
//! It must not ask the service for the existing shapes.

use super::body::Body;
use super::finding::{Finding, Findings, Place};
use super::keys;
use super::section::{At, Section};
use super::shapes::{self, SizeError};
use ledger::{Amount, PlacementSize};

/// The baseline of an instance that is not burstable.
pub const NOT_BURSTABLE: &str = "BASELINE_1_1";
/// The values of `baseline_ocpu_utilization` (OpenAPI of the Core Services).
pub const BASELINES: [(&str, &str); 3] =
    [("BASELINE_1_8", "BASELINE_1_8"), ("BASELINE_1_2", "BASELINE_1_2"), (NOT_BURSTABLE, NOT_BURSTABLE)];

/// Facts about the shape that other checks need.
#[derive(Default)]
pub struct Sized {
    /// The shape.
    pub shape: String,
    /// Whether a baseline below a full core is requested.
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
    let ocpus = read_ocpus(&group, &sized.shape, findings, Some(body));
    let memory = group.number("memory_in_gbs");
    for (key, value, wire) in [("ocpus", &ocpus, "ocpus"), ("memory_in_gbs", &memory, "memoryInGBs")] {
        if let Some(At { value, place }) = value {
            body.set(&format!("shapeConfig.{wire}"), *value, &format!("{path}{key}"), *place);
        }
    }
    group.refuse_blank(&["baseline_ocpu_utilization"]);
    if let Some(baseline) = group.text("baseline_ocpu_utilization") {
        sized.burstable = baseline.value != NOT_BURSTABLE;
        let key = format!("{path}baseline_ocpu_utilization");
        body.set("shapeConfig.baselineOcpuUtilization", baseline.value, &key, baseline.place);
    }
    if let Some(drives) = group.whole("nvmes") {
        body.set("shapeConfig.nvmes", drives.value, &format!("{path}nvmes"), drives.place);
    }
    check_amounts(&group, &sized.shape, config.place, (ocpus.as_ref(), memory.as_ref()), findings);
    sized
}

/// Checks a size by its text and the table of shapes.
fn check_amounts(
    group: &Section<'_>,
    shape: &str,
    place: Place,
    (ocpus, memory): (Option<&At<f64>>, Option<&At<f64>>),
    findings: &Findings,
) {
    let unsaid = ["ocpus", "vcpus"].iter().all(|key| group.node(key).is_none());
    if shapes::is_flexible(shape) && unsaid && !group.is_misspelt("ocpus") {
        findings.mistake(
            Finding::at(place, format!("{shape} is a flexible shape, but its shape_config has no ocpus"))
                .help("add `ocpus: 1`"),
        );
    }
    let (Some(row), Some(ocpus)) = (shapes::find_shape(shape), ocpus) else { return };
    match row.check(ocpus.value, memory.map(|memory| memory.value)) {
        Ok(()) => {}
        Err(SizeError::Ocpus(text)) => {
            findings
                .mistake(Finding::at(ocpus.place, format!("ocpus: {} is not a size: {text}", ocpus.value)));
        }
        Err(SizeError::Memory(text)) => {
            let value = memory.map_or(0.0, |memory| memory.value);
            let place = memory.map_or(ocpus.place, |memory| memory.place);
            findings.mistake(Finding::at(place, format!("memory_in_gbs: {value} is out of range: {text}")));
        }
    }
}

/// Reads the size of an alternative.
pub fn read_amounts(group: &Section<'_>, shape: &str, place: Place, findings: &Findings) -> PlacementSize {
    let ocpus = read_ocpus(group, shape, findings, None);
    let memory = group.number("memory_in_gbs");
    check_amounts(group, shape, place, (ocpus.as_ref(), memory.as_ref()), findings);
    let baseline = group.choice("baseline_ocpu_utilization", &BASELINES);
    PlacementSize {
        ocpus: ocpus.map(|ocpus| Amount(ocpus.value)),
        memory_gb: memory.map(|memory| Amount(memory.value)),
        baseline: baseline.map(str::to_owned),
    }
}

/// The OCPUs, which may be written as vCPUs. The service accepts both, but limits, prices and reservations know only OCPUs.
///
/// `body` takes vCPUs that cannot be converted; without it they are refused.
fn read_ocpus(
    group: &Section<'_>,
    shape: &str,
    findings: &Findings,
    body: Option<&mut Body>,
) -> Option<At<f64>> {
    let ocpus = group.number("ocpus");
    let Some(vcpus) = group.whole("vcpus") else { return ocpus };
    if group.node("ocpus").is_some() {
        let message = "ocpus and vcpus are both set, but mean the same thing";
        findings.mistake(Finding::at(vcpus.place, message).help("keep `ocpus`"));
        return ocpus;
    }
    let Some(each) = shapes::vcpus_per_ocpu(shape) else {
        // For a shape that is newer than this program, the service knows how many vCPUs make an OCPU.
        if let Some(body) = body {
            let key = "instance_settings.shape_config.vcpus";
            body.set("shapeConfig.vcpus", vcpus.value, key, vcpus.place);
        } else {
            let message = format!("it is unknown how many vCPUs an OCPU of {shape} has");
            findings.mistake(Finding::at(vcpus.place, message).help("write `ocpus` here"));
        }
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
