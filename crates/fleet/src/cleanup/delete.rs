//! Deletes what was found and shown: instances through a separate termination run, then volumes and reservations, each with its
//! intent in the ledger before the call. The leases of the runs that created them are held meanwhile.

use super::hold::{self, own_as};
use super::{LeftPart, LeftVolume, Leftovers};
use crate::action::{self, ActionSummary, Options, Verb};
use crate::engine::env::{Environment, RunError, Sink};
use crate::engine::failure::error_record;
use crate::engine::journal::Journal;
use crate::engine::outcome::{Ending, Reached};
use crate::network::{self, NetworkPart};
use crate::plan::network::PartKind;
use crate::pool;
use crate::query::select::Selection;
use crate::reservation::{self, Patience};
use futures_util::{StreamExt as _, stream};
use ledger::{EnginePart, ErrorClass, ErrorRecord, Event, Outcome, RunId, RunKind};
use oci_client::{Failure, FailureClass, RetryPolicy};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The maximum number of deletions in flight.
const AT_ONCE: usize = 8;
/// How long the deletion of one reservation may take.
const RESERVATION: Duration = Duration::from_mins(15);

/// The result of a cleanup.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Deleted {
    /// The run that deleted volumes and reservations, if there were any.
    pub run_id: Option<RunId>,
    /// The termination of the instances, if there were any.
    pub instances: Option<ActionSummary>,
    /// OCIDs of deleted volumes and reservations.
    pub deleted: Vec<String>,
    /// OCIDs of volumes and reservations that were not deleted, with reasons.
    pub failed: Vec<(String, ErrorRecord)>,
    /// OCIDs of those that were not tried because the user interrupted.
    pub left: Vec<String>,
    /// Warnings to the user.
    pub warnings: Vec<String>,
}

impl Deleted {
    /// How it ended.
    pub fn outcome(&self) -> Outcome {
        let instances = self.instances.as_ref();
        let is = |bad| instances.is_some_and(|summary| summary.outcome == Some(bad));
        let login = |(_, error): &(_, ErrorRecord)| error.class == ErrorClass::Authentication;
        let done = self.deleted.len() + instances.map_or(0, |summary| summary.done as usize);
        let failed = self.failed.len() + instances.map_or(0, |summary| summary.failed as usize);
        let refused = is(Outcome::NotAuthenticated) || self.failed.iter().any(login);
        let interrupted = is(Outcome::Interrupted) || !self.left.is_empty();
        let missed = failed + usize::from(refused || interrupted);
        Ending {
            ledger_failed: is(Outcome::LedgerFailed),
            refused,
            interrupted,
            reached: Reached::of(done, done + missed),
            ..Ending::default()
        }
        .outcome()
    }
}

/// A volume or a reservation to delete, as stored in the first record of the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Item {
    Volume(LeftVolume),
    Reservation { ocid: String, name: String },
    NetworkPart(NetworkPart),
    Engine(LeftPart),
}

impl Item {
    pub(super) fn ocid(&self) -> &str {
        match self {
            Self::Volume(volume) => &volume.ocid,
            Self::Reservation { ocid, .. }
            | Self::NetworkPart(NetworkPart { ocid, .. })
            | Self::Engine(LeftPart { ocid, .. }) => ocid,
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Volume(LeftVolume { name, .. })
            | Self::Reservation { name, .. }
            | Self::NetworkPart(NetworkPart { name, .. })
            | Self::Engine(LeftPart { name, .. }) => name,
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Volume(volume) if volume.boot => "boot volume",
            Self::Volume(_) => "volume",
            Self::Reservation { .. } => "reservation",
            Self::NetworkPart(part) => part.kind.what(),
            Self::Engine(left) => left.part.what(),
        }
    }

