//! The thread that owns the connection. It handles jobs in order, and the appends that wait as one.

mod outage;

use crate::append::{self, Appended, Row};
use crate::hold::{Hold, Holds};
use crate::leases::{self, Taken};
use crate::link::{Failed, Link};
use crate::options::Options;
use crate::{read, schema};
use jiff::Timestamp;
use ledger::{Event, Holder, LedgerError, RawRecord, Record, Records, Result, RunHead, RunId};
use outage::Outage;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot::Sender;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_postgres::types::Type;

/// The maximum number of jobs that become one statement, which bounds the wait of the first one.
const GROUP: usize = 1024;
/// Appends that follow each other this closely come from a run at full speed, and are collected for this long: a commit costs
/// more than its records do.
const GATHER: Duration = Duration::from_millis(4);
/// A lease is renewed this many times in its life.
const RENEWALS: u32 = 4;

/// Repeats a statement while the database is away.
macro_rules! repeat {
    ($worker:ident, $asked:expr) => {
        loop {
            match $asked.await {
                Ok(answer) => {
                    $worker.outage.is_over();
                    break Ok(answer);
                }
                Err(failed) => {
                    if let Err(error) = $worker.wait(failed).await {
                        break Err(error);
                    }
                }
            }
        }
    };
}

/// What the thread is asked to do.
pub(crate) enum Job {
    Create { run: RunId, at: Timestamp, first: Box<Event>, answer: Sender<Result<Record>> },
    Append { run: RunId, events: Vec<(Timestamp, Event)>, answer: Sender<Result<Vec<Record>>> },
    Records { run: RunId, answer: Sender<Result<Records>> },
    Runs { answer: Sender<Result<Vec<RunHead>>> },
    Take { of: Of, holder: Holder, answer: Sender<Result<TakenHere>> },
    Release { hold: Arc<Hold> },
    Confirm { run: RunId, answer: Sender<Result<()>> },
    Stop { run: RunId, wanted: bool, answer: Sender<Result<()>> },
    IsStopped { run: RunId, answer: Sender<Result<bool>> },
    Last { run: RunId, answer: Sender<Result<u64>> },
    Raw { run: RunId, from: u64, answer: Sender<Result<Vec<RawRecord>>> },
    Put { run: RunId, rows: Vec<RawRecord>, last: u64, answer: Sender<Result<()>> },
    Remove { run: RunId, answer: Sender<Result<()>> },
}

/// What a lease is for.
#[derive(Clone, Debug)]
pub(crate) enum Of {
    Run(RunId),
    Key(String),
}

/// The result of asking for a lease.
pub(crate) enum TakenHere {
    Ours(Arc<Hold>),
    Theirs(Option<Holder>),
}

/// The state of the thread.
pub(crate) struct Worker {
    link: Link,
    holds: Holds,
    /// The number of the last record of each run that this process wrote to.
    ends: HashMap<RunId, u64>,
    options: Options,
    outage: Outage,
}

type Waiting = (Vec<(Timestamp, Event)>, Sender<Result<Vec<Record>>>);

impl Worker {
    pub(crate) fn new(link: Link, options: Options) -> Self {
        let outage = Outage::new(&options);
        Self { link, holds: Holds::default(), ends: HashMap::new(), options, outage }
    }

    /// Runs until every sender is dropped. Then it gives back what it holds.
    pub(crate) async fn work(mut self, mut jobs: UnboundedReceiver<Job>) {
        let mut renewal = interval(self.options.takeover_after / RENEWALS);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last: Option<Instant> = None;
        loop {
            let first = tokio::select! {
                biased;
                _ = renewal.tick() => {
                    self.renew_all().await;
                    continue;
                }
                job = jobs.recv() => match job {
                    Some(job) => job,
                    None => break,
                },
            };
            if last.is_some_and(|last| last.elapsed() < GATHER) {
                tokio::time::sleep(GATHER).await;
            }
            let mut writes: Vec<(RunId, Waiting)> = Vec::new();
            let mut next = Some(first);
            while let Some(job) = next.take() {
                match job {
                    Job::Append { run, events, answer } => writes.push((run, (events, answer))),
                    other => {
                        // Jobs run in order, so a read sees everything that was sent before it.
                        self.write(std::mem::take(&mut writes)).await;
                        self.answer(other).await;
                    }
                }
                if writes.len() < GROUP {
                    next = jobs.try_recv().ok();
                }
            }
            self.write(writes).await;
            last = Some(Instant::now());
        }
    }

