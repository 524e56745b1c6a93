//! The region on a TCP socket. It uses hyper directly, because a fault may drop a connection.

use super::peer::{Peer, RemoteAdmin};
use super::region::Region;
use super::reply::ConnectionReset;
use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

/// How long open requests may take after the server stops.
const GRACE: Duration = Duration::from_secs(5);
/// How long a caller may take to send its headers.
const HEADER_TIME_MAX: Duration = Duration::from_secs(30);
/// The number of bytes read before the headers are known to be complete. It exceeds what the region accepts, so that a slightly
/// oversized request receives Oracle's body rather than hyper's empty one.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// Serves the region on the listener until `shutdown` completes, then waits up to five seconds for open requests.
///
/// Each connection has its own task, so a slow caller delays nobody else.
pub async fn serve(listener: TcpListener, region: Region, shutdown: impl Future<Output = ()> + Send) {
    serve_with(listener, region, false, shutdown).await;
}

/// Like [`serve`]; `remote_admin` opens the pages under `/_sim` to other machines.
pub(super) async fn serve_with(
    listener: TcpListener,
    region: Region,
    remote_admin: bool,
    shutdown: impl Future<Output = ()> + Send,
) {
    serve_guarded(listener, Plain { region, remote_admin }, shutdown).await;
}

/// How a connection is accepted: what carries it, which region it reaches, and whether it speaks HTTP/2.
pub(super) trait Guarded: Clone + Send + Sync + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// `None` if the connection is refused.
    fn accept(&self, stream: TcpStream) -> impl Future<Output = Option<(Self::Stream, Region, bool)>> + Send;

    /// Whether other machines may use the pages under `/_sim`.
    fn remote_admin(&self) -> bool {
        false
    }
}

/// HTTP without TLS, to one region.
#[derive(Clone)]
struct Plain {
    region: Region,
    remote_admin: bool,
}

impl Guarded for Plain {
    type Stream = TcpStream;

    async fn accept(&self, stream: TcpStream) -> Option<(TcpStream, Region, bool)> {
        Some((stream, self.region.clone(), false))
    }

    fn remote_admin(&self) -> bool {
        self.remote_admin
    }
}

/// Like [`serve`], with connections that are accepted by `guard`.
pub(super) async fn serve_guarded(
    listener: TcpListener,
    guard: impl Guarded,
    shutdown: impl Future<Output = ()> + Send,
) {
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(stream, peer, guard.clone(), stopping.clone()));
                }
                Err(error) => {
                    // The process has probably run out of file handles: open connections must end first.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    // Fails only if no connection is open.
    let _ = stop.send(true);
    let _ = tokio::time::timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
    connections.shutdown().await;
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    guard: impl Guarded,
    mut stopping: watch::Receiver<bool>,
) {
    // Responses are small and callers wait for them, so collecting packets would only delay them.
    let _ = stream.set_nodelay(true);
    let accepted = tokio::select! {
        accepted = tokio::time::timeout(HEADER_TIME_MAX, guard.accept(stream)) => accepted.ok().flatten(),
        _ = stopping.wait_for(|stopping| *stopping) => None,
    };
    let Some((stream, region, is_http2)) = accepted else { return };
    let router = region.router();
    let remote_admin = guard.remote_admin();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        if remote_admin {
            request.extensions_mut().insert(RemoteAdmin);
        }
        answer(router.clone(), request)
    });
    let stopped = async { drop(stopping.wait_for(|stopping| *stopping).await) };
    let ended = if is_http2 {
        let mut server = http2::Builder::new(TokioExecutor::new());
        server.timer(TokioTimer::new()).max_header_list_size(READ_BUFFER_BYTES as u32);
        let connection = server.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    } else {
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME_MAX).max_buf_size(READ_BUFFER_BYTES);
        let connection = server.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

/// The router's response, or an error that makes hyper close the connection without a response.
async fn answer(router: Router, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
    let Ok(response) = router.oneshot(request.map(Body::new)).await;
    if response.extensions().get::<ConnectionReset>().is_some() { Err(Cut) } else { Ok(response) }
}

#[derive(Debug, thiserror::Error)]
#[error("the simulated region cut the connection")]
struct Cut;
