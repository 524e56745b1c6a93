//! The run itself: one loop that sends requests, handles their results, and polls instances with an action in progress.

use super::answer::impossible;
use super::calls::{self, ActionAnswer, Poll};
use super::capacity::CapacityLines;
use super::decide::{Decision, decide_machine, protection};
use super::slot::{Slot, Stage, Tally};
use super::{ActionPlan, ActionSummary, Options, Verb};
use crate::engine::env::{Environment, RunError, Sink};
use crate::engine::failure::own_error;
use crate::engine::journal::Journal;
use crate::pace::{Controller, QueuePosition, Settings, WaitQueue};
use crate::pool;
use crate::query::select::{Machine, Named, Selection};
use ledger::{ErrorClass, Event, RunId};
use oci_client::FailureClass;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Carries out an action on every instance of the selection and on no other. `run` is a new id.
///
/// When `stop` is cancelled, nothing new is sent, calls in progress are awaited, and the run ends as interrupted.
///
/// # Errors
/// When the run could not be written to the ledger, or the volumes to keep or the pools of members could not be listed. Nothing was sent then.
pub async fn run(
    env: &Environment,
    run: RunId,
    selection: &Selection,
    options: &Options,
    sink: Sink,
    stop: CancellationToken,
) -> Result<ActionSummary, RunError> {
    let machines = selection.machines();
    let mut warnings = Vec::new();
    let kept_volumes = match calls::kept_volumes(&env.client, machines, options).await {
        Ok(kept) => kept,
        // Not knowing the volumes is no reason to delete them, nor to leave the instances running.
        Err(failure) if failure.class == FailureClass::NotFound => {
            warnings.push(Event::Warning { message: format!("{UNKNOWN_VOLUMES}: {failure}") });
            Vec::new()
        }
        Err(failure) => return Err(Box::new(failure).into()),
    };
    let pools = match options.verb {
        Verb::Terminate => pool::homes(&env.client, machines).await.map_err(Box::new)?,
        Verb::Start | Verb::Stop | Verb::Reboot => BTreeMap::new(),
    };
    let plan = ActionPlan {
        options: options.clone(),
        instances: machines
            .iter()
            .map(Machine::reference)
            .chain(selection.missing().iter().map(Named::reference))
            .collect(),
        kept_volumes,
        missing: selection.missing().iter().map(|named| named.text().to_owned()).collect(),
    };
    let mut rng = StdRng::seed_from_u64(env.seed);
    let first = Event::RunStarted {
        kind: options.verb.kind(),
        requested: u32::try_from(plan.instances.len()).unwrap_or(u32::MAX),
        plan: serde_json::to_value(&plan).unwrap_or_default(),
    };
    let journal = Journal::create(env, run, first, sink, CancellationToken::new()).await?;
    let mut settings = Settings::write();
    settings.rate_cap = options.rate;
    settings.concurrency_cap = options.max_concurrency.max(1);
    let slots: Vec<Slot> =
        machines.iter().zip(1..).map(|(machine, number)| Slot::new(number, machine.clone())).collect();
    let mut engine = ActionEngine {
        pools,
        by_ocid: slots.iter().enumerate().map(|(at, slot)| (slot.machine.ocid.clone(), at)).collect(),
        env,
        options,
        run,
        journal,
        pages: slots.len().div_ceil(100),
        slots,
        pace: Controller::new(settings, rng.random()),
        started: Instant::now(),
        queue: WaitQueue::default(),
        paused: BTreeSet::new(),
        no_capacity: CapacityLines::new(rng),
        tally: Tally::new(machines.len()),
        next_expiry: Instant::now(),
        calls: JoinSet::new(),
        looks: JoinSet::new(),
        looked: None,
        listed: None,
        lists: 0,
        fresh: 0,
        on_the_way: None,
        look_failures: 0,
        halt: None,
    };
    engine.keep(warnings).await;
    engine.begin(plan.missing.len()).await;
    engine.work(stop).await;
    Ok(engine.end().await)
}

/// The message when the kept volumes cannot be listed.
const UNKNOWN_VOLUMES: &str =
    "you may not list the kept volumes, so `cleanup --kept-volumes` will not find them";

/// Why nothing new is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    Interrupted,
    NotAuthenticated,
    LedgerFailed,
}

pub(super) struct ActionEngine<'a> {
    pub(super) env: &'a Environment,
    pub(super) options: &'a Options,
    pub(super) run: RunId,
    pub(super) journal: Journal,
    pub(super) slots: Vec<Slot>,
    pub(super) by_ocid: HashMap<String, usize>,
    /// The pools that members leave before they are terminated, by instance.
    pub(super) pools: BTreeMap<String, String>,
    pub(super) pace: Controller,
    /// The start of the pace's clock.
    pub(super) started: Instant,
    pub(super) queue: WaitQueue<usize>,
    /// Slots that pause after a failure, with the end of the pause.
    pub(super) paused: BTreeSet<(Instant, usize)>,
    /// Slots that wait for capacity.
    pub(super) no_capacity: CapacityLines,
    pub(super) calls: JoinSet<(QueuePosition, ActionAnswer)>,
    pub(super) looks: JoinSet<Poll>,
    /// The number of slots in each stage.
    pub(super) tally: Tally,
    /// When deadlines are checked next.
    pub(super) next_expiry: Instant,
    /// When the last poll ended, or watching began.
    pub(super) looked: Option<Instant>,
    /// When the whole list was last read, or watching began.
    pub(super) listed: Option<Instant>,
    pub(super) lists: u32,
    /// Actions accepted since the whole list was last read.
    pub(super) fresh: usize,
    pub(super) pages: usize,
    pub(super) on_the_way: Option<usize>,
    pub(super) look_failures: u32,
    pub(super) halt: Option<Halt>,
}

