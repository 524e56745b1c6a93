//! `--max-cost`: the bound on what the instances of a hunt may cost.

use crate::args::LaunchArgs;
use crate::error::CommandError;
use crate::output::budget::cannot_reckon;
use crate::output::text::{clean, thousands};
use fleet::FleetSpec;
use fleet::plan::{SpendingTerms, SpentSoFar};
use fleet::price::{Prices, spending_terms};

/// The bound of a hunt, with the prices of all that it may launch.
///
/// # Errors
/// When a price is unknown, or the bound would be reached at once.
pub fn terms_of(
    args: &LaunchArgs,
    fleet: &FleetSpec,
    prices: &Prices,
) -> Result<Option<SpendingTerms>, CommandError> {
    let Some(bound) = args.hunting.max_cost else { return Ok(None) };
    let terms = spending_terms(bound, fleet, prices)
        .map_err(|error| cannot_reckon(&format!("--max-cost {bound}"), error))?;
    if terms.left(SpentSoFar::default()) <= 0.0 {
        let (hour, currency) = (thousands(terms.dearest(), 4), clean(&terms.currency));
        return Err(CommandError::usage(
            format!(
                "--max-cost {bound} is reached at once: an instance costs up to {hour} {currency} per hour"
            ),
            "raise --max-cost, or choose a smaller size or shape",
        ));
    }
    Ok(Some(terms))
}
