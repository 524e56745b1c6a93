//! The state of a run as a fold over its records. Applying a record costs the same however long the run is.

use crate::{
    Action, ErrorRecord, Event, Outcome, Placement, Places, RatchetEnd, Record, RequestCount, RunId, RunKind,
    SlotNumber,
    engine::EngineState,
    holding::{self, Holding},
    slot::{Intent, Next, Phase, SlotState, StateName, state_name},
    spending::Spending,
    why::Targets,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Counts of slots by progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Slots whose instance exists.
    pub launched: u32,
    /// Slots whose instance has been seen running, or whose action is done.
    pub running: u32,
    /// Slots that are not tried again, and slots whose wait ended too early.
    pub failed: u32,
    /// Slots with a launch whose result is not known.
    pub unsettled: u32,
}

/// A run, folded from its records.
#[derive(Clone, Debug, PartialEq)]
pub struct RunState {
    /// Its id.
    pub run: RunId,
    /// What it does.
    pub kind: Option<RunKind>,
    /// How many slots it has: those of its first record, or more once a launch with wanted totals begins further ones.
    pub requested: u32,
    /// The plan, as JSON, from the first record.
    pub plan: serde_json::Value,
    /// When it was created.
    pub started_at: Option<Timestamp>,
    /// When a process last began to work on it: its start or its last resume.
    pub taken_up_at: Option<Timestamp>,
    /// When it ended, if it has.
    pub finished_at: Option<Timestamp>,
    /// How it ended, if it has.
    pub outcome: Option<Outcome>,
    /// Whether the user asked the current process to stop.
    pub interrupted: bool,
    /// How many times it was resumed.
    pub resumed: u32,
    /// The slots with at least one record. Each is boxed, because the nodes of a map that grows at its end are half empty.
    pub slots: BTreeMap<SlotNumber, Box<SlotState>>,
    /// Counts over the slots.
    pub counts: Counts,
    /// The responses of each placement.
    pub targets: Targets,
    /// Requests by operation, over all processes that worked on the run.
    pub requests: BTreeMap<String, RequestCount>,
    /// Requests per second by class, as the pacer last reported them.
    pub rates: BTreeMap<String, f64>,
    /// Warnings to the user.
    pub warnings: Vec<String>,
    /// While the run is rolled back: the number of instances that it reached, and the number required.
    pub giving_back: Option<(u32, u32)>,
    /// Reservations that were about to be created, with an unknown result: token → availability domain.
    pub reserving: BTreeMap<String, String>,
    /// Reservations created or changed for the run: OCID → (availability domain, requested, held).
    pub reservations: BTreeMap<String, (String, u32, u32)>,
    /// How many creations of reservations were announced, by availability domain.
    pub ordered: BTreeMap<String, u32>,
    /// What the reservations hold beyond what is used, and for how long.
    pub holding: Holding,
    /// What its engine launches with; empty for launches of single instances.
    pub engine: EngineState,
    /// Why a ratchet has stopped growing its reservations, if it has.
    pub ratchet_ended: Option<RatchetEnd>,
    /// How long its instances have existed, if its plan bounds their cost.
    pub spending: Spending,
    /// Whether that bound was reached, so that nothing more is launched.
    pub bound_reached: bool,
    /// The number of the last record.
    pub last_seq: u64,
    /// When the last record happened.
    pub last_at: Option<Timestamp>,
    /// The counts of earlier processes. `RequestsCounted` counts from the start of its own process.
    requests_before: BTreeMap<String, RequestCount>,
    places: Places,
}

