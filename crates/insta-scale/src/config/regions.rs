//! Reads `regions:`: further regions in which instances are tried, and what differs there.
//!
//! OCIDs of subnets, images, keys and groups belong to one region: what a region needs and does not say is a mistake, and never
//! taken over from another. Must not ask the service which domains and images there are.

use super::finding::{Finding, Findings, Place};
use super::keys;
use super::names;
use super::ocids::{self, Home};
use super::region_placements::{Images, Item, Subnets, placements_in};
use super::section::Section;
use super::yaml::{Node, Value};
use fleet::FleetSpec;
use fleet::plan::{ImageName, RegionSpec, is_same_kind, named};
use ledger::Placement;
use oci_api::models::InstanceSourceDetails;
use oci_api::{Ocid, Region};

/// The path of the group, as messages name it.
const PATH: &str = "regions.";

/// What the reading needs to know besides the list.
pub struct Around<'a> {
    /// The first region.
    pub home: Option<&'a Home>,
    /// Whether one base URL takes the place of the first region's services.
    pub has_endpoint: bool,
    /// Whether the regions are simulated, so that no URL is used.
    pub simulated: bool,
    /// Where findings go.
    pub findings: &'a Findings,
}

/// Reads how to reach the further regions, and in which compartment.
pub fn read_ways(top: &Section<'_>, fleet: &mut FleetSpec, around: &Around<'_>) {
    for item in items(top, around) {
        let spec = way(&item, fleet, around);
        fleet.regions.push(spec);
    }
}

/// Reads the list into a fleet whose placements are those of the first region. Each kind of instance is tried in all regions, in
/// their order, before the next kind is.
pub fn read_regions(top: &Section<'_>, fleet: &mut FleetSpec, around: &Around<'_>) {
    let items = items(top, around);
    let Some(place) = top.key_place("regions").filter(|_| !items.is_empty()) else { return };
    check_fleet(fleet, place, around.findings);
    let kinds = kinds_in_a_row(&fleet.placements);
    let mut further: Vec<Vec<Vec<Placement>>> = Vec::new();
    for item in &items {
        let spec = region(item, fleet, around);
        let images = Images::read(item);
        let subnets = Subnets::read(item);
        let named = spec.newest_image.is_some();
        further.push(placements_in(item, &kinds, &images, &subnets, named));
        fleet.regions.push(RegionSpec { image: images.usual(&kinds), subnet: subnets.usual(), ..spec });
    }
    let mut all: Vec<Placement> = Vec::new();
    for (at, kind) in kinds.into_iter().enumerate() {
        let elsewhere = further.iter().flat_map(|regions| regions[at].iter().cloned());
        for placement in kind.into_iter().chain(elsewhere) {
            if !all.contains(&placement) {
                all.push(placement);
            }
        }
    }
    fleet.placements = all;
    if around.findings.is_clean() {
        for item in &items {
            check_launches(item, fleet);
        }
    }
}

/// The placements in their order, those of one kind that follow each other together.
fn kinds_in_a_row(placements: &[Placement]) -> Vec<Vec<Placement>> {
    placements.chunk_by(is_same_kind).map(<[Placement]>::to_vec).collect()
}

/// The items whose region is known and listed once.
fn items<'a>(top: &Section<'a>, around: &Around<'a>) -> Vec<Item<'a>> {
    let findings = around.findings;
    let empty = |place: Place| {
        findings.mistake(
            Finding::at(place, "regions is empty")
                .help("list at least one, for example `- {region: us-ashburn-1, subnet_id: …, image_id: …}`, or remove the key"),
        );
    };
    let Some(node) = top.node("regions") else {
        if let Some(place) = top.key_place("regions") {
            empty(place);
        }
        return Vec::new();
    };
    let Value::List(nodes) = &node.value else {
        let help = "each item is a group of keys, for example `- {region: us-ashburn-1, subnet_id: …}`";
        top.wrong("regions", node, "a list", Some(help));
        return Vec::new();
    };
    if nodes.is_empty() {
        empty(node.place);
    }
    let mut items: Vec<Item<'a>> = Vec::new();
    for node in nodes {
        let Some(item) = read_item(node, around) else { continue };
        let is_home = around.home.is_some_and(|home| home.name == item.home.name);
        if is_home || items.iter().any(|known| known.home.name == item.home.name) {
            let what = if is_home { "is the first region already" } else { "is listed twice" };
            item.mistake(
                item.place,
                format!("{} {what}", item.name()),
                "remove this item, or name another region",
            );
            continue;
        }
        items.push(item);
    }
    items
}

