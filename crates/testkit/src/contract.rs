//! What every store of records promises, for the tests of each of them.

use jiff::Timestamp;
use ledger::{Event, LedgerError, Locked, Outcome, Record, RunId, RunKind, Store};
use std::sync::Arc;

/// The run that the tests write to.
pub fn run_id() -> RunId {
    "0199f000-0000-7000-8000-000000000001".parse().unwrap()
}

/// A moment.
pub fn at(second: i64) -> Timestamp {
    Timestamp::new(1_790_000_000 + second, 0).unwrap()
}

/// The first event of a launch.
pub fn started() -> Event {
    Event::RunStarted { kind: RunKind::Launch, requested: 7, plan: serde_json::json!({"fleet": {}}) }
}

/// An event with a text.
pub fn warning(text: &str) -> Event {
    Event::Warning { message: text.to_owned() }
}

fn numbers(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.seq).collect()
}

/// Plays all of it. `open` opens the same store again, as another process does.
pub async fn keeps_its_promises<S: Store + 'static>(open: impl Fn() -> S) {
    keeps_what_it_confirmed(&open).await;
    numbers_without_gaps(&open).await;
    lists_and_refuses(&open).await;
    has_one_holder(&open).await;
    passes_requests_to_stop(&open).await;
    takes_many_appends_at_once(&open).await;
}

async fn keeps_what_it_confirmed<S: Store>(open: &impl Fn() -> S) {
    let store = open();
    let first = store.create_run(run_id(), at(0), started()).await.unwrap();
    let second = store.append(run_id(), at(1), vec![warning("é \u{1f600} \\ \" '")]).await.unwrap();
    drop(store);
    let found = open().records(run_id()).await.unwrap();
    assert_eq!(found.records, [vec![first], second].concat());
    assert_eq!(found.unreadable, []);
}

async fn numbers_without_gaps<S: Store>(open: &impl Fn() -> S) {
    let (one, other) = (open(), open());
    for turn in 0..4 {
        let store = if turn % 2 == 0 { &other } else { &one };
        store.append(run_id(), at(2), vec![warning("a"), warning("b")]).await.unwrap();
    }
    let unknown = RunId::new(at(9), [9; 10]);
    let refused = one.append(unknown, at(2), vec![warning("nobody's")]).await;
    assert!(matches!(refused, Err(LedgerError::UnknownRun { .. })), "{refused:?}");
    one.append(run_id(), at(2), vec![warning("a")]).await.unwrap();
    let found = one.records(run_id()).await.unwrap();
    assert_eq!(numbers(&found.records), (1..=11).collect::<Vec<_>>());
}

async fn lists_and_refuses<S: Store>(open: &impl Fn() -> S) {
    let store = open();
    let again = store.create_run(run_id(), at(3), started()).await;
    assert!(matches!(again, Err(LedgerError::RunExists { .. })), "{again:?}");
    let unknown = RunId::new(at(9), [9; 10]);
    assert!(matches!(store.records(unknown).await, Err(LedgerError::UnknownRun { .. })));
    assert!(matches!(store.lease(unknown, at(3)).await, Err(LedgerError::UnknownRun { .. })));
    let newer = RunId::new(at(20), [1; 10]);
    store.create_run(newer, at(20), started()).await.unwrap();
    let outcome = Outcome::Complete;
    store.append(newer, at(21), vec![Event::RunFinished { outcome }]).await.unwrap();
    let heads = store.runs().await.unwrap();
    // By their ids, which begin with the time: the newer one first.
    let of = |run: RunId| heads.iter().position(|head| head.run == run).unwrap();
    assert_eq!((heads.len(), heads[of(newer)].outcome), (2, Some(outcome)));
    let old = &heads[of(run_id())];
    assert_eq!((old.kind, old.requested, old.outcome, old.held), (Some(RunKind::Launch), 7, None, false));
    assert_eq!((old.created_at, old.last_at), (at(0), at(2)));
}

async fn has_one_holder<S: Store>(open: &impl Fn() -> S) {
    let (one, other) = (open(), open());
    let lease = one.lease(run_id(), at(4)).await.unwrap();
    assert!(lease.is_live());
    one.confirm(run_id()).await.unwrap();
    match other.lease(run_id(), at(5)).await {
        Err(LedgerError::Held { holder: Some(holder), .. }) => {
            assert_eq!((holder.pid, holder.since), (std::process::id(), at(4)));
        }
        other => panic!("{other:?}"),
    }
    let is_held = |heads: Vec<ledger::RunHead>| heads.iter().any(|head| head.run == run_id() && head.held);
    assert!(is_held(other.runs().await.unwrap()));
    drop(lease);
    // What is given back is free once the store has been told.
    one.runs().await.unwrap();
    let lease = other.lease(run_id(), at(6)).await.unwrap();
    drop(lease);
    other.runs().await.unwrap();
    assert!(!is_held(one.runs().await.unwrap()));

    let Locked::Ours(lock) = one.lock("launch of web", at(7)).await.unwrap() else { panic!("it is free") };
    assert!(matches!(other.lock("launch of web", at(8)).await.unwrap(), Locked::Theirs(Some(_))));
    assert!(matches!(other.lock("launch of db", at(8)).await.unwrap(), Locked::Ours(_)));
    drop(lock);
    one.runs().await.unwrap();
    assert!(matches!(other.lock("launch of web", at(9)).await.unwrap(), Locked::Ours(_)));
}

async fn passes_requests_to_stop<S: Store>(open: &impl Fn() -> S) {
    let (one, other) = (open(), open());
    assert!(!one.is_stop_requested(run_id()).await.unwrap());
    let notice = one.stop_notice();
    for _ in 0..2 {
        other.request_stop(run_id(), true).await.unwrap();
        assert!(one.is_stop_requested(run_id()).await.unwrap());
    }
    if let Some(mut notice) = notice {
        notice.sign().await.unwrap();
    }
    one.request_stop(run_id(), false).await.unwrap();
    assert!(!other.is_stop_requested(run_id()).await.unwrap());
}

async fn takes_many_appends_at_once<S: Store + 'static>(open: &impl Fn() -> S) {
    let run = RunId::new(at(30), [3; 10]);
    let store = Arc::new(open());
    store.create_run(run, at(30), started()).await.unwrap();
    let _lease = store.lease(run, at(30)).await.unwrap();
    let tasks = (0..20).map(|task| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut last = 0;
            for n in 0..50 {
                let records = store.append(run, at(31), vec![warning(&format!("{task} {n}"))]).await.unwrap();
                assert!(records[0].seq > last, "the records of one task are in its order");
                last = records[0].seq;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let found = store.records(run).await.unwrap();
    assert_eq!(numbers(&found.records), (1..=1001).collect::<Vec<_>>());
    let mut texts: Vec<String> = found.records[1..]
        .iter()
        .map(|record| match &record.event {
            Event::Warning { message } => message.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 1000, "none is lost or doubled");
}
