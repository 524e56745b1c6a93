//! The shared state of one preflight: the client, the fleet, and the budget of requests.

use std::sync::atomic::{AtomicU32, Ordering};

use ledger::{Placement, PlacementSize};
use oci_api::models::Shape;
use oci_client::{Client, Failure};

use super::Finding;
use super::probe::Probe;
use crate::plan::FleetSpec;
use crate::plan::policy::PolicyScope;

/// The requests for one shape in three availability domains. Optional requests are skipped so that these suffice.
const BASE_REQUESTS: u32 = 6;
/// Further requests for each further shape in each availability domain.
const REQUESTS_PER_PLACE: u32 = 3;
/// Further requests for each further image or subnet.
const REQUESTS_PER_RESOURCE: u32 = 2;

/// The subject of the preflight, and the number of requests so far.
pub(super) struct Asker<'a> {
    pub client: &'a Client,
    pub fleet: &'a FleetSpec,
    asked: AtomicU32,
    budget: AtomicU32,
}

impl<'a> Asker<'a> {
    pub fn new(client: &'a Client, fleet: &'a FleetSpec) -> Self {
        Self { client, fleet, asked: AtomicU32::new(0), budget: AtomicU32::new(u32::MAX) }
    }
}

impl Asker<'_> {
    /// Counts requests that will be made whatever the budget, because there is no result without them.
    pub fn count(&self, requests: u32) {
        self.asked.fetch_add(requests, Ordering::Relaxed);
    }

    /// Whether this many more requests may be made; counts them if so.
    pub fn may(&self, requests: u32) -> bool {
        let fits = self.asked().saturating_add(requests) <= self.budget.load(Ordering::Relaxed);
        if fits {
            self.count(requests);
        }
        fits
    }

    pub fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    pub fn tenancy(&self) -> &str {
        if self.fleet.tenancy.is_empty() { &self.fleet.compartment } else { &self.fleet.tenancy }
    }

    /// Sets the budget for these places; the fault domains of a domain are checked together. Each resource that the launch
    /// names adds one request; `more` is the number of images and subnets beyond the first.
    pub fn allow_for(&self, placements: &[Placement], named: usize, more: usize) {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX / 8);
        let budget = BASE_REQUESTS
            + REQUESTS_PER_PLACE * number(places(placements).len())
            + REQUESTS_PER_RESOURCE * number(more)
            + number(named);
        self.budget.store(budget, Ordering::Relaxed);
    }
}

/// A place for which limits and offers are checked: availability domain, shape, and the size if a placement has its own.
pub(super) type Place = (String, String, Option<PlacementSize>);

pub(super) fn key(placement: &Placement) -> Place {
    (placement.availability_domain.clone(), placement.shape.clone(), placement.size.clone())
}

/// The first placement of each place.
pub(super) fn places(placements: &[Placement]) -> Vec<&Placement> {
    let mut places: Vec<&Placement> = Vec::new();
    for placement in placements {
        if !places.iter().any(|place| key(place) == key(placement)) {
            places.push(placement);
        }
    }
    places
}

/// The region's row of a shape.
pub(super) fn row_of<'a>(rows: &'a [Shape], shape: &str) -> Option<&'a Shape> {
    rows.iter().find(|row| row.shape == shape)
}

/// Checks the compartment after a request about it was refused.
pub(super) async fn probe_compartment(asker: &Asker<'_>) -> Option<Finding> {
    let ocid = asker.fleet.compartment.as_str();
    if !asker.may(1) {
        return None;
    }
    // The tenancy is the root compartment, and to read it as such needs no other permission.
    let result: Result<(), Failure> = asker.client.get_compartment(ocid).await.map(|_| ());
    let needs = ("inspect", "compartments");
    result.err().map(|failure| {
        Probe { what: "compartment", ocid, needs, scope: PolicyScope::Tenancy }
            .finding(asker.client, &failure)
    })
}
