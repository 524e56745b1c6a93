//! What runs have cost so far, and what still costs: prices times the lives of their instances and reservations.
//!
//! An instance counts from its launch until a run of this ledger terminated it, which is the most that it can have cost.

use super::runs::PowerChange;
use super::seconds;
use super::track::InstanceLife;
use crate::plan::{FleetSpec, Plan};
use crate::price::{self, Prices, Size, bills_when_stopped, rounded};
use jiff::Timestamp;
use ledger::{Placement, RunState};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// What runs have cost.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize)]
pub struct Spent {
    /// The currency.
    pub currency: String,
    /// The date of the price list, if one has prices in the currency.
    pub prices_as_of: Option<String>,
    /// The most that they have cost so far, as far as prices are known.
    pub spent_at_most: f64,
    /// What the existing instances and reservations cost per hour now, as far as prices are known.
    pub per_hour: f64,
    /// The number of instances and reservations with an unknown price.
    pub unknown_prices: u32,
    /// By kind of instance and by domain of reserved capacity.
    pub lines: Vec<SpentLine>,
}

/// Instances of one kind, or unused reserved capacity in one domain.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize)]
pub struct SpentLine {
    /// What costs: `VM.Standard.E4.Flex, 1 OCPU, 6 GB`.
    pub what: String,
    /// How many there were.
    pub count: u32,
    /// How many of them still cost.
    pub still: u32,
    /// The hours of all of them.
    pub hours: f64,
    /// What they have cost so far; absent if the price is unknown.
    pub spent: Option<f64>,
    /// What they cost per hour now; absent if the price is unknown.
    pub per_hour: Option<f64>,
}

/// What the instances of a run in progress cost per hour; `None` if a price is unknown.
pub fn hourly_cost(state: &RunState, fleet: &FleetSpec, prices: &Prices) -> Option<f64> {
    let mut counts: BTreeMap<&Placement, u32> = BTreeMap::new();
    for slot in state.slots.values().filter(|slot| slot.ocid.is_some()) {
        *counts.entry(slot.placement.as_ref()?).or_default() += 1;
    }
    let counts: Vec<(&Placement, u32)> = counts.into_iter().collect();
    price::of_placements(fleet, &counts, prices, Size::default()).total.map(|total| total.hour)
}

/// The price of an instance per hour: of itself, and of its boot volume.
#[derive(Clone, Copy, Default)]
struct KindRate {
    instance: Option<f64>,
    volumes: Option<f64>,
    /// Whether the instance costs while it is stopped.
    when_stopped: bool,
}

/// Sums up.
pub(super) struct Bill<'a> {
    prices: &'a Prices,
    until: Timestamp,
    rates: HashMap<Placement, (String, KindRate)>,
    lines: BTreeMap<String, SpentLine>,
}

impl<'a> Bill<'a> {
    pub(super) fn new(prices: &'a Prices, until: Timestamp) -> Self {
        Self { prices, until, rates: HashMap::new(), lines: BTreeMap::new() }
    }

    /// Begins another run: its fleet decides what a placement costs.
    pub(super) fn begin_run(&mut self) {
        self.rates.clear();
    }

    /// Adds the life of an instance; `changes` are those that later runs made.
    pub(super) fn add(
        &mut self,
        fleet: &FleetSpec,
        life: &InstanceLife,
        changes: &[(Timestamp, PowerChange)],
    ) {
        let (what, rate) = self.rate(fleet, &life.placement);
        let lived = Lived::of(life, changes, self.until);
        let running = if rate.when_stopped { lived.exists_s } else { lived.runs_s };
        let cost =
            |instance_h: f64, volumes_h: f64| Some(rate.instance? * instance_h + rate.volumes? * volumes_h);
        let runs_now = lived.exists && (lived.runs || rate.when_stopped);
        let spent = cost(running / 3600.0, lived.exists_s / 3600.0);
        let now = cost(f64::from(u8::from(runs_now)), f64::from(u8::from(lived.exists)));
        self.line(what, 1, u32::from(lived.exists), running / 3600.0, spent, now);
    }

    /// Adds what the run held in reservations and did not use.
    pub(super) fn add_reservations(&mut self, state: &RunState, plan: &Plan) {
        let unused = state.holding.unused();
        for (domain, unit_seconds) in state.holding.unit_seconds(self.until) {
            let now = unused.get(domain).copied().unwrap_or_default();
            if unit_seconds == 0.0 && now == 0 {
                continue;
            }
            let placement = plan.fleet.placements.iter().find(|one| one.availability_domain == domain);
            let hour = placement.and_then(|placement| {
                let size = plan.fleet.size_at(placement);
                let cost = price::of_reservation(&placement.shape, size, 1, self.prices);
                cost.total.map(|per| per.hour)
            });
            let hours = unit_seconds / 3600.0;
            let what = format!("reserved and unused in {domain}");
            let spent = hour.map(|hour| hour * hours);
            let per_hour = hour.map(|hour| hour * f64::from(now));
            self.line(what, now.max(1), now, hours, spent, per_hour);
        }
    }

    pub(super) fn finish(self) -> Spent {
        let mut spent = Spent {
            currency: self.prices.currency().to_owned(),
            prices_as_of: self.prices.as_of().map(str::to_owned),
            ..Spent::default()
        };
        for (_, mut line) in self.lines {
            spent.spent_at_most += line.spent.unwrap_or_default();
            spent.per_hour += line.per_hour.unwrap_or_default();
            if line.spent.is_none() {
                spent.unknown_prices += line.count;
            }
            (line.spent, line.per_hour) = (line.spent.map(rounded), line.per_hour.map(rounded));
            spent.lines.push(line);
        }
        (spent.spent_at_most, spent.per_hour) = (rounded(spent.spent_at_most), rounded(spent.per_hour));
        spent
    }

