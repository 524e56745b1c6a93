//! Flags of `limits`.

use super::Where;
use clap::Args;

/// Flags of `limits`.
#[derive(Clone, Debug, Args)]
pub struct LimitsArgs {
    /// Look at the limits for N instances [default: the config's count]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::config::MAX_COUNT)))]
    pub count: Option<u32>,
    /// Where to ask.
    #[command(flatten)]
    pub place: Where,
}
