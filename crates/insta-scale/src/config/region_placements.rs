//! Where instances are tried in a further region: the kinds of the config, with the domains, subnets and images of the region.

use super::finding::{Finding, Findings, Place};
use super::ocids::{self, Home};
use super::placement;
use super::section::{At, Section};
use super::yaml::{Node, Value};
use fleet::plan::is_same_domain;
use ledger::Placement;

/// One item while it is read.
pub(super) struct Item<'a> {
    pub section: Section<'a>,
    pub place: Place,
    pub home: Home,
    pub findings: &'a Findings,
}

impl Item<'_> {
    pub fn mistake(&self, place: Place, message: impl Into<String>, help: impl Into<String>) {
        self.findings.mistake(Finding::at(place, message).help(help));
    }

    pub fn name(&self) -> &str {
        &self.home.name
    }

    pub fn check(&self, key: &str, ocid: &At<&str>, of: &str) {
        ocids::check_ocid(key, ocid, &[of], Some(&self.home), self.findings);
    }
}

/// The images of a region: one for all kinds, or one for each shape.
#[derive(Debug, Default)]
pub(super) struct Images {
    one: Option<String>,
    by_shape: Vec<(String, String)>,
}

impl Images {
    pub fn read(item: &Item<'_>) -> Self {
        let node = item.section.node("image_id");
        if !node.is_some_and(|node| matches!(node.value, Value::Map(_))) {
            let one = item.section.text("image_id");
            if let Some(image) = &one {
                item.check("image_id", image, "image");
            }
            return Self { one: one.map(|image| image.value.to_owned()), ..Self::default() };
        }
        let rows = item.section.table("image_id").into_iter();
        let rows = rows.map(|(entry, ocid)| {
            item.check("image_id", &At { value: ocid, place: entry.value.place }, "image");
            (entry.key.clone(), ocid.to_owned())
        });
        Self { one: None, by_shape: rows.collect() }
    }

    /// The image of kinds that say nothing else.
    pub fn usual(&self, kinds: &[Vec<Placement>]) -> Option<String> {
        let first = kinds.first().and_then(|kind| kind.first());
        self.one.clone().or_else(|| self.of_shape(&first?.shape))
    }

    fn of_shape(&self, shape: &str) -> Option<String> {
        self.by_shape
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(shape))
            .map(|(_, ocid)| ocid.clone())
    }
}

/// The subnets of a region: one, or one for each availability domain.
#[derive(Debug, Default)]
pub(super) struct Subnets {
    one: Option<String>,
    by_domain: Vec<(String, String)>,
}

impl Subnets {
    pub fn read(item: &Item<'_>) -> Self {
        let node = item.section.node("subnet_id");
        if !node.is_some_and(|node| matches!(node.value, Value::Map(_))) {
            let one = item.section.text("subnet_id");
            if let Some(subnet) = &one {
                item.check("subnet_id", subnet, "subnet");
            }
            return Self { one: one.map(|subnet| subnet.value.to_owned()), ..Self::default() };
        }
        let rows = item.section.table("subnet_id").into_iter();
        let rows = rows.map(|(entry, ocid)| {
            item.check("subnet_id", &At { value: ocid, place: entry.value.place }, "subnet");
            (entry.key.clone(), ocid.to_owned())
        });
        Self { one: None, by_domain: rows.collect() }
    }

    /// The subnet of placements that say nothing else.
    pub fn usual(&self) -> Option<String> {
        self.one.clone().or_else(|| self.by_domain.first().map(|(_, ocid)| ocid.clone()))
    }

    fn of_domain(&self, domain: &str) -> Option<String> {
        self.by_domain.iter().find(|(known, _)| is_same_domain(known, domain)).map(|(_, ocid)| ocid.clone())
    }
}

/// The placements of each kind in a region, in the order of the kinds; none of those that it leaves out. `named` tells whether
/// the region names its images by their operating system.
pub(super) fn placements_in(
    item: &Item<'_>,
    kinds: &[Vec<Placement>],
    images: &Images,
    subnets: &Subnets,
    named: bool,
) -> Vec<Vec<Placement>> {
    let place = |key: &str| item.section.node(key).map_or(item.place, |node: &Node| node.place);
    let domains = domains(item, subnets);
    let shapes = item.section.texts("shapes");
    let is_meant = |shape: &str| shapes.is_empty() || shapes.iter().any(|one| one.value.trim() == shape);
    for unknown in
        shapes.iter().filter(|one| kinds.iter().flatten().all(|kind| kind.shape != one.value.trim()))
    {
        let message = format!("no choice of the config has the shape {}", unknown.value);
        item.mistake(unknown.place, message, "list shapes of `shape` and `alternatives`, or remove it");
    }
    let mut all = Vec::new();
    for kind in kinds {
        let Some(first) = kind.first().filter(|first| is_meant(&first.shape)) else {
            all.push(Vec::new());
            continue;
        };
        let image = images.of_shape(&first.shape);
        let lacks = image.is_none() && !named && (first.image.is_some() || !images.by_shape.is_empty());
        if lacks {
            let shape = &first.shape;
            item.mistake(
                place("image_id"),
                format!("{} has no image of its own for {shape}", item.name()),
                format!("write one for each shape: `image_id: {{{shape}: ocid1.image…, …}}`"),
            );
        }
        let mut faults: Vec<Option<String>> = Vec::new();
        for placement in kind {
            if !faults.contains(&placement.fault_domain) {
                faults.push(placement.fault_domain.clone());
            }
        }
        let opts_out = first.capacity_reservation.clone().filter(String::is_empty);
        let at = |domain: &String, fault: &Option<String>| Placement {
            region: Some(item.home.name.clone()),
            availability_domain: domain.clone(),
            fault_domain: fault.clone(),
            shape: first.shape.clone(),
            capacity_reservation: opts_out.clone(),
            size: first.size.clone(),
            image: image.clone(),
            subnet: subnets.of_domain(domain),
            capacity_type: first.capacity_type,
        };
        all.push(
            domains.iter().flat_map(|domain| faults.iter().map(move |fault| at(domain, fault))).collect(),
        );
    }
    all
}

/// The availability domains of a region; an unnamed one where any will do.
fn domains(item: &Item<'_>, subnets: &Subnets) -> Vec<String> {
    let listed = item.section.texts("availability_domain");
    placement::check_names(&listed, item.findings);
    let mut names: Vec<String> = listed.iter().map(|domain| domain.value.to_owned()).collect();
    if names.is_empty() {
        names.extend(subnets.by_domain.iter().map(|(domain, _)| domain.clone()));
    }
    let by_domain = !subnets.by_domain.is_empty();
    for name in names.iter().filter(|name| by_domain && subnets.of_domain(name).is_none()) {
        let place = item.section.node("subnet_id").map_or(item.place, |node| node.place);
        let help = "add one for this domain, or list the availability domains of this region";
        item.mistake(place, format!("subnet_id has no subnet for {name}"), help);
    }
    if names.is_empty() {
        names.push(String::new());
    }
    names
}
