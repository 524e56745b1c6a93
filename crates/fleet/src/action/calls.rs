//! The requests of a run of actions, each in its own task. Decides nothing.

use super::look::Look;
use super::slot::Slot;
use super::{KeptVolume, Options, Verb};
use crate::engine::cloud::{self, KeepVolumes};
use crate::engine::failure::{AfterAction, policy, work_request_error};
use crate::engine::poll::{ListPoll, Until};
use crate::pace::Ticket;
use crate::query::select::Machine;
use futures_util::{StreamExt as _, stream};
use ledger::ErrorRecord;
use oci_api::models::{BootVolumeAttachmentLifecycleState, InstanceLifecycleState as State};
use oci_client::services::compute::InstanceAction;
use oci_client::{Client, Failure, FailureClass, RetryPolicy};
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;

/// Instances read at the same time.
pub(super) const AT_ONCE: usize = 8;

/// One action to be sent.
#[derive(Clone, Debug)]
pub(super) struct ActionRequest {
    /// The slot's place in the selection.
    pub(super) index: usize,
    pub(super) ticket: Ticket,
    pub(super) ocid: String,
    /// `None` terminates.
    pub(super) action: Option<InstanceAction>,
    pub(super) token: String,
    pub(super) keep: KeepVolumes,
}

/// How it went.
#[derive(Debug)]
pub(super) struct ActionAnswer {
    pub(super) index: usize,
    pub(super) ticket: Ticket,
    pub(super) result: Result<Accepted, Failure>,
    /// The instance's state, asked for where it decides what a failure means.
    pub(super) asked: Option<ObservedState>,
}

/// What the service said when it accepted an action.
#[derive(Debug, Default)]
pub(super) struct Accepted {
    /// The state of the instance; the answer to a termination has none.
    pub(super) state: Option<State>,
    /// OCID of the work request that carries the action out. There is none where nothing was left to do.
    pub(super) work_request: Option<String>,
}

/// An instance's state as it was looked up.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ObservedState {
    /// In this state.
    In(State),
    /// Not found.
    Gone,
    /// The service did not say.
    Unknown,
}

/// Sends one action, once.
pub(super) async fn send(client: Client, request: ActionRequest) -> ActionAnswer {
    let once = client.with_retry(RetryPolicy::never());
    let ActionRequest { index, ticket, ocid, action, token, keep } = request;
    let result = match action {
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

/// Looks one instance up.
pub(super) async fn ask(client: &Client, ocid: &str) -> ObservedState {
    match client.get_instance(ocid).await {
        Ok(answered) => ObservedState::In(answered.value.lifecycle_state),
        Err(failure) if failure.class == FailureClass::NotFound => ObservedState::Gone,
        Err(_) => ObservedState::Unknown,
    }
}

/// What a look is about.
#[derive(Clone, Debug)]
pub(super) struct PolledInstance {
    pub(super) ocid: String,
    pub(super) compartment: String,
    pub(super) domain: String,
}

impl PolledInstance {
    pub(super) fn of(slot: &Slot) -> Self {
        let Machine { ocid, compartment, availability_domain: domain, .. } = &slot.machine;
        Self { ocid: ocid.clone(), compartment: compartment.clone(), domain: domain.clone() }
    }
}

/// What a look showed.
#[derive(Debug)]
pub(super) struct Poll {
    pub(super) look: Look,
    /// When it began: what happened later is not in it.
    pub(super) began: Instant,
    /// The states of those that were looked at and found.
    pub(super) states: BTreeMap<String, ObservedState>,
    /// Whether a state was asked for by OCID, and not read from a list that may lag.
    pub(super) certain: BTreeSet<String>,
    /// Pages read.
    pub(super) pages: usize,
    /// Why it is not complete.
    pub(super) failure: Option<Failure>,
}

/// Looks at instances, in one of three ways.
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
    // Not in the list: moved to another compartment, gone, or just not there yet.
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
    let wanted: BTreeSet<&str> = watched.iter().map(|watched| watched.ocid.as_str()).collect();
    let mut places: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for watched in watched {
        places.entry(&watched.compartment).or_default().insert(&watched.domain);
    }
    for (compartment, domains) in places {
        let mut list = cloud::list(compartment);
        // The service filters by one availability domain; several are read in one list.
        if let (Some(domain), 1) = (domains.first(), domains.len()) {
            list = list.query("availabilityDomain", *domain);
        }
        if let Some(state) = state {
            list = list.query("lifecycleState", state.as_str());
        }
        let mut met = BTreeMap::new();
        let poll = ListPoll { client, pacer: None, list, wanted: &wanted, until: Until::End };
        let read = poll.read(&mut met).await;
        let states = met.into_iter().map(|(ocid, seen)| (ocid, ObservedState::In(seen.lifecycle_state)));
        sight.states.extend(states);
        sight.pages += read?;
    }
    Ok(())
}

/// The volumes that a termination will leave behind, as far as they were asked to be kept.
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
    let places: BTreeSet<(&str, &str)> = machines
        .iter()
        .map(|machine| (machine.compartment.as_str(), machine.availability_domain.as_str()))
        .collect();
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
                // A volume that somebody attached later is theirs, and is kept in any case.
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

/// Why the last work request about an instance failed, if one did and says so.
pub(super) async fn reason(client: &Client, compartment: &str, ocid: &str) -> Option<ErrorRecord> {
    let requests = client.list_work_requests(compartment, Some(ocid)).await.ok()?;
    let last = requests.into_iter().max_by_key(|request| request.time_accepted)?;
    let error = client.list_work_request_errors(&last.id).await.ok()?.into_iter().next()?;
    Some(work_request_error(&error.code, &error.message).1)
}

/// What the kinds of volume attachment have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AttachedVolume {
    pub(crate) volume: String,
    pub(crate) instance: String,
    pub(crate) state: String,
    /// Whether the instance's launch made the volume. An attachment that does not say so is somebody's own.
    pub(crate) made_at_launch: bool,
}

/// Reads an attachment, whatever its kind.
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
