//! Reads `alternatives:`: the further choices for a slot, in order, when the earlier choices have no capacity.
//!
//! It must not know prices, nor the shapes and domains of the region.

use super::body::Body;
use super::context::Context;
use super::finding::{Finding, Place};
use super::keys;
use super::ocids;
use super::placement::{self, Domains};
use super::section::{At, Section};
use super::shapes;
use super::size;
use super::yaml::{Node, Value};
use fleet::plan::is_same_domain;
use ledger::{CapacityType, Placement, PlacementSize};

/// The path of the group, as messages name it.
const PATH: &str = "instance_settings.alternatives.";
/// The values of `capacity_type`.
pub const CAPACITY_TYPES: [(&str, CapacityType); 2] =
    [("on_demand", CapacityType::OnDemand), ("preemptible", CapacityType::Preemptible)];

/// The settings that alternatives inherit.
pub struct FirstChoice<'a> {
    /// Its shape.
    pub shape: Option<&'a str>,
    /// The body of its launch.
    pub body: &'a Body,
    /// Where it is launched.
    pub domains: &'a Domains,
}

impl FirstChoice<'_> {
    fn is_preemptible(&self) -> bool {
        self.body.json().contains_key("preemptibleInstanceConfig")
    }

    fn image(&self) -> Option<&str> {
        self.body.value_at("sourceDetails.imageId")
    }

    fn subnet(&self) -> Option<&str> {
        self.body.value_at("createVnicDetails.subnetId")
    }

    /// The size that it gives every flexible shape, if any.
    fn size(&self) -> Option<PlacementSize> {
        let config = self.body.json().get("shapeConfig")?;
        let amount = |name: &str| config.get(name).and_then(serde_json::Value::as_f64).map(ledger::Amount);
        Some(PlacementSize {
            ocpus: amount("ocpus"),
            memory_gb: amount("memoryInGBs"),
            baseline: self.body.value_at("shapeConfig.baselineOcpuUtilization").map(str::to_owned),
        })
    }
}

/// One entry of the list while it is read.
struct Alternative<'a> {
    section: Section<'a>,
    place: Place,
    first: &'a FirstChoice<'a>,
    context: &'a Context<'a>,
}

/// The choices listed before an entry.
struct Known {
    line: Option<String>,
    placements: Vec<Placement>,
}

/// Reads the list, and appends the placements of each entry to those of the first choice.
pub fn read_alternatives(
    section: &Section<'_>,
    first: &FirstChoice<'_>,
    context: &Context<'_>,
    placements: &mut Vec<Placement>,
) {
    let Some(items) = items(section, context) else { return };
    let mut known = vec![Known { line: None, placements: placements.clone() }];
    for item in items {
        let Some(own) = read_entry(item, first, context) else { continue };
        if let Some(finding) = repeated(item.place, &own, &known) {
            context.findings.mistake(finding);
        }
        let is_new =
            |place: &&Placement| !known.iter().any(|one| one.placements.iter().any(|p| covers(p, place)));
        placements.extend(own.iter().filter(is_new).cloned());
        known.push(Known { line: Some(context.findings.line(item.place)), placements: own });
    }
    check_images(section, first, context);
}

/// The items of a non-empty list.
fn items<'a>(section: &Section<'a>, context: &Context<'_>) -> Option<&'a [Node]> {
    let empty = |place: Place| {
        context.findings.mistake(
            Finding::at(place, "alternatives is empty")
                .help("list at least one, for example `- {shape: VM.Standard.E5.Flex}`, or remove the key"),
        );
    };
    let Some(node) = section.node("alternatives") else {
        section.key_place("alternatives").into_iter().for_each(empty);
        return None;
    };
    match &node.value {
        Value::List(items) if items.is_empty() => {
            empty(node.place);
            None
        }
        Value::List(items) => Some(items),
        _ => {
            let help = "each item is a group of keys, for example `- {shape: VM.Standard.E5.Flex}`";
            section.wrong("alternatives", node, "a list", Some(help));
            None
        }
    }
}

