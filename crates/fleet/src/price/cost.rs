//! The bill of a fleet or of a reservation: lines that can be checked by hand, and their sum.

use oci_api::models::{
    InstanceSourceDetails, LaunchInstanceDetails, LaunchInstanceLicensingConfig,
    LaunchInstanceShapeConfigDetailsBaselineOcpuUtilization as Baseline,
    LaunchInstanceWindowsLicensingConfigLicenseType as WindowsLicence,
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::HOURS_IN_30_DAYS;
use super::book::{Prices, Size, can_be_preemptible};
use super::shapes::{
    ALWAYS_FREE, BOOT_VOLUME_GB, BOOT_VOLUME_VPUS, FREE_HOURS, PREEMPTIBLE, UNUSED_RESERVATION,
};
use crate::plan::{FleetSpec, says_licence};
use ledger::Placement;

/// A price over time.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Per {
    /// For an hour.
    #[serde(serialize_with = "as_rounded")]
    pub hour: f64,
    /// For 30 days.
    #[serde(serialize_with = "as_rounded")]
    pub days_30: f64,
}

impl Per {
    /// From a price per hour.
    pub fn of(hour: f64) -> Self {
        Self { hour, days_30: hour * HOURS_IN_30_DAYS }
    }
}

/// A price without the errors of binary arithmetic: 0.289 and not 0.28900000000000003.
pub fn rounded(price: f64) -> f64 {
    (price * 1e12).round() / 1e12
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn as_rounded<S: Serializer>(price: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(rounded(*price))
}

/// One line of a bill.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Line {
    /// The charged item: `100 × VM.Standard.E4.Flex, 1 OCPU, 6 GB`.
    pub what: String,
    /// The price for all of them; `null` if unknown.
    pub price: Option<Per>,
}

