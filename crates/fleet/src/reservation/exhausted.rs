//! A launch for which its reservation has no capacity.

use ledger::{ErrorClass, ErrorRecord, Placement};

/// Gives the failure of a launch into a reservation its own class: the service reports it as a lack of hosts, but the remedy
/// differs.
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
