//! Launches that are still at work on the instances that a command is about to change. Such a launch would take a
//! terminated or stopped instance for one that died, and launch another in its place.

use super::{Reach, select};
use crate::environment;
use crate::error::CommandError;
use crate::output::console;
use crate::output::text::seconds;
use fleet::action::Verb;
use fleet::plan::RUN_TAG;
use fleet::select::{Filter, Machine};
use ledger::{Lease, LedgerError, RunId, RunKind, sqlite};
use oci_api::models::InstanceLifecycleState as State;
use oci_client::{Clock as _, SystemClock};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a run is given to end: it finishes the calls that are under way.
const PATIENCE: Duration = Duration::from_mins(10);
/// How often the lock is tried meanwhile.
const LOOK: Duration = Duration::from_millis(250);

/// A launch that a process is at work on.
#[derive(Debug)]
pub struct AtWork {
    run: RunId,
    holder: String,
}

/// The launches at work that the instances, or the run that was named, belong to.
pub async fn find(
    reach: &Reach<'_>,
    filter: &Filter,
    machines: &[Machine],
) -> Result<Vec<AtWork>, CommandError> {
    let living = machines.iter().filter(|machine| machine.state != State::Terminated);
    let tags = living.filter_map(|machine| machine.tags.get(RUN_TAG)?.parse().ok());
    let named = filter.run.as_deref().and_then(|run| run.parse().ok());
    let wanted: BTreeSet<RunId> = tags.chain(named).collect();
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
        .map(|AtWork { run, holder }| format!("run {run} is still at work: {holder} has it"))
        .collect();
    let why = match verb {
        Verb::Terminate | Verb::Stop => "it would launch others in the place of these instances",
        Verb::Start | Verb::Reboot => "it still waits for these instances",
    };
    CommandError::usage(
        format!("{}; {why}: nothing was done", lines.join("\n")),
        "wait until it is done, press Ctrl-C where it runs, or add --stop-run to stop it first",
    )
}

/// Has the runs end, and takes them, so that nobody goes on with them meanwhile.
///
/// # Errors
/// When one does not end in time, or the user wants no longer to wait for it. Then nothing is asked for any more.
pub async fn stop(reach: &Reach<'_>, working: &[AtWork]) -> Result<Vec<Lease>, CommandError> {
    let mut leases = Vec::new();
    for one in working {
        console::line(&format!("stopping run {}: waiting for {}", one.run, one.holder));
        let ended = tokio::select! {
            ended = tokio::time::timeout(PATIENCE, end(reach, one.run)) => ended,
            () = reach.stop.cancelled() => Ok(Err(CommandError::Interrupted)),
        };
        sqlite::withdraw_stop(&environment::state_dir(reach.global.state_dir.clone(), false)?, one.run)?;
        leases.push(ended.unwrap_or_else(|_| {
            let patience = seconds(PATIENCE.as_secs_f64());
            Err(CommandError::usage(
                format!(
                    "run {} did not stop within {patience}: {} has it; nothing was done",
                    one.run, one.holder
                ),
                "press Ctrl-C where it runs, or wait until it is done",
            ))
        })?);
        console::line(&format!(
            "run {} has stopped; to go on with it later: oci-insta-scale resume {}",
            one.run, one.run
        ));
    }
    Ok(leases)
}

/// Asks until the run can be had. A process that is just taking it up removes requests that were there before.
async fn end(reach: &Reach<'_>, run: RunId) -> Result<Lease, CommandError> {
    let folder = environment::state_dir(reach.global.state_dir.clone(), false)?;
    let store = reach.ledger()?;
    loop {
        match store.lease(run, SystemClock.now()).await {
            Ok(lease) => return Ok(lease),
            Err(LedgerError::Held { .. }) => sqlite::request_stop(&folder, run)?,
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(LOOK).await;
    }
}
