//! The order of the questions: what everything depends on first, the rest at once, in few rounds.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::{join, join_all, join4};
use ledger::Placement;
use oci_api::models::{InstanceSourceDetails, Shape, Subnet};
use oci_client::{Client, Failure, FailureClass, plain_text};

use super::offers::{self, Offers};
use super::probe::{Probe, refused};
use super::verdict::{Bound, Verdict, in_all};
use super::{Finding, Level, Preflight, ReservationFacts, limits, reserved, shapes, subnet};
use crate::FleetSpec;
use crate::policy::Scope;
use crate::price::{Prices, Size, size_of};
use crate::reservations::{Held, Want, show, unreservable};

/// Requests for one shape in three availability domains: what may be left out is, so that they suffice.
const BASE_REQUESTS: u32 = 6;
/// And for each further shape in each availability domain.
const REQUESTS_PER_PLACE: u32 = 3;

/// What is asked about, and how often the service was asked.
pub(super) struct Asker<'a> {
    pub client: &'a Client,
    pub fleet: &'a FleetSpec,
    pub image: Option<&'a str>,
    pub subnet: Option<&'a str>,
    asked: AtomicU32,
}

impl<'a> Asker<'a> {
    pub fn new(client: &'a Client, fleet: &'a FleetSpec) -> Self {
        Self { client, fleet, image: None, subnet: None, asked: AtomicU32::new(0) }
    }
}

impl Asker<'_> {
    /// Counts requests that are about to be made.
    pub fn count(&self, requests: u32) {
        self.asked.fetch_add(requests, Ordering::Relaxed);
    }

    pub fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    pub fn tenancy(&self) -> &str {
        if self.fleet.tenancy.is_empty() { &self.fleet.compartment } else { &self.fleet.tenancy }
    }
}

/// What was learnt of the subnet.
struct SubnetFacts {
    subnet: Subnet,
    size: Option<u64>,
    used: Option<subnet::Count>,
}

/// Asks beforehand what a launch of `fleet` would run into.
pub async fn preflight(client: &Client, fleet: &FleetSpec, prices: &Prices) -> Preflight {
    let vnic = fleet.template.create_vnic_details.as_deref();
    let image = match fleet.template.source_details.as_deref() {
        Some(InstanceSourceDetails::Image(image)) => image.image_id.as_deref(),
        _ => fleet.template.image_id.as_deref(),
    };
    let subnet = vnic.and_then(|vnic| vnic.subnet_id.as_deref()).or(fleet.template.subnet_id.as_deref());
    let asker = Asker { image, subnet, ..Asker::new(client, fleet) };
    let mut answer = Preflight { wanted: fleet.count, ..Preflight::default() };
    ask_all(&asker, prices, &mut answer).await;
    answer.findings.sort_by_key(|finding| finding.level);
    answer.findings.dedup();
    answer.requests = asker.asked();
    answer
}

