//! Locks in the state directory: on runs and on keys, kept by the system until the process ends, however it ends.

use super::{checksum::hash, file};
use crate::{Lease, LedgerError, Result, RunId, lease::Holder};
use jiff::Timestamp;
use std::{
    fs::{File, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

/// The answer to the wish for a lock.
#[derive(Debug)]
pub enum Locked {
    /// This process has it until the lease is dropped.
    Ours(Lease),
    /// Another process has it; which one, as far as it has said.
    Theirs(Option<Holder>),
}

/// Locks `key` against other processes with the same state directory. `at` is the time that they are told as "since".
///
/// # Errors
/// When the file of the lock cannot be created.
pub fn lock(directory: &Path, key: &str, at: Timestamp) -> Result<Locked> {
    file::make_private_directory(directory)?;
    let runs = directory.join("runs");
    file::make_private_directory(&runs)?;
    take_lock(&runs.join(format!("{:016x}.key.lock", hash(key.bytes()))), at)
}

fn lock_path(directory: &Path, run: RunId) -> PathBuf {
    directory.join("runs").join(format!("{run}.lock"))
}

/// Locks the file of a run. The system releases the lock when the process ends, however it ends. The file itself stays:
/// if it were deleted, two processes could each lock a file of that name.
pub(super) fn take_lease(directory: &Path, run: RunId, at: Timestamp) -> Result<Lease> {
    match take_lock(&lock_path(directory, run), at)? {
        Locked::Ours(lease) => Ok(lease),
        Locked::Theirs(holder) => Err(LedgerError::Held { run, holder }),
    }
}

fn take_lock(path: &Path, at: Timestamp) -> Result<Locked> {
    let mut lock = file::open_private(path)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Locked::Theirs(read_holder(&mut lock))),
        Err(TryLockError::Error(error)) => return Err(file::io(path, &error)),
    }
    write_holder(&mut lock, &Holder::this_process(at)).map_err(|error| file::io(path, &error))?;
    Ok(Locked::Ours(Lease::new(lock)))
}

fn write_holder(lock: &mut File, holder: &Holder) -> std::io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    lock.write_all(&serde_json::to_vec(holder)?)
}

/// The holder, as it wrote itself into the file; `None` if it has not done so yet.
fn read_holder(lock: &mut File) -> Option<Holder> {
    let mut text = String::new();
    lock.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Whether a process holds the run at present.
pub(super) fn is_held(directory: &Path, run: RunId) -> bool {
    // Opened for reading only, so that this works in a directory that cannot be written.
    let Ok(lock) = File::open(lock_path(directory, run)) else { return false };
    matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
}
