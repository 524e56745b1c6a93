//! Reads `instance_settings:` into what is launched.
//!
//! Must not know of credentials, of flags, or of how a launch is sent.

use super::body::Body;
use super::finding::{Finding, Findings, Place};
use super::keys;
use super::metadata::{self, Folders};
use super::ocids::{self, Home};
use super::options::{self, set_flag, set_ocid};
use super::placement;
use super::section::{At, Section};
use super::shapes::{self, SizeError};
use super::tags;
use super::yaml::{Node, Value};
use ledger::Placement;

/// The most instances of one run. A tenancy's limits are far below; a slip of the finger is not.
pub const MAX_COUNT: u32 = 100_000;

/// Path of the group, as messages name it.
pub const GROUP: &str = "instance_settings.";

/// What the group says.
#[derive(Debug, Default)]
pub struct Instances {
    /// Instances are named `<prefix>-1 …`.
    pub name_prefix: String,
    /// How many, if the file says so.
    pub count: Option<u32>,
    /// Where to try, best first.
    pub placements: Vec<Placement>,
    /// The fields of every launch.
    pub body: Body,
}

/// What the reading needs to know besides the group.
pub struct Context<'a> {
    /// The region, when it is known.
    pub home: Option<&'a Home>,
    /// `--count`.
    pub count: Option<u32>,
    /// Where files are looked for.
    pub folders: Folders<'a>,
    /// Where findings go.
    pub findings: &'a Findings,
}

/// Reads the group. Missing keys are added to `missing`.
pub fn read(node: &Node, context: &Context<'_>, missing: &mut Vec<String>) -> Instances {
    let Some(section) = Section::of(node, GROUP, keys::INSTANCE, context.findings) else {
        return Instances::default();
    };
    let mut out = Instances::default();
    let mut need = |found: bool, key: &str| {
        if !found && section.node(key).is_none_or(is_blank) && !section.is_misspelt(key) {
            missing.push(format!("{GROUP}{key}"));
        }
    };
    let count = section.whole("count", 1..=i64::from(MAX_COUNT));
    out.count = context.count.or(count.as_ref().map(|count| count.value as u32));
    let prefix = section.text("display_name_prefix");
    need(prefix.is_some(), "display_name_prefix");
    need(out.count.is_some(), "count");
    if let Some(prefix) = &prefix {
        prefix.value.clone_into(&mut out.name_prefix);
        name_fits(prefix, out.count.unwrap_or(1), context.findings);
    }
    let shape = section.text("shape");
    need(shape.is_some(), "shape");
    read_source(&section, context, &mut out.body, &mut need);
    read_network(&section, context, &mut out.body, &mut need);
    let sized = read_shape(&section, shape.as_ref(), context.findings, &mut out.body);
    for (name, value, place) in metadata::read(&section, context.folders, context.findings) {
        out.body.set_entry("metadata", &name, value, &format!("{GROUP}{name}"), place);
    }
    tags::read(&section, context.findings, &mut out.body);
    options::read(&section, context, &mut out.body);
    let placed =
        placement::read(&section, shape.as_ref().map(|shape| shape.value), context, &mut out.placements);
    need(placed, "availability_domain");
    if let Some(details) = section.node("launch_details") {
        pass_through(&section, details, &mut out, context.findings);
    }
    check_combinations(&section, &sized, &out, context.findings);
    check_metadata_size(&out.body, node.place, context.findings);
    out.body.check(&["availabilityDomain", "compartmentId"], context.findings);
    out
}

fn is_blank(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if scalar.text.trim().is_empty())
}

fn name_fits(prefix: &At<&str>, count: u32, findings: &Findings) {
    let longest = format!("{}-{count}", prefix.value).chars().count();
    if longest > 255 {
        findings.mistake(
            Finding::at(
                prefix.place,
                format!("the name of instance {count} would have {longest} characters"),
            )
            .help("a display name has at most 255 characters: shorten display_name_prefix"),
        );
    }
    if prefix.value.chars().any(char::is_control) {
        findings.mistake(Finding::at(prefix.place, "display_name_prefix holds a control character"));
    }
}

fn read_source(
    section: &Section<'_>,
    context: &Context<'_>,
    body: &mut Body,
    need: &mut impl FnMut(bool, &str),
) {
    let image = section.text("image_id");
    need(image.is_some(), "image_id");
    if let Some(image) = &image {
        ocids::check("image_id", image, &["image"], context.home, context.findings);
        body.set("sourceDetails.sourceType", "image", "instance_settings.image_id", image.place);
        body.set("sourceDetails.imageId", image.value, "instance_settings.image_id", image.place);
    }
    // Oracle: "Creating a Custom Boot Volume": 50 GB to 32 TB; volume performance units 10 to 120 in steps of 10.
    if let Some(size) = section.whole("boot_volume_size_in_gbs", 50..=32_768) {
        let key = "instance_settings.boot_volume_size_in_gbs";
        body.set("sourceDetails.bootVolumeSizeInGBs", size.value, key, size.place);
    }
    if let Some(units) = section.whole("boot_volume_vpus_per_gb", 10..=120) {
        if units.value % 10 != 0 {
            context.findings.mistake(
                Finding::at(
                    units.place,
                    format!(
                        "instance_settings.boot_volume_vpus_per_gb must be a multiple of 10, but is {}",
                        units.value
                    ),
                )
                .help("10 is balanced, 20 is higher performance, 30 to 120 is ultra high performance"),
            );
        }
        let key = "instance_settings.boot_volume_vpus_per_gb";
        body.set("sourceDetails.bootVolumeVpusPerGB", units.value, key, units.place);
    }
    set_ocid(section, "kms_key_id", &["key"], "sourceDetails.kmsKeyId", context, body);
}