async fn ask_all(asker: &Asker<'_>, prices: &Prices, answer: &mut Preflight) {
    let Some(domains) = domains(asker, answer).await else { return };
    answer.availability_domains.clone_from(&domains);
    let placements = match crate::plan::resolve_placements(&asker.fleet.placements, &domains) {
        Ok(placements) => distinct(placements),
        Err(wrong) => {
            answer.findings.extend(
                wrong.into_iter().map(|finding| Finding::new(Level::Stop, finding.field, finding.message)),
            );
            return;
        }
    };
    let wanted: Vec<String> = shapes_of(&placements);
    let ocids = reservations_of(&placements);

    let (subnet, reservations, region, first) = join4(
        ask_subnet(asker),
        ask_reservations(asker, &ocids),
        offers::in_region(asker, &wanted),
        offers::first_report(asker, &placements),
    )
    .await;
    let mut subnet = match subnet {
        Ok(subnet) => subnet,
        Err(finding) => {
            answer.findings.push(finding);
            None
        }
    };
    let reservations: Vec<Held> = reservations
        .into_iter()
        .filter_map(|result| result.map_err(|finding| answer.findings.push(finding)).ok())
        .collect();
    let (rows, image_seen) = offers::explain(asker, &wanted, region, &mut answer.findings).await;
    let offers = offers::everywhere(asker, &placements, &wanted, first).await;
    answer.findings.extend(offers.findings.iter().cloned());
    let rooms = limits_everywhere(asker, &placements, &rows, &offers).await;
    let budget = BASE_REQUESTS + REQUESTS_PER_PLACE * u32::try_from(placements.len()).unwrap_or(u32::MAX / 8);
    afterthoughts(asker, &mut subnet, image_seen, budget, answer).await;

    about_subnet(asker, subnet.as_ref(), answer);
    if let (Some(held), Some(why)) = (reservations.first(), unreservable(&asker.fleet.template)) {
        let remedy = "take the reservation out of the config, or launch plain instances";
        answer.findings.push(Finding::new(Level::Stop, &held.ocid, why).remedy(remedy));
    }
    for (placement, room) in placements.iter().zip(rooms) {
        let mut bounds = room;
        bounds.extend(offers.bound(placement));
        bounds.extend(subnet_bound(subnet.as_ref(), placement));
        if let Some(held) = held_for(&reservations, placement) {
            let want = Want::of_fleet(asker.fleet, &placement.shape, placement.fault_domain.as_deref(), 0);
            let (bound, findings) = reserved::check(held, placement, &want);
            answer.findings.extend(findings);
            answer.reservations.push(ReservationFacts {
                ocid: held.ocid.clone(),
                name: held.name.clone(),
                free: u32::try_from(bound.room).unwrap_or(u32::MAX),
                unused_per_hour: held.unused_hour(prices),
            });
            bounds.push(bound);
        }
        answer.verdicts.push(Verdict::new(placement.clone(), asker.fleet.count, bounds));
    }
    answer.shapes = wanted.iter().map(|shape| shapes::facts(shape, row_of(&rows, shape))).collect();
    answer.possible = in_all(&answer.verdicts, asker.fleet.count);
}

/// The availability domains; asked for first, since only accepted credentials can ask for them.
async fn domains(asker: &Asker<'_>, answer: &mut Preflight) -> Option<Vec<String>> {
    asker.count(1);
    let tenancy = asker.tenancy();
    match asker.client.list_availability_domains(tenancy).await {
        Ok(rows) => {
            answer.authenticated = Some(true);
            Some(rows.into_iter().filter_map(|row| row.name).collect())
        }
        Err(failure) if failure.class == FailureClass::Authentication => {
            answer.authenticated = Some(false);
            answer.findings.push(refused(&failure));
            None
        }
        Err(failure) => {
            let probe = Probe {
                what: "tenancy",
                ocid: tenancy,
                needs: ("inspect", "compartments"),
                scope: Scope::Tenancy,
            };
            answer.findings.push(probe.finding(&failure));
            None
        }
    }
}

/// Placements without their fault domains, each once: capacity and limits are asked for whole availability domains.
fn distinct(placements: Vec<Placement>) -> Vec<Placement> {
    let mut distinct: Vec<Placement> = Vec::new();
    for placement in placements {
        // A reservation's config may be bound to a fault domain, so there it stays.
        let named = placement.capacity_reservation.as_deref().is_some_and(|ocid| !ocid.is_empty());
        let placement = if named { placement } else { Placement { fault_domain: None, ..placement } };
        if !distinct.contains(&placement) {
            distinct.push(placement);
        }
    }
    distinct
}

fn shapes_of(placements: &[Placement]) -> Vec<String> {
    let mut shapes: Vec<String> = Vec::new();
    for placement in placements {
        if !shapes.contains(&placement.shape) {
            shapes.push(placement.shape.clone());
        }
    }
    shapes
}

fn reservations_of(placements: &[Placement]) -> Vec<String> {
    let mut ocids: Vec<String> = Vec::new();
    for ocid in placements.iter().filter_map(|placement| placement.capacity_reservation.as_ref()) {
        if !ocid.is_empty() && !ocids.contains(ocid) {
            ocids.push(ocid.clone());
        }
    }
    ocids
}

