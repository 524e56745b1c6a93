//! Metrics of a command for Prometheus: served while the command runs, and written to a file.
//!
//! They are a fold over the records of its runs and the counts of its requests. Nothing that goes wrong here affects a run.

mod names;
#[cfg(test)]
mod tests;
mod watched;

use crate::args::MetricsFlags;
use crate::error::CommandError;
use crate::files;
use crate::output::console;
use crate::serving::{Listening, is_addressed_here};
use crate::session::Session;
use crate::tuning::{METRICS_FILE, METRICS_HEARTBEAT};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use fleet::fleets::Told;
use fleet::price::Prices;
use fleet::{Environment, FleetSpec, Sink};
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use ledger::Record;
use oci_client::Clock;
use oci_simulator::exposition;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use watched::Watched;

/// Publishes the metrics of a command; does nothing if nobody asked for them.
pub struct Metrics {
    shared: Arc<Shared>,
    server: Option<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
    /// Cancelled when the file is to be written for the last time.
    ending: CancellationToken,
}

struct Shared {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Absent until the first run is planned.
    watched: Option<Watched>,
    /// Whether something happened since the file was written.
    is_changed: bool,
}

impl Metrics {
    /// Prepares to publish. An address or a file that cannot be used is an error before anything is asked or launched.
    pub async fn open(session: &Session, flags: &MetricsFlags) -> Result<Self, CommandError> {
        let shared = Arc::new(Shared { clock: session.clock.clone(), inner: Mutex::default() });
        let mut metrics = Self { shared, server: None, writer: None, ending: CancellationToken::new() };
        if let Some(file) = &flags.metrics_file {
            files::check_replaceable(file).map_err(|error| {
                CommandError::usage(
                    format!("--metrics-file {} cannot be written: {error}", file.display()),
                    "name a file in an existing directory that you may write to",
                )
            })?;
            if file.extension().is_none_or(|extension| extension != "prom") && !session.is_quiet() {
                console::line(&format!(
                    "note: the textfile collector of Prometheus reads only files that end in `.prom`, unlike {}",
                    file.display()
                ));
            }
        }
        if let Some(address) = flags.metrics_listen {
            let listening = Listening::open("--metrics-listen", address).await?;
            if !session.is_quiet() {
                console::line(&format!("metrics: http://{}/metrics", listening.address));
            }
            let router = router(&metrics.shared, listening.address);
            metrics.server = Some(tokio::spawn(listening.serve(router)));
        }
        if let Some(file) = flags.metrics_file.clone() {
            let write =
                write_often(Arc::clone(&metrics.shared), file, metrics.ending.clone(), session.is_quiet());
            metrics.writer = Some(tokio::spawn(write));
        }
        Ok(metrics)
    }

    /// Whether nobody asked for metrics.
    pub fn is_idle(&self) -> bool {
        self.server.is_none() && self.writer.is_none()
    }

    /// The observer of runs of a fleet that counts their records and then calls `sink`. `past` are those of earlier processes.
    pub fn watching(
        &self,
        environment: &Environment,
        (fleet, prices): (&FleetSpec, &Prices),
        past: &[Record],
        sink: Sink,
    ) -> Sink {
        if self.is_idle() {
            return sink;
        }
        let requests = environment.requests.clone().unwrap_or_default();
        self.shared.lock().watched = Some(Watched::new(fleet.clone(), prices.clone(), requests, past));
        let shared = Arc::clone(&self.shared);
        Arc::new(move |record| {
            shared.change(|watched| watched.apply(record));
            sink(record);
        })
    }

    /// Counts what happens to a maintained fleet.
    pub fn tell(&self, told: &Told) {
        self.shared.change(|watched| watched.tell(told));
    }

    /// Writes the file for the last time and stops serving.
    pub async fn finish(mut self) {
        self.ending.cancel();
        if let Some(writer) = self.writer.take() {
            // It reports what it cannot write.
            let _ = writer.await;
        }
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        for task in [self.server.take(), self.writer.take()].into_iter().flatten() {
            task.abort();
        }
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut Watched)) {
        let mut inner = self.lock();
        if let Some(watched) = &mut inner.watched {
            change(watched);
            inner.is_changed = true;
        }
    }

    fn text(&self) -> Option<String> {
        let now = self.clock.now();
        self.lock().watched.as_ref().map(|watched| watched.text(now))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn router(shared: &Arc<Shared>, address: SocketAddr) -> Router {
    let serve = async move |State(shared): State<Arc<Shared>>, headers: HeaderMap| -> Response {
        if !is_addressed_here(address, &headers) {
            return (StatusCode::FORBIDDEN, "metrics are served to localhost only\n").into_response();
        }
        ([(CONTENT_TYPE, exposition::CONTENT_TYPE)], shared.text().unwrap_or_default()).into_response()
    };
    let elsewhere = async || (StatusCode::NOT_FOUND, "there is GET /metrics\n");
    Router::new().route("/metrics", get(serve)).fallback(elsewhere).with_state(Arc::clone(shared))
}

/// Writes the file when something happened, and otherwise once a minute, so that an old file means that no process works.
async fn write_often(shared: Arc<Shared>, file: PathBuf, ending: CancellationToken, quiet: bool) {
    let mut written: Option<Instant> = None;
    let mut warned = false;
    loop {
        let ends = tokio::select! {
            () = tokio::time::sleep(METRICS_FILE) => false,
            () = ending.cancelled() => true,
        };
        let is_changed = std::mem::take(&mut shared.lock().is_changed);
        let is_due = written.is_none_or(|at| at.elapsed() >= METRICS_HEARTBEAT);
        if (is_changed || is_due || ends)
            && let Some(text) = shared.text()
        {
            let target = file.clone();
            let result = tokio::task::spawn_blocking(move || files::replace(&target, text.as_bytes())).await;
            if let Ok(Err(error)) = result
                && !std::mem::replace(&mut warned, true)
                && !quiet
            {
                console::line(&format!(
                    "warning: --metrics-file {} cannot be written: {error}; the run is not affected",
                    file.display()
                ));
            }
            written = Some(Instant::now());
        }
        if ends {
            return;
        }
    }
}
