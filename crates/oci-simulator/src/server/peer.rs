//! Facts about a connection that the TCP server attaches to its requests as extensions.

use std::net::SocketAddr;

/// The other end of the connection; an extension of the request, set by the TCP server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub SocketAddr);

/// Whether other machines may use the pages about the simulation; an extension of the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct RemoteAdmin;
