//! The counts of the region as metrics, for `GET /_sim/metrics`.

use super::region::Region;
use crate::exposition::{Exposition, Metric};

/// Requests.
const REQUESTS: Metric = Metric::counter(
    "oci_insta_scale_sim_requests_total",
    "Requests that the simulated region received, by operation and outcome.",
);
/// Instances.
const INSTANCES: Metric =
    Metric::gauge("oci_insta_scale_sim_instances", "Instances of the simulated region, by state.");
/// Concurrency.
const PEAK: Metric = Metric::gauge(
    "oci_insta_scale_sim_concurrent_requests_peak",
    "The most requests that were in progress at the same time.",
);
/// Fault rules.
const FAULTS: Metric = Metric::gauge("oci_insta_scale_sim_fault_rules", "Rules of faults that are in force.");
/// Time.
const TIME: Metric = Metric::gauge(
    "oci_insta_scale_sim_clock_timestamp_seconds",
    "The simulated time, in seconds since 1970.",
);

/// All metrics of the simulated region.
pub const SIM_METRICS: &[Metric] = &[REQUESTS, INSTANCES, PEAK, FAULTS, TIME];

/// The text that Prometheus reads.
pub(super) fn metrics_text(region: &Region) -> String {
    let stats = region.stats();
    let mut out = Exposition::default();
    let requests = stats.operations.iter().flat_map(|(operation, row)| {
        let outcomes =
            [("ok", row.ok), ("throttled", row.throttled), ("failed", row.failed), ("dropped", row.dropped)];
        outcomes.map(|(outcome, count)| (vec![("operation", *operation), ("outcome", outcome)], count as f64))
    });
    out.add(REQUESTS, requests);
    let states =
        stats.instances.iter().map(|(state, count)| (vec![("state", state.as_str())], *count as f64));
    out.add(INSTANCES, states);
    out.add_value(PEAK, stats.peak_concurrency as f64);
    out.add_value(FAULTS, region.faults().len() as f64);
    out.add_value(TIME, region.world().now().as_millisecond() as f64 / 1000.0);
    out.into_text()
}
