//! One simulated world, one clock and one fleet for tests and measurements: client and region in one process and in
//! virtual time.
//!
//! Must not know what a test checks. Only tests and the laboratory use this crate.
#![warn(missing_docs)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub mod contract;
#[cfg(target_os = "linux")]
pub mod postgres;
#[cfg(target_os = "linux")]
pub mod small_disk;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;

use fleet::plan::RegionSpec;
use fleet::{Environment, FleetSpec};
use jiff::Timestamp;
use ledger::{MemoryStore, Placement, capacity::VolatileMemory};
use oci_api::models::{
    CreateVnicDetails, InstanceSourceDetails, InstanceSourceViaImageDetails, LaunchInstanceDetails,
    LaunchInstanceShapeConfigDetails,
};
use oci_client::transport::{InProcess, Transport};
use oci_client::{Client, Clock, Endpoints, RequestCounts};
use oci_simulator::scenario::{Scenario, Signatures, UnknownFields};
use oci_simulator::server::{Region, ScaledClock, SimClock};
use oci_simulator::world::{Caller, Defaults};

/// When every test begins.
pub fn start() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// The start of a range of seeds that nobody has chosen: seeds that always pass prove little.
pub fn random_base() -> u64 {
    RandomState::new().build_hasher().finish() % 1_000_000_000
}

/// The wall clock of all processes, which is the region's.
#[derive(Debug)]
pub struct RegionClock(Arc<ScaledClock>);

impl Clock for RegionClock {
    fn now(&self) -> Timestamp {
        self.0.wall()
    }
}

/// A region, a clock that agrees with it, and a ledger.
pub struct World {
    /// The region; it accepts requests without signatures.
    pub region: Region,
    /// Its tenancy, network and image.
    pub defaults: Defaults,
    /// Further regions of its tenancy, with their networks and images.
    pub further: Vec<(Region, Defaults)>,
    /// Its wall clock.
    pub clock: Arc<RegionClock>,
    /// The ledger of all processes.
    pub store: MemoryStore,
    /// What all processes have learned about targets.
    pub memory: Arc<VolatileMemory>,
    /// The seed of the region and of every process.
    pub seed: u64,
}

impl World {
    /// A region from the name of a preset or from the text of a scenario.
    pub fn new(scenario: &str, seed: u64) -> Self {
        let scenario = if scenario.contains(':') {
            Scenario::from_yaml(scenario, "test").unwrap()
        } else {
            Scenario::named(scenario).unwrap()
        };
        Self::open(scenario, seed)
    }

    /// A region from a scenario.
    pub fn open(mut scenario: Scenario, seed: u64) -> Self {
        scenario.signatures = Signatures::Unchecked;
        // A field that the API does not have would be our client's mistake.
        scenario.unknown_fields = UnknownFields::Refused;
        Self::signed(&scenario, seed)
    }

    /// A region from a scenario, which verifies signatures unless the scenario says otherwise.
    pub fn signed(scenario: &Scenario, seed: u64) -> Self {
        let clock = Arc::new(ScaledClock::in_process(start()));
        let mut regions = Region::all(scenario, seed, &(Arc::clone(&clock) as Arc<dyn SimClock>))
            .into_iter()
            .map(|region| {
                let defaults = region.world().defaults();
                region.set_anonymous_caller(caller(&defaults));
                (region, defaults)
            });
        let (region, defaults) = regions.next().unwrap();
        let further = regions.collect();
        let clock = Arc::new(RegionClock(clock));
        Self { region, defaults, further, clock, store: MemoryStore::new(), memory: Arc::default(), seed }
    }

    /// The user whose requests need no signature.
    pub fn caller(&self) -> Caller {
        caller(&self.defaults)
    }

    /// The transport to the region.
    pub fn wire(&self) -> Arc<dyn Transport> {
        Arc::new(InProcess::new(self.region.router()))
    }

    /// A client that sends its requests over `transport` and counts them in `requests`.
    pub fn client(&self, transport: Arc<dyn Transport>, requests: &Arc<RequestCounts>) -> Client {
        let own = client(&self.clock, self.seed, transport, requests);
        self.further.iter().fold(own, |own, (region, _)| {
            let wire = Arc::new(InProcess::new(region.router()));
            let further = client(&self.clock, self.seed, wire, requests);
            let name = region.world().settings().region.clone();
            own.with_further(&name, &further, None)
        })
    }

    /// One process: it has its own client and request counts, and shares the ledger.
    pub fn environment(&self) -> Environment {
        self.environment_through(self.wire())
    }

