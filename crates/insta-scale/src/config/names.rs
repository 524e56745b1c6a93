//! Names that a config has in place of OCIDs. Each becomes the key with the OCID before the config is read, so that its readers
//! know only OCIDs.
//!
//! It must not ask the service which names there are: what was found is passed in. Until then, an OCID that nobody has stands for a
//! name, and no request may be sent with it.

use super::finding::{ConfigErrors, Finding, Findings, Place, Quoted};
use super::keys;
use super::scalar::Scalar;
use super::section::Section;
use super::sources::Sources;
use super::yaml::{Entry, Node, Value};
use fleet::plan::ImageName;
use oci_api::Region;
use std::collections::BTreeMap;

/// What a name is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameKind {
    /// A path of compartments under the tenancy.
    Compartment,
    /// A subnet, also `vcn/subnet`.
    Subnet,
    /// A network security group.
    SecurityGroup,
    /// A capacity reservation.
    Reservation,
    /// A dedicated host.
    DedicatedHost,
    /// A compute cluster.
    ComputeCluster,
    /// An image by its operating system.
    Image,
}

/// The groups with names, by their path: the key of a name, the key of its OCID, what it is for, and the type of the OCID.
const KEYS: &[(&str, &str, &str, NameKind, &str)] = &[
    ("", "compartment", "compartment_id", NameKind::Compartment, "compartment"),
    ("instance_settings.", "subnet", "subnet_id", NameKind::Subnet, "subnet"),
    ("instance_settings.", "nsgs", "nsg_ids", NameKind::SecurityGroup, "networksecuritygroup"),
    ("instance_settings.", "image", "image_id", NameKind::Image, "image"),
    (
        "instance_settings.",
        "capacity_reservation",
        "capacity_reservation_id",
        NameKind::Reservation,
        "capacityreservation",
    ),
    (
        "instance_settings.",
        "dedicated_vm_host",
        "dedicated_vm_host_id",
        NameKind::DedicatedHost,
        "dedicatedvmhost",
    ),
    (
        "instance_settings.",
        "compute_cluster",
        "compute_cluster_id",
        NameKind::ComputeCluster,
        "computecluster",
    ),
    ("instance_settings.alternatives.", "subnet", "subnet_id", NameKind::Subnet, "subnet"),
    ("instance_settings.alternatives.", "image", "image_id", NameKind::Image, "image"),
    (
        "instance_settings.alternatives.",
        "capacity_reservation",
        "capacity_reservation_id",
        NameKind::Reservation,
        "capacityreservation",
    ),
    ("regions.", "compartment", "compartment_id", NameKind::Compartment, "compartment"),
    ("regions.", "subnet", "subnet_id", NameKind::Subnet, "subnet"),
    ("regions.", "nsgs", "nsg_ids", NameKind::SecurityGroup, "networksecuritygroup"),
];

impl NameKind {
    /// What it is called.
    pub fn what(self) -> &'static str {
        match self {
            Self::Compartment => "compartment",
            Self::Subnet => "subnet",
            Self::SecurityGroup => "network security group",
            Self::Reservation => "capacity reservation",
            Self::DedicatedHost => "dedicated host",
            Self::ComputeCluster => "compute cluster",
            Self::Image => "image",
        }
    }

    /// The key that takes the OCID instead.
    pub fn ocid_key(self) -> &'static str {
        KEYS.iter().find(|(_, _, _, kind, _)| *kind == self).map_or("", |(_, _, key, ..)| key)
    }

    /// The resource type of a policy that lets a user list them.
    pub fn policy_type(self) -> &'static str {
        match self {
            Self::Compartment => "compartments",
            Self::Subnet => "subnets",
            Self::SecurityGroup => "network-security-groups",
            Self::Reservation => "compute-capacity-reservations",
            Self::DedicatedHost => "dedicated-vm-hosts",
            Self::ComputeCluster => "compute-clusters",
            Self::Image => "instance-images",
        }
    }
}

/// A name in a config.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// What it is for.
    pub kind: NameKind,
    /// The name itself.
    pub text: String,
    /// The further region that it is in; none for the first one.
    pub region: Option<String>,
    /// The operating system of an image, and the shape that it has to fit.
    pub image: Option<(ImageName, Option<String>)>,
    /// Where it is.
    pub place: Place,
}