impl RunState {
    /// A run without records.
    pub fn new(run: RunId) -> Self {
        Self {
            run,
            kind: None,
            requested: 0,
            plan: serde_json::Value::Null,
            started_at: None,
            taken_up_at: None,
            finished_at: None,
            outcome: None,
            interrupted: false,
            resumed: 0,
            slots: BTreeMap::new(),
            counts: Counts::default(),
            targets: Targets::default(),
            requests: BTreeMap::new(),
            rates: BTreeMap::new(),
            warnings: Vec::new(),
            giving_back: None,
            reserving: BTreeMap::new(),
            reservations: BTreeMap::new(),
            ordered: BTreeMap::new(),
            holding: Holding::default(),
            engine: EngineState::default(),
            ratchet_ended: None,
            spending: Spending::default(),
            bound_reached: false,
            last_seq: 0,
            last_at: None,
            requests_before: BTreeMap::new(),
            places: Places::default(),
        }
    }

    /// The state after `records`.
    pub fn fold<'a>(run: RunId, records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut state = Self::new(run);
        for record in records {
            state.apply(record);
        }
        state
    }

    /// The slot, in its initial state if it has no records.
    pub fn slot(&self, slot: SlotNumber) -> std::borrow::Cow<'_, SlotState> {
        self.slots.get(&slot).map_or_else(Default::default, |slot| std::borrow::Cow::Borrowed(&**slot))
    }

    /// What remains to be done for each slot from 1 to `requested`; finished slots are omitted.
    pub fn remaining(&self) -> impl Iterator<Item = (SlotNumber, Next)> + '_ {
        (1..=self.requested).filter_map(|number| {
            let next = self.slots.get(&number).map_or(Next::Launch { attempt: 1 }, |slot| slot.next());
            (next != Next::Nothing).then_some((number, next))
        })
    }

    /// Applies one more record.
    pub fn apply(&mut self, record: &Record) {
        self.last_seq = self.last_seq.max(record.seq);
        self.last_at = Some(record.at);
        if let Some(number) = record.event.slot() {
            if let Event::GivenBack { .. } = record.event {
                // The record of the decision may be lost, but an instance that is being rolled back must not be launched again.
                let min = self.plan.get("min").and_then(serde_json::Value::as_u64).unwrap_or_default();
                let min = u32::try_from(min).unwrap_or(u32::MAX);
                self.giving_back.get_or_insert((self.counts.launched, min));
            }
            if self.kind == Some(RunKind::Launch) {
                self.requested = self.requested.max(number);
            }
            self.targets.apply(record.at, &record.event);
            let slot = self.slots.entry(number).or_default();
            self.counts.remove(slot);
            let drawn_before = holding::drawn_on(slot).map(str::to_owned);
            slot.apply(record.at, &record.event, &mut self.places);
            self.holding.follow(drawn_before.as_deref(), slot, record.at);
            self.spending.follow(number, slot, record.at);
            if let Some(error) = slot.error.as_mut().filter(|error| error.message.is_empty()) {
                // A repeated refusal has no text, so use the last text of its placement.
                **error = error.with_words_of(self.targets.last_words(number));
            }
            self.counts.add(slot);
        } else {
            self.holding.apply(record);
            self.spending.apply(record);
            self.apply_to_run(record.at, &record.event);
        }
    }

    fn apply_to_run(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::RunStarted { kind, requested, plan } => {
                self.kind = Some(*kind);
                self.requested = *requested;
                self.plan = plan.clone();
                self.started_at = Some(at);
                self.taken_up_at = Some(at);
            }
            Event::RunResumed => {
                self.resumed += 1;
                self.taken_up_at = Some(at);
                self.outcome = None;
                self.finished_at = None;
                self.interrupted = false;
                self.requests_before.clone_from(&self.requests);
            }
            Event::ReservationIntended { availability_domain, token, .. } => {
                let is_new = self.reserving.insert(token.clone(), availability_domain.clone()).is_none();
                // The intent of a growth names a reservation in place of a token.
                if is_new && !token.starts_with("grow ") {
                    *self.ordered.entry(availability_domain.clone()).or_default() += 1;
                }
            }
            Event::ReservationRefused { token } => {
                self.reserving.remove(token);
            }
            Event::ReservationHeld { ocid, availability_domain, asked, held, .. } => {
                self.reserving.retain(|_, domain| domain != availability_domain);
                self.reservations.insert(ocid.clone(), (availability_domain.clone(), *asked, *held));
            }
            Event::PaceChanged { class, rate, .. } => {
                self.rates.insert(class.clone(), *rate);
            }
            Event::RequestsCounted { requests } => {
                self.requests.clone_from(&self.requests_before);
                for (operation, count) in requests {
                    let sum = self.requests.entry(operation.clone()).or_default();
                    sum.ok += count.ok;
                    sum.throttled += count.throttled;
                    sum.failed += count.failed;
                }
            }
            Event::Warning { message } => self.warnings.push(message.clone()),
            Event::GiveBackIntended { reached, min } => self.giving_back = Some((*reached, *min)),
            Event::RatchetEnded { reason } => self.ratchet_ended = Some(*reason),
            Event::BoundReached { .. } => self.bound_reached = true,
            Event::Interrupted => self.interrupted = true,
            Event::RunFinished { outcome } => {
                self.outcome = Some(*outcome);
                self.finished_at = Some(at);
            }
            Event::GivenBack { ocid, .. } => {
                self.reservations.remove(ocid);
                self.engine.deleted(ocid);
            }
            Event::Engine { step } => self.engine.apply(at, step),
            // An intent alone says nothing about what is held; each slot applies its own events.
            _ => {}
        }
    }
}

