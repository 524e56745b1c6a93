//! The user's price list, which `prices update` leaves in the state directory.

use crate::environment;
use crate::error::CommandError;
use crate::files;
use crate::output::console;
use crate::output::text::clean;
use fleet::price::PriceList;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The size of the largest document that is read. The whole list of Oracle has about 1 MB for each currency.
pub const MAX_BYTES: usize = 64 << 20;
const NAME: &str = "prices.json";

/// The file of the list.
#[derive(Debug)]
pub struct PriceListFile {
    path: PathBuf,
}

impl PriceListFile {
    /// The one in the state directory. Simulated regions have the same prices, so they share it.
    pub fn in_state(asked: Option<PathBuf>) -> Result<Self, CommandError> {
        Ok(Self { path: environment::state_dir(asked, false)?.join(NAME) })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The list, if there is one; the error says why it cannot be read.
    pub fn read(&self) -> Result<Option<PriceList>, String> {
        let bytes = match std::fs::read(&self.path) {
            // A state directory that is a file is reported by what needs it.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            read => read.map_err(|error| error.to_string())?,
        };
        PriceList::read(&bytes, None).map(Some).map_err(|error| error.to_string())
    }

    /// The list, if there is one. An unreadable one is reported, and then the built-in list applies, whose date every price is
    /// shown with.
    pub fn or_say(&self) -> Option<Arc<PriceList>> {
        match self.read() {
            Ok(list) => list.map(Arc::new),
            Err(why) => {
                let (path, why) = (clean(&self.path.display().to_string()), clean(&why));
                console::line(&format!(
                    "warning: the price list {path} is not used: {why}; `oci-insta-scale prices reset` removes it"
                ));
                None
            }
        }
    }

    /// Replaces the list. Readers see either the old one or the new one. Returns the old one if it was readable.
    pub fn write(&self, text: &str) -> Result<Option<PriceList>, CommandError> {
        let old = self.read().ok().flatten();
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let written =
            std::fs::create_dir_all(folder).and_then(|()| files::replace(&self.path, text.as_bytes()));
        written.map(|()| old).map_err(|error| self.unwritable(&error))
    }

    /// Removes the list. Returns whether there was one.
    pub fn remove(&self) -> Result<bool, CommandError> {
        match std::fs::remove_file(&self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.unwritable(&error)),
        }
    }

    fn unwritable(&self, error: &std::io::Error) -> CommandError {
        CommandError::usage(
            format!("{} cannot be changed: {error}", self.path.display()),
            "free space or permissions; nothing was changed, and --state-dir names another directory",
        )
    }
}
