//! The connection to the region: points of death on both sides of it, and a witness of what is sent.

use crate::{fuse::Fuse, kept::Announced};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use oci_client::transport::{Transport, TransportError};
use oci_simulator::server::{Dropped, Region};
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::task::JoinHandle;

/// The path of LaunchInstance and ListInstances.
const INSTANCES: &str = "/20160918/instances";

/// The wire of one process.
pub struct Wire {
    pub region: Region,
    pub fuse: Arc<Fuse>,
    pub announced: Arc<Announced>,
    /// The first broken promise that was seen here.
    pub broken: Arc<Mutex<Option<String>>>,
    /// Whether a request whose sender is gone still arrives; alternates with each dropped request.
    pub arrives: AtomicBool,
    /// Requests in transit whose sender is gone.
    pub adrift: Arc<Adrift>,
}

/// A request in transit.
type Sent = JoinHandle<Result<http::Response<Bytes>, Dropped>>;

/// Requests in transit.
#[derive(Default)]
pub struct Adrift {
    /// Those of processes that are gone.
    others: Mutex<Vec<Sent>>,
    /// The number for which the present one waits.
    own: AtomicUsize,
    /// Whether the machine is about to sleep, with its network down.
    offline: AtomicBool,
}

impl Adrift {
    /// A process begins: if the previous one ended as its machine was about to sleep, the machine is awake again.
    pub fn wake(&self) {
        self.offline.store(false, Ordering::Relaxed);
    }

    /// Lets the machine sleep for this long. The region does not sleep: requests sent before do not arrive a day late, except
    /// hanging ones, which never arrive.
    pub async fn nap(&self, nap: Duration) {
        self.offline.store(true, Ordering::Relaxed);
        for _ in 0..120 {
            let own = self.own.load(Ordering::Relaxed);
            if own == 0 && self.others.lock().unwrap().iter().all(JoinHandle::is_finished) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        self.others.lock().unwrap().clear();
        tokio::time::advance(nap).await;
        self.wake();
    }
}

impl Transport for Wire {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        Box::pin(async move {
            self.fuse.point().await;
            if let Err(reason) = self.witness(&request) {
                self.broken.lock().unwrap().get_or_insert(reason);
            }
            if self.adrift.offline.load(Ordering::Relaxed) {
                return Err(TransportError::not_sent("ConnectFailed", "the network is down"));
            }
            let region = self.region.clone();
            let task = tokio::spawn(async move { region.exchange(request).await });
            self.adrift.own.fetch_add(1, Ordering::Relaxed);
            let answer = Flight { task: Some(task), wire: self }.await;
            self.fuse.point().await;
            answer
        })
    }
}

impl Wire {
    /// Refuses a launch unless the ledger has announced it with this token and for this slot.
    fn witness(&self, request: &http::Request<Bytes>) -> Result<(), String> {
        if request.method() != http::Method::POST || request.uri().path() != INSTANCES {
            return Ok(());
        }
        let token = request.headers().get("opc-retry-token").and_then(|token| token.to_str().ok());
        let token = token.ok_or("a launch without a retry token")?;
        let body: serde_json::Value =
            serde_json::from_slice(request.body()).map_err(|error| error.to_string())?;
        let slot = body["freeformTags"][fleet::plan::SLOT_TAG].as_str().unwrap_or_default();
        self.announced.check(token, slot)
    }
}

/// A request in transit. If its sender goes away it may still arrive.
struct Flight<'a> {
    task: Option<Sent>,
    wire: &'a Wire,
}

impl Future for Flight<'_> {
    type Output = Result<http::Response<Bytes>, TransportError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let wire = self.wire;
        let Some(task) = &mut self.task else { return Poll::Pending };
        Pin::new(task).poll(context).map(|joined| match joined {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(dropped)) => {
                let code = match dropped {
                    Dropped::BeforeAnswer => "ConnectionLost",
                    Dropped::InBody { .. } => "TruncatedAnswer",
                };
                Err(lost(code, dropped.to_string()))
            }
            Err(error) => {
                wire.broken.lock().unwrap().get_or_insert(format!("the region: {error}"));
                Err(lost("ConnectionLost", "the region is gone".to_owned()))
            }
        })
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.wire.adrift.own.fetch_sub(1, Ordering::Relaxed);
        let Some(task) = self.task.take().filter(|task| !task.is_finished()) else { return };
        if self.wire.arrives.fetch_xor(true, Ordering::Relaxed) {
            self.wire.adrift.others.lock().unwrap().push(task);
        } else {
            task.abort();
        }
    }
}

fn lost(code: &'static str, text: String) -> TransportError {
    let reached = oci_client::transport::Reached::MayHaveArrived;
    TransportError { reached, code, text, lasts: false }
}