    /// A lease whose server cannot be reached is renewed by the next append or tick.
    async fn renew_all(&mut self) {
        for hold in self.holds.all() {
            if !hold.is_lost() && leases::renew(&mut self.link, &hold).await.is_err() {
                return;
            }
        }
    }

    /// Appends what waits, for each run in one statement.
    async fn write(&mut self, writes: Vec<(RunId, Waiting)>) {
        let mut by_run: Vec<(RunId, Vec<Waiting>)> = Vec::new();
        for (run, waiting) in writes {
            match by_run.iter_mut().find(|(known, _)| *known == run) {
                Some((_, all)) => all.push(waiting),
                None => by_run.push((run, vec![waiting])),
            }
        }
        for (run, all) in by_run {
            let events: Vec<(Timestamp, Event)> =
                all.iter().flat_map(|(events, _)| events.iter().cloned()).collect();
            let mut kept = self.append(run, &events).await.map(Vec::into_iter);
            for (events, answer) in all {
                let own = match &mut kept {
                    Ok(rows) => {
                        let rows: Vec<Row> = rows.by_ref().take(events.len()).collect();
                        Ok(append::as_records(&rows, events))
                    }
                    Err(error) => Err(error.clone()),
                };
                // A dropped receiver means that the caller no longer waits.
                let _ = answer.send(own);
            }
        }
    }

    async fn append(&mut self, run: RunId, events: &[(Timestamp, Event)]) -> Result<Vec<Row>> {
        let hold = self.holds.of(&run.to_string());
        if hold.as_ref().is_some_and(|hold| hold.is_lost()) {
            return Err(LedgerError::Lost { run, holder: None });
        }
        let mut is_repeated = false;
        loop {
            let last = match self.ends.get(&run) {
                Some(last) => *last,
                None => self.end(run).await?,
            };
            let rows = append::numbered(last, events).map_err(|reason| self.wrong(reason))?;
            match append::append(&mut self.link, run, hold.as_deref(), &rows, is_repeated).await {
                Ok(Appended::Kept) => {
                    self.outage.is_over();
                    self.ends.insert(run, last + rows.len() as u64);
                    return Ok(rows);
                }
                Ok(Appended::Refused(error)) => return Err(error),
                Ok(Appended::Moved { last: found }) if found < last => {
                    (self.options.tell)(&format!(
                        "warning: the ledger {} lost {} that were confirmed; run {run} goes on, and a resume will read the \
                         instances' tags",
                        self.link.name(),
                        if last - found == 1 {
                            "a record".to_owned()
                        } else {
                            format!("{} records", last - found)
                        },
                    ));
                    if let Err(failed) = append::leave_gap(&mut self.link, run, hold.as_deref(), last).await {
                        self.wait(failed).await?;
                    }
                }
                Ok(Appended::Moved { last: found }) => {
                    self.ends.insert(run, found);
                }
                Err(failed) => {
                    is_repeated = true;
                    self.wait(failed).await?;
                }
            }
        }
    }

    /// The number of the last record of a run that this process has not written to yet.
    async fn end(&mut self, run: RunId) -> Result<u64> {
        loop {
            match read::end(&mut self.link, run).await {
                Ok(Some(last)) => {
                    self.ends.insert(run, last);
                    return Ok(last);
                }
                Ok(None) => return Err(LedgerError::UnknownRun { run }),
                Err(failed) => self.wait(failed).await?,
            }
        }
    }

    /// Waits until another attempt is worth while.
    ///
    /// # Errors
    /// When the failure does not pass by itself, or the database has been away for too long.
    async fn wait(&mut self, failed: Failed) -> Result<()> {
        self.outage.wait(&self.link, failed).await
    }

    fn wrong(&self, reason: String) -> LedgerError {
        LedgerError::Io { path: self.link.name().into(), reason }
    }

