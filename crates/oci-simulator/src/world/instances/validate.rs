//! The checks of a launch. Every refusal has the service's own text if users have published it.

use super::super::api::ApiError;
use super::super::capacity::Need;
use super::super::error::{invalid, missing};
use super::super::shapes::{Shape, Size};
use super::Baseline;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The maximum size of metadata and extended metadata together, in bytes (Oracle: LaunchInstanceDetails).
const MOST_METADATA: usize = 32_000;
/// The maximum number of freeform tags of one resource (Oracle: "Tagging Overview").
const MOST_TAGS: usize = 10;

/// `shapeConfig` of a launch or an update.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in super::super) struct ShapeConfig<'a> {
    pub ocpus: Option<f64>,
    pub vcpus: Option<f64>,
    #[serde(rename = "memoryInGBs")]
    pub memory_in_gbs: Option<f64>,
    pub baseline_ocpu_utilization: Option<&'a str>,
    pub nvmes: Option<i64>,
}

impl ShapeConfig<'_> {
    pub fn baseline(&self, shape: &Shape) -> Result<Baseline, ApiError> {
        match self.baseline_ocpu_utilization {
            None | Some("BASELINE_1_1") => Ok(Baseline::Full),
            Some("BASELINE_1_8") if shape.burstable => Ok(Baseline::Eighth),
            Some("BASELINE_1_2") if shape.burstable => Ok(Baseline::Half),
            Some(other) => Err(invalid(format!(
                "Invalid ShapeConfig: baselineOcpuUtilization {other} is not supported by shape {}",
                shape.name
            ))),
        }
    }
}

/// The part of a host that an instance of this shape and config needs. All texts but the first are invented.
pub(in super::super) fn need_of(shape: &Shape, config: Option<&ShapeConfig<'_>>) -> Result<Need, ApiError> {
    let (default_ocpus, default_memory) = shape.default_size();
    let fixed = Need {
        ocpus: default_ocpus * 1000,
        memory: default_memory * 1000,
        gpus: shape.gpus(),
        whole: shape.is_bare_metal(),
    };
    let drives = config.and_then(|config| config.nvmes);
    if !shape.is_flexible() {
        check_drives(shape, drives, default_ocpus.into())?;
        let same =
            |given: Option<f64>, own: u32| given.is_none_or(|given| (given - f64::from(own)).abs() < 0.001);
        return match config {
            Some(config)
                if !same(config.ocpus, default_ocpus) || !same(config.memory_in_gbs, default_memory) =>
            {
                Err(invalid(format!("Invalid ShapeConfig: shape {} is not flexible", shape.name)))
            }
            _ => Ok(fixed),
        };
    }
    let Some(config) = config else {
        return Err(invalid(
            "Invalid ShapeConfig: null (Cannot launch flexible instance without ShapeConfig)",
        ));
    };
    let vcpus_per_ocpu = shape.vcpus(1.0) as f64;
    let Some(ocpus) = config.ocpus.or(config.vcpus.map(|vcpus| vcpus / vcpus_per_ocpu)) else {
        return Err(invalid(
            "Invalid ShapeConfig: ocpus is required (Cannot launch flexible instance without ShapeConfig)",
        ));
    };
    let memory = config.memory_in_gbs.unwrap_or_else(|| match shape.size {
        Size::Flexible { memory, .. } => {
            (ocpus * f64::from(shape.family().default_memory)).min(f64::from(memory))
        }
        Size::OneOf(sizes) => {
            let own = sizes.iter().find(|(size, _)| (ocpus - f64::from(*size)).abs() < 0.001);
            f64::from(own.map_or(default_memory, |(_, memory)| *memory))
        }
        Size::Fixed { .. } | Size::BareMetal => f64::from(default_memory),
    });
    check_size(shape, ocpus, memory)?;
    check_drives(shape, drives, ocpus)?;
    Ok(Need { ocpus: (ocpus * 1000.0).round() as u32, memory: (memory * 1000.0).round() as u32, ..fixed })
}

