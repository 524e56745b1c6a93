//! Whether reservations can serve the launches of a fleet, and how many.

use futures_util::future::join_all;
use ledger::Placement;
use oci_client::{Client, Failure, FailureClass};

use super::asker::Asker;
use super::probe::{AGAIN, Probe};
use super::verdict::{Bound, BoundKind, Pool, Verdict, in_all};
use super::{Finding, Level, ReservationFacts};
use crate::plan::FleetSpec;
use crate::plan::policy::PolicyScope;
use crate::price::Prices;
use crate::reservation::{Config, Held, ReservationError, Want, show, unreservable};

/// The result of checking the reservations that a fleet names.
#[derive(Debug, Default)]
pub struct Reserved {
    /// Why the launch must not begin.
    pub refused: Vec<Finding>,
    /// Problems that the launch will encounter.
    pub warnings: Vec<Finding>,
}

/// Checks the reservations that a fleet's placements name, with one request each. `grows` is for a launch that enlarges them to
/// what it needs: then only their location and state matter.
///
/// # Errors
/// When the login is refused.
pub async fn look_at_reservations(
    client: &Client,
    fleet: &FleetSpec,
    grows: bool,
) -> Result<Reserved, Box<Failure>> {
    let mut answer = Reserved::default();
    let mut reservations = Vec::new();
    let ocids = named_in(&fleet.placements);
    for (ocid, result) in ocids.iter().zip(join_all(ocids.iter().map(|ocid| show(client, ocid))).await) {
        match result {
            Ok(held) => reservations.push(held),
            Err(ReservationError::Failure(failure)) if failure.class == FailureClass::Authentication => {
                return Err(failure);
            }
            Err(error) => {
                let finding = not_seen(client, fleet, ocid, &error);
                let list =
                    if finding.level == Level::Stop { &mut answer.refused } else { &mut answer.warnings };
                list.push(finding);
            }
        }
    }
    answer.refused.extend(impossible(fleet, &reservations));
    for held in &reservations {
        let here = fleet.placements.iter().filter(|place| draws_on(place, held));
        let checks: Vec<Vec<Finding>> = here
            .map(|place| {
                if grows {
                    in_place(held, place).err().into_iter().collect()
                } else {
                    check(held, fleet, place).1
                }
            })
            .collect();
        // If a reservation serves at least one fault domain, launches can use it there.
        let useless = checks.iter().all(|findings| !findings.is_empty());
        let list = if useless { &mut answer.refused } else { &mut answer.warnings };
        list.extend(checks.into_iter().flatten());
        list.dedup();
    }
    if answer.refused.is_empty() && !grows {
        answer.warnings.extend(too_few(fleet, &reservations, &fleet.placements));
    }
    Ok(answer)
}

/// The reservations that placements name, each once.
pub(super) fn named_in(placements: &[Placement]) -> Vec<String> {
    let mut ocids: Vec<String> = Vec::new();
    for ocid in placements.iter().filter_map(|placement| placement.capacity_reservation.as_ref()) {
        if !ocid.is_empty() && !ocids.contains(ocid) {
            ocids.push(ocid.clone());
        }
    }
    ocids
}

/// Reads each of them.
pub(super) async fn ask(asker: &Asker<'_>, ocids: &[String]) -> Vec<Result<Held, Finding>> {
    asker.count(u32::try_from(ocids.len()).unwrap_or(u32::MAX));
    join_all(ocids.iter().map(|ocid| async move {
        show(asker.client, ocid).await.map_err(|error| not_seen(asker.client, asker.fleet, ocid, &error))
    }))
    .await
}

fn not_seen(client: &Client, fleet: &FleetSpec, ocid: &str, error: &ReservationError) -> Finding {
    let needs = ("use", "compute-capacity-reservations");
    let scope = PolicyScope::Compartment(&fleet.compartment);
    match error.failure() {
        Some(failure) => Probe { what: "capacity reservation", ocid, needs, scope }.finding(client, failure),
        None => Finding::new(Level::Warning, ocid, error.to_string()).remedy(AGAIN),
    }
}

/// Why launches of this kind can use no reservation at all: a finding for each one that the fleet names.
pub(super) fn impossible(fleet: &FleetSpec, reservations: &[Held]) -> Vec<Finding> {
    let remedy = "remove the reservation from the config, or launch instances that can use it";
    let why = |held: &Held| {
        let mut here = fleet.placements.iter().filter(|place| draws_on(place, held));
        here.find_map(|place| unreservable(&fleet.launch_at(place)))
    };
    let impossible = reservations.iter().filter_map(|held| Some((held, why(held)?)));
    impossible.map(|(held, why)| Finding::new(Level::Stop, &held.ocid, why).remedy(remedy)).collect()
}

fn draws_on(place: &Placement, held: &Held) -> bool {
    place.capacity_reservation.as_ref() == Some(&held.ocid)
}

/// Whether the location and state of a reservation allow any launch at a place.
fn in_place(held: &Held, place: &Placement) -> Result<(), Finding> {
    let ocid = held.ocid.as_str();
    if held.availability_domain != place.availability_domain {
        let message = format!(
            "the reservation is in {}, but the config launches in {}",
            held.availability_domain, place.availability_domain
        );
        return Err(Finding::new(Level::Warning, ocid, message).remedy(
            "a reservation serves only its own availability domain: change `availability_domain`, or use another \
                 reservation",
        ));
    }
    if held.state != "ACTIVE" && held.state != "UPDATING" {
        let message = format!("the reservation is {}, not ACTIVE", held.state);
        return Err(Finding::new(Level::Warning, ocid, message)
            .remedy(format!("`oci-insta-scale reservation wait {ocid}` waits until it is ACTIVE")));
    }
    Ok(())
}

