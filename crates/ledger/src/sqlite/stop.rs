//! Requests to stop a run: a file beside the run's lock, which the process that holds the run watches for. That process ends
//! the run as an interrupt does, and releases the lock.
//!
//! The requester removes the file once it has the lock, and writes it again until then: a process that takes the run removes a
//! file left by a requester that died.
//!
//! Linux tells of new files, so that a run which waits for weeks need not wake up to look.

use super::file;
use crate::{Result, RunId, store::StopNotice};
use std::path::{Path, PathBuf};
#[cfg(target_os = "linux")]
use {
    crate::store::Pending,
    rustix::fs::inotify::{self, CreateFlags, WatchFlags},
    std::io::ErrorKind,
    tokio::net::unix::pipe::Receiver,
};

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

/// Watches for new files beside the locks of runs; `None` where the system cannot tell of them.
#[cfg(target_os = "linux")]
pub(super) fn notice(directory: &Path) -> Option<Box<dyn StopNotice>> {
    let told = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
    inotify::add_watch(&told, directory.join("runs"), WatchFlags::CREATE | WatchFlags::MOVED_TO).ok()?;
    Some(Box::new(NewFiles(Receiver::from_owned_fd_unchecked(told).ok()?)))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn notice(_directory: &Path) -> Option<Box<dyn StopNotice>> {
    None
}

/// A watch on a directory. tokio waits for it and reads it as it does a pipe, which it does not insist on.
#[cfg(target_os = "linux")]
struct NewFiles(Receiver);

#[cfg(target_os = "linux")]
impl StopNotice for NewFiles {
    fn sign(&mut self) -> Pending<'_, ()> {
        Box::pin(async {
            let failed = |error| file::io(Path::new("inotify"), &error);
            loop {
                self.0.readable().await.map_err(failed)?;
                // Which file is new does not matter, because the caller looks; an entry has 272 bytes at most.
                match self.0.try_read(&mut [0; 4096]) {
                    Ok(_) => return Ok(()),
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                    Err(error) => return Err(failed(error)),
                }
            }
        })
    }
}
