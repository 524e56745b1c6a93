//! The requests of an action run, each in its own task. This module decides nothing.

use super::look::Look;
use super::slot::Slot;
use super::{KeptVolume, Options, Verb};
use crate::engine::cloud::{self, KeepVolumes};
use crate::engine::failure::{AfterAction, policy, work_request_error};
use crate::engine::poll::{ListPoll, Until};
use crate::pace::Ticket;
use crate::pool;
use crate::query::select::Machine;
use futures_util::{StreamExt as _, stream};
use ledger::ErrorRecord;
use oci_api::models::{BootVolumeAttachmentLifecycleState, InstanceLifecycleState as State};
use oci_client::services::compute::InstanceAction;
use oci_client::{Client, Failure, FailureClass, RetryPolicy};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::Instant;

/// Instances read at the same time.
pub(super) const AT_ONCE: usize = 8;

/// One action to send.
#[derive(Clone, Debug)]
pub(super) struct ActionRequest {
    /// The index of the slot in the selection.
    pub(super) index: usize,
    pub(super) ticket: Ticket,
    pub(super) ocid: String,
    /// `None` means a termination.
    pub(super) action: Option<InstanceAction>,
    pub(super) token: String,
    pub(super) keep: KeepVolumes,
    /// The pool that it leaves before it is terminated, because the pool would replace it.
    pub(super) pool: Option<String>,
}

/// The result of a request.
#[derive(Debug)]
pub(super) struct ActionAnswer {
    pub(super) index: usize,
    pub(super) ticket: Ticket,
    pub(super) result: Result<Accepted, Failure>,
    /// The instance's state, which is read if it decides what a failure means.
    pub(super) asked: Option<ObservedState>,
}

/// The response to an accepted action.
#[derive(Debug, Default)]
pub(super) struct Accepted {
    /// The state of the instance; the response to a termination has none.
    pub(super) state: Option<State>,
    /// OCID of the work request that carries the action out; absent if nothing was left to do.
    pub(super) work_request: Option<String>,
}

/// The state of an instance after it was read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ObservedState {
    /// In this state.
    In(State),
    /// Not found.
    Gone,
    /// The service did not provide it.
    Unknown,
}

/// Sends one action once.
pub(super) async fn send(client: Client, request: ActionRequest) -> ActionAnswer {
    let once = client.with_retry(RetryPolicy::never());
    let ActionRequest { index, ticket, ocid, action, token, keep, pool } = request;
    let left = match &pool {
        Some(pool) => pool::detach(&once, pool, &ocid, &token).await,
        None => Ok(()),
    };
    let result = match action {
        _ if left.is_err() => left.map(|()| Accepted::default()),
        Some(action) => {
            once.instance_action(&ocid, action, Some(&token), None).await.map(|answered| Accepted {
                state: Some(answered.value.lifecycle_state).filter(|state| !state.as_str().is_empty()),
                work_request: answered.work_request_id,
            })
        }
        None => cloud::terminate(&once, &ocid, keep)
            .await
            .map(|work_request| Accepted { state: None, work_request }),
    };
    let asked = match &result {
        Err(failure) if policy(failure.class).action == AfterAction::AskState => {
            Some(ask(&client, &ocid).await)
        }
        _ => None,
    };
    ActionAnswer { index, ticket, result, asked }
}

/// Reads one instance.
pub(super) async fn ask(client: &Client, ocid: &str) -> ObservedState {
    match client.get_instance(ocid).await {
        Ok(answered) => ObservedState::In(answered.value.lifecycle_state),
        Err(failure) if failure.class == FailureClass::NotFound => ObservedState::Gone,
        Err(_) => ObservedState::Unknown,
    }
}

/// The instance that a poll is about.
#[derive(Clone, Debug)]
pub(super) struct PolledInstance {
    pub(super) ocid: String,
    pub(super) compartment: Arc<str>,
    pub(super) domain: Arc<str>,
}

impl PolledInstance {
    pub(super) fn of(slot: &Slot) -> Self {
        let Machine { ocid, compartment, availability_domain: domain, .. } = &slot.machine;
        Self { ocid: ocid.clone(), compartment: compartment.clone(), domain: domain.clone() }
    }
}

/// The result of a poll.
#[derive(Debug)]
pub(super) struct Poll {
    pub(super) look: Look,
    /// When it began; it does not show later changes.
    pub(super) began: Instant,
    /// The states of the instances that were found.
    pub(super) states: BTreeMap<String, ObservedState>,
    /// Whether a state was read by OCID rather than from a list, which may lag.
    pub(super) certain: BTreeSet<String>,
    /// The number of pages read.
    pub(super) pages: usize,
    /// Why the poll is incomplete.
    pub(super) failure: Option<Failure>,
}

