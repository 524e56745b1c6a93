//! Rolls back a run that stayed below its minimum: deletes its instances, each with its volumes.
//!
//! Everything that the ledger knows or that carries the run's tags is deleted. Repeating a deletion is harmless, so a process
//! that resumes the run in the middle starts again. This module must not decide whether a run is rolled back.

use super::{adopt, context::Context};
use crate::engine::{
    cloud::{self, KeepVolumes},
    failure::error_record,
    outcome::Ending,
    pacer::Class,
};
use futures_util::{StreamExt as _, stream};
use ledger::{Action, ErrorClass, ErrorRecord, Event, Next, Outcome, Phase, SlotNumber};
use oci_api::models::{Instance, InstanceLifecycleState as State};
use oci_client::{Failure, FailureClass};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The pause between two polls.
const BETWEEN_LOOKS: Duration = Duration::from_secs(8);
/// How long the instance of a launch with an unknown result is looked for: lists lag, and a request may arrive late.
const STRAGGLERS: Duration = Duration::from_mins(2);
/// An instance that still exists this long after its deletion was accepted is deleted again.
const AGAIN: Duration = Duration::from_mins(3);
/// Deleted instances stay known for 12 hours (OpenAPI of the Core Services), so a single "not found" proves nothing: it must
/// persist for this long.
const MISSING: Duration = Duration::from_mins(5);
/// The maximum duration of the rollback, after which the rest is reported.
const LONGEST: Duration = Duration::from_mins(30);
/// The maximum number of deletions in flight; the pacer decides their rate.
const AT_ONCE: usize = 16;

/// An instance to delete.
#[derive(Clone, Debug)]
struct Target {
    slot: SlotNumber,
    /// When its deletion was accepted.
    sent: Option<Instant>,
    /// The work request of the deletion that takes effect.
    work_request: Option<String>,
    /// Since when the service has said that it does not know it.
    missing: Option<Instant>,
}

impl Target {
    fn new(slot: SlotNumber) -> Self {
        Self { slot, sent: None, work_request: None, missing: None }
    }
}

/// Deletes everything that the run created, and returns how that ended.
pub(crate) async fn run(context: &Context<'_>, stop: &CancellationToken) -> Outcome {
    let began = Instant::now();
    let mut unsettled = 0;
    let mut targets: BTreeMap<String, Target> = context.journal.state(|state| {
        unsettled = state.counts.unsettled;
        let known = state.slots.iter().filter_map(|(slot, state)| Some((state.ocid.clone()?, *slot)));
        known.map(|(ocid, slot)| (ocid, Target::new(slot))).collect()
    });
    let mut last = None;
    let mut interrupted = false;
    loop {
        // Only a list that was read shows that nothing in doubt exists.
        let mut quiet = unsettled == 0;
        // Until the response comes, this machine may sleep: it shows what was there when it was asked for.
        let asked = Instant::now();
        match survey(context).await {
            Ok(found) => {
                quiet |= asked.duration_since(began) >= STRAGGLERS;
                settle(context, &mut targets, found, asked).await;
            }
            Err(failure) => last = Some(failure),
        }
        if let Some(failure) = send(context, &mut targets).await {
            last = Some(failure);
        }
        if targets.is_empty() && quiet {
            no_longer_in_doubt(context).await;
            return Outcome::GivenBack;
        }
        if is_refused(last.as_ref()) || context.journal.broken().is_some() || began.elapsed() >= LONGEST {
            break;
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => {
                context.journal.record(vec![Event::Interrupted]).await;
                interrupted = true;
                break;
            }
            () = tokio::time::sleep(context.spread(BETWEEN_LOOKS, 0.5)) => {}
        }
    }
    report(context, targets, last.as_ref()).await;
    let refused = is_refused(last.as_ref());
    Ending { refused, interrupted, in_doubt: true, ..Ending::default() }.outcome()
}

fn is_refused(failure: Option<&Failure>) -> bool {
    failure.is_some_and(|failure| failure.class == FailureClass::Authentication)
}

/// Every instance of the run that the list shows, including terminated ones.
async fn survey(context: &Context<'_>) -> Result<Vec<(SlotNumber, Instance)>, Failure> {
    let client = &context.env.client;
    let list = client.all::<Instance>(cloud::list(&context.plan.fleet.compartment));
    let listed = context.pacer.call(Class::Read, list).await;
    let ours = |instance: Instance| Some((adopt::slot_of(&instance, context.run)?, instance));
    Ok(listed?.into_iter().filter_map(ours).collect())
}

/// Applies the list, which was asked for at this time: new targets, and targets that are gone. A target that the list does not
/// show is read.
async fn settle(
    context: &Context<'_>,
    targets: &mut BTreeMap<String, Target>,
    found: Vec<(SlotNumber, Instance)>,
    asked: Instant,
) {
    let mut listed: BTreeMap<String, State> = BTreeMap::new();
    for (slot, instance) in found {
        let dead = adopt::is_dead(&instance.lifecycle_state);
        if !dead && !targets.contains_key(&instance.id) && !is_rolled_back(context, slot, &instance.id) {
            adopt_into_slot(context, slot, &instance).await;
            targets.insert(instance.id.clone(), Target::new(slot));
        }
        listed.insert(instance.id, instance.lifecycle_state);
    }
    let mut gone = Vec::new();
    for (ocid, target) in targets.iter_mut() {
        let state = match listed.remove(ocid) {
            Some(state) => {
                target.missing = None;
                Some(state)
            }
            None => look(context, ocid, target).await,
        };
        let lost = target.missing.is_some_and(|since| asked.saturating_duration_since(since) >= MISSING);
        if lost || state == Some(State::Terminated) {
            gone.push(ocid.clone());
        }
    }
    for ocid in gone {
        let Some(Target { slot, work_request, .. }) = targets.remove(&ocid) else { continue };
        context.journal.record(vec![Event::GivenBack { slot: Some(slot), ocid, work_request }]).await;
    }
}

