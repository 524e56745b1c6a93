//! The folder of a home: creates it, recognises folders of other programs, locks it for one region, and empties it.
//!
//! A marker file shows that the simulator created it. A folder with files but without a marker belongs to another program: it
//! and its contents are never changed.

use super::error::{HomeError, io};
use super::files::{CONFIG, CONFIG_YAML, KEY, PUBLIC_KEY, SESSIONS, TOKEN, private};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The marker file, which a running region also keeps locked.
const MARKER: &str = ".oci-insta-scale-region";
const MARKER_TEXT: &str = "This folder belongs to a simulated region. `oci-insta-scale sim reset` deletes what the region put here.\n";

/// The first lines of the `config.yaml` of every home.
pub(super) const CONFIG_YAML_BEGINS: &str =
    "# A fleet for the simulated region that `oci-insta-scale sim serve` runs.";

/// A folder that the simulator created, locked until this is dropped.
#[derive(Debug)]
pub(in crate::server) struct Folder {
    /// The absolute path.
    pub path: PathBuf,
    lock: File,
}

impl Folder {
    /// Locks the folder for a region, and creates it if necessary.
    ///
    /// # Errors
    /// When the folder belongs to another program, or another region uses it.
    pub fn claim(path: &Path) -> Result<Self, HomeError> {
        if path.is_dir() {
            if !is_ours(path)? && !is_empty(path)? {
                return Err(HomeError::Foreign { path: path.to_owned() });
            }
        } else {
            std::fs::create_dir_all(path).map_err(|source| io("make the folder", path, source))?;
            private(path, 0o700).map_err(|source| io("protect the folder", path, source))?;
        }
        let path = path.canonicalize().map_err(|source| io("find", path, source))?;
        let lock = hold(&path)?;
        Ok(Self { path, lock })
    }

    /// Deletes the files of a region from the folder, and then the folder itself if it is empty. Returns whether there was a
    /// region.
    ///
    /// # Errors
    /// When the folder belongs to another program, or a region uses it.
    pub fn forget(path: &Path) -> Result<bool, HomeError> {
        let Some(folder) = Self::find(path)? else { return Ok(false) };
        folder.empty()?;
        Ok(true)
    }

    /// Finds the folder if the simulator created it and no region uses it; `None` if it contains no files of a region.
    pub fn find(path: &Path) -> Result<Option<Self>, HomeError> {
        if is_ours(path)? {
            let lock = hold(path)?;
            return Ok(Some(Self { path: path.to_owned(), lock }));
        }
        if [CONFIG, CONFIG_YAML, KEY, PUBLIC_KEY].iter().any(|name| path.join(name).exists()) {
            return Err(HomeError::Foreign { path: path.to_owned() });
        }
        Ok(None)
    }

    /// Deletes the files of a region, the marker last.
    pub fn empty(self) -> Result<(), HomeError> {
        for name in [CONFIG, CONFIG_YAML, KEY, PUBLIC_KEY].into_iter().chain(crate::server::tls::files()) {
            remove(&self.path.join(name))?;
        }
        let session = super::session::folder(&self.path);
        for name in [TOKEN, KEY, PUBLIC_KEY] {
            remove(&session.join(name))?;
        }
        // Both fail if they contain other files, which belong to the user.
        let _ = std::fs::remove_dir(&session).and_then(|()| std::fs::remove_dir(self.path.join(SESSIONS)));
        drop(self.lock);
        remove(&self.path.join(MARKER))?;
        // Fails if the folder contains other files, which belong to the user.
        let _ = std::fs::remove_dir(&self.path);
        Ok(())
    }
}

fn remove(path: &Path) -> Result<(), HomeError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(io("delete", path, source)),
        _ => Ok(()),
    }
}

fn is_empty(path: &Path) -> Result<bool, HomeError> {
    let mut entries = std::fs::read_dir(path).map_err(|source| io("read the folder", path, source))?;
    Ok(entries.next().is_none())
}

/// Whether the simulator created the folder.
fn is_ours(path: &Path) -> Result<bool, HomeError> {
    let marker = path.join(MARKER);
    match std::fs::read_to_string(&marker) {
        // The marker is empty if the program was stopped before it wrote the text.
        Ok(text) => return Ok(text == MARKER_TEXT || text.is_empty()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
        Err(source) => return Err(io("read", &marker, source)),
    }
    Ok(is_of_an_earlier_version(path))
}

/// Recognises homes of earlier versions, which left no marker: their `config.yaml` begins like ours, refers to a simulated
/// region, and names the same user as the `config` beside it.
fn is_of_an_earlier_version(path: &Path) -> bool {
    let read = |name: &str| std::fs::read_to_string(path.join(name)).unwrap_or_default();
    let (yaml, config) = (read(CONFIG_YAML), read(CONFIG));
    let value = |text: &str, start: &str| {
        text.lines().find_map(|line| line.strip_prefix(start)).map(|value| value.trim().to_owned())
    };
    let user = value(&config, "user=");
    yaml.starts_with(CONFIG_YAML_BEGINS)
        && value(&yaml, "endpoint:").is_some_and(|endpoint| endpoint.starts_with("http://"))
        && user.is_some()
        && user == value(&yaml, "user_ocid:")
        && path.join(KEY).is_file()
}

/// Writes the marker if it is missing, and locks it. The operating system releases the lock when the process ends, however it
/// ends.
fn hold(path: &Path) -> Result<File, HomeError> {
    let marker = path.join(MARKER);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(&marker).map_err(|source| io("write", &marker, source))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(HomeError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => return Err(io("lock", &marker, source)),
    }
    let length = file.metadata().map_err(|source| io("read", &marker, source))?.len();
    if length == 0 {
        file.write_all(MARKER_TEXT.as_bytes()).map_err(|source| io("write", &marker, source))?;
    }
    Ok(file)
}
