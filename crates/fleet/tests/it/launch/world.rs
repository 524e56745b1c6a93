//! A region, a ledger and a fleet in one process and in virtual time.

use fleet::{FleetSpec, LaunchOptions, Plan, RunError, RunSummary, Sink};
use ledger::{Event, Record, RunId, RunState};
use std::{
    collections::BTreeMap,
    future::Future,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

pub const SHAPE: &str = "VM.Standard.E5.Flex";

/// The world, and launches in it.
pub struct World(testkit::World);

impl Deref for World {
    type Target = testkit::World;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl World {
    pub fn of(scenario: &str) -> Self {
        Self::seeded(scenario, 1)
    }

    /// A region of a preset, or of the text of a scenario.
    pub fn seeded(scenario: &str, seed: u64) -> Self {
        Self(testkit::World::new(scenario, seed))
    }

    /// A fleet of this many small instances, in the domains with these numbers; in all domains if there are none.
    pub fn fleet(&self, count: u32, domains: &[usize]) -> FleetSpec {
        self.fleet_of(SHAPE, count, domains)
    }

    pub fn plan(&self, count: u32, domains: &[usize]) -> Plan {
        Plan::offline(self.fleet(count, if domains.is_empty() { &[1, 2, 3] } else { domains })).unwrap()
    }

    /// Launches with the usual options, to the end.
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

    /// The live instances of the region by the slot in their tags.
    pub fn live(&self) -> BTreeMap<u32, Vec<String>> {
        let mut live: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for entry in self.region.world().live_instances() {
            live.entry(entry.tags[fleet::plan::SLOT_TAG].parse().unwrap()).or_default().push(entry.id);
        }
        live
    }

    /// Checks the region's own records against the run's claims: nothing is duplicated, and every live instance is known.
    pub fn check_books(&self, summary: &RunSummary) {
        let known: BTreeMap<u32, &str> =
            summary.instances.iter().filter_map(|row| Some((row.slot, row.ocid.as_deref()?))).collect();
        for (slot, ocids) in self.live() {
            assert_eq!(ocids.len(), 1, "slot {slot} has {ocids:?}");
            assert_eq!(known.get(&slot).copied(), Some(ocids[0].as_str()), "slot {slot}");
        }
        self.region.world().check_invariants().unwrap();
    }

    /// Checks that the shown records equal the stored ones, and that each request was announced.
    pub fn check_ledger(&self, summary: &RunSummary, shown: &[Record]) {
        let kept = self.store.snapshot(summary.run_id);
        assert_eq!(shown.last(), kept.last());
        assert!(kept.iter().zip(1..).all(|(record, seq)| record.seq == seq), "numbered without gaps");
        let again = RunSummary::from_state(&RunState::fold(summary.run_id, &kept)).unwrap();
        assert_eq!(again, *summary, "the summary is a fold over what is kept");
    }
}

/// No run takes longer, because each slot's tries are limited.
pub async fn within_a_day<T>(run: impl Future<Output = Result<T, RunError>>) -> Result<T, RunError> {
    tokio::time::timeout(Duration::from_hours(24), run).await.unwrap()
}

pub fn recorder() -> (Sink, Arc<Mutex<Vec<Record>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    (Arc::new(move |record: &Record| into.lock().unwrap().push(record.clone())), seen)
}

/// The number of records with such an event.
pub fn count(records: &[Record], of: impl Fn(&Event) -> bool) -> usize {
    records.iter().filter(|record| of(&record.event)).count()
}
