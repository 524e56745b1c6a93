//! Why a home folder cannot be used.

use crate::server::auth::KeyError;
use std::path::{Path, PathBuf};

/// Why a home folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// A file or folder cannot be read or written.
    #[error("cannot {action} {}: {source}. Choose another directory with --home", path.display())]
    Io {
        /// The attempted action.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A file exists but has the wrong content.
    #[error("{}: {problem}. Repair it, or remove the directory to get a new one", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The folder contains files that no simulated region created.
    #[error(
        "{} contains files of other programs and is not the home of a simulated region: nothing in it was changed. \
             Choose another directory with --home",
        path.display()
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// Another region uses the folder.
    #[error(
        "{} is the home of a running simulated region. Stop that region, or choose another directory with --home",
        path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// No certificate could be issued.
    #[error("cannot issue a certificate: {0}")]
    Certificate(String),
    /// No key could be generated.
    #[error("cannot make an RSA key: {0}")]
    Key(#[from] KeyError),
}

pub(in crate::server) fn io(action: &'static str, path: &Path, source: std::io::Error) -> HomeError {
    HomeError::Io { action, path: path.to_owned(), source }
}