    /// A process that reaches the region over `transport`.
    pub fn environment_through(&self, transport: Arc<dyn Transport>) -> Environment {
        let requests = Arc::new(RequestCounts::default());
        Environment {
            client: self.client(transport, &requests),
            requests: Some(requests),
            store: Arc::new(self.store.clone()),
            memory: Some(self.memory.clone()),
            clock: self.clock.clone(),
            seed: self.seed,
        }
    }

    /// The name of an availability domain by its number, from 1.
    pub fn domain(&self, number: usize) -> String {
        self.defaults.availability_domains[number - 1].clone()
    }

    /// As [`fleet`], in all domains of all regions.
    pub fn fleet_everywhere(&self, shape: &str, count: u32) -> FleetSpec {
        let all: Vec<usize> = (1..=self.defaults.availability_domains.len()).collect();
        let mut everywhere = self.fleet_of(shape, count, &all);
        for (region, defaults) in &self.further {
            add_region(&mut everywhere, shape, &region.world().settings().region, defaults);
        }
        everywhere
    }

    /// As [`fleet`], in the availability domains with these numbers; without numbers, in any domain.
    pub fn fleet_of(&self, shape: &str, count: u32, domains: &[usize]) -> FleetSpec {
        fleet(&self.defaults, shape, count, domains)
    }
}

/// Lets a fleet be tried in all domains of a further region, after its other placements.
pub fn add_region(fleet: &mut FleetSpec, shape: &str, name: &str, defaults: &Defaults) {
    let placements = defaults.availability_domains.iter().map(|domain| Placement {
        region: Some(name.to_owned()),
        availability_domain: domain.clone(),
        shape: shape.to_owned(),
        ..Placement::default()
    });
    fleet.placements.extend(placements);
    fleet.regions.push(RegionSpec {
        region: name.to_owned(),
        compartment: defaults.compartment.clone(),
        image: Some(defaults.image.clone()),
        subnet: Some(defaults.public_subnet.clone()),
        ..RegionSpec::default()
    });
}

fn caller(defaults: &Defaults) -> Caller {
    Caller { tenancy: defaults.tenancy.clone(), user: defaults.user.clone() }
}

/// A client of a region in this process.
pub fn client(
    clock: &Arc<RegionClock>,
    seed: u64,
    transport: Arc<dyn Transport>,
    requests: &Arc<RequestCounts>,
) -> Client {
    // Nothing listens there: the transport reaches the region whatever the address.
    Client::builder(Endpoints::at("http://127.0.0.1:1").unwrap(), transport)
        .clock(clock.clone())
        .seed(seed)
        .observer(requests.clone())
        .build()
}

/// A fleet of `count` instances of a flexible shape, named `web-1`, `web-2` and so on, with one placement for each of the
/// availability domains with these numbers. Without numbers, the only placement names no domain.
pub fn fleet(defaults: &Defaults, shape: &str, count: u32, domains: &[usize]) -> FleetSpec {
    let placement = |availability_domain: String| Placement {
        availability_domain,
        shape: shape.to_owned(),
        ..Placement::default()
    };
    let named = domains.iter().map(|number| placement(defaults.availability_domains[number - 1].clone()));
    let mut placements: Vec<Placement> = named.collect();
    if placements.is_empty() {
        placements.push(placement(String::new()));
    }
    FleetSpec {
        region: "us-phoenix-1".to_owned(),
        tenancy: defaults.tenancy.clone(),
        compartment: defaults.compartment.clone(),
        name: "web".to_owned(),
        name_prefix: "web".to_owned(),
        count,
        first_number: 1,
        placements,
        template: template(defaults, 1.0),
        ..FleetSpec::default()
    }
}

/// A launch from the region's image into its public subnet, with 6 GB of memory for each OCPU.
pub fn template(defaults: &Defaults, ocpus: f64) -> LaunchInstanceDetails {
    LaunchInstanceDetails {
        create_vnic_details: Some(Box::new(CreateVnicDetails {
            subnet_id: Some(defaults.public_subnet.clone()),
            ..CreateVnicDetails::default()
        })),
        shape_config: Some(Box::new(LaunchInstanceShapeConfigDetails {
            ocpus: Some(ocpus),
            memory_in_gbs: Some(ocpus * 6.0),
            ..LaunchInstanceShapeConfigDetails::default()
        })),
        source_details: Some(Box::new(InstanceSourceDetails::Image(InstanceSourceViaImageDetails {
            image_id: Some(defaults.image.clone()),
            ..InstanceSourceViaImageDetails::default()
        }))),
        ..LaunchInstanceDetails::default()
    }
}