fn read_entry(item: &Node, first: &FirstChoice<'_>, context: &Context<'_>) -> Option<Vec<Placement>> {
    let empty = || {
        context.findings.mistake(
            Finding::at(item.place, "this alternative is empty, so it equals the first choice")
                .help(format!("set what differs ({}), or remove it", keys::ALTERNATIVE.join(", "))),
        );
    };
    if item.is_null() || matches!(&item.value, Value::Map(entries) if entries.is_empty()) {
        empty();
        return None;
    }
    let before = context.findings.count();
    let section = Section::of(item, PATH, keys::ALTERNATIVE, context.findings)?;
    let is_clean = || context.findings.count() == before;
    if !keys::ALTERNATIVE.iter().any(|key| section.node(key).is_some()) {
        if is_clean() {
            empty();
        }
        return None;
    }
    let placements = Alternative { section, place: item.place, first, context }.placements();
    // With mistakes in an entry its meaning is unknown, so nothing can be compared.
    is_clean().then_some(placements)
}

impl Alternative<'_> {
    fn mistake(&self, place: Place, message: impl Into<String>, help: impl Into<String>) {
        self.context.findings.mistake(Finding::at(place, message).help(help));
    }

    fn placements(&self) -> Vec<Placement> {
        let shape = self.section.text("shape");
        let name = shape.as_ref().map(|shape| shape.value).or(self.first.shape).unwrap_or_default();
        let size = self.size(name, shape.as_ref());
        let image = self.image();
        let capacity_type = self.capacity_type();
        let domains = placement::read_domains(&self.section, self.context);
        let reservation = self.reservation(&domains);
        self.check_combinations(name, &size, capacity_type, reservation.as_deref());
        let subnets = self.subnets(&domains);
        let mut names = domains.names.clone();
        if names.is_empty() {
            names.clone_from(&self.first.domains.names);
        }
        if names.is_empty() {
            names.extend(subnets.iter().filter_map(|(domain, _)| domain.clone()));
        }
        if names.is_empty() {
            names.push(String::new());
        }
        let faults = if domains.faults.is_empty() { &self.first.domains.faults } else { &domains.faults };
        let faults: Vec<Option<String>> =
            if faults.is_empty() { vec![None] } else { faults.iter().cloned().map(Some).collect() };
        self.check_subnets(&names, &subnets);
        let mut placements = Vec::new();
        for domain in &names {
            let subnet =
                subnets.iter().find(|(own, _)| own.as_deref().is_none_or(|own| is_same_domain(own, domain)));
            for fault in &faults {
                let placement = Placement {
                    region: None,
                    availability_domain: domain.clone(),
                    fault_domain: fault.clone(),
                    shape: name.to_owned(),
                    capacity_reservation: reservation.clone(),
                    size: size.own.clone(),
                    image: image.clone(),
                    subnet: subnet
                        .map(|(_, ocid)| ocid.clone())
                        .filter(|ocid| Some(ocid.as_str()) != self.first.subnet()),
                    capacity_type: capacity_type.filter(|own| *own != self.inherited_type()),
                };
                if !placements.contains(&placement) {
                    placements.push(placement);
                }
            }
        }
        placements
    }

    fn inherited_type(&self) -> CapacityType {
        if self.first.is_preemptible() { CapacityType::Preemptible } else { CapacityType::OnDemand }
    }

    /// The size. A `shape_config` replaces the whole inherited size.
    fn size(&self, name: &str, shape: Option<&At<&str>>) -> EntrySize {
        let inherited = self.first.size();
        let shape_place = shape.map_or(self.place, |shape| shape.place);
        let Some(config) = self.section.node("shape_config") else {
            if !shapes::is_flexible(name) {
                // A fixed shape takes no size, not even an inherited one.
                let own = inherited.map(|_| PlacementSize::default());
                return EntrySize { own, ..EntrySize::default() };
            }
            let Some(inherited) = inherited else {
                self.mistake(
                    shape_place,
                    format!("{name} is a flexible shape and needs a shape_config"),
                    "for 1 OCPU and 6 GB, add `shape_config: {ocpus: 1, memory_in_gbs: 6}`",
                );
                return EntrySize::default();
            };
            if let (Some(row), Some(ocpus)) = (shapes::find_shape(name), inherited.ocpus)
                && let Err(error) = row.check(ocpus.0, inherited.memory_gb.map(|memory| memory.0))
            {
                let message = format!("the size of the first choice does not fit: {}", error.text());
                self.mistake(shape_place, message, "add a `shape_config` of its own here");
            }
            let burstable = inherited.baseline.is_some_and(|baseline| baseline != size::NOT_BURSTABLE);
            return EntrySize { own: None, burstable, place: shape_place };
        };
        let path = format!("{PATH}shape_config.");
        let Some(group) = Section::of(config, &path, keys::ALTERNATIVE_SHAPE, self.context.findings) else {
            return EntrySize::default();
        };
        let read = size::read_amounts(&group, name, config.place, self.context.findings);
        let burstable = read.baseline.as_ref().is_some_and(|baseline| baseline != size::NOT_BURSTABLE);
        EntrySize {
            own: Some(read).filter(|own| Some(own) != inherited.as_ref()),
            burstable,
            place: config.place,
        }
    }

    fn image(&self) -> Option<String> {
        let image = self.section.text("image_id")?;
        let Context { home, findings, .. } = self.context;
        ocids::check_ocid("image_id", &image, &["image"], *home, findings);
        if self.first.body.value_at(super::source::VOLUME).is_some() {
            let message = "image_id applies to a new boot volume, but boot_volume_id names an existing one";
            self.mistake(image.place, message, "remove one of the two");
        }
        Some(image.value.to_owned()).filter(|own| Some(own.as_str()) != self.first.image())
    }

    fn capacity_type(&self) -> Option<CapacityType> {
        self.section.choice("capacity_type", &CAPACITY_TYPES)
    }

    /// A reservation belongs to one shape, size and domain, so it is not inherited from the first choice. Opting out of the
    /// default reservation is.
    fn reservation(&self, domains: &Domains) -> Option<String> {
        let Some(own) = self.section.text_or_empty("capacity_reservation_id") else {
            return self.first.domains.no_reservation.then(String::new);
        };
        if own.value.trim().is_empty() {
            return Some(String::new());
        }
        let Context { home, findings, .. } = self.context;
        ocids::check_ocid("capacity_reservation_id", &own, &["capacityreservation"], *home, findings);
        let names = if domains.names.is_empty() { &self.first.domains.names } else { &domains.names };
        if names.len() != 1 {
            let many = if names.is_empty() {
                "all are allowed".to_owned()
            } else {
                format!("{} are listed", names.len())
            };
            self.mistake(
                own.place,
                format!("a capacity reservation belongs to one availability domain, but {many}"),
                "add `availability_domain` with one domain here",
            );
        }
        Some(own.value.to_owned())
    }

    fn check_combinations(
        &self,
        shape: &str,
        size: &EntrySize,
        capacity_type: Option<CapacityType>,
        reservation: Option<&str>,
    ) {
        let kind = capacity_type.unwrap_or_else(|| self.inherited_type());
        let reserved = reservation.is_some_and(|ocid| !ocid.is_empty());
        let preemptible = kind == CapacityType::Preemptible;
        let place = |key: &str| self.section.node(key).map_or(self.place, |node| node.place);
        let refuse = |wrong: bool, place: Place, message: &str| {
            if wrong {
                self.mistake(
                    place,
                    message,
                    "OCI does not support this combination: change one of the two here",
                );
            }
        };
        let at = place("capacity_type");
        refuse(preemptible && reserved, at, "a preemptible instance cannot use a capacity reservation");
        refuse(preemptible && size.burstable, at, "a preemptible instance cannot be burstable");
        refuse(preemptible && shape.starts_with("BM."), at, "a bare metal instance cannot be preemptible");
        refuse(
            size.burstable && reserved,
            size.place,
            "a burstable instance cannot use a capacity reservation",
        );
    }

    /// The subnet of each availability domain; a subnet for all domains has no domain.
    fn subnets(&self, domains: &Domains) -> Vec<(Option<String>, String)> {
        let Some(node) = self.section.node("subnet_id") else { return Vec::new() };
        let check = |ocid: &At<&str>| {
            let Context { home, findings, .. } = self.context;
            ocids::check_ocid("subnet_id", ocid, &["subnet"], *home, findings);
        };
        if matches!(node.value, Value::Scalar(_)) {
            let one = self.section.text("subnet_id");
            one.iter().for_each(check);
            return one.map(|ocid| (None, ocid.value.to_owned())).into_iter().collect();
        }
        let listed = if domains.names.is_empty() { &self.first.domains.names } else { &domains.names };
        let mut rows = Vec::new();
        for (entry, ocid) in self.section.table("subnet_id") {
            check(&At { value: ocid, place: entry.value.place });
            if !listed.is_empty() && !listed.iter().any(|name| is_same_domain(name, &entry.key)) {
                self.mistake(
                    entry.place,
                    format!("availability_domain does not list {}, so this subnet is never used", entry.key),
                    "add the domain there, or remove this subnet",
                );
            }
            rows.push((Some(entry.key.clone()), ocid.to_owned()));
        }
        if rows.is_empty() && matches!(&node.value, Value::Map(_)) {
            self.mistake(
                node.place,
                "subnet_id is empty",
                "write one subnet, or one for each availability domain: `{AD-1: ocid1.subnet…}`",
            );
        }
        rows
    }

    /// Reports domains without a subnet, if subnets are given for some domains only.
    fn check_subnets(&self, names: &[String], subnets: &[(Option<String>, String)]) {
        if subnets.is_empty() || subnets.iter().any(|(domain, _)| domain.is_none()) {
            return;
        }
        let place = self.section.node("subnet_id").map_or(self.place, |node| node.place);
        let has = |name: &&String| {
            subnets.iter().filter_map(|(own, _)| own.as_deref()).any(|own| is_same_domain(own, name))
        };
        for name in names.iter().filter(|name| !has(name)) {
            self.mistake(
                place,
                format!("subnet_id has no subnet for {name}"),
                "add one for this domain, or list the availability domains of this alternative",
            );
        }
    }
}

