//! Creates reservations in several availability domains at once, and reads back what they really hold.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use ledger::Event;
use oci_api::models::{CreateComputeCapacityReservationDetails, Shape};
use oci_client::{Answered, Call, Client, Failure, FailureClass};
use serde_json::Value;

use super::ask::{TOKEN_TAG, tags};
use super::follow::{Patience, settled};
use super::{Book, Held, ReservationError, Want, check};

/// A reservation to create.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Its display name.
    pub name: String,
    /// Its compartment.
    pub compartment: String,
    /// Its availability domain, by its full name.
    pub availability_domain: String,
    /// What it should hold.
    pub wants: Vec<Want>,
    /// `opc-retry-token`, at most 64 characters; also added to the reservation as a tag.
    pub token: String,
    /// The user's own tags.
    pub freeform_tags: BTreeMap<String, String>,
    /// The user's own defined tags.
    pub defined_tags: Option<BTreeMap<String, BTreeMap<String, Value>>>,
    /// Whether launches in the availability domain that name no reservation should use it. Root compartment only.
    pub is_default: bool,
}

impl Order {
    /// The number of instances to reserve.
    pub fn asked(&self) -> u32 {
        self.wants.iter().map(|want| want.count).fold(0, u32::saturating_add)
    }

    fn wire(&self) -> CreateComputeCapacityReservationDetails {
        CreateComputeCapacityReservationDetails {
            compartment_id: self.compartment.clone(),
            defined_tags: self.defined_tags.clone(),
            display_name: Some(self.name.clone()),
            freeform_tags: Some(tags(&self.wants, &self.token, &self.freeform_tags)),
            availability_domain: self.availability_domain.clone(),
            is_default_reservation: self.is_default.then_some(true),
            instance_reservation_configs: Some(self.wants.iter().map(Want::wire).collect()),
        }
    }
}

/// The result of an order.
#[derive(Debug)]
pub struct Created {
    /// Its availability domain.
    pub availability_domain: String,
    /// The requested number.
    pub asked: u32,
    /// The OCID as soon as it is known: the reservation may exist although waiting for it failed.
    pub ocid: Option<String>,
    /// What it holds, read after it has settled.
    pub result: Result<Held, ReservationError>,
}

impl Created {
    /// The number of instances that it holds.
    pub fn held(&self) -> u32 {
        self.result.as_ref().map_or(0, Held::reserved)
    }

    /// Whether the service has certainly refused it: each request that was sent received a definite response.
    pub(crate) fn is_refused(&self) -> bool {
        match &self.result {
            Err(ReservationError::Failure(failure)) => self.ocid.is_none() && !failure.may_have_happened(),
            _ => false,
        }
    }
}

/// Creates all of them at once and waits until each has settled. Results are in the order of the orders.
pub async fn create_all(
    client: &Client,
    orders: &[Order],
    book: &dyn Book,
    patience: &Patience,
) -> Vec<Created> {
    join_all(orders.iter().map(|order| create(client, order, book, patience))).await
}

async fn create(client: &Client, order: &Order, book: &dyn Book, patience: &Patience) -> Created {
    let mut ocid = None;
    let result = create_one(client, order, book, patience, &mut ocid).await;
    Created { availability_domain: order.availability_domain.clone(), asked: order.asked(), ocid, result }
}

async fn create_one(
    client: &Client,
    order: &Order,
    book: &dyn Book,
    patience: &Patience,
    ocid: &mut Option<String>,
) -> Result<Held, ReservationError> {
    check(&order.wants).map_err(ReservationError::Asked)?;
    let availability_domain = order.availability_domain.clone();
    let token = order.token.clone();
    book.keep(Event::ReservationIntended { availability_domain, count: order.asked(), token }).await?;
    let (id, work_request) = match client.create_capacity_reservation(&order.wire(), &order.token).await {
        Ok(Answered { value, work_request_id, .. }) => (value.id, work_request_id),
        Err(failure) if failure.class == FailureClass::Ambiguous => {
            (find(client, order, failure, patience).await?, None)
        }
        Err(failure) => return Err(failure.into()),
    };
    *ocid = Some(id.clone());
    // Recorded from here on, whatever happens later: 0 until the count is read.
    book.keep(held_event(order, &id, 0)).await?;
    let answer = settled(client, &id, work_request.as_deref(), patience).await?;
    let Some(answer) = answer else { return Err(not_seen(client, order, &id, ocid).await) };
    let held = Held::from(answer);
    book.keep(held_event(order, &id, held.reserved())).await?;
    Ok(held)
}

