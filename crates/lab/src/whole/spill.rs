//! A ledger that writes its records to a file and forgets them, as a process does: what a run costs in memory is then the
//! run, not its past. Nothing is read back, and the file goes with the store.

use jiff::Timestamp;
use ledger::store::Pending;
use ledger::{Event, Lease, LedgerError, MemoryStore, Record, Records, RunHead, RunId, Store};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

static MADE: AtomicU64 = AtomicU64::new(0);

/// The file, and a store in memory that has each run's first record and its lease.
pub(super) struct Spill {
    heads: MemoryStore,
    file: Mutex<Written>,
    path: PathBuf,
}

struct Written {
    lines: BufWriter<File>,
    /// Of the one run that it is made for: its first record is in `heads`.
    last_seq: u64,
}

impl Spill {
    /// A store for one run, with its file among the temporary ones.
    pub fn new() -> std::io::Result<Self> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("oci-insta-scale-lab-{}-{number}", std::process::id()));
        let file = File::create_new(&path)?;
        let written = Written { lines: BufWriter::with_capacity(1 << 18, file), last_seq: 1 };
        Ok(Self { heads: MemoryStore::new(), file: Mutex::new(written), path })
    }

    fn write(&self, at: Timestamp, events: Vec<Event>) -> std::io::Result<Vec<Record>> {
        let mut written = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut records = Vec::with_capacity(events.len());
        for event in events {
            written.last_seq += 1;
            let record = Record { seq: written.last_seq, at, event };
            serde_json::to_writer(&mut written.lines, &record)?;
            written.lines.write_all(b"\n")?;
            records.push(record);
        }
        Ok(records)
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        // It is in the folder for temporary files: whoever empties that takes what could not be deleted here.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Store for Spill {
    fn create_run(&self, run: RunId, at: Timestamp, first: Event) -> Pending<'_, Record> {
        self.heads.create_run(run, at, first)
    }

    fn append(&self, _: RunId, at: Timestamp, events: Vec<Event>) -> Pending<'_, Vec<Record>> {
        Box::pin(async move {
            let written = self.write(at, events);
            // A real one waits for the disk, and others go on meanwhile.
            tokio::task::yield_now().await;
            written.map_err(|error| LedgerError::Io { path: self.path.clone(), reason: error.to_string() })
        })
    }

    fn records(&self, run: RunId) -> Pending<'_, Records> {
        self.heads.records(run)
    }

    fn runs(&self) -> Pending<'_, Vec<RunHead>> {
        self.heads.runs()
    }

    fn lease(&self, run: RunId, at: Timestamp) -> Pending<'_, Lease> {
        self.heads.lease(run, at)
    }
}
