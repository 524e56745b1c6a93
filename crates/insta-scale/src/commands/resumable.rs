//! Chooses the run for a `resume` without arguments: a run of this folder's config and no other.

use crate::config::Layers;
use crate::error::CommandError;
use crate::output::text::{clean, count};
use crate::tuning::OTHER_RUNS_SHOWN;
use fleet::Origin;
use fleet::history::{OtherRun, Resumable, find_resumable};
use fleet::plan::network::NetworkPlan;
use ledger::{LedgerError, Outcome, RunHead, RunId, RunKind, RunState, Store};
use std::fmt::Write as _;
use std::path::PathBuf;

/// The newest unfinished launch of a config, otherwise its newest launch.
///
/// # Errors
/// When there is none; the message then lists the runs of other configs and how to name one.
pub async fn choose_run(
    store: &dyn Store,
    heads: &[RunHead],
    config: &Layers,
) -> Result<RunId, CommandError> {
    match find_resumable(store, heads, &config.files).await {
        Resumable::Run(run) => Ok(run),
        Resumable::NotOfThisConfig(others) => Err(no_run(config, &others)),
    }
}

/// The network of a config whose making was interrupted, and for which nothing was launched since.
pub async fn unfinished_network(
    store: &dyn Store,
    heads: &[RunHead],
    config: &Layers,
) -> Result<Option<RunId>, LedgerError> {
    let mut begun = heads.iter().filter(|head| matches!(head.kind, Some(RunKind::Launch | RunKind::Network)));
    let Some(head) = begun.next().filter(|head| head.kind == Some(RunKind::Network) && !head.held) else {
        return Ok(None);
    };
    if head.outcome == Some(Outcome::Complete) {
        return Ok(None);
    }
    let records = store.records(head.run).await?.records;
    let plan = RunState::fold(head.run, records.first()).plan;
    let Ok(plan) = serde_json::from_value::<NetworkPlan>(plan) else { return Ok(None) };
    let own = config.files.first().and_then(|file| std::path::absolute(file).ok());
    let is_ours = plan.origin.is_some_and(|origin| Some(PathBuf::from(origin.config)) == own);
    Ok(is_ours.then_some(head.run))
}

fn describe_other(other: &OtherRun) -> String {
    let OtherRun { head, state, plan } = other;
    let fleet = &plan.fleet;
    let config = plan.origin.as_ref().map_or_else(|| "an unknown config".to_owned(), Origin::describe);
    let held = if head.held { ", active" } else { "" };
    format!(
        "{}: {}-*, {} of {} launched{held}, {}, {}",
        head.run,
        clean(&fleet.name_prefix),
        state.counts.launched,
        state.requested,
        clean(&fleet.region),
        clean(&config)
    )
}

fn no_run(config: &Layers, others: &[OtherRun]) -> CommandError {
    let mut message = format!("there is no run of {config} to continue");
    if others.is_empty() {
        return CommandError::usage(
            message,
            "`oci-insta-scale launch` starts one; `oci-insta-scale runs` lists all runs",
        );
    }
    let unfinished = count(others.len() as u64, "unfinished run");
    let are = if others.len() == 1 { "is" } else { "are" };
    // Writing to a String cannot fail, so the results are ignored.
    let _ = write!(message, "; there {are} {unfinished} of other configs:");
    for other in others.iter().take(OTHER_RUNS_SHOWN) {
        let _ = write!(message, "\n  {}", describe_other(other));
    }
    if others.len() > OTHER_RUNS_SHOWN {
        let _ = write!(message, "\n  … and {} more", others.len() - OTHER_RUNS_SHOWN);
    }
    CommandError::usage(message, "name the run to continue: oci-insta-scale resume RUN")
}
