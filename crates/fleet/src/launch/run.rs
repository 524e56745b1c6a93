//! A launch, from its start or from where another process left it. Both use the same code: a run starts from a state.

use super::{
    LaunchOptions, RunSummary, adopt, attempt,
    context::{self, Context},
    dispatcher, finish, lost_pool,
    memory::TargetMemory,
    ratchet,
    reserve::{self, Acquired},
};
use crate::engine::env::{Environment, RunError, Sink, no_sink};
use crate::engine::journal::Journal;
use crate::plan::{EXPIRY_TAG, FleetSpec, Plan};
use ledger::{
    ErrorClass, ErrorRecord, Event, LedgerError, Next, Outcome, Phase, RunId, RunKind, RunState, SlotNumber,
};
use oci_api::models::Instance;
use oci_client::FailureClass;
use rand::{SeedableRng as _, rngs::StdRng};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Starts a run of `plan` and carries it to its end. `run` is a new id from [`Environment::new_run_id`].
///
/// When `stop` is cancelled, nothing new is launched, calls in progress are awaited, and the run ends as interrupted.
///
/// # Errors
/// When the run could not be written to the ledger. Nothing has been launched then.
pub async fn launch(
    env: &Environment,
    run: RunId,
    plan: &Plan,
    options: &LaunchOptions,
    sink: Sink,
    stop: CancellationToken,
) -> Result<RunSummary, RunError> {
    let first = Event::RunStarted {
        kind: RunKind::Launch,
        requested: plan.fleet.count,
        plan: serde_json::to_value(plan).map_err(|error| not_resumable(run, &error))?,
    };
    let halt = stop.child_token();
    let memory = TargetMemory::open(env, plan, &[], &options.hunting);
    let journal = Journal::create(env, run, first, memory.watching(sink), halt.clone()).await?;
    let taken = TakenUp { journal, memory, gone: BTreeSet::new() };
    Ok(Box::pin(carry_out(env, plan, taken, options, halt, stop)).await)
}

/// Resumes a run that another process has left at any point, or that ended with failed slots.
///
/// Slots known to run are left alone. A launch with an unknown result is sent again with the same token or, if the service has
/// forgotten the token, looked up by its tags. All other slots are launched.
///
/// # Errors
/// When another process has it, or its records do not suffice.
pub async fn resume(
    env: &Environment,
    run: RunId,
    options: &LaunchOptions,
    sink: Sink,
    stop: CancellationToken,
) -> Result<RunSummary, RunError> {
    let lease = env.store.lease(run, env.clock.now()).await?;
    let found = env.store.records(run).await?;
    let mut state = RunState::fold(run, &found.records);
    // The store continues the numbering after its last record, readable or not.
    state.last_seq = found.unreadable.iter().map(|record| record.seq).fold(state.last_seq, u64::max);
    if state.kind != Some(RunKind::Launch) {
        let reason = match state.kind {
            Some(kind) => format!("it is a run of kind {kind:?}, not a launch"),
            None => "its first record, which contains the plan, cannot be read; try `resume --from-cloud`"
                .to_owned(),
        };
        return Err(RunError::NotResumable { run, reason });
    }
    if state.outcome == Some(Outcome::Stopped) {
        return Err(not_resumable(run, &"`terminate --stop-run` ended it for good"));
    }
    let plan: Plan =
        serde_json::from_value(state.plan.clone()).map_err(|error| not_resumable(run, &error))?;
    if plan.fleet.placements.is_empty() {
        return Err(not_resumable(run, &"its plan has no placement"));
    }
    if let Some(unknown) = plan.fleet.regions.iter().find(|region| !env.client.knows(&region.region)) {
        let reason = format!("it launches in {} too, which the config does not list", unknown.region);
        return Err(not_resumable(run, &reason));
    }
    if options.settle_only && (state.giving_back.is_some() || holds_reservations(&state)) {
        return Err(not_resumable(run, &"it holds reservations or is being rolled back: resume it first"));
    }
    let lost = found.unreadable.len();
    let told = options.hunting.told.iter().map(|message| Event::Warning { message: message.clone() });
    let mut events: Vec<Event> = std::iter::once(Event::RunResumed).chain(told).collect();
    if lost > 0 {
        let message = format!(
            "{lost} records of the run cannot be read; in {} s, because lists lag, its instances are looked up by \
                 their tags",
            options.list_lag.as_secs()
        );
        events.push(Event::Warning { message });
    }
    let halt = stop.child_token();
    let memory = TargetMemory::open(env, &plan, &found.records, &options.hunting);
    let journal = Journal::open(env, Some(lease), state, memory.watching(sink), halt.clone());
    journal.intend_all(events).await?;
    let state = journal.state(RunState::clone);
    let (events, gone) = if lost > 0 {
        Box::pin(recovered(env, &plan, &state, options.list_lag, &stop)).await?
    } else {
        (adoptions(env, &plan, &state).await?, BTreeSet::new())
    };
    journal.intend_all(events).await?;
    let taken = TakenUp { journal, memory, gone };
    Ok(Box::pin(carry_out(env, &plan, taken, options, halt, stop)).await)
}

