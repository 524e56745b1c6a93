//! Launches that are still at work on the instances that a command is about to change. Such a launch would take a
//! terminated or stopped instance for one that died, and launch another in its place.

use super::{Reach, select};
use crate::commands::session;
use crate::environment;
use crate::error::CommandError;
use crate::output::console;
use crate::output::text::{count, seconds};
use fleet::action::Verb;
use fleet::plan::RUN_TAG;
use fleet::select::{Filter, Machine};
use ledger::{Event, Lease, LedgerError, Outcome, RunId, RunKind, RunState, Store, sqlite};
use oci_api::models::InstanceLifecycleState as State;
use oci_client::{Clock as _, SystemClock};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How long a run is given to end: it finishes the calls that are under way.
const PATIENCE: Duration = Duration::from_mins(10);
/// How often the lock is tried meanwhile.
const LOOK: Duration = Duration::from_millis(250);

/// A launch that a process is working on.
#[derive(Debug)]
pub struct AtWork {
    run: RunId,
    holder: String,
}

/// A launch without a process, locked so that no other process resumes it in the meantime.
pub struct Stopped {
    run: RunId,
    /// Appends through the store that took the lease also update the run's lock file.
    store: Arc<dyn Store>,
    _lease: Lease,
}

impl AtWork {
    /// The launch.
    pub fn run(&self) -> RunId {
        self.run
    }
}

impl Stopped {
    /// The launch.
    pub fn run(&self) -> RunId {
        self.run
    }
}

/// The runs that the instances, or the run that was named, belong to.
fn wanted(filter: &Filter, machines: &[Machine]) -> BTreeSet<RunId> {
    let living = machines.iter().filter(|machine| machine.state != State::Terminated);
    let tags = living.filter_map(|machine| machine.tags.get(RUN_TAG)?.parse().ok());
    let named = filter.run.as_deref().and_then(|run| run.parse().ok());
    tags.chain(named).collect()
}

