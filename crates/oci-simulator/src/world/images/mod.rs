//! Images, and the shapes that can start from them.

mod api;
mod custom;

pub(super) use api::most_vnics;

use super::automatic_tags::Spaces;
use super::shapes::Shape as ShapeRow;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ImageRow {
    pub name: String,
    pub os: String,
    pub os_version: String,
    /// `true` for Arm shapes only, `false` for all other shapes, `None` for every shape.
    pub arm: Option<bool>,
    /// For shapes with GPUs only.
    pub gpu: bool,
    pub created: Timestamp,
    /// What somebody chose who made it from an instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Box<OwnImage>>,
}

/// What somebody chose about an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct OwnImage {
    pub compartment: u32,
    pub tags: BTreeMap<String, String>,
    pub defined_tags: Spaces,
    /// The image of the instance from which it was made.
    pub base: Option<u32>,
    /// When it is no longer PROVISIONING.
    pub ready: Timestamp,
    pub deleted: Option<Timestamp>,
    pub version: u32,
}

impl ImageRow {
    /// An image that a config names, of which nothing else is known.
    pub fn named(number: u32, arm: Option<bool>, created: Timestamp) -> Self {
        Self {
            name: format!("Custom-Image-{number}"),
            os: "Oracle Linux".into(),
            os_version: "custom".into(),
            arm,
            gpu: false,
            created,
            own: None,
        }
    }

    /// Whether it is a custom image rather than one of Oracle's.
    pub fn is_custom(&self) -> bool {
        self.own.is_some() || self.os_version == "custom"
    }

    /// Its state; `None` once it is deleted.
    pub fn state(&self, now: Timestamp) -> Option<&'static str> {
        match &self.own {
            Some(own) if own.deleted.is_some() => None,
            Some(own) if now < own.ready => Some("PROVISIONING"),
            _ => Some("AVAILABLE"),
        }
    }

    /// The compartment of a custom image.
    pub fn compartment(&self) -> u32 {
        self.own.as_ref().map_or(0, |own| own.compartment)
    }

    /// Whether instances of the shape can boot it.
    pub fn fits(&self, shape: &ShapeRow) -> bool {
        let windows_on_metal = self.os == "Windows" && shape.is_bare_metal();
        self.arm.is_none_or(|arm| arm == shape.family().arm)
            && (!self.gpu || shape.gpus() > 0)
            && !windows_on_metal
    }
}

/// The platform images of the region: operating system, version, minor version, Arm, GPU.
const PLATFORM: &[(&str, &str, &str, bool, bool)] = &[
    ("Oracle Linux", "9", "Oracle-Linux-9.6", false, false),
    ("Oracle Linux", "9", "Oracle-Linux-9.6-aarch64", true, false),
    ("Oracle Linux", "9", "Oracle-Linux-9.6-Gen2-GPU", false, true),
    ("Oracle Linux", "8", "Oracle-Linux-8.10", false, false),
    ("Oracle Linux", "8", "Oracle-Linux-8.10-aarch64", true, false),
    ("Canonical Ubuntu", "24.04", "Canonical-Ubuntu-24.04", false, false),
    ("Canonical Ubuntu", "24.04", "Canonical-Ubuntu-24.04-aarch64", true, false),
    ("Canonical Ubuntu", "22.04", "Canonical-Ubuntu-22.04", false, false),
    ("Canonical Ubuntu", "22.04", "Canonical-Ubuntu-22.04-aarch64", true, false),
    ("Windows", "Server 2022 Standard", "Windows-Server-2022-Standard-Edition-VM", false, false),
];

/// The platform images, each in two builds, the older builds first.
pub(super) fn platform_images(now: Timestamp) -> Vec<ImageRow> {
    let mut images = Vec::new();
    for days in [70, 14] {
        for (os, version, name, arm, gpu) in PLATFORM {
            let created = now - SignedDuration::from_hours(24 * days);
            let date = created.to_string().get(..10).unwrap_or_default().replace('-', ".");
            images.push(ImageRow {
                name: format!("{name}-{date}-0"),
                os: (*os).to_owned(),
                os_version: (*version).to_owned(),
                arm: Some(*arm),
                gpu: *gpu,
                created,
                own: None,
            });
        }
    }
    images
}
