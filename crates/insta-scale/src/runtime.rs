//! The runtime of a command: the threads that wait for the network, and the user's request to stop.

#[cfg(unix)]
use crate::environment;
use crate::error::CommandError;
use std::future::Future;
use tokio_util::sync::CancellationToken;

/// The number of threads of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// The current thread: a launch is a signature and a wait, and threads that wake each other for it cost more than they
    /// save. One thread signs a thousand requests per second, more than any tenancy admits.
    One,
    /// Two additional threads, for a server.
    Two,
}

/// Runs a command to its end. From here on, Ctrl-C, SIGTERM and SIGHUP (except under `nohup`) cancel the token, so that none of
/// them ends a command while it opens the ledger, takes a lock or creates a folder.
pub fn run_to_end<W>(
    threads: Threads,
    command: impl FnOnce(CancellationToken) -> W,
) -> Result<crate::exit::Exit, CommandError>
where
    W: Future<Output = Result<crate::exit::Exit, CommandError>>,
{
    let mut runtime = match threads {
        Threads::One => tokio::runtime::Builder::new_current_thread(),
        Threads::Two => tokio::runtime::Builder::new_multi_thread(),
    };
    if threads == Threads::Two {
        runtime.worker_threads(2);
    }
    let stop = CancellationToken::new();
    hear_signals(&stop)?;
    let runtime = runtime
        .enable_all()
        .build()
        .map_err(|source| CommandError::System { what: "threads cannot be started", source })?;
    runtime.block_on(command(stop))
}

/// Cancels `stop` at the first signal and exits at the second. It has its own thread, because the command's thread may be busy
/// with the disk or a key when the user interrupts.
fn hear_signals(stop: &CancellationToken) -> Result<(), CommandError> {
    let wrong = |source| CommandError::System { what: "signals cannot be caught", source };
    let listener = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(wrong)?;
    let mut signals = {
        let _within = listener.enter();
        Signals::new().map_err(wrong)?
    };
    let stop = stop.clone();
    let listen = move || {
        listener.block_on(async {
            signals.next().await;
            stop.cancel();
            signals.next().await;
            leave_now();
        });
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen).map(drop).map_err(wrong)
}

/// Makes a write beyond the file size limit (`ulimit -f`) fail as on a full disk, where the default would end the program. A
/// caught signal stays caught.
#[cfg(unix)]
pub fn outlive_full_files() -> Result<(), CommandError> {
    use tokio::signal::unix::{SignalKind, signal};
    /// SIGXFSZ on Linux (except MIPS) and macOS.
    const FILE_TOO_LARGE: i32 = 25;
    let caught = signal(SignalKind::from_raw(FILE_TOO_LARGE)).map(drop);
    caught.map_err(|source| CommandError::System { what: "signals cannot be caught", source })
}

#[cfg(not(unix))]
pub fn outlive_full_files() -> Result<(), CommandError> {
    Ok(())
}

/// Prints `what` when `stop` is cancelled, for commands with work in progress.
pub fn say_when_stopped(stop: &CancellationToken, what: &'static str) {
    let notice = StopNotice { stop: stop.clone(), what };
    tokio::spawn(async move {
        notice.stop.cancelled().await;
        drop(notice);
    });
}

/// Prints a notice when it is dropped. A command can end before the task that waits for the stop runs again; the runtime then
/// drops the task and the notice, so that the notice is printed nevertheless.
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

/// The message when a run is stopped.
pub const STOPPING: &str = "stopping: no new launches, waiting for requests in flight; press Ctrl-C again to leave at \
     once without losing anything";

/// The message when a command is stopped that has not started anything.
pub const STOPPING_QUESTIONS: &str = "stopping: nothing new is started; press Ctrl-C again to leave at once";

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
        // An error means that Ctrl-C cannot be caught, so the system handles it.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
