//! A region, a client that counts, and a fleet.

use std::sync::Arc;
use std::time::Duration;

use fleet::reservation::{Order, Patience, Want};
use fleet::{Environment, FleetSpec};
use jiff::{SignedDuration, Timestamp};
use ledger::{MemoryStore, Placement};
use oci_api::models::{
    CreateVnicDetails, Instance, InstanceSourceDetails, InstanceSourceViaImageDetails, LaunchInstanceDetails,
    LaunchInstanceShapeConfigDetails,
};
use oci_client::transport::InProcess;
use oci_client::{Client, Clock, Endpoints, RequestCounts};
use oci_simulator::scenario::{Scenario, Signatures};
use oci_simulator::server::{Region, ScaledClock, SimClock};
use oci_simulator::world::{Caller, Defaults};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub const SHAPE: &str = "VM.Standard.E4.Flex";

pub struct World {
    pub region: Region,
    pub client: Client,
    pub requests: Arc<RequestCounts>,
    pub defaults: Defaults,
    pub store: MemoryStore,
    clock: Arc<ScaledClock>,
}

/// The wall clock of a run: the region's.
#[derive(Debug)]
struct RegionClock(Timestamp, Instant);

impl Clock for RegionClock {
    fn now(&self) -> Timestamp {
        self.0.checked_add(SignedDuration::try_from(self.1.elapsed()).unwrap()).unwrap()
    }
}

impl World {
    /// A region of a preset, or of the text of a scenario.
    pub fn of(scenario: &str) -> Self {
        let mut scenario = if scenario.contains(':') {
            Scenario::from_yaml(scenario, "test").unwrap()
        } else {
            Scenario::named(scenario).unwrap()
        };
        scenario.signatures = Signatures::Unchecked;
        let start: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let clock = Arc::new(ScaledClock::in_process(start));
        let region = Region::new(&scenario, 7, Arc::clone(&clock) as Arc<dyn SimClock>);
        let requests = Arc::new(RequestCounts::default());
        let transport = Arc::new(InProcess::new(region.router()));
        let client = Client::builder(Endpoints::at("http://127.0.0.1:1").unwrap(), transport)
            .clock(Arc::new(RegionClock(start, Instant::now())))
            .observer(requests.clone())
            .build();
        let defaults = region.world().defaults();
        let (tenancy, user) = (defaults.tenancy.clone(), defaults.user.clone());
        region.set_anonymous_caller(Caller { tenancy, user });
        Self { region, client, requests, defaults, store: MemoryStore::new(), clock }
    }

    /// What one process has.
    pub fn environment(&self) -> Environment {
        Environment {
            client: self.client.clone(),
            requests: None,
            store: Arc::new(self.store.clone()),
            clock: Arc::new(RegionClock(self.clock.wall(), Instant::now())),
            seed: 7,
        }
    }

    /// How many requests were made so far.
    pub fn asked(&self) -> u64 {
        self.requests.snapshot().values().map(|of| of.ok + of.throttled + of.failed).sum()
    }

    /// How many requests of one operation were made so far.
    pub fn asked_of(&self, operation: &str) -> u64 {
        self.requests.snapshot().get(operation).map_or(0, |of| of.ok + of.throttled + of.failed)
    }

    pub fn domain(&self, number: usize) -> String {
        self.defaults.availability_domains[number - 1].clone()
    }

    /// So many small machines in the domains with these numbers.
    pub fn fleet(&self, count: u32, domains: &[usize]) -> FleetSpec {
        let placements = domains.iter().map(|number| Placement {
            availability_domain: self.domain(*number),
            shape: SHAPE.to_owned(),
            ..Placement::default()
        });
        FleetSpec {
            region: "us-phoenix-1".to_owned(),
            tenancy: self.defaults.tenancy.clone(),
            compartment: self.defaults.compartment.clone(),
            naming: None,
            hostname: None,
            name_prefix: "web".to_owned(),
            count,
            first_number: 1,
            numbers: Vec::new(),
            spread: None,
            homes: Vec::new(),
            name: "web".to_owned(),
            placements: placements.collect(),
            template: LaunchInstanceDetails {
                create_vnic_details: Some(Box::new(CreateVnicDetails {
                    subnet_id: Some(self.defaults.public_subnet.clone()),
                    ..CreateVnicDetails::default()
                })),
                shape_config: Some(Box::new(LaunchInstanceShapeConfigDetails {
                    ocpus: Some(1.0),
                    memory_in_gbs: Some(6.0),
                    ..LaunchInstanceShapeConfigDetails::default()
                })),
                source_details: Some(Box::new(InstanceSourceDetails::Image(InstanceSourceViaImageDetails {
                    image_id: Some(self.defaults.image.clone()),
                    ..InstanceSourceViaImageDetails::default()
                }))),
                ..LaunchInstanceDetails::default()
            },
        }
    }

    /// A reservation of so many of the fleet's machines.
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

    /// Launches machines into a reservation, and waits until they run.
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

    /// What the region holds reserved, whoever asks: (reserved, used) over all reservations that exist.
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
