//! Wanted totals in words.

use super::text::thousands;
use fleet::launch::WantSummary;
use fleet::plan::{Totals, WantedTotals};

/// `400 OCPUs and 3,200 GB of memory`.
pub fn asked(want: &WantedTotals) -> String {
    let parts = [(want.ocpus, "OCPUs"), (want.memory_gb, "GB of memory")];
    let parts = parts.into_iter().filter_map(|(total, unit)| Some(format!("{} {unit}", amount(total?))));
    parts.collect::<Vec<_>>().join(" and ")
}

/// `wanted: 320 of 400 OCPUs, 2,560 of 3,200 GB of memory`.
pub fn obtained(want: &WantSummary) -> String {
    let parts =
        [(want.ocpus, want.asked.ocpus, "OCPUs"), (want.memory_gb, want.asked.memory_gb, "GB of memory")];
    let parts = parts.into_iter().map(|(held, asked, unit)| match asked {
        Some(asked) => format!("{} of {} {unit}", amount(held), amount(asked)),
        None => format!("{} {unit}", amount(held)),
    });
    format!("wanted: {}", parts.collect::<Vec<_>>().join(", "))
}

/// What is missing: `80 OCPUs and 640 GB of memory`; empty if the totals are reached.
pub fn missing(want: &WantSummary) -> String {
    let left = |asked: Option<f64>, held: f64| asked.map(|asked| asked - held).filter(|left| *left > 0.0);
    let (ocpus, memory_gb) = (left(want.asked.ocpus, want.ocpus), left(want.asked.memory_gb, want.memory_gb));
    asked(&WantedTotals { ocpus, memory_gb, ..want.asked })
}

/// Whole numbers without a fraction, others as they are to the thousandth.
fn amount(amount: f64) -> String {
    let exact = Totals::of(Some(amount), None).ocpus();
    if exact.fract() == 0.0 { thousands(exact, 0) } else { exact.to_string() }
}
