//! Saves the world across restarts in one versioned file, which is replaced atomically.

use super::private_files::replace_file;
use crate::world::World;
use serde::Deserialize;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Why a saved world cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The file cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The attempted action.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The file does not contain a complete saved world.
    #[error(
        "{} is not a complete saved region: {problem}. Remove it to start again, or name another file with --save",
        path.display()
    )]
    Torn {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A running region saves its world to the file.
    #[error(
        "{} is in use by a running simulated region. Stop that region, or name another file with --save",
        path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a saved region.
    #[error("{} is not a saved region: nothing was deleted. Name the file that `sim serve --save` wrote", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by another version of the program.
    #[error("{}: {problem}. Remove it to start again, or name another file with --save", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version that it has.
        problem: String,
    },
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

/// The first bytes of a saved world. A file that begins differently belongs to another program and is kept.
const BEGINS: &[u8] = b"{\"version\":";

/// The exclusive right to write a saved world, until this is dropped.
#[derive(Debug)]
pub(super) struct Hold {
    _lock: File,
}

/// The lock file beside the saved world, which is locked while a region runs. The saved world itself is replaced with every
/// save, and a lock on it would be lost.
fn lock_path(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    beside.into()
}

/// The file of a further region, beside that of the first one.
pub(super) fn beside(path: &Path, region: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{region}"));
    beside.into()
}

/// The files of further regions that exist beside that of the first one.
fn all_beside(path: &Path) -> Vec<PathBuf> {
    let all = oci_api::region::REGIONS.iter().map(|region| beside(path, region.name));
    all.filter(|path| path.exists()).collect()
}

/// Locks the file for one region. The operating system releases the lock when the process ends, however it ends.
pub(super) fn hold(path: &Path) -> Result<Hold, SaveError> {
    let beside = lock_path(path);
    let failed = |source| SaveError::Io { action: "write", path: beside.clone(), source };
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).open(&beside).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Hold { _lock: file }),
        Err(TryLockError::WouldBlock) => Err(SaveError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// A saved world that can be deleted.
#[derive(Debug)]
pub struct Forgettable {
    path: PathBuf,
    hold: Hold,
}

impl Forgettable {
    /// Finds the saved world in this file; `None` if the file does not exist.
    ///
    /// # Errors
    /// When the file is not a saved world, or a running region uses it.
    pub fn find(path: &Path) -> Result<Option<Self>, SaveError> {
        let failed = |source| SaveError::Io { action: "read", path: path.to_owned(), source };
        let mut begin = [0; BEGINS.len()];
        match File::open(path) {
            Ok(file) => {
                // A shorter file does not begin like a saved world.
                let _ = file.take(BEGINS.len() as u64).read_exact(&mut begin);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed(source)),
        }
        if begin != *BEGINS {
            return Err(SaveError::Foreign { path: path.to_owned() });
        }
        Ok(Some(Self { path: path.to_owned(), hold: hold(path)? }))
    }

    /// The saved worlds of a tenancy: that in this file, and those of further regions beside it.
    ///
    /// # Errors
    /// When one of the files is no saved world, or a running region uses it.
    pub fn find_all(path: &Path) -> Result<Vec<Self>, SaveError> {
        let paths = std::iter::once(path.to_owned()).chain(all_beside(path));
        paths.filter_map(|path| Self::find(&path).transpose()).collect()
    }

    /// Deletes the saved world and its lock file.
    ///
    /// # Errors
    /// When a file cannot be deleted.
    pub fn forget(self) -> Result<(), SaveError> {
        let Self { path, hold } = self;
        drop(hold);
        for path in [lock_path(&path), path] {
            std::fs::remove_file(&path).map_err(|source| SaveError::Io { action: "delete", path, source })?;
        }
        Ok(())
    }
}

/// Replaces the file atomically.
pub(super) fn save(path: &Path, world: &[u8]) -> Result<(), SaveError> {
    replace_file(path, |file| file.write_all(world)).map_err(|source| SaveError::Io {
        action: "write",
        path: path.to_owned(),
        source,
    })
}

/// The world in its saved form.
pub(super) fn encode(world: &World) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&world.snapshot())
}

/// Reads the world from the file; `None` if the file does not exist.
pub(super) fn load(path: &Path) -> Result<Option<World>, SaveError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(SaveError::Io { action: "read", path: path.to_owned(), source }),
    };
    let torn =
        |error: serde_json::Error| SaveError::Torn { path: path.to_owned(), problem: error.to_string() };
    // The version is read first: a world of another version may have another format, which is not damage.
    let VersionOnly { version } = serde_json::from_slice(&bytes).map_err(torn)?;
    if version != World::FORMAT {
        let problem = format!("it has format {version}, but this program reads format {}", World::FORMAT);
        return Err(SaveError::Version { path: path.to_owned(), problem });
    }
    let saved = serde_json::from_slice(&bytes).map_err(torn)?;
    let world = World::restore(saved);
    world.map(Some).map_err(|error| SaveError::Version { path: path.to_owned(), problem: error.to_string() })
}
