//! What the instances of a hunt with `--max-cost` have cost, in one line.

use super::text::{clean, thousands};
use fleet::launch::SpendingSummary;
use fleet::plan::SpendingTerms;

/// `cost so far 12.31 of at most 20.00 USD; 0.3000 per hour`.
pub fn so_far(spending: &SpendingSummary) -> String {
    let SpendingSummary { spent, max_cost, per_hour, currency, .. } = spending;
    let (spent, bound) = (thousands(*spent, 2), thousands(*max_cost, 2));
    format!(
        "cost so far {spent} of at most {bound} {}; {} per hour",
        clean(currency),
        thousands(*per_hour, 4)
    )
}

/// The same at the end, with what goes on costing.
pub fn at_end(spending: &SpendingSummary) -> String {
    let SpendingSummary { spent, max_cost, per_hour, currency, reached } = spending;
    let (spent, bound, currency) = (thousands(*spent, 2), thousands(*max_cost, 2), clean(currency));
    let bound = if *reached {
        format!("so the bound of {bound} is reached (--max-cost)")
    } else {
        format!("of at most {bound}")
    };
    let after = if *per_hour > 0.0 {
        let hour = thousands(*per_hour, 4);
        format!("; what exists goes on costing {hour} {currency} per hour until you terminate it")
    } else {
        String::new()
    };
    format!("cost {spent} {currency}, {bound}{after}")
}

/// What the bound means, before the start.
pub fn terms(terms: &SpendingTerms) -> String {
    let (bound, currency) = (thousands(terms.max_cost, 2), clean(&terms.currency));
    format!(
        "--max-cost: launches nothing more once its instances have cost {bound} {currency}; those that run by then are kept and go on \
         costing until you terminate them, unless they are fewer than --min"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_says_what_goes_on_costing() {
        let spending = SpendingSummary {
            max_cost: 20.0,
            spent: 19.996,
            per_hour: 1.5,
            currency: "USD".to_owned(),
            reached: true,
        };
        assert_eq!(
            at_end(&spending),
            "cost 20.00 USD, so the bound of 20.00 is reached (--max-cost); what exists goes on costing 1.5000 USD per hour \
             until you terminate it"
        );
        let before = SpendingSummary { spent: 3.0, per_hour: 0.0, reached: false, ..spending };
        assert_eq!(at_end(&before), "cost 3.00 USD, of at most 20.00");
        assert_eq!(so_far(&before.after(3600.0)), "cost so far 3.00 of at most 20.00 USD; 0.0000 per hour");
    }
}
