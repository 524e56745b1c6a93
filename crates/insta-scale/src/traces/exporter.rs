//! Delivers spans. It has a thread of its own, so that a receiver cannot slow a run down, and so that a simulated clock does not
//! run ahead of the network.

use super::settings::Export;
use crate::environment;
use crate::output::console;
use crate::output::text::{clean, count};
use crate::tuning::{TRACES_BATCH, TRACES_END, TRACES_EVERY, TRACES_QUEUE, TRACES_TRY};
use oci_client::transport::{Https, HttpsLimits, Surroundings, Transport as _, TransportError};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

/// The maximum size of a response that is read; its content does not matter.
const ANSWER_MAX: usize = 1 << 20;

/// The way to the receiver.
pub(super) struct Exporter {
    /// Absent once everything was sent.
    spans: Mutex<Option<SyncSender<SpanData>>>,
    /// Closed when the thread has ended.
    ended: Mutex<Receiver<()>>,
    troubles: Arc<Troubles>,
}

/// What went wrong, and who is told.
struct Troubles {
    /// How many spans could not be delivered.
    lost: AtomicU64,
    is_told: AtomicBool,
    quiet: bool,
}

impl Troubles {
    /// Says what is wrong, once.
    fn tell(&self, what: &str) {
        if !self.is_told.swap(true, Ordering::Relaxed) && !self.quiet {
            console::line(&format!("warning: {what}"));
        }
    }
}

impl Exporter {
    /// Sends nothing before the first span.
    pub(super) fn new(settings: Export, quiet: bool) -> Self {
        let (spans, receiver) = sync_channel(TRACES_QUEUE);
        let (ends, ended) = sync_channel::<()>(0);
        let troubles = Troubles { lost: AtomicU64::new(0), is_told: AtomicBool::new(false), quiet };
        let troubles = Arc::new(troubles);
        let courier = Courier { settings, troubles: Arc::clone(&troubles) };
        let work = move || {
            courier.work(&receiver);
            drop(ends);
        };
        // Without a thread nobody receives, and every span is lost and counted.
        let _ = std::thread::Builder::new().name("traces".to_owned()).spawn(work);
        Self { spans: Mutex::new(Some(spans)), ended: Mutex::new(ended), troubles }
    }

    /// Hands a span over. One that finds the queue full is lost.
    pub(super) fn send(&self, span: SpanData) {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        if spans.as_ref().is_none_or(|spans| spans.try_send(span).is_err()) {
            self.troubles.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything is delivered, for a few seconds at most.
    pub(super) fn finish(&self) {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).take();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(TRACES_END);
        let lost = self.troubles.lost.load(Ordering::Relaxed);
        if ended == Err(RecvTimeoutError::Timeout) {
            self.troubles.tell("the receiver of the traces takes too long; the last spans are lost");
        } else if lost > 0 {
            self.troubles
                .tell(&format!("the receiver of the traces was too slow for {}", count(lost, "span")));
        }
    }
}

/// What the thread needs.
struct Courier {
    settings: Export,
    troubles: Arc<Troubles>,
}

impl Courier {
    fn work(self, spans: &Receiver<SpanData>) {
        let Ok(first) = spans.recv() else { return };
        let mut batch = vec![first];
        let ready = match self.settings.clone() {
            Export::On => set_up(),
            Export::Unusable(why) => Err(why),
        };
        let (runtime, exporter, answers) = match ready {
            Ok(ready) => ready,
            Err(why) => return self.troubles.tell(&format!("there are no traces: {why}")),
        };
        loop {
            let is_last = fill(&mut batch, spans);
            let spans_sent = batch.len() as u64;
            let result = runtime.block_on(exporter.export(std::mem::take(&mut batch)));
            if result.is_err() {
                self.troubles.lost.fetch_add(spans_sent, Ordering::Relaxed);
                let why = answers.lock().unwrap_or_else(PoisonError::into_inner).clone();
                self.troubles
                    .tell(&format!("traces cannot be delivered: {}; the run is not affected", clean(&why)));
            }
            match (is_last, spans.recv()) {
                (false, Ok(next)) => batch.push(next),
                _ => return,
            }
        }
    }
}

/// The exporter, where it runs, and the last refusal of the receiver.
fn set_up() -> Result<(Runtime, SpanExporter, Arc<Mutex<String>>), String> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let surroundings = Surroundings::read(&environment::variable).map_err(|error| error.to_string())?;
    let limits = HttpsLimits { connect: TRACES_TRY, read: TRACES_TRY, body: ANSWER_MAX };
    let https = Https::with(limits).map_err(|error| error.to_string())?.in_surroundings(surroundings);
    let answers = Arc::new(Mutex::new(String::new()));
    let client = Client { https, last: Arc::clone(&answers) };
    let exporter = SpanExporter::builder().with_http().with_http_client(client).build();
    let mut exporter = exporter.map_err(|error| error.to_string())?;
    exporter.set_resource(&resource());
    Ok((runtime, exporter, answers))
}

/// Adds spans until the batch is full or has waited for long enough; true if there will be no more.
fn fill(batch: &mut Vec<SpanData>, spans: &Receiver<SpanData>) -> bool {
    let until = Instant::now() + TRACES_EVERY;
    while batch.len() < TRACES_BATCH {
        match spans.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(span) => batch.push(span),
            Err(RecvTimeoutError::Timeout) => return false,
            Err(RecvTimeoutError::Disconnected) => return true,
        }
    }
    false
}

/// The sender of the spans: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, or the name of the program.
fn resource() -> Resource {
    let named = environment::variable("OTEL_SERVICE_NAME").is_some()
        || environment::variable("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|all| all.contains("service.name="));
    let resource =
        Resource::builder().with_attribute(super::fields::text("service.version", env!("CARGO_PKG_VERSION")));
    if named { resource.build() } else { resource.with_service_name("oci-insta-scale").build() }
}

/// Sends through our own transport, which has the proxies and certificates of requests to OCI.
#[derive(Debug)]
struct Client {
    https: Https,
    /// The last refusal. The library's own errors contain the address, which may contain a password.
    last: Arc<Mutex<String>>,
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let late = TransportError::may_have_arrived(
            "Timeout",
            format!("no response within {} s", TRACES_TRY.as_secs()),
        );
        let answer = tokio::time::timeout(TRACES_TRY, self.https.send(request)).await.unwrap_or(Err(late));
        let refusal = match &answer {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("the receiver answered {}", response.status())),
            Err(error) => Some(error.to_string()),
        };
        if let Some(refusal) = refusal {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
        }
        Ok(answer?)
    }
}
