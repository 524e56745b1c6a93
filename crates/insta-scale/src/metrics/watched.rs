//! What metrics say: a fold over the records of the runs of this process, and the counts of its requests.

use super::names;
use crate::output::simulated;
use crate::output::text::word;
use fleet::fleets::Told;
use fleet::price::Prices;
use fleet::report::{READY_BOUNDS, RunTally, hourly_cost};
use fleet::{FleetSpec, Plan};
use jiff::Timestamp;
use ledger::{Event, Record, RequestCount, RunKind};
use oci_client::RequestCounts;
use oci_simulator::exposition::Exposition;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is watched.
pub(super) struct Watched {
    fleet: FleetSpec,
    prices: Prices,
    requests: Arc<RequestCounts>,
    /// The requests of the earlier processes of a resumed run.
    requests_before: BTreeMap<String, RequestCount>,
    tally: RunTally,
    /// The plan of the present launch.
    plan: Option<Plan>,
    /// Members and wanted size of a maintained fleet.
    size: Option<(u32, u32)>,
    met: BTreeMap<&'static str, u64>,
}

impl Watched {
    pub(super) fn new(
        fleet: FleetSpec,
        prices: Prices,
        requests: Arc<RequestCounts>,
        past: &[Record],
    ) -> Self {
        let tally = RunTally::of(past);
        let requests_before = tally.state().requests.clone();
        let plan = plan_of(&tally);
        Self { fleet, prices, requests, requests_before, tally, plan, size: None, met: BTreeMap::new() }
    }

    pub(super) fn apply(&mut self, record: &Record) {
        self.tally.apply(record);
        if let Event::RunStarted { .. } = record.event {
            self.plan = plan_of(&self.tally);
        }
    }

    pub(super) fn tell(&mut self, told: &Told) {
        let event = match told {
            Told::Looked { members, wanted } => {
                self.size = Some((*members, *wanted));
                return;
            }
            // What is launched and what is calm can be seen from the other metrics.
            Told::Calm { .. } | Told::Replacing { .. } => return,
            Told::Replaced(_) => "replaced",
            Told::Restarted { .. } => "restarted",
            Told::Vanished { .. } => "vanished",
            Told::Hopeless { .. } => "hopeless",
            Told::Expired { .. } => "expired",
            Told::Surplus { .. } => "surplus",
            Told::Busy => "busy",
            Told::Trouble { .. } => "trouble",
        };
        *self.met.entry(event).or_default() += 1;
    }

    /// The text that Prometheus reads.
    pub(super) fn text(&self, now: Timestamp) -> String {
        let name = if self.fleet.name.is_empty() { &self.fleet.name_prefix } else { &self.fleet.name };
        let mut out = Exposition::labelled(&[("fleet", name), ("region", &self.fleet.region)]);
        out.add(names::BUILD, [(vec![("version", env!("CARGO_PKG_VERSION"))], 1.0)]);
        out.add_value(names::HEARTBEAT, seconds(now));
        self.add_run(&mut out);
        self.add_instances(&mut out);
        self.add_answers(&mut out);
        self.add_requests(&mut out);
        if let Some((members, wanted)) = self.size {
            out.add_value(names::MEMBERS, f64::from(members));
            out.add_value(names::SIZE, f64::from(wanted));
        }
        out.add(
            names::MAINTAINED,
            self.met.iter().map(|(event, count)| (vec![("event", *event)], number(*count))),
        );
        out.into_text()
    }

