//! Whether an availability domain has the hardware of a shape, and whether the image fits the shape.
//!
//! The capacity report also shows the hardware, so where it succeeds, ListShapes is not needed for each domain.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use ledger::Placement;
use oci_api::models::Shape;
use oci_client::{Failure, FailureClass, plain_text};

use super::asker::{Asker, Place, key, probe_compartment, row_of};
use super::probe::{AGAIN, Probe};
use super::report::{self, Availability};
use super::verdict::Bound;
use super::{Finding, Level, shapes};
use crate::plan::grouped;
use crate::plan::policy::PolicyScope;
use crate::price::Size;

/// The result of the first report: for one availability domain, shape by shape.
pub(super) type First = Option<(String, Result<Vec<Availability>, Failure>)>;

/// Where each shape is offered.
#[derive(Debug, Default)]
pub(super) struct Offers {
    pub places: BTreeMap<Place, Offer>,
    pub findings: Vec<Finding>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// It has the hardware; the report may have added details.
    Yes(Option<Availability>),
    /// It does not have the hardware.
    No,
    /// It could not be determined.
    Unknown,
}

impl Offers {
    /// Whether a launch at this place may succeed.
    pub fn is_open(&self, placement: &Placement) -> bool {
        self.get(placement) != Some(&Offer::No)
    }

    fn get(&self, placement: &Placement) -> Option<&Offer> {
        self.places.get(&key(placement))
    }

    pub fn bound(&self, placement: &Placement) -> Option<Bound> {
        match self.get(placement)? {
            Offer::No => {
                let why = format!("{} does not offer {}", placement.availability_domain, placement.shape);
                Some(Bound::own(0, why))
            }
            // Reserved capacity exists, whatever a report says about the rest.
            Offer::Yes(Some(report)) if !is_reserved(placement) => report.bound(placement),
            Offer::Yes(_) | Offer::Unknown => None,
        }
    }
}

fn is_reserved(placement: &Placement) -> bool {
    placement.capacity_reservation.as_deref().is_some_and(|ocid| !ocid.is_empty())
}

/// The places at which one image is launched.
pub(super) struct OfImage {
    /// The image; `None` if a boot volume is launched.
    pub image: Option<String>,
    /// The places.
    pub places: Vec<Placement>,
    /// Their shapes.
    pub wanted: Vec<String>,
}

/// The places of a fleet, grouped by image.
pub(super) fn by_image(asker: &Asker<'_>, placements: &[Placement]) -> Vec<OfImage> {
    let groups = grouped(placements, |placement| asker.fleet.image_at(placement)).into_iter();
    groups
        .map(|(image, places)| {
            let wanted = grouped(&places, |place| place.shape.clone()).into_iter().map(|(shape, _)| shape);
            OfImage { image, wanted: wanted.collect(), places }
        })
        .collect()
}

/// The shapes in the region that fit an image.
pub(super) async fn in_region(asker: &Asker<'_>, of: &OfImage) -> Result<Vec<Shape>, Failure> {
    asker.count(1);
    shapes::ask(asker.client, &asker.fleet.compartment, None, of.image.as_deref(), &of.wanted).await
}

/// Finds out why shapes are missing from that list. Returns the facts about the shapes, and the image's name if it had to be
/// read. The findings concern all places of the image.
pub(super) async fn explain(
    asker: &Asker<'_>,
    OfImage { image: asked_image, wanted, places }: &OfImage,
    region: Result<Vec<Shape>, Failure>,
    findings: &mut Vec<Finding>,
) -> (Vec<Shape>, Option<String>) {
    let rows = match region {
        Ok(rows) if wanted.iter().all(|shape| row_of(&rows, shape).is_some()) => return (rows, None),
        Ok(rows) => rows,
        Err(failure) if failure.class == FailureClass::NotFound => {
            // The compartment or the image: each is read separately.
            findings.extend(probe_compartment(asker).await);
            Vec::new()
        }
        Err(failure) => {
            let message = format!("the shapes could not be listed: {}", plain_text(&failure.message, 300));
            findings.push(Finding::new(Level::Warning, "shapes", message).remedy(AGAIN).request(&failure));
            return (Vec::new(), None);
        }
    };
    let mut name = None;
    if let (Some(ocid), true) = (asked_image.as_deref(), asked_image.is_some() && asker.may(1)) {
        match asker.client.get_image(ocid).await {
            Ok(image) => {
                let state = image.value.lifecycle_state.as_str();
                if !state.is_empty() && state != "AVAILABLE" {
                    findings.push(
                        Finding::new(Level::Stop, ocid, format!("the image is {state}, not AVAILABLE"))
                            .remedy("use another image: `oci-insta-scale find images` lists them"),
                    );
                }
                name = image.value.display_name.map(|name| plain_text(&name, 255));
            }
            Err(failure) => {
                let scope = PolicyScope::Compartment(&asker.fleet.compartment);
                let needs = ("read", "instance-images");
                findings.push(Probe { what: "image", ocid, needs, scope }.finding(asker.client, &failure));
                return (rows, None);
            }
        }
    }
    if !asker.may(1) {
        return (rows, name);
    }
    let Ok(all) = shapes::ask(asker.client, &asker.fleet.compartment, None, None, wanted).await else {
        return (rows, name);
    };
    for shape in wanted.iter().filter(|shape| row_of(&rows, shape).is_none()) {
        let here: Vec<Placement> = places.iter().filter(|place| place.shape == **shape).cloned().collect();
        let finding = if row_of(&all, shape).is_some() {
            let image = name.clone().or(asked_image.clone()).unwrap_or_default();
            Finding::new(
                Level::Stop,
                shape,
                format!("the image {image} is not compatible with the shape {shape}"),
            )
            .remedy(format!("`oci-insta-scale find images --shape {shape}` lists compatible images"))
        } else {
            Finding::new(
                Level::Stop,
                shape,
                format!("no availability domain of this region offers {shape} to you"),
            )
            .remedy("`oci-insta-scale find shapes` lists the available shapes")
        };
        findings.push(finding.about_some(&here, places));
    }
    (all, name)
}

