//! The run itself: one loop that sends what may leave, takes in what comes back, and looks at what is under way.

use super::answer::{PROTECTED, impossible, own};
use super::calls::{self, Answer, Errand, Sight, Watched};
use super::decide::{Decision, decide_machine, transitional};
use super::journal::Journal;
use super::look::{self, Look, View};
use super::slot::{Slot, Stage};
use super::{ActionPlan, ActionSummary, Options, Verb};
use crate::pace::{Controller, Line, Next, Place, Settings};
use crate::plan::retry_token;
use crate::run::{Environment, RunError, Sink};
use crate::select::Selection;
use ledger::{Event, Outcome, RequestCount, RunId};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Carries an action out on every instance of the selection, and on no other.
///
/// When `stop` is cancelled nothing new is sent, calls under way are awaited, and the run ends as interrupted.
///
/// # Errors
/// When the run could not be written to the ledger, or the volumes to be kept could not be listed: nothing was sent.
pub async fn run(
    env: &Environment,
    selection: &Selection,
    options: &Options,
    sink: Sink,
    stop: CancellationToken,
) -> Result<ActionSummary, RunError> {
    let machines = selection.machines();
    let plan = ActionPlan {
        options: options.clone(),
        instances: machines.iter().map(crate::select::Machine::reference).collect(),
        kept_volumes: calls::kept_volumes(&env.client, machines, options).await.map_err(Box::new)?,
    };
    let mut rng = StdRng::seed_from_u64(env.seed);
    let run = RunId::new(env.clock.now(), rng.random());
    let first = Event::RunStarted {
        kind: options.verb.kind(),
        requested: u32::try_from(machines.len()).unwrap_or(u32::MAX),
        plan: serde_json::to_value(&plan).unwrap_or_default(),
    };
    let journal = Journal::create(env.store.clone(), env.clock.clone(), sink, run, first).await?;
    let mut settings = Settings::write();
    settings.rate_cap = options.rate;
    settings.concurrency_cap = options.max_concurrency.max(1);
    let slots: Vec<Slot> =
        machines.iter().zip(1..).map(|(machine, number)| Slot::new(number, machine.clone())).collect();
    let mut engine = Engine {
        by_ocid: slots.iter().enumerate().map(|(at, slot)| (slot.machine.ocid.clone(), at)).collect(),
        env,
        options,
        run,
        journal,
        pages: slots.len().div_ceil(100),
        slots,
        pace: Controller::new(settings, rng.random()),
        started: Instant::now(),
        line: Line::default(),
        paused: Vec::new(),
        calls: JoinSet::new(),
        looks: JoinSet::new(),
        looked: None,
        listed: None,
        lists: 0,
        on_the_way: None,
        look_failures: 0,
        halt: None,
    };
    engine.begin().await;
    engine.work(stop).await;
    Ok(engine.end().await)
}

/// Why nothing new is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    Interrupted,
    NotAuthenticated,
    LedgerFailed,
}

pub(super) struct Engine<'a> {
    env: &'a Environment,
    pub(super) options: &'a Options,
    run: RunId,
    pub(super) journal: Journal,
    pub(super) slots: Vec<Slot>,
    pub(super) by_ocid: HashMap<String, usize>,
    pub(super) pace: Controller,
    /// The pace counts time from here.
    started: Instant,
    line: Line<usize>,
    /// Slots that wait after a failure, with the place in the line that they had.
    paused: Vec<(Instant, usize)>,
    calls: JoinSet<(Place, Answer)>,
    looks: JoinSet<Sight>,
    /// When the last look ended, or watching began.
    pub(super) looked: Option<Instant>,
    /// When the whole list was last read, or watching began.
    pub(super) listed: Option<Instant>,
    pub(super) lists: u32,
    pub(super) pages: usize,
    pub(super) on_the_way: Option<usize>,
    pub(super) look_failures: u32,
    pub(super) halt: Option<Halt>,
}