impl Counts {
    fn each(&mut self, slot: &SlotState, mut change: impl FnMut(&mut u32)) {
        if slot.ocid.is_some() {
            change(&mut self.launched);
        }
        if matches!(slot.phase, Phase::Running | Phase::ActionDone) {
            change(&mut self.running);
        }
        if slot.phase == Phase::Failed || slot.wait_ended || slot.differs.is_some() {
            change(&mut self.failed);
        }
        if slot.unsettled.is_some() {
            change(&mut self.unsettled);
        }
    }

    fn add(&mut self, slot: &SlotState) {
        self.each(slot, |count| *count += 1);
    }

    fn remove(&mut self, slot: &SlotState) {
        self.each(slot, |count| *count -= 1);
    }
}

impl SlotState {
    fn apply(&mut self, at: Timestamp, event: &Event, places: &mut Places) {
        match event {
            Event::LaunchIntended { attempt, token, placement, .. } => {
                self.placement = Some(places.shared(placement));
                self.intended(at, *attempt, token, placement.clone());
            }
            Event::PartIntended { attempt, token, .. } => {
                self.intended(at, *attempt, token, Placement::default());
            }
            Event::TryFailed { error, action, settled, .. } => {
                self.error = Some(Box::new(error.with_words_of(self.error.as_deref())));
                if *settled || matches!(action, Action::NextPlacement | Action::GiveUpSlot) {
                    self.phase = Phase::Pending;
                    self.unsettled = None;
                }
            }
            Event::Launched { .. } => self.launched(at, event, places),
            Event::PartMade { ocid, name, adopted, .. } => {
                self.phase = Phase::ActionDone;
                self.launched_at = Some(at);
                self.ocid = Some(ocid.clone());
                self.name = Some(name.clone());
                self.adopted = *adopted;
                self.unsettled = None;
                self.error = None;
            }
            Event::StateSeen { ocid, state, fault_domain, .. } => {
                if self.unsettled.is_some() {
                    self.exists(ocid);
                }
                self.state = Some(state_name(state));
                if let (Some(seen), Some(placement)) = (fault_domain, &mut self.placement)
                    && placement.fault_domain.as_ref() != Some(seen)
                {
                    let fault_domain = Some(seen.clone());
                    *placement = places.shared(&Placement { fault_domain, ..(**placement).clone() });
                }
            }
            Event::Running { ocid, .. } => {
                self.exists(ocid);
                self.phase = Phase::Running;
                self.state = Some(StateName::Borrowed("RUNNING"));
                self.running_at = self.running_at.or(Some(at));
                self.wait_ended = false;
                self.error = None;
            }
            Event::InstanceDied { ocid, error, .. } => self.died(ocid, error),
            Event::SlotFailed { error, .. } => {
                self.phase = Phase::Failed;
                self.given_up_at = Some(at);
                self.error = Some(Box::new(error.clone()));
            }
            Event::WaitEnded { state, error, .. } => {
                self.wait_ended = true;
                if error.is_some() || self.phase == Phase::Launched {
                    self.error = error.clone().map(Box::new);
                }
                self.state = Some(state_name(state));
            }
            Event::GivenBack { ocid, .. } => self.given_back(ocid),
            _ => self.apply_action(event),
        }
    }

