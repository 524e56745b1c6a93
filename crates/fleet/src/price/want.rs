//! What instances count toward wanted totals, how many of each kind reach them, and what the dearest mix of kinds costs.

use super::book::{Prices, Size};
use super::cost::{Cost, Line, Per, of_fleet, of_placements};
use crate::plan::{FleetSpec, Totals, WantedTotals};
use ledger::Placement;

impl FleetSpec {
    /// What an instance at a placement counts toward wanted totals.
    pub fn totals_at(&self, placement: &Placement) -> Totals {
        let size = self.size_at(placement).or(Size::of_fixed(&placement.shape));
        Totals::of(size.ocpus, size.memory_gb)
    }

    /// How many instances of a kind reach the wanted totals, at most the maximum; without them, the number of instances.
    pub fn needed_of(&self, kind: &Placement) -> u32 {
        let Some(want) = self.want else { return self.count };
        let missing = want.missing(Totals::default(), self.totals_at(kind));
        missing.unwrap_or(u32::MAX).min(want.max_instances)
    }

    /// Sets the count to what reaches the wanted totals with the first choice.
    pub fn count_by_want(&mut self) {
        if let Some(first) = self.first_placement().filter(|_| self.want.is_some()) {
            self.count = self.needed_of(first);
        }
    }
}

/// The bill if all instances become the most expensive kind that the fleet may launch, which is the maximum price. A kind with
/// an unknown price counts as the most expensive. With wanted totals, the bill of the dearest mix that reaches them, whatever
/// the count.
pub fn at_most(spec: &FleetSpec, count: u32, prices: &Prices) -> Cost {
    if let Some(want) = spec.want
        && let Some(mix) = dearest_mix(spec, want, prices)
    {
        return mix;
    }
    let bills =
        spec.kinds().into_iter().map(|kind| of_placements(spec, &[(kind, count)], prices, Size::default()));
    // If there are several, the first of the fleet.
    bills
        .reduce(|most, bill| if hour(&bill) > hour(&most) { bill } else { most })
        .unwrap_or_else(|| of_fleet(spec, count, prices, Size::default()))
}

/// The price of a bill per hour. What is unknown may be the dearest.
fn hour(bill: &Cost) -> f64 {
    bill.total.map_or(f64::INFINITY, |total| total.hour)
}

/// An upper bound of the price of a launch that may mix its kinds until their totals suffice.
///
/// Without its last instance, the launch is below one of the totals. So the others cost less than that total at the highest
/// price per unit, and the last one no more than the dearest kind. All of them cost no more than the maximum number of the dearest
/// kind. With one kind, the number is known.
fn dearest_mix(spec: &FleetSpec, want: WantedTotals, prices: &Prices) -> Option<Cost> {
    let bill = |kind: &Placement, count: u32| of_placements(spec, &[(kind, count)], prices, Size::default());
    let kinds = spec.kinds();
    if let [kind] = kinds.as_slice() {
        return Some(bill(kind, spec.needed_of(kind)));
    }
    let bills: Vec<(&Placement, Cost)> = kinds.iter().map(|kind| (*kind, bill(kind, 1))).collect();
    if let Some((kind, _)) = bills.iter().find(|(_, bill)| bill.total.is_none()) {
        return Some(bill(kind, spec.needed_of(kind)));
    }
    let (dearest, last) = bills.iter().max_by(|(_, one), (_, other)| hour(one).total_cmp(&hour(other)))?;
    let all = bill(dearest, want.max_instances);
    let others = |wanted: Option<f64>, amount: fn(Totals) -> f64, unit: &str| {
        let each = bills.iter().map(|(kind, bill)| hour(bill) / amount(spec.totals_at(kind)));
        let price = wanted? * each.fold(0.0, f64::max);
        let what = format!("{} {unit} at the highest price of a choice", wanted?);
        Some((price, Line { what, price: Some(Per::of(price)) }))
    };
    let others = [
        others(want.ocpus, Totals::ocpus, "OCPUs"),
        others(want.memory_gb, Totals::memory_gb, "GB of memory"),
    ];
    let others = others.into_iter().flatten().max_by(|(one, _), (other, _)| one.total_cmp(other));
    let last = Line { what: format!("the last instance, {}", what_of(last)), price: last.total };
    let lines = others.into_iter().map(|(_, line)| line).chain([last]).collect();
    let mix = Cost::new(prices, lines, Vec::new());
    Some(if hour(&mix) < hour(&all) { mix } else { all })
}

/// The instance of a bill of one.
fn what_of(bill: &Cost) -> &str {
    bill.lines.first().map_or("", |line| line.what.trim_start_matches("1 × "))
}
