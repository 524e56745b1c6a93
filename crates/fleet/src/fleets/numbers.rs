//! The numbers in the names of new members: the lowest that no member has.
//!
//! So a replaced member gets its name back, a list of names is used to its end, and the rule needs no memory.

use crate::plan::FleetSpec;
use std::collections::BTreeSet;

/// The fleet of a launch that adds `count` members beside those with the numbers `taken`.
#[must_use]
pub fn grown(fleet: &FleetSpec, count: u32, taken: &BTreeSet<u32>) -> FleetSpec {
    let wanted = usize::try_from(count).unwrap_or(usize::MAX);
    let numbers: Vec<u32> = (1..=u32::MAX).filter(|number| !taken.contains(number)).take(wanted).collect();
    let first = numbers.first().copied().unwrap_or(1);
    let in_a_row = numbers.iter().zip(first..).all(|(number, expected)| *number == expected);
    FleetSpec {
        count,
        first_number: first,
        // Most fleets have no gaps, and a plan with a hundred thousand numbers is long.
        numbers: if in_a_row { Vec::new() } else { numbers },
        // The homes of a plan belong to its own slots.
        homes: Vec::new(),
        ..fleet.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: u32, taken: &[u32]) -> (Vec<u64>, bool) {
        let fleet = FleetSpec { name_prefix: "web".to_owned(), ..FleetSpec::default() };
        let grown = grown(&fleet, count, &taken.iter().copied().collect());
        (grown.all_numbers().collect(), grown.numbers.is_empty())
    }

    #[test]
    fn new_members_get_the_lowest_free_numbers() {
        assert_eq!(numbers(3, &[]), (vec![1, 2, 3], true));
        assert_eq!(numbers(3, &[1, 2, 3, 4, 5]), (vec![6, 7, 8], true));
        assert_eq!(numbers(3, &[1, 3, 5]), (vec![2, 4, 6], false));
        assert_eq!(numbers(1, &[2, 3]), (vec![1], true));
        assert_eq!(numbers(0, &[2, 3]), (vec![], true));
    }
}
