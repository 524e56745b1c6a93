//! A region, a ledger and a fleet in one process and in virtual time.

use fleet::{Environment, FleetSpec, LaunchOptions, Plan, RunError, RunSummary, Sink};
use jiff::Timestamp;
use ledger::{Event, MemoryStore, Placement, Record, RunId, RunState};
use oci_api::models::{
    CreateVnicDetails, InstanceSourceDetails, InstanceSourceViaImageDetails, LaunchInstanceDetails,
    LaunchInstanceShapeConfigDetails,
};
use oci_client::{
    Client, Clock, Endpoints, RequestCounts,
    transport::{InProcess, Transport},
};
use oci_simulator::{
    scenario::{Scenario, Signatures},
    server::{Region, ScaledClock, SimClock},
    world::{Caller, Defaults},
};
use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

pub const SHAPE: &str = "VM.Standard.E5.Flex";

/// The wall clock of the run: the region's.
struct RegionClock(Arc<ScaledClock>);

impl std::fmt::Debug for RegionClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RegionClock")
    }
}

impl Clock for RegionClock {
    fn now(&self) -> Timestamp {
        self.0.wall()
    }
}

pub struct World {
    pub region: Region,
    pub store: MemoryStore,
    pub seed: u64,
    pub defaults: Defaults,
    clock: Arc<ScaledClock>,
}

impl World {
    pub fn of(scenario: &str) -> Self {
        Self::seeded(scenario, 1)
    }

    /// A region of a preset, or of the text of a scenario.
    pub fn seeded(scenario: &str, seed: u64) -> Self {
        let mut scenario = if scenario.contains(':') {
            Scenario::from_yaml(scenario, "test").unwrap()
        } else {
            Scenario::named(scenario).unwrap()
        };
        scenario.signatures = Signatures::Unchecked;
        let start: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let clock = Arc::new(ScaledClock::in_process(start));
        let region = Region::new(&scenario, seed, Arc::clone(&clock) as Arc<dyn SimClock>);
        let defaults = region.world().defaults();
        region
            .set_anonymous_caller(Caller { tenancy: defaults.tenancy.clone(), user: defaults.user.clone() });
        Self { region, store: MemoryStore::new(), seed, clock, defaults }
    }

    /// What one process has: a client and counts of its own, the store of all.
    pub fn environment(&self) -> Environment {
        self.environment_through(self.wire())
    }

    /// The way to the region.
    pub fn wire(&self) -> Arc<dyn Transport> {
        Arc::new(InProcess::new(self.region.router()))
    }

    /// The same with another way to the region.
    pub fn environment_through(&self, transport: Arc<dyn Transport>) -> Environment {
        let requests = Arc::new(RequestCounts::default());
        let clock = Arc::new(RegionClock(Arc::clone(&self.clock)));
        let client = Client::builder(Endpoints::at("http://127.0.0.1:1").unwrap(), transport)
            .clock(clock.clone())
            .seed(self.seed)
            .observer(requests.clone())
            .build();
        Environment {
            client,
            requests: Some(requests),
            store: Arc::new(self.store.clone()),
            clock,
            seed: self.seed,
        }
    }

    /// A fleet of so many small machines, in the domains with these numbers; in all when there are none.
    pub fn fleet(&self, count: u32, domains: &[usize]) -> FleetSpec {
        let placement = |availability_domain: String| Placement {
            availability_domain,
            shape: SHAPE.to_owned(),
            ..Placement::default()
        };
        let placements =
            domains.iter().map(|number| placement(self.defaults.availability_domains[number - 1].clone()));
        let mut placements: Vec<Placement> = placements.collect();
        if placements.is_empty() {
            placements.push(placement(String::new()));
        }
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
            placements,
            template: self.template(),
        }
    }

    fn template(&self) -> LaunchInstanceDetails {
        LaunchInstanceDetails {
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
        }
    }

    pub fn plan(&self, count: u32, domains: &[usize]) -> Plan {
        Plan::offline(self.fleet(count, if domains.is_empty() { &[1, 2, 3] } else { domains })).unwrap()
    }

    /// Launches with the usual options, up to the end.
    pub async fn launch(&self, plan: &Plan) -> (RunSummary, Vec<Record>) {
        self.launch_with(plan, &LaunchOptions::default(), CancellationToken::new()).await
    }

    pub async fn launch_with(
        &self,
        plan: &Plan,
        options: &LaunchOptions,
        stop: CancellationToken,
    ) -> (RunSummary, Vec<Record>) {
        let env = self.environment();
        let (sink, seen) = recorder();
        let running = fleet::launch(&env, env.new_run_id(), plan, options, sink, stop);
        let summary = within_a_day(running).await.unwrap();
        let records = seen.lock().unwrap().clone();
        (summary, records)
    }

    pub async fn resume(&self, run: RunId) -> (RunSummary, Vec<Record>) {
        let (sink, seen) = recorder();
        let options = LaunchOptions::default();
        let env = self.environment();
        let summary =
            within_a_day(fleet::resume(&env, run, &options, sink, CancellationToken::new())).await.unwrap();
        let records = seen.lock().unwrap().clone();
        (summary, records)
    }

    /// The live instances of the region by the slot that their tags name.
    pub fn live(&self) -> BTreeMap<u32, Vec<String>> {
        let mut live: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for entry in self.region.world().live_instances() {
            live.entry(entry.tags[fleet::plan::SLOT_TAG].parse().unwrap()).or_default().push(entry.id);
        }
        live
    }

    /// Checks the region's own books against what the run says: nothing is doubled, and nothing lives unknown.
    pub fn check_books(&self, summary: &RunSummary) {
        let known: BTreeMap<u32, &str> =
            summary.instances.iter().filter_map(|row| Some((row.slot, row.ocid.as_deref()?))).collect();
        for (slot, ocids) in self.live() {
            assert_eq!(ocids.len(), 1, "slot {slot} has {ocids:?}");
            assert_eq!(known.get(&slot).copied(), Some(ocids[0].as_str()), "slot {slot}");
        }
        self.region.world().check_invariants().unwrap();
    }

    /// Checks that what was shown is what is kept, and that each request was announced.
    pub fn check_ledger(&self, summary: &RunSummary, shown: &[Record]) {
        let kept = self.store.snapshot(summary.run_id);
        assert_eq!(shown.last(), kept.last());
        assert!(kept.iter().zip(1..).all(|(record, seq)| record.seq == seq), "numbered without gaps");
        let again = RunSummary::from_state(&RunState::fold(summary.run_id, &kept)).unwrap();
        assert_eq!(again, *summary, "the summary is a fold over what is kept");
    }
}

/// No run takes longer: each slot's tries are bounded.
pub async fn within_a_day<T>(run: impl Future<Output = Result<T, RunError>>) -> Result<T, RunError> {
    tokio::time::timeout(Duration::from_hours(24), run).await.unwrap()
}

pub fn recorder() -> (Sink, Arc<Mutex<Vec<Record>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    (Arc::new(move |record: &Record| into.lock().unwrap().push(record.clone())), seen)
}

/// How many of the records have such an event.
pub fn count(records: &[Record], of: impl Fn(&Event) -> bool) -> usize {
    records.iter().filter(|record| of(&record.event)).count()
}
