//! Looks up prices: the prices of the config, then the user's price list, then the built-in one.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::HOURS_IN_A_STORAGE_MONTH;
use super::list::{LIST_CURRENCY, PartPrice, PriceList};
use super::shapes::{
    BOOT_VOLUME_GB_MONTH, BOOT_VOLUME_VPU_GB_MONTH, Charge, Drives, Fixed, ROWS, Row, WINDOWS, row,
};

/// The user's own price of a shape: `prices.shapes.<shape>` of config.yaml.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShapePrice {
    /// Per OCPU-hour.
    pub ocpu: f64,
    /// Per GB of memory and hour.
    pub memory_gb: f64,
    /// Per instance-hour, whatever its size.
    pub instance: f64,
}

/// The prices of a config: `prices:` of config.yaml. Omitted prices come from the price lists.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prices {
    /// The currency of every price given here. Without a list in this currency, omitted prices are unknown.
    pub currency: Option<String>,
    /// By shape, per hour.
    pub shapes: BTreeMap<String, ShapePrice>,
    /// Boot volumes, per GB-month including performance.
    pub boot_volume_gb_month: Option<f64>,
    /// Above this price per hour, the user confirms by typing a number instead of `y`.
    pub confirm_above: Option<f64>,
    /// The price list of the user (`prices update`), which comes before the built-in one.
    #[serde(skip)]
    pub list: Option<Arc<PriceList>>,
}

impl Prices {
    /// The mistakes in the prices, if any: the key, and the reason.
    pub fn mistakes(&self) -> Vec<(String, String)> {
        let mut mistakes = Vec::new();
        let mut check = |key: String, price: f64| {
            if !price.is_finite() || price < 0.0 {
                mistakes.push((key, format!("a price must be 0 or more, not {price}")));
            }
        };
        for (shape, price) in &self.shapes {
            check(format!("shapes.{shape}.ocpu"), price.ocpu);
            check(format!("shapes.{shape}.memory_gb"), price.memory_gb);
            check(format!("shapes.{shape}.instance"), price.instance);
        }
        if let Some(price) = self.boot_volume_gb_month {
            check("boot_volume_gb_month".to_owned(), price);
        }
        if let Some(price) = self.confirm_above {
            check("confirm_above".to_owned(), price);
        }
        mistakes
    }

    /// The currency of every amount calculated with these prices.
    pub fn currency(&self) -> &str {
        self.currency.as_deref().unwrap_or(LIST_CURRENCY)
    }

    /// The lists with prices in this currency, the user's first.
    fn lists(&self) -> impl Iterator<Item = &PriceList> {
        let lists = self.list.as_deref().into_iter().chain([PriceList::built_in()]);
        lists.filter(|list| list.has(self.currency()))
    }

    /// The date of the list from which omitted prices come; `None` if no list has prices in this currency.
    pub fn as_of(&self) -> Option<&str> {
        self.lists().next().map(|list| list.as_of.as_str())
    }

    /// The price of a part, and the date of the list that states it.
    pub fn part(&self, part: &str) -> Option<&PartPrice> {
        self.lists().find_map(|list| list.part(self.currency(), part))
    }

    fn part_price(&self, part: &str) -> Option<f64> {
        self.part(part).map(|price| price.value)
    }

    /// The price per hour of one GB of boot volume with this number of performance units.
    pub(crate) fn boot_volume_gb_hour(&self, vpus: f64) -> Option<f64> {
        let month = match self.boot_volume_gb_month {
            Some(price) => price,
            None => {
                self.part_price(BOOT_VOLUME_GB_MONTH)? + vpus * self.part_price(BOOT_VOLUME_VPU_GB_MONTH)?
            }
        };
        Some(month / HOURS_IN_A_STORAGE_MONTH)
    }

    /// The on-demand price per hour of one instance of this shape and size; `None` if unknown.
    ///
    /// `baseline` is the fraction of an OCPU that a burstable instance pays for, and 1 for all others. It reduces only the
    /// price of OCPUs (Oracle: "Burstable Instances").
    pub fn instance_hour(&self, shape: &str, size: Size, baseline: f64) -> Option<f64> {
        if let Some(own) = self.shapes.get(shape) {
            let part = |price: f64, amount: Option<f64>| {
                if price == 0.0 { Some(0.0) } else { amount.map(|amount| amount * price) }
            };
            let ocpus = size.ocpus.map(|ocpus| ocpus * baseline);
            return Some(own.instance + part(own.ocpu, ocpus)? + part(own.memory_gb, size.memory_gb)?);
        }
        self.row_hour(row(shape)?, shape, size, baseline)
    }

