//! What a report shows of runs: a fold over their records, with nothing from the cloud.
//!
//! It knows no file and no page. A run in progress, a damaged run and a clock that jumped give a report too, which says so.

mod of_run;
mod ready;
mod runs;
mod spent;
mod tally;
mod track;
mod traffic;

pub use ready::ReadyTimes;
pub use runs::{FleetRuns, PastRun, PowerChange, PowerChanges, power_changes, runs_of_fleet};
pub use spent::{Spent, SpentLine, hourly_cost};
pub use tally::{READY_BOUNDS, ReadyHistogram, RunTally};
pub use traffic::{Interval, RatePoint, Traffic};

use crate::launch::{Returned, TargetSummary};
use crate::price::Prices;
use jiff::Timestamp;
use ledger::{ErrorClass, ErrorRecord, Outcome, RequestCount, RunId, RunKind, SlotNumber, Unreadable};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is known of one or several runs.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Report {
    /// The time until which costs count.
    pub until: Timestamp,
    /// The runs, oldest first.
    pub runs: Vec<ReportedRun>,
    /// The slots of all runs.
    pub slots: Vec<ReportedSlot>,
    /// The distinct answers to which slots and targets refer by position.
    pub answers: Vec<RunAnswer>,
    /// Launches and refusals over time, and the rate that was found.
    pub traffic: Traffic,
    /// Seconds from launch to RUNNING, by availability domain and shape.
    pub ready: Vec<ReadyTimes>,
    /// How each target responded.
    pub targets: Vec<ReportedTarget>,
    /// Requests by operation.
    pub requests: BTreeMap<String, RequestCount>,
    /// What the runs have cost, and cost now.
    pub spent: Spent,
}

/// One run.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct ReportedRun {
    /// Its id.
    pub run_id: RunId,
    /// What it does; absent if its first record cannot be read.
    pub kind: Option<RunKind>,
    /// How it ended; absent while it has not.
    pub outcome: Option<Outcome>,
    /// Whether a process is working on it.
    pub held: bool,
    /// The name of the fleet.
    pub fleet: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The label of the simulated region; absent for a real one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulated: Option<String>,
    /// Its slots.
    pub requested: u32,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The time of its last record.
    pub last_at: Option<Timestamp>,
    /// How many times it was resumed.
    pub resumed: u32,
    /// What it rolled back, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returned: Option<Box<Returned>>,
    /// Its warnings.
    pub warnings: Vec<String>,
    /// Records that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Records that are older than the one before them, because the clock of the machine was set back.
    pub clock_went_back: u32,
}

/// How a slot ended, or stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotResult {
    /// Its instance was seen running.
    Running,
    /// Its instance exists and was not seen running.
    Launched,
    /// It has no instance, and nothing more is tried.
    Failed,
    /// Its instance was deleted, because the run was rolled back.
    RolledBack,
    /// A later run terminated its instance.
    Terminated,
    /// The outcome of its last request is unknown.
    InDoubt,
    /// It has no instance yet, and the run is not over.
    Waiting,
    /// It was never tried.
    Untried,
    /// The action is done.
    Done,
    /// There was nothing to do.
    Skipped,
    /// The action was accepted.
    Accepted,
}

/// One slot with its way.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct ReportedSlot {
    /// The position of its run.
    pub run: usize,
    /// Its number.
    pub slot: SlotNumber,
    /// The display name.
    pub name: String,
    /// The instance.
    pub ocid: Option<String>,
    /// How it stands.
    pub result: SlotResult,
    /// The state in which the instance was last seen.
    pub state: Option<String>,
    /// The region, where it is not the run's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The availability domain of the instance, or the last that was tried.
    pub availability_domain: Option<String>,
    /// The fault domain, once known.
    pub fault_domain: Option<String>,
    /// The shape.
    pub shape: Option<String>,
    /// How many placements were tried.
    pub attempts: u32,
    /// How many answers were failures.
    pub refused: u64,
    /// When it was first asked for.
    pub asked_at: Option<Timestamp>,
    /// When the launch or the action was accepted.
    pub accepted_at: Option<Timestamp>,
    /// When the instance was first seen running, or in the wanted state.
    pub done_at: Option<Timestamp>,
    /// When it was given up, rolled back or terminated.
    pub ended_at: Option<Timestamp>,
    /// Seconds from the acceptance to the wanted state.
    pub ready_in_s: Option<f64>,
    /// The last refusals, equal ones in a row as one.
    pub refusals: Vec<Refusals>,
    /// The last failure, if it was not overcome: the position of the answer.
    pub answer: Option<usize>,
    /// The id of the request of that failure.
    pub opc_request_id: Option<String>,
}

/// Equal refusals in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Refusals {
    /// The position of the answer.
    pub answer: usize,
    /// The first.
    pub first_at: Timestamp,
    /// The last.
    pub last_at: Timestamp,
    /// How many.
    pub count: u64,
}

/// A failure without what differs from request to request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize)]
pub struct RunAnswer {
    /// The class.
    pub class: ErrorClass,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The code.
    pub code: String,
    /// The text.
    pub message: String,
}

/// A target with its last failure.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct ReportedTarget {
    /// The position of its run.
    pub run: usize,
    /// How it responded.
    #[serde(flatten)]
    pub target: TargetSummary,
    /// The last failure: the position of the answer.
    pub answer: Option<usize>,
}

/// Folds runs, oldest first. `until` is the time until which instances that still exist have cost money, `power` what later
/// runs did to them.
pub fn report(runs: &[PastRun], power: &PowerChanges, prices: &Prices, until: Timestamp) -> Report {
    let last = runs.iter().flat_map(|run| run.records.records.iter().map(|record| record.at)).max();
    let until = last.map_or(until, |last| last.max(until));
    let mut answers = AnswerList::default();
    let mut traffic = traffic::Counter::default();
    let mut bill = spent::Bill::new(prices, until);
    let slots: u32 = runs.iter().map(|run| run.head.requested).sum();
    let mut report = Report {
        until,
        runs: Vec::new(),
        slots: Vec::new(),
        answers: Vec::new(),
        traffic: Traffic::default(),
        ready: Vec::new(),
        targets: Vec::new(),
        requests: BTreeMap::new(),
        spent: Spent::default(),
    };
    for run in runs {
        let mut part =
            of_run::RunFold { answers: &mut answers, traffic: &mut traffic, bill: &mut bill, power, slots };
        part.add(run, &mut report);
    }
    report.answers = answers.rows;
    report.traffic = traffic.finish();
    report.ready = ready::ready_times(&report.slots);
    report.spent = bill.finish();
    report
}

/// The distinct answers so far.
#[derive(Default)]
struct AnswerList {
    rows: Vec<RunAnswer>,
    known: BTreeMap<RunAnswer, usize>,
}

impl AnswerList {
    fn position(&mut self, error: &ErrorRecord) -> usize {
        let answer = RunAnswer {
            class: error.class.clone(),
            status: error.status,
            code: error.code.clone(),
            message: error.message.clone(),
        };
        if let Some(known) = self.known.get(&answer) {
            return *known;
        }
        let position = self.rows.len();
        self.rows.push(answer.clone());
        self.known.insert(answer, position);
        position
    }
}

/// Seconds between two times, to the millisecond; 0 if the clock was set back between them.
fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_millis().max(0) as f64 / 1000.0
}
