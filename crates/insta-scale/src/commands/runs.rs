//! `runs`: lists the runs on this machine, the newest first.

use super::{lost, session};
use crate::args::{Global, OutputFormat, RunsArgs};
use crate::environment;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::runs::{self, Facts, ListedRun};
use crate::output::{console, simulated};
use ledger::{RunHead, RunState};
use oci_client::{Clock as _, SystemClock};

/// Runs it.
pub async fn run(global: &Global, args: &RunsArgs) -> Result<Exit, CommandError> {
    if args.simulated {
        simulated::assume_ended_regions();
    }
    let mut heads = heads(global, args.simulated).await?;
    heads.truncate(args.limit);
    let lost = lost(global, args.simulated).await?;
    for note in &lost {
        console::line(note);
    }
    let rows = rows(global, args.simulated, heads).await?;
    let text = match global.output {
        OutputFormat::Table if rows.is_empty() => {
            if lost.is_empty() {
                console::line("no runs yet");
            }
            String::new()
        }
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => {
            runs::table(&rows, SystemClock.now(), console::width())
        }
        OutputFormat::Json => runs::json(&rows),
        OutputFormat::Jsonl => runs::json_lines(&rows),
    };
    console::data(&text)?;
    Ok(Exit::Done)
}

/// What is said of runs whose records are lost. A ledger is made for the question only where one must have been.
async fn lost(global: &Global, simulated: bool) -> Result<Vec<String>, CommandError> {
    let folder = environment::state_dir(global.state_dir.clone(), simulated)?;
    if !ledger::sqlite::has_locks(&folder) {
        return Ok(Vec::new());
    }
    let store = session::open_ledger(global, simulated)?;
    Ok(lost::notes(&store, &session::flags(global)).await?)
}

/// The runs with what their records tell. One that cannot be read is listed all the same.
async fn rows(global: &Global, simulated: bool, heads: Vec<RunHead>) -> Result<Vec<ListedRun>, CommandError> {
    if heads.is_empty() {
        return Ok(Vec::new());
    }
    let store = session::open_ledger(global, simulated)?;
    let mut rows = Vec::new();
    for head in heads {
        let records = store.records(head.run).await.map(|found| found.records).unwrap_or_default();
        let facts = Facts::of(&RunState::fold(head.run, &records));
        rows.push(ListedRun { head, facts });
    }
    Ok(rows)
}

/// The runs, the newest first. Where no ledger is, there are none, and none is made.
pub async fn heads(global: &Global, simulated: bool) -> Result<Vec<RunHead>, CommandError> {
    let folder = environment::state_dir(global.state_dir.clone(), simulated)?;
    if !session::has_ledger(&folder) {
        return Ok(Vec::new());
    }
    let store = session::open_ledger(global, simulated)?;
    Ok(store.runs().await?)
}
