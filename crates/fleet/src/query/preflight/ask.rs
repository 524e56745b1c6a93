//! The order of the requests: first what everything depends on, then the rest concurrently, in few rounds.

use std::collections::BTreeMap;

use futures_util::future::{join, join_all, join4};
use ledger::Placement;
use oci_api::models::Shape;
use oci_client::{Client, FailureClass, plain_text};

use super::asker::{Asker, Place, key, places, row_of};
use super::named;
use super::network::{self, SubnetFacts};
use super::offers::{self, OfImage};
use super::probe::{Probe, refused};
use super::verdict::{Bound, Verdict, in_all};
use super::{Finding, KindVerdict, Level, Preflight, ShapeFacts, Unasked, limits, reserved, shapes};
use crate::plan::policy::PolicyScope;
use crate::plan::{FleetSpec, grouped, is_same_kind};
use crate::price::{self, Prices};
use crate::reservation::Held;

/// Checks in advance what would prevent a launch of `fleet`.
pub async fn preflight(client: &Client, fleet: &FleetSpec, prices: &Prices) -> Preflight {
    let asker = Asker::new(client, fleet);
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
            answer.findings.extend(wrong.into_iter().map(|finding| {
                Finding::new(Level::Stop, finding.field, finding.message)
                    .remedy("correct `availability_domain`; without it, every availability domain is tried")
            }));
            return;
        }
    };
    let wanted: Vec<String> = shapes_of(&placements);
    let ocids = reserved::named_in(&placements);
    let images = offers::by_image(asker, &placements);
    let networks: Vec<(String, Vec<Placement>)> = grouped(&placements, |place| asker.fleet.subnet_at(place))
        .into_iter()
        .filter_map(|(subnet, places)| Some((subnet?, places)))
        .collect();
    let more = images.len().saturating_sub(1) + networks.len().saturating_sub(1);
    asker.allow_for(&placements, named::count(asker.fleet), more);

    let basics = join4(
        join_all(networks.iter().map(|(ocid, _)| network::ask(asker, ocid))),
        reserved::ask(asker, &ocids),
        join_all(images.iter().map(|of| offers::in_region(asker, of))),
        offers::first_report(asker, &placements),
    );
    let ((subnets, reservations, regions, first), named) = join(basics, named::ask(asker)).await;
    answer.findings.extend(named.findings.iter().cloned());
    let mut subnets = keep_subnets(asker, &networks, subnets, &placements, answer);
    let reservations: Vec<Held> = reservations
        .into_iter()
        .filter_map(|result| result.map_err(|finding| answer.findings.push(finding)).ok())
        .collect();
    let (mut rows, mut seen): (Vec<Shape>, Vec<Option<String>>) = (Vec::new(), Vec::new());
    for (of, region) in images.iter().zip(regions) {
        let mut findings = Vec::new();
        let (found, name) = offers::explain(asker, of, region, &mut findings).await;
        answer.findings.extend(findings.into_iter().map(|finding| finding.among(&of.places, &placements)));
        rows.extend(found.into_iter().filter(|row| row_of(&rows, &row.shape).is_none()).collect::<Vec<_>>());
        seen.push(name);
    }
    let offers = offers::everywhere(asker, &placements, &wanted, &rows, first).await;
    answer.findings.extend(offers.findings.iter().cloned());
    answer.findings.extend(shapes::wrong_baselines(asker.fleet, &placements, &rows));
    answer.findings.extend(shapes::unfit(asker.fleet, &placements, &rows));
    answer.findings.extend(reserved::impossible(asker.fleet, &reservations));
    // If nothing can be launched anyway, limits do not matter.
    let open = |place: &Placement| {
        offers.is_open(place) && !answer.findings.iter().any(|finding| finding.stops(place, &placements))
    };
    let rooms = limits_everywhere(asker, &placements, &rows, open).await;
    afterthoughts(asker, &mut subnets, images.iter().zip(seen), answer).await;

    for place in &placements {
        let mut bounds = rooms.get(&key(place)).cloned().unwrap_or_default();
        bounds.extend(offers.bound(place));
        let own = asker.fleet.subnet_at(place);
        let subnet = subnets.iter().find(|facts| Some(facts.ocid()) == own.as_deref());
        bounds.extend(network::bounds(asker.fleet, subnet, place));
        bounds.extend(named.bounds(place));
        if let Some(held) =
            reservations.iter().find(|held| Some(&held.ocid) == place.capacity_reservation.as_ref())
        {
            let (bound, findings) = reserved::check(held, asker.fleet, place);
            answer.findings.extend(findings);
            bounds.push(bound);
        }
        if let Some(stop) = answer.findings.iter().find(|finding| finding.stops(place, &placements)) {
            bounds.push(Bound::own(0, stop.message.clone()));
        }
        answer.verdicts.push(Verdict::new(place.clone(), asker.fleet.count, bounds));
    }
    answer.findings.extend(reserved::too_few(asker.fleet, &reservations, &placements));
    answer.reservations =
        reservations.iter().map(|held| reserved::facts(held, asker.fleet, &placements, prices)).collect();
    answer.shapes = wanted.iter().map(|shape| shapes::facts(shape, row_of(&rows, shape))).collect();
    answer.kinds = kinds(asker.fleet, &answer.verdicts, prices, &answer.shapes);
    answer.possible = in_all(&answer.verdicts, asker.fleet.count);
}

