//! Asking the process that has a run to stop: a file beside the run's lock, which that process looks for. It ends the run as
//! an interrupt does, and gives the lock back.
//!
//! Whoever asks removes the file when it has the lock, and makes it anew as long as it has not: a process that takes the run
//! up removes what an asker that died has left.

use super::file;
use crate::{Result, RunId};
use std::path::{Path, PathBuf};

fn request_path(directory: &Path, run: RunId) -> PathBuf {
    directory.join("runs").join(format!("{run}.stop"))
}

/// Asks the process that has the run to stop. Asking again changes nothing.
///
/// # Errors
/// When the file cannot be made.
pub fn request_stop(directory: &Path, run: RunId) -> Result<()> {
    file::open_private(&request_path(directory, run)).map(drop)
}

/// Takes the request back, or removes one that was left.
///
/// # Errors
/// When the file is there and cannot be removed.
pub fn withdraw_stop(directory: &Path, run: RunId) -> Result<()> {
    let path = request_path(directory, run);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file::io(&path, &error)),
        _ => Ok(()),
    }
}

/// Whether somebody asks the process that has the run to stop.
pub fn is_stop_requested(directory: &Path, run: RunId) -> bool {
    request_path(directory, run).exists()
}
