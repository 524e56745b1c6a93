//! Measures the project and draws the results.
//!
//! `pacing` is a model of a throttling service in virtual time, on which pacing controllers are evaluated and compared; `whole`
//! contains whole runs in virtual time; `process` and `served` use real programs on real sockets, timed by `clock`; `svg`
//! draws. Nothing depends on this crate, and it may use any other.
#![warn(missing_docs)]

pub mod clock;
pub mod pacing;
pub mod parts;
pub mod process;
pub mod remembered;
pub mod served;
pub mod subjects;
pub mod svg;
pub mod whole;

/// How much a benchmark does: the full number, or, with `BENCH_SMOKE` in the environment, so few that it only shows that the
/// benchmark works.
pub fn size<T>(full: T, smoke: T) -> T {
    if std::env::var_os("BENCH_SMOKE").is_some() { smoke } else { full }
}

/// The median of some numbers (the upper one of two); NaN if there are none.
pub fn middle(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
