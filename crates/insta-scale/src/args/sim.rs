//! Flags of `sim`.

use clap::{Args, Subcommand};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Flags of `sim`.
#[derive(Clone, Debug, Args)]
pub struct SimArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub command: SimCommand,
}

/// What can be done with the simulated region.
#[derive(Clone, Debug, Subcommand)]
pub enum SimCommand {
    /// Serve a simulated region that the official CLI and SDKs can use
    #[command(after_help = SERVE_HELP)]
    Serve(SimServe),
    /// List the scenarios
    Scenarios,
    /// Forget a simulated region: its credentials and, with --save, its saved state
    Reset(SimReset),
}

const SERVE_HELP: &str = "\
One line `listening on http://…` on stdout says that it is ready. Its home then holds:
  config       a profile with an API key, as in ~/.oci/config:
               oci --config-file .oci-sim/config --endpoint http://127.0.0.1:12620 compute instance list …
  config.yaml  a config for this program:
               oci-insta-scale --config .oci-sim/config.yaml
With --config FILE, what that config names exists in the region too, and its key is accepted.";

/// Flags of `sim serve`.
#[derive(Clone, Debug, Args)]
pub struct SimServe {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:12620", value_parser = address)]
    pub listen: SocketAddr,
    /// Let other machines in
    #[arg(long)]
    pub allow_remote: bool,
    /// Where the region keeps its credentials.
    #[command(flatten)]
    pub home: SimHome,
    /// Simulated seconds in one second [default: the scenario's, or 30]
    #[arg(long, value_name = "N", value_parser = super::positive)]
    pub speed: Option<f64>,
    /// What kind of region: a scenario's name or file
    #[arg(long, value_name = "SCENARIO", default_value = "roomy")]
    pub scenario: String,
    /// Where all chance comes from: the same seed and requests give the same answers
    #[arg(long, value_name = "N", default_value = "0")]
    pub seed: u64,
    /// Keep the region in this file across restarts
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
}

/// Reads where to listen. `localhost` is this machine's loopback address.
fn address(text: &str) -> Result<SocketAddr, String> {
    let address = match text.strip_prefix("localhost:") {
        Some(port) => port.parse().ok().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        None => text.parse().ok(),
    };
    address.ok_or_else(|| "it must be ADDRESS:PORT, e.g. 127.0.0.1:12620".to_owned())
}

/// Flags of `sim reset`.
#[derive(Clone, Debug, Args)]
pub struct SimReset {
    /// Where the region keeps its credentials.
    #[command(flatten)]
    pub home: SimHome,
    /// Delete this saved region too: the file that `sim serve --save` was given
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
}

/// Where a simulated region keeps its credentials.
#[derive(Clone, Debug, Args)]
pub struct SimHome {
    /// The region's home
    #[arg(long, value_name = "DIR", default_value = ".oci-sim")]
    pub home: PathBuf,
}
