//! Connects a run to the capacity memory: converts its events to responses of targets, and tells which targets to avoid for
//! now.
//!
//! The memory only affects the order. It never ends a launch, and a launch continues if the memory cannot be read or written.

pub use super::target::{scope_in, scope_of, target_of};

use super::hunt::{Hunt, Hunting};
use crate::engine::env::{Environment, Sink};
use crate::plan::{FleetSpec, Plan};
use crate::query::preflight::limits::named_in;
use jiff::Timestamp;
use ledger::capacity::{Answer, CapacityMemory, Claim, Observation, Remembered, Scope, Subject};
use ledger::{Action, ErrorClass, ErrorRecord, Event, Placement, Places, Record, SlotNumber};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// The number of responses that are written together, unless one is a refusal. A process that dies loses fewer than this.
const GATHERED: usize = 100;
/// Separates the random waits of a run from its other random numbers.
const SEED: u64 = 0x6D65_6D6F_7279;

/// What refused a launch: the target, a limit of the region, or a quota of the compartment. `None` for failures that say
/// nothing about capacity.
fn refuser(fleet: &FleetSpec, placement: &Placement, error: &ErrorRecord) -> Option<Subject> {
    match error.class {
        ErrorClass::Capacity | ErrorClass::ReservationExhausted => Some(target_of(fleet, placement)),
        ErrorClass::Limit if error.code == "QuotaExceeded" => {
            let compartment = fleet.compartment_at(placement).to_owned();
            Some(Subject::Quota { compartment, shape: placement.shape.clone() })
        }
        ErrorClass::Limit => {
            let name = named_in(&error.message).into_iter().next().unwrap_or_default();
            Some(Subject::Limit { name, shape: placement.shape.clone() })
        }
        _ => None,
    }
}

/// What something is remembered by. Limits and quotas have the same names in each region, and targets do not.
type Key = (Option<String>, Subject);

fn key(region: Option<&str>, subject: Subject) -> Key {
    let is_target = matches!(subject, Subject::Target { .. });
    (region.filter(|_| !is_target).map(str::to_owned), subject)
}

/// Whether it is a limit or a quota against which launches in this placement count.
fn is_limit_of((region, subject): &Key, fleet: &FleetSpec, placement: &Placement) -> bool {
    match subject {
        _ if *region != placement.region => false,
        Subject::Target { .. } => false,
        Subject::Limit { shape, .. } => *shape == placement.shape,
        Subject::Quota { compartment, shape } => {
            *shape == placement.shape && compartment == fleet.compartment_at(placement)
        }
    }
}

/// A response, with the further region that gave it.
struct RegionAnswer {
    region: Option<String>,
    /// The target that was asked.
    target: Subject,
    /// What the response counts for: the target, or a limit or a quota that refused the launch there.
    subject: Subject,
    answer: Answer,
}

/// The fold over the records of one run that determines how its targets responded.
struct Answers {
    fleet: FleetSpec,
    /// The placement of the last attempt of each slot that was not seen running since.
    tried: BTreeMap<SlotNumber, Arc<Placement>>,
    places: Places,
    /// Slots whose launch was accepted, without further news.
    accepted: BTreeSet<SlotNumber>,
}