/// The launches at work that the instances, or the run that was named, belong to.
pub async fn find(
    reach: &Reach<'_>,
    filter: &Filter,
    machines: &[Machine],
) -> Result<Vec<AtWork>, CommandError> {
    let wanted = wanted(filter, machines);
    let mut working = Vec::new();
    for head in select::heads(reach).await? {
        let launch = head.kind.is_none_or(|kind| kind == RunKind::Launch);
        if !(launch && head.held && wanted.contains(&head.run)) {
            continue;
        }
        match reach.ledger()?.lease(head.run, SystemClock.now()).await {
            Err(LedgerError::Held { run, holder }) => {
                let holder = holder.map_or_else(|| "another process".to_owned(), |one| one.to_string());
                working.push(AtWork { run, holder });
            }
            // It has ended since.
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(working)
}

/// Refuses to act on instances of runs at work.
pub fn refusal(working: &[AtWork], verb: Verb) -> CommandError {
    let lines: Vec<String> = working
        .iter()
        .map(|AtWork { run, holder }| format!("run {run} is still active: {holder} is working on it"))
        .collect();
    let why = match verb {
        Verb::Terminate | Verb::Stop => "it would launch replacements for these instances",
        Verb::Start | Verb::Reboot => "it still waits for these instances",
    };
    CommandError::usage(
        format!("{}; {why}: nothing was done", lines.join("\n")),
        "wait until it is done, press Ctrl-C in its terminal, or add --stop-run to stop it first",
    )
}

/// Says that instances which a launch at work makes from now on are not extended.
pub fn note_for_extend(working: &[AtWork]) -> Option<String> {
    let AtWork { run, holder } = working.first()?;
    Some(format!(
        "warning: run {run} is still active ({holder} is working on it): instances that it launches from now on keep \
             the original expiry; repeat this command when the run has ended"
    ))
}

/// Stops the runs and takes them, so that nobody resumes them meanwhile.
///
/// # Errors
/// When one does not end in time, or the user wants no longer to wait for it. Then nothing is asked for any more.
pub async fn stop(reach: &Reach<'_>, working: &[AtWork], verb: Verb) -> Result<Vec<Stopped>, CommandError> {
    let mut stopped = Vec::new();
    for one in working {
        console::line(&format!("stopping run {}: waiting for {}", one.run, one.holder));
        let ended = tokio::select! {
            ended = tokio::time::timeout(PATIENCE, take_once_free(reach, one.run)) => ended,
            () = reach.stop.cancelled() => Ok(Err(CommandError::Interrupted)),
        };
        sqlite::withdraw_stop(&environment::state_dir(reach.global.state_dir.clone(), false)?, one.run)?;
        stopped.push(ended.unwrap_or_else(|_| {
            let patience = seconds(PATIENCE.as_secs_f64());
            Err(CommandError::usage(
                format!(
                    "run {} did not stop within {patience}: {} is working on it; nothing was done",
                    one.run, one.holder
                ),
                "press Ctrl-C in its terminal, or wait until it is done",
            ))
        })?);
        let resume = format!("`{} resume {}` continues it", session::again(reach.global), one.run);
        console::line(&match verb {
            // It ends for good once somebody has agreed to the termination.
            Verb::Terminate => format!("run {} has stopped; if you terminate nothing now, {resume}", one.run),
            _ => format!("run {} has stopped; later {resume}", one.run),
        });
    }
    Ok(stopped)
}

/// Asks until the run can be had. A process that is just taking it up removes requests that were there before.
async fn take_once_free(reach: &Reach<'_>, run: RunId) -> Result<Stopped, CommandError> {
    let folder = environment::state_dir(reach.global.state_dir.clone(), false)?;
    let store = reach.ledger()?;
    loop {
        match store.lease(run, SystemClock.now()).await {
            Ok(lease) => return Ok(Stopped { run, store, _lease: lease }),
            Err(LedgerError::Held { .. }) => sqlite::request_stop(&folder, run)?,
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Takes the unfinished launches that nobody is at work on: an earlier process was killed or interrupted.
pub async fn take_unfinished(
    reach: &Reach<'_>,
    filter: &Filter,
    machines: &[Machine],
    stopped: &mut Vec<Stopped>,
) -> Result<(), CommandError> {
    let wanted = wanted(filter, machines);
    for head in select::heads(reach).await? {
        let ours = head.kind == Some(RunKind::Launch) && head.unfinished() && wanted.contains(&head.run);
        if !ours || stopped.iter().any(|one| one.run == head.run) {
            continue;
        }
        let store = reach.ledger()?;
        // Whoever has taken it up since is found by the look that follows the question.
        if let Ok(lease) = store.lease(head.run, SystemClock.now()).await {
            stopped.push(Stopped { run: head.run, store, _lease: lease });
        }
    }
    Ok(())
}

/// Ends the runs for good: nothing more is launched for their slots, and they no longer block `launch`. A run of which a
/// launch is in doubt, or whose records cannot all be read, stays unfinished, since only `resume` finds out what it made.
pub async fn end(reach: &Reach<'_>, stopped: &[Stopped]) -> Result<(), CommandError> {
    for Stopped { run, store, .. } in stopped {
        let found = store.records(*run).await?;
        let state = RunState::fold(*run, &found.records);
        if state.outcome.is_some_and(|outcome| !outcome.is_unfinished()) {
            continue;
        }
        let doubt = match (found.unreadable.len(), state.counts.unsettled) {
            (0, 0) => {
                let ended = vec![Event::RunFinished { outcome: Outcome::Stopped }];
                store.append(*run, SystemClock.now(), ended).await?;
                let missing = state.requested.saturating_sub(state.counts.launched);
                console::line(&format!(
                    "run {run} has ended: it will not launch the remaining {}",
                    count(u64::from(missing), "instance")
                ));
                continue;
            }
            (0, some) => format!("the outcome of {some} of its launches is unknown"),
            (lost, _) => format!("{} of it cannot be read", count(lost as u64, "record")),
        };
        console::line(&format!(
            "warning: run {run} stays unfinished, because {doubt}; {} resume {run} finds out, and launches the \
                 missing instances",
            session::again(reach.global)
        ));
    }
    Ok(())
}
