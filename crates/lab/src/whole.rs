//! Whole runs in virtual time, with launcher and simulated region in one process: their cost in requests, waiting and memory,
//! without sockets and signatures.

mod spill;

use fleet::{Environment, FleetSpec, LaunchOptions, Plan, RunSummary, Sink};
use jiff::Timestamp;
use ledger::{Event, Placement};
use oci_api::models::{CreateSubnetDetails, CreateVcnDetails};
use oci_client::{Client, Clock as _, RequestCounts, transport::InProcess};
use oci_simulator::scenario::Scenario;
use oci_simulator::server::Region;
use oci_simulator::world::Defaults;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use testkit::{RegionClock, World};
use tokio_util::sync::CancellationToken;

/// Why a run could not be measured.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotMeasured(String);

fn because(error: impl std::fmt::Display) -> NotMeasured {
    NotMeasured(error.to_string())
}

/// The addresses of a subnet with a prefix of 16 bits, of which the service keeps three.
const ADDRESSES: u32 = 65_533;

/// A region in this process.
pub struct Whole {
    region: Region,
    clock: Arc<RegionClock>,
    defaults: Defaults,
    /// The subnets that a run may use, in this order.
    subnets: Vec<String>,
    /// Whether the region keeps its log, from which the delays are computed.
    logged: bool,
}

/// The observations and the cost of a run.
pub struct Measured {
    /// The summary of the run.
    pub summary: RunSummary,
    /// When each launch was known to have succeeded, in seconds from the start.
    pub launched: Vec<f64>,
    /// The delays from RUNNING in the region to the event of the run, in seconds, sorted.
    pub delays: Vec<f64>,
    /// The launch rates of the pacer: seconds from the start, requests per second.
    pub rates: Vec<(f64, f64)>,
}

impl Measured {
    /// Requests of all operations except launches, whatever the responses.
    pub fn other_requests(&self) -> u64 {
        let others = self.summary.requests.iter().filter(|(name, _)| *name != "LaunchInstance");
        others.map(|(_, count)| count.ok + count.throttled + count.failed).sum()
    }

    /// Launches that were refused with 429.
    pub fn throttled_launches(&self) -> u64 {
        self.summary.requests.get("LaunchInstance").map_or(0, |count| count.throttled)
    }

    /// When the last launch was known, in seconds.
    pub fn launched_in(&self) -> f64 {
        self.launched.last().copied().unwrap_or(f64::INFINITY)
    }
}

impl Whole {
    /// A region from the text of a scenario.
    ///
    /// # Errors
    /// When the scenario is invalid.
    pub fn new(scenario: &str, seed: u64) -> Result<Self, NotMeasured> {
        let scenario = Scenario::from_yaml(scenario, "lab").map_err(because)?;
        let logged = scenario.world.event_log > 0;
        let World { region, defaults, clock, .. } = World::open(scenario, seed);
        let subnets = vec![defaults.public_subnet.clone()];
        Ok(Self { region, clock, defaults, subnets, logged })
    }

    /// Makes the further subnets that this many instances need, each in a network of its own.
    ///
    /// # Errors
    /// When the region refuses one.
    pub async fn with_addresses_for(mut self, count: u32) -> Result<Self, NotMeasured> {
        let client = self.client(1, &Arc::default());
        let compartment_id = self.defaults.compartment.clone();
        for number in 1..count.div_ceil(ADDRESSES) {
            let block = format!("10.{number}.0.0/16");
            let network = CreateVcnDetails {
                cidr_blocks: Some(vec![block.clone()]),
                compartment_id: compartment_id.clone(),
                ..CreateVcnDetails::default()
            };
            let network = client.create_vcn(&network, &format!("network-{number}")).await.map_err(because)?;
            let subnet = CreateSubnetDetails {
                cidr_block: Some(block),
                compartment_id: compartment_id.clone(),
                vcn_id: network.value.id,
                ..CreateSubnetDetails::default()
            };
            let subnet = client.create_subnet(&subnet, &format!("subnet-{number}")).await.map_err(because)?;
            self.subnets.push(subnet.value.id);
        }
        Ok(self)
    }

    /// Launches this many small instances, waits until they run, and measures the run.
    ///
    /// # Errors
    /// When the run could not begin.
    pub async fn launch(&self, count: u32, seed: u64) -> Result<Measured, NotMeasured> {
        let requests = Arc::new(RequestCounts::default());
        let env = Environment {
            client: self.client(seed, &requests),
            requests: Some(requests),
            store: Arc::new(spill::Spill::new().map_err(because)?),
            memory: None,
            clock: self.clock.clone(),
            seed,
        };
        let plan = Plan::offline(self.fleet(count)).map_err(|findings| because(format!("{findings:?}")))?;
        let (sink, seen) = watcher(self.clock.now(), self.logged);
        let options = LaunchOptions::default();
        let running = fleet::launch(&env, env.new_run_id(), &plan, &options, sink, CancellationToken::new());
        let summary = running.await.map_err(because)?;
        let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Measured {
            delays: self.delays(&seen.running),
            summary,
            launched: seen.launched,
            rates: seen.rates,
        })
    }

    fn client(&self, seed: u64, requests: &Arc<RequestCounts>) -> Client {
        let transport = Arc::new(InProcess::new(self.region.router()));
        testkit::client(&self.clock, seed, transport, requests)
    }

    fn fleet(&self, count: u32) -> FleetSpec {
        let domains: Vec<usize> = (1..=self.defaults.availability_domains.len()).collect();
        let mut fleet = testkit::fleet(&self.defaults, "VM.Standard.E5.Flex", count, &domains);
        if self.subnets.len() > 1 {
            // A slot whose subnet is full goes on to the next.
            let places = fleet.placements.iter().cycle().zip(&self.subnets);
            fleet.placements = places
                .map(|(place, subnet)| Placement { subnet: Some(subnet.clone()), ..place.clone() })
                .collect();
        }
        FleetSpec { name_prefix: "lab".to_owned(), name: String::new(), ..fleet }
    }

    /// The delays from RUNNING in the region's log to RUNNING in the events of the run.
    fn delays(&self, seen: &HashMap<String, Timestamp>) -> Vec<f64> {
        let world = self.region.world();
        let became = world.events(0).filter(|event| {
            event.event == "instance_state"
                && event.detail.as_deref().is_some_and(|is| is.ends_with("RUNNING"))
        });
        let mut delays: Vec<f64> = became
            .filter_map(|event| {
                let ours = seen.get(event.resource.as_deref()?)?;
                Some(ours.duration_since(event.at).as_secs_f64())
            })
            .collect();
        delays.sort_by(f64::total_cmp);
        delays
    }
}

#[derive(Default)]
struct Observed {
    launched: Vec<f64>,
    running: HashMap<String, Timestamp>,
    rates: Vec<(f64, f64)>,
}

fn watcher(start: Timestamp, delays: bool) -> (Sink, Arc<Mutex<Observed>>) {
    let seen = Arc::new(Mutex::new(Observed::default()));
    let into = Arc::clone(&seen);
    let sink: Sink = Arc::new(move |record| {
        let seconds = record.at.duration_since(start).as_secs_f64();
        let mut seen = into.lock().unwrap_or_else(PoisonError::into_inner);
        match &record.event {
            Event::Launched { .. } => seen.launched.push(seconds),
            Event::Running { ocid, .. } if delays => {
                seen.running.insert(ocid.clone(), record.at);
            }
            Event::PaceChanged { class, rate, .. } if class == "launch" => seen.rates.push((seconds, *rate)),
            _ => {}
        }
    });
    (sink, seen)
}