/// Handles a reservation that was just created but is not found. It is gone only if the list agrees, because the service denies
/// all reservations to a user who may not read them.
async fn not_seen(client: &Client, order: &Order, id: &str, ocid: &mut Option<String>) -> ReservationError {
    let listed = find_by_token(client, &order.compartment, &order.availability_domain, &order.token).await;
    ReservationError::Asked(if matches!(listed, Ok(None)) {
        *ocid = None;
        format!("{id} was deleted by somebody else while it was being created")
    } else {
        format!("{id} was created, but cannot be read: may your group read capacity reservations?")
    })
}

fn held_event(order: &Order, ocid: &str, held: u32) -> Event {
    Event::ReservationHeld {
        ocid: ocid.to_owned(),
        availability_domain: order.availability_domain.clone(),
        asked: order.asked(),
        held,
        usable: None,
    }
}

/// Looks several times by tag for a reservation whose creation received no clear response, because lists lag.
async fn find(
    client: &Client,
    order: &Order,
    failure: Failure,
    patience: &Patience,
) -> Result<String, ReservationError> {
    for pause_s in [1, 5, 20, 30] {
        if !patience.pause(std::time::Duration::from_secs(pause_s)).await {
            break;
        }
        let found = find_by_token(client, &order.compartment, &order.availability_domain, &order.token).await;
        match found {
            Ok(Some(ocid)) => return Ok(ocid),
            Ok(None) => {}
            Err(error) if error.failure().is_some_and(super::follow::passing) => {}
            // Without permission to read it, the result of the creation stays unknown.
            Err(_) => break,
        }
    }
    Err(ReservationError::Unknown {
        availability_domain: order.availability_domain.clone(),
        token: order.token.clone(),
        failure: Box::new(failure),
    })
}

/// The existing reservation that a request with this token created.
pub(crate) async fn find_by_token(
    client: &Client,
    compartment: &str,
    availability_domain: &str,
    token: &str,
) -> Result<Option<String>, ReservationError> {
    let rows = client.list_capacity_reservations(compartment, Some(availability_domain)).await?;
    Ok(rows
        .into_iter()
        .filter(|row| {
            !row.lifecycle_state.as_deref().is_some_and(|s| s.to_ascii_uppercase().starts_with("DELET"))
        })
        .find(|row| row.freeform_tags.iter().flatten().any(|(key, value)| key == TOKEN_TAG && value == token))
        .map(|row| row.id))
}

/// The availability domains in which a shape can be reserved, according to the API's only such list.
pub async fn reservable(client: &Client, compartment: &str, shape: &str) -> Result<Vec<String>, Failure> {
    let rows = client.list_capacity_reservation_shapes(compartment, None).await?;
    let mut domains: Vec<String> = rows
        .into_iter()
        .filter(|row| row.instance_shape == shape)
        .map(|row| row.availability_domain)
        .collect();
    domains.sort();
    domains.dedup();
    Ok(domains)
}

/// Whether the user chooses the size of a shape; `None` if the region does not have the shape, or does not tell.
pub async fn is_flexible(client: &Client, compartment: &str, shape: &str) -> Result<Option<bool>, Failure> {
    let call =
        Call::new(oci_api::Operation::ListShapes).query("compartmentId", compartment).query("shape", shape);
    let rows: Vec<Shape> = client.all(call).await?;
    Ok(rows
        .into_iter()
        .find(|row| row.shape == shape)
        .and_then(|row| row.is_flexible.or(row.ocpu_options.is_some().then_some(true))))
}