/// The kinds wanted in a domain without a reservation: each shape and size once.
fn kinds<'a>(placements: &'a [Placement], domain: &str) -> Vec<&'a Placement> {
    let mut kinds: Vec<&Placement> = Vec::new();
    for placement in placements.iter().filter(|p| p.availability_domain == domain && !is_reserved(p)) {
        if !kinds.iter().any(|kind| key(kind) == key(placement)) {
            kinds.push(placement);
        }
    }
    kinds
}

/// The capacity report for these kinds in their availability domain.
async fn report_on(
    asker: &Asker<'_>,
    domain: &str,
    kinds: &[&Placement],
) -> Result<Vec<Availability>, Failure> {
    let sized = |kind: &&Placement| (kind.shape.clone(), asker.fleet.size_at(kind));
    let kinds: Vec<(String, Size)> = kinds.iter().map(sized).collect();
    report::ask(asker.client, asker.tenancy(), domain, &kinds).await
}

/// The availability domains in which unreserved capacity is wanted.
fn unreserved(placements: &[Placement]) -> Vec<String> {
    let mut domains: Vec<String> = Vec::new();
    for placement in placements.iter().filter(|placement| !is_reserved(placement)) {
        if !domains.contains(&placement.availability_domain) {
            domains.push(placement.availability_domain.clone());
        }
    }
    domains
}

/// The report for one availability domain. It is requested alone, because not every user may request it: the others follow if
/// it succeeded.
pub(super) async fn first_report(asker: &Asker<'_>, placements: &[Placement]) -> First {
    let domain = unreserved(placements).into_iter().next()?;
    let kinds = kinds(placements, &domain);
    asker.count(report::reports(kinds.len()));
    let report = report_on(asker, &domain, &kinds).await;
    Some((domain, report))
}

/// All other reports, then ListShapes for the domains that no report covered.
pub(super) async fn everywhere(
    asker: &Asker<'_>,
    placements: &[Placement],
    wanted: &[String],
    rows: &[Shape],
    first: First,
) -> Offers {
    let mut offers = Offers::default();
    let mut reports: Vec<(String, Result<Vec<Availability>, Failure>)> = Vec::new();
    if let Some((domain, report)) = first {
        let allowed = !matches!(&report, Err(failure) if failure.class == FailureClass::NotFound);
        let more: Vec<String> = if allowed {
            let reports = |domain: &str| report::reports(kinds(placements, domain).len());
            let others = unreserved(placements).into_iter().filter(|other| *other != domain);
            others.filter(|other| asker.may(reports(other))).collect()
        } else {
            Vec::new()
        };
        reports.push((domain, report));
        reports.extend(
            join_all(more.into_iter().map(|domain| async {
                let report = report_on(asker, &domain, &kinds(placements, &domain)).await;
                (domain, report)
            }))
            .await,
        );
    }
    for (domain, report) in reports {
        match report {
            Ok(report) => {
                for (kind, availability) in kinds(placements, &domain).into_iter().zip(report) {
                    let there = matches!(
                        availability,
                        Availability::Available { .. } | Availability::OutOfHostCapacity
                    );
                    if there {
                        offers.places.insert(key(kind), Offer::Yes(Some(availability)));
                    }
                }
            }
            // A missing shape is also "not found", so it is unknown whether reports are allowed.
            Err(failure)
                if failure.class == FailureClass::NotFound
                    && wanted.iter().all(|shape| row_of(rows, shape).is_some()) =>
            {
                let message =
                    "you may not request the capacity report, so the number of free hosts is unknown";
                let right = crate::plan::policy::statement(
                    asker.client.signer_facts().subject,
                    "manage",
                    "compute-capacity-reports",
                    PolicyScope::Tenancy,
                );
                offers.findings.push(
                    Finding::new(Level::Note, "capacity report", message)
                        .remedy(format!("add: {right}"))
                        .request(&failure),
                );
            }
            Err(failure) => tracing::info!(%failure, domain, "no capacity report"),
        }
    }
    // A place that no report covered; a reservation there is judged by itself.
    let mut open: Vec<String> = Vec::new();
    for placement in placements {
        let domain = &placement.availability_domain;
        let known = offers.places.contains_key(&key(placement));
        if !known && !is_reserved(placement) && !open.contains(domain) && asker.may(1) {
            open.push(domain.clone());
        }
    }
    let listed = join_all(
        open.iter()
            .map(|domain| shapes::ask(asker.client, &asker.fleet.compartment, Some(domain), None, wanted)),
    )
    .await;
    for (domain, listed) in open.into_iter().zip(listed) {
        for placement in placements.iter().filter(|placement| placement.availability_domain == domain) {
            let offer = match &listed {
                Ok(listed) if row_of(listed, &placement.shape).is_some() => Offer::Yes(None),
                Ok(_) => Offer::No,
                Err(_) => Offer::Unknown,
            };
            offers.places.entry(key(placement)).or_insert(offer);
        }
    }
    offers
}