    async fn answer(&mut self, job: Job) {
        // A dropped receiver means that the caller no longer waits.
        match job {
            Job::Create { run, at, first, answer } => {
                let _ = answer.send(self.create(run, at, *first).await);
            }
            Job::Records { run, answer } => {
                let _ = answer.send(self.records(run).await);
            }
            Job::Runs { answer } => {
                let _ = answer.send(repeat!(self, read::runs(&mut self.link)));
            }
            Job::Take { of, holder, answer } => {
                let _ = answer.send(self.take(&of, &holder).await);
            }
            Job::Release { hold } => {
                // If it cannot be given back, it ends by itself.
                let _ = leases::release(&mut self.link, &hold.of, &hold.fence).await;
            }
            Job::Confirm { run, answer } => {
                let _ = answer.send(self.confirm(run).await);
            }
            Job::Stop { run, wanted, answer } => {
                let statement =
                    "UPDATE oci_insta_scale.runs SET stop_requested = $2 WHERE id = $1 RETURNING id";
                let id = run.to_string();
                let set =
                    repeat!(self, self.link.query(statement, &[(&id, Type::TEXT), (&wanted, Type::BOOL)]));
                let _ = answer.send(set.map(drop));
            }
            Job::IsStopped { run, answer } => {
                let statement = "SELECT stop_requested FROM oci_insta_scale.runs WHERE id = $1";
                let id = run.to_string();
                let asked = self.link.query(statement, &[(&id, Type::TEXT)]).await;
                let asked = asked.map_err(|failed| self.link.error(failed));
                let _ = answer.send(asked.map(|rows| rows.first().is_some_and(|row| row.get(0))));
            }
            Job::Last { run, answer } => {
                let _ = answer.send(self.end(run).await);
            }
            Job::Raw { run, from, answer } => {
                let _ = answer.send(repeat!(self, read::raw(&mut self.link, run, from)));
            }
            Job::Put { run, rows, last, answer } => {
                let _ = answer.send(repeat!(self, append::put(&mut self.link, run, &rows, last)));
            }
            Job::Remove { run, answer } => {
                let _ = answer.send(repeat!(self, append::remove(&mut self.link, run)));
            }
            Job::Append { .. } => {}
        }
    }

    async fn create(&mut self, run: RunId, at: Timestamp, first: Event) -> Result<Record> {
        let events = vec![(at, first)];
        let rows = append::numbered(0, &events).map_err(|reason| self.wrong(reason))?;
        let [row] = rows.as_slice() else { return Err(self.wrong("one record was expected".to_owned())) };
        if !repeat!(self, append::create(&mut self.link, run, row))? {
            self.check_version().await?;
            return Err(LedgerError::RunExists { run });
        }
        self.ends.insert(run, 1);
        append::as_records(&rows, events).pop().ok_or(LedgerError::UnknownRun { run })
    }

    async fn take(&mut self, of: &Of, holder: &Holder) -> Result<TakenHere> {
        let name = match of {
            Of::Run(run) => {
                repeat!(self, read::end(&mut self.link, *run))?
                    .ok_or(LedgerError::UnknownRun { run: *run })?;
                self.check_format(*run).await?;
                run.to_string()
            }
            Of::Key(key) => format!("key {key}"),
        };
        let token = uuid::Uuid::new_v4().to_string();
        let life = self.options.takeover_after;
        let taken = repeat!(self, leases::take(&mut self.link, &name, &token, holder, life))?;
        match taken {
            Taken::Theirs(holder) => {
                self.check_version().await?;
                Ok(TakenHere::Theirs(holder))
            }
            Taken::Ours(hold) => {
                self.holds.add(&hold);
                if let Of::Run(run) = of {
                    // Another process may have written since.
                    self.ends.remove(run);
                    repeat!(self, schema::note_timeline(&mut self.link, *run))?;
                }
                Ok(TakenHere::Ours(hold))
            }
        }
    }

    async fn records(&mut self, run: RunId) -> Result<Records> {
        self.check_format(run).await?;
        let found = repeat!(self, read::records(&mut self.link, run))?;
        found.ok_or(LedgerError::UnknownRun { run })
    }

    /// Refuses to work with tables that a newer version has upgraded since they were opened.
    async fn check_version(&mut self) -> Result<()> {
        match repeat!(self, schema::outgrown(&mut self.link))? {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Refuses a run that a newer version wrote in another format, of which this one might misread events.
    async fn check_format(&mut self, run: RunId) -> Result<()> {
        let found = repeat!(self, read::format(&mut self.link, run))?;
        let known = ledger::event::FORMAT_VERSION;
        if found > known {
            return Err(LedgerError::TooNew { path: self.link.name().into(), found, known });
        }
        Ok(())
    }

    /// Makes sure that the run is held still.
    async fn confirm(&mut self, run: RunId) -> Result<()> {
        let Some(hold) = self.holds.of(&run.to_string()) else { return Ok(()) };
        let is_ours = !hold.is_lost() && repeat!(self, leases::renew(&mut self.link, &hold))?;
        if is_ours { Ok(()) } else { Err(LedgerError::Lost { run, holder: None }) }
    }
}
