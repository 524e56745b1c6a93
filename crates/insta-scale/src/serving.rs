//! HTTP that a command serves while it works. It knows no page.
//!
//! A slow or hostile caller must not disturb the command: connections are few, and each has little time to send its headers.

use crate::error::CommandError;
use crate::tuning::{SERVED_CONNECTIONS, SERVED_HEADERS};
use axum::Router;
use axum::body::Body;
use http::header::{HOST, HeaderName, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

/// An address on which a command listens.
pub struct Listening {
    listener: TcpListener,
    /// The address, with the port that the system chose if none was asked for.
    pub address: SocketAddr,
}

impl Listening {
    /// Listens on the address that `flag` names.
    pub async fn open(flag: &str, address: SocketAddr) -> Result<Self, CommandError> {
        let wrong = |error: std::io::Error| {
            let hint = match error.kind() {
                std::io::ErrorKind::AddrInUse => format!("stop what uses the port, or choose another {flag}"),
                _ => format!("choose another {flag}; port 0 picks a free port"),
            };
            CommandError::usage(format!("{flag} {address} cannot be served: {error}"), hint)
        };
        let listener = TcpListener::bind(address).await.map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        Ok(Self { listener, address })
    }

    /// Serves until the task is aborted.
    pub async fn serve(self, router: Router) {
        let free = Arc::new(Semaphore::new(SERVED_CONNECTIONS));
        // Ends the connections together with this task.
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let router = router.clone();
                    connections.spawn(async move {
                        connection(stream, router).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

async fn connection(stream: TcpStream, router: Router) {
    let service =
        service_fn(move |request: Request<Incoming>| router.clone().oneshot(request.map(Body::new)));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(SERVED_HEADERS);
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Whether a request to `address` is addressed to it by a name of this machine. Otherwise a site whose name resolves to this
/// machine could read the response in a browser (DNS rebinding). An address of the network may have any name.
pub fn is_addressed_here(address: SocketAddr, headers: &HeaderMap) -> bool {
    if !address.ip().is_loopback() {
        return true;
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let Some(host) = host else { return false };
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether no page of another site sent the request: browsers name the site of a page that reads another one.
pub fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    text(ORIGIN).is_none_or(|origin| {
        let host = origin.strip_prefix("http://");
        host.is_some() && host == text(HOST)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_sites_are_no_readers() {
        let asked = |pairs: &[(&'static str, &str)]| {
            let host = ("host", "127.0.0.1:8080");
            let pairs = pairs.iter().chain([&host]);
            let header = |(name, value): &(&'static str, &str)| {
                (HeaderName::from_static(name), value.parse().unwrap())
            };
            pairs.map(header).collect::<HeaderMap>()
        };
        for good in [asked(&[]), asked(&[("origin", "http://127.0.0.1:8080")])] {
            assert!(is_from_here(&good), "{good:?}");
        }
        for origin in ["http://evil.example", "null", "", "http://127.0.0.1:8081", "https://127.0.0.1:8080"] {
            assert!(!is_from_here(&asked(&[("origin", origin)])), "{origin}");
        }
    }

    #[test]
    fn only_names_of_this_machine_reach_a_loopback_page() {
        let local: SocketAddr = "127.0.0.1:9464".parse().unwrap();
        let asked = |host: &str| HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
        for host in ["localhost:9464", "127.0.0.1:9464", "[::1]:9464", "LOCALHOST"] {
            assert!(is_addressed_here(local, &asked(host)), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:9464", "192.0.2.1", "", "a b"] {
            assert!(!is_addressed_here(local, &asked(host)), "{host}");
        }
        assert!(!is_addressed_here(local, &HeaderMap::new()));
        let network: SocketAddr = "192.0.2.1:9464".parse().unwrap();
        assert!(is_addressed_here(network, &asked("monitored.example:9464")));
    }
}
