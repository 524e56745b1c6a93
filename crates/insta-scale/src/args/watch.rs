//! Flags of `watch`.

use super::metrics::listen;
use clap::Args;
use std::net::SocketAddr;

/// Flags of `watch`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  oci-insta-scale watch
  oci-insta-scale watch web --listen 8080

The page shows what `report` shows, and follows the run. Open the address that is printed: it contains a secret, so that
nobody else on this machine can read the page. Ctrl-C ends it; the run is not affected.")]
pub struct WatchArgs {
    /// Id of a run, or the start of it, or the name of a fleet [default: the last run]
    #[arg(value_name = "RUN|FLEET")]
    pub run: Option<String>,
    /// Serve the page on PORT of this machine only, or on ADDRESS:PORT; port 0 picks a free port
    #[arg(long, value_name = "[ADDRESS:]PORT", default_value = "127.0.0.1:0", value_parser = listen)]
    pub listen: SocketAddr,
    /// Look among the runs in the simulated region
    #[arg(long)]
    pub simulated: bool,
}
