//! Runs blocking work in other threads so that it does not delay the server.

use super::error::StartError;
use tokio::sync::oneshot;

/// Runs blocking work in a thread of the runtime.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StartError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| StartError::Broken(error.to_string()))
}

/// Like [`blocking`], but in a thread that the runtime does not wait for when it ends.
pub(super) async fn in_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StartError> {
    let (done, result) = oneshot::channel();
    // The receiver may be gone.
    let work = move || drop(done.send(work()));
    let thread = std::thread::Builder::new().name("world".into()).spawn(work);
    thread.map_err(|error| StartError::Broken(error.to_string()))?;
    result.await.map_err(|error| StartError::Broken(error.to_string()))
}
