//! What ends a launch before its work is done.

use std::time::Duration;

/// What interrupted a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    Not,
    /// The user.
    Interrupted,
    /// The deadline.
    Late,
    /// A hunt that probes once has probed; the next process continues.
    Paused,
}

/// Waits this long; forever without a deadline.
pub(super) async fn sleep_until(deadline: Option<Duration>) {
    match deadline {
        Some(deadline) => tokio::time::sleep(deadline).await,
        None => std::future::pending().await,
    }
}
