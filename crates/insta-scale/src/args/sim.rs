//! Flags of `sim`.

use clap::{Args, Subcommand};
use std::ffi::OsString;
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
    /// Serve a simulated region to this program and to the official CLI and SDKs
    #[command(after_help = SERVE_HELP)]
    Serve(SimServeAlone),
    /// Run a program that uses the real host names, isolated from the network, beside a simulated region
    #[command(after_help = EXEC_HELP)]
    Exec(SimExec),
    /// List the scenarios
    Scenarios,
    /// Delete the credentials of a simulated region and, with --save, its saved state
    Reset(SimReset),
}

const SERVE_HELP: &str = "\
When the region is ready, it prints the line `listening on http://…` on stdout. Its home directory then holds:
  config       a profile with an API key, in the format of ~/.oci/config:
               oci --config-file .oci-sim/config --endpoint http://127.0.0.1:12620 compute instance list …
  config.yaml  a config for this program:
               oci-insta-scale --config .oci-sim/config.yaml
With --config FILE, the region also contains every resource named in that file and accepts its key.

Examples:
  oci-insta-scale sim serve                      serve a region with ample capacity
  oci-insta-scale sim serve --scenario hostile   serve a region where everything goes wrong
  oci-insta-scale sim serve --listen 127.0.0.1:0 --ready-file ready.json --parent-pid 4711   for a test";

const EXEC_HELP: &str = "\
The program gets a network without a way out, in which the host names of the region's services lead to the simulated region.
It ends with the exit code of the program. Linux only; needs `unshare`, `mount` and `ip`.

Examples:
  oci-insta-scale sim exec -- oci iam region list
  oci-insta-scale sim exec --save region.json -- terraform apply";

/// Flags of `sim exec`.
#[derive(Clone, Debug, Args)]
pub struct SimExec {
    /// The region.
    #[command(flatten)]
    pub serve: SimServe,
    /// The program to run, with its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

impl SimExec {
    /// The address of the real host names: port 443 unless the flag says otherwise.
    pub fn tls_listen(&self) -> SocketAddr {
        self.serve.tls_listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 443)))
    }
}

/// Flags of `sim serve`.
#[derive(Clone, Debug, Args)]
pub struct SimServe {
    /// Address to listen on; port 0 picks a free port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:12620", value_parser = address)]
    pub listen: SocketAddr,
    /// Also serve HTTPS under the real host names on this address, and write `hosts` and `env.sh` into the home
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = address)]
    pub tls_listen: Option<SocketAddr>,
    /// Let --listen use an address that other machines can reach [default: loopback addresses only]
    #[arg(long)]
    pub allow_remote: bool,
    /// Where the region keeps its credentials.
    #[command(flatten)]
    pub home: SimHome,
    /// Run N simulated seconds per real second [default: the scenario's, otherwise 30]
    #[arg(long, value_name = "N", value_parser = super::positive)]
    pub speed: Option<f64>,
    /// Preset or file that describes the region; `sim scenarios` lists the presets
    #[arg(long, value_name = "SCENARIO", default_value = "roomy")]
    pub scenario: String,
    /// Seed of the random numbers; the same seed and requests give the same responses
    #[arg(long, value_name = "N", default_value = "0")]
    pub seed: u64,
    /// Save the region to this file and restore it at the next start [default: forget it at exit]
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
}

/// Flags of `sim serve` alone, for programs that start it.
#[derive(Clone, Debug, Args)]
pub struct SimServeAlone {
    /// The region.
    #[command(flatten)]
    pub serve: SimServe,
    /// Write where the region listens to this file as JSON once it is ready; deleted when the region ends
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// End when the process with this number ends
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pub parent_pid: Option<i32>,
}

/// Parses the address to listen on. `localhost` means this machine's loopback address.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let address = match text.strip_prefix("localhost:") {
        Some(port) => port.parse().ok().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        None => text.parse().ok(),
    };
    address.ok_or_else(|| "expected ADDRESS:PORT, such as 127.0.0.1:12620".to_owned())
}

/// Flags of `sim reset`.
#[derive(Clone, Debug, Args)]
pub struct SimReset {
    /// Where the region keeps its credentials.
    #[command(flatten)]
    pub home: SimHome,
    /// Also delete this file, written by `sim serve --save`
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
}

/// Where a simulated region keeps its credentials.
#[derive(Clone, Debug, Args)]
pub struct SimHome {
    /// Directory of the region's credentials and config
    #[arg(long, value_name = "DIR", default_value = ".oci-sim")]
    pub home: PathBuf,
}
