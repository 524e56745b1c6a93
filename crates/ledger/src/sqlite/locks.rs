//! Locks in the state directory, on runs and on keys. The operating system holds them until the process ends, however it ends.

use super::{
    file::{self, lock_path},
    mark::Mark,
};
use crate::{
    Lease, Result, RunId,
    lease::{Holder, Locked},
    stored::hash,
};
use jiff::Timestamp;
use std::{
    fs::{File, TryLockError},
    path::Path,
    sync::Arc,
};

/// Locks `key` against other processes with the same state directory. Others are shown `at` as the time since which it is held.
///
/// # Errors
/// When the lock file cannot be created.
pub fn lock(directory: &Path, key: &str, at: Timestamp) -> Result<Locked> {
    file::make_private_directory(directory)?;
    let runs = directory.join("runs");
    file::make_private_directory(&runs)?;
    match take_lock(&runs.join(format!("{:016x}.key.lock", hash(key.bytes()))), at)? {
        Taken::Ours(lock, _) => Ok(Locked::Ours(Lease::new(lock))),
        Taken::Theirs(holder) => Ok(Locked::Theirs(holder)),
    }
}

/// Whether a process has ever worked on a run in this state directory, even if the ledger is lost.
pub fn has_locks(directory: &Path) -> bool {
    locked_runs(directory).next().is_some()
}

/// The runs that have a lock file; none if the directory cannot be read.
pub(super) fn locked_runs(directory: &Path) -> impl Iterator<Item = RunId> {
    let files = std::fs::read_dir(directory.join("runs")).into_iter().flatten().flatten();
    files.filter_map(|file| file.file_name().to_str()?.strip_suffix(".lock")?.parse().ok())
}

/// The result of locking a file.
pub(super) enum Taken {
    Ours(Arc<File>, Mark),
    Theirs(Option<Holder>),
}

/// Locks a file. The operating system releases the lock when the process ends, however it ends. The file itself stays: if it
/// were deleted, two processes could each lock a different file of that name.
pub(super) fn take_lock(path: &Path, at: Timestamp) -> Result<Taken> {
    let lock = file::open_private(path)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Taken::Theirs(Mark::read(&lock).holder)),
        Err(TryLockError::Error(error)) => return Err(file::io(path, &error)),
    }
    let mark = Mark { holder: Some(Holder::this_process(at)), ..Mark::read(&lock) };
    mark.write(&lock).map_err(|error| file::io(path, &error))?;
    Ok(Taken::Ours(Arc::new(lock), mark))
}

/// Whether a process holds the run at present.
pub(super) fn is_held(directory: &Path, run: RunId) -> bool {
    // Opened for reading only, so that this works in a read-only directory.
    let Ok(lock) = File::open(lock_path(directory, run)) else { return false };
    matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
}