/// Writes a run into the ledger that only the tags of its instances remember, so that it can be resumed.
///
/// `plan` provides what the tags do not: where to launch missing instances. No tag contains the minimum: unless `plan` has one,
/// the run is never rolled back. The first name and the expiry of the fleet are taken from the instances. The function waits
/// for `lag` before it lists them, because a list may lag behind launches by up to [`LONGEST_LAG`].
///
/// # Errors
/// When the compartment cannot be listed, no instance has the run's tag, or the ledger has the run and can read it.
pub async fn rebuild_from_cloud(
    env: &Environment,
    run: RunId,
    plan: &Plan,
    lag: Duration,
) -> Result<RunState, RunError> {
    // An instance that the list does not show yet would be launched a second time.
    tokio::time::sleep(lag).await;
    let found = adopt::survey(&env.client, &plan.fleet.compartment, run).await.map_err(Box::new)?;
    let Some(highest) = found.keys().next_back().copied() else {
        let compartment = &plan.fleet.compartment;
        if let Some(why) = lost_pool::why_not(&env.client, compartment, run).await.map_err(Box::new)? {
            return Err(not_resumable(run, &why));
        }
        return Err(not_resumable(run, &format!("no instance in {compartment} has its tag")));
    };
    if let Some(why) = lost_pool::wrong_engine(plan.fleet.engine) {
        return Err(not_resumable(run, &why));
    }
    let plan = as_found(plan, highest, &found);
    let first = Event::RunStarted {
        kind: RunKind::Launch,
        requested: plan.fleet.count,
        plan: serde_json::to_value(&plan).map_err(|error| not_resumable(run, &error))?,
    };
    let journal = match Journal::create(env, run, first.clone(), no_sink(), CancellationToken::new()).await {
        Ok(journal) => journal,
        Err(LedgerError::RunExists { .. }) => restart(env, run, first).await?,
        Err(error) => return Err(error.into()),
    };
    let events = journal.state(|state| adoption_events(&plan.fleet, state, found, Some(env.clock.now())));
    journal.intend_all(events).await?;
    Ok(journal.into_state())
}

/// The plan with facts from the run's instances: their names, number, domains and expiry.
fn as_found(plan: &Plan, highest: SlotNumber, found: &BTreeMap<SlotNumber, Vec<Instance>>) -> Plan {
    let mut plan = plan.clone();
    plan.fleet.count = plan.fleet.count.max(highest);
    let all = || found.iter().flat_map(|(slot, instances)| instances.iter().map(move |one| (*slot, one)));
    let numbers: BTreeMap<SlotNumber, u32> = all()
        .filter_map(|(slot, instance)| Some((slot, plan.number_in(instance.display_name.as_deref()?)?)))
        .collect();
    number_as(&mut plan.fleet, &numbers);
    let expiry = all().find_map(|(_, instance)| instance.freeform_tags.as_ref()?.get(EXPIRY_TAG));
    if let Some(until) = expiry {
        let tags = plan.fleet.template.freeform_tags.get_or_insert_default();
        tags.insert(EXPIRY_TAG.to_owned(), until.clone());
    }
    if let Some(spread) = plan.fleet.spread {
        let domain = |slot: SlotNumber| {
            let instance = found.get(&slot)?.first()?;
            Some(spread.across.domain(&instance.availability_domain, instance.fault_domain.as_deref()))
        };
        let fixed: Vec<_> = plan.slots().map(domain).collect();
        // The domains are chosen even if that is uneven, because an existing run is not given up for that.
        let _ = plan.fleet.spread_beside([], &fixed);
    }
    plan
}

/// Assigns the numbers in the names of instances to the slots. Most fleets are numbered consecutively; in one that used free
/// numbers, slots without an instance get the lowest unused ones.
fn number_as(fleet: &mut FleetSpec, numbers: &BTreeMap<SlotNumber, u32>) {
    let mut firsts =
        numbers.iter().map(|(slot, number)| (number + 1).checked_sub(*slot).filter(|first| *first > 0));
    let Some(first) = firsts.next() else { return };
    if let Some(first) = first.filter(|first| firsts.all(|other| other == Some(*first))) {
        fleet.first_number = first;
        return;
    }
    let taken: BTreeSet<u32> = numbers.values().copied().collect();
    let mut free = (1..).filter(|number| !taken.contains(number));
    let all =
        (1..=fleet.count).map(|slot| numbers.get(&slot).copied().or_else(|| free.next()).unwrap_or(slot));
    fleet.numbers = all.collect();
}

