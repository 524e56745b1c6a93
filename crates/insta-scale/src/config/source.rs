//! Reads the boot source of instances: an image, or one existing boot volume.
//!
//! It must not know about shapes or placements.

use super::body::Body;
use super::context::Context;
use super::finding::Finding;
use super::ocids;
use super::options::set_ocid;
use super::section::Section;

/// Keys that describe the boot volume created from an image.
const OF_AN_IMAGE: [&str; 4] =
    ["image_id", "boot_volume_size_in_gbs", "boot_volume_vpus_per_gb", "kms_key_id"];

/// Reads the source, and reports a missing image to `need`.
pub fn read_source(
    section: &Section<'_>,
    context: &Context<'_>,
    body: &mut Body,
    need: &mut impl FnMut(bool, &str),
) {
    let passed = section
        .node("launch_details")
        .and_then(|details| details.child("sourceDetails")?.child("bootVolumeId"))
        .map(|_| "launch_details.sourceDetails.bootVolumeId");
    let named = section.text("boot_volume_id").map(|_| "boot_volume_id");
    if let Some(volume) = named.or(passed) {
        for key in OF_AN_IMAGE {
            if let Some(node) = section.node(key) {
                let message =
                    format!("{key} applies to a new boot volume, but {volume} names an existing one");
                context.findings.mistake(Finding::at(node.place, message).help("remove one of the two"));
            }
        }
        set_ocid(section, "boot_volume_id", &["bootvolume"], VOLUME, context, body);
        return;
    }
    let image = section.text("image_id");
    need(image.is_some(), "image_id");
    if let Some(image) = &image {
        ocids::check_ocid("image_id", image, &["image"], context.home, context.findings);
        body.set("sourceDetails.sourceType", "image", "instance_settings.image_id", image.place);
        body.set("sourceDetails.imageId", image.value, "instance_settings.image_id", image.place);
    }
    if let Some(size) = section.whole("boot_volume_size_in_gbs") {
        let key = "instance_settings.boot_volume_size_in_gbs";
        body.set("sourceDetails.bootVolumeSizeInGBs", size.value, key, size.place);
    }
    if let Some(units) = section.whole("boot_volume_vpus_per_gb") {
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

/// The path of a boot volume on the wire.
pub const VOLUME: &str = "sourceDetails.bootVolumeId";

/// Sets the type of the source if only the volume was named.
pub fn complete_source(body: &mut Body) {
    if let Some((place, key)) =
        body.origin_of(VOLUME).filter(|_| body.place_of("sourceDetails.sourceType").is_none())
    {
        let key = key.to_owned();
        body.set("sourceDetails.sourceType", "bootVolume", &key, place);
    }
}
