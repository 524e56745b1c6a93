//! Carries out a launch: keeps the allowed number of slots active, passes launched instances to the watcher, and requeues the
//! slots of instances that failed.
//!
//! Everything runs in one task: dropping it at any point is a crash, which the ledger must survive, and the same seed produces
//! the same events.

use super::{
    context::Context,
    culprit,
    cut::{Cut, sleep_until},
    finish, pool,
    slot::{self, SlotEnd},
    watcher,
};
use crate::engine::pacer::Class;
use crate::plan::Engine;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use ledger::{Event, Next, SlotNumber};
use std::collections::VecDeque;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Carries out the rest of the run and records how it ended.
pub(crate) async fn drive(context: &Context<'_>, stop: &CancellationToken) {
    let cut = match context.plan.fleet.engine {
        Engine::Instances | Engine::ComputeCluster => work(context, stop).await,
        Engine::InstancePool | Engine::ClusterNetwork => Box::pin(pool::work(context, stop)).await,
    };
    finish::end(context, stop, cut).await;
}

/// Carries out what is left of the run, up to the last launch. What has cut it short.
pub(crate) async fn work(context: &Context<'_>, stop: &CancellationToken) -> Cut {
    let (mut queue, watched) = split(context);
    let (freed, mut died) = mpsc::unbounded_channel();
    let enough = CancellationToken::new();
    if context.options.wait {
        for (slot, ocid) in watched {
            context.watch.add(context.journal, slot, &ocid);
        }
    }
    if context.journal.state(|state| state.giving_back.is_some()) {
        return Cut::Not;
    }
    let mut watching = std::pin::pin!(watcher::run(context, &enough, freed));
    let mut watcher_ended = false;
    let mut flying = FuturesUnordered::new();
    let mut interrupted = false;
    let mut late = context.options.deadline.is_some_and(|deadline| deadline.is_zero());
    if late {
        context.halt.cancel();
    }
    let mut deadline = std::pin::pin!(sleep_until(context.options.deadline));
    loop {
        let paused = context.hunt.as_ref().is_some_and(|hunt| hunt.is_over());
        while !paused && !context.halt.is_cancelled() && flying.len() < context.concurrency() {
            let Some(slot) = queue.next(context) else { break };
            let next = context.journal.state(|state| state.slot(slot).next());
            if !context.begin(slot, &next) {
                queue.put_back(context, slot);
                break;
            }
            flying.push(slot::run(context, slot, next));
        }
        context.pacer.note_outstanding(Class::Launch, queue.slots.len() + flying.len());
        let halted = context.halt.is_cancelled();
        let launched_all = flying.is_empty() && (queue.is_idle(context) || halted || paused);
        if launched_all && died.is_empty() && (halted || context.watch.is_empty()) {
            enough.cancel();
        }
        if flying.is_empty() && watcher_ended && died.is_empty() {
            break;
        }
        tokio::select! {
            biased;
            () = stop.cancelled(), if !interrupted => {
                interrupted = true;
                context.halt.cancel();
                context.journal.record(vec![Event::Interrupted]).await;
            }
            () = &mut deadline, if !late => {
                late = true;
                context.halt.cancel();
            }
            Some(slot) = died.recv() => requeue(context, &mut queue, slot).await,
            Some(end) = flying.next() => {
                match end {
                    SlotEnd::Launched { slot, ocid } if context.options.wait => {
                        context.watch.add(context.journal, slot, &ocid);
                    }
                    SlotEnd::Later { slot } => {
                        context.recount(slot);
                        queue.put_back(context, slot);
                    }
                    SlotEnd::Launched { .. } | SlotEnd::Ended => {}
                }
            }
            () = &mut watching, if !watcher_ended => watcher_ended = true,
            () = context.wake.notified() => {}
        }
    }
    let cut = match (interrupted, late) {
        (true, _) => Cut::Interrupted,
        (false, true) => Cut::Late,
        (false, false) if context.hunt.as_ref().is_some_and(|hunt| hunt.is_over()) => Cut::Paused,
        (false, false) => Cut::Not,
    };
    name_culprits(context).await;
    cut
}

/// Warns about the resources behind "not found or not authorised", unless the run has to stop.
async fn name_culprits(context: &Context<'_>) {
    if !context.journal.state(culprit::is_wanted) {
        return;
    }
    let asking = Box::pin(culprit::find(&context.env.client, &context.plan.fleet));
    let Ok(messages) = context.ask(asking).await else { return };
    let events = messages.into_iter().map(|message| Event::Warning { message });
    context.journal.record(events.collect()).await;
}

/// Queued slots. The state tells what to do for each when its turn comes.
#[derive(Debug, Default)]
struct Queue {
    /// With wanted totals, launches with an unknown result: they count, so they are settled before anything else.
    in_doubt: VecDeque<SlotNumber>,
    slots: VecDeque<SlotNumber>,
}

impl Queue {
    /// Whether no slot may begin for now.
    fn is_idle(&self, context: &Context<'_>) -> bool {
        self.in_doubt.is_empty() && (!context.wants_more() || self.slots.is_empty())
    }

    /// The slot whose turn it is; with wanted totals, also one beyond those of the plan.
    fn next(&mut self, context: &Context<'_>) -> Option<SlotNumber> {
        self.in_doubt.pop_front().or_else(|| self.slots.pop_front()).or_else(|| context.spare_slot())
    }

    /// Queues a slot that has begun and has no instance: after the others, or, with wanted totals, in order, so that a run
    /// which reaches them has no gaps in its names.
    fn put_back(&mut self, context: &Context<'_>, slot: SlotNumber) {
        let at = context.goal.as_ref().map(|_| self.slots.partition_point(|queued| *queued < slot));
        self.slots.insert(at.unwrap_or(self.slots.len()), slot);
    }
}

/// The slots to launch, and the instances to wait for.
fn split(context: &Context<'_>) -> (Queue, Vec<(SlotNumber, String)>) {
    let mut queue = Queue::default();
    let mut watched = Vec::new();
    let mut room = context.room.unwrap_or(u32::MAX);
    context.journal.state(|state| {
        for (slot, next) in state.remaining() {
            match next {
                Next::Watch { ocid } => watched.push((slot, ocid)),
                _ if context.gone.contains(&slot) => {}
                Next::Launch { .. } if context.options.settle_only || room == 0 => {}
                Next::Launch { .. } => {
                    room -= 1;
                    queue.slots.push_back(slot);
                }
                _ if context.goal.is_some() => queue.in_doubt.push_back(slot),
                _ => queue.slots.push_back(slot),
            }
        }
    });
    (queue, watched)
}

/// Queues a slot whose instance failed again, unless it was tried often enough.
async fn requeue(context: &Context<'_>, queue: &mut Queue, slot: SlotNumber) {
    let (tried, error) = context.journal.state(|state| {
        let state = state.slot(slot);
        (state.attempts, state.error.as_deref().cloned().unwrap_or_default())
    });
    let before = context.tried_before.get(&slot).copied().unwrap_or_default();
    let is_allowed = context.hunt.is_some() || tried - before.min(tried) < context.options.max_attempts;
    if is_allowed && !context.options.settle_only {
        context.recount(slot);
        queue.put_back(context, slot);
    } else {
        context.give_up(slot, error).await;
    }
}