/// A stale list may still show as alive what is known to be gone.
fn is_rolled_back(context: &Context<'_>, slot: SlotNumber, ocid: &str) -> bool {
    context.journal.state(|state| state.slot(slot).gone.iter().any(|gone| gone == ocid))
}

/// Assigns an instance that the ledger did not know to its slot if that has none, so that it can be rolled back.
async fn adopt_into_slot(context: &Context<'_>, slot: SlotNumber, instance: &Instance) {
    let adopted = context.journal.state(|state| {
        let known = state.slot(slot);
        let attempt = known.last_attempt.max(1);
        let asked = known.placement.as_deref();
        known
            .ocid
            .is_none()
            .then(|| adopt::adopted(&context.plan.fleet, instance.clone(), (slot, attempt), asked))
    });
    context.journal.record(adopted.into_iter().collect()).await;
}

/// The state of an instance that the list does not show.
async fn look(context: &Context<'_>, ocid: &str, target: &mut Target) -> Option<State> {
    match context.pacer.call(Class::Read, cloud::get(&context.env.client, ocid)).await {
        Ok(instance) => {
            target.missing = None;
            Some(instance.lifecycle_state)
        }
        Err(failure) => {
            if failure.class == FailureClass::NotFound {
                target.missing.get_or_insert_with(Instant::now);
            }
            None
        }
    }
}

/// Sends the deletions that are due. Returns the last failure, if any; the next poll repeats the deletion.
async fn send(context: &Context<'_>, targets: &mut BTreeMap<String, Target>) -> Option<Failure> {
    let due = targets.iter().filter(|(_, target)| target.sent.is_none_or(|sent| sent.elapsed() >= AGAIN));
    let due: Vec<String> = due.map(|(ocid, _)| ocid.clone()).collect();
    let keep = KeepVolumes::after_rollback(&context.plan.fleet.template);
    let mut answers = stream::iter(due)
        .map(|ocid| async move {
            let deletion = cloud::terminate(&context.env.client, &ocid, keep);
            let answer = context.pacer.call(Class::Write, deletion).await;
            (ocid, answer)
        })
        .buffer_unordered(AT_ONCE);
    let mut last = None;
    while let Some((ocid, answer)) = answers.next().await {
        let work_request = match answer {
            Ok(work_request) => work_request,
            // It may already be gone, which the next polls show.
            Err(failure) if failure.class == FailureClass::NotFound => None,
            Err(failure) => {
                last = Some(failure);
                continue;
            }
        };
        if let Some(target) = targets.get_mut(&ocid) {
            target.sent = Some(Instant::now());
            // A deletion that is repeated has no work request of its own.
            target.work_request = target.work_request.take().or(work_request);
        }
    }
    last
}

/// Records that launches with an unknown result created nothing that still exists, after a long enough search. Slots without
/// records, because they are lost, have nothing either.
pub(super) async fn no_longer_in_doubt(context: &Context<'_>) {
    let error = ErrorRecord {
        class: ErrorClass::GivenBack,
        code: "GivenBack".to_owned(),
        message: "the run was rolled back; no instance has the tags of this slot".to_owned(),
        ..ErrorRecord::default()
    };
    let events = context.journal.state(|state| {
        let in_doubt =
            state.slots.iter().filter_map(|(slot, state)| Some((*slot, state.unsettled.as_ref()?.attempt)));
        let failed = |(slot, attempt)| {
            let (error, action) = (error.clone(), Action::GiveUpSlot);
            [
                Event::TryFailed { slot, attempt, error: error.clone(), action, settled: true },
                Event::SlotFailed { slot, error },
            ]
        };
        let untold = state.remaining().map(|(slot, next)| (slot, next, state.slot(slot).phase));
        let untold =
            untold.filter(|(_, next, phase)| matches!(next, Next::Launch { .. }) && *phase != Phase::Failed);
        let untold = untold.map(|(slot, ..)| Event::SlotFailed { slot, error: error.clone() });
        in_doubt.flat_map(failed).chain(untold).collect()
    });
    context.journal.record(events).await;
}

/// Reports what still exists.
async fn report(context: &Context<'_>, targets: BTreeMap<String, Target>, last: Option<&Failure>) {
    let why = last.map(error_record).map_or_else(String::new, |error: ErrorRecord| {
        format!(" (the last failure: {}: {})", error.code, error.message)
    });
    let events = targets.into_keys().map(|ocid| {
        let message =
            format!("{ocid} was to be terminated, but may STILL RUN and be charged{why}; `resume` continues");
        Event::Warning { message }
    });
    let mut events: Vec<Event> = events.collect();
    let unsettled = context.journal.state(|state| state.counts.unsettled);
    if unsettled > 0 {
        let message = format!(
            "the outcome of {unsettled} launches is unknown, and their instances may STILL RUN and be charged{why}; \
                 `resume` continues"
        );
        events.push(Event::Warning { message });
    }
    context.journal.record(events).await;
}
