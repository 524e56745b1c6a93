//! The order in which instances are shown. Numbers in names are compared as numbers, so that `web-2` comes before `web-10`.

use super::Machine;
use std::cmp::Ordering;
use std::net::IpAddr;

/// The sort key of instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// By name.
    #[default]
    Name,
    /// Oldest first.
    Created,
    /// By state.
    State,
    /// By availability domain and fault domain.
    AvailabilityDomain,
    /// By shape, then OCPUs.
    Shape,
    /// By the private address, then the public one, numerically. Instances without an address come last.
    Address,
}

/// Sorts by `by`, then by name and OCID, so that the order is always the same.
pub fn sort(machines: &mut [Machine], by: SortBy) {
    machines.sort_by(|a, b| {
        let first = match by {
            SortBy::Name => Ordering::Equal,
            SortBy::Created => a.created.cmp(&b.created),
            SortBy::State => a.state.as_str().cmp(b.state.as_str()),
            SortBy::AvailabilityDomain => natural(&a.availability_domain, &b.availability_domain)
                .then_with(|| a.fault_domain.cmp(&b.fault_domain)),
            SortBy::Shape => natural(&a.shape, &b.shape)
                .then_with(|| a.ocpus.unwrap_or_default().total_cmp(&b.ocpus.unwrap_or_default())),
            SortBy::Address => address(a).cmp(&address(b)),
        };
        first.then_with(|| natural(&a.name, &b.name)).then_with(|| a.ocid.cmp(&b.ocid))
    });
}

type Address = (bool, Option<IpAddr>, Option<IpAddr>);

fn address(machine: &Machine) -> Address {
    let parsed = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
    let (private, public) = (parsed(&machine.private_ip), parsed(&machine.public_ip));
    (private.is_none() && public.is_none(), private, public)
}

/// Compares texts with the numbers in them compared as numbers. Different texts are never equal.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (Some(x), Some(y)) = (left.chars().next(), right.chars().next()) else {
            return left.len().cmp(&right.len()).then_with(|| a.cmp(b));
        };
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (number, rest) = digits(left);
            let (other, other_rest) = digits(right);
            (left, right) = (rest, other_rest);
            number.len().cmp(&other.len()).then_with(|| number.cmp(other))
        } else {
            (left, right) = (skip(left, x), skip(right, y));
            x.cmp(&y)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The number at the start, without leading zeros, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    (number.trim_start_matches('0'), rest)
}

fn skip(text: &str, c: char) -> &str {
    text.get(c.len_utf8()..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut names = ["web-10", "web-2", "web-1", "web-02", "web", "a100b2", "a100b10"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a100b2", "a100b10", "web", "web-1", "web-02", "web-2", "web-10"]);
    }

    #[test]
    fn addresses_are_sorted_as_numbers_and_those_without_come_last() {
        let machine = |address: &str| Machine {
            private_ip: Some(address.to_owned()).filter(|address| !address.is_empty()),
            ..Machine::default()
        };
        let mut machines = ["10.0.0.10", "", "10.0.0.9"].map(machine);
        sort(&mut machines, SortBy::Address);
        let order = machines.map(|machine| machine.private_ip.unwrap_or_default());
        assert_eq!(order, ["10.0.0.9", "10.0.0.10", ""]);
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in "[a0-9]{0,6}|\\PC{0,4}", b in "[a0-9]{0,6}|\\PC{0,4}", c in "[a0-9]{0,6}|\\PC{0,4}") {
            prop_assert_eq!(natural(&a, &b), natural(&b, &a).reverse());
            prop_assert_eq!(natural(&a, &b) == Ordering::Equal, a == b);
            if natural(&a, &b) != Ordering::Greater && natural(&b, &c) != Ordering::Greater {
                prop_assert_ne!(natural(&a, &c), Ordering::Greater);
            }
        }
    }
}
