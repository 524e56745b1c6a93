//! One region on its own socket: from the bound port to the last save.

use super::error::StartError;
use super::region::Region;
use super::save::Hold;
use super::saver::Saver;
use super::serve::serve_with;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A socket that listens.
pub(super) struct Listening {
    pub listener: TcpListener,
    pub address: SocketAddr,
}

/// A region that is served.
#[derive(Debug)]
pub(super) struct Served {
    pub address: SocketAddr,
    pub region: Region,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    saver: Option<Saver>,
}

/// Listens at the address, `after` ports further; port 0 always takes a free port. `flag` names the address.
pub(super) async fn bind(
    mut address: SocketAddr,
    after: u16,
    flag: &'static str,
) -> Result<Listening, StartError> {
    if address.port() != 0 {
        let port = address.port().checked_add(after).ok_or_else(|| StartError::Listen {
            address,
            source: std::io::Error::other(
                "each region needs a port of its own, and none is left after this one",
            ),
        })?;
        address.set_port(port);
    }
    let listener = TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => StartError::PortInUse { address, flag },
        std::io::ErrorKind::PermissionDenied if address.port() < 1024 => StartError::PortForbidden(address),
        _ => StartError::Listen { address, source },
    })?;
    let bound = listener.local_addr().map_err(|source| StartError::Listen { address, source })?;
    Ok(Listening { listener, address: bound })
}

/// The address at which this machine reaches a region: one that listens on all addresses, through loopback.
pub(super) fn reached(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() { (Ipv4Addr::LOCALHOST, address.port()).into() } else { address }
}

impl Served {
    /// Serves the region until [`Self::shutdown`], and saves it in the file, if there is one.
    pub async fn start(
        region: Region,
        bound: Listening,
        allow_remote: bool,
        save: Option<(PathBuf, Hold)>,
    ) -> Result<Self, StartError> {
        let saver = match save {
            Some((path, hold)) => Some(Saver::start(path, hold, region.clone()).await?),
            None => None,
        };
        let (stop, stopped) = oneshot::channel();
        let served = region.clone();
        let Listening { listener, address } = bound;
        let server = tokio::spawn(async move {
            // Dropping the handle also stops the server.
            serve_with(listener, served, allow_remote, async { drop(stopped.await) }).await;
        });
        Ok(Self { address, region, stop, server, saver })
    }

    /// The name of the region.
    pub fn name(&self) -> String {
        self.region.world().settings().region.clone()
    }

    /// Its base URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops listening, waits up to five seconds for open requests, and saves the world.
    pub async fn shutdown(self) -> Result<(), StartError> {
        // Fails only if the server has already ended, which the next line reports.
        let _ = self.stop.send(());
        self.server.await.map_err(|error| StartError::Broken(error.to_string()))?;
        match self.saver {
            Some(saver) => saver.stop().await,
            None => Ok(()),
        }
    }
}
