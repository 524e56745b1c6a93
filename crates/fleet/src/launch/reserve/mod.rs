//! Reserve, launch, release: a run that reserves its own capacity before it launches.
//!
//! Everything is a function of the plan and of the run's records, so that a process that resumes the run finds the same
//! reservations: their tokens name the run, and their tags name the tokens.

mod drawn;
mod grow;
mod settle;

pub(super) use drawn::{drawn, held_event};
pub(super) use grow::GROWN;
pub(super) use settle::look_for;
pub(crate) use settle::{settle, unrecorded};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use ledger::{Event, Outcome, Placement, RunId};
use oci_client::Client;
use tokio_util::sync::CancellationToken;

use crate::engine::journal::Journal;
use crate::plan::{Plan, Reserve};
use crate::reservation::create::find_by_token;
use crate::reservation::follow::passing;
use crate::reservation::{
    Book, Created, Held, Order, Patience, ReservationError, Share, create_all, name_in, shares, show,
    until_active,
};
use crate::tuning::TOKEN_LIFE;
use drawn::PATIENCE;
use grow::{even_out, grow};
use settle::{abandon, still_held};

impl Reserve {
    /// Reads the reservations that the fleet names: those are enlarged, and hold their previous count again at the end.
    pub async fn prepare(
        client: &Client,
        plan: &Plan,
        min: u32,
        release: bool,
    ) -> Result<Self, ReservationError> {
        let mut grown = BTreeMap::new();
        for share in shares(plan) {
            if let Some(ocid) = share.existing {
                let held = show(client, &ocid).await?;
                grown.insert(ocid, held.reserved());
            }
        }
        Ok(Self { min, release, grown, ratchet: None })
    }
}

/// What the run did about reservations before this process resumed it.
struct Past {
    run: RunId,
    /// By availability domain.
    held: BTreeMap<String, String>,
    /// Tokens of creations with an unknown result.
    in_doubt: BTreeSet<String>,
    resumed: bool,
    /// When the first process began: no creation of the run is older.
    started_at: Option<Timestamp>,
    /// Whether slots were already tried.
    begun: bool,
}

impl Past {
    /// Whether the tokens of the run's creations still prevent the service from repeating them. Checked when it matters,
    /// because the machine may have slept for a day since the process began.
    fn tokens_last(&self, now: Timestamp) -> bool {
        self.started_at.is_none_or(|at| now.duration_since(at) <= TOKEN_LIFE)
    }
}

/// The result of reserving.
pub(crate) enum Acquired {
    /// Launch by this plan, whose placements are the reservations.
    Launch(Box<Plan>),
    /// Launch nothing; the run ended with this outcome.
    Ended(Outcome),
}

/// Reserves what the plan requests. Everything that happens is recorded, and intents before their requests. Capacity that is
/// not available `within` this time counts as unavailable.
pub(crate) async fn acquire(
    client: &Client,
    plan: &Plan,
    reserve: &Reserve,
    journal: &Journal,
    stop: &CancellationToken,
    within: Duration,
) -> Acquired {
    let past = journal.state(|state| Past {
        run: state.run,
        held: state.reservations.iter().map(|(ocid, (domain, ..))| (domain.clone(), ocid.clone())).collect(),
        in_doubt: state.reserving.keys().cloned().collect(),
        resumed: state.resumed > 0,
        started_at: state.started_at,
        begun: !state.slots.is_empty(),
    });
    let patience = Patience::new(PATIENCE.min(within), stop.clone());
    let shares = shares(plan);
    let mut created =
        join_all(shares.iter().map(|share| one(client, plan, share, &past, journal, &patience))).await;
    if stop.is_cancelled() {
        journal.record(vec![Event::Interrupted]).await;
        still_held(journal, &created).await;
        return Acquired::Ended(Outcome::Interrupted);
    }
    if journal.broken().is_none() && !past.begun {
        even_out(client, &shares, &mut created, journal, &patience).await;
    }
    // Nothing more is started, neither launches nor a rollback: a resumed run finds what it held.
    if journal.broken().is_some() {
        still_held(journal, &created).await;
        return Acquired::Ended(Outcome::LedgerFailed);
    }
    let held: u32 = created.iter().map(Created::held).sum();
    tell(journal, plan.fleet.count, held, &created).await;
    if !past.begun && (held == 0 || held < reserve.min) {
        return Acquired::Ended(abandon(client, plan, reserve, journal, &created).await);
    }
    let made = shares.iter().zip(created.iter().map(|created| created.ocid.as_deref()));
    Acquired::Launch(Box::new(drawing_on(plan, made)))
}