/// Polls instances in one of three ways.
pub(super) async fn look(
    client: Client,
    look: Look,
    watched: Vec<PolledInstance>,
    on_the_way: Option<State>,
) -> Poll {
    let mut sight = Poll {
        look,
        began: Instant::now(),
        states: BTreeMap::new(),
        certain: BTreeSet::new(),
        pages: 0,
        failure: None,
    };
    if matches!(look, Look::List | Look::OnTheWay) {
        let state = on_the_way.filter(|_| look == Look::OnTheWay);
        if let Err(failure) = read_lists(&client, &watched, state.as_ref(), &mut sight).await {
            sight.failure = Some(failure);
            return sight;
        }
    }
    if look == Look::OnTheWay {
        return sight;
    }
    // Not in the list: moved to another compartment, terminated, or not listed yet.
    let missing: Vec<String> = watched
        .into_iter()
        .map(|watched| watched.ocid)
        .filter(|ocid| !sight.states.contains_key(ocid))
        .collect();
    let client = &client;
    let answers: Vec<(String, ObservedState)> = stream::iter(missing)
        .map(|ocid| async move {
            let seen = ask(client, &ocid).await;
            (ocid, seen)
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    for (ocid, seen) in answers {
        sight.certain.insert(ocid.clone());
        sight.states.insert(ocid, seen);
    }
    sight
}

async fn read_lists(
    client: &Client,
    watched: &[PolledInstance],
    state: Option<&State>,
    sight: &mut Poll,
) -> Result<(), Failure> {
    let mut wanted: Vec<&str> = watched.iter().map(|watched| watched.ocid.as_str()).collect();
    wanted.sort_unstable();
    let mut places: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for watched in watched {
        places.entry(&watched.compartment).or_default().insert(&watched.domain);
    }
    for (compartment, domains) in places {
        let mut list = cloud::list(compartment);
        // The service can filter by one availability domain; for several, the whole list is read.
        if let (Some(domain), 1) = (domains.first(), domains.len()) {
            list = list.query("availabilityDomain", *domain);
        }
        if let Some(state) = state {
            list = list.query("lifecycleState", state.as_str());
        }
        let mut met = BTreeMap::new();
        let poll = ListPoll { client, pacer: None, list, wanted: &wanted, until: Until::End };
        let read = poll.read(&mut met).await;
        let states =
            met.into_iter().map(|(ocid, seen)| (ocid.to_owned(), ObservedState::In(seen.lifecycle_state)));
        sight.states.extend(states);
        sight.pages += read?.pages;
    }
    Ok(())
}

/// The volumes that a termination will leave behind because they are to be kept.
pub(super) async fn kept_volumes(
    client: &Client,
    machines: &[Machine],
    options: &Options,
) -> Result<Vec<KeptVolume>, Failure> {
    let mut kept = Vec::new();
    if options.verb != Verb::Terminate {
        return Ok(kept);
    }
    let ours: BTreeSet<&str> = machines.iter().map(|machine| machine.ocid.as_str()).collect();
    let places: BTreeSet<(&str, &str)> =
        machines.iter().map(|machine| (&*machine.compartment, &*machine.availability_domain)).collect();
    for (compartment, domain) in places {
        if options.keep_boot_volumes {
            for row in client.list_boot_volume_attachments(compartment, domain, None).await? {
                let attached = row.lifecycle_state != BootVolumeAttachmentLifecycleState::Detached;
                if attached && ours.contains(row.instance_id.as_str()) {
                    kept.push(KeptVolume {
                        volume: row.boot_volume_id,
                        instance: row.instance_id,
                        boot: true,
                    });
                }
            }
        }
        if options.keep_data_volumes {
            for row in client.list_volume_attachments(compartment, Some(domain), None).await? {
                // A volume that somebody attached later belongs to them and is kept in any case.
                if let Some(row) = volume_attachment(&row)
                    && row.made_at_launch
                    && row.state != "DETACHED"
                    && ours.contains(row.instance.as_str())
                {
                    kept.push(KeptVolume { volume: row.volume, instance: row.instance, boot: false });
                }
            }
        }
    }
    Ok(kept)
}

/// Why the last work request about an instance failed, if it failed and states a reason.
pub(super) async fn reason(client: &Client, compartment: &str, ocid: &str) -> Option<ErrorRecord> {
    let requests = client.list_work_requests(compartment, Some(ocid)).await.ok()?;
    let last = requests.into_iter().max_by_key(|request| request.time_accepted)?;
    let error = client.list_work_request_errors(&last.id).await.ok()?.into_iter().next()?;
    Some(work_request_error(&error.code, &error.message).1)
}

/// The common part of all kinds of volume attachments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AttachedVolume {
    pub(crate) volume: String,
    pub(crate) instance: String,
    pub(crate) state: String,
    /// Whether the instance's launch created the volume. An attachment that does not say so belongs to the user.
    pub(crate) made_at_launch: bool,
}

/// Reads an attachment of any kind.
pub(crate) fn volume_attachment(row: &oci_api::models::VolumeAttachment) -> Option<AttachedVolume> {
    let fields = serde_json::to_value(row).ok()?;
    let text = |name: &str| fields.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    Some(AttachedVolume {
        volume: text("volumeId")?,
        instance: text("instanceId")?,
        state: text("lifecycleState").unwrap_or_default(),
        made_at_launch: fields.get("isVolumeCreatedDuringLaunch").and_then(serde_json::Value::as_bool)
            == Some(true),
    })
}
