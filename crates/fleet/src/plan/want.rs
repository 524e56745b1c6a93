//! Totals of OCPUs and memory in place of a number of instances.
//!
//! Amounts are whole thousandths, so that a sum over many instances is exact.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The totals that a launch has to reach. At least one of them is set.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct WantedTotals {
    /// OCPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ocpus: Option<f64>,
    /// Memory in GB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_gb: Option<f64>,
    /// The maximum number of instances, whatever they amount to.
    pub max_instances: u32,
}

/// OCPUs and memory, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    ocpus: u64,
    memory: u64,
}

/// An amount in thousandths. Negative amounts and NaN count as nothing.
fn thousandths(amount: Option<f64>) -> u64 {
    (amount.unwrap_or_default() * 1000.0).round() as u64
}

impl Totals {
    /// These amounts; what is unknown counts as nothing.
    pub fn of(ocpus: Option<f64>, memory_gb: Option<f64>) -> Self {
        Self { ocpus: thousandths(ocpus), memory: thousandths(memory_gb) }
    }

    /// OCPUs.
    pub fn ocpus(self) -> f64 {
        self.ocpus as f64 / 1000.0
    }

    /// Memory in GB.
    pub fn memory_gb(self) -> f64 {
        self.memory as f64 / 1000.0
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            ocpus: self.ocpus.saturating_add(other.ocpus),
            memory: self.memory.saturating_add(other.memory),
        }
    }

    /// What remains without the other.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            ocpus: self.ocpus.saturating_sub(other.ocpus),
            memory: self.memory.saturating_sub(other.memory),
        }
    }
}

impl WantedTotals {
    /// The wanted totals, each with the part of `of` that counts toward it.
    fn parts(&self, of: Totals) -> impl Iterator<Item = (u64, u64)> {
        let ocpus = self.ocpus.map(|ocpus| (thousandths(Some(ocpus)), of.ocpus));
        let memory = self.memory_gb.map(|memory| (thousandths(Some(memory)), of.memory));
        ocpus.into_iter().chain(memory)
    }

    /// Whether these totals suffice: all that are wanted.
    pub fn is_reached(&self, held: Totals) -> bool {
        self.parts(held).all(|(wanted, held)| held >= wanted)
    }

    /// How many more instances of one size reach the totals, whatever the maximum; `None` if no number of them does.
    pub fn missing(&self, held: Totals, each: Totals) -> Option<u32> {
        let parts = self.parts(held).zip(self.parts(each));
        let numbers = parts.map(|((wanted, held), (_, each))| {
            let left = wanted.saturating_sub(held);
            if left == 0 { Some(0) } else { (each > 0).then(|| left.div_ceil(each)) }
        });
        let most = numbers.collect::<Option<Vec<u64>>>()?.into_iter().max().unwrap_or_default();
        Some(u32::try_from(most).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ocpus: f64, memory_gb: f64) -> Totals {
        Totals::of(Some(ocpus), Some(memory_gb))
    }

    #[test]
    fn all_named_totals_have_to_be_reached() {
        let both = WantedTotals { ocpus: Some(10.0), memory_gb: Some(40.0), max_instances: 9 };
        assert!(both.is_reached(of(10.0, 40.0)) && !both.is_reached(of(100.0, 39.999)));
        let one = WantedTotals { memory_gb: None, ..both };
        assert!(one.is_reached(of(10.0, 0.0)) && !one.is_reached(of(9.9, 99.0)));
    }

    #[test]
    fn sums_of_fractions_are_exact() {
        let want = WantedTotals { ocpus: Some(1.0), memory_gb: None, max_instances: 100 };
        let ten = (0..10).fold(Totals::default(), |sum, _| sum.plus(of(0.1, 0.0)));
        assert!(want.is_reached(ten) && !want.is_reached(ten.minus(of(0.1, 0.0))));
    }

    #[test]
    fn the_scarcer_total_decides_how_many_are_missing() {
        let want = WantedTotals { ocpus: Some(10.0), memory_gb: Some(40.0), max_instances: 9 };
        assert_eq!(want.missing(Totals::default(), of(4.0, 8.0)), Some(5));
        assert_eq!(want.missing(Totals::default(), of(4.0, 100.0)), Some(3));
        assert_eq!(want.missing(of(8.0, 40.0), of(4.0, 8.0)), Some(1));
        assert_eq!(want.missing(of(10.0, 40.0), of(4.0, 8.0)), Some(0));
        assert_eq!(want.missing(Totals::default(), of(4.0, 0.0)), None, "no number of them has memory");
    }
}
