//! The bill of a fleet or of a reservation: lines that a person can check, and their sum.

use oci_api::models::{
    InstanceSourceDetails, LaunchInstanceDetails,
    LaunchInstanceShapeConfigDetailsBaselineOcpuUtilization as Baseline,
};
use serde::{Serialize, Serializer};

use super::book::{Prices, Size};
use super::table::{BOOT_VOLUME_GB, BOOT_VOLUME_VPUS, PREEMPTIBLE, UNUSED_RESERVATION};
use crate::plan::FleetSpec;

/// Hours in the 30 days that totals are given for.
const HOURS_IN_30_DAYS: f64 = 720.0;

/// A price over time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Per {
    /// For an hour.
    #[serde(serialize_with = "as_rounded")]
    pub hour: f64,
    /// For 30 days.
    #[serde(serialize_with = "as_rounded")]
    pub days_30: f64,
}

impl Per {
    /// From what it is an hour.
    pub fn of(hour: f64) -> Self {
        Self { hour, days_30: hour * HOURS_IN_30_DAYS }
    }
}

/// A price without the crumbs of binary arithmetic: 0.289 and not 0.28900000000000003.
pub fn rounded(price: f64) -> f64 {
    (price * 1e12).round() / 1e12
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn as_rounded<S: Serializer>(price: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(rounded(*price))
}

/// One line of a bill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// What is charged: `100 × VM.Standard.E4.Flex, 1 OCPU, 6 GB`.
    pub what: String,
    /// For all of them; `None` when the price is not known.
    pub price: Option<Per>,
}

/// A bill.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// The currency of all figures.
    pub currency: String,
    /// Its lines.
    pub lines: Vec<Line>,
    /// What the lines add up to; `None` when the price of one of them is not known.
    pub total: Option<Per>,
    /// What a reader of the figures should know.
    pub notes: Vec<String>,
}

impl Cost {
    /// A bill of these lines.
    pub fn new(prices: &Prices, lines: Vec<Line>, notes: Vec<String>) -> Self {
        let total =
            lines.iter().map(|line| line.price.map(|price| price.hour)).sum::<Option<f64>>().map(Per::of);
        Self { currency: prices.currency().to_owned(), lines, total, notes }
    }
}

/// What `count` instances of a fleet cost while they run, each made at the fleet's first placement.
///
/// `known` is what ListShapes says about the size of the shape, where the config leaves it open.
pub fn of_fleet(spec: &FleetSpec, count: u32, prices: &Prices, known: Size) -> Cost {
    let shape = first_shape(spec);
    let size = size_of(&spec.template).or(known).or(Size::of_fixed(&shape));
    let baseline = baseline_of(&spec.template);
    let preemptible = spec.template.preemptible_instance_config.is_some();
    let share = if preemptible { PREEMPTIBLE } else { 1.0 };
    let each = prices.instance_hour(&shape, size, baseline).map(|price| price * share);
    let mut lines = vec![Line {
        what: format!("{count} × {}", describe(&shape, size)),
        price: each.map(|price| Per::of(price * f64::from(count))),
    }];
    lines.extend(boot_volumes(&spec.template, count, prices));

    let mut notes = Vec::new();
    if preemptible {
        notes.push("preemptible: half the price on demand, and taken away at any time".to_owned());
    }
    if baseline < 1.0 {
        notes.push(format!("burstable: {} % of the OCPU price, all of the memory price", baseline * 100.0));
    }
    if each.is_none() {
        notes.push(unknown(&shape, prices));
    }
    if shape == "VM.Standard.A1.Flex" {
        notes.push(
            "the first 1,500 OCPU-hours and 9,000 GB-hours of A1 a month are free in each tenancy".to_owned(),
        );
    }
    for other in other_shapes(spec, &shape) {
        let size = size_of(&spec.template).or(Size::of_fixed(other));
        notes.push(match prices.instance_hour(other, size, baseline) {
            Some(price) => format!(
                "an instance that falls back to {other} costs {:.4} {} an hour",
                price * share,
                prices.currency()
            ),
            None => unknown(other, prices),
        });
    }
    Cost::new(prices, lines, notes)
}

