//! Interrupted launches. Two launches of one config create two fleets, which is rarely intended, so a launch must not ignore an
//! unfinished one.

use super::origin::{config_files, same_names, same_origin};
use super::past::{PastError, read_past, read_records};
use crate::{FleetSpec, Origin, Plan};
use jiff::Timestamp;
use ledger::{Event, LedgerError, Record, Records, RunHead, RunId, RunKind, RunState, Store};
use std::path::PathBuf;

/// A launch that is not finished.
#[derive(Clone, Debug)]
pub struct UnfinishedRun {
    /// The state from its records.
    pub state: RunState,
    /// The process that is working on it.
    pub holder: Option<String>,
    /// The number of older ones.
    pub older: usize,
    /// Whether its plan can be read. Otherwise its fleet is unknown.
    pub readable: bool,
}

impl UnfinishedRun {
    /// Whether this command may resume it, which is impossible while a process is working on it.
    pub fn can_resume(&self) -> bool {
        self.holder.is_none() && self.readable
    }
}

/// Whether a run has created something, or may have.
pub(super) fn has_made_something(state: &RunState) -> bool {
    let counts = &state.counts;
    let reserves = !(state.reservations.is_empty() && state.reserving.is_empty());
    // A pool launches members whether or not a process gives them to slots.
    counts.launched + counts.unsettled > 0 || reserves || state.engine.has_any()
}

/// The newest unfinished run of the fleet. A run that ended with failed slots is finished. A run that has created nothing, and
/// has nothing in doubt, can be started again safely, unless a process is or will be working on it: a hunt is resumed by its
/// unit or by cron. A run whose plan cannot be read may belong to any fleet and is not ignored.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn find_unfinished(
    store: &dyn Store,
    fleet: &FleetSpec,
    origin: Option<&Origin>,
    now: Timestamp,
) -> Result<Option<UnfinishedRun>, LedgerError> {
    let mut newest: Option<UnfinishedRun> = None;
    for head in store.runs().await?.iter().filter(|head| head.unfinished()) {
        let records = store.records(head.run).await?;
        let (state, readable) = match read_records(head.run, &records) {
            Ok((state, plan)) => {
                let same = same_names(&plan, fleet) && same_origin(plan.origin.as_ref(), origin);
                let hunts = plan.hunt.is_some_and(|terms| now < terms.until);
                if !same || !(head.held || hunts || has_made_something(&state)) {
                    continue;
                }
                (state, true)
            }
            Err(_) if may_be_launch(&records) => (RunState::fold(head.run, &records.records), false),
            Err(_) => continue,
        };
        if let Some(newest) = &mut newest {
            newest.older += 1;
        } else {
            let holder = if head.held { Some(holder_of(store, head.run, now).await) } else { None };
            newest = Some(UnfinishedRun { state, holder, older: 0, readable });
        }
    }
    Ok(newest)
}

/// The newest unfinished hunt of the fleet with time left, whatever it has created so far: it is resumed instead of started
/// again.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn find_unfinished_hunt(
    store: &dyn Store,
    fleet: &FleetSpec,
    origin: Option<&Origin>,
    now: Timestamp,
) -> Result<Option<UnfinishedRun>, LedgerError> {
    for head in store.runs().await?.iter().filter(|head| head.unfinished()) {
        let records = store.records(head.run).await?;
        let Ok((state, plan)) = read_records(head.run, &records) else { continue };
        let has_time = plan.hunt.is_some_and(|terms| now < terms.until);
        if has_time && same_names(&plan, fleet) && same_origin(plan.origin.as_ref(), origin) {
            let holder = if head.held { Some(holder_of(store, head.run, now).await) } else { None };
            return Ok(Some(UnfinishedRun { state, holder, older: 0, readable: true }));
        }
    }
    Ok(None)
}

/// Whether none of a run's readable records belongs to an action on instances.
fn may_be_launch(records: &Records) -> bool {
    let is_action = |record: &Record| {
        matches!(
            record.event,
            Event::ActionIntended { .. } | Event::ActionAccepted { .. } | Event::ActionDone { .. }
        )
    };
    !records.records.iter().any(is_action)
}

/// The process that is working on a run; the ledger names it when the lease is requested.
pub async fn holder_of(store: &dyn Store, run: RunId, now: Timestamp) -> String {
    match store.lease(run, now).await {
        Err(LedgerError::Held { holder: Some(holder), .. }) => holder.to_string(),
        _ => "another process".to_owned(),
    }
}

/// The run that `resume` without arguments means.
#[derive(Debug)]
pub enum Resumable {
    /// This run.
    Run(RunId),
    /// No run of this config; these are unfinished runs of others.
    NotOfThisConfig(Vec<OtherRun>),
}

/// An unfinished launch of another config.
#[derive(Debug)]
pub struct OtherRun {
    /// Its entry in the list of runs.
    pub head: RunHead,
    /// The state from its records.
    pub state: RunState,
    /// Its plan.
    pub plan: Plan,
}

/// The newest unfinished launch of a config, otherwise its newest launch.
pub async fn find_resumable(store: &dyn Store, heads: &[RunHead], config: &[PathBuf]) -> Resumable {
    let mut last = None;
    let mut others = Vec::new();
    for head in heads.iter().filter(|head| head.kind.is_none_or(|kind| kind == RunKind::Launch)) {
        let unfinished = head.unfinished();
        let read: Result<_, PastError> = read_past(store, head.run).await;
        let (state, plan) = match read {
            Ok(found) => found,
            // It may belong to this config, so it is not ignored; resuming it reports why that fails.
            Err(_) if unfinished && !head.held && last.is_none() => return Resumable::Run(head.run),
            Err(_) => continue,
        };
        let ours = is_of_config(&plan, config);
        if ours && unfinished && !head.held {
            return Resumable::Run(head.run);
        }
        if ours && last.is_none() {
            last = Some(head.run);
        }
        if !ours && unfinished {
            others.push(OtherRun { head: head.clone(), state, plan });
        }
    }
    last.map_or(Resumable::NotOfThisConfig(others), Resumable::Run)
}

/// Whether a run was started with these files. Runs of older versions do not tell, so they have to be named.
fn is_of_config(plan: &Plan, config: &[PathBuf]) -> bool {
    let canonical = |file: &PathBuf| std::fs::canonicalize(file).or_else(|_| std::path::absolute(file)).ok();
    let own: Option<Vec<PathBuf>> = config.iter().map(canonical).collect();
    plan.origin.as_ref().is_some_and(|origin| Some(config_files(origin)) == own)
}
