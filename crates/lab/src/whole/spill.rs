//! A ledger that writes its records to a file and forgets them, so that the measured memory is that of the run without its
//! past. Nothing is read back, and the file is deleted with the store.

use jiff::Timestamp;
use ledger::store::Pending;
use ledger::{Event, Lease, LedgerError, Locked, MemoryStore, Record, Records, RunHead, RunId, Store};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

static MADE: AtomicU64 = AtomicU64::new(0);

/// The file, and an in-memory store with each run's first record and its lease.
pub(super) struct Spill {
    heads: MemoryStore,
    file: Mutex<Written>,
    path: PathBuf,
}

struct Written {
    lines: BufWriter<File>,
    /// The number of the last record of its only run, whose first record is in `heads`.
    last_seq: u64,
}

impl Spill {
    /// A store for one run, with a temporary file.
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
        // If it cannot be deleted here, it is removed with the other temporary files.
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
            // A real store waits for the disk, and other tasks run meanwhile.
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

    fn confirm(&self, run: RunId) -> Pending<'_, ()> {
        self.heads.confirm(run)
    }

    fn is_shared(&self) -> bool {
        self.heads.is_shared()
    }

    fn lock(&self, key: &str, at: Timestamp) -> Pending<'_, Locked> {
        self.heads.lock(key, at)
    }

    fn request_stop(&self, run: RunId, wanted: bool) -> Pending<'_, ()> {
        self.heads.request_stop(run, wanted)
    }

    fn is_stop_requested(&self, run: RunId) -> Pending<'_, bool> {
        self.heads.is_stop_requested(run)
    }
}