/// What `count` reserved and unused instances of a shape cost, from the moment of their reservation on.
pub fn of_reservation(shape: &str, size: Size, count: u32, prices: &Prices) -> Cost {
    let size = size.or(Size::of_fixed(shape));
    let price = prices.instance_hour(shape, size, 1.0);
    let notes = if price.is_none() { vec![unknown(shape, prices)] } else { Vec::new() };
    let line = Line {
        what: format!("{count} × {} reserved and unused", describe(shape, size)),
        price: price.map(|price| Per::of(price * UNUSED_RESERVATION * f64::from(count))),
    };
    Cost::new(prices, vec![line], notes)
}

fn unknown(shape: &str, prices: &Prices) -> String {
    let currency = prices.currency();
    format!("the price of {shape} in {currency} is not known: give it under `prices:` in the config")
}

fn first_shape(spec: &FleetSpec) -> String {
    spec.placements
        .first()
        .map(|placement| placement.shape.clone())
        .or_else(|| spec.template.shape.clone())
        .unwrap_or_default()
}

fn other_shapes<'a>(spec: &'a FleetSpec, first: &str) -> Vec<&'a str> {
    let mut others: Vec<&str> = Vec::new();
    for placement in &spec.placements {
        if placement.shape != first && !others.contains(&placement.shape.as_str()) {
            others.push(&placement.shape);
        }
    }
    others
}

/// The size that a launch asks for.
pub(crate) fn size_of(launch: &LaunchInstanceDetails) -> Size {
    launch
        .shape_config
        .as_ref()
        .map_or_else(Size::default, |config| Size { ocpus: config.ocpus, memory_gb: config.memory_in_gbs })
}

/// The share of an OCPU that is paid for (Oracle: "Burstable Instances").
fn baseline_of(launch: &LaunchInstanceDetails) -> f64 {
    let baseline = launch.shape_config.as_ref().and_then(|config| config.baseline_ocpu_utilization.as_ref());
    match baseline {
        Some(Baseline::Baseline18) => 0.125,
        Some(Baseline::Baseline12) => 0.5,
        Some(Baseline::Baseline11 | Baseline::Unrecognized(_)) | None => 1.0,
    }
}

/// The line for boot volumes; none when instances are made from volumes that exist and are charged already.
fn boot_volumes(launch: &LaunchInstanceDetails, count: u32, prices: &Prices) -> Option<Line> {
    let (gb, vpus) = match launch.source_details.as_deref() {
        Some(InstanceSourceDetails::BootVolume(_)) => return None,
        Some(InstanceSourceDetails::Image(image)) => {
            (image.boot_volume_size_in_gbs, image.boot_volume_vpus_per_gb)
        }
        _ => (None, None),
    };
    let gb = gb.map_or(BOOT_VOLUME_GB, |gb| gb as f64);
    let vpus = vpus.map_or(BOOT_VOLUME_VPUS, |vpus| vpus as f64);
    let price = prices.boot_volume_gb_hour(vpus).map(|price| Per::of(price * gb * f64::from(count)));
    Some(Line { what: format!("{count} × boot volume, {gb} GB, {vpus} VPUs per GB"), price })
}

/// `VM.Standard.E4.Flex, 1 OCPU, 6 GB`.
pub(crate) fn describe(shape: &str, size: Size) -> String {
    let ocpus = size.ocpus.map(|ocpus| ocpus.to_string());
    let ocpus =
        ocpus.map(|ocpus| if ocpus == "1" { ", 1 OCPU".to_owned() } else { format!(", {ocpus} OCPUs") });
    let memory = size.memory_gb.map(|gb| format!(", {gb} GB"));
    format!("{shape}{}{}", ocpus.unwrap_or_default(), memory.unwrap_or_default())
}