fn check_size(shape: &Shape, ocpus: f64, memory: f64) -> Result<(), ApiError> {
    let name = shape.name;
    match shape.size {
        Size::Flexible { ocpus: most_ocpus, memory: most_memory } => {
            if !(1.0..=f64::from(most_ocpus)).contains(&ocpus) || ocpus.fract() != 0.0 {
                return Err(invalid(format!(
                    "Invalid ShapeConfig: ocpus {ocpus} must be a whole number from 1 to {most_ocpus} for shape {name}"
                )));
            }
            let most = (ocpus * 64.0).min(f64::from(most_memory));
            if !(ocpus.max(1.0)..=most).contains(&memory) {
                return Err(invalid(format!(
                    "Invalid ShapeConfig: memoryInGBs {memory} must be from {} to {most} for shape {name} with {ocpus} ocpus",
                    ocpus.max(1.0)
                )));
            }
            Ok(())
        }
        Size::OneOf(sizes) => {
            let close = |a: f64, b: u32| (a - f64::from(b)).abs() < 0.001;
            if sizes.iter().any(|size| close(ocpus, size.0) && close(memory, size.1)) {
                return Ok(());
            }
            let sizes: Vec<String> =
                sizes.iter().map(|(ocpus, memory)| format!("{ocpus}/{memory}")).collect();
            Err(invalid(format!(
                "Invalid ShapeConfig: shape {name} has ocpus/memoryInGBs of {} only",
                sizes.join(", ")
            )))
        }
        Size::Fixed { .. } | Size::BareMetal => Ok(()),
    }
}

/// Checks the number of local drives: only some flexible shapes have any, and their number belongs to the size (Oracle: "Compute
/// Shapes"; text invented).
fn check_drives(shape: &Shape, wanted: Option<i64>, ocpus: f64) -> Result<(), ApiError> {
    let Some(wanted) = wanted else { return Ok(()) };
    match shape.drives(ocpus) {
        0 => Err(invalid(format!("Invalid ShapeConfig: nvmes is not supported by shape {}", shape.name))),
        drives if i64::from(drives) == wanted => Ok(()),
        drives => Err(invalid(format!(
            "Invalid ShapeConfig: shape {} with {ocpus} ocpus has nvmes {drives}, not {wanted}",
            shape.name
        ))),
    }
}

/// Checks that a platform config belongs to the shape: virtual machines and bare metal have types of their own, and so have the
/// processors of AMD and Intel (Oracle: LaunchInstancePlatformConfig; text invented).
pub(super) fn check_platform(shape: &Shape, kind: &str) -> Result<(), ApiError> {
    let maker = shape.family().maker();
    let fits = match kind.split_once('_') {
        Some(("GENERIC", _)) => shape.is_bare_metal(),
        Some((prefix, rest)) => {
            maker.is_some_and(|maker| prefix == maker) && (rest == "VM") != shape.is_bare_metal()
        }
        None => false,
    };
    let refused =
        || invalid(format!("Invalid PlatformConfig: type {kind} is not supported by shape {}", shape.name));
    if fits { Ok(()) } else { Err(refused()) }
}

/// Checks freeform tags: at most ten, keys without `.` or space (seen on a live tenancy), lengths as documented.
pub(in super::super) fn check_tags<'a>(
    tags: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
) -> Result<(), ApiError> {
    if tags.len() > MOST_TAGS {
        return Err(invalid(format!(
            "Invalid tags: {} freeform tags, at most {MOST_TAGS} are allowed",
            tags.len()
        )));
    }
    for (key, value) in tags {
        if key.is_empty()
            || key.chars().count() > 100
            || key.contains(['.', ' '])
            || value.chars().count() > 256
        {
            return Err(invalid("Invalid tags"));
        }
    }
    Ok(())
}

/// Texts by key, borrowed where JSON allows it.
pub(in super::super) type Texts<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