    /// The price per hour of a Windows licence that OCI provides (Oracle: "Microsoft Licensing"); a burstable instance pays for
    /// its baseline.
    pub(crate) fn windows_hour(&self, size: Size, baseline: f64) -> Option<f64> {
        Some(size.ocpus? * baseline * self.part_price(WINDOWS)?)
    }

    fn row_hour(&self, row: &Row, shape: &str, size: Size, baseline: f64) -> Option<f64> {
        let size = Size::of_fixed(shape).or(size);
        let compute = match row.charge {
            Charge::OcpuAndMemory(ocpu, memory) => {
                size.ocpus? * baseline * self.part_price(ocpu)? + size.memory_gb? * self.part_price(memory)?
            }
            Charge::Ocpu(part) => size.ocpus? * baseline * self.part_price(part)?,
            Charge::Gpu(part) => number_at_the_end(shape)? * self.part_price(part)?,
        };
        let drives = match row.drives {
            Some(Drives::PerEightOcpus(tb, part)) => size.ocpus? / 8.0 * tb * self.part_price(part)?,
            Some(Drives::Whole(tb, part)) => tb * self.part_price(part)?,
            None => 0.0,
        };
        Some(compute + drives)
    }
}

/// The size of one instance. Unknown values are `None`: a fixed shape, or a flexible one at its default size.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Size {
    /// OCPUs.
    pub ocpus: Option<f64>,
    /// Memory in GB.
    pub memory_gb: Option<f64>,
}

impl Size {
    /// The size of the shape itself, if it is fixed and the list contains it.
    pub fn of_fixed(shape: &str) -> Self {
        match row(shape).map(|row| (row.size, row.charge)) {
            Some((Fixed::Size { ocpus, gb }, _)) => Self { ocpus: Some(ocpus), memory_gb: Some(gb) },
            Some((Fixed::InTheName, Charge::Ocpu(_))) => {
                Self { ocpus: number_at_the_end(shape), memory_gb: None }
            }
            _ => Self::default(),
        }
    }

    /// This size, with missing values taken from the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { ocpus: self.ocpus.or(other.ocpus), memory_gb: self.memory_gb.or(other.memory_gb) }
    }
}

/// Oracle's part numbers for a shape's price: OCPU or GPU, memory, NVMe drives. Empty if unknown.
pub fn part_numbers(shape: &str) -> Vec<&'static str> {
    row(shape).map(Row::parts).unwrap_or_default()
}

/// The prices of a shape's parts per hour; `None` for what it is not charged for, and for unknown prices.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Per OCPU.
    pub ocpu: Option<f64>,
    /// Per GB of memory.
    pub memory_gb: Option<f64>,
    /// Per GPU.
    pub gpu: Option<f64>,
    /// Per TB of local NVMe drives.
    pub nvme_tb: Option<f64>,
}

/// The prices of a shape's parts in the lists.
pub fn rates(prices: &Prices, shape: &str) -> Rates {
    let Some(row) = row(shape) else { return Rates::default() };
    let price = |part| prices.part_price(part);
    let nvme_tb = row.drives.and_then(|drives| match drives {
        Drives::PerEightOcpus(_, part) | Drives::Whole(_, part) => price(part),
    });
    match row.charge {
        Charge::OcpuAndMemory(ocpu, memory) => {
            Rates { ocpu: price(ocpu), memory_gb: price(memory), nvme_tb, ..Rates::default() }
        }
        Charge::Ocpu(ocpu) => Rates { ocpu: price(ocpu), nvme_tb, ..Rates::default() },
        Charge::Gpu(gpu) => Rates { gpu: price(gpu), nvme_tb, ..Rates::default() },
    }
}

/// The known shapes; a trailing `*` stands for any digits.
pub fn shapes() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.shape)
}

/// Whether a shape is sold as preemptible; `None` if unknown.
pub fn can_be_preemptible(shape: &str) -> Option<bool> {
    row(shape).map(|row| row.preemptible)
}

fn number_at_the_end(shape: &str) -> Option<f64> {
    shape.rsplit('.').next()?.parse().ok()
}
