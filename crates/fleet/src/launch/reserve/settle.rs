//! The end of a run that reserved its own capacity: what is released, what shrinks, and what continues to cost money.

use std::collections::BTreeSet;
use std::time::Duration;

use ledger::{Event, Outcome, RunState};
use oci_api::models::ComputeCapacityReservationSummary;
use oci_client::{Client, Failure, FailureClass};
use tokio_util::sync::CancellationToken;

use super::drawn::{Drawn, PATIENCE, drawn, held_event};
use super::grow::GROWN;
use crate::engine::journal::Journal;
use crate::plan::{Plan, RUN_TAG, Reserve};
use crate::reservation::TOKEN_TAG;
use crate::reservation::create::find_by_token;
use crate::reservation::follow::{passing, until_active};
use crate::reservation::{
    Change, Created, Held, NewCount, Patience, ReservationError, Want, give_back, resize, show,
};

/// How often a forgotten reservation is looked for if the service does not respond, and the time between two tries.
const LOOKS: u32 = 10;
const BETWEEN_LOOKS: Duration = Duration::from_secs(10);
/// How long a terminated instance may take to leave its reservation.
const DYING: Duration = Duration::from_mins(10);

/// Too little is held: rolls everything back, even if the user has asked to stop meanwhile.
pub(super) async fn abandon(
    client: &Client,
    plan: &Plan,
    reserve: &Reserve,
    journal: &Journal,
    created: &[Created],
) -> Outcome {
    let refused = created.iter().any(|created| {
        let failure = created.result.as_ref().err().and_then(ReservationError::failure);
        failure.is_some_and(|failure| failure.class == FailureClass::Authentication)
    });
    let in_doubt = find_forgotten(client, &plan.fleet.compartment, journal).await;
    let patience = Patience::new(PATIENCE, CancellationToken::new());
    let held: u32 = created.iter().map(Created::held).sum();
    let mut known: BTreeSet<String> = journal.state(|state| state.reservations.keys().cloned().collect());
    known.extend(created.iter().filter_map(|created| created.ocid.clone()));
    let mut own = Vec::new();
    for ocid in known {
        match reserve.grown.get(&ocid) {
            Some(before) => {
                shrink(client, &ocid, Keep { before: Some(*before), used: 0 }, plan, journal, &patience)
                    .await;
            }
            None => own.push(ocid),
        }
    }
    let left = give_back(client, &plan.fleet.compartment, &own, journal, &patience).await;
    lament(journal, left).await;
    if refused {
        return Outcome::NotAuthenticated;
    }
    if in_doubt {
        return Outcome::InDoubt;
    }
    if held > 0 {
        let message = format!(
            "{held} reserved is below the minimum of {}: all reservations were rolled back",
            reserve.min
        );
        journal.record(vec![Event::Warning { message }]).await;
    }
    if held > 0 || reserve.min > 0 { Outcome::GivenBack } else { Outcome::Nothing }
}

/// Reports what is still held although it should not be.
async fn lament(journal: &Journal, left: Vec<(String, ReservationError)>) {
    let events = left.into_iter().map(|(ocid, error)| {
        let message = format!(
            "{ocid} STILL EXISTS and is charged: {error}; delete it with `oci-insta-scale reservation delete {ocid}`"
        );
        Event::Warning { message }
    });
    journal.record(events.collect()).await;
}

pub(super) async fn still_held(journal: &Journal, created: &[Created]) {
    let held = created.iter().filter_map(|created| created.ocid.as_ref());
    let events = held.map(|ocid| {
        let message = format!(
            "{ocid} exists and is charged: `resume` continues with it, `oci-insta-scale reservation delete {ocid}` \
                 deletes it"
        );
        Event::Warning { message }
    });
    journal.record(events.collect()).await;
}

