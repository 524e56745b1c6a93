//! `--max-cost-per-hour` and `--max-cost`: messages about a fleet that costs too much or whose price is unknown.

use crate::error::CommandError;
use crate::output::text::{clean, thousands};
use fleet::FleetSpec;
use fleet::price::{Budget, BudgetError, Prices, UnknownPrice};
use std::fmt::Write as _;

/// Compares the price of a fleet with its limit.
///
/// # Errors
/// When the price of a part is unknown.
pub fn reckon_budget(
    limit: f64,
    fleet: &FleetSpec,
    reserve: bool,
    prices: &Prices,
) -> Result<Budget, CommandError> {
    Budget::of(limit, fleet, reserve, prices)
        .map_err(|error| cannot_reckon(&format!("--max-cost-per-hour {limit}"), error))
}

/// Why a limit, such as `--max-cost-per-hour 10`, cannot be checked.
pub fn cannot_reckon(flag: &str, error: BudgetError) -> CommandError {
    match error {
        BudgetError::NoShape => {
            CommandError::usage("the config names no shape", "set `shape:` under instance_settings")
        }
        BudgetError::Unknown(price) => unknown_price(flag, &price),
    }
}

/// Refuses a fleet that is too expensive.
///
/// # Errors
/// When it costs more than the limit.
pub fn check_budget(budget: &Budget) -> Result<(), CommandError> {
    if budget.holds() {
        return Ok(());
    }
    Err(CommandError::usage(
        format!(
            "{}, which is more than --max-cost-per-hour {}{}",
            amount(budget),
            budget.limit,
            lines(budget)
        ),
        "launch fewer instances (--count), choose a smaller shape, or raise the limit; nothing was created",
    ))
}

/// Describes a budget for the dry run.
pub fn describe_budget(budget: &Budget) -> String {
    let verdict = if budget.holds() { "within" } else { "MORE THAN" };
    format!("{}, {verdict} --max-cost-per-hour {}{}", amount(budget), budget.limit, lines(budget))
}

fn amount(budget: &Budget) -> String {
    format!("this costs {} {} per hour", thousands(budget.hour, 4), clean(&budget.cost.currency))
}

fn lines(budget: &Budget) -> String {
    let mut out = String::new();
    for line in &budget.cost.lines {
        let hour = line.price.map_or(0.0, |price| price.hour);
        // Writing to a String cannot fail, so the result is ignored.
        let _ = write!(out, "\n  {}: {hour:.4}", clean(&line.what));
    }
    if let Some(reserved) = budget.reserved {
        let what = "while reserved but unused, instead of the instances";
        let _ = write!(out, "\n  {what}: {reserved:.4}");
    }
    out
}

fn unknown_price(flag: &str, price: &UnknownPrice) -> CommandError {
    let parts: Vec<String> = price.parts.iter().map(|part| clean(part)).collect();
    let mut remedies = Vec::new();
    if price.shape_unknown {
        remedies.push(format!("prices: {{shapes: {{{}: {{ocpu: …, memory_gb: …}}}}}}", price.shape));
    } else if price.size_unknown {
        remedies.push("the size of the shape: shape_config: {ocpus: …, memory_in_gbs: …}".to_owned());
    }
    if price.others_unknown {
        remedies.push("prices: {boot_volume_gb_month: …}".to_owned());
    }
    CommandError::usage(
        format!(
            "{flag} cannot be checked: the price in {} is unknown for {}",
            clean(&price.currency),
            parts.join(", ")
        ),
        format!("set in the config: {}; nothing was created", remedies.join("; ")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet::price::ShapePrice;
    use ledger::Placement;

    fn fleet(shape: &str, ocpus: Option<f64>) -> FleetSpec {
        let placement = Placement { shape: shape.to_owned(), ..Placement::default() };
        let mut fleet = FleetSpec { count: 10, placements: vec![placement], ..FleetSpec::default() };
        let config = oci_api::models::LaunchInstanceShapeConfigDetails {
            ocpus,
            memory_in_gbs: ocpus,
            ..Default::default()
        };
        fleet.template.shape_config = Some(Box::new(config));
        fleet
    }

    fn own_prices() -> Prices {
        let of = |instance| ShapePrice { instance, ..ShapePrice::default() };
        let shapes = [("A".to_owned(), of(1.0)), ("B".to_owned(), of(3.0))].into();
        Prices { shapes, boot_volume_gb_month: Some(0.0), ..Prices::default() }
    }

    #[test]
    fn what_costs_more_than_the_limit_is_refused() {
        let budget = reckon_budget(10.0, &fleet("B", None), false, &own_prices()).unwrap();
        assert!(check_budget(&budget).unwrap_err().to_string().contains("this costs 30.0000 USD per hour"));
        let budget = reckon_budget(10.0, &fleet("A", None), false, &own_prices()).unwrap();
        assert_eq!(check_budget(&budget).map_err(|error| error.to_string()), Ok(()), "the limit is allowed");
    }

    #[test]
    fn what_is_not_known_is_named_with_the_key_that_gives_it() {
        let refused = |shape: &str, ocpus, prices: &Prices| {
            let error = reckon_budget(10.0, &fleet(shape, ocpus), false, prices).unwrap_err();
            assert_eq!(error.exit(), crate::exit::Exit::Usage);
            format!("{error}\n{}", error.hint().unwrap())
        };
        let said = refused("VM.New.Flex", Some(1.0), &Prices::default());
        assert!(
            said.contains("VM.New.Flex, 1 OCPU") && said.contains("prices: {shapes: {VM.New.Flex: "),
            "{said}"
        );
        let said = refused("VM.Standard.E4.Flex", None, &Prices::default());
        assert!(said.contains("shape_config: {ocpus: "), "{said}");
        let euro = Prices { currency: Some("EUR".to_owned()), boot_volume_gb_month: None, ..own_prices() };
        let said = refused("A", Some(1.0), &euro);
        assert!(said.contains("boot volume") && said.contains("prices: {boot_volume_gb_month"), "{said}");
        assert!(!said.contains("shapes:"), "{said}");
    }
}
