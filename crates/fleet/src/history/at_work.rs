//! Launches that are still active on the instances that a command is about to change. Such a launch would treat a terminated or
//! stopped instance as failed and launch another in its place.

use crate::plan::RUN_TAG;
use crate::query::select::Machine;
use jiff::Timestamp;
use ledger::{LedgerError, RunHead, RunId, RunKind, Store};
use oci_api::models::InstanceLifecycleState as State;
use std::collections::BTreeSet;

/// A launch on which a process is working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtWork {
    /// The run.
    pub run: RunId,
    /// The process that holds it.
    pub holder: String,
}

/// The runs to which the existing instances, and the named run, belong.
pub fn runs_of(named: Option<RunId>, machines: &[Machine]) -> BTreeSet<RunId> {
    let living = machines.iter().filter(|machine| machine.state != State::Terminated);
    let tags = living.filter_map(|machine| machine.tags.get(RUN_TAG)?.parse().ok());
    tags.chain(named).collect()
}

/// The active launches among these runs.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn launches_at_work(
    store: &dyn Store,
    heads: &[RunHead],
    runs: &BTreeSet<RunId>,
    now: Timestamp,
) -> Result<Vec<AtWork>, LedgerError> {
    let mut working = Vec::new();
    for head in heads {
        let launch = head.kind.is_none_or(|kind| kind == RunKind::Launch);
        if !(launch && head.held && runs.contains(&head.run)) {
            continue;
        }
        match store.lease(head.run, now).await {
            Err(LedgerError::Held { run, holder }) => {
                let holder = holder.map_or_else(|| "another process".to_owned(), |one| one.to_string());
                working.push(AtWork { run, holder });
            }
            // It has ended since.
            Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(working)
}