/// How many instances of each kind can be obtained.
fn kinds(
    fleet: &FleetSpec,
    verdicts: &[Verdict],
    prices: &Prices,
    shapes: &[ShapeFacts],
) -> Vec<KindVerdict> {
    let of_kind = |kind: &Placement| {
        let own: Vec<Verdict> =
            verdicts.iter().filter(|verdict| is_same_kind(&verdict.placement, kind)).cloned().collect();
        let asked = fleet.size_at(kind);
        let facts = shapes.iter().find(|facts| facts.shape == kind.shape);
        let size = facts.map_or(asked, |facts| facts.size_of(asked));
        let cost = price::of_placements(fleet, &[(kind, 1)], prices, size);
        KindVerdict {
            placement: kind.clone(),
            shape: kind.shape.clone(),
            ocpus: size.ocpus,
            memory_gb: size.memory_gb,
            capacity_type: fleet.capacity_type_at(kind),
            possible: in_all(&own, fleet.count),
            price_per_hour: cost.total.map(|total| price::rounded(total.hour)),
        }
    };
    fleet.kinds().into_iter().map(of_kind).collect()
}

/// The subnets that could be read, and their problems.
fn keep_subnets(
    asker: &Asker<'_>,
    networks: &[(String, Vec<Placement>)],
    subnets: Vec<Result<SubnetFacts, Finding>>,
    all: &[Placement],
    answer: &mut Preflight,
) -> Vec<SubnetFacts> {
    let mut kept = Vec::new();
    for ((_, places), subnet) in networks.iter().zip(subnets) {
        let findings = match subnet {
            Ok(facts) => {
                let findings = network::describe(asker, &facts);
                kept.push(facts);
                findings
            }
            Err(finding) => vec![finding],
        };
        answer.findings.extend(findings.into_iter().map(|finding| finding.among(places, all)));
    }
    answer.subnet = joined(kept.iter().filter_map(SubnetFacts::name));
    kept
}

/// Joins names into one text; `None` if there are none.
fn joined(names: impl Iterator<Item = String>) -> Option<String> {
    let names: Vec<String> = names.collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// The availability domains, which are read first because that requires valid credentials.
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
            answer.findings.push(refused(asker.client, &failure));
            None
        }
        Err(failure) => {
            let probe = Probe {
                what: "tenancy",
                ocid: tenancy,
                needs: ("inspect", "compartments"),
                scope: PolicyScope::Tenancy,
            };
            let finding = probe.finding(asker.client, &failure);
            if finding.level == Level::Stop {
                answer.findings.push(finding);
            } else {
                let message = plain_text(&failure.to_string(), 300);
                answer.unasked = Some(Unasked { class: failure.class.name(), message });
            }
            None
        }
    }
}

/// The placements without their fault domains, each once: capacity and limits are checked for whole availability domains.
fn distinct(placements: Vec<Placement>) -> Vec<Placement> {
    let mut distinct: Vec<Placement> = Vec::new();
    for placement in placements {
        // A reservation's config may be bound to a fault domain, so the fault domain stays.
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

/// The limits of every open place. The first place is checked alone, because it reveals the names of the limits and so saves
/// requests for the others.
async fn limits_everywhere(
    asker: &Asker<'_>,
    placements: &[Placement],
    rows: &[Shape],
    open: impl Fn(&Placement) -> bool,
) -> BTreeMap<Place, Vec<Bound>> {
    let each_at = |place: &Placement| limits::Each::of(asker.fleet, row_of(rows, &place.shape), place);
    let mut known = limits::Known::default();
    let mut rooms = BTreeMap::new();
    let mut rest = Vec::new();
    for place in places(placements).into_iter().filter(|place| open(place)) {
        if known.has(&place.shape) {
            rest.push(place);
        } else {
            let limits = limits::of_shape(&place.shape, row_of(rows, &place.shape));
            rooms.insert(key(place), known.first(asker, limits, place, each_at(place)).await);
        }
    }
    let answers = join_all(rest.iter().map(|place| known.again(asker, place, each_at(place)))).await;
    rooms.extend(rest.into_iter().map(key).zip(answers));
    rooms
}

/// Optional facts: the names of images, and further pages of addresses.
async fn afterthoughts(
    asker: &Asker<'_>,
    subnets: &mut [SubnetFacts],
    images: impl Iterator<Item = (&OfImage, Option<String>)>,
    answer: &mut Preflight,
) {
    let mut names = Vec::new();
    for (of, seen) in images {
        let mut name = seen;
        if let (None, Some(image)) = (&name, of.image.as_deref())
            && asker.may(1)
            && let Ok(image) = asker.client.get_image(image).await
        {
            name = image.value.display_name.map(|name| plain_text(&name, 255));
        }
        names.extend(name);
    }
    answer.image = joined(names.into_iter());
    for subnet in &mut *subnets {
        subnet.count_on(asker).await;
    }
    answer.free_addresses = subnets.iter().map(SubnetFacts::free).sum();
    if subnets.is_empty() {
        answer.free_addresses = None;
    }
}
