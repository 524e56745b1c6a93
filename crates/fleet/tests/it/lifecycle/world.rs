//! A simulated region with instances, and the environment of a run that acts on them.

use fleet::Environment;
use fleet::action::{self, ActionSummary, Options};
use fleet::select::{Filter, Found, Selection, find};
use ledger::Record;
use oci_api::Operation;
use oci_client::RequestCounts;
use oci_simulator::scenario::Scenario;
use oci_simulator::world::ApiRequest;
use serde_json::json;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The world, with a process whose requests and records are kept.
pub struct World {
    shared: testkit::World,
    pub env: Environment,
    pub requests: Arc<RequestCounts>,
    pub records: Arc<Mutex<Vec<Record>>>,
}

impl Deref for World {
    type Target = testkit::World;

    fn deref(&self) -> &Self::Target {
        &self.shared
    }
}

impl World {
    /// A region of this scenario, without signatures.
    pub fn new(scenario: &str) -> Self {
        Self::of(Scenario::named(scenario).unwrap())
    }

    pub fn of(scenario: Scenario) -> Self {
        let world = testkit::World::open(scenario, 7);
        let env = world.environment();
        let requests = env.requests.clone().unwrap();
        Self { shared: world, env, requests, records: Arc::default() }
    }

    /// Creates an instance without the API: no throttle, no faults, no counted request.
    pub fn launch(&self, name: &str, change: impl FnOnce(&mut serde_json::Value)) -> String {
        let mut body = json!({
            "compartmentId": self.defaults.compartment,
            "availabilityDomain": self.defaults.availability_domains[0],
            "displayName": name,
            "shape": "VM.Standard.E4.Flex",
            "shapeConfig": {"ocpus": 1.0, "memoryInGBs": 6.0},
            "sourceDetails": {"sourceType": "image", "imageId": self.defaults.image},
            "createVnicDetails": {"subnetId": self.defaults.public_subnet},
        });
        change(&mut body);
        let answer = self.ask(&ApiRequest::new(Operation::LaunchInstance, self.caller()).body(body));
        answer["id"].as_str().unwrap().to_owned()
    }

    /// Creates `count` instances named `<prefix>1 … <prefix>N` and waits until they are RUNNING.
    pub fn fleet(&self, prefix: &str, count: usize) -> Vec<String> {
        let domains = self.defaults.availability_domains.clone();
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

    /// Waits until everything in progress has ended and lists are up to date.
    pub fn settle(&self) {
        self.region.advance(Duration::from_mins(10));
    }

    /// Acts without the API.
    pub fn act(&self, ocid: &str, action: &str) {
        self.ask(
            &ApiRequest::new(Operation::InstanceAction, self.caller())
                .path("instanceId", ocid)
                .query("action", action),
        );
    }

    /// Terminates without the API.
    pub fn terminate(&self, ocid: &str) {
        self.ask(&ApiRequest::new(Operation::TerminateInstance, self.caller()).path("instanceId", ocid));
    }

    /// Terminates without the API and keeps the boot volume.
    pub fn terminate_keeping_boot_volume(&self, ocid: &str) {
        self.ask(
            &ApiRequest::new(Operation::TerminateInstance, self.caller())
                .path("instanceId", ocid)
                .query("preserveBootVolume", "true"),
        );
    }

    fn ask(&self, request: &ApiRequest) -> serde_json::Value {
        self.region.world().handle(request).unwrap().json()
    }

    /// The state of every instance, by name, according to the region's records.
    pub fn states(&self) -> BTreeMap<String, String> {
        self.region.world().instances().map(|entry| (entry.name, entry.state.as_str().to_owned())).collect()
    }

    /// The number of instances in each state.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let counts = self.region.world().instance_counts();
        counts.into_iter().map(|(state, count)| (state.as_str().to_owned(), count)).collect()
    }

    pub async fn find(&self, filter: &Filter) -> Found {
        find(&self.env.client, &self.defaults.compartment, filter).await.unwrap()
    }

    /// The instances whose names start with this.
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

    /// The number of requests of one operation so far, whatever their result.
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
