//! Threads for waiting on the network, made only by commands that need them: `--version` and `--dry-run` do not.

use crate::error::CommandError;
use std::future::Future;
use tokio_util::sync::CancellationToken;

/// Runs a future to its end.
pub fn block_on<T>(work: impl Future<Output = T>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|source| CommandError::System { what: "threads cannot be started", source })?;
    Ok(runtime.block_on(work))
}

/// Cancels `stop` at the first Ctrl-C, SIGTERM or SIGHUP and says `what` happens then; leaves at once at the second.
pub fn stop_on_signals(stop: &CancellationToken, what: &'static str) -> Result<(), CommandError> {
    let stop = stop.clone();
    let mut signals =
        Signals::new().map_err(|source| CommandError::System { what: "signals cannot be caught", source })?;
    tokio::spawn(async move {
        signals.next().await;
        stop.cancel();
        crate::output::console::line(what);
        signals.next().await;
        leave_now();
    });
    Ok(())
}

/// What is said when a run is stopped.
pub const STOPPING: &str = "stopping: nothing new is launched, what is under way is awaited; Ctrl-C again leaves at once, and loses nothing either";

/// The ledger has every intent on disk, so nothing is lost.
#[expect(clippy::exit, reason = "the user asked twice; waiting for tasks is what they do not want")]
fn leave_now() {
    std::process::exit(i32::from(crate::exit::Exit::Interrupted.code()));
}

#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 3]);

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // An error means that Ctrl-C cannot be caught, which is then the system's to handle.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
