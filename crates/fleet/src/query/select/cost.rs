//! The price of listed instances, without boot volumes, whose size the list does not contain.

use super::Machine;
use crate::price::{PREEMPTIBLE, Prices, Size, bills_when_stopped};
use oci_api::models::InstanceLifecycleState as State;

/// The price of a running instance per hour; `None` if unknown.
pub fn running_hour(machine: &Machine, prices: &Prices) -> Option<f64> {
    let size = Size { ocpus: machine.ocpus, memory_gb: machine.memory_gb };
    // Burstable instances pay for a fraction of each OCPU (Oracle: "Burstable Instances").
    let baseline = match machine.baseline.as_deref() {
        Some("BASELINE_1_8") => 0.125,
        Some("BASELINE_1_2") => 0.5,
        _ => 1.0,
    };
    let share = if machine.preemptible { PREEMPTIBLE } else { 1.0 };
    prices
        .instance_hour(&machine.shape, size.or(Size::of_fixed(&machine.shape)), baseline)
        .map(|hour| hour * share)
}

/// The price of an instance per hour in its present state; `None` if unknown.
pub fn hour_now(machine: &Machine, prices: &Prices) -> Option<f64> {
    match machine.state {
        State::Terminated | State::Terminating => Some(0.0),
        State::Stopped => match bills_when_stopped(&machine.shape) {
            // A reservation is charged for the instance for which it is kept.
            Some(false) if machine.capacity_reservation.is_none() => Some(0.0),
            Some(_) => running_hour(machine, prices),
            None => None,
        },
        _ => running_hour(machine, prices),
    }
}

/// The present price of all of them per hour: the known part, and the number of instances without a known price.
pub fn total_now<'a>(machines: impl IntoIterator<Item = &'a Machine>, prices: &Prices) -> (f64, usize) {
    let mut total = (0.0, 0);
    for machine in machines {
        match hour_now(machine, prices) {
            Some(hour) => total.0 += hour,
            None => total.1 += 1,
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(state: &str) -> Machine {
        Machine {
            state: state.into(),
            shape: "VM.Standard.E4.Flex".into(),
            ocpus: Some(1.0),
            memory_gb: Some(6.0),
            ..Machine::default()
        }
    }

    #[test]
    fn a_stopped_instance_costs_nothing_where_oracle_says_so() {
        let prices = Prices::default();
        assert!((hour_now(&machine("RUNNING"), &prices).unwrap() - 0.034).abs() < 1e-9);
        assert_eq!(hour_now(&machine("STOPPED"), &prices), Some(0.0));
        let dense = Machine { shape: "VM.DenseIO.E4.Flex".into(), ocpus: Some(8.0), ..machine("STOPPED") };
        assert!(hour_now(&dense, &prices).unwrap() > 0.1);
        let reserved = Machine { capacity_reservation: Some("r".into()), ..machine("STOPPED") };
        assert!(hour_now(&reserved, &prices).unwrap() > 0.0);
    }

    #[test]
    fn an_unknown_price_is_unknown_and_not_nothing() {
        let strange = Machine { shape: "VM.Quantum1".into(), ..machine("RUNNING") };
        assert_eq!(hour_now(&strange, &Prices::default()), None);
        assert_eq!(total_now([&strange, &machine("STOPPED")], &Prices::default()), (0.0, 1));
    }
}