impl ActionEngine<'_> {
    /// Sorts the instances by their states. The `missing` ones, which have no slot here, count as failed.
    async fn begin(&mut self, missing: usize) {
        let mut events = Vec::new();
        for index in 0..self.slots.len() {
            let Some(slot) = self.slots.get(index) else { continue };
            let (number, ocid) = (slot.number, slot.machine.ocid.clone());
            let state = slot.machine.state.as_str().to_owned();
            if let Some(tag) = protection(self.options, &slot.machine) {
                self.set_stage(index, Stage::Ended);
                let message = format!("the tag `{tag}` protects it from termination: remove the tag first");
                events.push(Event::SlotFailed {
                    slot: number,
                    error: own_error(ErrorClass::Protected, "Protected", &message),
                });
                continue;
            }
            match decide_machine(self.options.verb, &slot.machine) {
                Decision::Skip => {
                    self.set_stage(index, Stage::Ended);
                    events.push(Event::ActionDone { slot: number, ocid, state, skipped: true });
                }
                Decision::Impossible(why) => {
                    self.set_stage(index, Stage::Ended);
                    let error = impossible(self.options.verb, &state, why);
                    events.push(Event::SlotFailed { slot: number, error });
                }
                Decision::Await => {
                    self.under_way(index);
                    events.push(Event::ActionAccepted { slot: number, ocid, state, work_request: None });
                }
                Decision::Later => {
                    self.set_stage(index, Stage::Busy);
                    if let Some(slot) = self.slots.get_mut(index) {
                        slot.since = Some(Instant::now());
                    }
                    events.push(Event::StateSeen { slot: number, ocid, state, fault_domain: None });
                }
                Decision::Send => {
                    let position = self.queue.position();
                    self.queue.join(position, index);
                }
            }
        }
        for (number, _) in (1..).skip(self.slots.len()).zip(0..missing) {
            let error =
                own_error(ErrorClass::Missing, "NotFound", "it does not exist, or you may not see it");
            events.push(Event::SlotFailed { slot: number, error });
        }
        self.keep(events).await;
    }

    async fn work(&mut self, stop: CancellationToken) {
        loop {
            self.expire().await;
            let wake = self.dispatch().await;
            if self.is_over() {
                return;
            }
            let halted = self.halt.is_some();
            tokio::select! {
                biased;
                () = stop.cancelled(), if !halted => self.interrupt().await,
                Some(answer) = self.calls.join_next(), if !self.calls.is_empty() => {
                    let mut answers = vec![answer];
                    while let Some(more) = self.calls.try_join_next() {
                        answers.push(more);
                    }
                    self.returned(answers.into_iter().map(whole).collect()).await;
                }
                Some(sight) = self.looks.join_next(), if !self.looks.is_empty() => {
                    self.seen(whole(sight)).await;
                }
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    /// Handles an instance that will reach the wanted state by itself.
    pub(super) fn under_way(&mut self, index: usize) {
        self.set_stage(index, if self.options.wait { Stage::Accepted } else { Stage::Ended });
        if let Some(slot) = self.slots.get_mut(index) {
            slot.accepted = Some(Instant::now());
            slot.since = slot.since.or(slot.accepted);
            slot.moved = true;
        }
    }

    async fn interrupt(&mut self) {
        self.halt = Some(Halt::Interrupted);
        self.looks = JoinSet::new();
        self.keep(vec![Event::Interrupted]).await;
    }

    fn is_over(&self) -> bool {
        if self.halt.is_some() {
            return self.calls.is_empty();
        }
        self.tally.is_over()
    }

    /// Moves an instance to another stage. Every move goes through here, so that the tally stays correct.
    pub(super) fn set_stage(&mut self, index: usize, stage: Stage) {
        if let Some(slot) = self.slots.get_mut(index) {
            self.tally.change(slot.stage, stage);
            slot.stage = stage;
        }
    }

    pub(super) fn client(&self) -> &oci_client::Client {
        &self.env.client
    }

    /// The time since the run began: the pace's clock.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) async fn keep(&mut self, events: Vec<Event>) {
        self.journal.record(events).await;
        if self.journal.broken().is_some() {
            self.halt.get_or_insert(Halt::LedgerFailed);
        }
    }

    /// Writes the end of the run and returns its summary.
    async fn end(mut self) -> ActionSummary {
        let refusals = self.refusals();
        self.keep(refusals).await;
        let outcome = self.outcome();
        self.journal.finish(self.env.requests.as_deref(), outcome).await;
        let broken = self.journal.broken();
        let mut summary = ActionSummary::of(&self.journal.into_state());
        summary.warnings.extend(broken.map(|error| error.to_string()));
        summary
    }
}

/// The result of a task. Tasks are not cancelled while they are awaited, so an error is a panic, which is resumed here.
fn whole<T>(joined: Result<T, tokio::task::JoinError>) -> T {
    joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
