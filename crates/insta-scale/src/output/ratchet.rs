//! What a ratchet holds and what that costs, in one line.

use super::text::{clean, thousands};
use fleet::launch::RatchetSummary;
use std::collections::BTreeMap;

/// `reserved 35 of at least 40 (15 in AD-1, 20 in AD-2); holding has cost 12.31 USD, 7.00 per hour, at most 20`.
pub fn held_line(ratchet: &RatchetSummary) -> String {
    let mut line = format!("reserved {} of at least {}", counts(&ratchet.held), ratchet.min);
    line.push_str(&places(&ratchet.held));
    line + &format!("; {}", cost(ratchet, true))
}

/// The same line at the end, with the most that was held.
pub fn end_line(ratchet: &RatchetSummary) -> String {
    let most = &ratchet.most;
    let line = format!("reserved {} of {}, at least {} needed", counts(most), ratchet.wanted, ratchet.min);
    let is_held = ratchet.holding_cost_per_hour.is_some_and(|hour| hour > 0.0);
    format!("{line}{}; {}", places(most), cost(ratchet, is_held))
}

fn cost(ratchet: &RatchetSummary, is_held: bool) -> String {
    let Some(cost) = ratchet.holding_cost else {
        return "the cost of holding is unknown (set the price under `prices:` in the config)".to_owned();
    };
    let hour = match ratchet.holding_cost_per_hour.filter(|_| is_held) {
        Some(hour) => format!(", {} per hour", thousands(hour, 4)),
        None => String::new(),
    };
    let bound = match ratchet.max_hold_cost {
        Some(bound) => format!(", at most {}", thousands(bound, 2)),
        None => String::new(),
    };
    format!("holding has cost {} {}{hour}{bound}", thousands(cost, 2), clean(&ratchet.currency))
}

/// The total over all domains.
pub fn counts(held: &BTreeMap<String, u32>) -> u32 {
    held.values().fold(0, |sum, count| sum.saturating_add(*count))
}

fn places(held: &BTreeMap<String, u32>) -> String {
    let places = held.iter().map(|(domain, count)| format!("{count} in {}", clean(domain)));
    let places: Vec<String> = places.collect();
    if places.is_empty() { String::new() } else { format!(" ({})", places.join(", ")) }
}
