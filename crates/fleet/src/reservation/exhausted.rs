//! A launch that found no room in the reservation that it draws on.

use ledger::{ErrorRecord, Placement};
use oci_client::FailureClass;

/// The failure of a launch into a reservation, by a class of its own: the service calls it a lack of hosts, and the
/// remedy is another.
pub(crate) fn exhausted(error: ErrorRecord, placement: &Placement) -> ErrorRecord {
    let reserved = placement.capacity_reservation.as_deref().is_some_and(|ocid| !ocid.is_empty());
    if reserved && error.class == FailureClass::Capacity.name() {
        ErrorRecord { class: EXHAUSTED.to_owned(), ..error }
    } else {
        error
    }
}

/// The class of a failure that a reservation without room is the reason of.
pub const EXHAUSTED: &str = "reservation_exhausted";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_hosts_is_the_reservations_where_one_was_drawn_on() {
        let failed = |class: &str, reservation: Option<&str>| {
            let placement =
                Placement { capacity_reservation: reservation.map(str::to_owned), ..Placement::default() };
            exhausted(ErrorRecord { class: class.to_owned(), ..ErrorRecord::default() }, &placement).class
        };
        assert_eq!(failed("capacity", Some("ocid1.capacityreservation.oc1.phx.a")), EXHAUSTED);
        assert_eq!(failed("capacity", None), "capacity");
        // The empty text keeps an instance out of every reservation.
        assert_eq!(failed("capacity", Some("")), "capacity");
        assert_eq!(failed("limit", Some("ocid1.capacityreservation.oc1.phx.a")), "limit");
    }
}
