//! Flags of `cost`.

use clap::Args;

/// Flags of `cost`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
An instance counts from its accepted launch until a run of this machine terminated it, so the amounts are the most that can
have been spent. No requests are sent. `oci-insta-scale plan` shows what a launch would cost.

Examples:
  oci-insta-scale cost
  oci-insta-scale cost --fleet web
  oci-insta-scale cost --run 0193ab00 --output json")]
pub struct CostArgs {
    /// The run with this id, or the start of it [default: the last run]
    #[arg(long, value_name = "RUN", conflicts_with = "fleet")]
    pub run: Option<String>,
    /// All launches of the fleet with this name
    #[arg(long, value_name = "NAME")]
    pub fleet: Option<String>,
    /// Look among the runs in the simulated region
    #[arg(long)]
    pub simulated: bool,
}