    fn action(&self) -> &'static str {
        match self {
            Self::Volume(volume) if volume.boot => "DELETE_BOOT_VOLUME",
            Self::Volume(_) => "DELETE_VOLUME",
            Self::Reservation { .. } => "DELETE_RESERVATION",
            Self::Engine(left) => match left.part {
                EnginePart::ComputeCluster => "DELETE_COMPUTE_CLUSTER",
                EnginePart::InstanceConfiguration => "DELETE_INSTANCE_CONFIGURATION",
                EnginePart::InstancePool => "DELETE_INSTANCE_POOL",
                EnginePart::ClusterNetwork => "DELETE_CLUSTER_NETWORK",
            },
            Self::NetworkPart(part) => match part.kind {
                PartKind::Vcn => "DELETE_VCN",
                PartKind::Subnet => "DELETE_SUBNET",
                PartKind::InternetGateway => "DELETE_INTERNET_GATEWAY",
                PartKind::NatGateway => "DELETE_NAT_GATEWAY",
                PartKind::RouteTable => "DELETE_ROUTE_TABLE",
                PartKind::SecurityList => "DELETE_SECURITY_LIST",
                PartKind::ComputeCluster => "DELETE_COMPUTE_CLUSTER",
            },
        }
    }
}

/// Deletes what was found, and nothing else. `watch` is called with each of the (at most two) runs and the names of its slots
/// before it begins, and returns the sink of its records.
///
/// # Errors
/// When the ledger cannot be written before anything was sent.
pub async fn delete(
    env: &Environment,
    left: &Leftovers,
    mut watch: impl FnMut(RunId, &[String]) -> Sink,
    stop: CancellationToken,
) -> Result<Deleted, RunError> {
    let taken = hold::take(env, left).await;
    let left = &taken.left;
    let mut deleted = Deleted { failed: taken.refused, ..Deleted::default() };
    if !left.instances.is_empty() {
        let machines = left.instances.iter().map(|left| left.machine.clone()).collect();
        let selection = Selection::freeze(machines);
        let names: Vec<String> =
            selection.machines().iter().map(|machine| machine.label().to_owned()).collect();
        let run = env.new_run_id();
        let sink = watch(run, &names);
        let options = Options::new(Verb::Terminate);
        let summary = action::run(env, run, &selection, &options, sink, stop.clone()).await?;
        deleted.instances = Some(summary);
    }
    let items: Vec<Item> = left
        .volumes
        .iter()
        .cloned()
        .map(Item::Volume)
        .chain(
            left.reservations
                .iter()
                .map(|left| Item::Reservation { ocid: left.ocid.clone(), name: left.name.clone() }),
        )
        .chain(left.parts.iter().cloned().map(Item::Engine))
        // Last, and in their order: each part is deleted before what it uses.
        .chain(left.networks.iter().flat_map(|left| left.parts.iter().cloned().map(Item::NetworkPart)))
        .collect();
    if !items.is_empty() {
        let run = env.new_run_id();
        let names: Vec<String> = items.iter().map(|item| item.name().to_owned()).collect();
        let ocids: Vec<String> = items.iter().map(|item| item.ocid().to_owned()).collect();
        match others(env, items, run, watch(run, &names), &stop, &mut deleted).await {
            Ok(()) => {}
            // The result for the instances must still be reported.
            Err(error) if deleted.instances.is_some() => {
                let error = own(&error.to_string());
                deleted.failed.extend(ocids.into_iter().map(|ocid| (ocid, error.clone())));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(deleted)
}

/// Deletes volumes and reservations.
async fn others(
    env: &Environment,
    items: Vec<Item>,
    run: RunId,
    sink: Sink,
    stop: &CancellationToken,
    deleted: &mut Deleted,
) -> Result<(), RunError> {
    let first = Event::RunStarted {
        kind: RunKind::Cleanup,
        requested: u32::try_from(items.len()).unwrap_or(u32::MAX),
        plan: serde_json::to_value(&items).unwrap_or_default(),
    };
    let journal = &Journal::create(env, run, first, sink, CancellationToken::new()).await?;
    deleted.run_id = Some(run);
    let (parts, others): (Vec<_>, Vec<_>) = items
        .into_iter()
        .zip(1..)
        .partition(|(item, _)| matches!(item, Item::NetworkPart(_) | Item::Engine(_)));
    let mut ended: Vec<(String, Result<bool, ErrorRecord>)> = stream::iter(others)
        .map(|(item, slot)| async move {
            let ended = if stop.is_cancelled() {
                Ok(false)
            } else {
                delete_one(env, journal, slot, &item, stop).await
            };
            (item.ocid().to_owned(), ended)
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    ended.extend(in_order(env, journal, parts, stop).await);
    for (ocid, ended) in ended {
        match ended {
            Ok(true) => deleted.deleted.push(ocid),
            Ok(false) => deleted.left.push(ocid),
            Err(error) => deleted.failed.push((ocid, error)),
        }
    }
    let outcome = deleted.outcome();
    journal.finish(None, outcome).await;
    // The deletions took effect, whether or not they could be recorded.
    if let Some(error) = journal.broken() {
        let message = format!("the ledger is incomplete, so `show {run}` will not show everything: {error}");
        deleted.warnings.push(message);
    }
    Ok(())
}

/// Deletes the parts of networks one after another. A part that cannot be deleted leaves those after it, which it may use.
async fn in_order(
    env: &Environment,
    journal: &Journal,
    parts: Vec<(Item, u32)>,
    stop: &CancellationToken,
) -> Vec<(String, Result<bool, ErrorRecord>)> {
    let mut ended = Vec::new();
    let mut stuck: Option<String> = None;
    for (item, slot) in parts {
        let result = match &stuck {
            _ if stop.is_cancelled() => Ok(false),
            Some(before) => {
                Err(own(&format!("not tried, because the {before} before it could not be deleted")))
            }
            None => delete_one(env, journal, slot, &item, stop).await,
        };
        if result.is_err() {
            stuck.get_or_insert_with(|| item.kind().to_owned());
        }
        // The parts of the next network depend on none of this one, and one pool on no other.
        let is_last = match &item {
            Item::NetworkPart(part) => matches!(part.kind, PartKind::Vcn | PartKind::ComputeCluster),
            _ => true,
        };
        if is_last {
            stuck = None;
        }
        ended.push((item.ocid().to_owned(), result));
    }
    ended
}

/// Deletes one resource, recording its intent before and its end after. Returns whether it is gone.
async fn delete_one(
    env: &Environment,
    journal: &Journal,
    slot: u32,
    item: &Item,
    stop: &CancellationToken,
) -> Result<bool, ErrorRecord> {
    let ocid = item.ocid().to_owned();
    let intent = Event::ActionIntended { slot, ocid: ocid.clone(), action: item.action().to_owned() };
    journal.intend(intent).await.map_err(|error| own(&error.to_string()))?;
    // Deleting twice has the same effect, so the client may retry.
    let client = env.client.with_retry(RetryPolicy::standard());
    let result = match item {
        Item::Volume(volume) if volume.boot => gone(client.delete_boot_volume(&ocid, None).await.map(drop)),
        Item::Volume(_) => gone(client.delete_volume(&ocid, None).await.map(drop)),
        Item::NetworkPart(part) => network::delete_part(&client.at(None), part.kind, &ocid, stop).await,
        Item::Engine(left) => pool::delete_part(&client.at(None), left.part, &ocid, stop).await,
        Item::Reservation { .. } => {
            let patience = Patience::new(RESERVATION, stop.clone());
            reservation::delete(&client, &ocid, &patience).await.map(drop).map_err(|error| {
                match error.failure() {
                    Some(failure) => error_record(failure),
                    None => own(&error.to_string()),
                }
            })
        }
    };
    let event = match &result {
        Ok(()) => Event::ActionDone { slot, ocid, state: "TERMINATED".to_owned(), skipped: false },
        Err(error) => Event::SlotFailed { slot, error: error.clone() },
    };
    journal.record(vec![event]).await;
    result.map(|()| true)
}

fn gone(result: Result<(), Failure>) -> Result<(), ErrorRecord> {
    match result {
        Err(failure) if failure.class != FailureClass::NotFound => Err(error_record(&failure)),
        _ => Ok(()),
    }
}

fn own(message: &str) -> ErrorRecord {
    own_as(ErrorClass::NotDeleted, message)
}