fn read_item<'a>(node: &'a Node, around: &Around<'a>) -> Option<Item<'a>> {
    let findings = around.findings;
    let section = Section::of(node, PATH, keys::REGION, findings)?;
    let Some(name) = section.text("region") else {
        if !section.is_misspelt("region") {
            let help = "add its name, for example `region: us-ashburn-1`";
            findings.mistake(Finding::at(node.place, "this region lacks `region`").help(help));
        }
        return None;
    };
    let mut home = Home { name: name.value.trim().to_ascii_lowercase(), region: None };
    match oci_client::find_region(name.value) {
        Ok(region) => home = Home { name: region.name.to_owned(), region: Some(region) },
        Err(_) if section.text("endpoint").is_some() => {}
        Err(error) => {
            let help = "if the region is newer than this program, also set `endpoint` here";
            findings.mistake(Finding::at(name.place, format!("regions: {error}")).help(help));
            return None;
        }
    }
    let realm = |region: Option<&'static Region>| region.map(|region| region.realm);
    let first = around.home.and_then(|home| realm(home.region));
    if let (Some(own), Some(first)) = (realm(home.region), first)
        && own != first
    {
        findings.mistake(
            Finding::at(
                name.place,
                format!("{} is in realm {own}, but the first region is in {first}", home.name),
            )
            .help("realms are isolated from each other: use another config for it"),
        );
        return None;
    }
    Some(Item { section, place: node.place, home, findings })
}

/// How to reach a region.
fn way(item: &Item<'_>, fleet: &FleetSpec, around: &Around<'_>) -> RegionSpec {
    let endpoint = item.section.text("endpoint");
    match &endpoint {
        Some(given) => {
            if let Err(error) = oci_client::Endpoints::at(given.value) {
                item.findings.mistake(Finding::at(given.place, format!("regions.endpoint: {error}")));
            }
        }
        None if around.has_endpoint && !around.simulated => item.mistake(
            item.place,
            format!("requests go to a given endpoint, which is not that of {}", item.name()),
            "add `endpoint` here, or remove `endpoint` at the top level, --endpoint and OCI_INSTA_SCALE_ENDPOINT",
        ),
        None => {}
    }
    let compartment = item.section.text("compartment_id");
    if let Some(compartment) = &compartment {
        ocids::check_ocid(
            "compartment_id",
            compartment,
            &["compartment", "tenancy"],
            Some(&item.home),
            item.findings,
        );
    }
    let compartment = compartment.map_or(fleet.compartment.as_str(), |compartment| compartment.value);
    RegionSpec {
        region: item.home.name.clone(),
        compartment: compartment.to_owned(),
        endpoint: endpoint.filter(|_| !around.simulated).map(|endpoint| endpoint.value.to_owned()),
        ..RegionSpec::default()
    }
}

