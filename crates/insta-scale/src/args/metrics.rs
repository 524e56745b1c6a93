//! Flags that say where a command publishes its metrics.

use super::sim::address;
use clap::Args;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Where the metrics of a command go.
#[derive(Clone, Debug, Default, Args)]
pub struct MetricsFlags {
    /// Serve metrics for Prometheus while the command runs: on PORT of this machine only, or on ADDRESS:PORT; port 0 picks a
    /// free port [default: none]
    #[arg(long, value_name = "[ADDRESS:]PORT", value_parser = listen)]
    pub metrics_listen: Option<SocketAddr>,
    /// Write metrics to this file, for the textfile collector of Prometheus, which reads names that end in .prom [default: none]
    #[arg(long, value_name = "FILE")]
    pub metrics_file: Option<PathBuf>,
}

/// An address; a port alone is one of the loopback address.
pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<u16>() {
        Ok(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        Err(_) => address(text)
            .map_err(|_| "expected PORT or ADDRESS:PORT, such as 9464 or 0.0.0.0:9464".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_for_this_machine_only() {
        assert_eq!(listen("9464").unwrap().to_string(), "127.0.0.1:9464");
        assert_eq!(listen("localhost:0").unwrap().to_string(), "127.0.0.1:0");
        assert_eq!(listen("0.0.0.0:9464").unwrap().to_string(), "0.0.0.0:9464");
        for wrong in ["", ":9464", "*:9464", "70000", "example.com:1", "-1", "127.0.0.1"] {
            assert!(listen(wrong).is_err(), "{wrong:?}");
        }
    }
}