/// Writes a new first record for a run whose own cannot be read. A run that can be read needs no rebuilding.
async fn restart(env: &Environment, run: RunId, first: Event) -> Result<Journal, RunError> {
    let lease = env.store.lease(run, env.clock.now()).await?;
    let found = env.store.records(run).await?;
    let state = RunState::fold(run, &found.records);
    if state.kind.is_some() {
        return Err(LedgerError::RunExists { run }.into());
    }
    let journal = Journal::open(env, Some(lease), state, no_sink(), CancellationToken::new());
    journal.intend(first).await?;
    Ok(journal)
}

/// Live instances with the run's tags for slots without one in the ledger, because a record was lost or a token is too old. If
/// the list cannot be read, each unsettled slot looks for its own instance.
async fn adoptions(env: &Environment, plan: &Plan, state: &RunState) -> Result<Vec<Event>, RunError> {
    // The members of pools have no tag of a slot, and are found through their pools.
    let by_tags = !plan.fleet.engine.is_pooled();
    if !by_tags || state.remaining().all(|(_, next)| matches!(next, Next::Watch { .. })) {
        return Ok(Vec::new());
    }
    match adopt::survey(&env.client, &plan.fleet.compartment, state.run).await {
        Ok(found) => Ok(adoption_events(&plan.fleet, state, found, Some(env.clock.now()))),
        Err(failure) if failure.class == FailureClass::Authentication => Err(Box::new(failure).into()),
        Err(failure) => {
            let message = format!("the instances of the compartment could not be listed: {failure}");
            Ok(vec![Event::Warning { message }])
        }
    }
}

/// What the tags show about a run that has lost records. Any slot may have an instance that the other records do not show, so
/// the list must be readable and up to date with the last launch; otherwise each such slot would be launched again.
///
/// Also returns the slots whose instance ran and was terminated.
async fn recovered(
    env: &Environment,
    plan: &Plan,
    state: &RunState,
    lag: Duration,
    stop: &CancellationToken,
) -> Result<(Vec<Event>, BTreeSet<SlotNumber>), RunError> {
    tokio::select! {
        biased;
        // Nothing is launched after that.
        () = stop.cancelled() => return Ok((Vec::new(), BTreeSet::new())),
        () = tokio::time::sleep(lag) => {}
    }
    let found = adopt::survey(&env.client, &plan.fleet.compartment, state.run).await.map_err(Box::new)?;
    let missing: Vec<(SlotNumber, String)> = state
        .slots
        .iter()
        .filter(|(number, slot)| slot.phase == Phase::Running && !found.contains_key(number))
        .filter_map(|(number, slot)| Some((*number, slot.ocid.clone()?)))
        .collect();
    let mut events = adoption_events(&plan.fleet, state, found, None);
    if plan.reserve.is_some() {
        let compartment = &plan.fleet.compartment;
        events.extend(reserve::unrecorded(&env.client, compartment, state).await.map_err(Box::new)?);
    }
    let mut gone = BTreeSet::new();
    for (slot, ocid) in missing {
        if adopt::is_gone(&env.client, &ocid).await {
            let error = finish::gone(&ocid);
            events.push(Event::InstanceDied { slot, ocid, error: error.clone() });
            events.push(Event::SlotFailed { slot, error });
            gone.insert(slot);
        }
    }
    Ok((events, gone))
}

/// `now` determines whether a retry token can still be sent: while it can, it alone shows what its launch created. A list that
/// lags may show an older instance of the slot, and adopting that would lose the newer one. Without `now` the list is trusted,
/// and the state may be behind it.
fn adoption_events(
    fleet: &FleetSpec,
    state: &RunState,
    found: BTreeMap<SlotNumber, Vec<Instance>>,
    now: Option<jiff::Timestamp>,
) -> Vec<Event> {
    let mut events = Vec::new();
    for (slot, mut instances) in found {
        let known = state.slot(slot);
        instances.retain(|instance| !known.gone.contains(&instance.id));
        if instances.len() > 1 {
            let ocids: Vec<&str> = instances.iter().map(|instance| instance.id.as_str()).collect();
            let message = format!("slot {slot} has {} instances: {}", ocids.len(), ocids.join(", "));
            events.push(Event::Warning { message });
        }
        let of_the_run = (1..=state.requested.max(fleet.slots())).contains(&slot);
        let Some(first) = instances.first().filter(|_| of_the_run) else { continue };
        let token_tells = match (&known.unsettled, now) {
            (Some(intent), Some(now)) => !attempt::is_expired(intent, now),
            _ => false,
        };
        let replaced = known.ocid.as_ref().filter(|ocid| instances.iter().all(|one| one.id != **ocid));
        let free = match (&known.ocid, now) {
            (None, Some(_)) => known.phase != Phase::GivenBack && !token_tells,
            (None, None) => true,
            (Some(_), now) => now.is_none() && replaced.is_some(),
        };
        if free {
            let gone =
                replaced.map(|ocid| Event::InstanceDied { slot, ocid: ocid.clone(), error: superseded() });
            events.extend(gone);
            let which = (slot, known.last_attempt.max(1));
            events.push(adopt::adopted(fleet, first.clone(), which, known.placement.as_deref()));
        }
    }
    events
}