/// What identifies a name: its kind, region and text, and the shape that an image has to fit.
pub type NameKey = (NameKind, Option<String>, String, Option<String>);

/// The OCIDs of names.
pub type Resolved = BTreeMap<NameKey, String>;

impl Name {
    /// What identifies it.
    pub fn key(&self) -> NameKey {
        let shape = self.image.as_ref().and_then(|(_, shape)| shape.clone());
        (self.kind, self.region.clone(), self.text.clone(), shape)
    }
}

/// The names of a config that have no OCID yet.
#[derive(Debug, Default)]
pub struct UnresolvedNames {
    /// The names.
    pub all: Vec<Name>,
    quoted: Quoted,
}

impl UnresolvedNames {
    pub(super) fn of(all: Vec<Name>, sources: &Sources) -> Self {
        let places: Vec<Finding> = all.iter().map(|name| Finding::at(name.place, "")).collect();
        Self { all, quoted: Quoted::of(sources, &places) }
    }

    /// The error about names that cannot be resolved.
    pub fn mistakes(&self, mistakes: Vec<Finding>) -> ConfigErrors {
        ConfigErrors::found_by_service(self.quoted.clone(), mistakes)
    }
}

/// Puts OCIDs in place of names. Returns the names without one.
pub(super) fn take(root: &mut Node, resolved: &Resolved, findings: &Findings) -> Vec<Name> {
    let realm =
        root.child("region").and_then(text).and_then(Region::find).map_or("oc1", |region| region.realm);
    let shape = root.child("instance_settings").and_then(|group| group.child("shape")).and_then(text);
    let shape = shape.map(str::to_owned);
    let mut taking = Taking { resolved, findings, realm, shape, left: Vec::new() };
    let Value::Map(top) = &mut root.value else { return Vec::new() };
    taking.group(top, "", None);
    for entry in top {
        match (entry.key.as_str(), &mut entry.value.value) {
            ("instance_settings", Value::Map(group)) => {
                taking.group(group, "instance_settings.", None);
                for entry in group.iter_mut().filter(|entry| entry.key == "alternatives") {
                    taking.alternatives(&mut entry.value);
                }
            }
            ("regions", Value::List(items)) => {
                for item in items {
                    let name = item.child("region").and_then(text).unwrap_or_default();
                    let name = Region::find(name).map_or(name, |region| region.name).to_ascii_lowercase();
                    if let Value::Map(group) = &mut item.value {
                        taking.group(group, "regions.", Some(&name));
                    }
                }
            }
            _ => {}
        }
    }
    taking.left
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) if !scalar.text.trim().is_empty() => Some(scalar.text.trim()),
        _ => None,
    }
}

struct Taking<'a> {
    resolved: &'a Resolved,
    findings: &'a Findings,
    realm: &'static str,
    shape: Option<String>,
    left: Vec<Name>,
}

