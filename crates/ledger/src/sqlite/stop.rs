//! Requests to stop a run: a file beside the run's lock, which the process that holds the run watches for. That process ends
//! the run as an interrupt does, and releases the lock.
//!
//! The requester removes the file once it has the lock, and writes it again until then: a process that takes the run removes a
//! file left by a requester that died.

use super::file;
use crate::{Result, RunId};
use std::path::{Path, PathBuf};

fn request_path(directory: &Path, run: RunId) -> PathBuf {
    directory.join("runs").join(format!("{run}.stop"))
}

/// Asks the process that holds the run to stop. Repeating the request changes nothing.
///
/// # Errors
/// When the file cannot be created.
pub(super) fn request(directory: &Path, run: RunId) -> Result<()> {
    file::open_private(&request_path(directory, run)).map(drop)
}

/// Withdraws the request, or removes one that was left behind.
///
/// # Errors
/// When the file exists and cannot be removed.
pub(super) fn withdraw(directory: &Path, run: RunId) -> Result<()> {
    let path = request_path(directory, run);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file::io(&path, &error)),
        _ => Ok(()),
    }
}

/// Whether the process that holds the run is asked to stop.
pub(super) fn is_requested(directory: &Path, run: RunId) -> bool {
    request_path(directory, run).exists()
}