/// What a reservation means for a placement: its bound, and findings.
pub(super) fn check(held: &Held, fleet: &FleetSpec, place: &Placement) -> (Bound, Vec<Finding>) {
    let refuse =
        |finding: Finding| (Bound::own(0, finding.message.clone()).of(BoundKind::Reservation), vec![finding]);
    if let Err(finding) = in_place(held, place) {
        return refuse(finding);
    }
    let want = Want::of_placement(fleet, place, 0);
    let configs = serving(held, &want);
    if configs.is_empty() {
        let has: Vec<String> = held.configs.iter().map(Config::describe).collect();
        let has = if has.is_empty() { "nothing".to_owned() } else { has.join("; ") };
        let message = format!("launches of {} cannot use the reservation: it holds {has}", want.describe());
        let count = fleet.count;
        return refuse(Finding::new(Level::Warning, &held.ocid, message).remedy(format!(
            "shape, OCPUs, memory and fault domain must match exactly: change the config, or add what it launches with \
                 `oci-insta-scale reservation update {} --add {},count={count}`",
            held.ocid,
            kind(&want.shape, want.ocpus, want.memory_gb, want.fault_domain.as_deref()).join(","),
        )));
    }
    let free = |config: &Config| u64::from(config.reserved.saturating_sub(config.used));
    let pools: Vec<Pool> = configs
        .iter()
        .map(|config| Pool::of_instances(format!("{} {}", held.ocid, config.describe()), free(config)))
        .collect();
    let room = configs.iter().map(free).sum();
    let reserved: u64 = configs.iter().map(|config| u64::from(config.reserved)).sum();
    let why = format!("the reservation has {room} of {reserved} free");
    (Bound { kind: BoundKind::Reservation, room, why, hint: false, pools }, Vec::new())
}

/// The configs that serve a launch, those of its own fault domain first. A config without a fault domain serves launches into
/// any of them.
fn serving(held: &Held, want: &Want) -> Vec<Config> {
    let any = Want { fault_domain: None, ..want.clone() };
    let all = held.wire.instance_reservation_configs.iter().flatten();
    let mut serving: Vec<Config> = all
        .filter(|config| want.matches(config) || (config.fault_domain.is_none() && any.matches(config)))
        .map(Config::from)
        .collect();
    serving.sort_by_key(|config| config.fault_domain.is_none());
    serving
}

/// The number of the fleet's instances for which the reservation has room in all its parts.
fn room(held: &Held, fleet: &FleetSpec, placements: &[Placement]) -> u32 {
    let here = placements.iter().filter(|place| draws_on(place, held));
    let verdicts: Vec<Verdict> =
        here.map(|place| Verdict::new(place.clone(), u32::MAX, vec![check(held, fleet, place).0])).collect();
    in_all(&verdicts, u32::MAX)
}

/// The facts to report about a reservation.
pub(super) fn facts(
    held: &Held,
    fleet: &FleetSpec,
    placements: &[Placement],
    prices: &Prices,
) -> ReservationFacts {
    ReservationFacts {
        ocid: held.ocid.clone(),
        name: held.name.clone(),
        free: room(held, fleet, placements),
        unused_per_hour: held.unused_hour(prices),
    }
}

/// The finding that the reservations have no room for the whole fleet, if it uses nothing else.
pub(super) fn too_few(fleet: &FleetSpec, reservations: &[Held], placements: &[Placement]) -> Option<Finding> {
    let drawn = |place: &Placement| reservations.iter().any(|held| draws_on(place, held));
    if placements.is_empty() || !placements.iter().all(drawn) {
        return None;
    }
    let rooms = reservations.iter().map(|held| room(held, fleet, placements));
    let room = rooms.fold(0, u32::saturating_add);
    // If none serves any launch, another finding already says so.
    let (held, place) = reservations.iter().find_map(|held| {
        let serves = |place: &&Placement| draws_on(place, held) && check(held, fleet, place).1.is_empty();
        Some((held, placements.iter().find(serves)?))
    })?;
    if room >= fleet.count {
        return None;
    }
    let about = reservations.iter().map(|held| held.ocid.as_str()).collect::<Vec<_>>().join(", ");
    let message = format!(
        "{} of the {} requested instances fit into the reservation; the others will fail, because a launch into a \
             reservation uses no other capacity",
        room, fleet.count
    );
    Some(Finding::new(Level::Warning, about, message).remedy(format!(
        "`oci-insta-scale reservation update {} --count +{}{}` enlarges it, as does a launch with --reserve",
        held.ocid,
        fleet.count - room,
        which(held, &Want::of_placement(fleet, place, 0)),
    )))
}

/// The flags that select the kind that serves a launch, if the reservation holds several.
fn which(held: &Held, want: &Want) -> String {
    let serving = serving(held, want);
    let Some(config) = serving.first().filter(|_| held.configs.len() > 1) else { return String::new() };
    let parts = kind(&config.shape, config.ocpus, config.memory_gb, config.fault_domain.as_deref());
    let flags: Vec<String> = parts.iter().map(|part| format!(" --{}", part.replacen('=', " ", 1))).collect();
    flags.concat()
}

/// A kind of instance in the words of `reservation update --add`.
fn kind(shape: &str, ocpus: Option<f64>, memory_gb: Option<f64>, fault_domain: Option<&str>) -> Vec<String> {
    let mut parts = vec![format!("shape={shape}")];
    parts.extend(ocpus.map(|ocpus| format!("ocpus={ocpus}")));
    parts.extend(memory_gb.map(|memory| format!("memory={memory}")));
    parts.extend(fault_domain.map(|domain| format!("fd={domain}")));
    parts
}
