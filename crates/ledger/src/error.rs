//! Errors of the ledger, with their remedies.

use crate::{RunId, lease::Holder};
use std::path::PathBuf;

/// Why an operation on the ledger failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LedgerError {
    /// The disk is full. Nothing of the append was kept.
    #[error("no space left for the ledger {}: free some space, then go on", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The server of a shared ledger has no room. Nothing of the append was kept.
    #[error(
        "the server of the ledger {ledger} has no space left ({reason}): free some space there; nothing else is needed"
    )]
    ServerFull {
        /// The address, without its password.
        ledger: String,
        /// The text of the database.
        reason: String,
    },
    /// The directory or the file cannot be written.
    #[error("cannot write the ledger {} ({reason}): make it writable, or choose another directory with --state-dir", path.display())]
    ReadOnly {
        /// The file or directory.
        path: PathBuf,
        /// The text of the operating system.
        reason: String,
    },
    /// The file is not a ledger, or it is damaged. It was not changed.
    #[error(
        "the ledger {} is damaged or not a ledger ({reason}); it was not changed. Move it aside to start a new one; \
             the instances of its runs carry tags, so `resume --from-cloud RUN` can rebuild a run",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file was written by a newer version of this program.
    #[error("the ledger {} has format {found}, but this version supports up to {known}: use a newer version", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its format version.
        found: u32,
        /// The format version of this program.
        known: u32,
    },
    /// The tables of a shared ledger are those of an older version. They were not changed.
    #[error(
        "the tables of the ledger {ledger} have version {found} and this version of the program needs {needed}, but they were not \
             upgraded ({reason}): when no process works with the ledger, run any command of this version as the user that owns \
             its tables"
    )]
    TooOld {
        /// The address, without its password.
        ledger: String,
        /// The version of its tables.
        found: u32,
        /// The version that this program needs.
        needed: u32,
        /// Why they were not upgraded.
        reason: String,
    },
    /// Another process kept the file locked for too long.
    #[error("another process has locked the ledger {} for too long; try again when it is done", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// Another process is working on the run.
    #[error("run {run} is held by {}; wait for that process to end, or stop it", describe(holder.as_ref()))]
    Held {
        /// The run.
        run: RunId,
        /// The process that holds it, if it has recorded itself.
        holder: Option<Holder>,
    },
    /// No run has this id.
    #[error("there is no run {run} in the ledger; `runs` lists the existing runs")]
    UnknownRun {
        /// The id.
        run: RunId,
    },
    /// A run with this id exists already.
    #[error("run {run} is already in the ledger")]
    RunExists {
        /// The id.
        run: RunId,
    },
    /// The database of a shared ledger does not answer. Whether the last append was kept is unknown.
    #[error(
        "the ledger {ledger} cannot be reached ({reason}): check the server, the network and the address"
    )]
    Away {
        /// The address, without its password.
        ledger: String,
        /// Why not.
        reason: String,
    },
    /// The database refuses the login or the statement.
    #[error(
        "the ledger {ledger} refuses this ({reason}): check the user, the password and the name of the database; \
             `ledger grant` prints the statements that allow it"
    )]
    Refused {
        /// The address, without its password.
        ledger: String,
        /// The text of the database.
        reason: String,
    },
    /// Another process has taken over the run, because this one showed no sign of life for too long.
    #[error("run {run} was taken over by {}; nothing more is begun here. `show {run}` shows how it goes on", describe(holder.as_ref()))]
    Lost {
        /// The run.
        run: RunId,
        /// The process that holds it, if it is known.
        holder: Option<Holder>,
    },
    /// Any other failure of the operating system.
    #[error("the ledger {} cannot be used: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The text of the operating system.
        reason: String,
    },
}

fn describe(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "another process".to_owned(), ToString::to_string)
}

/// The result of an operation on the ledger.
pub type Result<T> = std::result::Result<T, LedgerError>;
