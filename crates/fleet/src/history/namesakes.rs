//! Existing instances that have the names a launch is about to use. A second fleet with the same names is rarely intended.

use super::origin::{same_endpoint, same_names};
use super::past::{PastError, read_past};
use super::unfinished::has_made_something;
use crate::plan::{TakenNames, highest_of_run, taken};
use crate::tuning::LISTS_CATCH_UP;
use crate::{FleetSpec, Origin};
use jiff::Timestamp;
use ledger::{Event, Phase, RunId, RunKind, Store};
use oci_client::{Client, FailureClass};
use std::collections::{BTreeMap, BTreeSet};

/// Existing instances with the same names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namesakes {
    /// The prefix of their names.
    pub prefix: String,
    /// The number of instances.
    pub living: u64,
    /// The runs that launched them, according to tags and ledger.
    pub runs: BTreeSet<String>,
    /// The first number of an extension.
    pub next: u32,
}

/// The result of a search for namesakes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameCheck {
    /// The namesakes, if there are any.
    pub found: Option<Namesakes>,
    /// Whether the compartment could be listed. Otherwise the result is based only on the ledger.
    pub listed: bool,
}

/// Looks for namesakes in the compartment, and in the ledger because lists lag behind launches. Terminated instances do not
/// count.
///
/// # Errors
/// When the compartment cannot be listed, unless the caller accepts that; then only the ledger is used.
pub async fn find_namesakes(
    client: &Client,
    store: Option<&dyn Store>,
    fleet: &FleetSpec,
    origin: Option<&Origin>,
    now: Timestamp,
) -> Result<NameCheck, PastError> {
    let (names, listed) = match taken(client, fleet).await {
        Ok(names) => (names, true),
        Err(failure) if failure.class == FailureClass::NotFound => (TakenNames::default(), false),
        Err(failure) => return Err(failure.into()),
    };
    let TakenNames { mut highest, living, ocids, mut runs } = names;
    let mut living = u64::from(living);
    if let Some(store) = store {
        for (ocid, run) in launched_with_these_names(store, fleet, origin, now).await? {
            if !ocids.contains(&ocid) {
                living += 1;
                runs.insert(run.to_string());
            }
        }
        highest = highest.max(highest_known(store, fleet, now).await?);
    }
    let prefix = fleet.name_prefix.clone();
    let found = (living > 0).then(|| Namesakes { prefix, living, runs, next: highest.saturating_add(1) });
    Ok(NameCheck { found, listed })
}

/// The number of the first name of an extension, above all numbers in the compartment and in runs of this ledger.
///
/// # Errors
/// When the compartment or the ledger cannot be read.
pub async fn next_number(
    client: &Client,
    store: Option<&dyn Store>,
    fleet: &FleetSpec,
    now: Timestamp,
) -> Result<u32, PastError> {
    let listed = taken(client, fleet).await?.highest;
    let known = match store {
        Some(store) => highest_known(store, fleet, now).await?,
        None => 0,
    };
    Ok(listed.max(known).saturating_add(1))
}

/// Instances with the same names in the same place that runs created recently, each with its run; lists may not show them yet.
async fn launched_with_these_names(
    store: &dyn Store,
    fleet: &FleetSpec,
    origin: Option<&Origin>,
    now: Timestamp,
) -> Result<BTreeMap<String, RunId>, PastError> {
    let mut launched = BTreeMap::new();
    let mut ended = BTreeSet::new();
    for head in store.runs().await? {
        if now.duration_since(head.last_at) >= LISTS_CATCH_UP {
            continue;
        }
        if matches!(head.kind, Some(RunKind::Terminate | RunKind::Cleanup)) {
            let records = store.records(head.run).await?.records;
            ended.extend(records.into_iter().filter_map(|record| match record.event {
                Event::ActionAccepted { ocid, .. } | Event::ActionDone { ocid, .. } => Some(ocid),
                _ => None,
            }));
        }
        if head.kind != Some(RunKind::Launch) {
            continue;
        }
        let Ok((state, plan)) = read_past(store, head.run).await else { continue };
        if same_names(&plan, fleet) && same_endpoint(plan.origin.as_ref(), origin) {
            let ocids = state
                .slots
                .values()
                .filter(|slot| slot.phase != Phase::GivenBack)
                .filter_map(|slot| slot.ocid.clone());
            launched.extend(ocids.map(|ocid| (ocid, head.run)));
        }
    }
    // If a list does not show them, that is correct: they were terminated.
    launched.retain(|ocid, _| !ended.contains(ocid));
    Ok(launched)
}

/// The highest number that the ledger assigns to names of the fleet: recently created instances may not be listed yet, and an
/// unfinished run will continue with its names.
async fn highest_known(store: &dyn Store, fleet: &FleetSpec, now: Timestamp) -> Result<u32, PastError> {
    let mut highest = 0;
    for head in store.runs().await? {
        let recent = now.duration_since(head.last_at) < LISTS_CATCH_UP;
        if head.kind != Some(RunKind::Launch) || !(recent || head.held || head.unfinished()) {
            continue;
        }
        let Ok((state, plan)) = read_past(store, head.run).await else { continue };
        if same_names(&plan, fleet) {
            let goes_on = head.held || (head.unfinished() && has_made_something(&state));
            highest = highest.max(highest_of_run(&state, &plan, goes_on));
        }
    }
    Ok(highest)
}
