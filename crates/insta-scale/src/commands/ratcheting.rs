//! The proposal of a ratchet.

use crate::output::proposal::Money;
use crate::output::text::{clean, moment, thousands};
use fleet::Plan;
use fleet::price::UNUSED_RESERVATION;
use fleet::reservation::shares;
use std::collections::BTreeMap;

/// The cost of holding all instances, and what the ratchet will do. `None` if the plan is not a ratchet.
pub fn propose(plan: &Plan) -> Option<(Money, String)> {
    let reserve = plan.reserve.as_ref()?;
    let terms = reserve.ratchet.as_ref()?;
    let count = plan.fleet.count;
    let shares = shares(plan);
    let domains: Vec<&str> =
        shares.iter().map(|share| share.placement.availability_domain.as_str()).collect();
    // Any domain may end up holding all of them, so the highest price counts.
    let each: Option<Vec<f64>> =
        domains.iter().map(|domain| terms.cost_per_hour(&BTreeMap::from([(*domain, count)]))).collect();
    let hour = each.and_then(|each| each.into_iter().reduce(f64::max));
    let percent = UNUSED_RESERVATION * 100.0;
    let until = plan.hunt.map_or_else(String::new, |terms| moment(terms.until));
    let ends = match terms.max_hold_cost {
        Some(bound) => {
            let (bound, currency) = (thousands(bound, 2), clean(&terms.currency));
            format!("at {until}, or before holding has cost {bound} {currency}, everything is given back")
        }
        None => {
            format!("at {until}, everything is given back; without --max-hold-cost, its cost has no bound")
        }
    };
    let told = format!(
        "--ratchet: reservations in {} grow as capacity appears, and are charged from then on ({percent} % of the price \
         while unused); {} of {count} reserved start the launch, and the rest is released; {ends}. An interruption keeps \
         what is held, and its cost",
        clean(&domains.join(", ")),
        reserve.min,
    );
    Some((Money::of(hour), told))
}