/// The size of an entry.
#[derive(Default)]
struct EntrySize {
    /// The size, if it differs from the inherited one.
    own: Option<PlacementSize>,
    burstable: bool,
    place: Place,
}

/// Whether the second placement cannot help a slot that was refused at the first.
fn covers(known: &Placement, other: &Placement) -> bool {
    let everywhere =
        |placement: &Placement| Placement { availability_domain: String::new(), ..placement.clone() };
    everywhere(known) == everywhere(other)
        && (known.availability_domain.is_empty()
            || is_same_domain(&known.availability_domain, &other.availability_domain))
}

/// Reports an entry that adds nothing to the earlier ones.
fn repeated(place: Place, own: &[Placement], known: &[Known]) -> Option<Finding> {
    let all_in =
        |one: &Known| own.iter().all(|place| one.placements.iter().any(|known| covers(known, place)));
    let one = known.iter().find(|one| all_in(one))?;
    let which = match &one.line {
        None => "the first choice".to_owned(),
        Some(line) => format!("the alternative in {line}"),
    };
    Some(
        Finding::at(place, format!("this alternative equals {which}"))
            .help("change what it asks for, or remove it"),
    )
}

/// Reports images that do not fit. An image is built for one processor architecture, which the name of a shape reveals.
fn check_images(section: &Section<'_>, first: &FirstChoice<'_>, context: &Context<'_>) {
    let Some(Node { value: Value::List(items), .. }) = section.node("alternatives") else { return };
    let mut seen: Vec<(&str, &str)> = first.image().zip(first.shape).into_iter().collect();
    for item in items {
        let text = |key: &str| match item.child(key).map(|node| (&node.value, node.place)) {
            Some((Value::Scalar(scalar), place)) if !scalar.text.trim().is_empty() => {
                Some((scalar.text.as_str(), place))
            }
            _ => None,
        };
        let Some(shape) = text("shape").map(|(shape, _)| shape).or(first.shape) else { continue };
        let Some(image) = text("image_id").map(|(image, _)| image).or(first.image()) else { continue };
        let place = text("image_id").or(text("shape")).map_or(item.place, |(_, place)| place);
        let other =
            seen.iter().find(|(known, of)| *known == image && shapes::is_arm(of) != shapes::is_arm(shape));
        if let Some((_, of)) = other {
            let (arm, x86) = if shapes::is_arm(shape) { (shape, *of) } else { (*of, shape) };
            context.findings.mistake(
                Finding::at(
                    place,
                    format!("{arm} is an Arm shape and {x86} is not, so they cannot have the same image"),
                )
                .help(format!(
                    "set `image_id` here: `oci-insta-scale find images --shape {shape}` lists images"
                )),
            );
        }
        seen.push((image, shape));
    }
}
