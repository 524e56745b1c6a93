//! Launches that are still active on the instances that a command is about to change. The command either refuses or stops them
//! first.

use crate::connection::Connection;
use crate::error::CommandError;
use crate::output::console;
use crate::output::text::{count, seconds};
use crate::tuning::{STOP_REQUEST_POLL, STOP_RUN_PATIENCE};
use fleet::EndOfRun;
use fleet::action::Verb;
use fleet::history::{AtWork, launches_at_work, runs_of};
use fleet::select::{Filter, Machine};
use ledger::{Lease, LedgerError, RunId, RunKind};

/// A launch that no process is working on, locked so that no process resumes it in the meantime.
pub struct Stopped {
    run: RunId,
    _lease: Lease,
}

impl Stopped {
    /// The launch.
    pub fn run(&self) -> RunId {
        self.run
    }
}

/// The active launches to which the instances, or the named run, belong.
pub async fn find_launches(
    connection: &Connection<'_>,
    filter: &Filter,
    machines: &[Machine],
) -> Result<Vec<AtWork>, CommandError> {
    let session = connection.session;
    let heads = session.known_runs().await?;
    if heads.is_empty() {
        return Ok(Vec::new());
    }
    let runs = runs_of(named(filter), machines);
    Ok(launches_at_work(&*session.ledger()?, &heads, &runs, session.now()).await?)
}

fn named(filter: &Filter) -> Option<RunId> {
    filter.run.as_deref().and_then(|run| run.parse().ok())
}

/// Refuses to act on instances of active runs.
pub fn refuse_while_at_work(working: &[AtWork], verb: Verb) -> CommandError {
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

/// Notes that instances launched by an active run from now on are not extended.
pub fn note_for_extend(working: &[AtWork]) -> Option<String> {
    let AtWork { run, holder } = working.first()?;
    Some(format!(
        "warning: run {run} is still active ({holder} is working on it): instances that it launches from now on keep \
             the original expiry; repeat this command when the run has ended"
    ))
}

/// Stops the runs and takes their leases, so that no process resumes them meanwhile.
///
/// # Errors
/// When one does not end in time, or the user stops waiting for it. All requests to stop are then withdrawn.
pub async fn stop_launches(
    connection: &Connection<'_>,
    working: &[AtWork],
    verb: Verb,
) -> Result<Vec<Stopped>, CommandError> {
    let mut stopped = Vec::new();
    for one in working {
        console::line(&format!("stopping run {}: waiting for {}", one.run, one.holder));
        let ended = tokio::select! {
            ended = tokio::time::timeout(STOP_RUN_PATIENCE, take_once_free(connection, one.run)) => ended,
            () = connection.session.stop.cancelled() => Ok(Err(CommandError::Interrupted)),
        };
        connection.session.ledger()?.request_stop(one.run, false).await?;
        stopped.push(ended.unwrap_or_else(|_| {
            let patience = seconds(STOP_RUN_PATIENCE.as_secs_f64());
            Err(CommandError::usage(
                format!(
                    "run {} did not stop within {patience}: {} is working on it; nothing was done",
                    one.run, one.holder
                ),
                "press Ctrl-C in its terminal, or wait until it is done",
            ))
        })?);
        let resume = format!("`{} resume {}` continues it", connection.session.command_line(), one.run);
        console::line(&match verb {
            // It ends permanently once the termination is confirmed.
            Verb::Terminate => format!("run {} has stopped; if you terminate nothing now, {resume}", one.run),
            _ => format!("run {} has stopped; later {resume}", one.run),
        });
    }
    Ok(stopped)
}

/// Requests the stop until the run is free. A process that is just taking the run removes earlier requests.
async fn take_once_free(connection: &Connection<'_>, run: RunId) -> Result<Stopped, CommandError> {
    let store = connection.session.ledger()?;
    loop {
        match store.lease(run, connection.session.now()).await {
            Ok(lease) => return Ok(Stopped { run, _lease: lease }),
            Err(LedgerError::Held { .. }) => store.request_stop(run, true).await?,
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(STOP_REQUEST_POLL).await;
    }
}

/// Takes unfinished launches without a process, because an earlier process was killed or interrupted.
pub async fn take_unfinished(
    connection: &Connection<'_>,
    filter: &Filter,
    machines: &[Machine],
    stopped: &mut Vec<Stopped>,
) -> Result<(), CommandError> {
    let session = connection.session;
    let wanted = runs_of(named(filter), machines);
    for head in session.known_runs().await? {
        let ours = head.kind == Some(RunKind::Launch) && head.unfinished() && wanted.contains(&head.run);
        if !ours || stopped.iter().any(|one| one.run == head.run) {
            continue;
        }
        let store = session.ledger()?;
        // The check after the question finds a run that another process has taken since.
        if let Ok(lease) = store.lease(head.run, session.now()).await {
            stopped.push(Stopped { run: head.run, _lease: lease });
        }
    }
    Ok(())
}

/// Ends the runs permanently: their slots launch nothing more, and they no longer block `launch`. A run with a launch in doubt
/// or with unreadable records stays unfinished, because only `resume` determines what it created.
pub async fn end_for_good(connection: &Connection<'_>, stopped: &[Stopped]) -> Result<(), CommandError> {
    let environment = connection.environment(connection.session.ledger()?);
    for Stopped { run, .. } in stopped {
        let doubt = match fleet::end_for_good(&environment, *run).await? {
            EndOfRun::Before => continue,
            EndOfRun::Now { missing } => {
                console::line(&format!(
                    "run {run} has ended: it will not launch the remaining {}",
                    count(u64::from(missing), "instance")
                ));
                continue;
            }
            EndOfRun::Unknown { unsettled, unreadable: 0 } => {
                format!("the outcome of {unsettled} of its launches is unknown")
            }
            EndOfRun::Unknown { unreadable, .. } => {
                format!("{} of it cannot be read", count(unreadable as u64, "record"))
            }
        };
        console::line(&format!(
            "warning: run {run} stays unfinished, because {doubt}; {} resume {run} finds out, and launches the \
             missing instances",
            connection.session.command_line()
        ));
    }
    Ok(())
}