/// Checks metadata: its size together with the extended metadata, SSH keys and user data.
pub(in super::super) fn check_metadata(metadata: &Texts<'_>, extended_bytes: usize) -> Result<(), ApiError> {
    let size: usize =
        metadata.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() + extended_bytes;
    if size > MOST_METADATA {
        return Err(invalid(format!(
            "Metadata size is {size} bytes and cannot be larger than {MOST_METADATA} bytes"
        )));
    }
    for key in metadata.get("ssh_authorized_keys").into_iter().flat_map(|keys| keys.lines()) {
        super::ssh_key::check(key)?;
    }
    match metadata.get("user_data") {
        Some(data) if STANDARD.decode(data.as_bytes()).is_err() => {
            Err(invalid("Invalid user_data in metadata: it must be in base64 format"))
        }
        _ => Ok(()),
    }
}

/// Checks a host name: 1 to 63 letters, digits and hyphens, without a hyphen at either end, and with a DNS record that can
/// contain it (Oracle: CreateVnicDetails; texts invented).
pub(in super::super) fn check_hostname(label: &str, dns_record: Option<bool>) -> Result<(), ApiError> {
    if dns_record == Some(false) {
        return Err(invalid("assignPrivateDnsRecord must be true when a hostnameLabel is given"));
    }
    let good = (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-');
    if good { Ok(()) } else { Err(invalid(format!("hostnameLabel '{label}' is not a valid host name"))) }
}

/// The value of two fields with the same meaning, which must agree.
pub(in super::super) fn agree<'a>(
    names: (&str, &str),
    old: Option<&'a str>,
    new: Option<&'a str>,
) -> Result<Option<&'a str>, ApiError> {
    match (old, new) {
        (Some(old), Some(new)) if old != new => {
            Err(invalid(format!("{} and {} must have the same value", names.0, names.1)))
        }
        _ => Ok(new.or(old)),
    }
}

/// The value of a required field.
pub(in super::super) fn required<'a>(name: &str, value: Option<&'a str>) -> Result<&'a str, ApiError> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| missing(name))
}

#[cfg(test)]
mod tests {
    use super::super::super::shapes::ShapeId;
    use super::*;

    fn need(shape: &str, ocpus: f64, memory: Option<f64>) -> Result<(u32, u32), String> {
        let config = ShapeConfig { ocpus: Some(ocpus), memory_in_gbs: memory, ..ShapeConfig::default() };
        let need = need_of(ShapeId::find(shape).unwrap().get(), Some(&config));
        need.map(|need| (need.ocpus, need.memory)).map_err(|error| error.message)
    }

    #[test]
    fn sizes_are_kept_within_the_shape() {
        assert_eq!(need("VM.Standard.E4.Flex", 2.0, Some(12.0)), Ok((2000, 12_000)));
        assert_eq!(need("VM.Standard.E4.Flex", 1.0, None), Ok((1000, 16_000)));
        assert!(need("VM.Standard.E4.Flex", 65.0, None).unwrap_err().contains("1 to 64"));
        assert!(need("VM.Standard.E4.Flex", 4.0, Some(3.0)).unwrap_err().contains("from 4 to 256"));
        assert!(need("VM.Standard.E4.Flex", 1.0, Some(65.0)).unwrap_err().contains("from 1 to 64"));
        assert!(need("VM.Standard.E4.Flex", f64::NAN, None).is_err());
        assert_eq!(need("VM.DenseIO.E4.Flex", 16.0, None), Ok((16_000, 256_000)));
        assert!(need("VM.DenseIO.E4.Flex", 12.0, Some(128.0)).is_err());
        assert!(need("VM.Standard2.1", 2.0, None).is_err());
    }

    #[test]
    fn a_flexible_shape_needs_a_shape_config() {
        let error = need_of(ShapeId::find("VM.Standard.E4.Flex").unwrap().get(), None).unwrap_err();
        assert_eq!(
            error.message,
            "Invalid ShapeConfig: null (Cannot launch flexible instance without ShapeConfig)"
        );
    }
}
