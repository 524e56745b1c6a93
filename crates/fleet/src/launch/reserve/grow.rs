//! Reservations that are enlarged: those that the config names, and those that compensate for another domain without enough
//! capacity.

use futures_util::future::join_all;
use ledger::Event;
use oci_client::Client;

use super::drawn::{drawn, held_event};
use crate::engine::journal::Journal;
use crate::reservation::{
    Change, Config, Created, Held, NewCount, Patience, ReservationError, Share, resize, show, spread,
};

/// The prefix of an enlargement's intent in place of a token; the OCID follows.
pub(in crate::launch) const GROWN: &str = "grow ";

/// Enlarges a reservation of the config to what the run needs in addition to the part in use. The requested count is absolute,
/// so repeating it after a crash changes nothing.
pub(super) async fn grow(
    client: &Client,
    share: &Share,
    ocid: &str,
    asked: u32,
    journal: &Journal,
    patience: &Patience,
) -> Result<Held, ReservationError> {
    let held = show(client, ocid).await?;
    let ours = journal.state(|state| drawn(state, ocid));
    let ours = ours.known + ours.in_doubt;
    let mut changes = Vec::new();
    for want in &share.wants {
        let there =
            held.wire.instance_reservation_configs.iter().flatten().find(|config| want.matches(config));
        match there.map(Config::from) {
            Some(config) => {
                let others = config.used.saturating_sub(ours);
                let needed = others.saturating_add(want.count);
                if needed > config.reserved {
                    changes.push(Change::Count(Some(want.clone()), NewCount::Exactly(needed)));
                }
            }
            None => changes.push(Change::Add(want.clone())),
        }
    }
    if changes.is_empty() {
        return Ok(held);
    }
    let token = format!("{GROWN}{ocid}");
    let availability_domain = held.availability_domain.clone();
    journal.intend(Event::ReservationIntended { availability_domain, count: asked, token }).await?;
    let (total, held) = resize(client, ocid, &changes, patience).await?;
    journal.record(vec![held_event(&held, total)]).await;
    Ok(held)
}

/// Requests what one domain could not hold from the domains that could hold everything, once.
pub(super) async fn even_out(
    client: &Client,
    shares: &[Share],
    created: &mut [Created],
    journal: &Journal,
    patience: &Patience,
) {
    let missing: u32 = created
        .iter()
        .filter(|created| created.result.is_ok())
        .map(|c| c.asked.saturating_sub(c.held()))
        .sum();
    let full: Vec<usize> = (0..created.len())
        .filter(|at| created[*at].result.is_ok() && created[*at].held() >= created[*at].asked)
        .collect();
    if missing == 0 || full.is_empty() {
        return;
    }
    let more = spread(missing, full.len());
    let grown = join_all(full.iter().zip(more).filter(|(_, more)| *more > 0).map(|(at, more)| {
        let (created, share) = (&created[*at], &shares[*at]);
        async move { (*at, grow_by(client, created, share, more, journal, patience).await) }
    }))
    .await;
    for (at, held) in grown {
        if let Some(held) = held {
            created[at].result = Ok(held);
        }
    }
}

async fn grow_by(
    client: &Client,
    created: &Created,
    share: &Share,
    more: u32,
    journal: &Journal,
    patience: &Patience,
) -> Option<Held> {
    let ocid = created.ocid.as_deref()?;
    let want = share.wants.first()?.clone();
    let count = created.held().saturating_add(more);
    let intent = Event::ReservationIntended {
        availability_domain: created.availability_domain.clone(),
        count,
        token: format!("{GROWN}{ocid}"),
    };
    journal.intend(intent).await.ok()?;
    match resize(client, ocid, &[Change::Count(Some(want), NewCount::Grow(more))], patience).await {
        Ok((_, held)) => {
            journal.record(vec![held_event(&held, count)]).await;
            Some(held)
        }
        Err(error) => {
            tracing::info!(%error, ocid, "the reservation could not be enlarged");
            None
        }
    }
}