/// Why a slot no longer has the instance in its records: the record of its end was lost.
fn superseded() -> ErrorRecord {
    ErrorRecord {
        class: ErrorClass::Superseded,
        code: "RecordLost".to_owned(),
        message: "the record of the end of this instance is lost; another instance has the slot".to_owned(),
        ..ErrorRecord::default()
    }
}

/// A run that this process has started or resumed.
struct TakenUp {
    journal: Journal,
    memory: Arc<TargetMemory>,
    gone: BTreeSet<SlotNumber>,
}

async fn carry_out(
    env: &Environment,
    plan: &Plan,
    taken: TakenUp,
    options: &LaunchOptions,
    halt: CancellationToken,
    stop: CancellationToken,
) -> RunSummary {
    let TakenUp { journal, memory, gone } = taken;
    let began = Instant::now();
    let options = &until(plan, options, env.clock.now());
    // A different random stream each time the run is resumed, and the same one each time it is replayed.
    let last_seq = journal.state(|state| state.last_seq);
    let rng = StdRng::seed_from_u64(env.seed ^ last_seq.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let giving_back = journal.state(|state| state.giving_back.is_some());
    // Instances would already have expired, so nothing is reserved for them.
    let over = context::time_of(plan).is_some_and(|until| until <= env.clock.now());
    let is_ratchet = plan.reserve.as_ref().is_some_and(|reserve| reserve.ratchet.is_some());
    if is_ratchet && !giving_back && !over && !options.settle_only {
        let setup = ratchet::Setup { env, plan, options, journal: &journal, memory: &memory, halt, gone };
        Box::pin(ratchet::carry_out(setup, rng, &stop)).await;
        return summary_of(journal, plan);
    }
    let acquired = match plan.reserve.as_ref().filter(|_| !giving_back && !over && !options.settle_only) {
        Some(reserve) => {
            Box::pin({
                let within = options.deadline.unwrap_or(Duration::MAX);
                reserve::acquire(&env.client, plan, reserve, &journal, &stop, within)
            })
            .await
        }
        None => Acquired::Launch(Box::new(plan.clone())),
    };
    match acquired {
        Acquired::Launch(plan) => {
            // Reserving has used part of the time.
            let deadline = options.deadline.map(|deadline| deadline.saturating_sub(began.elapsed()));
            let options = LaunchOptions { deadline, ..options.clone() };
            let mut context = Context::new(env, &plan, &options, (&journal, &memory), halt, rng);
            context.gone = gone;
            Box::pin(dispatcher::drive(&context, &stop)).await;
        }
        Acquired::Ended(outcome) => {
            let outcome = journal.state(|state| finish::without_launching(state, outcome));
            journal.finish(None, outcome).await;
        }
    }
    summary_of(journal, plan)
}

fn summary_of(journal: Journal, plan: &Plan) -> RunSummary {
    let ledger_error = journal.broken().map(|error| error.to_string());
    RunSummary { ledger_error, ..RunSummary::from_owned(journal.into_state(), plan) }
}

/// The options with the deadline of a hunt's terms. A hunt whose time is over already launches nothing, but is not cut short:
/// what a launch in doubt has made is still looked up. Reservations cost money every hour, so they are given back at once.
fn until(plan: &Plan, options: &LaunchOptions, now: jiff::Timestamp) -> LaunchOptions {
    let left = plan.hunt.map(|terms| Duration::try_from(terms.until.duration_since(now)).unwrap_or_default());
    let left = left.filter(|left| !left.is_zero() || plan.reserve.is_some());
    let deadline = left.into_iter().chain(options.deadline).min();
    LaunchOptions { deadline, ..options.clone() }
}

/// Whether the run has created reservations that may still exist.
fn holds_reservations(state: &RunState) -> bool {
    !(state.reservations.is_empty() && state.reserving.is_empty())
}

fn not_resumable(run: RunId, reason: &impl std::fmt::Display) -> RunError {
    RunError::NotResumable { run, reason: reason.to_string() }
}
