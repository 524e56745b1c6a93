//! One request of a ratchet: it creates a reservation or enlarges one by a step.

use super::{Place, Ratchet};
use crate::engine::failure::error_record;
use crate::launch::hunt::sign_of_suspension;
use crate::launch::reserve::{GROWN, drawn, held_event, look_for, order};
use crate::reservation::{Held, Order, Patience, ReservationError, create_all, resize, show, until_active};
use crate::tuning::RATCHET_STEP;
use crate::tuning::TOKEN_LIFE;
use ledger::capacity::Answer;
use ledger::{ErrorClass, ErrorRecord, Event};
use oci_api::models::ComputeCapacityReservationSummary;
use oci_client::FailureClass;

impl Ratchet<'_> {
    /// Reads what the reservations hold, and searches for those whose creation was not answered.
    pub(super) async fn find_what_is_held(&mut self) {
        for at in 0..self.places.len() {
            if self.context.halt.is_cancelled() {
                return;
            }
            if self.places[at].ocid.is_none() {
                self.find(at).await;
            }
            if let Some(ocid) = self.places[at].ocid.clone() {
                let patience = self.patience();
                let read = until_active(&self.context.env.client, &ocid, &patience).await;
                match read {
                    Ok(Some(answer)) => self.note(at, &Held::from(answer), 0).await,
                    Ok(None) => self.lost(at, &ocid).await,
                    Err(error) => self.failed(at, &error).await,
                }
            }
        }
    }

    /// Searches for the reservation that an earlier process created here.
    async fn find(&mut self, at: usize) {
        let domain = self.places[at].domain().to_owned();
        let (known, pending) = self.context.journal.state(|state| {
            let mut made = state.reservations.iter();
            let known = made.find(|(_, (there, ..))| *there == domain).map(|(ocid, _)| ocid.clone());
            let mut pending = state.reserving.iter();
            let is_creation =
                |(token, there): &(&String, &String)| **there == domain && !token.starts_with(GROWN);
            (known, pending.find(is_creation).map(|(token, _)| token.clone()))
        });
        self.places[at].ocid = match (known, pending) {
            (Some(known), _) => Some(known),
            (None, Some(token)) => {
                let compartment = &self.context.plan.fleet.compartment;
                let found = look_for(&self.context.env.client, compartment, &domain, &token).await;
                found.ok().flatten()
            }
            (None, None) => None,
        };
    }

    /// Requests capacity at a place.
    pub(super) async fn ask(&mut self, at: usize) {
        let missing = self.context.plan.fleet.count.saturating_sub(self.usable());
        let place = &self.places[at];
        let amount = place.step(missing.min(self.affordable(place.domain())).max(1));
        let before = self.usable();
        let is_update = place.ocid.is_some();
        let asked = match place.ocid.clone() {
            Some(ocid) => self.enlarge(at, &ocid, amount).await.map(|()| amount),
            None => self.create(at, amount).await,
        };
        self.places[at].was_asked = true;
        match asked {
            Ok(amount) => {
                let gained = self.usable().saturating_sub(before);
                self.answered(at, gained, amount, is_update);
            }
            Err(error) => self.failed(at, &error).await,
        }
    }

    /// Creates a reservation. Returns the number of instances that was requested.
    async fn create(&mut self, at: usize, amount: u32) -> Result<u32, ReservationError> {
        let order = self.order(at, amount);
        let (asked, token) = (order.asked(), order.token.clone());
        let patience = self.patience();
        let client = &self.context.env.client;
        let made = create_all(client, std::slice::from_ref(&order), self.context.journal, &patience).await;
        // One order yields one result.
        let Some(created) = made.into_iter().next() else { return Ok(0) };
        if created.is_refused() {
            self.context.journal.record(vec![Event::ReservationRefused { token }]).await;
        }
        self.places[at].ocid = created.ocid;
        self.note(at, &created.result?, asked).await;
        Ok(asked)
    }

    /// The order for a new reservation. Its retry token contains the count, so that a creation with an unknown outcome can be
    /// sent again unchanged.
    fn order(&mut self, at: usize, amount: u32) -> Order {
        let (context, place) = (self.context, &mut self.places[at]);
        let plan = context.plan;
        let share: u32 = place.share.wants.iter().map(|want| want.count).sum();
        let now = context.env.clock.now();
        let (run, nth, pending) = context.journal.state(|state| {
            let still_lasts = state.started_at.is_none_or(|at| now.duration_since(at) <= TOKEN_LIFE);
            let mut pending = state.reserving.iter().filter(|_| still_lasts);
            let here =
                |(token, there): &(&String, &String)| **there == place.domain() && !token.starts_with(GROWN);
            let pending = pending.find(here).map(|(token, _)| token.clone());
            (state.run, state.ordered.get(place.domain()).copied().unwrap_or_default(), pending)
        });
        let mut order = order(plan, &place.share, run);
        let count = pending.as_deref().and_then(|token| token.rsplit_once("-c")?.1.parse().ok());
        // The first creation requests the share of its domain, since the service may grant a part of it. After a refusal, one
        // instance is requested.
        let count = count.unwrap_or_else(|| if nth == 0 { amount.min(share) } else { 1 });
        order.token = pending.unwrap_or_else(|| format!("{}-{nth}-c{count}", order.token));
        order.wants = place.parts(count);
        order
    }

    /// Enlarges a reservation. The update must include its other configs unchanged, or it would delete them.
    async fn enlarge(&mut self, at: usize, ocid: &str, amount: u32) -> Result<(), ReservationError> {
        let client = &self.context.env.client;
        let patience = self.patience();
        let mut held = show(client, ocid).await?;
        if held.state != "ACTIVE" {
            let Some(answer) = until_active(client, ocid, &patience).await? else {
                self.lost(at, ocid).await;
                return Ok(());
            };
            held = Held::from(answer);
        }
        let known =
            self.context.journal.state(|state| state.reservations.get(ocid).map(|(_, _, held)| *held));
        if known != Some(held.reserved()) {
            // The reservation was changed by an earlier request whose response was lost, or by somebody else.
            self.note(at, &held, 0).await;
        }
        let place = &mut self.places[at];
        let changes = place.growth(&held, amount);
        let intent = Event::ReservationIntended {
            availability_domain: place.domain().to_owned(),
            count: held.reserved().saturating_add(amount),
            token: format!("{GROWN}{ocid}"),
        };
        self.context.journal.intend(intent).await?;
        let (asked, held) = resize(client, ocid, &changes, &patience).await?;
        self.note(at, &held, asked).await;
        Ok(())
    }

    /// Records what a reservation holds.
    async fn note(&self, at: usize, held: &Held, asked: u32) {
        let ours = self.context.journal.state(|state| drawn(state, &held.ocid));
        let usable = self.places[at].usable(held, ours.known + ours.in_doubt);
        let mut event = held_event(held, asked);
        if let Event::ReservationHeld { usable: told, .. } = &mut event {
            *told = Some(usable);
        }
        self.context.journal.record_and_see(vec![event]).await;
    }

    /// Updates the place after a successful request.
    fn answered(&mut self, at: usize, gained: u32, amount: u32, is_update: bool) {
        let place = &mut self.places[at];
        place.got(gained, amount, is_update);
        self.needs_more &= gained == 0;
        let (memory, now) = (self.context.memory, self.context.env.clock.now());
        if gained > 0 {
            memory.answered(&place.target, now, Answer::Yielded);
        }
        if gained < amount {
            let error = ErrorRecord {
                class: ErrorClass::Capacity,
                code: "NotReserved".to_owned(),
                message: format!("{gained} of {amount} requested instances were reserved"),
                ..ErrorRecord::default()
            };
            memory.answered(&place.target, now, Answer::Refused(error));
        }
    }

    /// Updates the place after a failed request.
    async fn failed(&mut self, at: usize, error: &ReservationError) {
        let record = record_of(error);
        let (hunt, context) = (self.hunt.clone(), self.context);
        if let Some(sign) = sign_of_suspension(&record) {
            let message = format!(
                "the ratchet stops: a response says `{sign}`, so the account may be suspended. {}: {}",
                record.code, record.message
            );
            context.journal.record(vec![Event::Warning { message }]).await;
            context.stop_for_login(&record);
            return;
        }
        let place = &mut self.places[at];
        let class = error.failure().map(|failure| failure.class);
        let is_lack = matches!(class, Some(FailureClass::Capacity | FailureClass::Limit));
        if is_lack {
            // What is held stays held, because the service refuses the update as a whole.
            place.got(0, 1, false);
            hunt.refused(&place.target);
            context.memory.answered(&place.target, context.env.clock.now(), Answer::Refused(record.clone()));
        } else {
            hunt.trouble(&place.target, class.unwrap_or(FailureClass::Service));
        }
        let is_final = match error {
            ReservationError::Asked(_) | ReservationError::BelowUsed { .. } => true,
            _ => matches!(class, Some(FailureClass::Invalid | FailureClass::NotFound)) && !place.has_answer,
        };
        if is_final {
            let message = format!("nothing can be reserved in {}: {error}", place.domain());
            place.dead = Some(record);
            context.journal.record(vec![Event::Warning { message }]).await;
        } else if class != Some(FailureClass::Capacity) && !context.halt.is_cancelled() {
            let alert = hunt.alert(&record, context.env.clock.now());
            context.journal.record(alert.into_iter().collect()).await;
        }
    }

    /// Handles a reservation that was not found.
    async fn lost(&mut self, at: usize, ocid: &str) {
        let context = self.context;
        let listed =
            context.env.client.list_capacity_reservations(&context.plan.fleet.compartment, None).await;
        if !is_gone(listed, ocid) {
            return;
        }
        let place: &mut Place = &mut self.places[at];
        let message = format!("somebody else deleted {ocid} in {}", place.domain());
        place.ocid = place.share.existing.clone().filter(|existing| existing != ocid);
        let gone = Event::GivenBack { slot: None, ocid: ocid.to_owned(), work_request: None };
        context.journal.record(vec![Event::Warning { message }, gone]).await;
    }

    fn patience(&self) -> Patience {
        Patience::new(RATCHET_STEP, self.context.halt.clone())
    }
}

