//! The home folder of a simulated region: an API key, a `config` in the style of `~/.oci/config` for the official
//! clients, and a `config.yaml` for OCI Insta-Scale, all fitting each other. Used again when it is already there.

mod files;
mod folder;
mod identity;
mod known;

pub use identity::Identity;
pub use known::known_of_config;

use crate::world::Known;
pub(super) use files::create_private;
use files::{replace_line, write_over};
pub(super) use folder::Folder;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const KEY: &str = "oci_api_key.pem";
const PUBLIC_KEY: &str = "oci_api_key_public.pem";
const CONFIG: &str = "config";
const CONFIG_YAML: &str = "config.yaml";

/// A home folder that is ready.
#[derive(Clone, Debug)]
pub struct Home {
    /// The folder, absolute.
    pub path: PathBuf,
    /// Who its key belongs to.
    pub identity: Identity,
    /// What its `config.yaml` names, which must exist in the region.
    pub known: Vec<Known>,
    /// Held until the last clone is dropped: a home is for one region at a time.
    _folder: Arc<Folder>,
}

/// Why a home folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// A file or folder cannot be read or written.
    #[error("cannot {action} {}: {source}. Choose another folder with --home", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A file is there but is not what it should be.
    #[error("{}: {problem}. Repair it, or remove the folder to get a new one", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The folder holds files that no simulated region made.
    #[error(
        "{} holds files of other programs and is not the home of a simulated region: nothing in it was changed. \
         Choose another folder with --home",
        path.display()
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// Another region uses the folder.
    #[error(
        "{} is the home of a simulated region that is running. Stop that one, or choose another folder with --home",
        path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// No key could be made.
    #[error("cannot make an RSA key: {0}")]
    Key(#[from] super::auth::KeyError),
}

impl Home {
    /// Opens the folder, or makes it. `endpoint` is written into `config.yaml`; the rest of what is there is kept.
    ///
    /// Blocks: a new key takes some tenths of a second.
    pub fn open(path: &Path, region: &str, endpoint: &str) -> Result<Self, HomeError> {
        Self::fill(Folder::claim(path)?, region, endpoint)
    }

    /// Deletes what a region put into the folder, and the folder if nothing else is in it. Says whether there was a
    /// region. A folder that is somebody's, or of a region that is running, is refused.
    pub fn forget(path: &Path) -> Result<bool, HomeError> {
        Folder::forget(path)
    }

    /// Puts into a folder what is missing.
    pub(super) fn fill(folder: Folder, region: &str, endpoint: &str) -> Result<Self, HomeError> {
        let path = folder.path.clone();
        let config = path.join(CONFIG);
        let identity = match std::fs::read_to_string(&config) {
            Ok(text) => Self::known_identity(&path, &text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::new_identity(&path, region)?,
            Err(source) => return Err(io("read", &config, source)),
        };
        let key = path.join(KEY);
        let yaml = path.join(CONFIG_YAML);
        let text = match std::fs::read_to_string(&yaml) {
            Ok(text) => {
                let text = replace_line(&text, "endpoint:", &format!("endpoint: {endpoint}"));
                replace_line(&text, "private_key_path:", &identity::key_line(&key))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                identity.config_yaml(&key, endpoint)
            }
            Err(source) => return Err(io("read", &yaml, source)),
        };
        write_over(&yaml, &text).map_err(|source| io("write", &yaml, source))?;
        let known = known_of_config(&text)
            .map_err(|problem| HomeError::Damaged { path: yaml, problem: problem.to_string() })?;
        Ok(Self { path, identity, known, _folder: Arc::new(folder) })
    }

    fn new_identity(path: &Path, region: &str) -> Result<Identity, HomeError> {
        let identity = Identity::generate(None, region)?;
        let key = path.join(KEY);
        write_over(&key, &identity.private_key_pem).map_err(|source| io("write", &key, source))?;
        let public = path.join(PUBLIC_KEY);
        write_over(&public, &identity.public_key.to_pem()).map_err(|source| io("write", &public, source))?;
        // Last, since its being there says that all is.
        let config = path.join(CONFIG);
        write_over(&config, &identity.config(&key)).map_err(|source| io("write", &config, source))?;
        Ok(identity)
    }

    fn known_identity(path: &Path, config: &str) -> Result<Identity, HomeError> {
        let key_path = path.join(KEY);
        let key = std::fs::read_to_string(&key_path).map_err(|source| io("read", &key_path, source))?;
        let identity = Identity::read(config, key)
            .map_err(|problem| HomeError::Damaged { path: path.join(CONFIG), problem })?;
        // The folder may have been moved since.
        let now = replace_line(config, "key_file=", &format!("key_file={}", key_path.display()));
        if now != config {
            let config = path.join(CONFIG);
            write_over(&config, &now).map_err(|source| io("write", &config, source))?;
        }
        Ok(identity)
    }
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> HomeError {
    HomeError::Io { action, path: path.to_owned(), source }
}
