//! A region, a client that counts, and a fleet.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use fleet::reservation::{Order, Patience, Want};
use fleet::{Environment, FleetSpec};
use oci_api::models::Instance;
use oci_client::{Client, RequestCounts};
use tokio_util::sync::CancellationToken;

pub const SHAPE: &str = "VM.Standard.E4.Flex";

/// The world, with a client whose requests are counted.
pub struct World {
    shared: testkit::World,
    pub client: Client,
    pub requests: Arc<RequestCounts>,
}

impl Deref for World {
    type Target = testkit::World;

    fn deref(&self) -> &Self::Target {
        &self.shared
    }
}

impl World {
    /// A region of a preset, or of the text of a scenario.
    pub fn of(scenario: &str) -> Self {
        let world = testkit::World::new(scenario, 7);
        let requests = Arc::new(RequestCounts::default());
        Self { client: world.client(world.wire(), &requests), requests, shared: world }
    }

    /// A process whose requests are also counted.
    pub fn environment(&self) -> Environment {
        Environment { client: self.client.clone(), requests: None, ..self.shared.environment() }
    }

    /// The number of requests so far.
    pub fn asked(&self) -> u64 {
        self.requests.snapshot().values().map(|of| of.ok + of.throttled + of.failed).sum()
    }

    /// The number of requests of one operation so far.
    pub fn asked_of(&self, operation: &str) -> u64 {
        self.requests.snapshot().get(operation).map_or(0, |of| of.ok + of.throttled + of.failed)
    }

    /// This many small instances in the domains with these numbers.
    pub fn fleet(&self, count: u32, domains: &[usize]) -> FleetSpec {
        self.fleet_of(SHAPE, count, domains)
    }

    /// A reservation for this many of the fleet's instances.
    pub fn order(&self, domain: usize, count: u32) -> Order {
        Order {
            name: format!("prod-{domain}"),
            compartment: self.defaults.compartment.clone(),
            availability_domain: self.domain(domain),
            wants: vec![small(count)],
            token: format!("test-{domain}"),
            ..Order::default()
        }
    }

    /// Launches instances into a reservation and waits until they run.
    pub async fn launch_into(&self, ocid: &str, domain: usize, count: u32) -> Vec<Instance> {
        let fleet = self.fleet(count, &[domain]);
        let mut instances = Vec::new();
        for number in 1..=count {
            let mut details = fleet.template.clone();
            details.availability_domain = self.domain(domain);
            details.compartment_id.clone_from(&fleet.compartment);
            details.display_name = Some(format!("web-{number}"));
            details.shape = Some(SHAPE.to_owned());
            details.capacity_reservation_id = Some(ocid.to_owned());
            let token = format!("launch-{domain}-{number}");
            instances.push(self.client.launch_instance(&details, &token).await.unwrap().value);
        }
        tokio::time::sleep(Duration::from_mins(10)).await;
        instances
    }

    /// The region's reserved capacity according to its own records: (reserved, used) over all existing reservations.
    pub fn books(&self) -> (u32, u32) {
        self.region.world().check_invariants().unwrap();
        let world = self.region.world();
        let living = world.reservations().filter(|entry| entry.state != "DELETED");
        living.fold((0, 0), |(reserved, used), entry| (reserved + entry.reserved, used + entry.used))
    }
}

pub fn small(count: u32) -> Want {
    Want { shape: SHAPE.to_owned(), ocpus: Some(1.0), memory_gb: Some(6.0), count, ..Want::default() }
}

pub fn patience() -> Patience {
    Patience::new(Duration::from_mins(30), CancellationToken::new())
}