impl Taking<'_> {
    /// An image of an alternative has to fit the shape of the alternative.
    fn alternatives(&mut self, list: &mut Node) {
        let Value::List(items) = &mut list.value else { return };
        let first = self.shape.clone();
        for item in items {
            self.shape = item.child("shape").and_then(text).map(str::to_owned).or_else(|| first.clone());
            if let Value::Map(group) = &mut item.value {
                self.group(group, "instance_settings.alternatives.", None);
            }
        }
        self.shape = first;
    }

    fn group(&mut self, entries: &mut Vec<Entry>, path: &str, region: Option<&str>) {
        for (_, key, ocid_key, kind, ocid_type) in KEYS.iter().filter(|(group, ..)| *group == path) {
            let Some(at) = entries.iter().position(|entry| entry.key == *key) else { continue };
            let Entry { value: node, place, .. } = entries.remove(at);
            if node.is_null() {
                continue;
            }
            if entries.iter().any(|entry| entry.key == *ocid_key && !entry.value.is_null()) {
                if *kind == NameKind::Image {
                    read_image(&node, self.findings);
                }
                let message = format!("{path}{key} and {ocid_key} both name the {}", kind.what());
                self.findings.mistake(Finding::at(place, message).help("remove one of the two"));
                continue;
            }
            // A key that is removed with `null` must not hide the OCID that takes its place.
            entries.retain(|entry| entry.key != *ocid_key);
            let mut ocid = |node: &Node| self.ocid(node, &format!("{path}{key}"), (*kind, ocid_type), region);
            let value = match (&node.value, kind) {
                (Value::List(items), NameKind::SecurityGroup) => {
                    let ocids: Option<Vec<Node>> = items.iter().map(ocid).collect();
                    ocids.map(|ocids| Node { place: node.place, value: Value::List(ocids) })
                }
                // One subnet for each availability domain.
                (Value::Map(subnets), NameKind::Subnet) if path != "instance_settings." => {
                    let one = |entry: &Entry| Some(Entry { value: ocid(&entry.value)?, ..entry.clone() });
                    let subnets: Option<Vec<Entry>> = subnets.iter().map(one).collect();
                    subnets.map(|subnets| Node { place: node.place, value: Value::Map(subnets) })
                }
                _ => ocid(&node),
            };
            // Without a value, a mistake was reported already, and a missing OCID would be another one.
            if let Some(value) = value {
                entries.push(Entry { key: (*ocid_key).to_owned(), place, value });
            }
        }
    }

    fn ocid(
        &mut self,
        node: &Node,
        path: &str,
        kind: (NameKind, &str),
        region: Option<&str>,
    ) -> Option<Node> {
        let (kind, ocid_type) = kind;
        let image = if kind == NameKind::Image { Some(read_image(node, self.findings)?) } else { None };
        let name = match (&image, text(node)) {
            (Some(image), _) => format!("{} {}", image.os, image.version),
            (None, Some(name)) => name.to_owned(),
            (None, None) => {
                let message = format!("{path} must be a name, but is {}", node.describe());
                self.findings.mistake(Finding::at(node.place, message));
                return None;
            }
        };
        if name.starts_with("ocid1.") {
            let message = format!("{path} is an OCID, but must be a name");
            let help = format!("write it as `{}`", kind.ocid_key());
            self.findings.mistake(Finding::at(node.place, message).help(help));
            return None;
        }
        let image = image.map(|image| (image, self.shape.clone()));
        let name = Name { kind, text: name, region: region.map(str::to_owned), image, place: node.place };
        let known = self.resolved.get(&name.key()).cloned();
        let ocid = known.unwrap_or_else(|| {
            let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
            // Two shapes need two images.
            let shape =
                name.image.iter().filter_map(|(_, shape)| shape.as_ref()).map(|shape| format!("-{shape}"));
            let stands_for: String =
                shape.fold(name.text.clone(), |all, one| all + &one).chars().map(plain).collect();
            self.left.push(name);
            format!("ocid1.{ocid_type}.{}..unresolved-{stands_for}", self.realm)
        });
        Some(Node { place: node.place, value: Value::Scalar(Scalar::quoted(&ocid)) })
    }
}

/// Reads the name of an image; anything incomplete is a finding.
fn read_image(node: &Node, findings: &Findings) -> Option<ImageName> {
    let group = Section::of(node, "instance_settings.image.", keys::IMAGE_NAME, findings)?;
    check_newest(&group, findings);
    let (os, version) = (group.text("os"), group.text("version"));
    if let (Some(os), Some(version)) = (os, version) {
        return Some(ImageName { os: os.value.trim().to_owned(), version: version.value.trim().to_owned() });
    }
    let help =
        "for example `image: {os: Oracle Linux, version: \"9\"}`; `oci-insta-scale find images` lists them";
    findings.mistake(Finding::at(node.place, "image needs os and version").help(help));
    None
}

/// An image by its operating system is always the newest one.
pub(super) fn check_newest(group: &Section<'_>, findings: &Findings) {
    if let Some(newest) = group.flag("newest").filter(|newest| !newest.value) {
        let message = format!("{}newest cannot be false: an image by its name is the newest one", group.path);
        findings
            .mistake(Finding::at(newest.place, message).help("name an older image by its OCID: `image_id`"));
    }
}
