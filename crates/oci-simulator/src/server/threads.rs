//! Work that would hold up the server, in threads of its own.

use super::error::StartError;
use tokio::sync::oneshot;

/// Does work that blocks in a thread of the runtime.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StartError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| StartError::Broken(error.to_string()))
}

/// As [`blocking`], but in a thread that the runtime does not wait for when it ends: whoever gives up waiting is free.
pub(super) async fn in_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StartError> {
    let (done, result) = oneshot::channel();
    // Nobody may be waiting any more.
    let work = move || drop(done.send(work()));
    let thread = std::thread::Builder::new().name("world".into()).spawn(work);
    thread.map_err(|error| StartError::Broken(error.to_string()))?;
    result.await.map_err(|error| StartError::Broken(error.to_string()))
}