/// Whether a reservation that was not found is gone: a complete list lacks it. The service also answers "not found" to a user
/// without the permission to read it, and such a user gets no list either. A reservation that is forgotten wrongly would cost
/// money unnoticed.
fn is_gone<E>(listed: Result<Vec<ComputeCapacityReservationSummary>, E>, ocid: &str) -> bool {
    listed.is_ok_and(|rows| {
        rows.iter().all(|row| row.id != ocid || row.lifecycle_state.as_deref() == Some("DELETED"))
    })
}

fn record_of(error: &ReservationError) -> ErrorRecord {
    match error.failure() {
        Some(failure) => error_record(failure),
        None => ErrorRecord {
            class: ErrorClass::Busy,
            code: "Reservation".to_owned(),
            message: error.to_string(),
            ..ErrorRecord::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_complete_list_proves_a_reservation_gone() {
        let row = |id: &str, state: &str| ComputeCapacityReservationSummary {
            id: id.to_owned(),
            lifecycle_state: Some(state.into()),
            ..ComputeCapacityReservationSummary::default()
        };
        let is_gone = |listed: Result<_, &str>| super::is_gone(listed, "held");
        assert!(is_gone(Ok(vec![row("other", "ACTIVE")])));
        assert!(is_gone(Ok(vec![row("held", "DELETED")])));
        assert!(!is_gone(Ok(vec![row("held", "ACTIVE")])));
        assert!(!is_gone(Err("refused")), "the list may be refused as well");
    }
}
