//! The content of a run's lock file: who holds the run, and the number of its last record.
//!
//! The file lies beside the ledger and its log. If the log is lost, or an old copy replaces the ledger, it shows that records
//! are missing, which the ledger itself cannot detect.

use super::file::{self, lock_path};
use crate::{Event, Holder, RunId, RunKind};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

/// Every mark is padded to this length, so that a single write replaces it.
const LENGTH: usize = 512;

/// No run has this many records: a higher number means damage.
const NONSENSE: u64 = 1 << 40;

/// The text of a lock file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The process that holds the lock, or held it last.
    #[serde(flatten)]
    pub(super) holder: Option<Holder>,
    /// The number of the run's last record.
    #[serde(default)]
    pub(super) last: u64,
    /// Whether the run has ended with nothing left to do.
    #[serde(default)]
    pub(super) ended: bool,
    /// What the run does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<RunKind>,
}

impl Mark {
    /// Reads the mark; all fields are unknown if it cannot be read or was never written.
    pub(super) fn read(file: &File) -> Self {
        let mut text = String::new();
        let read = (&*file).seek(SeekFrom::Start(0)).and_then(|_| (&*file).read_to_string(&mut text));
        let mark = read.ok().and_then(|_| serde_json::from_str::<Self>(&text).ok());
        mark.filter(|mark| mark.last < NONSENSE).unwrap_or_default()
    }

    /// The mark of a run, found by the name of its lock file.
    pub(super) fn of(directory: &Path, run: RunId) -> Self {
        File::open(lock_path(directory, run)).map(|file| Self::read(&file)).unwrap_or_default()
    }

    pub(super) fn write(&self, mut file: &File) -> io::Result<()> {
        let mut text = serde_json::to_vec(self)?;
        text.resize(text.len().max(LENGTH), b' ');
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&text)?;
        // Only a longer text of another version leaves something behind; a change of the length costs as much as the write.
        let length = text.len() as u64;
        if file.metadata()?.len() == length { Ok(()) } else { file.set_len(length) }
    }
}

/// The marks of the runs that this process holds.
pub(super) struct Marks {
    directory: PathBuf,
    /// Weak, because the lock must end with its lease.
    held: HashMap<RunId, (Weak<File>, Mark)>,
}

/// What a write changes in the mark of a run.
pub(super) struct Change {
    pub(super) run: RunId,
    created: Option<RunKind>,
    ended: bool,
}

impl Change {
    pub(super) fn of_creation(run: RunId, first: &Event) -> Self {
        let created = match first {
            Event::RunStarted { kind, .. } => Some(*kind),
            _ => None,
        };
        Self { run, created, ended: false }
    }

    pub(super) fn of_append(run: RunId, events: &[Event]) -> Self {
        let ended = match events.last() {
            Some(Event::RunFinished { outcome }) => !outcome.is_unfinished(),
            _ => false,
        };
        Self { run, created: None, ended }
    }
}

impl Marks {
    pub(super) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), held: HashMap::new() }
    }

    /// Records that this process has taken the run.
    pub(super) fn take(&mut self, run: RunId, lock: &Arc<File>, mark: Mark) {
        self.held.insert(run, (Arc::downgrade(lock), mark));
    }

    /// Records the number of the last record of a run. If that fails, a later loss may go unreported, but nothing stops.
    pub(super) fn set(&mut self, change: &Change, last: u64) {
        if let Some(kind) = change.created {
            self.begin(change.run, kind);
        }
        let Some((lock, mark)) = self.held.get_mut(&change.run) else { return };
        let Some(lock) = lock.upgrade() else { return };
        mark.last = last;
        mark.ended = change.ended;
        let _ = mark.write(&lock);
    }

    /// Starts a lost run anew, and discards what its lock file says about the lost records.
    fn begin(&self, run: RunId, kind: RunKind) {
        let Ok(lock) = file::open_private(&lock_path(&self.directory, run)) else { return };
        let holder = Mark::read(&lock).holder;
        let _ = Mark { holder, last: 1, ended: false, kind: Some(kind) }.write(&lock);
    }
}
