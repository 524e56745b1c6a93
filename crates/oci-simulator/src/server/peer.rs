//! What the TCP server says about a connection, as extensions of its requests.

use std::net::SocketAddr;

/// The other end of the connection; an extension of the request, set by the TCP server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub SocketAddr);

/// Whether the pages about the simulation are for other machines too; an extension of the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct RemoteAdmin;
