//! Waits for input while still reacting to Ctrl-C.

use crate::error::CommandError;
use crate::output::typing;
use tokio_util::sync::CancellationToken;

/// Runs blocking work, such as reading input or a pipe, on its own thread, so that a signal ends the wait.
///
/// # Errors
/// When the user interrupts.
pub async fn run_apart<T: Send + 'static>(
    stop: &CancellationToken,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CommandError> {
    let wrong = |source| CommandError::System { what: "threads cannot be started", source };
    let (sender, answer) = tokio::sync::oneshot::channel();
    // A thread instead of a task, because the runtime would wait for a task at the end of the program.
    let work = move || drop(sender.send(work()));
    std::thread::Builder::new().name("apart".to_owned()).spawn(work).map_err(wrong)?;
    tokio::select! {
        biased;
        () = stop.cancelled() => {
            typing::show_again();
            Err(CommandError::Interrupted)
        }
        answer = answer => answer.map_err(|_| wrong(std::io::Error::other("the thread has ended without an answer"))),
    }
}