pub(super) fn row_of<'a>(rows: &'a [Shape], shape: &str) -> Option<&'a Shape> {
    rows.iter().find(|row| row.shape == shape)
}

fn held_for<'a>(reservations: &'a [Held], placement: &Placement) -> Option<&'a Held> {
    reservations.iter().find(|held| Some(&held.ocid) == placement.capacity_reservation.as_ref())
}

async fn ask_reservations(asker: &Asker<'_>, ocids: &[String]) -> Vec<Result<Held, Finding>> {
    asker.count(u32::try_from(ocids.len()).unwrap_or(u32::MAX));
    join_all(ocids.iter().map(|ocid| async move {
        show(asker.client, ocid).await.map_err(|error| match error.failure() {
            Some(failure) => {
                let needs = ("use", "compute-capacity-reservations");
                let scope = Scope::Compartment(&asker.fleet.compartment);
                Probe { what: "capacity reservation", ocid, needs, scope }.finding(failure)
            }
            None => Finding::new(Level::Warning, ocid, error.to_string()),
        })
    }))
    .await
}

/// The subnet and the first page of its addresses. Nothing when the fleet names none.
async fn ask_subnet(asker: &Asker<'_>) -> Result<Option<SubnetFacts>, Finding> {
    let Some(ocid) = asker.subnet else { return Ok(None) };
    asker.count(2);
    let mut count = subnet::Count::default();
    let (subnet, page) = join(asker.client.get_subnet(ocid), count.page(asker.client, ocid)).await;
    let scope = Scope::Compartment(&asker.fleet.compartment);
    let subnet = subnet
        .map_err(|failure| {
            Probe { what: "subnet", ocid, needs: ("use", "subnets"), scope }.finding(&failure)
        })?
        .value;
    // Whoever may not list addresses can launch all the same.
    let used = page.is_ok().then_some(count);
    Ok(Some(SubnetFacts { size: subnet::size(&subnet), subnet, used }))
}

/// Limits of every place that offers its shape. The first place is asked alone: what it teaches about the names of the
/// limits saves questions about the others.
async fn limits_everywhere(
    asker: &Asker<'_>,
    placements: &[Placement],
    rows: &[Shape],
    offers: &Offers,
) -> Vec<Vec<Bound>> {
    let each_at = |placement: &Placement| each(asker.fleet, row_of(rows, &placement.shape), &placement.shape);
    let mut known = limits::Known::default();
    let mut rooms: Vec<Vec<Bound>> = vec![Vec::new(); placements.len()];
    let mut rest = Vec::new();
    for (index, placement) in placements.iter().enumerate().filter(|(_, placement)| offers.is_open(placement))
    {
        if known.has(&placement.shape) {
            rest.push(index);
        } else {
            let limits = limits::of_shape(&placement.shape, row_of(rows, &placement.shape));
            rooms[index] = known.first(asker, limits, placement, each_at(placement)).await;
        }
    }
    let answers = join_all(rest.iter().map(|index| {
        let placement = &placements[*index];
        known.again(asker, placement, each_at(placement))
    }))
    .await;
    for (index, bounds) in rest.into_iter().zip(answers) {
        rooms[index] = bounds;
    }
    rooms
}

/// What one instance needs: as the fleet says, else as the shape has it.
pub(super) fn each(fleet: &FleetSpec, row: Option<&Shape>, shape: &str) -> limits::Each {
    let asked = size_of(&fleet.template);
    let per_ocpu = row.and_then(|row| row.memory_options.as_ref()?.default_per_ocpu_in_gbs);
    let default = Size {
        ocpus: row.and_then(|row| row.ocpus),
        memory_gb: asked
            .ocpus
            .zip(per_ocpu)
            .map(|(ocpus, gb)| ocpus * gb)
            .or_else(|| row.and_then(|row| row.memory_in_gbs)),
    };
    limits::Each {
        size: asked.or(default).or(Size::of_fixed(shape)),
        gpus: row.and_then(|row| row.gpus).map(|gpus| gpus as f64),
    }
}

