//! What the lock file of a run says: who holds it, and how far its records went.
//!
//! The file lies beside the ledger and its log. When the log is lost, or an old copy of the ledger is put in its place,
//! this tells that records are missing, which the ledger itself cannot know.

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

/// Every mark is padded to this length, so that it is replaced by one write.
const LENGTH: usize = 512;

/// No run has so many records: a number above it is damage.
const NONSENSE: u64 = 1 << 40;

/// The text of a lock file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Who holds the lock, or held it last.
    #[serde(flatten)]
    pub(super) holder: Option<Holder>,
    /// The number of the run's last record.
    #[serde(default)]
    pub(super) last: u64,
    /// Whether the run has ended and has nothing left to do.
    #[serde(default)]
    pub(super) ended: bool,
    /// What the run does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<RunKind>,
}

impl Mark {
    /// What the file says; nothing known when it cannot be read or nothing was written yet.
    pub(super) fn read(file: &File) -> Self {
        let mut text = String::new();
        let read = (&*file).seek(SeekFrom::Start(0)).and_then(|_| (&*file).read_to_string(&mut text));
        let mark = read.ok().and_then(|_| serde_json::from_str::<Self>(&text).ok());
        mark.filter(|mark| mark.last < NONSENSE).unwrap_or_default()
    }

    /// The mark of a run, by the lock file's name.
    pub(super) fn of(directory: &Path, run: RunId) -> Self {
        File::open(lock_path(directory, run)).map(|file| Self::read(&file)).unwrap_or_default()
    }

    pub(super) fn write(&self, mut file: &File) -> io::Result<()> {
        let mut text = serde_json::to_vec(self)?;
        text.resize(text.len().max(LENGTH), b' ');
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&text)?;
        file.set_len(text.len() as u64)
    }
}

/// The marks of the runs that this process holds.
pub(super) struct Marks {
    directory: PathBuf,
    /// Weak: the lock ends with its lease.
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

    /// This process has taken the run.
    pub(super) fn take(&mut self, run: RunId, lock: &Arc<File>, mark: Mark) {
        self.held.insert(run, (Arc::downgrade(lock), mark));
    }

    /// Says how far the records of a run go now. A mark that cannot be written warns of less, and stops nothing.
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

    /// A run that was lost is written anew: what its lock file says of the lost records is over.
    fn begin(&self, run: RunId, kind: RunKind) {
        let Ok(lock) = file::open_private(&lock_path(&self.directory, run)) else { return };
        let holder = Mark::read(&lock).holder;
        let _ = Mark { holder, last: 1, ended: false, kind: Some(kind) }.write(&lock);
    }
}
