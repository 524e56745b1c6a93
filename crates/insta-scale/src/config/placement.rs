//! Reads where instances are launched: availability domains × fault domains × reservations, best first.
//!
//! It must not ask the service for the domains; `AD-1` is resolved when the plan is made.

use super::context::Context;
use super::finding::{Finding, Findings, Place};
use super::keys;
use super::ocids;
use super::section::{At, Section};
use super::yaml::{Node, Value};
use fleet::plan::is_same_domain;
use ledger::Placement;

/// A reservation and its availability domain.
struct DomainReservation {
    domain: String,
    id: String,
}

/// The domains in which instances are launched, as one group of keys states them.
#[derive(Debug, Default)]
pub struct Domains {
    /// Availability domains; empty if any of the region is acceptable.
    pub names: Vec<String>,
    /// Fault domains; empty if OCI chooses.
    pub faults: Vec<String>,
    /// Whether to opt out of the tenancy's default reservation.
    pub no_reservation: bool,
}

/// Reads the availability domains and the fault domains of a group.
pub fn read_domains(section: &Section<'_>, context: &Context<'_>) -> Domains {
    let domains = section.texts("availability_domain");
    check_names(&domains, context.findings);
    Domains {
        names: domains.iter().map(|domain| domain.value.to_owned()).collect(),
        faults: fault_domains(section, context).into_iter().flatten().collect(),
        no_reservation: false,
    }
}

impl Domains {
    /// The domains of existing placements.
    pub fn of(placements: &[Placement]) -> Self {
        let mut domains = Self::default();
        for placement in placements {
            let name = &placement.availability_domain;
            if !name.is_empty() && !domains.names.contains(name) {
                domains.names.push(name.clone());
            }
            domains.faults.extend(placement.fault_domain.iter().cloned());
            domains.no_reservation |= placement.capacity_reservation.as_deref() == Some("");
        }
        let mut seen = Vec::new();
        domains.faults.retain(|fault| {
            let is_new = !seen.contains(fault);
            seen.push(fault.clone());
            is_new
        });
        domains
    }
}

/// Reads the placements. Without `availability_domain`, every domain of the region is tried (an empty name). Returns false if
/// the domain is missing but needed because a reservation belongs to one.
pub fn read_placements(
    section: &Section<'_>,
    shape: Option<&str>,
    context: &Context<'_>,
    out: &mut Vec<Placement>,
) -> bool {
    let domains = section.texts("availability_domain");
    let faults = fault_domains(section, context);
    let by_domain =
        section.node("capacity_reservations").map(|node| per_domain(section, node, &domains, context));
    let single = section.text_or_empty("capacity_reservation_id");
    if let Some(single) = &single {
        check_single(section, single, domains.len(), by_domain.is_some(), context);
    }
    let by_domain = by_domain.unwrap_or_default();
    check_names(&domains, context.findings);
    let mut names: Vec<String> = domains.iter().map(|domain| domain.value.to_owned()).collect();
    if names.is_empty() {
        names = by_domain.iter().map(|reserved| reserved.domain.clone()).collect();
    }
    let open = names.is_empty();
    if open {
        names.push(String::new());
    }
    for name in &names {
        let own = by_domain.iter().find(|reserved| is_same_domain(&reserved.domain, name));
        let reservation = own
            .map(|reserved| reserved.id.clone())
            .or_else(|| single.as_ref().map(|single| single.value.to_owned()));
        for fault in &faults {
            let placement = Placement {
                availability_domain: name.clone(),
                fault_domain: fault.clone(),
                shape: shape.unwrap_or_default().to_owned(),
                capacity_reservation: reservation.clone(),
                ..Placement::default()
            };
            if !out.contains(&placement) {
                out.push(placement);
            }
        }
    }
    !open || single.is_none_or(|single| single.value.is_empty())
}

pub(super) fn check_names(domains: &[At<&str>], findings: &Findings) {
    for domain in
        domains.iter().filter(|domain| domain.value.chars().any(|c| c.is_whitespace() || c.is_control()))
    {
        findings.mistake(
            Finding::at(domain.place, format!("{:?} is not an availability domain", domain.value))
                .help("write `AD-1`, or the full name such as `Uocm:PHX-AD-1`"),
        );
    }
}

