//! The capacity memory of a machine is shared, small and fast to read, and a damaged one is replaced.

use jiff::Timestamp;
use ledger::capacity::{
    Answer, CapacityMemory as _, Claim, FILE_NAME, Observation, Scope, SqliteMemory, Subject,
};
use ledger::{CapacityType, ErrorClass, ErrorRecord};
use std::time::{Duration, Instant};

fn scope() -> Scope {
    let (tenancy, region) =
        ("ocid1.tenancy.oc1..aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "us-phoenix-1");
    Scope { tenancy: tenancy.to_owned(), region: region.to_owned(), service: String::new() }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn target(number: u32) -> Subject {
    Subject::Target {
        availability_domain: format!("Uocm:PHX-AD-{}", number % 3 + 1),
        fault_domain: Some(format!("FAULT-DOMAIN-{}", number / 3 % 3 + 1)),
        shape: "VM.Standard.A1.Flex".to_owned(),
        size: format!("{}:{}", number, number * 6),
        capacity_type: CapacityType::OnDemand,
        reservation: None,
    }
}

fn refused(number: u32, second: i64) -> Observation {
    let error = ErrorRecord {
        class: ErrorClass::Capacity,
        status: Some(500),
        code: "InternalError".to_owned(),
        message: "Out of host capacity.".to_owned(),
        opc_request_id: Some(format!("{number:032X}/{second:032X}/{number:032X}")),
    };
    Observation { subject: target(number), at: at(second), answer: Answer::Refused(error), chance: 0.5 }
}

#[test]
fn two_processes_share_one_capacity_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (one, _) = SqliteMemory::open(folder.path()).unwrap();
    let (other, _) = SqliteMemory::open(folder.path()).unwrap();
    one.observe(&scope(), &[refused(1, 0)]).unwrap();
    other.observe(&scope(), &[refused(1, 60), refused(2, 60)]).unwrap();
    let known = one.recall(&scope()).unwrap();
    assert_eq!(known, other.recall(&scope()).unwrap());
    assert_eq!((known.len(), known[&target(1)].streak), (2, 2));
    let request = known[&target(1)].refusal.as_ref().unwrap().opc_request_id.as_ref().unwrap();
    assert!(request.contains(&format!("{:032X}", 60)), "the last request is known: {request}");
    let gap = Duration::from_mins(1);
    assert_eq!(one.claim_probe(&scope(), at(0), gap).unwrap(), Claim::Granted);
    assert_eq!(other.claim_probe(&scope(), at(59), gap).unwrap(), Claim::NotBefore(at(60)));
    drop((one, other));
    let (again, _) = SqliteMemory::open(folder.path()).unwrap();
    assert_eq!(again.recall(&scope()).unwrap(), known);
    assert_eq!(again.forget(&scope()).unwrap(), 2);
    assert!(again.recall(&scope()).unwrap().is_empty());
    assert!(again.scopes().unwrap().is_empty());
    let claim = again.claim_probe(&scope(), at(59), gap).unwrap();
    assert_eq!(claim, Claim::NotBefore(at(60)), "the floor is not forgotten");
}

#[test]
fn a_damaged_memory_is_kept_aside_and_replaced() {
    for damage in ["not a database", "cut", "another program", "no tables"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let (memory, _) = SqliteMemory::open(folder.path()).unwrap();
        let many: Vec<Observation> = (0..200).map(|number| refused(number, 0)).collect();
        memory.observe(&scope(), &many).unwrap();
        drop(memory);
        match damage {
            "not a database" => std::fs::write(&path, "x".repeat(5000)).unwrap(),
            "cut" => {
                let whole = std::fs::read(&path).unwrap();
                std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            }
            "another program" => {
                rusqlite::Connection::open(&path).unwrap().pragma_update(None, "application_id", 7).unwrap();
            }
            _ => rusqlite::Connection::open(&path).unwrap().execute_batch("DROP TABLE subjects").unwrap(),
        }
        let damaged = std::fs::read(&path).unwrap();
        let (memory, aside) = SqliteMemory::open(folder.path()).unwrap();
        let aside = aside.unwrap_or_else(|| panic!("{damage}: found"));
        assert_eq!(std::fs::read(&aside).unwrap(), damaged, "{damage}: nothing of it is lost");
        assert!(memory.recall(&scope()).unwrap().is_empty(), "{damage}");
        memory.observe(&scope(), &[refused(1, 0)]).unwrap();
        drop(memory);
        assert_eq!(SqliteMemory::open(folder.path()).unwrap().1, None, "{damage}: told once");
    }
}

#[test]
fn a_memory_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    drop(SqliteMemory::open(folder.path()).unwrap());
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = SqliteMemory::open(folder.path()).err().unwrap();
    assert!(!error.is_damaged && error.to_string().contains("newer version"), "{error}");
    assert!(path.exists());
}

/// Measures the file and the machine; `--no-capture` shows the figures. The time limit is generous, because tests run in
/// parallel and without optimisation.
#[test]
#[expect(clippy::disallowed_methods, reason = "measures real work")]
fn ten_thousand_targets_fit_into_five_megabytes() {
    let folder = tempfile::tempdir().unwrap();
    let (memory, _) = SqliteMemory::open(folder.path()).unwrap();
    for round in 0..3 {
        let many: Vec<Observation> = (0..10_000).map(|number| refused(number, round * 7200)).collect();
        memory.observe(&scope(), &many).unwrap();
    }
    assert_eq!(memory.recall(&scope()).unwrap().len(), 10_000);
    drop(memory);
    let began = Instant::now();
    let (memory, _) = SqliteMemory::open(folder.path()).unwrap();
    let opened = began.elapsed();
    let of_a_run = (0..12).map(|number| target(number * 800)).collect();
    let began = Instant::now();
    assert_eq!(memory.recall_for(&scope(), &of_a_run).unwrap().len(), 12);
    let took = began.elapsed();
    drop(memory);
    let size = std::fs::metadata(folder.path().join(FILE_NAME)).unwrap().len();
    println!("10,000 targets: {size} bytes, opened in {opened:?}, read for a run in {took:?}");
    assert!(size <= 5_000_000, "{size} bytes");
    assert!(took < Duration::from_millis(500), "{took:?}");
}
