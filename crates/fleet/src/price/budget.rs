//! `--max-cost-per-hour`: the maximum price of a fleet, and whether it exceeds the limit or is unknown.

use super::{Cost, Prices, Size, at_most, of_fleet, of_reservation};
use crate::FleetSpec;
use crate::plan::{KindPrice, SpendingTerms};

/// The price of a fleet, and its limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// The maximum price per hour.
    pub limit: f64,
    /// The price per hour, assuming the most expensive of its shapes, because any instance may fall back to it.
    pub hour: f64,
    /// The currency and the lines of that price.
    pub cost: Cost,
    /// The price of its reserved capacity per hour before it is used, with `--reserve`. It is never additional, because used
    /// capacity is charged as an instance instead.
    pub reserved: Option<f64>,
}

/// Why the limit cannot be checked.
#[derive(Clone, Debug, PartialEq)]
pub enum BudgetError {
    /// The fleet names no shape.
    NoShape,
    /// The price of a part is unknown.
    Unknown(Box<UnknownPrice>),
}

/// The parts of a fleet without known prices.
#[derive(Clone, Debug, PartialEq)]
pub struct UnknownPrice {
    /// The currency of the lookup.
    pub currency: String,
    /// The parts.
    pub parts: Vec<String>,
    /// The shape to which they belong.
    pub shape: String,
    /// Whether the list of prices lacks the shape.
    pub shape_unknown: bool,
    /// Whether the price of the shape is known but its size is not.
    pub size_unknown: bool,
    /// Whether the price of another part is unknown.
    pub others_unknown: bool,
}

impl Budget {
    /// Calculates the price of a fleet.
    ///
    /// # Errors
    /// When the price of a part is unknown, because the limit cannot be checked then.
    pub fn of(limit: f64, fleet: &FleetSpec, reserve: bool, prices: &Prices) -> Result<Self, BudgetError> {
        if fleet.want.is_some() {
            return Self::of_totals(limit, fleet, prices);
        }
        let mut dearest: Option<Self> = None;
        for spec in by_kind(fleet) {
            let cost = of_fleet(&spec, fleet.count, prices, Size::default());
            let Some(total) = cost.total else { return Err(unknown(&spec, &cost, prices)) };
            let unused = reserve.then(|| unused(&spec, prices)).flatten();
            let hour = unused.unwrap_or_default().max(total.hour);
            if dearest.as_ref().is_none_or(|dearest| hour > dearest.hour) {
                dearest = Some(Self { limit, hour, cost, reserved: unused });
            }
        }
        dearest.ok_or(BudgetError::NoShape)
    }

    /// The price of a fleet with wanted totals, which may become any mix of its kinds.
    fn of_totals(limit: f64, fleet: &FleetSpec, prices: &Prices) -> Result<Self, BudgetError> {
        for spec in by_kind(fleet) {
            let cost = of_fleet(&spec, 1, prices, Size::default());
            if cost.total.is_none() {
                return Err(unknown(&spec, &cost, prices));
            }
        }
        let cost = at_most(fleet, fleet.count, prices);
        let hour = cost.total.ok_or(BudgetError::NoShape)?.hour;
        Ok(Self { limit, hour, cost, reserved: None })
    }

    /// Whether the fleet costs no more than the limit.
    pub fn holds(&self) -> bool {
        self.hour <= self.limit
    }
}

/// The terms of a hunt whose instances may cost this much in all.
///
/// # Errors
/// When the price of a kind of instance is unknown, because the bound cannot be kept then.
pub fn spending_terms(
    max_cost: f64,
    fleet: &FleetSpec,
    prices: &Prices,
) -> Result<SpendingTerms, BudgetError> {
    let mut hours = Vec::new();
    for spec in by_kind(fleet) {
        let cost = of_fleet(&spec, 1, prices, Size::default());
        let Some(total) = cost.total else { return Err(unknown(&spec, &cost, prices)) };
        hours.extend(spec.placements.into_iter().map(|kind| KindPrice { kind, hour: total.hour }));
    }
    if hours.is_empty() {
        return Err(BudgetError::NoShape);
    }
    Ok(SpendingTerms { max_cost, hours, currency: prices.currency().to_owned() })
}

/// The fleet once per kind of instance that it may launch, as if all were of that kind.
fn by_kind(fleet: &FleetSpec) -> impl Iterator<Item = FleetSpec> {
    let kinds = fleet.kinds().into_iter();
    kinds.map(|kind| FleetSpec { placements: vec![kind.clone()], ..fleet.clone() })
}

fn shape_of(spec: &FleetSpec) -> &str {
    spec.first_placement().map_or("", |placement| placement.shape.as_str())
}

fn size_of(spec: &FleetSpec) -> Size {
    spec.first_placement().map(|placement| spec.size_at(placement)).unwrap_or_default()
}

fn unused(spec: &FleetSpec, prices: &Prices) -> Option<f64> {
    let cost = of_reservation(shape_of(spec), size_of(spec), spec.count, prices);
    cost.total.map(|total| total.hour)
}

fn unknown(spec: &FleetSpec, cost: &Cost, prices: &Prices) -> BudgetError {
    let shape = shape_of(spec);
    let any_size = Size { ocpus: Some(1.0), memory_gb: Some(1.0) };
    let shape_unknown = prices.instance_hour(shape, any_size, 1.0).is_none();
    let size = size_of(spec).or(Size::of_fixed(shape));
    BudgetError::Unknown(Box::new(UnknownPrice {
        currency: cost.currency.clone(),
        parts: cost.lines.iter().filter(|line| line.price.is_none()).map(|line| line.what.clone()).collect(),
        shape: shape.to_owned(),
        shape_unknown,
        size_unknown: !shape_unknown && prices.instance_hour(shape, size, 1.0).is_none(),
        others_unknown: cost.lines.iter().skip(1).any(|line| line.price.is_none()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::ShapePrice;
    use ledger::Placement;

    fn fleet(shapes: &[&str]) -> FleetSpec {
        let placement = |shape: &&str| Placement { shape: (*shape).to_owned(), ..Placement::default() };
        FleetSpec { count: 10, placements: shapes.iter().map(placement).collect(), ..FleetSpec::default() }
    }

    fn own_prices() -> Prices {
        let of = |instance| ShapePrice { instance, ..ShapePrice::default() };
        let shapes = [("A".to_owned(), of(1.0)), ("B".to_owned(), of(3.0))].into();
        Prices { shapes, boot_volume_gb_month: Some(0.0), ..Prices::default() }
    }

    #[test]
    fn the_dearest_shape_that_an_instance_may_fall_back_to_counts() {
        let budget = Budget::of(10.0, &fleet(&["A", "B", "A"]), false, &own_prices()).unwrap();
        assert!((budget.hour - 30.0).abs() < 1e-9 && !budget.holds(), "{budget:?}");
        let budget = Budget::of(10.0, &fleet(&["A"]), false, &own_prices()).unwrap();
        assert!(budget.holds(), "the limit itself is allowed");
    }

    #[test]
    fn reserved_capacity_is_not_charged_twice() {
        let budget = Budget::of(10.0, &fleet(&["A"]), true, &own_prices()).unwrap();
        assert!((budget.hour - 10.0).abs() < 1e-9 && budget.reserved == Some(8.5), "{budget:?}");
    }
}