    fn add_run(&self, out: &mut Exposition) {
        let state = self.tally.state();
        let terms = self.plan.as_ref().and_then(|plan| plan.hunt);
        let yes = |is: bool| if is { "true" } else { "false" };
        let (hunt, simulated) = (yes(terms.is_some()), yes(simulated::is()));
        let kind = state.kind.map(|kind| word(&kind));
        let run =
            kind.iter().map(|kind| (vec![("kind", &**kind), ("hunt", hunt), ("simulated", simulated)], 1.0));
        out.add(names::RUN, run);
        out.add_value(names::RUN_START, state.started_at.map(seconds));
        out.add_value(names::RUN_END, state.finished_at.map(seconds));
        let ended: Vec<_> = self.tally.ended.iter().map(|(outcome, count)| (word(outcome), *count)).collect();
        out.add(
            names::RUNS,
            ended.iter().map(|(outcome, count)| (vec![("outcome", &**outcome)], number(*count))),
        );
        out.add_value(names::WARNINGS, number(self.tally.warnings));
        out.add_value(names::HUNT_END, terms.map(|terms| seconds(terms.until)));
        out.add_value(names::HUNT_FLOOR, terms.map(|terms| terms.floor().as_secs_f64()));
    }

    fn add_instances(&self, out: &mut Exposition) {
        let state = self.tally.state();
        if state.kind != Some(RunKind::Launch) {
            return;
        }
        let counts = &state.counts;
        out.add_value(names::WANTED, f64::from(state.requested));
        out.add_value(names::OBTAINED, f64::from(counts.launched));
        out.add_value(names::RUNNING, f64::from(counts.running));
        out.add_value(names::FAILED, f64::from(counts.failed));
        out.add_value(names::IN_DOUBT, f64::from(counts.unsettled));
        let fleet = self.plan.as_ref().map_or(&self.fleet, |plan| &plan.fleet);
        let cost = hourly_cost(state, fleet, &self.prices);
        out.add(names::COST, cost.map(|cost| (vec![("currency", self.prices.currency())], cost)));
        out.add(
            names::PACE,
            state.rates.iter().map(|(class, rate)| (vec![("class", class.as_str())], *rate)),
        );
    }

    fn add_answers(&self, out: &mut Exposition) {
        let tally = &self.tally;
        out.add_value(names::SENT, number(tally.sent));
        let launches = tally.launches.iter();
        out.add(
            names::LAUNCHES,
            launches.map(|(outcome, count)| (vec![("outcome", outcome.as_str())], number(*count))),
        );
        let actions = tally.actions.iter().map(|((kind, outcome), count)| (word(kind), outcome, *count));
        let actions: Vec<_> = actions.collect();
        let samples = actions.iter().map(|(action, outcome, count)| {
            (vec![("action", action.as_str()), ("outcome", outcome.as_str())], number(*count))
        });
        out.add(names::ACTIONS, samples);
        out.add_value(names::DIED, number(tally.died));
        out.add_value(names::ROLLED_BACK, number(tally.rolled_back));
        let ready = &tally.ready;
        let up_to = READY_BOUNDS.into_iter().zip(ready.up_to);
        out.add_histogram(names::READY, up_to, ready.sum, ready.count);
        out.add_value(names::LAST_SENT, tally.last_sent.map(seconds));
        out.add_value(names::NEXT_SENT, tally.next_sent.map(seconds));
    }

    fn add_requests(&self, out: &mut Exposition) {
        let mut requests = self.requests_before.clone();
        for (operation, count) in self.requests.snapshot() {
            let sum = requests.entry(operation.to_owned()).or_default();
            sum.ok += count.ok;
            sum.throttled += count.throttled;
            sum.failed += count.failed;
        }
        let samples = requests.iter().flat_map(|(operation, count)| {
            let outcomes = [("ok", count.ok), ("throttled", count.throttled), ("failed", count.failed)];
            let labels = |outcome| vec![("operation", operation.as_str()), ("outcome", outcome)];
            outcomes.map(|(outcome, count)| (labels(outcome), number(count)))
        });
        out.add(names::REQUESTS, samples);
    }
}

fn plan_of(tally: &RunTally) -> Option<Plan> {
    let state = tally.state();
    (state.kind == Some(RunKind::Launch)).then(|| serde_json::from_value(state.plan.clone()).ok()).flatten()
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

fn number(count: u64) -> f64 {
    count as f64
}