/// A bill.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize)]
pub struct Cost {
    /// The currency of all amounts.
    pub currency: String,
    /// Its lines.
    pub lines: Vec<Line>,
    /// The sum of the lines; `null` if one of their prices is unknown.
    pub total: Option<Per>,
    /// Notes for the reader.
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

/// The price of `count` running instances of a fleet, each launched at the fleet's first placement.
///
/// `known` is the size from ListShapes, if the config leaves the size of the shape open.
pub fn of_fleet(spec: &FleetSpec, count: u32, prices: &Prices, known: Size) -> Cost {
    let nowhere =
        Placement { shape: spec.template.shape.clone().unwrap_or_default(), ..Placement::default() };
    let first = spec.first_placement().unwrap_or(&nowhere);
    let mut cost = of_placements(spec, &[(first, count)], prices, known);
    for other in spec.kinds().into_iter().skip(1) {
        let kind = Kind::of(spec, other, Size::default());
        // The same shape in another size is described by its size.
        let what = if other.size.is_some() { kind.describe() } else { kind.shape.clone() };
        let what = if other.capacity_type.is_some() { format!("{what}, {}", kind.bought()) } else { what };
        cost.notes.push(match kind.hour(prices) {
            Some(price) => {
                let currency = prices.currency();
                format!("an instance that falls back to {what} costs {price:.4} {currency} per hour")
            }
            None => unknown(&kind.shape, prices),
        });
    }
    cost
}

/// The price of an instance of each kind that the fleet may launch, in the order of the fleet: its description and its bill.
pub fn of_kinds(spec: &FleetSpec, prices: &Prices) -> Vec<(String, Cost)> {
    let kinds = spec.kinds().into_iter();
    kinds
        .map(|kind| {
            let of = Kind::of(spec, kind, Size::default());
            let preemptible = if of.preemptible { ", preemptible" } else { "" };
            let what = format!("{}{preemptible}", of.describe());
            (what, of_placements(spec, &[(kind, 1)], prices, Size::default()))
        })
        .collect()
}

/// Orders the placements of a fleet by the price of an instance per hour, or of as many as reach the wanted totals, cheapest
/// first; equal ones keep their order. Returns
/// the kinds with an unknown price: if there are any, nothing is moved.
pub fn put_cheapest_first(spec: &mut FleetSpec, prices: &Prices) -> Vec<String> {
    let priced: Vec<(Placement, Option<f64>)> = spec
        .placements
        .iter()
        .map(|placement| (placement.clone(), Kind::of(spec, placement, Size::default()).hour(prices)))
        .collect();
    let mut unknown: Vec<String> = Vec::new();
    for (placement, _) in priced.iter().filter(|(_, price)| price.is_none()) {
        let what = Kind::of(spec, placement, Size::default()).describe();
        if !unknown.contains(&what) {
            unknown.push(what);
        }
    }
    if unknown.is_empty() {
        let mut sorted = priced;
        // With wanted totals, many small instances may cost more than few large ones.
        let price = |of: &(Placement, Option<f64>)| {
            let number = spec.want.map_or(1, |_| spec.needed_of(&of.0));
            of.1.unwrap_or(f64::INFINITY) * f64::from(number)
        };
        sorted.sort_by(|one, other| price(one).total_cmp(&price(other)));
        spec.placements = sorted.into_iter().map(|(placement, _)| placement).collect();
    }
    unknown
}

/// The price of running instances, given their number at each placement: the sum over the placements.
///
/// `known` is the size from ListShapes, if the config leaves the size of the shapes open.
pub fn of_placements(
    spec: &FleetSpec,
    placements: &[(&Placement, u32)],
    prices: &Prices,
    known: Size,
) -> Cost {
    let mut lines = Vec::new();
    let mut notes = Vec::new();
    for (placement, count) in placements {
        let kind = Kind::of(spec, placement, known);
        let each = kind.hour(prices);
        lines.push(Line {
            what: format!("{count} × {}", kind.describe()),
            price: each.map(|price| Per::of(price * f64::from(*count))),
        });
        lines.extend(kind.licence(*count, prices));
        lines.extend(boot_volumes(&kind.launch, *count, prices));
        for note in kind.notes(each, prices) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    Cost::new(prices, lines, notes)
}

/// The prices per hour of one instance with its licence, which are charged while it runs, and of its volumes, which are charged
/// while it exists.
pub(crate) fn of_instance_and_volumes(
    spec: &FleetSpec,
    placement: &Placement,
    prices: &Prices,
) -> (Option<f64>, Option<f64>) {
    let kind = Kind::of(spec, placement, Size::default());
    let hour = |line: Option<Line>| line.map_or(Some(0.0), |line| line.price.map(|price| price.hour));
    let instance = kind.hour(prices).zip(hour(kind.licence(1, prices))).map(|(own, licence)| own + licence);
    (instance, hour(boot_volumes(&kind.launch, 1, prices)))
}

/// The parts of a launch at a placement that affect its price.
struct Kind {
    launch: LaunchInstanceDetails,
    shape: String,
    size: Size,
    baseline: f64,
    preemptible: bool,
    is_windows: bool,
}

impl Kind {
    fn of(spec: &FleetSpec, placement: &Placement, known: Size) -> Self {
        let launch = spec.launch_at(placement);
        let shape = placement.shape.clone();
        Self {
            size: size_of(&launch).or(known).or(Size::of_fixed(&shape)),
            baseline: baseline_of(&launch),
            preemptible: launch.preemptible_instance_config.is_some(),
            is_windows: !spec.windows_images.is_empty()
                && spec.image_at(placement).is_some_and(|image| spec.windows_images.contains(&image)),
            launch,
            shape,
        }
    }

    fn describe(&self) -> String {
        describe(&self.shape, self.size)
    }

    fn bought(&self) -> &'static str {
        if self.preemptible { "preemptible" } else { "on demand" }
    }

    /// Whether the shape is requested as preemptible although it is not sold so, which OCI refuses.
    fn cannot_be_preemptible(&self) -> bool {
        self.preemptible && can_be_preemptible(&self.shape) == Some(false)
    }

    /// The price of one per hour, without its licence and its boot volume.
    fn hour(&self, prices: &Prices) -> Option<f64> {
        let share = if self.preemptible && !self.cannot_be_preemptible() { PREEMPTIBLE } else { 1.0 };
        prices.instance_hour(&self.shape, self.size, self.baseline).map(|price| price * share)
    }

    /// The line for Windows licences, if OCI provides them.
    fn licence(&self, count: u32, prices: &Prices) -> Option<Line> {
        let mut configs = self.launch.licensing_configs.iter().flatten();
        // Unless the launch says otherwise, OCI provides the licence of an image that is Windows.
        let provided = (self.is_windows && !says_licence(&self.launch))
            || configs.any(|config| match config {
                LaunchInstanceLicensingConfig::Windows(windows) => {
                    windows.license_type == Some(WindowsLicence::OciProvided)
                }
                LaunchInstanceLicensingConfig::Other(_) => false,
            });
        let price = prices.windows_hour(self.size, self.baseline);
        provided.then(|| Line {
            what: format!("{count} × Windows licence"),
            price: price.map(|price| Per::of(price * f64::from(count))),
        })
    }

    fn notes(&self, each: Option<f64>, prices: &Prices) -> Vec<String> {
        let mut notes = Vec::new();
        if self.cannot_be_preemptible() {
            notes.push(format!("{} is not sold as preemptible: OCI will refuse it", self.shape));
        } else if self.preemptible {
            notes.push(
                "preemptible: half the on-demand price; OCI may reclaim the instance at any time".to_owned(),
            );
        }
        if self.baseline < 1.0 {
            let percent = self.baseline * 100.0;
            notes.push(format!("burstable: {percent} % of the OCPU price and the full memory price"));
        }
        if each.is_none() {
            notes.push(unknown(&self.shape, prices));
        }
        if self.shape == FREE_HOURS {
            notes.push(
                "the first 1,500 OCPU-hours and 9,000 GB-hours of A1 per month are free in each tenancy"
                    .to_owned(),
            );
        }
        if self.shape == ALWAYS_FREE {
            notes.push("Always Free: each tenancy has 2, in its home region only".to_owned());
        }
        notes
    }
}

/// The price of `count` reserved but unused instances of a shape, charged from the moment of their reservation.
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
    format!("the price of {shape} in {currency} is unknown: set it under `prices:` in the config")
}