/// The end of such a run: releases unused capacity if requested, and reports what continues to cost money.
///
/// The service's count of used instances lags behind launches (oracle/karpenter-provider-oci keeps its own count for this
/// reason), so a reservation never shrinks below what this run has launched into it.
pub(crate) async fn settle(
    client: &Client,
    plan: &Plan,
    reserve: &Reserve,
    journal: &Journal,
    interrupted: bool,
) {
    if journal.broken().is_some() {
        return;
    }
    let compartment = &plan.fleet.compartment;
    find_forgotten(client, compartment, journal).await;
    let mine: Vec<(String, Drawn)> = journal
        .state(|state| state.reservations.keys().map(|ocid| (ocid.clone(), drawn(state, ocid))).collect());
    let patience = Patience::new(PATIENCE, CancellationToken::new());
    let mut own = Vec::new();
    for (ocid, drawn) in mine {
        let grown = reserve.grown.contains_key(&ocid);
        let looked = if interrupted || !reserve.release {
            show(client, &ocid).await
        } else {
            without_the_dying(client, &ocid, grown, journal, drawn).await
        };
        let Ok(held) = looked else {
            let message = format!("{ocid} could not be read at the end; it may continue to cost money");
            journal.record(vec![Event::Warning { message }]).await;
            continue;
        };
        if held.state == "DELETED" {
            continue;
        }
        let certain = held.used().max(drawn.known);
        let used = held.used().max(drawn.known + drawn.in_doubt);
        let unused = held.reserved().saturating_sub(used);
        let kept = held.reserved().min(used).saturating_sub(certain);
        if kept > 0 {
            let message = format!(
                "the reservation {ocid} holds {kept} more than are known to be used, because the outcome of some \
                     launches is unknown: they are charged at 85 % of the on-demand price until `resume` has found out"
            );
            journal.record(vec![Event::Warning { message }]).await;
        }
        if unused == 0 {
            // It costs nothing and has no use.
            if used == 0 && reserve.release && !interrupted && !grown {
                own.push(ocid);
            }
            continue;
        }
        if interrupted || !reserve.release {
            let message = format!(
                "the reservation {ocid} holds {unused} more than are used; they are charged at 85 % of the on-demand price"
            );
            journal.record(vec![Event::Warning { message }]).await;
            continue;
        }
        match reserve.grown.get(&ocid) {
            Some(before) => {
                shrink(client, &ocid, Keep { before: Some(*before), used }, plan, journal, &patience).await;
            }
            None if used == 0 => own.push(ocid),
            None => shrink(client, &ocid, Keep { before: None, used }, plan, journal, &patience).await,
        }
    }
    let left = give_back(client, compartment, &own, journal, &patience).await;
    lament(journal, left).await;
}

/// Reads the reservation after terminated instances have left it. Until the service has finished terminating an instance, its
/// capacity counts as used, and a reservation shrunk to that count would then hold it unused.
///
/// In a reservation of the run's own, everything that is not an instance of a slot counts as terminating for a while: a launch
/// whose response was lost may have created an instance that was terminated before it was known.
async fn without_the_dying(
    client: &Client,
    ocid: &str,
    grown: bool,
    journal: &Journal,
    drawn: Drawn,
) -> Result<Held, ReservationError> {
    let patience = Patience::new(DYING, CancellationToken::new());
    let (living, dead) = journal.state(|state| {
        let living: BTreeSet<String> = state.slots.values().filter_map(|slot| slot.ocid.clone()).collect();
        let dead: BTreeSet<String> = state.slots.values().flat_map(|slot| slot.gone.clone()).collect();
        (living, dead)
    });
    loop {
        let mut held = show(client, ocid).await?;
        if matches!(held.state.as_str(), "CREATING" | "UPDATING" | "MOVING") {
            // An enlargement whose response was lost, or that took longer than the run could wait, may still take effect.
            let patience = Patience::new(PATIENCE, CancellationToken::new());
            if let Some(answer) = until_active(client, ocid, &patience).await? {
                held = Held::from(answer);
            }
        }
        if held.used() <= drawn.known + drawn.in_doubt {
            return Ok(held);
        }
        let is_dying =
            |id: &str| dead.contains(id) || (!grown && drawn.in_doubt == 0 && !living.contains(id));
        let waits = match client.list_capacity_reservation_instances(ocid, None).await {
            Ok(members) => members.iter().any(|member| is_dying(&member.id)),
            Err(failure) => passing(&failure),
        };
        if !waits || !patience.pause(BETWEEN_LOOKS).await {
            return Ok(held);
        }
    }
}

/// Looks for a reservation whose creation or enlargement was announced without a recorded result, because an earlier process
/// died in between or the response was lost. Unless it is found, it would be held and charged without anybody knowing. Returns
/// whether it stays in doubt.
async fn find_forgotten(client: &Client, compartment: &str, journal: &Journal) -> bool {
    let forgotten = journal.state(|state| state.reserving.clone());
    let mut in_doubt = false;
    for (token, domain) in forgotten {
        let event = match look_for(client, compartment, &domain, &token).await {
            Ok(None) => continue,
            Ok(Some(ocid)) => match show(client, &ocid).await {
                Ok(held) => held_event(&held, held.reserved()),
                // Recorded from here on; the next read reports that it cannot be read.
                Err(_) => Event::ReservationHeld {
                    ocid,
                    availability_domain: domain,
                    asked: 0,
                    held: 0,
                    usable: None,
                },
            },
            Err(error) => {
                in_doubt = true;
                let message = format!(
                    "a reservation in {domain} may exist and be charged: {error}; `resume` looks for it again, or \
                         look for the freeform tag `{TOKEN_TAG}: {token}` yourself"
                );
                Event::Warning { message }
            }
        };
        journal.record(vec![event]).await;
    }
    in_doubt
}

