//! A capacity memory of 10,000 targets, to be read.

use jiff::Timestamp;
use ledger::capacity::{
    Answer, CapacityMemory as _, MemoryError, Observation, Remembered, Scope, SqliteMemory, Subject,
};
use ledger::{CapacityType, ErrorClass, ErrorRecord};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

const TARGETS: u32 = 10_000;
/// A run with four shapes in three availability domains.
const OF_A_RUN: usize = 12;

/// The memory, with the folder of its file.
pub struct TenThousand {
    memory: SqliteMemory,
    of_a_run: BTreeSet<Subject>,
    scope: Scope,
    folder: tempfile::TempDir,
}

impl TenThousand {
    /// Makes the memory: every target was refused three times.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new() -> Result<Self, MemoryError> {
        let folder = tempfile::tempdir().map_err(|error| MemoryError {
            path: PathBuf::new(),
            reason: error.to_string(),
            is_damaged: false,
        })?;
        let (memory, _) = SqliteMemory::open(folder.path())?;
        let scope = Scope {
            tenancy: "ocid1.tenancy.oc1..aaaaaaaaexample".to_owned(),
            region: "us-phoenix-1".to_owned(),
            service: String::new(),
        };
        for round in 0..3 {
            let refused: Vec<Observation> = (0..TARGETS).map(|number| refused(number, round)).collect();
            memory.observe(&scope, &refused)?;
        }
        let of_a_run = (0..TARGETS).step_by(TARGETS as usize / OF_A_RUN).take(OF_A_RUN).map(target).collect();
        Ok(Self { memory, of_a_run, scope, folder })
    }

    /// Opens the file once more.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(&self) -> Result<SqliteMemory, MemoryError> {
        SqliteMemory::open(self.folder.path()).map(|(memory, _)| memory)
    }

    /// Reads what a run needs.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_for_a_run(&self) -> Result<BTreeMap<Subject, Remembered>, MemoryError> {
        self.memory.recall_for(&self.scope, &self.of_a_run)
    }

    /// Reads everything.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> Result<BTreeMap<Subject, Remembered>, MemoryError> {
        self.memory.recall(&self.scope)
    }
}

fn target(number: u32) -> Subject {
    Subject::Target {
        availability_domain: format!("Uocm:PHX-AD-{}", number % 3 + 1),
        fault_domain: None,
        shape: "VM.Standard.A1.Flex".to_owned(),
        size: format!("{number}:{}", number * 6),
        capacity_type: CapacityType::OnDemand,
        reservation: None,
    }
}

fn refused(number: u32, round: u32) -> Observation {
    let error = ErrorRecord {
        class: ErrorClass::Capacity,
        status: Some(500),
        code: "InternalError".to_owned(),
        message: "Out of host capacity.".to_owned(),
        opc_request_id: Some(format!("{number:032X}/{round:032X}/{number:032X}")),
    };
    let at = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(i64::from(round) * 2);
    Observation { subject: target(number), at, answer: Answer::Refused(error), chance: 0.5 }
}
