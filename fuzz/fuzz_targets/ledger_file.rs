//! However a ledger's file is damaged, it is read as far as it can be or refused: what is read is what was written, and a
//! file that is refused is left as it is.

#![no_main]

use jiff::Timestamp;
use ledger::{Event, LedgerError, Record, RunId, RunKind, SqliteStore, Store as _};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use tokio::runtime::{Builder, Runtime};

struct Good {
    folder: tempfile::TempDir,
    bytes: Vec<u8>,
    records: Vec<Record>,
    runtime: Runtime,
}

fn run() -> RunId {
    RunId::new(Timestamp::UNIX_EPOCH, [7; 10])
}

static GOOD: LazyLock<Good> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Builder::new_current_thread().build().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let records = runtime.block_on(async {
        let plan = serde_json::json!({"fleet": "x".repeat(5_000)});
        let first = Event::RunStarted { kind: RunKind::Launch, requested: 7, plan };
        store.create_run(run(), Timestamp::UNIX_EPOCH, first).await.unwrap();
        for n in 0..60 {
            let event = Event::Warning { message: format!("number {n} {}", "y".repeat(100)) };
            store.append(run(), Timestamp::UNIX_EPOCH, vec![event]).await.unwrap();
        }
        store.records(run()).await.unwrap().records
    });
    drop(store);
    let bytes = std::fs::read(folder.path().join("ledger.db")).unwrap();
    assert!(bytes.len() > 4 * 4096, "the log is in the file");
    Good { folder, bytes, records, runtime }
});

/// Each four bytes change one place of the file: cut it there, fill what follows with rubbish, or change one byte.
fn damage(good: &[u8], how: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for change in how.chunks_exact(4) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]]));
        match (change[2], bytes.get_mut(place)) {
            (0xFF, Some(_)) => bytes.truncate(place),
            (0xFE, Some(_)) => {
                let end = bytes.len().min(place + 16 * usize::from(change[3]));
                bytes[place..end].fill(0xAA);
            }
            (_, Some(byte)) => *byte ^= change[3],
            (_, None) => {}
        }
    }
    bytes
}

fuzz_target!(|how: &[u8]| {
    let good = &*GOOD;
    let path = good.folder.path().join("ledger.db");
    let bytes = damage(&good.bytes, how);
    for beside in ["ledger.db-wal", "ledger.db-shm", "ledger.db-journal"] {
        let _ = std::fs::remove_file(good.folder.path().join(beside));
    }
    std::fs::write(&path, &bytes).unwrap();
    let store = match SqliteStore::open(good.folder.path()) {
        Ok(store) => store,
        Err(error) => {
            assert_eq!(std::fs::read(&path).unwrap(), bytes, "{error}");
            return;
        }
    };
    good.runtime.block_on(async {
        let _ = store.runs().await;
        match store.records(run()).await {
            Ok(found) => {
                for record in &found.records {
                    assert!(good.records.contains(record), "{record:?}");
                }
            }
            Err(LedgerError::Held { .. } | LedgerError::RunExists { .. }) => {
                unreachable!("nobody else is here")
            }
            Err(_) => {}
        }
        let _ = store.append(run(), Timestamp::UNIX_EPOCH, vec![Event::Interrupted]).await;
    });
});
