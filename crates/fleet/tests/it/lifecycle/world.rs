//! A simulated region with instances in it, and what a run needs to act on them.

use fleet::Environment;
use fleet::action::{self, ActionSummary, Options};
use fleet::select::{Filter, Found, Selection, find};
use jiff::Timestamp;
use ledger::{MemoryStore, Record};
use oci_api::Operation;
use oci_client::transport::InProcess;
use oci_client::{Client, Clock, Endpoints, RequestCounts};
use oci_simulator::scenario::{Scenario, Signatures};
use oci_simulator::server::{Region, ScaledClock};
use oci_simulator::world::{ApiRequest, Caller, Defaults};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// When every test begins.
pub fn start() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

#[derive(Debug)]
struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        start() + jiff::SignedDuration::try_from(self.0.elapsed()).unwrap()
    }
}

/// A region and a client of it.
pub struct World {
    pub region: Region,
    pub env: Environment,
    pub store: MemoryStore,
    pub requests: Arc<RequestCounts>,
    pub home: Defaults,
    pub records: Arc<Mutex<Vec<Record>>>,
    caller: Caller,
}

impl World {
    /// A region of this scenario, without signatures.
    pub fn new(scenario: &str) -> Self {
        Self::of(Scenario::named(scenario).unwrap())
    }

    pub fn of(mut scenario: Scenario) -> Self {
        scenario.signatures = Signatures::Unchecked;
        let region = Region::new(&scenario, 7, Arc::new(ScaledClock::in_process(start())));
        let home = region.world().defaults();
        let caller = Caller { tenancy: home.tenancy.clone(), user: home.user.clone() };
        region.set_anonymous_caller(caller.clone());
        let requests = Arc::new(RequestCounts::default());
        let client = Client::builder(
            Endpoints::at("http://127.0.0.1:1").unwrap(),
            Arc::new(InProcess::new(region.router())),
        )
        .observer(requests.clone())
        .seed(7)
        .build();
        let store = MemoryStore::new();
        let env = Environment {
            client,
            requests: Some(requests.clone()),
            store: Arc::new(store.clone()),
            clock: Arc::new(TestClock(Instant::now())),
            seed: 7,
        };
        Self { region, env, store, requests, home, records: Arc::default(), caller }
    }

    /// Makes an instance behind the API's back: no throttle, no faults, no request counted.
    pub fn launch(&self, name: &str, change: impl FnOnce(&mut serde_json::Value)) -> String {
        let mut body = json!({
            "compartmentId": self.home.compartment,
            "availabilityDomain": self.home.availability_domains[0],
            "displayName": name,
            "shape": "VM.Standard.E4.Flex",
            "shapeConfig": {"ocpus": 1.0, "memoryInGBs": 6.0},
            "sourceDetails": {"sourceType": "image", "imageId": self.home.image},
            "createVnicDetails": {"subnetId": self.home.public_subnet},
        });
        change(&mut body);
        let answer = self.ask(&ApiRequest::new(Operation::LaunchInstance, self.caller.clone()).body(body));
        answer["id"].as_str().unwrap().to_owned()
    }

    /// Makes `count` instances named `<prefix>1 … <prefix>N` and lets them get to RUNNING.
    pub fn fleet(&self, prefix: &str, count: usize) -> Vec<String> {
        let domains = self.home.availability_domains.clone();
        let made = (1..=count)
            .map(|number| {
                self.launch(&format!("{prefix}{number}"), |body| {
                    body["availabilityDomain"] = json!(domains[number % domains.len()]);
                })
            })
            .collect();
        self.settle();
        made
    }

    /// Lets everything that is under way come to its end, and lists catch up.
    pub fn settle(&self) {
        self.region.advance(Duration::from_mins(10));
    }

    /// Acts behind the API's back.
    pub fn act(&self, ocid: &str, action: &str) {
        self.ask(
            &ApiRequest::new(Operation::InstanceAction, self.caller.clone())
                .path("instanceId", ocid)
                .query("action", action),
        );
    }

    /// Terminates behind the API's back.
    pub fn terminate(&self, ocid: &str) {
        self.ask(
            &ApiRequest::new(Operation::TerminateInstance, self.caller.clone()).path("instanceId", ocid),
        );
    }

    /// Terminates behind the API's back, as somebody would who keeps the boot volume.
    pub fn terminate_keeping_boot_volume(&self, ocid: &str) {
        self.ask(
            &ApiRequest::new(Operation::TerminateInstance, self.caller.clone())
                .path("instanceId", ocid)
                .query("preserveBootVolume", "true"),
        );
    }

    fn ask(&self, request: &ApiRequest) -> serde_json::Value {
        self.region.world().handle(request).unwrap().json()
    }

    /// The state of every instance, by name, as the books have it.
    pub fn states(&self) -> BTreeMap<String, String> {
        self.region.world().instances().map(|entry| (entry.name, entry.state.as_str().to_owned())).collect()
    }

    /// How many instances are in each state.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let counts = self.region.world().instance_counts();
        counts.into_iter().map(|(state, count)| (state.as_str().to_owned(), count)).collect()
    }

    pub async fn find(&self, filter: &Filter) -> Found {
        find(&self.env.client, &self.home.compartment, filter).await.unwrap()
    }

    /// The instances whose names begin with this.
    pub async fn prefixed(&self, prefix: &str) -> Selection {
        let filter = Filter { prefix: Some(prefix.to_owned()), ..Filter::default() };
        Selection::freeze(self.find(&filter).await.machines)
    }

    pub async fn run(&self, selection: &Selection, options: &Options) -> ActionSummary {
        self.run_until(selection, options, CancellationToken::new()).await
    }

    pub async fn run_until(
        &self,
        selection: &Selection,
        options: &Options,
        stop: CancellationToken,
    ) -> ActionSummary {
        let records = self.records.clone();
        let sink = Arc::new(move |record: &Record| records.lock().unwrap().push(record.clone()));
        action::run(&self.env, self.env.new_run_id(), selection, options, sink, stop).await.unwrap()
    }

    /// Whether an event of this kind was recorded.
    pub fn said(&self, kind: impl Fn(&ledger::Event) -> bool) -> bool {
        self.records.lock().unwrap().iter().any(|record| kind(&record.event))
    }

    /// Requests of one operation so far, whatever became of them.
    pub fn sent(&self, operation: &str) -> u64 {
        self.requests.snapshot().get(operation).map_or(0, |count| count.ok + count.throttled + count.failed)
    }

    /// Requests of one operation so far that were accepted.
    pub fn accepted(&self, operation: &str) -> u64 {
        self.requests.snapshot().get(operation).map_or(0, |count| count.ok)
    }

    /// All requests so far.
    pub fn sent_in_all(&self) -> u64 {
        self.requests.snapshot().values().map(|count| count.ok + count.throttled + count.failed).sum()
    }
}