impl Engine<'_> {
    /// Sorts the instances by what their state asks for.
    async fn begin(&mut self) {
        let mut events = Vec::new();
        for index in 0..self.slots.len() {
            let Some(slot) = self.slots.get_mut(index) else { continue };
            let (number, ocid) = (slot.number, slot.machine.ocid.clone());
            let state = slot.machine.state.as_str().to_owned();
            let protection = self.options.protect.iter().find(|tag| tag.is_on(&slot.machine));
            if let (Verb::Terminate, Some(tag)) = (self.options.verb, protection) {
                slot.stage = Stage::Ended;
                let message = format!("the tag `{tag}` protects it from termination: remove the tag first");
                events.push(Event::SlotFailed { slot: number, error: own(PROTECTED, "Protected", message) });
                continue;
            }
            match decide_machine(self.options.verb, &slot.machine) {
                Decision::Skip => {
                    slot.stage = Stage::Ended;
                    events.push(Event::ActionDone { slot: number, ocid, state, skipped: true });
                }
                Decision::Impossible(why) => {
                    slot.stage = Stage::Ended;
                    let error = impossible(self.options.verb, &state, why);
                    events.push(Event::SlotFailed { slot: number, error });
                }
                Decision::Await => {
                    slot.stage = if self.options.wait { Stage::Accepted } else { Stage::Ended };
                    slot.since = Some(Instant::now());
                    slot.accepted = slot.since;
                    slot.moved = true;
                    events.push(Event::ActionAccepted { slot: number, ocid, state });
                }
                Decision::Later => {
                    slot.stage = Stage::Busy;
                    slot.since = Some(Instant::now());
                    events.push(Event::StateSeen { slot: number, ocid, state, fault_domain: None });
                }
                Decision::Send => {
                    let place = self.line.place();
                    self.line.join(place, index);
                }
            }
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
                    self.returned(answers.into_iter().filter_map(Result::ok).collect()).await;
                }
                Some(sight) = self.looks.join_next(), if !self.looks.is_empty() => {
                    if let Ok(sight) = sight {
                        self.seen(sight).await;
                    }
                }
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    async fn interrupt(&mut self) {
        self.halt = Some(Halt::Interrupted);
        self.looks.abort_all();
        self.keep(vec![Event::Interrupted]).await;
    }

    fn is_over(&self) -> bool {
        if self.halt.is_some() {
            return self.calls.is_empty();
        }
        self.slots.iter().all(|slot| slot.stage == Stage::Ended)
    }

    pub(super) fn client(&self) -> &oci_client::Client {
        &self.env.client
    }

    /// Forgets the pauses of those that have ended meanwhile.
    pub(super) fn drop_paused(&mut self) {
        let slots = &self.slots;
        self.paused.retain(|(_, index)| slots.get(*index).is_some_and(|slot| slot.stage == Stage::Paused));
    }

    /// Since the run began: the pace's clock.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) async fn keep(&mut self, events: Vec<Event>) {
        if !self.journal.keep(events).await && self.halt.is_none() {
            self.halt = Some(Halt::LedgerFailed);
        }
    }

    /// Puts an instance's action at the end of the line.
    pub(super) fn queue(&mut self, index: usize) {
        let place = self.line.place();
        self.queue_at(index, place);
    }

    /// Puts a refused action back to the place that it had.
    pub(super) fn queue_at(&mut self, index: usize, place: Place) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.stage = Stage::Queued;
            self.line.join(place, index);
        }
    }

    /// Sends an instance's action again after its pause.
    pub(super) fn pause(&mut self, index: usize) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.stage = Stage::Paused;
            self.paused.push((Instant::now() + slot.pause(), index));
        }
    }

    /// Sends what may leave and looks if it is time to. Returns when to come back if nothing else happens before.
    async fn dispatch(&mut self) -> Instant {
        let now = Instant::now();
        let mut wake = now + Duration::from_mins(1);
        if self.halt.is_some() {
            return wake;
        }
        let due: Vec<usize> =
            self.paused.extract_if(.., |(at, _)| *at <= now).map(|(_, index)| index).collect();
        for index in due {
            self.queue(index);
        }
        for (at, _) in &self.paused {
            wake = wake.min(*at);
        }
        let mut errands = Vec::new();
        while let Some(&index) = self.line.first().map(|(_, index)| index) {
            if self.slots.get(index).is_none_or(|slot| slot.stage != Stage::Queued) {
                // Given up while it waited.
                self.line.pop();
                continue;
            }
            match self.pace.next(self.now()) {
                Next::Now(ticket) => {
                    let Some((place, index)) = self.line.pop() else { break };
                    errands.extend(self.errand(index, ticket).map(|errand| (place, errand)));
                }
                Next::At(at) => {
                    wake = wake.min(self.started + at);
                    break;
                }
                Next::WhenOneReturns => break,
            }
        }
        self.send(errands).await;
        if let Some(at) = self.look_if_due() {
            wake = wake.min(at);
        }
        for slot in self.slots.iter().filter(|slot| slot.stage != Stage::Ended) {
            if let Some(since) = slot.since {
                wake = wake.min(since + self.options.wait_timeout);
            }
            if let (Some(accepted), Some(grace)) = (slot.accepted, self.grace(slot)) {
                wake = wake.min(accepted + grace);
            }
        }
        // A moment that has passed would make this loop spin.
        wake.max(now + Duration::from_millis(1))
    }

    fn errand(&mut self, index: usize, ticket: crate::pace::Ticket) -> Option<Errand> {
        let slot = self.slots.get_mut(index)?;
        slot.stage = Stage::Sent;
        slot.since.get_or_insert_with(Instant::now);
        Some(Errand {
            index,
            ticket,
            ocid: slot.machine.ocid.clone(),
            action: slot.action(self.options.verb, self.options.grace.is_some()),
            token: retry_token(self.run, slot.number, slot.attempt),
            keep_boot: self.options.keep_boot_volumes,
            keep_data: self.options.keep_data_volumes,
        })
    }

    /// Intent first, for all of them in one append; then the calls.
    async fn send(&mut self, errands: Vec<(Place, Errand)>) {
        let intents = errands.iter().map(|(_, errand)| Event::ActionIntended {
            slot: self.number(errand.index),
            ocid: errand.ocid.clone(),
            action: errand.action.map_or("TERMINATE", |action| action.as_str()).to_owned(),
        });
        let intents = intents.collect();
        self.keep(intents).await;
        if self.halt == Some(Halt::LedgerFailed) {
            return;
        }
        for (place, errand) in errands {
            let client = self.env.client.clone();
            self.calls.spawn(async move { (place, calls::send(client, errand).await) });
        }
    }

    pub(super) fn number(&self, index: usize) -> u32 {
        self.slots.get(index).map_or(0, |slot| slot.number)
    }

    /// How long an accepted soft action has before the hard one follows, where it does.
    pub(super) fn grace(&self, slot: &Slot) -> Option<Duration> {
        let softened = matches!(self.options.verb, Verb::Stop | Verb::Reboot) && !slot.hard;
        self.options.grace.filter(|_| softened && slot.stage == Stage::Accepted && self.options.wait)
    }

    /// Starts a look when it is time. Returns when the next one is due otherwise.
    fn look_if_due(&mut self) -> Option<Instant> {
        if !self.looks.is_empty() {
            return None;
        }
        let watched: Vec<Watched> = self
            .slots
            .iter()
            .filter(|slot| slot.is_watched())
            .map(|slot| Watched {
                ocid: slot.machine.ocid.clone(),
                compartment: slot.machine.compartment.clone(),
                domain: slot.machine.availability_domain.clone(),
            })
            .collect();
        if watched.is_empty() {
            (self.looked, self.listed) = (None, None);
            return None;
        }
        let now = Instant::now();
        let since = *self.looked.get_or_insert(now);
        let listed = *self.listed.get_or_insert(now);
        let (look, pause) = look::next(View {
            watched: watched.len(),
            sending: self.slots.iter().any(|slot| slot.is_unsent() || slot.stage == Stage::Sent),
            has_transition: transitional(self.options.verb).is_some(),
            pages: self.pages,
            on_the_way: self.on_the_way,
            since_list: listed.elapsed(),
            lists: self.lists,
            base: self.options.poll,
        });
        let pause = pause + self.options.poll * self.look_failures.min(5);
        if now < since + pause {
            return Some(since + pause);
        }
        let on_the_way = transitional(self.options.verb).filter(|_| look == Look::OnTheWay);
        self.looks.spawn(calls::look(self.env.client.clone(), look, watched, on_the_way));
        None
    }

    /// Writes the end of the run and sums it up.
    async fn end(mut self) -> ActionSummary {
        let requests = self.env.requests.as_ref().map(|counts| {
            let counted = counts.snapshot().into_iter().map(|(operation, count)| {
                let count = RequestCount { ok: count.ok, throttled: count.throttled, failed: count.failed };
                (operation.to_owned(), count)
            });
            Event::RequestsCounted { requests: counted.collect() }
        });
        let outcome = self.outcome();
        let mut events: Vec<Event> = requests.into_iter().collect();
        events.push(Event::RunFinished { outcome });
        let broken = self.halt == Some(Halt::LedgerFailed);
        if !broken {
            self.journal.keep(events).await;
        }
        let mut summary = ActionSummary::of(&self.journal.state);
        if let Some(error) = &self.journal.broken {
            summary.outcome = Some(Outcome::LedgerFailed);
            summary.warnings.push(error.to_string());
        }
        summary
    }
}
