//! Launches by instance pools: makes a configuration and as many pools as the slots need, or grows those that the fleet has, gives
//! their members to slots as they appear, and finds within minutes that some do not come, and why.
//!
//! OCI itself tries for 24 hours and then lowers the size without a word. Here the patience is the run's: it reads the errors
//! of the pools' work requests, tells them, and orders no more than it has. Members are slots like launched instances, so that
//! everything after the launch reads one kind of record.

mod make;
mod members;
mod order;
mod rollback;
mod short;

pub(crate) use rollback::roll_back;

use super::context::{Context, Halted};
use super::cut::{Cut, sleep_until};
use crate::tuning::{POOL_BOOT_LISTS, POOL_BOOTS, POOL_LISTS, POOL_POLL, POOL_POLLS};
use ledger::{EnginePart, ErrorRecord, Event, Next, Phase};
use oci_client::{Client, RetryPolicy};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Carries out what is left of the run, up to the last member. What has cut it short.
pub(crate) async fn work(context: &Context<'_>, stop: &CancellationToken) -> Cut {
    if context.journal.state(|state| state.giving_back.is_some()) {
        return Cut::Not;
    }
    let (mut interrupted, mut late) = (false, context.options.deadline.is_some_and(|left| left.is_zero()));
    if late {
        context.halt.cancel();
    }
    let mut deadline = std::pin::pin!(sleep_until(context.options.deadline));
    let mut pools = Pools::new(context);
    let mut working = std::pin::pin!(pools.work());
    loop {
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
            _ = &mut working => break,
        }
    }
    match (interrupted, late) {
        (true, _) => {
            tell_what_goes_on(context).await;
            Cut::Interrupted
        }
        (false, true) => Cut::Late,
        (false, false) => Cut::Not,
    }
}

/// Warns that the end of the process ends no pool: OCI launches the rest, which costs money.
async fn tell_what_goes_on(context: &Context<'_>) {
    let warnings = context.journal.state(|state| {
        let open = state.remaining().filter(|(_, next)| matches!(next, Next::Launch { .. })).count();
        let pools = state.engine.parts.iter().filter(|((part, _), known)| {
            open > 0 && *part == EnginePart::InstancePool && known.ocid.is_some()
        });
        let warning = |name: &str| {
            format!(
                "instance pool {name} goes on launching members, which cost money: `resume` takes them into the run, and `scale 0` deletes \
                 the pool"
            )
        };
        pools.map(|(_, known)| Event::Warning { message: warning(&known.name) }).collect::<Vec<_>>()
    });
    context.journal.record(warnings).await;
}

/// The pools of one run.
struct Pools<'a> {
    context: &'a Context<'a>,
    client: Client,
    /// When a member last appeared, or the last pool was ordered.
    progress: Instant,
    /// The size of each pool and how many members it has, as last seen.
    now: BTreeMap<String, (u32, u32)>,
    /// When the members were last listed.
    listed: Option<Instant>,
    /// How many members were running at that time.
    running: u32,
    /// When the work requests were last read.
    looked: Instant,
    /// Why members do not come, once it was told.
    shortage: Option<ErrorRecord>,
    /// Whether members that are missing are no longer waited for.
    given_up: bool,
    /// Sizes that somebody else set, which were told.
    sizes: BTreeMap<String, u32>,
    /// Members that left their pool and live, which was told.
    detached: BTreeSet<String>,
}

impl<'a> Pools<'a> {
    fn new(context: &'a Context<'a>) -> Self {
        let now = Instant::now();
        Self {
            context,
            client: context.env.client.at(None).with_retry(RetryPolicy::standard()),
            progress: now,
            now: BTreeMap::new(),
            listed: None,
            running: 0,
            looked: now,
            shortage: None,
            given_up: false,
            sizes: BTreeMap::new(),
            detached: BTreeSet::new(),
        }
    }

    /// Tells what the run waits for, unless it has said so.
    async fn tell_once(&self, message: String) {
        if !self.context.journal.state(|state| state.warnings.contains(&message)) {
            self.context.journal.record(vec![Event::Warning { message }]).await;
        }
    }

    /// The pools of the run that exist: number, OCID.
    fn existing(&self) -> Vec<(u32, String)> {
        self.context.journal.state(|state| {
            let pools = state.engine.existing(EnginePart::InstancePool);
            pools.map(|(number, ocid)| (number, ocid.to_owned())).collect()
        })
    }

    async fn work(&mut self) -> Result<(), Halted> {
        // A run that had all its members is complete: what became of them since is the business of `scale` and `maintain`.
        if self.open_slots().is_empty() && self.is_done() {
            return Ok(());
        }
        if let Err(error) = self.order().await? {
            self.fail_the_rest(&error).await;
            self.given_up = true;
        }
        for nth in 0_u32.. {
            self.look().await?;
            if self.context.options.settle_only || self.is_done() {
                return Ok(());
            }
            self.end_waits().await;
            if !self.given_up {
                self.check_shortage().await?;
            }
            self.context.pause(self.context.spread(self.pause_after(nth), 0.8)).await?;
        }
        Ok(())
    }

    /// The pause after a poll. The first members appear after seconds, and later polls cost more than they show. The longer members
    /// have booted, the longer they may go on.
    fn pause_after(&self, nth: u32) -> Duration {
        if self.open_slots().is_empty() {
            return (self.progress.elapsed() * 2 / 3).clamp(POOL_POLL * 3, POOL_BOOTS);
        }
        let usual = (POOL_POLL * (nth + 1)).min(POOL_POLLS);
        match self.context.options.retry_for.filter(|_| !self.given_up) {
            // A time that somebody chose ends when it is over, and not with the poll after it.
            Some(given) => usual.min(given.saturating_sub(self.progress.elapsed()).max(POOL_POLL)),
            None => usual,
        }
    }

    /// Whether every slot has ended, or has an instance that is as far as the run waits for.
    fn is_done(&self) -> bool {
        let waits = self.context.options.wait;
        self.context.journal.state(|state| {
            (1..=state.requested).all(|number| {
                let slot = state.slot(number);
                match (slot.phase, &slot.ocid) {
                    (Phase::Running | Phase::Failed | Phase::GivenBack, _) => true,
                    (_, Some(_)) => !waits || slot.wait_ended,
                    (_, None) => false,
                }
            })
        })
    }

    /// Whether it is time to list the members, which takes a request for each hundred.
    fn lists_now(&self, running: u32, settled: bool) -> bool {
        match self.listed {
            None => true,
            Some(at) => {
                let often = if self.open_slots().is_empty() { POOL_BOOT_LISTS } else { POOL_LISTS };
                (settled && running != self.running) || at.elapsed() >= often
            }
        }
    }

    /// Ends the wait for members that exist and do not run in time.
    async fn end_waits(&self) {
        let (now, limit) = (self.context.env.clock.now(), self.context.options.wait_timeout);
        let events = self.context.journal.state(|state| {
            let waiting =
                state.slots.iter().filter(|(_, slot)| slot.phase == Phase::Launched && !slot.wait_ended);
            let late = waiting.filter(|(_, slot)| {
                let since = slot.launched_at.map(|at| now.duration_since(at)).unwrap_or_default();
                Duration::try_from(since).is_ok_and(|since| since >= limit)
            });
            let ended = late.filter_map(|(number, slot)| {
                Some(Event::WaitEnded {
                    slot: *number,
                    ocid: slot.ocid.clone()?,
                    state: slot.state.clone().unwrap_or_default().into_owned(),
                    error: None,
                })
            });
            ended.collect()
        });
        self.context.journal.record(events).await;
    }
}