/// The fault domains to try in each availability domain; a single `None` if OCI chooses.
fn fault_domains(section: &Section<'_>, context: &Context<'_>) -> Vec<Option<String>> {
    let given = section.texts("fault_domain");
    if given.is_empty() {
        return vec![None];
    }
    let mut names = Vec::new();
    for fault in given {
        let upper = fault.value.trim().to_ascii_uppercase();
        let number = upper.strip_prefix("FAULT-DOMAIN-").or(upper.strip_prefix("FD-"));
        // Every availability domain has these three (Oracle: "Regions and Availability Domains").
        match number.filter(|number| matches!(*number, "1" | "2" | "3")) {
            Some(number) => names.push(Some(format!("FAULT-DOMAIN-{number}"))),
            None => context.findings.mistake(
                Finding::at(fault.place, format!("{:?} is not a fault domain", fault.value))
                    .help("write `FAULT-DOMAIN-1`, `-2` or `-3`, or remove the key to let OCI choose"),
            ),
        }
    }
    names
}

fn check_single(section: &Section<'_>, single: &At<&str>, domains: usize, both: bool, context: &Context<'_>) {
    if both {
        context.findings.mistake(
            Finding::at(single.place, "capacity_reservation_id and capacity_reservations are both set")
                .help("keep one: capacity_reservations is for several availability domains"),
        );
    }
    // Empty opts out of any reservation, including the tenancy's default one.
    if single.value.is_empty() {
        return;
    }
    ocids::check_ocid(
        "capacity_reservation_id",
        single,
        &["capacityreservation"],
        context.home,
        context.findings,
    );
    if domains > 1 {
        let place = section.node("availability_domain").map_or(single.place, |node| node.place);
        context.findings.mistake(
            Finding::at(
                place,
                format!(
                    "a capacity reservation belongs to one availability domain, but {domains} are listed"
                ),
            )
            .help("keep one domain, or list a reservation for each domain under `capacity_reservations:`"),
        );
    }
}

/// One reservation per availability domain: `{availability_domain, capacity_reservation_id}`, or OCIDs in the order
/// of `availability_domain`.
fn per_domain(
    section: &Section<'_>,
    node: &Node,
    domains: &[At<&str>],
    context: &Context<'_>,
) -> Vec<DomainReservation> {
    let Value::List(items) = &node.value else {
        section.wrong("capacity_reservations", node, "a list", Some("one item per availability domain"));
        return Vec::new();
    };
    let bare = items.iter().filter(|item| matches!(item.value, Value::Scalar(_))).count();
    if bare > 0 && (bare != items.len() || bare != domains.len()) {
        context.findings.mistake(
            Finding::at(node.place, format!("{bare} bare OCIDs for {} availability domains", domains.len()))
                .help("list one for each domain in the same order, or name the domain: `- {availability_domain: AD-1, \
                     capacity_reservation_id: …}`"),
        );
        return Vec::new();
    }
    let mut rows = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let (domain, id) = match &item.value {
            Value::Scalar(scalar) => (
                domains.get(at).map(|domain| domain.value),
                Some(At { value: scalar.text.as_str(), place: item.place }),
            ),
            _ => named(item, context),
        };
        if let (Some(domain), Some(id)) = (domain, id) {
            ocids::check_ocid(
                "capacity_reservations",
                &id,
                &["capacityreservation"],
                context.home,
                context.findings,
            );
            unlisted(domain, item.place, domains, context);
            rows.push(DomainReservation { domain: domain.to_owned(), id: id.value.to_owned() });
        }
    }
    rows
}

fn named<'a>(item: &'a Node, context: &Context<'a>) -> (Option<&'a str>, Option<At<&'a str>>) {
    let path = "instance_settings.capacity_reservations.";
    let Some(group) = Section::of(item, path, keys::RESERVATION, context.findings) else {
        return (None, None);
    };
    for key in keys::RESERVATION {
        if group.node(key).is_none() {
            context.findings.mistake(Finding::at(item.place, format!("this reservation lacks {key}")));
        }
    }
    (group.text("availability_domain").map(|domain| domain.value), group.text("capacity_reservation_id"))
}

fn unlisted(domain: &str, place: Place, domains: &[At<&str>], context: &Context<'_>) {
    if !domains.is_empty() && !domains.iter().any(|listed| is_same_domain(listed.value, domain)) {
        context.findings.mistake(
            Finding::at(
                place,
                format!("availability_domain does not list {domain}, so this reservation is never used"),
            )
            .help("add the domain there, or remove this reservation"),
        );
    }
}