    fn intended(&mut self, at: Timestamp, attempt: u32, token: &str, placement: Placement) {
        self.first_tried_at.get_or_insert(at);
        if self.last_attempt != attempt {
            self.attempts += 1;
            self.last_attempt = attempt;
        }
        let first_at = match &self.unsettled {
            Some(before) if before.token == token => before.first_at,
            _ => at,
        };
        self.phase = Phase::Intended;
        self.unsettled = Some(Box::new(Intent { attempt, token: token.to_owned(), placement, first_at }));
    }

    fn launched(&mut self, at: Timestamp, event: &Event, places: &mut Places) {
        let Event::Launched { attempt, ocid, name, state, placement, adopted, differs, .. } = event else {
            return;
        };
        if self.last_attempt != *attempt {
            self.attempts += 1;
            self.last_attempt = *attempt;
        }
        self.phase = Phase::Launched;
        self.first_tried_at.get_or_insert(at);
        self.given_up_at = None;
        self.unsettled = None;
        self.ocid = Some(ocid.clone());
        self.name = Some(name.clone());
        self.state = Some(state_name(state));
        self.placement = Some(places.shared(placement));
        self.launched_at = Some(at);
        self.running_at = None;
        self.wait_ended = false;
        self.adopted = *adopted;
        self.differs.clone_from(differs);
        self.error = None;
    }

    /// An instance was seen that the slot does not know: the record of its launch is lost, but the result of the launch is now
    /// known.
    fn exists(&mut self, ocid: &str) {
        if self.ocid.as_deref() != Some(ocid) {
            self.ocid = Some(ocid.to_owned());
            self.differs = None;
            self.phase = Phase::Launched;
            self.error = None;
        }
        self.unsettled = None;
    }

    fn died(&mut self, ocid: &str, error: &ErrorRecord) {
        self.gone.push(ocid.to_owned());
        self.phase = Phase::Pending;
        self.unsettled = None;
        self.ocid = None;
        self.name = None;
        self.state = None;
        self.launched_at = None;
        self.running_at = None;
        self.wait_ended = false;
        self.differs = None;
        self.died += 1;
        self.error = Some(Box::new(error.clone()));
    }

    /// A boot volume of the slot may be rolled back too, but only its instance ends the slot.
    fn given_back(&mut self, ocid: &str) {
        if self.ocid.as_deref() == Some(ocid) {
            self.gone.push(ocid.to_owned());
            self.phase = Phase::GivenBack;
            self.wait_ended = false;
            self.differs = None;
            self.ocid = None;
            self.state = Some(StateName::Borrowed("TERMINATED"));
        }
    }

    fn apply_action(&mut self, event: &Event) {
        match event {
            Event::ActionIntended { ocid, .. } => {
                self.phase = Phase::ActionIntended;
                self.ocid = Some(ocid.clone());
                self.attempts += 1;
            }
            Event::ActionAccepted { ocid, state, work_request, .. } => {
                self.phase = Phase::ActionAccepted;
                self.ocid = Some(ocid.clone());
                self.state = Some(state_name(state));
                // An action that was sent again finds its first request in progress, and names no work request.
                if work_request.is_some() {
                    self.work_request.clone_from(work_request);
                }
            }
            Event::ActionDone { ocid, state, skipped, .. } => {
                self.phase = Phase::ActionDone;
                self.ocid = Some(ocid.clone());
                self.state = Some(state_name(state));
                self.skipped = *skipped;
                self.error = None;
            }
            _ => {}
        }
    }
}