impl FleetSpec {
    /// The size of a launch at a placement, as far as the fleet states it. It equals that of [`FleetSpec::launch_at`] but does
    /// not build the rest of the body, because reports need it for every slot.
    pub fn size_at(&self, placement: &Placement) -> Size {
        let of_placement = placement.size.as_ref().map(|size| Size {
            ocpus: size.ocpus.map(|amount| amount.0),
            memory_gb: size.memory_gb.map(|amount| amount.0),
        });
        of_placement.unwrap_or_else(|| size_of(&self.template))
    }
}

/// The size that a launch requests.
pub(crate) fn size_of(launch: &LaunchInstanceDetails) -> Size {
    launch
        .shape_config
        .as_ref()
        .map_or_else(Size::default, |config| Size { ocpus: config.ocpus, memory_gb: config.memory_in_gbs })
}

/// The fraction of an OCPU that is charged (Oracle: "Burstable Instances").
fn baseline_of(launch: &LaunchInstanceDetails) -> f64 {
    let baseline = launch.shape_config.as_ref().and_then(|config| config.baseline_ocpu_utilization.as_ref());
    match baseline {
        Some(Baseline::Baseline18) => 0.125,
        Some(Baseline::Baseline12) => 0.5,
        Some(Baseline::Baseline11 | Baseline::Unrecognized(_)) | None => 1.0,
    }
}

/// The line for boot volumes; `null` if instances are launched from existing volumes, which are already charged.
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
pub fn describe(shape: &str, size: Size) -> String {
    let ocpus = size.ocpus.map(|ocpus| ocpus.to_string());
    let ocpus =
        ocpus.map(|ocpus| if ocpus == "1" { ", 1 OCPU".to_owned() } else { format!(", {ocpus} OCPUs") });
    let memory = size.memory_gb.map(|gb| format!(", {gb} GB"));
    format!("{shape}{}{}", ocpus.unwrap_or_default(), memory.unwrap_or_default())
}
