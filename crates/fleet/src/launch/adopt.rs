//! Finds a run's instances by their tags, which the cloud knows even if the records do not.

use super::context::Context;
use crate::engine::{
    cloud::{self, Made},
    pacer::Class,
};
use crate::plan::{FleetSpec, RUN_TAG, SLOT_TAG};
use futures_util::TryStreamExt as _;
use ledger::{Event, Placement, RunId, SlotNumber};
use oci_api::models::{Instance, InstanceLifecycleState};
use oci_client::{Client, Failure, FailureClass};
use std::collections::BTreeMap;

/// Whether an instance in this state is terminating or terminated and will never run again.
pub(crate) fn is_dead(state: &InstanceLifecycleState) -> bool {
    matches!(state, InstanceLifecycleState::Terminating | InstanceLifecycleState::Terminated)
}

/// The slot of `run` for which the instance was launched.
pub(crate) fn slot_of(instance: &Instance, run: RunId) -> Option<SlotNumber> {
    let tags = instance.freeform_tags.as_ref()?;
    let named: RunId = tags.get(RUN_TAG)?.parse().ok()?;
    (named == run).then(|| tags.get(SLOT_TAG)?.parse().ok()).flatten()
}

/// The event of an instance that was found rather than just launched. `asked` is the placement that was tried for it, if known.
pub(crate) fn adopted(
    fleet: &FleetSpec,
    instance: impl Into<Made>,
    (slot, attempt): (SlotNumber, u32),
    asked: Option<&Placement>,
) -> Event {
    let made: Made = instance.into();
    let domain = made.availability_domain.as_deref().unwrap_or_default();
    let told = Placement {
        region: fleet.region_of_domain(domain),
        availability_domain: made.availability_domain.unwrap_or_default(),
        fault_domain: made.fault_domain,
        shape: made.shape.unwrap_or_default(),
        capacity_reservation: made.capacity_reservation_id,
        ..Placement::default()
    };
    Event::Launched {
        slot,
        attempt,
        ocid: made.id.unwrap_or_default(),
        name: made.display_name.unwrap_or_default(),
        state: made.lifecycle_state.to_string(),
        placement: match asked {
            Some(asked) => asked.recorded(told),
            None => told,
        },
        work_request: None,
        adopted: true,
        differs: None,
    }
}

/// The live instances of a run in a compartment, by slot, oldest first; terminated ones are omitted.
pub(crate) async fn survey(
    client: &Client,
    compartment: &str,
    run: RunId,
) -> Result<BTreeMap<SlotNumber, Vec<Instance>>, Failure> {
    let mut found: BTreeMap<SlotNumber, Vec<Instance>> = BTreeMap::new();
    let mut pages = std::pin::pin!(client.pages::<Instance>(cloud::list(compartment)));
    while let Some(page) = pages.try_next().await? {
        for instance in page.value {
            if let Some(slot) = slot_of(&instance, run).filter(|_| !is_dead(&instance.lifecycle_state)) {
                found.entry(slot).or_default().push(instance);
            }
        }
    }
    for instances in found.values_mut() {
        instances.sort_by(|a, b| (&a.time_created, &a.id).cmp(&(&b.time_created, &b.id)));
    }
    Ok(found)
}

/// Whether an instance that an up-to-date list does not show is gone. A failed read says nothing.
pub(crate) async fn is_gone(client: &Client, ocid: &str) -> bool {
    match cloud::get(client, ocid).await {
        Ok(instance) => is_dead(&instance.lifecycle_state),
        Err(failure) => failure.class == FailureClass::NotFound,
    }
}

/// The live instance of one slot. It is first looked up by display name, which is one short page; `thorough` also checks every
/// instance of the compartment, in case somebody renamed it.
pub(crate) async fn live_instance(
    context: &Context<'_>,
    slot: SlotNumber,
    placement: &Placement,
    thorough: bool,
) -> Result<Option<Instance>, Failure> {
    let client = &context.client_at(placement);
    let compartment = context.plan.fleet.compartment_at(placement);
    let name = context.plan.name_in(slot, &placement.availability_domain);
    let named = context.pacer.call(Class::Read, cloud::named(client, compartment, &name)).await;
    let named = named?;
    // A stale list shows as alive what is known to be gone.
    let gone = context.journal.state(|state| state.slot(slot).gone.clone());
    let ours = |instance: &Instance| {
        slot_of(instance, context.run) == Some(slot)
            && !is_dead(&instance.lifecycle_state)
            && !gone.contains(&instance.id)
    };
    if let Some(found) = named.into_iter().find(ours) {
        return Ok(Some(found));
    }
    if !thorough {
        return Ok(None);
    }
    let mut found = survey(client, compartment, context.run).await?;
    Ok(found.remove(&slot).into_iter().flatten().find(ours))
}