impl Answers {
    fn apply(&mut self, record: &Record) -> Vec<RegionAnswer> {
        match &record.event {
            Event::LaunchIntended { slot, placement, .. } => {
                self.tried.insert(*slot, self.places.shared(placement));
                Vec::new()
            }
            // Refusals that are waited out may be transient and are not final.
            Event::TryFailed { slot, error, action: Action::NextPlacement | Action::GiveUpSlot, .. } => self
                .at(*slot, |fleet, placement| {
                    Some((refuser(fleet, placement, error)?, Answer::Refused(error.clone())))
                }),
            Event::Launched { slot, adopted: false, .. } => {
                self.accepted.insert(*slot);
                self.at(*slot, |fleet, placement| Some((target_of(fleet, placement), Answer::Accepted)))
            }
            Event::InstanceDied { slot, error, .. } => {
                self.accepted.remove(slot);
                self.at(*slot, |fleet, placement| {
                    Some((refuser(fleet, placement, error)?, Answer::FailedLate(error.clone())))
                })
            }
            Event::Running { slot, .. } if self.accepted.remove(slot) => {
                let yielded = self.yielded(*slot);
                self.tried.remove(slot);
                yielded
            }
            // With `--no-wait`, nothing checks whether they run.
            Event::RunFinished { .. } => {
                let accepted = std::mem::take(&mut self.accepted);
                accepted.into_iter().flat_map(|slot| self.yielded(slot)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// An instance that was obtained also shows that the limits of its shape have room.
    fn yielded(&self, slot: SlotNumber) -> Vec<RegionAnswer> {
        self.at(slot, |fleet, placement| Some((target_of(fleet, placement), Answer::Yielded)))
    }

    fn at(
        &self,
        slot: SlotNumber,
        answer: impl FnOnce(&FleetSpec, &Placement) -> Option<(Subject, Answer)>,
    ) -> Vec<RegionAnswer> {
        let told = self.tried.get(&slot).and_then(|placement| {
            let (subject, answer) = answer(&self.fleet, placement)?;
            let target = target_of(&self.fleet, placement);
            Some(RegionAnswer { region: placement.region.clone(), target, subject, answer })
        });
        told.into_iter().collect()
    }
}

/// The capacity memory as one run sees it.
pub(crate) struct TargetMemory {
    scope: Scope,
    /// Those of further regions, by their names.
    further: BTreeMap<String, Scope>,
    store: Option<Arc<dyn CapacityMemory>>,
    inner: Mutex<Recollection>,
    /// Told about each response of a target.
    hunt: Option<Arc<Hunt>>,
    /// Whether a failure of the store was reported.
    failed: AtomicBool,
}

struct Recollection {
    answers: Answers,
    /// Responses that are not in the store yet, with their further regions.
    unwritten: Vec<(Option<String>, Observation)>,
    known: BTreeMap<Key, Remembered>,
    chance: StdRng,
}

impl TargetMemory {
    /// The machine's memory when a run begins, or is resumed after the records `past`.
    pub fn open(env: &Environment, plan: &Plan, past: &[Record], hunting: &Hunting) -> Arc<Self> {
        let mut answers = Answers {
            fleet: plan.fleet.clone(),
            tried: BTreeMap::new(),
            places: Places::default(),
            accepted: BTreeSet::new(),
        };
        for record in past {
            answers.apply(record);
        }
        let chance = StdRng::seed_from_u64(env.seed ^ SEED);
        let inner =
            Mutex::new(Recollection { answers, unwritten: Vec::new(), known: BTreeMap::new(), chance });
        let hunt = plan.hunt.map(|terms| Hunt::new(terms, hunting.clone(), &plan.fleet, past));
        let further = plan.fleet.regions.iter();
        let memory = Self {
            scope: scope_of(plan),
            further: further.map(|region| (region.region.clone(), scope_in(plan, region))).collect(),
            store: env.memory.clone(),
            inner,
            hunt,
            failed: AtomicBool::new(false),
        };
        memory.refresh();
        Arc::new(memory)
    }

    /// The terms that make the run a hunt.
    pub fn hunt(&self) -> Option<Arc<Hunt>> {
        self.hunt.clone()
    }

    /// Claims a probe of the tenancy; `None` without a writable memory.
    pub fn claim_probe(&self, now: Timestamp, floor: Duration) -> Option<Claim> {
        let claim = self.store.as_ref()?.claim_probe(&self.scope, now, floor);
        claim.map_err(|error| self.tell(&error)).ok()
    }

    /// Claims a capacity report of the tenancy; `None` without a writable memory.
    pub fn claim_report(&self, now: Timestamp, floor: Duration) -> Option<Claim> {
        let claim = self.store.as_ref()?.claim_probe(&self.scope.of_reports(), now, floor);
        claim.map_err(|error| self.tell(&error)).ok()
    }

    /// Reads what other processes have learned meanwhile.
    pub fn refresh(&self) {
        let Some(store) = &self.store else { return };
        let mut targets: BTreeMap<Option<String>, BTreeSet<Subject>> = BTreeMap::new();
        {
            let fleet = &self.lock().answers.fleet;
            for placement in &fleet.placements {
                targets.entry(placement.region.clone()).or_default().insert(target_of(fleet, placement));
            }
        }
        let mut all = BTreeMap::new();
        for (region, targets) in targets {
            let region = region.as_deref();
            match store.recall_for(self.scope_at(region), &targets) {
                Ok(known) => {
                    all.extend(known.into_iter().map(|(subject, known)| (key(region, subject), known)));
                }
                Err(error) => return self.tell(&error),
            }
        }
        self.lock().known = all;
    }

    fn scope_at(&self, region: Option<&str>) -> &Scope {
        region.and_then(|region| self.further.get(region)).unwrap_or(&self.scope)
    }

    /// The observer of the run's records, which updates the memory and then calls `sink`. Nothing else writes the memory.
    pub fn watching(self: &Arc<Self>, sink: Sink) -> Sink {
        let memory = Arc::clone(self);
        Arc::new(move |record| {
            memory.see(record);
            sink(record);
        })
    }

    fn see(&self, record: &Record) {
        let answers = self.lock().answers.apply(record);
        if let Some(hunt) = &self.hunt {
            hunt.recorded(&record.event);
        }
        let is_over = matches!(record.event, Event::RunFinished { .. });
        self.learn(record.at, answers, is_over);
    }

    /// What a target of the run's own region answered to a request that was no launch: a reservation that was to grow there.
    pub fn answered(&self, target: &Subject, at: Timestamp, answer: Answer) {
        let (target, subject) = (target.clone(), target.clone());
        self.learn(at, vec![RegionAnswer { region: None, target, subject, answer }], false);
    }

    fn learn(&self, at: Timestamp, answers: Vec<RegionAnswer>, is_over: bool) {
        let mut inner = self.lock();
        let mut observations = Vec::new();
        for RegionAnswer { region, target, subject, answer } in answers {
            if let Some(hunt) = &self.hunt {
                // Whatever refused, nothing more is launched there without the floor.
                hunt.see(&target, &answer);
            }
            if answer == Answer::Yielded {
                // The limits of its shape have room, which ends their wait and means nothing else.
                let limits: Vec<Subject> = inner
                    .known
                    .keys()
                    .filter(|(of, known)| {
                        let is_limit = !matches!(known, Subject::Target { .. });
                        is_limit && *of == region && known.shape() == subject.shape()
                    })
                    .map(|(_, known)| known.clone())
                    .collect();
                for limit in limits {
                    let (answer, chance) = (Answer::Reported, 0.0);
                    let observation = Observation { subject: limit, at, answer, chance };
                    observations.push((region.clone(), observation));
                }
            }
            let chance = inner.chance.random_range(0.0..1.0);
            observations.push((region, Observation { subject, at, answer, chance }));
        }
        for (region, observation) in &observations {
            let key = key(region.as_deref(), observation.subject.clone());
            inner.known.entry(key).or_default().apply(observation);
        }
        // Writing each launch would cost more than it is worth to others, but they need refusals at once.
        let is_news = |(_, one): &(Option<String>, Observation)| {
            matches!(one.answer, Answer::Refused(_) | Answer::FailedLate(_))
        };
        let is_due = observations.iter().any(is_news) || is_over;
        inner.unwritten.append(&mut observations);
        if !is_due && inner.unwritten.len() < GATHERED {
            return;
        }
        let mut by_region: BTreeMap<Option<String>, Vec<Observation>> = BTreeMap::new();
        for (region, observation) in std::mem::take(&mut inner.unwritten) {
            by_region.entry(region).or_default().push(observation);
        }
        drop(inner);
        let Some(store) = &self.store else { return };
        for (region, observations) in by_region {
            if let Err(error) = store.observe(self.scope_at(region.as_deref()), &observations) {
                self.tell(&error);
            }
        }
    }

    /// Whether other placements should be tried before this one.
    pub fn is_waiting(&self, fleet: &FleetSpec, placement: &Placement, now: Timestamp) -> bool {
        let inner = self.lock();
        if inner.known.is_empty() {
            return false;
        }
        let target = target_of(fleet, placement);
        let is_waiting = |known: &Remembered| known.is_waiting(now);
        inner.known.get(&key(None, target)).is_some_and(is_waiting)
            || inner
                .known
                .iter()
                .any(|(subject, known)| is_limit_of(subject, fleet, placement) && is_waiting(known))
    }

    /// Whether a limit or a quota of the placement refused recently.
    pub fn is_limited(&self, fleet: &FleetSpec, placement: &Placement, now: Timestamp) -> bool {
        self.lock()
            .known
            .iter()
            .any(|(subject, known)| is_limit_of(subject, fleet, placement) && known.is_waiting(now))
    }

    /// The limits and quotas that refused lately, each with the places of the fleet that count against it.
    pub fn waiting_limits(&self, fleet: &FleetSpec, now: Timestamp) -> Vec<(Subject, Vec<Placement>)> {
        let inner = self.lock();
        let limits = inner.known.iter().filter(|((_, subject), known)| {
            !matches!(subject, Subject::Target { .. }) && known.is_waiting(now)
        });
        let places = |limit: &Key| {
            let mut places: Vec<Placement> = Vec::new();
            for placement in fleet.placements.iter().filter(|place| is_limit_of(limit, fleet, place)) {
                if !places.iter().any(|known| known.availability_domain == placement.availability_domain) {
                    places.push(Placement { fault_domain: None, ..placement.clone() });
                }
            }
            places
        };
        limits.map(|(limit, _)| (limit.1.clone(), places(limit))).collect()
    }

    /// A limit is known to have room again, which ends its wait and changes nothing else.
    pub fn report(&self, region: Option<&str>, limit: &Subject, at: Timestamp) {
        let observation = Observation { subject: limit.clone(), at, answer: Answer::Reported, chance: 0.0 };
        self.lock().known.entry(key(region, limit.clone())).or_default().apply(&observation);
        if let Some(store) = &self.store
            && let Err(error) = store.observe(self.scope_at(region), &[observation])
        {
            self.tell(&error);
        }
    }

    /// The share of the target's requests that provided an instance, and when it was last asked.
    pub fn record_of(&self, target: &Subject, now: Timestamp) -> (f64, Option<Timestamp>) {
        let inner = self.lock();
        let Some(known) = inner.known.get(&key(None, target.clone())) else { return (0.0, None) };
        (known.score(now).unwrap_or_default(), known.refused_at.max(known.yielded_at))
    }

    /// How many launches may be in flight at a target according to its last responses; `None` while it never refused.
    pub fn budget(&self, target: &Subject) -> Option<u32> {
        self.lock().known.get(&key(None, target.clone())).and_then(|known| known.budget)
    }

    fn tell(&self, error: &ledger::capacity::MemoryError) {
        if !self.failed.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "the run goes on without the capacity memory");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Recollection> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
