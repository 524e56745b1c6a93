//! The home folder of a simulated region: an API key, a `config` in the style of `~/.oci/config` for the official clients, and
//! a matching `config.yaml` for OCI Insta-Scale. An existing home is reused.

mod error;
mod files;
mod folder;
mod identity;
mod known;
pub(super) mod session;

pub use error::HomeError;
pub use identity::Identity;
use known::known_elsewhere;
pub use known::known_of_config;

use crate::world::Known;
pub(super) use error::io;
pub(super) use files::write_over;
use files::{CONFIG, CONFIG_YAML, KEY, PUBLIC_KEY, replace_further_endpoints, replace_line};
pub(super) use folder::Folder;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A prepared home folder.
#[derive(Clone, Debug)]
pub struct Home {
    /// The folder, absolute.
    pub path: PathBuf,
    /// The owner of the API key.
    pub identity: Identity,
    /// The resources that its `config.yaml` names, which must exist in the region.
    pub known: Vec<Known>,
    /// Those that it names in further regions, by the region's name.
    pub known_elsewhere: BTreeMap<String, Vec<Known>>,
    /// Holds the lock until the last clone is dropped: only one region at a time uses a home.
    _folder: Arc<Folder>,
}

impl Home {
    /// Opens or creates the folder. `endpoint` is written into `config.yaml`, and everything else in that file is kept.
    ///
    /// Blocks: generating a key takes some tenths of a second.
    pub fn open(path: &Path, region: &str, endpoint: &str) -> Result<Self, HomeError> {
        Self::fill(Folder::claim(path)?, region, endpoint, &[])
    }

    /// Deletes the files of a region from the folder, and then the folder itself if it is empty. Returns whether there was a
    /// region.
    ///
    /// # Errors
    /// When the folder belongs to another program, or a running region uses it.
    pub fn forget(path: &Path) -> Result<bool, HomeError> {
        Folder::forget(path)
    }

    /// Adds the missing files to a folder. `further` are the names and endpoints of further regions.
    pub(super) fn fill(
        folder: Folder,
        region: &str,
        endpoint: &str,
        further: &[(String, String)],
    ) -> Result<Self, HomeError> {
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
                let text = replace_further_endpoints(&text, further);
                replace_line(&text, "private_key_path:", &identity::key_line(&key))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                identity.config_yaml(&key, endpoint, further)
            }
            Err(source) => return Err(io("read", &yaml, source)),
        };
        write_over(&yaml, &text).map_err(|source| io("write", &yaml, source))?;
        let damaged = |problem: Box<dyn std::error::Error + Send + Sync>| HomeError::Damaged {
            path: yaml.clone(),
            problem: problem.to_string(),
        };
        let known = known_of_config(&text).map_err(damaged)?;
        let known_elsewhere = known_elsewhere(&text).map_err(damaged)?;
        Ok(Self { path, identity, known, known_elsewhere, _folder: Arc::new(folder) })
    }

    fn new_identity(path: &Path, region: &str) -> Result<Identity, HomeError> {
        let identity = Identity::generate(None, region)?;
        let key = path.join(KEY);
        write_over(&key, &identity.private_key_pem).map_err(|source| io("write", &key, source))?;
        let public = path.join(PUBLIC_KEY);
        write_over(&public, &identity.public_key.to_pem()).map_err(|source| io("write", &public, source))?;
        // Written last: if it exists, all other files do too.
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
