//! Why a standalone region cannot start or cannot stop cleanly.

use super::home::HomeError;
use super::save::SaveError;
use std::net::SocketAddr;

/// Why a region cannot start or cannot stop cleanly.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address would admit other machines.
    #[error("{0} is not a loopback address: other machines could connect. Use --allow-remote to allow that")]
    NotLoopback(SocketAddr),
    /// Another program listens on the address.
    #[error(
        "cannot listen on {address}: the port is in use. Choose another with {flag} {ip}:PORT; 0 picks a free one",
        ip = .address.ip()
    )]
    PortInUse {
        /// The address.
        address: SocketAddr,
        /// The flag that names it.
        flag: &'static str,
    },
    /// The region cannot listen on the address.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The reason.
        source: std::io::Error,
    },
    /// A port below 1024 needs a right that this user lacks.
    #[error(
        "cannot listen on {0}: only root may use ports below 1024 here. Choose another port, allow it with \
             `sudo sysctl net.ipv4.ip_unprivileged_port_start={port}`, or run the program with `sim exec`, which needs no rights",
        port = .0.port()
    )]
    PortForbidden(SocketAddr),
    /// TLS needs a folder for its certificate.
    #[error("TLS needs a home directory for its certificate: name one with --home")]
    TlsWithoutHome,
    /// The speed is out of range.
    #[error("{0}")]
    Speed(String),
    /// A resource cannot be registered.
    #[error("a resource that must exist in the region cannot be created: {0}")]
    Register(String),
    /// The scenario names a compartment that does not exist.
    #[error(
        "world: quotas: the region has no compartment {0}. Omit `compartment` to cover every compartment"
    )]
    QuotaCompartment(String),
    /// The policies of the scenario cannot be used.
    #[error("policies: {0}")]
    Policies(String),
    /// The home folder cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The saved world cannot be used.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// A task of the server failed, which is a bug.
    #[error("the server failed: {0}")]
    Broken(String),
}