/// Reservations that the run created, according to their tag, but that its records do not name because some are lost.
pub(crate) async fn unrecorded(
    client: &Client,
    compartment: &str,
    state: &RunState,
) -> Result<Vec<Event>, Failure> {
    let run = state.run.to_string();
    let rows = client.list_capacity_reservations(compartment, None).await?;
    let ours = rows.into_iter().filter(|row| {
        let is_there =
            row.lifecycle_state.as_deref().is_none_or(|state| !matches!(state, "DELETED" | "DELETING"));
        let tags = row.freeform_tags.as_ref();
        let is_ours =
            tags.is_some_and(|tags| tags.get(RUN_TAG) == Some(&run) && tags.contains_key(TOKEN_TAG));
        is_there && is_ours && !state.reservations.contains_key(&row.id)
    });
    let held = |row: ComputeCapacityReservationSummary| Event::ReservationHeld {
        ocid: row.id,
        availability_domain: row.availability_domain,
        asked: 0,
        held: row.reserved_instance_count.and_then(|count| u32::try_from(count).ok()).unwrap_or_default(),
        usable: None,
    };
    Ok(ours.map(held).collect())
}

/// Looks several times, unless the login is refused.
pub(in crate::launch) async fn look_for(
    client: &Client,
    compartment: &str,
    domain: &str,
    token: &str,
) -> Result<Option<String>, ReservationError> {
    if let Some(ocid) = token.strip_prefix(GROWN) {
        return Ok(Some(ocid.to_owned()));
    }
    let mut looks = 0;
    loop {
        let found = find_by_token(client, compartment, domain, token).await;
        looks += 1;
        let refused = |error: &ReservationError| {
            error.failure().is_some_and(|failure| failure.class == FailureClass::Authentication)
        };
        if looks > LOOKS || found.as_ref().err().is_none_or(refused) {
            return found;
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// What a reservation keeps when it shrinks.
#[derive(Clone, Copy)]
struct Keep {
    /// At least as many as it held before the run, unless the run created it …
    before: Option<u32>,
    /// … and as many as are used, launches of the run included that the service does not count yet.
    used: u32,
}

/// Shrinks the configs of a reservation that the run draws on. Its other configs do not belong to the run and are sent
/// unchanged. If the run has several, the unused part of each is removed from the first to the last.
async fn shrink(
    client: &Client,
    ocid: &str,
    keep: Keep,
    plan: &Plan,
    journal: &Journal,
    patience: &Patience,
) {
    let fleet = &plan.fleet;
    let wants = fleet.placements.iter().map(|placement| Want::of_placement(fleet, placement, 0));
    let wants: Vec<Want> = wants.collect();
    let result = async {
        let held = show(client, ocid).await?;
        let wire = held.wire.instance_reservation_configs.iter().flatten();
        let is_ours = |config| keep.before.is_none() || wants.iter().any(|want| want.matches(config));
        let is_ours: Vec<bool> = wire.map(is_ours).collect();
        let configs = || held.configs.iter().zip(&is_ours);
        let others = configs().filter(|(_, ours)| !**ours);
        let others = others.map(|(config, _)| config.reserved.saturating_sub(config.used));
        // What the others do not use is kept too.
        let to = keep.used.saturating_add(others.sum::<u32>()).max(keep.before.unwrap_or_default());
        let mut surplus = held.reserved().saturating_sub(to);
        let mut changes = Vec::new();
        for (config, _) in configs().filter(|(_, ours)| **ours) {
            let less = surplus.min(config.reserved.saturating_sub(config.used));
            if less > 0 {
                changes.push(Change::Count(Some(config.want()), NewCount::Shrink(less)));
                surplus -= less;
            }
        }
        if changes.is_empty() {
            return Ok(());
        }
        let (asked, held) = resize(client, ocid, &changes, patience).await?;
        journal.record(vec![held_event(&held, asked)]).await;
        Ok::<(), ReservationError>(())
    }
    .await;
    if let Err(error) = result {
        let message = format!("{ocid} could not be made smaller and continues to cost money: {error}");
        journal.record(vec![Event::Warning { message }]).await;
    }
}
