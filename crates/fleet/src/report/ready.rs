//! How long instances took to run, by availability domain and shape.

use super::ReportedSlot;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The seconds from launch to RUNNING in one domain with one shape.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct ReadyTimes {
    /// The availability domain.
    pub availability_domain: String,
    /// The shape.
    pub shape: String,
    /// How many instances.
    pub count: usize,
    /// Half of them took at most this long.
    pub p50_s: f64,
    /// 95 % of them took at most this long.
    pub p95_s: f64,
    /// The longest.
    pub max_s: f64,
}

pub(super) fn ready_times(slots: &[ReportedSlot]) -> Vec<ReadyTimes> {
    let mut groups: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for slot in slots {
        let Some(seconds) = slot.ready_in_s else { continue };
        let place = (
            slot.availability_domain.as_deref().unwrap_or_default(),
            slot.shape.as_deref().unwrap_or_default(),
        );
        groups.entry(place).or_default().push(seconds);
    }
    let row = |((domain, shape), mut times): ((&str, &str), Vec<f64>)| {
        times.sort_by(f64::total_cmp);
        ReadyTimes {
            availability_domain: domain.to_owned(),
            shape: shape.to_owned(),
            count: times.len(),
            p50_s: share(&times, 50),
            p95_s: share(&times, 95),
            max_s: share(&times, 100),
        }
    };
    groups.into_iter().map(row).collect()
}

/// The smallest of the sorted values that `percent` of them do not exceed.
fn share(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        let shares = |values: &[f64]| format!("{:?}", [50, 95, 100].map(|percent| share(values, percent)));
        assert_eq!(
            (shares(&values), shares(&[7.0])),
            ("[10.0, 19.0, 20.0]".into(), "[7.0, 7.0, 7.0]".into())
        );
    }
}