/// Creates or enlarges the reservation of one availability domain, or finds the one that an earlier process created.
async fn one(
    client: &Client,
    plan: &Plan,
    share: &Share,
    past: &Past,
    journal: &Journal,
    patience: &Patience,
) -> Created {
    let availability_domain = share.placement.availability_domain.clone();
    let asked: u32 = share.wants.iter().map(|want| want.count).sum();
    let of = |ocid: Option<String>, result| Created {
        availability_domain: availability_domain.clone(),
        asked,
        ocid,
        result,
    };
    if let Some(ocid) = &share.existing {
        let result = grow(client, share, ocid, asked, journal, patience).await;
        return of(Some(ocid.clone()), result);
    }
    let order = order(plan, share, past.run);
    let found = match past.held.get(&availability_domain) {
        Some(ocid) => Some(ocid.clone()),
        // Once slots were tried, no reservation is created any more, but an existing one must not be forgotten.
        None if past.begun => {
            match find_by_token(client, &order.compartment, &order.availability_domain, &order.token).await {
                Ok(Some(ocid)) => Some(ocid),
                Ok(None) => {
                    let none =
                        format!("none was created in {availability_domain} before the run was interrupted");
                    return of(None, Err(ReservationError::Asked(none)));
                }
                Err(error) => return of(None, Err(error)),
            }
        }
        // The token makes a repeated creation harmless for a day; after that only the tag tells.
        None if past.resumed => {
            match find_by_token(client, &order.compartment, &order.availability_domain, &order.token).await {
                Ok(found) => found,
                Err(error) if past.tokens_last(journal.now()) && error.failure().is_some_and(passing) => None,
                Err(error) => return of(None, Err(error)),
            }
        }
        None => None,
    };
    let Some(ocid) = found else {
        let mut created = create_all(client, std::slice::from_ref(&order), journal, patience).await;
        let nothing = || ReservationError::Asked("nothing was requested".to_owned());
        // One order has one result.
        let created = created.pop().unwrap_or_else(|| of(None, Err(nothing())));
        if created.is_refused() && !past.in_doubt.contains(&order.token) {
            journal.record(vec![Event::ReservationRefused { token: order.token }]).await;
        }
        return created;
    };
    if !past.held.contains_key(&availability_domain) {
        // Found only by its tag. Whatever happens next, the end of the run deletes it or reports that it is held.
        let found = Event::ReservationHeld {
            ocid: ocid.clone(),
            availability_domain: availability_domain.clone(),
            asked: 0,
            held: 0,
            usable: None,
        };
        journal.record(vec![found]).await;
    }
    let result = match until_active(client, &ocid, patience).await {
        Ok(Some(answer)) => Ok(Held::from(answer)),
        // Nothing can be launched into it, so it is not a placement.
        Ok(None) => {
            let denied = format!("{ocid} is deleted, or you may not read it");
            return of(None, Err(ReservationError::Asked(denied)));
        }
        Err(error) => Err(error),
    };
    if let Ok(held) = &result {
        journal.record(vec![held_event(held, asked)]).await;
    }
    of(Some(ocid), result)
}

pub(super) fn order(plan: &Plan, share: &Share, run: RunId) -> Order {
    let fleet = &plan.fleet;
    let tags = BTreeMap::from([(crate::plan::RUN_TAG.to_owned(), run.to_string())]);
    Order {
        name: name_in(&fleet.name_prefix, &share.placement.availability_domain),
        compartment: fleet.compartment.clone(),
        availability_domain: share.placement.availability_domain.clone(),
        wants: share.wants.clone(),
        token: format!("ois-{}-res-{}", run.0.simple(), share.token),
        freeform_tags: tags,
        ..Order::default()
    }
}

async fn tell(journal: &Journal, wanted: u32, held: u32, created: &[Created]) {
    let mut warnings = Vec::new();
    for created in created {
        if let Err(error) = &created.result {
            warnings.push(format!("no reservation in {}: {error}", created.availability_domain));
        }
    }
    if held < wanted {
        let places: Vec<String> = created
            .iter()
            .map(|created| {
                let (held, asked, domain) = (created.held(), created.asked, &created.availability_domain);
                // A reservation that compensated for the others holds more than its own share.
                if held > asked {
                    format!("{held} in {domain}")
                } else {
                    format!("{held} of {asked} in {domain}")
                }
            })
            .collect();
        warnings.push(format!("{held} of {wanted} could be reserved: {}", places.join(", ")));
    }
    journal.record(warnings.into_iter().map(|message| Event::Warning { message }).collect()).await;
}

/// The plan with reservations in place of its placements. It is a pure function of the plan and of the existing reservations,
/// because every process that works on the run must send the same request for an attempt.
pub(super) fn drawing_on<'a>(plan: &Plan, made: impl Iterator<Item = (&'a Share, Option<&'a str>)>) -> Plan {
    let mut plan = plan.clone();
    let before = std::mem::take(&mut plan.fleet.placements);
    for (share, ocid) in made {
        let Some(ocid) = ocid else { continue };
        plan.fleet.placements.extend(share.wants.iter().map(|want| Placement {
            fault_domain: want.fault_domain.clone(),
            capacity_reservation: Some(ocid.to_owned()),
            ..share.placement.clone()
        }));
    }
    plan.fleet.keep_homes(&before);
    plan
}

impl Book for Journal {
    fn keep(&self, event: Event) -> futures_util::future::BoxFuture<'_, Result<(), ledger::LedgerError>> {
        Box::pin(self.intend(event))
    }
}