/// What differs in a region, without images and subnets.
fn region(item: &Item<'_>, fleet: &FleetSpec, around: &Around<'_>) -> RegionSpec {
    let Item { section, .. } = item;
    let launch = &fleet.template;
    let mut missing = Vec::new();
    let vnic = launch.create_vnic_details.as_deref();
    let (image, key) = match launch.source_details.as_deref() {
        Some(InstanceSourceDetails::Image(source)) => {
            (source.image_id.is_some(), source.kms_key_id.is_some())
        }
        _ => (false, false),
    };
    let says = |name: &str| section.key_place(name).is_some();
    let gives = |name: &str| match section.node(name).map(|node| &node.value) {
        Some(Value::Scalar(scalar)) => !scalar.text.trim().is_empty(),
        other => other.is_some(),
    };
    let need = [
        ("subnet_id", vnic.is_some_and(|vnic| vnic.subnet_id.is_some()) && !gives("subnet_id")),
        ("image_id", image && !gives("image_id") && !gives("image")),
        ("nsg_ids", vnic.is_some_and(|vnic| vnic.nsg_ids.is_some()) && !says("nsg_ids")),
        ("kms_key_id", key && !says("kms_key_id")),
    ];
    missing.extend(need.iter().filter(|(_, lacks)| *lacks).map(|(name, _)| *name));
    if !missing.is_empty() {
        let name = item.name();
        let mut help = format!("OCIDs belong to one region: set those of {name} here");
        if missing.contains(&"nsg_ids") {
            help += ", or `nsg_ids: []` for none";
        }
        if missing.contains(&"kms_key_id") {
            help += ", or `kms_key_id: \"\"` for none";
        }
        item.mistake(item.place, format!("the region {name} lacks {}", missing.join(", ")), help);
    }
    let groups = section.texts("nsg_ids");
    for group in &groups {
        item.check("nsg_ids", group, "networksecuritygroup");
    }
    let encryption_key = section.text("kms_key_id");
    if let Some(key) = &encryption_key {
        item.check("kms_key_id", key, "key");
    }
    RegionSpec {
        newest_image: newest_image(item),
        security_groups: groups.into_iter().map(|group| group.value.to_owned()).collect(),
        encryption_key: encryption_key.map(|key| key.value.to_owned()),
        ..way(item, fleet, around)
    }
}

fn newest_image(item: &Item<'_>) -> Option<ImageName> {
    let node = item.section.node("image")?;
    let path = format!("{PATH}image.");
    let group = Section::of(node, &path, keys::IMAGE_NAME, item.findings)?;
    names::check_newest(&group, item.findings);
    let (os, version) = (group.text("os"), group.text("version"));
    if item.section.node("image_id").is_some() {
        item.mistake(node.place, "image and image_id both name an image", "remove one of the two");
    }
    if let (Some(os), Some(version)) = (os, version) {
        return Some(ImageName { os: os.value.to_owned(), version: version.value.to_owned() });
    }
    let help =
        "for example `image: {os: Oracle Linux, version: \"9\"}`; `oci-insta-scale find images` lists them";
    item.mistake(node.place, "image needs os and version", help);
    None
}

/// What a fleet with several regions cannot have.
fn check_fleet(fleet: &FleetSpec, place: Place, findings: &Findings) {
    let refuse = |wrong: bool, what: &str| {
        if wrong {
            let message = format!("{what} cannot be combined with `regions`");
            findings.mistake(
                Finding::at(place, message).help("remove one of the two, or use a config for each region"),
            );
        }
    };
    refuse(fleet.spread.is_some(), "`spread`");
    let reserved =
        |placement: &Placement| placement.capacity_reservation.as_ref().is_some_and(|ocid| !ocid.is_empty());
    refuse(fleet.placements.iter().any(reserved), "a capacity reservation");
}

/// Finds what launches in a region would name although it is in another one.
fn check_launches(item: &Item<'_>, fleet: &FleetSpec) {
    let own = fleet.placements.iter().filter(|placement| placement.region.as_deref() == Some(item.name()));
    let mut told = Vec::new();
    for (kind, ocid) in own.flat_map(|placement| named::of_launch(&fleet.launch_at(placement))) {
        let Ok(parsed) = Ocid::parse(&ocid) else { continue };
        let elsewhere = match (Region::find(parsed.region), item.home.region) {
            _ if parsed.region.is_empty() => false,
            (Some(region), Some(own)) => region.name != own.name,
            _ => !parsed.region.eq_ignore_ascii_case(item.name()),
        };
        if !elsewhere || told.contains(&ocid) {
            continue;
        }
        let region = Region::find(parsed.region).map_or(parsed.region, |region| region.name);
        item.mistake(
            item.place,
            format!("instances in {} cannot use the {} {ocid}, which is in {region}", item.name(), kind.what),
            "remove it from the settings, or remove this region",
        );
        told.push(ocid);
    }
}
