//! Takes the leases of the runs whose leftovers will be deleted, so that no process resumes one meanwhile, and excludes what
//! has changed between the question and the confirmation.

use super::{Leftovers, expiry};
use crate::engine::cloud;
use crate::engine::env::Environment;
use crate::engine::failure::own_error;
use crate::query::select::Machine;
use futures_util::{StreamExt as _, stream};
use ledger::{ErrorClass, ErrorRecord, Lease, LedgerError, RunId};
use oci_client::FailureClass;
use std::collections::{BTreeMap, BTreeSet};

/// Instances read at the same time.
const AT_ONCE: usize = 8;

/// What may be deleted, and what may no longer be deleted.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) left: Leftovers,
    pub(super) refused: Vec<(String, ErrorRecord)>,
    /// Held until the deletion is over.
    pub(super) leases: Vec<Lease>,
}

/// Takes the leases.
pub(super) async fn take(env: &Environment, left: &Leftovers) -> Taken {
    let mut taken = Taken { left: left.clone(), ..Taken::default() };
    let instances = left.instances.iter().map(|left| &left.run);
    let volumes = left.volumes.iter().map(|left| &left.run);
    let reservations = left.reservations.iter().map(|left| &left.run);
    let networks = left.networks.iter().map(|left| &left.run);
    let parts = left.parts.iter().map(|left| &left.run);
    let runs: BTreeSet<&String> =
        instances.chain(volumes).chain(reservations).chain(networks).chain(parts).collect();
    let mut refused: BTreeMap<String, ErrorRecord> = BTreeMap::new();
    for text in runs {
        let Ok(run) = text.parse() else { continue };
        match hold(env, run, left.read_to.get(&run).copied()).await {
            Ok(lease) => taken.leases.extend(lease),
            Err(error) => _ = refused.insert(text.clone(), error),
        }
    }
    let Taken { left, refused: out, .. } = &mut taken;
    let mut keep = |run: &String, ocid: &String| match refused.get(run) {
        Some(error) => {
            out.push((ocid.clone(), error.clone()));
            false
        }
        None => true,
    };
    left.instances.retain(|left| keep(&left.run, &left.machine.ocid));
    left.volumes.retain(|left| keep(&left.run, &left.ocid));
    left.reservations.retain(|left| keep(&left.run, &left.ocid));
    left.parts.retain(|left| keep(&left.run, &left.ocid));
    left.networks.retain(|left| left.parts.last().is_none_or(|vcn| keep(&left.run, &vcn.ocid)));
    extended(env, &mut taken).await;
    taken
}

/// The lease of a run; `None` for a run of another machine.
async fn hold(env: &Environment, run: RunId, read_to: Option<u64>) -> Result<Option<Lease>, ErrorRecord> {
    let lease = match env.store.lease(run, env.clock.now()).await {
        Ok(lease) => lease,
        Err(LedgerError::UnknownRun { .. }) => {
            let strays = env.store.strays().await.unwrap_or_default();
            let held = strays.iter().any(|stray| stray.run == run && stray.held);
            if held {
                return Err(own_as(ErrorClass::Held, &format!("a process is working on run {run}")));
            }
            return Ok(None);
        }
        Err(error @ LedgerError::Held { .. }) => return Err(own_as(ErrorClass::Held, &error.to_string())),
        Err(error) => return Err(own_as(ErrorClass::NotDeleted, &error.to_string())),
    };
    let records =
        env.store.records(run).await.map_err(|error| own_as(ErrorClass::NotDeleted, &error.to_string()))?;
    if records.records.last().map(|record| record.seq) == read_to {
        return Ok(Some(lease));
    }
    Err(own_as(
        ErrorClass::Changed,
        &format!("run {run} continued after it was read: start the cleanup again"),
    ))
}

/// Excludes instances whose expiry was extended since they were listed. A list may lag behind that, so each is read.
async fn extended(env: &Environment, taken: &mut Taken) {
    let Taken { left, refused, .. } = taken;
    let ocids: Vec<String> = left
        .instances
        .iter()
        .filter(|left| expiry(&left.machine).is_some())
        .map(|left| left.machine.ocid.clone())
        .collect();
    let now: BTreeMap<String, _> = stream::iter(ocids)
        .map(|ocid| async move {
            let answer = cloud::get(&env.client, &ocid).await;
            (ocid, answer.map(|instance| expiry(&Machine::from(instance))))
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    left.instances.retain(|left| {
        let why = match now.get(&left.machine.ocid) {
            None => return true,
            Some(Ok(until)) if *until == expiry(&left.machine) => return true,
            Some(Ok(_)) => {
                own_as(ErrorClass::Changed, "its expiry changed after it was listed: start the cleanup again")
            }
            // The termination also finds that it is gone.
            Some(Err(failure)) if failure.class == FailureClass::NotFound => return true,
            Some(Err(failure)) => {
                own_as(ErrorClass::NotDeleted, &format!("its expiry is unknown: {failure}"))
            }
        };
        refused.push((left.machine.ocid.clone(), why));
        false
    });
}

/// A failure record in this program's own words.
pub(super) fn own_as(class: ErrorClass, message: &str) -> ErrorRecord {
    own_error(class, "NotDeleted", message)
}
