//! A launch that found no room in the reservation that it draws on.

use ledger::{ErrorClass, ErrorRecord, Placement};

/// The failure of a launch into a reservation, by a class of its own: the service calls it a lack of hosts, and the
/// remedy is another.
pub(crate) fn exhausted(error: ErrorRecord, placement: &Placement) -> ErrorRecord {
    let reserved = placement.capacity_reservation.as_deref().is_some_and(|ocid| !ocid.is_empty());
    if reserved && error.class == ErrorClass::Capacity {
        ErrorRecord { class: ErrorClass::ReservationExhausted, ..error }
    } else {
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_hosts_is_the_reservations_where_one_was_drawn_on() {
        let failed = |class: &str, reservation: Option<&str>| {
            let placement =
                Placement { capacity_reservation: reservation.map(str::to_owned), ..Placement::default() };
            exhausted(ErrorRecord { class: class.into(), ..ErrorRecord::default() }, &placement).class
        };
        assert_eq!(failed("capacity", Some("ocid1.capacityreservation.oc1.phx.a")), "reservation_exhausted");
        assert_eq!(failed("capacity", None), "capacity");
        // The empty text keeps an instance out of every reservation.
        assert_eq!(failed("capacity", Some("")), "capacity");
        assert_eq!(failed("limit", Some("ocid1.capacityreservation.oc1.phx.a")), "limit");
    }
}