/// What is good to know and may be left out: the name of the image, and further pages of addresses.
async fn afterthoughts(
    asker: &Asker<'_>,
    subnet: &mut Option<SubnetFacts>,
    image_seen: Option<String>,
    budget: u32,
    answer: &mut Preflight,
) {
    let left = || budget.saturating_sub(asker.asked());
    answer.image = image_seen;
    if let (None, Some(image), true) = (&answer.image, asker.image, left() > 0) {
        asker.count(1);
        if let Ok(image) = asker.client.get_image(image).await {
            answer.image = image.value.display_name.map(|name| plain_text(&name, 255));
        }
    }
    let Some((facts, ocid)) = subnet.as_mut().zip(asker.subnet) else { return };
    while let (Some(size), Some(count), true) = (facts.size, facts.used.as_mut(), left() > 0) {
        let enough = size.saturating_sub(count.used) < u64::from(asker.fleet.count);
        // Only while it matters: too few are left already, or all have been seen.
        if count.next.is_none() || enough {
            break;
        }
        asker.count(1);
        if count.page(asker.client, ocid).await.is_err() {
            break;
        }
    }
}

fn about_subnet(asker: &Asker<'_>, facts: Option<&SubnetFacts>, answer: &mut Preflight) {
    let Some(SubnetFacts { subnet, size, used }) = facts else { return };
    answer.subnet = subnet.display_name.as_deref().map(|name| plain_text(name, 255));
    answer.free_addresses = size.zip(used.as_ref()).map(|(size, used)| subnet::free(size, used).0);
    let ocid = asker.subnet.unwrap_or_default();
    let vnic = asker.fleet.template.create_vnic_details.as_deref();
    if vnic.and_then(|vnic| vnic.assign_public_ip) == Some(true)
        && subnet.prohibit_public_ip_on_vnic == Some(true)
    {
        answer.findings.push(
            Finding::new(
                Level::Stop,
                ocid,
                "public addresses are asked for, and the subnet is private: it refuses them",
            )
            .remedy("set `assign_public_ip: false`, or use a public subnet"),
        );
    }
    let state = subnet.lifecycle_state.as_str();
    if !state.is_empty() && state != "AVAILABLE" && state != "UPDATING" {
        answer.findings.push(Finding::new(
            Level::Stop,
            ocid,
            format!("the subnet is {state}, not AVAILABLE"),
        ));
    }
}

fn subnet_bound(facts: Option<&SubnetFacts>, placement: &Placement) -> Vec<Bound> {
    let Some(SubnetFacts { subnet, size, used }) = facts else { return Vec::new() };
    let mut bounds = Vec::new();
    if let Some(own) =
        subnet.availability_domain.as_deref().filter(|own| *own != placement.availability_domain)
    {
        bounds.push(Bound {
            room: 0,
            why: format!("the subnet belongs to {own}"),
            hint: false,
            shared: false,
        });
    }
    if let Some((size, used)) = size.zip(used.as_ref()) {
        let (room, exact) = subnet::free(size, used);
        let at_most = if exact { "" } else { "at most " };
        let noun = if room == 1 { "address" } else { "addresses" };
        let why = format!("the subnet has {at_most}{room} free {noun}");
        bounds.push(Bound { room, why, hint: false, shared: true });
    }
    bounds
}

/// Asks for the compartment, when a question about it was refused.
pub(super) async fn probe_compartment(asker: &Asker<'_>) -> Option<Finding> {
    let ocid = asker.fleet.compartment.as_str();
    asker.count(1);
    let result: Result<(), Failure> = if ocid.starts_with("ocid1.tenancy.") {
        asker.client.get_tenancy(ocid).await.map(|_| ())
    } else {
        asker.client.get_compartment(ocid).await.map(|_| ())
    };
    let needs = ("inspect", "compartments");
    result
        .err()
        .map(|failure| Probe { what: "compartment", ocid, needs, scope: Scope::Tenancy }.finding(&failure))
}