fn read_network(
    section: &Section<'_>,
    context: &Context<'_>,
    body: &mut Body,
    need: &mut impl FnMut(bool, &str),
) {
    let subnet = section.text("subnet_id");
    need(subnet.is_some(), "subnet_id");
    set_ocid(section, "subnet_id", &["subnet"], "createVnicDetails.subnetId", context, body);
    for (key, path) in [
        ("assign_public_ip", "createVnicDetails.assignPublicIp"),
        ("assign_private_dns_record", "createVnicDetails.assignPrivateDnsRecord"),
        ("assign_ipv6_ip", "createVnicDetails.assignIpv6Ip"),
        ("skip_source_dest_check", "createVnicDetails.skipSourceDestCheck"),
    ] {
        set_flag(section, key, path, body);
    }
    let groups = section.texts("nsg_ids");
    for group in &groups {
        ocids::check("nsg_ids", group, &["networksecuritygroup"], context.home, context.findings);
    }
    if let Some(first) = groups.first() {
        let ids: Vec<&str> = groups.iter().map(|group| group.value).collect();
        body.set("createVnicDetails.nsgIds", ids, "instance_settings.nsg_ids", first.place);
    }
}

/// What other checks want to know about the shape.
#[derive(Default)]
struct Sized {
    shape: String,
    burstable: bool,
}

fn read_shape(
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
                .help("add, for one OCPU and 6 GB: `shape_config: {ocpus: 1, memory_in_gbs: 6}`"),
            );
        }
        return sized;
    };
    let path = "instance_settings.shape_config.";
    let Some(group) = Section::of(config, path, keys::SHAPE, findings) else { return sized };
    let ocpus = group.number("ocpus");
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
    if flexible && ocpus.is_none() && group.node("ocpus").is_none() && !group.is_misspelt("ocpus") {
        findings.mistake(
            Finding::at(
                config.place,
                format!("{} is a flexible shape and its shape_config lacks ocpus", sized.shape),
            )
            .help("add `ocpus: 1`"),
        );
    }
    if let (Some(row), Some(ocpus)) = (shapes::find(&sized.shape), &ocpus) {
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

/// Fields that a slot, a placement or the top level decides, and the key that does.
const DECIDED: &[(&str, &str)] = &[
    ("displayName", "display_name_prefix"),
    ("availabilityDomain", "availability_domain"),
    ("faultDomain", "fault_domain"),
    ("capacityReservationId", "capacity_reservation_id"),
    ("shape", "shape"),
    ("compartmentId", "compartment_id"),
    ("imageId", "image_id"),
    ("subnetId", "subnet_id"),
];

fn pass_through(section: &Section<'_>, details: &Node, out: &mut Instances, findings: &Findings) {
    let Value::Map(entries) = &details.value else {
        section.wrong("launch_details", details, "a group of fields of LaunchInstanceDetails", None);
        return;
    };
    let key = "instance_settings.launch_details";
    for entry in entries {
        if let Some((field, own)) = DECIDED.iter().find(|(field, _)| *field == entry.key) {
            findings.mistake(
                Finding::at(entry.place, format!("{key}.{field} is set by `{own}`"))
                    .help(format!("remove it here and use `{own}`")),
            );
        }
    }
    let mut rest = details.clone();
    if let Value::Map(entries) = &mut rest.value {
        entries.retain(|entry| DECIDED.iter().all(|(field, _)| *field != entry.key));
    }
    out.body.pass_through(&rest, key, findings);
    // What only one machine can have cannot be given to several.
    for path in [
        "createVnicDetails.hostnameLabel",
        "createVnicDetails.privateIp",
        "createVnicDetails.privateIpId",
        "hostnameLabel",
    ] {
        if let (Some(place), Some(count @ 2..)) = (out.body.place_of(path), out.count) {
            findings.mistake(
                Finding::at(
                    place,
                    format!("{key}.{path} is for one instance, and {count} are to be launched"),
                )
                .help("remove it: addresses and host names are given by the subnet"),
            );
        }
    }
}

fn check_combinations(section: &Section<'_>, sized: &Sized, out: &Instances, findings: &Findings) {
    let preemptible = out.body.json().contains_key("preemptibleInstanceConfig");
    let reserved = out
        .placements
        .iter()
        .any(|place| place.capacity_reservation.as_deref().is_some_and(|id| !id.is_empty()));
    let refuse = |wrong: bool, key: &str, message: &str| {
        if let Some(node) = section.node(key).filter(|_| wrong) {
            findings.mistake(
                Finding::at(node.place, message).help("OCI has no such instances: remove one of the two"),
            );
        }
    };
    refuse(
        preemptible && reserved,
        "preemptible",
        "a preemptible instance cannot use a capacity reservation",
    );
    refuse(preemptible && sized.burstable, "preemptible", "a preemptible instance cannot be burstable");
    refuse(
        preemptible && sized.shape.starts_with("BM."),
        "preemptible",
        "a bare metal instance cannot be preemptible",
    );
    refuse(
        sized.burstable && reserved,
        "shape_config",
        "a burstable instance cannot use a capacity reservation",
    );
}

fn check_metadata_size(body: &Body, group: Place, findings: &Findings) {
    let size = metadata::size(body.json());
    if size > metadata::MAX_BYTES {
        let place = ["metadata.user_data", "metadata.ssh_authorized_keys"]
            .iter()
            .find_map(|path| body.place_of(path));
        findings.mistake(
            Finding::at(
                place.unwrap_or(group),
                format!("the metadata has {size} bytes, and OCI takes at most {}", metadata::MAX_BYTES),
            )
            .help("names and values count, user data as base64: shrink it, or let it download the rest"),
        );
    }
}
