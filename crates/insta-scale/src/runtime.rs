//! Threads for waiting on the network, made only by commands that need them: `--version` and `--dry-run` do not.

#[cfg(unix)]
use crate::environment;
use crate::error::CommandError;
use std::future::Future;
use tokio_util::sync::CancellationToken;

/// Runs a future to its end, on this thread: a launch is a signature and a wait, and threads that wake each other for it
/// cost more than they save. A thread signs a thousand requests a second, more than any tenancy lets through.
pub fn block_on<T>(work: impl Future<Output = T>) -> Result<T, CommandError> {
    run_on(tokio::runtime::Builder::new_current_thread(), work)
}

/// The same for a server: on two threads.
pub fn serve<T>(work: impl Future<Output = T>) -> Result<T, CommandError> {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    threads.worker_threads(2);
    run_on(threads, work)
}

fn run_on<T>(mut runtime: tokio::runtime::Builder, work: impl Future<Output = T>) -> Result<T, CommandError> {
    let runtime = runtime
        .enable_all()
        .build()
        .map_err(|source| CommandError::System { what: "threads cannot be started", source })?;
    Ok(runtime.block_on(work))
}

/// Has a write beyond the limit on the size of files (`ulimit -f`) fail, as on a full disk, where the system's way is to
/// end the program. A signal that is caught stays caught.
#[cfg(unix)]
pub fn outlive_full_files() -> Result<(), CommandError> {
    use tokio::signal::unix::{SignalKind, signal};
    /// SIGXFSZ on Linux (but for MIPS) and on macOS.
    const FILE_TOO_LARGE: i32 = 25;
    let wrong = |source| CommandError::System { what: "signals cannot be caught", source };
    let catch = || signal(SignalKind::from_raw(FILE_TOO_LARGE)).map(drop).map_err(wrong);
    if tokio::runtime::Handle::try_current().is_ok() {
        return catch();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(wrong)?;
    let _within = runtime.enter();
    catch()
}

#[cfg(not(unix))]
pub fn outlive_full_files() -> Result<(), CommandError> {
    Ok(())
}

/// As [`cancel_on_signals`], and says `what` happens at the first.
pub fn stop_on_signals(stop: &CancellationToken, what: &'static str) -> Result<(), CommandError> {
    say_when_stopped(stop, what);
    cancel_on_signals(stop)
}

/// Says `what` happens when `stop` is cancelled: for commands that have something under way by then.
pub fn say_when_stopped(stop: &CancellationToken, what: &'static str) {
    let notice = StopNotice { stop: stop.clone(), what };
    tokio::spawn(async move {
        notice.stop.cancelled().await;
        drop(notice);
    });
}

/// Says that a command was stopped when it is dropped. A command can end before the task that waits for the stop is run
/// again; the runtime then drops the task, and with it the notice, so that it is said all the same.
struct StopNotice {
    stop: CancellationToken,
    what: &'static str,
}

impl Drop for StopNotice {
    fn drop(&mut self) {
        if self.stop.is_cancelled() {
            crate::output::console::line(self.what);
        }
    }
}

/// Cancels `stop` at the first Ctrl-C, SIGTERM or SIGHUP (not under `nohup`); leaves at once at the second.
pub fn cancel_on_signals(stop: &CancellationToken) -> Result<(), CommandError> {
    let stop = stop.clone();
    let mut signals =
        Signals::new().map_err(|source| CommandError::System { what: "signals cannot be caught", source })?;
    tokio::spawn(async move {
        signals.next().await;
        // Nothing here may wait: the second signal must be heard.
        stop.cancel();
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
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hangup = (!environment::ignores_hangup()).then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup,
        })
    }

    async fn next(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => drop(hangup.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = hangup => {}
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
