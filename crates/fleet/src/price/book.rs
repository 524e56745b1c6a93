//! Looks up prices: the user's own prices, then the built-in list.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::table::{
    BOOT_VOLUME_GB_MONTH, BOOT_VOLUME_VPU_GB_MONTH, Fixed, HOURS_IN_A_MONTH, ROWS, Rate, Row,
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

/// The user's own prices: `prices:` of config.yaml. Omitted prices come from the list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prices {
    /// The currency of every price given here. Prices of the list are in USD and are omitted in another currency.
    pub currency: Option<String>,
    /// By shape, per hour.
    pub shapes: BTreeMap<String, ShapePrice>,
    /// Boot volumes, per GB-month including performance.
    pub boot_volume_gb_month: Option<f64>,
    /// Above this price per hour, the user confirms by typing a number instead of `y`.
    pub confirm_above: Option<f64>,
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
        self.currency.as_deref().unwrap_or("USD")
    }

    /// Whether the built-in list applies, which is in US dollars.
    fn list_applies(&self) -> bool {
        self.currency().eq_ignore_ascii_case("USD")
    }

    /// The price per hour of one GB of boot volume with this number of performance units.
    pub(crate) fn boot_volume_gb_hour(&self, vpus: f64) -> Option<f64> {
        let month = match self.boot_volume_gb_month {
            Some(price) => price,
            None if self.list_applies() => BOOT_VOLUME_GB_MONTH + vpus * BOOT_VOLUME_VPU_GB_MONTH,
            None => return None,
        };
        Some(month / HOURS_IN_A_MONTH)
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
        if !self.list_applies() {
            return None;
        }
        row(shape)?.instance_hour(shape, size, baseline)
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
        match row(shape).map(|row| (row.size, row.rate)) {
            Some((Fixed::Size { ocpus, gb }, _)) => Self { ocpus: Some(ocpus), memory_gb: Some(gb) },
            Some((Fixed::InTheName, Rate::Ocpu(_))) => {
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

/// Oracle's part numbers for a shape's price: OCPU, memory. Empty if unknown.
pub fn part_numbers(shape: &str) -> &'static [&'static str] {
    row(shape).map_or(&[], |row| row.parts)
}

fn row(shape: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| match row.shape.strip_suffix('*') {
        Some(start) => shape
            .strip_prefix(start)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit())),
        None => row.shape == shape,
    })
}

fn number_at_the_end(shape: &str) -> Option<f64> {
    shape.rsplit('.').next()?.parse().ok()
}

impl Row {
    fn instance_hour(&self, shape: &str, size: Size, baseline: f64) -> Option<f64> {
        let size = Size::of_fixed(shape).or(size);
        let compute = match self.rate {
            Rate::OcpuAndMemory { ocpu, gb } => size.ocpus? * baseline * ocpu + size.memory_gb? * gb,
            Rate::Ocpu(ocpu) => size.ocpus? * baseline * ocpu,
            Rate::Gpu(each) => number_at_the_end(shape)? * each,
        };
        let drives = match self.nvme {
            Some((tb_per_8_ocpus, tb)) => size.ocpus? / 8.0 * tb_per_8_ocpus * tb,
            None => 0.0,
        };
        Some(compute + drives)
    }
}
