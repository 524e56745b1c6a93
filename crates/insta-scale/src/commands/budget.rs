//! `--max-cost-per-hour`: what a fleet costs at most, and the refusal when that is too much or not known.
//!
//! Pure: figures come from the price list and the config; the service is not asked.

use crate::error::CommandError;
use crate::output::text::{clean, thousands};
use fleet::FleetSpec;
use fleet::price::{self, Cost, Prices, Size};
use std::fmt::Write as _;

/// What a fleet costs, beside what it may cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// The most that it may cost an hour.
    pub limit: f64,
    /// What it costs an hour, made of the dearest of its shapes: any instance may fall back to that one.
    pub hour: f64,
    /// Currency and lines of that.
    pub cost: Cost,
    /// What its reserved capacity costs an hour before it is used, with `--reserve`. Never on top: what is used is charged
    /// as an instance instead.
    pub reserved: Option<f64>,
}

impl Budget {
    /// Reckons it.
    ///
    /// # Errors
    /// When the price of a part is not known: it cannot be said then that the limit holds.
    pub fn of(limit: f64, fleet: &FleetSpec, reserve: bool, prices: &Prices) -> Result<Self, CommandError> {
        let mut dearest: Option<Self> = None;
        for spec in by_kind(fleet) {
            let cost = price::of_fleet(&spec, fleet.count, prices, Size::default());
            let Some(total) = cost.total else { return Err(unknown(limit, &spec, &cost, prices)) };
            let unused = reserve.then(|| unused(&spec, prices)).flatten();
            let hour = unused.unwrap_or_default().max(total.hour);
            if dearest.as_ref().is_none_or(|dearest| hour > dearest.hour) {
                dearest = Some(Self { limit, hour, cost, reserved: unused });
            }
        }
        dearest.ok_or_else(|| {
            CommandError::usage("the config names no shape", "set `shape:` under instance_settings")
        })
    }

    /// Refuses what is too dear.
    ///
    /// # Errors
    /// When it costs more than the limit.
    pub fn check(&self) -> Result<(), CommandError> {
        if self.hour <= self.limit {
            return Ok(());
        }
        Err(CommandError::usage(
            format!(
                "{}, which is more than --max-cost-per-hour {}{}",
                self.amount(),
                self.limit,
                self.lines()
            ),
            "launch fewer instances (--count), choose a smaller shape, or raise the limit; nothing was created",
        ))
    }

    /// For the dry run.
    pub fn describe(&self) -> String {
        let verdict = if self.hour <= self.limit { "within" } else { "MORE THAN" };
        format!("{}, {verdict} --max-cost-per-hour {}{}", self.amount(), self.limit, self.lines())
    }

    fn amount(&self) -> String {
        format!("this costs {} {} per hour", thousands(self.hour, 4), clean(&self.cost.currency))
    }

    fn lines(&self) -> String {
        let mut out = String::new();
        for line in &self.cost.lines {
            let hour = line.price.map_or(0.0, |price| price.hour);
            // Writing to a String cannot fail, so the result is ignored.
            let _ = write!(out, "\n  {}: {hour:.4}", clean(&line.what));
        }
        if let Some(reserved) = self.reserved {
            let what = "while reserved but unused, instead of the instances";
            let _ = write!(out, "\n  {what}: {reserved:.4}");
        }
        out
    }
}

/// The fleet once for each kind of instance that it may launch, as if all were of that kind.
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
    let cost = price::of_reservation(shape_of(spec), size_of(spec), spec.count, prices);
    cost.total.map(|total| total.hour)
}

fn unknown(limit: f64, spec: &FleetSpec, cost: &Cost, prices: &Prices) -> CommandError {
    let parts: Vec<String> =
        cost.lines.iter().filter(|line| line.price.is_none()).map(|line| clean(&line.what)).collect();
    let shape = shape_of(spec);
    let size = size_of(spec);
    let any_size = Size { ocpus: Some(1.0), memory_gb: Some(1.0) };
    let mut remedies = Vec::new();
    if prices.instance_hour(shape, any_size, 1.0).is_none() {
        remedies.push(format!("prices: {{shapes: {{{shape}: {{ocpu: …, memory_gb: …}}}}}}"));
    } else if prices.instance_hour(shape, size.or(Size::of_fixed(shape)), 1.0).is_none() {
        remedies.push("the size of the shape: shape_config: {ocpus: …, memory_in_gbs: …}".to_owned());
    }
    if cost.lines.iter().skip(1).any(|line| line.price.is_none()) {
        remedies.push("prices: {boot_volume_gb_month: …}".to_owned());
    }
    CommandError::usage(
        format!(
            "--max-cost-per-hour {limit} cannot be checked: the price in {} is unknown for {}",
            clean(&cost.currency),
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

    fn fleet(shapes: &[&str], ocpus: Option<f64>) -> FleetSpec {
        let placement = |shape: &&str| Placement { shape: (*shape).to_owned(), ..Placement::default() };
        let mut fleet = FleetSpec {
            count: 10,
            placements: shapes.iter().map(placement).collect(),
            ..FleetSpec::default()
        };
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
    fn the_dearest_shape_that_an_instance_may_fall_back_to_counts() {
        let budget = Budget::of(10.0, &fleet(&["A", "B", "A"], None), false, &own_prices()).unwrap();
        assert!((budget.hour - 30.0).abs() < 1e-9, "{budget:?}");
        assert!(budget.check().unwrap_err().to_string().contains("this costs 30.0000 USD per hour"));
        let budget = Budget::of(10.0, &fleet(&["A"], None), false, &own_prices()).unwrap();
        assert_eq!(budget.check().map_err(|error| error.to_string()), Ok(()), "the limit itself is allowed");
    }

    #[test]
    fn reserved_capacity_is_not_charged_twice() {
        let budget = Budget::of(10.0, &fleet(&["A"], None), true, &own_prices()).unwrap();
        assert!((budget.hour - 10.0).abs() < 1e-9 && budget.reserved == Some(8.5), "{budget:?}");
    }

    #[test]
    fn what_is_not_known_is_named_with_the_key_that_gives_it() {
        let refused = |shape: &str, ocpus, prices: &Prices| {
            let error = Budget::of(10.0, &fleet(&[shape], ocpus), false, prices).unwrap_err();
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