    fn line(
        &mut self,
        what: String,
        count: u32,
        still: u32,
        hours: f64,
        spent: Option<f64>,
        per_hour: Option<f64>,
    ) {
        let nothing = SpentLine { spent: Some(0.0), per_hour: Some(0.0), ..SpentLine::default() };
        let line = self.lines.entry(what.clone()).or_insert(nothing);
        line.what = what;
        line.count += count;
        line.still += still;
        line.hours += hours;
        line.spent = line.spent.zip(spent).map(|(sum, more)| sum + more);
        line.per_hour = line.per_hour.zip(per_hour).map(|(sum, more)| sum + more);
    }

    fn rate(&mut self, fleet: &FleetSpec, placement: &Placement) -> (String, KindRate) {
        // The service chose the fault domain, which costs nothing.
        let key = Placement { fault_domain: None, ..placement.clone() };
        if let Some(known) = self.rates.get(&key) {
            return known.clone();
        }
        let (instance, volumes) = price::of_instance_and_volumes(fleet, &key, self.prices);
        // Unknown counts as charged: this is the most that it can have cost.
        let when_stopped = bills_when_stopped(&key.shape).unwrap_or(true);
        let size = fleet.size_at(&key).or(Size::of_fixed(&key.shape));
        let preemptible = fleet.capacity_type_at(&key) == ledger::CapacityType::Preemptible;
        let what = price::describe(&key.shape, size) + if preemptible { ", preemptible" } else { "" };
        let rate = (what, KindRate { instance, volumes, when_stopped });
        self.rates.insert(key, rate.clone());
        rate
    }
}

/// How long an instance existed and ran.
struct Lived {
    exists_s: f64,
    runs_s: f64,
    exists: bool,
    runs: bool,
}

impl Lived {
    fn of(life: &InstanceLife, changes: &[(Timestamp, PowerChange)], until: Timestamp) -> Self {
        let gone = changes.iter().find(|(_, change)| *change == PowerChange::Gone).map(|(at, _)| *at);
        let end = [life.to, gone].into_iter().flatten().min();
        let (mut since, mut runs_s) = (Some(life.from), 0.0);
        for (at, change) in changes.iter().take_while(|(at, _)| end.is_none_or(|end| *at <= end)) {
            match change {
                PowerChange::On => since = since.or(Some(*at)),
                PowerChange::Off => {
                    runs_s += since.take().map_or(0.0, |since| seconds(since, *at));
                }
                PowerChange::Gone => {}
            }
        }
        let until = end.unwrap_or(until);
        runs_s += since.map_or(0.0, |since| seconds(since, until));
        let exists = end.is_none();
        Self { exists_s: seconds(life.from, until), runs_s, exists, runs: exists && since.is_some() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::ShapePrice;

    const HOUR: i64 = 3600;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn prices() -> Prices {
        let one = |instance| ShapePrice { instance, ..ShapePrice::default() };
        Prices {
            shapes: [("VM.Standard.X".to_owned(), one(2.0)), ("BM.GPU.X".to_owned(), one(10.0))].into(),
            boot_volume_gb_month: Some(0.0),
            ..Prices::default()
        }
    }

    fn spent(shape: &str, to: Option<i64>, changes: &[(i64, PowerChange)]) -> Spent {
        let prices = prices();
        let mut bill = Bill::new(&prices, at(10 * HOUR));
        let placement = Placement { shape: shape.to_owned(), ..Placement::default() };
        let life = InstanceLife { ocid: "i".to_owned(), placement, from: at(0), to: to.map(at) };
        let changes: Vec<_> = changes.iter().map(|(second, change)| (at(*second), *change)).collect();
        bill.add(&FleetSpec::default(), &life, &changes);
        bill.finish()
    }

    #[test]
    fn an_instance_costs_from_its_launch_to_its_end() {
        let now = spent("VM.Standard.X", None, &[]);
        assert_eq!((now.spent_at_most, now.per_hour, now.lines[0].still), (20.0, 2.0, 1));
        let died = spent("VM.Standard.X", Some(HOUR), &[]);
        assert_eq!((died.spent_at_most, died.per_hour, died.lines[0].still), (2.0, 0.0, 0));
        let ended = spent("VM.Standard.X", None, &[(3 * HOUR, PowerChange::Gone)]);
        assert_eq!((ended.spent_at_most, ended.per_hour), (6.0, 0.0));
    }

    #[test]
    fn a_stopped_instance_costs_only_where_oracle_says_so() {
        let changes = [(HOUR, PowerChange::Off), (4 * HOUR, PowerChange::On), (6 * HOUR, PowerChange::Off)];
        let vm = spent("VM.Standard.X", None, &changes);
        assert_eq!((vm.spent_at_most, vm.per_hour, vm.lines[0].still), (6.0, 0.0, 1));
        let gpu = spent("BM.GPU.X", None, &changes);
        assert_eq!((gpu.spent_at_most, gpu.per_hour), (100.0, 10.0));
    }

    #[test]
    fn an_unknown_price_is_told_and_never_zero() {
        let unknown = spent("VM.Unheard.Of", None, &[]);
        assert_eq!((unknown.unknown_prices, unknown.lines[0].spent), (1, None));
    }

    #[test]
    fn a_clock_that_was_set_back_never_earns_money() {
        let ended = spent("VM.Standard.X", Some(-HOUR), &[(-5 * HOUR, PowerChange::Gone)]);
        assert_eq!((ended.spent_at_most, ended.per_hour), (0.0, 0.0));
    }
}
